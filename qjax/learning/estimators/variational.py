"""Trained circuits as a classifier and a regressor, for scikit-learn."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import ArrayLike

from qjax._checks import as_positive, is_sequence
from qjax._extras import require
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import LearningError
from qjax.learning.circuits import pauli_strings, reuploading_circuit
from qjax.learning.estimators.base import QuantumEstimator, padded
from qjax.learning.model import QuantumModel
from qjax.train import fit

_PURPOSE = "An estimator of qjax.learning"
_base: Any = require("sklearn.base", "learning", _PURPOSE)
_multiclass: Any = require("sklearn.utils.multiclass", "learning", _PURPOSE)
_validation: Any = require("sklearn.utils.validation", "learning", _PURPOSE)

BATCH = 128  # rows in a step where nothing else is asked for


class VariationalEstimator(QuantumEstimator):
    """What the trained circuits share, their arguments too."""

    def __init__(
        self,
        circuit: Any = None,
        observables: Any = None,
        *,
        num_qubits: int | None = None,
        layers: int = 3,
        angle_range: float | None = None,
        scale_inputs: bool = True,
        steps: int = 500,
        batch_size: int | None = None,
        learning_rate: float = 0.05,
        optimizer: Any = None,
        initializer: Any = None,
        random_state: Any = None,
        progress: bool | None = False,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        self.circuit = circuit
        self.observables = observables
        self.num_qubits = num_qubits
        self.layers = layers
        self.angle_range = angle_range
        self.scale_inputs = scale_inputs
        self.steps = steps
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.optimizer = optimizer
        self.initializer = initializer
        self.random_state = random_state
        self.progress = progress
        self.dtype = dtype
        self.engine = engine

    def _model(self, features: int, outputs: int) -> QuantumModel:
        """The circuit and observables of this data; the same object for the same sizes."""
        if self.circuit is None and self.observables is None and self.initializer is None:
            least = max(2, -(-outputs.bit_length() // 2))
            n = self._qubits(features, least)
            return _default_model(
                features, n, self.layers, outputs, complex_dtype(self.dtype), self.engine
            )
        circuit = self.circuit
        if circuit is None:
            circuit = reuploading_circuit(features, self._qubits(features), self.layers)
        observables = self.observables
        if observables is None:
            observables = pauli_strings(circuit.num_qubits, outputs)
        elif not is_sequence(observables):
            observables = [observables]
        return QuantumModel(
            circuit, observables, initializer=self.initializer, dtype=self.dtype,
            engine=self.engine,
        )  # fmt: skip

    def _train(
        self, loss: Callable[..., Any], make: Callable[[jax.Array], Any], x: Any, y: Any
    ) -> Any:
        """Minimise a loss over batches, and give the parameters as NumPy arrays."""
        seed = _validation.check_random_state(self.random_state).randint(2**31 - 1)
        draw, order = jax.random.split(jax.random.key(seed))
        name = f"{type(self).__name__}: batch_size"
        size = as_positive(
            BATCH if self.batch_size is None else self.batch_size, name, LearningError
        )
        whole = size >= len(x)
        own = self.optimizer is not None
        result = fit(
            loss,
            make(draw),
            self.optimizer if own else optax.adam,
            self.steps,
            data=(jnp.asarray(x), jnp.asarray(y)),
            batch_size=None if whole else size,
            key=None if whole else order,
            hyperparameters=None if own else {"learning_rate": self.learning_rate},
            progress=self.progress,
        )
        self.loss_curve_ = np.asarray(result.history)
        self.n_steps_ = result.steps
        return jax.tree.map(np.asarray, result.params)

    def _apply(self, x: np.ndarray) -> np.ndarray:
        """Expectation values (N, k) of rows of angles."""
        model = _expectations(self.model_)
        found = model(jax.tree.map(jnp.asarray, self.params_["circuit"]), padded(x))
        return np.asarray(found, np.float64)[: len(x)]

    def __getstate__(self) -> dict[str, Any]:
        """Without the model, which is made anew when it is needed; so that pickles are small."""
        state = super().__getstate__()
        state.pop("_built", None)
        return state

    @property
    def model_(self) -> QuantumModel:
        """The `QuantumModel` that was trained; its weights are params_["circuit"]."""
        _validation.check_is_fitted(self, "params_")
        if not hasattr(self, "_built"):
            self._built = self._model(self.n_features_in_, self._outputs)
        return self._built


class VariationalClassifier(_base.ClassifierMixin, VariationalEstimator):
    r"""A trained circuit that classifies by a softmax over expectation values.

    p_k = softmax_k(s <O_k> + b_k), with one observable per class; trained are the circuit's angles,
    the scale s and the biases b, for the mean cross-entropy.

    Args:
        circuit: A template whose parameter x takes the features and whose others are trained; by
            default `circuits.reuploading_circuit`.
        observables: One per class; by default Pauli strings, first Z on each qubit.
        num_qubits: Qubits of the default circuit; as many as features, from 2 to 8.
        layers: Layers of the default circuit.
        angle_range: Width in radians of the interval that each feature is scaled to; by default pi.
        scale_inputs: Whether features are scaled; otherwise the circuit takes them as they are.
        steps: Steps of the optimizer.
        batch_size: Rows of a step; 128 by default, or all if there are no more.
        learning_rate: Of Adam.
        optimizer: An optax optimizer in place of Adam. One that cannot be pickled makes an
            estimator that cannot.
        initializer: Of the weights, as in `QuantumModel`.
        random_state: Seed, generator or None, as everywhere in scikit-learn: of first weights and
            batches.
        progress: Whether to show a progress bar; None shows it if tqdm is installed.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Attributes:
        classes_: Labels, sorted.
        params_: Trained parameters: "circuit" (by name), "scale" and "bias".
        loss_curve_: Loss at every step, of shape (steps,).
        model_: The `QuantumModel`.

    Raises:
        LearningError: At the fit, if an argument is not as described.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.uniform(-1, 1, (60, 2))
        >>> y = np.where(x[:, 0] ** 2 + x[:, 1] ** 2 < 0.6, "in", "out")
        >>> model = VariationalClassifier(steps=100, random_state=0).fit(x, y)
        >>> bool(model.score(x, y) > 0.9)
        True

    References:
        M. Schuld et al., Circuit-centric quantum classifiers, PRA 101, 032308 (2020).
        A. Perez-Salinas et al., Data re-uploading for a universal quantum classifier, Quantum 4,
        226 (2020).
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> "VariationalClassifier":
        """Fit to rows X of shape (N, m) and labels y of shape (N,)."""
        x, labels = _validation.validate_data(self, X, y, dtype=np.float64)
        _multiclass.check_classification_targets(labels)
        self.classes_, index = np.unique(labels, return_inverse=True)
        k = len(self.classes_)
        if k < 2:
            raise LearningError(
                f"VariationalClassifier: y must hold at least two classes, but has {k} class."
            )
        given = self.observables
        if given is not None and (count := len(given) if is_sequence(given) else 1) != k:
            raise LearningError(
                f"VariationalClassifier: observables must be one for each of {k} classes, but are "
                f"{count}."
            )
        angles = self._fit_angles(x, np.pi)
        model = self._model(x.shape[1], k)
        real = real_dtype(model.dtype)
        make = lambda key: {
            "circuit": model.init(key),
            "scale": jnp.asarray(3.0, real),
            "bias": jnp.zeros(k, real),
        }
        loss = _cross_entropy(model)
        self._outputs, self._built = k, model
        self.params_ = self._train(loss, make, angles, index.astype(np.int32))
        return self

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Logits: (N, classes); for two classes their difference, of shape (N,)."""
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of shape (N, classes)."""
        logits = self._logits(X)
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        return raised / raised.sum(axis=1, keepdims=True)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Labels of shape (N,)."""
        logits = self._logits(X)
        return self.classes_[np.argmax(logits, axis=1)]

    def _logits(self, X: ArrayLike) -> np.ndarray:
        angles = self._new_angles(X)
        return self._apply(angles) * float(self.params_["scale"]) + self.params_["bias"]


class VariationalRegressor(_base.RegressorMixin, VariationalEstimator):
    r"""A trained circuit that predicts an affine function of expectation values.

    y = b + sum_k a_k <O_k>, trained for the mean squared error. Adam moves the circuit's angles, a
    and b together; at the end a and b, of which the model is linear, are set to their least squares
    solution.

    Args:
        circuit: As in `VariationalClassifier`.
        observables: Any number; by default Z on each qubit.
        num_qubits: As in `VariationalClassifier`.
        layers: As in `VariationalClassifier`.
        angle_range: As in `VariationalClassifier`.
        scale_inputs: As in `VariationalClassifier`.
        steps: As in `VariationalClassifier`.
        batch_size: As in `VariationalClassifier`.
        learning_rate: As in `VariationalClassifier`.
        optimizer: As in `VariationalClassifier`.
        initializer: As in `VariationalClassifier`.
        random_state: As in `VariationalClassifier`.
        progress: As in `VariationalClassifier`.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Attributes:
        params_: Trained parameters: "circuit" (by name), "coef" and "intercept".
        loss_curve_: Mean squared error at every step, of targets scaled to variance 1.
        model_: The `QuantumModel`.

    Raises:
        LearningError: At the fit, if an argument is not as described.

    Examples:
        >>> x = np.linspace(-1, 1, 40)[:, None]
        >>> y = np.sin(3 * x[:, 0]) + 10
        >>> model = VariationalRegressor(steps=100, random_state=0).fit(x, y)
        >>> bool(model.score(x, y) > 0.99)
        True

    References:
        K. Mitarai et al., Quantum circuit learning, PRA 98, 032309 (2018).
    """

    def fit(self, X: ArrayLike, y: ArrayLike) -> "VariationalRegressor":
        """Fit to rows X of shape (N, m) and targets y of shape (N,)."""
        x, targets = _validation.validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        angles = self._fit_angles(x, np.pi)
        features = x.shape[1]
        if self.circuit is not None:
            outputs = self.circuit.num_qubits
        else:
            outputs = self._qubits(features)
        model = self._model(features, outputs)
        k, real = len(model.observables), real_dtype(model.dtype)
        make = lambda key: {
            "circuit": model.init(key),
            "coef": jnp.full(k, k**-0.5, real),
            "intercept": jnp.zeros((), real),
        }
        mean, spread = targets.mean(), targets.std() or 1.0
        loss = _squared_error(model)
        self._outputs, self._built = outputs, model
        scaled = ((targets - mean) / spread).astype(real)
        self.params_ = self._train(loss, make, angles, scaled)
        design = np.column_stack([self._apply(angles), np.ones(len(x))])
        solution = np.linalg.lstsq(design, targets, rcond=1e-6)[0]
        self.params_.update(coef=solution[:-1], intercept=solution[-1])
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Values of shape (N,)."""
        angles = self._new_angles(X)
        return self._apply(angles) @ self.params_["coef"] + self.params_["intercept"]


