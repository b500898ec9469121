"""What `dumps` writes for a target is read by the target's own client, as the same unitary.

Every gate of the table, a trained circuit of 8 qubits, and symbols where the target has them. Each
client is an extra: its tests are left out where it is not installed.
"""

import json
import warnings

import jax
import numpy as np
import optax
import oracle
import pytest
from test_control_flow import assert_same_channel

import qjax as qj
from qjax import hardware as hw
from qjax.gates import GATES
from qjax.qasm import dumps, loads

pytestmark = [
    pytest.mark.clients,
    pytest.mark.filterwarnings("ignore"),  # what the clients warn of is theirs
]

TOLERANCE = 1e-9  # angles are written to the last digit; clients keep 10 digits and more
NAMES = [name for name, gate in GATES.items() if gate.num_qubits]


def client(module, attribute=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = pytest.importorskip(module)
    return found if attribute is None else getattr(found, attribute)


def one_gate(name):
    gate = GATES[name]
    rng = np.random.default_rng(len(name))
    angles = tuple(float(a) for a in rng.normal(size=len(gate.params)))
    return qj.Circuit(gate.num_qubits).append(gate, tuple(range(gate.num_qubits)), angles)


_TRAINED = []


def trained():
    """An 8-qubit ansatz trained on a transverse-field Ising chain."""
    if not _TRAINED:
        n = 8
        t = qj.ParameterVector("t", 3 * n)
        circuit = qj.Circuit(n).ry(t[:n], range(n))
        circuit.rzz(t[n : 2 * n - 1], range(n - 1), range(1, n)).rx(t[2 * n :], range(n))
        terms = {f"Z{k} Z{k + 1}": -1.0 for k in range(n - 1)} | {f"X{k}": -0.7 for k in range(n)}
        energy = qj.PauliSum(terms)
        result = qj.fit(
            lambda p: qj.expectation(circuit, energy, p), 0.3 * np.ones(3 * n, np.float32),
            optax.adam(0.1), steps=40, progress=False,
        )  # fmt: skip
        _TRAINED.append(circuit.bind(np.asarray(result.params, float)))
    return _TRAINED[0]


def same(found, wanted, tolerance=TOLERANCE):
    """Whether two matrices or states are equal up to a phase."""
    inner = np.vdot(found, wanted)
    assert abs(inner) > 0
    np.testing.assert_allclose(found * (inner / abs(inner)), wanted, atol=tolerance)


def reversed_qubits(array, n):
    """From the first qubit as the highest bit to the first qubit as the lowest."""
    order = [int(format(k, f"0{n}b")[::-1], 2) if n else 0 for k in range(2**n)]
    return array[np.ix_(order, order)] if array.ndim == 2 else array[order]


def read_by_qiskit_2(text, n):
    return client("qiskit.quantum_info", "Operator")(client("qiskit.qasm2").loads(text)).data


def read_by_qiskit_3(text, n):
    client("qiskit_qasm3_import")
    return client("qiskit.quantum_info", "Operator")(client("qiskit.qasm3").loads(text)).data


def read_by_cirq(text, n):
    client("ply")
    cirq = client("cirq")
    circuit = client("cirq.contrib.qasm_import").circuit_from_qasm(text)
    qubits = [cirq.NamedQubit(f"q_{k}") for k in range(n)]
    return reversed_qubits(
        circuit.unitary(qubit_order=qubits, qubits_that_should_be_present=qubits), n
    )


def read_by_pytket(text, n):
    circuit = client("pytket.qasm").circuit_from_qasm_str(text)
    return reversed_qubits(circuit.get_unitary(), n)


def read_by_pennylane(text, n):
    client("pennylane_qiskit")
    qml = client("pennylane")
    return reversed_qubits(qml.matrix(qml.from_qasm(text), wire_order=range(n))(), n)


def read_by_pyquil(text, n):
    program = client("pyquil").Program(text)
    return client("pyquil.simulation.tools").program_unitary(program, n)


def read_by_qjax(text, n):
    return oracle.unitary(loads(text))


def read_iqm(text, n):
    """IQM's own deserializer, to a circuit of Qiskit."""
    models = client("iqm.iqm_client")
    to_qiskit = client("iqm.qiskit_iqm.qiskit_to_iqm").deserialize_instructions
    data = json.loads(text)
    made = models.Circuit(
        data["name"], tuple(models.CircuitOperation(**o) for o in data["instructions"])
    )
    circuit = to_qiskit(made.instructions, {f"QB{k + 1}": k for k in range(n)})
    return client("qiskit.quantum_info", "Operator")(circuit).data


def ionq_matrix(gate):
    """Formulas of https://docs.ionq.com/guides/getting-started-with-native-gates, in turns."""
    turn = 2 * np.pi
    if gate["gate"] == "gpi":
        p = np.exp(1j * turn * gate["phase"])
        return np.array([[0, p.conj()], [p, 0]])
    if gate["gate"] == "gpi2":
        p = np.exp(1j * turn * gate["phase"])
        return np.array([[1, -1j * p.conj()], [-1j * p, 1]]) / np.sqrt(2)
    half = np.pi * gate["angle"]
    if gate["gate"] == "zz":
        return np.diag(np.exp(1j * half * np.array([-1, 1, 1, -1])))
    assert gate["gate"] == "ms"
    a, b = (turn * p for p in gate["phases"])
    c, s = np.cos(half), -1j * np.sin(half)
    # |q0 q1> with q0 first in IonQ's matrix
    big = np.array([
        [c, 0, 0, s * np.exp(-1j * (a + b))],
        [0, c, s * np.exp(-1j * (a - b)), 0],
        [0, s * np.exp(1j * (a - b)), c, 0],
        [s * np.exp(1j * (a + b)), 0, 0, c],
    ])  # fmt: skip
    return reversed_qubits(big, 2)


def read_ionq(text, n):
    data = json.loads(text)
    matrix = np.eye(2**n, dtype=complex)
    for gate in data["circuit"]:
        places = gate.get("targets", [gate.get("target")])
        for column in range(2**n):
            matrix[:, column] = oracle.apply(
                ionq_matrix(gate), tuple(places), (), (), matrix[:, column])  # fmt: skip
    return matrix


def read_ionq_qis(text, n):
    """The abstract gates, by Qiskit's matrices of the names that IonQ documents."""
    library = client("qiskit.circuit.library")
    terra = client("qiskit.circuit")
    names = {
        "x": "X", "y": "Y", "z": "Z", "h": "H", "s": "S", "si": "Sdg", "t": "T", "ti": "Tdg",
        "v": "SX", "vi": "SXdg", "rx": "RX", "ry": "RY", "rz": "RZ", "swap": "Swap", "xx": "RXX",
        "yy": "RYY", "zz": "RZZ", "cnot": "X",
    }  # fmt: skip
    circuit = terra.QuantumCircuit(n)
    for gate in json.loads(text)["circuit"]:
        angles = [gate["rotation"]] if "rotation" in gate else []
        made = getattr(library, names[gate["gate"]] + "Gate")(*angles)
        controls = gate.get("controls", [gate["control"]] if "control" in gate else [])
        if controls:
            made = made.control(len(controls), annotated=False)
        circuit.append(made, [*controls, *gate.get("targets", [gate.get("target")])])
    return client("qiskit.quantum_info", "Operator")(circuit).data


READERS = {
    "openqasm2": [read_by_qjax, read_by_qiskit_2, read_by_pytket],
    "openqasm3": [read_by_qjax, read_by_qiskit_3],
    "pyqasm": [read_by_qjax, read_by_qiskit_3],
    "pennylane": [read_by_qjax, read_by_pennylane, read_by_qiskit_2],
    "cirq": [read_by_qjax, read_by_cirq],
    "ibm": [read_by_qjax, read_by_qiskit_3],
    "ibm-ecr": [read_by_qjax, read_by_qiskit_3],
    "ibm-fractional": [read_by_qjax, read_by_qiskit_3],
    "quantinuum": [read_by_pytket],
    "ionq": [read_ionq],
    "ionq-forte": [read_ionq],
    "ionq-qis": [read_ionq_qis],
    "rigetti": [read_by_pyquil],
    "iqm": [read_iqm],
}
PAIRS = [(t, r) for t, readers in READERS.items() for r in readers]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("target", "read"), PAIRS, ids=lambda x: getattr(x, "__name__", x))
def test_each_gate_is_read(target, read, name):
    circuit = one_gate(name)
    if target == "iqm" and name == "id":
        pytest.skip("IQM's client takes no empty circuit")
    text = dumps(circuit, target=target)
    same(read(text, circuit.num_qubits), oracle.unitary(circuit))


