"""The tape of the CUDA kernels: a schedule as int32, written for layouts of tiles over threads.

The format is described in kernels/cuda/tape.h, and the numbers of codes and forms are those there.
A thread of a block has 2**B amplitudes of a tile in registers. An op that mixes amplitudes needs
its bits to be register bits, so the writer chooses layouts, greedily, and exchanges between them.
Chains of X, CX and SWAP cost nothing but that: they are an affine map of indices, and an exchange
applies it.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from qjax.engine.affine import Flip, source_map
from qjax.engine.bit_vectors import bits, conflict_free, mapped
from qjax.engine.cuda_items import Item, items_of, place_diagonals
from qjax.engine.cuda_turns import Turn, Turns
from qjax.engine.cuda_window import Window
from qjax.engine.cuda_words import (
    CONSTANTS,
    DIAGONALS,
    GROUP,
    NONE,
    PHASES,
    REGISTER_COLUMNS,
    THREAD_SUMS,
    TURN_WORDS,
    Axis,
    Code,
    CudaTape,
    Emit,
    FactorForm,
    Shape,
    SweepTape,
    TurnWord,
)
from qjax.engine.places import OUTER, Tile
from qjax.plan import Op, OpKind, Plan, Sweep
from qjax.plan.fixed import fixed_matrix

_WARP_BITS = 5  # log2 of the threads that a tensor core serves
_BLOCK_BITS = 3  # log2 of the rows and columns of what it makes
_HALF = 4  # bits of a thread whose columns are summed beforehand
_SUMMED_BITS = 5  # bits of a tile up to which the entries of a diagonal are summed one by one


@lru_cache(maxsize=256)
def write_cuda_tape(plan: Plan, shape: Shape, *, backward: bool) -> CudaTape:
    """The tape of a plan; the same object for equal arguments."""
    return _Writer(plan, shape, backward).tape()


class _Writer:
    def __init__(self, plan: Plan, shape: Shape, backward: bool) -> None:
        self.plan, self.shape, self.backward = plan, shape, backward
        stages = plan.schedule(shape.tile_bits, shape.row_bits)
        sweeps = [sweep for stage in stages for sweep in stage.sweeps]
        if not sweeps:  # a plan without ops: one sweep that copies
            sweeps = [Sweep(tuple(range(shape.tile_bits)), ())]
        self.sweeps = sweeps[::-1] if backward else sweeps
        self.words: list[int] = []
        self.constants: list[float] = []
        self.shared: dict[bytes, int] = {}

    def tape(self) -> CudaTape:
        writers = [_SweepWriter(self, sweep, first=k == 0) for k, sweep in enumerate(self.sweeps)]
        items = [
            items_of(self.plan, sweep, writer.tile, self.shape, backward=self.backward)
            for sweep, writer in zip(self.sweeps, writers, strict=True)
        ]
        sweeps = tuple(map(self.sweep, writers, place_diagonals(self.plan.ops, items)))
        self.constants.append(0.0)
        words = np.array(self.words, np.int64).astype(np.uint32).view(np.int32)
        return CudaTape(words, np.array(self.constants), sweeps)

    def sweep(self, writer: "_SweepWriter", items: list[Item]) -> SweepTape:
        writer.write(items)
        offset = len(self.words)
        self.words += _padded(writer.words)
        emit_offset = len(self.words)
        for emit in writer.emits:
            self.words += emit
        self.words = _padded(self.words)
        plain = self.shape.plain and writer.plain
        return SweepTape(offset, plain, writer.num_sums, emit_offset, len(writer.emits))

    def constant(self, values: np.ndarray) -> int:
        """Reference to fixed complex numbers; equal ones are kept once."""
        flat = np.stack([np.real(values), np.imag(values)], axis=-1).reshape(-1)
        key = flat.tobytes()
        if key not in self.shared:
            self.shared[key] = CONSTANTS + len(self.constants)
            self.constants += flat.tolist()
        return self.shared[key]


class _SweepWriter:
    def __init__(self, writer: _Writer, sweep: Sweep, first: bool) -> None:
        self.writer, self.plan, self.shape = writer, writer.plan, writer.shape
        self.backward, self.first = writer.backward, first
        self.tile = Tile(sweep.tile, self.plan.num_qubits)
        self.all = (1 << self.tile.bits) - 1
        self.num_sums = 0
        self.emits: list[tuple[int, int, int]] = []
        self.ops: list[int] = []
        self.turns = Turns()
        self.prepared: list[int] = []  # of the ops TURNS whose PREPARE is not written
        self.prepare_at = NONE  # where that is to stand
        self.plain = True
        self.scaled = False  # whether threads may have a phase beside their amplitudes
        self.uneven = False  # whether it may differ among them
        self.registers = 0

    def write(self, todo: list[Item]) -> None:
        """Make the words and the emits of the sweep, from its items."""
        items = Window(iter(todo), self.all)
        rows = (1 << self.shape.row_bits) - 1
        self.layout(self.choose(items, rows))
        load = self.columns([1 << self.tile.qubits[b] for b in self.order])
        self.run(items)
        if self.registers & rows:
            self.exchange((), self.choose(items, rows))
        store = self.columns([1 << self.tile.qubits[b] for b in self.order])
        self.write_turns()
        self.settle()
        self.write_prepare()
        if self.backward and self.first:
            # The overlap comes first; its column is beside those of the other ops.
            self.ops[:0] = [Code.OVERLAP | GROUP << 8, self.num_sums, 0, 0]
        runs = _runs(list(self.tile.outer))
        header = [self.num_sums, len(self.emits), len(runs), 0]
        flat = _padded([word for run in runs for word in run])
        self.words = [*header, *load, *store, *flat, *self.ops, Code.END]

    # --- in which order -----------------------------------------------------------------------

    def run(self, items: "Window") -> None:
        """Write all items: near ones while the layout has them, then what makes others ready."""
        while True:
            items.take(self.near)
            ready = items.ready()
            if not ready:
                return
            if not any(item.kind == "near" for item in ready):
                phases = [item for item in ready if item.kind == "phase"]
                if phases:
                    items.remove(phases)
                    self.phases(phases)
                    continue
                if not any(item.kind == "move" for item in ready):
                    items.remove(ready[:1])
                    self.far(ready[0].index)
                    continue
            flips: list[Flip] = []

            def moved(item: Item, flips: list[Flip] = flips) -> bool:
                flips.extend(item.flips)
                return item.kind == "move"

            items.take(moved)
            self.exchange(tuple(flips), self.choose(items, 0))

    def near(self, item: Item) -> bool:
        """Write an item if it can run in the layout."""
        if item.kind != "near" or item.need & ~self.registers or item.avoid & self.registers:
            return False
        self.write_near(item)
        return True

    def choose(self, items: "Window", forbidden: int) -> int:
        """The register bits for what is to be done next, as a mask."""
        chosen, avoided = 0, forbidden
        count = self.shape.register_bits

        def fits(item: Item, past_phases: bool) -> bool:
            nonlocal chosen, avoided
            if item.kind != "near":
                return past_phases and item.kind == "phase"
            wanted, unwanted = chosen | item.need, avoided | item.avoid
            if wanted.bit_count() > count or wanted & unwanted:
                return False
            if (self.all & ~unwanted).bit_count() < count:
                return False
            chosen, avoided = wanted, unwanted
            return True

        # First what may run now, so that something does; then what phases, which never wait for a
        # layout, will let run.
        items.look(lambda item: fits(item, past_phases=False))
        items.look(lambda item: fits(item, past_phases=True))
        for candidates in (self.registers, self.all):
            for bit in range(self.tile.bits - 1, -1, -1):
                mask = 1 << bit
                if chosen.bit_count() < count and mask & candidates & ~(avoided | chosen):
                    chosen |= mask
        return chosen

    # --- layouts ------------------------------------------------------------------------------

    def layout(self, registers: int) -> None:
        """Say which bits of the tile are register bits; the others are thread bits, ascending."""
        bits = range(self.tile.bits)
        self.registers = registers
        threads = [b for b in bits if not registers >> b & 1]
        self.order = threads + [b for b in bits if registers >> b & 1]
        self.position = {b: p for p, b in enumerate(self.order)}

    def exchange(self, flips: tuple[Flip, ...], registers: int) -> None:
        """Go to another layout, applying flips on the way."""
        if not flips and registers == self.registers:
            return
        old = tuple(1 << b for b in self.order)
        self.layout(registers)
        source = source_map(flips, self.tile.bits, len(self.tile.outer))
        constant, images = source[0], source[1:]
        read = tuple(images[b] for b in self.order)
        banks = min(self.shape.bank_bits, self.shape.thread_bits)
        slots = conflict_free(old[:banks], read[:banks], self.tile.bits)
        outer = enumerate(mapped(slots, image) for image in images[self.tile.bits :])
        outside = [(o, column) for o, column in outer if column]
        self.far_op(
            Code.EXCHANGE,
            [
                mapped(slots, constant),
                len(outside),
                *self.columns([mapped(slots, column) for column in read]),
                *(word for pair in outside for word in pair),
            ],
            self.columns([mapped(slots, column) for column in old]),
        )

    # --- words --------------------------------------------------------------------------------

    def op(self, code: int, words: Sequence[int]) -> None:
        self.write_turns()
        self.plain &= _is_plain(code)
        if code <= Code.TENSOR and self.uneven:
            self.settle()
        size = -(-(len(words) + 1) // GROUP) * GROUP
        self.ops += _padded([code | size << 8, *words])

    def settle(self) -> None:
        """Have no phases of amplitudes beside them, if there may be some."""
        if self.scaled:
            self.ops += _padded([Code.SETTLE | GROUP << 8])
        self.scaled = self.uneven = False

    def columns(self, columns: Sequence[int]) -> list[int]:
        """Sums of the columns of a thread, and columns of its registers."""
        threads, registers = columns[: self.shape.thread_bits], columns[self.shape.thread_bits :]
        sums = [*_sums(threads[:_HALF]), *_sums(threads[_HALF:])]
        return [*sums, *registers, *[0] * (REGISTER_COLUMNS - len(registers))]

    def far_op(self, code: int, words: Sequence[int], columns: Sequence[int]) -> None:
        place = -(-(len(words) + 2) // GROUP) * GROUP
        self.op(code, [place, *words, *[0] * (place - len(words) - 2), *columns])

    def places(self) -> list[int]:
        """Columns of the tile's index in the layout."""
        return self.columns([1 << b for b in self.order])

    def split(self, mask: int) -> tuple[int, int]:
        """A mask of places as masks of bits of the thread and of the register."""
        threads = self.shape.thread_bits
        moved = sum(1 << self.position[b] for b in bits(mask))
        return moved & ((1 << threads) - 1), moved >> threads

    def gate(self, op: Op) -> tuple[list[int], int]:
        """The gate of an op's controls, and the pattern of the registers where it acts."""
        m, v, outer_m, outer_v = self.tile.condition(op)
        thread_m, register_m = self.split(m)
        thread_v, register_v = self.split(v)
        return [thread_m, thread_v, outer_m, outer_v], self.pattern(register_m, register_v)

    def pattern(self, mask: int, value: int) -> int:
        """The registers whose index has a value under a mask."""
        size = 2**self.shape.register_bits
        return sum(1 << i for i in range(size) if i & mask == value)

    def parities(self, mask: int) -> int:
        """The registers whose index has odd parity with a mask."""
        size = 2**self.shape.register_bits
        return sum(((i & mask).bit_count() & 1) << i for i in range(size))

    def numbers(self, index: int) -> int:
        op = self.plan.ops[index]
        if not op.fixed:
            return self.plan.offsets[index]
        matrix = fixed_matrix(self.plan.structure, op)
        return self.writer.constant(
            np.diagonal(matrix) if op.kind is OpKind.DIAGONAL else matrix.reshape(-1)
        )

    def copied_sum(self, index: int, *, swapped: bool = False) -> int:
        """Sums of all numbers; of a 4x4 matrix with bits swapped, in the order of its own bits."""
        op = self.plan.ops[index]
        if op.fixed or not self.backward:
            return NONE
        start, number = self.num_sums, self.plan.offsets[index]
        self.num_sums += op.num_numbers
        for i in range(op.num_numbers):
            e = i >> 1
            entry = (e & 0b0101) << 1 | (e & 0b1010) >> 1 if swapped else e
            self.emits.append((Emit.COPY, start + i, number + 2 * entry + (i & 1)))
        return start

    def angle_sum(self, index: int) -> int:
        """The sum of a rotation: one, if it is unconditional."""
        op = self.plan.ops[index]
        if op.controls or not self.backward:
            return self.copied_sum(index)
        return self.angle_emits([index])

    def angle_emits(self, indices: Sequence[int]) -> int:
        """One sum for unconditional rotations, whose generators have the same."""
        for index in indices:
            number = self.plan.offsets[index]
            self.emits += [
                (Emit.COSINE, self.num_sums, number),
                (Emit.SINE, self.num_sums, number + 1),
            ]
        self.num_sums += 1
        return self.num_sums - 1

    # --- ops on registers ---------------------------------------------------------------------

    def write_near(self, item: Item) -> None:
        op = self.plan.ops[item.index]
        for phase in item.before:
            self.multiply(phase)
        if item.axis:
            self.turns.rotate(self.register_bit(op.targets[0]), item.axis, item.index)
        else:
            self.write_near_op(item.index, op)
        for phase in item.after:
            self.multiply(phase)

    def write_near_op(self, index: int, op: Op) -> None:
        gate, pattern = self.gate(op)
        bits = [self.register_bit(q) for q in op.targets if op.needs >> q & 1]
        if op.kind is OpKind.PERMUTATION:
            self.op(Code.FLIP + bits[0], [*gate, pattern])
        elif op.kind is OpKind.ROTATION:
            numbers, total = self.numbers(index), self.angle_sum(index)
            letters, _, z, outer_z = self.letters(op)
            thread_z, register_z = self.split(z)
            words = [*gate, letters, thread_z, outer_z, self.parities(register_z)]
            self.op(Code.ROTATION + sum(1 << b for b in bits), [numbers, total, *words])
        elif len(bits) == 1:
            numbers, total = self.numbers(index), self.copied_sum(index)
            if op.fixed and not op.controls:
                matrix = fixed_matrix(self.plan.structure, op)
                if not np.any(np.imag(matrix)):
                    self.op(Code.REAL + bits[0], [numbers, NONE])
                    return
            self.op(Code.MATRIX + bits[0], [numbers, total, *gate])
        else:
            low, high = sorted(bits)
            pair = high * (high - 1) // 2 + low
            swapped = bits[0] > bits[1]
            numbers, total = self.numbers(index), self.copied_sum(index, swapped=swapped)
            self.op(Code.DENSE2 + pair, [numbers, total, *gate, int(swapped)])

    def register_bit(self, qubit: int) -> int:
        return self.position[self.tile.place[qubit]] - self.shape.thread_bits

    def multiply(self, phase: Item) -> None:
        """A diagonal on one register bit."""
        bit = self.register_bit(self.plan.ops[phase.index].targets[0])
        summed = self.is_summed(phase.index)
        self.turns.multiply(bit, phase.form, phase.index, summed=summed)

    def is_summed(self, index: int) -> bool:
        """Whether the cotangent of an op that is part of a turn is wanted."""
        return self.backward and self.plan.ops[index].kind is OpKind.ROTATION

    def write_turns(self) -> None:
        for turns in self.turns.take():
            self.write_op_of_turns(turns)

    def write_op_of_turns(self, turns: dict[int, Turn]) -> None:
        prepared: list[int] = []
        sums: list[int] = []
        before = any(turn.before for turn in turns.values())
        after = any(turn.after for turn in turns.values())
        kinds = before * PHASES[0] | after * PHASES[1]
        for bit in range(self.shape.register_bits):
            turn = turns.get(bit, Turn())
            prepared += self.turn_words(turn, only_after=after and not before)
            axis, rotation = turn.rotation or (Axis.NONE, NONE)
            kinds |= (Axis.Y if axis == Axis.OF_MATRIX else axis) << 2 * bit
            wanted, first = 0, self.num_sums
            for k, indices in enumerate(([rotation], [index for _, index in turn.before])):
                if summed := [i for i in indices if i != NONE and self.is_summed(i)]:
                    wanted |= 1 << k
                    self.angle_emits(summed)
            sums.append(wanted | first << 2)
        room = self.shape.prepared * len(prepared)
        if self.prepare_at == NONE or len(self.prepared) >= room:
            self.write_prepare()
            self.prepare_at = len(self.ops)
        place = len(self.prepared) // len(prepared)
        self.prepared += prepared
        which = 2 if any(word & 2 for word in sums) else int(any(word & 1 for word in sums))
        self.op(Code.TURNS, [place, kinds, which, *(sums if which else [])])
        self.scaled |= not (before or after)

    def turn_words(self, turn: Turn, *, only_after: bool) -> list[int]:
        """What PREPARE reads of a turn."""
        words = [0] * TURN_WORDS
        words[TurnWord.ONLY_AFTER] = int(only_after)
        if turn.rotation:
            axis, index = turn.rotation
            words[TurnWord.FORM] = axis
            words[TurnWord.ROTATION] = self.numbers(index)
        for side, diagonals in enumerate((turn.before, turn.after)):
            for k, (form, index) in enumerate(diagonals, DIAGONALS * side):
                words[TurnWord.FORM] |= form << (2 + 3 * k)
                words[TurnWord.NUMBERS + k] = self.numbers(index)
        return words

    def write_prepare(self) -> None:
        """Have the numbers of the turns since the last time worked out before the first of them."""
        if self.prepared:
            count = len(self.prepared) // (TURN_WORDS * self.shape.register_bits)
            size = GROUP + len(self.prepared)
            words = [Code.PREPARE | size << 8, count, 0, 0, *self.prepared]
            self.ops[self.prepare_at : self.prepare_at] = words
        self.prepared, self.prepare_at = [], NONE

    def letters(self, op: Op) -> tuple[int, int, int, int]:
        """(letters Y, x, z, outer z) of a rotation, in places."""
        x, (z, outer_z) = self.tile.mask(bits(op.x_mask)), self.tile.masks(bits(op.z_mask))
        return (op.x_mask & op.z_mask).bit_count(), x, z, outer_z

    # --- ops through shared memory ------------------------------------------------------------

    def far(self, index: int) -> None:
        op = self.plan.ops[index]
        condition = self.tile.condition(op)
        if op.kind is OpKind.ROTATION:
            words = [self.numbers(index), self.angle_sum(index), *self.letters(op)]
            self.far_op(Code.ROTATION_FAR, [*condition, *words], self.places())
            return
        bits = [self.tile.place[q] for q in op.targets]
        if op.kind is OpKind.DENSE and self.fits_tensor_cores(len(bits)):
            self.tensor(index, op, bits)
            return
        if op.kind is OpKind.DENSE:
            words = [self.numbers(index), self.copied_sum(index), len(bits), *bits]
            self.far_op(Code.DENSE_FAR, [*condition, *words], self.places())
            return
        entries = list(op.table) if self.backward else np.argsort(op.table).tolist()
        words = [len(bits), *bits, *entries]
        self.far_op(Code.PERMUTE_FAR, [*condition, *words], self.places())

    def fits_tensor_cores(self, size: int) -> bool:
        """Whether tensor cores can do a matrix on so many bits: 8 x 8 amplitudes by 32 threads."""
        shape = self.shape
        whole = shape.thread_bits >= _WARP_BITS and shape.register_bits >= _BLOCK_BITS
        fits = _BLOCK_BITS <= size <= self.tile.bits - _BLOCK_BITS
        return shape.tensor_cores and whole and fits

    def tensor(self, index: int, op: Op, bits: list[int]) -> None:
        """A matrix on tensor cores.

        Neighbouring threads ask for amplitudes that differ in the lowest two bits of the matrix
        index and the lowest two others.
        """
        others = [b for b in range(self.tile.bits) if b not in bits]
        m, v, outer_m, outer_v = self.tile.condition(op)
        inside = [sum((mask >> b & 1) << k for k, b in enumerate(others)) for mask in (m, v)]
        written = [1 << b for b in self.order]
        read = [1 << b for b in (*bits[:2], *others[:2])]
        banks = self.shape.bank_bits
        slots = conflict_free(tuple(written[:banks]), tuple(read[:banks]), self.tile.bits)
        words = [*inside, outer_m, outer_v, self.numbers(index), self.copied_sum(index), len(bits)]
        places = [slots[b] for b in (*bits, *others)]
        columns = self.columns([mapped(slots, column) for column in written])
        self.far_op(Code.TENSOR, [*words, *places], columns)

    # --- diagonals ----------------------------------------------------------------------------

    def phases(self, items: Sequence[Item]) -> None:
        """Diagonal ops, in products by the pattern in which they act on the registers."""
        products: dict[int, list[int]] = {}
        signs: list[int] = []
        for item in items:
            index, op = item.index, self.plan.ops[item.index]
            if (sign := self.sign(op)) is not None:
                signs += sign
                continue
            if item.form and self.registers & item.touch:
                self.multiply(item)
                continue
            gate, acts = self.gate(op)
            everywhere = acts == self.pattern(0, 0)
            if op.kind is OpKind.ROTATION and not everywhere:
                self.far(index)
            elif op.kind is OpKind.ROTATION:
                _, _, z, outer_z = self.letters(op)
                total = self.angle_sum(index)
                self.factor(products, FactorForm.ANGLE, z, outer_z, index, total, gate)
            elif not op.targets:
                words = [FactorForm.SCALAR, 0, 0, self.numbers(index), *gate]
                self.add_factor(products, acts, words, self.copied_sum(index))
            elif len(op.targets) == 1 and everywhere:
                z, outer_z = self.tile.masks(op.targets)
                total = self.copied_sum(index)
                self.factor(products, FactorForm.PAIR, z, outer_z, index, total, gate)
            else:
                self.table(index, op, gate, acts)
        if signs:
            self.op(Code.SIGNS, [len(signs) // 5, *signs])
        for pattern, factors in products.items():
            self.op(Code.PHASES, [len(factors) // 8, pattern, *factors])
            if pattern == 0:
                self.scaled = self.uneven = True

    def sign(self, op: Op) -> list[int] | None:
        """The gate and the pattern where a diagonal is -1, if it is 1 elsewhere."""
        if op.kind is not OpKind.DIAGONAL or not op.fixed or len(op.targets) != 1:
            return None
        entries = np.diagonal(fixed_matrix(self.plan.structure, op))
        if not np.array_equal(entries, (1, -1)):
            return None
        gate, pattern = self.gate(
            replace(
                op, controls=(*op.controls, *op.targets), control_values=(*op.control_values, 1)
            )
        )
        return [*gate, pattern]

    def factor(
        self,
        products: dict[int, list[int]],
        form: FactorForm,
        z: int,
        outer_z: int,
        index: int,
        total: int,
        gate: list[int],
    ) -> None:
        thread_z, register_z = self.split(z)
        words = [form, thread_z, outer_z, self.numbers(index), *gate]
        self.add_factor(products, self.parities(register_z), words, total)

    def add_factor(
        self, products: dict[int, list[int]], pattern: int, words: list[int], total: int
    ) -> None:
        if total != NONE:
            self.op(Code.FACTOR_SUM, [total, pattern, *words])
        products.setdefault(pattern, []).extend(words)

    def table(self, index: int, op: Op, gate: list[int], acts: int) -> None:
        threads = self.shape.thread_bits
        shares = [0] * self.shape.register_bits
        places: list[tuple[int, int]] = []
        inside: list[tuple[int, int]] = []
        outside: list[tuple[int, int]] = []
        for k, q in enumerate(op.targets):
            if q in self.tile.outer:
                places.append((OUTER + self.tile.outer[q], k))
                outside.append((self.tile.outer[q], k))
                continue
            position = self.position[self.tile.place[q]]
            inside.append((self.tile.place[q], k))
            if position >= threads:
                shares[position - threads] = 1 << k
            else:
                places.append((position, k))
        total = self.copied_sum(index)
        flat = [word for pair in places for word in pair]
        words = [self.numbers(index), total, *gate, acts, *shares, len(places), *flat]
        if total != NONE and len(inside) <= _SUMMED_BITS:
            for m in range(2 ** len(inside)):
                entry = sum(1 << k for b, (_, k) in enumerate(inside) if m >> b & 1)
                self.op(Code.TABLE_SUM, [entry, *words])
        elif total != NONE:
            far = [
                *self.tile.condition(op), self.numbers(index), total,
                len(inside), *(word for pair in inside for word in pair),
                len(outside), *(word for pair in outside for word in pair),
            ]  # fmt: skip
            self.far_op(Code.TABLE_SUM_FAR, far, self.places())
        self.op(Code.TABLE, words)


def _is_plain(code: int) -> bool:
    """Whether an op is one of those that most circuits are made of."""
    few = (Code.EXCHANGE, Code.SETTLE, Code.TURNS, Code.SIGNS, Code.PHASES, Code.FACTOR_SUM)
    return code in few or Code.REAL <= code < Code.ROTATION


def _sums(columns: Sequence[int]) -> list[int]:
    """For each number of four bits the columns of those that are 1, XORed."""
    sums = [0]
    for column in columns:
        sums += [column ^ total for total in sums]
    return sums * (THREAD_SUMS // 2 // len(sums))


def _padded(words: list[int]) -> list[int]:
    """Words, filled up to whole groups."""
    return words + [0] * (-len(words) % GROUP)


def _runs(outer: Sequence[int]) -> list[tuple[int, int]]:
    """(mask, shift) of neighbours: qubit outer[o] is bit o of the outer index."""
    runs: dict[int, int] = {}
    for o, q in enumerate(outer):
        runs[q - o] = runs.get(q - o, 0) | 1 << o
    return [(mask, shift) for shift, mask in runs.items()]
