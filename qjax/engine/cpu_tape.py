"""The tape of the C++ kernels: a schedule as int32, and the constants of fixed ops.

The format is described in kernels/cpu/tape.h, and the numbers of codes and forms are those there.
"""

from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

import numpy as np

from qjax.engine.affine import source_map, split
from qjax.engine.bit_vectors import bits
from qjax.engine.places import OUTER, Tile
from qjax.plan import Op, OpKind, Plan, Step, StepKind, Sweep
from qjax.plan.fixed import fixed_matrix

VERSION = 1
_FEW_MOVES = 2  # up to so many flips are cheaper one by one than as one affine map
_SPLIT_BITS = 9  # bits of a tile from which a slow affine map is split
_TABLE_BITS = 6  # most bits of a diagonal that shares a pass with others
_NONE = -1


class Code(IntEnum):
    """Codes of steps."""

    SINGLES = 0
    ROTATION = 1
    DENSE = 2
    PHASES = 3
    PHASE = 4
    AFFINE = 5
    FLIP = 6
    PERMUTE = 7


class Single(IntEnum):
    """Forms of a 2x2 matrix."""

    RY = 0
    REAL = 1
    RX = 2
    MATRIX = 3


class FactorForm(IntEnum):
    """Forms of a diagonal factor."""

    PARITY = 0
    TABLE = 1


class Emit(IntEnum):
    """How sums become cotangents."""

    COPY = 0
    ANGLE = 1


# A step as it is written: its own words, and blocks that stand elsewhere; their offsets follow.
Written = tuple[list[int], list[list[int]]]


@dataclass(frozen=True)
class CpuTape:
    """What the kernels read besides the state and the numbers of a run.

    Attributes:
        words: int32 of shape (words,).
        constants: float64 of shape (constants,): numbers of fixed ops, at least one.
    """

    words: np.ndarray
    constants: np.ndarray


@lru_cache(maxsize=256)
def write_cpu_tape(plan: Plan, tile_bits: int, low_bits: int) -> CpuTape:
    """The tape of a plan for tiles of a size; the same object for equal arguments.

    Args:
        plan: The plan.
        tile_bits: Qubits of a tile; the number of qubits if that is less.
        low_bits: How many of the lowest qubits every tile holds.
    """
    size = min(tile_bits, plan.num_qubits)
    return _Writer(plan, size, min(low_bits, size)).tape()


