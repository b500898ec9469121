"""What the tape of the CUDA kernels is made of: the codes and forms of kernels/cuda/tape.h."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

VERSION = 7
NONE = -1  # a sum that is not wanted
THREAD_SUMS = 32  # sums of the columns of a thread's bits, by four bits
REGISTER_COLUMNS = 8
COLUMNS = THREAD_SUMS + REGISTER_COLUMNS
BLOCK_BITS = 8  # log2 of the most threads of a block
PHASES = (1 << 10, 1 << 11)  # of turns: before the rotations, after them
GROUP = 4  # words that the kernels read at once
TURN_WORDS = 8
DIAGONALS = 2  # of a turn, on each side of its rotation
SHARED_BYTES = 72 << 10  # of shared memory that a block may have
CONSTANTS = -(2**30)  # added to the index of a constant


class Code(IntEnum):
    """Codes of ops; those on register bits are the first of their kind."""

    END = 0
    EXCHANGE = 1
    ROTATION_FAR = 2
    DENSE_FAR = 3
    PERMUTE_FAR = 4
    TABLE_SUM_FAR = 5
    TENSOR = 6
    SETTLE = 7
    TURNS = 8
    SIGNS = 9
    REAL = 10
    MATRIX = 15
    FLIP = 20
    DENSE2 = 25
    ROTATION = 35
    PHASES = 67
    FACTOR_SUM = 68
    TABLE = 69
    TABLE_SUM = 70
    OVERLAP = 71
    PREPARE = 72


class Axis(IntEnum):
    """Axes of a turn."""

    NONE = 0
    Y = 1
    X = 2
    OF_MATRIX = 3


class TurnWord(IntEnum):
    """Words of a turn, of TURN_WORDS: NUMBERS and those that follow are of its diagonals."""

    FORM = 0
    ROTATION = 1
    NUMBERS = 2
    ONLY_AFTER = NUMBERS + 2 * DIAGONALS


class TurnForm(IntEnum):
    """Forms of a diagonal of a turn."""

    NONE = 0
    HALF_ANGLE = 1
    ENTRIES = 2
    BEFORE = 3
    AFTER = 4


class FactorForm(IntEnum):
    """Forms of a factor of a product of diagonals."""

    ANGLE = 0
    PAIR = 1
    SCALAR = 2


class Emit(IntEnum):
    """How sums become cotangents."""

    COPY = 0
    COSINE = 1
    SINE = 2


def turn_bytes(register_bits: int, itemsize: int) -> int:
    """What an op TURNS takes of shared memory: `kTurnPlaces` of kernels/cuda/turns.cuh."""
    return itemsize * (2 * 2**register_bits + 5 * register_bits + register_bits % 2)


@dataclass(frozen=True)
class Shape:
    """How a block holds a tile.

    Attributes:
        thread_bits: log2 of the threads that hold one tile.
        register_bits: log2 of the amplitudes of a thread.
        row_bits: So many lowest bits of a tile are the lowest bits of the thread when it is read
            and written, so that neighbours read neighbours.
        bank_bits: So many lowest bits of the thread must go to different banks of shared memory.
        itemsize: Bytes of an amplitude.
        prepared: For how many ops TURNS a sample has room in shared memory.
        tensor_cores: Whether the GPU multiplies matrices of both precisions by tensor cores.
        plain: Whether there are kernels of this shape that know the usual ops alone.
    """

    thread_bits: int
    register_bits: int
    row_bits: int
    bank_bits: int
    itemsize: int
    prepared: int
    tensor_cores: bool = True
    plain: bool = False

    @property
    def tile_bits(self) -> int:
        """Qubits of a tile."""
        return self.thread_bits + self.register_bits


@dataclass(frozen=True)
class SweepTape:
    """Where a sweep stands.

    Attributes:
        offset: Of its words.
        plain: Whether it has the usual ops alone, for which there are kernels that are faster.
        sums: How many sums it has.
        emit_offset: Of its emits.
        emits: How many it has.
    """

    offset: int
    plain: bool
    sums: int
    emit_offset: int
    emits: int


@dataclass(frozen=True)
class CudaTape:
    """What the kernels read besides the state and the numbers of a run.

    Attributes:
        words: int32 of shape (words,).
        constants: float64 of shape (constants,): numbers of fixed ops, at least one.
        sweeps: The sweeps, in the order in which they run.
    """

    words: np.ndarray
    constants: np.ndarray
    sweeps: tuple[SweepTape, ...]
