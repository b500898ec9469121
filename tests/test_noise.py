"""Channels, noise models, density matrices and trajectories, against linear algebra."""

import copy
import pickle
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import random_circuit, random_state, random_template, random_unitary

import qjax as qj
from qjax.channels import kraus_of_superoperator
from qjax.circuit.native import native
from qjax.noise import CHANNELS, NoiseModel, density_matrix, trajectory_expectation
from qjax.plan import compile_plan

VALUES = {
    "bit_flip": (0.3,), "phase_flip": (0.2,), "bit_phase_flip": (0.1,), "depolarizing": (0.4,),
    "depolarizing2": (0.3,), "amplitude_damping": (0.35,), "phase_damping": (0.25,),
    "generalized_amplitude_damping": (0.3, 0.2), "thermal_relaxation": (50.0, 70.0, 20.0, 0.1),
    "reset_error": (0.15,), "readout_error": (0.1, 0.2), "over_rotation_x": (0.3,),
    "over_rotation_y": (0.3,), "over_rotation_z": (0.3,), "over_rotation_xx": (0.3,),
    "over_rotation_yy": (0.3,), "over_rotation_zz": (0.3,), "over_rotation_zx": (0.3,),
}  # fmt: skip
OBSERVABLE = {"Z0": 1.0, "X1 Y2": 0.5, "Y0": 0.3, "": 0.1}


def matrix_on(n, operator, qubits):
    """An operator on some qubits as a matrix on all, entry by entry."""
    found = np.zeros((2**n, 2**n), complex)
    for column in range(2**n):
        inside = sum((column >> q & 1) << t for t, q in enumerate(qubits))
        rest = column & ~sum(1 << q for q in qubits)
        for row in range(len(operator)):
            outside = rest | sum((row >> t & 1) << q for t, q in enumerate(qubits))
            found[outside, column] += operator[row, inside]
    return found


def dense_density(circuit, rho=None):
    """Every gate and every Kraus operator as a matrix on all qubits."""
    n = circuit.num_qubits
    if rho is None:
        rho = np.zeros((2**n, 2**n), complex)
        rho[0, 0] = 1
    for i in circuit:
        if i.is_gate:
            one = qj.Circuit(n)
            one.append(i)
            matrices = [np.stack([oracle.statevector(one, row) for row in np.eye(2**n)], axis=1)]
        elif i.name == "measure":
            matrices = [matrix_on(n, np.diag(d), (q,)) for q in i.qubits for d in ([1, 0], [0, 1])]
            assert len(i.qubits) == 1
        elif i.name == "reset":
            (q,) = i.qubits
            matrices = [
                matrix_on(n, np.array(m), (q,)) for m in ([[1, 0], [0, 0]], [[0, 1], [0, 0]])
            ]
        else:
            kraus = np.asarray(i.operation.kraus(*i.params))
            matrices = [matrix_on(n, k, i.qubits) for k in kraus]
        rho = sum(m @ rho @ m.conj().T for m in matrices)
    return rho


def random_kraus(count, k, rng):
    """Blocks of a random isometry."""
    return random_unitary(count * 2**k, rng)[:, : 2**k].reshape(count, 2**k, 2**k)


def random_noisy(n, gates, rng):
    """A random circuit with every kind of channel in it."""
    noisy = qj.Circuit(n)
    for i in random_circuit(n, gates, rng):
        noisy.append(i)
        name = str(rng.choice([*CHANNELS, "kraus", "pauli_channel", "reset", "none", "none"]))
        k = 2 if name in CHANNELS and CHANNELS[name].num_qubits == 2 else 1
        if name in ("kraus", "pauli_channel") and n > 1:
            k = int(rng.integers(1, 3))
        if k > n or name == "none":
            continue
        qubits = [int(q) for q in rng.permutation(n)[:k]]
        if name == "kraus":
            noisy.kraus(random_kraus(3, k, rng), qubits)
        elif name == "pauli_channel":
            noisy.pauli_channel(rng.dirichlet(np.ones(4**k)), qubits)
        elif name == "reset":
            noisy.reset(qubits)
        else:
            noisy.channel(name, VALUES[name], qubits)
    return noisy


def model_of(p):
    return (
        NoiseModel().add("depolarizing", p[0]).add("amplitude_damping", p[1])
        .add("phase_damping", p[2]).add("bit_flip", p[3])
    )  # fmt: skip


