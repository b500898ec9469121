"""PennyLane's lightning.qubit (C++): adjoint differentiation with kernels chosen for this CPU."""

import numpy as np
import pennylane as qml

NAME = "lightning.qubit"
PRECISION = "complex64"
_GATES = {
    "h": qml.Hadamard, "t": qml.T, "cx": qml.CNOT, "cz": qml.CZ, "swap": qml.SWAP, "sx": qml.SX,
    "rx": qml.RX, "ry": qml.RY, "rz": qml.RZ, "rzz": qml.IsingZZ, "cp": qml.ControlledPhaseShift,
}  # fmt: skip


def _tape(workload, measurement):
    """Wire 0 is the highest bit for PennyLane, so wires are numbered from the other end."""
    n = workload.num_qubits
    ops = []
    for name, qubits, angle in workload.bound():
        wires = [n - 1 - q for q in qubits]
        ops.append(_GATES[name](wires=wires) if angle is None else _GATES[name](angle, wires=wires))
    tape = qml.tape.QuantumScript(ops, [measurement])
    counted = [i for i, s in enumerate(workload.steps) if s.angle is not None]
    tape.trainable_params = [
        k for k, i in enumerate(counted) if isinstance(workload.steps[i].angle, int)
    ]
    return tape


def _device(workload):
    return qml.device("lightning.qubit", wires=workload.num_qubits, c_dtype=np.complex64)


def forward(workload):
    device, tape = _device(workload), _tape(workload, qml.state())
    return lambda: device.execute([tape])


def amplitudes(workload):
    return np.asarray(_device(workload).execute([_tape(workload, qml.state())])[0])


def value_and_gradient(workload):
    n = workload.num_qubits
    letters = {"X": qml.X, "Y": qml.Y, "Z": qml.Z}
    strings = [
        qml.prod(*(letters[p](n - 1 - q) for p, q in s)) if len(s) > 1
        else letters[s[0][0]](n - 1 - s[0][1])
        for _, s in workload.terms
    ]  # fmt: skip
    energy = qml.expval(qml.Hamiltonian([c for c, _ in workload.terms], strings))
    device, tape = _device(workload), _tape(workload, energy)
    config = qml.devices.ExecutionConfig(gradient_method="adjoint")
    places = [s.angle for s in workload.steps if isinstance(s.angle, int)]

    def run():
        values, jacobian = device.execute_and_compute_derivatives([tape], config)
        gradient = np.zeros(len(workload.values))
        np.add.at(gradient, places, np.array(jacobian[0], float).reshape(-1))
        return float(np.asarray(values[0])), gradient

    return run
