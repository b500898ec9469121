"""Circuits that are more than gates: outcomes, resets, conditions, channels of noise.

Three ways to run one. *Deferred*: a measured qubit that no gate touches again is measured at the
end, and conditions on its outcome become controls; what is left may be a circuit of gates.
*Branches*: a measurement or reset doubles the states, one for each outcome, whose squared norms are
the probabilities; this is exact and has derivatives. *Trajectories*: every shot has a state of its
own, and outcomes are drawn on the way, whatever the number of measurements. Channels of noise have
trajectories only: a mixture of unitaries is a gate chosen beforehand, another channel applies one
Kraus operator, chosen by its probability in the state.
"""

from qjax.dynamic.branching import Branches as Branches
from qjax.dynamic.branching import branch_states as branch_states
from qjax.dynamic.branching import branches as branches
from qjax.dynamic.deferred import deferred as deferred
from qjax.dynamic.deferred import without_coherences as without_coherences
from qjax.dynamic.samples import sample_bits as sample_bits
from qjax.dynamic.steps import final_measurements as final_measurements
from qjax.dynamic.steps import is_dynamic as is_dynamic
from qjax.dynamic.steps import without_final_measurements as without_final_measurements
from qjax.dynamic.trajectories import chunk_size as chunk_size
from qjax.dynamic.trajectories import observed_trajectories as observed_trajectories
