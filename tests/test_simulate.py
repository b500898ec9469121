"""Quantities of a state: against linear algebra, and the traps others fell into."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import pauli_terms, random_circuit, random_state, seeds

import qjax as qj

EPS = float(np.finfo(np.float32).eps)
BELL = qj.Circuit(2).h(0).cx(0, 1)
GHZ5 = qj.Circuit(5).h(0).cx(range(4), range(1, 5))


@given(data=st.data(), n=st.integers(1, 5), seed=seeds)
def test_expectation_and_variance_of_a_pauli_sum(data, n, seed):
    terms = data.draw(pauli_terms(n))
    state = random_state(n, np.random.default_rng(seed))
    observable = qj.PauliSum(terms, num_qubits=n)
    norm = sum(abs(c) for c in terms.values())
    mean = oracle.expectation(state, terms)
    applied = oracle.operator(terms, n) @ state
    identity = qj.Circuit(n)
    value = qj.expectation(identity, observable, initial_state=state)
    spread = qj.variance(identity, observable, initial_state=state)
    assert abs(value - mean) <= 64 * EPS * norm
    assert abs(spread - (np.vdot(applied, applied).real - mean**2)) <= 128 * EPS * norm**2


def test_many_terms_with_the_same_and_with_different_flips(rng):
    n = 4
    terms = {
        " ".join(f"{p}{q}" for q, p in enumerate(row) if p != "I"): float(rng.normal())
        for row in product("IXYZ", repeat=n)
    }
    state = random_state(n, rng)
    value = qj.expectation(qj.Circuit(n), qj.PauliSum(terms, num_qubits=n), initial_state=state)
    assert abs(value - oracle.expectation(state, terms)) <= 64 * EPS * len(terms)


def test_an_observable_on_few_qubits_of_many():
    value = qj.expectation(qj.Circuit(20).x(19), qj.PauliSum({"Z19": 1.0, "Z0 Z19": 0.5}))
    assert abs(value + 1.5) <= 64 * EPS


def test_projectors_diagonals_and_hermitian_matrices(rng):
    state, circuit = random_state(4, rng), qj.Circuit(4)
    matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    matrix = matrix + matrix.conj().T
    values, vector = rng.normal(size=8), random_state(2, rng)
    observables = [
        qj.Hermitian(matrix, [3, 1]),
        qj.Diagonal(values, [2, 0, 3]),
        qj.Projector(vector, [1, 2]),
        qj.Projector("10", [0, 3]),
        "0.5 * X0 Z3 - 1.2 * Y1",
    ]
    results = qj.expectation(circuit, observables, initial_state=state)
    index = np.arange(16)
    rho = oracle.partial_trace(state, [3, 1])
    bits = sum((index >> q & 1) << k for k, q in enumerate([2, 0, 3]))
    pair = oracle.partial_trace(state, [1, 2])
    expected = [
        np.trace(rho @ matrix).real,
        np.sum(np.abs(state) ** 2 * values[bits]),
        np.vdot(vector, pair @ vector).real,
        np.sum(np.abs(state[(index & 1 == 0) & (index >> 3 & 1 == 1)]) ** 2),
        oracle.expectation(state, {"X0 Z3": 0.5, "Y1": -1.2}),
    ]
    assert np.max(np.abs(results - np.array(expected))) <= 256 * EPS
    applied = oracle.operator({"X0 Z3": 0.5, "Y1": -1.2}, 4) @ state
    spread = np.vdot(applied, applied).real - expected[-1] ** 2
    assert abs(qj.variance(circuit, observables[-1], initial_state=state) - spread) <= 256 * EPS


def test_probabilities_amplitudes_and_marginals(rng):
    circuit = random_circuit(4, 20, rng)
    state = oracle.statevector(circuit)
    assert np.max(np.abs(qj.probabilities(circuit) - np.abs(state) ** 2)) <= 512 * EPS
    marginal = qj.probabilities(circuit, qubits=[3, 1])
    expected = np.diag(oracle.partial_trace(state, [3, 1])).real
    assert np.max(np.abs(marginal - expected)) <= 512 * EPS
    values = qj.amplitudes(circuit, ["0000", "1010"])
    assert np.max(np.abs(values - state[[0, 10]])) <= 512 * EPS
    assert qj.probabilities(circuit, qubits=[]).shape == (1,)


def test_parts_of_states(rng):
    state = random_state(4, rng)
    rho = qj.reduced_density_matrix(state, [2, 0])
    expected = oracle.partial_trace(state, [2, 0])
    assert np.max(np.abs(rho - expected)) <= 64 * EPS
    assert abs(qj.purity(rho) - np.trace(expected @ expected).real) <= 64 * EPS
    spectrum = np.linalg.eigvalsh(expected)
    assert abs(qj.entropy(rho) + np.sum(spectrum * np.log2(spectrum))) <= 1024 * EPS
    other = random_state(4, rng)
    assert abs(qj.fidelity(state, other) - abs(np.vdot(state, other)) ** 2) <= 64 * EPS
    assert abs(qj.overlap(state, other) - np.vdot(state, other)) <= 64 * EPS


def test_initial_states():
    assert qj.basis_state("01").tolist() == [0, 1, 0, 0]
    assert qj.basis_state(2, 2).tolist() == [0, 0, 1, 0]
    assert np.allclose(qj.product_state("1+"), [0, 0, 0.5**0.5, 0.5**0.5], atol=EPS)
    by_qubit = qj.product_state([[0.6, 0.8], [0, 1j]])
    assert np.allclose(by_qubit, np.kron([0, 1j], [0.6, 0.8]), atol=EPS)
    states = jax.vmap(lambda k: qj.random_state(2, k))(jax.random.split(jax.random.key(0), 4000))
    # The mean of |psi><psi| over the Haar measure is the identity / d; the error of a mean of
    # 4,000 entries below 1 is under 5 standard errors of 1 / sqrt(4000).
    mean = np.einsum("ka,kb->ab", states, np.conj(states)) / 4000
    assert np.max(np.abs(mean - np.eye(4) / 4)) < 5 / np.sqrt(4000)
    state = qj.statevector(qj.Circuit(2).x(0), initial_state="10")
    assert state.tolist() == [0, 0, 0, 1]


# --- sampling -------------------------------------------------------------------------------------


def chi_square(observed, expected):
    return float(np.sum((observed - expected) ** 2 / expected))


def test_a_bell_pair_gives_00_and_11_about_equally_often():
    counts = qj.counts(BELL, 1024, jax.random.key(0))
    assert set(counts) == {"00", "11"}
    assert counts.shots == 1024
    assert abs(counts["11"] - 512) <= 3 * 16  # three standard deviations of sqrt(1024) / 2


def test_samples_under_jit_keep_the_all_ones_string():
    bits = jax.jit(lambda key: qj.sample(BELL, 1000, key))(jax.random.key(3))
    counts = qj.Counts.from_samples(bits)
    assert set(counts) == {"00", "11"}
    assert counts["11"] > 400


def test_samples_follow_the_born_rule(rng):
    state = random_state(4, rng)
    counts = qj.counts(qj.Circuit(4), 100_000, jax.random.key(1), initial_state=state)
    observed = np.array([counts[format(j, "04b")] for j in range(16)])
    # 15 degrees of freedom: above 45 with probability 8e-5.
    assert chi_square(observed, 100_000 * np.abs(state) ** 2) < 45


def test_outcomes_of_probability_zero_are_never_drawn():
    amplitudes = np.zeros(64)
    amplitudes[[5, 17, 62]] = np.sqrt([0.7, 0.3 - 1e-6, 1e-6])
    bits = qj.sample(qj.Circuit(6), 200_000, jax.random.key(2), initial_state=amplitudes)
    assert {int(b, 2) for b in qj.Counts.from_samples(bits)} <= {5, 17, 62}
    signs = 1.0 - 2.0 * np.asarray(bits[:, 0])
    assert np.isfinite(signs.mean())


def test_a_million_shots_of_many_qubits():
    n = 20
    circuit = qj.Circuit(n).h(range(n)).cz(range(n - 1), range(1, n))
    bits = qj.sample(circuit, 10**6, jax.random.key(5))
    assert bits.shape == (10**6, n)
    assert bits.dtype == np.uint8
    # Every qubit is a fair coin: five standard errors of 0.5 / sqrt(10^6).
    assert np.max(np.abs(np.asarray(bits).mean(axis=0) - 0.5)) < 5 * 0.5e-3


def test_every_element_of_a_batch_draws_on_its_own():
    circuit = qj.Circuit(8).ry(qj.Parameter("t"), range(8))
    angles = np.full((3, 1), np.pi / 2)
    native = np.asarray(qj.sample(circuit, 50, jax.random.key(0), angles))
    assert native.shape == (3, 50, 8)
    keys = jax.random.split(jax.random.key(0), 3)
    mapped = np.asarray(jax.vmap(lambda k, a: qj.sample(circuit, 50, k, a))(keys, angles))
    for bits in (native, mapped):
        assert not np.array_equal(bits[0], bits[1])
        assert not np.array_equal(bits[1], bits[2])


def test_the_same_key_gives_the_same_shots_and_another_key_others():
    draws = [np.asarray(qj.sample(GHZ5, 64, jax.random.key(k))) for k in (7, 7, 8)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])


def test_measurements_say_which_bits_are_written():
    circuit = qj.Circuit(3).x(1).measure([1, 0], [0, 2])
    assert dict(qj.counts(circuit, 10, jax.random.key(0))) == {"001": 10}


@pytest.mark.parametrize("wrap", [lambda f: f, jax.jit], ids=["eager", "jit"])
def test_a_derivative_of_shots_is_refused(wrap):
    def mean(t):
        bits = qj.sample(qj.Circuit(1).ry(t, 0), 100, jax.random.key(0))
        return jnp.mean(bits.astype(jnp.float32))

    with pytest.raises(qj.QjaxError, match="derivative must not pass through sample"):
        jax.grad(wrap(mean))(0.3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: qj.counts(BELL, 0, jax.random.key(0)), "shots must be at least 1, but is 0"),
        (lambda: qj.counts(BELL, 10, 42), r"key must be a jax.random key"),
        (lambda: jax.jit(lambda k: qj.counts(BELL, 10, k))(jax.random.key(0)), "outside jit"),
        (lambda: qj.expectation(BELL, "Z2"), "has 2, but needs 3"),
        (lambda: qj.expectation(BELL, []), "must not be empty"),
        (lambda: qj.expectation(BELL, 3.0), "must be a PauliSum"),
        (lambda: qj.expectation(BELL, qj.PauliSum({"Z0": 1j})), "must be Hermitian"),
        (lambda: qj.probabilities(BELL, qubits=[0, 0]), "distinct"),
        (lambda: qj.probabilities(BELL, qubits=2), r"in 0\.\.1"),
        (lambda: qj.amplitudes(BELL, "0"), "must have 2 bits"),
        (lambda: qj.statevector(BELL, [0.1]), "no open parameters"),
        (lambda: qj.basis_state(4, 2), r"in 0\.\.3"),
        (lambda: qj.product_state("0x"), "letters must be among"),
        (lambda: qj.product_state([[1, 1]]), "norm 1"),
        (lambda: qj.overlap(np.ones(2), np.ones(4)), "one size"),
        (lambda: qj.entropy(np.ones(3)), r"shape \(\.\.\., d, d\)"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call()


# --- counts ---------------------------------------------------------------------------------------


def test_counts_know_their_order_and_refuse_to_mix_two():
    counts = qj.Counts({"001": 3, "110": 2})
    turned = counts.to_order("qubit0_first")
    assert dict(turned) == {"100": 3, "011": 2}
    assert turned.to_order("qubit0_last") == counts
    assert turned != qj.Counts({"100": 3, "011": 2})
    assert (counts + counts)["001"] == 6
    with pytest.raises(qj.QjaxError, match="one order of bits"):
        counts + turned
    with pytest.raises(qj.QjaxError, match="one number of bits"):
        counts + qj.Counts({"1": 1})


def test_counts_marginals_agree_in_both_orders():
    counts = qj.Counts({"0110": 5, "1010": 2, "0011": 1})
    part = counts.marginal([1, 3])
    assert dict(part) == {"01": 6, "11": 2}
    assert counts.to_order("qubit0_first").marginal([1, 3]).to_order("qubit0_last") == part


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qj.Counts({"02": 1}), "keys must be bitstrings"),
        (lambda: qj.Counts({"0": 1, "00": 1}), "one length"),
        (lambda: qj.Counts({"0": -1}), "must not be negative"),
        (lambda: qj.Counts({"0": 1}, bit_order="big"), "bit_order must be"),
        (lambda: qj.Counts({"0": 1.5}), "must be an integer"),
        (lambda: qj.Counts.from_samples([[2]]), "must be bits"),
        (lambda: qj.Counts({"00": 1}).marginal([2]), r"in 0\.\.1"),
    ],
)
def test_bad_counts_are_refused(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()


def test_counts_are_a_mapping():
    counts = qj.Counts.from_samples(np.array([[0, 1], [0, 1], [1, 1]]))
    assert dict(counts) == {"10": 2, "11": 1}
    assert counts.most_common(1) == [("10", 2)]
    assert counts.probabilities()["10"] == pytest.approx(2 / 3)
    assert counts["00"] == 0
    with pytest.raises(KeyError, match="2 bits"):
        counts["0"]
    assert repr(counts) == "Counts({'10': 2, '11': 1})"


@pytest.mark.parametrize("engine", ["xla", "cpu"])
def test_traced_angles_after_a_traced_array_are_each_their_own(engine, double):
    """No number of such a circuit is known, and the array is its first leaf."""
    phases, angles = np.array([0.3, -0.2, 0.9, 0.0]), np.array([0.4, 1.1])

    def build(phases, angles):
        circuit = (
            qj.Circuit(2)
            .h([0, 1])
            .diagonal(jax.lax.complex(jnp.cos(phases), jnp.sin(phases)), (0, 1))
        )
        return circuit.rx(angles[0], 0).rx(angles[1], 1)

    run = jax.jit(lambda p, a: qj.statevector(build(p, a), dtype=double, engine=engine))
    plain = qj.Circuit(2).h([0, 1]).diagonal(np.exp(1j * phases), (0, 1)).rx(angles, (0, 1))
    assert np.max(np.abs(run(phases, angles) - oracle.statevector(plain))) < 1e-14


def test_a_known_initial_state_may_stand_in_a_traced_function():
    start = qj.random_state(2, jax.random.key(0))
    run = lambda t: qj.expectation(qj.Circuit(2).rx(t, 0), "Z0", initial_state=start)
    assert abs(jax.jit(run)(0.3) - run(0.3)) < 1e-6
    long = 2 * start
    with pytest.raises(qj.QjaxError, match="norm squared is off"):
        jax.jit(lambda t: qj.statevector(qj.Circuit(2).rx(t, 0), initial_state=long))(0.3)
