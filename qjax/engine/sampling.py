"""Measurements: bitstrings drawn from |amplitude|^2, and the probabilities of some qubits."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine import cuda
from qjax.engine.lowering import register
from qjax.engine.rows import batch_of, folded, stacked
from qjax.engine.select import real_dtype
from qjax.errors import SamplingError

# --- drawing --------------------------------------------------------------------------------------


def draw(states: jax.Array, keys: jax.Array, shots: int, engine: str) -> jax.Array:
    """Indices drawn from the squares of amplitudes, row by row.

    Rare outcomes are drawn as exactly as frequent ones, and an outcome of probability 0 never. The
    kernels invert the cumulative sums with 53 random bits per shot; the definition descends a
    binary tree of sums, each level decided by a fresh number. So one key draws alike on one engine,
    and differently on another.

    Args:
        states: Complex, shape (B, 2**n); the sum of squares of a row need not be 1.
        keys: B `jax.random` keys.
        shots: How many per row.
        engine: "auto", or the name of an engine.

    Returns:
        int32 array of shape (B, shots).

    Note:
        Time O(2**n + shots * n) per row. The kernels need memory for 2**(n - 5) sums and the
        indices, the definition for some 2**(n + 1) probabilities.
    """
    if not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key):
        keys = jax.random.wrap_key_data(keys)
    impl = str(jax.random.key_impl(keys))
    return draw_p.bind(states, jax.random.key_data(keys), shots=shots, impl=impl, engine=engine)


def _draw(states: Any, data: Any, *, shots: int, impl: str) -> Any:
    def one(state: jax.Array, key: jax.Array) -> jax.Array:
        return _tree_draw(key, state.real**2 + state.imag**2, shots)

    return jax.vmap(one)(states, jax.random.wrap_key_data(data, impl=impl))


def _tree_draw(key: jax.Array, probabilities: jax.Array, shots: int) -> jax.Array:
    """Indices drawn with the given probabilities, by descent in a binary tree of sums."""
    depth = probabilities.shape[0].bit_length() - 1
    tree, start = sum_tree(probabilities), jnp.zeros(shots, jnp.int32)
    return descended(tree[None], start, jax.random.split(key, depth))


def sum_tree(probabilities: jax.Array) -> jax.Array:
    """A binary tree of sums, (2**n,) -> (2**(n + 1),).

    Entry 2**l + i is the sum over node i of level l; the children of node v are 2v and 2v + 1.
    """
    levels = [probabilities]
    while levels[-1].shape[0] > 1:
        levels.append(levels[-1][0::2] + levels[-1][1::2])
    return jnp.concatenate([jnp.zeros(1, probabilities.dtype), *reversed(levels)])


def descended(trees: jax.Array, which: jax.Array, keys: jax.Array) -> jax.Array:
    """Where shots get to from the root of their tree, a level down for each key.

    Args:
        trees: Trees of sums, (trees, 2**(n + 1)).
        which: The tree of each shot, int32 of shape (shots,).
        keys: n keys.

    Returns:
        Indices in 0..2**n - 1, int32 of shape (shots,).
    """

    def descend(node: jax.Array, key: jax.Array) -> tuple[jax.Array, None]:
        left, right = trees[which, 2 * node], trees[which, 2 * node + 1]
        threshold = jax.random.uniform(key, node.shape, trees.dtype) * (left + right)
        goes_right = (threshold >= left) & (right > 0)
        return 2 * node + goes_right.astype(jnp.int32), None

    return lax.scan(descend, jnp.ones_like(which), keys)[0] - (1 << len(keys))


def _random_words(data: Any, shots: int, impl: str) -> Any:
    keys = jax.random.wrap_key_data(data, impl=impl)
    return jax.vmap(lambda key: jax.random.bits(key, (shots, 2), jnp.uint32))(keys)


def _draw_cuda(states: Any, data: Any, *, shots: int, impl: str) -> Any:
    return cuda.draw(states, _random_words(data, shots, impl), shots=shots)


def _draw_cpu(states: Any, data: Any, *, shots: int, impl: str) -> Any:
    words = _random_words(data, shots, impl)
    out = jax.ShapeDtypeStruct((states.shape[0], shots), jnp.int32)
    return jax.ffi.ffi_call("qjax_draw", out)(states, words)


draw_p = Primitive("qjax_draw")


@draw_p.def_abstract_eval
def _draw_shape(states: Any, data: Any, *, shots: int, impl: str, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(states), shots), np.dtype(np.int32))


def _no_derivative(*args: Any, **params: Any) -> Any:
    raise SamplingError(
        "A derivative must not pass through sample or counts, for random draws have none: it would "
        "be 0 in silence. Differentiate expectation instead."
    )


register(draw_p, _draw, cpu=_draw_cpu, cuda=_draw_cuda)
ad.primitive_jvps[draw_p] = _no_derivative

# --- probabilities --------------------------------------------------------------------------------


def probabilities(
    states: jax.Array, qubits: tuple[int, ...] | None = None, engine: str = "auto"
) -> jax.Array:
    """|amplitude|^2, summed over the qubits that are not asked for: (B, 2**n) -> (B, 2**k)."""
    if qubits is None:
        return states.real**2 + states.imag**2
    return marginals_p.bind(states, qubits=qubits, engine=engine)


def _marginals(states: Any, *, qubits: tuple[int, ...]) -> Any:
    squares = states.real**2 + states.imag**2
    n = states.shape[1].bit_length() - 1
    rest = tuple(q for q in range(n) if q not in qubits)
    ordered = transposed(squares, (*qubits, *rest))
    return jnp.sum(ordered.reshape(-1, 2 ** len(rest), 2 ** len(qubits)), axis=1)


def transposed(state: jax.Array, order: tuple[int, ...]) -> jax.Array:
    """The amplitudes with qubit order[p] at bit p of the index: (B, 2**n) -> (B, 2**n)."""
    n = len(order)
    if order == tuple(range(n)):
        return state
    axes = (0, *(n - order[n - 1 - a] for a in range(n)))  # axis a + 1 is bit n - 1 - a
    return jnp.transpose(state.reshape(-1, *(2,) * n), axes).reshape(state.shape)


def _marginals_cpu(states: Any, *, qubits: tuple[int, ...]) -> Any:
    out = jax.ShapeDtypeStruct((states.shape[0], 2 ** len(qubits)), real_dtype(states.dtype))
    return jax.ffi.ffi_call("qjax_marginals", out)(states, np.array(qubits, np.int32))


marginals_p = Primitive("qjax_marginals")


@marginals_p.def_abstract_eval
def _marginals_shape(states: Any, *, qubits: tuple[int, ...], engine: str) -> ShapedArray:
    return ShapedArray((batch_of(states), 2 ** len(qubits)), real_dtype(states.dtype))


def _marginals_jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, qubits: tuple[int, ...], engine: str
) -> tuple[Any, Any]:
    run = partial(_marginals, qubits=qubits)
    return jax.jvp(run, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))


register(marginals_p, _marginals, cpu=_marginals_cpu, cuda=cuda.marginals)
ad.primitive_jvps[marginals_p] = _marginals_jvp

# --- batching -------------------------------------------------------------------------------------


def _batch_rule(primitive: Primitive) -> Any:
    def rule(operands: Sequence[Any], axes: Sequence[Any], **params: Any) -> tuple[Any, int]:
        rows, size, batch = stacked(operands, axes)
        out = primitive.bind(*(folded(x, size, batch, all_rows=True) for x in rows), **params)
        return out.reshape(size, batch, -1), 0

    return rule


for _primitive in (draw_p, marginals_p):
    batching.primitive_batchers[_primitive] = _batch_rule(_primitive)
