"""Columns: which instructions stand above each other in a drawing, and where its lines break."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from qjax._checks import as_positive
from qjax.circuit import Circuit, Instruction

Column = list[Instruction]
"""Instructions drawn above each other; no two of them share a wire."""

Rendered = TypeVar("Rendered")


def wires(instruction: Instruction) -> Sequence[int]:
    """The qubits whose wires a drawn instruction covers.

    A gate's vertical line also covers the wires that it crosses; a barrier or a measurement has
    no such line.
    """
    qubits = instruction.all_qubits
    if instruction.is_gate and qubits:
        return range(min(qubits), max(qubits) + 1)
    return qubits


def place(circuit: Circuit) -> list[Column]:
    """Put every instruction into the first column in which all its wires are free.

    The order on each wire and on each classical bit is that of the circuit. What has no qubit (a
    global phase) is in no column.

    Note:
        Time is linear in the number of instructions.

    Examples:
        >>> [len(column) for column in place(Circuit(3).h(0).h(1).cx(0, 2).x(1))]
        [2, 1, 1]
    """
    columns: list[Column] = []
    qubit_free = [0] * circuit.num_qubits  # first column in which the wire is free
    clbit_free = [0] * circuit.num_clbits
    for instruction in circuit.instructions:
        covered = wires(instruction)
        if not covered:
            continue
        index = max(qubit_free[q] for q in covered)
        clbits = (*instruction.clbits, *instruction.read_clbits)
        index = max([index, *(clbit_free[c] for c in clbits)])
        if index == len(columns):
            columns.append([])
        columns[index].append(instruction)
        for q in covered:
            qubit_free[q] = index + 1
        for c in clbits:
            clbit_free[c] = index + 1
    return columns


def elide(
    items: Sequence[Rendered], most: int | None, what: str
) -> tuple[Sequence[Rendered], int, Sequence[Rendered]]:
    """The first items, how many are left out, and the last ones: at most `most` are kept.

    Examples:
        >>> elide("abcdefg", 3, "max_columns")
        ('ab', 4, 'g')
    """
    if most is None or len(items) <= as_positive(most, f"draw: {what}"):
        return items, 0, items[len(items) :]
    first = (most + 1) // 2
    return items[:first], len(items) - most, items[len(items) - (most - first) :]


def fold(
    items: Iterable[Rendered], width: Callable[[Rendered], float], limit: float | None
) -> list[list[Rendered]]:
    """Break into lines no wider than `limit`; an item wider than that gets a line of its own.

    Examples:
        >>> fold(["aa", "b", "cccc", "d"], len, 3)
        [['aa', 'b'], ['cccc'], ['d']]
    """
    lines: list[list[Rendered]] = [[]]
    used = 0.0
    for item in items:
        used += width(item)
        if limit is not None and lines[-1] and used > limit:
            lines.append([])
            used = width(item)
        lines[-1].append(item)
    return lines


def layout(
    columns: Sequence[Column],
    render: Callable[[Column], Rendered],
    width: Callable[[Rendered], float],
    limit: float | None,
    max_columns: int | None,
) -> list[list[Rendered] | int]:
    """The lines of a drawing; a number stands for as many columns left out of its middle.

    Only the columns that are kept are rendered.
    """
    head, hidden, tail = elide(columns, max_columns, "max_columns")
    lines: list[list[Rendered] | int] = [*fold(map(render, head), width, limit)]
    if hidden:
        lines += [hidden, *([] if not tail else fold(map(render, tail), width, limit))]
    return lines


def left_out(count: int, what: str) -> str:
    """The words that stand for what is left out.

    Examples:
        >>> left_out(9900, "column")
        '9,900 more columns'
    """
    return f"{count:,} more {what}{'' if count == 1 else 's'}"
