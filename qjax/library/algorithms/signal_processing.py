"""Quantum signal processing: phases whose product is a polynomial.

U(x) = exp(i phi_0 Z) W(x) exp(i phi_1 Z) W(x) ... W(x) exp(i phi_d Z), with W(x) =
exp(i acos(x) X). Its entry <0|U|0> is a polynomial of degree d and of d's parity. For symmetric
phases, phi_j = phi_(d - j), the imaginary part can be any real polynomial of that parity that is
bounded by 1, and is the target here. Newton's method finds it: unknown are the (d + 2) // 2 free
phases, known the Chebyshev coefficients. From phases that are half the coefficients it converges in
a few steps, in double precision also at degrees of hundreds.

Adding -pi / 4 at both ends multiplies U by -i in that entry, and so makes it the real part.

References:
    Y. Dong, X. Meng, K. B. Whaley, L. Lin, Efficient phase-factor evaluation in quantum signal
    processing, Phys. Rev. A 103, 042419 (2021).
    Y. Dong, L. Lin, H. Ni, J. Wang, Robust iterative method for symmetric quantum signal
    processing in all parameter regimes, SIAM J. Sci. Comput. 46, A2951 (2024).
"""

from typing import Any

import numpy as np

from qjax.errors import CircuitError

_STEPS = 100
_GOAL = 1e-13  # of the largest coefficient's error, for a target bounded by 1


def signal_phases(coefficients: Any) -> np.ndarray:
    """The phases of a polynomial: Re <0|U(x)|0> = sum_k coefficients[k] T_k(x).

    Args:
        coefficients: Real Chebyshev coefficients of shape (d + 1,), those of the other parity than
            d's all 0; |polynomial| < 1 on [-1, 1]. Of functions that reach 1, take 0.99 times.

    Returns:
        float64 array of shape (d + 1,): phi_0 to phi_d.

    Raises:
        CircuitError: If the parity is mixed, the polynomial is not bounded by 1, or Newton's
            method does not converge, which happens close to that bound only.

    Examples:
        >>> phases = signal_phases([0.0, 0.3, 0.0, 0.6])
        >>> x = 0.4
        >>> float(signal_response(phases, x).real), 0.3 * x + 0.6 * (4 * x**3 - 3 * x)
        (-0.4464, -0.4464)
    """
    wanted = np.asarray(coefficients, float)
    if wanted.ndim != 1 or not wanted.size or not np.isfinite(wanted).all():
        raise CircuitError(
            f"signal_phases: coefficients must be finite, of shape (d + 1,), but are {wanted}."
        )
    degree = len(wanted) - 1
    if np.any(np.abs(wanted[degree - 1 :: -2] if degree else []) > 1e-14):
        raise CircuitError(
            "signal_phases: a polynomial must be even or odd, with the parity of its degree; "
            "split it in its even and odd part."
        )
    points = np.cos(np.linspace(0, np.pi, 4 * degree + 4))
    largest = float(np.max(np.abs(np.polynomial.chebyshev.chebval(points, wanted))))
    if not largest < 1:
        raise CircuitError(
            "signal_phases: the polynomial must stay below 1 in modulus on [-1, 1], but reaches "
            f"{largest:.6g}."
        )
    target = wanted[degree % 2 :: 2]
    count = len(target)  # free phases: the outermost is the last
    nodes = np.cos(np.pi * (2 * np.arange(count) + 1) / (4 * count))  # one half of the roots
    free = target / 2
    basis = np.polynomial.chebyshev.chebvander(nodes, degree)[:, degree % 2 :: 2]
    solve = np.linalg.inv(basis)
    error = np.inf
    for _ in range(_STEPS):
        values, slopes = _imaginary_part(_symmetric(free, degree), nodes)
        residual = solve @ values - target
        error = float(np.max(np.abs(residual)))
        if error < _GOAL:
            break
        jacobian = solve @ _folded(slopes, degree)
        free = free - np.linalg.solve(jacobian, residual)
    if not error < 1e-10:
        raise CircuitError(
            f"signal_phases: Newton's method stopped at an error of {error:.3g}; the polynomial "
            f"reaches {largest:.6g}, so multiply it by a factor that keeps it further from 1."
        )
    phases = _symmetric(free, degree)
    phases[0] -= np.pi / 4
    phases[-1] -= np.pi / 4
    return phases


def signal_response(phases: Any, x: Any) -> np.ndarray:
    """The polynomial <0|U(x)|0> that phases make.

    Args:
        phases: Array of shape (d + 1,).
        x: Array of shape (...), in [-1, 1].

    Returns:
        Complex array of shape (...).

    Examples:
        >>> signal_response([0.0, 0.0, 0.0], 0.5)  # T_2
        array(-0.5+0.j)
    """
    points = np.asarray(x, float)
    left = _products(np.asarray(phases, float), points.ravel())[-1]
    return left[:, 0].reshape(points.shape)


def _products(phases: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Rows <0| exp(i phi_0 Z) W ... W exp(i phi_j Z), for each j and x: (d + 1, points, 2)."""
    side = 1j * np.sqrt((1 - x) * (1 + x))
    rows = np.zeros((len(phases), len(x), 2), complex)
    row = np.stack([np.ones_like(x), np.zeros_like(x)], -1).astype(complex)
    for j, phase in enumerate(phases):
        if j:
            row = np.stack(
                [row[:, 0] * x + row[:, 1] * side, row[:, 0] * side + row[:, 1] * x], axis=-1
            )
        row = row * np.exp(1j * phase * np.array([1, -1]))
        rows[j] = row
    return rows


def _imaginary_part(phases: np.ndarray, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Im <0|U|0> at points, shape (points,), and its derivatives by phases, (points, d + 1).

    d U / d phi_j puts i Z after the j-th rotation: i (left_0 right_0 - left_1 right_1), for the row
    up to there and the column after it. The column is the row of the reversed phases without its
    first rotation, for W and Z are symmetric.
    """
    left = _products(phases, x)
    right = _products(phases[::-1], x)[::-1]
    turned = np.exp(-1j * phases[:, None, None] * np.array([1, -1]))
    both = left * right * turned
    return np.imag(left[-1, :, 0]), np.imag(1j * (both[..., 0] - both[..., 1])).T


def _symmetric(free: np.ndarray, degree: int) -> np.ndarray:
    """All phases from the free ones, of which the last is the outermost."""
    outer = free[::-1]
    return np.concatenate([outer, outer[: (degree + 1) // 2][::-1]])


def _folded(slopes: np.ndarray, degree: int) -> np.ndarray:
    """Derivatives by the free phases: the two places of each are added."""
    half = (degree + 2) // 2
    mirrored = slopes[:, ::-1][:, :half].copy()
    if degree % 2 == 0:
        mirrored[:, half - 1] = 0  # the phase in the middle has one place
    return (slopes[:, :half] + mirrored)[:, ::-1]
