"""Noise: channels, models of machines, density matrices and trajectories.

`expectation`, `probabilities`, `sample` and `counts` take `noise=`, a `NoiseModel`; circuits may
hold channels of their own.
"""

from qjax.channels import CHANNELS as CHANNELS
from qjax.channels import Channel as Channel
from qjax.noise.density import density_matrix as density_matrix
from qjax.noise.fit import NoiseFit as NoiseFit
from qjax.noise.fit import fit as fit
from qjax.noise.model import NoiseModel as NoiseModel
from qjax.noise.trajectories import Mean as Mean
from qjax.noise.trajectories import trajectory_expectation as trajectory_expectation
