"""Channels and noisy circuits beside Qiskit Aer's, which was written independently."""

import jax
import numpy as np
import pytest
from scipy.linalg import expm
from strategies import random_circuit
from test_noise import VALUES, random_kraus

import qjax as qj
from qjax.noise import CHANNELS, NoiseModel, density_matrix, trajectory_expectation

pytestmark = pytest.mark.clients
aer = pytest.importorskip("qiskit_aer.noise")

NAMES = ("h", "s", "t", "sx", "rx", "ry", "rz", "p", "u", "cx", "cz", "cp", "rxx", "rzz", "swap")
FLIPS = {"bit_flip": "X", "phase_flip": "Z", "bit_phase_flip": "Y"}


def aer_error(name, values):
    if name in FLIPS:
        return aer.pauli_error([(FLIPS[name], values[0]), ("I", 1 - values[0])])
    if name == "thermal_relaxation":
        return aer.thermal_relaxation_error(*values)
    if name.startswith("over_rotation"):
        from qiskit.quantum_info import Pauli

        text = name.removeprefix("over_rotation_").upper()[::-1]  # the highest qubit first
        return aer.coherent_unitary_error(expm(-0.5j * values[0] * Pauli(text).to_matrix()))
    return {
        "depolarizing": lambda p: aer.depolarizing_error(p, 1),
        "depolarizing2": lambda p: aer.depolarizing_error(p, 2),
        "amplitude_damping": aer.amplitude_damping_error,
        "generalized_amplitude_damping": lambda g, e: aer.amplitude_damping_error(g, e),
        "phase_damping": aer.phase_damping_error,
        "reset_error": aer.reset_error,
    }[name](*values)


QUANTUM = [name for name in CHANNELS if name != "readout_error"]


@pytest.mark.parametrize("name", QUANTUM)
def test_channels_are_those_of_aer(name):
    from qiskit.quantum_info import SuperOp

    expected = SuperOp(aer_error(name, VALUES[name])).data
    assert np.allclose(CHANNELS[name].superoperator(*VALUES[name]), expected, atol=1e-12)


def test_the_readout_error_is_that_of_aer():
    """Aer's matrix has the true value in rows; a channel moves the populations alike."""
    up, down = VALUES["readout_error"]
    expected = aer.ReadoutError([[1 - up, up], [down, 1 - down]]).probabilities.T
    populations = CHANNELS["readout_error"].superoperator(up, down)[np.ix_([0, 3], [0, 3])]
    assert np.allclose(populations, expected, atol=1e-15)


def plain_circuit(n, gates, rng, names=NAMES):
    """Gates that Aer knows, without controls of their own."""
    circuit = qj.Circuit(n)
    for name in rng.choice(names, gates):
        gate = qj.GATES[str(name)]
        qubits = [int(q) for q in rng.permutation(n)[: gate.num_qubits]]
        circuit.append(gate, qubits, tuple(float(a) for a in rng.normal(size=len(gate.params))))
    return circuit


def both_circuits(n, gates, rng):
    """One random circuit with every channel in it, as qjax's and as Qiskit's."""
    from qiskit import QuantumCircuit
    from qiskit.quantum_info import Kraus, SuperOp

    ours, theirs = qj.Circuit(n), QuantumCircuit(n)
    names = [*QUANTUM, "kraus", "superoperator", "pauli_channel", "reset"]
    for k in range(max(gates, len(names))):
        part = plain_circuit(n, 1, rng)
        ours.compose(part)
        theirs = theirs.compose(qj.interop.to_qiskit(part))
        name = names[k % len(names)]
        size = CHANNELS[name].num_qubits if name in CHANNELS else 1 if name == "reset" else 2
        qubits = [int(q) for q in rng.permutation(n)[:size]]
        if name == "kraus":
            operators = random_kraus(3, 2, rng)
            ours.kraus(operators, qubits)
            theirs.append(Kraus(list(operators)), qubits)
        elif name == "superoperator":
            operators = random_kraus(2, 2, rng)
            matrix = sum(np.kron(m.conj(), m) for m in operators)
            ours.superoperator(matrix, qubits)
            theirs.append(SuperOp(matrix), qubits)
        elif name == "pauli_channel":
            chances = rng.dirichlet(np.ones(16))
            texts = [a + b for a in "IXYZ" for b in "IXYZ"]
            ours.pauli_channel(dict(zip(texts, chances, strict=True)), qubits)
            error = aer.pauli_error([(t[::-1], p) for t, p in zip(texts, chances, strict=True)])
            theirs.append(error.to_instruction(), qubits)
        elif name == "reset":
            ours.reset(qubits)
            theirs.reset(qubits)
        else:
            ours.channel(name, VALUES[name], qubits)
            theirs.append(aer_error(name, VALUES[name]).to_instruction(), qubits)
    return ours, theirs


