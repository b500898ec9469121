"""Pauli strings on states of many tiles: the CUDA kernels, emulated, against their definition."""

import jax.numpy as jnp
import numpy as np
import pytest
from strategies import random_state

from qjax.engine import cuda
from qjax.engine.cuda_pauli import _passes
from qjax.engine.pauli import combination_p, expectations_p, gradient_p, overlaps_p
from qjax.engine.select import real_dtype
from qjax.plan.terms import compile_terms


def applied(terms, t, state):
    """P_t psi: (-i)^y (-1)^parity(j & z) psi[j ^ x] at j, y the number of letters Y."""
    x, z = terms.x_masks[t], terms.z_masks[t]
    j = np.arange(state.shape[1])
    return (
        (-1j) ** (x & z).bit_count() * (1.0 - 2 * (np.bitwise_count(j & z) & 1)) * state[:, j ^ x]
    )


def states_of(rows: int, n: int, rng, dtype) -> np.ndarray:
    return np.stack([random_state(n, rng) for _ in range(rows)]).astype(dtype)


def random_terms(n, rng):
    """Strings of one and two flips, of none, and of flips that no tile holds together."""
    flips = [0, 0, 0, *(1 << q for q in range(n)), *(3 << q for q in range(n - 1)), 2**n - 1]
    flips += [int(x) for x in rng.integers(2**n, size=3)]
    signs = [int(z) for z in rng.integers(2**n, size=2)]
    masks = {(x, z) for x in flips for z in (0, x & -x, *signs, int(rng.integers(2**n)))}
    masks |= {(5, int(z)) for z in rng.integers(2**n, size=70)}  # more than a warp has lanes
    x_masks, z_masks = zip(*sorted(masks), strict=True)
    return compile_terms(n, x_masks, z_masks)


@pytest.mark.parametrize("engine", ["cuda"])
@pytest.mark.parametrize(("batch", "blocks"), [(1, 2048), (2, 6)])
def test_strings_on_states_of_many_tiles(batch, blocks, dtype, rng, engine, monkeypatch):
    monkeypatch.setattr(cuda, "_PAULI_BLOCKS", blocks)  # fewer than tiles, so that blocks loop
    n = 14
    terms = random_terms(n, rng)
    a, b = (states_of(batch, n, rng, dtype) for _ in range(2))
    real = rng.normal(size=(batch, len(terms))).astype(real_dtype(dtype))
    weights = (real + 1j * rng.normal(size=real.shape)).astype(dtype)
    run = {"terms": terms, "engine": engine}
    sums = np.asarray(overlaps_p.bind(jnp.asarray(a), jnp.asarray(b), **run))
    values = np.asarray(expectations_p.bind(jnp.asarray(a), **run))
    mixed = np.asarray(combination_p.bind(jnp.asarray(b), jnp.asarray(weights), **run))
    slope = np.asarray(gradient_p.bind(jnp.asarray(a), jnp.asarray(real), **run))
    expected, by_state = np.zeros_like(b, complex), np.zeros_like(b, complex)
    eps = np.finfo(dtype).eps
    for t in range(len(terms)):
        moved, own = applied(terms, t, b.astype(complex)), applied(terms, t, a.astype(complex))
        assert np.max(np.abs(sums[:, t] - np.sum(a * moved, axis=1))) <= 16 * n * eps
        assert np.max(np.abs(values[:, t] - np.sum(a.conj() * own, axis=1))) <= 16 * n * eps
        expected += weights[:, t : t + 1] * moved
        by_state += 2 * real[:, t : t + 1] * own.conj()
    largest = np.max(np.sum(np.abs(weights), axis=1))
    assert np.max(np.abs(mixed - expected)) <= 16 * eps * largest
    assert np.max(np.abs(slope - by_state)) <= 16 * eps * largest


@pytest.mark.parametrize("engine", ["cuda"])
def test_one_row_of_weights_or_states_serves_a_batch(dtype, rng, engine):
    for n in (3, 9):
        terms = compile_terms(n, (0, 1, 6, 1), (3, 0, 2, 5))
        states = states_of(3, n, rng, dtype)
        weights = rng.normal(size=(3, 4)).astype(real_dtype(dtype))
        for rows in (slice(0, 1), slice(0, 3)):
            for columns in (slice(0, 1), slice(0, 3)):
                found = gradient_p.bind(
                    jnp.asarray(states[rows]),
                    jnp.asarray(weights[columns]),
                    terms=terms,
                    engine=engine,
                )
                expected = sum(
                    2 * weights[columns, t : t + 1] * applied(terms, t, states[rows]).conj()
                    for t in range(4)
                )
                assert np.max(np.abs(np.asarray(found) - expected)) <= 64 * np.finfo(dtype).eps


@pytest.mark.parametrize("n", [11, 20, 21, 22, 24, 26, 30])
def test_every_flip_is_served_by_one_pass(n):
    shape = cuda._shape(4, min(8, n - 4), min(4, n - 4), 8)
    flips = [0, *(1 << q for q in range(n)), 2**n - 1]
    passes = _passes(n, flips, shape)
    assert sorted(x for _, served in passes for x in served) == sorted(flips)
    # 12 qubits by the first pass and 8 by every other; a pass for one or two would not be worth it.
    assert len(passes) == 1 + max(0, -(-(n - 12 - 2) // 8))
