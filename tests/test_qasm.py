"""A program in OpenQASM does what the circuit does, in the hands of another reader."""

import math
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FAMILIES, add_random_gate, circuits, random_template, random_unitary, seeds

import qjax
from qjax.circuit import Circuit, Parameter, ParameterVector
from qjax.errors import QasmError
from qjax.gates import GATES, Gate
from qjax.qasm import DIALECTS, dump, dumps

qasm2 = pytest.importorskip("qiskit.qasm2")
qasm3 = pytest.importorskip("qiskit.qasm3")
pytest.importorskip("qiskit_qasm3_import")
Operator = pytest.importorskip("qiskit.quantum_info").Operator

# Qiskit's reader calls its own `Gate.control` in a way that Qiskit has deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*`annotated`:DeprecationWarning")

EPS = np.finfo(float).eps

READERS = {
    "3": (3, qasm3.loads),
    "2, strict": (2, lambda text: qasm2.loads(text, strict=True)),
    "2, with Qiskit's own gates": (
        2, lambda text: qasm2.loads(text, custom_instructions=qasm2.LEGACY_CUSTOM_INSTRUCTIONS)),
}  # fmt: skip


def assert_same_unitary(found, wanted, version, operations):
    """Version 2 has no global phase, so there it is taken away first."""
    if version == 2:
        overlap = np.vdot(found, wanted)
        found = found * (overlap / abs(overlap))
    assert np.max(np.abs(found - wanted)) < EPS * operations


def assert_reads_back(circuit, reader):
    version, loads = reader
    text = dumps(circuit, version)
    # Qiskit's own synthesis of gates under controls rounds some hundred times.
    operations = 1000 + 16 * text.count(";") + 16 * 4**circuit.num_qubits
    assert_same_unitary(Operator(loads(text)).data, oracle.unitary(circuit), version, operations)
    return text


@pytest.fixture(params=READERS.values(), ids=READERS)
def reader(request):
    return request.param


# --- gates ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("controls", [0, 1, 2])
@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_every_gate_is_read_as_itself(gate, controls, reader, rng):
    n, extra = gate.num_qubits, range(gate.num_qubits, gate.num_qubits + controls)
    circuit = Circuit(max(n + controls, 1))
    angles = tuple(rng.normal(size=len(gate.params)).tolist())
    values = rng.integers(0, 2, controls).tolist()
    circuit.append(gate, range(n), angles, controls=extra, control_values=values)
    assert_reads_back(circuit, reader)


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=seeds)
def test_gates_made_from_an_argument_are_read_as_themselves(family, reader, seed):
    rng = np.random.default_rng(seed)
    circuit = Circuit(4)
    for _ in range(2):
        add_random_gate(circuit, family, rng.normal, rng, max_targets=3)
    assert_reads_back(circuit, reader)


@given(circuits(max_qubits=4, max_gates=8))
def test_circuits_are_read_as_themselves(reader, circuit):
    assert_reads_back(circuit, reader)


@pytest.mark.slow
@given(circuits(min_qubits=4, max_qubits=6, max_gates=40))
def test_large_circuits_are_read_as_themselves(reader, circuit):
    assert_reads_back(circuit, reader)


@pytest.mark.parametrize("k", [4, 7])
def test_many_controls_are_read_as_they_are(k, reader):
    values = [j % 2 for j in range(k)]
    circuit = Circuit(k + 1).mcx(range(k), k, control_values=values).mcrz(0.3, range(k), k)
    assert_reads_back(circuit, reader)


def test_qubits_keep_their_order(reader):
    assert_reads_back(
        Circuit(3).append("rzx", [2, 0], 0.3).cswap(1, 2, 0).cu3(1, 2, 3, 2, 1), reader
    )


def test_a_phase_under_controls_is_exact(reader, rng):
    """Every one of these is a global phase without its control."""
    circuit = Circuit(2).h([0, 1])
    circuit.append("gphase", [], 0.3, controls=[0])
    circuit.append("gphase", [], 0.4, controls=[0, 1], control_values=[0, 0])
    circuit.append("rz", 1, 2 * math.pi, controls=[0])
    circuit.append("u2", 1, (0.3, 0.4), controls=[0])
    circuit.append("u3", 1, (0.3, 0.4, 0.5), controls=[0])
    circuit.unitary(1j * np.eye(2), 1, controls=[0])
    circuit.diagonal([1j, 1j], 1, controls=[0])
    circuit.pauli_rotation("I", 0.7, 1, controls=[0])
    assert_reads_back(circuit, reader)


