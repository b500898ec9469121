"""Estimators for scikit-learn. They need scikit-learn: pip install "qjax[learning]"."""

from qjax.learning.estimators.kernel import QuantumKernelClassifier as QuantumKernelClassifier
from qjax.learning.estimators.kernel import QuantumKernelRegressor as QuantumKernelRegressor
from qjax.learning.estimators.variational import VariationalClassifier as VariationalClassifier
from qjax.learning.estimators.variational import VariationalRegressor as VariationalRegressor
