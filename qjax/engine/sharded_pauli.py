r"""Pauli strings on states over many devices.

A Pauli string P = P_device P_local flips some bits X of the device's index and reads others, Z, so

    (P psi)_r = (-i)^y (-1)^parity(r & Z) P_local psi_(r ^ X)

with psi_r the amplitudes on device r and y = |X & Z|. Strings with the same X take the amplitudes
of one other device, or share an exchange of qubits with others; those with X = 0 take none. As on
one device, expectation values have primitives of their own, here of a device's share:

    expectations(psi)[t]     = Re <psi_r|(P_t psi)_r>, to be summed over r
    slopes(psi, d psi)[t]    = 2 Re <d psi_r|(P_t psi)_r>           (its JVP, in that sum)
    gradient(psi, g)[j]      = 2 conj(sum_t g[t] (P_t psi)_r[j])    (the transpose of that)

Amplitudes of other devices are held for one group at a time, and sent again for the gradient.
"""

import operator
from dataclasses import dataclass
from functools import lru_cache, partial, reduce
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
from qjax.engine.moves import device_index, exchanged, partner, swapped
from qjax.engine.pauli import batch_rule, combination_p, expectations_p, overlaps_p
from qjax.engine.rows import batch_of, summed_like
from qjax.engine.select import real_dtype
from qjax.engine.sharded import Layout, sharded
from qjax.plan.terms import Terms, compile_terms


@dataclass(frozen=True, eq=False)
class _Group:
    """Strings that need the same amplitudes of other devices.

    Attributes:
        flip: X, the device bits that they flip.
        bits: Or device bits that change places with local ones before, and back after.
        low: The lowest of those local bits.
        terms: Their local parts.
        index: Which of all strings each is.
        reads: Z of each, int32.
        phases: (-i)^y of each.
    """

    flip: int
    bits: tuple[int, ...]
    low: int
    terms: Terms
    index: np.ndarray
    reads: np.ndarray
    phases: np.ndarray

    def brought(self, state: jax.Array, num_global: int, after: jax.Array) -> jax.Array:
        """The amplitudes on which the local parts act; sent when `after` is known."""
        if self.flip:
            return partner(state, self.flip, num_global, after)
        return swapped(state, self.bits, self.low, num_global, after)

    def taken_back(self, state: jax.Array, num_global: int) -> jax.Array:
        """What the local parts made, where it belongs."""
        return exchanged(state, self.bits, num_global, self.low)


@lru_cache(maxsize=512)
def _groups(terms: Terms, places: tuple[int, ...], num_local: int) -> tuple[_Group, ...]:
    """The terms in groups of few moves.

    Strings that flip device bits take the amplitudes of a partner, one for each X; or several X
    share one exchange with local bits that none of these strings flips.
    """

    def placed(mask: int) -> int:
        return sum(1 << p for q, p in enumerate(places) if mask >> q & 1)

    x, z = ([placed(mask) for mask in masks] for masks in (terms.x_masks, terms.z_masks))
    left: dict[int, list[int]] = {}
    for t, mask in enumerate(x):
        left.setdefault(mask >> num_local, []).append(t)
    found = [_group(x, z, own, num_local) for own in [left.pop(0, [])] if own]
    width = len(places) - num_local
    for low in range(num_local - width, -1, -width) if width else ():
        block = (1 << width) - 1 << low
        free = {flip: [t for t in own if not x[t] & block] for flip, own in left.items()}
        whole = [flip for flip, own in left.items() if len(free[flip]) == len(own)]
        if len(whole) > 1:  # as many partners less, for one exchange
            own = [t for flip in whole for t in left.pop(flip)]
            found.append(_group(x, z, own, num_local, low))
    return (*found, *(_group(x, z, own, num_local) for own in left.values()))


def _group(
    x: list[int], z: list[int], own: list[int], num_local: int, low: int | None = None
) -> _Group:
    bits: tuple[int, ...] = ()
    if low is not None:
        flips = reduce(operator.or_, (x[t] >> num_local for t in own))
        bits = tuple(b for b in range(flips.bit_length()) if flips >> b & 1)

    def moved(mask: int) -> int:
        for k, b in enumerate(bits):
            near, far = (low or 0) + k, num_local + b
            if (mask >> near ^ mask >> far) & 1:
                mask ^= 1 << near | 1 << far
        return mask

    xs, zs = ([moved(masks[t]) for t in own] for masks in (x, z))
    here = (1 << num_local) - 1
    terms = compile_terms(num_local, tuple(m & here for m in xs), tuple(m & here for m in zs))
    flip = xs[0] >> num_local
    reads = np.array([m >> num_local for m in zs], np.int32)
    phases = np.array([1, -1j, -1, 1j])[np.bitwise_count(reads & flip) & 3]
    return _Group(flip, bits, low or 0, terms, np.array(own), reads, phases)


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
        other = group.brought(b, layout.num_global, after)
        if a is b and not group.flip:
            own = expectations_p.bind(other, terms=group.terms, engine=engine)
            found.append(own * weights.real)
        else:
            mine = swapped(a, group.bits, group.low, layout.num_global, other[0, 0].real)
            own = overlaps_p.bind(mine, jnp.conj(other), terms=group.terms, engine=engine)
            own = jnp.conj(own) * jnp.asarray(group.terms.signs, own.dtype)
            found.append((own * weights).real)
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
        other = group.brought(state, layout.num_global, after)
        used = numbers[:, group.index] * _weights(group, device, state.dtype)
        new = combination_p.bind(other, used, terms=group.terms, engine=engine)
        new = group.taken_back(new, layout.num_global)
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
