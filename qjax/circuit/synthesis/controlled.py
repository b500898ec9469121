"""Gates under any number of controls, exactly and without spare qubits.

Everything comes down to four gates under controls: x, p, rz and ry. Their CX, for k controls:

| gate | k = 1 | k = 2 to 6 | k >= 7 |
| --- | --- | --- | --- |
| rz, ry | 2 | 2**k | 24 k - 72 |
| p | 2 | 2**(k+1) - 2 | 12 k**2 - 60 k + 54 |
| x | 1 | 2**(k+1) - 2 | 12 k**2 - 60 k + 54 |

A Toffoli gate is counted as its 6 CX.

References:
    A. Barenco et al., Elementary gates for quantum computation, Phys. Rev. A 52, 3457 (1995).
    R. Vale, T. Azevedo, I. Araújo, I. Araujo, A. da Silva, Circuit decomposition of multicontrolled
    special unitary single-qubit gates, IEEE Trans. CAD 43, 802 (2024); arXiv:2302.06377.
    D. Maslov, Advantages of using relative-phase Toffoli gates, Phys. Rev. A 93, 022311 (2016).
"""

from dataclasses import replace
from math import pi
from typing import Any

from qjax.circuit.instruction import Instruction
from qjax.circuit.synthesis.steps import cx, phase_steps, step
from qjax.gates import GATES, Gate, Step, inverse_of

_LARGEST_GRAY_CODE = 6  # controls of a rotation for which 2**k CX are the fewest

EQUIVALENTS: dict[str, tuple[Step, ...]] = {
    "id": (),
    "y": (("sdg", (), (0,)), ("x", (), (0,)), ("s", (), (0,))),
    "z": (("p", (pi,), (0,)),),
    "h": (("ry", (-pi / 4,), (0,)), ("z", (), (0,)), ("ry", (pi / 4,), (0,))),
    "s": (("p", (pi / 2,), (0,)),),
    "sdg": (("p", (-pi / 2,), (0,)),),
    "t": (("p", (pi / 4,), (0,)),),
    "tdg": (("p", (-pi / 4,), (0,)),),
}
"""Fixed gates by gates that are easy to control; outer steps that undo each other need none."""


def controlled_x(controls: tuple[int, ...], target: int) -> list[Instruction]:
    """X under controls: H turns it into a phase under controls."""
    if len(controls) == 1:
        return [cx(controls[0], target)]
    return [
        step("h", (target,)),
        step("p", (target,), (pi,), controls),
        step("h", (target,)),
    ]


def controlled_p(theta: Any, controls: tuple[int, ...], target: int) -> list[Instruction]:
    """diag(1, exp(i theta)) under controls: RZ, and half the phase on the controls."""
    return [step("rz", (target,), (theta,), controls), *phase_steps(theta / 2, controls)]


