"""Bundles: what they hold, what their counts become, and that they keep on disk."""

import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest
from hypothesis import given, settings
from strategies import seeds

import qjax as qj
from qjax import hardware as hw
from qjax.errors import (
    CircuitError,
    FileError,
    ObservableError,
    ParameterError,
    QasmError,
    SamplingError,
)  # fmt: skip
from qjax.hardware.folding import extrapolation, folded
from qjax.hardware.grouping import grouped
from qjax.hardware.outcomes import outcomes
from qjax.hardware.shots import divided

ENERGY = qj.PauliSum("Z0 Z1 + 0.5 X0 - 0.3 Y1 Z2 + 0.2 X0 X1 X2 + 0.7")
METHODS = ("none", "qubit-wise", "commuting")


def ansatz():
    t = qj.ParameterVector("t", 6)
    circuit = qj.Circuit(3).ry(t[:3], range(3)).cx([0, 1], [1, 2]).crx(t[3], 0, 2)
    return circuit.rzz(t[4] * 2, 0, 1).u(t[5], t[0], t[1], 2)


VALUES = np.array([0.3, -0.7, 1.1, 0.4, 0.2, -0.9])


def exact(executor=None):
    """Runs circuits by dense linear algebra: counts are exact probabilities, many shots of each."""

    def run(circuits, shots):
        found = []
        for circuit in circuits:
            state = oracle.statevector(circuit.remove_measurements())
            n = circuit.num_qubits
            found.append(
                {format(k, f"0{n}b"): p * 1e12 for k, p in enumerate(abs(state) ** 2) if p > 1e-15}
            )
        return found

    return run


def confused(wrong_one, wrong_zero):
    """The same with readout errors."""

    def run(circuits, shots):
        found = []
        for counts in exact()(circuits, shots):
            n = len(next(iter(counts)))
            p = np.zeros((2,) * n)
            for bits, number in counts.items():
                p[tuple(int(b) for b in bits)] += number
            for q in range(n):
                a, b = wrong_one[q], wrong_zero[q]
                p = np.moveaxis(
                    np.tensordot([[1 - a, b], [a, 1 - b]], p, (1, n - 1 - q)), 0, n - 1 - q
                )
            found.append({format(k, f"0{n}b"): v for k, v in enumerate(p.ravel()) if v > 0})
        return found

    return run


# --- groups and shots -------------------------------------------------------------------------


@given(seed=seeds)
@settings(max_examples=15)
@pytest.mark.parametrize("method", METHODS)
def test_a_basis_change_makes_its_group_diagonal(method, seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 5))
    words = {"".join(rng.choice(list("IXYZ"), n)): float(rng.normal()) for _ in range(12)}
    observable = qj.PauliSum(words, num_qubits=n)
    seen = []
    for group in grouped(observable, n, method):
        change = oracle.unitary(group.basis_change)
        for term, mask, sign in zip(group.terms, group.masks, group.signs, strict=True):
            string = observable.strings[term]
            parities = np.array([(k & mask).bit_count() % 2 for k in range(2**n)])
            wanted = np.diag(sign * (-1.0) ** parities)
            matrix = oracle.pauli_matrix(str(string), n)
            np.testing.assert_allclose(change @ matrix @ change.conj().T, wanted, atol=1e-12)
            seen.append(term)
    wanted = [k for k, s in enumerate(observable.strings) if s.weight]
    assert sorted(seen) == wanted


def test_commuting_groups_are_fewest():
    molecule = qj.PauliSum("Z0 Z1 + Z2 Z3 + X0 X1 + Y0 Y1 + X0 X1 Y2 Y3 + Y0 X1 X2 Y3 + Z0 + X2 X3")
    counts = [len(grouped(molecule, 4, m)) for m in METHODS]
    assert counts == sorted(counts, reverse=True)
    assert counts[2] < counts[1] < counts[0] == 8


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("allot", ["uniform", "weight", "variance"])
def test_the_value_is_exact_for_exact_counts(method, allot):
    bundle = hw.measure(ansatz(), ENERGY, VALUES, group=method, allot=allot, shots=997)
    assert sum(bundle.shots) == 997
    assert min(bundle.shots) >= 1
    state = oracle.statevector(ansatz().bind(VALUES))
    wanted = np.vdot(state, ENERGY.to_matrix() @ state).real
    assert bundle.run(exact()).value == pytest.approx(wanted, abs=1e-6)


