"""Expectation values and variances of states over many devices."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.sharding import PartitionSpec

from qjax.engine.mesh import state_spec
from qjax.engine.moves import device_index, exchanged
from qjax.engine.operators import Operator, apply_observable, inner, real_coefficients
from qjax.engine.sampling import transposed
from qjax.engine.sharded import Layout, sharded
from qjax.engine.sharded_pauli import pauli_sum
from qjax.errors import EngineError
from qjax.observables import Diagonal, PauliSum, Projector
from qjax.plan.terms import Terms, compile_terms


def moments(
    states: jax.Array,
    observable: PauliSum | Operator,
    engine: str,
    layout: Layout,
) -> tuple[jax.Array, jax.Array]:
    """Mean <O> and variance |(O - <O>) psi|^2 of one observable: (B, 2**n) -> real (B,), (B,)."""
    if isinstance(observable, PauliSum):
        masks = observable.x_masks.tolist(), observable.z_masks.tolist()
        terms = compile_terms(len(layout.places), *map(tuple, masks))
        weights = real_coefficients(observable, states.real.dtype)[None]
        weights = lax.complex(weights, jnp.zeros_like(weights))
        return _moments(states, weights, terms, engine, layout)
    (numbers,), static = observable.tree_flatten()
    return _moments(states, numbers, (type(observable), static), engine, layout)


@partial(jax.jit, static_argnums=(2, 3, 4))
def _moments(
    states: jax.Array, numbers: Any, kind: Any, engine: str, layout: Layout
) -> tuple[jax.Array, jax.Array]:
    """The moments of a Pauli sum, given its weights and terms, or of an operator, as a pytree."""

    def run(state: jax.Array, numbers: Any) -> tuple[jax.Array, jax.Array]:
        if isinstance(kind, Terms):
            new = pauli_sum(state, numbers, kind, engine, layout)
        else:
            own = kind[0].tree_unflatten(kind[1], (numbers,))
            state, new = _applied(state, own, engine, layout)
        mean = layout.summed(inner(state, new))
        rest = new - lax.complex(mean, jnp.zeros_like(mean))[:, None] * state
        return mean, layout.summed(inner(rest, rest))

    spec = state_spec(layout.mesh, states.shape[0])
    out = PartitionSpec(spec[0])
    return sharded(run, layout.mesh, (spec, PartitionSpec()), (out, out))(states, numbers)


def _applied(
    state: jax.Array, observable: Operator, engine: str, layout: Layout
) -> tuple[jax.Array, jax.Array]:
    """A state and O psi on a device, both in a layout where the qubits of O are local.

    What is diagonal needs no such layout.
    """
    near, far = layout.split(observable.qubits)
    device = device_index(layout.num_global)
    if isinstance(observable, Projector) and observable.index is not None:
        bits = [observable.index >> k & 1 for k in range(len(observable.qubits))]
        here = jnp.ones((), bool)
        for k, b in far:
            here &= (device >> b & 1) == bits[k]
        index = sum(bits[k] << i for i, (k, _) in enumerate(near))
        own = Projector.tree_unflatten((tuple(p for _, p in near), index), (None,))
        new = apply_observable(state, own, engine)
        return state, jnp.where(here, new, jnp.zeros_like(new))
    if isinstance(observable, Diagonal):
        order = tuple(k for k, _ in (*near, *far))
        values = transposed(jnp.asarray(observable.values)[None], order).reshape(-1, 2 ** len(near))
        entry = sum(
            ((device >> b & 1) << i for i, (_, b) in enumerate(far)), jnp.zeros_like(device)
        )
        own = Diagonal.tree_unflatten((tuple(p for _, p in near), None), (values[entry],))
        return state, apply_observable(state, own, engine)
    state, places = made_local(state, observable.qubits, layout)
    _, index = observable.tree_flatten()[1]
    where = tuple(places[q] for q in observable.qubits)
    own = type(observable).tree_unflatten((where, index), observable.tree_flatten()[0])
    return state, apply_observable(state, own, engine)


def made_local(
    state: jax.Array, qubits: Sequence[int], layout: Layout
) -> tuple[jax.Array, tuple[int, ...]]:
    """The amplitudes of a device after an exchange that makes some qubits local, and the places.

    Raises:
        EngineError: If they do not fit on a device.
    """
    m, places = layout.num_local, list(layout.places)
    _, far = layout.split(qubits)
    if not far:
        return state, layout.places
    if len(qubits) > m:
        raise EngineError(
            f"An observable must act on at most the {m} qubits that a device holds, but acts on "
            f"{len(qubits)}. Write it as a PauliSum, or use fewer devices."
        )
    bits = sorted(b for _, b in far)
    free = [q for q in range(len(places)) if places[q] < m and q not in qubits]
    leave = sorted(free, key=lambda q: places[q])[-len(bits) :]
    top = [places[q] for q in leave]
    order = (*(p for p in range(m) if p not in top), *top)
    state = exchanged(transposed(state, order), tuple(bits), layout.num_global)
    for q, p in enumerate(layout.places):
        if p < m:
            places[q] = order.index(p)
    for k, (q, b) in enumerate(zip(leave, bits, strict=True)):
        arrived = layout.places.index(m + b)
        places[q], places[arrived] = m + b, m - len(bits) + k
    return state, tuple(places)
