"""Exact decompositions of any gate into the gates of OpenQASM's libraries, or of a machine."""

from qjax.circuit.synthesis.basis import BASES as BASES
from qjax.circuit.synthesis.basis import Basis as Basis
from qjax.circuit.synthesis.decompose import decompose as decompose
from qjax.circuit.synthesis.decompose import expand as expand
