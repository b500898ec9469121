"""What a function of this room gives: a circuit, and which qubits are what."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np

from qjax.circuit import Circuit
from qjax.errors import CircuitError


class Algorithm(NamedTuple):
    """A circuit and the qubits of its registers.

    Attributes:
        circuit: The circuit, without measurements unless it says so.
        registers: Qubits of each register, lowest bit first: "system", "phase", "ancilla".
    """

    circuit: Circuit
    registers: dict[str, tuple[int, ...]]


def as_circuit(unitary: Any, what: str) -> Circuit:
    """A circuit without measurements, from a circuit or a unitary matrix.

    Raises:
        CircuitError: If it is neither, or measures.

    Examples:
        >>> as_circuit([[0, 1], [1, 0]], "phase_estimation: unitary").count_ops()
        {'unitary': 1}
    """
    if isinstance(unitary, Circuit):
        if any(not i.is_gate and i.name != "barrier" for i in unitary):
            raise CircuitError(f"{what} must be a circuit of gates alone, but has more.")
        return unitary
    matrix = np.asarray(unitary)
    size = matrix.shape[0] if matrix.ndim == 2 else 0
    if matrix.shape != (size, size) or size < 2 or size & (size - 1):
        raise CircuitError(
            f"{what} must be a circuit or a matrix of shape (2**k, 2**k), "
            f"but has shape {matrix.shape}."
        )
    n = size.bit_length() - 1
    return Circuit(n).unitary(matrix, range(n))


def powers_of_two(unitary: Any, count: int, what: str) -> list[Circuit]:
    """The circuits U, U^2, U^4, ...: a matrix is squared, a circuit is repeated.

    Examples:
        >>> [len(c) for c in powers_of_two(Circuit(1).t(0), 3, "phase_estimation: unitary")]
        [1, 2, 4]
    """
    first = as_circuit(unitary, what)
    if isinstance(unitary, Circuit):
        return [first.power(2**k) for k in range(count)]
    matrix = np.asarray(unitary, complex)
    found = []
    for _ in range(count):
        found.append(Circuit(first.num_qubits).unitary(matrix, range(first.num_qubits)))
        matrix = matrix @ matrix
    return found


def most_frequent(counts: Mapping[str, int], what: str) -> int:
    """The value of the bitstring that was seen most often."""
    if not counts:
        raise CircuitError(f"{what}: counts must not be empty.")
    return int(max(counts, key=counts.__getitem__), 2)
