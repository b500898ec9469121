"""Symbols: what an instruction looks like, for every drawer."""

from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache

import numpy as np

from qjax.channels import Channel
from qjax.circuit import Instruction
from qjax.circuit.instruction import BARRIER, MEASURE, Directive
from qjax.draw.labels import LONGEST_PAULI
from qjax.gates import GATES, Gate

LARGEST_COMPARED = 4  # gates on more qubits are taken to depend on the order of their qubits


class Mark(Enum):
    """What stands on a wire."""

    CONTROL = auto()
    OPEN_CONTROL = auto()
    TARGET = auto()
    CROSS = auto()
    BOX = auto()
    METER = auto()
    BARRIER = auto()


_MARKS: dict[Gate | Channel | Directive, Mark] = {
    GATES["swap"]: Mark.CROSS,
    MEASURE: Mark.METER,
    BARRIER: Mark.BARRIER,
}
"""Operations that are not drawn as a box."""

_MARKS_UNDER_CONTROL: dict[Gate | Channel | Directive, Mark] = {
    GATES["x"]: Mark.TARGET,
    GATES["z"]: Mark.CONTROL,  # the qubits of a controlled Z are equals
}


@dataclass(frozen=True)
class Symbol:
    """What an instruction looks like.

    Attributes:
        instruction: The instruction.
        marks: What stands on the wire of each qubit.
        slots: For a qubit whose place in the box matters, its position or its Pauli letter; for a
            measured qubit its classical bit.
    """

    instruction: Instruction
    marks: dict[int, Mark]
    slots: dict[int, str]


def symbol(instruction: Instruction) -> Symbol:
    """What an instruction looks like.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> symbol(Circuit(2).cx(0, 1)[0]).marks
        {0: <Mark.CONTROL: 1>, 1: <Mark.TARGET: 3>}
        >>> symbol(Circuit(2).rzx(0.5, 1, 0)[0]).slots
        {1: 'Z', 0: 'X'}
    """
    i = instruction
    operation = i.operation
    marks = {
        q: Mark.CONTROL if value else Mark.OPEN_CONTROL
        for q, value in zip(i.controls, i.control_values, strict=True)
    }
    mark = _MARKS.get(operation, Mark.BOX)
    if i.controls:
        mark = _MARKS_UNDER_CONTROL.get(operation, mark)
    if i.conditions:  # a box has room for the condition
        mark = Mark.BOX
    marks |= dict.fromkeys(i.qubits, mark)
    slots: dict[int, str] = {}
    if i.clbits:
        slots = {q: f"c{c}" for q, c in zip(i.qubits, i.clbits, strict=True)}
    elif isinstance(operation, Gate) and mark is Mark.BOX:
        slots = dict(zip(i.qubits, _slots(operation), strict=False))
    if not i.qubits and i.controls:
        # A phase that only controls at 0 select has no qubit of its own: its last control's box
        # shows the value of that control.
        last = i.controls[-1]
        marks[last], slots[last] = Mark.BOX, f"if {i.control_values[-1]}"
    return Symbol(i, marks, slots)


@lru_cache(maxsize=1024)
def _slots(gate: Gate) -> tuple[str, ...]:
    """What tells the qubits of a gate apart; nothing where they are equals."""
    if gate.num_qubits < 2:
        return ()
    if gate.rotation is not None:
        equals = len(set(gate.rotation)) == 1 and len(gate.rotation) <= LONGEST_PAULI
        return () if equals else tuple(gate.rotation)
    return () if _is_symmetric(gate) else tuple(str(k) for k in range(gate.num_qubits))


def _is_symmetric(gate: Gate) -> bool:
    """Whether the matrix at generic angles stays the same when neighbouring qubits change place."""
    k = gate.num_qubits
    if k > LARGEST_COMPARED or any(gate.param_shapes):
        return False
    angles = [0.3 + 0.7 * j for j in range(len(gate.params))]
    tensor = np.asarray(gate.matrix(*(np.float64(a) for a in angles))).reshape((2,) * (2 * k))
    return all(
        np.allclose(tensor, tensor.swapaxes(a, a + 1).swapaxes(k + a, k + a + 1))
        for a in range(k - 1)
    )
