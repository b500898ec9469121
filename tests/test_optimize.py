"""Optimizers for circuits, against scans, closed forms and known ground states."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest

import qjax as qj
from qjax import optimize
from qjax.optimize.rotosolve import _rule, least

KEY = jax.random.key(7)


def chain(n):
    """The transverse-field Ising chain at its critical point, open ends."""
    bonds = {f"Z{q} Z{q + 1}": -1.0 for q in range(n - 1)}
    return bonds | {f"X{q}": -1.0 for q in range(n)}


def layered(n, layers):
    theta = qj.ParameterVector("theta", (layers, n))
    circuit = qj.Circuit(n)
    for layer in range(layers):
        circuit.ry(list(theta[layer]), range(n)).cx(range(n - 1), range(1, n))
    return circuit


def hydrogen():
    molecule = qj.library.load_molecule("h2")
    circuit, energy = qj.library.uccsd(4, 2), molecule.hamiltonian
    return circuit, energy, lambda p: qj.expectation(circuit, energy, p), molecule.exact_energy


# --- frequencies --------------------------------------------------------------------------------


def test_frequencies_are_those_of_a_fourier_series(double, rng):
    a, b = qj.Parameter("a"), qj.ParameterVector("b", 2)
    circuit = qj.Circuit(3).h(range(3)).rx(a, 0).crx(2 * b[0], 0, 1).cx(1, 2)
    circuit.ry(b[1] - a, 1).rzz(0.5 * a, 0, 2).ry(0.3, 1).p(b[1], 2)
    found = optimize.parameter_frequencies(circuit)
    assert found == ((0.5, 1.0, 1.5, 2.0, 2.5), (1.0, 2.0), (1.0, 2.0))
    for k, spectrum in enumerate(found):
        point, grid = rng.normal(size=3), np.arange(64) * 4 * np.pi / 64
        values = [
            oracle.expectation(
                oracle.statevector(circuit.bind(point + x * np.eye(3)[k])), {"X0 Y1": 1, "Z2": 0.7}
            )
            for x in grid
        ]
        held = np.flatnonzero(np.abs(np.fft.rfft(values)) > 1e-9) / 2
        assert set(held) <= {0.0, *spectrum}


# --- rotosolve ----------------------------------------------------------------------------------


@pytest.mark.parametrize("spectrum", [(1.0,), (0.5, 1.0), (1.0, 3.0), (2.0, 3.0), (1.0, 2.0, 2.5)])
def test_a_coordinate_goes_to_the_least_value_of_a_dense_scan(spectrum, double, rng):
    points, inverse, grid = _rule(spectrum)
    w = np.array(spectrum)
    scan = np.linspace(-4 * np.pi, 4 * np.pi, 400001)
    for _ in range(4):
        a0, a, b = rng.normal(), rng.normal(size=len(w)), rng.normal(size=len(w))
        value = lambda x, a0=a0, a=a, b=b: (
            a0 + np.cos(np.multiply.outer(x, w)) @ a + np.sin(np.multiply.outer(x, w)) @ b
        )
        coefficients = inverse @ value(points)
        assert np.max(np.abs(coefficients - [a0, *a, *b])) < 1e-12
        x, found = least(jnp.asarray(coefficients), w, grid)
        assert abs(found - value(np.asarray(x))) < 1e-12
        assert found <= np.min(value(scan)) + 1e-12
        if len(w) == 1:  # Ostaszewski et al., equation 4
            closed = -np.pi / 2 - np.arctan2(a[0], b[0])
            assert abs(np.exp(1j * (float(x) - closed)) - 1) < 1e-7


def test_a_sweep_takes_each_parameter_to_its_minimum_in_turn(double, rng):
    a = qj.ParameterVector("a", 3)
    circuit = qj.Circuit(3).ry(a, range(3)).cx(0, 1).crx(a[0], 1, 2).rx(2 * a[1], 0).rzz(a[2], 0, 2)
    terms = {"Z0 X1": 1.0, "Y2": -0.4, "Z1": 0.3}
    energy = lambda p: oracle.expectation(oracle.statevector(circuit.bind(p)), terms)
    loss = lambda p: qj.expectation(circuit, qj.PauliSum(terms), p, dtype=double)
    start = rng.normal(size=3)
    solver = optimize.rotosolve(circuit)
    state = solver.init(start)
    update = jax.jit(lambda s, p: solver.update(p, s, p, value_fn=loss))
    moved, state = update(state, jnp.asarray(start))
    end = start + np.asarray(moved)
    for k in range(3):  # what is moved up to k is the best for k, whatever follows
        before = np.where(np.arange(3) <= k, end, start)
        base = min(s for row in optimize.parameter_frequencies(circuit) for s in row)
        scan = np.linspace(0, 2 * np.pi / base, 60)
        values = [energy(before + x * np.eye(3)[k]) for x in scan]
        assert energy(before) <= min(values) + 1e-9
    assert abs(state.value - energy(end)) < 1e-9


def test_rotosolve_finds_the_energy_of_hydrogen_with_restarts():
    circuit, _, loss, exact = hydrogen()
    starts = 0.4 * jax.random.normal(KEY, (3, 3))
    solver = optimize.rotosolve(circuit, frequencies=(1.0, 2.0))
    found = qj.fit(loss, starts, solver, 4, restarts=3, progress=False)
    # Single precision: some 15 strings of size below 1, and a dozen gates.
    assert np.max(np.abs(jax.vmap(loss)(found.params) - exact)) < 1e-5


def test_named_params_move_as_flat_ones_do():
    a, b = qj.ParameterVector("b", 2), qj.Parameter("a")
    circuit = qj.Circuit(2).ry(a, range(2)).cx(0, 1).rx(3 * b, 1).ry(b, 0)
    loss = lambda p: qj.expectation(circuit, "Z0 + 0.3 X1 - 0.2 Y0 Z1", p)
    solver = optimize.rotosolve(circuit)
    flat = jnp.array([0.3, -0.5, 0.9])
    named = {"a": flat[2], "b": flat[:2]}
    one, _ = solver.update(None, solver.init(flat), flat, value_fn=loss)
    other, _ = solver.update(None, solver.init(named), named, value_fn=loss)
    assert np.allclose(other["b"], one[:2], atol=1e-5) and np.allclose(
        other["a"], one[2], atol=1e-5
    )


# --- random directions --------------------------------------------------------------------------


def test_a_step_of_spsa_is_its_formula(double):
    loss = lambda p: jnp.sum(jnp.sin(p) * jnp.arange(1.0, 4.0))
    solver = optimize.spsa(KEY, 0.3, perturbation=0.2, stability=5.0)
    at = jnp.array([0.1, 0.2, 0.3])
    state = optimize.SpsaState(jnp.asarray(3, jnp.int32), KEY)
    moved, after = jax.jit(lambda s, p: solver.update(p, s, p, value_fn=loss))(state, at)
    signs = np.sign(moved) * -np.sign(moved[0])
    c, rate = 0.2 / 4**0.101, 0.3 / 9**0.602
    slope = (loss(at + c * signs) - loss(at - c * signs)) / (2 * c) * signs
    assert np.allclose(moved, -rate * slope, atol=1e-12)
    assert after.steps == 4


@pytest.mark.parametrize("name", ["spsa", "qnspsa"])
def test_random_directions_find_the_ground_state_with_restarts(name, double):
    """In double precision: the first steps of QNSPSA are long, and grow what rounding changes."""
    circuit, _, loss, exact = hydrogen()
    solver = {
        "spsa": optimize.spsa(KEY, 0.5),
        "qnspsa": optimize.qnspsa(circuit, KEY),
    }[name]
    starts = 0.3 * jax.random.normal(KEY, (3, 3))
    found = qj.fit(loss, starts, solver, 300, restarts=3, progress=False)
    energies = jax.vmap(loss)(found.params)
    assert np.max(energies - exact) < 1e-3  # within chemical accuracy
    # Three searches, not one thrice: energies may round to one number, their angles do not.
    assert len(np.unique(np.asarray(found.params), axis=0)) == 3


def test_the_metric_of_random_directions_is_the_fubini_study_metric(double):
    circuit = layered(3, 1)
    at = jnp.array([0.3, 0.8, -0.5])
    loss = lambda p: jnp.zeros((), p.dtype)
    solver = optimize.qnspsa(circuit, KEY, perturbation=1e-3, directions=2000, dtype=double)
    update = jax.jit(lambda s, p: solver.update(p, s, p, value_fn=loss))
    _, state = update(solver.init(at), at)
    estimate = 2 * state.metric - jnp.eye(3)  # the mean with the identity
    exact = qj.gradients.metric_tensor(circuit, at, dtype=double)
    # d e^T + e d^T takes in the other elements as noise of their size.
    assert np.max(np.abs(estimate - exact)) < 5 * np.linalg.norm(exact) / np.sqrt(2000)


def test_qnspsa_takes_fidelities_from_shots():
    circuit, _, loss, exact = hydrogen()
    solver = optimize.qnspsa(circuit, KEY, shots=1000, perturbation=0.2)
    found = qj.fit(loss, 0.2 * jnp.ones(3), solver, 300, progress=False)
    assert found.best_loss - exact < 2e-3


# --- shots --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rule", ["icans1", "gcans"])
def test_adaptive_shots_find_the_ground_state(rule):
    circuit, energy, loss, exact = hydrogen()
    solver = optimize.icans(circuit, energy, KEY, rule=rule)
    found = qj.fit(loss, 0.2 * jnp.ones(3), solver, 50, progress=False)
    assert loss(found.params) - exact < 5e-3
    shots = found.opt_state.shots
    assert np.all(shots > 4) and found.opt_state.total_shots > 50 * 4


def test_adaptive_gradients_are_unbiased_and_their_variance_is_known(double):
    """After one step the state holds one hundredth of the gradient and of a shot's variance."""
    circuit, terms = layered(3, 1), {"Z0 Z1": 0.8, "X2": -0.5, "": 2.0}
    energy, at = qj.PauliSum(terms), jnp.array([0.3, 0.8, -0.5])
    solver = optimize.icans(circuit, energy, KEY, min_shots=50, dtype=double)

    def one(key):
        state = solver.init(at)._replace(key=key)
        moved, after = solver.update(at, state, at)
        return moved / -(1 / 1.3), after.spread / (1 - 0.99), after.total_shots

    slopes, spreads, total = jax.jit(jax.vmap(one))(jax.random.split(KEY, 800))
    loss = lambda p: oracle.expectation(oracle.statevector(circuit.bind(p)), terms)
    exact = oracle.central_difference(loss, at)
    error = np.std(slopes, axis=0) / np.sqrt(799)
    assert np.all(np.abs(np.mean(slopes, axis=0) - exact) < 4.5 * error)
    # A shot's variance is 50 times that of the mean of 50; a variance of 800 has 5% of error.
    known = np.mean(spreads, axis=0) / 50
    assert np.all(np.abs(known / np.var(slopes, axis=0) - 1) < 5 * np.sqrt(2 / 800))
    assert np.all(total == 2 * 3 * 50)