def test_shots_go_where_the_spread_is():
    observable = qj.PauliSum("Z0 + 0.1 X1")
    bundle = hw.measure(qj.Circuit(2), observable, allot="variance", group="none", shots=1000)
    assert bundle.shots == [1, 999]  # Z0 is certain in |00>, X1 is not
    assert divided(7, np.zeros(3)) == [3, 2, 2]


# --- values and gradients ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def wanted():
    with jax.enable_x64(True):
        f = jax.value_and_grad(
            lambda v: qj.expectation(ansatz(), ENERGY, v, dtype=np.complex128, engine="xla")
        )
        value, gradient = f(jnp.array(VALUES))
    return np.r_[float(value), np.asarray(gradient)]


@pytest.mark.parametrize(
    "options", [{}, {"group": "commuting"}, {"zne": (1, 3, 5)}, {"zne": (1, 3), "readout": True}]
)
def test_the_gradient_is_exact_for_exact_counts(options, wanted):
    bundle = hw.gradient_job(ansatz(), ENERGY, VALUES, **options)
    found = bundle.run(exact())
    np.testing.assert_allclose(np.r_[found.value, found.gradient], wanted, atol=1e-6)


@pytest.mark.parametrize("method", ["parameter-shift", "spsa"])
def test_errors_tell_the_spread(method):
    """Over many runs, deviations in units of the standard error have mean 0 and variance 1."""
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).ry(t[0], 0).cx(0, 1).rx(t[1], 1)
    keys = {"key": jax.random.key(3)} if method == "spsa" else {}
    bundle = hw.gradient_job(circuit, "Z0 Z1 + 0.5 X0", [0.4, 0.9], method=method, shots=300,
                             **keys)  # fmt: skip
    truth = bundle.run(exact())
    executor = hw.executors.simulator(jax.random.key(0))
    runs = [bundle.run(executor) for _ in range(150)]
    z = np.array([
        np.r_[(r.value - truth.value) / r.value_error,
              (r.gradient - truth.gradient) / r.gradient_error]
        for r in runs
    ])  # fmt: skip
    # Means of 150 have a standard error of 0.08, variances one of 0.12.
    assert np.all(abs(z.mean(0)) < 0.35)
    assert np.all(abs(z.var(0) - 1) < 0.5)


def test_spsa_is_right_on_average(wanted):
    estimates = [
        hw.gradient_job(ansatz(), ENERGY, VALUES, method="spsa", repeats=40, step=0.05,
                        key=jax.random.key(k)).run(exact()).gradient
        for k in range(6)
    ]  # fmt: skip
    # 240 directions; each element's spread is that of the others, below the gradient's norm.
    bound = 4 * np.linalg.norm(wanted[1:]) / np.sqrt(240)
    assert np.max(abs(np.mean(estimates, 0) - wanted[1:])) < bound


def test_readout_errors_are_undone(wanted):
    wrong = confused([0.02, 0.05, 0.01], [0.08, 0.03, 0.04])
    plain = hw.measure(ansatz(), ENERGY, VALUES).run(wrong)
    mended = hw.measure(ansatz(), ENERGY, VALUES, readout=True).run(wrong)
    assert abs(plain.value - wanted[0]) > 0.03
    assert mended.value == pytest.approx(wanted[0], abs=1e-6)


