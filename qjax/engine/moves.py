"""What devices send each other: qubits that change sides, and the amplitudes of a partner.

Both go in pieces, one after the other in a loop, so that they need little memory beside the states.
"""

from collections.abc import Callable
from functools import partial
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


def exchanged(
    state: jax.Array, bits: tuple[int, ...], num_global: int, low: int | None = None
) -> jax.Array:
    """Device bits and as many local bits from `low` on change places: (B, 2**m) -> (B, 2**m).

    They are the highest local bits if `low` is None.
    """
    if not bits:
        return state
    low = state.shape[-1].bit_length() - 1 - len(bits) if low is None else low
    return exchange_p.bind(state, bits=bits, low=low, num_global=num_global)


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


def swapped(
    state: jax.Array, bits: tuple[int, ...], low: int, num_global: int, after: jax.Array
) -> jax.Array:
    """As `exchanged`, of a state that is kept; `after` is as in `partner`."""
    if not bits:
        return state
    return swap_p.bind(state, after, bits=bits, low=low, num_global=num_global)


def _pieces(size: int, rows: int) -> int:
    return min(_PIECES, size, max(1, rows * size // _LEAST_PIECE))


def _exchange(state: Any, *, bits: tuple[int, ...], low: int, num_global: int) -> Any:
    return _in_pieces(None, state, bits, low, num_global)


def _swap(state: Any, after: Any, *, bits: tuple[int, ...], low: int, num_global: int) -> Any:
    return _in_pieces(state, _blank(state, after), bits, low, num_global)


def _blank(state: jax.Array, after: jax.Array) -> jax.Array:
    """Zeros, but known only when `after` is."""
    return jnp.full_like(state, (after - after).astype(state.dtype))


def _in_pieces(
    source: jax.Array | None, found: jax.Array, bits: tuple[int, ...], low: int, num_global: int
) -> jax.Array:
    """Exchange into `found`, from `source`, or in place if that is None."""
    mask = sum(1 << b for b in bits)
    spread = [sum((i >> k & 1) << b for k, b in enumerate(bits)) for i in range(2 ** len(bits))]
    groups = [[first | s for s in spread] for first in range(2**num_global) if not first & mask]
    rows, size = found.shape
    chunk = 2**low
    block = chunk * len(spread)
    count = _pieces(chunk, rows * len(spread))
    length = chunk // count

    def piece(i: Any, found: jax.Array) -> jax.Array:
        # Slices of the state as it is: reshaped, XLA would copy it.
        first = i % count * length
        if block < size:
            first += i // count * block
        starts = [first + c * chunk for c in range(len(spread))]
        given = found if source is None else source
        own = jnp.stack([lax.dynamic_slice_in_dim(given, s, length, 1) for s in starts])
        new = lax.all_to_all(own, QUBITS, 0, 0, axis_index_groups=groups)
        for c, s in enumerate(starts):
            found = lax.dynamic_update_slice_in_dim(found, new[c], s, 1)
        return found

    total = size // block * count
    if total == 1 and source is None:
        own = found.reshape(rows, len(spread), chunk)
        new = lax.all_to_all(own, QUBITS, 1, 1, axis_index_groups=groups)
        return new.reshape(rows, size)
    return piece(0, found) if total == 1 else lax.fori_loop(0, total, piece, found)


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

    return lax.fori_loop(0, count, piece, _blank(state, after))


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
swap_p = Primitive("qjax_swap")
for _primitive, _definition in (
    (exchange_p, _exchange),
    (partner_p, _partner),
    (swap_p, _swap),
):
    _primitive.def_abstract_eval(lambda state, *_, **__: ShapedArray(state.shape, state.dtype))
    mlir.register_lowering(_primitive, mlir.lower_fun(_definition, multiple_results=False))
    batching.primitive_batchers[_primitive] = _batch_rule(_primitive)


def _exchange_transpose(cotangent: Any, state: Any, **params: Any) -> Any:
    return [exchange_p.bind(cotangent, **params)]


def _jvp(primitive: Primitive, primals: Any, tangents: Any, **params: Any) -> tuple[Any, Any]:
    state, after = primals
    change = ad.instantiate_zeros(tangents[0])
    return primitive.bind(state, after, **params), primitive.bind(change, after, **params)


def _transpose(
    primitive: Primitive, cotangent: Any, state: Any, after: Any, **params: Any
) -> tuple[Any, None]:
    if isinstance(cotangent, ad.Zero):
        return None, None
    return primitive.bind(cotangent, after, **params), None


ad.deflinear2(exchange_p, _exchange_transpose)
for _primitive in (partner_p, swap_p):  # each undoes itself
    ad.primitive_jvps[_primitive] = partial(_jvp, _primitive)
    ad.primitive_transposes[_primitive] = partial(_transpose, _primitive)
