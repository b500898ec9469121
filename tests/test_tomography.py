"""Tomography: exact counts give the state back, drawn ones within their errors."""

from itertools import product

import jax
import numpy as np
import oracle
import pytest
from strategies import random_circuit, random_state
from test_noise import dense_density

import qjax as qj
from qjax import hardware, tomography
from qjax.tomography.effects import by_setting, effects_of, from_settings
from qjax.tomography.likelihood import projected

_H = 0.5**0.5
# The vectors that a setting and a bit stand for.
VECTORS = {
    "X0": [_H, _H], "X1": [_H, -_H], "Y0": [_H, 1j * _H], "Y1": [_H, -1j * _H],
    "Z0": [1, 0], "Z1": [0, 1],
}  # fmt: skip


def random_density(k, rank, rng):
    block = rng.normal(size=(2**k, rank)) + 1j * rng.normal(size=(2**k, rank))
    rho = block @ block.conj().T
    return rho / np.trace(rho)


def chance(rho, letters, bits, readout=None):
    """The probability to read bits, qubit 0 first, vector by vector."""
    found = 0.0
    for true in [tuple(bits)] if readout is None else product((0, 1), repeat=len(bits)):
        vector = oracle.kron(
            *(np.array(VECTORS[f"{b}{t}"])[:, None] for b, t in zip(letters, true, strict=True))
        )[:, 0]
        weight = 1.0
        for t, r, (up, down) in zip(true, bits, readout or [(0, 0)] * len(bits), strict=True):
            wrong = down if t else up
            weight *= wrong if t != r else 1 - wrong
        found += weight * (vector.conj() @ rho @ vector).real
    return found


def exact_counts(rho, shots, readout=None):
    """As many shots of each outcome as are expected, fractions included."""
    k = len(rho).bit_length() - 1
    return {
        letters: {
            "".join(map(str, reversed(bits))): shots * max(chance(rho, letters, bits, readout), 0)
            for bits in product((0, 1), repeat=k)
        }
        for letters in tomography.settings(k)
    }


def drawn_counts(rho, shots, rng):
    return {
        letters: dict(
            zip(row, rng.multinomial(shots, np.array([*row.values()]) / shots), strict=True)
        )
        for letters, row in exact_counts(rho, shots).items()
    }


# --- what is measured ---------------------------------------------------------------------------


def test_circuits_measure_what_their_settings_say(rng):
    circuit = random_circuit(3, 12, rng)
    rho = np.asarray(qj.reduced_density_matrix(oracle.statevector(circuit), [2, 0]))
    made = tomography.circuits(circuit, [2, 0])
    assert len({c.structure for c in made}) == 1
    for letters, one in zip(tomography.settings(2), made, strict=True):
        state = oracle.statevector(one.remove_measurements())
        found = np.einsum("abc->ca", abs(state.reshape(2, 2, 2)) ** 2)  # [bit of 0, bit of 2]
        expected = [[chance(rho, letters, (two, zero)) for two in (0, 1)] for zero in (0, 1)]
        assert np.allclose(found, expected, atol=1e-12)
        assert one.num_clbits == 2


@pytest.mark.parametrize("k", [1, 2, 3])
def test_probabilities_and_their_adjoint(k, rng):
    rho, readout = random_density(k, 2, rng), [(0.02, 0.1), (0.0, 0.2), (0.05, 0.0)][:k]
    effects = effects_of(readout)
    found = effects.probabilities(rho)
    rows = by_setting(found)
    expected = [
        [chance(rho, letters, [b >> j & 1 for j in range(k)], readout) for b in range(2**k)]
        for letters in tomography.settings(k)
    ]
    assert np.allclose(rows, expected, atol=1e-13)
    assert np.array_equal(from_settings(rows, k), found)
    weights = rng.normal(size=(6,) * k)
    other = random_density(k, 2, rng)
    inner = np.sum(weights * effects.probabilities(other))
    assert np.isclose(np.trace(effects.adjoint(weights) @ other), inner, atol=1e-12)


def test_the_nearest_density_matrix():
    """Of all density matrices none is nearer; checked along lines to random ones."""
    rng = np.random.default_rng(5)
    matrix = random_density(2, 4, rng) - 0.5 * random_density(2, 1, rng)
    near = projected(matrix)
    assert np.isclose(np.trace(near), 1) and np.linalg.eigvalsh(near)[0] > -1e-15
    for _ in range(50):
        step = random_density(2, int(rng.integers(1, 5)), rng) - near
        assert np.trace((matrix - near) @ step).real < 1e-12


