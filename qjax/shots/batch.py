"""Several observables and sets of params, each with draws of its own."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp

from qjax._checks import is_sequence
from qjax.circuit import Circuit
from qjax.circuit.binding import flat_values
from qjax.errors import ObservableError
from qjax.shots.value import Method, shot_mean


def shot_values(
    evaluate: Callable[..., jax.Array],
    circuit: Circuit,
    observable: Any,
    params: Any,
    method: Method,
    what: str,
) -> jax.Array:
    """Expectation values by a method: (...) for one observable, (..., k) for a sequence.

    Raises:
        ObservableError: If a sequence is empty.
    """
    if is_sequence(observable):
        if not observable:
            raise ObservableError(f"{what}: a sequence of observables must not be empty.")
        values = [
            shot_values(evaluate, circuit, one, params, replace(method, key=key), what)
            for one, key in zip(observable, _split(method.key, len(observable)), strict=True)
        ]
        return jnp.stack(values, axis=-1)

    def one(values: Any, key: Any) -> jax.Array:
        how = replace(method, key=key)
        return shot_mean(evaluate, circuit, observable, values, how, what).value

    values = flat_values(circuit.structure, params) if isinstance(circuit, Circuit) else None
    if values is None or values.ndim == 1:
        return one(params, method.key)
    rows = jnp.asarray(values).reshape(-1, values.shape[-1])
    keys = None if method.key is None else _split(method.key, rows.shape[0])
    return jax.vmap(one)(rows, keys).reshape(values.shape[:-1])


def _split(key: Any, count: int) -> Any:
    return [None] * count if key is None else jax.random.split(key, count)
