"""Machine learning: quantum kernels, scikit-learn estimators, layers and hybrid blocks.

The estimators, and the modules `nnx` and `equinox`, are loaded when they are first asked for: they
need packages of the extra `learning`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from qjax.learning import blocks as blocks
from qjax.learning import circuits as circuits
from qjax.learning import initializers as initializers
from qjax.learning import kernels as kernels
from qjax.learning.block import Block as Block
from qjax.learning.block import count_parameters as count_parameters
from qjax.learning.freeze import train_only as train_only
from qjax.learning.freeze import trainable_mask as trainable_mask
from qjax.learning.initializers import identity_blocks as identity_blocks
from qjax.learning.kernels import fidelity_kernel as fidelity_kernel
from qjax.learning.kernels import projected_kernel as projected_kernel
from qjax.learning.model import QuantumModel as QuantumModel
from qjax.learning.twins import closest_in_size as closest_in_size

if TYPE_CHECKING:
    from qjax.learning import equinox as equinox
    from qjax.learning import nnx as nnx
    from qjax.learning.estimators import QuantumKernelClassifier as QuantumKernelClassifier
    from qjax.learning.estimators import QuantumKernelRegressor as QuantumKernelRegressor
    from qjax.learning.estimators import VariationalClassifier as VariationalClassifier
    from qjax.learning.estimators import VariationalRegressor as VariationalRegressor

_MODULES = ("equinox", "nnx", "estimators")
_ESTIMATORS = (
    "QuantumKernelClassifier",
    "QuantumKernelRegressor",
    "VariationalClassifier",
    "VariationalRegressor",
)


def __getattr__(name: str) -> Any:
    """Modules and classes that need an extra."""
    if name in _MODULES:
        return import_module(f"qjax.learning.{name}")
    if name in _ESTIMATORS:
        return getattr(import_module("qjax.learning.estimators"), name)
    raise AttributeError(f"module 'qjax.learning' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES, *_ESTIMATORS])
