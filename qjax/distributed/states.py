"""States on disk that are divided over devices: every process writes and reads its own part."""

import os
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, SingleDeviceSharding

from qjax._extras import require
from qjax.engine.mesh import BATCH, QUBITS, checked_mesh
from qjax.engine.select import complex_dtype
from qjax.errors import FileError, StateError

NAME = "statevector"


def save_state(state: jax.Array, folder: str | os.PathLike, *, overwrite: bool = False) -> None:
    """Write a state, which may be divided over many devices and hosts, to a folder.

    Every process writes the amplitudes on its own devices, by orbax; no process needs memory for
    the whole state. Where several processes run, all of them call this, with one folder that
    all of them reach.

    Args:
        state: Complex array of shape (..., 2**n).
        folder: The folder to make. It is whole or absent: it is written beside its place, and then
            renamed.
        overwrite: Whether it may stand there already; it is removed first.

    Raises:
        FileError: If the folder is there and may not be overwritten, or cannot be written.
        StateError: If it is no complex array.
        MissingExtraError: If orbax is not installed.

    Examples:
        >>> import tempfile
        >>> from qjax.engine.mesh import device_mesh
        >>> place = tempfile.TemporaryDirectory()
        >>> state = jax.numpy.array([0.6, 0.8j, 0, 0], "complex64")
        >>> save_state(state, Path(place.name) / "state")
        >>> load_state(Path(place.name) / "state", mesh=device_mesh(qubits=1))
        Array([0.6+0.j , 0. +0.8j, 0. +0.j , 0. +0.j ], dtype=complex64)
        >>> place.cleanup()
    """
    if not isinstance(state, (jax.Array, np.ndarray)) or state.dtype.kind != "c" or not state.ndim:
        raise StateError(
            "save_state: state must be a complex array of shape (..., 2**n), but is "
            f"{getattr(state, 'dtype', type(state).__name__)}{list(np.shape(state))}."
        )
    orbax = require("orbax.checkpoint", "orbax", "save_state")
    folder = Path(folder).absolute()
    if folder.exists() and not overwrite:
        raise FileError(
            f"save_state: {str(folder)!r} must not exist yet. Pass overwrite=True to replace it."
        )
    # In a run of several processes, what one of them holds alone counts as equal in all of them.
    whole = not isinstance(state, jax.Array) or state.is_fully_addressable
    saved = np.asarray(state) if whole and jax.process_count() > 1 else state
    try:
        with orbax.StandardCheckpointer() as writer:
            writer.save(folder, {NAME: saved}, force=overwrite)
    except (OSError, ValueError) as error:
        raise FileError(f"save_state: {str(folder)!r} cannot be written: {error}") from error


def load_state(folder: str | os.PathLike, *, mesh: Mesh | None = None) -> jax.Array:
    """Read a state that `save_state` wrote, onto any number of devices.

    Every process reads the amplitudes of its own devices. Where several processes run, all of them
    call this.

    Args:
        folder: The folder.
        mesh: The mesh to divide the state over, which may be another one than that it was saved
            from: amplitudes over its axis "qubits", the first leading axis over "batch". None
            puts all of it on one device of each process.

    Returns:
        The state, complex array of shape (..., 2**n).

    Raises:
        FileError: If there is no such folder, or no whole state in it.
        StateError: If it cannot be divided evenly over the mesh.
        PrecisionError: If it is complex128 and `jax_enable_x64` is off.
        MissingExtraError: If orbax is not installed.

    Examples:
        See `save_state`.
    """
    orbax = require("orbax.checkpoint", "orbax", "load_state")
    folder = Path(folder).absolute()
    if not folder.is_dir():
        raise FileError(f"load_state: there is no folder {str(folder)!r}.")
    with orbax.StandardCheckpointer() as reader:
        try:
            found = reader.metadata(folder).item_metadata.tree[NAME]
            shape, dtype = tuple(found.shape), np.dtype(found.dtype)
        except Exception as error:  # a damaged folder makes its reader raise almost anything
            raise FileError(
                f"load_state: {str(folder)!r} must hold a whole state that save_state wrote, but "
                f"does not ({type(error).__name__}: {error})."
            ) from error
        dtype = complex_dtype(dtype)
        wanted = jax.ShapeDtypeStruct(shape, dtype, sharding=_sharding(shape, mesh))
        try:
            return reader.restore(folder, {NAME: wanted})[NAME]
        except Exception as error:
            raise FileError(f"load_state: {str(folder)!r} is damaged: {error}") from error


def _sharding(shape: tuple[int, ...], mesh: Any) -> Any:
    if mesh is None:
        return SingleDeviceSharding(jax.local_devices()[0])
    mesh = checked_mesh(mesh, "load_state")
    spec: list[str | None] = [None] * len(shape)
    for axis, name in ((-1, QUBITS), (0, BATCH)):
        size = mesh.shape.get(name, 1)
        if size == 1 or (name == BATCH and len(shape) == 1):
            continue
        if shape[axis] % size:
            raise StateError(
                f"load_state: the size of mesh along {name!r} must divide axis {axis} of the "
                f"state, of shape {shape}, but is {size}."
            )
        spec[axis] = name
    return NamedSharding(mesh, PartitionSpec(*spec))