# --- the table --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANNELS)
def test_rows_are_channels(name, rng):
    """Complete; and Kraus operators, superoperator and mixture say the same."""
    row = CHANNELS[name]
    assert set(VALUES) == set(CHANNELS)
    kraus = np.asarray(row.kraus(*VALUES[name]))
    size = 2**row.num_qubits
    assert np.allclose(np.einsum("kij,kil->jl", kraus.conj(), kraus), np.eye(size), atol=1e-14)
    rho = rng.normal(size=(size, size)) + 1j * rng.normal(size=(size, size))
    expected = sum(k @ rho @ k.conj().T for k in kraus)
    applied = np.asarray(row.superoperator(*VALUES[name])) @ rho.T.reshape(-1)
    assert np.allclose(applied.reshape(size, size).T, expected, atol=1e-14)
    if row.mixture is not None:
        chances, unitaries = row.mixture(*VALUES[name])
        mixed = sum(p * u @ rho @ u.conj().T for p, u in zip(chances, unitaries, strict=True))
        assert np.allclose(mixed, expected, atol=1e-14)
    if row.by_populations:
        effects = np.einsum("kai,kaj->kij", kraus.conj(), kraus)
        assert np.all(effects[:, ~np.eye(size, dtype=bool)] == 0)
    assert pickle.loads(pickle.dumps(row)) is row is copy.deepcopy(row)


@pytest.mark.parametrize(
    ("name", "values", "expected"),
    [
        ("depolarizing", (1.0,), np.eye(2) / 2),
        ("amplitude_damping", (1.0,), [[1, 0], [0, 0]]),
        ("generalized_amplitude_damping", (1.0, 0.25), np.diag([0.75, 0.25])),
        ("thermal_relaxation", (1.0, 2.0, 1e3, 0.1), np.diag([0.9, 0.1])),
        ("phase_flip", (0.5,), np.eye(2) / 2),
        ("reset_error", (1.0,), [[1, 0], [0, 0]]),
        ("readout_error", (0.1, 0.3), np.diag([0.6, 0.4])),
        ("bit_flip", (0.0,), np.full((2, 2), 0.5)),
    ],
)
def test_limits(name, values, expected):
    found = density_matrix(qj.Circuit(1).h(0).channel(name, values, 0))
    assert np.allclose(found, expected, atol=1e-6)


@given(st.integers(0, 2**32 - 1), st.integers(1, 2))
@settings(max_examples=20, deadline=None)
def test_kraus_operators_of_a_superoperator(seed, k):
    rng = np.random.default_rng(seed)
    kraus = random_kraus(3, k, rng)
    double = sum(np.kron(m.conj(), m) for m in kraus)
    again = kraus_of_superoperator(double)
    assert len(again) <= 4**k
    assert np.allclose(sum(np.kron(m.conj(), m) for m in again), double, atol=1e-12)


# --- density matrices ---------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("engine", ["xla", "cpu"])
def test_density_matrices_are_those_of_linear_algebra(n, engine, dtype, rng):
    for _ in range(3):
        circuit = random_noisy(n, 15, rng)
        found = density_matrix(circuit, dtype=dtype, engine=engine)
        # Some 40 ops, whose roundings add up at most, of entries of at most 1.
        bound = 40 * 4 * np.finfo(dtype).eps
        assert np.max(np.abs(found - dense_density(circuit))) < bound


def test_measurements_in_between_lose_coherence(double):
    circuit = qj.Circuit(2).h(0).measure(0).h(0).cx(0, 1).reset(0).h(1)
    found = density_matrix(circuit, dtype=double)
    assert np.max(np.abs(found - dense_density(circuit))) < 1e-14


def test_initial_states(double, rng):
    circuit = random_noisy(2, 8, rng)
    state = random_state(2, rng)
    pure = np.outer(state, state.conj())
    mixed = 0.3 * pure + 0.7 * np.diag([0.1, 0.2, 0.3, 0.4])
    for start, rho in ((state, pure), (mixed, mixed), ("01", np.diag([0.0, 1, 0, 0]))):
        found = density_matrix(circuit, initial_state=start, dtype=double)
        assert np.max(np.abs(found - dense_density(circuit, rho))) < 1e-13


@pytest.mark.parametrize(
    "observable",
    [
        qj.PauliSum(OBSERVABLE, num_qubits=3),
        qj.Projector("01", [2, 0]),
        qj.Diagonal([1.0, 2.0, 3.0, 4.0], [1, 2]),
        qj.Hermitian([[1, 2j], [-2j, 3]], [1]),
    ],
)
def test_expectation_values(observable, double, rng):
    circuit = random_noisy(3, 12, rng)
    rho = dense_density(circuit)
    # The mean over the eigenvectors of rho, each a pure state.
    chances, vectors = np.linalg.eigh(rho)
    empty = qj.Circuit(3)
    expected = sum(
        p * float(qj.expectation(empty, observable, initial_state=v, dtype=double))
        for p, v in zip(chances, vectors.T, strict=True)
    )
    found = qj.expectation(circuit, observable, dtype=double)
    assert abs(found - expected) < 1e-12
    both = qj.expectation(circuit, [observable, "Z0"], dtype=double)
    assert both.shape == (2,)
    assert both[0] == found


