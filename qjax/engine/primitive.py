r"""The three primitives that every engine implements, and JAX's rules for them.

    apply(state, numbers)                        psi = U(numbers) psi_0
    tangent(state, out, numbers, d_state, d_numbers)   d psi, linear in d_state and d_numbers
    adjoint(out, cotangent, numbers)             the transpose of `tangent`

`apply` has `tangent` as its JVP, and `tangent` has `adjoint` as its transpose: that is reverse
mode. Derivatives of these two are those of their definition in the `xla` engine, so every nesting
of derivatives works. All take one leading batch axis: an operand has B rows, or one row for all.
The parameters are the plan and the engine asked for; see `lowering` for what then runs.

A primitive, and not `jax.custom_vjp`, for the latter has no forward mode.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine import cpu, cuda, xla
from qjax.engine.linear import linear_p
from qjax.engine.lowering import register
from qjax.engine.rows import batch_of, folded, stacked, summed_like
from qjax.plan import Plan

Definition = Callable[..., Any]

# --- definitions ----------------------------------------------------------------------------------


def _apply(state: Any, numbers: Any, *, plan: Plan) -> Any:
    return xla.apply(plan, state, numbers)


def _tangent(
    state: Any, out: Any, numbers: Any, d_state: Any, d_numbers: Any, *, plan: Plan
) -> Any:
    del out  # the adjoint starts from it; the definition runs forward
    batch = batch_of(state, numbers, d_state, d_numbers)
    operands = [jnp.broadcast_to(x, (batch, x.shape[1])) for x in (state, d_state)]
    numbers, d_numbers = _same_rows(numbers, d_numbers)
    run = partial(xla.apply, plan)
    return jax.jvp(run, (operands[0], numbers), (operands[1], d_numbers))[1]


def _adjoint(out: Any, cotangent: Any, numbers: Any, *, plan: Plan) -> Any:
    return xla.adjoint(plan, out, cotangent, numbers)


def _same_rows(*operands: Any) -> list[Any]:
    rows = batch_of(*operands)
    return [jnp.broadcast_to(x, (rows, *x.shape[1:])) for x in operands]


# --- primitives -----------------------------------------------------------------------------------

apply_p = Primitive("qjax_apply")
tangent_p = Primitive("qjax_tangent")
adjoint_p = Primitive("qjax_adjoint")
adjoint_p.multiple_results = True


@apply_p.def_abstract_eval
def _apply_shape(state: Any, numbers: Any, *, plan: Plan, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(state, numbers), state.shape[1]), state.dtype)


@tangent_p.def_abstract_eval
def _tangent_shape(
    state: Any, out: Any, numbers: Any, d_state: Any, d_numbers: Any, *, plan: Plan, engine: str
) -> ShapedArray:
    return ShapedArray(
        (batch_of(state, out, numbers, d_state, d_numbers), state.shape[1]), out.dtype
    )


@adjoint_p.def_abstract_eval
def _adjoint_shape(
    out: Any, cotangent: Any, numbers: Any, *, plan: Plan, engine: str
) -> tuple[ShapedArray, ShapedArray]:
    batch = batch_of(out, cotangent, numbers)
    return ShapedArray((batch, out.shape[1]), out.dtype), ShapedArray(numbers.shape, numbers.dtype)


register(
    apply_p,
    _apply,
    cpu=cpu.apply,
    refusal=cpu.refusal,
    cuda=cuda.apply,
    cuda_refusal=cuda.refusal,
    part="forward",
    states="forward_states",
)
register(tangent_p, _tangent)
register(
    adjoint_p,
    _adjoint,
    cpu=cpu.adjoint,
    refusal=cpu.refusal,
    cuda=cuda.adjoint,
    cuda_refusal=cuda.refusal,
    part="backward",
    states="gradient_states",
)

# --- derivatives ----------------------------------------------------------------------------------


def _apply_jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, plan: Plan, engine: str
) -> tuple[Any, Any]:
    if not plan.is_unitary:
        run = partial(apply_parts, plan=plan, engine=engine)
        return jax.jvp(run, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))
    state, numbers = primals
    out = apply_p.bind(state, numbers, plan=plan, engine=engine)
    d_state, d_numbers = map(ad.instantiate_zeros, tangents)
    return out, tangent_p.bind(state, out, numbers, d_state, d_numbers, plan=plan, engine=engine)


def _tangent_transpose(
    cotangent: Any,
    state: Any,
    out: Any,
    numbers: Any,
    d_state: Any,
    d_numbers: Any,
    *,
    plan: Plan,
    engine: str,
) -> tuple[Any, ...]:
    if isinstance(cotangent, ad.Zero):
        return None, None, None, None, None
    by_state, by_numbers = adjoint_p.bind(out, cotangent, numbers, plan=plan, engine=engine)
    by_state = summed_like(by_state, d_state)
    return (
        None,
        None,
        None,
        by_state if ad.is_undefined_primal(d_state) else None,
        by_numbers if ad.is_undefined_primal(d_numbers) else None,
    )


def _definition_jvp(definition: Definition) -> Definition:
    """Derivatives of `tangent` and `adjoint`: those of their definition."""

    @partial(jax.jit, static_argnums=0)  # so that calls outside jit compile once as well
    def jvp(plan: Plan, primals: tuple[Any, ...], changes: tuple[Any, ...]) -> Any:
        return jax.jvp(partial(definition, plan=plan), primals, changes)

    def rule(primals: Sequence[Any], tangents: Sequence[Any], *, plan: Plan, engine: str) -> Any:
        return jvp(plan, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))

    return rule


def apply_parts(state: Any, numbers: Any, *, plan: Plan, engine: str) -> Any:
    """`apply` of a plan that is not unitary: its unitary parts, and one by one what is between.

    Reverse mode cannot undo an op that is not unitary, so it needs the state before each. It keeps
    those at the ends of sqrt(2 K) stretches of the K ops and the parts between them, and computes a
    stretch again: XLA took the memory of 17, 35 and 105 states for K = 18, 72 and 288.
    """
    parts = plan.parts
    length = max(1, math.isqrt(len(parts)))

    def run(first: int, state: Any, numbers: Any) -> Any:
        for part in parts[first : first + length]:
            own = numbers[:, plan.places(part)]
            primitive = apply_p if part.is_unitary else linear_p
            state = primitive.bind(state, own, plan=part, engine=engine)
        return state

    for first in range(0, len(parts), length):
        state = jax.checkpoint(partial(run, first))(state, numbers)
    return state


ad.primitive_jvps[apply_p] = _apply_jvp
ad.primitive_jvps[tangent_p] = _definition_jvp(_tangent)
ad.primitive_jvps[adjoint_p] = _definition_jvp(_adjoint)
ad.primitive_transposes[tangent_p] = _tangent_transpose

# --- batching -------------------------------------------------------------------------------------


def _apply_batch(
    operands: Sequence[Any], axes: Sequence[Any], *, plan: Plan, engine: str
) -> tuple[Any, int]:
    rows, size, batch = stacked(operands, axes)
    out = apply_p.bind(*(folded(x, size, batch) for x in rows), plan=plan, engine=engine)
    return out.reshape(size, batch, -1), 0


def _tangent_batch(
    operands: Sequence[Any], axes: Sequence[Any], *, plan: Plan, engine: str
) -> tuple[Any, int]:
    # The transpose must give a cotangent for each of the S, so every operand gets all rows.
    rows, size, batch = stacked(operands, axes)
    out = tangent_p.bind(
        *(folded(x, size, batch, all_rows=True) for x in rows), plan=plan, engine=engine
    )
    return out.reshape(size, batch, -1), 0


def _adjoint_batch(
    operands: Sequence[Any], axes: Sequence[Any], *, plan: Plan, engine: str
) -> tuple[list[Any], list[int]]:
    rows, size, batch = stacked(operands, axes)
    full = (folded(x, size, batch, all_rows=True) for x in rows)
    state, numbers = adjoint_p.bind(*full, plan=plan, engine=engine)
    numbers = numbers.reshape(size, batch, -1)
    if rows[2].shape[1] == 1:
        numbers = jnp.sum(numbers, axis=1, keepdims=True)
    return [state.reshape(size, batch, -1), numbers], [0, 0]


batching.primitive_batchers[apply_p] = _apply_batch
batching.primitive_batchers[tangent_p] = _tangent_batch
batching.primitive_batchers[adjoint_p] = _adjoint_batch
