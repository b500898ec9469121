"""Mid-circuit measurements, resets and feed-forward, against linear algebra over all outcomes."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from test_control_flow import DYNAMIC, branches, teleportation

import qjax as qj
from qjax.dynamic import samples as by_samples
from qjax.dynamic import trajectories as by_trajectories
from qjax.errors import CircuitError

SINGLE = 2e-6  # some ten gates and projections in single precision


def distribution(circuit):
    """Probability of each value of the classical bits."""
    found = np.zeros(2**circuit.num_clbits)
    for bits, state in branches(circuit):
        found[sum(b << k for k, b in enumerate(bits))] += np.vdot(state, state).real
    return found


def observed(samples):
    samples = np.asarray(samples)
    value = sum(samples[:, k].astype(int) << k for k in range(samples.shape[1]))
    return np.bincount(value, minlength=2 ** samples.shape[1])


def assert_drawn_from(counts, probabilities):
    """Pearson's chi-squared within five standard deviations, and nothing impossible."""
    shots = counts.sum()
    possible = probabilities > 1e-12
    assert counts[~possible].sum() == 0
    expected = shots * probabilities[possible]
    chi = np.sum((counts[possible] - expected) ** 2 / expected)
    freedom = max(possible.sum() - 1, 1)
    assert chi < freedom + 5 * np.sqrt(2 * freedom)


def random_dynamic(seed, n=3, steps=10):
    rng = np.random.default_rng(seed)
    circuit = qj.Circuit(n, 2)
    for _ in range(steps):
        a, b = (int(q) for q in rng.choice(n, 2, replace=False))
        body = qj.Circuit(n, 2).ry(float(rng.normal()), a).cx(a, b)
        kind = rng.integers(5)
        if kind == 0:
            circuit.measure(a, int(rng.integers(2)))
        elif kind == 1:
            circuit.reset(a)
        elif kind == 2:
            circuit.if_else([0, 1], int(rng.integers(4)), body, qj.Circuit(n, 2).h(b))
        elif kind == 3:
            circuit.if_else(0, 1, qj.Circuit(n, 2).measure(a, 1))
        else:
            circuit.compose(body)
    return circuit.measure([0, 1], [0, 1])


CIRCUITS = DYNAMIC | {f"random {k}": random_dynamic(k) for k in range(3)}


@pytest.mark.parametrize("name", CIRCUITS)
def test_branches_are_those_of_linear_algebra(name, dtype):
    circuit = CIRCUITS[name]
    found = qj.branches(circuit, dtype=dtype)
    total = {}
    for bits, p, state in zip(found.bits.tolist(), found.probabilities, found.states, strict=True):
        state = np.asarray(state)
        total[tuple(bits)] = total.get(tuple(bits), 0) + float(p) * np.outer(state, state.conj())
    wanted = {}
    for bits, state in branches(circuit):
        wanted[bits] = wanted.get(bits, 0) + np.outer(state, state.conj())
    tolerance = SINGLE if dtype == np.complex64 else 1e-13
    assert sum(found.probabilities) == pytest.approx(1, abs=tolerance)
    for bits in total.keys() | wanted.keys():
        a, b = total.get(bits, np.zeros(1)), wanted.get(bits, np.zeros(1))
        np.testing.assert_allclose(a + 0 * b, b + 0 * a, atol=tolerance)


@pytest.mark.parametrize("way", ["branches", "trajectories"])
@pytest.mark.parametrize("name", CIRCUITS)
def test_shots_follow_the_probabilities(name, way, monkeypatch):
    if way == "trajectories":
        monkeypatch.setattr(by_samples, "MOST_AMPLITUDES", 0)
    circuit = CIRCUITS[name]
    samples = qj.sample(circuit, 4000, jax.random.key(1))
    assert samples.shape == (4000, circuit.num_clbits)
    assert_drawn_from(observed(samples), distribution(circuit))


def test_trajectories_run_in_chunks(monkeypatch):
    monkeypatch.setattr(by_samples, "MOST_AMPLITUDES", 0)
    monkeypatch.setattr(by_trajectories, "_CHUNK_AMPLITUDES", 2**3 * 300)
    circuit = CIRCUITS["random 1"]
    samples = qj.sample(circuit, 1000, jax.random.key(2))
    assert_drawn_from(observed(samples), distribution(circuit))


def test_teleportation():
    circuit = teleportation().measure(2, 2)
    counts = qj.counts(circuit, 20_000, jax.random.key(0)).marginal([2])
    wanted = np.sin(0.15) ** 2
    assert counts["1"] / 20_000 == pytest.approx(wanted, abs=5 * np.sqrt(wanted / 20_000))


def test_repeat_until_success():
    """An ancilla says whether a try failed, which it does with probability sin^2(a)."""
    tries, a = 6, 0.9
    circuit = qj.Circuit(2, tries).ry(2 * a, 0).cx(0, 1).measure(1, 0)
    for k in range(1, tries):
        again = qj.Circuit(2, tries).reset([0, 1]).ry(2 * a, 0).cx(0, 1)
        circuit.if_else(k - 1, 1, again).if_else(k - 1, 1, qj.Circuit(2, tries).measure(1, k))
    found = qj.branches(circuit)
    failed = sum(float(p) for b, p in zip(found.bits, found.probabilities, strict=True) if b.all())
    assert failed == pytest.approx(np.sin(a) ** (2 * tries), abs=1e-6)


