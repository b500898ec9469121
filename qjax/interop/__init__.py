"""Circuits from and for other packages, each an extra that is loaded when it is needed."""

from qjax.interop.qiskit import from_qiskit as from_qiskit
from qjax.interop.qiskit import to_qiskit as to_qiskit
