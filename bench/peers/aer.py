"""Qiskit Aer (C++): statevector with gate fusion, single precision."""

import numpy as np
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator

NAME = "qiskit-aer"
PRECISION = "complex64"


def _circuit(workload):
    circuit = QuantumCircuit(workload.num_qubits)
    for name, qubits, angle in workload.bound():
        gate = getattr(circuit, name)
        gate(*qubits) if angle is None else gate(angle, *qubits)
    circuit.save_statevector()
    return circuit


def forward(workload):
    simulator = AerSimulator(method="statevector", precision="single", fusion_enable=True)
    circuit = _circuit(workload)
    return lambda: simulator.run(circuit, shots=1).result()


def amplitudes(workload):
    simulator = AerSimulator(method="statevector", precision="single")
    return np.asarray(simulator.run(_circuit(workload)).result().get_statevector())
