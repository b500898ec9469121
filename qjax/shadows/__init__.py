"""Classical shadows: many properties of a state from measurements in random bases.

`classical_shadow` measures every qubit in X, Y or Z, for observables on few qubits of many;
`clifford_shadow` measures after a random Clifford circuit on all qubits, for fidelities and other
observables of low rank on few qubits.

References:
    H.-Y. Huang, R. Kueng, J. Preskill, Predicting many properties of a quantum system from very few
    measurements, Nature Physics 16, 1050 (2020).
"""

from qjax.shadows.clifford import CliffordShadow as CliffordShadow
from qjax.shadows.estimated import Estimated as Estimated
from qjax.shadows.measure import classical_shadow as classical_shadow
from qjax.shadows.measure import clifford_shadow as clifford_shadow
from qjax.shadows.pauli import Shadow as Shadow