# --- fits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("k", "rank"), [(1, 1), (1, 2), (2, 1), (2, 4), (3, 1), (3, 3), (4, 2)])
def test_exact_counts_give_the_state_back(k, rank, rng):
    rho = random_density(k, rank, rng)
    found = tomography.fit(exact_counts(rho, 10_000), tolerance=1e-6)
    assert found.converged and found.gap <= 1e-6
    # From its top the likelihood falls by shots |d p|^2 / 2 at least, so that probabilities are off
    # by at most sqrt(2e-6 / 1e4) = 1.4e-5, and entries of rho by a few times as much.
    assert np.max(np.abs(found.density_matrix - rho)) < 1e-4
    assert np.allclose(found.linear_inversion, rho, atol=1e-13)
    assert np.isclose(np.trace(found.density_matrix), 1)
    assert np.linalg.eigvalsh(found.density_matrix)[0] > -1e-14


def test_no_density_matrix_is_likelier_than_the_gap_allows(rng):
    """The proof of convergence holds for states that are tried, also before convergence."""
    rho = random_density(2, 1, rng)
    counts = drawn_counts(rho, 300, rng)
    early, late = (tomography.fit(counts, steps=steps) for steps in (5, 5000))
    assert late.converged and not early.converged
    assert late.log_likelihood <= early.log_likelihood + early.gap
    assert late.gap <= 1e-3

    def log_likelihood(sigma):
        return sum(
            number * np.log(chance(sigma, letters, [int(b) for b in reversed(bits)]))
            for letters, row in counts.items()
            for bits, number in row.items()
            if number
        )

    assert np.isclose(log_likelihood(late.density_matrix), late.log_likelihood, rtol=1e-12)
    for size in (1e-3, 1e-2, 0.1, 1.0):
        other = (1 - size) * late.density_matrix + size * random_density(2, 4, rng)
        assert log_likelihood(other) <= late.log_likelihood + late.gap


def test_linear_inversion_may_be_negative_and_the_likeliest_is_not(rng):
    found = tomography.fit(drawn_counts(random_density(3, 1, rng), 200, rng))
    assert np.linalg.eigvalsh(found.linear_inversion)[0] < -0.01
    assert np.isclose(np.trace(found.linear_inversion), 1)
    assert np.linalg.eigvalsh(found.density_matrix)[0] > -1e-14


def test_fidelities_are_within_their_errors(rng):
    """Of a mixed state, whose estimate is not biased by the edge of the set of states."""
    psi = random_state(2, rng)
    rho = 0.6 * np.outer(psi, psi.conj()) + 0.4 * random_density(2, 4, rng)
    exact = (psi.conj() @ rho @ psi).real
    values = [tomography.fit(drawn_counts(rho, 500, rng)) for _ in range(40)]
    fidelities = np.array([(psi.conj() @ f.density_matrix @ psi).real for f in values])
    spread = fidelities.std(ddof=1)
    assert abs(fidelities.mean() - exact) < 4.5 * spread / np.sqrt(40)
    claimed = values[0].fidelity(psi, key=jax.random.key(0), resamples=60)
    assert claimed.value == fidelities[0]
    # Two spreads, of 40 and of 60 samples.
    assert abs(claimed.standard_error / spread - 1) < 4.5 * np.sqrt(1 / 80 + 1 / 120)


def test_errors_shrink_with_the_root_of_shots(rng):
    rho = random_density(1, 2, rng)
    offs = []
    for shots in (400, 40_000):
        found = [tomography.fit(drawn_counts(rho, shots, rng)).density_matrix for _ in range(40)]
        offs.append(np.sqrt(np.mean([np.sum(np.abs(f - rho) ** 2) for f in found])))
    assert 7 < offs[0] / offs[1] < 14  # 10, give or take sqrt(1 / 40) on each


