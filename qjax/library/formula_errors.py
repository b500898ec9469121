r"""Bounds, before anything is run, on the error of product formulas and of qDRIFT.

The norm of an operator is bounded by the sum of its coefficients' moduli: every bound holds, and
none is the closest.

References:
    A. M. Childs, Y. Su, M. C. Tran, N. Wiebe, S. Zhu, Theory of Trotter error with commutator
    scaling, Phys. Rev. X 11, 011020 (2021), propositions 9 and 10.
    E. Campbell, Random compiler for fast Hamiltonian simulation, Phys. Rev. Lett. 123, 070503
    (2019).
"""

from math import ceil, exp, factorial
from typing import Any

import numpy as np

from qjax._checks import as_positive
from qjax.errors import CircuitError
from qjax.library.product_formulas import (
    checked_hamiltonian,
    evolution_groups,
    product_formula,
    single_groups,
)
from qjax.observables import PauliSum
from qjax.observables.coefficients import is_traced

METHODS = ("commutator", "norm")


def trotter_error_bound(
    hamiltonian: PauliSum,
    time: float,
    *,
    steps: int,
    order: int = 2,
    group: bool = True,
    method: str | None = None,
) -> float:
    r"""A bound on the norm of the difference between `trotter` and exp(-i H t).

    With the groups H_g in the order of the formula, R_g the sum of those after g, and r steps:

    - "commutator", order 1: t^2 / (2 r) sum_g |[R_g, H_g]|;
    - "commutator", order 2:
      t^3 / r^2 sum_g (|[R_g, [R_g, H_g]]| / 12 + |[H_g, [H_g, R_g]]| / 24);
    - "norm", order p: r ((c l t / r)^(p+1) + (l t / r)^(p+1)) / (p+1)!, where l is the sum of the
      coefficients' moduli and c >= 1 the sum of the moduli of a group's shares of a step. For both
      operators have the same Taylor polynomial of degree p, and the (p+1)-th derivative of a
      product of exponentials is at most the power p + 1 of the sum of its exponents.

    Args:
        hamiltonian: A sum of Pauli strings with known coefficients.
        time: t.
        steps: r.
        order: 1, or an even number.
        group: As in `trotter`.
        method: "commutator" for orders 1 and 2, or "norm"; by default the first that there is.

    Returns:
        The bound, at most 2.

    Raises:
        CircuitError: If a number or the method does not fit.

    Note:
        Commutators take time in proportion to the product of the numbers of strings.

    Examples:
        >>> ising = PauliSum("-Z0 Z1 - Z1 Z2 - X0 - X1 - X2")
        >>> round(trotter_error_bound(ising, 1.0, steps=10), 4)
        0.0367
    """
    count = as_positive(steps, "trotter_error_bound: steps")
    p = as_positive(order, "trotter_error_bound: order")
    # Every bound is a / r^p.
    return min(2.0, _scale(hamiltonian, time, p, group, method) / count**p)


def trotter_steps(
    hamiltonian: PauliSum,
    time: float,
    *,
    error: float,
    order: int = 2,
    group: bool = True,
    method: str | None = None,
) -> int:
    """The fewest steps for which `trotter_error_bound` is at most `error`.

    Args:
        hamiltonian: A sum of Pauli strings with known coefficients.
        time: t.
        error: Positive norm of an error.
        order: 1, or an even number.
        group: As in `trotter`.
        method: As in `trotter_error_bound`.

    Returns:
        At least 1.

    Raises:
        CircuitError: If a number or the method does not fit.

    Examples:
        >>> ising = PauliSum("-Z0 Z1 - Z1 Z2 - X0 - X1 - X2")
        >>> [trotter_steps(ising, 1.0, error=1e-3, order=p) for p in (1, 2, 4)]
        [4000, 61, 37]
    """
    _checked_error(error, "trotter_steps")
    p = as_positive(order, "trotter_steps: order")
    scale = _scale(hamiltonian, time, p, group, method)
    if error >= 2:
        return 1
    return max(1, ceil((scale / error) ** (1 / p) * (1 - 4 * np.finfo(np.float64).eps)))


