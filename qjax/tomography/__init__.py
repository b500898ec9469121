"""Quantum state tomography: the density matrix of few qubits, from counts in all Pauli bases.

`circuits` makes what a simulator or a machine is to run, `fit` makes the most likely density matrix
of what it counts.

Examples:
    >>> import jax, qjax as qj
    >>> from qjax import tomography
    >>> bell = qj.Circuit(2).h(0).cx(0, 1)
    >>> keys = jax.random.split(jax.random.key(0), 9)
    >>> counts = [qj.counts(c, 2000, k) for c, k in zip(tomography.circuits(bell), keys)]
    >>> found = tomography.fit(counts)
    >>> fidelity = found.fidelity(qj.statevector(bell), key=jax.random.key(1), resamples=20)
    >>> bool(fidelity.value > 0.98), found.converged
    (True, True)
"""

from qjax.tomography.bootstrap import Tomography as Tomography
from qjax.tomography.bootstrap import fit as fit
from qjax.tomography.settings import circuits as circuits
from qjax.tomography.settings import settings as settings