@pytest.mark.parametrize(("target", "read"), PAIRS, ids=lambda x: getattr(x, "__name__", x))
def test_a_trained_circuit_is_read(target, read):
    circuit = trained()
    same(read(dumps(circuit, target=target), 8), oracle.unitary(circuit), 1e-8)


# --- parsers and validators -------------------------------------------------------------------


@pytest.mark.parametrize("target", ["openqasm3", "pyqasm", "cirq", "ibm", "ibm-ecr", "braket",
                                    "braket-iqm"])  # fmt: skip
def test_the_reference_parser_accepts(target):
    parse = client("openqasm3").parse
    for name in NAMES:
        parse(dumps(one_gate(name), target=target))
    parse(dumps(trained().copy().measure_all(), target=target))


@pytest.mark.parametrize("target", ["openqasm2", "pyqasm", "cirq", "ibm", "ibm-ecr", "braket"])
def test_pyqasm_validates(target):
    validate = client("pyqasm").loads
    for name in NAMES:
        validate(dumps(one_gate(name), target=target)).validate()
    validate(dumps(trained().copy().measure_all(), target=target)).validate()


# --- Amazon Braket ----------------------------------------------------------------------------

BRAKET = ["braket", "braket-rigetti", "braket-iqm", "braket-ionq"]


