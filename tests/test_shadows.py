"""Classical shadows against exact values, and random Clifford circuits against their group."""

import jax
import numpy as np
import oracle
import pytest
from strategies import random_circuit, random_state

import qjax as qj
from qjax import shadows
from qjax.circuit.clifford import drawn_bits, slots, template
from qjax.shadows import clifford, measure, pauli
from qjax.shadows.estimated import mean_of

SHOTS = 6000  # in most tests, so that programs are compiled once
TAKERS = [shadows.classical_shadow, shadows.clifford_shadow]


def density_of(circuit, qubits):
    return np.asarray(qj.reduced_density_matrix(oracle.statevector(circuit), qubits))


# --- random Clifford circuits -------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3])
def test_random_cliffords_take_pauli_strings_to_pauli_strings(n):
    for k in range(5):
        matrix = oracle.unitary(qj.library.random_clifford(n, jax.random.key(k)))
        for q in range(n):
            for letter in "XZ":
                text = "".join(letter if p == q else "I" for p in range(n))
                image = matrix @ oracle.pauli(text) @ matrix.conj().T
                # A signed Pauli string has one entry of modulus 1 in each row, and is Hermitian.
                assert np.allclose(np.sort(np.abs(image))[:, :-1], 0, atol=1e-12)
                assert np.allclose(np.abs(image).max(axis=1), 1, atol=1e-12)
                overlaps = [abs(np.trace(image @ oracle.pauli(p))) / 2**n for p in letters_of(n)]
                assert np.isclose(max(overlaps), 1, atol=1e-12)


def letters_of(n):
    return ["".join("IXYZ"[k >> 2 * q & 3] for q in range(n)) for k in range(4**n)]


def test_random_cliffords_of_one_qubit_are_its_24():
    """Rows of bits and elements of the group are one to one."""
    rows = np.unique(drawn_bits(1, 2000, jax.random.key(0)), axis=0)
    assert len(rows) == 24
    found = set()
    for row in rows:
        circuit = qj.Circuit(1)
        for (name, qubits), acts in zip(slots(1), row, strict=True):
            if acts:
                circuit.append(name, qubits)
        matrix = oracle.unitary(circuit)
        image = [matrix @ p @ matrix.conj().T for p in (oracle.X, oracle.Z)]
        found.add(tuple(np.round(np.ravel(image)).tolist()))
    assert len(found) == 24


@pytest.mark.parametrize(("n", "size", "count"), [(1, 24, 12_000), (2, 11_520, 115_200)])
def test_random_cliffords_are_uniform(n, size, count):
    """The sum of squared deviations of `size` equal chances is size - 1, give or take."""
    _, numbers = np.unique(drawn_bits(n, count, jax.random.key(3)), axis=0, return_counts=True)
    assert len(numbers) <= size
    numbers = np.append(numbers, np.zeros(size - len(numbers)))
    statistic = np.sum((numbers - count / size) ** 2) / (count / size)
    assert abs(statistic - (size - 1)) < 5 * np.sqrt(2 * (size - 1))


def test_random_cliffords_are_a_3_design():
    """Moments of a probability are those of uniformly random states: t! / (d ... (d + t - 1))."""
    n, count = 3, 20_000
    values = drawn_bits(n, count, jax.random.key(5)).astype(np.float32)
    state = random_state(n, np.random.default_rng(1)).astype(np.complex64)
    out = qj.statevector(template(n), values, initial_state=state)
    chance = np.abs(np.asarray(out)[:, 5]) ** 2
    expected, d = 1.0, 2**n
    for t in range(1, 4):
        expected *= t / (d + t - 1)
        moment = chance**t
        assert abs(moment.mean() - expected) < 5 * moment.std() / np.sqrt(count)


# --- estimates ----------------------------------------------------------------------------------


