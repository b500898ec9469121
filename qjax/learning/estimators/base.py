"""What the estimators share: how features become angles, and rows in a few batch sizes."""

import math
from typing import Any

import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive
from qjax._extras import require
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import LearningError

_PURPOSE = "An estimator of qjax.learning"
_base: Any = require("sklearn.base", "learning", _PURPOSE)
_validation: Any = require("sklearn.utils.validation", "learning", _PURPOSE)

MOST_QUBITS = 8  # of a circuit that is made for the data; more features share qubits


class QuantumEstimator(_base.BaseEstimator):
    """Base of the estimators: validation, and the map from features to angles.

    Every feature is mapped by its range in the training data to an interval of width `angle_range`
    around zero; new data may lie beyond. A feature that is constant in training becomes 0.
    """

    angle_range: float | None
    scale_inputs: bool
    num_qubits: int | None
    dtype: Any

    def _fit_angles(self, x: np.ndarray, default: float) -> np.ndarray:
        """Learn the scale of the features, and apply it."""
        low, high = x.min(axis=0), x.max(axis=0)
        if self.scale_inputs:
            width = default if self.angle_range is None else float(self.angle_range)
            if not (math.isfinite(width) and width > 0):
                raise LearningError(
                    f"{type(self).__name__}: angle_range must be a positive number of radians, "
                    f"but is {self.angle_range!r}."
                )
            spread = high - low
            self.feature_centre_ = low + spread / 2
            self.feature_scale_ = np.where(spread > 0, width / np.where(spread > 0, spread, 1), 0)
        else:
            self.feature_centre_ = np.zeros(x.shape[1])
            self.feature_scale_ = np.ones(x.shape[1])
        return self._angles(x)

    def _angles(self, x: np.ndarray) -> np.ndarray:
        real = real_dtype(complex_dtype(self.dtype))
        return ((x - self.feature_centre_) * self.feature_scale_).astype(real)

    def _new_angles(self, x: Any) -> np.ndarray:
        """Angles of data that come after the fit."""
        _validation.check_is_fitted(self)
        return self._angles(_validation.validate_data(self, x, reset=False, dtype=np.float64))

    def _qubits(self, features: int, least: int = 2) -> int:
        """Qubits of a circuit that is made for the data."""
        if self.num_qubits is None:
            return max(least, min(features, MOST_QUBITS))
        return as_positive(self.num_qubits, f"{type(self).__name__}: num_qubits", LearningError)


def padded(rows: np.ndarray) -> np.ndarray:
    """Rows filled up to a power of two, so that few batch sizes are ever compiled.

    Examples:
        >>> padded(np.ones((11, 2))).shape
        (16, 2)
    """
    size = max(8, 1 << (len(rows) - 1).bit_length())
    return np.concatenate([rows, np.zeros((size - len(rows), *rows.shape[1:]), rows.dtype)])


def as_weights(weights: Any, dtype: Any) -> dict[str, Any]:
    """Weights by name as arrays of the precision of the states."""
    real = real_dtype(complex_dtype(dtype))
    return {name: jnp.asarray(np.asarray(value), real) for name, value in (weights or {}).items()}
