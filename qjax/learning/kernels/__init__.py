"""Quantum kernels: Gram matrices, their training, and what they can tell."""

from qjax.learning.kernels.fidelity import fidelity_kernel as fidelity_kernel
from qjax.learning.kernels.geometry import centre as centre
from qjax.learning.kernels.geometry import geometric_difference as geometric_difference
from qjax.learning.kernels.geometry import kernel_alignment as kernel_alignment
from qjax.learning.kernels.geometry import label_kernel as label_kernel
from qjax.learning.kernels.geometry import model_complexity as model_complexity
from qjax.learning.kernels.projected import bloch_vectors as bloch_vectors
from qjax.learning.kernels.projected import projected_kernel as projected_kernel
from qjax.learning.kernels.shots import KernelEstimate as KernelEstimate
from qjax.learning.kernels.shots import shot_kernel as shot_kernel
from qjax.learning.kernels.shots import shot_projected_kernel as shot_projected_kernel
from qjax.learning.kernels.training import train_alignment as train_alignment
