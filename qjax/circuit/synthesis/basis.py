"""Bases of native gates: how a machine turns one qubit, and how it entangles two."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from math import pi
from typing import Any

import numpy as np

from qjax.circuit.instruction import Instruction
from qjax.circuit.synthesis.rotations import is_near, is_negligible, phase_angle
from qjax.circuit.synthesis.steps import step
from qjax.circuit.synthesis.weyl import Interaction, Local, normal_form, with_cz, with_iswap
from qjax.gates import GATES

Written = tuple[list[Instruction], Any, Any]
"""Native gates in time order, the turn about z that is left for later, and a global phase."""


@dataclass(frozen=True)
class Basis:
    """The native gates of a machine.

    A turn about z is carried along as a frame: it changes the angles of later gates, and is written
    at the end, or where a gate does not let it pass.

    Attributes:
        gates: Rows of the table that come out.
        turn: Writes RY(angle) on a qubit behind a turn about z, both given.
        z: Writes a turn about z on a qubit.
        entangler: "cz", "cx", "ecr", "iswap", or "rzz" and "ms", which take any angle.
    """

    gates: tuple[str, ...]
    turn: Callable[[int, Any, Any], Written]
    z: Callable[[int, Any], tuple[list[Instruction], Any]]
    entangler: str

    @property
    def takes_angles(self) -> bool:
        """Whether the entangling gate is a rotation by any angle."""
        return self.entangler in ("rzz", "ms")


# --- one qubit ------------------------------------------------------------------------------------


def _z_gate(q: int, angle: Any) -> tuple[list[Instruction], Any]:
    return [step("rz", (q,), (angle,))], 0.0


def _z_by_prx(q: int, angle: Any) -> tuple[list[Instruction], Any]:
    """RZ(2 (b - a)) = -PRX(pi, b) PRX(pi, a)."""
    return [step("prx", (q,), (pi, 0.0)), step("prx", (q,), (pi, angle * 0.5))], pi


def _z_by_gpi(q: int, angle: Any) -> tuple[list[Instruction], Any]:
    """RZ(2 (b - a)) = GPI(b) GPI(a)."""
    return [step("gpi", (q,), (0.0,)), step("gpi", (q,), (angle * 0.5,))], 0.0


def _turn_by_quarters(
    quarter: tuple[str, tuple[float, ...]], half: tuple[str, tuple[float, ...]], unit: float
) -> Callable[[int, Any, Any], Written]:
    """RY by quarter turns Q about x and RZ.

    RY(theta) = RZ(pi) RX(pi/2) RZ(theta - pi) RX(pi/2), and with one quarter where that does:
    RY(+-pi/2) = RZ(+-pi/2) RX(pi/2) RZ(-+pi/2); RX(pi) RZ(a) = RZ(-a) RX(pi).

    Args:
        quarter: Name and angles of Q = exp(i unit) RX(pi/2).
        half: Name and angles of Q^2.
        unit: The phase of Q.
    """

    def turn(q: int, theta: Any, z: Any) -> Written:
        def rz(angle: Any) -> list[Instruction]:
            return [] if is_negligible(angle) else [step("rz", (q,), (angle,))]

        x90, x180 = step(quarter[0], (q,), quarter[1]), step(half[0], (q,), half[1])
        for sign in (1, -1):
            if is_near(theta, sign * pi / 2):
                return [*rz(z - sign * pi / 2), x90], sign * pi / 2, -unit
        if is_near(theta, pi):
            return [x180], pi - z, -2 * unit
        return [*rz(z), x90, *rz(theta - pi), x90], pi, -2 * unit

    return turn


_BY_SX = _turn_by_quarters(("sx", ()), ("x", ()), pi / 4)
_BY_RX90 = _turn_by_quarters(("rx", (pi / 2,)), ("rx", (pi,)), 0.0)


def _turn_by_rx(q: int, theta: Any, z: Any) -> Written:
    """RY(theta) = RZ(pi/2) RX(theta) RZ(-pi/2); fixed turns by SX and X."""
    if is_near(abs(theta) if isinstance(theta, float) else theta, pi / 2) or is_near(theta, pi):
        return _BY_SX(q, theta, z)
    before = z - pi / 2
    made = [] if is_negligible(before) else [step("rz", (q,), (before,))]
    return [*made, step("rx", (q,), (theta,))], pi / 2, 0.0


def _turn_by_prx(q: int, theta: Any, z: Any) -> Written:
    """RY(theta) RZ(z) = RZ(z) PRX(theta, pi/2 - z)."""
    return [step("prx", (q,), (theta, phase_angle(pi / 2 - z)))], z, 0.0


def _turn_by_gpi(q: int, theta: Any, z: Any) -> Written:
    """RY(theta) by two GPI2: PRX(pi/2, pi) RZ(theta) PRX(pi/2, 0), each in its frame.

    RZ(theta) between them is carried along; GPI2(a) = PRX(pi/2, a), GPI(a) = i PRX(pi, a).
    """
    if is_near(theta, pi):
        return [step("gpi", (q,), (phase_angle(pi / 2 - z),))], z, -pi / 2
    for sign in (1, -1):
        if is_near(theta, sign * pi / 2):
            return [step("gpi2", (q,), (phase_angle(sign * pi / 2 - z),))], z, 0.0
    after = z + theta
    phases = phase_angle(0.0 - z), phase_angle(pi - after)
    return [step("gpi2", (q,), (phase,)) for phase in phases], after, 0.0


# --- two qubits -----------------------------------------------------------------------------------


@cache
def around_cz(name: str) -> tuple[Local, Local, float]:
    """(before, after, phase) with CZ = exp(i phase) after GATE before, for a gate like CZ.

    Examples:
        >>> before, after, phase = around_cz("cz")
        >>> np.round(np.abs(before[0]), 6) + 0
        array([[1., 0.],
               [0., 1.]])
    """
    eye = np.eye(2, dtype=complex)
    if name == "cz":
        return (eye, eye), (eye, eye), 0.0
    h = GATES["h"].matrix()
    if name == "cx":
        return (eye, h), (eye, h), 0.0
    wanted = normal_form(np.diag([1, 1, 1, -1]).astype(complex))
    given = normal_form(GATES[name].matrix())
    before = tuple(g.conj().T @ w for g, w in zip(given.first, wanted.first, strict=True))
    after = tuple(w @ g.conj().T for g, w in zip(given.last, wanted.last, strict=True))
    return (before[0], before[1]), (after[0], after[1]), wanted.phase - given.phase


def interaction(matrix: np.ndarray, entangler: str) -> Interaction:
    """A known two-qubit matrix with the fewest gates of a kind that has no angle."""
    if entangler == "iswap":
        return with_iswap(matrix)
    made = with_cz(matrix)
    before, after, phase = around_cz(entangler)
    steps = [list(pair) for pair in made.locals]
    for k in range(made.count):
        for q in (0, 1):
            steps[k][q] = before[q] @ steps[k][q]
            steps[k + 1][q] = steps[k + 1][q] @ after[q]
    return Interaction(tuple((a, b) for a, b in steps), made.phase + made.count * phase)


BASES: dict[str, Basis] = {
    "rz sx x cz": Basis(("rz", "sx", "x", "cz"), _BY_SX, _z_gate, "cz"),
    "rz sx x ecr": Basis(("rz", "sx", "x", "ecr"), _BY_SX, _z_gate, "ecr"),
    "rz sx x cx": Basis(("rz", "sx", "x", "cx"), _BY_SX, _z_gate, "cx"),
    "rz sx x rx rzz": Basis(("rz", "sx", "x", "rx", "rzz"), _turn_by_rx, _z_gate, "rzz"),
    "rz rx iswap": Basis(("rz", "rx", "iswap"), _BY_RX90, _z_gate, "iswap"),
    "rz rx cz": Basis(("rz", "rx", "cz"), _BY_RX90, _z_gate, "cz"),
    "prx cz": Basis(("prx", "cz"), _turn_by_prx, _z_by_prx, "cz"),
    "rz prx rzz": Basis(("rz", "prx", "rzz"), _turn_by_prx, _z_gate, "rzz"),
    "gpi gpi2 ms": Basis(("gpi", "gpi2", "ms"), _turn_by_gpi, _z_by_gpi, "ms"),
    "gpi gpi2 rzz": Basis(("gpi", "gpi2", "rzz"), _turn_by_gpi, _z_by_gpi, "rzz"),
}
"""Every basis, by its gates."""
