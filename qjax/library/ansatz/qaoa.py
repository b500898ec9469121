"""The quantum approximate optimisation algorithm, and its mixers."""

from collections.abc import Callable, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.circuit.parameter import is_traced
from qjax.errors import CircuitError
from qjax.library._rotations import append_evolution, real_terms
from qjax.observables import Diagonal, PauliString, PauliSum


def _x(circuit: Circuit, beta: Any, initial: Circuit, angles: np.ndarray | None) -> None:
    """exp(-i beta sum_q X_q)."""
    for q in range(circuit.num_qubits):
        circuit.rx(beta * 2.0, q)


def _hop(circuit: Circuit, beta: Any, pairs: Sequence[tuple[int, int]]) -> None:
    """exp(-i beta (X_a X_b + Y_a Y_b) / 2) on each pair in turn."""
    for a, b in pairs:
        circuit.xx_plus_yy(beta * 2.0, 0.0, a, b)


def _xy_ring(circuit: Circuit, beta: Any, initial: Circuit, angles: np.ndarray | None) -> None:
    n = circuit.num_qubits
    bonds = [(q, q + 1) for start in (0, 1) for q in range(start, n - 1, 2)]
    _hop(circuit, beta, bonds + ([(n - 1, 0)] if n > 2 else []))


def _xy_complete(circuit: Circuit, beta: Any, initial: Circuit, angles: np.ndarray | None) -> None:
    """Every pair once, in rounds of disjoint pairs: the circle method of tournaments."""
    n = circuit.num_qubits
    players = [*range(n), *([-1] if n % 2 else [])]
    for _ in range(len(players) - 1):
        half = len(players) // 2
        pairs = zip(players[:half], reversed(players[half:]), strict=True)
        _hop(circuit, beta, [pair for pair in pairs if -1 not in pair])
        players = [players[0], players[-1], *players[1:-1]]


def _grover(circuit: Circuit, beta: Any, initial: Circuit, angles: np.ndarray | None) -> None:
    """exp(-i beta |s><s|) for the initial state s."""
    last = circuit.num_qubits - 1
    circuit.compose(initial.inverse()).x(last)
    circuit.mcp(beta * -1.0, range(last), last, control_values=[0] * last)
    circuit.x(last).compose(initial)


def _warm_start(circuit: Circuit, beta: Any, initial: Circuit, angles: np.ndarray | None) -> None:
    """exp(i beta (sin t X + cos t Z)) on each qubit: RY(t)|0> is its eigenvector."""
    assert angles is not None
    for q, angle in enumerate(angles.tolist()):
        circuit.ry(-angle, q).rz(beta * -2.0, q).ry(angle, q)


MIXERS: dict[str, Callable[[Circuit, Any, Circuit, np.ndarray | None], None]] = {
    "x": _x,
    "xy-ring": _xy_ring,
    "xy-complete": _xy_complete,
    "grover": _grover,
    "warm-start": _warm_start,
}
"""Mixers by name: each appends itself, given beta, the initial state and warm-start angles."""


def qaoa(
    cost: PauliSum | Diagonal,
    layers: int,
    *,
    mixer: str = "x",
    initial: Circuit | str | None = None,
    warm_start: Any = None,
    gamma: Any = "gamma",
    beta: Any = "beta",
) -> Circuit:
    """Layers of exp(-i gamma_l C) for a cost C that is diagonal, and a mixer by beta_l.

    Args:
        cost: Sum of Pauli strings of Z alone, with known coefficients; or a `Diagonal`. A constant
            in it is a global phase, which is left out.
        layers: How many layers p.
        mixer: One of

            - "x": exp(-i beta sum X_q), the usual one;
            - "xy-ring": exp(-i beta (X_a X_b + Y_a Y_b) / 2) on the even, the odd and the closing
              bonds of a ring; keeps the number of ones. The initial state must be given;
            - "xy-complete": the same on every pair;
            - "grover": exp(-i beta |s><s|) for the initial state s;
            - "warm-start": exp(i beta (sin t_q X + cos t_q Z)) on each qubit, sin^2(t_q / 2)
              being the relaxed solution.
        initial: The initial state: a circuit, or a bitstring; by default |+...+>, with
            "warm-start" the relaxed solution.
        warm_start: For "warm-start", n numbers in 0..1: the relaxed solution. Numbers at 0 and 1
            stay there for ever, so keep a distance such as 0.25.
        gamma: Name of the parameter vector of p angles of the cost; or p values, also traced.
        beta: Likewise of the mixer.

    Returns:
        A circuit with 2 p parameters; flat `params` hold all gammas, then all betas.

    Raises:
        CircuitError: If the cost is not diagonal, or an argument does not fit.

    Note:
        With values for gamma, a `Diagonal` is one diagonal gate a layer; with a name, it is
        written as a sum of Pauli strings, up to 2**n of them.

    Examples:
        >>> cut = PauliSum("0.5 * Z0 Z1 + 0.5 * Z1 Z2 - 1")
        >>> circuit = qaoa(cut, 2)
        >>> circuit.parameters, circuit.count_ops()
        ({'gamma': (2,), 'beta': (2,)}, {'rx': 6, 'rzz': 4, 'h': 3})

    References:
        E. Farhi, J. Goldstone, S. Gutmann, A quantum approximate optimization algorithm,
        arXiv:1411.4028.
        S. Hadfield et al., From the quantum approximate optimization algorithm to a quantum
        alternating operator ansatz, Algorithms 12, 34 (2019): XY mixers.
        A. Bärtschi, S. Eidenbenz, Grover mixers for QAOA, IEEE QCE 2020, 72.
        D. J. Egger, J. Mareček, S. Woerner, Warm-starting quantum optimization, Quantum 5, 479
        (2021).
    """
    count = as_positive(layers, "qaoa: layers")
    if mixer not in MIXERS:
        raise CircuitError(f"qaoa: mixer must be one of {', '.join(MIXERS)}, but is {mixer!r}.")
    if not isinstance(cost, (PauliSum, Diagonal)):
        raise CircuitError(f"qaoa: cost must be a PauliSum or a Diagonal, but is {cost!r}.")
    n = cost.num_qubits
    angles = _warm_angles(warm_start, n, mixer)
    start = _initial(initial, n, mixer, angles)
    gammas, betas = _angles(gamma, count, "gamma"), _angles(beta, count, "beta")
    phase = _phase(cost, gammas)
    circuit = Circuit(n).compose(start)
    for g, b in zip(gammas, betas, strict=True):
        phase(circuit, g)
        MIXERS[mixer](circuit, b, start, angles)
    return circuit


