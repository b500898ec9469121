"""Exact evolution and exact low levels, in a space of few vectors, with no matrix of 2**n rows."""

from qjax.krylov.evolution import evolve as evolve
from qjax.krylov.levels import Levels as Levels
from qjax.krylov.levels import lowest as lowest
