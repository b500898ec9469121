"""One state over many devices: the parts of a sharded plan, and exchanges between them.

Every device holds the amplitudes whose index begins with its own. It runs the local parts of the
plan by the engine's own primitives; between two parts, one `lax.all_to_all` moves amplitudes. The
adjoint takes the parts and the same exchanges in reverse, so it needs three states per device,
whatever the number of parts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.interpreters import mlir
from jax.sharding import Mesh, PartitionSpec

from qjax.engine.basis import basis_row
from qjax.engine.local import local_parts
from qjax.engine.memory import require
from qjax.engine.mesh import BATCH, QUBITS, num_global, state_spec
from qjax.engine.moves import device_index, exchanged
from qjax.engine.primitive import adjoint_p, apply_p
from qjax.engine.rows import batch_of
from qjax.engine.rules import family
from qjax.errors import EngineError
from qjax.plan import Plan
from qjax.plan.exchange import ShardPlan, shard_plan


@dataclass(frozen=True)
class Layout:
    """Where the amplitudes of sharded states are.

    Attributes:
        mesh: The mesh.
        places: places[q] is the bit of an amplitude's index that qubit q has; the top ones are the
            bits of the device's index along the mesh's "qubits".
    """

    mesh: Mesh
    places: tuple[int, ...]

    @property
    def num_global(self) -> int:
        """How many qubits are in device places."""
        return num_global(self.mesh)

    @property
    def num_local(self) -> int:
        """How many qubits are on a device."""
        return len(self.places) - self.num_global

    def split(self, qubits: Sequence[int]) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        """(position, local bit) of the qubits on a device, (position, device bit) of the others."""
        placed = [(k, self.places[q]) for k, q in enumerate(qubits)]
        near = [(k, p) for k, p in placed if p < self.num_local]
        return near, [(k, p - self.num_local) for k, p in placed if p >= self.num_local]

    def summed(self, values: jax.Array) -> jax.Array:
        """The sum over the devices that share a state; asked for on each of them."""
        return lax.psum(values, QUBITS) if self.num_global else values


# --- inside a shard -------------------------------------------------------------------------------


def _apply(state: Any, numbers: Any, *, plan: ShardPlan, engine: str) -> Any:
    rows, local = batch_of(state, numbers), local_parts(plan)
    own = local.on(device_index(plan.num_global), numbers)
    for part in local.parts:
        state = exchanged(state, part.bits, plan.num_global)
        if part.plan.ops:
            state = apply_p.bind(state, own[:, part.numbers], plan=part.plan, engine=engine)
    return jnp.broadcast_to(state, (rows, state.shape[1]))


def _tangent(
    state: Any,
    out: Any,
    numbers: Any,
    d_state: Any,
    d_numbers: Any,
    *,
    plan: ShardPlan,
    engine: str,
) -> Any:
    rows = batch_of(state, out, numbers, d_state, d_numbers)
    primals = [jnp.broadcast_to(x, (rows, x.shape[1])) for x in (state, numbers)]
    changes = [jnp.broadcast_to(x, (rows, x.shape[1])) for x in (d_state, d_numbers)]
    return jax.jvp(partial(_apply, plan=plan, engine=engine), primals, changes)[1]


def _adjoint(out: Any, cotangent: Any, numbers: Any, *, plan: ShardPlan, engine: str) -> Any:
    rows, local = batch_of(out, cotangent, numbers), local_parts(plan)
    out, cotangent = (jnp.broadcast_to(x, (rows, x.shape[1])) for x in (out, cotangent))
    own, pull = jax.vjp(partial(local.on, device_index(plan.num_global)), numbers)
    by_part = [jnp.zeros_like(own[:, :0])]
    for part in reversed(local.parts):
        if part.plan.ops:
            cotangent, by_own, out = adjoint_p.bind(
                out, cotangent, own[:, part.numbers], plan=part.plan, engine=engine
            )
            by_part.insert(0, by_own)
        cotangent = exchanged(cotangent, part.bits, plan.num_global)
        out = exchanged(out, part.bits, plan.num_global)
    return cotangent, pull(jnp.concatenate(by_part, axis=1))[0], out


sharded_apply_p, sharded_tangent_p, sharded_adjoint_p = family("qjax_sharded", _tangent, _adjoint)
mlir.register_lowering(sharded_apply_p, mlir.lower_fun(_apply, multiple_results=False))
mlir.register_lowering(sharded_tangent_p, mlir.lower_fun(_tangent, multiple_results=False))
mlir.register_lowering(sharded_adjoint_p, mlir.lower_fun(_adjoint, multiple_results=True))


# --- from outside ---------------------------------------------------------------------------------


def sharded(run: Any, mesh: Mesh, in_specs: Any, out_specs: Any) -> Any:
    """`run` on every device, on its part of the operands."""
    return jax.shard_map(run, mesh=mesh, in_specs=in_specs, out_specs=out_specs, check_vma=False)


def numbers_spec(mesh: Mesh, rows: int) -> PartitionSpec:
    """How numbers of shape (rows, V) are divided: rows as those of states, else on all devices."""
    return PartitionSpec(state_spec(mesh, rows)[0], None)


def sharded_states(
    plan: Plan,
    start: jax.Array | int,
    numbers: jax.Array,
    mesh: Mesh,
    dtype: np.dtype,
    engine: str,
    *,
    restore: bool = True,
) -> tuple[jax.Array, Layout]:
    """The states after a plan, each over the devices of a mesh.

    Args:
        plan: The plan.
        start: Initial states, (S, 2**n) with S rows or one row, or the index of a basis state.
        numbers: Its numbers, (R, V) with R rows or one row.
        mesh: A mesh that was checked.
        dtype: Of the amplitudes.
        engine: "auto", or the name of an engine; it runs on every device.
        restore: Whether the amplitudes are wanted in natural order.

    Returns:
        ((B, 2**n), where the amplitudes are). Rows are divided over "batch", amplitudes over
        "qubits".
    """
    if not plan.is_unitary:
        raise EngineError("A mesh takes circuits of unitary gates; this has another. Leave it out.")
    rows = numbers.shape[0] if isinstance(start, int) else batch_of(start, numbers)
    _require_memory(mesh, rows, plan.num_qubits, np.dtype(dtype))
    free = isinstance(start, int)
    cut = shard_plan(plan, num_global(mesh), restore=restore, free_start=free)
    layout = Layout(mesh, tuple(range(plan.num_qubits)) if restore else cut.final)
    if isinstance(start, int):
        place = sum((start >> q & 1) << p for q, p in enumerate(cut.start))
        return _from_basis(numbers, cut, place, mesh, np.dtype(dtype), engine), layout
    return _from_states(start, numbers, cut, mesh, engine), layout


def _require_memory(mesh: Mesh, rows: int, num_qubits: int, dtype: np.dtype) -> None:
    """Refuse states that do not fit in a CPU's memory, which its devices share.

    The memory of a device of its own is asked about by the primitives that run there.
    """
    own = [d for d in mesh.devices.flat if d.process_index == jax.process_index()]
    if own and own[0].platform == "cpu":
        groups = mesh.shape.get(BATCH, 1)
        per_device = rows // groups if rows % groups == 0 else rows
        shape = len(own) * per_device, 2 ** (num_qubits - num_global(mesh))
        require(1, shape, dtype.itemsize, "cpu")


@partial(jax.jit, static_argnums=(1, 2, 3, 4, 5), inline=True)
def _from_basis(
    numbers: jax.Array, plan: ShardPlan, place: int, mesh: Mesh, dtype: np.dtype, engine: str
) -> jax.Array:
    rows = numbers.shape[0]

    def run(numbers: jax.Array) -> jax.Array:
        device, own = divmod(place, 2**plan.num_local)
        state = basis_row(plan.num_local, own, dtype, engine)
        if plan.num_global:
            here = device_index(plan.num_global) == device
            amplitude = here.astype(dtype).reshape(1, 1)
            state = lax.dynamic_update_slice(
                state, amplitude, [0, own], allow_negative_indices=False
            )
        return sharded_apply_p.bind(state, numbers, plan=plan, engine=engine)

    return sharded(run, mesh, numbers_spec(mesh, rows), state_spec(mesh, rows))(numbers)


@partial(jax.jit, static_argnums=(2, 3, 4), inline=True)
def _from_states(
    start: jax.Array, numbers: jax.Array, plan: ShardPlan, mesh: Mesh, engine: str
) -> jax.Array:
    rows = batch_of(start, numbers)
    run = partial(sharded_apply_p.bind, plan=plan, engine=engine)
    specs = state_spec(mesh, start.shape[0]), numbers_spec(mesh, numbers.shape[0])
    return sharded(run, mesh, specs, state_spec(mesh, rows))(start, numbers)