def test_errors_of_the_calibration_count():
    bundle = hw.measure(qj.Circuit(1), "Z0", readout=True, shots=1000)
    value = bundle.evaluate([{"0": 1e9}, {"0": 95, "1": 5}, {"0": 20, "1": 80}])
    # Z = ((1 - b) + a) / (1 - a - b) for the outcome 0, with a = 0.05, b = 0.2 of 100 shots each.
    a, b = 0.05, 0.2
    da = 2 * (1 - b) / (1 - a - b) ** 2
    db = (2 * a) / (1 - a - b) ** 2
    error = np.sqrt(da**2 * a * (1 - a) / 99 + db**2 * b * (1 - b) / 99)
    assert value.value == pytest.approx((1 - b + a) / (1 - a - b))
    assert value.value_error == pytest.approx(error, rel=1e-3)


def test_a_bit_without_meaning_is_refused():
    bundle = hw.measure(qj.Circuit(1), "Z0", readout=True)
    with pytest.raises(SamplingError, match="must leave a bit some meaning, but bit 0 reads 1"):
        bundle.evaluate([{"0": 10}, {"0": 5, "1": 5}, {"0": 5, "1": 5}])


def test_folding_keeps_the_unitary_and_multiplies_the_gates():
    circuit = ansatz().bind(VALUES).ccx(0, 1, 2)
    for scale in (1, 3, 5):
        more = folded(circuit, scale)
        np.testing.assert_allclose(oracle.unitary(more), oracle.unitary(circuit), atol=1e-12)
    pairs = [sum(len(i.all_qubits) == 2 and i.is_gate for i in folded(circuit, s)) for s in (3, 9)]
    assert pairs[1] == 3 * pairs[0]
    native = qj.qasm.dumps(folded(qj.Circuit(2).cx(0, 1), 5), target="ibm")
    assert native.count("cz ") == 5


def test_extrapolation_is_exact_for_polynomials():
    scales = (1, 3, 5, 7)
    coefficients = extrapolation(scales, "richardson")
    for power in range(4):
        found = sum(c * s**power for c, s in zip(coefficients, scales, strict=True))
        assert found == pytest.approx(float(power == 0), abs=1e-9)
    line = extrapolation(scales, "linear")
    assert sum(c * (2 + 3 * s) for c, s in zip(line, scales, strict=True)) == pytest.approx(2)


def test_zero_noise_extrapolation_removes_linear_noise():
    """Depolarizing noise of strength p per folded gate shrinks <ZZ> by (1 - p)**scale."""
    bundle = hw.measure(qj.Circuit(2).h(0).cx(0, 1), "Z0 Z1", zne=(1, 3, 5))
    counts = [{"00": 1 + 0.98**s, "01": 1 - 0.98**s} for s in (1, 3, 5)]
    assert abs(bundle.evaluate(counts).value - 1) < 2e-5
    assert abs(0.98 - 1) > 1e-2


def test_an_observable_without_strings_needs_no_circuit():
    bundle = hw.measure(qj.Circuit(1), "0.7")
    assert len(bundle) == 0
    assert bundle.evaluate([]).value == pytest.approx(0.7)


# --- counts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("counts", "form"),
    [
        ({"011": 3, "100": 1}, "qiskit"),
        ({"011": 3, "100": 1}, None),
        ({"0 11": 3, "1 00": 1}, "qiskit"),
        ({"0x3": 3, "0x4": 1}, "qiskit"),
        ({"110": 3, "001": 1}, "braket"),
        ({"3": 0.75, "4": 0.25}, "ionq"),
        ({3: 3, 4: 1}, "ionq"),
        ({(1, 1, 0): 3, (0, 0, 1): 1}, None),
        (qj.Counts({"011": 3, "100": 1}), None),
        (qj.Counts({"110": 3, "001": 1}, bit_order="qubit0_first"), "qiskit"),
        ([[1, 1, 0], [1, 1, 0], [0, 0, 1], [1, 1, 0]], None),
    ],
)
def test_counts_of_every_client_are_read(counts, form):
    found = outcomes(counts, 3, form, 4)
    total = {}
    for bits, number in zip(found.bits.tolist(), found.numbers, strict=True):
        total[tuple(bits)] = total.get(tuple(bits), 0) + number
    assert total == {(1, 1, 0): 3, (0, 0, 1): 1}


