"""Probabilities, amplitudes and samples of states over many devices."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from qjax.engine.mesh import QUBITS, state_spec
from qjax.engine.moves import device_index
from qjax.engine.sampling import descended, marginals_p, sum_tree, transposed
from qjax.engine.sharded import Layout, sharded

_TREE_BITS = 29  # positions in a tree of sums are 32-bit integers


@partial(jax.jit, static_argnums=(1, 2, 3))
def marginals(states: jax.Array, qubits: tuple[int, ...], engine: str, layout: Layout) -> jax.Array:
    """|amplitude|^2, summed over the qubits that are not asked for: (B, 2**n) -> (B, 2**k)."""
    near, far = layout.split(qubits)
    found = [k for k, _ in (*near, *far)]
    order = tuple(found.index(k) for k in range(len(qubits)))

    def run(state: jax.Array) -> jax.Array:
        own = marginals_p.bind(state, qubits=tuple(p for _, p in near), engine=engine)
        device = device_index(layout.num_global)
        index = sum(
            ((device >> b & 1) << i for i, (_, b) in enumerate(far)), jnp.zeros_like(device)
        )
        table = jnp.zeros((own.shape[0], 2 ** len(far), own.shape[1]), own.dtype)
        table = table.at[:, index].set(own).reshape(own.shape[0], -1)
        return transposed(layout.summed(table), order)

    spec = state_spec(layout.mesh, states.shape[0])
    return sharded(run, layout.mesh, spec, PartitionSpec(spec[0], None))(states)


def chosen_amplitudes(states: jax.Array, indices: Sequence[int], layout: Layout) -> jax.Array:
    """Amplitudes of basis states, in natural order: (B, 2**n) -> (B, k)."""
    pairs = [divmod(index, 2**layout.num_local) for index in indices]
    return _chosen(states, np.array(pairs, np.int32).reshape(-1, 2), layout)


@partial(jax.jit, static_argnums=2)
def _chosen(states: jax.Array, pairs: Any, layout: Layout) -> jax.Array:
    def run(state: jax.Array, pairs: jax.Array) -> jax.Array:
        here = device_index(layout.num_global) == pairs[:, 0]
        column = lambda i: lax.dynamic_slice(
            state, [jnp.zeros_like(i), i], [state.shape[0], 1], allow_negative_indices=False
        )
        found = jax.vmap(column, out_axes=1)(pairs[:, 1])[..., 0]
        return layout.summed(jnp.where(here, found, jnp.zeros_like(found)))

    spec = state_spec(layout.mesh, states.shape[0])
    out = PartitionSpec(spec[0], None)
    return sharded(run, layout.mesh, (spec, PartitionSpec()), out)(states, pairs)


def drawn_bits(states: jax.Array, keys: jax.Array, shots: int, layout: Layout) -> jax.Array:
    """Bits of shots, in natural order: (B, 2**n), B keys -> int32 (B, shots, n).

    The descent in a tree of sums is that of the `xla` engine. Its first levels are over the
    devices, whose sums all of them know; on the others every device descends for all shots, and the
    one that holds a shot's outcome tells it. So a key draws alike on every mesh.
    """
    d = layout.num_global
    low = min(layout.num_local, _TREE_BITS)  # a device has several trees if one would be too large
    high = layout.num_local - low

    def one(state: jax.Array, key: jax.Array) -> tuple[jax.Array, jax.Array]:
        chances = state.real**2 + state.imag**2
        trees = jax.vmap(sum_tree)(chances.reshape(2**high, 2**low))
        totals = lax.all_gather(trees[:, 1], QUBITS).reshape(-1) if d else trees[:, 1]
        levels = jax.random.split(key, d + high + low)
        none = jnp.zeros(shots, jnp.int32)
        tree = descended(sum_tree(totals)[None], none, levels[: d + high])
        return tree, descended(trees, tree & (2**high - 1), levels[d + high :])

    def run(state: jax.Array, data: jax.Array) -> jax.Array:
        tree, own = jax.vmap(one)(state, jax.random.wrap_key_data(data, impl=impl))
        here = tree >> high == device_index(d)
        own = layout.summed(jnp.where(here, own, jnp.zeros_like(own)))
        bits = [own[..., None] >> np.arange(low, dtype=np.int32) & 1]
        bits.append(tree[..., None] >> np.arange(high + d, dtype=np.int32) & 1)
        return jnp.concatenate(bits, axis=-1)

    if not jnp.issubdtype(keys.dtype, jax.dtypes.prng_key):
        keys = jax.random.wrap_key_data(keys)
    impl = str(jax.random.key_impl(keys))
    spec = state_spec(layout.mesh, states.shape[0])
    specs = spec, PartitionSpec(spec[0])
    return sharded(run, layout.mesh, specs, PartitionSpec(spec[0]))(
        states, jax.random.key_data(keys)
    )
