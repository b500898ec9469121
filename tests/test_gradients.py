"""Metrics, natural gradients, shots and trainability, against linear algebra and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest
from scipy.linalg import expm
from strategies import random_template

import qjax as qj
from qjax import gradients
from qjax.gradients import (
    classical_fisher,
    entangling_capability,
    expressibility,
    gradient_variance,
    metric_product,
    metric_tensor,
    shot_expectation,
)
from qjax.optimize import quantum_natural_gradient

SHIFTED = ("parameter-shift", "finite-difference")


def dense_slopes(circuit, params, step=1e-6):
    """The state and its derivatives, by central differences of the oracle's state."""
    state = lambda p: oracle.statevector(circuit.bind(p))
    moves = step * np.eye(len(params))
    slopes = [(state(params + e) - state(params - e)) / (2 * step) for e in moves]
    return state(params), np.array(slopes)


def dense_metric(circuit, params):
    psi, slopes = dense_slopes(circuit, params)
    rest = slopes - np.outer(slopes @ psi.conj(), psi)
    return np.real(rest.conj() @ rest.T)


def layered(n, layers):
    theta = qj.ParameterVector("theta", (layers, n))
    circuit = qj.Circuit(n)
    for layer in range(layers):
        for q in range(n):
            (circuit.ry if layer % 2 else circuit.rx)(theta[layer, q], q)
        for q in range(n - 1):
            circuit.cx(q, q + 1)
    return circuit


# --- metrics ------------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", [pytest.param("xla", marks=pytest.mark.slow), "cpu"])
def test_the_metric_is_that_of_linear_algebra(engine, double, rng, monkeypatch):
    circuit = random_template(4, 20, 5, rng)
    params = rng.normal(size=5)
    expected = dense_metric(circuit, params)
    options = {"dtype": double, "engine": engine}
    assert np.max(np.abs(metric_tensor(circuit, params, **options) - expected)) < 1e-8
    diagonal = metric_tensor(circuit, params, approximation="diagonal", **options)
    assert np.max(np.abs(diagonal - np.diag(np.diagonal(expected)))) < 1e-8
    vector = rng.normal(size=5)
    product = jax.jit(lambda p, v: metric_product(circuit, p, v, **options))(params, vector)
    assert np.max(np.abs(product - expected @ vector)) < 1e-7
    monkeypatch.setattr(gradients.metric, "_MOST_STORED", 0)  # one derivative at a time
    assert np.max(np.abs(metric_tensor(circuit, params, **options) - expected)) < 1e-8


def test_the_metric_of_named_params_follows_their_order(double, rng):
    a, b = qj.ParameterVector("b", 2), qj.Parameter("a")
    circuit = qj.Circuit(2).ry(a[0], 0).rx(b, 1).cx(0, 1).rz(a[1], 1).ry(0.3, 1)
    flat = rng.normal(size=3)  # b[0], b[1], a
    whole = metric_tensor(circuit, jnp.asarray(flat), dtype=double)
    named = {"a": jnp.asarray(flat[2]), "b": jnp.asarray(flat[:2])}  # raveled: a, b[0], b[1]
    found = metric_tensor(circuit, named, dtype=double)
    order = np.array([2, 0, 1])
    assert np.allclose(found, np.asarray(whole)[np.ix_(order, order)], atol=1e-13)
    blocks = metric_tensor(circuit, named, approximation="block-diagonal", dtype=double)
    same = np.array([[1, 1, 0], [1, 1, 0], [0, 0, 1]], bool)  # rz meets the qubit of rx
    assert np.allclose(blocks, np.where(same, found, 0), atol=1e-14)


def test_layers_are_blocks(double, rng):
    circuit = layered(3, 2)
    params = rng.normal(size=6)
    found = metric_tensor(circuit, params, approximation="block-diagonal", dtype=double)
    expected = dense_metric(circuit, params)
    assert np.max(np.abs(found[:3, :3] - expected[:3, :3])) < 1e-8
    assert np.max(np.abs(found[3:, 3:] - expected[3:, 3:])) < 1e-8
    assert not np.any(found[:3, 3:])