@pytest.mark.parametrize(
    ("counts", "form", "message"),
    [
        ({"01": 3}, "qiskit", "must have outcomes of 3 bits, but one is '01'"),
        ({"0x9": 3}, "qiskit", "must have outcomes of 3 bits"),
        ({"0a1": 3}, "braket", "must have outcomes of 3 bits"),
        ({"8": 3}, "ionq", "must have outcomes of 3 bits"),
        ({(0, 2, 1): 3}, None, "must have outcomes of 3 bits"),
        ({}, None, "not empty"),
        ({"000": -1}, None, "not negative"),
        ({"000": float("nan")}, None, "must be finite"),
        ({"000": 0}, None, "not all 0"),
        ({"000": 1}, "rigetti", "must be one of qiskit, braket"),
        ([[0, 1]], None, r"in the shape \(shots, 3\)"),
        (None, None, "must be a mapping"),
    ],
)
def test_counts_that_do_not_fit_are_refused(counts, form, message):
    with pytest.raises(SamplingError, match=message):
        outcomes(counts, 3, form, 4)


# --- files ------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", qj.qasm.TARGETS)
def test_a_bundle_is_saved_for_every_target(target, tmp_path):
    bundle = hw.gradient_job(ansatz(), ENERGY, VALUES, shots=100, readout=True)
    saved = bundle.save(tmp_path / "b", target)
    loaded = hw.load(tmp_path / "b")
    assert len(loaded) == len(bundle) == len(list((tmp_path / "b").iterdir())) - 1
    assert loaded.shots == bundle.shots
    assert all(loaded.programs)
    counts = exact()(bundle.circuits, bundle.shots)
    here = saved.evaluate(counts, form="qiskit")
    there = loaded.evaluate(counts, form="qiskit")
    assert here.value == there.value
    np.testing.assert_array_equal(here.gradient, there.gradient)
    np.testing.assert_array_equal(here.gradient_error, there.gradient_error)


def test_another_process_reads_it(tmp_path):
    bundle = hw.measure(ansatz(), ENERGY, VALUES, shots=100).save(tmp_path / "b", "openqasm3")
    code = (
        "import sys, json; from qjax import hardware as hw; b = hw.load(sys.argv[1]);"
        "print(b.evaluate(json.load(open(sys.argv[2]))).value)"
    )
    counts = exact()(bundle.circuits, bundle.shots)
    (tmp_path / "counts.json").write_text(json.dumps(counts))
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "b"), str(tmp_path / "counts.json")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert float(done.stdout) == bundle.evaluate(counts).value


def test_programs_are_what_the_circuits_are(tmp_path):
    bundle = hw.measure(ansatz(), ENERGY, VALUES, shots=100).save(tmp_path / "b", "openqasm2")
    for circuit, text in zip(bundle.circuits, hw.load(tmp_path / "b").programs, strict=True):
        assert oracle.unitary(qj.qasm.loads(text).remove_measurements()) == pytest.approx(
            oracle.unitary(circuit.remove_measurements()), abs=1e-12)  # fmt: skip


def test_damage_is_said(tmp_path):
    folder = tmp_path / "b"
    bundle = hw.measure(qj.Circuit(1), "Z0").save(folder)
    with pytest.raises(FileError, match="must be a new or empty folder"):
        bundle.save(folder)
    (folder / "circuit_000.qasm").unlink()
    with pytest.raises(FileError, match="cannot be read"):
        hw.load(folder)
    manifest = json.loads((folder / "manifest.json").read_text())
    for change, message in [
        ({"version": 7}, "must be of version 1, but is of 7"),
        ({"format": "x"}, "no manifest"),
        ({"circuits": [{}]}, "is damaged"),
    ]:
        (folder / "manifest.json").write_text(json.dumps(manifest | change))
        with pytest.raises(FileError, match=message):
            hw.load(folder)
    (folder / "manifest.json").write_text("{")
    with pytest.raises(FileError, match="is damaged"):
        hw.load(folder)
    with pytest.raises(FileError, match="holds no bundle"):
        hw.load(tmp_path)


