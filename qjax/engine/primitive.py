r"""The primitives that every engine implements: a plan applied, its change, and its adjoint.

What they compute and JAX's rules for them are described in `rules`; higher derivatives are those of
the `xla` engine. The parameters are the plan and the engine asked for; see `lowering` for what then
runs.
"""

import math
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from qjax.engine import cpu, cuda, xla
from qjax.engine.linear import linear_p
from qjax.engine.lowering import register
from qjax.engine.rows import batch_of
from qjax.engine.rules import family
from qjax.plan import Plan

# --- definitions ----------------------------------------------------------------------------------


def _apply(state: Any, numbers: Any, *, plan: Plan) -> Any:
    return xla.apply(plan, state, numbers)


def _tangent(
    state: Any, out: Any, numbers: Any, d_state: Any, d_numbers: Any, *, plan: Plan, **_: Any
) -> Any:
    del out  # the adjoint starts from it; the definition runs forward
    batch = batch_of(state, numbers, d_state, d_numbers)
    operands = [jnp.broadcast_to(x, (batch, x.shape[1])) for x in (state, d_state)]
    numbers, d_numbers = _same_rows(numbers, d_numbers)
    run = partial(xla.apply, plan)
    return jax.jvp(run, (operands[0], numbers), (operands[1], d_numbers))[1]


def _adjoint(out: Any, cotangent: Any, numbers: Any, *, plan: Plan, **_: Any) -> Any:
    return xla.adjoint(plan, out, cotangent, numbers)


def _same_rows(*operands: Any) -> list[Any]:
    rows = batch_of(*operands)
    return [jnp.broadcast_to(x, (rows, *x.shape[1:])) for x in operands]


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


# --- primitives -----------------------------------------------------------------------------------

apply_p, tangent_p, adjoint_p = family("qjax", _tangent, _adjoint, irreversible=apply_parts)

register(
    apply_p,
    _apply,
    cpu=cpu.apply,
    refusal=cpu.refusal,
    cuda=cuda.apply,
    cuda_refusal=cuda.refusal,
    parts=cuda.forward_parts,
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
    parts=cuda.backward_parts,
    states="gradient_states",
    cuda_work=cuda.adjoint_work,
)