def test_classical_fisher_information(double, rng):
    circuit = random_template(3, 15, 4, rng)
    params = rng.normal(size=4)
    psi, slopes = dense_slopes(circuit, params)
    chances, changes = np.abs(psi) ** 2, 2 * np.real(psi.conj() * slopes)
    expected = (changes / chances) @ changes.T
    found = classical_fisher(circuit, params, dtype=double)
    assert np.max(np.abs(found - expected)) < 1e-6
    # No measurement tells more than the quantum Fisher information.
    rest = 4 * metric_tensor(circuit, params, dtype=double) - found
    assert np.linalg.eigvalsh(rest)[0] > -1e-9


@pytest.mark.parametrize("solver", ["dense", "conjugate-gradient"])
def test_natural_gradient_steps(solver, double, rng):
    circuit = random_template(3, 15, 4, rng)
    params, gradient = rng.normal(size=4), rng.normal(size=4)
    natural = quantum_natural_gradient(circuit, damping=0.1, solver=solver, dtype=double)
    step, _ = jax.jit(natural.update)(gradient, natural.init(params), params)
    expected = np.linalg.solve(dense_metric(circuit, params) + 0.1 * np.eye(4), gradient)
    assert np.max(np.abs(step - expected)) < (1e-7 if solver == "dense" else 1e-3)


def test_natural_gradients_find_a_ground_state_sooner():
    circuit = layered(4, 3)
    chain = {f"Z{q} Z{q + 1}": -1.0 for q in range(3)} | {f"X{q}": -1.0 for q in range(4)}
    energy = qj.PauliSum(chain)
    loss = lambda p: qj.expectation(circuit, energy, p)
    start = jnp.asarray(np.random.default_rng(3).normal(size=(3, 4)) * 0.3, jnp.float32)
    params = {"theta": start}
    plain = qj.fit(loss, params, optax.sgd(0.05), steps=60, progress=False)
    natural = optax.chain(quantum_natural_gradient(circuit, damping=1e-2), optax.sgd(0.05))
    faster = qj.fit(loss, params, natural, steps=60, progress=False)
    assert loss(faster.params) < loss(plain.params) - 0.05


# --- evolution ----------------------------------------------------------------------------------


def full_ansatz():
    """Two qubits, any state: the evolution can be followed exactly."""
    theta = qj.ParameterVector("theta", 12)
    circuit = qj.Circuit(2)
    for layer in range(2):
        for q in range(2):
            a = theta[6 * layer + 3 * q : 6 * layer + 3 * q + 3]
            circuit.rz(a[0], q).ry(a[1], q).rz(a[2], q)
        if layer == 0:
            circuit.cx(0, 1)
    return circuit


@pytest.mark.parametrize("imaginary", [False, True])
def test_evolution_follows_the_exact_one(imaginary, double):
    circuit, terms = full_ansatz(), {"Z0 Z1": 1.0, "X0": 0.7, "X1": 0.4, "Y0 X1": 0.3}
    start = np.random.default_rng(5).normal(size=12)
    found = gradients.variational_evolution(
        circuit, qj.PauliSum(terms), start, time=0.5, steps=50, imaginary=imaginary,
        damping=1e-9, dtype=double,
    )  # fmt: skip
    matrix = oracle.operator(terms, 2)
    before = oracle.statevector(circuit.bind(start))
    after = expm((-1 if imaginary else -1j) * 0.5 * matrix) @ before
    after = after / np.linalg.norm(after)
    reached = oracle.statevector(circuit.bind(np.asarray(found.params[-1])))
    assert 1 - abs(np.vdot(after, reached)) ** 2 < 1e-5
    assert found.params.shape == (51, 12) and found.times[-1] == 0.5
    energy = np.vdot(reached, matrix @ reached).real
    assert abs(found.energies[-1] - energy) < 1e-10
    if not imaginary:
        assert np.max(np.abs(found.energies - found.energies[0])) < 1e-3
    else:
        assert np.all(np.diff(found.energies) < 1e-9)


