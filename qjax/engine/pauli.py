r"""Pauli strings on states: their overlaps and their weighted sum, as two primitives.

    overlaps(a, b)[t]    = sum_j a[j] (P_t b)[j]                 (no conjugate: bilinear)
    combination(b, w)[j] = sum_t w[t] (P_t b)[j]                 (bilinear)

Each is the other's transpose, so the two are closed under all derivatives, and neither keeps a
state per term. Terms that flip the same qubits share one gather of the state. Their signs are

    (-1)^parity(j & z) = s_high[z, j_high] s_low[z, j_low],

so the signed sums over j, and the sums over terms at every j, are two small matrix products.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

from qjax.engine.rows import batch_of, folded, stacked, summed_like
from qjax.plan.terms import Terms

_EXACT = lax.Precision.HIGHEST
_FEW = 4  # terms up to which signed sums one by one are faster than a matrix product


def _signs(z_masks: jax.Array, n: int, dtype: Any) -> tuple[jax.Array, jax.Array]:
    """(-1)^parity(z & j) for the high and for the low half of the bits: (T, 2**h), (T, 2**l)."""
    low_bits = n // 2

    def table(masks: jax.Array, bits: int) -> jax.Array:
        j = lax.iota(jnp.uint32, 2**bits)
        odd = lax.population_count(masks[:, None] & j[None, :]) & 1
        return 1 - 2 * odd.astype(dtype)

    return table(z_masks >> low_bits, n - low_bits), table(z_masks, low_bits)


def _flipped(state: jax.Array, x_mask: jax.Array) -> jax.Array:
    """State[:, j ^ x]."""
    j = lax.iota(jnp.uint32, state.shape[1])
    index = (j ^ x_mask).astype(jnp.int32)
    return state.at[:, index].get(mode="promise_in_bounds", unique_indices=True)


def _overlaps(a: Any, b: Any, *, terms: Terms) -> Any:
    """(B, 2**n), (B, 2**n) -> (B, T)."""
    n, batch = terms.num_qubits, batch_of(a, b)
    real = a.real.dtype

    def group(carry: Any, masks: Any) -> Any:
        x_mask, z_masks = masks
        high, low = _signs(z_masks, n, real)
        product = (a * _flipped(b, x_mask)).reshape(batch, high.shape[1], low.shape[1])

        def signed(part: jax.Array) -> jax.Array:
            if high.shape[0] <= _FEW:
                signs = high[:, :, None] * low[:, None, :]
                return jnp.stack([jnp.sum(part * s, axis=(1, 2)) for s in signs], axis=1)
            half = jnp.einsum("th,bhl->btl", high, part, precision=_EXACT)
            return jnp.sum(half * low, axis=-1)

        return carry, lax.complex(signed(product.real), signed(product.imag))

    columns, order = [], []
    for bucket in terms.buckets:
        _, sums = _each(group, None, (bucket.x_masks, bucket.z_masks))
        columns.append(jnp.moveaxis(sums, 0, 1).reshape(batch, -1))
        order.append(bucket.index.reshape(-1))
    if not columns:
        return jnp.zeros((batch, 0), a.dtype)
    back = np.argsort(np.concatenate(order), kind="stable")[: len(terms)]
    return jnp.concatenate(columns, axis=1)[:, back] * jnp.asarray(terms.phases, a.dtype)


def _combination(b: Any, weights: Any, *, terms: Terms) -> Any:
    """(B, 2**n), (B, T) -> (B, 2**n)."""
    n, batch = terms.num_qubits, batch_of(b, weights)
    real = b.real.dtype
    phased = weights * jnp.asarray(terms.phases, weights.dtype)
    phased = jnp.concatenate([phased, jnp.zeros_like(phased[:, :1])], axis=1)

    def group(total: Any, operands: Any) -> Any:
        x_mask, z_masks, index = operands
        high, low = _signs(z_masks, n, real)
        used = phased[:, index]

        def summed(part: jax.Array) -> jax.Array:
            left = part[:, None, :] * high.T
            return jnp.einsum("bht,tl->bhl", left, low, precision=_EXACT)

        factor = lax.complex(summed(used.real), summed(used.imag))
        return total + factor.reshape(weights.shape[0], -1) * _flipped(b, x_mask), None

    total = jnp.zeros((batch, b.shape[1]), b.dtype)
    for bucket in terms.buckets:
        total, _ = _each(group, total, (bucket.x_masks, bucket.z_masks, bucket.index))
    return total


def _each(body: Any, carry: Any, operands: Sequence[np.ndarray]) -> Any:
    """A loop over groups; a single group needs none."""
    arrays = tuple(jnp.asarray(o) for o in operands)
    if arrays[0].shape[0] == 1:
        carry, out = body(carry, tuple(a[0] for a in arrays))
        return carry, None if out is None else out[None]
    return lax.scan(body, carry, arrays)


overlaps_p = Primitive("qjax_overlaps")
combination_p = Primitive("qjax_combination")


@overlaps_p.def_abstract_eval
def _overlaps_shape(a: Any, b: Any, *, terms: Terms) -> ShapedArray:
    return ShapedArray((batch_of(a, b), len(terms)), a.dtype)


@combination_p.def_abstract_eval
def _combination_shape(b: Any, weights: Any, *, terms: Terms) -> ShapedArray:
    return ShapedArray((batch_of(b, weights), b.shape[1]), b.dtype)


def _transposed(weights: Any, terms: Terms) -> Any:
    """Weights w of sum_t w_t P_t^T."""
    return weights * jnp.asarray(terms.signs, weights.dtype)


def _overlaps_transpose(cotangent: Any, a: Any, b: Any, *, terms: Terms) -> tuple[Any, Any]:
    if isinstance(cotangent, ad.Zero):
        return None, None
    if ad.is_undefined_primal(a):
        return summed_like(combination_p.bind(b, cotangent, terms=terms), a), None
    weights = _transposed(cotangent, terms)
    return None, summed_like(combination_p.bind(a, weights, terms=terms), b)


def _combination_transpose(cotangent: Any, b: Any, weights: Any, *, terms: Terms) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    if ad.is_undefined_primal(b):
        turned = combination_p.bind(cotangent, _transposed(weights, terms), terms=terms)
        return summed_like(turned, b), None
    return None, summed_like(overlaps_p.bind(cotangent, b, terms=terms), weights)


def _by_first(primitive: Primitive, change: Any, a: Any, b: Any, *, terms: Terms) -> Any:
    return primitive.bind(change, b, terms=terms)


def _by_second(primitive: Primitive, change: Any, a: Any, b: Any, *, terms: Terms) -> Any:
    return primitive.bind(a, change, terms=terms)


def _batch_rule(primitive: Primitive) -> Any:
    def rule(operands: Sequence[Any], axes: Sequence[Any], *, terms: Terms) -> tuple[Any, int]:
        rows, size, batch = stacked(operands, axes)
        out = primitive.bind(*(folded(x, size, batch) for x in rows), terms=terms)
        return out.reshape(size, batch, -1), 0

    return rule


for _primitive, _definition, _transpose in (
    (overlaps_p, _overlaps, _overlaps_transpose),
    (combination_p, _combination, _combination_transpose),
):
    _primitive.def_impl(jax.jit(_definition, static_argnames="terms"))
    mlir.register_lowering(_primitive, mlir.lower_fun(_definition, multiple_results=False))
    ad.defjvp(_primitive, partial(_by_first, _primitive), partial(_by_second, _primitive))
    ad.primitive_transposes[_primitive] = _transpose
    batching.primitive_batchers[_primitive] = _batch_rule(_primitive)


@partial(jax.custom_jvp, nondiff_argnums=(1,))
def pauli_expectations(state: jax.Array, terms: Terms) -> jax.Array:
    """<psi|P_t|psi> of every term: (B, 2**n) -> real (B, T)."""
    return overlaps_p.bind(jnp.conj(state), state, terms=terms).real


@pauli_expectations.defjvp
def _pauli_expectations_jvp(terms: Terms, primals: Any, tangents: Any) -> tuple[Any, Any]:
    # P is Hermitian, so d<psi|P|psi> = 2 Re <psi|P|d psi>: one pass, not two.
    (state,), (change,) = primals, tangents
    overlap = overlaps_p.bind(jnp.conj(state), change, terms=terms)
    return pauli_expectations(state, terms), 2 * overlap.real


def apply_pauli_sum(state: jax.Array, weights: jax.Array, terms: Terms) -> jax.Array:
    """sum_t w_t P_t psi: (B, 2**n), (B, T) -> (B, 2**n)."""
    return combination_p.bind(state, weights.astype(state.dtype), terms=terms)
