"""Batches divided over devices: each computes the loss of its own rows, and all take the mean."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import numpy as np
from jax import lax
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qjax.engine.mesh import BATCH, QUBITS, checked_mesh
from qjax.errors import TrainingError


def as_batch_mesh(mesh: Any, data: Any) -> Mesh | None:
    """The mesh that batches are divided over, checked.

    Raises:
        TrainingError: If there are no data, or the mesh divides states, too.
        EngineError: If it is no mesh of qjax.
    """
    if mesh is None:
        return None
    mesh = checked_mesh(mesh, "fit")
    if mesh.shape.get(QUBITS, 1) > 1 or BATCH not in mesh.axis_names:
        raise TrainingError(
            f'fit: mesh must divide batches alone, over an axis "{BATCH}", but is '
            f"{dict(mesh.shape)}. Pass a mesh that divides states to the functions in the loss, "
            "as expectation(..., mesh=mesh), and not to fit."
        )
    if data is None:
        raise TrainingError("fit: mesh divides the rows of batches, so it needs data.")
    return mesh


def divided(loss: Callable[..., jax.Array], mesh: Mesh) -> Callable[..., jax.Array]:
    """The mean over the devices of a mesh of the losses of their rows.

        L(p, batch) = 1/d sum_i loss(p, rows of device i),  d devices

    It equals loss(p, batch) if that is a mean over rows.

    Args:
        loss: Called as loss(params, batch) or loss(params, batch, key).
        mesh: With the axis "batch".

    Returns:
        A function of the same arguments. The key of device i is folded with i.
    """
    size = mesh.shape[BATCH]

    def on_device(params: Any, batch: Any, drawn: tuple) -> jax.Array:
        drawn = tuple(jax.random.fold_in(key, lax.axis_index(BATCH)) for key in drawn)
        return loss(params, batch, *drawn)[None]

    def mean(params: Any, batch: Any, *drawn: Any) -> jax.Array:
        for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
            if not leaf.ndim or leaf.shape[0] % size:
                name = jax.tree_util.keystr(path) or "(the array itself)"
                raise TrainingError(
                    f"fit: the rows of a batch must be a multiple of the {size} devices of mesh, "
                    f"but leaf {name} of the batch has shape {leaf.shape}."
                )
        specs = (PartitionSpec(), PartitionSpec(BATCH), PartitionSpec())
        losses = jax.shard_map(
            on_device, mesh=mesh, in_specs=specs, out_specs=PartitionSpec(BATCH), check_vma=False
        )(params, batch, drawn)
        return losses.mean()

    return mean


def replicated(tree: Any, mesh: Mesh) -> Any:
    """A pytree of arrays, whole on each device of a mesh, in buffers of its own."""

    def loose(leaf: Any) -> Any:
        """The leaf, tied to no device."""
        if not isinstance(leaf, jax.Array) or not leaf.is_fully_addressable:
            return leaf
        if jax.numpy.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = jax.numpy.asarray(np.asarray(jax.random.key_data(leaf)))
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        return np.asarray(leaf)

    return _spread(mesh)(jax.tree.map(loose, tree))


@cache
def _spread(mesh: Mesh) -> Callable[[Any], Any]:
    return jax.jit(lambda leaves: leaves, out_shardings=NamedSharding(mesh, PartitionSpec()))
