"""The batch axis of the primitives: operands have B rows, or one row that serves all."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.interpreters import ad

from qjax.errors import EngineError, ParameterError


def batch_of(*operands: Any) -> int:
    """B, the largest number of rows.

    Raises:
        ParameterError: If an operand has none.
    """
    rows = [x.shape[0] for x in operands]
    if 0 in rows:
        raise ParameterError("A batch must have at least one sample, but has none.")
    return max(rows)


def in_precision(constants: np.ndarray, dtype: Any) -> jax.Array:
    """The numbers of fixed ops, in the precision of the others.

    Raises:
        EngineError: If JAX does not have it here: a program for double precision was traced with
            64-bit numbers switched on, and is lowered without.
    """
    if jax.dtypes.canonicalize_dtype(dtype) != dtype:
        raise EngineError(
            f"A program with {np.dtype(dtype).name} must be lowered with 64-bit numbers, as it was "
            "traced, but jax_enable_x64 is off here. Lower it inside of jax.enable_x64(True)."
        )
    return jnp.asarray(constants, dtype)


def stacked(operands: Sequence[Any], axes: Sequence[Any]) -> tuple[list[Any], int, int]:
    """Operands of a batching rule with the new axis in front, of length S or 1.

    Returns:
        (operands of shape (S or 1, B or 1, ...), S, B).
    """
    mapped = [a is not None for a in axes]
    size = next(x.shape[a] for x, a, m in zip(operands, axes, mapped, strict=True) if m)
    fronted = [
        jnp.moveaxis(x, a, 0) if m else x[None]
        for x, a, m in zip(operands, axes, mapped, strict=True)
    ]
    return fronted, size, max(x.shape[1] for x in fronted)


def folded(x: Any, size: int, batch: int, *, all_rows: bool = False) -> Any:
    """(S or 1, B or 1, ...) to (S * B, ...); one row stays one row unless all are asked for."""
    if x.shape[:2] == (1, 1) and not all_rows:
        return x[0]
    return jnp.broadcast_to(x, (size, batch, *x.shape[2:])).reshape(size * batch, *x.shape[2:])


def summed_like(cotangent: jax.Array, operand: Any) -> jax.Array:
    """The cotangent of an operand: summed over the batch if its one row served all."""
    shape = (operand.aval if ad.is_undefined_primal(operand) else operand).shape
    return jnp.sum(cotangent, axis=0, keepdims=True) if shape[0] == 1 else cotangent
