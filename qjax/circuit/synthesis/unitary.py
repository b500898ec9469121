"""Any unitary matrix from CX and one-qubit gates: quantum Shannon decomposition.

The CX of a k-qubit matrix: 0 for k = 1, 3 for k = 2, and for every further qubit four matrices on
one qubit less and three multiplexed rotations of 2**(k-1) CX each:
9/16 4**k - 3/2 2**k for k >= 2, so 3, 24, 120, 528 for k = 2 to 5.

References:
    V. Shende, S. Bullock, I. Markov, Synthesis of quantum-logic circuits, IEEE Trans. CAD 25, 1000
    (2006), theorems 12 and 13.
"""

from typing import Any

import numpy as np
from scipy.linalg import cossin, schur

from qjax.circuit.instruction import Instruction
from qjax.circuit.synthesis.multiplexed import diagonal_steps, multiplexed_rotation
from qjax.circuit.synthesis.steps import phase_steps, step
from qjax.circuit.synthesis.two_qubits import canonical_parts


def unitary_steps(
    matrix: np.ndarray, qubits: tuple[int, ...], controls: tuple[int, ...] = ()
) -> list[Instruction]:
    """The gate with a given matrix, its global phase included.

    A controlled matrix V D V^dagger, with D diagonal, is V^dagger, the controlled D, then V: the
    cost of two matrices and one controlled diagonal gate.

    Args:
        matrix: Unitary complex array of shape (2**k, 2**k); bit j of an index is `qubits[j]`.
        qubits: k qubits.
        controls: Qubits that must all be 1.

    Returns:
        `u`, `ry`, `rz`, `x` under one control, and `gphase`; with controls also `p`, `rz` under
        them.

    Examples:
        >>> [i.name for i in unitary_steps(np.diag([1j, 1]), (0,))]
        ['u', 'gphase']
    """
    if controls:
        entries, vectors = _eigen(matrix)
        return [
            *unitary_steps(vectors.conj().T, qubits),
            *diagonal_steps(entries, qubits, controls),
            *unitary_steps(vectors, qubits),
        ]
    steps = _synthesise(np.asarray(matrix, complex), qubits)
    phase = sum(i.params[0] for i in steps if i.operation.name == "gphase")
    return [i for i in steps if i.operation.name != "gphase"] + phase_steps(phase)


def _synthesise(matrix: np.ndarray, qubits: tuple[int, ...]) -> list[Instruction]:
    if len(qubits) == 1:
        return one_qubit_steps(matrix, qubits[0])
    if len(qubits) == 2:
        return _two_qubit_steps(matrix, qubits)
    # The last qubit is the top bit of the index, so it selects between the quarters of the matrix:
    # matrix = diag(left) [[cos, -sin], [sin, cos]] diag(right), the middle being a multiplexed RY.
    *selects, top = qubits
    half = len(matrix) // 2
    parts: Any = cossin(matrix, p=half, q=half, separate=True)
    left, turns, right = parts
    return [
        *_demultiplexed(right, tuple(selects), top),
        *multiplexed_rotation("ry", 2 * turns, tuple(selects), top),
        *_demultiplexed(left, tuple(selects), top),
    ]


def _demultiplexed(
    pair: tuple[np.ndarray, np.ndarray], selects: tuple[int, ...], top: int
) -> list[Instruction]:
    """The matrix pair[0], `zero`, on `selects` where `top` is 0, and pair[1], `one`, where it is 1.

    zero one^dagger = V D^2 V^dagger gives zero = V D W and one = V D^dagger W, with
    W = D V^dagger one; and diag(D, D^dagger) is a multiplexed RZ on `top`.
    """
    zero, one = pair
    squares, v = _eigen(zero @ one.conj().T)
    phases = np.angle(squares) / 2
    w = np.exp(1j * phases)[:, None] * (v.conj().T @ one)
    return [
        *_synthesise(w, selects),
        *multiplexed_rotation("rz", -2 * phases, selects, top),
        *_synthesise(v, selects),
    ]


def _eigen(matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Eigenvalues and orthonormal eigenvectors (columns) of a unitary matrix.

    The Schur form of a normal matrix is diagonal, also where eigenvalues coincide.
    """
    triangle, vectors = schur(matrix, output="complex")[:2]
    return np.diag(triangle), vectors


def one_qubit_steps(matrix: np.ndarray, qubit: int) -> list[Instruction]:
    """exp(i gamma) U(theta, phi, lam), which is exp(i gamma) P(phi) RY(theta) P(lam)."""
    cos, sin = abs(matrix[0, 0]), abs(matrix[1, 0])
    theta, gamma = 2 * np.arctan2(sin, cos), np.angle(matrix[0, 0])
    phi = np.angle(matrix[1, 0]) - gamma
    # Of the two entries that give lam, the larger is the one whose angle is sharp.
    lam = np.angle(matrix[1, 1]) - phi - gamma if cos > sin else np.angle(-matrix[0, 1]) - gamma
    angles = (float(theta), float(phi), float(lam))
    return [step("u", (qubit,), angles), step("gphase", (), (float(gamma),))]


def _two_qubit_steps(matrix: np.ndarray, qubits: tuple[int, ...]) -> list[Instruction]:
    """Three CX between one-qubit gates.

    References:
        F. Vatan, C. Williams, Optimal quantum circuits for general two-qubit gates, Phys. Rev. A
        69, 032315 (2004), figure 6.
    """
    parts = canonical_parts(matrix)
    a, b = qubits
    x, y, z = parts.interaction
    half = np.pi / 2
    return [
        *one_qubit_steps(parts.first[0], a),
        *one_qubit_steps(parts.first[1], b),
        step("rz", (b,), (-half,)),
        step("x", (a,), (), (b,)),
        step("rz", (a,), (half - 2 * z,)),
        step("ry", (b,), (2 * x - half,)),
        step("x", (b,), (), (a,)),
        step("ry", (b,), (half - 2 * y,)),
        step("x", (a,), (), (b,)),
        step("rz", (a,), (half,)),
        *one_qubit_steps(parts.last[0], a),
        *one_qubit_steps(parts.last[1], b),
        step("gphase", (), (parts.phase + np.pi / 4,)),
    ]
