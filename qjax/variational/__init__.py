"""Variational algorithms: circuits that grow, and excited states."""

from qjax.variational.adapt import AdaptResult as AdaptResult
from qjax.variational.adapt import adapt_vqe as adapt_vqe
from qjax.variational.excited import ExcitedStates as ExcitedStates
from qjax.variational.excited import ssvqe as ssvqe
from qjax.variational.excited import vqd as vqd
