r"""Evolution in time as circuits: product formulas, qDRIFT, Hamiltonians that change in time.

Strings that commute are one group H_g, whose evolution is exactly a product of Pauli rotations.
Product formulas put the groups in turn: of first order exp(-i H_1 t) exp(-i H_2 t) ..., of second
order the same there and back with half the time, and of order p + 2 by Suzuki's recursion

    S_(p+2)(t) = S_p(u t)^2 S_p((1 - 4 u) t) S_p(u t)^2,  u = 1 / (4 - 4^(1/(p+1))).

Over r steps the error falls as r^-p.

References:
    M. Suzuki, General theory of fractal path integrals with applications to many-body theories and
    statistical physics, J. Math. Phys. 32, 400 (1991).
"""

from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterExpression
from qjax.circuit.parameter import is_number
from qjax.errors import CircuitError
from qjax.library._rotations import append_evolution
from qjax.observables import PauliSum
from qjax.observables.coefficients import is_traced
from qjax.observables.grouping import commute, first_fit

Coefficient = Callable[[Any], Any]


def trotter(
    hamiltonian: PauliSum, time: Any, *, steps: int = 1, order: int = 2, group: bool = True
) -> Circuit:
    r"""The circuit of a product formula for exp(-i H t).

    Args:
        hamiltonian: A sum of Pauli strings. Coefficients may be traced.
        time: t, in units in which hbar is 1: a number, a traced scalar, or a `Parameter` (or an
            expression of parameters), if coefficients are known.
        steps: Number r of equal steps.
        order: 1, or an even number.
        group: Whether strings that commute are put together; else they stay in their order.

    Returns:
        A circuit on the qubits of H. The identity becomes a global phase.

    Raises:
        CircuitError: If H is not Hermitian, or a number does not fit.

    Note:
        One step has about as many gates as H has strings for order 1, twice as many for order 2,
        ten times for order 4, and five times more for each order after it. Half steps that meet are
        one. A function of time is traced fastest with a `Parameter` here and its value as `params`:
        a traced time is one operation for every gate.

    Examples:
        >>> ising = PauliSum("-Z0 Z1 - Z1 Z2 - X0 - X1 - X2")
        >>> trotter(ising, 0.5, steps=2).count_ops()
        {'rzz': 6, 'rx': 6}

    References:
        A. M. Childs, Y. Su, M. C. Tran, N. Wiebe, S. Zhu, Theory of Trotter error with commutator
        scaling, Phys. Rev. X 11, 011020 (2021).
    """
    checked_hamiltonian(hamiltonian, "trotter")
    count = as_positive(steps, "trotter: steps")
    _checked_time(time, hamiltonian, "trotter")
    groups = evolution_groups(hamiltonian) if group else single_groups(hamiltonian)
    one = product_formula(len(groups), order)
    factors = [(g, share / count) for g, share in one * count]
    circuit = Circuit(hamiltonian.num_qubits)
    for g, share in _merged(factors):
        _append(circuit, hamiltonian, groups[g], hamiltonian.coefficients[groups[g]] * share, time)
    _append_phase(circuit, hamiltonian, hamiltonian.coefficients, time)
    return circuit


def product_formula(num_groups: int, order: int) -> list[tuple[int, float]]:
    """One step of a product formula: which group evolves for which share of the time, in order.

    Raises:
        CircuitError: If the order is not 1 or an even number.

    Examples:
        >>> product_formula(2, 2)
        [(0, 0.5), (1, 1.0), (0, 0.5)]
    """
    p = as_positive(order, "trotter: order")
    if p > 1 and p % 2:
        raise CircuitError(f"trotter: order must be 1 or an even number, but is {p}.")
    if p == 1:
        return [(g, 1.0) for g in range(num_groups)]
    if p == 2:
        there = [(g, 0.5) for g in range(num_groups)]
        return _merged(there + there[::-1])
    inner = product_formula(num_groups, p - 2)
    u = 1 / (4 - 4 ** (1 / (p - 1)))
    outer = [(g, share * u) for g, share in inner]
    middle = [(g, share * (1 - 4 * u)) for g, share in inner]
    return _merged(outer * 2 + middle + outer * 2)


