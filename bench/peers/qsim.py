"""qsim (C++ by Google): gate fusion up to 4 qubits, two threads, complex64."""

import os

import cirq
import numpy as np
import qsimcirq

NAME = "qsim"
PRECISION = "complex64"
_FIXED = {"h": cirq.H, "t": cirq.T, "cx": cirq.CNOT, "cz": cirq.CZ, "swap": cirq.SWAP}


def _circuit(workload):
    """Cirq's qubit 0 is the highest bit, so qubits are numbered from the other end."""
    n = workload.num_qubits
    line = cirq.LineQubit.range(n)[::-1]
    ops = []
    for name, qubits, angle in workload.bound():
        on = [line[q] for q in qubits]
        if name in _FIXED:
            ops.append(_FIXED[name](*on))
        elif name in ("rx", "ry", "rz"):
            ops.append(getattr(cirq, name)(angle)(*on))
        elif name == "sx":
            ops.append(cirq.XPowGate(exponent=0.5)(*on))
        elif name == "rzz":
            ops.append(cirq.ZZPowGate(exponent=angle / np.pi, global_shift=-0.5)(*on))
        elif name == "cp":
            ops.append(cirq.CZPowGate(exponent=angle / np.pi)(*on))
        else:
            raise ValueError(name)
    return cirq.Circuit(ops), line[::-1]


def _simulator(fused=4):
    options = {"t": os.cpu_count(), "f": fused}
    return qsimcirq.QSimSimulator(qsim_options=options)


def forward(workload):
    circuit, order = _circuit(workload)
    simulator = _simulator()
    return lambda: simulator.simulate(circuit, qubit_order=order)


def amplitudes(workload):
    circuit, order = _circuit(workload)
    return _simulator().simulate(circuit, qubit_order=order).final_state_vector