def controlled_rotation(
    name: str, theta: Any, controls: tuple[int, ...], target: int
) -> list[Instruction]:
    """RY or RZ under controls, with 2**k CX up to six controls and 24 k - 72 above.

    X reverses the sense of the rotation R. Few controls: parts of the angle, each turned back or
    forth by CX in the order of the Gray code, cancel unless all controls are 1. Many controls: with
    A and B the X under either half of the controls, A R B R' A R B R' is the identity unless both
    halves are all 1, and then it is four times R'.
    """
    k = len(controls)
    if k <= _LARGEST_GRAY_CODE:
        steps = []
        for j in range(2**k):
            part = theta * ((-1) ** j / 2**k)
            changed = min(((j + 1) & -(j + 1)).bit_length() - 1, k - 1)
            steps += [step(name, (target,), (part,)), cx(controls[changed], target)]
        return steps
    first, second = controls[: (k + 1) // 2], controls[(k + 1) // 2 :]
    a = _x_with_dirty_qubits(first, target, second)
    b = _x_with_dirty_qubits(second, target, first)
    forth, back = step(name, (target,), (-theta / 4,)), step(name, (target,), (theta / 4,))
    return [*a, forth, *b, back, *a, forth, *b, back]


def _x_with_dirty_qubits(
    controls: tuple[int, ...], target: int, dirty: tuple[int, ...]
) -> list[Instruction]:
    """X under k >= 3 controls, with k - 2 further qubits in any state, which are given back.

    Barenco et al., lemma 7.2: with T the Toffoli on the target and W a chain that changes the
    dirty qubit d next to the target if the other controls are 1, T W T W^-1 adds (d + change) - d.
    In W, a Toffoli may bring a sign along, for that commutes with T and W^-1 removes it. So W is
    made of gates with 3 CX (Maslov 2016, figure 3), and all is 12 k - 18 CX.
    """
    spare = dirty[: len(controls) - 2]
    chain = [
        (controls[0], controls[1], spare[0]),
        *zip(controls[2:-1], spare[:-1], spare[1:], strict=True),
    ]
    walk = [*reversed(chain), *chain[1:]]
    w = [i for place in walk for i in _toffoli_up_to_sign(*place)]
    undo = [i for place in reversed(walk) for i in _toffoli_up_to_sign(*place)]
    toffoli = step("x", (target,), (), (controls[-1], spare[-1]))
    return [toffoli, *w, toffoli, *undo]


def _toffoli_up_to_sign(a: int, b: int, target: int) -> list[Instruction]:
    """Margolus' gate: a Toffoli that multiplies |1 0 1> by -1; its own inverse."""
    forth, back = step("ry", (target,), (pi / 4,)), step("ry", (target,), (-pi / 4,))
    return [forth, cx(b, target), forth, cx(a, target), back, cx(b, target), back]


def controlled_steps(steps: list[Instruction], controls: tuple[int, ...]) -> list[Instruction]:
    """A sequence under controls.

    Steps at both ends that undo each other stay without controls, since without the middle they
    are the identity.
    """
    before, inner, after = _conjugation(steps)
    turned = _one_qubit_under_controls(inner, controls)
    if turned is None:
        turned = [s for i in inner for s in _under(i, controls)]
    return [*before, *turned, *after]


def _under(i: Instruction, controls: tuple[int, ...]) -> list[Instruction]:
    """An instruction with more controls, at value 1, in front of its own."""
    if i.operation is GATES["gphase"] and not i.controls:
        return phase_steps(i.params[0], controls)
    ones = (1,) * len(controls)
    return [replace(i, controls=controls + i.controls, control_values=ones + i.control_values)]


def _conjugation(
    steps: list[Instruction],
) -> tuple[list[Instruction], list[Instruction], list[Instruction]]:
    """(before, inner, after), where `after` undoes `before`."""
    before: list[Instruction] = []
    inner = list(steps)
    after: list[Instruction] = []
    while (j := _undone_at(inner)) is not None:
        after.insert(0, inner.pop(j))
        before.append(inner.pop(0))
    return before, inner, after


def _undone_at(steps: list[Instruction]) -> int | None:
    """Where the first step is undone by one that can be moved to the end."""
    if not steps:
        return None
    first = steps[0]
    assert isinstance(first.operation, Gate)
    gate, params, order = inverse_of(first.operation, first.params)
    undo = Instruction(
        gate, tuple(first.qubits[k] for k in order), params, first.controls, first.control_values
    )
    for j in range(len(steps) - 1, 0, -1):
        if steps[j] == undo:
            return j
        if set(steps[j].all_qubits) & set(first.all_qubits):
            return None
    return None


def _one_qubit_under_controls(
    steps: list[Instruction], controls: tuple[int, ...]
) -> list[Instruction] | None:
    """exp(i gamma) RZ(phi) RY(theta) RZ(lam) under controls, or None if that is not what it is.

    With one control: A X B X C where A B C = 1 (Barenco et al., lemma 5.1), 2 CX and a phase.
    """
    gamma: Any = 0.0
    before: Any = 0.0
    after: Any = 0.0
    theta: Any = None
    for i in steps:
        name = i.operation.name
        if i.controls or name not in ("gphase", "p", "rz", "ry") or (name == "ry" and theta):
            return None
        (angle,) = i.params
        if name == "ry":
            theta = angle
            continue
        gamma = gamma + (angle if name == "gphase" else angle / 2 if name == "p" else 0.0)
        if name != "gphase" and theta is None:
            before = before + angle
        elif name != "gphase":
            after = after + angle
    if theta is None or len({i.qubits for i in steps if i.qubits}) != 1:
        return None
    (target,) = next(i.qubits for i in steps if i.qubits)
    if len(controls) > 1:
        turns = [("rz", before), ("ry", theta), ("rz", after)]
        rotations = [step(name, (target,), (angle,), controls) for name, angle in turns]
        return rotations + phase_steps(gamma, controls)
    control = next(iter(controls))
    return [
        step("rz", (target,), ((before - after) / 2,)),
        cx(control, target),
        step("rz", (target,), (-(before + after) / 2,)),
        step("ry", (target,), (-theta / 2,)),
        cx(control, target),
        step("ry", (target,), (theta / 2,)),
        step("rz", (target,), (after,)),
        *phase_steps(gamma, controls),
    ]
