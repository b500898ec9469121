"""Pauli strings for the CUDA kernels: passes over tiles, written as described in pauli.cuh.

One pass reads the state once and serves all strings whose flips stay in its tile, and others at the
price of one more tile each.
"""

from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import numpy as np

from qjax.engine.cuda_words import Shape
from qjax.plan.terms import Terms

LANE_BITS = 5  # log2 of the threads of a warp
_WORTH_A_PASS = 3  # flips


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


class Use(Enum):
    """What the strings are used for, which says where real and imaginary parts go."""

    EXPECTATIONS = "a real number of each"
    OVERLAPS = "a complex number of each"
    REAL_SUM = "a sum with real weights"
    COMPLEX_SUM = "a sum with complex weights"


@lru_cache(maxsize=256)
def write_pauli_tape(terms: Terms, shape: Shape, use: Use, *, pairs: bool) -> PauliTape:
    """The passes that serve some strings; the same object for equal arguments.

    Args:
        terms: The strings.
        shape: How a block holds a tile.
        use: What for.
        pairs: Whether a thread reads two neighbours at once, so that its first register bit is
            qubit 0.
    """
    groups: dict[int, list[int]] = {}
    for t, x in enumerate(terms.x_masks):
        groups.setdefault(x, []).append(t)
    words: list[int] = []
    passes: list[int] = []
    for tile, flips in _passes(terms.num_qubits, sorted(groups), shape):
        passes.append(len(words))
        words += _pass(terms, tile, {x: groups[x] for x in flips}, shape, use, pairs)
    if not passes:  # no strings: a pass that writes zeros
        passes.append(0)
        words = _pass(terms, _tile(terms.num_qubits, 0, shape), {}, shape, use, pairs)
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
    # A pass reads one state and changes another; a flip out of the tile reads one more.
    wide += [x for _, served in passes[1:] if len(served) < _WORTH_A_PASS for x in served]
    passes[1:] = [p for p in passes[1:] if len(p[1]) >= _WORTH_A_PASS]
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


def _pass(
    terms: Terms, tile: list[int], groups: dict[int, list[int]], shape: Shape, use: Use, pairs: bool
) -> list[int]:
    n, threads = terms.num_qubits, shape.thread_bits
    outer = [q for q in range(n) if q not in tile]
    if pairs:
        tile = [*tile[1 : threads + 1], tile[0], *tile[threads + 1 :]]
    lane, around = tile[: min(threads, LANE_BITS)], [*tile[:threads], *outer]

    segments: dict[int, list[int]] = {}
    for x in groups:
        segments.setdefault(_moved(x, outer), []).append(x)
    runs = _runs(outer)
    segments.setdefault(0, [])
    words = _lines(len(segments), len(runs)) + _lines(*tile) + _lines(*(w for r in runs for w in r))
    for x_outer, flips in sorted(segments.items(), reverse=True):
        words += _lines(x_outer, len(flips))
        for x in flips:
            # (whether imaginary, z of the registers) -> a line of each term
            classes: dict[tuple[int, int], list[int]] = {}
            for t in groups[x]:
                z = terms.z_masks[t]
                for part, place, negative in _parts(use, (x & z).bit_count(), t):
                    signs = _moved(z, around) | negative << 31
                    line = _lines(signs, place, _moved(z, lane))
                    classes.setdefault((part, _moved(z, tile[threads:])), []).extend(line)
            imaginary = sum(part for part, _ in classes)
            x_thread, x_register = _moved(x, tile[:threads]), _moved(x, tile[threads:])
            words += _lines(x_thread, x_register, len(classes) - imaginary, imaginary)
            for (_, z_register), lines in sorted(classes.items()):
                words += _lines(z_register, len(lines) // 4) + lines
    return words


def _parts(use: Use, letters: int, t: int) -> list[tuple[int, int, bool]]:
    """Where a string with some letters Y is used: (whether imaginary, place, whether negative).

    Overlaps: part p of a sum s goes to a part of (-i)^letters s. Sums: part p of the factor
    (-i)^letters w comes from a part of w. Both are the same part if `letters` is even.
    """
    turned = letters & 1
    parts = (0, 1) if use in (Use.OVERLAPS, Use.COMPLEX_SUM) else (turned,)
    found = []
    for part in parts:
        other = part ^ turned
        # (-i)^letters i^part or i^other is i^other or i^part, or the negative of that.
        given, taken = (part, other) if use in (Use.OVERLAPS, Use.EXPECTATIONS) else (other, part)
        negative = (given - letters - taken) % 4 == 2
        # The kernel conjugates b and not a.
        negative ^= use is Use.EXPECTATIONS and part == 1
        found.append((part, t if len(parts) == 1 else 2 * t + other, negative))
    return found


def _moved(mask: int, qubits: list[int]) -> int:
    """The bits of a mask at some qubits, side by side."""
    return sum((mask >> q & 1) << p for p, q in enumerate(qubits))


def _runs(outer: list[int]) -> list[tuple[int, int]]:
    """Mask of every run of neighbours in an index of the outer qubits, and how far it is moved."""
    masks: dict[int, int] = {}
    for p, q in enumerate(outer):
        masks[q - p] = masks.get(q - p, 0) | 1 << p
    return [(mask, shift) for shift, mask in masks.items()]


def _lines(*words: int) -> list[int]:
    """Words, and zeros up to a multiple of four."""
    return [*words, *[0] * (-len(words) % 4)]