def test_probabilities_and_readout(double, rng):
    circuit = random_noisy(3, 10, rng)
    diagonal = np.diagonal(dense_density(circuit)).real
    assert np.allclose(qj.probabilities(circuit, dtype=double), diagonal, atol=1e-13)
    model = NoiseModel().add_readout(0.1, 0.2).add_readout(0.03, 0.04, qubits=1)
    found = qj.probabilities(circuit, qubits=[2, 1], noise=model, dtype=double)
    expected = np.zeros(4)
    for index, chance in enumerate(diagonal):
        for read in range(4):
            weight = chance
            for bit, q, (up, down) in ((0, 2, (0.1, 0.2)), (1, 1, (0.03, 0.04))):
                flip = (down, up)[1 - (index >> q & 1)]
                weight *= flip if (read >> bit & 1) != (index >> q & 1) else 1 - flip
            expected[read] += weight
    assert np.allclose(found, expected, atol=1e-13)
    assert np.allclose(qj.probabilities(circuit, qubits=[], noise=model, dtype=double), [1])


THETA, STRENGTHS = np.array([0.3, -0.8, 1.7, 0.4]), np.array([0.05, 0.1, 0.07, 0.02])


def noisy_value(rng, dtype, engine=None):
    """An expectation value as a function of parameters and strengths."""
    circuit = random_template(3, 7, 4, rng)
    observable = qj.PauliSum(OBSERVABLE, num_qubits=3)
    return lambda theta, p: qj.expectation(
        circuit, observable, theta, noise=model_of(p), dtype=dtype, engine=engine
    )


@pytest.mark.parametrize("engine", [pytest.param("xla", marks=pytest.mark.slow), "cpu"])
def test_gradients_by_params_and_strengths(engine, double, rng):
    value = jax.jit(noisy_value(rng, double, engine))
    by_theta, by_p = jax.jit(jax.grad(value, (0, 1)))(THETA, STRENGTHS)
    step = 1e-6
    for k in range(4):
        e = step * np.eye(4)[k]
        by_hand = (value(THETA + e, STRENGTHS) - value(THETA - e, STRENGTHS)) / (2 * step)
        assert abs(by_hand - by_theta[k]) < 1e-8
        by_hand = (value(THETA, STRENGTHS + e) - value(THETA, STRENGTHS - e)) / (2 * step)
        assert abs(by_hand - by_p[k]) < 1e-8


def test_gradients_exist_where_there_is_no_noise(double, rng):
    value = jax.jit(noisy_value(rng, double))
    found = jax.grad(value, 1)(THETA, np.zeros(4))
    step = 1e-6
    ends = [value(THETA, step * row) - value(THETA, np.zeros(4)) for row in np.eye(4)]
    # A one-sided difference is off by step / 2 times the curvature, here some tens squared.
    assert np.max(np.abs(found - np.array(ends) / step)) < 2e-3


@pytest.mark.slow
def test_other_transformations(double, rng):
    value = noisy_value(rng, double)
    slope = jax.jit(jax.grad(value, (0, 1)))
    by_theta, by_p = slope(THETA, STRENGTHS)
    forward = jax.jacfwd(value, (0, 1))(THETA, STRENGTHS)
    assert np.allclose(forward[0], by_theta) and np.allclose(forward[1], by_p)
    hessian = jax.jit(jax.hessian(value))(THETA, STRENGTHS)
    step = 1e-6
    for k, e in enumerate(step * np.eye(4)):
        by_hand = (slope(THETA + e, STRENGTHS)[0] - slope(THETA - e, STRENGTHS)[0]) / (2 * step)
        assert np.max(np.abs(hessian[k] - by_hand)) < 1e-7
    rows = jax.jit(jax.vmap(slope, (0, None)))(np.stack([THETA, THETA]), STRENGTHS)
    assert np.allclose(rows[0], by_theta) and np.allclose(rows[1], by_p)
    batch = value(np.stack([THETA, 2 * THETA]), STRENGTHS)
    assert np.allclose(batch[0], value(THETA, STRENGTHS)) and batch.shape == (2,)