def braket_state(text, n, inputs=None):
    device = client("braket.devices").LocalSimulator()
    program = client("braket.ir.openqasm").Program(
        source=text + "#pragma braket result state_vector\n", inputs=inputs
    )
    return reversed_qubits(np.asarray(device.run(program, shots=0).result().values[0]), n)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", BRAKET)
def test_braket_runs_each_gate(target, name):
    gate, rng = one_gate(name), np.random.default_rng(0)
    n = gate.num_qubits
    circuit = qj.Circuit(n).u(*rng.normal(size=(3, n)), range(n)).compose(gate)
    circuit.rx(0.3, range(n))
    same(braket_state(dumps(circuit, target=target), n), oracle.statevector(circuit))


@pytest.mark.parametrize("target", BRAKET)
def test_braket_runs_a_trained_circuit(target):
    same(braket_state(dumps(trained(), target=target), 8), oracle.statevector(trained()), 1e-8)


def test_braket_takes_parameters_as_inputs():
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).rx(2 * t[0] + 0.1, 0).cx(0, 1).rzz(t[1], 0, 1).ry(t[0], 1)
    state = braket_state(dumps(circuit, target="braket"), 2, {"t_0": 0.4, "t_1": -0.7})
    same(state, oracle.statevector(circuit.bind([0.4, -0.7])))


def test_braket_runs_feed_forward():
    device = client("braket.devices").LocalSimulator()
    circuit = qj.Circuit(2).x(0).measure(0).if_else(0, 1, qj.Circuit(2).x(1)).measure(1)
    program = client("braket.ir.openqasm").Program(source=dumps(circuit, target="braket"))
    counts = device.run(program, shots=20).result().measurement_counts
    assert dict(counts) == {"11": 20}


