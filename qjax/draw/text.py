"""A circuit as text."""

import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from unicodedata import combining, east_asian_width

from qjax._checks import as_integer
from qjax.circuit import Circuit
from qjax.draw.columns import Column, elide, layout, left_out, place
from qjax.draw.labels import Labels
from qjax.draw.symbols import Mark, Symbol, symbol
from qjax.errors import CircuitError

DEFAULT_WIDTH = 100  # characters, where no terminal says


@dataclass(frozen=True)
class _Glyphs:
    wire: str
    line: str
    crossing: str
    control: str
    open_control: str
    swap: str
    barrier: str
    arrow: str
    dots: str
    more_rows: str


_UNICODE = _Glyphs("─", "│", "┼", "●", "○", "×", "░", "→", "…", "⋮")
_ASCII = _Glyphs("-", "|", "+", "*", "o", "x", ":", "->", "...", ":")


class TextDrawing(str):
    """A drawing made of characters; a console shows it as it is, without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def draw_text(
    circuit: Circuit,
    *,
    width: int | Literal["auto"] | None = "auto",
    max_columns: int | None = 100,
    max_rows: int | None = None,
    reverse_bits: bool = False,
    ascii: bool = False,
    digits: int = 4,
) -> TextDrawing:
    """Draw a circuit with characters.

    Args:
        circuit: The circuit.
        width: Most characters in a line; a longer circuit continues below. "auto" takes the width
            of the terminal, or 100 characters where there is none; None or 0 never breaks lines.
        max_columns: Most columns to draw; the middle of a longer circuit is left out, and a line
            says so. None draws all.
        max_rows: Most qubits to draw, likewise.
        reverse_bits: Whether qubit 0 is at the bottom instead of at the top.
        ascii: Whether to use ASCII characters only.
        digits: Significant digits of an angle. Fractions of pi are written as such.

    Returns:
        The drawing, a str.

    Raises:
        CircuitError: If an option is out of range.

    Note:
        Time is linear in the number of instructions.

    Examples:
        >>> circuit = Circuit(3).h(0).ccx(0, 2, 1).rzx(0.5, 1, 2).measure([0, 1])
        >>> draw_text(circuit)
        q0: ─H─●────M→c0─────────
               │
        q1: ───X─Z:RZX(0.5)─M→c1─
               │     │
        q2: ───●───X:RZX─────────
    """
    labels = Labels(digits=digits, ascii=ascii)
    glyphs = _ASCII if ascii else _UNICODE
    lines = [f"global phase: {phase}"] if (phase := labels.global_phase(circuit)) else []
    n = circuit.num_qubits
    if n == 0:
        return TextDrawing("\n".join([*lines, "(no qubits)"]))

    qubits = range(n - 1, -1, -1) if reverse_bits else range(n)
    names = _names(qubits)
    margin = len(names[0]) + len(glyphs.dots) * 2 + 1
    most = _width(width)
    blocks = layout(
        place(circuit),
        lambda column: _column(column, qubits, labels, glyphs),
        lambda rendered: _length(rendered[0]) + 1,
        None if most is None else max(1, most - margin),
        max_columns,
    )
    for index, block in enumerate(blocks):
        if isinstance(block, int):
            lines += ["", f"{glyphs.dots} {left_out(block, 'column')} {glyphs.dots}"]
            continue
        before = glyphs.dots if index > 0 else ""
        after = glyphs.dots if index + 1 < len(blocks) else ""
        rows = _joined(block, names, before, after, glyphs)
        lines += [""] * (index > 0)
        lines += _without_middle(rows, qubits, max_rows, glyphs)
    return TextDrawing("\n".join(lines))


def _width(width: int | str | None) -> int | None:
    if width == "auto":
        on_terminal = sys.stdout is not None and sys.stdout.isatty()
        return shutil.get_terminal_size().columns if on_terminal else DEFAULT_WIDTH
    if width is None:
        return None
    number = as_integer(width, "draw: width")
    if number < 0:
        raise CircuitError(f"draw: width must be at least 0, but is {number}.")
    return number or None


def _names(qubits: Sequence[int]) -> list[str]:
    names = [f"q{q}:" for q in qubits]
    longest = max(len(name) for name in names)
    return [name.ljust(longest + 1) for name in names]


def _length(text: str) -> int:
    """How many places of a terminal a text takes."""
    if text.isascii():
        return len(text)
    wide = sum(east_asian_width(c) in "WF" for c in text)
    return len(text) + wide - sum(combining(c) > 0 for c in text)


def _column(column: Column, qubits: Sequence[int], labels: Labels, glyphs: _Glyphs) -> list[str]:
    """The 2 n - 1 lines of a column: line 2 r is the wire of row r, the others lie between."""
    row_of = {q: row for row, q in enumerate(qubits)}
    symbols = [symbol(instruction) for instruction in column]
    cells = [_cells(s, row_of, labels, glyphs) for s in symbols]
    width = max(_length(text) for cell in cells for text in cell.values())
    height = 2 * len(qubits) - 1

    def centred(text: str, filler: str) -> str:
        size = _length(text)
        before = (width - 1) // 2 - (size - 1) // 2
        return filler * before + text + filler * (width - size - before)

    lines = [(" " if line % 2 else glyphs.wire) * width for line in range(height)]
    for s, cell in zip(symbols, cells, strict=True):
        if s.instruction.is_gate:
            for line in range(2 * min(cell) + 1, 2 * max(cell)):
                bar = centred(glyphs.line, " ") if line % 2 else (
                    centred(glyphs.crossing, glyphs.wire))  # fmt: skip
                lines[line] = bar
        for row, text in cell.items():
            lines[2 * row] = centred(text, glyphs.wire)
            if text == glyphs.barrier and row + 1 in cell:
                lines[2 * row + 1] = centred(text, " ")
    return lines


def _cells(s: Symbol, row_of: dict[int, int], labels: Labels, glyphs: _Glyphs) -> dict[int, str]:
    """The text on each row that a symbol stands on; the first box shows the angles."""
    signs = {
        Mark.CONTROL: glyphs.control,
        Mark.OPEN_CONTROL: glyphs.open_control,
        Mark.TARGET: labels.name(s.instruction),
        Mark.CROSS: glyphs.swap,
        Mark.BARRIER: glyphs.barrier,
    }
    boxes = [row_of[q] for q, mark in s.marks.items() if mark is Mark.BOX]
    cells = {}
    for q, mark in s.marks.items():
        row, slot = row_of[q], s.slots.get(q, "")
        if mark is Mark.METER:
            cells[row] = f"{labels.name(s.instruction)}{glyphs.arrow}{slot}"
        elif mark is Mark.BOX:
            write = labels.full if row == min(boxes) else labels.name
            cells[row] = (f"{slot}:" if slot else "") + write(s.instruction)
        else:
            cells[row] = signs[mark]
    return cells


def _joined(
    block: list[list[str]], names: list[str], before: str, after: str, glyphs: _Glyphs
) -> list[str]:
    """The lines of columns side by side, with the wires' names and signs that it continues."""
    lines = []
    for line in range(2 * len(names) - 1):
        filler = " " if line % 2 else glyphs.wire
        body = "".join(filler + column[line] for column in block) + filler
        name = " " * len(names[0]) if line % 2 else names[line // 2]
        signs = (" " * len(before), "") if line % 2 else (before, after)
        lines.append(f"{name}{signs[0]}{body}{signs[1]}".rstrip())
    return lines


def _without_middle(
    lines: list[str], qubits: Sequence[int], max_rows: int | None, glyphs: _Glyphs
) -> list[str]:
    """The lines of the first and last rows, and one that says how many are left out."""
    head, hidden, tail = elide(qubits, max_rows, "max_rows")
    if not hidden:
        return lines
    more = f"{glyphs.more_rows} {left_out(hidden, 'qubit')}"
    return [*lines[: 2 * len(head) - 1], more, *(lines[1 - 2 * len(tail) :] if tail else [])]