def test_the_global_phase_is_a_statement_in_version_3_and_a_comment_in_version_2():
    circuit = Circuit(1).append("gphase", [], 0.25)
    assert "\ngphase(0.25);\n" in dumps(circuit, 3)
    assert "\n// global phase: 0.25\n" in dumps(circuit, 2)
    assert "\n  // global phase: -0.5*theta\n" in dumps(Circuit(1).pauli_rotation("I", 0.3, 0), 2)


def test_a_definition_comes_once_and_before_its_use(reader, rng):
    version, _ = reader
    circuit = Circuit(4)
    for name in [*GATES, *FAMILIES] * 2:
        if name in FAMILIES or GATES[name].num_qubits <= 4:
            add_random_gate(circuit, name, rng.normal, rng)
    text = dumps(circuit, version)
    lines = re.sub(r"//.*", "", text).splitlines()
    known = set(DIALECTS[version].gates.values())
    own = set()
    for line in lines:
        if define := re.match(r"gate (\w+)", line):
            assert define[1] not in own | DIALECTS[version].reserved
            own.add(define[1])
        elif not re.match("qubit|qreg", line) and (
            call := re.match(
                r"\s*(?:(?:neg)?ctrl(?:\(\d+\))? @ )*(\w+)(?:\(.*\))? q[\d\[].*;", line
            )
        ):
            assert call[1] in known | own
    assert "gate u3_(a0_theta, a1_phi, a2_lam) q0 {" in lines


def test_version_3_writes_controls_as_modifiers():
    circuit = Circuit(4).append("ecr", [0, 1], controls=[3, 2], control_values=[0, 1])
    assert "\nnegctrl @ ctrl @ ecr q[3], q[2], q[0], q[1];\n" in dumps(circuit)
    assert "\nctrl(3) @ x q[0], q[1], q[2], q[3];\n" in dumps(Circuit(4).mcx([0, 1, 2], 3))


def test_a_gate_of_the_library_is_called_by_its_name():
    circuit = Circuit(3).p(0.5, 0).cp(0.5, 0, 1).ccx(0, 1, 2).u(0.1, 0.2, 0.3, 0).sx(0)
    assert "gate " not in dumps(Circuit(3).p(0.5, 0).cswap(0, 1, 2).sx(0), 3)
    assert dumps(circuit, 2).splitlines()[-5:] == [
        "u1(0.5) q[0];", "cu1(0.5) q[0], q[1];", "ccx q[0], q[1], q[2];",
        "u3(0.1, 0.2, 0.3) q[0];", "sx q[0];",
    ]  # fmt: skip


# --- gates of one's own ---------------------------------------------------------------------------


def own_gate(name, matrix, decomposition=None, params=("theta",)):
    return Gate(
        name, 1, params, "a gate of this test", "this test", matrix=matrix,
        inverse=lambda *angles: (name, tuple(-a for a in angles), (0,)),
        decomposition=decomposition,
    )  # fmt: skip


def unitary_of(text, version):
    loads = READERS["3" if version == 3 else "2, strict"][1]
    return Operator(loads(text)).data