def qdrift(hamiltonian: PauliSum, time: float, *, samples: int, key: jax.Array) -> Circuit:
    r"""A random product formula: strings drawn with probability |c| / lambda, lambda = sum |c|.

    Each of the N draws is exp(-i sign(c) P lambda t / N). The mean of rho over circuits is that
    of exp(-i H t) within 2 lambda^2 t^2 / N in diamond distance, to leading order: see
    `qdrift_error_bound`. The number of gates does not depend on the number of strings.

    Args:
        hamiltonian: A sum of Pauli strings with known coefficients.
        time: t, a known number.
        samples: N.
        key: A `jax.random` key, known: a circuit's gates cannot depend on traced numbers.

    Returns:
        One circuit; average over keys.

    Raises:
        CircuitError: If H is not Hermitian, or a number is traced or does not fit.

    Examples:
        >>> ising = PauliSum("-Z0 Z1 - Z1 Z2 - X0 - X1 - X2")
        >>> len(qdrift(ising, 0.5, samples=40, key=jax.random.key(0)))
        40

    References:
        E. Campbell, Random compiler for fast Hamiltonian simulation, Phys. Rev. Lett. 123, 070503
        (2019).
    """
    checked_hamiltonian(hamiltonian, "qdrift")
    count = as_positive(samples, "qdrift: samples")
    if is_traced(hamiltonian.coefficients) or is_traced(time) or is_traced(key):
        raise CircuitError(
            "qdrift: coefficients, time and key must be known, but one is traced: they decide "
            "which gates there are. Make the circuit outside jit, grad and vmap."
        )
    _checked_time(time, hamiltonian, "qdrift")
    terms = np.concatenate([*evolution_groups(hamiltonian), np.zeros(0, np.int64)])
    numbers = np.real(hamiltonian.coefficients[terms])
    total = float(np.abs(numbers).sum())
    circuit = Circuit(hamiltonian.num_qubits)
    if total:
        # Inverse of the cumulative distribution, in double precision whatever JAX's setting.
        draws = np.asarray(jax.random.uniform(key, (count,)), np.float64)
        bounds = np.cumsum(np.abs(numbers)) / total
        chosen = np.minimum(np.searchsorted(bounds, draws, side="right"), len(terms) - 1)
        weights = np.sign(numbers[chosen]) * (total / count)
        _append(circuit, hamiltonian, terms[chosen], weights, time)
    _append_phase(circuit, hamiltonian, hamiltonian.coefficients, time)
    return circuit


def time_dependent(
    parts: Sequence[tuple[Coefficient, PauliSum]],
    time: Any,
    *,
    steps: int,
    order: int = 2,
    start: Any = 0.0,
    group: bool = True,
) -> Circuit:
    r"""The evolution under H(t) = sum_k f_k(t) H_k, from time `start` for a duration.

    Each step has constant Hamiltonians, and each of those a product formula. Order 2 takes H at the
    midpoint (the first term of Magnus' series). Order 4 takes two exponentials, with H_1 and H_2
    at the Gauss points t + (1/2 -+ sqrt(3)/6) dt and a = 1/4 + sqrt(3)/6, b = 1/4 - sqrt(3)/6:

        exp(-i dt (b H_1 + a H_2)) exp(-i dt (a H_1 + b H_2)).

    Args:
        parts: Pairs (f, H): a function of time that gives a number, and a sum of Pauli strings with
            known coefficients. Functions get one time, a float or a traced scalar, and may close
            over traced numbers.
        time: The duration: a number or a traced scalar.
        steps: Number of equal steps.
        order: 2 or 4.
        start: When it begins.
        group: Whether strings that commute are put together.

    Returns:
        A circuit on the qubits of the largest part.

    Raises:
        CircuitError: If a part is not Hermitian, a function gives no real number, or a number does
            not fit.

    Examples:
        >>> ramp = [(lambda t: 1 - t, PauliSum("-X0 - X1")), (lambda t: t, PauliSum("-Z0 Z1"))]
        >>> time_dependent(ramp, 1.0, steps=10).count_ops()
        {'rx': 22, 'rzz': 10}

    References:
        S. Blanes, F. Casas, J. A. Oteo, J. Ros, The Magnus expansion and some of its applications,
        Phys. Rep. 470, 151 (2009).
        A. Alvermann, H. Fehske, High-order commutator-free exponential time-propagation of driven
        quantum systems, J. Comput. Phys. 230, 5930 (2011).
    """
    what = "time_dependent"
    count = as_positive(steps, f"{what}: steps")
    if order not in _NODES:
        raise CircuitError(f"{what}: order must be 2 or 4, but is {order!r}.")
    if not parts:
        raise CircuitError(f"{what}: parts must be pairs (function, PauliSum), but there is none.")
    for _, part in parts:
        checked_hamiltonian(part, what)
        if is_traced(part.coefficients):
            raise CircuitError(f"{what}: coefficients must be known; let the functions be traced.")
    for value, name in ((time, "time"), (start, "start")):
        if not is_number(value):
            raise CircuitError(f"{what}: {name} must be a number, but is {value!r}.")
    functions = [function for function, _ in parts]
    whole = sum((part for _, part in parts), PauliSum({}, num_qubits=0))
    # shares[k][i] is the coefficient of string i in part k.
    shares = np.stack([_coefficients_in(part, whole) for _, part in parts])
    groups = evolution_groups(whole) if group else single_groups(whole)
    formula = product_formula(len(groups), order)
    length = time / count
    factors: list[tuple[int, Any]] = []
    phase = np.zeros(len(whole))
    for step in range(count):
        nodes, mixtures = _NODES[order]
        values = [_values(functions, start + (step + node) * length) for node in nodes]
        for mixture in mixtures:
            mixed = [sum(w * v[k] for w, v in zip(mixture, values, strict=True))
                     for k in range(len(parts))]  # fmt: skip
            weights = mixed[0] * shares[0]
            for k in range(1, len(parts)):
                weights = weights + mixed[k] * shares[k]
            phase = phase + weights
            factors += [(g, share * weights[groups[g]]) for g, share in formula]
    circuit = Circuit(whole.num_qubits)
    for g, weights in _merged(factors):
        _append(circuit, whole, groups[g], weights, length)
    _append_phase(circuit, whole, phase, length)
    return circuit


