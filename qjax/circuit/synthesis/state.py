"""Any state from |0...0>, by rotations of one qubit after the other.

Qubit by qubit from the highest: its amplitudes' sizes, for each value of the qubits above it, are
an angle of RY, and all these are one multiplexed RY. A diagonal gate then gives the phases. On n
qubits at most 2**(n + 1) - 4 CX: half of them for the sizes, half for the phases.

References:
    M. Möttönen, J. Vartiainen, V. Bergholm, M. Salomaa, Transformation of quantum states using
    uniformly controlled rotations, Quantum Inf. Comput. 5, 467 (2005).
"""

import numpy as np

from qjax.circuit.instruction import Instruction
from qjax.circuit.synthesis.multiplexed import diagonal_steps, multiplexed_rotation

_NEGLIGIBLE = 1e-15  # radians: below the rounding of an angle


def state_steps(amplitudes: np.ndarray, qubits: tuple[int, ...]) -> list[Instruction]:
    """The gates that take |0...0> to a state.

    Args:
        amplitudes: Complex array of shape (2**k,), of norm 1; bit j of an index is `qubits[j]`.
        qubits: k qubits, all in |0>.

    Returns:
        `ry`, `rz`, `x` under one control, and `gphase`.

    Examples:
        >>> [str(i) for i in state_steps(np.array([1, 0, 0, 1]) / np.sqrt(2), (0, 1))]
        ['ry(1.5708) 1', 'ry(1.5708) 0', 'cx 1, 0', 'ry(-1.5708) 0', 'cx 1, 0']
    """
    k = len(qubits)
    sizes = np.abs(amplitudes)
    steps: list[Instruction] = []
    for j in reversed(range(k)):
        # norms[above, bit]: the weight of the states with these bits of the qubits j and above.
        norms = np.sqrt(np.sum(sizes.reshape(-1, 2, 2**j) ** 2, axis=2))
        angles = 2 * np.arctan2(norms[:, 1], norms[:, 0])
        if np.any(angles != 0):
            steps += _shortened(multiplexed_rotation("ry", angles, qubits[j + 1 :], qubits[j]))
    phases = np.where(sizes > 0, np.angle(np.where(sizes > 0, amplitudes, 1)), 0.0)
    if np.any(phases != 0):
        steps += diagonal_steps(np.exp(1j * phases), qubits)
    return steps


def _shortened(steps: list[Instruction]) -> list[Instruction]:
    """Without rotations by 0; of CX on one target in a row, two from the same control cancel."""
    kept: list[Instruction] = []
    row: dict[int, Instruction] = {}
    for i in steps:
        if not i.params:
            if row.pop(i.controls[0], None) is None:
                row[i.controls[0]] = i
        elif abs(i.params[0]) > _NEGLIGIBLE:
            kept += [*row.values(), i]
            row = {}
    return kept + list(row.values())