class TestOwnGates:
    @pytest.mark.parametrize("version", [2, 3])
    @pytest.mark.parametrize("controls", [0, 2])
    @pytest.mark.parametrize(
        ("name", "written"),
        [("turn", "turn"), ("x", "x_"), ("Turn", "Turn"), ("my turn", "my_20turn"), ("if", "if_")],
    )
    def test_are_defined_by_their_decomposition(self, name, written, controls, version):
        gate = own_gate(
            name, GATES["rx"].matrix,
            lambda theta: (("h", (), (0,)), ("rz", (theta,), (0,)), ("h", (), (0,))),
        )  # fmt: skip
        circuit = Circuit(3).append(gate, 0, 0.3, controls=[1, 2][:controls])
        text = dumps(circuit, version)
        if version == 3:
            assert f"gate {written}(theta) q0 {{" in text
        wanted = oracle.unitary(Circuit(3).append("rx", 0, 0.3, controls=[1, 2][:controls]))
        assert_same_unitary(unitary_of(text, version), wanted, version, 2000)

    @pytest.mark.parametrize("version", [2, 3])
    def test_without_a_decomposition_are_synthesised(self, version):
        gate = own_gate("turn", GATES["rx"].matrix)
        text = dumps(Circuit(2).append(gate, 0, 0.3, controls=[1]), version)
        wanted = oracle.unitary(Circuit(2).crx(0.3, 1, 0))
        assert_same_unitary(unitary_of(text, version), wanted, version, 2000)
        with pytest.raises(QasmError, match=r"turn\(a\) 0 has no decomposition"):
            dumps(Circuit(1).append(gate, 0, Parameter("a")))

    @pytest.mark.parametrize("version", [2, 3])
    def test_whose_angles_are_not_affine_are_decomposed_in_place(self, version):
        gate = own_gate(
            "turn", lambda theta, xp=np: GATES["rx"].matrix(xp.sin(theta), xp=xp),
            lambda theta: (("rx", (math.sin(theta),), (0,)),),
        )  # fmt: skip
        text = dumps(Circuit(1).append(gate, 0, 0.3), version)
        assert text.splitlines()[-1] == f"rx({math.sin(0.3)!r}) q[0];"

    def test_two_gates_of_one_name_are_two_definitions(self):
        gates = [
            own_gate("turn", GATES[n].matrix, lambda theta, n=n: ((n, (theta,), (0,)),))
            for n in ("rx", "ry", "rz")
        ]
        circuit, wanted = Circuit(1), Circuit(1)
        for gate, name in zip(gates, ("rx", "ry", "rz"), strict=True):
            circuit.append(gate, 0, 0.3)
            wanted.append(name, 0, 0.3)
        text = dumps(circuit)
        assert re.findall(r"gate (\w+)\(", text) == ["turn", "turn_", "turn_2"]
        assert_same_unitary(unitary_of(text, 3), oracle.unitary(wanted), 3, 1000)


# --- numbers --------------------------------------------------------------------------------------


def read_angles(text, loads):
    return [i.operation.params[0] for i in loads(text).data]


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_an_angle_is_read_as_the_same_double(reader, angles):
    version, loads = reader
    circuit = Circuit(1).rx(angles, [0] * len(angles)) if len(angles) > 1 else (
        Circuit(1).rx(angles[0], 0))  # fmt: skip
    found = read_angles(dumps(circuit, version), loads)
    assert [float(a).hex() for a in found] == [float(a).hex() for a in angles]


def test_a_fraction_of_pi_is_read_as_the_same_double(reader):
    version, loads = reader
    angles = [
        n * math.pi / d
        for d in (*range(1, 10), 16, 24, 32, 64, 65)
        for n in range(-2 * d, 2 * d + 1)
    ]
    angles += [np.nextafter(a, 9) for a in angles]
    circuit = Circuit(1).rx(angles, [0] * len(angles))
    text = dumps(circuit, version)
    assert "rx(-3*pi/4) q[0];" in text
    assert read_angles(text, loads) == angles


def test_numbers_of_jax_and_numpy_are_written_as_doubles():
    circuit = Circuit(1).rx(jnp.float32(0.1), 0).rx(np.float64(0.1), 0).rx(1, 0)
    tenth = float(np.float32(0.1))
    assert dumps(circuit).splitlines()[-3:] == [
        f"rx({tenth!r}) q[0];",
        "rx(0.1) q[0];",
        "rx(1.0) q[0];",
    ]
    moved = jax.tree.map(jnp.asarray, Circuit(1).rx(0.5, 0).unitary(np.eye(2), 0))
    assert "rx(0.5) q[0];" in dumps(moved)


# --- symbols --------------------------------------------------------------------------------------


def read_inputs(text):
    """Value of a parameter, by name and index, for every input that the comments name."""
    renamed = dict(re.findall(r"// qjax parameter (.*) = (\w+)$", text, re.M))
    declared = re.findall(r"^input float\[64\] (\w+);$", text, re.M)
    return {parameter: name for parameter, name in renamed.items()} | {
        name: name for name in declared if name not in renamed.values()
    }


