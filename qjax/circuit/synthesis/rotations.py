"""Runs of one-qubit gates as turns about z and y, with numbers, symbols or traced angles."""

from dataclasses import replace
from math import pi
from typing import Any

import jax.numpy as jnp
import numpy as np

from qjax.circuit.instruction import Instruction
from qjax.circuit.parameter import ParameterExpression, is_traced
from qjax.circuit.synthesis.decompose import decompose

NEGLIGIBLE = 1e-13
"""Turns below this angle are left out: a thousand of them are still below 1e-10."""

Turn = tuple[str, Any]
"""("z", angle) is RZ(angle), ("y", angle) is RY(angle)."""

Part = np.ndarray | Turn
"""A part of a run: a known matrix of shape (2, 2), or a turn by an angle."""


def is_known(value: Any) -> bool:
    """Whether an angle is a number, and neither symbolic nor traced."""
    return isinstance(value, (int, float))


def is_fixed(i: Instruction) -> bool:
    """Whether all numbers of a gate are known."""
    return all(is_known(p) or (isinstance(p, np.ndarray) and not is_traced(p)) for p in i.params)


def gate_matrix(i: Instruction) -> np.ndarray:
    """The matrix of a gate with known numbers, controls included; bit k is `all_qubits[k]`."""
    gate: Any = i.operation
    own = np.asarray(gate.matrix(*(np.asarray(p) for p in i.params)), complex)
    k = len(i.controls)
    if not k:
        return own
    matrix = np.eye(len(own) << k, dtype=complex)
    chosen = sum(v << j for j, v in enumerate(i.control_values))
    index = chosen + (np.arange(len(own)) << k)
    matrix[np.ix_(index, index)] = own
    return matrix


def zyz(matrix: Any, xp: Any = np) -> tuple[Any, Any, Any, Any]:
    """(lam, theta, phi, gamma) with matrix = exp(i gamma) RZ(phi) RY(theta) RZ(lam).

    Args:
        matrix: Unitary, of shape (2, 2); may be traced if `xp` is `jax.numpy`.
        xp: `numpy` or `jax.numpy`.

    Examples:
        >>> np.array(zyz(np.diag([-1j, 1j]))[:3]) / pi
        array([0.5, 0. , 0.5])
    """
    root = xp.sqrt(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    gamma, special = xp.angle(root), matrix * xp.conj(root)  # the root has modulus 1
    cos, sin = special[0, 0], special[1, 0]
    theta = 2 * xp.arctan2(abs(sin), abs(cos))
    # Where an entry vanishes, its angle is free.
    total = xp.where(abs(cos) > NEGLIGIBLE, -2 * xp.angle(cos), 0.0)
    difference = xp.where(abs(sin) > NEGLIGIBLE, 2 * xp.angle(sin), 0.0)
    return (total - difference) / 2, theta, (total + difference) / 2, gamma


def parts_of(i: Instruction) -> tuple[list[Part], Any]:
    """A one-qubit gate as parts in time order, and a global phase.

    Examples:
        >>> from qjax.circuit import Circuit, Parameter
        >>> parts_of(Circuit(1).p(Parameter("t"), 0)[0])
        ([('z', t)], 0.5*t)
    """
    if is_fixed(i):
        return [gate_matrix(i)], 0.0
    name = i.operation.name
    if name in ("rz", "ry"):
        return [(name[1], i.params[0])], 0.0
    if name == "rx":
        return [("z", pi / 2), ("y", i.params[0]), ("z", -pi / 2)], 0.0
    if name == "p":
        return [("z", i.params[0])], i.params[0] * 0.5
    if name == "gphase":
        return [], i.params[0]
    if name == "unitary":
        lam, theta, phi, gamma = zyz(i.params[0], jnp)
        return [("z", lam), ("y", theta), ("z", phi)], gamma
    parts: list[Part] = []
    phase: Any = 0.0
    for s in decompose(replace(i, conditions=())):
        found, more = parts_of(s)
        parts += found
        phase = phase + more
    return parts, phase


def turns_of(parts: list[Part]) -> tuple[list[Turn], Any]:
    """Parts as turns in time order, about z and y by turns, none of them negligible; and a phase.

    Examples:
        >>> turns, phase = turns_of([("z", 0.25), np.eye(2), ("z", 0.5)])
        >>> turns
        [('z', 0.75)]
    """
    turns: list[Turn] = []
    phase: Any = 0.0
    matrix: np.ndarray | None = None
    for part in [*parts, None]:
        if isinstance(part, np.ndarray):
            matrix = part if matrix is None else part @ matrix
            continue
        if matrix is not None:
            lam, theta, phi, gamma = (float(v) for v in zyz(matrix))
            phase = phase + gamma
            for turn in (("z", lam), ("y", theta), ("z", phi)):
                phase = phase + _add(turns, turn)
            matrix = None
        if part is not None:
            phase = phase + _add(turns, part)
    return turns, phase


def _add(turns: list[Turn], turn: Turn) -> float:
    """Put a turn behind others, merged with one about the same axis; returns a global phase."""
    axis, angle = turn
    if turns and turns[-1][0] == axis:
        angle = turns.pop()[1] + angle
    angle, phase = wrapped(angle)
    if not is_negligible(angle):
        turns.append((axis, angle))
    return phase


def wrapped(angle: Any) -> tuple[Any, float]:
    """A known turn's angle in (-pi, pi], and the phase that its full turns are.

    Examples:
        >>> wrapped(2.5 * pi)[0] / pi
        0.5
    """
    if isinstance(angle, ParameterExpression) and not any(
        is_traced(factor) or factor for _, factor in angle.terms
    ):
        angle = angle.offset  # symbols that cancelled
    if not is_known(angle):
        return angle, 0.0
    count = int(np.ceil((angle - pi) / (2 * pi) - NEGLIGIBLE))
    return angle - 2 * pi * count, pi * (count % 2)


def phase_angle(angle: Any) -> Any:
    """An angle that only its exponential matters of, in (-pi, pi] if it is known.

    Examples:
        >>> phase_angle(-pi) / pi
        1.0
    """
    return wrapped(angle)[0] + 0.0 if is_known(angle) else angle


def is_negligible(angle: Any) -> bool:
    """Whether a turn does nothing."""
    return is_known(angle) and abs(angle) < NEGLIGIBLE


def is_near(angle: Any, value: float) -> bool:
    """Whether an angle is known to be a value."""
    return is_known(angle) and abs(angle - value) < NEGLIGIBLE