def test_evolution_tells_what_it_cannot_follow(double):
    stuck = qj.Circuit(1).rz(qj.Parameter("t"), 0)  # |0> stays, but for its phase
    found = gradients.variational_evolution(
        stuck, "X0", jnp.zeros(1), time=0.1, steps=2, dtype=double
    )
    assert np.allclose(found.errors, 1.0)  # |X psi|


# --- shots --------------------------------------------------------------------------------------

ENERGY = "Z0 + 0.5 X1 Y2 - 0.25 Y0 + 0.7"


@pytest.mark.parametrize("diff", gradients.DIFFS)
def test_derivatives_without_shots_are_the_adjoints(diff, double, rng):
    circuit = random_template(3, 15, 4, rng)
    params = rng.normal(size=4)

    def value(p):
        return shot_expectation(
            circuit, ENERGY, p, diff=diff, dtype=double, directions=4000, key=jax.random.key(0)
        ).value

    exact = lambda p: qj.expectation(circuit, ENERGY, p, dtype=double)
    assert abs(value(params) - exact(params)) < 1e-12
    found, expected = jax.jit(jax.grad(value))(params), jax.grad(exact)(params)
    # SPSA sees the other parameters' slopes as noise.
    noise = 5 * np.linalg.norm(expected) / np.sqrt(4000)
    bound = {"adjoint": 1e-12, "parameter-shift": 1e-11, "finite-difference": 1e-8, "spsa": noise}
    assert np.max(np.abs(found - expected)) < bound[diff]
    if diff in SHIFTED:
        rows = jnp.stack([params, 2 * params])
        assert np.allclose(jax.jit(jax.vmap(jax.grad(value)))(rows)[0], found, atol=1e-8)
        hessian = jax.jit(jax.hessian(value))(params)
        bound = 1e-10 if diff == "parameter-shift" else 1e-3
        assert np.max(np.abs(hessian - jax.jit(jax.hessian(exact))(params))) < bound


@pytest.mark.parametrize("diff", ["parameter-shift", "finite-difference", "spsa"])
def test_values_and_gradients_from_shots_are_unbiased(diff, rng):
    circuit = random_template(3, 10, 3, rng)
    params = jnp.asarray(rng.normal(size=3), jnp.float32)

    def run(p, key):
        return shot_expectation(
            circuit, ENERGY, p, shots=100, key=key, diff=diff, step=0.05, directions=4
        ).value

    keys = jax.random.split(jax.random.key(1), 600)
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(run), (None, 0)))(params, keys)
    exact = lambda p: qj.expectation(circuit, ENERGY, p)
    for found, expected in ((values, exact(params)), (slopes, jax.grad(exact)(params))):
        error = np.std(found, axis=0) / np.sqrt(len(keys) - 1)
        assert np.all(np.abs(np.mean(found, axis=0) - expected) < 4.5 * error + 2e-3)
        assert np.all(error > 0)


def test_standard_errors_of_shots(rng):
    circuit = random_template(3, 10, 3, rng)
    params = jnp.asarray(rng.normal(size=3), jnp.float32)
    run = lambda key: shot_expectation(circuit, ENERGY, params, shots=1000, key=key)
    found = jax.jit(jax.vmap(run))(jax.random.split(jax.random.key(0), 500))
    spread = np.std(found.value)
    assert abs(np.sqrt(np.mean(found.standard_error**2)) / spread - 1) < 5 / np.sqrt(2 * 500)


@pytest.mark.slow
def test_draws_are_independent():
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
    run = lambda t: shot_expectation(circuit, "Z0", t, shots=10**6, key=jax.random.key(0)).value
    angles = jnp.linspace(1.0, 1.001, 50)
    rest = jax.vmap(run)(angles) - jnp.cos(angles)
    # Deviations of neighbours would agree if they shared their draws.
    assert abs(np.corrcoef(rest[1:], rest[:-1])[0, 1]) < 0.6
    slopes = jax.vmap(jax.grad(run))(angles)
    assert len(set(np.asarray(slopes).tolist())) > 40


def test_a_twin_with_noise_is_measured(double):
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
    model = qj.NoiseModel().add("depolarizing", 0.2)
    run = lambda t: (
        shot_expectation(circuit, "Z0", t, noise=model, diff="parameter-shift", dtype=double).value
    )
    assert abs(jax.grad(run)(0.5) + 0.8 * np.sin(0.5)) < 1e-12


