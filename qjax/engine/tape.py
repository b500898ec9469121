r"""The tape of the `xla` engine: a plan as steps over an array of amplitudes with moving labels.

The engine never moves amplitudes for X, CX and SWAP. It keeps an array phi and an invertible affine
map over GF(2) with

    phi[j] = psi[A j + b],

so such a gate only changes A and b. In these labels, qubit t is the parity of j with row t of A,
flipped where b_t is 1; flipping qubit t is j ^ x with x = A^-1 e_t. Every other op needs no more:
a gate on qubit t combines phi[j] and phi[j ^ x], by the parity of j with a mask.

To let a mask hold the flip as well, parities are taken of j | 2**n: bit n of a mask is a constant.
The permutation is carried out once, at the end (`Tape.read` and `Tape.write`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from qjax.plan import Op, OpKind, Plan
from qjax.plan.fixed import fixed_matrix

DIAGONALS = 8  # how many diagonal factors one step applies at most
_SMALL = 64  # numbers or masks of a step above which it does not share a loop with other kinds
_GATHERED = (
    2  # up to so many targets a dense op is a sum over partners, above it is a matrix product
)


class Form(NamedTuple):
    """What a step does; steps of one form run the same code.

    Attributes:
        name: "dense", "block", "rotation", "diagonal", "table" or "permutation".
        size: Number of targets; for "diagonal" the number of factors.
        controls: Number of controls; for "diagonal" of each factor.
        fixed: Whether no number of it changes, so that its gradient is not wanted.
    """

    name: str
    size: int
    controls: int
    fixed: bool


@dataclass(frozen=True)
class Step:
    """One step.

    Attributes:
        form: What it does.
        masks: Masks that the form reads, then the controls: the step acts on j where the parity of
            j with each of these is 1. In a "diagonal", each factor has a mask and its controls.
        numbers: Indices of its numbers in (buffer, constants, minus the buffer).
    """

    form: Form
    masks: tuple[int, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True)
class Segment:
    """Steps that run in one loop.

    Attributes:
        forms: The forms that occur.
        form: For each step, its index in `forms`, int32 of shape (steps,).
        masks: uint32 of shape (steps, m).
        numbers: int32 of shape (steps, r), padded with the index of a zero.
    """

    forms: tuple[Form, ...]
    form: np.ndarray
    masks: np.ndarray
    numbers: np.ndarray


@dataclass(frozen=True)
class Tape:
    """A plan, ready for the `xla` engine.

    Attributes:
        num_qubits: Number of qubits.
        segments: What to run.
        constants: 0, 1 and the numbers of fixed ops; they follow the plan's buffer.
        positions: Where each number of the buffer is read: integers of shape (k, num_numbers) into
            the numbers of all steps, one after the other; their count stands for "nowhere".
        negated: Where minus each number is read, in the same form.
        read: Masks of the final permutation, psi[i] = phi[read(i)]; None if there is none.
        write: Its inverse.
    """

    num_qubits: int
    segments: tuple[Segment, ...]
    constants: np.ndarray
    positions: np.ndarray
    negated: np.ndarray
    read: np.ndarray | None
    write: np.ndarray | None


class _Labels:
    """The affine map: `rows[t]` is row t of A with b_t in bit n, `columns[t]` is A^-1 e_t."""

    def __init__(self, n: int) -> None:
        self.n, self.one = n, 1 << n
        self.rows = [1 << q for q in range(n)]
        self.columns = [1 << q for q in range(n)]

    def control(self, qubit: int, value: int) -> int:
        return self.rows[qubit] if value else self.rows[qubit] ^ self.one

    def parity(self, z_mask: int) -> int:
        """Mask whose parity with j is the parity of the basis state's bits in `z_mask`."""
        return _xor(self.rows[q] for q in range(self.n) if z_mask >> q & 1)

    def flip(self, x_mask: int) -> int:
        """What flipping these qubits does to j."""
        return _xor(self.columns[q] for q in range(self.n) if x_mask >> q & 1)

    def apply(self, op: Op) -> bool:
        """Take in an op that is an affine map; False if it is none."""
        if len(op.controls) == 1 and op.table == (1, 0):
            ((target,), (control,), (value,)) = op.targets, op.controls, op.control_values
            self.rows[target] ^= self.rows[control] ^ (0 if value else self.one)
            self.columns[control] ^= self.columns[target]
            return True
        if op.controls:
            return False
        k, offset = len(op.targets), op.table[0]
        images = [op.table[1 << b] ^ offset for b in range(k)]
        if any(
            op.table[j] != offset ^ _xor(images[b] for b in range(k) if j >> b & 1)
            for j in range(2**k)
        ):
            return False
        # Output bit r is the sum of the input bits b with bit r in images[b], and bit r of offset.
        old_rows = [self.rows[t] for t in op.targets]
        old_columns = [self.columns[t] for t in op.targets]
        backward = [op.table.index(offset ^ (1 << r)) for r in range(k)]
        for r, t in enumerate(op.targets):
            flipped = self.one if offset >> r & 1 else 0
            self.rows[t] = _xor(old_rows[b] for b in range(k) if images[b] >> r & 1) ^ flipped
            self.columns[t] = _xor(old_columns[b] for b in range(k) if backward[r] >> b & 1)
        return True

    def layout(self, order: Sequence[int]) -> tuple[list[int], list[int]]:
        """Masks of the maps between j and j', whose bit p is the qubit `order[p]`.

        Returns:
            (j from j', j' from j): one mask per bit of the argument, then the constant.
        """
        shift = _xor(self.columns[q] for q in order if self.rows[q] & self.one)
        forward = [self.columns[q] for q in order] + [shift]
        back = [
            sum(1 << p for p, q in enumerate(order) if self.rows[q] >> m & 1)
            for m in range(self.n + 1)
        ]
        return forward, back

    def relabel(self, order: Sequence[int]) -> None:
        """Say that the amplitudes now lie in the layout of `order`."""
        for p, q in enumerate(order):
            self.rows[q] = self.columns[q] = 1 << p

    @property
    def moved(self) -> bool:
        return any(row != 1 << q for q, row in enumerate(self.rows))