@pytest.mark.parametrize("bit", range(3))
def test_a_cycle_of_the_repetition_code_undoes_an_error(bit):
    circuit = qj.Circuit(5, 2).ry(0.8, 0).cx(0, 1).cx(0, 2).x(bit)
    circuit.cx(0, 3).cx(1, 3).cx(1, 4).cx(2, 4).measure([3, 4], [0, 1]).reset([3, 4])
    for syndrome, place in ((1, 0), (3, 1), (2, 2)):
        circuit.if_else([0, 1], syndrome, qj.Circuit(5).x(place))
    circuit.cx(0, 2).cx(0, 1).ry(-0.8, 0)
    for q in range(5):
        assert float(qj.expectation(circuit, f"Z{q}")) == pytest.approx(1, abs=SINGLE)


@pytest.mark.parametrize("value", [0, 5, 11, 15])
def test_iterative_phase_estimation(value):
    """One qubit reads a phase of four bits, from the lowest bit on."""
    circuit = qj.Circuit(2, 4).x(1)
    for k in range(4):
        circuit.reset(0).h(0).cp(2 * np.pi * value / 16 * 2 ** (3 - k), 0, 1)
        for j in range(k):
            circuit.if_else(j, 1, qj.Circuit(2).p(-np.pi / 2 ** (k - j), 0))
        circuit.h(0).measure(0, k)
    counts = qj.counts(circuit, 100, jax.random.key(0))
    assert counts == {format(value, "04b"): 100}


def test_expectations_and_gradients_pass_through_outcomes(double):
    t = qj.ParameterVector("t", 3)
    circuit = qj.Circuit(2, 1).ry(t[0], 0).cx(0, 1).rx(t[1], 0).measure(0, 0)
    circuit.if_else(0, 1, qj.Circuit(2, 1).ry(t[2], 1), qj.Circuit(2, 1).rx(t[0], 1)).reset(0)
    observable = qj.PauliSum("Z0 Z1 + 0.5 X1")
    matrix = observable.to_matrix()

    def value(v):
        return sum(np.vdot(state, matrix @ state).real for _, state in branches(circuit.bind(v)))

    def loss(v):
        return qj.expectation(circuit, observable, v, dtype=np.complex128)

    point = np.array([0.4, 0.7, -0.9])
    assert float(loss(point)) == pytest.approx(value(point), abs=1e-13)
    wanted = [(value(point + s) - value(point - s)) / 2e-5 for s in 1e-5 * np.eye(3)]
    np.testing.assert_allclose(jax.jit(jax.grad(loss))(point), wanted, atol=1e-9)
    batch = jax.vmap(loss)(np.stack([point, 2 * point]))
    np.testing.assert_allclose(batch, [value(point), value(2 * point)], atol=1e-12)


def test_post_selected_states_have_gradients(double):
    t = qj.Parameter("t")
    circuit = qj.Circuit(2, 1).ry(t, 0).cx(0, 1).h(0).measure(0, 0)

    def chance(v):
        found = qj.branches(circuit, v, dtype=np.complex128)
        return abs(found.states[1, 3]) ** 2  # qubit 1 is 1 where bit 0 is 1

    # H leaves both outcomes alike: sin^2(t/2) of the weight has qubit 1 at 1.
    assert float(chance(0.7)) == pytest.approx(np.sin(0.35) ** 2)
    assert float(jax.grad(chance)(0.7)) == pytest.approx(np.sin(0.7) / 2)


def test_samples_under_jit_and_vmap():
    t = qj.Parameter("t")
    circuit = qj.Circuit(2).ry(t, 0).measure(0, 0).if_else(0, 1, qj.Circuit(2).x(1)).measure(1, 1)
    draw = jax.jit(jax.vmap(lambda v, k: qj.sample(circuit, 500, k, v)))
    keys = jax.random.split(jax.random.key(0), 3)
    samples = np.asarray(draw(jnp.array([0.0, np.pi / 2, np.pi]), keys))
    assert samples.shape == (3, 500, 2)
    np.testing.assert_array_equal(samples[..., 0], samples[..., 1])
    means = samples[..., 0].mean(1)
    np.testing.assert_allclose(means, [0, 0.5, 1], atol=5 * 0.5 / np.sqrt(500))


def test_a_start_may_be_given():
    circuit = qj.Circuit(2).measure(0, 0).if_else(0, 1, qj.Circuit(2).x(1)).measure(1, 1)
    assert qj.counts(circuit, 10, jax.random.key(0), initial_state="01") == {"11": 10}
    state = np.array([0, 1, 0, 0], np.complex64)
    assert float(qj.expectation(circuit, "Z1", initial_state=state)) == pytest.approx(-1)


def test_many_measurements_of_many_shots():
    """Forty measurements and resets make 2**40 branches: shots have states of their own."""
    circuit = qj.Circuit(2, 20)
    for k in range(20):
        circuit.h(0).measure(0, k).reset(0)
    samples = np.asarray(qj.sample(circuit, 3000, jax.random.key(5)))
    assert abs(samples.mean(0) - 0.5).max() < 5 * 0.5 / np.sqrt(3000)
    correlation = np.corrcoef(samples.T) - np.eye(20)
    assert abs(correlation).max() < 5 / np.sqrt(3000)
    with pytest.raises(
        CircuitError, match=r"measurements and resets on 2 qubits make up to 2\*\*42"
    ):
        qj.branches(circuit)


def test_engines_agree():
    circuit = CIRCUITS["random 2"]
    found = [qj.branches(circuit, engine=e).probabilities for e in ("xla", None)]
    np.testing.assert_allclose(*found, atol=SINGLE)


def test_states_of_circuits_without_outcomes_are_as_before():
    circuit = qj.Circuit(2).h(0).cx(0, 1)
    found = qj.branches(circuit)
    np.testing.assert_allclose(found.states[0], oracle.statevector(circuit), atol=SINGLE)