# --- symbols ----------------------------------------------------------------------------------


def symbolic():
    t = qj.ParameterVector("t", 2)
    return qj.Circuit(2).rx(2 * t[0] + 0.1, 0).cx(0, 1).rzz(t[1] - t[0], 0, 1).ry(t[0], 1)


@pytest.mark.parametrize("target", ["openqasm3", "ibm", "ibm-ecr", "ibm-fractional"])
def test_qiskit_keeps_symbols(target):
    client("qiskit_qasm3_import")
    circuit = client("qiskit.qasm3").loads(dumps(symbolic(), target=target))
    values = {p: {"t_0": 0.4, "t_1": -0.7}[p.name] for p in circuit.parameters}
    assert len(values) == 2
    found = client("qiskit.quantum_info", "Operator")(circuit.assign_parameters(values)).data
    same(found, oracle.unitary(symbolic().bind([0.4, -0.7])))


def test_cirq_keeps_symbols():
    client("ply")
    cirq = client("cirq")
    circuit = client("cirq.contrib.qasm_import").circuit_from_qasm(dumps(symbolic(), target="cirq"))
    assert {str(s) for s in cirq.parameter_symbols(circuit)} == {"t_0", "t_1"}
    bound = cirq.resolve_parameters(circuit, {"t_0": 0.4, "t_1": -0.7})
    qubits = [cirq.NamedQubit(f"q_{k}") for k in range(2)]
    found = reversed_qubits(bound.unitary(qubit_order=qubits), 2)
    same(found, oracle.unitary(symbolic().bind([0.4, -0.7])))


def test_quil_keeps_symbols():
    program = client("pyquil").Program(dumps(symbolic().measure_all(), target="rigetti"))
    assert set(program.declarations) == {"t", "c"}
    assert program.declarations["t"].memory_size == 2


# --- IBM's runtime ----------------------------------------------------------------------------


@pytest.mark.parametrize(("target", "backend"), [
    pytest.param("ibm", "FakeFez", marks=pytest.mark.slow),  # the README runs on it
    ("ibm-ecr", "FakeSherbrooke")])  # fmt: skip
def test_the_runtime_runs_isa_circuits(target, backend):
    """The runtime refuses what is not in the machine's instruction set."""
    provider = client("qiskit_ibm_runtime.fake_provider")
    client("qiskit_aer")
    machine = getattr(provider, backend)()
    executor = hw.executors.ibm(machine, target=target)
    circuit = qj.Circuit(3).h(0).cx(0, 1).cx(1, 2).measure_all()
    (counts,) = executor([circuit], [400])
    assert counts.shots == 400
    assert counts["000"] + counts["111"] > 320  # a GHZ state with the machine's noise
    with pytest.raises(Exception, match="not supported by the target"):
        sampler = client("qiskit_ibm_runtime").SamplerV2(mode=machine)
        sampler.run([client("qiskit.qasm3").loads(dumps(circuit))])


@pytest.mark.slow
def test_the_runtimes_estimator_agrees():
    provider = client("qiskit_ibm_runtime.fake_provider")
    client("qiskit_aer")
    machine = provider.FakeFez()
    circuit = qj.Circuit(2).ry(0.7, 0).cx(0, 1)
    routed = hw.route(circuit, "ibm", backend=machine)
    made = client("qiskit.qasm3").loads(
        dumps(routed.circuit, target="ibm", physical_qubits=routed.physical_qubits)
    )
    # Without measurements the layout says where the qubits are: all permutations of them measure
    # Z0 Z1 alike.
    observable = client("qiskit.quantum_info").SparsePauliOp.from_sparse_list(
        [("ZZ", list(routed.physical_qubits), 1.0)], made.num_qubits
    )
    estimator = client("qiskit_ibm_runtime").EstimatorV2(mode=machine)
    value = float(estimator.run([(made, observable)], precision=0.02).result()[0].data.evs)
    assert value == pytest.approx(1.0, abs=0.15)


