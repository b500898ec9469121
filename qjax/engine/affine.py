"""Chains of X, CX and SWAP as affine maps of indices over the integers modulo 2.

A map is a list of integers, [constant, image of bit 0, image of bit 1, ...]: it takes an index to
the constant, XORed with the images of the bits that are 1. The images are tile bits; the bits are
those of the tile, then the outer ones, which stay.
"""

from collections.abc import Sequence

Flip = tuple[int, int, int, int, int]
"""X on a bit of the tile: (bit, tile mask, tile value, outer mask, outer value), with at most one
control, in the one mask or the other."""
Map = list[int]


def source_map(flips: Sequence[Flip], bits: int, outer: int) -> Map:
    """Where the amplitude at each index comes from, after the flips in their order.

    Each flip is its own inverse and acts on an index as bit ^= condition; the source of an index is
    found by undoing the flips from the last to the first. The inverse map is that of the flips in
    opposite order.

    Examples:
        >>> source_map([(0, 0b10, 0b10, 0, 0)], 2, 0)  # CX, bit 1 the control
        [0, 1, 3]
    """
    # Index: the tile's bits, the outer bits and, at bit `one`, a constant 1.
    one = bits + outer
    rows = [1 << i for i in range(one + 1)]
    for bit, tile_mask, tile_value, outer_mask, outer_value in flips:
        # rows[p] is the mask whose parity with the new index gives bit p of the old one; here
        # it is composed from the first flip on, so the latest is applied to the index first.
        source = 1 << one
        if tile_mask:
            control = tile_mask.bit_length() - 1
            source = 1 << control if tile_value else 1 << control | 1 << one
        elif outer_mask:
            control = bits + outer_mask.bit_length() - 1
            source = 1 << control if outer_value else 1 << control | 1 << one
        # old[bit] = new[bit] ^ source(new): substitute in every row that reads `bit`
        rows = [row ^ source if row >> bit & 1 else row for row in rows]
    columns = [sum((rows[p] >> i & 1) << p for p in range(bits)) for i in range(one + 1)]
    return [columns[one], *columns[:one]]


def split(forward: Map, inverse: Map, bits: int, lanes: int) -> list[tuple[Map, Map]]:
    """A map as several in a row, which mix fewer vectors each.

    The 2**lanes amplitudes of a vector come from 2**r vectors, r the rank of the high parts of the
    lane bits' images, and each costs a permutation. Where r is 3 or more, exchanges of one lane bit
    with one higher bit are split off, of which each lowers r by one and mixes two vectors.

    Args:
        forward: Where amplitudes come from.
        inverse: Where they go.
        bits: Bits of the tile.
        lanes: How many of them are in a vector.

    Returns:
        Pairs of a map and its inverse, in the order in which they are applied.
    """
    forward, inverse, swaps = list(forward), list(inverse), []
    rank = _lane_rank(forward, lanes)
    while rank > 1 and (swaps or rank >= 3):
        pair = _lowering_swap(forward, bits, lanes, rank)
        if pair is None:
            break
        low, high = pair
        forward[1 + low], forward[1 + high] = forward[1 + high], forward[1 + low]
        inverse = [_swapped(image, low, high) for image in inverse]
        swaps.append(pair)
        rank -= 1
    maps = [(forward, inverse)]
    for low, high in reversed(swaps):
        swap = [
            0,
            *(_swapped(1 << b, low, high) for b in range(bits)),
            *[0] * (len(forward) - 1 - bits),
        ]
        maps.append((swap, swap))
    return maps


def _lowering_swap(forward: Map, bits: int, lanes: int, rank: int) -> tuple[int, int] | None:
    """A lane bit and a higher one whose exchange lowers the rank."""
    for low in range(lanes):
        for high in range(lanes, bits):
            tried = list(forward)
            tried[1 + low], tried[1 + high] = tried[1 + high], tried[1 + low]
            if _lane_rank(tried, lanes) < rank:
                return low, high
    return None


def _lane_rank(forward: Map, lanes: int) -> int:
    """Rank modulo 2 of the high parts of the lane bits' images."""
    basis: list[int] = []
    for image in forward[1 : 1 + lanes]:
        rest = image >> lanes
        for other in basis:
            rest = min(rest, rest ^ other)
        if rest:
            basis.append(rest)
    return len(basis)


def _swapped(image: int, a: int, b: int) -> int:
    """An integer with two bits exchanged."""
    differ = (image >> a ^ image >> b) & 1
    return image ^ (differ << a | differ << b)