@lru_cache(maxsize=64)
def _default_model(
    features: int, qubits: int, layers: int, outputs: int, dtype: Any, engine: str | None
) -> QuantumModel:
    """One object per size, so that a fit of the same shape compiles nothing."""
    return QuantumModel(
        reuploading_circuit(features, qubits, layers),
        pauli_strings(qubits, outputs),
        dtype=dtype,
        engine=engine,
    )


@lru_cache(maxsize=64)
def _expectations(model: QuantumModel) -> Callable[..., jax.Array]:
    return jax.jit(model.apply)


@lru_cache(maxsize=64)
def _cross_entropy(model: QuantumModel) -> Callable[..., jax.Array]:
    return partial(_mean_cross_entropy, model)


def _mean_cross_entropy(model: QuantumModel, params: Any, batch: Any) -> jax.Array:
    x, index = batch
    logits = model.apply(params["circuit"], x) * params["scale"] + params["bias"]
    return jnp.mean(optax.softmax_cross_entropy_with_integer_labels(logits, index))


@lru_cache(maxsize=64)
def _squared_error(model: QuantumModel) -> Callable[..., jax.Array]:
    return partial(_mean_squared_error, model)


def _mean_squared_error(model: QuantumModel, params: Any, batch: Any) -> jax.Array:
    x, y = batch
    found = jnp.sum(model.apply(params["circuit"], x) * params["coef"], axis=-1)
    return jnp.mean((found + params["intercept"] - y) ** 2)
