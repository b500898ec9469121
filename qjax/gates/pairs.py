"""Gates on two qubits that are no controlled gates."""

from math import pi
from types import ModuleType
from typing import Any

import numpy as np

from qjax.gates.blocks import (
    STDGATES,
    diagonal,
    first_negated,
    fixed,
    negated,
    phase,
    stack,
    turn,
    undone_by,
)
from qjax.gates.row import Gate

_R = 0.5**0.5
_ECR = [
    [0, _R, 0, 1j * _R],
    [_R, 0, -1j * _R, 0],
    [0, 1j * _R, 0, _R],
    [-1j * _R, 0, _R, 0],
]


def _exchange(stay: complex, move: complex) -> list[list[complex]]:
    """|01> and |10> keep the amplitude `stay` and swap the amplitude `move`."""
    return [[1, 0, 0, 0], [0, stay, move, 0], [0, move, stay, 0], [0, 0, 0, 1]]


def _pair_rotation(theta: Any, sign: float, xp: ModuleType) -> Any:
    """exp(-i theta P / 2) for P = XX if sign is 1, P = YY if sign is -1."""
    c, s = turn(theta / 2, xp)
    z = 0 * s
    return stack([[c, z, z, sign * s], [z, c, s, z], [z, s, c, z], [sign * s, z, z, c]], xp)


def _rzx(theta: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta / 2, xp)
    z = 0 * s
    return stack([[c, z, s, z], [z, c, z, -s], [s, z, c, z], [z, -s, z, c]], xp)


def _middle(a: Any, b: Any, c: Any, d: Any, last: Any, xp: ModuleType) -> Any:
    """Identity but for the block (a, b; c, d) on |01>, |10> and `last` on |11>."""
    z = 0j * a
    one = z + 1
    return stack([[one, z, z, z], [z, a, b, z], [z, c, d, z], [z, z, z, last]], xp)


def _xx_plus_yy(theta: Any, beta: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta / 2, xp)
    return _middle(c, s * phase(-beta, xp), s * phase(beta, xp), c, 0 * c + 1, xp)


def _xx_minus_yy(theta: Any, beta: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta / 2, xp)
    z = 0 * s
    one = z + 1
    upper, lower = s * phase(-beta, xp), s * phase(beta, xp)
    return stack([[c, z, z, upper], [z, one, z, z], [z, z, one, z], [lower, z, z, c]], xp)


def _fsim(theta: Any, phi: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta, xp)
    return _middle(c, s, s, c, phase(-phi, xp), xp)


def _givens(theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta) + 0j, xp.sin(theta) + 0j
    return _middle(c, s, -s, c, 0 * c + 1, xp)


def _ms(phi0: Any, phi1: Any, theta: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta / 2, xp)
    z = 0 * s
    total, difference = phase(phi0 + phi1, xp), phase(phi0 - phi1, xp)
    return stack(
        [
            [c, z, z, s * xp.conj(total)],
            [z, c, s * difference, z],
            [z, s * xp.conj(difference), c, z],
            [s * total, z, z, c],
        ],
        xp,
    )


