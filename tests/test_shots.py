"""Derivatives from shots and by other points: unbiased, of every order they claim, and no other."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest

import qjax as qj
from qjax import gradients
from qjax.gradients import shot_expectation, shot_gradient

KEY = jax.random.key(3)
DIFFS = gradients.DIFFS
TERMS = {"Z0": 1.0, "X1 Y2": 0.5, "Y0": -0.25, "": 0.7}


def small():
    """Three qubits, three parameters; one enters twice, and one a controlled rotation."""
    t = qj.ParameterVector("t", 3)
    circuit = qj.Circuit(3).h(range(3)).ry(t[0], 0).crx(t[1], 0, 1).cx(1, 2)
    return circuit.rz(2 * t[2] + 0.1, 2).rx(t[0], 1).ry(t[2] - t[1], 2)


POINT = np.array([0.3, -0.8, 0.5])


def dense(p, terms=TERMS):
    return oracle.expectation(oracle.statevector(small().bind(p)), terms)


# --- orders -------------------------------------------------------------------------------------


def one_angle(diff):
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
    return lambda t: qj.expectation(circuit, "Z0", t, diff=diff, key=KEY, dtype=np.complex128)


@pytest.mark.parametrize("diff", DIFFS)
def test_every_order_is_right_or_refused(diff, double):
    """The derivatives of cos t, in every mode; third differences are lost in rounding."""
    f, t = one_angle(diff), 0.5
    grad, forward = jax.grad, jax.jacfwd
    second = [
        grad(grad(f)),
        forward(grad(f)),
        grad(forward(f)),
        forward(forward(f)),
        jax.hessian(f),
    ]
    first = [grad(f), lambda t: jax.jvp(f, (t,), (1.0,))[1]]
    # Central differences: step^2 / 6 of a derivative, and eps / step^2 for the second.
    close = {"adjoint": (1e-12, 1e-12), "parameter-shift": (1e-12, 1e-12)}
    one, two = close.get(diff, (1e-9, 1e-4))
    assert all(abs(jax.jit(d)(t) + np.sin(t)) < one for d in first)
    assert all(abs(jax.jit(d)(t) + np.cos(t)) < two for d in second)
    third = [forward(jax.hessian(f)), grad(grad(grad(f)))][: 1 if diff in close else 2]
    for d in third:
        if diff in close:
            assert abs(jax.jit(d)(t) - np.sin(t)) < 1e-11
        else:
            with pytest.raises(qj.QjaxError, match=f"{diff}' gives derivatives up to order 2"):
                jax.jit(d)(t)


SLOW = [DIFFS[1], *(pytest.param(d, marks=pytest.mark.slow) for d in DIFFS[2:])]


@pytest.mark.parametrize("diff", SLOW)
def test_second_derivatives_from_shots_are_unbiased_and_third_refused(diff):
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)

    def f(t, key):
        return shot_expectation(circuit, "Z0", t, shots=400, key=key, diff=diff, step=0.3).value

    keys = jax.random.split(KEY, 2000)
    found = jax.jit(jax.vmap(jax.grad(jax.grad(f)), (None, 0)))(0.5, keys)
    error = np.std(found) / np.sqrt(1999)
    shrunk = (
        1.0 if diff == "parameter-shift" else (np.sin(0.3) / 0.3) ** 2
    )  # of a central difference
    assert abs(np.mean(found) + shrunk * np.cos(0.5)) < 4.5 * error and error < 0.1
    if diff != "parameter-shift":
        with pytest.raises(qj.QjaxError, match="up to order 2"):
            jax.grad(jax.grad(jax.grad(f)))(0.5, KEY)


@pytest.mark.parametrize("diff", SLOW)
def test_no_derivative_is_zero_in_silence(diff, double):
    """By traced angles and coefficients it is right; by what a method cannot see it is refused."""
    options = {"diff": diff, "shots": 10**6, "key": KEY, "dtype": double}

    def by_angle(t):
        return qj.expectation(qj.Circuit(1).rx(t, 0), "Z0", **options)

    def by_angles_of_u(t):
        return qj.expectation(qj.Circuit(1).u(t, 0.2, 0.1, 0), "Z0", **options)

    for f in (by_angle, by_angles_of_u):
        assert abs(jax.grad(f)(0.5) + np.sin(0.5)) < 0.03
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
    by_coefficient = lambda c: qj.expectation(circuit, qj.PauliSum({"Z0": c}), 0.5, **options)
    assert abs(jax.grad(by_coefficient)(2.0) - np.cos(0.5)) < 0.01

    def by_noise(p):
        model = qj.NoiseModel().add("depolarizing", p)
        return qj.expectation(circuit, "Z0", 0.5, noise=model, **options)

    assert abs(jax.jit(by_noise)(0.1) - 0.9 * np.cos(0.5)) < 0.01
    with pytest.raises(qj.QjaxError, match="one by another number is asked for"):
        jax.grad(by_noise)(0.1)


def test_data_that_are_traced_cost_no_values():
    """Only angles that are differentiated are shifted: the program holds two values for each."""

    def f(weights, x):
        circuit = qj.Circuit(2).ry(x[0], 0).ry(x[1], 1).cx(0, 1).rx(weights[0], 0)
        return qj.expectation(circuit, "Z0", diff="parameter-shift")

    text = str(jax.make_jaxpr(jax.vmap(jax.grad(f), (None, 0)))(jnp.ones(1), jnp.ones((5, 2))))
    assert "c64[10,4]" in text and "c64[30,4]" not in text


# --- values and gradients -----------------------------------------------------------------------


@pytest.mark.parametrize("allocation", ["weight", "variance", "uniform"])
def test_a_shot_gradient_is_unbiased_and_knows_its_errors(allocation):
    circuit, observable = small(), qj.PauliSum(TERMS)

    def run(p, key):
        return shot_gradient(circuit, observable, p, shots=60, key=key, allocation=allocation)

    count = 600
    keys = jax.random.split(KEY, count)
    found = jax.jit(jax.vmap(run, (None, 0)))(jnp.asarray(POINT, jnp.float32), keys)
    pairs = (
        (found.value, found.value_error, dense(POINT)),
        (found.gradient, found.gradient_error, oracle.central_difference(dense, POINT)),
    )
    for value, claimed, exact in pairs:
        spread = np.std(value, axis=0)
        assert np.all(np.abs(np.mean(value, axis=0) - exact) < 4.5 * spread / np.sqrt(count))
        # A standard deviation of N draws is known to 1 / sqrt(2 N).
        ratio = np.sqrt(np.mean(claimed**2, axis=0)) / spread
        assert np.all(np.abs(ratio - 1) < 5 / np.sqrt(2 * count))


def test_shots_by_variance_give_smaller_errors():
    """Z0 is certain and X1 is not: all shots go to X1, and the error falls by sqrt(2)."""
    t = qj.Parameter("t")
    circuit = qj.Circuit(2).ry(t, 1)
    error = lambda how: (
        shot_expectation(
            circuit, "Z0 + X1", 0.1, shots=1000, key=KEY, allocation=how
        ).standard_error
    )
    assert abs(error("weight") / error("variance") - np.sqrt(2)) < 0.05


def test_a_shot_gradient_has_the_form_of_its_params():
    a, b = qj.ParameterVector("b", 2), qj.Parameter("a")
    circuit = qj.Circuit(2).ry(a, range(2)).cx(0, 1).rx(b, 0)
    named = {"a": jnp.array(0.4), "b": jnp.array([0.1, 0.2])}
    found = shot_gradient(circuit, "Z0 + Z1", named, shots=10**6, key=KEY)
    exact = jax.grad(lambda p: qj.expectation(circuit, "Z0 + Z1", p))(named)
    for name, value in exact.items():
        assert found.gradient[name].shape == value.shape == found.gradient_error[name].shape
        assert np.all(np.abs(found.gradient[name] - value) < 5 * found.gradient_error[name])


def test_draws_differ_between_items_and_calls():
    circuit = small()
    run = lambda p, key: shot_gradient(circuit, "Z0", p, shots=100, key=key).gradient
    rows = jnp.tile(jnp.asarray(POINT, jnp.float32), (8, 1))
    found = jax.jit(jax.vmap(run))(rows, jax.random.split(KEY, 8))
    assert len(np.unique(np.asarray(found), axis=0)) > 4
    measured = jax.jit(
        lambda what, p: qj.expectation(circuit, what, p, shots=1000, key=KEY), static_argnums=0
    )
    batch = measured("Z0", rows)
    assert batch.shape == (8,) and len(set(np.asarray(batch).tolist())) > 4
    several = measured(("Z0", "Z0"), rows[0])
    assert several.shape == (2,) and several[0] != several[1]


@pytest.mark.parametrize("diff", DIFFS)
def test_expectation_takes_the_method_of_its_derivative(diff, double):
    loss = lambda p: qj.expectation(
        small(), qj.PauliSum(TERMS), p, diff=diff, key=KEY, dtype=double
    )
    value, slope = jax.jit(jax.value_and_grad(loss))(POINT)
    assert abs(value - dense(POINT)) < 1e-12
    exact = oracle.central_difference(dense, POINT)
    if diff != "spsa":  # one direction only
        assert np.max(np.abs(slope - exact)) < 1e-8
    signs = np.sign(slope) if diff == "spsa" else np.ones(3)
    along = lambda x: dense(POINT + x * signs)
    assert abs(slope @ signs - 3 ** (diff == "spsa") * (along(1e-5) - along(-1e-5)) / 2e-5) < 1e-7


@pytest.mark.slow
def test_named_rules(double):
    circuit, observable = small(), qj.PauliSum(TERMS)
    exact = oracle.central_difference(dense, POINT)
    bent = np.array([
        oracle.central_difference(
            lambda p, k=k: oracle.central_difference(dense, p, 1e-4)[k], POINT, 1e-4
        )
        for k in range(3)
    ])  # fmt: skip
    options = {"dtype": double}
    shifted = gradients.parameter_shift
    assert np.allclose(shifted(circuit, observable, POINT, **options), exact, atol=1e-9)
    hessian = shifted(circuit, observable, POINT, order=2, **options)
    assert np.allclose(hessian, bent, atol=1e-6)
    differences = gradients.finite_difference(circuit, observable, POINT, **options)
    assert np.allclose(differences, exact, atol=1e-8)
    mean = gradients.spsa_gradient(circuit, observable, POINT, KEY, directions=2000, **options)
    assert np.max(np.abs(mean - exact)) < 5 * np.linalg.norm(exact) / np.sqrt(2000)
    third = jax.grad(lambda p: shifted(circuit, observable, p, order=2, **options)[0, 0])(POINT)
    assert np.all(np.isfinite(third)) and np.any(third != 0)


def test_shots_need_the_memory_of_states_only():
    """At 16 qubits a diagonalisation would take 2^32 numbers."""
    n = 16
    theta = qj.ParameterVector("theta", n)
    circuit = qj.Circuit(n).ry(theta, range(n)).cx(range(n - 1), range(1, n))
    observable = qj.PauliSum({f"Z{q} Z{q + 1}": 1.0 for q in range(n - 1)})
    run = jax.jit(lambda p, k: shot_gradient(circuit, observable, p, shots=100, key=k))
    memory = run.lower(jnp.zeros(n), KEY).compile().memory_analysis().temp_size_in_bytes
    assert memory < 4 * 8 * 2**22  # batches of 2^22 amplitudes


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: qj.expectation(c, "Z0", POINT, shots=10), "shots need a key"),
        (lambda c: qj.expectation(c, "Z0", POINT, diff="x"), "diff must be one of adjoint, param"),
        (
            lambda c: qj.expectation(c, "Z0", POINT, shots=9, trajectories=2, key=KEY),
            "exclude trajectories",
        ),
        (
            lambda c: qj.expectation(c.copy().measure_all(), "Z0", POINT, shots=9, key=KEY),
            "must not measure",
        ),
        (
            lambda c: qj.expectation(c, qj.PauliSum({"Z0": 1j}), POINT, shots=9, key=KEY),
            "coefficients must be real",
        ),
        (
            lambda c: shot_expectation(c, "Z0", POINT, shots=9, key=KEY, allocation="x"),
            "allocation must be one of weight, variance, uniform",
        ),
        (lambda c: shot_expectation(c, "Z0", POINT, diff="spsa", key=KEY, step=-1.0), "positive"),
        (lambda c: shot_gradient(c, "Z0", POINT, shots=9, key=KEY, diff="spsa"), "finite-diff"),
        (lambda c: shot_gradient(c, "Z0", POINT[:2], shots=9, key=KEY), "one set of 3 values"),
        (lambda c: gradients.parameter_shift(c, "Z0", POINT, order=3), "order must be 1 or 2"),
        (
            lambda c: qj.expectation(
                qj.Circuit(1).channel("depolarizing", qj.Parameter("p"), 0), "Z0", 0.1,
                diff="parameter-shift",
            ),
            "has no shift rule",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(small())


# --- overlaps and products with the Hessian -----------------------------------------------------


def pair(n, layers):
    """Two circuits on n qubits with params of their own."""
    made = []
    for name in "ab":
        theta = qj.ParameterVector(name, (layers, n))
        circuit = qj.Circuit(n)
        for layer in range(layers):
            (circuit.ry if name == "a" else circuit.rx)(list(theta[layer]), range(n))
            circuit.cx(range(n - 1), range(1, n))
        made.append(circuit)
    return made


def squared_overlap(one, other, dtype=None):
    return lambda a, b: qj.fidelity(
        qj.statevector(one, a, dtype=dtype), qj.statevector(other, b, dtype=dtype)
    )


def test_gradients_of_overlaps_by_both_circuits(double, rng):
    one, other = pair(3, 2)
    a, b = rng.normal(size=6), rng.normal(size=6)
    states = lambda x: (oracle.statevector(one.bind(x[:6])), oracle.statevector(other.bind(x[6:])))
    exact = oracle.central_difference(
        lambda x: abs(np.vdot(*states(x))) ** 2, np.concatenate([a, b])
    )
    overlap = squared_overlap(one, other, double)
    found = jax.grad(overlap, (0, 1))(a, b)
    assert np.max(np.abs(np.concatenate(found) - exact)) < 1e-9
    text = str(jax.make_jaxpr(jax.grad(overlap, (0, 1)))(a, b))
    assert text.count("qjax_adjoint[") == 2 and "qjax_tangent" not in text


def temporary(function, *arguments):
    compiled = jax.jit(function).lower(*arguments).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_overlaps_and_hessian_products_take_a_few_states_of_memory():
    n, layers = 20, 4
    one, other = pair(n, layers)
    state, at = 8 * 2**n, jnp.zeros(n * layers)
    assert temporary(jax.grad(squared_overlap(one, other), (0, 1)), at, at) < 12 * state
    loss = lambda p: qj.expectation(one, "Z0 Z1 + X2", p)
    assert temporary(lambda p, v: gradients.hessian_product(loss, p, v), at, at) < 24 * state


def test_products_with_the_hessian_are_those_of_linear_algebra(double, rng):
    loss = lambda p: qj.expectation(small(), qj.PauliSum(TERMS), p, dtype=double)
    vector = rng.normal(size=3)
    slope = lambda x: oracle.central_difference(dense, POINT + x * vector, 1e-4)
    exact = (slope(1e-4) - slope(-1e-4)) / 2e-4
    found = jax.jit(lambda p, v: gradients.hessian_product(loss, p, v))(POINT, vector)
    assert np.max(np.abs(found - exact)) < 1e-6
    with pytest.raises(qj.QjaxError, match="vector must have the form of params"):
        gradients.hessian_product(loss, POINT, vector[:2])


# --- spectra and landscapes ---------------------------------------------------------------------


def test_the_spectrum_of_a_known_matrix(double, rng):
    """Of x A x / 2 the Hessian is A: all its eigenvalues, and the largest by Lanczos."""
    matrix = rng.normal(size=(60, 60))
    matrix = matrix + matrix.T
    loss = lambda p: 0.5 * p["x"] @ (jnp.asarray(matrix) @ p["x"])
    exact = np.linalg.eigvalsh(matrix)
    at = {"x": jnp.zeros(60)}
    full = gradients.hessian_spectrum(loss, at)
    assert np.max(np.abs(full.eigenvalues - exact)) < 1e-11 and not np.any(full.errors)
    run = jax.jit(lambda p, k: gradients.hessian_spectrum(loss, p, count=3, key=k, steps=40))
    largest = run(at, KEY)
    assert np.all(np.abs(largest.eigenvalues - exact[-3:]) < largest.errors + 1e-11)
    assert np.max(largest.errors) < 1e-3


def test_a_closed_krylov_space_gives_no_false_eigenvalues(double):
    """A Hessian of rank 1, and 0: two steps know all of it."""
    direction = np.arange(1.0, 11.0) / np.sqrt(385)
    loss = lambda p: 1.5 * (jnp.asarray(direction) @ p) ** 2
    found = gradients.hessian_spectrum(loss, jnp.zeros(10), count=3, key=KEY)
    assert np.isnan(found.eigenvalues[0])  # there are only two different ones
    assert np.allclose(found.eigenvalues[1:], [0, 3], atol=1e-12)


def test_a_landscape_of_a_circuit_is_the_scan_of_its_loss(double, rng):
    loss = lambda p: qj.expectation(small(), qj.PauliSum(TERMS), p, dtype=double)
    u, v = rng.normal(size=(2, 3))
    found = gradients.landscape(loss, POINT, directions=[u, v], points=5, span=1.0)
    rows = np.asarray(found.directions)
    assert np.allclose(rows @ rows.T, np.eye(2), atol=1e-12)
    assert np.allclose(rows[0], u / np.linalg.norm(u), atol=1e-12)
    for i, x in enumerate(found.axes[0]):
        for j, y in enumerate(found.axes[1]):
            exact = dense(POINT + x * rows[0] + y * rows[1])
            assert abs(found.values[i, j] - exact) < 1e-12


def test_a_history_spans_its_landscape(double):
    """A run in a plane is held wholly by its two principal components."""
    steps = np.linspace(0, 1, 20)
    plane = np.array([[1.0, 2.0, 0.0, 0.0], [0.0, 0.0, 3.0, -1.0]])
    history = np.stack([np.cos(3 * steps), steps**2], axis=1) @ plane
    loss = lambda p: jnp.sum(p["x"] ** 2)
    found = gradients.landscape(loss, {"x": history[-1]}, history={"x": history}, points=9)
    assert abs(np.sum(found.explained) - 1) < 1e-12
    again = history[-1] + np.asarray(found.path) @ np.asarray(found.directions)
    assert np.allclose(again, history, atol=1e-12)
    assert np.max(np.abs(found.path)) < found.axes[0][-1]
    assert abs(found.values[4, 4] - np.sum(history[-1] ** 2)) < 1e-12  # the centre


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "random directions need a key"),
        ({"key": KEY, "dimensions": 3}, "dimensions must be 1 or 2"),
        ({"directions": [np.ones(3), 2 * np.ones(3)]}, "not be parallel"),
        ({"directions": [np.zeros(3)]}, "must not be 0"),
        ({"directions": [np.ones(2)]}, "3 numbers"),
        ({"history": np.zeros((5, 2))}, "leading axis of steps"),
        ({"history": np.zeros((2, 3))}, "more than 2 steps, but has 2"),
        ({"key": KEY, "span": -1.0}, "span must be positive"),
        ({"key": KEY, "points": 0}, "points must be at least 1"),
    ],
)
def test_landscapes_that_cannot_be_are_refused(options, message):
    with pytest.raises(qj.QjaxError, match=message):
        gradients.landscape(lambda p: jnp.sum(p), jnp.zeros(3), **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"count": 2}, "a count needs a key"),
        ({"count": 9, "key": KEY}, "count must be in 1..3, but is 9"),
        ({"count": 2, "key": KEY, "steps": 1}, "steps must be at least count=2"),
    ],
)
def test_spectra_that_cannot_be_are_refused(options, message):
    with pytest.raises(qj.QjaxError, match=message):
        gradients.hessian_spectrum(lambda p: jnp.sum(p), jnp.zeros(3), **options)