@pytest.mark.parametrize("take", TAKERS)
def test_expectation_values_of_strings(take, rng):
    circuit = random_circuit(3, 20, rng)
    state = oracle.statevector(circuit)
    shadow = take(circuit, SHOTS, jax.random.key(0))
    assert shadow.bits.shape == (SHOTS, 3)
    for terms in (
        {"Z0": 1.0},
        {"X1 Y2": 1.0},
        {"Y2": 0.5, "Z0 X2": -2.0, "": 0.25},
        {"X0 Y1 Z2": 1},
    ):
        for groups in (1, 20):
            found = shadow.expectation(qj.PauliSum(terms, num_qubits=3), groups=groups)
            expected = oracle.expectation(state, terms)
            assert abs(found.value - expected) < 5 * found.standard_error
            assert found.standard_error < 1


def test_expectation_values_of_any_observable(rng):
    circuit = random_circuit(3, 20, rng)
    state = oracle.statevector(circuit)
    shadow = shadows.clifford_shadow(circuit, SHOTS, jax.random.key(1))
    matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    for observable in (
        qj.Hermitian(matrix + matrix.conj().T, [2, 0]),
        qj.Diagonal([1.0, -2.0, 0.5, 3.0], [0, 1]),
        qj.Projector("01", [1, 2]),
        qj.Projector(random_state(3, rng)),
    ):
        dense = np.asarray(observable.to_matrix(3))
        found = shadow.expectation(observable)
        assert abs(found.value - (state.conj() @ dense @ state).real) < 4.5 * found.standard_error


@pytest.mark.parametrize("take", TAKERS)
def test_fidelities(take, rng):
    circuit, other = random_circuit(3, 15, rng), random_state(3, rng)
    state = oracle.statevector(circuit)
    shadow = take(circuit, SHOTS, jax.random.key(2))
    for target in (state, other, (state + other) / np.linalg.norm(state + other)):
        found = shadow.fidelity(target)
        assert abs(found.value - abs(np.vdot(target, state)) ** 2) < 4.5 * found.standard_error
        assert found.standard_error < 0.1


@pytest.mark.parametrize("take", TAKERS)
def test_purities_and_entropies(take, rng):
    circuit = random_circuit(3, 25, rng)
    shadow = take(circuit, SHOTS, jax.random.key(1))
    shadow = type(shadow)(*(column[:1500] for column in shadow))
    for qubits in ([2, 0], [1]):
        rho = density_of(circuit, qubits)
        exact = np.trace(rho @ rho).real
        found = shadow.purity(qubits)
        assert abs(found.value - exact) < 4.5 * found.standard_error
        median = shadow.purity(qubits, groups=15)
        assert abs(median.value - exact) < 5 * median.standard_error
    entropy = shadow.renyi_entropy([1])
    rho = density_of(circuit, [1])
    exact = -np.log2(np.trace(rho @ rho).real)
    assert abs(entropy.value - exact) < 4.5 * entropy.standard_error
    whole = shadow.purity()
    assert abs(whole.value - 1) < 4.5 * whole.standard_error


@pytest.mark.parametrize("take", TAKERS)
def test_standard_errors_are_those_of_repetitions(take, rng):
    circuit = random_circuit(3, 15, rng)
    state = oracle.statevector(circuit)
    many = take(circuit, SHOTS, jax.random.key(4))
    parts = [type(many)(*(column[k::100] for column in many)) for k in range(100)]
    for estimate in (
        lambda s: s.expectation("X0 + 0.5 Z1 Y2"),
        lambda s: s.fidelity(state),
        lambda s: s.purity([0]),
    ):
        found = [estimate(part) for part in parts]
        spread = np.std([f.value for f in found], ddof=1)
        claimed = np.sqrt(np.mean([f.standard_error**2 for f in found]))
        assert abs(claimed / spread - 1) < 5 / np.sqrt(2 * len(found))


def test_the_median_of_means_forgets_a_group_that_went_astray():
    values = np.random.default_rng(0).normal(size=900)
    values[:10] += 1e6
    assert mean_of(values, 1).value > 1e4
    assert abs(mean_of(values, 30).value) < 0.5
    assert mean_of(values, 30).value == np.median(values.reshape(30, 30).mean(axis=1))


