"""What is measured of states over many devices; see `test_sharded` for how these tests run."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from strategies import random_circuit, random_state, random_template, random_unitary

import qjax as qj
from qjax.engine import sharded_pauli, sharded_sampling
from qjax.errors import EngineError
from qjax.plan.terms import compile_terms

pytestmark = pytest.mark.multidevice
N, GATES = 6, 30
ALLOWED = 16 * np.finfo(float).eps * (GATES + N + 1)
TERMS = {
    "X0 Y5": 0.3, "Z5 Z1": 0.7, "Y4 Y3": -1.2, "X5 X4 X3 X2 X1 X0": 0.5, "Y5 Z2": 0.2,
    "Y5 Y4 Y0": 0.9, "Z0": -0.4, "": 0.1,
}  # fmt: skip


@pytest.fixture
def circuit(rng):
    return random_circuit(N, GATES, rng, max_targets=3)


def written(terms):
    return " + ".join(f"{c} {text}" for text, c in terms.items()).replace("+ -", "- ")


def observables(rng):
    hermitian = random_unitary(4, rng)
    hermitian = hermitian + hermitian.conj().T
    return [
        qj.Hermitian(hermitian, (1, 5)),
        qj.Hermitian(hermitian, (5, 4)),
        qj.Projector(random_state(2, rng), (4, 0)),
        qj.Projector("101", (5, 0, 3)),
        qj.Projector("1" * N),
        qj.Diagonal(rng.normal(size=2**N)),
        qj.Diagonal(rng.normal(size=8), (5, 1, 4)),
    ]


@pytest.mark.parametrize(
    ("qubits", "batch"), [pytest.param(2, 1, marks=pytest.mark.slow), (8, 1), (4, 2)]
)
def test_expectations_and_variances_are_the_oracles(qubits, batch, circuit, double, rng):
    mesh, state = qj.device_mesh(qubits, batch), oracle.statevector(circuit)
    wanted = [qj.PauliSum(written(TERMS)), *observables(rng)]
    matrices = [oracle.operator(TERMS, N), *(o.to_matrix(N) for o in wanted[1:])]
    means = [np.vdot(state, m @ state).real for m in matrices]
    found = qj.expectation(circuit, wanted, mesh=mesh, dtype=complex)
    scale = [np.max(np.abs(np.linalg.eigvalsh(m))) for m in matrices]
    assert np.all(np.abs(found - np.array(means)) <= 2 * ALLOWED * np.array(scale))
    for observable, matrix, mean, size in zip(wanted, matrices, means, scale, strict=True):
        spread = np.vdot(state, matrix @ matrix @ state).real - mean**2
        found = qj.variance(circuit, observable, mesh=mesh, dtype=complex)
        assert abs(found - spread) <= 8 * ALLOWED * size**2


@pytest.mark.parametrize("d", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_neighbours_that_interact_share_an_exchange(d, double, rng):
    """The Heisenberg model in a field: many flips of device bits, none far from them."""
    n = 8
    terms = {f"{p}{q} {p}{q + 1}": float(rng.normal()) for p in "XYZ" for q in range(n - 1)}
    terms |= {f"X{q}": float(rng.normal()) for q in range(n)}
    template = random_template(n, 12, 3, rng)
    point, mesh = rng.normal(size=3), qj.device_mesh(2**d)
    energy = lambda p: qj.expectation(template, written(terms), p, mesh=mesh, dtype=complex)
    exact = lambda p: oracle.expectation(oracle.statevector(template.bind(p)), terms)
    allowed = 2 * ALLOWED * sum(map(abs, terms.values()))
    value, gradient = jax.jit(jax.value_and_grad(energy))(point)
    assert abs(value - exact(point)) <= allowed
    assert np.max(np.abs(gradient - oracle.central_difference(exact, point))) <= 1e-7
    x, z = ([sum(1 << int(w[1:]) for w in t.split() if w[0] in letters) for t in terms]
            for letters in ("XY", "ZY"))  # fmt: skip
    groups = sharded_pauli._groups(compile_terms(n, tuple(x), tuple(z)), tuple(range(n)), n - d)
    assert sum(bool(g.bits) for g in groups) == 1
    assert sum(g.flip > 0 for g in groups) <= 1


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(20))
def test_any_pauli_sum_on_any_mesh(seed, double):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(N, GATES, rng, max_targets=2)
    letters = ["".join(rng.choice(list("IXYZ"), N)) for _ in range(12)]
    terms = {
        " ".join(f"{p}{q}" for q, p in enumerate(word) if p != "I"): float(rng.normal())
        for word in letters
    }
    exact = oracle.expectation(oracle.statevector(circuit), terms)
    for d in range(4):
        mesh = qj.device_mesh(2**d)
        found = qj.expectation(circuit, qj.PauliSum(written(terms)), mesh=mesh, dtype=complex)
        assert abs(found - exact) <= 2 * ALLOWED * sum(map(abs, terms.values()))


def test_coefficients_and_matrices_have_gradients(circuit, double, rng):
    """<O> is linear in the numbers of O, so its gradient is what they multiply."""
    mesh, state = qj.device_mesh(4), oracle.statevector(circuit)
    coefficients = jnp.asarray(rng.normal(size=2))

    def mean(c):
        observable = qj.PauliSum("X5 X0") * c[0] + qj.PauliSum("Z4") * c[1]
        return qj.expectation(circuit, observable, mesh=mesh, dtype=complex)

    expected = [oracle.expectation(state, {text: 1}) for text in ("X5 X0", "Z4")]
    assert np.max(np.abs(jax.jit(jax.grad(mean))(coefficients) - np.array(expected))) <= ALLOWED
    diagonal = lambda v: qj.expectation(circuit, qj.Diagonal(v, (5, 0)), mesh=mesh, dtype=complex)
    error = jax.grad(diagonal)(jnp.zeros(4)) - oracle.probabilities(state, (5, 0))
    assert np.max(np.abs(error)) <= ALLOWED


def test_probabilities_are_borns(circuit, double):
    mesh, state = qj.device_mesh(8), oracle.statevector(circuit)
    whole = qj.probabilities(circuit, mesh=mesh, dtype=complex)
    assert len(whole.sharding.device_set) == 8 and whole.addressable_shards[0].data.shape == (8,)
    assert np.max(np.abs(whole - np.abs(state) ** 2)) <= ALLOWED
    for qubits in ([5], [0, 5, 3], [2, 1], [4, 5, 0, 1, 2, 3], []):
        found = qj.probabilities(circuit, qubits=qubits, mesh=mesh, dtype=complex)
        assert found.sharding.is_fully_replicated
        assert np.max(np.abs(found - oracle.probabilities(state, qubits))) <= ALLOWED


def test_amplitudes_are_those_of_the_state(circuit, double):
    state = oracle.statevector(circuit)
    found = qj.amplitudes(circuit, ["100000", "000011"], mesh=qj.device_mesh(8), dtype=complex)
    assert np.max(np.abs(found - state[[32, 3]])) <= ALLOWED


def test_a_key_draws_alike_on_every_mesh(rng):
    circuit, key = random_circuit(N, 10, rng, max_targets=1), jax.random.key(3)
    expected = np.asarray(qj.sample(circuit, 500, key, engine="xla"))
    for qubits, batch in ((1, 1), (2, 4), (8, 1)):
        found = qj.sample(circuit, 500, key, mesh=qj.device_mesh(qubits, batch))
        assert found.dtype == np.uint8
        # A draw falls on the other side only where sums of single precision differ.
        assert np.mean(np.any(found != expected, axis=1)) <= 0.01


def test_shots_fall_as_born_says(circuit, monkeypatch):
    """Pearson's statistic has mean 63 and variance 126 for 64 outcomes."""
    monkeypatch.setattr(sharded_sampling, "_TREE_BITS", 2)  # several trees on a device
    shots, chances = 20_000, np.abs(oracle.statevector(circuit)) ** 2
    counts = qj.counts(circuit, shots, jax.random.key(8), mesh=qj.device_mesh(4, 2))
    assert counts.shots == shots
    seen = np.array([counts.get(f"{j:06b}", 0) for j in range(2**N)])
    often = chances * shots > 1e-3
    statistic = np.sum((seen - shots * chances)[often] ** 2 / (shots * chances[often]))
    assert statistic < 63 + 6 * np.sqrt(126)
    assert np.sum(seen[~often]) <= 1


