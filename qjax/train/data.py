"""Batches: where a training step finds its data, inside the compiled program and before it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import as_positive
from qjax.errors import TrainingError

FEED_BYTES = 16 << 20  # what the batches of one compiled call may take together
FEED_BATCHES = 256


@dataclass(frozen=True)
class NoData:
    """The loss takes no batch. Base of the recipes, which hold no array and run while traced.

    `begin` gives what a compiled call remembers from step to step, `batch` gives the arguments
    that the loss has beside the parameters, and what to remember next.
    """

    draws = False  # whether it needs a key
    own = False  # whether every restart has its own batch
    same = True  # whether every step has the same batch

    def begin(self, source: Any, key: Any, step: Any) -> Any:
        """What the first step of a call remembers."""
        return ()

    def batch(self, source: Any, key: Any, memory: Any, step: Any, index: Any) -> tuple[tuple, Any]:
        """The batch of a step, which is the `index`-th of its call."""
        return (), memory


@dataclass(frozen=True)
class Whole(NoData):
    """Every step sees all of the data."""

    def batch(self, source: Any, key: Any, memory: Any, step: Any, index: Any) -> tuple[tuple, Any]:
        """The data as they are."""
        return (source,), memory


@dataclass(frozen=True)
class Shuffled(NoData):
    """Epochs without replacement: the order of epoch e is a permutation from fold_in(key, e)."""

    draws = True
    own = True
    same = False
    size: int
    batch_size: int

    def _order(self, key: Any, step: Any) -> jax.Array:
        epoch = step // (self.size // self.batch_size)
        return jax.random.permutation(jax.random.fold_in(key, epoch), self.size)

    def begin(self, source: Any, key: Any, step: Any) -> Any:
        """The order of the epoch under way."""
        return self._order(key, step)

    def batch(self, source: Any, key: Any, memory: Any, step: Any, index: Any) -> tuple[tuple, Any]:
        """The next `batch_size` rows in the order of the epoch."""
        place = step % (self.size // self.batch_size)
        order = lax.cond(place == 0, lambda: self._order(key, step), lambda: memory)
        rows = lax.dynamic_slice_in_dim(order, place * self.batch_size, self.batch_size)
        return (jax.tree.map(lambda leaf: jnp.take(leaf, rows, axis=0), source),), order


@dataclass(frozen=True)
class Generated(NoData):
    """A function of a key makes the batch of a step; here it is the source."""

    draws = True
    own = True
    same = False

    def batch(self, source: Any, key: Any, memory: Any, step: Any, index: Any) -> tuple[tuple, Any]:
        """What the function gives for the key of this step."""
        return (source(jax.random.fold_in(key, step)),), memory


@dataclass(frozen=True)
class Fed(NoData):
    """Batches from a Python iterator, stacked along a new leading axis for one compiled call."""

    same = False

    def batch(self, source: Any, key: Any, memory: Any, step: Any, index: Any) -> tuple[tuple, Any]:
        """The stacked batch at this index."""
        return (jax.tree.map(lambda leaf: leaf[index], source),), memory


class Feed:
    """A Python iterator of batches, read some batches ahead of each compiled call.

    An iterable that is no iterator, such as a data loader, starts again when it ends.
    """

    def __init__(self, data: Any):
        self._data = data
        self._iterator: Iterator = iter(data)
        self._waiting: list[Any] = []
        self._read = 0
        first = self._next()
        if first is None:
            raise TrainingError("fit: data must give at least one batch, but gives none.")
        self._waiting.append(first)
        self._structure = jax.tree.structure(first)
        self._kinds = _kinds(first)
        size = max(sum(leaf.nbytes for leaf in jax.tree.leaves(first)), 1)
        self.capacity = int(np.clip(FEED_BYTES // size, 1, FEED_BATCHES))

    def _next(self) -> Any:
        """The next batch as NumPy arrays, or None when there is no more."""
        batch = next(self._iterator, None)
        if batch is None and self._iterator is not self._data and self._read:
            self._iterator = iter(self._data)
            batch = next(self._iterator, None)
        if batch is None:
            return None
        batch = jax.tree.map(np.asarray, batch, is_leaf=_is_iterable)
        for path, leaf in jax.tree_util.tree_leaves_with_path(batch):
            if leaf.dtype.kind not in "biufcV":
                raise TrainingError(
                    f"fit: batches must hold arrays of numbers, but leaf {_name(path)} of batch "
                    f"{self._read} has dtype {leaf.dtype}."
                )
        self._read += 1
        return batch

    def skip(self, count: int) -> None:
        """Pass over the batches that an earlier run has used."""
        for _ in range(count):
            if (self._waiting.pop() if self._waiting else self._next()) is None:
                raise TrainingError(
                    f"fit: data must give the {count} batches that the saved run has used, and "
                    f"then more, but gives only {self._read}. Pass an iterator made anew."
                )

    def take(self, count: int) -> tuple[Any, int]:
        """Up to `count` batches, stacked to (capacity, ...); and how many there were."""
        batches = []
        while len(batches) < min(count, self.capacity):
            batch = self._waiting.pop() if self._waiting else self._next()
            if batch is None:
                break
            if jax.tree.structure(batch) != self._structure or _kinds(batch) != self._kinds:
                raise TrainingError(
                    "fit: all batches must have one structure, with the same shapes and dtypes, "
                    f"but batch {self._read - 1} has {_kinds(batch)} where the first has "
                    f"{self._kinds}. Drop the last batch of an epoch if it is shorter."
                )
            batches.append(batch)
        if not batches:
            return None, 0
        return jax.tree.map(self._stack, *batches), len(batches)

    def _stack(self, *leaves: np.ndarray) -> np.ndarray:
        """The leaves in a buffer of full length, so that no other length is ever compiled."""
        stacked = np.zeros((self.capacity, *leaves[0].shape), leaves[0].dtype)
        np.stack(leaves, out=stacked[: len(leaves)])
        return stacked


class Supply(NamedTuple):
    """Data as `fit` passes them on: a recipe, and the one of the others that it needs."""

    recipe: NoData
    arrays: Any = None
    function: Any = None
    feed: Feed | None = None


def as_supply(data: Any, batch_size: int | None) -> Supply:
    """What kind of data these are.

    Args:
        data: None, a pytree of arrays, a function of a key, an iterator, or an iterable.
        batch_size: Rows of a batch; only for arrays.

    Returns:
        The recipe for the compiled program, with what it reads.

    Raises:
        TrainingError: If the data are none of these, or do not fit the batch size.

    Examples:
        >>> as_supply(np.zeros((10, 3)), batch_size=4).recipe
        Shuffled(size=10, batch_size=4)
        >>> as_supply(np.zeros((10, 3)), batch_size=None).recipe
        Whole()
    """
    # Iterators are no pytrees; JAX wants to be told so.
    leaves = jax.tree_util.tree_leaves_with_path(data, is_leaf=_is_iterable)
    if data is not None and leaves and all(_is_array(leaf) for _, leaf in leaves):
        arrays = jax.tree.map(jnp.asarray, data)
        if batch_size is None:
            return Supply(Whole(), arrays=arrays)
        return Supply(_shuffled(jax.tree_util.tree_leaves_with_path(arrays), batch_size), arrays)
    if batch_size is not None:
        raise TrainingError(
            "fit: batch_size needs data that are arrays, but data is "
            f"{'None' if data is None else f'of type {type(data).__name__}'}."
        )
    if data is None:
        return Supply(NoData())
    if callable(data):
        return Supply(Generated(), function=data)
    if _is_iterable(data):
        return Supply(Fed(), feed=Feed(data))
    raise TrainingError(
        "fit: data must be a pytree of arrays, a function of a key, or an iterator of batches, "
        f"but is of type {type(data).__name__}. Make lists of numbers arrays with jnp.asarray, and "
        "a list of batches an iterator with iter."
    )


def _shuffled(leaves: list[tuple[Any, Any]], batch_size: int) -> Shuffled:
    """The recipe for arrays with one leading axis, cut into batches."""
    lengths = {}
    for path, leaf in leaves:
        if leaf.ndim == 0:
            raise TrainingError(
                "fit: data must have a leading axis to draw batches from, but leaf "
                f"{_name(path)} is a scalar."
            )
        lengths[_name(path)] = leaf.shape[0]
    if len(set(lengths.values())) != 1:
        raise TrainingError(
            "fit: the leading axes of data must be equal, but their lengths are "
            + ", ".join(f"{name}: {length}" for name, length in lengths.items())
            + "."
        )
    size = next(iter(lengths.values()))
    rows = as_positive(batch_size, "fit: batch_size", TrainingError)
    if rows > size:
        raise TrainingError(
            f"fit: batch_size must be at most the {size} rows of data, but is {rows}."
        )
    return Shuffled(size, rows)


def _is_array(leaf: Any) -> bool:
    return isinstance(leaf, (jax.Array, np.ndarray))


def _is_iterable(node: Any) -> bool:
    """Whether this is an iterator or a data loader, and neither array nor container."""
    container = isinstance(node, (dict, list, tuple, str)) or _is_array(node)
    return hasattr(node, "__iter__") and not container


def _kinds(batch: Any) -> str:
    return ", ".join(f"{leaf.dtype}{list(leaf.shape)}" for leaf in jax.tree.leaves(batch))


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path) or "(the array itself)"