def bound_by_qiskit(text, values):
    """The program read and its inputs set, through the comments alone."""
    program = qasm3.loads(text)
    inputs = {p.name: p for p in program.parameters}
    assigned = {}
    for parameter, name in read_inputs(text).items():
        vector, _, index = parameter.partition("[")
        value = values[vector]
        if index:
            value = value[tuple(int(k) for k in index.strip("]").split(", "))]
        assigned[inputs[name]] = float(value)
    return Operator(program.assign_parameters(assigned)).data


@given(seed=seeds)
def test_a_template_read_and_then_bound_is_the_circuit_bound(seed):
    rng = np.random.default_rng(seed)
    template = random_template(3, 6, 4, rng)
    theta = rng.normal(size=4)
    found = bound_by_qiskit(dumps(template), {"theta": theta})
    operations = 2000 + 16 * len(dumps(template))
    assert_same_unitary(found, oracle.unitary(template.bind(theta)), 3, operations)


@pytest.mark.parametrize("controls", [0, 1, 2])
@pytest.mark.parametrize("gate", [g for g in GATES.values() if g.params], ids=lambda g: g.name)
def test_every_gate_takes_symbols(gate, controls):
    n = gate.num_qubits
    a = ParameterVector("a", (2, 4))
    angles = tuple(0.5 * a[1, k] - a[0, 0] + 0.25 for k in range(len(gate.params)))
    circuit = Circuit(max(n + controls, 1))
    circuit.append(gate, range(n), angles, controls=range(n, n + controls))
    values = np.arange(8.0).reshape(2, 4) / 7
    found = bound_by_qiskit(dumps(circuit), {"a": values})
    assert_same_unitary(found, oracle.unitary(circuit.bind({"a": values})), 3, 5000)


def test_inputs_say_which_parameter_they_are():
    theta, w = ParameterVector("theta", 3), ParameterVector("w", (2, 2))
    circuit = Circuit(1).rx(theta[2], 0).rz(2 * w[1, 0] - Parameter("t") + 0.5, 0)
    assert dumps(circuit).splitlines()[2:-3] == [
        "// qjax parameter t = t_",
        "input float[64] t_;",
        "// qjax parameter theta of shape (3,)",
        "// qjax parameter theta[2] = theta_2",
        "input float[64] theta_2;",
        "// qjax parameter w of shape (2, 2)",
        "// qjax parameter w[1, 0] = w_1_0",
        "input float[64] w_1_0;",
    ]
    assert dumps(circuit).splitlines()[-2:] == [
        "rx(theta_2) q[0];", "rz(2.0*w_1_0 - t_ + 0.5) q[0];",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["t", "p", "u1", "phase", "gphase", "rzz", "ecr", "input", "measure", "pi", "π", "τ", "sin",
     "U", "q", "c", "OPENQASM", "theta", "lam", "θ", "φ_1", "θ²", "x٣", "ℇ", "_", "im", "gate"],
)  # fmt: skip
def test_a_parameter_may_have_any_name(name):
    a = Parameter(name)
    circuit = Circuit(2).rx(2 * a, 0).append("u", 0, (a, 0.1, -a)).rzz(a, 0, 1).measure(0)
    text = dumps(circuit)
    found = bound_by_qiskit(dumps(circuit.remove_measurements()), {name: 0.7})
    wanted = oracle.unitary(circuit.remove_measurements().bind({name: 0.7}))
    assert_same_unitary(found, wanted, 3, 1000)
    assert qasm3.loads(text).num_clbits == 1


def test_parameters_whose_inputs_would_be_called_the_same_stay_apart():
    theta = ParameterVector("theta", 2)
    nested, single = ParameterVector("theta_1", 2), Parameter("theta_0")
    circuit = Circuit(1).rx(theta[0], 0).ry(theta[1], 0).rz(nested[0], 0).rx(single, 0)
    circuit.rx(ParameterVector("theta", 2)[0], 0).ry(Parameter("theta_0_"), 0)
    values = {"theta": np.array([0.1, 0.2]), "theta_1": np.array([0.3, 0.4]),
              "theta_0": 0.5, "theta_0_": 0.6}  # fmt: skip
    text = dumps(circuit)
    assert len(re.findall("^input", text, re.M)) == 5
    assert_same_unitary(bound_by_qiskit(text, values), oracle.unitary(circuit.bind(values)), 3, 500)