def test_batches_draw_by_keys_of_their_own_and_bits_go_where_they_are_measured(rng):
    template = random_template(4, 4, 2, rng).measure([3, 0], [0, 1])
    params, key = rng.normal(size=(4, 2)), jax.random.key(1)
    found = qj.sample(template, 200, key, params, mesh=qj.device_mesh(2, 4))
    expected = qj.sample(template, 200, key, params, engine="xla")
    assert found.shape == (4, 200, 2)
    assert np.mean(np.any(found != expected, axis=2)) <= 0.01


@pytest.mark.slow
@pytest.mark.parametrize("diff", ["parameter-shift", "finite-difference"])
def test_methods_that_run_the_circuit_elsewhere_take_a_mesh(diff, double):
    t = qj.Parameter("t")
    circuit = qj.Circuit(3).rx(t, 2).cx(2, 0)
    value = lambda x: qj.expectation(
        circuit, "Z0", x, diff=diff, mesh=qj.device_mesh(4), dtype=complex
    )
    assert abs(jax.grad(value)(0.4) + np.sin(0.4)) <= 1e-8


@pytest.mark.slow
def test_shots_estimate_on_a_mesh():
    circuit = qj.Circuit(3).rx(0.7, 2).cx(2, 0)
    found = qj.expectation(circuit, "Z0", shots=4000, key=jax.random.key(0), mesh=qj.device_mesh(4))
    assert abs(found - np.cos(0.7)) <= 6 * np.sin(0.7) / np.sqrt(4000)


