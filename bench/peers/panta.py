"""panta-sim (Rust): its fused statevector, and adjoint gradients, which are complex128 only."""

import numpy as np
import panta_sim

NAME = "panta-sim"
PRECISION = "complex128"


def circuit_of(workload):
    circuit = panta_sim.QuantumCircuit(workload.num_qubits)
    for name, qubits, angle in workload.bound():
        gate = getattr(circuit, name)
        gate(*qubits) if angle is None else gate(angle, *qubits)
    return circuit


def forward(workload, precision="complex128"):
    circuit = circuit_of(workload)
    kind = "f64" if precision == "complex128" else "f32"
    return lambda: circuit.run(shots=0, precision=kind)


def amplitudes(workload):
    return np.asarray(circuit_of(workload).run(shots=0).statevector())


def _observable(workload):
    n, out = workload.num_qubits, {}
    for c, string in workload.terms:
        letters = ["I"] * n
        for p, q in string:
            letters[n - 1 - q] = p
        key = "".join(letters)
        out[key] = out.get(key, 0.0) + c
    return out


def value_and_gradient(workload):
    circuit = panta_sim.QuantumCircuit(workload.num_qubits)
    symbols = [panta_sim.Parameter(f"t{k:06d}") for k in range(len(workload.values))]
    for name, qubits, angle in workload.steps:
        gate = getattr(circuit, name)
        if angle is None:
            gate(*qubits)
        else:
            gate(symbols[angle] if isinstance(angle, int) else angle, *qubits)
    observable, values = _observable(workload), list(map(float, workload.values))
    return lambda: panta_sim.adjoint_gradient(circuit, values, observable)