def test_counts_of_a_noisy_circuit_give_its_density_matrix():
    circuit = qj.Circuit(2).h(0).cx(0, 1).channel("amplitude_damping", 0.3, 1)
    model = qj.NoiseModel().add("depolarizing", 0.05, gates=["h", "cx"]).add_readout(0.03, 0.08)
    expected = dense_density(qj.NoiseModel(model.rules).apply(circuit))
    keys = jax.random.split(jax.random.key(1), 9)
    counts = [
        qj.counts(c, 20_000, k, noise=model)
        for c, k in zip(tomography.circuits(circuit), keys, strict=True)
    ]
    found = tomography.fit(counts, readout=[(0.03, 0.08)] * 2)
    # An entry is a mean of signs of some 20,000 shots, enlarged by undoing readout errors.
    assert np.max(np.abs(found.density_matrix - expected)) < 5 / np.sqrt(20_000) / 0.89**2
    blind = tomography.fit(counts)
    assert np.max(np.abs(blind.density_matrix - expected)) > 0.05


def test_counts_of_machines_in_their_own_forms():
    """An executor's counts, Qiskit's hexadecimal numbers, and Braket's order of bits."""
    circuit = qj.Circuit(2).x(0).ry(0.7, 1)
    made = tomography.circuits(circuit)
    counts = hardware.executors.simulator(jax.random.key(0))(made, [500] * 9)
    first = tomography.fit(counts).density_matrix
    hexadecimal = [{hex(int(b, 2)): n for b, n in c.items()} for c in counts]
    reversed_bits = [{b[::-1]: n for b, n in c.items()} for c in counts]
    assert np.array_equal(tomography.fit(hexadecimal).density_matrix, first)
    assert np.array_equal(tomography.fit(reversed_bits, form="braket").density_matrix, first)
    turned = [c.to_order("qubit0_first") for c in counts]
    assert np.array_equal(tomography.fit(turned).density_matrix, first)
    state = oracle.statevector(circuit)
    assert (state.conj() @ first @ state).real > 0.97
    text = qj.qasm.dumps(made[0], target="ibm")
    assert qj.qasm.loads(text).num_clbits == 2


def test_the_same_key_draws_the_same_resamples(rng):
    found = tomography.fit(drawn_counts(random_density(1, 2, rng), 100, rng))
    first, again, other = (found.resampled(3, jax.random.key(k)) for k in (0, 0, 1))
    assert np.array_equal(first, again) and not np.array_equal(first, other)
    assert first.shape == (3, 2, 2)


ONE = {"X": {"0": 5, "1": 5}, "Y": {"0": 5, "1": 5}, "Z": {"0": 10}}


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: tomography.circuits("c"), "must be a Circuit, but is 'c'"),
        (lambda: tomography.circuits(qj.Circuit(1).measure_all()), "must not measure"),
        (lambda: tomography.circuits(qj.Circuit(2), [0, 0]), "must be distinct"),
        (lambda: tomography.circuits(qj.Circuit(9)), "at most 8 qubits, but is of 9"),
        (lambda: tomography.fit([]), "there are 0"),
        (lambda: tomography.fit([{"0": 1}] * 4), r"for 3\*\*k circuits, .*, but there are 4"),
        (lambda: tomography.fit({"XA": {"00": 1}}), "texts of X, Y, Z of one length, but are 'XA'"),
        (lambda: tomography.fit({"X": {"0": 1}, "ZZ": {"00": 1}}), "of one length"),
        (lambda: tomography.fit({"X": {"0": 1}, "Y": {"1": 1}}), "none tells of Z0"),
        (lambda: tomography.fit(ONE | {"Z": {}}), "not empty"),
        (lambda: tomography.fit(ONE | {"Z": {"00": 3}}), "outcomes of 1 bits"),
        (lambda: tomography.fit(ONE | {"Z": {"0": -3}}), "not negative"),
        (lambda: tomography.fit(ONE, form="xml"), "The form of counts must be one of"),
        (lambda: tomography.fit(ONE, readout=[(0.1, 0.1)] * 2), "must be 1 pairs"),
        (lambda: tomography.fit(ONE, readout=[(0.5, 0.5)]), "leave each bit some meaning"),
        (lambda: tomography.fit(ONE, tolerance=0), "tolerance must be positive, but is 0"),
        (lambda: tomography.fit(ONE, steps=0), "steps must be at least 1"),
        (lambda: tomography.fit(ONE).resampled(3, 0), "must be a jax.random key"),
        (
            lambda: tomography.fit(ONE).fidelity([1, 0], key=jax.random.key(0), resamples=1),
            "at least 2, but are 1",
        ),
        (lambda: tomography.fit(ONE).fidelity([1, 1], key=jax.random.key(0)), "norm 1"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call()