def test_sharded_states_can_be_compared(circuit, double, rng):
    mesh = qj.device_mesh(8)
    other = random_circuit(N, GATES, rng, max_targets=2)
    ours = [qj.statevector(c, mesh=mesh, dtype=complex) for c in (circuit, other)]
    theirs = [oracle.statevector(c) for c in (circuit, other)]
    exact = np.vdot(*theirs)
    assert abs(qj.overlap(*ours) - exact) <= 2 * ALLOWED
    assert abs(qj.fidelity(*ours) - abs(exact) ** 2) <= 4 * ALLOWED
    reduced = qj.reduced_density_matrix(ours[0], (5, 1))
    assert np.max(np.abs(reduced - oracle.partial_trace(theirs[0], (5, 1)))) <= 2 * ALLOWED


def test_what_a_mesh_does_not_take_is_said(rng):
    mesh, key = qj.device_mesh(2), jax.random.key(0)
    noisy = qj.Circuit(2).h(0).channel("depolarizing", 0.1, 0)
    dynamic = qj.Circuit(2, 1).h(0).measure(0, 0).h(0)
    wide = qj.Hermitian(np.eye(4), (0, 1))
    cases = [
        (lambda: qj.expectation(noisy, "Z0", mesh=mesh), "but not noise"),
        (lambda: qj.probabilities(noisy, mesh=mesh), "but not noise"),
        (lambda: qj.sample(noisy, 9, key, mesh=mesh), "but not noise"),
        (lambda: qj.expectation(noisy, "Z0", mesh=mesh, trajectories=9, key=key), "trajectories"),
        (lambda: qj.expectation(dynamic, "Z0", mesh=mesh), "but not measurements"),
        (lambda: qj.sample(dynamic.measure(0, 0), 9, key, mesh=mesh), "but not measurements"),
        (lambda: qj.expectation(qj.Circuit(2).h(0), wide, mesh=mesh), "at most the 1 qubits"),
    ]
    for call, message in cases:
        with pytest.raises(EngineError, match=message):
            call()
