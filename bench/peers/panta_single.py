"""panta-sim (Rust) in complex64, in which it runs circuits but makes no gradients."""

import numpy as np

from bench.peers import panta

NAME = "panta-sim single"
PRECISION = "complex64"


def forward(workload):
    return panta.forward(workload, PRECISION)


def amplitudes(workload):
    circuit = panta.circuit_of(workload)
    return np.asarray(circuit.run(shots=0, precision="f32").statevector())
