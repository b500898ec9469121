"""A circuit as lines, boxes, discs and words: what the matplotlib and the SVG drawer paint."""

from dataclasses import dataclass, field
from itertools import pairwise
from math import inf

from qjax.circuit import Circuit
from qjax.draw.columns import layout, left_out, place
from qjax.draw.labels import Labels
from qjax.draw.palette import Family, family
from qjax.draw.symbols import Mark, Symbol, symbol
from qjax.errors import CircuitError

# Lengths are in points. The y axis points down, as in SVG.
ROW = 42.0  # from wire to wire
BOX = 30.0  # height of a box, and its least width
PAD = 7.0  # between the edge of a box and its words
GAP = 14.0  # between columns
MARGIN = 12.0  # around the picture
BESIDE = 6.0  # between a wire and its name
DOT = 4.0  # radius of a control
TARGET = 9.5  # radius of the sign of a controlled X
CROSS = 5.5  # half the size of the sign of a swap
SLOT = 8.0  # size of the words that tell qubits apart
NAME = 12.5  # size of a gate's name
ANGLES = 9.0  # size of its angles
REMARK = 10.5  # size of words outside the wires
CONTINUED = 12.0  # length of the dotted wire where a line of the drawing goes on

# Widths of characters relative to the size, rounded up from those of common sans-serif fonts.
_NARROW, _WIDE = frozenset("iIjlrtf()[]|.,:;'! /-"), frozenset("mwMWOQ@…+=<>")


@dataclass(frozen=True)
class Line:
    """A straight line; `role` is "wire", "dotted", "link", "stroke" or "barrier"."""

    x1: float
    y1: float
    x2: float
    y2: float
    role: str


@dataclass(frozen=True)
class Box:
    """A rectangle, given by its upper left corner; `role` is "box" or "band"."""

    x: float
    y: float
    width: float
    height: float
    role: str = "box"


@dataclass(frozen=True)
class Disc:
    """A circle; `role` is "control", "open" or "target"."""

    x: float
    y: float
    radius: float
    role: str


@dataclass(frozen=True)
class Meter:
    """The arc and the needle of a measurement, by the middle of the arc's chord."""

    x: float
    y: float
    radius: float


@dataclass(frozen=True)
class Words:
    """Text, centred vertically at y; `anchor` is "start", "middle" or "end".

    `role` is "ink", "slot" or "faint".
    """

    x: float
    y: float
    text: str
    size: float
    anchor: str = "middle"
    role: str = "ink"


Shape = Line | Box | Disc | Meter | Words


@dataclass(frozen=True)
class Group:
    """The shapes of one instruction, later ones above earlier ones."""

    title: str
    family: Family
    shapes: list[Shape] = field(default_factory=list)


@dataclass(frozen=True)
class Picture:
    """A whole drawing.

    Attributes:
        width: Width in points, before scaling.
        height: Height in points, before scaling.
        scale: Factor on all sizes.
        title: What it shows, in a sentence.
        frame: Wires and words that belong to no instruction; they lie below all groups.
        groups: One for each instruction drawn.
    """

    width: float
    height: float
    scale: float
    title: str
    frame: list[Shape]
    groups: list[Group]


def words_width(text: str, size: float) -> float:
    """An estimate of a text's width, on the large side.

    Examples:
        >>> words_width("RX", 10.0)
        14.0
    """
    units = (0.45 if c in _NARROW else 0.95 if c in _WIDE else 0.7 for c in text)
    return size * sum(units)


