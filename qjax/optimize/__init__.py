"""Optimizers for circuits, as transformations for optax: in `qjax.fit`, or in a loop of one's own.

All work under `jit` and with `restarts=`. Those that evaluate the loss at other points need
`value_fn`, which `qjax.fit` gives them.
"""

from qjax.optimize.icans import IcansState as IcansState
from qjax.optimize.icans import icans as icans
from qjax.optimize.natural import quantum_natural_gradient as quantum_natural_gradient
from qjax.optimize.qnspsa import QnspsaState as QnspsaState
from qjax.optimize.qnspsa import qnspsa as qnspsa
from qjax.optimize.rotosolve import RotosolveState as RotosolveState
from qjax.optimize.rotosolve import rotosolve as rotosolve
from qjax.optimize.spectrum import parameter_frequencies as parameter_frequencies
from qjax.optimize.spsa import SpsaState as SpsaState
from qjax.optimize.spsa import spsa as spsa