class _Writer:
    def __init__(self, plan: Plan, tile_bits: int, low_bits: int) -> None:
        self.plan, self.tile_bits = plan, tile_bits
        stages = plan.schedule(max(tile_bits, 1), low_bits)
        self.sweeps = [sweep for stage in stages for sweep in stage.sweeps]
        if not self.sweeps:  # a plan without ops: one sweep that copies
            self.sweeps = [Sweep(tuple(range(tile_bits)), ())]
        self.lanes = max(low_bits - 1, 0)  # of the widest vectors, of which rows have two
        self.low = max((tile_bits + 1) // 2, min(tile_bits, 4))
        self.constants: list[float] = []
        self.words: list[int] = []

    def tape(self) -> CpuTape:
        head = [VERSION, self.plan.num_qubits, self.tile_bits, self.plan.num_numbers]
        self.words = [*head, 0, self.low, len(self.sweeps)]
        starts = len(self.words)
        self.words += [0] * len(self.sweeps)
        for k, sweep in enumerate(self.sweeps):
            self.words[starts + k] = len(self.words)
            self.sweep(sweep)
        self.constants.append(0.0)
        self.words[4] = len(self.constants)
        return CpuTape(np.array(self.words, np.int32), np.array(self.constants))

    def sweep(self, sweep: Sweep) -> None:
        self.tile = Tile(sweep.tile, self.plan.num_qubits)
        self.num_sums = 0
        self.emits: list[tuple[int, int, int, int]] = []
        run = next((p for p, q in enumerate(sweep.tile) if p != q), self.tile.bits)
        steps = [code for step in sweep.steps for code in self.step(step)]
        head = len(self.words)
        self.words += [len(steps), run, 0, 0, 0, *sweep.tile, *self.tile.outer]
        table = len(self.words)
        self.words += [0] * len(steps)
        for k, (own, parts) in enumerate(steps):
            offsets = [self.append(part) for part in parts]
            self.words[table + k] = len(self.words)
            self.words += [*own, *offsets]
        self.words[head + 2] = self.num_sums
        self.words[head + 3] = len(self.emits)
        self.words[head + 4] = len(self.words)
        for emit in self.emits:
            self.words += emit

    def append(self, words: list[int]) -> int:
        start = len(self.words)
        self.words += words
        return start

    def step(self, step: Step) -> list[Written]:
        ops = [self.plan.ops[i] for i in step.ops]
        if step.kind is StepKind.SINGLES:
            return [self.singles(step)]
        if step.kind is StepKind.PHASES:
            return self.phases(step)
        if step.kind is StepKind.MOVES:
            return self.moves(ops)
        (index,) = step.ops
        (op,) = ops
        return [(self.op(index, op), [])]

    def singles(self, step: Step) -> Written:
        entries = []
        for index in step.ops:
            op = self.plan.ops[index]
            bit = self.tile.place[op.targets[0]]
            if op.kind is OpKind.ROTATION:
                form = Single.RY if op.z_mask else Single.RX
                entries.append((form, bit, self.plan.offsets[index], self.angle_sum(index)))
            elif op.fixed:
                matrix = fixed_matrix(self.plan.structure, op)
                form = Single.MATRIX if np.any(np.imag(matrix)) else Single.REAL
                entries.append((form, bit, self.constant(matrix), _NONE))
            else:
                numbers = self.plan.offsets[index]
                entries.append((Single.MATRIX, bit, numbers, self.copied_sum(index)))
        # Equal arithmetic stands together, so that the kernels find blocks of one kind.
        entries.sort()
        return [Code.SINGLES, len(entries), *(w for e in entries for w in e)], []

    def phases(self, step: Step) -> list[Written]:
        shared: list[list[int]] = []
        alone: list[list[int]] = []
        for index in step.ops:
            op = self.plan.ops[index]
            (shared if self.shares(op) else alone).append(self.factor(index, op))
        steps: list[Written] = [([Code.PHASES, len(shared)], shared)] if shared else []
        for words in alone:
            steps.append(([Code.PHASE], [words]))
        return steps

    def shares(self, op: Op) -> bool:
        """Whether a diagonal op is a factor of the shared pass; see kPhases in tape.h."""
        if op.kind is OpKind.DIAGONAL and len(op.targets) > _TABLE_BITS:
            return False
        place = self.tile.place
        places = [place[q] for q in op.qubits if q in place]
        high = sum(p >= self.low for p in places)
        return high == 0 or high == len(places) or high == 1

    def factor(self, index: int, op: Op) -> list[int]:
        if op.kind is OpKind.ROTATION:
            masks = self.tile.masks(bits(op.z_mask))
            numbers = (self.plan.offsets[index], self.copied_sum(index))
            return [FactorForm.PARITY, *masks, *numbers, *self.tile.condition(op)]
        if op.fixed:
            matrix = np.diagonal(fixed_matrix(self.plan.structure, op))
            numbers = (self.constant(matrix), _NONE)
        else:
            numbers = (self.plan.offsets[index], self.copied_sum(index))
        place, outer = self.tile.place, self.tile.outer
        where = [place[q] if q in place else OUTER + outer[q] for q in op.targets]
        return [FactorForm.TABLE, len(where), 0, *numbers, *self.tile.condition(op), *where]

    def moves(self, ops: list[Op]) -> list[Written]:
        flips = [flip for op in ops for flip in self.tile.flips(op)]
        if len(flips) <= _FEW_MOVES:
            return [([Code.FLIP, *flip], []) for flip in flips]
        size, outer = self.tile.bits, len(self.tile.outer)
        whole = source_map(flips, size, outer), source_map(flips[::-1], size, outer)
        maps = [whole] if size < _SPLIT_BITS else split(*whole, size, self.lanes)
        return [([Code.AFFINE, *forward, *inverse], []) for forward, inverse in maps]

    def op(self, index: int, op: Op) -> list[int]:
        condition = self.tile.condition(op)
        if op.kind is OpKind.ROTATION:
            x = self.tile.mask(bits(op.x_mask))
            letters = (op.x_mask & op.z_mask).bit_count()
            numbers = self.plan.offsets[index]
            total = self.copied_sum(index) if op.controls else self.angle_sum(index)
            masks = self.tile.masks(bits(op.z_mask))
            return [Code.ROTATION, x, *masks, letters, numbers, total, *condition]
        places = [self.tile.place[q] for q in op.targets]
        if op.kind is OpKind.DENSE:
            if op.fixed:
                numbers, total = self.constant(fixed_matrix(self.plan.structure, op)), _NONE
            else:
                numbers, total = self.plan.offsets[index], self.copied_sum(index)
            return [Code.DENSE, len(places), numbers, total, *condition, *places]
        assert op.kind is OpKind.PERMUTATION
        if op.table == (1, 0):
            return [Code.FLIP, places[0], *condition]
        inverse = np.argsort(op.table).tolist()
        return [Code.PERMUTE, len(places), *condition, *places, *op.table, *inverse]

    def constant(self, values: np.ndarray) -> int:
        """Reference to fixed complex numbers."""
        reference = -1 - len(self.constants)
        flat = np.stack([np.real(values), np.imag(values)], axis=-1).reshape(-1)
        self.constants += flat.tolist()
        return reference

    def copied_sum(self, index: int) -> int:
        return self.new_sum(Emit.COPY, index, self.plan.ops[index].num_numbers)

    def angle_sum(self, index: int) -> int:
        return self.new_sum(Emit.ANGLE, index, 1)

    def new_sum(self, form: Emit, index: int, count: int) -> int:
        start = self.num_sums
        self.num_sums += count
        self.emits.append((form, start, self.plan.offsets[index], count))
        return start