def test_shots_are_shared_out_by_weight():
    from qjax.shots.draws import allocated

    coefficients, means = jnp.array([3.0, -1.0, 5.0]), jnp.array([0.6, 0.0, 1.0])
    share = lambda how, shots=100: allocated(
        means, coefficients, shots, how, np.array([True, True, False])
    ).tolist()
    assert share("weight") in ([74, 26, 0], [75, 25, 0])  # one each, and 98 by 3 to 1
    assert share("variance") in ([70, 30, 0], [71, 29, 0])  # 98 by 2.4 to 1
    assert share("uniform") == [50, 50, 0]
    assert share("weight", 2) == [1, 1, 0]
    assert share("weight", 2**30)[0] + share("weight", 2**30)[1] == 2**30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"shots": 10}, "shots need a key"),
        ({"shots": 10, "key": 0, "diff": "adjoint"}, "has no shots"),
        ({"diff": "magic"}, "must be one of adjoint, parameter-shift, finite-difference, spsa"),
        ({"shots": 1, "key": 0}, "at least one for each of 2 strings, but are 1"),
        ({"shots": 0, "key": 0}, "at least 1"),
    ],
)
def test_bad_shots_are_refused(options, message):
    if "key" in options:
        options = options | {"key": jax.random.key(0)}
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
    with pytest.raises(qj.QjaxError, match=message):
        shot_expectation(circuit, "Z0 + X0", 0.1, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: metric_tensor(c, jnp.zeros(3)), "one set of 1 values, but hold 3"),
        (lambda c: metric_tensor(c, jnp.zeros(1), approximation="x"), "full, block-diagonal"),
        (lambda c: metric_tensor(c, jnp.zeros(1, int)), "real floating-point numbers"),
        (lambda c: quantum_natural_gradient(c, solver="x"), "dense, conjugate-gradient"),
        (lambda c: quantum_natural_gradient(c, damping=0), "must be positive"),
        (lambda c: quantum_natural_gradient(c).update(jnp.zeros(1), None), "needs the params"),
        (
            lambda c: shot_expectation(
                c, qj.Projector("0", [0]), 0.1, shots=9, key=jax.random.key(0)
            ),
            "must be a PauliSum",
        ),
        (lambda c: expressibility(qj.Circuit(1), 10, jax.random.key(0)), "open parameters"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(qj.Circuit(1).rx(qj.Parameter("t"), 0))


# --- trainability -------------------------------------------------------------------------------


def test_gradients_vanish_on_a_plateau():
    """For Haar-random blocks the variance falls as 2**-n or faster; for one qubit it is 1/2."""
    found = []
    for n in (2, 4, 6):
        circuit = layered(n, 4 * n)
        key = jax.random.key(0)
        found.append(float(gradient_variance(circuit, "Z0 Z1", 300, key).value[2 * n]))
    assert found[0] > 2 * found[1] > 4 * found[2]


def test_expressibility_tells_rich_circuits_from_poor_ones():
    a, b, c = (qj.Parameter(name) for name in "abc")
    poor = qj.Circuit(1).h(0).rz(a, 0)
    rich = qj.Circuit(1).ry(a, 0).rz(b, 0).ry(c, 0)
    key = jax.random.key(0)
    values = [expressibility(circuit, 5000, key) for circuit in (poor, rich)]
    # Sim et al. give 0.22 and 0.007 for such circuits; the latter's angles are not Haar's.
    assert abs(values[0] - 0.22) < 0.03
    assert values[1] < 0.06


def test_entangling_capability_of_known_states():
    t = qj.Parameter("t")
    product = qj.Circuit(3).ry(t, range(3))
    assert abs(entangling_capability(product, 50, jax.random.key(0)).value) < 1e-5
    # ry(t) then cx: purities are 1 - sin(t)^2 / 2, so Q = sin(t)^2, of mean 1/2.
    pair = qj.Circuit(2).ry(t, 0).cx(0, 1)
    found = entangling_capability(pair, 4000, jax.random.key(0))
    assert abs(found.value - 0.5) < 5 * found.standard_error