def test_shots_follow_the_formula_of_their_rule(double):
    circuit = layered(2, 1)
    energy, at = qj.PauliSum({"Z0": 1.0, "X1": 0.5}), jnp.array([0.7, 0.2])
    for rule in ("icans1", "gcans"):
        solver = optimize.icans(circuit, energy, KEY, 0.5, rule=rule, dtype=double)
        moved, state = solver.update(at, solver.init(at), at)
        slope, spread = np.asarray(moved) / -0.5, np.asarray(state.spread) / 0.01
        bound, a = 1.5, 0.5
        factor = 2 * bound * a / (2 - bound * a)
        if rule == "gcans":
            size = np.sqrt(spread)
            wanted = np.ceil(factor * size * size.sum() / (slope @ slope + 0.99e-6))
            expected = np.clip(wanted, 4, 10**5)
        else:
            wanted = np.clip(np.ceil(factor * spread / (slope**2 + 0.99e-6)), 4, 10**5)
            gain = (a - bound * a**2 / 2) * slope**2 - bound * a**2 / (2 * wanted) * spread
            expected = np.minimum(wanted, wanted[np.argmax(gain / wanted)])
        assert np.array_equal(state.shots, expected)


# --- with gradients -----------------------------------------------------------------------------


def test_lbfgs_finds_the_ground_state_of_a_chain_with_restarts(double):
    n = 4
    circuit, terms = layered(n, 4), chain(n)
    loss = lambda p: qj.expectation(circuit, qj.PauliSum(terms), p, dtype=double)
    starts = 0.5 * jax.random.normal(KEY, (3, 4 * n), float)
    found = qj.fit(loss, starts, optax.lbfgs(), 60, restarts=3, progress=False)
    exact = np.linalg.eigvalsh(oracle.operator(terms, n))[0]
    assert exact - 1e-9 < np.min(found.best_loss) < exact + 1e-4


