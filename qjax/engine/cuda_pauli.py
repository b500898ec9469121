"""Pauli strings for the CUDA kernels: passes over tiles, written as described in pauli.cuh.

One pass reads the state once and serves all strings whose flips stay in its tile, and others at the
price of one more tile each.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from qjax.engine.cuda_tape import Shape
from qjax.plan.terms import Terms


@dataclass(frozen=True)
class PauliTape:
    """What the kernels read.

    Attributes:
        words: int32 of shape (words,).
        passes: Where each pass starts.
        shape: How a block holds a tile.
    """

    words: np.ndarray
    passes: tuple[int, ...]
    shape: Shape


@lru_cache(maxsize=256)
def write_pauli_tape(terms: Terms, shape: Shape) -> PauliTape:
    """The passes that serve some strings; the same object for equal arguments."""
    groups: dict[int, list[int]] = {}
    for t, x in enumerate(terms.x_masks):
        groups.setdefault(x, []).append(t)
    words: list[int] = []
    passes: list[int] = []
    for tile, flips in _passes(terms.num_qubits, sorted(groups), shape):
        passes.append(len(words))
        words += _pass(terms, tile, {x: groups[x] for x in flips}, shape)
    if not passes:  # no strings: a pass that writes zeros
        passes.append(0)
        words = _pass(terms, _tile(terms.num_qubits, 0, shape), {}, shape)
    packed = np.array(words, np.int64).astype(np.uint32).view(np.int32)
    return PauliTape(packed, tuple(passes), shape)


def _passes(n: int, flips: list[int], shape: Shape) -> list[tuple[list[int], list[int]]]:
    """Tiles, as lists of qubits, and the flips that each serves. Large sets of flips come first."""
    low = (1 << shape.row_bits) - 1
    fits = [x for x in flips if (x | low).bit_count() <= shape.tile_bits]
    wide = [x for x in flips if (x | low).bit_count() > shape.tile_bits]
    passes: list[tuple[list[int], list[int]]] = []
    left = sorted(fits, key=lambda x: (-x.bit_count(), x))
    while left:
        mask = low
        for x in left:
            if (mask | x).bit_count() <= shape.tile_bits:
                mask |= x
        passes.append((_tile(n, mask, shape), [x for x in left if not x & ~mask]))
        left = [x for x in left if x & ~mask]
    if wide and not passes:
        passes.append((_tile(n, 0, shape), []))
    if wide:
        passes[0][1].extend(wide)
    return passes


def _tile(n: int, mask: int, shape: Shape) -> list[int]:
    """The qubits of a mask, and the lowest others that there is room for."""
    mask |= (1 << shape.row_bits) - 1
    for q in range(n):
        if mask.bit_count() == shape.tile_bits:
            break
        mask |= 1 << q
    return [q for q in range(n) if mask >> q & 1]


def _pass(terms: Terms, tile: list[int], groups: dict[int, list[int]], shape: Shape) -> list[int]:
    n, registers = terms.num_qubits, (1 << shape.register_bits) - 1
    outer = [q for q in range(n) if q not in tile]

    def moved(mask: int, qubits: list[int]) -> int:
        return sum((mask >> q & 1) << p for p, q in enumerate(qubits))

    segments: dict[int, list[int]] = {}
    for x in groups:
        segments.setdefault(moved(x, outer), []).append(x)
    words = [len(segments), *tile, *outer]
    for x_outer, flips in sorted(segments.items()):
        words += [x_outer, len(flips)]
        for x in flips:
            words += [moved(x, tile), len(groups[x])]
            for t in groups[x]:
                z = terms.z_masks[t]
                inside = moved(z, tile)
                register = inside >> shape.thread_bits & registers
                pattern = sum(((i & register).bit_count() & 1) << i for i in range(registers + 1))
                thread = inside & ((1 << shape.thread_bits) - 1)
                letters = (x & z).bit_count()
                words += [thread, moved(z, outer), register, pattern, letters, t]
    return words