PAIRS = (
    Gate(
        "swap", 2, (), "exchanges the two qubits", STDGATES,
        matrix=fixed(_exchange(0, 1)),
        inverse=undone_by("swap", 2), decomposition=lambda: (
            ("cx", (), (0, 1)), ("cx", (), (1, 0)), ("cx", (), (0, 1))),
        qasm3="swap",
    ),
    Gate(
        "iswap", 2, (), "exp(i pi (XX + YY) / 4)", "Qiskit, iSwapGate",
        matrix=fixed(_exchange(0, 1j)), inverse=undone_by("iswapdg", 2), decomposition=lambda: (
            ("s", (), (0,)), ("s", (), (1,)), ("h", (), (0,)), ("cx", (), (0, 1)),
            ("cx", (), (1, 0)), ("h", (), (1,))),
        label="iSWAP",
    ),
    Gate(
        "iswapdg", 2, (), "exp(-i pi (XX + YY) / 4)", "inverse of iswap",
        matrix=fixed(_exchange(0, -1j)), inverse=undone_by("iswap", 2),
        decomposition=lambda: (
            ("h", (), (1,)), ("cx", (), (1, 0)), ("cx", (), (0, 1)), ("h", (), (0,)),
            ("sdg", (), (0,)), ("sdg", (), (1,))),
        label="iSWAP†",
    ),
    Gate(
        "sqrt_iswap", 2, (), "exp(i pi (XX + YY) / 8)", "Cirq, SQRT_ISWAP",
        matrix=fixed(_exchange(_R, 1j * _R)), inverse=undone_by("sqrt_iswapdg", 2),
        decomposition=lambda: (("rxx", (-pi / 4,), (0, 1)), ("ryy", (-pi / 4,), (0, 1))),
        label="√iSWAP", aliases=("siswap",),
    ),
    Gate(
        "sqrt_iswapdg", 2, (), "exp(-i pi (XX + YY) / 8)", "Cirq, SQRT_ISWAP_INV",
        matrix=fixed(_exchange(_R, -1j * _R)), inverse=undone_by("sqrt_iswap", 2),
        decomposition=lambda: (("rxx", (pi / 4,), (0, 1)), ("ryy", (pi / 4,), (0, 1))),
        label="√iSWAP†", aliases=("siswapdg",),
    ),
    Gate(
        "ecr", 2, (), "echoed cross-resonance, RZX(-pi/4) X0 RZX(pi/4)",
        "Qiskit, ECRGate", matrix=fixed(_ECR), inverse=undone_by("ecr", 2),
        decomposition=lambda: (
            ("rzx", (pi / 4,), (0, 1)), ("x", (), (0,)), ("rzx", (-pi / 4,), (0, 1))),
    ),
    Gate(
        "dcx", 2, (), "CX(0, 1) then CX(1, 0)", "Qiskit, DCXGate",
        matrix=fixed([[1, 0, 0, 0], [0, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 0]]),
        inverse=lambda: ("dcx", (), (1, 0)),
        decomposition=lambda: (("cx", (), (0, 1)), ("cx", (), (1, 0))),
    ),
    Gate(
        "rxx", 2, ("theta",), "exp(-i theta XX / 2)", "Qiskit, RXXGate",
        matrix=lambda theta, xp=np: _pair_rotation(theta, 1, xp),
        inverse=negated("rxx", 2), generator=((-0.5, "XX"),),
        decomposition=lambda theta: (
            ("h", (), (0,)), ("h", (), (1,)), ("cx", (), (0, 1)), ("rz", (theta,), (1,)),
            ("cx", (), (0, 1)), ("h", (), (0,)), ("h", (), (1,))),
    ),
    Gate(
        "ryy", 2, ("theta",), "exp(-i theta YY / 2)", "Qiskit, RYYGate",
        matrix=lambda theta, xp=np: _pair_rotation(theta, -1, xp),
        inverse=negated("ryy", 2), generator=((-0.5, "YY"),),
        decomposition=lambda theta: (
            ("rx", (pi / 2,), (0,)), ("rx", (pi / 2,), (1,)), ("cx", (), (0, 1)),
            ("rz", (theta,), (1,)), ("cx", (), (0, 1)), ("rx", (-pi / 2,), (0,)),
            ("rx", (-pi / 2,), (1,))),
    ),
    Gate(
        "rzz", 2, ("theta",), "exp(-i theta ZZ / 2)", "Qiskit, RZZGate",
        matrix=diagonal(
            lambda t, xp: phase(-t / 2, xp), lambda t, xp: phase(t / 2, xp),
            lambda t, xp: phase(t / 2, xp), lambda t, xp: phase(-t / 2, xp)),
        inverse=negated("rzz", 2), generator=((-0.5, "ZZ"),),
        decomposition=lambda theta: (
            ("cx", (), (0, 1)), ("rz", (theta,), (1,)), ("cx", (), (0, 1))),
    ),
    Gate(
        "rzx", 2, ("theta",), "exp(-i theta Z0 X1 / 2)", "Qiskit, RZXGate", matrix=_rzx,
        inverse=negated("rzx", 2), generator=((-0.5, "ZX"),),
        decomposition=lambda theta: (
            ("h", (), (1,)), ("cx", (), (0, 1)), ("rz", (theta,), (1,)), ("cx", (), (0, 1)),
            ("h", (), (1,))),
    ),
    Gate(
        "xx_plus_yy", 2, ("theta", "beta"), "RZ0(-beta) exp(-i theta (XX + YY) / 4) RZ0(beta)",
        "Qiskit, XXPlusYYGate", matrix=_xx_plus_yy, inverse=first_negated("xx_plus_yy", 2),
        decomposition=lambda theta, beta: (
            ("rz", (beta,), (0,)), ("rxx", (theta / 2,), (0, 1)), ("ryy", (theta / 2,), (0, 1)),
            ("rz", (-beta,), (0,))),
        label="XX+YY",
    ),
    Gate(
        "xx_minus_yy", 2, ("theta", "beta"), "RZ1(beta) exp(-i theta (XX - YY) / 4) RZ1(-beta)",
        "Qiskit, XXMinusYYGate", matrix=_xx_minus_yy, inverse=first_negated("xx_minus_yy", 2),
        decomposition=lambda theta, beta: (
            ("rz", (-beta,), (1,)), ("rxx", (theta / 2,), (0, 1)), ("ryy", (-theta / 2,), (0, 1)),
            ("rz", (beta,), (1,))),
        label="XX-YY",
    ),
    Gate(
        "fsim", 2, ("theta", "phi"), "exp(-i theta (XX + YY) / 2) CP(-phi)",
        "Cirq, FSimGate", matrix=_fsim,
        inverse=lambda theta, phi: ("fsim", (-theta, -phi), (0, 1)),
        decomposition=lambda theta, phi: (
            ("rxx", (theta,), (0, 1)), ("ryy", (theta,), (0, 1)), ("cp", (-phi,), (0, 1))),
        label="fSim",
    ),
    Gate(
        "givens", 2, ("theta",), "exp(i theta (X0 Y1 - Y0 X1) / 2)", "Cirq, givens",
        matrix=_givens, inverse=negated("givens", 2), generator=((0.5, "XY"), (-0.5, "YX")),
        decomposition=lambda theta: (("xx_plus_yy", (2 * theta, -pi / 2), (0, 1)),),
        label="Givens",
    ),
    Gate(
        "ms", 2, ("phi0", "phi1", "theta"),
        "exp(-i theta GPi(phi0) GPi(phi1) / 2), angles in radians",
        "IonQ native gates, MS (there in turns); Amazon Braket, MS", matrix=_ms,
        inverse=lambda phi0, phi1, theta: ("ms", (phi0, phi1, -theta), (0, 1)),
        decomposition=lambda phi0, phi1, theta: (
            ("rz", (-phi0,), (0,)), ("rz", (-phi1,), (1,)), ("rxx", (theta,), (0, 1)),
            ("rz", (phi0,), (0,)), ("rz", (phi1,), (1,))),
    ),
)  # fmt: skip
"""Rows of the gates on two qubits."""
