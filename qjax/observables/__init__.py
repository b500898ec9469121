"""Observables: Pauli sums, projectors, diagonals and Hermitian matrices."""

from qjax.observables.operators import Diagonal as Diagonal
from qjax.observables.operators import Hermitian as Hermitian
from qjax.observables.operators import Observable as Observable
from qjax.observables.operators import Projector as Projector
from qjax.observables.pauli import PauliString as PauliString
from qjax.observables.pauli import PauliSum as PauliSum