def qdrift_error_bound(hamiltonian: PauliSum, time: float, *, samples: int) -> float:
    r"""A bound on half the diamond norm between the mean of `qdrift` and exp(-i H t).

    It is 2 (l t)^2 / N exp(2 l t / N), where l is the sum of the coefficients' moduli; at most 1.

    Args:
        hamiltonian: A sum of Pauli strings with known coefficients.
        time: t.
        samples: N.

    Returns:
        The bound, in [0, 1].

    Raises:
        CircuitError: If a number does not fit.

    Examples:
        >>> round(qdrift_error_bound(PauliSum("X0 + Z0"), 0.1, samples=100), 6)
        0.000803
    """
    count = as_positive(samples, "qdrift_error_bound: samples")
    size = _one_norm(hamiltonian, "qdrift_error_bound") * abs(_known_time(time))
    return min(1.0, 2 * size**2 / count * exp(min(2 * size / count, 700.0)))


def qdrift_samples(hamiltonian: PauliSum, time: float, *, error: float) -> int:
    """The fewest samples for which `qdrift_error_bound` is at most `error`.

    Args:
        hamiltonian: A sum of Pauli strings with known coefficients.
        time: t.
        error: Positive.

    Returns:
        At least 1.

    Raises:
        CircuitError: If a number does not fit.

    Examples:
        >>> qdrift_samples(PauliSum("X0 + Z0"), 0.1, error=1e-3)
        81
    """
    _checked_error(error, "qdrift_samples")
    low, high = 0, 1
    while qdrift_error_bound(hamiltonian, time, samples=high) > error:
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        enough = qdrift_error_bound(hamiltonian, time, samples=middle) <= error
        low, high = (low, middle) if enough else (middle, high)
    return high


def _scale(
    hamiltonian: PauliSum, time: float, order: int, group: bool, method: str | None
) -> float:
    """What the bound is for one step; for r steps it is that over r^order."""
    size = _one_norm(hamiltonian, "trotter_error_bound")
    length = abs(_known_time(time))
    groups = evolution_groups(hamiltonian) if group else single_groups(hamiltonian)
    formula = product_formula(len(groups), order)
    if method is None:
        method = "commutator" if order <= 2 else "norm"
    if method not in METHODS or (method == "commutator" and order > 2):
        raise CircuitError(
            'trotter_error_bound: method must be "norm", or "commutator" for orders 1 and 2, but '
            f"is {method!r} for order {order}."
        )
    if method == "commutator":
        return _commutators(hamiltonian, groups, order) * length ** (order + 1)
    shares = np.zeros(max(len(groups), 1))
    for g, share in formula:
        shares[g] += abs(share)
    powers = (shares.max() ** (order + 1) + 1) * (size * length) ** (order + 1)
    return float(powers) / factorial(order + 1)


def _commutators(hamiltonian: PauliSum, groups: list[np.ndarray], order: int) -> float:
    """The sum of norms that the bound of order 1 or 2 has."""
    n = hamiltonian.num_qubits
    parts = [
        PauliSum.from_masks(
            hamiltonian.x_masks[g], hamiltonian.z_masks[g], hamiltonian.coefficients[g], n
        )
        for g in groups
    ]
    rest, total = PauliSum({}, num_qubits=n), 0.0
    for part in reversed(parts):
        inner = rest.commutator(part)
        if order == 1:
            total += _sum_of_moduli(inner) / 2
        else:
            total += _sum_of_moduli(rest.commutator(inner)) / 12
            total += _sum_of_moduli(part.commutator(inner)) / 24
        rest = rest + part
    return total


def _sum_of_moduli(operator: PauliSum) -> float:
    return float(np.abs(operator.coefficients).sum())


def _one_norm(hamiltonian: PauliSum, what: str) -> float:
    """The sum of moduli, the identity left out: it is a phase."""
    checked_hamiltonian(hamiltonian, what)
    if is_traced(hamiltonian.coefficients):
        raise CircuitError(f"{what}: coefficients must be known, but are traced.")
    moves = (hamiltonian.x_masks | hamiltonian.z_masks) != 0
    return float(np.abs(hamiltonian.coefficients[moves]).sum())


def _known_time(time: Any) -> float:
    try:
        number = float(time)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise CircuitError(f"An error bound needs time as a finite number, but it is {time!r}.")
    return number


def _checked_error(error: Any, what: str) -> None:
    if not isinstance(error, (int, float, np.number)) or not error > 0:
        raise CircuitError(f"{what}: error must be positive, but is {error!r}.")
