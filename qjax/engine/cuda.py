"""The `cuda` engine: a plan as one call of the CUDA kernels.

Every function works out how blocks of threads divide the work, and hands it over with the operands;
the words of the geometry are those of kernels/cuda/launch.h.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from qjax.engine import gpu
from qjax.engine.cuda_pauli import PauliTape, Use, write_pauli_tape
from qjax.engine.cuda_tape import write_cuda_tape
from qjax.engine.cuda_words import BLOCK_BITS, SHARED_BYTES, CudaTape, Shape, turn_bytes
from qjax.engine.rows import batch_of, in_precision
from qjax.plan import Plan, max_width
from qjax.plan.terms import Terms

MAX_QUBITS = 32
_REGISTER_BITS = {8: 4, 16: 3}  # log2 of the amplitudes of a thread, by bytes of an amplitude
_ROW_BITS = {8: 4, 16: 3}  # so many lowest qubits are 128 bytes
_MANY_OPS = 2000  # in which nobody looks for fewer sweeps
_LINE = 5  # log2 of the threads of a warp
_PREPARED_BYTES = (24 << 10, 8 << 10)  # for the turns of 256 threads, forward and backward
_SAMPLE_BITS = 4  # log2 of the most samples of a block of more than a warp
_BACK_BLOCKS = 1024  # that share the sums of a backward run
_PAULI_BLOCKS = 2048  # that share the tiles of Pauli strings
_BLOCKS = 2**12  # of any other run: a block works its turns out once for all of its tiles
_SUM_BYTES = 2**27  # most memory of partial sums of Pauli strings, and of cotangents:
_BACK_SUM_BYTES = 2**29  # but at least a row for each sample that has numbers of its own
_CHUNK_BITS = 5  # amplitudes that are summed at a time for drawing
_SPANS = 2**15  # threads that sum chunks for drawing
_WARPS = 2**13  # that share marginals


@dataclass(frozen=True)
class Geometry:
    """How blocks divide a run.

    Attributes:
        shape: How a block holds a tile.
        threads: Threads of a block.
        groups: Samples are worked on by groups, as many as a block holds at once.
        tiles: Tiles of a state.
        parts: Blocks that share the tiles of a group.
        blocks: All blocks.
        shared: Bytes of shared memory of a block.
        rows: Rows of partial sums.
        rows_each: Rows of one sample, or of all samples if these share their numbers.
    """

    shape: Shape
    threads: int
    groups: int
    tiles: int
    parts: int
    blocks: int
    shared: int
    rows: int
    rows_each: int

    def words(self, columns: int, rest: Sequence[int]) -> np.ndarray:
        """The attribute that the handlers read."""
        return np.array(
            [
                self.threads, self.shape.thread_bits, self.shape.tile_bits,
                self.shape.register_bits, self.groups, self.tiles, self.parts, self.blocks,
                self.shared, self.rows, self.rows_each, self.shape.prepared, columns, *rest,
            ],
            np.int64,
        )  # fmt: skip


def shape_of(plan: Plan, itemsize: int, *, backward: bool) -> Shape:
    """How a block holds a tile of a state."""
    n = plan.num_qubits
    registers = _REGISTER_BITS[itemsize]
    if n < registers:  # the kernels are compiled for 1, 2 and the most
        registers = min(n, 2)
    most = _block_bits(backward=backward)
    usual = _shape_for(plan, registers, min(most, n - registers), itemsize, backward)
    if itemsize == 8 and not backward and n > usual.tile_bits:
        # Half as many threads, each with twice the amplitudes, share the cost of reading the tape;
        # only the kernels of the usual ops leave registers for that.
        wide = _shape_for(plan, registers + 1, BLOCK_BITS - 1, itemsize, backward)
        if all(sweep.plain for sweep in write_cuda_tape(plan, wide, backward=False).sweeps):
            return wide
    return usual


def _shape_for(plan: Plan, registers: int, threads: int, itemsize: int, backward: bool) -> Shape:
    """A shape whose rows are as long as the widest op allows.

    Half as long, 64 bytes, where that saves more than a tenth of the sweeps.
    """
    tile_bits, banks = threads + registers, _ROW_BITS[itemsize]
    row = min(banks, threads)
    if plan.num_qubits > tile_bits:
        row = max(0, min(row, tile_bits - max_width(plan)))
        if row == banks and len(plan.ops) <= _MANY_OPS:
            whole, half = (_num_sweeps(plan, tile_bits, bits) for bits in (row, row - 1))
            if half < 0.9 * whole:
                row -= 1
    together = _PREPARED_BYTES[backward] // turn_bytes(registers, itemsize)
    prepared = max(1, together << threads >> BLOCK_BITS)
    return _shape(registers, threads, row, itemsize, prepared)


def _shape(registers: int, threads: int, row: int, itemsize: int, prepared: int = 0) -> Shape:
    """A shape by log2 of the amplitudes of a thread, of the threads of a tile, and of a row."""
    plain = registers >= _REGISTER_BITS[itemsize]
    cores = gpu.has_tensor_cores()
    return Shape(threads, registers, row, _ROW_BITS[itemsize], itemsize, prepared, cores, plain)


def _block_bits(*, backward: bool) -> int:
    """log2 of the threads of a block, which are half as many where two tiles would not fit."""
    return BLOCK_BITS - (backward and gpu.shared_bytes() < SHARED_BYTES)


def _num_sweeps(plan: Plan, tile_bits: int, row_bits: int) -> int:
    return sum(len(stage.sweeps) for stage in plan.schedule(tile_bits, row_bits))


def geometry(
    num_qubits: int,
    batch: int,
    shape: Shape,
    *,
    backward: bool = False,
    separate: bool = True,
    most_blocks: int = _BLOCKS,
) -> Geometry:
    """How blocks divide a run over a batch of states.

    Args:
        num_qubits: Of a state.
        batch: Number of states.
        shape: How a block holds a tile.
        backward: Whether sweeps run backward, on two states.
        separate: Whether every sample has sums of its own.
        most_blocks: How many blocks there should be at most.
    """
    tiles = 2 ** (num_qubits - shape.tile_bits)
    wanted = shape.thread_bits + (batch - 1).bit_length()
    fewest = max(_LINE, shape.thread_bits)
    largest = _block_bits(backward=backward)
    most = max(fewest, min(largest, shape.thread_bits + _SAMPLE_BITS))
    block_bits = max(fewest, min(most, wanted) if tiles == 1 else 0)
    samples = 2 ** (block_bits - shape.thread_bits)
    groups = -(-batch // samples)
    parts = max(1, min(tiles, most_blocks // min(groups, most_blocks)))
    grid = groups if separate else max(1, min(groups, most_blocks // parts))
    line = min(_LINE, shape.thread_bits)
    each = parts << (shape.thread_bits - line)
    rows = batch * each if separate else parts * grid << (block_bits - line)
    shared = (2 if backward else 1) * shape.itemsize << (block_bits + shape.register_bits)
    shared += turn_bytes(shape.register_bits, shape.itemsize) * shape.prepared * samples
    return Geometry(
        shape,
        2**block_bits,
        groups,
        tiles,
        parts,
        parts * grid,
        shared,
        rows,
        each if separate else rows,
    )


def refusal(plan: Plan, **_: Any) -> str | None:
    """Why the kernels cannot run a plan, or None: no op may need more qubits than fit in a tile."""
    n = plan.num_qubits
    if n == 0:
        return "a circuit must have at least one qubit."
    largest = _block_bits(backward=True) + min(_REGISTER_BITS.values())
    if max_width(plan) <= largest:
        return None
    return (
        f"a gate must mix the amplitudes of at most {largest} qubits, but one needs "
        f"{max_width(plan)}."
    )


def forward_parts(itemsize: int, *, plan: Plan, **_: Any) -> tuple[str, ...]:
    """The parts of the kernels that a run needs, of `nvrtc.PARTS`."""
    shape = shape_of(plan, itemsize, backward=False)
    return _parts("forward", write_cuda_tape(plan, shape, backward=False))


def backward_parts(itemsize: int, *, plan: Plan, **_: Any) -> tuple[str, ...]:
    """The parts of the kernels that the adjoint of a run needs."""
    shape = shape_of(plan, itemsize, backward=True)
    return "other", *_parts("backward", write_cuda_tape(plan, shape, backward=True))


def _parts(direction: str, tape: CudaTape) -> tuple[str, ...]:
    return tuple(sorted({f"plain {direction}" if s.plain else direction for s in tape.sweeps}))


def basis(*, num_qubits: int, index: int, dtype: np.dtype) -> Any:
    """The basis state |index>: (1, 2**num_qubits)."""
    out = jax.ShapeDtypeStruct((1, 2**num_qubits), dtype)
    return jax.ffi.ffi_call("qjax_cuda_basis", out)(index=np.int64(index))


def apply(state: Any, numbers: Any, *, plan: Plan) -> Any:
    """U(numbers) psi: (B or 1, 2**n), (B or 1, V) -> (B, 2**n)."""
    batch = batch_of(state, numbers)
    call = jax.ffi.ffi_call(
        "qjax_cuda_apply",
        jax.ShapeDtypeStruct((batch, state.shape[1]), state.dtype),
        input_output_aliases={0: 0} if state.shape[0] == batch else None,
    )
    constants, words, attribute = _forward(plan, batch, numbers.dtype)
    return call(state, numbers, constants, words, geometry=attribute)


def from_zero(numbers: Any, *, plan: Plan, dtype: np.dtype) -> Any:
    """U(numbers) |0...0>: (B, V) -> (B, 2**n)."""
    batch = numbers.shape[0]
    out = jax.ShapeDtypeStruct((batch, 2**plan.num_qubits), dtype)
    constants, words, attribute = _forward(plan, batch, numbers.dtype)
    call = jax.ffi.ffi_call("qjax_cuda_from_zero", out)
    return call(numbers, constants, words, geometry=attribute)


def _forward(plan: Plan, batch: int, real: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """What sweeps forward read besides the state and the numbers: constants, words, geometry."""
    itemsize = 2 * np.dtype(real).itemsize
    shape = shape_of(plan, itemsize, backward=False)
    tape = write_cuda_tape(plan, shape, backward=False)
    division = geometry(plan.num_qubits, batch, shape)
    sweeps = [w for s in tape.sweeps for w in (s.offset, s.plain, 0, 0, 0)]
    attribute = division.words(0, [len(tape.sweeps), *sweeps])
    return in_precision(tape.constants, real), tape.words, attribute


def adjoint(out: Any, cotangent: Any, numbers: Any, *, plan: Plan) -> Any:
    """Cotangents of the state before the run and of the numbers, and that state.

    Args:
        out: The state after the run, (B or 1, 2**n).
        cotangent: Its cotangent, (B or 1, 2**n).
        numbers: (B or 1, V).
        plan: The plan.

    Returns:
        Shapes (B, 2**n), that of `numbers`, and (B, 2**n).
    """
    batch = batch_of(out, cotangent, numbers)
    tape, columns, division = _backward(out, cotangent, numbers, plan)
    rest = [w for s in tape.sweeps for w in (s.offset, s.plain, s.sums, s.emit_offset, s.emits)]
    state = jax.ShapeDtypeStruct((batch, out.shape[1]), out.dtype)
    work = _doubles(_num_sums(columns, division, numbers))
    aliases = {}
    if cotangent.shape[0] == batch:
        aliases[1] = 0
    if out.shape[0] == batch:
        aliases[0] = 2
    call = jax.ffi.ffi_call(
        "qjax_cuda_adjoint",
        (state, jax.ShapeDtypeStruct(numbers.shape, numbers.dtype), state, work),
        input_output_aliases=aliases,
    )
    constants = in_precision(tape.constants, numbers.dtype)
    attribute = division.words(columns, [len(tape.sweeps), *rest])
    return call(out, cotangent, numbers, constants, tape.words, geometry=attribute)[:3]


def adjoint_work(out: Any, cotangent: Any, numbers: Any, *, plan: Plan, **_: Any) -> int:
    """Bytes of memory that `adjoint` needs beside its operands and results."""
    columns, division = _backward(out, cotangent, numbers, plan)[1:]
    return 8 * _num_sums(columns, division, numbers)


def _backward(out: Any, cotangent: Any, numbers: Any, plan: Plan) -> tuple[CudaTape, int, Geometry]:
    """The tape of a run backward, the most sums of a sweep, and how blocks divide the work."""
    shape = shape_of(plan, np.dtype(out.dtype).itemsize, backward=True)
    tape = write_cuda_tape(plan, shape, backward=True)
    columns = 1 + max(s.sums for s in tape.sweeps)
    rows_of_block = BLOCK_BITS - _LINE
    most = min(_BACK_BLOCKS, max(1, _BACK_SUM_BYTES // (8 * columns) >> rows_of_block))
    separate, batch = numbers.shape[0] != 1, batch_of(out, cotangent, numbers)
    division = geometry(
        plan.num_qubits, batch, shape, backward=True, separate=separate, most_blocks=most
    )
    return tape, columns, division


def _num_sums(columns: int, division: Geometry, numbers: Any) -> int:
    """Partial sums, and the overlap of each sample."""
    return division.rows * columns + numbers.shape[0]


def _doubles(count: int) -> jax.ShapeDtypeStruct:
    """Working space of the kernels, which have double precision whether JAX has it or not."""
    return jax.ShapeDtypeStruct((2 * max(count, 1),), np.dtype(np.int32))


# --- Pauli strings ----------------------------------------------------------------------------


def _pauli_tape(terms: Terms, itemsize: int, use: Use) -> PauliTape:
    n = terms.num_qubits
    registers = _REGISTER_BITS[itemsize] if n > BLOCK_BITS else 0
    threads = min(BLOCK_BITS, n - registers)
    row = min(_ROW_BITS[itemsize], threads)
    shape = _shape(registers, threads, row, itemsize)
    return write_pauli_tape(terms, shape, use, pairs=registers > 0 and itemsize == 8)


def _overlaps(a: Any, b: Any, terms: Terms, dtype: Any) -> Any:
    batch, itemsize = batch_of(a, b), np.dtype(b.dtype).itemsize
    is_complex = np.dtype(dtype).kind == "c"
    tape = _pauli_tape(terms, itemsize, Use.OVERLAPS if is_complex else Use.EXPECTATIONS)
    columns = len(terms) * (2 if is_complex else 1)
    rows = _SUM_BYTES // (8 * max(columns, 1) * batch) >> (BLOCK_BITS - _LINE)
    most = batch * max(1, min(rows, -(-_PAULI_BLOCKS // batch)))
    division = geometry(terms.num_qubits, batch, tape.shape, most_blocks=most)
    shapes = (
        jax.ShapeDtypeStruct((batch, len(terms)), dtype),
        _doubles(division.rows * columns),
    )
    call = jax.ffi.ffi_call("qjax_cuda_overlaps", shapes)
    attribute = division.words(columns, [len(tape.passes), *tape.passes])
    return call(a, b, tape.words, geometry=attribute)[0]


def overlaps(a: Any, b: Any, *, terms: Terms) -> Any:
    """sum_j a[j] (P_t b)[j]: (B or 1, 2**n), (B or 1, 2**n) -> (B, T)."""
    return _overlaps(a, b, terms, a.dtype)


def expectations(state: Any, *, terms: Terms) -> Any:
    """<psi|P_t|psi>: (B, 2**n) -> real (B, T)."""
    return _overlaps(state, state, terms, state.real.dtype)


def combination(b: Any, weights: Any, *, terms: Terms) -> Any:
    """sum_t w_t P_t b, or for real weights twice its conjugate: (B or 1, 2**n), (B or 1, T)."""
    batch, itemsize = batch_of(b, weights), np.dtype(b.dtype).itemsize
    is_complex = np.dtype(weights.dtype).kind == "c"
    tape = _pauli_tape(terms, itemsize, Use.COMPLEX_SUM if is_complex else Use.REAL_SUM)
    division = _sum_geometry(terms, batch, tape)
    out = jax.ShapeDtypeStruct((batch, b.shape[1]), b.dtype)
    call = jax.ffi.ffi_call("qjax_cuda_combination", out)
    attribute = division.words(0, [len(tape.passes), *tape.passes])
    return call(b, weights, tape.words, geometry=attribute)


def mean_and_slope(state: Any, weights: Any, *, terms: Terms) -> Any:
    """H = sum_t w_t P_t: <psi|H|psi>, (B, 1), and 2 conj(H psi), (B, 2**n).

    Args:
        state: (B or 1, 2**n).
        weights: Real, (B or 1, T).
        terms: The strings.
    """
    batch, itemsize = batch_of(state, weights), np.dtype(state.dtype).itemsize
    tape = _pauli_tape(terms, itemsize, Use.REAL_SUM)
    division = _sum_geometry(terms, batch, tape)
    shapes = (
        jax.ShapeDtypeStruct((batch, 1), weights.dtype),
        jax.ShapeDtypeStruct((batch, state.shape[1]), state.dtype),
        _doubles(division.rows),
    )
    call = jax.ffi.ffi_call("qjax_cuda_mean_and_slope", shapes)
    attribute = division.words(1, [len(tape.passes), *tape.passes])
    return call(state, weights, tape.words, geometry=attribute)[:2]


def _sum_geometry(terms: Terms, batch: int, tape: PauliTape) -> Geometry:
    most = max(batch, _PAULI_BLOCKS)
    return geometry(terms.num_qubits, batch, tape.shape, most_blocks=most)


# --- measurements -----------------------------------------------------------------------------


def draw(states: Any, words: Any, *, shots: int) -> Any:
    """Indices drawn from the squares of amplitudes: (B, 2**n), (B, shots, 2) -> (B, shots)."""
    batch, n = states.shape[0], states.shape[1].bit_length() - 1
    chunk_bits = min(n, _CHUNK_BITS)
    chunks = 2 ** (n - chunk_bits)
    spans = min(chunks, max(1, _SPANS >> (batch - 1).bit_length()))
    shapes = (
        jax.ShapeDtypeStruct((batch, shots), np.dtype(np.int32)),
        _doubles(batch * (chunks + spans)),
    )
    call = jax.ffi.ffi_call("qjax_cuda_draw", shapes)
    return call(states, words, chunk_bits=np.int64(chunk_bits), spans=np.int64(spans))[0]


def marginals(states: Any, *, qubits: tuple[int, ...]) -> Any:
    """|amplitude|^2 summed over the qubits that are not asked for: (B, 2**n) -> (B, 2**k)."""
    batch, n, k = states.shape[0], states.shape[1].bit_length() - 1, len(qubits)
    lanes = min(n, _LINE)
    place = {q: p for p, q in enumerate(qubits)}
    high = [(q, place[q]) for q in qubits if q >= lanes]
    others = [q for q in range(lanes, n) if q not in place]
    summed = sum(1 << q for q in range(lanes) if q not in place)
    words = [
        lanes, summed, len(high), len(others), *(place.get(q, -1) for q in range(lanes)),
        *(w for pair in high for w in pair), *others,
    ]  # fmt: skip
    parts = min(2 ** len(others), max(1, _WARPS // (batch << len(high))))
    parts = 2 ** (parts.bit_length() - 1)
    shapes = (
        jax.ShapeDtypeStruct((batch, 2**k), states.real.dtype),
        _doubles(batch * parts * 2**k),
    )
    call = jax.ffi.ffi_call("qjax_cuda_marginals", shapes)
    attributes = {"parts": np.int64(parts), "high": np.int64(len(high))}
    return call(states, np.array(words, np.int32), **attributes)[0]