def _phase(cost: PauliSum | Diagonal, gammas: list[Any]) -> Callable[[Circuit, Any], None]:
    """What appends exp(-i gamma cost)."""
    if isinstance(cost, Diagonal) and all(isinstance(g, float) or is_traced(g) for g in gammas):
        qubits, values = cost.qubits, cost.values
        return lambda circuit, g: _append_diagonal(circuit, values, g, qubits)
    terms = real_terms(pauli_sum_of(cost) if isinstance(cost, Diagonal) else cost, "qaoa")
    for string, _ in terms:
        if string.x:
            raise CircuitError(f"qaoa: cost must be diagonal, of Z alone, but has {string}.")
    return lambda circuit, g: append_evolution(circuit, terms, g)


def _append_diagonal(circuit: Circuit, values: Any, gamma: Any, qubits: tuple[int, ...]) -> None:
    if is_traced(values) or is_traced(gamma):
        phases = jnp.asarray(values, getattr(gamma, "dtype", None)) * gamma
        circuit.diagonal(lax.complex(jnp.cos(phases), -jnp.sin(phases)), qubits)
    else:
        circuit.diagonal(np.exp(-1j * gamma * np.asarray(values)), qubits)


def pauli_sum_of(diagonal: Diagonal, *, atol: float = 0.0) -> PauliSum:
    """A diagonal observable as a sum of strings of Z, by a Walsh-Hadamard transform.

    Args:
        diagonal: Known values on k qubits.
        atol: Terms that are at most so large are dropped; those of rounding always are.

    Examples:
        >>> pauli_sum_of(Diagonal([0, 1, 1, 2]))
        PauliSum('1 - 0.5 * Z0 - 0.5 * Z1', num_qubits=2)
    """
    if is_traced(diagonal.values):
        raise CircuitError("qaoa: values of a Diagonal must be known, but are traced.")
    k = len(diagonal.qubits)
    table = np.asarray(diagonal.values, float).reshape((2,) * k)
    for axis in range(k):
        zero, one = np.take(table, 0, axis), np.take(table, 1, axis)
        table = np.stack([zero + one, zero - one], axis)
    weights = table.reshape(-1) / 2**k
    rounding = np.finfo(float).eps * (k + 1) * np.abs(np.asarray(diagonal.values)).max()
    terms = {}
    for mask in np.flatnonzero(np.abs(weights) > max(rounding, atol)).tolist():
        z = sum(1 << q for j, q in enumerate(diagonal.qubits) if mask >> j & 1)
        terms[str(PauliString.from_masks(0, z))] = float(weights[mask])
    return PauliSum(terms or {"I": 0.0}, num_qubits=diagonal.num_qubits)


def _angles(given: Any, count: int, what: str) -> list[Any]:
    if isinstance(given, str):
        return list(ParameterVector(given, count))
    values = given if is_traced(given) or isinstance(given, (list, tuple)) else np.asarray(given)
    if len(np.shape(values)) != 1 or len(values) != count:
        raise CircuitError(
            f"qaoa: {what} must be a name or {count} angles, but has shape {np.shape(values)}."
        )
    return [v if is_traced(v) else float(v) for v in values]


def _warm_angles(warm_start: Any, n: int, mixer: str) -> np.ndarray | None:
    if (mixer == "warm-start") != (warm_start is not None):
        raise CircuitError('qaoa: warm_start must be given with mixer="warm-start", and only then.')
    if warm_start is None:
        return None
    relaxed = np.asarray(warm_start, float)
    if relaxed.shape != (n,) or not np.all((relaxed >= 0) & (relaxed <= 1)):
        raise CircuitError(f"qaoa: warm_start must be {n} numbers in 0..1, but is {warm_start!r}.")
    return 2 * np.arcsin(np.sqrt(relaxed))


def _initial(given: Circuit | str | None, n: int, mixer: str, angles: np.ndarray | None) -> Circuit:
    if given is None:
        if mixer.startswith("xy"):
            raise CircuitError(
                f"qaoa: mixer {mixer!r} keeps the number of ones, so initial must be given: "
                "a bitstring, or a circuit such as dicke_state(n, k)."
            )
        return Circuit(n).h(range(n)) if angles is None else Circuit(n).ry(angles, range(n))
    if isinstance(given, str):
        if len(given) != n or set(given) - {"0", "1"}:
            raise CircuitError(f"qaoa: initial must have {n} bits, but is {given!r}.")
        return Circuit(n).x([q for q, bit in enumerate(reversed(given)) if bit == "1"])
    if not isinstance(given, Circuit) or given.num_qubits != n:
        raise CircuitError(f"qaoa: initial must be a circuit on {n} qubits, but is {given!r}.")
    return given
