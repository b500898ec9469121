"""What the converters have in common."""

from typing import Any

import numpy as np

from qjax.circuit import Circuit, Instruction
from qjax.gates import find_gate


def placed(name: str, params: tuple[Any, ...], qubits: tuple[int, ...]) -> list[Instruction]:
    """A gate of the table on qubits, after the checks of the builder.

    Examples:
        >>> [str(i) for i in placed("rx", (0.5,), (3,))]
        ['rx(0.5) 3']
    """
    return list(Circuit(max(qubits, default=0) + 1).append(find_gate(name), qubits, params))


def placed_matrix(matrix: Any, qubits: tuple[int, ...]) -> list[Instruction]:
    """A unitary matrix on qubits, the first of which is the lowest bit of its index."""
    scratch = Circuit(max(qubits, default=0) + 1)
    return list(scratch.unitary(np.asarray(matrix), qubits))