def test_traced_operators(double, rng):
    kraus = random_kraus(2, 1, rng)
    run = jax.jit(lambda k: density_matrix(qj.Circuit(1).h(0).kraus(k, 0), dtype=double))
    expected = dense_density(qj.Circuit(1).h(0).kraus(kraus, 0))
    assert np.allclose(run(kraus), expected, atol=1e-13)
    assert np.all(np.isnan(run(1.1 * kraus)))


def test_plans_know_what_is_not_unitary():
    from qjax.noise.density import doubled

    plan = compile_plan(doubled(random_noisy(2, 20, np.random.default_rng(3)), "x").structure)
    assert not plan.is_unitary
    assert sum(len(part.ops) for part in plan.parts) == len(plan.ops)
    places = np.concatenate([plan.places(part) for part in plan.parts])
    assert sorted(places) == list(range(plan.num_numbers))


# --- trajectories -------------------------------------------------------------------------------


def test_trajectories_converge_to_the_density_matrix(rng):
    circuit = random_noisy(3, 15, rng)
    observables = [qj.PauliSum(OBSERVABLE, num_qubits=3), "Z1 Z2", qj.Projector("1", [0])]
    exact = qj.expectation(circuit, observables)
    found = trajectory_expectation(circuit, observables, trajectories=20_000, key=jax.random.key(1))
    assert np.all(np.abs(found.value - exact) < 4.5 * found.standard_error + 1e-6)
    assert np.all(found.standard_error < 0.02)


@pytest.mark.slow
def test_gradients_of_trajectories_are_unbiased(rng):
    circuit = random_template(3, 4, 3, rng)
    theta, p = jnp.asarray(rng.normal(size=3), jnp.float32), jnp.array([0.05, 0.2, 0.1, 0.03])

    def exact(theta, p):
        return qj.expectation(circuit, "Z0 + 0.5 X1 Y2", theta, noise=model_of(p))

    def drawn(theta, p, key):
        return qj.expectation(
            circuit, "Z0 + 0.5 X1 Y2", theta, noise=model_of(p), trajectories=500, key=key
        )

    keys = jax.random.split(jax.random.key(5), 40)
    found = jax.jit(jax.vmap(jax.grad(drawn, (0, 1)), (None, None, 0)))(theta, p, keys)
    for samples, expected in zip(found, jax.grad(exact, (0, 1))(theta, p), strict=True):
        error = np.std(samples, axis=0) / np.sqrt(len(keys) - 1)
        assert np.all(np.abs(np.mean(samples, axis=0) - expected) < 4.5 * error + 1e-5)


def test_trajectories_in_chunks_are_the_same_ones_inside_jit(monkeypatch, rng):
    from qjax.dynamic import trajectories

    monkeypatch.setattr(trajectories, "_CHUNK_AMPLITUDES", 64)
    circuit = random_noisy(3, 8, rng)
    run = lambda key: trajectory_expectation(circuit, "Z0", trajectories=50, key=key)
    eager = run(jax.random.key(0))
    traced = jax.jit(run)(jax.random.key(0))
    assert np.allclose(eager.value, traced.value, atol=1e-6)
    assert np.allclose(eager.standard_error, traced.standard_error, atol=1e-6)


LARGE = """
import jax, qjax as qj, resource
circuit = qj.Circuit(20).h(0).cx(0, range(1, 20))
model = qj.NoiseModel().add("depolarizing", 0.01)
found = qj.noise.trajectory_expectation(
    circuit, "Z0 Z19", noise=model, trajectories=1000, key=jax.random.key(0), progress=True)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(float(found.value), float(found.standard_error), peak)
"""


@pytest.mark.slow
def test_a_thousand_trajectories_of_20_qubits_fit_in_memory():
    """All at once they would take 8 GiB.

    A flip of qubit 0 before the last gate flips qubit 19 too, so that <Z0 Z19> shrinks by 1 - p
    only behind it, on both qubits.
    """
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=True)
    value, error, kibibytes = map(float, done.stdout.split())
    assert abs(value - 0.99**2) < 4.5 * error
    assert kibibytes < 2**20
    assert "1000/1000" in done.stderr


