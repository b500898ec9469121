"""Training: any loss function of a pytree, with any optax optimizer."""

from qjax.train.checkpoint import checkpoint_step as checkpoint_step
from qjax.train.checkpoint import load_checkpoint as load_checkpoint
from qjax.train.checkpoint import save_checkpoint as save_checkpoint
from qjax.train.loop import fit as fit
from qjax.train.result import FitResult as FitResult
from qjax.train.result import NonFiniteError as NonFiniteError