def aer_density(circuit, **options):
    from qiskit_aer import AerSimulator

    circuit = circuit.copy()
    circuit.save_density_matrix()
    result = AerSimulator(method="density_matrix", **options).run(circuit).result()
    return np.asarray(result.data()["density_matrix"])


@pytest.mark.parametrize("n", [2, 3, 4])
def test_density_matrices_of_random_circuits_are_those_of_aer(n, double, rng):
    for _ in range(2):
        ours, theirs = both_circuits(n, 30, rng)
        found = density_matrix(ours, dtype=double)
        # Some 60 ops of at most 16 terms each, on entries of at most 1.
        assert np.max(np.abs(found - aer_density(theirs))) < 60 * 16 * np.finfo(float).eps


def test_trajectories_of_random_circuits_are_those_of_aer(rng):
    ours, theirs = both_circuits(3, 20, rng)
    rho = aer_density(theirs)
    z = np.diag(1.0 - 2.0 * (np.arange(8) >> 1 & 1))
    found = trajectory_expectation(ours, "Z1", trajectories=4000, key=jax.random.key(3))
    assert abs(found.value - np.trace(rho @ z).real) < 4.5 * found.standard_error + 1e-6


def test_noise_models_are_those_of_aer(double, rng):
    """Rules of gates and of single qubits."""
    circuit = plain_circuit(3, 25, rng, names=("h", "rx", "cx", "t"))
    ours = (
        NoiseModel().add("depolarizing", 0.02, gates=["rx", "t"])
        .add("amplitude_damping", 0.1, gates="h", qubits=1).add("depolarizing2", 0.05, gates="cx")
    )  # fmt: skip
    model = aer.NoiseModel()
    model.add_all_qubit_quantum_error(aer.depolarizing_error(0.02, 1), ["rx", "t"])
    model.add_quantum_error(aer.amplitude_damping_error(0.1), "h", [1])
    model.add_all_qubit_quantum_error(aer.depolarizing_error(0.05, 2), "cx")
    expected = aer_density(qj.interop.to_qiskit(circuit), noise_model=model)
    found = density_matrix(circuit, noise=ours, dtype=double)
    assert np.max(np.abs(found - expected)) < 60 * 16 * np.finfo(float).eps


def test_a_calibrated_model_is_that_of_aer(rng):
    from qiskit import transpile
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime.fake_provider import FakeManilaV2

    backend = FakeManilaV2()
    circuit = random_circuit(3, 12, rng, names=["h", "cx", "rz", "sx", "x"])
    theirs = transpile(
        qj.interop.to_qiskit(circuit), backend, initial_layout=[0, 1, 2], optimization_level=0
    )
    ours = qj.interop.from_qiskit(theirs)
    theirs.save_density_matrix(qubits=[0, 1, 2])
    simulator = AerSimulator(
        method="density_matrix",
        noise_model=aer.NoiseModel.from_backend(backend, readout_error=False),
    )
    expected = simulator.run(theirs).result().data()["density_matrix"].data
    model = NoiseModel.from_qiskit_target(backend.target)
    found = density_matrix(ours, noise=model)
    found = np.asarray(found).reshape(4, 8, 4, 8)
    found = np.einsum("aiaj->ij", found)  # the two highest qubits are traced out
    assert np.max(np.abs(found - expected)) < 1e-4
