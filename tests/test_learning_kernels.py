"""Quantum kernels, against dense states and closed forms."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest
from scipy.linalg import inv, sqrtm

import qjax as qj
from qjax.errors import LearningError
from qjax.learning import kernels

EPS = np.finfo(np.float64).eps


def feature_map(n=3):
    """Two layers of data with trained rotations and entangling gates between them."""
    x, w = qj.ParameterVector("x", n), qj.ParameterVector("w", n)
    circuit = qj.Circuit(n).ry(x, range(n)).rx(w, range(n))
    for q in range(n - 1):
        circuit.cx(q, q + 1)
    return circuit.rz(2 * x, range(n)).ry(0.5 * x, range(n))


def product_map(x, weights):
    """A map with products of data, which no template has."""
    circuit = qj.Circuit(3).h(range(3))
    for q in range(3):
        circuit.rz(x[q] * weights["w"][q], q)
    return circuit.rzz(x[0] * x[1], 0, 1).rzz(x[1] * x[2], 1, 2).h(range(3))


def dense_states(circuit, x, weights):
    return np.array([oracle.statevector(circuit.bind({"x": row, **weights})) for row in x])


def dense_kernel(a, b):
    return np.abs(a.conj() @ b.T) ** 2


def dense_projected(a, b, gamma):
    n = a.shape[1].bit_length() - 1
    parts = lambda state: np.array([oracle.partial_trace(state, [q]) for q in range(n)])
    left, right = [parts(s) for s in a], [parts(s) for s in b]
    distance = [[np.sum(np.abs(p - q) ** 2) for q in right] for p in left]
    return np.exp(-gamma * np.array(distance))


@pytest.fixture
def data(rng):
    return rng.normal(size=(7, 3)), rng.normal(size=(4, 3)), {"w": rng.normal(size=3)}


# --- Gram matrices --------------------------------------------------------------------------------


@pytest.mark.parametrize("engine", ["xla", "cpu"])
def test_the_fidelity_kernel_is_that_of_dense_states(engine, double, data):
    x, y, weights = data
    a, b = (dense_states(feature_map(), rows, weights) for rows in (x, y))
    options = {"dtype": double, "engine": engine}
    square = kernels.fidelity_kernel(feature_map(), x, None, weights, **options)
    assert np.max(np.abs(square - dense_kernel(a, a))) < 100 * EPS
    assert np.array_equal(square, square.T)
    assert np.linalg.eigvalsh(square)[0] > -100 * EPS
    other = kernels.fidelity_kernel(feature_map(), x, y, weights, **options)
    assert np.max(np.abs(other - dense_kernel(a, b))) < 100 * EPS


def test_the_projected_kernel_is_that_of_partial_traces(double, data):
    x, y, weights = data
    a, b = (dense_states(feature_map(), rows, weights) for rows in (x, y))
    run = partial(kernels.projected_kernel, feature_map(), gamma=0.7, dtype=double)
    square = run(x, None, weights)
    assert np.max(np.abs(square - dense_projected(a, a, 0.7))) < 100 * EPS
    assert np.array_equal(square, square.T)
    assert np.max(np.abs(run(x, y, weights) - dense_projected(a, b, 0.7))) < 100 * EPS


def test_a_function_of_data_may_multiply_them(double, data):
    x, y, weights = data
    a, b = (
        np.array([oracle.statevector(product_map(row, weights)) for row in rows]) for rows in (x, y)
    )
    found = kernels.fidelity_kernel(product_map, x, y, weights, dtype=double)
    assert np.max(np.abs(found - dense_kernel(a, b))) < 100 * EPS
    found = kernels.projected_kernel(product_map, x, y, weights, dtype=double)
    assert np.max(np.abs(found - dense_projected(a, b, 1.0))) < 100 * EPS


def test_encodings_of_the_library_are_feature_maps(double, data):
    x = data[0]
    states = np.array([oracle.statevector(qj.library.zz_feature_map(row)) for row in x])
    found = kernels.fidelity_kernel(qj.library.zz_feature_map, x, dtype=double)
    assert np.max(np.abs(found - dense_kernel(states, states))) < 200 * EPS
    # Open parameters of the circuit that a function gives are weights.
    build = lambda row: qj.library.data_reuploading(row, 2, 2)
    theta = {"theta": np.linspace(0, 1, 24)}
    states = np.array([oracle.statevector(build(row).bind(theta)) for row in x])
    found = kernels.fidelity_kernel(build, x, None, theta, dtype=double)
    assert np.max(np.abs(found - dense_kernel(states, states))) < 200 * EPS


@pytest.mark.parametrize("kernel", [kernels.fidelity_kernel, kernels.projected_kernel])
@pytest.mark.parametrize("memory", [1, 1500])
def test_little_memory_changes_no_number(kernel, memory, double, data):
    x, y, weights = data
    for other in (None, y):
        whole = kernel(feature_map(), x, other, weights, dtype=double)
        parts = kernel(feature_map(), x, other, weights, dtype=double, memory=memory)
        assert np.max(np.abs(whole - parts)) < 20 * EPS


@pytest.mark.slow
@pytest.mark.parametrize("kernel", [kernels.fidelity_kernel, kernels.projected_kernel])
def test_four_thousand_samples_of_ten_qubits(kernel, double, rng):
    x = rng.uniform(0, 1, size=(4096, 10))
    weights = {"w": rng.normal(size=10)}
    found = kernel(feature_map(10), x, None, weights, dtype=double)
    assert found.shape == (4096, 4096) and found.dtype == np.float64
    rows = [0, 1000, 4095]
    states = dense_states(feature_map(10), x[rows], weights)
    dense = dense_kernel if kernel is kernels.fidelity_kernel else partial(dense_projected, gamma=1)
    assert np.max(np.abs(found[np.ix_(rows, rows)] - dense(states, states))) < 1000 * EPS


@pytest.mark.parametrize("kernel", [kernels.fidelity_kernel, kernels.projected_kernel])
def test_gradients_of_a_kernel_are_finite_differences(kernel, double, data):
    x, y, weights = data
    value = lambda w: jnp.sum(
        kernel(feature_map(), x, y, {"w": w}, dtype=double) * (1 + jnp.arange(4.0))
    )
    found = jax.jit(jax.grad(value))(weights["w"])
    expected = oracle.central_difference(value, weights["w"])
    assert np.max(np.abs(found - expected)) < 1e-8  # step**2 and eps / step, times the sum


def test_vmap_over_weights_gives_many_kernels(double, data):
    x, _, weights = data
    many = jnp.stack([weights["w"], 2 * weights["w"]])
    run = lambda w: kernels.fidelity_kernel(feature_map(), x, None, {"w": w}, dtype=double)
    found = jax.jit(jax.vmap(run))(many)
    assert np.max(np.abs(found[1] - run(many[1]))) < 20 * EPS


# --- alignment and geometry -----------------------------------------------------------------------


def test_alignment_is_the_cosine_of_centred_matrices(double, rng):
    a = rng.normal(size=(6, 3))
    kernel, y = a @ a.T, np.array([1.0, 1, 1, 1, -1, -1])
    h = np.eye(6) - 1 / 6
    k, t = h @ kernel @ h, h @ np.outer(y, y) @ h
    expected = np.trace(k @ t) / np.linalg.norm(k) / np.linalg.norm(t)
    assert np.isclose(kernels.kernel_alignment(kernel, y), expected, rtol=100 * EPS)
    raw = y @ kernel @ y / 6 / np.linalg.norm(kernel)
    assert np.isclose(kernels.kernel_alignment(kernel, y, centred=False), raw, rtol=100 * EPS)


def test_the_ideal_kernel_of_classes_has_rows_that_add_up_to_zero_for_equal_sizes():
    found = kernels.label_kernel(["a", "b", "c", "a", "b", "c"])
    assert np.allclose(found.sum(axis=0), 0, atol=1e-6) and found[0, 3] == 1


def test_training_raises_alignment(rng):
    x = rng.uniform(-1, 1, size=(24, 3)).astype(np.float32)
    labels = (x[:, 0] * x[:, 1] > 0).astype(int)
    result = kernels.train_alignment(
        feature_map(), x, labels, {"w": jnp.zeros(3)}, optax.adam(0.1), 20, progress=False
    )
    assert result.history[-1] < result.history[0] - 0.01
    trained = kernels.fidelity_kernel(feature_map(), x, None, result.params)
    target = np.where(labels[:, None] == labels, 1.0, -1.0)
    assert kernels.kernel_alignment(trained, target) > 1 - result.history[0]
    drawn = kernels.train_alignment(
        feature_map(), x, labels, {"w": jnp.zeros(3)}, optax.adam(0.1), 3, batch_size=8,
        key=jax.random.key(0), progress=False, kernel=kernels.projected_kernel,
    )  # fmt: skip
    assert np.isfinite(drawn.history).all()


def test_the_geometric_difference_is_that_of_matrix_roots(double, rng):
    a, b = rng.normal(size=(2, 5, 5))
    c, q = a @ a.T + np.eye(5), b @ b.T
    c, q = c * 5 / np.trace(c), q * 5 / np.trace(q)
    root = sqrtm(q).real
    expected = np.sqrt(np.linalg.norm(root @ inv(c) @ root, 2))
    assert np.isclose(kernels.geometric_difference(3 * c, q), expected, rtol=1e-10)
    r = 0.1
    middle = sqrtm(c).real @ np.linalg.matrix_power(inv(c + r * np.eye(5)), 2) @ sqrtm(c).real
    expected = np.sqrt(np.linalg.norm(root @ middle @ root, 2))
    found = kernels.geometric_difference(c, q, regularization=r)
    assert np.isclose(found, expected, rtol=1e-10)
    assert np.isclose(kernels.geometric_difference(c, c), 1, rtol=1e-10)
    y = rng.normal(size=5)
    assert np.isclose(kernels.model_complexity(c, y), y @ inv(c) @ y, rtol=1e-10)


# --- shots ----------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("drawn", "exact"),
    [
        (kernels.shot_kernel, kernels.fidelity_kernel),
        (kernels.shot_projected_kernel, kernels.projected_kernel),
    ],
)
def test_kernels_from_shots_scatter_by_their_standard_errors(drawn, exact, data):
    x, y, weights = data
    for other in (None, y):
        expected = exact(feature_map(), x, other, weights)
        run = lambda key, o=other: drawn(feature_map(), x, o, weights, shots=400, key=key)
        found = [run(key) for key in jax.random.split(jax.random.key(1), 40)]
        values = np.array([f.value for f in found])
        errors = np.array([f.error for f in found])
        free = ~np.eye(*expected.shape, dtype=bool) if other is None else expected < 2
        scaled = ((values - expected) / np.where(free, errors, 1))[:, free]
        # Scaled deviations have mean square 1; the entries of one draw are correlated, so that
        # the 40 draws count, and not all of the numbers.
        assert abs(np.mean(scaled**2) - 1) < 5 * np.sqrt(2 / 40)
        assert np.max(np.abs(np.mean(scaled, axis=0))) < 5 / np.sqrt(40)
        if other is None:
            assert np.array_equal(values, values.swapaxes(1, 2))
            assert np.all(values[:, ~free] == 1) and np.all(errors[:, ~free] == 0)


# --- errors ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, x: kernels.fidelity_kernel(c, x), "weights must be arrays by the names"),
        (lambda c, x: kernels.fidelity_kernel(c, x[0], None, {"w": np.ones(3)}), "x must have sha"),
        (lambda c, x: kernels.fidelity_kernel(c, x[:, :2], None, {"w": np.ones(3)}), r"\.\.\., 3"),
        (lambda c, x: kernels.fidelity_kernel(c, x, None, {"w": np.ones(4)}), "w must have shape"),
        (lambda c, x: kernels.fidelity_kernel(c, x, inputs="z"), "inputs must name an open"),
        (lambda c, x: kernels.fidelity_kernel("ry", x), "must be a Circuit or a function"),
        (lambda c, x: kernels.fidelity_kernel(c, x, None, np.ones(3)), "params must be arrays"),
        (lambda c, x: kernels.fidelity_kernel(lambda x: 3, x), "must return a Circuit"),
        (lambda c, x: kernels.kernel_alignment(np.eye(2), np.ones(3)), "target must have shape"),
        (lambda c, x: kernels.label_kernel([1, 1]), "at least two classes"),
        (lambda c, x: kernels.geometric_difference(np.eye(2), np.ones(3)), "must have shape"),
        (
            lambda c, x: kernels.shot_projected_kernel(
                c, x, None, {"w": np.ones(3)}, shots=1, key=jax.random.key(0)
            ),
            "shots must be at least 2",
        ),
    ],
)
def test_what_does_not_fit_is_named(call, message):
    with pytest.raises(LearningError, match=message):
        call(feature_map(), np.zeros((2, 3)))
