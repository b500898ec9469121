"""Pytrees of arrays on disk, in one file that is whole at any moment."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax._atomic import whole_file
from qjax.distributed.agree import agreed, is_shared, on_host, placed
from qjax.errors import FileError, TrainingError

FORMAT = "qjax-checkpoint"
VERSION = 1


def save_checkpoint(path: str | os.PathLike, tree: Any, *, step: int = 0) -> None:
    """Write a pytree of arrays, so that a kill at any moment leaves the old file or the new one.

    The file is a NumPy .npz archive without pickles: an array per leaf, and a JSON header with the
    version, the step, and path, dtype, shape and SHA-256 digest of each leaf. It is written beside
    its place, flushed to disk and then renamed.

    Where the arrays lie on devices of several processes, all processes call this, and process 0
    writes; the file does not say how many there were.

    Args:
        path: The file; its folder must exist.
        tree: Pytree of arrays, numbers and `jax.random` keys. Each process holds all of it for a
            moment; for large states there is `qjax.save_state`.
        step: A number to keep with it, for instance the steps made.

    Raises:
        TrainingError: If a leaf is no array of numbers.

    Note:
        A kill while writing leaves a file `.NAME.PID.partial` beside it, which may be deleted.

    Examples:
        >>> import tempfile
        >>> folder = tempfile.TemporaryDirectory()
        >>> file = Path(folder.name) / "run.npz"
        >>> params = {"w": jnp.arange(3.0), "key": jax.random.key(7)}
        >>> save_checkpoint(file, params, step=10)
        >>> again, step = load_checkpoint(file, params)
        >>> again["w"], step
        (Array([0., 1., 2.], dtype=float32), 10)
        >>> folder.cleanup()
    """
    shared = is_shared(tree)
    if shared:
        tree = on_host(tree)
    if not shared or jax.process_index() == 0:
        _write(path, tree, step)
    if shared:
        agreed(0)  # the others go on once the file is there


def _write(path: str | os.PathLike, tree: Any, step: int) -> None:
    rows, arrays = [], {}
    for number, (where, leaf) in enumerate(jax.tree_util.tree_leaves_with_path(tree)):
        row, leaf = _describe(_name(where), leaf)
        array = np.asarray(leaf)
        stored = array if array.dtype.kind in "biufc" else _bytes(array)
        rows.append(row | {"sha256": _digest(array)})
        arrays[f"leaf{number}"] = stored
    header = {"format": FORMAT, "version": VERSION, "step": int(step), "leaves": rows}
    text = np.frombuffer(json.dumps(header).encode(), np.uint8)
    with whole_file(path) as file:
        np.savez(file, allow_pickle=False, header=text, **arrays)


def load_checkpoint(path: str | os.PathLike, like: Any) -> tuple[Any, int]:
    """Read a pytree that `save_checkpoint` wrote.

    Args:
        path: The file.
        like: Pytree of the same structure, whose leaves have the shapes and dtypes expected. Where
            it holds NumPy arrays, NumPy arrays come back, elsewhere JAX arrays on the same devices,
            which may be others than those it was saved from, and of several processes: then all of
            these read the file.

    Returns:
        The pytree, and the step kept with it.

    Raises:
        FileNotFoundError: If there is no such file.
        FileError: If the file is damaged, or is no checkpoint, or of an unknown version.
        TrainingError: If it holds a pytree with other leaves, shapes or dtypes; the message names
            the first that differs.

    Examples:
        See `save_checkpoint`.
    """
    header, arrays = _read(Path(path))
    wanted = [(_name(where), leaf) for where, leaf in jax.tree_util.tree_leaves_with_path(like)]
    rows = {row["path"]: (row, array) for row, array in zip(header["leaves"], arrays, strict=True)}
    for name in rows:
        if name not in dict(wanted):
            raise TrainingError(f"{path}: holds leaf {name}, which is not in the pytree wanted.")
    leaves = []
    for name, leaf in wanted:
        if name not in rows:
            raise TrainingError(f"{path}: must hold leaf {name}, but does not.")
        saved, array = rows[name]
        expected, _ = _describe(name, leaf)
        for fact in ("shape", "dtype", "key"):
            if saved[fact] != expected[fact]:
                raise TrainingError(
                    f"{path}: leaf {name} must have {fact} {expected[fact]}, but was saved with "
                    f"{saved[fact]}."
                )
        leaves.append(_restore(array, saved["key"], leaf))
    return jax.tree.unflatten(jax.tree.structure(like), leaves), header["step"]


def checkpoint_step(path: str | os.PathLike) -> int:
    """The step kept with a checkpoint.

    Args:
        path: The file.

    Returns:
        What `save_checkpoint` was given as `step`.

    Raises:
        FileNotFoundError: If there is no such file.
        FileError: If the file is damaged, or is no checkpoint, or of an unknown version.
    """
    return _read(Path(path))[0]["step"]


def _describe(name: str, leaf: Any) -> tuple[dict[str, Any], Any]:
    """Path, dtype, shape and kind of key of a leaf; and the array of its numbers."""
    key = None
    if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        key = str(jax.random.key_impl(leaf))
        leaf = jax.random.key_data(leaf)
    array = leaf if isinstance(leaf, jax.Array) else np.asarray(leaf)
    if array.dtype.kind not in "biufc" and not jnp.issubdtype(array.dtype, jnp.number):
        raise TrainingError(
            f"save_checkpoint: leaves must be arrays of numbers, but {name} is {array.dtype}."
        )
    facts = {"path": name, "dtype": array.dtype.name, "shape": list(array.shape), "key": key}
    return facts, array


def _restore(array: np.ndarray, key: str | None, like: Any) -> Any:
    if not isinstance(like, jax.Array):
        return array
    if not like.is_fully_addressable:
        if key is None:
            return placed(array, like)
        return jax.random.wrap_key_data(placed(array, jax.random.key_data(like)), impl=key)
    leaf = jnp.asarray(array)
    if key is not None:
        leaf = jax.random.wrap_key_data(leaf, impl=key)
    if like.sharding.device_set == leaf.sharding.device_set:
        return leaf
    return jax.device_put(leaf, like.sharding)


def _read(path: Path) -> tuple[dict[str, Any], list[np.ndarray]]:
    """Header and arrays, proved whole."""
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file.")
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
            header = json.loads(archive["header"].tobytes())
            known = header["format"] == FORMAT and header["version"] == VERSION
            rows = header["leaves"] if known else []
            arrays = [_typed(archive[f"leaf{number}"], row) for number, row in enumerate(rows)]
        whole = all(
            _digest(array) == row["sha256"] for array, row in zip(arrays, rows, strict=True)
        )
    except Exception as error:  # a damaged archive makes its readers raise almost anything
        raise FileError(
            f"{path}: must be a whole checkpoint, but is damaged or no checkpoint "
            f"({type(error).__name__}: {error})."
        ) from error
    if not known:
        raise FileError(
            f"{path}: must be a {FORMAT} of version {VERSION}, but is a {header['format']} of "
            f"version {header['version']}."
        )
    if not whole:
        raise FileError(f"{path}: its numbers do not have the digests written with them.")
    return header, arrays


def _typed(stored: np.ndarray, row: dict[str, Any]) -> np.ndarray:
    """The stored array in its own dtype: small floats, which NumPy does not know, are bytes."""
    dtype = jnp.dtype(row["dtype"])
    array = stored if stored.dtype == dtype else stored.view(dtype)
    if array.dtype != dtype or array.size != np.prod(row["shape"], dtype=int):
        raise ValueError(f"{row['path']} is not {row['dtype']} of shape {row['shape']}")
    return array.reshape(row["shape"])


def _bytes(array: np.ndarray) -> np.ndarray:
    return np.frombuffer(array.tobytes(), np.uint8)


def _digest(array: np.ndarray) -> str:
    return hashlib.sha256(array.tobytes()).hexdigest()


def _name(where: Any) -> str:
    return jax.tree_util.keystr(where) or "(root)"
