"""One op that need not be unitary: linear in the state, and linear in its numbers.

    linear(state, numbers)        M(numbers) psi, for the matrix or diagonal of one op

Its transposes are an op with the transposed matrix, and a sum over the state; so every order of
derivative exists. Operands have a leading batch axis, as in `primitive`.
"""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine import cpu, cuda, xla
from qjax.engine.lowering import register
from qjax.engine.rows import batch_of, folded, stacked, summed_like
from qjax.engine.sampling import transposed
from qjax.plan import OpKind, Plan

linear_p = Primitive("qjax_linear")


@linear_p.def_abstract_eval
def _shape(state: Any, numbers: Any, *, plan: Plan, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(state, numbers), state.shape[1]), state.dtype)


register(
    linear_p,
    lambda state, numbers, *, plan: xla.apply(plan, state, numbers),
    cpu=cpu.apply,
    refusal=cpu.refusal,
    cuda=cuda.apply,
    cuda_refusal=cuda.refusal,
    parts=cuda.forward_parts,
)


def _jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, plan: Plan, engine: str
) -> tuple[Any, Any]:
    state, numbers = primals
    d_state, d_numbers = tangents
    out = linear_p.bind(state, numbers, plan=plan, engine=engine)
    changes = []
    if not isinstance(d_state, ad.Zero):
        changes.append(linear_p.bind(d_state, numbers, plan=plan, engine=engine))
    if not isinstance(d_numbers, ad.Zero):
        changes.append(linear_p.bind(state, d_numbers, plan=plan, engine=engine))
    return out, sum(changes[1:], changes[0])


def _transpose(
    cotangent: Any, state: Any, numbers: Any, *, plan: Plan, engine: str
) -> tuple[Any, Any]:
    if isinstance(cotangent, ad.Zero):
        return None, None
    if ad.is_undefined_primal(state):
        back = linear_p.bind(cotangent, _turned(numbers, plan), plan=plan, engine=engine)
        return summed_like(back, state), None
    return None, summed_like(_numbers_of(cotangent, state, plan), numbers)


def _turned(numbers: jax.Array, plan: Plan) -> jax.Array:
    """The numbers of the transposed matrix."""
    (op,) = plan.ops
    if op.kind is OpKind.DIAGONAL:
        return numbers
    size = 2 ** len(op.targets)
    return numbers.reshape(-1, size, size, 2).swapaxes(1, 2).reshape(numbers.shape)


def _numbers_of(cotangent: jax.Array, state: jax.Array, plan: Plan) -> jax.Array:
    """The cotangents of (re, im) of each entry: Re and -Im of the sum of c[i] psi[j]."""
    (op,) = plan.ops
    n, k = plan.num_qubits, len(op.targets)
    order = (*op.targets, *(q for q in range(n) if q not in op.targets))
    c, s = (transposed(x, order).reshape(x.shape[0], -1, 2**k) for x in (cotangent, state))
    if op.kind is OpKind.DIAGONAL:
        sums = jnp.sum(c * s, axis=1)
    else:
        rows = batch_of(c, s)
        c, s = (jnp.broadcast_to(x, (rows, *x.shape[1:])) for x in (c, s))
        sums = jnp.einsum("bri,brj->bij", c, s, precision=lax.Precision.HIGHEST)
    flat = sums.reshape(sums.shape[0], -1)
    return jnp.stack([flat.real, -flat.imag], axis=-1).reshape(flat.shape[0], -1)


def _batch(
    operands: Sequence[Any], axes: Sequence[Any], *, plan: Plan, engine: str
) -> tuple[Any, int]:
    rows, size, batch = stacked(operands, axes)
    out = linear_p.bind(*(folded(x, size, batch) for x in rows), plan=plan, engine=engine)
    return out.reshape(size, batch, -1), 0


ad.primitive_jvps[linear_p] = _jvp
ad.primitive_transposes[linear_p] = _transpose
batching.primitive_batchers[linear_p] = _batch
