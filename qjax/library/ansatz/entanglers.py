"""Which pairs of qubits an entangling layer joins, and by which gates."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, islice
from typing import Any

from qjax._checks import as_integer, check_index
from qjax.circuit import Circuit, ParameterVector
from qjax.errors import CircuitError
from qjax.gates import Gate, find_gate

Pairs = tuple[tuple[int, int], ...]


def _linear(n: int, layer: int) -> Pairs:
    return tuple((q, q + 1) for q in range(n - 1))


def _circular(n: int, layer: int) -> Pairs:
    return (((n - 1, 0),) if n > 2 else ()) + _linear(n, layer)


def _pairwise(n: int, layer: int) -> Pairs:
    return tuple((q, q + 1) for start in (0, 1) for q in range(start, n - 1, 2))


def _shifted_circular_alternating(n: int, layer: int) -> Pairs:
    pairs = _circular(n, layer)
    shift = layer % max(len(pairs), 1)
    moved = pairs[len(pairs) - shift :] + pairs[: len(pairs) - shift]
    return tuple((b, a) for a, b in moved) if layer % 2 else moved


PATTERNS: dict[str, Callable[[int, int], Pairs]] = {
    "linear": _linear,
    "reverse_linear": lambda n, layer: _linear(n, layer)[::-1],
    "circular": _circular,
    "full": lambda n, layer: tuple(combinations(range(n), 2)),
    "pairwise": _pairwise,
    "sca": _shifted_circular_alternating,
}
"""Pairs (first, second) of a layer, by the pattern's name, number of qubits and layer."""


def entangler_pairs(
    num_qubits: int, pattern: str | Sequence[tuple[int, int]] = "linear", *, layer: int = 0
) -> Pairs:
    """The pairs of qubits that an entangling layer joins, in time order.

    Args:
        num_qubits: Number of qubits n.
        pattern: One of

            - "linear": (0, 1), (1, 2), ..., (n - 2, n - 1);
            - "reverse_linear": the same from the other end; with CX the layer reaches from each
              qubit to one neighbour only, instead of to all above it;
            - "circular": (n - 1, 0), then linear;
            - "full": every pair (i, j) with i < j;
            - "pairwise": (0, 1), (2, 3), ..., then (1, 2), (3, 4), ...: two layers of depth;
            - "sca": circular, moved on by one pair with each layer, and with controls and targets
              exchanged in every second layer;
            - or a sequence of pairs.
        layer: Index of the layer, which only "sca" needs.

    Returns:
        Pairs of distinct qubits; none for one qubit.

    Raises:
        CircuitError: If the pattern is unknown or a pair does not fit.

    Examples:
        >>> entangler_pairs(4, "circular")
        ((3, 0), (0, 1), (1, 2), (2, 3))
        >>> entangler_pairs(4, "sca", layer=1)
        ((3, 2), (0, 3), (1, 0), (2, 1))

    References:
        S. Sim, P. D. Johnson, A. Aspuru-Guzik, Expressibility and entangling capability of
        parameterized quantum circuits, Adv. Quantum Technol. 2, 1900070 (2019): circuits 14, 15
        for "sca".
    """
    if isinstance(pattern, str):
        if pattern not in PATTERNS:
            raise CircuitError(
                f"pattern must be one of {', '.join(PATTERNS)} or a sequence of pairs, "
                f"but is {pattern!r}."
            )
        return PATTERNS[pattern](num_qubits, as_integer(layer, "pattern: layer"))
    place = f"this {num_qubits}-qubit circuit"
    pairs = []
    for pair in pattern:
        qubits = tuple(check_index(q, num_qubits, "pattern: qubit", place) for q in pair)
        if len(qubits) != 2 or qubits[0] == qubits[1]:
            raise CircuitError(f"pattern: a pair must be two distinct qubits, but is {pair}.")
        pairs.append(qubits)
    return tuple(pairs)


def checked_gate(name: str, num_qubits: int, what: str) -> Gate:
    """The gate of a name, if it acts on so many qubits.

    Raises:
        CircuitError: If it is unknown, or acts on another number.
    """
    gate = find_gate(name)
    if gate.num_qubits != num_qubits:
        raise CircuitError(
            f"{what} must be a gate on {num_qubits} qubit{'s' * (num_qubits > 1)}, but "
            f"{name} acts on {gate.num_qubits}."
        )
    return gate


class Angles:
    """The elements of a parameter vector, handed out in order.

    Args:
        name: Name of the vector.
        count: How many angles there are.
        what: The function that needs them, for the message.

    Raises:
        CircuitError: If there are none.

    Examples:
        >>> angles = Angles("theta", 3, "ansatz")
        >>> angles.take(2), angles.take(1)
        ([theta[0], theta[1]], [theta[2]])
    """

    def __init__(self, name: str, count: int, what: str) -> None:
        if count < 1:
            raise CircuitError(f"{what}: there must be at least one angle, but there is none.")
        self._elements: Iterator[Any] = iter(ParameterVector(name, count))

    def take(self, count: int) -> list[Any]:
        """The next so many angles."""
        return list(islice(self._elements, count))


def entangle(circuit: Circuit, gate: Gate, pairs: Pairs, angles: Angles) -> None:
    """Append a gate on every pair, each with angles of its own if it has any."""
    for pair in pairs:
        circuit.append(gate, pair, angles.take(len(gate.params)))
