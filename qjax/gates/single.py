"""Gates on one qubit, and the global phase."""

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


def _rx(theta: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta / 2, xp)
    return stack([[c, s], [s, c]], xp)


def _ry(theta: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, xp.sin(theta / 2) + 0j
    return stack([[c, -s], [s, c]], xp)


def _u(theta: Any, phi: Any, lam: Any, xp: ModuleType = np) -> Any:
    c, s = xp.cos(theta / 2) + 0j, xp.sin(theta / 2) + 0j
    return stack([[c, -phase(lam, xp) * s], [phase(phi, xp) * s, phase(phi + lam, xp) * c]], xp)


def _su2(theta: Any, phi: Any, lam: Any, xp: ModuleType = np) -> Any:
    """RZ(phi) RY(theta) RZ(lam)."""
    half_sum, half_difference = (phi + lam) / 2, (phi - lam) / 2
    c, s = xp.cos(theta / 2), xp.sin(theta / 2)
    return stack(
        [
            [phase(-half_sum, xp) * c, -phase(-half_difference, xp) * s],
            [phase(half_difference, xp) * s, phase(half_sum, xp) * c],
        ],
        xp,
    )


def _prx(theta: Any, phi: Any, xp: ModuleType = np) -> Any:
    c, s = turn(theta / 2, xp)
    return stack([[c, s * phase(-phi, xp)], [s * phase(phi, xp), c]], xp)


SINGLE = (
    Gate(
        "gphase", 0, ("gamma",), "exp(i gamma)", "OpenQASM 3, gphase",
        matrix=lambda gamma, xp=np: stack([[phase(gamma, xp)]], xp),
        inverse=negated("gphase", 0), generator=((1.0, ""),), label="phase",
    ),
    Gate(
        "id", 1, (), "identity", STDGATES, matrix=fixed([[1, 0], [0, 1]]),
        inverse=undone_by("id"), qasm2="id", qasm3="id", label="I", aliases=("i",),
    ),
    Gate(
        "x", 1, (), "Pauli X", STDGATES, matrix=fixed([[0, 1], [1, 0]]),
        inverse=undone_by("x"), qasm2="x", qasm3="x",
    ),
    Gate(
        "y", 1, (), "Pauli Y", STDGATES, matrix=fixed([[0, -1j], [1j, 0]]),
        inverse=undone_by("y"), qasm2="y", qasm3="y",
    ),
    Gate(
        "z", 1, (), "Pauli Z", STDGATES, matrix=fixed([[1, 0], [0, -1]]),
        inverse=undone_by("z"), qasm2="z", qasm3="z",
    ),
    Gate(
        "h", 1, (), "Hadamard, (X + Z) / sqrt 2", STDGATES, matrix=fixed([[_R, _R], [_R, -_R]]),
        inverse=undone_by("h"), qasm2="h", qasm3="h",
    ),
    Gate(
        "s", 1, (), "diag(1, i)", STDGATES, matrix=fixed([[1, 0], [0, 1j]]),
        inverse=undone_by("sdg"), qasm2="s", qasm3="s",
    ),
    Gate(
        "sdg", 1, (), "diag(1, -i)", STDGATES, matrix=fixed([[1, 0], [0, -1j]]),
        inverse=undone_by("s"), qasm2="sdg", qasm3="sdg", label="S†",
    ),
    Gate(
        "t", 1, (), "diag(1, exp(i pi/4))", STDGATES, matrix=fixed([[1, 0], [0, _R + 1j * _R]]),
        inverse=undone_by("tdg"), qasm2="t", qasm3="t",
    ),
    Gate(
        "tdg", 1, (), "diag(1, exp(-i pi/4))", STDGATES, matrix=fixed([[1, 0], [0, _R - 1j * _R]]),
        inverse=undone_by("t"), qasm2="tdg", qasm3="tdg", label="T†",
    ),
    Gate(
        "sx", 1, (), "square root of X, H S H", STDGATES,
        matrix=fixed([[0.5 + 0.5j, 0.5 - 0.5j], [0.5 - 0.5j, 0.5 + 0.5j]]),
        inverse=undone_by("sxdg"), decomposition=lambda: (
            ("h", (), (0,)), ("s", (), (0,)), ("h", (), (0,))),
        qasm3="sx", label="√X", aliases=("v",),
    ),
    Gate(
        "sxdg", 1, (), "inverse of sx, H Sdg H", "Qiskit, SXdgGate",
        matrix=fixed([[0.5 - 0.5j, 0.5 + 0.5j], [0.5 + 0.5j, 0.5 - 0.5j]]),
        inverse=undone_by("sx"), decomposition=lambda: (
            ("h", (), (0,)), ("sdg", (), (0,)), ("h", (), (0,))),
        label="√X†", aliases=("vdg",),
    ),
    Gate(
        "rx", 1, ("theta",), "exp(-i theta X / 2)", STDGATES, matrix=_rx,
        inverse=negated("rx"), generator=((-0.5, "X"),), qasm2="rx", qasm3="rx",
    ),
    Gate(
        "ry", 1, ("theta",), "exp(-i theta Y / 2)", STDGATES, matrix=_ry,
        inverse=negated("ry"), generator=((-0.5, "Y"),), qasm2="ry", qasm3="ry",
    ),
    Gate(
        "rz", 1, ("theta",), "exp(-i theta Z / 2)", STDGATES,
        matrix=diagonal(lambda t, xp: phase(-t / 2, xp), lambda t, xp: phase(t / 2, xp)),
        inverse=negated("rz"), generator=((-0.5, "Z"),), qasm2="rz", qasm3="rz",
    ),
    Gate(
        "p", 1, ("theta",), "diag(1, exp(i theta))", STDGATES,
        matrix=diagonal(lambda t, xp: 0 * t + 1, phase),
        inverse=negated("p"), generator=((0.5, "I"), (-0.5, "Z")),
        qasm2="u1", qasm3="p", aliases=("phase", "u1"),
    ),
    Gate(
        "u", 1, ("theta", "phi", "lam"), "P(phi) RY(theta) P(lam)", "Qiskit, UGate",
        matrix=_u, inverse=lambda theta, phi, lam: ("u", (-theta, -lam, -phi), (0,)),
        decomposition=lambda theta, phi, lam: (
            ("p", (lam,), (0,)), ("ry", (theta,), (0,)), ("p", (phi,), (0,))),
        qasm2="u3",
    ),
    Gate(
        "u2", 1, ("phi", "lam"), "RZ(phi) RY(pi/2) RZ(lam)", STDGATES,
        matrix=lambda phi, lam, xp=np: _su2(0 * phi + pi / 2, phi, lam, xp),
        inverse=lambda phi, lam: ("u2", (pi - lam, -pi - phi), (0,)),
        decomposition=lambda phi, lam: (
            ("rz", (lam,), (0,)), ("ry", (pi / 2,), (0,)), ("rz", (phi,), (0,))),
    ),
    Gate(
        "u3", 1, ("theta", "phi", "lam"), "RZ(phi) RY(theta) RZ(lam)", STDGATES,
        matrix=_su2, inverse=lambda theta, phi, lam: ("u3", (-theta, -lam, -phi), (0,)),
        decomposition=lambda theta, phi, lam: (
            ("rz", (lam,), (0,)), ("ry", (theta,), (0,)), ("rz", (phi,), (0,))),
    ),
    Gate(
        "phased_u", 1, ("theta", "phi", "lam", "gamma"), "exp(i gamma) P(phi) RY(theta) P(lam)",
        "the gate that stdgates.inc's cu controls",
        matrix=lambda theta, phi, lam, gamma, xp=np: (
            phase(gamma, xp)[..., None, None] * _u(theta, phi, lam, xp)),
        inverse=lambda theta, phi, lam, gamma: ("phased_u", (-theta, -lam, -phi, -gamma), (0,)),
        decomposition=lambda theta, phi, lam, gamma: (
            ("gphase", (gamma,), ()), ("p", (lam,), (0,)), ("ry", (theta,), (0,)),
            ("p", (phi,), (0,))),
        label="U",
    ),
    Gate(
        "prx", 1, ("theta", "phi"), "exp(-i theta (cos phi X + sin phi Y) / 2)",
        "Amazon Braket, PRx; Qiskit, RGate",
        matrix=_prx, inverse=first_negated("prx", 1),
        decomposition=lambda theta, phi: (
            ("rz", (-phi,), (0,)), ("rx", (theta,), (0,)), ("rz", (phi,), (0,))),
        label="PRX", aliases=("r",),
    ),
    Gate(
        "gpi", 1, ("phi",), "cos phi X + sin phi Y, phi in radians",
        "IonQ native gates, GPi (there in turns); Amazon Braket, GPi",
        matrix=lambda phi, xp=np: stack(
            [[0j * phi, phase(-phi, xp)], [phase(phi, xp), 0j * phi]], xp),
        inverse=lambda phi: ("gpi", (phi,), (0,)),
        decomposition=lambda phi: (("rz", (-2 * phi,), (0,)), ("x", (), (0,))), label="GPi",
    ),
    Gate(
        "gpi2", 1, ("phi",), "exp(-i pi (cos phi X + sin phi Y) / 4), phi in radians",
        "IonQ native gates, GPi2 (there in turns); Amazon Braket, GPi2",
        matrix=lambda phi, xp=np: _prx(0 * phi + pi / 2, phi, xp),
        inverse=lambda phi: ("gpi2", (phi + pi,), (0,)),
        decomposition=lambda phi: (
            ("rz", (-phi,), (0,)), ("rx", (pi / 2,), (0,)), ("rz", (phi,), (0,))), label="GPi2",
    ),
)  # fmt: skip
"""Rows of the gates on one qubit or none."""
