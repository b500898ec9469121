"""The states that |0...0> becomes: a plan applied to what no kernel has to read."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching

from qjax.engine import basis, cpu, cuda, xla
from qjax.engine.lowering import register
from qjax.engine.primitive import apply_parts, tangent_p
from qjax.engine.rows import batch_of, folded, stacked
from qjax.plan import Plan

from_zero_p = Primitive("qjax_from_zero")


def from_zero(numbers: jax.Array, plan: Plan, dtype: np.dtype, engine: str) -> jax.Array:
    """U(numbers) |0...0>: (B, V) -> (B, 2**n)."""
    return from_zero_p.bind(numbers, plan=plan, dtype=np.dtype(dtype), engine=engine)


def _from_zero(numbers: Any, *, plan: Plan, dtype: np.dtype) -> Any:
    start = basis.defined(num_qubits=plan.num_qubits, index=0, dtype=dtype)
    return xla.apply(plan, start, numbers)


def _from_zero_cpu(numbers: Any, *, plan: Plan, dtype: np.dtype) -> Any:
    start = basis.written_cpu(num_qubits=plan.num_qubits, index=0, dtype=dtype)
    return cpu.apply(start, numbers, plan=plan)


@from_zero_p.def_abstract_eval
def _shape(numbers: Any, *, plan: Plan, dtype: np.dtype, engine: str) -> ShapedArray:
    return ShapedArray((batch_of(numbers), 2**plan.num_qubits), dtype)


register(
    from_zero_p,
    _from_zero,
    cpu=_from_zero_cpu,
    refusal=cpu.refusal,
    cuda=cuda.from_zero,
    cuda_refusal=cuda.refusal,
    parts=cuda.forward_parts,
    states="forward_states",
)


def _jvp(
    primals: Sequence[Any], tangents: Sequence[Any], *, plan: Plan, dtype: np.dtype, engine: str
) -> tuple[Any, Any]:
    start = basis.basis_row(plan.num_qubits, 0, dtype, engine)
    if not plan.is_unitary:
        run = partial(apply_parts, start, plan=plan, engine=engine)
        return jax.jvp(run, tuple(primals), tuple(tangents))
    (numbers,), (change,) = primals, tangents
    out = from_zero(numbers, plan, dtype, engine)
    unchanged = jnp.zeros_like(start)
    return out, tangent_p.bind(start, out, numbers, unchanged, change, plan=plan, engine=engine)


def _batch(operands: Sequence[Any], axes: Sequence[Any], **params: Any) -> tuple[Any, int]:
    (numbers,), size, batch = stacked(operands, axes)
    out = from_zero_p.bind(folded(numbers, size, batch), **params)
    return out.reshape(size, batch, -1), 0


ad.primitive_jvps[from_zero_p] = _jvp
batching.primitive_batchers[from_zero_p] = _batch
