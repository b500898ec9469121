"""Qulacs (C++): light circuit optimizer for forward runs, backpropagation; complex128."""

import numpy as np
import qulacs
from qulacs.circuit import QuantumCircuitOptimizer

NAME = "qulacs"
PRECISION = "complex128"
_FIXED = {
    "h": "add_H_gate", "t": "add_T_gate", "cx": "add_CNOT_gate", "cz": "add_CZ_gate",
    "swap": "add_SWAP_gate", "sx": "add_sqrtX_gate",
}  # fmt: skip


def _add(circuit, name, qubits, angle):
    # Its rotations turn by exp(+i angle P / 2).
    if name in _FIXED:
        getattr(circuit, _FIXED[name])(*qubits)
    elif name in ("rx", "ry", "rz"):
        getattr(circuit, f"add_{name.upper()}_gate")(qubits[0], -angle)
    elif name == "rzz":
        circuit.add_multi_Pauli_rotation_gate(list(qubits), [3, 3], -angle)
    elif name == "cp":
        gate = qulacs.gate.to_matrix_gate(qulacs.gate.U1(qubits[1], angle))
        gate.add_control_qubit(qubits[0], 1)
        circuit.add_gate(gate)
    else:
        raise ValueError(name)


def _fused(workload):
    circuit = qulacs.QuantumCircuit(workload.num_qubits)
    for step in workload.bound():
        _add(circuit, *step)
    QuantumCircuitOptimizer().optimize_light(circuit)
    return circuit


def forward(workload):
    circuit, state = _fused(workload), qulacs.QuantumState(workload.num_qubits)

    def run():
        state.set_zero_state()
        circuit.update_quantum_state(state)

    return run


def amplitudes(workload):
    state = qulacs.QuantumState(workload.num_qubits)
    _fused(workload).update_quantum_state(state)
    return state.get_vector()


def value_and_gradient(workload):
    circuit = qulacs.ParametricQuantumCircuit(workload.num_qubits)
    places = []
    for name, qubits, angle in workload.steps:
        if not isinstance(angle, int):
            _add(circuit, name, qubits, angle)
            continue
        value = -float(workload.values[angle])
        if name == "rzz":
            circuit.add_parametric_multi_Pauli_rotation_gate(list(qubits), [3, 3], value)
        else:
            getattr(circuit, f"add_parametric_{name.upper()}_gate")(qubits[0], value)
        places.append(angle)
    observable = qulacs.Observable(workload.num_qubits)
    for c, string in workload.terms:
        observable.add_operator(c, " ".join(f"{p} {q}" for p, q in string))
    state = qulacs.QuantumState(workload.num_qubits)

    def run():
        state.set_zero_state()
        circuit.update_quantum_state(state)
        value = observable.get_expectation_value(state)
        gradient = np.zeros(len(workload.values))
        np.add.at(gradient, places, -np.array(circuit.backprop(observable)))
        return value, gradient

    return run
