"""Circuits from circuits: placing, undoing and controlling."""

from dataclasses import replace
from typing import Any

from qjax._checks import check_index
from qjax.circuit._place import as_list, canonical
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
    places = as_list(range(other_qubits) if qubits is None else qubits)
    if len(places) != other_qubits:
        raise CircuitError(
            f"compose: needs a place for each of the other circuit's {other_qubits} qubits, "
            f"but got {len(places)}."
        )
    where = f"this {num_qubits}-qubit circuit"
    indices = tuple(check_index(q, num_qubits, "compose: qubit", where) for q in places)
    if len(set(indices)) != len(indices):
        raise CircuitError(f"compose: qubits must differ, but are {indices}.")
    return [remapped(i, indices, num_qubits) for i in instructions]


def inverted(instructions: list[Instruction]) -> list[Instruction]:
    """The instructions that undo these, in time order."""
    return [_inverse(i) for i in reversed(instructions)]


def _inverse(i: Instruction) -> Instruction:
    if i.operation is BARRIER:
        return i
    if not isinstance(i.operation, Gate):
        raise CircuitError(f"inverse: a circuit to be undone must have no {i.name}, but this has.")
    gate, params, order = inverse_of(i.operation, i.params)
    return replace(i, operation=gate, params=params, qubits=tuple(i.qubits[k] for k in order))


def controlled(
    instructions: list[Instruction], controls: tuple[int, ...], control_values: Any
) -> list[Instruction]:
    """The instructions under control of further qubits; see `Circuit.controlled`."""
    count = len(controls)
    values = (1,) * count if control_values is None else tuple(as_list(control_values))
    if len(values) != count or any(v not in (0, 1) for v in values):
        raise CircuitError(
            f"controlled: control_values must be {count} numbers 0 or 1, but are {values}."
        )
    values = tuple(int(v) for v in values)
    result = []
    for i in instructions:
        if i.operation is MEASURE:
            raise CircuitError(
                "controlled: a circuit to be controlled must have no measure, but this has."
            )
        if isinstance(i.operation, Gate):
            i = canonical(
                i.operation, i.qubits, i.params, controls + i.controls, values + i.control_values
            )
        result.append(i)
    return result
