"""Coefficients: NumPy in double precision where numbers are known, JAX where they are traced."""

from types import ModuleType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from qjax.errors import ObservableError
from qjax.observables.masks import POWERS_OF_I


def is_traced(value: Any) -> bool:
    """Whether a value is known only when the traced function runs."""
    return isinstance(value, Tracer)


def is_scalar(value: Any) -> bool:
    """Whether a value is a number: of Python, of NumPy or JAX, or a traced array of shape ()."""
    if isinstance(value, (jax.Array, np.ndarray)):
        return value.ndim == 0 and jnp.issubdtype(value.dtype, jnp.number)
    return isinstance(value, (int, float, complex, np.number)) and not isinstance(value, bool)


def known(values: Any) -> np.ndarray:
    """Known numbers as a new array: float64 if every one is real, else complex128.

    Raises:
        ObservableError: If they are no numbers.
    """
    array = np.asarray(values)
    if not jnp.issubdtype(array.dtype, jnp.number):
        raise ObservableError(f"PauliSum: coefficients must be numbers, but are {array.dtype}.")
    if jnp.issubdtype(array.dtype, jnp.complexfloating):
        array = array.astype(np.complex128)
        return array if array.imag.any() else array.real.copy()
    return array.astype(np.float64)


def together(*values: Any) -> tuple[ModuleType, list[Any]]:
    """Values as arrays that can be combined, and the module (NumPy or JAX) to combine them with.

    If one is traced, all get the lowest dtype that holds them all, whatever JAX's promotion mode.
    """
    if not any(is_traced(v) for v in values):
        return np, [known(v) for v in values]
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.result_type(*values, 1.0)
    return jnp, [jnp.asarray(v, dtype) for v in values]


def stack(values: list[Any]) -> Any:
    """Scalars in one array of shape (terms,)."""
    if not any(is_traced(v) for v in values):
        return known([1.0 * (v.item() if hasattr(v, "item") else v) for v in values])
    # Known numbers go in as one constant, so the traced program grows with the traced ones alone.
    traced = [i for i, v in enumerate(values) if is_traced(v)]
    constants = stack([0.0 if is_traced(v) else v for v in values])
    _, (base, *rows) = together(constants, *(values[i] for i in traced))
    return base.at[np.array(traced)].set(jnp.stack(rows))


def concatenate(a: Any, b: Any) -> Any:
    """Coefficients of two sums one after the other; leading axes broadcast."""
    xp, (a, b) = together(a, b)
    lead = np.broadcast_shapes(a.shape[:-1], b.shape[:-1])
    parts = [xp.broadcast_to(c, (*lead, c.shape[-1])) for c in (a, b)]
    return xp.concatenate(parts, axis=-1)


def scaled(a: Any, factor: Any) -> Any:
    """Coefficients times a scalar, or times an array that broadcasts."""
    _, (a, factor) = together(a, factor)
    return a * factor


def divided(a: Any, divisor: Any) -> Any:
    """Coefficients divided by a scalar."""
    _, (a, divisor) = together(a, divisor)
    return a / divisor


def phased(a: Any, power: np.ndarray) -> Any:
    """Coefficients times i**power, real where no power is odd; power has shape (terms,)."""
    if not (power & 1).any():
        return a * (1 - power.astype(np.int8)).astype(a.dtype)
    phases = np.array(POWERS_OF_I)[power]
    dtype = np.result_type(a.dtype, np.complex64)
    return a.astype(dtype) * phases.astype(dtype)


def summed(a: Any, which: np.ndarray, count: int) -> Any:
    """Add up terms of equal strings: (..., terms) -> (..., count), term k into `which[k]`."""
    shape = (*a.shape[:-1], count)
    if is_traced(a):
        return jnp.zeros(shape, a.dtype).at[..., which].add(a)
    total = np.zeros(shape, a.dtype)
    np.add.at(total.T, which, a.T)
    return total


def first_not_finite(a: Any) -> int | None:
    """Index of the first term with NaN or infinity, or None; traced numbers pass."""
    if is_traced(a) or np.isfinite(a).all():
        return None
    return int(np.argwhere(~np.isfinite(a))[0][-1])
