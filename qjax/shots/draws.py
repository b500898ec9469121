"""Draws: how many shots each Pauli string gets, and what they give."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

ALLOCATIONS = ("weight", "variance", "uniform")
"""How shots are shared out: by |c|, by |c| times the standard deviation of a shot, or evenly."""


def shared(shots: int, weights: jax.Array, measured: np.ndarray) -> jax.Array:
    """Shots in proportion to weights, that may be traced: at least one for each measured string.

    Args:
        shots: All shots, at least as many as there are measured strings.
        weights: Not negative, of shape (K,). If all are 0, the shots are shared out evenly.
        measured: Of shape (K,): which strings need shots at all.

    Returns:
        int32 array of shape (K,), whose sum is `shots`.

    Examples:
        >>> shared(10, jnp.array([1.0, 2.0, 5.0]), np.array([True, True, False]))
        Array([4, 6, 0], dtype=int32)
    """
    spare = shots - int(measured.sum())
    kept = jnp.where(measured, weights, jnp.zeros_like(weights))
    kept = jnp.where(jnp.sum(kept) > 0, kept, jnp.asarray(measured, kept.dtype))
    # Bounds are rounded, not shares, so that the sum is exact.
    ends = jnp.cumsum(kept)
    bounds = jnp.round(ends / ends[-1] * spare).astype(jnp.int32)
    bounds = jnp.minimum(bounds.at[-1].set(spare), spare)
    return jnp.diff(bounds, prepend=jnp.zeros(1, jnp.int32)) + jnp.asarray(measured, jnp.int32)


def allocated(
    means: jax.Array, coefficients: jax.Array, shots: int, allocation: str, measured: np.ndarray
) -> jax.Array:
    """Shots of each string, int32 of shape (K,)."""
    size = jnp.abs(coefficients)
    weights = {
        "weight": lambda: size,
        "variance": lambda: size * jnp.sqrt(jnp.clip(1 - means**2, 0, 1)),
        "uniform": lambda: jnp.ones_like(size),
    }[allocation]()
    return shared(shots, weights, measured)


def drawn(
    means: jax.Array, shots: jax.Array, key: jax.Array, *, exact_variance: bool
) -> tuple[jax.Array, jax.Array]:
    """Means of measured Pauli strings, and the variances of these means.

    Args:
        means: Exact expectation values, (K,); where there are no shots they are what is found.
        shots: Shots of each, int32 of shape (K,).
        key: A `jax.random` key.
        exact_variance: Whether the variance is (1 - mean^2) / shots with the exact mean, and not
            with what was found, which tells nothing after one shot: then it is 1, the most it can
            be.
    """
    known = shots == 0
    count = jnp.maximum(shots, 1).astype(means.dtype)
    chance = jnp.clip((1 + means) / 2, 0, 1)
    ones = jax.random.binomial(key, count, chance, dtype=means.dtype)
    found = jnp.where(known, means, 2 * ones / count - 1)
    if exact_variance:
        spread = jnp.clip(1 - means**2, 0, 1) / count
    else:
        several = (1 - found**2) / jnp.maximum(count - 1, 1)
        spread = jnp.where(shots == 1, jnp.ones_like(several), several)
    return found, jnp.where(known, jnp.zeros_like(spread), spread)


def own_key(key: jax.Array, at: jax.Array) -> jax.Array:
    """A key for a point: what other points draw is independent."""
    words = lax.bitcast_convert_type(at.astype(jnp.float32), jnp.uint32)
    odd = (2 * lax.iota(jnp.uint32, at.shape[0]) + jnp.uint32(1)) * jnp.uint32(2654435761)
    mixed = (words ^ (words >> jnp.uint32(15))) * odd
    return jax.random.fold_in(key, jnp.sum(mixed, dtype=jnp.uint32))