def h2():
    """The Hamiltonian of H2 at 0.735 angstrom in two qubits (O'Malley et al., PRX 6, 031007)."""
    return qj.PauliSum("-1.052373 + 0.397937 Z0 - 0.397937 Z1 - 0.011280 Z0 Z1 + 0.180931 X0 X1")


@pytest.mark.slow
def test_h2_from_the_simulator_to_ibms_runtime(tmp_path):
    """Train, save for IBM, run with a machine's noise, evaluate from the files."""
    provider = client("qiskit_ibm_runtime.fake_provider")
    client("qiskit_aer")
    runtime, reader = client("qiskit_ibm_runtime"), client("qiskit.qasm3")
    machine = provider.FakeFez()
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).x(0).ry(t[0], 0).cx(0, 1).ry(t[1], 1).cx(1, 0)
    loss = jax.jit(lambda p: qj.expectation(circuit, h2(), p))
    result = qj.fit(loss, np.array([0.1, 0.1], np.float32), optax.adam(0.1), steps=150,
                    progress=False)  # fmt: skip
    ground = h2().ground_state()[0][0]
    assert result.best_loss == pytest.approx(ground, abs=1e-3)
    params = np.asarray(result.params, float) + np.array([0.3, -0.2])  # away from the minimum
    with jax.enable_x64(True):
        exact = jax.value_and_grad(lambda p: qj.expectation(circuit, h2(), p, dtype=np.complex128))(
            params
        )
    bundle = hw.gradient_job(circuit, h2(), params, shots=4000, readout=True)
    bundle.save(tmp_path / "h2", "ibm", backend=machine)
    loaded = hw.load(tmp_path / "h2")
    pubs = [
        (reader.loads(text), None, shots)
        for text, shots in zip(loaded.programs, loaded.shots, strict=True)
    ]
    results = runtime.SamplerV2(mode=machine).run(pubs).result()
    found = loaded.evaluate([r.data.c.get_counts() for r in results])
    print(f"exact {float(exact[0]):+.4f}, measured\n{found}")
    # Gate errors of some 0.3 % for each of a few CZ, times coefficients below 1, and shots.
    assert found.value == pytest.approx(float(exact[0]), abs=5 * found.value_error + 0.05)
    np.testing.assert_allclose(
        found.gradient, exact[1], atol=5 * float(np.max(found.gradient_error)) + 0.05
    )


# --- what depends on outcomes -----------------------------------------------------------------


def dynamic():
    circuit = qj.Circuit(3).ry(0.3, 0).h(1).cx(1, 2).cx(0, 1).h(0).measure([0, 1])
    circuit.if_else(1, 1, qj.Circuit(3).x(2)).if_else(0, 1, qj.Circuit(3).z(2))
    return circuit.reset(0).ry(0.4, 0)


def with_reset():
    return qj.Circuit(2).h(0).cx(0, 1).reset(0).ry(0.4, 0).measure([0, 1])


def by_qiskit_2(text):
    return qj.interop.from_qiskit(client("qiskit.qasm2").loads(text))


def by_qiskit_3(text):
    client("qiskit_qasm3_import")
    return qj.interop.from_qiskit(client("qiskit.qasm3").loads(text))


def by_pytket(text):
    return qj.interop.from_pytket(client("pytket.qasm").circuit_from_qasm_str(text))


def by_cirq(text):
    client("ply")
    return qj.interop.from_cirq(client("cirq.contrib.qasm_import").circuit_from_qasm(text))


def by_iqm(text):
    models = client("iqm.iqm_client")
    to_qiskit = client("iqm.qiskit_iqm.qiskit_to_iqm").deserialize_instructions
    operations = [models.CircuitOperation(**o) for o in json.loads(text)["instructions"]]
    return qj.interop.from_qiskit(to_qiskit(operations, {"QB1": 0, "QB2": 1}))