def test_version_2_asks_for_values_and_says_of_what():
    circuit = Circuit(1).rx(ParameterVector("theta", 2)[1], 0).rz(Parameter("phi"), 0)
    with pytest.raises(QasmError, match=r"must have no open parameters, but has theta, phi\. Bind"):
        dumps(circuit, 2)
    assert dumps(circuit.bind({"theta": [0.0, 0.5], "phi": 1.0}), 2).endswith("rz(1.0) q[0];\n")


# --- registers, measurements, barriers ------------------------------------------------------------


def test_measurements_keep_their_bits(reader):
    version, loads = reader
    circuit = Circuit(3, num_clbits=5).h(0).measure([2, 0], [1, 3]).x(1).measure(1, 1)
    program = loads(dumps(circuit, version))
    places = [
        (program.find_bit(i.qubits[0]).index, program.find_bit(i.clbits[0]).index)
        for i in program.data if i.operation.name == "measure"
    ]  # fmt: skip
    assert places == [(2, 1), (0, 3), (1, 1)]
    assert (program.num_qubits, program.num_clbits) == (3, 5)


def test_barriers_stay_where_they_are(reader):
    version, loads = reader
    program = loads(dumps(Circuit(3).h(0).barrier([0, 2]).h(0).barrier(), version))
    assert [i.operation.name for i in program.data] == ["h", "barrier", "h", "barrier"]
    assert [len(i.qubits) for i in program.data] == [1, 2, 1, 3]


def test_registers_are_named_as_asked(reader):
    version, loads = reader
    text = dumps(
        Circuit(2).h(0).measure_all(), version, qubit_register="ions", clbit_register="out"
    )
    program = loads(text)
    assert [r.name for r in program.qregs] == ["ions"]
    assert [r.name for r in program.cregs] == ["out"]


@pytest.mark.parametrize(
    ("version", "name"),
    [(2, "Q"), (2, "1q"), (2, "θ"), (3, "1q"), (3, "q[0]"), (3, ""), (3, None), (3, "a²"), (3, 7)],
)
def test_a_register_must_have_a_valid_name(version, name):
    with pytest.raises(QasmError, match=rf"qubit_register must be a name of OpenQASM {version} \("):
        dumps(Circuit(1), version, qubit_register=name)


@pytest.mark.parametrize("name", ["x", "measure", "pi", "q", "u3"])
def test_a_register_must_have_a_free_name(name):
    with pytest.raises(QasmError, match=f"clbit_register must be .* not use .* but is '{name}'"):
        dumps(Circuit(1), clbit_register=name)


def test_a_circuit_without_gates_is_a_program(reader):
    version, loads = reader
    assert loads(dumps(Circuit(2), version)).num_qubits == 2


def test_a_circuit_without_qubits_is_a_program_in_version_3_only():
    circuit = Circuit(0).append("gphase", [], 0.3).barrier()
    assert qasm3.loads(dumps(circuit)).global_phase == 0.3
    with pytest.raises(QasmError, match="OpenQASM 2 must have at least one qubit, but has none"):
        dumps(circuit, 2)


# --- what cannot be written -----------------------------------------------------------------------


@pytest.mark.parametrize("version", [1, 4, 3.0, "3.1", True])
def test_the_version_must_be_known(version):
    with pytest.raises(QasmError, match="version must be 2 or 3, but is"):
        dumps(Circuit(1), version)


def test_traced_numbers_cannot_be_written():
    message = (
        "rx on qubit 1: theta must be a finite number, but is traced; write the circuit outside"
    )
    with pytest.raises(QasmError, match=message):
        jax.jit(lambda t: len(dumps(Circuit(2).rx(t, 1))))(0.5)
    with pytest.raises(QasmError, match=r"rx on qubit 0: theta must .* but is traced"):
        jax.jit(lambda t: len(dumps(Circuit(1).rx(t * Parameter("a"), 0))))(0.5)
    with pytest.raises(QasmError, match=r"unitary on qubit 0: matrix must be finite .* \(2, 2\)"):
        jax.jit(lambda m: len(dumps(Circuit(1).unitary(m, 0))))(np.eye(2, dtype=complex))


