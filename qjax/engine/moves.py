"""What devices send each other: qubits that change sides, and the amplitudes of a partner.

Both go in pieces, one after the other in a loop, so that they need little memory beside the states.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from qjax.engine.mesh import QUBITS

_PIECES = 16
_LEAST_PIECE = 2**17  # amplitudes; smaller ones would wait for each other more than they move


def device_index(num_global: int) -> jax.Array:
    """The index of this device among the 2**num_global that share a state, int32."""
    return lax.axis_index(QUBITS) if num_global else jnp.zeros((), jnp.int32)


def exchanged(state: jax.Array, bits: tuple[int, ...], num_global: int) -> jax.Array:
    """Device bits and as many of the highest local bits change places: (B, 2**m) -> (B, 2**m)."""
    return exchange_p.bind(state, bits=bits, num_global=num_global) if bits else state


def partner(state: jax.Array, flip: int, num_global: int, after: jax.Array) -> jax.Array:
    """The amplitudes of the device whose index differs in the bits `flip`: (B, 2**m) -> (B, 2**m).

    Args:
        state: The amplitudes of this device.
        flip: A mask of device bits.
        num_global: How many device bits there are.
        after: A real number; nothing is sent before it is known. XLA would send for all partners at
            once, and hold a state for each.
    """
    return partner_p.bind(state, after, flip=flip, num_global=num_global) if flip else state


def _pieces(size: int, rows: int) -> int:
    return min(_PIECES, size, max(1, rows * size // _LEAST_PIECE))


def _exchange(state: Any, *, bits: tuple[int, ...], num_global: int) -> Any:
    mask = sum(1 << b for b in bits)
    spread = [sum((i >> k & 1) << b for k, b in enumerate(bits)) for i in range(2 ** len(bits))]
    groups = [[first | s for s in spread] for first in range(2**num_global) if not first & mask]
    rows, size = state.shape
    chunk = size // len(spread)
    count = _pieces(chunk, rows * len(spread))
    length = chunk // count

    def piece(i: Any, state: jax.Array) -> jax.Array:
        # Slices of the state as it is: reshaped, XLA would copy it.
        starts = [c * chunk + i * length for c in range(len(spread))]
        own = jnp.stack([lax.dynamic_slice_in_dim(state, s, length, 1) for s in starts])
        new = lax.all_to_all(own, QUBITS, 0, 0, axis_index_groups=groups)
        for c, s in enumerate(starts):
            state = lax.dynamic_update_slice_in_dim(state, new[c], s, 1)
        return state

    return piece(0, state) if count == 1 else lax.fori_loop(0, count, piece, state)


def _partner(state: Any, after: Any, *, flip: int, num_global: int) -> Any:
    pairs = [(r, r ^ flip) for r in range(2**num_global)]
    rows, size = state.shape
    count = _pieces(size, rows)
    length = size // count

    def piece(i: Any, found: jax.Array) -> jax.Array:
        own = lax.dynamic_slice_in_dim(state, i * length, length, 1)
        return lax.dynamic_update_slice_in_dim(
            found, lax.ppermute(own, QUBITS, pairs), i * length, 1
        )

    blank = (after - after).astype(state.dtype)  # 0 for all that is finite, but known late
    return lax.fori_loop(0, count, piece, jnp.full_like(state, blank))


def _batch_rule(primitive: Primitive) -> Callable[..., Any]:
    def rule(operands: Any, axes: Any, **params: Any) -> tuple[Any, int | None]:
        after = [
            x if axis is None else x.reshape(-1)[0]
            for x, axis in zip(operands[1:], axes[1:], strict=True)
        ]
        if axes[0] is None:
            return primitive.bind(operands[0], *after, **params), None
        rows = jnp.moveaxis(operands[0], axes[0], 0)
        out = primitive.bind(rows.reshape(-1, rows.shape[2]), *after, **params)
        return out.reshape(rows.shape), 0

    return rule


# Primitives, for JAX has no batching rule of `all_to_all` among groups of devices.
exchange_p = Primitive("qjax_exchange")
partner_p = Primitive("qjax_partner")
for _primitive, _definition in ((exchange_p, _exchange), (partner_p, _partner)):
    _primitive.def_abstract_eval(lambda state, *_, **__: ShapedArray(state.shape, state.dtype))
    mlir.register_lowering(_primitive, mlir.lower_fun(_definition, multiple_results=False))
    batching.primitive_batchers[_primitive] = _batch_rule(_primitive)


def _exchange_transpose(cotangent: Any, state: Any, **params: Any) -> Any:
    return [exchange_p.bind(cotangent, **params)]


def _partner_jvp(primals: Any, tangents: Any, **params: Any) -> tuple[Any, Any]:
    state, after = primals
    change = ad.instantiate_zeros(tangents[0])
    return partner_p.bind(state, after, **params), partner_p.bind(change, after, **params)


def _partner_transpose(cotangent: Any, state: Any, after: Any, **params: Any) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    return partner_p.bind(cotangent, after, **params), None


ad.deflinear2(exchange_p, _exchange_transpose)
ad.primitive_jvps[partner_p] = _partner_jvp
ad.primitive_transposes[partner_p] = _partner_transpose
