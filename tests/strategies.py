"""Random circuits, states and Pauli sums."""

import numpy as np
from hypothesis import strategies as st

from qjax.circuit import Circuit, ParameterVector
from qjax.gates import GATES

FAMILIES = ("unitary", "diagonal", "permutation", "pauli_rotation")
seeds = st.integers(0, 2**32 - 1)


def random_unitary(size, rng):
    matrix = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    return np.linalg.qr(matrix)[0]


def random_state(n, rng):
    state = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
    return state / np.linalg.norm(state)


def add_random_gate(circuit, name, angle, rng, max_targets=4):
    """Append a gate of the table or of a family, on random qubits, with up to two controls."""
    n = circuit.num_qubits
    order = [int(q) for q in rng.permutation(n)]
    k = (
        int(rng.integers(1, min(n, max_targets) + 1))
        if name in FAMILIES
        else GATES[name].num_qubits
    )
    qubits, rest = order[:k], order[k:]
    controls = rest[: rng.integers(0, 3)] if rng.random() < 0.4 else []
    where = {
        "controls": controls,
        "control_values": [int(v) for v in rng.integers(0, 2, len(controls))],
    }
    if name == "unitary":
        return circuit.unitary(random_unitary(2**k, rng), qubits, **where)
    if name == "diagonal":
        return circuit.diagonal(np.exp(1j * rng.normal(size=2**k)), qubits, **where)
    if name == "permutation":
        return circuit.permutation(rng.permutation(2**k), qubits, **where)
    if name == "pauli_rotation":
        letters = "".join(rng.choice(list("IXYZ"), k))
        return circuit.pauli_rotation(letters, angle(), qubits, **where)
    return circuit.append(name, qubits, tuple(angle() for _ in GATES[name].params), **where)


def random_circuit(n, gates, rng, names=None, max_targets=4):
    """A circuit with numbers for angles, over the whole table if no names are given."""
    if names is None:
        names = [g.name for g in GATES.values() if g.num_qubits <= n] + list(FAMILIES)
    circuit = Circuit(n)
    for name in rng.choice(names, gates):
        add_random_gate(circuit, str(name), lambda: float(rng.normal() * 2), rng, max_targets)
    return circuit


def random_template(n, gates, parameters, rng):
    """A circuit whose angles are affine expressions of one parameter vector."""
    theta = ParameterVector("theta", parameters)

    def angle():
        first, second = rng.integers(0, parameters, 2)
        if rng.random() < 0.2:
            return float(rng.normal())
        if rng.random() < 0.3:
            return theta[first] * float(rng.normal()) - theta[second] + float(rng.normal())
        return float(rng.normal()) * theta[first] + 0.25

    names = [g.name for g in GATES.values() if g.num_qubits <= n] + list(FAMILIES)
    circuit = Circuit(n)
    for i in range(parameters):  # every parameter occurs
        circuit.ry(theta[i], i % n)
    for name in rng.choice(names, gates):
        add_random_gate(circuit, str(name), angle, rng, max_targets=3)
    return circuit


@st.composite
def circuits(draw, min_qubits=1, max_qubits=5, max_gates=25, names=None):
    n = draw(st.integers(min_qubits, max_qubits))
    gates = draw(st.integers(0, max_gates))
    return random_circuit(n, gates, np.random.default_rng(draw(seeds)), names)


@st.composite
def pauli_terms(draw, n, max_terms=6):
    """A sum of Pauli strings on n qubits, as text -> coefficient."""
    rng = np.random.default_rng(draw(seeds))
    count = draw(st.integers(1, max_terms))
    terms = {}
    for letters in rng.choice(list("IXYZ"), (count, n)):
        text = " ".join(f"{p}{q}" for q, p in enumerate(letters) if p != "I")
        terms[text] = float(rng.normal())
    return terms