def test_a_batch_cannot_be_written():
    batch = jax.vmap(lambda t: Circuit(1).rx(t, 0))(jnp.ones(3))
    with pytest.raises(
        QasmError, match=r"has shape \(3,\); write the circuits of a batch one by one"
    ):
        dumps(batch)


def test_what_is_not_finite_cannot_be_written():
    circuit = jax.tree.map(lambda leaf: leaf * np.nan, Circuit(1).rx(0.5, 0))
    with pytest.raises(QasmError, match="theta must be a finite number, but is NaN or infinite"):
        dumps(circuit)


# --- files ----------------------------------------------------------------------------------------


class TestDump:
    circuit = Circuit(1).rx(Parameter("θ"), 0)

    @pytest.mark.parametrize("kind", [str, Path])
    def test_writes_the_text_as_utf_8(self, kind, tmp_path):
        dump(self.circuit, kind(tmp_path / "a.qasm"))
        assert (tmp_path / "a.qasm").read_bytes() == dumps(self.circuit).encode("utf-8")
        assert len(list(tmp_path.iterdir())) == 1

    def test_writes_to_an_open_file(self, tmp_path):
        with open(tmp_path / "a.qasm", "w", encoding="utf-8") as file:
            dump(Circuit(2).h(0), file, 2, qubit_register="r")
        assert (tmp_path / "a.qasm").read_text() == dumps(Circuit(2).h(0), 2, qubit_register="r")

    def test_replaces_a_file_through_a_link(self, tmp_path):
        (tmp_path / "a.qasm").write_text("something much longer than the program" * 9)
        (tmp_path / "link").symlink_to(tmp_path / "a.qasm")
        dump(self.circuit, tmp_path / "link")
        assert (tmp_path / "link").is_symlink()
        assert (tmp_path / "a.qasm").read_text(encoding="utf-8") == dumps(self.circuit)

    def test_leaves_the_old_file_if_the_circuit_cannot_be_written(self, tmp_path):
        (tmp_path / "a.qasm").write_text("old")
        with pytest.raises(QasmError, match="open parameters"):
            dump(self.circuit, tmp_path / "a.qasm", version=2)
        assert (tmp_path / "a.qasm").read_text() == "old"

    def test_leaves_no_half_file_if_writing_fails(self, tmp_path, monkeypatch):
        (tmp_path / "a.qasm").write_text("old")

        def full(*_):
            raise OSError("no space left")

        monkeypatch.setattr("os.replace", full)
        with pytest.raises(OSError, match="no space left"):
            dump(self.circuit, tmp_path / "a.qasm")
        assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("a.qasm", "old")]

    def test_needs_a_place_for_text(self, tmp_path):
        with (
            open(tmp_path / "a.qasm", "wb") as file,
            pytest.raises(QasmError, match="file must be a path or a text file, but is"),
        ):
            dump(self.circuit, file)
        with pytest.raises(QasmError, match="file must be a path or a text file, but is 3"):
            dump(self.circuit, 3)

    def test_into_a_folder_that_is_not_there_is_an_error_of_the_system(self, tmp_path):
        with pytest.raises(FileNotFoundError):
            dump(self.circuit, tmp_path / "nowhere" / "a.qasm")


def test_a_trained_circuit_walks_away(tmp_path):
    """Bind, write, read elsewhere: the same state."""
    theta = ParameterVector("theta", 6)
    circuit = Circuit(3).ry(theta[:3], range(3)).cx(range(2), range(1, 3)).rz(theta[3:], range(3))
    values = np.linspace(0.1, 0.6, 6)
    qjax.qasm.dump(circuit.bind(values), tmp_path / "trained.qasm", version=3)
    state = Operator(qasm3.load(tmp_path / "trained.qasm")).data[:, 0]
    assert np.max(np.abs(state - oracle.statevector(circuit.bind(values)))) < 100 * EPS


def test_a_unitary_matrix_is_written_as_one_and_two_qubit_gates(rng):
    text = dumps(Circuit(3).unitary(random_unitary(8, rng), [2, 0, 1]))
    assert text.count("\ncx ") == 24
    assert text.count("\ngphase(") == 1
