r"""Pauli strings on states: their overlaps and their weighted sum, as primitives.

    overlaps(a, b)[t]    = sum_j a[j] (P_t b)[j]                 (no conjugate: bilinear)
    combination(b, w)[j] = sum_t w[t] (P_t b)[j]                 (bilinear)

Each is the other's transpose, so the two are closed under all derivatives, and neither keeps a
state per term. Expectation values have primitives of their own, which make no conjugate copy:

    expectations(psi)[t]     = <psi|P_t|psi>
    slopes(psi, d psi)[t]    = 2 Re <psi|P_t|d psi>              (its JVP)
    gradient(psi, g)[j]      = 2 conj(sum_t g[t] (P_t psi)[j])   (the transpose of that)

In the definitions, terms that flip the same qubits share one gather of the state. Their signs are

    (-1)^parity(j & z) = s_high[z, j_high] s_low[z, j_low],

so the signed sums over j, and the sums over terms at every j, are two small matrix products.
"""

from collections.abc import Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine import cuda
from qjax.engine.lowering import register
from qjax.engine.rows import batch_of, folded, stacked, summed_like
from qjax.engine.select import real_dtype
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
    return jnp.concatenate(columns, axis=1)[:, back.astype(np.int32)] * jnp.asarray(
        terms.phases, a.dtype
    )


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


def expectations_defined(state: Any, *, terms: Terms) -> Any:
    """(B, 2**n) -> real (B, T)."""
    return _overlaps(jnp.conj(state), state, terms=terms).real


def _slopes(state: Any, change: Any, *, terms: Terms) -> Any:
    """(B, 2**n), (B, 2**n) -> real (B, T)."""
    return 2 * _overlaps(jnp.conj(state), change, terms=terms).real


def gradient_defined(state: Any, weights: Any, *, terms: Terms) -> Any:
    """(B, 2**n), real (B, T) -> (B, 2**n)."""
    return 2 * jnp.conj(_combination(state, _complex(weights), terms=terms))


def _complex(weights: Any) -> Any:
    return lax.complex(weights, jnp.zeros_like(weights))


# --- the C++ library ------------------------------------------------------------------------------


@lru_cache(maxsize=512)
def _words(terms: Terms) -> np.ndarray:
    """Terms as the kernels read them; the format is described in kernels/cpu/pauli.h."""
    groups: dict[int, list[int]] = {}
    for t, x in enumerate(terms.x_masks):
        groups.setdefault(x, []).append(t)
    # Groups whose flips leave a block alone stand together, so that it is split once.
    order = sorted(groups, key=lambda x: (x >> 10, x))
    heads, rows, first = [], [], 0
    for x in order:
        heads.append((x & 0xFFFFFFFF, x >> 32, first, len(groups[x])))
        first += len(groups[x])
        for t in groups[x]:
            z = terms.z_masks[t]
            rows.append((z & 0xFFFFFFFF, z >> 32, (x & z).bit_count(), t))
    flat = [w for row in (*heads, *rows) for w in row]
    head = [terms.num_qubits, len(terms), len(order)]
    return np.array([*head, *flat], np.int64).astype(np.uint32).view(np.int32)


def _call(name: str, shape: tuple[int, ...], dtype: Any, *operands: Any) -> Any:
    return jax.ffi.ffi_call(name, jax.ShapeDtypeStruct(shape, dtype))(*operands)


def _overlaps_cpu(a: Any, b: Any, *, terms: Terms) -> Any:
    shape = (batch_of(a, b), len(terms))
    return _call("qjax_overlaps", shape, a.dtype, a, b, _words(terms))


def expectations_cpu(state: Any, *, terms: Terms) -> Any:
    """`expectations_defined` by the C++ library."""
    shape = (state.shape[0], len(terms))
    return _call("qjax_overlaps", shape, state.real.dtype, state, state, _words(terms))


def combination_cpu(b: Any, weights: Any, *, terms: Terms) -> Any:
    """`_combination` by the C++ library, or `gradient_defined` if the weights are real."""
    shape = (batch_of(b, weights), b.shape[1])
    return _call("qjax_combination", shape, b.dtype, b, weights, _words(terms))


def no_qubits(terms: Terms) -> str | None:
    """Why the CUDA kernels cannot run, or None."""
    return None if terms.num_qubits else "a state must have at least one qubit."


# --- primitives -----------------------------------------------------------------------------------

overlaps_p = Primitive("qjax_overlaps")
combination_p = Primitive("qjax_combination")
expectations_p = Primitive("qjax_expectations")
slopes_p = Primitive("qjax_slopes")
gradient_p = Primitive("qjax_gradient")


@overlaps_p.def_abstract_eval
def _overlaps_shape(a: Any, b: Any, *, terms: Terms, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(a, b), len(terms)), a.dtype)


@combination_p.def_abstract_eval
def _combination_shape(b: Any, weights: Any, *, terms: Terms, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(b, weights), b.shape[1]), b.dtype)


