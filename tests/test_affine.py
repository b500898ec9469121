"""Affine maps of indices: they move what the flips move, whole or split."""

import numpy as np
import pytest

from qjax.engine.affine import source_map, split


def random_flips(bits, outer, count, rng):
    """X, CX with either control value, and SWAPs as three CX."""
    flips = []
    for _ in range(count):
        kind = rng.integers(4)
        a, b = (int(q) for q in rng.choice(bits, 2, replace=False))
        if kind == 0:
            flips.append((a, 0, 0, 0, 0))
        elif kind == 1:
            flips.append((a, 1 << b, int(rng.integers(2)) << b, 0, 0))
        elif kind == 2 and outer:
            o = int(rng.integers(outer))
            flips.append((a, 0, 0, 1 << o, int(rng.integers(2)) << o))
        else:
            flips += [(t, 1 << c, 1 << c, 0, 0) for t, c in ((a, b), (b, a), (a, b))]
    return flips


def flipped(state, flips, bits):
    """The amplitudes after the flips, one by one; an index is tile bits, then outer bits."""
    index = np.arange(len(state))
    for bit, tile_mask, tile_value, outer_mask, outer_value in flips:
        acts = ((index & tile_mask) == tile_value) & ((index >> bits & outer_mask) == outer_value)
        state = np.where(acts, state[index ^ (1 << bit)], state)
    return state


def moved(state, affine, bits):
    """New[y] = old[A y + constant]."""
    index = np.arange(len(state))
    source = np.full_like(index, affine[0])
    for b, image in enumerate(affine[1:]):
        source ^= np.where(index >> b & 1, image, 0)
    return state[index >> bits << bits | source]


@pytest.mark.parametrize(("bits", "outer", "lanes"), [(4, 0, 2), (6, 2, 3), (9, 3, 4), (10, 0, 4)])
def test_a_map_moves_as_its_flips_do_and_as_its_parts(bits, outer, lanes, rng):
    state = np.arange(2 ** (bits + outer))
    for count in (1, 3, 10, 40):
        flips = random_flips(bits, outer, count, rng)
        maps = source_map(flips, bits, outer), source_map(flips[::-1], bits, outer)
        expected = flipped(state, flips, bits)
        assert (moved(state, maps[0], bits) == expected).all()
        assert (moved(expected, maps[1], bits) == state).all()
        parts = split(*maps, bits, lanes)
        forward, backward = state, expected
        for affine, _ in parts:
            forward = moved(forward, affine, bits)
        for _, affine in reversed(parts):
            backward = moved(backward, affine, bits)
        assert (forward == expected).all()
        assert (backward == state).all()


def test_the_reversal_of_all_bits_is_split_into_exchanges():
    flips = [
        (t, 1 << c, 1 << c, 0, 0) for a in range(5) for t, c in ((a, 9 - a), (9 - a, a), (a, 9 - a))
    ]
    parts = split(source_map(flips, 10, 0), source_map(flips[::-1], 10, 0), 10, 4)
    assert len(parts) == 4  # three exchanges take the rank from 4 to 1
