"""Machine learning: quantum kernels, scikit-learn estimators, layers and hybrid blocks."""

from qjax.learning import initializers as initializers
from qjax.learning import kernels as kernels
from qjax.learning.block import Block as Block
from qjax.learning.block import count_parameters as count_parameters
from qjax.learning.initializers import identity_blocks as identity_blocks
from qjax.learning.kernels import fidelity_kernel as fidelity_kernel
from qjax.learning.kernels import projected_kernel as projected_kernel
from qjax.learning.model import QuantumModel as QuantumModel