def picture(
    circuit: Circuit,
    labels: Labels,
    *,
    width: float | None,
    max_columns: int | None,
    reverse_bits: bool,
    scale: float = 1.0,
) -> Picture:
    """Lay a circuit out.

    Args:
        circuit: The circuit.
        labels: How names and angles are written.
        width: Most points that a line of the drawing may take; None or 0 never breaks it.
        max_columns: Most columns to draw, or None for all.
        reverse_bits: Whether qubit 0 is at the bottom.
        scale: Factor on all sizes.

    Raises:
        CircuitError: If width, max_columns or scale is out of range.
    """
    if width is not None and not 0 <= width < inf:
        raise CircuitError(f"draw: width must be a number of points or None, but is {width!r}.")
    if not 0 < scale < inf:
        raise CircuitError(f"draw: scale must be positive, but is {scale!r}.")
    n = circuit.num_qubits
    qubits = range(n - 1, -1, -1) if reverse_bits else range(n)
    row_of = {q: row for row, q in enumerate(qubits)}
    left = MARGIN + max((words_width(f"q{q}", NAME) for q in qubits), default=0.0)
    left += BESIDE + GAP / 2
    blocks = layout(
        place(circuit),
        lambda column: [_Shaped(symbol(i), row_of, labels) for i in column],
        _room,
        max(width - left - 2 * CONTINUED - GAP / 2 - MARGIN, 1.0) if width else None,
        max_columns,
    )
    page = _Page(left, [f"q{q}" for q in qubits])
    if phase := labels.global_phase(circuit):
        page.remark(f"global phase: {phase}", MARGIN, "ink")
    if n == 0:
        page.remark("no qubits", MARGIN)
    for index, block in enumerate(blocks if n else []):
        if isinstance(block, int):
            page.remark(f"… {left_out(block, 'column')} …", left)
        else:
            page.block(block, index > 0, index + 1 < len(blocks))
    many = f"{n} qubit{'' if n == 1 else 's'} and {len(circuit)} instruction"
    title = f"Quantum circuit with {many}{'' if len(circuit) == 1 else 's'}"
    return Picture(page.right + MARGIN, page.bottom + MARGIN, scale, title, page.frame, page.groups)


class _Page:
    """Puts the lines of a drawing below each other."""

    def __init__(self, left: float, names: list[str]) -> None:
        self.left = left
        self.names = names
        self.right = left
        self.y = self.bottom = MARGIN
        self.frame: list[Shape] = []
        self.groups: list[Group] = []

    def remark(self, text: str, x: float, role: str = "faint") -> None:
        """A line of words."""
        self.frame.append(Words(x, self.y + REMARK / 2, text, REMARK, "start", role))
        self.right = max(self.right, x + words_width(text, REMARK))
        self.bottom = self.y + REMARK
        self.y = self.bottom + GAP

    def block(self, columns: list[list["_Shaped"]], continued: bool, continues: bool) -> None:
        """Wires with columns of instructions on them."""
        x = start = self.left + (CONTINUED if continued else 0.0)
        for column in columns:
            room = _room(column)
            self.groups += [s.group(x + room / 2, self.y) for s in column]
            x += room
        stop = x if columns else x + ROW
        for row, name in enumerate(self.names):
            y = _wire_y(self.y, row)
            self.frame.append(Words(self.left - BESIDE - GAP / 2, y, name, NAME, "end"))
            self.frame.append(Line(start - GAP / 2, y, stop + GAP / 2, y, "wire"))
            if continued:
                self.frame.append(Line(self.left - GAP / 2, y, start - GAP / 2, y, "dotted"))
            if continues:
                self.frame.append(Line(stop + GAP / 2, y, stop + GAP / 2 + CONTINUED, y, "dotted"))
        self.right = max(self.right, stop + GAP / 2 + (CONTINUED if continues else 0.0))
        self.bottom = self.y + len(self.names) * ROW
        self.y = self.bottom + GAP


def _room(column: list["_Shaped"]) -> float:
    return max(s.width for s in column) + GAP


def _wire_y(top: float, row: int) -> float:
    return top + (row + 0.5) * ROW


def _runs(rows: list[int]) -> list[tuple[int, int]]:
    """First and last of each run of neighbouring rows."""
    rows = sorted(rows)
    breaks = [k + 1 for k, (a, b) in enumerate(pairwise(rows)) if b != a + 1]
    starts, stops = [0, *breaks], [*breaks, len(rows)]
    return [(rows[a], rows[b - 1]) for a, b in zip(starts, stops, strict=True)] if rows else []


