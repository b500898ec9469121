"""Multiplexed rotations and diagonal gates: one angle for each value of the other qubits.

References:
    M. Möttönen, J. Vartiainen, V. Bergholm, M. Salomaa, Quantum circuits for general multiqubit
    gates, Phys. Rev. Lett. 93, 130502 (2004).
    V. Shende, S. Bullock, I. Markov, Synthesis of quantum-logic circuits, IEEE Trans. CAD 25, 1000
    (2006), theorem 7 and section 5.
"""

import numpy as np

from qjax.circuit.instruction import Instruction
from qjax.circuit.synthesis.steps import cx, phase_steps, step


def multiplexed_rotation(
    name: str,
    angles: np.ndarray,
    selects: tuple[int, ...],
    target: int,
    controls: tuple[int, ...] = (),
) -> list[Instruction]:
    """The rotation `name` on `target` by `angles[j]` when the qubits `selects` hold j.

    2**m rotations and 2**m CX for m selects. The CX flip the sign of the rotation between them; in
    the order of the Gray code one select changes at a time, and after the last all is undone. So
    the CX alone are the identity, and only the rotations need further controls.

    Args:
        name: "ry" or "rz".
        angles: Real array of shape (2**m,), in radians.
        selects: m qubits; bit l of the index j is `selects[l]`.
        target: The qubit that turns.
        controls: Qubits that must all be 1.

    Examples:
        >>> len(multiplexed_rotation("rz", np.array([0.1, 0.2]), (0,), 1))
        4
    """
    m = len(selects)
    index = np.arange(2**m)
    gray = index ^ (index >> 1)
    mixed = _hadamard_transform(np.asarray(angles, float))[gray] / 2**m
    steps = []
    for j, angle in enumerate(mixed.tolist()):
        steps.append(step(name, (target,), (angle,), controls))
        if m:
            changed = int(gray[j] ^ gray[(j + 1) % 2**m]).bit_length() - 1
            steps.append(cx(selects[changed], target))
    return steps


def _hadamard_transform(values: np.ndarray) -> np.ndarray:
    """Sum over j of (-1)**popcount(i & j) values[j], for each i."""
    m = len(values).bit_length() - 1
    table = values.reshape((2,) * m)
    for axis in range(m):
        zero, one = np.take(table, 0, axis), np.take(table, 1, axis)
        table = np.stack([zero + one, zero - one], axis)
    return table.reshape(-1)


def diagonal_steps(
    entries: np.ndarray, qubits: tuple[int, ...], controls: tuple[int, ...] = ()
) -> list[Instruction]:
    """A diagonal gate: a multiplexed RZ on the last qubit, then a diagonal gate on the others.

    On k qubits: 2**k - 2 CX, 2**k - 1 RZ and a global phase. Under controls, the RZ and the phase
    are controlled and the CX are not.

    Args:
        entries: Complex array of shape (2**k,), each of modulus 1; bit j of the index is
            `qubits[j]`.
        qubits: k qubits.
        controls: Qubits that must all be 1.

    Examples:
        >>> [i.name for i in diagonal_steps(np.array([1, 1j]), (0,))]
        ['rz', 'gphase']
    """
    phases = np.angle(entries)
    steps = []
    for k in range(len(qubits) - 1, -1, -1):
        low, high = np.split(phases, 2)
        if np.any(low != high):
            steps += multiplexed_rotation("rz", high - low, qubits[:k], qubits[k], controls)
        phases = (low + high) / 2
    return steps + phase_steps(float(phases[0]), controls)