@expectations_p.def_abstract_eval
def _expectations_shape(state: Any, *, terms: Terms, engine: str) -> ShapedArray:
    return ShapedArray((state.shape[0], len(terms)), real_dtype(state.dtype))


@slopes_p.def_abstract_eval
def _slopes_shape(state: Any, change: Any, *, terms: Terms, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(state, change), len(terms)), real_dtype(state.dtype))


@gradient_p.def_abstract_eval
def _gradient_shape(state: Any, weights: Any, *, terms: Terms, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(state, weights), state.shape[1]), state.dtype)


register(overlaps_p, _overlaps, cpu=_overlaps_cpu, cuda=cuda.overlaps, cuda_refusal=no_qubits)
register(
    combination_p,
    _combination,
    cpu=combination_cpu,
    cuda=cuda.combination,
    cuda_refusal=no_qubits,
)
register(
    expectations_p,
    expectations_defined,
    cpu=expectations_cpu,
    cuda=cuda.expectations,
    cuda_refusal=no_qubits,
)
register(slopes_p, _slopes)
register(
    gradient_p, gradient_defined, cpu=combination_cpu, cuda=cuda.combination, cuda_refusal=no_qubits
)

# --- derivatives ----------------------------------------------------------------------------------


def _transposed(weights: Any, terms: Terms) -> Any:
    """Weights w of sum_t w_t P_t^T."""
    return weights * jnp.asarray(terms.signs, weights.dtype)


def _overlaps_transpose(cotangent: Any, a: Any, b: Any, *, terms: Terms, engine: str) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    if ad.is_undefined_primal(a):
        turned = combination_p.bind(b, cotangent, terms=terms, engine=engine)
        return summed_like(turned, a), None
    weights = _transposed(cotangent, terms)
    return None, summed_like(combination_p.bind(a, weights, terms=terms, engine=engine), b)


def _combination_transpose(
    cotangent: Any, b: Any, weights: Any, *, terms: Terms, engine: str
) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    if ad.is_undefined_primal(b):
        turned = _transposed(weights, terms)
        return summed_like(
            combination_p.bind(cotangent, turned, terms=terms, engine=engine), b
        ), None
    return None, summed_like(overlaps_p.bind(cotangent, b, terms=terms, engine=engine), weights)


def _slopes_transpose(cotangent: Any, state: Any, change: Any, *, terms: Terms, engine: str) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    turned = gradient_p.bind(state, cotangent, terms=terms, engine=engine)
    return None, summed_like(turned, change)


def _by_first(primitive: Primitive, change: Any, a: Any, b: Any, **params: Any) -> Any:
    return primitive.bind(change, b, **params)


def _by_second(primitive: Primitive, change: Any, a: Any, b: Any, **params: Any) -> Any:
    return primitive.bind(a, change, **params)


def _expectations_jvp(change: Any, state: Any, **params: Any) -> Any:
    # P is Hermitian, so d<psi|P|psi> = 2 Re <psi|P|d psi>: one pass, not two.
    return slopes_p.bind(state, change, **params)


def _definition_jvp(definition: Any) -> Any:
    """Derivatives of `slopes` and `gradient`: those of their definition."""

    def rule(primals: Sequence[Any], tangents: Sequence[Any], *, terms: Terms, engine: str) -> Any:
        run = partial(definition, terms=terms)
        return jax.jvp(run, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))

    return rule


for _primitive, _transpose in (
    (overlaps_p, _overlaps_transpose),
    (combination_p, _combination_transpose),
):
    ad.defjvp(_primitive, partial(_by_first, _primitive), partial(_by_second, _primitive))
    ad.primitive_transposes[_primitive] = _transpose
ad.defjvp(expectations_p, _expectations_jvp)
ad.primitive_jvps[slopes_p] = _definition_jvp(_slopes)
ad.primitive_jvps[gradient_p] = _definition_jvp(gradient_defined)
ad.primitive_transposes[slopes_p] = _slopes_transpose

# --- batching -------------------------------------------------------------------------------------


def batch_rule(primitive: Primitive) -> Any:
    """How a primitive of rows is batched: with more rows."""

    def rule(operands: Sequence[Any], axes: Sequence[Any], **params: Any) -> tuple[Any, int]:
        rows, size, batch = stacked(operands, axes)
        out = primitive.bind(*(folded(x, size, batch) for x in rows), **params)
        return out.reshape(size, batch, -1), 0

    return rule


for _primitive in (overlaps_p, combination_p, expectations_p, slopes_p, gradient_p):
    batching.primitive_batchers[_primitive] = batch_rule(_primitive)


def pauli_expectations(state: jax.Array, terms: Terms, engine: str) -> jax.Array:
    """<psi|P_t|psi> of every term: (B, 2**n) -> real (B, T)."""
    return expectations_p.bind(state, terms=terms, engine=engine)


def apply_pauli_sum(state: jax.Array, weights: jax.Array, terms: Terms, engine: str) -> jax.Array:
    """sum_t w_t P_t psi: (B, 2**n), (B, T) -> (B, 2**n)."""
    return combination_p.bind(state, weights.astype(state.dtype), terms=terms, engine=engine)
