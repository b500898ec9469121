"""Estimators: scikit-learn's own checks, and what a quantum estimator must keep."""

import pickle

import jax
import numpy as np
import optax
import oracle
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC
from sklearn.utils.estimator_checks import parametrize_with_checks

import qjax as qj
from qjax.errors import LearningError
from qjax.learning import (
    QuantumKernelClassifier,
    QuantumKernelRegressor,
    VariationalClassifier,
    VariationalRegressor,
)

MORE = [
    QuantumKernelRegressor(kernel="projected"),
    VariationalClassifier(random_state=0),
    VariationalRegressor(random_state=0),
]
QUICK = [
    QuantumKernelClassifier(),
    QuantumKernelRegressor(),
    VariationalClassifier(steps=5, random_state=3),
    VariationalRegressor(steps=5, random_state=3),
]


@parametrize_with_checks([QuantumKernelClassifier()])
def test_scikit_learns_checks_of_a_kernel_machine(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks(MORE)
def test_scikit_learns_checks_of_the_other_estimators(estimator, check):
    check(estimator)


@pytest.fixture
def disc(rng):
    x = rng.uniform(-1, 1, size=(80, 2))
    return x, np.where(np.sum(x**2, axis=1) < 0.6, "in", "out")


def test_a_text_is_one_observable(disc):
    x, y = disc
    for one in ("Z1", qj.PauliSum("Z1")):
        model = VariationalRegressor(observables=one, num_qubits=2, steps=1).fit(x, y == "in")
        assert len(model.model_.observables) == 1
    with pytest.raises(LearningError, match="one for each of 2 classes, but are 1"):
        VariationalClassifier(observables="Z0", num_qubits=2, steps=1).fit(x, y)


@pytest.mark.parametrize("estimator", QUICK, ids=lambda e: type(e).__name__)
def test_an_estimator_survives_clone_and_pickle(estimator, disc):
    x, y = disc
    target = (y == "in").astype(float)
    target = target if isinstance(estimator, (QuantumKernelRegressor, VariationalRegressor)) else y
    first = clone(estimator).fit(x, target)
    again = pickle.loads(pickle.dumps(first))
    assert np.array_equal(first.predict(x), again.predict(x))
    assert again.get_params() == estimator.get_params()
    assert np.array_equal(clone(estimator).fit(x, target).predict(x), first.predict(x))


def test_the_support_vector_machine_sees_the_dense_kernel(rng):
    x = rng.uniform(-1, 1, size=(30, 2))
    y = (x[:, 0] > x[:, 1]).astype(int) + (x[:, 0] > 0.5)  # three classes
    data = qj.ParameterVector("x", 2)
    circuit = qj.Circuit(2).ry(data, range(2)).cx(0, 1).rz(data, range(2)).ry(data, range(2))
    model = QuantumKernelClassifier(circuit, scale_inputs=False, C=3.0).fit(x, y)
    states = np.array([oracle.statevector(circuit.bind({"x": row})) for row in x])
    gram = np.abs(states.conj() @ states.T) ** 2
    dense = SVC(C=3.0, kernel="precomputed").fit(gram, y)
    assert np.allclose(model.decision_function(x), dense.decision_function(gram), atol=2e-3)
    assert np.array_equal(model.predict(x), dense.predict(gram))


def test_kernel_machines_learn_the_disc_with_probabilities(disc):
    x, y = disc
    for kernel in ("fidelity", "projected"):
        model = QuantumKernelClassifier(kernel=kernel, probability=True, C=10.0).fit(x[:60], y[:60])
        chances = model.predict_proba(x[60:])
        assert np.allclose(chances.sum(axis=1), 1) and model.score(x[60:], y[60:]) >= 0.8
    assert not hasattr(QuantumKernelClassifier(), "predict_proba")


def test_grid_search_over_a_pipeline(disc):
    x, y = disc
    pipeline = make_pipeline(StandardScaler(), QuantumKernelClassifier())
    grid = {"quantumkernelclassifier__angle_range": [0.5, 3.0]}
    found = GridSearchCV(pipeline, grid, cv=2).fit(x, y)
    assert found.best_score_ > 0.7
    assert cross_val_score(pipeline, x, y, cv=2).shape == (2,)


def test_a_variational_classifier_learns_three_classes():
    x, y = load_iris(return_X_y=True)
    model = VariationalClassifier(steps=150, layers=2, batch_size=50, random_state=0).fit(x, y)
    assert model.score(x, y) > 0.93
    chances = model.predict_proba(x)
    assert chances.shape == (150, 3) and np.allclose(chances.sum(axis=1), 1)
    assert model.loss_curve_.shape == (150,) and model.loss_curve_[-1] < model.loss_curve_[0]
    # The softmax of the oracle's expectation values.
    params = model.params_
    bound = model.model_.data_circuit.circuit.bind(
        {"x": (x[0] - model.feature_centre_) * model.feature_scale_, **params["circuit"]}
    )
    state = oracle.statevector(bound)
    values = [oracle.expectation(state, {text: 1.0}) for text in ("Z0", "Z1", "Z2")]
    logits = params["scale"] * np.array(values) + params["bias"]
    assert np.allclose(chances[0], np.exp(logits) / np.exp(logits).sum(), atol=1e-4)


def test_a_regressor_reaches_the_line_of_least_squares(rng):
    x = rng.uniform(-3, 5, size=(100, 1))
    y = 2 * x[:, 0] - 4 + rng.normal(size=100) * 0.5
    line = LinearRegression().fit(x, y)
    error = lambda model: np.mean((model.predict(x) - y) ** 2)
    model = VariationalRegressor(random_state=0).fit(x, y)
    assert error(model) < 1.01 * error(line)
    assert error(QuantumKernelRegressor(alpha=1e-3).fit(x, y)) < 1.05 * error(line)


def test_seeds_decide_and_are_not_kept(disc):
    x, y = disc
    run = lambda seed: VariationalClassifier(steps=3, random_state=seed).fit(x, y).loss_curve_
    assert np.array_equal(run(1), run(1)) and not np.array_equal(run(1), run(2))
    assert np.array_equal(run(np.random.RandomState(7)), run(np.random.RandomState(7)))


def test_double_precision_gives_double_angles(double, disc):
    x, y = disc
    kernel = QuantumKernelClassifier(dtype=double).fit(x, y)
    assert kernel.X_fit_.dtype == np.float64


def test_an_optimizer_and_a_circuit_of_ones_own(disc):
    x, y = disc
    data, w = qj.ParameterVector("x", 2), qj.ParameterVector("w", 4)
    circuit = qj.Circuit(2).rx(w[:2], range(2)).ry(data, range(2)).cz(0, 1).rx(w[2:], range(2))
    model = VariationalClassifier(
        circuit, ["Z0", "Z1"], optimizer=optax.sgd(0.1), steps=4, batch_size=20, random_state=0
    ).fit(x, y)
    assert model.params_["circuit"]["w"].shape == (4,)
    weights = {"w": np.arange(4.0)}
    kernel = QuantumKernelClassifier(circuit, weights=weights).fit(x, y)
    assert kernel.predict(x).shape == (80,)


def test_a_second_fit_of_the_same_shape_compiles_nothing(disc):
    x, y = disc
    VariationalClassifier(steps=2, random_state=0).fit(x, y).predict(x)
    compiled = []
    listener = lambda event, *_, **__: compiled.append(event)
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        VariationalClassifier(steps=4, learning_rate=0.2, random_state=1).fit(x, y).predict(x)
        assert not [event for event in compiled if "backend_compile" in event]
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)


@pytest.mark.parametrize(
    ("estimator", "message"),
    [
        (QuantumKernelClassifier(kernel="rbf"), "kernel must be one of"),
        (QuantumKernelClassifier(angle_range=-1.0), "angle_range must be a positive"),
        (QuantumKernelClassifier(num_qubits=0), "num_qubits must be at least 1"),
        (QuantumKernelClassifier(qj.Circuit(1).h(0)), "inputs must name an open parameter"),
        (VariationalClassifier(batch_size=0), "batch_size must be at least 1"),
        (VariationalClassifier(layers=0), "layers must be at least 1"),
        (VariationalClassifier(observables=["Z0"]), "one for each of 2 classes"),
    ],
)
def test_bad_arguments_are_named_at_the_fit(estimator, message, disc):
    with pytest.raises(LearningError, match=message):
        estimator.fit(*disc)
