"""Support vector machines and ridge regression with a quantum kernel, for scikit-learn."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from qjax._checks import as_positive
from qjax._extras import require
from qjax.errors import LearningError
from qjax.learning.circuits import feature_circuit
from qjax.learning.estimators.base import QuantumEstimator, as_weights, padded
from qjax.learning.kernels import bloch_vectors, fidelity_kernel, projected_kernel
from qjax.learning.kernels.gram import MEMORY

_PURPOSE = "An estimator of qjax.learning"
_base: Any = require("sklearn.base", "learning", _PURPOSE)
_svm: Any = require("sklearn.svm", "learning", _PURPOSE)
_ridge: Any = require("sklearn.kernel_ridge", "learning", _PURPOSE)
_multiclass: Any = require("sklearn.utils.multiclass", "learning", _PURPOSE)
_metaestimators: Any = require("sklearn.utils.metaestimators", "learning", _PURPOSE)
_calibration: Any = require("sklearn.calibration", "learning", _PURPOSE)
_validation: Any = require("sklearn.utils.validation", "learning", _PURPOSE)

KERNELS = ("fidelity", "projected")


class KernelEstimator(QuantumEstimator):
    """What the estimators with a kernel share."""

    def _fit_kernel(self, x: np.ndarray) -> np.ndarray:
        """Keep the training data as angles, and give their Gram matrix."""
        features, layers = x.shape[1], as_positive(self.layers, "layers", LearningError)
        # With angles d apart a rotation's fidelity is cos(d / 2)**2, about exp(-d**2 / 4). For even
        # data of width r, d**2 is r**2 / 6 on average: with this r the kernel of two rows is about
        # 1 / e, whatever their length. And no row is turned so far that it meets another.
        rotations = layers * max(features, self._qubits(features))
        width = min(np.pi / layers, (24 / rotations) ** 0.5)
        angles = self._fit_angles(x, width)
        self.feature_map_ = (
            feature_circuit(features, self._qubits(features), layers)
            if self.feature_map is None
            else self.feature_map
        )
        if self.kernel not in KERNELS:
            raise LearningError(
                f"{type(self).__name__}: kernel must be one of {KERNELS}, but is {self.kernel!r}."
            )
        self.X_fit_ = angles
        if self.kernel == "projected":
            self.gamma_ = self._scale_gamma() if self.gamma is None else self.gamma
        return self._gram(angles, None)

    def _scale_gamma(self) -> float:
        """One over the mean of |r - r'|^2 / 2 over all pairs, which is the total variance of r."""
        bloch = self._call(bloch_vectors, padded(self.X_fit_))[: len(self.X_fit_)]
        variance = float(np.sum(np.var(bloch, axis=0)))
        return 1 / variance if variance > 0 else 1.0

    def _call(self, function: Callable[..., Any], *rows: Any, **options: Any) -> np.ndarray:
        """A function of `kernels` with the estimator's circuit, weights and engine."""
        found = function(
            self.feature_map_,
            *rows,
            params=as_weights(self.weights, self.dtype) or None,
            memory=self.memory,
            dtype=self.dtype,
            engine=self.engine,
            **options,
        )
        return np.asarray(found, np.float64)

    def _gram(self, a: np.ndarray, b: np.ndarray | None) -> np.ndarray:
        """The kernel of rows of angles, with batches of few sizes."""
        rows = padded(a), None if b is None else padded(b)
        if self.kernel == "fidelity":
            found = self._call(fidelity_kernel, *rows)
        else:
            found = self._call(projected_kernel, *rows, gamma=self.gamma_)
        return found[: len(a), : len(a if b is None else b)]


