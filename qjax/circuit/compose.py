"""Circuits from circuits: placing, undoing, controlling, and conditions."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from qjax._checks import check_index
from qjax.circuit._place import canonical, checked_control_values, distinct_qubits
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, Instruction
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

    Args:
        instructions: The body.
        condition: The condition around it.
        more: Whether instructions under the opposite condition follow.

    Raises:
        CircuitError: If the body writes a bit of the condition, and the condition is needed after.
    """
    if condition.always is not None:
        return list(instructions) if condition.always else []
    result = []
    changed = None
    for i in instructions:
        if changed is not None:
            raise _changed(changed, condition)
        result.append(replace(i, conditions=(condition, *i.conditions)))
        changed = next((c for c in i.clbits if c in condition.clbits), None)
    if more and changed is not None:
        raise _changed(changed, condition)
    return result


def _changed(clbit: int, condition: Condition) -> CircuitError:
    return CircuitError(
        f"if_else: a body must not change the bits of its condition before its last instruction, "
        f"but one measures into bit {clbit} under {condition}."
    )
