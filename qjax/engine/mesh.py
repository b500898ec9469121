"""Meshes of devices: which devices share the amplitudes of a state, and which the batch."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from qjax._checks import as_positive
from qjax.errors import EngineError

BATCH, QUBITS = "batch", "qubits"
"""The axes that a mesh may have: leading axes are divided over the first, amplitudes over the
second."""


def device_mesh(
    qubits: int | None = None, batch: int = 1, *, devices: Sequence[Any] | None = None
) -> Mesh:
    """A mesh of devices for `mesh=`: each state is divided over `qubits` of them.

    Args:
        qubits: The number of devices that share a state, a power of two: 2**d devices hold the top
            d qubits. By default all devices, divided by `batch`.
        batch: The number of groups of such devices; leading axes of parameters and of initial
            states are divided over them.
        devices: The devices, in order; by default `jax.devices()`, which are those of all
            processes, and of which the first are taken. Devices that share a state are neighbours.

    Returns:
        A `jax.sharding.Mesh` with the axes "batch" and "qubits".

    Raises:
        EngineError: If there are too few devices, or their number is no power of two.

    Examples:
        >>> import qjax as qj
        >>> mesh = qj.device_mesh(qubits=1)
        >>> dict(mesh.shape)
        {'batch': 1, 'qubits': 1}
        >>> qj.expectation(qj.Circuit(2).h(0).cx(0, 1), "X0 X1", mesh=mesh)
        Array(1., dtype=float32)
    """
    given = list(jax.devices() if devices is None else devices)
    groups = as_positive(batch, "device_mesh: batch", EngineError)
    if qubits is None:
        shared = len(given) // groups
        if shared * groups != len(given) or not shared:
            raise EngineError(
                f"device_mesh: batch must divide the number of devices, {len(given)}, "
                f"but is {groups}. Say how many share a state, as qubits=1."
            )
    else:
        shared = as_positive(qubits, "device_mesh: qubits", EngineError)
    _require_power_of_two(shared, "device_mesh: qubits")
    if shared * groups > len(given):
        raise EngineError(
            f"device_mesh: qubits x batch must be at most the number of devices, {len(given)}, but "
            f"is {shared} x {groups}. On a CPU, more devices come from "
            f"XLA_FLAGS=--xla_force_host_platform_device_count={shared * groups}, set before JAX "
            "starts."
        )
    return Mesh(np.array(given[: shared * groups]).reshape(groups, shared), (BATCH, QUBITS))


def checked_mesh(mesh: Any, what: str, num_qubits: int | None = None) -> Mesh:
    """A mesh, for states of so many qubits, after checks; its axes are left to qjax to arrange.

    Raises:
        EngineError: If it is no mesh, has an axis of another name, or if the number of devices
            along "qubits" is no power of two, or more than there are amplitudes.
    """
    if not isinstance(mesh, Mesh):
        raise EngineError(
            f"{what}: mesh must be a jax.sharding.Mesh, as device_mesh gives, but is {mesh!r}."
        )
    strange = [name for name in mesh.axis_names if name not in (BATCH, QUBITS)]
    if strange:
        raise EngineError(
            f'{what}: the axes of mesh must be named "{QUBITS}" or "{BATCH}", '
            f"but one is {strange[0]!r}."
        )
    devices = mesh.shape.get(QUBITS, 1)
    _require_power_of_two(devices, f'{what}: the size of mesh along "{QUBITS}"')
    if num_qubits is not None and devices > 2**num_qubits:
        raise EngineError(
            f'{what}: the size of mesh along "{QUBITS}" must be at most the number of amplitudes, '
            f"{2**num_qubits}, but is {devices}."
        )
    return Mesh(mesh.devices, mesh.axis_names)


def _require_power_of_two(size: int, what: str) -> None:
    if size & (size - 1):
        raise EngineError(f"{what} must be a power of two, but is {size}.")


def mesh_of(state: Any) -> Mesh | None:
    """The mesh over whose "qubits" an array is divided, or None."""
    sharding: Any = getattr(state, "sharding", None)
    if not isinstance(sharding, NamedSharding):
        return None
    mesh: Any = sharding.mesh
    names = (n for part in sharding.spec for n in (part if isinstance(part, tuple) else (part,)))
    return mesh if isinstance(mesh, Mesh) and QUBITS in names else None


def num_global(mesh: Mesh) -> int:
    """d, the number of qubits whose bits say on which device an amplitude is.

    Examples:
        >>> num_global(device_mesh(qubits=1))
        0
    """
    return mesh.shape.get(QUBITS, 1).bit_length() - 1


def state_spec(mesh: Mesh, rows: int, what: str = "mesh") -> PartitionSpec:
    """How an array of shape (rows, 2**n) is divided: rows over "batch", amplitudes over "qubits".

    One row is on every group of devices.

    Raises:
        EngineError: If several rows cannot be divided evenly.
    """
    groups = mesh.shape.get(BATCH, 1)
    if rows > 1 and rows % groups:
        raise EngineError(
            f"{what}: the leading axes must have a multiple of {groups} elements, for mesh has "
            f'{groups} groups of devices along "{BATCH}", but have {rows}.'
        )
    divided = BATCH if BATCH in mesh.axis_names and rows % groups == 0 else None
    return PartitionSpec(divided, QUBITS if QUBITS in mesh.axis_names else None)
