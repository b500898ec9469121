"""Named circuits of the benchmarks, as lists of gates that any simulator can be given."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

import qjax as qj


class Step(NamedTuple):
    """A gate: its name as in OpenQASM's stdgates.inc or `rzz`, its qubits, and its angle.

    The angle is None, a number, or the index of a parameter: an int.
    """

    name: str
    qubits: tuple
    angle: object = None


@dataclass(frozen=True)
class Workload:
    """A circuit, values of its parameters and an observable.

    Attributes:
        name: What the tables call it.
        num_qubits: Number of qubits.
        steps: The gates.
        values: The parameters, float64 of shape (parameters,).
        terms: Pauli terms of the observable: ((coefficient, ((letter, qubit), ...)), ...).
    """

    name: str
    num_qubits: int
    steps: tuple
    values: np.ndarray
    terms: tuple = ()

    def bound(self):
        """The steps with numbers for parameters."""
        return [
            s._replace(angle=float(self.values[s.angle])) if isinstance(s.angle, int) else s
            for s in self.steps
        ]

    def circuit(self):
        """The circuit of qjax, with a parameter per value."""
        theta = qj.ParameterVector("theta", len(self.values)) if len(self.values) else ()
        circuit = qj.Circuit(self.num_qubits)
        for name, qubits, angle in self.steps:
            if angle is None:
                getattr(circuit, name)(*qubits)
            else:
                value = theta[angle] if isinstance(angle, int) else angle
                getattr(circuit, name)(value, *qubits)
        return circuit

    def observable(self):
        """The observable of qjax."""
        terms = {" ".join(f"{p}{q}" for p, q in string): c for c, string in self.terms}
        return qj.PauliSum(terms, num_qubits=self.num_qubits)


class _Writer:
    """Steps, with a new parameter per angle."""

    def __init__(self, seed=0):
        self.steps, self.values, self.rng = [], [], np.random.default_rng(seed)

    def gate(self, name, *qubits):
        self.steps.append(Step(name, qubits))

    def turn(self, name, *qubits, parameter=None):
        if parameter is None:
            parameter = self.parameter()
        self.steps.append(Step(name, qubits, parameter))

    def parameter(self):
        self.values.append(self.rng.uniform(0, 2 * np.pi))
        return len(self.values) - 1

    def workload(self, name, n, terms=()):
        return Workload(name, n, tuple(self.steps), np.array(self.values), tuple(terms))


def ising_terms(n):
    """Open chain: -sum Z Z + 0.5 sum X."""
    pairs = [(-1.0, (("Z", q), ("Z", q + 1))) for q in range(n - 1)]
    return (*pairs, *((0.5, (("X", q),)) for q in range(n)))


def ansatz(n, layers=10):
    """(a) Hardware-efficient: RY and RZ on each qubit, then a chain of CX."""
    w = _Writer()
    for _ in range(layers):
        for q in range(n):
            w.turn("ry", q)
            w.turn("rz", q)
        for q in range(n - 1):
            w.gate("cx", q, q + 1)
    return w.workload(f"ansatz-{n}", n, ising_terms(n))


def born_machine(n, layers=9):
    """(b) QCBM of quantum-benchmarks: rotations and a ring of CX, `layers` times, and rotations.

    The circuit of https://github.com/yardstiq/quantum-benchmarks: RX RZ first, then RZ RX RZ
    between the entanglers, RZ RX last.
    """
    w = _Writer()

    def ring():
        for q in range(n):
            w.gate("cx", q, (q + 1) % n)

    def rotations(names):
        for q in range(n):
            for name in names:
                w.turn(name, q)

    rotations(("rx", "rz"))
    for _ in range(layers - 1):
        ring()
        rotations(("rz", "rx", "rz"))
    ring()
    rotations(("rz", "rx"))
    return w.workload(f"born-{n}", n, ising_terms(n))


def random_grid(n, depth=20):
    """(c) Supremacy-style: sqrt X, sqrt Y or T on each qubit, CZ on a pattern of grid edges.

    After Boixo et al., arXiv:1608.00263, section 3.
    """
    w = _Writer()
    columns = max(c for c in range(1, int(n**0.5) + 1) if n % c == 0)
    rows = n // columns
    edges = [[] for _ in range(8)]
    for r in range(rows):
        for c in range(columns):
            q = r * columns + c
            if c + 1 < columns:
                edges[2 * (c % 2) + r % 2].append((q, q + 1))
            if r + 1 < rows:
                edges[4 + 2 * (r % 2) + c % 2].append((q, q + columns))
    for q in range(n):
        w.gate("h", q)
    last = [None] * n
    for layer in range(depth):
        pairs = edges[(0, 4, 1, 5, 2, 6, 3, 7)[layer % 8]]
        for a, b in pairs:
            w.gate("cz", a, b)
        busy = {q for pair in pairs for q in pair}
        for q in range(n):
            if q in busy:
                continue
            name = w.rng.choice([x for x in ("sx", "ry", "t") if x != last[q]])
            last[q] = name
            if name == "ry":
                w.steps.append(Step("ry", (q,), np.pi / 2))
            else:
                w.gate(str(name), q)
    return w.workload(f"random-{n}", n, ising_terms(n))


def fourier(n):
    """(d) Quantum Fourier transform."""
    w = _Writer()
    for q in reversed(range(n)):
        w.gate("h", q)
        for c in range(q):
            w.steps.append(Step("cp", (c, q), float(np.pi / 2 ** (q - c))))
    for q in range(n // 2):
        w.gate("swap", q, n - 1 - q)
    return w.workload(f"fourier-{n}", n, ising_terms(n))


def regular_graph(n, degree=3, seed=1):
    """Edges of a random regular graph, by the pairing model."""
    rng = np.random.default_rng(seed)
    while True:
        stubs = rng.permutation(np.repeat(np.arange(n), degree)).reshape(-1, 2)
        edges = {tuple(sorted(map(int, e))) for e in stubs}
        if len(edges) == n * degree // 2 and all(a != b for a, b in edges):
            return sorted(edges)


def qaoa(n, layers=10):
    """(e) QAOA of MaxCut on a random 3-regular graph; one gamma and one beta per layer."""
    w = _Writer()
    edges = regular_graph(n)
    for q in range(n):
        w.gate("h", q)
    for _ in range(layers):
        gamma, beta = w.parameter(), w.parameter()
        for a, b in edges:
            w.turn("rzz", a, b, parameter=gamma)
        for q in range(n):
            w.turn("rx", q, parameter=beta)
    terms = [(0.5, (("Z", a), ("Z", b))) for a, b in edges]
    return w.workload(f"qaoa-{n}", n, terms)


def trotter(n, steps=100):
    """(g) First-order Trotter steps of the transverse-field Ising chain."""
    w = _Writer()
    for _ in range(steps):
        for q in range(n - 1):
            w.steps.append(Step("rzz", (q, q + 1), -0.1))
        for q in range(n):
            w.steps.append(Step("rx", (q,), 0.1))
    return w.workload(f"trotter-{n}", n, ising_terms(n))


def pauli_sum(n, count=1000):
    """(h) Two layers of (a), and a sum of random Pauli strings."""
    base = ansatz(n, 2)
    rng = np.random.default_rng(2)
    sums = {}
    for _ in range(count):
        letters = rng.choice(list("IXYZ"), n)
        string = tuple((str(p), q) for q, p in enumerate(letters) if p != "I") or (("Z", 0),)
        sums[string] = sums.get(string, 0.0) + float(rng.normal())
    terms = tuple((c, string) for string, c in sums.items())
    return Workload(f"pauli-{n}", n, base.steps, base.values, terms)


def classifier(n, layers=4):
    """(f) One sample of a classifier: angle encoding, then RX RY RZ and a ring of CX per layer.

    The first n parameters are the data.
    """
    w = _Writer()
    for q in range(n):
        w.turn("ry", q)
    for _ in range(layers):
        for q in range(n):
            for name in ("rx", "ry", "rz"):
                w.turn(name, q)
        for q in range(n):
            w.gate("cx", q, (q + 1) % n)
    return w.workload(f"classifier-{n}", n, [(1.0, (("Z", 0),))])


def many_gates(n, count):
    """(i) Random rotations and CX."""
    w = _Writer()
    for _ in range(count):
        name = w.rng.choice(["rx", "ry", "rz", "cx"])
        if name == "cx":
            a, b = w.rng.choice(n, 2, replace=False)
            w.gate("cx", int(a), int(b))
        else:
            w.turn(str(name), int(w.rng.integers(n)))
    return w.workload(f"gates-{n}x{count}", n, [(1.0, (("Z", 0),))])
