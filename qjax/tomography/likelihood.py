r"""The most likely density matrix.

The mean log-likelihood L(rho) = sum_x f_x log tr(E_x rho), with the share f_x of all shots, is
concave, and its gradient is R(rho) = sum_x (f_x / p_x) E_x. For every density matrix sigma

    L(sigma) <= L(rho) + tr(R (sigma - rho)) <= L(rho) + lambda_max(R) - tr(R rho),

and tr(R rho) = 1. So lambda_max(R) - 1 is a bound on what the likelihood can still gain: it proves
that the iteration has converged, however it got there.

References:
    J. Shang, Z. Zhang, H. K. Ng, Superfast maximum-likelihood reconstruction for quantum
    tomography, Phys. Rev. A 95, 062336 (2017): accelerated projected gradients.
    B. O'Donoghue, E. Candes, Adaptive restart for accelerated gradient schemes, Found. Comput.
    Math. 15, 715 (2015): when inertia is given up.
    Z. Hradil, J. Rehacek, J. Fiurasek, M. Jezek, Maximum-likelihood methods in quantum mechanics,
    Lect. Notes Phys. 649, 59 (2004): the condition R rho = rho.
"""

from typing import NamedTuple

import numpy as np

from qjax.tomography.effects import Effects

_SHRINK, _GROW = 0.5, 1.2  # of the step


class Likeliest(NamedTuple):
    """A density matrix, the mean log-likelihood for each shot, and what it can still gain."""

    rho: np.ndarray
    value: float
    gap: float
    steps: int


class _Point(NamedTuple):
    """A Hermitian matrix of trace 1, the probabilities of its outcomes, and the slope R of L."""

    rho: np.ndarray
    p: np.ndarray
    slope: np.ndarray


def likeliest(
    effects: Effects, counts: np.ndarray, start: np.ndarray, steps: int, tolerance: float
) -> Likeliest:
    """Accelerated projected gradients, until the gap is at most the tolerance.

    Args:
        effects: What was measured.
        counts: How often each outcome was seen, float (6,) * k.
        start: A density matrix of full rank.
        steps: The most steps.
        tolerance: The gap, a mean log-likelihood for each shot, at which to stop.
    """
    share = counts / counts.sum()
    seen = share > 0

    def look(rho: np.ndarray) -> _Point | None:
        """A point and its slope; None where something that was seen cannot be."""
        p = effects.probabilities(rho)
        if np.min(p[seen]) <= 0:
            return None
        return _Point(rho, p, effects.adjoint(np.where(seen, share, 0) / np.where(seen, p, 1)))

    here = ahead = look(start)
    assert here is not None and ahead is not None  # the start has full rank
    size, inertia, gap, done = 1.0, 1.0, np.inf, 0
    while gap > tolerance and done < steps:
        done += 1
        while True:
            new = look(projected(ahead.rho + size * ahead.slope))
            if new is not None:
                move = new.rho - ahead.rho
                # Where the slope changes by no more, L rises at least as it would by a parabola of
                # curvature 1 / size. Differences of slopes are exact where those of L are rounded.
                if _inner(ahead.slope - new.slope, move) <= _inner(move, move) / (2 * size):
                    break
            size *= _SHRINK
        gap = float(np.linalg.eigvalsh(new.slope)[-1]) - 1
        grown = (1 + np.sqrt(1 + 4 * inertia**2)) / 2
        beyond = look(new.rho + (inertia - 1) / grown * (new.rho - here.rho))
        if beyond is None or _inner(ahead.rho - new.rho, new.rho - here.rho) > 0:
            ahead, inertia = new, 1.0  # the inertia overshot: go on without it
        else:
            ahead, inertia = beyond, grown
        here = new
        size *= _GROW
    value = float(np.sum(share[seen] * np.log(here.p[seen])))
    return Likeliest(here.rho, value, max(gap, 0.0), done)


def projected(matrix: np.ndarray) -> np.ndarray:
    """The density matrix nearest to a Hermitian matrix: its eigenvalues projected on a simplex.

    References:
        J. A. Smolin, J. M. Gambetta, G. Smith, Efficient method for computing the
        maximum-likelihood quantum state from measurements with additive Gaussian noise, Phys. Rev.
        Lett. 108, 070502 (2012).
    """
    values, vectors = np.linalg.eigh((matrix + matrix.conj().T) / 2)
    falling = values[::-1]
    means = (np.cumsum(falling) - 1) / np.arange(1, len(values) + 1)
    lowered = np.maximum(values - means[falling > means][-1], 0)
    return (vectors * lowered) @ vectors.conj().T


def _inner(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.vdot(a, b).real)