def test_noise_and_outcomes_together():
    """A bit-flip code of three qubits corrects one flip: it fails if two or three flip."""
    p = 0.1
    code = qj.Circuit(5, 5).channel("bit_flip", p, [0, 1, 2])
    code.cx(0, 3).cx(1, 3).cx(1, 4).cx(2, 4).measure([3, 4], [3, 4])
    for value, q in ((1, 0), (3, 1), (2, 2)):
        code.if_else([3, 4], value, qj.Circuit(5, 5).x(q))
    found = qj.expectation(code, "Z0 Z1", trajectories=4000, key=jax.random.key(2))
    assert abs(found - 1) < 1e-6  # back in the code
    lost = (1 - qj.expectation(code, "Z0", trajectories=4000, key=jax.random.key(2))) / 2
    fails = 3 * p**2 * (1 - p) + p**3
    assert abs(lost - fails) < 4.5 * np.sqrt(fails / 4000)


# --- samples ------------------------------------------------------------------------------------


def check_counts(found, chances):
    shots = found.shots
    for index, chance in enumerate(chances):
        count = found.get(format(index, f"0{len(chances).bit_length() - 1}b"), 0)
        assert abs(count - shots * chance) < 5 * np.sqrt(shots * chance * (1 - chance)) + 1e-9


def test_counts_from_the_density_matrix_and_from_trajectories(monkeypatch, rng):
    from qjax import simulate

    circuit = random_noisy(3, 12, rng)
    model = NoiseModel().add("depolarizing", 0.02).add_readout(0.05, 0.1)
    chances = np.asarray(qj.probabilities(circuit, noise=model))
    check_counts(qj.counts(circuit, 20_000, jax.random.key(0), noise=model), chances)
    monkeypatch.setattr(simulate, "MOST_DENSITY_BITS", 0)
    check_counts(qj.counts(circuit, 20_000, jax.random.key(0), noise=model), chances)


def test_measured_bits_are_misread():
    circuit = qj.Circuit(2).x(0).measure(0, 2)
    model = NoiseModel().add_readout(0.0, 1.0, qubits=0).add_readout(1.0, 0.0, qubits=1)
    assert dict(qj.counts(circuit, 10, jax.random.key(0), noise=model)) == {"000": 10}


# --- models -------------------------------------------------------------------------------------


def test_rules_choose_gates_and_qubits():
    model = (
        NoiseModel().add("bit_flip", 0.1, gates=["h", "x"]).add("phase_flip", 0.2, qubits=(0, 1))
        .add("depolarizing2", 0.3, gates="cx").add("phase_damping", 0.4, gates="cx", on=1)
        .add("bit_phase_flip", 0.5, gates="measure")
    )  # fmt: skip
    noisy = model.apply(qj.Circuit(3).h(0).cx(0, 1).cx(1, 2).z(1).measure(2, 0))
    assert [str(i) for i in noisy] == [
        "h 0", "bit_flip(0.1) 0",
        "cx 0, 1", "phase_flip(0.2) 0", "phase_flip(0.2) 1", "depolarizing2(0.3) 0, 1",
        "phase_damping(0.4) 1",
        "cx 1, 2", "depolarizing2(0.3) 1, 2", "phase_damping(0.4) 1",
        "z 1", "bit_phase_flip(0.5) 2", "measure 2 -> 0",
    ]  # fmt: skip


def test_models_and_noisy_circuits_are_saved(tmp_path, rng):
    model = model_of([0.1, 0.2, 0.3, 0.4]).add("depolarizing2", 0.05, gates="cx", qubits=(1, 0))
    model.add_readout(0.01, 0.02).add_readout(0.03, 0.04, 2)
    model.save(tmp_path / "model.json")
    again = NoiseModel.load(tmp_path / "model.json")
    assert again.rules == model.rules and again.readout == model.readout
    circuit = random_noisy(3, 20, rng)
    qj.save(circuit, tmp_path / "circuit.json")
    assert qj.load(tmp_path / "circuit.json") == circuit


