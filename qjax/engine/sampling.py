"""Bitstrings drawn from probabilities, by descent in a binary tree of sums."""

from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qjax.errors import SamplingError


@jax.custom_jvp
def _drawn_from(probabilities: jax.Array) -> jax.Array:
    """The probabilities; a derivative asked of what is drawn from them is refused."""
    return probabilities


@_drawn_from.defjvp
def _refuse(primals: Any, tangents: Any) -> Any:
    raise SamplingError(
        "A derivative must not pass through sample or counts, for random draws have none: it would "
        "be 0 in silence. Differentiate expectation instead."
    )


def draw(key: jax.Array, probabilities: jax.Array, shots: int) -> jax.Array:
    """Indices drawn with the given probabilities.

    Every level of the tree is decided by a fresh uniform number, so rare outcomes are drawn as
    exactly as frequent ones, whatever the number of bits of a single float; an outcome of
    probability 0 is never drawn.

    Args:
        key: A `jax.random` key.
        probabilities: Real, shape (2**n,); their sum need not be 1.
        shots: How many.

    Returns:
        int32 array of shape (shots,).

    Note:
        Time O(2**n + shots * n), memory O(2**n + shots).
    """
    levels = [_drawn_from(probabilities)]
    while levels[-1].shape[0] > 1:
        levels.append(levels[-1][0::2] + levels[-1][1::2])
    depth = len(levels) - 1
    # heap[2**l + i] is the sum over node i of level l; the children of node v are 2v and 2v + 1
    heap = jnp.concatenate([jnp.zeros(1, probabilities.dtype), *reversed(levels)])

    def descend(node: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        left, right = heap[2 * node], heap[2 * node + 1]
        threshold = jax.random.uniform(key, (shots,), heap.dtype) * (left + right)
        goes_right = (threshold >= left) & (right > 0)
        return 2 * node + goes_right.astype(jnp.int32), None

    start = jnp.ones(shots, jnp.int32)
    node, _ = lax.scan(descend, start, jax.random.split(key, depth))
    return node - (1 << depth)
