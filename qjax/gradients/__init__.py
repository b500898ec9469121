"""Derivatives beyond the adjoint method: by shifts and shots, metrics, and trainability."""

from qjax.gradients.evolution import variational_evolution as variational_evolution
from qjax.gradients.hessian import HessianSpectrum as HessianSpectrum
from qjax.gradients.hessian import hessian_product as hessian_product
from qjax.gradients.hessian import hessian_spectrum as hessian_spectrum
from qjax.gradients.landscape import Landscape as Landscape
from qjax.gradients.landscape import landscape as landscape
from qjax.gradients.metric import classical_fisher as classical_fisher
from qjax.gradients.metric import metric_product as metric_product
from qjax.gradients.metric import metric_tensor as metric_tensor
from qjax.gradients.named import finite_difference as finite_difference
from qjax.gradients.named import parameter_shift as parameter_shift
from qjax.gradients.named import spsa_gradient as spsa_gradient
from qjax.gradients.shots import DIFFS as DIFFS
from qjax.gradients.shots import ShotGradient as ShotGradient
from qjax.gradients.shots import shot_expectation as shot_expectation
from qjax.gradients.shots import shot_gradient as shot_gradient
from qjax.gradients.trainability import entangling_capability as entangling_capability
from qjax.gradients.trainability import expressibility as expressibility
from qjax.gradients.trainability import gradient_variance as gradient_variance
