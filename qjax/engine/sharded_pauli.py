r"""Pauli strings on states over many devices.

A Pauli string P = P_device P_local flips some bits X of the device's index and reads others, Z, so

    (P psi)_r = (-i)^y (-1)^parity(r & Z) P_local psi_(r ^ X)

with psi_r the amplitudes on device r and y = |X & Z|. Strings with the same X take the amplitudes
of one other device; those with X = 0 take none. As on one device, expectation values have
primitives of their own, here of a device's share:

    expectations(psi)[t]     = Re <psi_r|(P_t psi)_r>, to be summed over r
    slopes(psi, d psi)[t]    = 2 Re <d psi_r|(P_t psi)_r>           (its JVP, in that sum)
    gradient(psi, g)[j]      = 2 conj(sum_t g[t] (P_t psi)_r[j])    (the transpose of that)

The amplitudes of other devices are held for one X at a time, and are sent again for the gradient.
"""

from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir
from jax.sharding import PartitionSpec

from qjax.engine.mesh import state_spec
from qjax.engine.moves import device_index, partner
from qjax.engine.pauli import batch_rule, combination_p, expectations_p, overlaps_p
from qjax.engine.rows import batch_of, summed_like
from qjax.engine.select import real_dtype
from qjax.engine.sharded import Layout, sharded
from qjax.plan.terms import Terms, compile_terms


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


def _weights(group: _Group, device: jax.Array, dtype: Any) -> jax.Array:
    """(-i)^y (-1)^parity(r & Z) of each string on this device, complex, shape (T,)."""
    signs = 1 - 2 * (lax.population_count(device & group.reads) & 1)
    return signs.astype(dtype) * jnp.asarray(group.phases, dtype)


def _in_order(found: list[jax.Array], groups: tuple[_Group, ...]) -> jax.Array:
    """Columns of all groups, as the terms are ordered."""
    order = np.argsort(np.concatenate([group.index for group in groups]))
    return jnp.concatenate(found, axis=1)[:, order]


# --- definitions ----------------------------------------------------------------------------------


def _products(a: Any, b: Any, terms: Terms, layout: Layout, engine: str) -> Any:
    """Re <a_r|(P_t b)_r>: (B, 2**m), (B, 2**m) -> real (B, T).

    The conjugate is taken of what comes from the other device: <a|P|b> is that of
    sum_j a[j] (P^* b^*)[j], where P^* is -P if it has an odd number of letters Y.
    """
    device = device_index(layout.num_global)
    groups = _groups(terms, layout.places, layout.num_local)
    found, after = [], jnp.zeros((), a.real.dtype)
    for group in groups:
        weights = _weights(group, device, a.dtype)
        if group.flip or a is not b:
            other = jnp.conj(partner(b, group.flip, layout.num_global, after))
            own = jnp.conj(overlaps_p.bind(a, other, terms=group.terms, engine=engine))
            own = own * jnp.asarray(group.terms.signs, own.dtype)
            found.append((own * weights).real)
        else:
            own = expectations_p.bind(a, terms=group.terms, engine=engine)
            found.append(own * weights.real)
        after = found[-1][0, 0]
    return _in_order(found, groups)


def _expectations(state: Any, *, terms: Terms, layout: Layout, engine: str) -> Any:
    return _products(state, state, terms, layout, engine)


def _slopes(state: Any, change: Any, *, terms: Terms, layout: Layout, engine: str) -> Any:
    return 2 * _products(change, state, terms, layout, engine)


def _gradient(state: Any, numbers: Any, *, terms: Terms, layout: Layout, engine: str) -> Any:
    numbers = lax.complex(numbers, jnp.zeros_like(numbers))
    return 2 * jnp.conj(pauli_sum(state, numbers, terms, engine, layout))


def pauli_sum(
    state: jax.Array, numbers: jax.Array, terms: Terms, engine: str, layout: Layout
) -> jax.Array:
    """sum_t w_t (P_t psi)_r on a device: (B, 2**m), complex (B or 1, T) -> (B, 2**m)."""
    device = device_index(layout.num_global)
    total, after = None, jnp.zeros((), state.real.dtype)
    for group in _groups(terms, layout.places, layout.num_local):
        other = partner(state, group.flip, layout.num_global, after)
        used = numbers[:, group.index] * _weights(group, device, state.dtype)
        new = combination_p.bind(other, used, terms=group.terms, engine=engine)
        total = new if total is None else total + new
        after = total[0, 0].real
    return jnp.zeros_like(state) if total is None else total


# --- primitives -----------------------------------------------------------------------------------

sharded_expectations_p = Primitive("qjax_sharded_expectations")
sharded_slopes_p = Primitive("qjax_sharded_slopes")
sharded_gradient_p = Primitive("qjax_sharded_gradient")


@sharded_expectations_p.def_abstract_eval
def _expectations_shape(state: Any, *, terms: Terms, **_: Any) -> ShapedArray:
    return ShapedArray((state.shape[0], len(terms)), real_dtype(state.dtype))


@sharded_slopes_p.def_abstract_eval
def _slopes_shape(state: Any, change: Any, *, terms: Terms, **_: Any) -> ShapedArray:
    return ShapedArray((batch_of(state, change), len(terms)), real_dtype(state.dtype))


@sharded_gradient_p.def_abstract_eval
def _gradient_shape(state: Any, numbers: Any, **_: Any) -> ShapedArray:
    return ShapedArray((batch_of(state, numbers), state.shape[1]), state.dtype)


def _expectations_jvp(change: Any, state: Any, **params: Any) -> Any:
    # P is Hermitian, so d<psi|P|psi> = 2 Re <d psi|P|psi>.
    return sharded_slopes_p.bind(state, change, **params)


def _slopes_transpose(cotangent: Any, state: Any, change: Any, **params: Any) -> Any:
    if isinstance(cotangent, ad.Zero):
        return None, None
    turned = sharded_gradient_p.bind(state, cotangent, **params)
    return None, summed_like(turned, change)


def _definition_jvp(definition: Any) -> Any:
    """Derivatives of `slopes` and `gradient`: those of their definition."""

    def rule(primals: Any, tangents: Any, **params: Any) -> Any:
        run = partial(definition, **params)
        return jax.jvp(run, tuple(primals), tuple(map(ad.instantiate_zeros, tangents)))

    return rule


ad.defjvp(sharded_expectations_p, _expectations_jvp)
ad.primitive_jvps[sharded_slopes_p] = _definition_jvp(_slopes)
ad.primitive_jvps[sharded_gradient_p] = _definition_jvp(_gradient)
ad.primitive_transposes[sharded_slopes_p] = _slopes_transpose
for _primitive, _definition in (
    (sharded_expectations_p, _expectations),
    (sharded_slopes_p, _slopes),
    (sharded_gradient_p, _gradient),
):
    mlir.register_lowering(_primitive, mlir.lower_fun(_definition, multiple_results=False))
    batching.primitive_batchers[_primitive] = batch_rule(_primitive)


@partial(jax.jit, static_argnums=(1, 2, 3))
def pauli_expectations(states: jax.Array, terms: Terms, engine: str, layout: Layout) -> jax.Array:
    """<psi|P_t|psi> of every term: (B, 2**n) -> real (B, T)."""

    def run(state: jax.Array) -> jax.Array:
        return layout.summed(
            sharded_expectations_p.bind(state, terms=terms, layout=layout, engine=engine)
        )

    if not len(terms):
        return jnp.zeros((states.shape[0], 0), states.real.dtype)
    spec = state_spec(layout.mesh, states.shape[0])
    return sharded(run, layout.mesh, spec, PartitionSpec(spec[0], None))(states)
