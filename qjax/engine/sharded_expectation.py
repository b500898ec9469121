r"""Expectation values of states over many devices.

A Pauli string P = P_device P_local flips some bits X of the device's index and reads others, Z, so

    <psi|P|psi> = sum_r (-i)^y (-1)^parity(r & Z) <psi_r|P_local|psi_(r ^ X)>

with psi_r the amplitudes on device r and y = |X & Z|. Strings with the same X take the amplitudes
of one other device, by one `lax.ppermute`; those with X = 0 take none.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.sharding import PartitionSpec

from qjax.engine.mesh import QUBITS, state_spec
from qjax.engine.operators import Operator, apply_observable, inner, real_coefficients
from qjax.engine.pauli import apply_pauli_sum, expectations_p, overlaps_p
from qjax.engine.sampling import transposed
from qjax.engine.sharded import Layout, device_index, exchanged, sharded
from qjax.errors import EngineError
from qjax.observables import Diagonal, PauliSum, Projector
from qjax.plan.terms import Terms, compile_terms

# --- Pauli strings --------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Group:
    """Strings that flip the same device bits.

    Attributes:
        flip: X, the device bits that they flip.
        terms: Their local parts.
        index: Which of all strings each is.
        reads: Z of each, int32.
        phases: (-i)^y of each.
    """

    flip: int
    terms: Terms
    index: np.ndarray
    reads: np.ndarray
    phases: np.ndarray


@lru_cache(maxsize=512)
def _groups(terms: Terms, places: tuple[int, ...], num_local: int) -> tuple[_Group, ...]:
    def placed(mask: int) -> int:
        return sum(1 << p for q, p in enumerate(places) if mask >> q & 1)

    low = (1 << num_local) - 1
    x = [placed(mask) for mask in terms.x_masks]
    z = [placed(mask) for mask in terms.z_masks]
    members: dict[int, list[int]] = {}
    for t, mask in enumerate(x):
        members.setdefault(mask >> num_local, []).append(t)
    found = []
    for flip, own in sorted(members.items()):
        local = compile_terms(
            num_local, tuple(x[t] & low for t in own), tuple(z[t] & low for t in own)
        )
        reads = np.array([z[t] >> num_local for t in own], np.int32)
        phases = np.array([1, -1j, -1, 1j])[np.bitwise_count(reads & flip) & 3]
        found.append(_Group(flip, local, np.array(own), reads, phases))
    return tuple(found)


def _partner(state: jax.Array, flip: int, num_global: int) -> jax.Array:
    """The amplitudes of the device whose index differs in the bits `flip`."""
    if not flip:
        return state
    return lax.ppermute(state, QUBITS, [(r, r ^ flip) for r in range(2**num_global)])


def _weights(group: _Group, device: jax.Array, dtype: Any) -> jax.Array:
    """(-i)^y (-1)^parity(r & Z) of each string on this device, complex, shape (T,)."""
    signs = 1 - 2 * (lax.population_count(device & group.reads) & 1)
    return signs.astype(dtype) * jnp.asarray(group.phases, dtype)


def _products(a: jax.Array, b: jax.Array, group: _Group, layout: Layout, engine: str) -> jax.Array:
    """Re <a|P_t|b> of a group's strings, over all devices: real (B, T).

    The conjugate is taken of what comes from the other device: <a|P|b> is that of
    sum_j a[j] (P^* b^*)[j], where P^* is -P if it has an odd number of letters Y.
    """
    other = jnp.conj(_partner(b, group.flip, layout.num_global))
    found = jnp.conj(overlaps_p.bind(a, other, terms=group.terms, engine=engine))
    found = found * jnp.asarray(group.terms.signs, found.dtype)
    weights = _weights(group, device_index(layout.num_global), found.dtype)
    return layout.summed((found * weights).real)


@partial(jax.custom_jvp, nondiff_argnums=(1, 2, 3))
def _values(state: jax.Array, group: _Group, layout: Layout, engine: str) -> jax.Array:
    return _products(state, state, group, layout, engine)


@_values.defjvp
def _values_jvp(
    group: _Group, layout: Layout, engine: str, primals: Any, tangents: Any
) -> tuple[Any, Any]:
    # P is Hermitian, so d<psi|P|psi> = 2 Re <d psi|P|psi>.
    (state,), (change,) = primals, tangents
    values = _values(state, group, layout, engine)
    return values, 2 * _products(change, state, group, layout, engine)


@partial(jax.jit, static_argnums=(1, 2, 3))
def pauli_expectations(states: jax.Array, terms: Terms, engine: str, layout: Layout) -> jax.Array:
    """<psi|P_t|psi> of every term: (B, 2**n) -> real (B, T)."""
    groups = _groups(terms, layout.places, layout.num_local)

    def run(state: jax.Array) -> jax.Array:
        found = []
        for group in groups:
            if group.flip:
                # What came from another device is not kept for the derivative, but sent again.
                values = jax.checkpoint(partial(_values, group=group, layout=layout, engine=engine))
                found.append(values(state))
                # One group after the other, or there would be a state for each.
                state, found[-1] = lax.optimization_barrier((state, found[-1]))
            else:
                own = expectations_p.bind(state, terms=group.terms, engine=engine)
                weights = _weights(group, device_index(layout.num_global), state.dtype)
                found.append(layout.summed(own * weights.real))
        order = np.argsort(np.concatenate([group.index for group in groups]))
        return jnp.concatenate(found, axis=1)[:, order]

    if not len(terms):
        return jnp.zeros((states.shape[0], 0), states.real.dtype)
    spec = state_spec(layout.mesh, states.shape[0])
    return sharded(run, layout.mesh, spec, PartitionSpec(spec[0], None))(states)


def _pauli_sum(
    state: jax.Array, weights: jax.Array, terms: Terms, engine: str, layout: Layout
) -> jax.Array:
    """sum_t w_t P_t psi on a device: (B, 2**m), real (T,) -> (B, 2**m)."""
    total = jnp.zeros_like(state)
    for group in _groups(terms, layout.places, layout.num_local):
        own = _weights(group, device_index(layout.num_global), state.dtype)
        other = _partner(state, group.flip, layout.num_global)
        used = (weights[group.index].astype(state.dtype) * own)[None]
        total = total + apply_pauli_sum(other, used, group.terms, engine)
    return total


# --- other observables ----------------------------------------------------------------------------


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
        weights = real_coefficients(observable, states.real.dtype)
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
            new = _pauli_sum(state, numbers, kind, engine, layout)
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
