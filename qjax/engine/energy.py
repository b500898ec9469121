r"""The mean of a weighted sum of Pauli strings, H = sum_t w_t P_t with real weights.

    mean(psi, w)           = <psi|H|psi>
    mean_and_slope(psi, w) = <psi|H|psi>, 2 conj(H psi)

The slope is the derivative of the mean: d mean = Re sum_j slope[j] d psi[j]. Where a derivative by
the state is wanted, both come from one application of H, and the slope is kept. A derivative by the
weights needs the mean of every string, and is that of the sum of these.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine import cuda, pauli
from qjax.engine.lowering import register
from qjax.engine.rows import batch_of, folded, stacked
from qjax.plan.terms import Terms

mean_p = Primitive("qjax_mean")
mean_and_slope_p = Primitive("qjax_mean_and_slope")
mean_and_slope_p.multiple_results = True


def mean(state: jax.Array, weights: jax.Array, terms: Terms, engine: str) -> jax.Array:
    """<psi|H|psi>: (B, 2**n), real (B or 1, T) -> real (B, 1)."""
    return mean_p.bind(state, weights, terms=terms, engine=engine)


def _weighted(values: Any, weights: Any) -> Any:
    """(B, T), (B or 1, T) -> (B, 1)."""
    return jnp.sum(values * weights, axis=-1, keepdims=True)


def _mean(expectations: Any, state: Any, weights: Any, *, terms: Terms) -> Any:
    return _weighted(expectations(state, terms=terms), weights)


def _mean_and_slope(
    expectations: Any, gradient: Any, state: Any, weights: Any, *, terms: Terms
) -> Any:
    mean = _mean(expectations, state, weights, terms=terms)
    return [mean, gradient(state, weights, terms=terms)]


@mean_p.def_abstract_eval
def _mean_shape(state: Any, weights: Any, *, terms: Terms, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(state, weights), 1), weights.dtype)


@mean_and_slope_p.def_abstract_eval
def _mean_and_slope_shape(
    state: Any, weights: Any, *, terms: Terms, engine: str
) -> tuple[ShapedArray, ShapedArray]:
    batch = batch_of(state, weights)
    return (
        ShapedArray((batch, 1), weights.dtype),
        ShapedArray((batch, state.shape[1]), state.dtype),
    )


_defined = partial(_mean_and_slope, pauli.expectations_defined, pauli.gradient_defined)

register(
    mean_p,
    partial(_mean, pauli.expectations_defined),
    cpu=partial(_mean, pauli.expectations_cpu),
    cuda=partial(_mean, cuda.expectations),
    cuda_refusal=pauli.no_qubits,
)
register(
    mean_and_slope_p,
    _defined,
    cpu=partial(_mean_and_slope, pauli.expectations_cpu, pauli.combination_cpu),
    cuda=cuda.mean_and_slope,
    cuda_refusal=pauli.no_qubits,
)


def _mean_jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, terms: Terms, engine: str
) -> tuple[Any, Any]:
    (state, weights), (d_state, d_weights) = primals, tangents
    if isinstance(d_weights, ad.Zero):
        value, slope = mean_and_slope_p.bind(state, weights, terms=terms, engine=engine)
        return value, jnp.sum((slope * d_state).real, axis=-1, keepdims=True)

    def definition(state: Any, weights: Any) -> Any:
        return _weighted(pauli.pauli_expectations(state, terms, engine), weights)

    changes = tuple(map(ad.instantiate_zeros, tangents))
    return jax.jvp(definition, (state, weights), changes)


def _mean_and_slope_jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, terms: Terms, engine: str
) -> tuple[Any, Any]:
    changes = tuple(map(ad.instantiate_zeros, tangents))
    return jax.jvp(partial(_defined, terms=terms), tuple(primals), changes)


def _mean_batch(operands: Sequence[Any], axes: Sequence[Any], **params: Any) -> tuple[Any, int]:
    rows, size, batch = stacked(operands, axes)
    out = mean_p.bind(*(folded(x, size, batch) for x in rows), **params)
    return out.reshape(size, batch, -1), 0


def _mean_and_slope_batch(
    operands: Sequence[Any], axes: Sequence[Any], **params: Any
) -> tuple[list[Any], list[int]]:
    rows, size, batch = stacked(operands, axes)
    out = mean_and_slope_p.bind(*(folded(x, size, batch) for x in rows), **params)
    return [x.reshape(size, batch, -1) for x in out], [0, 0]


ad.primitive_jvps[mean_p] = _mean_jvp
ad.primitive_jvps[mean_and_slope_p] = _mean_and_slope_jvp
batching.primitive_batchers[mean_p] = _mean_batch
batching.primitive_batchers[mean_and_slope_p] = _mean_and_slope_batch