# --- routing ----------------------------------------------------------------------------------


def same_distribution(routed, circuit):
    """Whether the measured bits have the same probabilities."""

    def probabilities(c):
        measured = c.structure.final_measurements
        state = oracle.statevector(c.remove_measurements())
        index = np.arange(len(state))
        key = sum((index >> q & 1) << b for b, q in measured.items())
        return np.bincount(key, abs(state) ** 2, 2**c.num_clbits)

    np.testing.assert_allclose(probabilities(routed), probabilities(circuit), atol=1e-9)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transpiler", ["qiskit", "pytket"])
@pytest.mark.parametrize("target", ["ibm", "ibm-ecr", "iqm", "rigetti"])
def test_routing_keeps_to_the_machine_and_to_the_users_bits(target, transpiler):
    pytest.importorskip(transpiler)
    line = [(k, k + 1) for k in range(6)]
    rng = np.random.default_rng(0)
    circuit = qj.Circuit(5)
    for _ in range(12):
        a, b = (int(q) for q in rng.choice(5, 2, replace=False))
        circuit.ry(float(rng.normal()), a).cx(a, b)
    circuit.measure_all()
    routed = hw.route(circuit, target, coupling_map=line, transpiler=transpiler)
    assert routed.circuit.num_qubits <= 7
    places = routed.physical_qubits
    for i in routed.circuit:
        if i.is_gate and len(i.all_qubits) == 2:
            pair = tuple(places[q] for q in i.all_qubits)
            assert pair in line or (target != "ibm-ecr" and pair[::-1] in line)
    same_distribution(routed.circuit, circuit)
    assert len(routed.measured) == 5


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("transpiler", ["qiskit", "pytket"])
def test_routing_keeps_symbols(transpiler):
    pytest.importorskip(transpiler)
    circuit = ansatz().measure_all()
    routed = hw.route(circuit, "ibm", coupling_map=[(0, 1), (1, 2)], transpiler=transpiler)
    assert dict(routed.circuit.parameters) == {"t": (6,)}
    same_distribution(routed.circuit.bind({"t": VALUES}), circuit.bind(VALUES))
    text = qj.qasm.dumps(routed.circuit, target="ibm", physical_qubits=routed.physical_qubits)
    assert "input float[64]" in text
    assert "$1" in text


def test_a_saved_bundle_is_routed(tmp_path):
    pytest.importorskip("qiskit")
    bundle = hw.measure(ansatz(), ENERGY, VALUES, shots=100)
    saved = bundle.save(tmp_path / "b", "ibm", coupling_map=[(4, 5), (5, 6), (6, 7)])
    for e, text in zip(saved.experiments, hw.load(tmp_path / "b").programs, strict=True):
        again = qj.qasm.loads(text)
        same_distribution(again, e.circuit)
        assert set(e.layout) <= {4, 5, 6, 7}


def test_circuits_that_differ_in_angles_get_one_layout(tmp_path):
    pytest.importorskip("qiskit")
    line = [(k, k + 1) for k in range(5)]
    bundle = hw.gradient_job(ansatz(), "Z0 Z2", VALUES, shots=100)
    saved = bundle.save(tmp_path / "b", "ibm", coupling_map=line)
    by_structure = {}
    for e in saved.experiments:
        by_structure.setdefault(e.circuit.structure, set()).add(e.layout)
    assert all(len(layouts) == 1 for layouts in by_structure.values())
    assert len(by_structure) < len(saved) / 2
    for e, text in zip(saved.experiments, hw.load(tmp_path / "b").programs, strict=True):
        same_distribution(qj.qasm.loads(text), e.circuit)


