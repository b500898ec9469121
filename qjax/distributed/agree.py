"""What the processes of a run must agree on, and arrays that no process holds whole."""

import hashlib
from typing import Any

import jax
import numpy as np


def is_shared(tree: Any) -> bool:
    """Whether a pytree holds arrays that lie on devices of several processes.

    Examples:
        >>> is_shared({"w": jax.numpy.zeros(2)})
        False
    """
    return any(
        isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
        for leaf in jax.tree.leaves(tree)
    )


def agreed(numbers: Any) -> np.ndarray:
    """The numbers of process 0, in every process; all of them must call this together.

    Examples:
        >>> agreed([3, 4])
        array([3, 4])
    """
    from jax.experimental import multihost_utils

    return np.asarray(multihost_utils.broadcast_one_to_all(np.asarray(numbers)))


def digest(tree: Any) -> np.ndarray:
    """SHA-256 of the arrays of a pytree, uint8 of shape (32,), to compare between processes.

    Arrays that are divided over processes count for nothing.

    Examples:
        >>> np.array_equal(digest([1.0, 2.0]), digest([1.0, 3.0]))
        False
    """
    found = hashlib.sha256()
    for path, leaf in jax.tree_util.tree_leaves_with_path(tree):
        if isinstance(leaf, jax.Array):
            if not (leaf.is_fully_addressable or leaf.is_fully_replicated):
                continue
            if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
                leaf = jax.random.key_data(leaf)
        array = np.asarray(leaf)
        found.update(f"{jax.tree_util.keystr(path)} {array.dtype} {array.shape}".encode())
        found.update(array.tobytes())
    return np.frombuffer(found.digest(), np.uint8)


def on_host(tree: Any) -> Any:
    """A pytree of arrays as NumPy arrays, whole in every process; keys stay keys.

    Where arrays are divided over devices of several processes, all of these call it together. Each
    needs memory for all of it.

    Examples:
        >>> on_host({"w": jax.numpy.zeros(2)})
        {'w': array([0., 0.], dtype=float32)}
    """
    return jax.tree.map(_whole, tree)


def _whole(leaf: Any) -> Any:
    from jax.experimental import multihost_utils

    if isinstance(leaf, jax.Array):
        key = jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key)
        if not leaf.is_fully_addressable and not leaf.is_fully_replicated:
            if key:
                whole = multihost_utils.process_allgather(jax.random.key_data(leaf), tiled=True)
                return jax.random.wrap_key_data(whole, impl=jax.random.key_impl(leaf))
            return np.asarray(multihost_utils.process_allgather(leaf, tiled=True))
        if key:
            return leaf
    return np.array(leaf)


def placed(array: np.ndarray, like: jax.Array) -> jax.Array:
    """An array, which every process holds whole, on the devices of another one.

    Examples:
        >>> placed(np.zeros(2, np.float32), jax.numpy.ones(2))
        Array([0., 0.], dtype=float32)
    """
    return jax.make_array_from_callback(array.shape, like.sharding, lambda index: array[index])