class _Shaped:
    """A symbol whose words are written and measured, ready to be put somewhere."""

    def __init__(self, s: Symbol, row_of: dict[int, int], labels: Labels) -> None:
        self.symbol = s
        self.marks = {row_of[q]: mark for q, mark in s.marks.items()}
        self.slots = {row_of[q]: text for q, text in s.slots.items()}
        self.name = labels.name(s.instruction)
        self.angles = labels.angles(s.instruction)
        self.title = str(s.instruction)
        self.boxes = _runs([row for row, mark in self.marks.items() if mark is Mark.BOX])
        self.slot_width = 0.0
        if self.boxes and self.slots:
            self.slot_width = max(words_width(t, SLOT) for t in self.slots.values())
        self.width = self._width()

    def _width(self) -> float:
        if not self.boxes:
            return BOX if Mark.METER in self.marks.values() else 2 * TARGET
        words = max(words_width(self.name, NAME), words_width(self.angles, ANGLES))
        # The words stay in the middle, so the room for slots is needed on both sides.
        return max(BOX, words + 2 * PAD + 2 * self.slot_width)

    def group(self, x: float, top: float) -> Group:
        """The shapes, centred at x, in a drawing whose first row begins at `top`."""
        group = Group(self.title, family(self.symbol.instruction))
        add = group.shapes.append
        if self.symbol.instruction.is_gate and len(self.marks) > 1:
            y1, y2 = _wire_y(top, min(self.marks)), _wire_y(top, max(self.marks))
            add(Line(x, y1, x, y2, "link"))
        for first, last in self.boxes:
            self._box(group, x, _wire_y(top, first), _wire_y(top, last))
        for row, mark in self.marks.items():
            y = _wire_y(top, row)
            if mark is Mark.CONTROL:
                add(Disc(x, y, DOT, "control"))
            elif mark is Mark.OPEN_CONTROL:
                add(Disc(x, y, DOT, "open"))
            elif mark is Mark.TARGET:
                add(Disc(x, y, TARGET, "target"))
                add(Line(x - TARGET, y, x + TARGET, y, "stroke"))
                add(Line(x, y - TARGET, x, y + TARGET, "stroke"))
            elif mark is Mark.CROSS:
                add(Line(x - CROSS, y - CROSS, x + CROSS, y + CROSS, "stroke"))
                add(Line(x - CROSS, y + CROSS, x + CROSS, y - CROSS, "stroke"))
            elif mark is Mark.METER:
                add(Box(x - BOX / 2, y - BOX / 2, BOX, BOX))
                add(Meter(x, y + 1, 8.5))
                add(Words(x, y + 8.5, self.slots[row], SLOT))
            elif mark is Mark.BOX and row in self.slots:
                slot_x = x - self.width / 2 + 3.5
                add(Words(slot_x, y, self.slots[row], SLOT, "start", "slot"))
        barriers = [row for row, mark in self.marks.items() if mark is Mark.BARRIER]
        for first, last in _runs(barriers):
            y, height = _wire_y(top, first) - ROW / 2, (last - first + 1) * ROW
            add(Box(x - 5, y, 10, height, "band"))
            add(Line(x, y, x, y + height, "barrier"))
        return group

    def _box(self, group: Group, x: float, y1: float, y2: float) -> None:
        """A box from the wire at y1 to that at y2, with the name and the angles below it."""
        group.shapes.append(Box(x - self.width / 2, y1 - BOX / 2, self.width, y2 - y1 + BOX))
        y = (y1 + y2) / 2
        if self.angles:
            group.shapes.append(Words(x, y - 5.5, self.name, NAME))
            group.shapes.append(Words(x, y + 7.5, self.angles, ANGLES))
        else:
            group.shapes.append(Words(x, y, self.name, NAME))
