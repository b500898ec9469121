"""The table of noise channels: one row per channel, and everything that is known of it.

A channel takes a density matrix rho to sum_k K_k rho K_k^dagger. As for gates, bit k of a matrix
index is the k-th qubit. A *superoperator* acts on rho as a vector whose index is i + d j for the
entry rho[i, j]: its low bits are those of the row, its high bits those of the column.
"""

from qjax.channels.families import FAMILIES as FAMILIES
from qjax.channels.families import kraus_channel as kraus_channel
from qjax.channels.families import kraus_of_superoperator as kraus_of_superoperator
from qjax.channels.families import pauli_channel as pauli_channel
from qjax.channels.families import pauli_probabilities as pauli_probabilities
from qjax.channels.row import Channel as Channel
from qjax.channels.table import CHANNELS as CHANNELS
from qjax.channels.table import find_channel as find_channel
