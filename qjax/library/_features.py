"""Features of a data point: numbers, a traced array, or symbols."""

from typing import Any

import jax
import numpy as np

from qjax.circuit import ParameterExpression, ParameterVector
from qjax.circuit.parameter import is_real, is_traced
from qjax.errors import CircuitError


def as_features(features: Any, what: str) -> list[Any]:
    """A list of angles or numbers from a vector of features.

    Args:
        features: Array-like of shape (d,), known or traced; or a ParameterVector, or a sequence of
            expressions.
        what: The function that needs them, for the message.

    Raises:
        CircuitError: If it is no vector of finite real numbers.

    Examples:
        >>> as_features([0.5, 1], "angle_encoding")
        [0.5, 1.0]
    """
    if isinstance(features, ParameterVector):
        features = features[:]
    given: Any = features
    if not isinstance(given, (list, tuple)) and not is_traced(given):
        given = np.asarray(given)
    shape = np.shape(given)
    if len(shape) != 1 or shape[0] < 1:
        raise CircuitError(
            f"{what}: features must be a vector of at least one number, but have shape {shape}. "
            "Use jax.vmap for a batch."
        )
    if isinstance(given, jax.Array):
        if not is_real(given.dtype):
            raise CircuitError(f"{what}: features must be real, but are {given.dtype}.")
        return list(given)
    return [_checked(value, what) for value in given]


def _checked(value: Any, what: str) -> Any:
    if isinstance(value, ParameterExpression) or is_traced(value):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = float("nan")
    if not np.isfinite(number):
        raise CircuitError(f"{what}: features must be finite real numbers, but one is {value!r}.")
    return number
