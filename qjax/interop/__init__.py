"""Circuits from and for other packages, each an extra that is loaded when it is needed."""

from qjax.interop.cirq import from_cirq as from_cirq
from qjax.interop.cirq import to_cirq as to_cirq
from qjax.interop.pennylane import from_pennylane as from_pennylane
from qjax.interop.pennylane import to_pennylane as to_pennylane
from qjax.interop.pytket import from_pytket as from_pytket
from qjax.interop.pytket import to_pytket as to_pytket
from qjax.interop.qiskit import from_qiskit as from_qiskit
from qjax.interop.qiskit import to_qiskit as to_qiskit
