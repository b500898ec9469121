"""The mean of a weighted Pauli sum, its slope, and their derivatives, in every engine."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.test_util import check_grads
from strategies import random_state
from test_pauli_kernels import applied, states_of

import qjax as qj
from qjax.engine import cuda
from qjax.engine.energy import mean, mean_and_slope_p
from qjax.engine.pauli import pauli_expectations
from qjax.engine.select import real_dtype
from qjax.plan.terms import compile_terms

engines = pytest.mark.parametrize("engine", ["xla", "cpu", "cuda"])


def terms_on(n):
    """Z and X on every qubit, pairs, and strings with one and two Y, at both ends."""
    top = 1 << (n - 1)
    pairs = [(0, 1 << q) for q in range(n)] + [(1 << q, 0) for q in range(n)]
    pairs += [(0, 0), (3, 3), (1, 1), (top | 1, top), (top | 1, top | 1), (2**n - 1, 0)]
    x_masks, z_masks = zip(*sorted(set(pairs)), strict=True)
    return compile_terms(n, x_masks, z_masks)


@engines
@pytest.mark.parametrize(("n", "rows"), [(2, 3), (6, 1), (9, 3), (14, 1)])
def test_mean_and_slope_are_those_of_the_sum(n, rows, dtype, rng, engine, monkeypatch):
    monkeypatch.setattr(cuda, "_PAULI_BLOCKS", 3)
    terms = terms_on(n)
    states = states_of(rows, n, rng, dtype)
    weights = rng.normal(size=(1, len(terms))).astype(real_dtype(dtype))
    found, slope = mean_and_slope_p.bind(
        jnp.asarray(states), jnp.asarray(weights), terms=terms, engine=engine
    )
    alone = mean(jnp.asarray(states), jnp.asarray(weights), terms, engine)
    product = sum(
        w * applied(terms, t, states.astype(complex)) for t, w in enumerate(weights[0].tolist())
    )
    expected = np.sum(states.conj() * product, axis=1, keepdims=True).real
    bound = 16 * n * np.finfo(dtype).eps * np.sum(np.abs(weights))
    assert np.max(np.abs(np.asarray(found) - expected)) <= bound
    assert np.max(np.abs(np.asarray(alone) - expected)) <= bound
    assert np.max(np.abs(np.asarray(slope) - 2 * np.conj(product))) <= bound


@engines
@pytest.mark.parametrize("order", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_derivatives_of_all_orders_and_modes(order, engine, double, rng):
    terms = terms_on(3)
    weights = jnp.asarray(rng.normal(size=(1, len(terms))))
    parts = jnp.asarray(rng.normal(size=(2, 2, 8)))

    def energy(parts, weights):
        return mean(jax.lax.complex(parts[0], parts[1]), weights, terms, engine)

    check_grads(jax.jit(lambda p: energy(p, weights)), (parts,), order, modes=("fwd", "rev"))
    check_grads(jax.jit(energy), (parts, weights), order, modes=("fwd", "rev"))
    check_grads(jax.jit(lambda w: energy(parts, w)), (weights,), order, modes=("fwd", "rev"))


@engines
def test_gradients_of_batches(engine, double, rng):
    terms = terms_on(3)
    weights = jnp.asarray(rng.normal(size=(4, 1, len(terms))))
    states = jnp.asarray(np.stack([random_state(3, rng) for _ in range(4)]))[:, None]
    loss = lambda state, w: mean(state, w, terms, engine)[0, 0]
    each = jax.jit(jax.value_and_grad(loss))
    for axes in ((0, 0), (0, None), (None, 0)):
        given = [x if a == 0 else x[0] for x, a in zip((states, weights), axes, strict=True)]
        values, slopes = jax.jit(jax.vmap(jax.value_and_grad(loss), in_axes=axes))(*given)
        for k in range(4):
            value, slope = each(*(x[k] if a == 0 else x for x, a in zip(given, axes, strict=True)))
            assert abs(values[k] - value) < 1e-13
            assert np.max(np.abs(slopes[k] - slope)) < 1e-13


def test_a_gradient_by_angles_applies_the_sum_once():
    circuit = qj.Circuit(3).rx(qj.Parameter("a"), 0).cx(0, 1).ry(qj.Parameter("b"), 2)
    angles = jnp.array([0.3, 0.4])

    def energy(angles, weights):
        sums = qj.PauliSum({"Z0 Z1": weights[0], "X2": weights[1]})
        return qj.expectation(circuit, sums, angles)

    def primitives(by):
        traced = str(jax.make_jaxpr(jax.value_and_grad(energy, by))(angles, jnp.ones(2)))
        return {w: traced.count(f"{w}[") for w in ("qjax_mean_and_slope", "qjax_expectations")}

    assert primitives(0) == {"qjax_mean_and_slope": 1, "qjax_expectations": 0}
    # By weights the mean of every string is wanted.
    assert primitives((0, 1)) == {"qjax_mean_and_slope": 0, "qjax_expectations": 1}


@engines
def test_the_mean_of_strings_is_that_of_their_means(engine, double, rng):
    terms = terms_on(5)
    state = jnp.asarray(random_state(5, rng))[None]
    weights = jnp.asarray(rng.normal(size=(1, len(terms))))
    each = pauli_expectations(state, terms, engine)
    assert abs(mean(state, weights, terms, engine)[0, 0] - jnp.sum(each * weights)) < 1e-13