_ROOT = float(np.sqrt(3)) / 6
_NODES = {
    2: ((0.5,), ((1.0,),)),
    4: ((0.5 - _ROOT, 0.5 + _ROOT), ((0.25 + _ROOT, 0.25 - _ROOT), (0.25 - _ROOT, 0.25 + _ROOT))),
}
"""By order: the points of a step where H is taken, and how each exponential mixes them."""


def evolution_groups(hamiltonian: PauliSum) -> list[np.ndarray]:
    """Indices of the strings in groups that commute; each string in the first that takes it.

    The identity is left out.

    Examples:
        >>> evolution_groups(PauliSum("Z0 Z1 + X0 + 2 + Z1 + X1"))
        [array([0, 3]), array([1, 4])]
    """
    x, z = hamiltonian.x_masks, hamiltonian.z_masks
    strings = np.flatnonzero(x | z)
    return [strings[members] for members in first_fit(x[strings], z[strings], commute)]


def single_groups(hamiltonian: PauliSum) -> list[np.ndarray]:
    """Indices of the strings, each on its own; the identity is left out."""
    masks = hamiltonian.x_masks | hamiltonian.z_masks
    return [np.array([k]) for k in np.flatnonzero(masks).tolist()]


def checked_hamiltonian(hamiltonian: Any, what: str) -> None:
    """Refuse what is no Hermitian Pauli sum.

    Raises:
        CircuitError: If it is none.
    """
    if not isinstance(hamiltonian, PauliSum):
        raise CircuitError(f"{what}: the Hamiltonian must be a PauliSum, but is {hamiltonian!r}.")
    if not hamiltonian.is_hermitian():
        raise CircuitError(f"{what}: the coefficients must be real, but one is not.")
    if np.ndim(hamiltonian.coefficients) != 1:
        raise CircuitError(f"{what}: the coefficients must have one axis; use jax.vmap.")


def _checked_time(time: Any, hamiltonian: PauliSum, what: str) -> None:
    symbolic = isinstance(time, ParameterExpression)
    if not symbolic and not is_number(time):
        raise CircuitError(f"{what}: time must be a number or a Parameter, but is {time!r}.")
    if symbolic and is_traced(hamiltonian.coefficients):
        raise CircuitError(f"{what}: with a Parameter as time, coefficients must be known.")
    if not symbolic and not is_traced(time) and not np.isfinite(float(time)):
        raise CircuitError(f"{what}: time must be finite, but is {time}.")


def _merged(factors: list[tuple[int, Any]]) -> list[tuple[int, Any]]:
    """The same with neighbours that are the same group in one."""
    merged: list[tuple[int, Any]] = []
    for g, share in factors:
        if merged and merged[-1][0] == g:
            merged[-1] = (g, merged[-1][1] + share)
        else:
            merged.append((g, share))
    return merged


def _append(
    circuit: Circuit, hamiltonian: PauliSum, terms: np.ndarray, weights: Any, time: Any
) -> None:
    """The product of exp(-i time w P) over some strings P and their weights w."""
    numbers = list(weights) if is_traced(weights) else np.real(weights).tolist()
    strings = [hamiltonian.strings[k] for k in terms.tolist()]
    append_evolution(circuit, list(zip(strings, numbers, strict=True)), time)


def _append_phase(circuit: Circuit, hamiltonian: PauliSum, weights: Any, time: Any) -> None:
    """exp(-i time w) for the identity's weight."""
    for k in np.flatnonzero((hamiltonian.x_masks | hamiltonian.z_masks) == 0).tolist():
        weight = weights[k] if is_traced(weights) else float(np.real(weights[k]))
        circuit.gphase(time * (-1.0 * weight))


def _values(functions: Sequence[Coefficient], time: Any) -> list[Any]:
    values = [function(time) for function in functions]
    for k, value in enumerate(values):
        if not is_number(value):
            raise CircuitError(
                f"time_dependent: function {k} must give a real number, but gives {value!r}."
            )
    return values


def _coefficients_in(part: PauliSum, whole: PauliSum) -> np.ndarray:
    place = {(s.x, s.z): k for k, s in enumerate(whole.strings)}
    found = np.zeros(len(whole))
    for string, number in part:
        found[place[string.x, string.z]] = complex(number).real
    return found
