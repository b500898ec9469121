"""What optimizers need from the loss, and from flat params."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.flatten_util import ravel_pytree

from qjax.circuit.parameter import is_traced
from qjax.errors import ParameterError, SamplingError


def flat_loss(
    value_fn: Callable | None, params: Any, what: str
) -> tuple[Callable[[jax.Array], jax.Array], jax.Array, Callable[[jax.Array], Any]]:
    """(loss of a flat array, flat params, the way back).

    Raises:
        ParameterError: If the params or the loss are missing, or the params are not real.
    """
    if params is None:
        raise ParameterError(f"{what}: update needs the params.")
    if value_fn is None:
        raise ParameterError(
            f"{what}: update needs value_fn=, the loss as a function of the params; qjax.fit gives "
            "it."
        )
    flat, unravel = ravel_pytree(params)
    if not jnp.issubdtype(flat.dtype, jnp.floating):
        raise ParameterError(f"{what}: params must be real numbers, but are {flat.dtype}.")
    return lambda x: jnp.asarray(value_fn(unravel(x))).astype(flat.dtype), flat, unravel


def check_key(key: Any, what: str) -> None:
    """Refuse what is no key.

    Raises:
        SamplingError: If it is none.
    """
    if not isinstance(key, jax.Array) or not jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        raise SamplingError(f"{what}: key must be a key, as jax.random.key(0), but is {key!r}.")


def check_positive(what: str, **values: Any) -> None:
    """Refuse numbers that are known and not positive.

    Raises:
        ParameterError: If there is one; the message names it.
    """
    for name, value in values.items():
        if not is_traced(value) and not value > 0:
            raise ParameterError(f"{what}: {name} must be positive, but is {value}.")