# --- training ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["parameter-shift", "spsa"])
def test_fit_trains_against_an_executor(method):
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).ry(t[0], 0).cx(0, 1).ry(t[1], 1)
    energy = qj.PauliSum("Z0 Z1 + 0.5 X0 + 0.5 X1")
    executor = hw.executors.simulator(jax.random.key(0))
    extra = {"key": jax.random.key(1), "repeats": 2} if method == "spsa" else {}
    loss = hw.objective(circuit, energy, executor, method=method, shots=2000, **extra)
    start = jnp.array([1.0, 1.0])
    result = qj.fit(loss, start, optax.sgd(0.3), steps=25, progress=False)
    plain = qj.fit(lambda p: qj.expectation(circuit, energy, p), start, optax.sgd(0.3), steps=25,
                   progress=False)  # fmt: skip
    assert len(loss.estimates) == 25
    assert result.history[-1] == pytest.approx(plain.history[-1], abs=0.15)
    assert all(e.gradient_error.shape == (2,) for e in loss.estimates)


def test_an_objective_has_a_value_alone():
    t = qj.Parameter("t")
    loss = hw.objective(qj.Circuit(1).rx(t, 0), "Z0", exact())
    assert float(jax.jit(loss)(jnp.array([0.3]))) == pytest.approx(np.cos(0.3), abs=1e-6)
    assert loss.estimates[0].gradient is None
    with pytest.raises(SamplingError, match=r"must have shape \(1,\)"):
        loss(jnp.zeros(2))


# --- what does not fit ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda c: hw.measure(c, ENERGY), ParameterError, "give params"),
        (lambda c: hw.measure("c", ENERGY), CircuitError, "circuit must be a Circuit"),
        (lambda c: hw.measure(c.measure_all(), "Z0", VALUES), CircuitError, "must not measure"),
        (lambda c: hw.measure(c, "Z7", VALUES), ObservableError, "must act on at most 3 qubits"),
        (lambda c: hw.measure(c, {"Z0": 1j}, VALUES), ObservableError, "must be real"),
        (lambda c: hw.measure(c, ENERGY, VALUES, shots=2), SamplingError, "must be at least 3"),
        (lambda c: hw.measure(c, ENERGY, VALUES, shots=0), SamplingError, "shots"),
        (lambda c: hw.measure(c, ENERGY, VALUES, group="x"), ObservableError, "must be one of"),
        (lambda c: hw.measure(c, ENERGY, VALUES, allot="x"), SamplingError, "must be one of"),
        (lambda c: hw.measure(c, ENERGY, VALUES, zne=(1, 2)), SamplingError, "odd and positive"),
        (lambda c: hw.measure(c, ENERGY, VALUES, zne=(1,)), SamplingError, "two or more"),
        (
            lambda c: hw.measure(c, ENERGY, VALUES, zne=(1, 3), extrapolate="x"),
            SamplingError, "method must be one of",
        ),
        (
            lambda c: hw.gradient_job(c.bind(VALUES), ENERGY, None), CircuitError,
            "must have open parameters",
        ),
        (lambda c: hw.gradient_job(c, ENERGY, VALUES, method="x"), SamplingError, "must be"),
        (lambda c: hw.gradient_job(c, ENERGY, VALUES, method="spsa"), SamplingError, "a key"),
        (lambda c: hw.route(c, coupling_map="ab"), CircuitError, "must be pairs of qubits"),
        (lambda c: hw.route(c, coupling_map=[(0, 0)]), CircuitError, "different qubits"),
        (lambda c: hw.route(c, coupling_map=[(0, 1)]), CircuitError, "must have at most 2 qubits"),
        (lambda c: hw.route(c, transpiler="x"), CircuitError, "transpiler must be one of"),
        (lambda c: hw.measure(c, ENERGY, VALUES).evaluate([]), SamplingError, "must be 3"),
        (lambda c: hw.measure(c, ENERGY, VALUES).save("/tmp/x", "y"), QasmError, "target must be"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said(call, error, message):
    with pytest.raises(error, match=message):
        call(ansatz())


def test_a_traced_value_is_refused():
    with pytest.raises(CircuitError, match="see `objective`"):
        jax.jit(lambda v: hw.measure(ansatz(), ENERGY, v).shots)(VALUES)
