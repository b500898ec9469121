"""Exact decompositions of any gate into the gates of OpenQASM's standard libraries."""

from qjax.circuit.synthesis.decompose import decompose as decompose
from qjax.circuit.synthesis.decompose import expand as expand
