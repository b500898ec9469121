r"""The gate table: one row per gate, and everything that is known of it.

A row is a fact sheet. Builder methods, inverses, controlled forms, plans, OpenQASM and drawings all
read it; nothing else in qjax knows a gate by name.

Qubit order: bit `k` of a matrix index is the `k`-th qubit of the gate, so the first qubit is the
least significant bit, as in Qiskit. Angles are radians.

A controlled gate is its `base` with `num_controls` control qubits in front: the row `cx` is the row
`x` with one control. Its matrix, inverse and decomposition follow from the base.

References:
    OpenQASM 3 standard library, `stdgates.inc`: https://openqasm.com/language/standard_library.html
"""

from qjax.gates.families import FAMILIES as FAMILIES
from qjax.gates.families import conjugate_gate as conjugate_gate
from qjax.gates.families import diagonal_gate as diagonal_gate
from qjax.gates.families import inverse_of as inverse_of
from qjax.gates.families import operator_gate as operator_gate
from qjax.gates.families import pauli_rotation_gate as pauli_rotation_gate
from qjax.gates.families import permutation_gate as permutation_gate
from qjax.gates.families import unitary_gate as unitary_gate
from qjax.gates.row import Gate as Gate
from qjax.gates.row import Step as Step
from qjax.gates.table import GATES as GATES
from qjax.gates.table import find_gate as find_gate
from qjax.gates.table import named_controlled as named_controlled
