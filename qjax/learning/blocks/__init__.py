"""Hybrid blocks in plain JAX, each with a classical twin."""

from qjax.learning.blocks.adapters import Adapter as Adapter
from qjax.learning.blocks.adapters import AmplitudeAdapter as AmplitudeAdapter
from qjax.learning.blocks.adapters import LowRankAdapter as LowRankAdapter
from qjax.learning.blocks.adapters import UnitaryAdapter as UnitaryAdapter
from qjax.learning.blocks.attention import Attention as Attention
from qjax.learning.blocks.attention import QuantumAttention as QuantumAttention
from qjax.learning.blocks.dense import Dense as Dense
from qjax.learning.blocks.dense import FeedForward as FeedForward
from qjax.learning.blocks.feed_forward import QuantumFeedForward as QuantumFeedForward
from qjax.learning.blocks.recurrent import GRUCell as GRUCell
from qjax.learning.blocks.recurrent import LSTMCell as LSTMCell
from qjax.learning.blocks.recurrent import QuantumLSTMCell as QuantumLSTMCell
