"""Named circuits of the benchmarks, and the work that each stands for."""

from dataclasses import dataclass

import numpy as np

import qjax as qj
from qjax.plan import compile_plan
from qjax.plan.cost import multiply_adds


@dataclass(frozen=True)
class Workload:
    """A template, an observable, and a name."""

    name: str
    circuit: qj.Circuit
    observable: qj.PauliSum

    @property
    def params(self):
        rng = np.random.default_rng(0)
        return rng.normal(size=self.circuit.num_parameters).astype(np.float32)

    def info(self, batch=1):
        """Gates, ops, flops and the least bytes of one forward run.

        Flops count a multiply-add as two. Bytes count one read and one write of the state per op.
        """
        plan = compile_plan(self.circuit.structure)
        size = 2**self.circuit.num_qubits * batch
        return {
            "qubits": self.circuit.num_qubits,
            "gates": len(self.circuit),
            "parameters": self.circuit.num_parameters,
            "ops": len(plan.ops),
            "batch": batch,
            "flops": int(2 * size * sum(map(multiply_adds, plan.ops))),
            "bytes": int(2 * 8 * size * sum(multiply_adds(op) > 0 for op in plan.ops)),
        }


def ising(n):
    terms = {f"Z{q} Z{q + 1}": -1.0 for q in range(n - 1)} | {f"X{q}": 0.5 for q in range(n)}
    return qj.PauliSum(terms, num_qubits=n)


def layered(n, layers):
    """Per layer an SU(2) on each qubit, then a chain of CX."""
    theta = qj.ParameterVector("theta", (layers, 3, n))
    circuit = qj.Circuit(n)
    for layer in theta:
        circuit.rz(list(layer[0]), range(n)).ry(list(layer[1]), range(n))
        circuit.rz(list(layer[2]), range(n)).cx(range(n - 1), range(1, n))
    return Workload(f"layered-{n}x{layers}", circuit, ising(n))


def qaoa(n, layers):
    """QAOA of MaxCut on a circulant graph of degree 6."""
    theta = qj.ParameterVector("theta", (layers, 2))
    circuit = qj.Circuit(n).h(range(n))
    for gamma, beta in theta:
        for step in (1, 5, 7):
            circuit.rzz(gamma, range(n), [(q + step) % n for q in range(n)])
        circuit.rx(beta, range(n))
    return Workload(f"qaoa-{n}x{layers}", circuit, ising(n))


def brick(n, layers):
    """Alternating pairs of RY, RXX and RZZ."""
    theta = qj.ParameterVector("theta", (layers, n, 4))
    circuit = qj.Circuit(n)
    for k, layer in enumerate(theta):
        for q in range(k % 2, n - 1, 2):
            circuit.ry(list(layer[q, :2]), [q, q + 1])
            circuit.rxx(layer[q, 2], q, q + 1).rzz(layer[q, 3], q, q + 1)
    return Workload(f"brick-{n}x{layers}", circuit, ising(n))