class QuantumKernelClassifier(_base.ClassifierMixin, KernelEstimator):
    r"""A support vector machine with a quantum kernel.

    scikit-learn's `SVC` on the Gram matrix that `kernels.fidelity_kernel` or
    `kernels.projected_kernel` gives.

    Args:
        feature_map: A circuit as in `fidelity_kernel`; by default `circuits.feature_circuit`.
        kernel: "fidelity" or "projected".
        gamma: Of the projected kernel; by default 1 over the total variance of the training data's
            Bloch vectors, so that two rows have a kernel of about 1/e.
        C: Inverse strength of regularisation, as in `SVC`.
        class_weight: As in `SVC`.
        probability: Whether to fit `predict_proba`, by Platt's calibration in 5 folds.
        num_qubits: Qubits of the default circuit; as many as features, from 2 to 8.
        layers: How often the default circuit takes the data.
        angle_range: Width in radians of the interval to which each feature is scaled. This is the
            kernel's bandwidth, and should be tuned as one; by default such that two rows
            have a fidelity of about 1/e, and at most pi / layers.
        scale_inputs: Whether features are scaled; otherwise the circuit takes them as they are.
        weights: Weights of the feature map by name, such as alignment training gives.
        memory: Bytes that states may take at once.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Attributes:
        classes_: Labels, sorted.
        support_: Indices of the support vectors.
        X_fit_: Training data as angles, of shape (N, m).
        svc_: The machine, with a precomputed kernel.

    Raises:
        LearningError: At the fit, if an argument is not as described.

    Examples:
        >>> rng = np.random.default_rng(0)
        >>> x = rng.uniform(-1, 1, (40, 2))
        >>> y = np.where(x[:, 0] * x[:, 1] > 0, "same", "different")
        >>> bool(QuantumKernelClassifier(C=100.0).fit(x, y).score(x, y) > 0.9)
        True

    References:
        V. Havlicek et al., Supervised learning with quantum-enhanced feature spaces, Nature 567,
        209 (2019). R. Shaydulin and S. M. Wild, Importance of kernel bandwidth in quantum machine
        learning, PRA 106, 042407 (2022).
    """

    def __init__(
        self,
        feature_map: Any = None,
        *,
        kernel: str = "fidelity",
        gamma: float | None = None,
        C: float = 1.0,
        class_weight: Any = None,
        probability: bool = False,
        num_qubits: int | None = None,
        layers: int = 2,
        angle_range: float | None = None,
        scale_inputs: bool = True,
        weights: Any = None,
        memory: int = MEMORY,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        self.feature_map = feature_map
        self.kernel = kernel
        self.gamma = gamma
        self.C = C
        self.class_weight = class_weight
        self.probability = probability
        self.num_qubits = num_qubits
        self.layers = layers
        self.angle_range = angle_range
        self.scale_inputs = scale_inputs
        self.weights = weights
        self.memory = memory
        self.dtype = dtype
        self.engine = engine

    def fit(self, X: ArrayLike, y: ArrayLike) -> "QuantumKernelClassifier":
        """Fit to rows X of shape (N, m) and labels y of shape (N,)."""
        x, labels = _validation.validate_data(self, X, y, dtype=np.float64)
        _multiclass.check_classification_targets(labels)
        gram = self._fit_kernel(x)
        self.svc_ = _svm.SVC(kernel="precomputed", C=self.C, class_weight=self.class_weight)
        self.svc_.fit(gram, labels)
        self.classes_, self.support_ = self.svc_.classes_, self.svc_.support_
        if self.probability:
            self.calibrated_ = _calibration.CalibratedClassifierCV(self.svc_, ensemble=False)
            self.calibrated_.fit(gram, labels)
        return self

    def _rows(self, X: ArrayLike) -> np.ndarray:
        """The kernel of new rows; only its columns of support vectors are ever read."""
        angles = self._new_angles(X)
        gram = np.zeros((len(angles), len(self.X_fit_)))
        used = slice(None) if self.probability else self.support_
        gram[:, used] = self._gram(angles, self.X_fit_[used])
        return gram

    def decision_function(self, X: ArrayLike) -> np.ndarray:
        """Signed distances: (N,) for two classes, (N, classes) for more, as `SVC` gives them."""
        gram = self._rows(X)
        return self.svc_.decision_function(gram)

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Labels of shape (N,)."""
        gram = self._rows(X)
        return self.svc_.predict(gram)

    @_metaestimators.available_if(lambda self: self.probability)
    def predict_proba(self, X: ArrayLike) -> np.ndarray:
        """Probabilities of shape (N, classes); needs probability=True."""
        gram = self._rows(X)
        return self.calibrated_.predict_proba(gram)


class QuantumKernelRegressor(_base.RegressorMixin, KernelEstimator):
    r"""Ridge regression with a quantum kernel.

    scikit-learn's `KernelRidge` on the Gram matrix, of targets less their mean.

    Args:
        feature_map: As in `QuantumKernelClassifier`.
        kernel: "fidelity" or "projected".
        gamma: As in `QuantumKernelClassifier`.
        alpha: Strength of regularisation, as in `KernelRidge`.
        num_qubits: As in `QuantumKernelClassifier`.
        layers: As in `QuantumKernelClassifier`.
        angle_range: As in `QuantumKernelClassifier`.
        scale_inputs: As in `QuantumKernelClassifier`.
        weights: As in `QuantumKernelClassifier`.
        memory: Bytes that states may take at once.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Attributes:
        X_fit_: Training data as angles, of shape (N, m).
        intercept_: Mean of the targets.
        dual_coef_: Weights of the training rows, of shape (N,).

    Raises:
        LearningError: At the fit, if an argument is not as described.

    Examples:
        >>> x = np.linspace(-1, 1, 30)[:, None]
        >>> model = QuantumKernelRegressor(alpha=1e-3).fit(x, np.sin(3 * x[:, 0]))
        >>> bool(model.score(x, np.sin(3 * x[:, 0])) > 0.99)
        True
    """

    def __init__(
        self,
        feature_map: Any = None,
        *,
        kernel: str = "fidelity",
        gamma: float | None = None,
        alpha: float = 0.1,
        num_qubits: int | None = None,
        layers: int = 2,
        angle_range: float | None = None,
        scale_inputs: bool = True,
        weights: Any = None,
        memory: int = MEMORY,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        self.feature_map = feature_map
        self.kernel = kernel
        self.gamma = gamma
        self.alpha = alpha
        self.num_qubits = num_qubits
        self.layers = layers
        self.angle_range = angle_range
        self.scale_inputs = scale_inputs
        self.weights = weights
        self.memory = memory
        self.dtype = dtype
        self.engine = engine

    def fit(self, X: ArrayLike, y: ArrayLike) -> "QuantumKernelRegressor":
        """Fit to rows X of shape (N, m) and targets y of shape (N,)."""
        x, targets = _validation.validate_data(self, X, y, dtype=np.float64, y_numeric=True)
        gram = self._fit_kernel(x)
        self.intercept_ = float(np.mean(targets))
        ridge = _ridge.KernelRidge(alpha=self.alpha, kernel="precomputed")
        self.dual_coef_ = ridge.fit(gram, targets - self.intercept_).dual_coef_
        return self

    def predict(self, X: ArrayLike) -> np.ndarray:
        """Values of shape (N,)."""
        return self._gram(self._new_angles(X), self.X_fit_) @ self.dual_coef_ + self.intercept_
