"""Linear algebra over the integers modulo 2: bit b of a word is component b of a vector."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache


def bits(mask: int) -> Iterator[int]:
    """The positions of the bits that are 1."""
    while mask:
        yield (mask & -mask).bit_length() - 1
        mask &= mask - 1


def mapped(columns: Sequence[int], value: int) -> int:
    """A linear map of a vector over the integers modulo 2."""
    total = 0
    for bit in bits(value):
        total ^= columns[bit]
    return total


@lru_cache(maxsize=4096)
def conflict_free(written: tuple[int, ...], read: tuple[int, ...], bits: int) -> tuple[int, ...]:
    """A linear map of places for which neither of two access patterns has bank conflicts.

    The neighbouring threads that ask for shared memory together reach the places of the span of
    `written`, and later of `read`. They meet no bank twice if the lowest m bits of their places
    differ, that is if the map, cut to these bits, has a kernel that meets neither span but in 0:
    a complement of both. Two subspaces of one dimension always have a common complement.

    Args:
        written: m independent vectors.
        read: m independent vectors.
        bits: The dimension of the space.

    Returns:
        The images of the unit vectors.
    """
    common = basis(sorted(span(written) & span(read)), [])
    first, second = basis(written, common), basis(read, common)
    kernel = [a ^ b for a, b in zip(first[len(common) :], second[len(common) :], strict=True)]
    whole = basis([1 << b for b in range(bits)], [*first, *kernel])
    # `whole`: the first span, then the kernel and what extends it; they go to the low and high bits
    return solve(whole, [1 << k for k in range(bits)], bits)


def span(vectors: Sequence[int]) -> set[int]:
    """All sums of some vectors."""
    found = {0}
    for vector in vectors:
        found |= {vector ^ other for other in found}
    return found


def basis(vectors: Iterable[int], start: Sequence[int]) -> list[int]:
    """`start`, independent, and those of the vectors that are independent of what is before."""
    basis, reduced = list(start), []

    def rest_of(vector: int) -> int:
        for other in reduced:
            vector = min(vector, vector ^ other)
        return vector

    for vector in start:
        reduced.append(rest_of(vector))
    for vector in vectors:
        rest = rest_of(vector)
        if rest:
            reduced.append(rest)
            basis.append(vector)
    return basis


def solve(basis: Sequence[int], images: Sequence[int], bits: int) -> tuple[int, ...]:
    """The images of the unit vectors under the map that takes a basis to `images`."""
    rows = list(zip(basis, images, strict=True))
    for bit in range(bits):
        pivot = next(k for k in range(bit, bits) if rows[k][0] >> bit & 1)
        rows[bit], rows[pivot] = rows[pivot], rows[bit]
        vector, image = rows[bit]
        rows = [
            (v ^ vector, i ^ image) if k != bit and v >> bit & 1 else (v, i)
            for k, (v, i) in enumerate(rows)
        ]
    return tuple(image for _, image in rows)