def test_models_of_operators_are_saved(tmp_path, double, rng):
    """Kraus operators, Pauli mixtures and superoperators, which hold arrays."""
    kraus = random_kraus(3, 1, rng)
    model = (
        NoiseModel().add("kraus", kraus, gates="h").add("pauli_channel", {"XZ": 0.1}, gates="cnot")
        .add("superoperator", np.diag([1, 0.8, 0.8, 1]), qubits=1)
    )  # fmt: skip
    model.save(tmp_path / "model.json")
    again = NoiseModel.load(tmp_path / "model.json")
    assert again.rules == model.rules and again.rules != model.rules[:2]
    circuit = qj.Circuit(2).h([0, 1]).cx(0, 1).ry(0.3, 1)
    expected = (
        qj.Circuit(2).h(0).kraus(kraus, 0).h(1).kraus(kraus, 1).channel("phase_damping", 0.36, 1)
        .cx(0, 1).pauli_channel({"XZ": 0.1}, (0, 1)).ry(0.3, 1).channel("phase_damping", 0.36, 1)
    )  # fmt: skip
    found = density_matrix(circuit, noise=again, dtype=double)
    assert np.max(np.abs(found - dense_density(expected))) < 1e-13


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{}", "holds no noise model"),
        ("no json", "holds no noise model"),
        ('{"format": "qjax noise", "version": 2}', "another format"),
        (
            '{"format": "qjax noise", "version": 1, "readout": [], "rules": [{"channel": '
            '"bit_flip", "values": [1.5], "gates": null, "qubits": null, "on": null}]}',
            r"p must be in 0\.\.1",
        ),
        ('{"format": "qjax noise", "version": 1, "rules": [], "readout": [[0, 2, 0]]}', "one is 2"),
        (None, "there is no file"),
    ],
)
def test_bad_files_are_refused(text, message, tmp_path):
    if text is not None:
        (tmp_path / "bad.json").write_text(text)
    with pytest.raises(qj.QjaxError, match=message):
        NoiseModel.load(tmp_path / "bad.json")


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (lambda p: NoiseModel().add("bit_flip", p), "must be known numbers"),
        (lambda p: NoiseModel().add_readout(p, 0.1), "values of readout must be known numbers"),
        (lambda p: NoiseModel().add("bit_flip", qj.Parameter("p")), "must be known numbers"),
    ],
)
def test_models_without_known_numbers_are_not_saved(model, message, tmp_path):
    with pytest.raises(qj.QjaxError, match=message):
        jax.make_jaxpr(lambda p: model(p).save(tmp_path / "model.json"))(0.1)
    assert not (tmp_path / "model.json").exists()


def test_symbolic_strengths_are_bound(double):
    circuit = qj.Circuit(1).x(0).channel("amplitude_damping", qj.Parameter("g"), 0)
    assert abs(qj.expectation(circuit, "Z0", 0.3, dtype=double) - (-1 + 2 * 0.3)) < 1e-14
    assert circuit.bind({"g": 0.3})[1].params == (0.3,)
    with pytest.raises(qj.QjaxError, match=r"gamma must be in 0\.\.1, but is 1\.5"):
        circuit.bind({"g": 1.5})


