"""Circuits from circuits: placing, undoing, controlling, and conditions."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from qjax._checks import check_index
from qjax.circuit._place import canonical, checked_control_values, distinct_qubits
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, Instruction
from qjax.errors import CircuitError
from qjax.gates import Gate, inverse_of


def remapped(instruction: Instruction, qubits: tuple[int, ...], num_qubits: int) -> Instruction:
    """The instruction with its qubit q moved to `qubits[q]`.

    Raises:
        CircuitError: If it uses a qubit that has no place.
    """
    for q in instruction.all_qubits:
        place = f"this {num_qubits}-qubit circuit"
        check_index(q, len(qubits), f"{instruction.name}: qubit", place)
    return replace(
        instruction,
        qubits=tuple(qubits[q] for q in instruction.qubits),
        controls=tuple(qubits[q] for q in instruction.controls),
    )


def composed(
    num_qubits: int, instructions: list[Instruction], other_qubits: int, qubits: Any
) -> list[Instruction]:
    """Instructions on `other_qubits` qubits, moved onto `qubits` of a circuit of `num_qubits`."""
    given = range(other_qubits) if qubits is None else qubits
    indices = distinct_qubits("compose", given, num_qubits)
    if len(indices) != other_qubits:
        raise CircuitError(
            f"compose: needs a place for each of the other circuit's {other_qubits} qubits, "
            f"but got {len(indices)}."
        )
    return [remapped(i, indices, num_qubits) for i in instructions]


def inverted(instructions: list[Instruction]) -> list[Instruction]:
    """The instructions that undo these, in time order."""
    return [_inverse(i) for i in reversed(instructions)]


def _inverse(i: Instruction) -> Instruction:
    if i.operation is BARRIER:
        return i
    _check_unitary(i, "inverse: a circuit to be undone")
    assert isinstance(i.operation, Gate)
    gate, params, order = inverse_of(i.operation, i.params)
    return replace(i, operation=gate, params=params, qubits=tuple(i.qubits[k] for k in order))


def controlled(
    instructions: list[Instruction], controls: tuple[int, ...], control_values: Any
) -> list[Instruction]:
    """The instructions under control of further qubits; see `Circuit.controlled`."""
    values = checked_control_values("controlled", control_values, len(controls))
    result = []
    for i in instructions:
        if i.operation is not BARRIER:
            _check_unitary(i, "controlled: a circuit to be controlled")
        if isinstance(i.operation, Gate):
            i = canonical(
                i.operation, i.qubits, i.params, controls + i.controls, values + i.control_values
            )
        result.append(i)
    return result


def _check_unitary(i: Instruction, what: str) -> None:
    if i.conditions:
        raise CircuitError(f"{what} must have no conditions, but this has {i}.")
    if not isinstance(i.operation, Gate):
        raise CircuitError(f"{what} must have no {i.name}, but this has.")


def conditioned(
    instructions: Iterable[Instruction], condition: Condition, *, more: bool = False
) -> list[Instruction]:
    """The instructions under one more condition, which is read once, before the first.

    Measurements that change what the condition reads come last, as one instruction.

    Args:
        instructions: The body.
        condition: The condition around it.
        more: Whether instructions under the opposite condition follow.

    Raises:
        CircuitError: If the body writes a bit of the condition, and the condition is needed after.
    """
    if condition.always is not None:
        return list(instructions) if condition.always else []
    kept, last = _changing_last(list(instructions), condition)
    if last is not None and more:
        raise _changed(last, condition)
    return [
        replace(i, conditions=(condition, *i.conditions))
        for i in kept + ([] if last is None else [last])
    ]


def _changing_last(
    instructions: list[Instruction], condition: Condition
) -> tuple[list[Instruction], Instruction | None]:
    """The instructions that leave a condition's bits as they are, and the one that changes them."""
    kept: list[Instruction] = []
    moved: list[Instruction] = []
    for i in instructions:
        changes = bool(set(i.clbits) & set(condition.clbits))
        bits = {*i.clbits, *i.read_clbits}
        for m in moved:  # what comes after must not care that these come later
            if bits & set(m.clbits) or set(i.all_qubits) & set(m.qubits) or m.conditions:
                raise _changed(m, condition)
        if changes and i.conditions and moved:
            raise _changed(i, condition)
        (moved if changes else kept).append(i)
    if len(moved) < 2:
        return kept, moved[0] if moved else None
    qubits = tuple(q for m in moved for q in m.qubits)
    clbits = tuple(c for m in moved for c in m.clbits)
    return kept, Instruction(MEASURE, qubits, clbits=clbits)


def _changed(i: Instruction, condition: Condition) -> CircuitError:
    return CircuitError(
        "A body must not change the bits of its condition and go on, but one under "
        f"{condition} has: {i}. Put such measurements at its end, or measure into another bit."
    )


def under_conditions(
    instructions: Iterable[Instruction],
) -> Iterator[tuple[tuple[Condition, ...], list[Instruction]]]:
    """Instructions in a row under the same conditions, whose bits none before the last changes.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> again = Circuit(1, 1).h(0).measure(0)
        >>> circuit = Circuit(1, 1).while_loop(0, 0, again, 2)
        >>> [(len(conditions), len(group)) for conditions, group in under_conditions(circuit)]
        [(1, 2), (1, 2)]
    """
    group: list[Instruction] = []
    changed = False
    for i in instructions:
        if group and (changed or i.conditions != group[0].conditions):
            yield group[0].conditions, group
            group = []
        group.append(i)
        changed = bool(set(i.clbits) & set(i.read_clbits))
    if group:
        yield group[0].conditions, group
