r"""JAX's rules for a linear map with numbers: its run, its change and the transpose of that.

    apply(state, numbers)                        psi = U(numbers) psi_0
    tangent(state, out, numbers, d_state, d_numbers)   d psi, linear in d_state and d_numbers
    adjoint(out, cotangent, numbers)             the transpose of `tangent`, and psi_0 again

`apply` has `tangent` as its JVP, and `tangent` has `adjoint` as its transpose: that is reverse
mode. Derivatives of these two are those of their definition, so every nesting of derivatives works.
All take one leading batch axis: an operand has B rows, or one row for all.

Primitives, and not `jax.custom_vjp`, for the latter has no forward mode.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine.rows import batch_of, folded, stacked, summed_like

Definition = Callable[..., Any]


class Family(NamedTuple):
    """The three primitives; their static parameters are `plan` and `engine`."""

    apply: Primitive
    tangent: Primitive
    adjoint: Primitive


def family(
    name: str, tangent: Definition, adjoint: Definition, irreversible: Definition | None = None
) -> Family:
    """Three primitives with their shapes, derivatives and batching rules; not their lowering.

    Args:
        name: What their names begin with.
        tangent: What the tangent computes, in operations that can be differentiated.
        adjoint: The same of the adjoint.
        irreversible: What runs instead of `apply` when a plan that is not unitary is
            differentiated. If None, there are no such plans.
    """
    three = Family(
        Primitive(f"{name}_apply"), Primitive(f"{name}_tangent"), Primitive(f"{name}_adjoint")
    )
    three.adjoint.multiple_results = True
    three.apply.def_abstract_eval(_apply_shape)
    three.tangent.def_abstract_eval(_tangent_shape)
    three.adjoint.def_abstract_eval(_adjoint_shape)
    ad.primitive_jvps[three.apply] = partial(_apply_jvp, three, irreversible)
    ad.primitive_jvps[three.tangent] = _definition_jvp(tangent)
    ad.primitive_jvps[three.adjoint] = _definition_jvp(adjoint)
    ad.primitive_transposes[three.tangent] = partial(_tangent_transpose, three)
    batching.primitive_batchers[three.apply] = partial(_apply_batch, three)
    batching.primitive_batchers[three.tangent] = partial(_tangent_batch, three)
    batching.primitive_batchers[three.adjoint] = partial(_adjoint_batch, three)
    return three


# --- shapes ---------------------------------------------------------------------------------------


def _apply_shape(state: Any, numbers: Any, **_: Any) -> ShapedArray:
    return ShapedArray((batch_of(state, numbers), state.shape[1]), state.dtype)


def _tangent_shape(
    state: Any, out: Any, numbers: Any, d_state: Any, d_numbers: Any, **_: Any
) -> ShapedArray:
    return ShapedArray(
        (batch_of(state, out, numbers, d_state, d_numbers), state.shape[1]), out.dtype
    )


def _adjoint_shape(out: Any, cotangent: Any, numbers: Any, **_: Any) -> tuple[ShapedArray, ...]:
    state = ShapedArray((batch_of(out, cotangent, numbers), out.shape[1]), out.dtype)
    return state, ShapedArray(numbers.shape, numbers.dtype), state


# --- derivatives ----------------------------------------------------------------------------------


def _apply_jvp(
    three: Family,
    irreversible: Definition | None,
    primals: Sequence[Any],
    tangents: Sequence[Any],
    *,
    plan: Any,
    engine: str,
) -> tuple[Any, Any]:
    if irreversible is not None and not plan.is_unitary:
        run = partial(irreversible, plan=plan, engine=engine)
        return jax.jvp(run, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))
    state, numbers = primals
    out = three.apply.bind(state, numbers, plan=plan, engine=engine)
    changes = map(ad.instantiate_zeros, tangents)
    return out, three.tangent.bind(state, out, numbers, *changes, plan=plan, engine=engine)


def _tangent_transpose(
    three: Family,
    cotangent: Any,
    state: Any,
    out: Any,
    numbers: Any,
    d_state: Any,
    d_numbers: Any,
    *,
    plan: Any,
    engine: str,
) -> tuple[Any, ...]:
    if isinstance(cotangent, ad.Zero):
        return None, None, None, None, None
    by_state, by_numbers, _ = three.adjoint.bind(out, cotangent, numbers, plan=plan, engine=engine)
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

    # jit, so that calls outside of it compile once as well
    @partial(jax.jit, static_argnums=(0, 1))
    def jvp(plan: Any, engine: str, primals: tuple[Any, ...], changes: tuple[Any, ...]) -> Any:
        return jax.jvp(partial(definition, plan=plan, engine=engine), primals, changes)

    def rule(primals: Sequence[Any], tangents: Sequence[Any], *, plan: Any, engine: str) -> Any:
        return jvp(plan, engine, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))

    return rule


# --- batching -------------------------------------------------------------------------------------


def _apply_batch(
    three: Family, operands: Sequence[Any], axes: Sequence[Any], **params: Any
) -> tuple[Any, int]:
    rows, size, batch = stacked(operands, axes)
    out = three.apply.bind(*(folded(x, size, batch) for x in rows), **params)
    return out.reshape(size, batch, -1), 0


def _tangent_batch(
    three: Family, operands: Sequence[Any], axes: Sequence[Any], **params: Any
) -> tuple[Any, int]:
    # The transpose must give a cotangent for each of the S, so every operand gets all rows.
    rows, size, batch = stacked(operands, axes)
    full = (folded(x, size, batch, all_rows=True) for x in rows)
    out = three.tangent.bind(*full, **params)
    return out.reshape(size, batch, -1), 0


def _adjoint_batch(
    three: Family, operands: Sequence[Any], axes: Sequence[Any], **params: Any
) -> tuple[list[Any], list[int]]:
    rows, size, batch = stacked(operands, axes)
    full = (folded(x, size, batch, all_rows=True) for x in rows)
    state, numbers, before = three.adjoint.bind(*full, **params)
    numbers = numbers.reshape(size, batch, -1)
    if rows[2].shape[1] == 1:
        numbers = jnp.sum(numbers, axis=1, keepdims=True)
    return [state.reshape(size, batch, -1), numbers, before.reshape(size, batch, -1)], [0, 0, 0]
