"""Derivatives beyond the adjoint method: by shifts and shots, metrics, and trainability."""

from qjax.gradients.evolution import variational_evolution as variational_evolution
from qjax.gradients.metric import classical_fisher as classical_fisher
from qjax.gradients.metric import metric_product as metric_product
from qjax.gradients.metric import metric_tensor as metric_tensor
from qjax.gradients.natural import quantum_natural_gradient as quantum_natural_gradient
from qjax.gradients.shots import DIFFS as DIFFS
from qjax.gradients.shots import shot_expectation as shot_expectation
from qjax.gradients.trainability import entangling_capability as entangling_capability
from qjax.gradients.trainability import expressibility as expressibility
from qjax.gradients.trainability import gradient_variance as gradient_variance
