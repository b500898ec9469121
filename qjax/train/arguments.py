"""What `fit` is given, checked and brought into one form."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.core import Tracer
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.errors import TrainingError


def as_params(params: Any, restarts: int | None) -> Any:
    """Parameters as JAX arrays, each real or complex floating and finite.

    Raises:
        TrainingError: If there is no leaf, or one is traced, no floating array, not finite, or
            lacks the leading axis of the restarts.

    Examples:
        >>> as_params({"w": np.zeros(2)}, restarts=None)
        {'w': Array([0., 0.], dtype=float32)}
    """
    leaves = jax.tree_util.tree_leaves_with_path(params)
    if not leaves:
        raise TrainingError(f"fit: params must hold at least one array, but is {params!r}.")
    for path, leaf in leaves:
        _check_leaf(f"params{jax.tree_util.keystr(path)}", leaf, restarts)
    return jax.tree.map(lambda leaf: jnp.asarray(leaf), params)


def _check_leaf(name: str, leaf: Any, restarts: int | None) -> None:
    if isinstance(leaf, Tracer):
        raise TrainingError(
            f"fit: {name} must be a concrete array, but is traced. fit is a loop of its own: call "
            "it outside of jit, grad and vmap, and use `restarts` to train several at once."
        )
    if not isinstance(leaf, (jax.Array, np.ndarray, np.generic, float, complex)):
        raise TrainingError(
            f"fit: {name} must be a floating or complex array, but is of type "
            f"{type(leaf).__name__}. Keep in params only what is trained; let the loss close over "
            "the rest."
        )
    dtype = jnp.asarray(leaf).dtype
    if not jnp.issubdtype(dtype, jnp.inexact):
        raise TrainingError(
            f"fit: {name} must be of a floating or complex dtype, but is {dtype}. Keep in params "
            "only what is trained; let the loss close over the rest."
        )
    if not bool(jnp.all(jnp.isfinite(jnp.asarray(leaf)))):
        raise TrainingError(f"fit: {name} must be finite, but holds NaN or infinity.")
    shape = np.shape(leaf)
    if restarts is not None and (not shape or shape[0] != restarts):
        raise TrainingError(
            f"fit: {name} must have a leading axis of restarts={restarts}, but has shape {shape}. "
            "To start all of them alike: "
            f"jax.tree.map(lambda x: jnp.stack([x] * {restarts}), params)."
        )


def as_hyperparameters(
    optimizer: Any, hyperparameters: Mapping[str, ArrayLike] | None, restarts: int | None
) -> dict[str, jax.Array]:
    """Hyperparameters as arrays; with restarts, of shape (restarts,).

    Raises:
        TrainingError: If the optimizer is none, or the hyperparameters do not fit it.
    """
    transformation = isinstance(optimizer, optax.GradientTransformation)
    if hyperparameters is None:
        if not transformation:
            hint = (
                f" Call it, as in optax.{optimizer.__name__}(0.1), or pass its arguments as "
                'hyperparameters={"learning_rate": 0.1}.'
                if hasattr(optimizer, "__name__")
                else ""
            )
            raise TrainingError(
                "fit: optimizer must be an optax GradientTransformation, but is of type "
                f"{type(optimizer).__name__}.{hint}"
            )
        return {}
    if transformation or not callable(optimizer):
        raise TrainingError(
            "fit: with hyperparameters, optimizer must be the function that they are arguments "
            f"of, such as optax.adam, but is of type {type(optimizer).__name__}."
        )
    if not isinstance(hyperparameters, Mapping) or not hyperparameters:
        raise TrainingError(
            "fit: hyperparameters must map names to numbers, but is "
            f"{hyperparameters!r}. An optimizer that needs none is passed called."
        )
    return {name: _hyperparameter(name, value, restarts) for name, value in hyperparameters.items()}


def _hyperparameter(name: str, value: ArrayLike, restarts: int | None) -> jax.Array:
    if not isinstance(value, (jax.Array, np.ndarray, np.generic, float, int, list, tuple)):
        raise TrainingError(
            f"fit: hyperparameter {name} must be a number or an array of numbers, but is of type "
            f"{type(value).__name__}. Settle other arguments with functools.partial."
        )
    array = np.asarray(value)
    shapes = [()] if restarts is None else [(), (restarts,)]
    if array.dtype.kind not in "biuf" or array.shape not in shapes:
        allowed = "a number" if restarts is None else f"a number or have shape ({restarts},)"
        raise TrainingError(
            f"fit: hyperparameter {name} must be {allowed}, but has dtype {array.dtype} and shape "
            f"{array.shape}." + (" Pass restarts too." if restarts is None else "")
        )
    return jnp.asarray(np.broadcast_to(array, () if restarts is None else (restarts,)))


def as_key(key: Any, draws: bool, restarts: int | None) -> Any:
    """A new-style key, one per restart; None where nothing is drawn.

    Raises:
        TrainingError: If a key is missing, not wanted, or no key.
    """
    if not draws:
        if key is not None:
            raise TrainingError(
                "fit: key is given, but nothing draws from it. Pass batch_size to shuffle data, or "
                "stochastic=True where the loss takes a key."
            )
        return None
    if key is None:
        raise TrainingError(
            "fit: batches and losses that are drawn need a key. Pass key=jax.random.key(0)."
        )
    if isinstance(key, (jax.Array, np.ndarray)) and key.dtype == np.uint32 and key.ndim >= 1:
        key = jax.random.wrap_key_data(jnp.asarray(key))
    if not isinstance(key, jax.Array) or not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        raise TrainingError(
            f"fit: key must be a jax.random key, but is of type {type(key).__name__}."
        )
    if restarts is not None and key.shape == ():
        key = jax.random.split(key, restarts)
    shape = () if restarts is None else (restarts,)
    if key.shape != shape:
        raise TrainingError(
            f"fit: key must be one key{'' if restarts is None else ' or one per restart'}, but "
            f"has shape {key.shape}."
        )
    return key


def as_number(value: Any, name: str) -> float:
    """A finite float that is not negative.

    Examples:
        >>> as_number(1, "min_delta")
        1.0
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and number >= 0):
        raise TrainingError(f"fit: {name} must be a finite number >= 0, but is {value!r}.")
    return number


def as_period(value: int | None, name: str) -> int | None:
    """A positive number of steps, or None.

    Examples:
        >>> as_period(10, "callback_every")
        10
    """
    return None if value is None else as_positive(value, f"fit: {name}", TrainingError)


def as_callbacks(callbacks: Any) -> tuple[Callable, ...]:
    """Callbacks as a tuple; one alone is welcome.

    Examples:
        >>> as_callbacks(print)
        (<built-in function print>,)
    """
    several = (callbacks,) if callable(callbacks) else tuple(callbacks)
    for callback in several:
        if not callable(callback):
            raise TrainingError(
                f"fit: callbacks must be functions, but one is of type {type(callback).__name__}."
            )
    return several
