"""Checks that several rooms share, with their messages."""

import operator
from collections.abc import Sequence
from typing import Any, TypeGuard

import jax
import jax.numpy as jnp
import numpy as np

from qjax.errors import CircuitError, QjaxError, SamplingError


def is_sequence(value: Any) -> TypeGuard[Sequence[Any]]:
    """Whether a value is a sequence of things; a text is one thing.

    Examples:
        >>> is_sequence(["Z0", "X1"]), is_sequence("Z0")
        (True, False)
    """
    return isinstance(value, Sequence) and not isinstance(value, str)


def as_integer(value: Any, what: str, error: type[QjaxError] = CircuitError) -> int:
    """A Python int from an int-like value; anything else is refused.

    Examples:
        >>> as_integer(np.int64(3), "shots")
        3
    """
    try:
        if isinstance(value, (bool, np.bool_)):
            raise TypeError
        return operator.index(value)
    except TypeError:
        raise error(f"{what} must be an integer, but is {value!r}.") from None


def as_positive(value: Any, what: str, error: type[QjaxError] = CircuitError) -> int:
    """A Python int that is at least one.

    Examples:
        >>> as_positive(3, "shots")
        3
    """
    number = as_integer(value, what, error)
    if number < 1:
        raise error(f"{what} must be at least 1, but is {number}.")
    return number


def check_index(
    index: Any, size: int, what: str, place: str, error: type[QjaxError] = CircuitError
) -> int:
    """An index in 0..size-1; negative ones are refused, for they hide mistakes.

    Examples:
        >>> check_index(2, 4, "rx: qubit", "this 4-qubit circuit")
        2
    """
    number = as_integer(index, what, error)
    if not 0 <= number < size:
        allowed = f"in 0..{size - 1}" if size > 1 else "0" if size else "absent"
        raise error(f"{what} must be {allowed} in {place}, but is {number}.")
    return number


def check_qubits(
    qubits: Any, num_qubits: int, what: str, error: type[QjaxError] = QjaxError
) -> tuple[int, ...]:
    """Distinct qubits of an n-qubit state or circuit, given as an int or a sequence.

    Examples:
        >>> check_qubits((0, 2), 3, "probabilities")
        (0, 2)
    """
    given = (qubits,) if np.ndim(qubits) == 0 else tuple(qubits)
    place = f"this {num_qubits}-qubit state"
    indices = tuple(check_index(q, num_qubits, f"{what}: qubit", place, error) for q in given)
    if len(set(indices)) != len(indices):
        raise error(f"{what}: qubits must be distinct, but are {indices}.")
    return indices


def check_key(key: Any, what: str = "key") -> None:
    """Refuse what is no `jax.random` key.

    Examples:
        >>> check_key(jax.random.key(0))
    """
    is_key = isinstance(key, jax.Array) and (
        jnp.issubdtype(key.dtype, jax.dtypes.prng_key) or key.dtype == np.uint32
    )
    if not is_key:
        raise SamplingError(
            f"{what} must be a jax.random key, such as jax.random.key(0), but is {key!r}."
        )