def test_a_natural_gradient_takes_blocks_inside_jit():
    circuit, _, loss, exact = hydrogen()
    natural = optimize.quantum_natural_gradient(circuit, approximation="block-diagonal")
    solver = optax.chain(natural, optax.sgd(0.2))
    found = qj.fit(loss, {"theta": 0.2 * jnp.ones(3)}, solver, 50, progress=False)
    assert found.best_loss - exact < 1e-3


# --- errors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: optimize.rotosolve("c"), "must be a Circuit"),
        (lambda c: optimize.rotosolve(c, frequencies=(-1.0,)), "must be positive numbers"),
        (lambda c: optimize.rotosolve(c, frequencies=((1.0,),)), "one for each of 2"),
        (lambda c: step(optimize.rotosolve(c)), "needs value_fn=, the loss"),
        (lambda c: step(optimize.spsa(KEY)), "needs value_fn=, the loss"),
        (lambda c: step(optimize.qnspsa(c, KEY)), "needs value_fn=, the loss"),
        (lambda c: optimize.spsa(0), "key must be a key"),
        (lambda c: optimize.spsa(KEY, perturbation=0.0), "perturbation must be positive"),
        (lambda c: optimize.spsa(KEY, directions=0), "directions must be at least 1"),
        (lambda c: optimize.qnspsa(c, KEY, damping=-1.0), "damping must be positive"),
        (lambda c: optimize.icans(c, "Z0", KEY, rule="x"), "icans1, gcans"),
        (lambda c: optimize.icans(c, "Z0", KEY, 3.0), "between 0 and 2 / lipschitz = 2, but is 3"),
        (lambda c: optimize.icans(c, "Z0", KEY, min_shots=1), "2 <= min_shots <= max_shots"),
        (lambda c: optimize.icans(c, qj.Projector("0", [0]), KEY), "must be a PauliSum of known"),
        (lambda c: optimize.icans(c, "Z0", KEY).update(None, None), "needs the params"),
        (
            lambda c: optimize.parameter_frequencies(
                qj.Circuit(1).channel("depolarizing", qj.Parameter("p"), 0)
            ),
            "no frequencies: its parameter is no angle",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(layered(2, 1))


def step(solver):
    at = jnp.zeros(2)
    return solver.update(at, solver.init(at), at)