@pytest.mark.parametrize(
    ("target", "read", "make"),
    [
        ("openqasm2", by_qiskit_2, dynamic), ("openqasm2", by_pytket, dynamic),
        ("openqasm3", by_qiskit_3, dynamic), ("ibm", by_qiskit_3, dynamic),
        ("ibm-ecr", by_qiskit_3, dynamic), ("quantinuum", by_pytket, dynamic),
        ("pyqasm", by_qiskit_3, dynamic), ("pennylane", by_qiskit_2, dynamic),
        ("cirq", by_cirq, with_reset), ("iqm", by_iqm, with_reset),
    ],
)  # fmt: skip
def test_resets_and_conditions_are_read(target, read, make):
    assert_same_channel(read(dumps(make(), target=target)), make(), 1e-9)


@pytest.mark.parametrize("target", ["openqasm2", "openqasm3", "pyqasm", "ibm"])
def test_pyqasm_validates_conditions(target):
    client("pyqasm").loads(dumps(dynamic(), target=target)).validate()


def test_pennylane_reads_conditions():
    client("pennylane_qiskit")
    qml = client("pennylane")
    tape = qml.tape.make_qscript(qml.from_qasm(dumps(dynamic(), target="pennylane")))()
    assert sum(type(op).__name__ == "Conditional" for op in tape.operations) >= 2


def test_quil_reads_resets():
    program = client("pyquil").Program(dumps(with_reset(), target="rigetti"))
    assert "RESET 0" in program.out()


@pytest.mark.slow
def test_the_runtime_runs_conditions():
    provider = client("qiskit_ibm_runtime.fake_provider")
    client("qiskit_aer")
    circuit = qj.Circuit(2).x(0).measure(0).if_else(0, 1, qj.Circuit(2).x(1)).measure(1)
    text = dumps(circuit, target="ibm")
    sampler = client("qiskit_ibm_runtime").SamplerV2(mode=provider.FakeFez())
    made = client("qiskit.qasm3").loads(text)
    counts = sampler.run([made], shots=200).result()[0].data.c.get_counts()
    assert counts["11"] > 170


@pytest.mark.parametrize(
    ("target", "make"),
    [("braket-iqm", dynamic), ("braket-ionq", with_reset), ("cirq", dynamic), ("iqm", dynamic),
     ("ionq", dynamic), ("ionq-qis", with_reset), ("rigetti", dynamic)],
)  # fmt: skip
def test_what_a_target_cannot_say_is_refused(target, make):
    with pytest.raises(qj.QjaxError, match=r"dumps: .*(condition|outcome|cannot say|must)"):
        dumps(make(), target=target)


def test_the_readme_tells_of_every_target():
    from pathlib import Path

    text = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    rows = {
        name.strip(" `") for line in text.splitlines() if line.startswith("| `")
        for name in line.split("|")[1].split(",")
    }  # fmt: skip
    assert set(qj.qasm.TARGETS) <= rows


def test_fit_trains_on_brakets_simulator():
    client("braket.devices")
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).ry(t[0], 0).cx(0, 1).ry(t[1], 1)
    loss = hw.objective(circuit, "Z0 Z1 + 0.5 X0", hw.executors.braket(), shots=500)
    start = np.array([1.0, 1.0], np.float32)
    result = qj.fit(loss, start, optax.sgd(0.3), steps=8, progress=False)
    plain = qj.fit(lambda p: qj.expectation(circuit, "Z0 Z1 + 0.5 X0", p), start, optax.sgd(0.3),
                   steps=8, progress=False)  # fmt: skip
    # Each loss has a standard error of at most (1 + 0.5) / sqrt(250); steps add up their own.
    assert result.history[-1] == pytest.approx(plain.history[-1], abs=0.5)
    assert result.history[-1] < result.history[0] - 0.3