def mean(circuit, observable="Z0", key=None, **options):
    key = jax.random.key(0) if key is None else key
    return trajectory_expectation(circuit, observable, trajectories=9, key=key, **options)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.channel("bit_flop", 0.1, 0), "There is no channel 'bit_flop'. Channels: bit"),
        (lambda c: c.channel("bit_flip", -0.1, 0), r"bit_flip on qubit 0: p must be in 0\.\.1"),
        (lambda c: c.channel("bit_flip", (0.1, 0.2), 0), r"takes 1 \(p\) as parameters, but got 2"),
        (lambda c: c.channel("depolarizing2", 0.1, 0), "takes 2 qubits, but got 1"),
        (lambda c: c.channel("bit_flip", 0.1, 5), "qubit"),
        (lambda c: c.channel("thermal_relaxation", (1, 3, 1, 0), 0), "t2 must be at most 2 t1"),
        (lambda c: c.kraus([[[1, 0], [0, 0.5]]], 0), r"its largest entry is off by 0\.75"),
        (lambda c: c.kraus(np.eye(2), 0), r"must have shape \(K, 2\*\*k, 2\*\*k\)"),
        (lambda c: c.superoperator(np.diag([1, -1, -1, 1.0]) * [1, 2, 2, 1], 0), "positive"),
        (lambda c: c.superoperator(np.diag([1, 0.5, 0.5, 0.5]), 0), "largest entry is off by 0.5"),
        (lambda c: c.superoperator(np.eye(3), 0), r"must have shape \(4\*\*k, 4\*\*k\)"),
        (lambda c: jax.jit(lambda s: c.superoperator(s, 0))(np.eye(4)), "must be known, for"),
        (lambda c: c.channel("bit_flip", np.nan, 0), r"must be in 0\.\.1|must be finite"),
        (lambda c: c.channel("over_rotation_x", np.nan, 0), "finite"),
        (lambda c: c.pauli_channel({"X": 0.7, "Z": 0.5}, 0), "add up to at most 1"),
        (lambda c: c.pauli_channel({"X": 0.1, "ZZ": 0.1}, 0), "of one length"),
        (lambda c: c.pauli_channel([0.5, 0.6, 0, 0], 0), r"must add up to 1, but add up to 1\.1"),
        (lambda c: qj.statevector(c), "A state vector has no noise, but this circuit has bit_flip"),
        (lambda c: qj.branches(c), "branches are of circuits without noise"),
        (lambda c: c.inverse(), "must have no bit_flip"),
        (lambda c: qj.qasm.dumps(c), "cannot say bit_flip"),
        (lambda c: qj.interop.to_qiskit(c), "to_qiskit: the circuit must have no noise, but has"),
        (lambda c: qj.interop.to_cirq(c), "to_cirq: the circuit must have no noise, but has"),
        (lambda c: native(c, "rz sx cz"), "must have no noise"),
        (lambda c: qj.expectation(c, "Z0", trajectories=10), "trajectories need a key"),
        (lambda c: qj.expectation(c, "Z0", trajectories=0, key=jax.random.key(0)), "at least 1"),
        (lambda c: qj.expectation(c, "Z0", noise="bad"), "noise must be a NoiseModel"),
        (lambda c: qj.density_matrix(qj.Circuit(20)), "at most 15 qubits, but has 20"),
        (lambda c: qj.density_matrix(c, initial_state=np.eye(4)), "must have trace 1, but has 4"),
        (lambda c: qj.density_matrix(c, initial_state=np.diag([1.2, 0, 0, -0.2])), "-0.2"),
        (
            lambda c: qj.density_matrix(c, initial_state=np.eye(4) / 4 + np.eye(4, k=1)),
            "must be Hermitian, but is off by 1",
        ),
        (lambda c: qj.density_matrix(c, initial_state=np.ones(3)), r"must have shape \(4,\) or"),
        (lambda c: qj.density_matrix("c"), "circuit must be a Circuit, but is 'c'"),
        (
            lambda c: qj.density_matrix(
                qj.Circuit(1, 1).measure(0, 0).if_else(0, 1, qj.Circuit(1, 1).x(0))
            ),
            "a density matrix has no outcomes",
        ),
        (lambda c: mean("c"), "circuit must be a Circuit, but is 'c'"),
        (lambda c: mean(c, key=3), "trajectories: key must be a jax.random key"),
        (lambda c: mean(c, observable=[]), "must not be empty"),
        (lambda c: mean(c, observable="Z5"), "must act on qubits of the circuit, which has 2"),
        (lambda c: mean(c, initial_state=np.ones(4)), "must have norm 1"),
        (lambda c: qj.counts(c, 10, 3), "must be a jax.random key"),
        (lambda c: NoiseModel().add_readout(1.2, 0), r"probabilities must be in 0\.\.1"),
        (lambda c: NoiseModel().add_readout(0.1, 0.1, -1), "distinct and not negative"),
        (lambda c: NoiseModel().add("bit_flip", 0.1, gates="cnott"), "Did you mean cnot"),
        (lambda c: NoiseModel().add("bit_flip", 0.1, gates=[]), "must name a gate"),
        (lambda c: NoiseModel().add("bit_flip", 0.1, qubits=(0, 0)), "must be distinct"),
        (lambda c: NoiseModel().add("bit_flip", 0.1, qubits=(0, 1), on=2), "among the qubits"),
        (lambda c: NoiseModel().add("depolarizing2", 0.1, qubits=1), "takes 2 qubits, but"),
        (lambda c: NoiseModel().add("depolarizing2", 0.1, on=1), "must name the 2 qubits of"),
        (lambda c: NoiseModel().add("depolarizing2", 0.1, gates=["h", "x"]), "none does of h, x"),
        (lambda c: NoiseModel().add("pauli_channel", [0.5, 0.5]), r"shape \(4\*\*k,\)"),
        (lambda c: NoiseModel().add("kraus", np.eye(2)), r"must have shape \(K, 2\*\*k"),
        (lambda c: NoiseModel().add("kraus", [np.eye(2) / 2]), "off by 0.75"),
        (lambda c: NoiseModel.from_qiskit_target("fez"), "must be a Qiskit Target"),
        (lambda c: NoiseModel().add("bit_flip", 2.0), r"p must be in 0\.\.1"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(qj.Circuit(2).h(0).channel("bit_flip", 0.1, 0))


# --- fits ---------------------------------------------------------------------------------------


def twin(s):
    return (
        NoiseModel().add("depolarizing", s[0], gates="x").add("amplitude_damping", s[1], gates="id")
        .add("over_rotation_x", s[2], gates="sx").add_readout(s[3], s[4])
    )  # fmt: skip


def test_strengths_are_found_from_counts():
    truth = np.array([0.03, 0.08, 0.1, 0.02, 0.05])
    circuits = [qj.Circuit(1)] + [
        qj.Circuit(1)._extend(list(qj.Circuit(1).append(name, 0)) * times)
        for name in ("x", "sx")
        for times in (1, 2, 3, 4, 8)
    ]  # fmt: skip
    idle = qj.Circuit(1).x(0)
    circuits += [idle._with([*idle, *list(qj.Circuit(1).id(0)) * k]) for k in (2, 5, 10)]
    machine = twin(truth)
    counts = [
        qj.counts(c, 200_000, jax.random.key(k), noise=machine) for k, c in enumerate(circuits)
    ]
    found = qj.noise.fit(
        twin, circuits, counts, [0.1, 0.1, 0.01, 0.1, 0.1],
        bounds=([0, 0, -1, 0, 0], [1, 1, 1, 1, 1]), steps=800,
    )  # fmt: skip
    assert found.identifiable
    assert np.all(np.abs(found.strengths - truth) < 4.5 * found.standard_errors)
    assert np.all(found.standard_errors < 0.003)


def test_strengths_that_counts_cannot_tell_are_named():
    build = lambda s: NoiseModel().add("phase_flip", s[0]).add_readout(s[1], s[1])
    found = qj.noise.fit(build, [qj.Circuit(1).x(0)], [{"1": 900, "0": 100}], [0.1, 0.2], steps=50)
    assert not found.identifiable
    assert np.allclose(np.abs(found.unknown), [[1, 0]])
    assert np.isinf(found.standard_errors[0]) and np.isfinite(found.standard_errors[1])


@pytest.mark.parametrize(
    ("circuits", "counts", "start", "message"),
    [
        ([qj.Circuit(1)], [], [0.1], "needs counts for each circuit"),
        ([qj.Circuit(1)], [{"00": 1}], [0.1], "must have keys of 1 bits, but one is '00'"),
        ([qj.Circuit(1)], [{"0": 1}], [1.5], "must lie between the bounds"),
        ([qj.Circuit(1)], [{}], [0.1], "counts must not be empty"),
        ([qj.Circuit(1)], [{"2": 1}], [0.1], "keys must be bitstrings"),
        ([qj.Circuit(1).rx(qj.Parameter("t"), 0)], [{"0": 1}], [0.1], "without open parameters"),
        ([qj.Circuit(1, 1).measure(0, 0).x(0).measure(0, 0)], [{"0": 1}], [0.1], "once, at the"),
    ],
)
def test_bad_fits_are_refused(circuits, counts, start, message):
    with pytest.raises(qj.QjaxError, match=message):
        qj.noise.fit(lambda s: NoiseModel().add("bit_flip", s[0]), circuits, counts, start)


def test_a_build_that_gives_no_model_is_refused():
    with pytest.raises(qj.QjaxError, match="build must give a NoiseModel, but gave None"):
        qj.noise.fit(lambda s: None, [qj.Circuit(1)], [{"0": 1}], [0.1])


def test_counts_in_either_order_of_bits_say_the_same():
    build = lambda s: NoiseModel().add_readout(s[0], 0.0, qubits=0).add_readout(s[1], 0.0, qubits=1)
    counts = qj.Counts({"00": 60, "01": 30, "10": 10})  # qubit 0 reads 1 in 30 of 100
    found = [
        qj.noise.fit(build, [qj.Circuit(2)], [c], [0.2, 0.2], steps=300).strengths
        for c in (counts, counts.to_order("qubit0_first"))
    ]
    assert np.allclose(found[0], found[1], atol=1e-6)
    assert np.allclose(found[0], [0.3, 0.1], atol=0.02)


def test_training_against_the_twin_makes_up_for_what_the_machine_does():
    """A machine that turns too far by 0.3 needs an angle of pi - 0.3 to flip a qubit."""
    build = lambda s: NoiseModel().add("over_rotation_x", s[0], gates="rx").add("bit_flip", s[1])
    machine = build(np.array([0.3, 0.02]))
    circuits = [qj.Circuit(1).rx(angle, 0) for angle in (0.0, 0.7, 1.4, 2.1)]
    counts = [
        qj.counts(c, 100_000, jax.random.key(k), noise=machine) for k, c in enumerate(circuits)
    ]
    found = qj.noise.fit(build, circuits, counts, [0.05, 0.05], bounds=([-1, 0], [1, 0.5]))
    assert found.identifiable
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
    energy = jax.jit(lambda t: qj.expectation(circuit, "Z0", t, noise=found.model))
    angle = 2.0
    for _ in range(30):
        angle = angle - jax.grad(energy)(angle)
    assert abs(angle - (np.pi - 0.3)) < 5 * found.standard_errors[0]