def _xor(masks: Iterable[int]) -> int:
    total = 0
    for mask in masks:
        total ^= mask
    return total


class _Writer:
    """Writes the steps of a plan."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.labels = _Labels(plan.num_qubits)
        self.constants: list[float] = [0.0, 1.0]
        self.steps: list[Step] = []
        self.pending: list[tuple[int, tuple[int, ...], tuple[int, ...], bool]] = []
        for op, offset in zip(plan.ops, plan.offsets, strict=True):
            self.write(op, offset)
        self.flush()

    def write(self, op: Op, offset: int) -> None:
        k = len(op.targets)
        controls = tuple(
            self.labels.control(c, v) for c, v in zip(op.controls, op.control_values, strict=True)
        )
        parities = tuple(self.labels.rows[t] for t in op.targets)
        if op.kind is OpKind.PERMUTATION:
            if not self.labels.apply(op):
                self.flush()
                self.steps.append(self.permutation(op, parities, controls))
            return
        numbers = self.numbers(op, offset)
        if op.kind is OpKind.ROTATION and op.x_mask == 0:
            c, s = numbers
            minus_s = self.minus(s)
            self.diagonal(self.labels.parity(op.z_mask), controls, (c, minus_s, c, s), op.fixed)
        elif op.kind is OpKind.DIAGONAL and k <= 1:
            pair = numbers if k else (*numbers, self.constant(1.0), self.constant(0.0))
            self.diagonal(parities[0] if k else 0, controls, pair, op.fixed)
        else:
            self.flush()
            self.steps.append(self.step(op, parities, controls, numbers))

    def step(
        self, op: Op, parities: tuple[int, ...], controls: tuple[int, ...], numbers: tuple[int, ...]
    ) -> Step:
        labels, k = self.labels, len(op.targets)
        if op.kind is OpKind.ROTATION:
            turns = (op.x_mask & op.z_mask).bit_count() % 4
            masks = (labels.flip(op.x_mask), labels.parity(op.z_mask), turns)
            form = Form("rotation", 1, len(controls), op.fixed)
            return Step(form, (*masks, *controls), numbers)
        if op.kind is OpKind.DENSE and k <= _GATHERED:
            masks = tuple(labels.columns[t] for t in op.targets) + parities
            return Step(Form("dense", k, len(controls), op.fixed), (*masks, *controls), numbers)
        order = (*op.targets, *(q for q in range(labels.n) if q not in op.targets))
        forward, back = labels.layout(order)
        if op.kind is OpKind.DIAGONAL:
            form = Form("table", k, len(controls), op.fixed)
            return Step(form, (*parities, *forward, *controls), numbers)
        labels.relabel(order)
        controls = tuple(
            labels.control(c, v) for c, v in zip(op.controls, op.control_values, strict=True)
        )
        form = Form("block", k, len(controls), op.fixed)
        return Step(form, (*forward, *back, *controls), numbers)

    def permutation(self, op: Op, parities: tuple[int, ...], controls: tuple[int, ...]) -> Step:
        """New phi[j] = phi[j ^ w(t)], with t the bits of the targets in j."""
        k, size = len(op.targets), 2 ** len(op.targets)
        inverse = np.argsort(op.table).tolist()
        flips = [
            self.labels.flip(sum(1 << t for i, t in enumerate(op.targets) if moved >> i & 1))
            for table in (inverse, op.table)
            for moved in (j ^ table[j] for j in range(size))
        ]
        form = Form("permutation", k, len(controls), True)
        return Step(form, (*parities, *flips, *controls), ())

    def diagonal(
        self, parity: int, controls: tuple[int, ...], numbers: tuple[int, ...], fixed: bool
    ) -> None:
        """Keep a diagonal factor back, to be applied together with its neighbours."""
        self.pending.append((parity, controls, numbers, fixed))

    def flush(self) -> None:
        for start in range(0, len(self.pending), DIAGONALS):
            chunk = self.pending[start : start + DIAGONALS]
            size = 1 if len(chunk) == 1 else 4 if len(chunk) <= 4 else DIAGONALS
            width = max(len(controls) for _, controls, _, _ in chunk)
            one = self.labels.one
            masks: list[int] = []
            numbers: list[int] = []
            for parity, controls, places, _ in chunk:
                masks += [parity, *controls, *[one] * (width - len(controls))]
                numbers += places
            for _ in range(size - len(chunk)):
                masks += [0] + [one] * width
                numbers += [self.constant(1.0), self.constant(0.0)] * 2
            form = Form("diagonal", size, width, all(fixed for *_, fixed in chunk))
            self.steps.append(Step(form, tuple(masks), tuple(numbers)))
        self.pending.clear()

    def numbers(self, op: Op, offset: int) -> tuple[int, ...]:
        if not op.fixed:
            return tuple(range(offset, offset + op.num_numbers))
        matrix = fixed_matrix(self.plan.structure, op)
        entries = np.diagonal(matrix) if op.kind is OpKind.DIAGONAL else matrix.reshape(-1)
        start = self.plan.num_numbers + len(self.constants)
        self.constants += np.stack([np.real(entries), np.imag(entries)], -1).reshape(-1).tolist()
        return tuple(range(start, start + 2 * entries.size))

    def constant(self, value: float) -> int:
        return self.plan.num_numbers + self.constants.index(value)

    def minus(self, place: int) -> int:
        """Index of minus a number; the last part of the buffer, whose start is not known yet."""
        return -1 - place


@lru_cache(maxsize=512)
def write_tape(plan: Plan) -> Tape:
    """The tape of a plan; the same object for an equal plan."""
    writer = _Writer(plan)
    n = plan.num_qubits
    read = write = None
    if writer.labels.moved:
        forward, back = writer.labels.layout(range(n))
        read, write = np.array(forward, np.uint32), np.array(back, np.uint32)
    zero = plan.num_numbers  # the first constant
    segments = tuple(_segment(steps, zero) for steps in _runs(writer.steps))
    positions, negated = _positions(plan.num_numbers, segments)
    for segment in segments:
        end = plan.num_numbers + len(writer.constants)
        np.copyto(segment.numbers, end - 1 - segment.numbers, where=segment.numbers < 0)
    return Tape(n, segments, np.array(writer.constants), positions, negated, read, write)


def _positions(count: int, segments: tuple[Segment, ...]) -> tuple[np.ndarray, np.ndarray]:
    places = np.concatenate([s.numbers.reshape(-1) for s in segments] or [np.zeros(0, np.int32)])

    def table(numbers: np.ndarray) -> np.ndarray:
        """Row k holds where each number is read for the (k+1)-th time."""
        reads = np.flatnonzero((numbers >= 0) & (numbers < count))
        reads = reads[np.argsort(numbers[reads], kind="stable")]
        starts = np.searchsorted(numbers[reads], np.arange(count))
        rank = np.arange(len(reads)) - starts[numbers[reads]]
        rows = np.full((rank.max(initial=-1) + 1, count), places.size)
        rows[rank, numbers[reads]] = reads
        return rows

    return table(places), table(-1 - places)


def _runs(steps: list[Step]) -> list[list[Step]]:
    """Runs of steps that share a loop: small ones of any form, or large ones of the same form."""
    runs: list[list[Step]] = []
    previous: object = None
    for step in steps:
        small = len(step.numbers) <= _SMALL and len(step.masks) <= 2 * _SMALL
        kind = "small" if small else step.form
        if kind != previous:
            runs.append([])
        runs[-1].append(step)
        previous = kind
    return runs


def _segment(steps: list[Step], zero: int) -> Segment:
    forms = sorted({s.form for s in steps})

    def padded(rows: list[tuple[int, ...]], fill: int, dtype: type) -> np.ndarray:
        table = np.full((len(rows), max(len(row) for row in rows)), fill, dtype)
        for i, row in enumerate(rows):
            table[i, : len(row)] = row
        return table

    return Segment(
        tuple(forms),
        np.array([forms.index(s.form) for s in steps], np.int32),
        padded([s.masks for s in steps], 0, np.uint32),
        padded([s.numbers for s in steps], zero, np.int32),
    )