@pytest.mark.parametrize("take", TAKERS)
def test_shadows_of_noisy_circuits(take):
    circuit = qj.Circuit(2).h(0).cx(0, 1).channel("amplitude_damping", 0.2, 1)
    model = qj.NoiseModel().add("depolarizing", 0.05)
    rho = np.asarray(qj.density_matrix(circuit, noise=model))
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    shadow = take(circuit, SHOTS, jax.random.key(6), noise=model)
    found = shadow.fidelity(bell)
    assert abs(found.value - (bell @ rho @ bell).real) < 4.5 * found.standard_error
    found = type(shadow)(*(column[:2000] for column in shadow)).purity()
    assert abs(found.value - np.trace(rho @ rho).real) < 4.5 * found.standard_error


def test_readout_errors_change_the_bits():
    """A bit that is flipped with probability p shrinks <Z> by 1 - 2 p."""
    model = qj.NoiseModel().add_readout(0.1, 0.1)
    shadow = shadows.classical_shadow(qj.Circuit(2), 8000, jax.random.key(0), noise=model)
    found = shadow.expectation("Z0")
    assert abs(found.value - 0.8) < 4.5 * found.standard_error


def test_chunks_give_all_shots(monkeypatch):
    for module, name in ((measure, "_CHUNK_AMPLITUDES"), (pauli, "_CHUNK_AMPLITUDES")):
        monkeypatch.setattr(module, name, 128)
    monkeypatch.setattr(clifford, "CHUNK_AMPLITUDES", 128)
    circuit = qj.Circuit(3).h(1)
    shadow = shadows.classical_shadow(circuit, 48, jax.random.key(0))
    assert shadow.bits.shape == shadow.bases.shape == (48, 3)
    in_z = shadow.bases[:, 0] == 2
    assert in_z.any() and not shadow.bits[in_z, 0].any()  # qubit 0 is in |0>
    in_x = shadow.bases[:, 1] == 0
    assert in_x.any() and not shadow.bits[in_x, 1].any()  # and qubit 1 in |+>
    state = oracle.statevector(circuit)
    chunked = shadow.fidelity(state), shadows.clifford_shadow(circuit, 48, jax.random.key(1))
    monkeypatch.undo()
    assert np.allclose(chunked[0], shadow.fidelity(state))
    assert chunked[1].fidelity(state).standard_error < 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, k: shadows.classical_shadow(c, 2, k), "at least 3, but are 2"),
        (lambda c, k: shadows.clifford_shadow(c, 2.5, k), "must be an integer, but is 2.5"),
        (lambda c, k: shadows.classical_shadow("c", 9, k), "must be a Circuit, but is 'c'"),
        (lambda c, k: shadows.classical_shadow(c, 9, 0), "classical_shadow: key must be a jax"),
        (lambda c, k: shadows.clifford_shadow(c.measure_all(), 9, k), "must not measure"),
        (
            lambda c, k: shadows.classical_shadow(qj.Circuit(11), 9, k, noise=qj.NoiseModel()),
            "at most 10 qubits, but has 11",
        ),
        (lambda c, k: shadows.classical_shadow(c, 9, k, noise=3), "must be a NoiseModel"),
        (lambda c, k: qj.library.random_clifford(0, k), "must be at least 1, but is 0"),
        (lambda c, k: qj.library.random_clifford(2, 7), "random_clifford: key must be a jax"),
        (
            lambda c, k: shadows.classical_shadow(c, 9, k).expectation(qj.Projector("0", [0])),
            "use clifford_shadow",
        ),
        (lambda c, k: shadows.clifford_shadow(c, 9, k).expectation("Z4"), "which has 2"),
        (lambda c, k: shadows.classical_shadow(c, 9, k).purity([5]), "purity"),
        (lambda c, k: shadows.clifford_shadow(c, 9, k).purity([0, 0]), "must be distinct"),
        (lambda c, k: shadows.classical_shadow(c, 9, k).fidelity([1, 0]), "fidelity: state must"),
        (lambda c, k: shadows.clifford_shadow(c, 9, k).fidelity(np.ones(4)), "must have norm 1"),
        (lambda c, k: shadows.classical_shadow(c, 9, k).purity([0], groups=4), "for 9 shots"),
        (lambda c, k: shadows.classical_shadow(c, 9, k).expectation("Z0", groups=2), "at least 3"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(qj.Circuit(2).h(0), jax.random.key(0))
