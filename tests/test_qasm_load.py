"""Programs in OpenQASM become the circuits that they say, or one error with line and column."""

import math
import time

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import circuits, random_circuit, random_template

import qjax as qj
from qjax.gates import GATES
from qjax.qasm import dumps, load, loads

EPS = np.finfo(float).eps
HEAD = {2: 'OPENQASM 2.0;\ninclude "qelib1.inc";\n', 3: 'OPENQASM 3.0;\ninclude "stdgates.inc";\n'}


def same_up_to_phase(a, b, tolerance):
    """Whether two matrices or states differ by a phase only."""
    place = np.unravel_index(np.argmax(np.abs(b)), b.shape)
    turned = a * (b[place] / a[place])
    return (
        abs(abs(a[place]) - abs(b[place])) <= tolerance and np.max(np.abs(turned - b)) <= tolerance
    )


def unitary(circuit):
    return oracle.unitary(circuit.remove_measurements())


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", list(GATES))
def test_what_dumps_writes_is_read_back(name, version, rng):
    gate = GATES[name]
    k = gate.num_qubits
    circuit = qj.Circuit(max(k, 1) + 1)
    if any(gate.param_shapes):
        pytest.skip("has arrays for angles")
    angles = tuple(float(a) for a in rng.normal(size=len(gate.params)))
    circuit.append(name, list(range(k)), angles)
    circuit.append(name, list(range(k))[::-1], angles)
    if version == 3:
        circuit.append(name, list(range(k)), angles, controls=[k], control_values=[0])
    back = loads(dumps(circuit, version))
    expected, found = unitary(circuit), unitary(back)
    tolerance = 256 * EPS * (len(back) + 2)
    if version == 3:
        assert np.max(np.abs(found - expected)) <= tolerance
    else:
        assert same_up_to_phase(found, expected, tolerance)


@settings(max_examples=40)
@given(circuit=circuits(max_qubits=4, max_gates=12))
def test_random_circuits_are_read_back(circuit):
    back = loads(dumps(circuit))
    tolerance = 512 * EPS * (len(back) + 2)
    assert np.max(np.abs(unitary(back) - unitary(circuit))) <= tolerance


def test_parameters_keep_their_vectors_and_expressions(rng):
    circuit = random_template(3, 15, 5, rng)
    back = loads(dumps(circuit))
    assert back.parameters == circuit.parameters
    values = rng.normal(size=5)
    difference = unitary(back.bind(values)) - unitary(circuit.bind(values))
    assert np.max(np.abs(difference)) <= 512 * EPS * (len(back) + 2)


@pytest.mark.parametrize("version", [2, 3])
def test_definitions_of_gates_of_the_table_are_these_gates(version):
    circuit = qj.Circuit(3).u(0.1, 0.2, 0.3, 0).iswap(0, 1).rzz(0.4, 1, 2).fsim(0.1, 0.2, 2, 0)
    assert loads(dumps(circuit, version)) == circuit
    head = HEAD[version] + ("qubit[2] q;" if version == 3 else "qreg q[2];")
    other = loads(head + "gate iswap a, b { cx a, b; } iswap q[0], q[1];")
    assert other == qj.Circuit(2).cx(0, 1)


def test_measurements_keep_their_bits():
    circuit = qj.Circuit(3).h(0).measure([2, 0], [0, 3])
    assert loads(dumps(circuit, 2)) == loads(dumps(circuit, 3)) == circuit


def program(body, version=3, qubits=3):
    register = f"qubit[{qubits}] q;\n" if version == 3 else f"qreg q[{qubits}];\n"
    return HEAD[version] + register + body


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("h q;", lambda c: c.h(range(3))),
        ("cx q[0], q[{1, 2}];", lambda c: c.cx(0, 1).cx(0, 2)),
        ("cx q[0:1], q[1:2];", lambda c: c.cx(0, 1).cx(1, 2)),
        ("x q[-1];", lambda c: c.x(2)),
        ("let a = q[1:2]; x a[1]; let b = q[{2, 0}]; cx b[0], b[1];", lambda c: c.x(2).cx(2, 0)),
        ("let a = q[0:0] ++ q[2:2]; cx a[1], a[0];", lambda c: c.cx(2, 0)),
        ("ctrl @ x q[0], q[1];", lambda c: c.cx(0, 1)),
        ("ctrl(2) @ z q[2], q[0], q[1];", lambda c: c.ccz(2, 0, 1)),
        ("negctrl @ x q[0], q[1];", lambda c: c.mcx([0], 1, control_values=[0])),
        ("ctrl @ negctrl @ x q[0], q[1], q[2];", lambda c: c.mcx([0, 1], 2, control_values=[1, 0])),
        ("inv @ s q[0];", lambda c: c.sdg(0)),
        ("pow(3) @ t q[0];", lambda c: c.t(0).t(0).t(0)),
        ("pow(-1) @ s q[0];", lambda c: c.sdg(0)),
        ("pow(0) @ x q[0];", lambda c: c),
        ("inv @ pow(2) @ t q[1];", lambda c: c.tdg(1).tdg(1)),
        ("pow(0.5) @ x q[0];", lambda c: c.sx(0)),
        ("pow(1/2) @ ctrl @ x q[0], q[1];", lambda c: c.csx(0, 1)),
        ("ctrl @ pow(0.5) @ x q[0], q[1];", lambda c: c.csx(0, 1)),
        ("gphase(pi/4);", lambda c: c.gphase(math.pi / 4)),
        ("ctrl @ gphase(pi/4) q[1];", lambda c: c.p(math.pi / 4, 1)),
        ("ctrl @ U(0.1, 0.2, 0.3) q[0], q[1];", lambda c: c.cu(0.1, 0.2, 0.3, 0.05, 0, 1)),
        ("rx(2*pi/3 - sin(0.5)**2) q[0];", lambda c: c.rx(2 * math.pi / 3 - math.sin(0.5) ** 2, 0)),
        ("rx(-2**2) q[0];", lambda c: c.rx(-4, 0)),
        ("rx(2**3**0) q[0];", lambda c: c.rx(2, 0)),
        (
            "rz(1e-3) q[0]; rz(.5E1) q[1]; rz(0x1F) q[2];",
            lambda c: c.rz(1e-3, 0).rz(5, 1).rz(31, 2),
        ),
        ("const float a = pi/2; const int n = 2; rx(a*n) q[n];", lambda c: c.rx(math.pi, 2)),
        ("for int i in [0:2] { rx(i*0.5) q[i]; }", lambda c: c.rx(0.0, 0).rx(0.5, 1).rx(1.0, 2)),
        ("for uint i in {2, 0} x q[i];", lambda c: c.x(2).x(0)),
        ("for int i in [2:-1:0] { if (i == 1) continue; x q[i]; }", lambda c: c.x(2).x(0)),
        ("for int i in [0:9] { if (i > 1) break; x q[i]; }", lambda c: c.x(0).x(1)),
        ("int k = 0; while (k < 2) { h q[k]; k += 1; }", lambda c: c.h(0).h(1)),
        ("if (3 > 2 && !false) { x q[0]; } else { y q[0]; }", lambda c: c.x(0)),
        ("if (false) x q[0]; else y q[0];", lambda c: c.y(0)),
        (
            "gate pair(a) x0, x1 { ry(a/2) x0; cx x0, x1; } gate two(b) u, v { pair(b) v, u; }"
            " two(0.4) q[0], q[2];",
            lambda c: c.ry(0.2, 2).cx(2, 0),
        ),
        (
            "gate g a, b { cx a, b; gphase(0.3); } ctrl @ g q[0], q[1], q[2];",
            lambda c: c.ccx(0, 1, 2).p(0.3, 0),
        ),
        (
            "def f(qubit a, qubit[2] b, float t) { rx(t) a; cx b[0], b[1]; } f(q[0], q[1:2], 0.5);",
            lambda c: c.rx(0.5, 0).cx(1, 2),
        ),
        ("def g(int n) -> int { return n*2; } rx(g(3)) q[0];", lambda c: c.rx(6, 0)),
        (
            "bit[2] c; c[1] = measure q[0]; c[0] = measure q[2];",
            lambda c: c.measure([0, 2], [1, 0]),
        ),
        ("bit[3] c; c = measure q;", lambda c: c.measure([0, 1, 2])),
        ("bit[3] c; measure q -> c;", lambda c: c.measure([0, 1, 2])),
        ("bit b = measure q[1];", lambda c: c.measure(1, 0)),
        ("barrier q[0], q[1]; barrier;", lambda c: c.barrier([0, 1]).barrier()),
        ("x q[0]; end; y q[0];", lambda c: c.x(0)),
        ("@hint here\nx q[0]; // a comment\n/* two\nlines */ y q[1];", lambda c: c.x(0).y(1)),
        ('const bit[3] s = "110"; for int i in [0:2] { if (s[i]) x q[i]; }', lambda c: c.x(1).x(2)),
        ("array[float, 3] a = {0.1, 0.2, 0.3}; rx(a[1]) q[0];", lambda c: c.rx(0.2, 0)),
        ("rx(float(3) / 2) q[0]; rx(int(2.7)) q[1];", lambda c: c.rx(1.5, 0).rx(2, 1)),
    ],
)
def test_a_construct_means_its_circuit(body, expected):
    found = loads(program(body))
    wanted = expected(qj.Circuit(3))
    assert found.num_clbits == wanted.num_clbits
    assert [i for i in found if not i.is_gate] == [i for i in wanted if not i.is_gate]
    assert np.max(np.abs(unitary(found) - unitary(wanted))) <= 64 * EPS


def test_version_2_has_its_own_words():
    text = HEAD[2] + (
        "qreg a[2]; qreg b[1]; creg c[2]; creg d[1];\n"
        "gate mine(x, y) p0, p1 { U(x, 0, y^2) p0; CX p0, p1; barrier p0; }\n"
        "opaque other(z) p0;\n"
        "mine(0.1, 2) a[0], b[0]; u2(0, pi) a; barrier a, b[0]; cu1(ln(2)) a[1], b[0];\n"
        "measure a -> c; measure b[0] -> d[0];"
    )
    found = loads(text)
    assert (found.num_qubits, found.num_clbits) == (3, 3)
    assert [i.clbits for i in found if i.clbits] == [(0,), (1,), (2,)]
    wanted = qj.Circuit(3).u(0.1, 0, 4, 0).cx(0, 2).h([0, 1]).cp(math.log(2), 1, 2)
    assert same_up_to_phase(unitary(found), unitary(wanted), 64 * EPS)


def test_physical_qubits_are_numbers():
    assert loads(HEAD[3] + "h $2; cx $2, $0;") == qj.Circuit(3).h(2).cx(2, 0)


def test_inputs_are_parameters_or_given():
    text = program("input float[64] t; input angle u; input array[float[64], 2] v; input int n;\n"
                   "rx(2*t + 0.1) q[n]; ry(-u/2) q[0]; rz(v[1] - v[0]) q[1];")  # fmt: skip
    found = loads(text, inputs={"n": 2})
    assert found.parameters == {"t": (), "u": (), "v": (2,)}
    bound = found.bind({"t": 0.5, "u": 1.0, "v": [0.2, 0.5]})
    wanted = qj.Circuit(3).rx(1.1, 2).ry(-0.5, 0).rz(0.3, 1)
    assert np.max(np.abs(unitary(bound) - unitary(wanted))) <= 64 * EPS
    given = loads(text, inputs={"n": np.int64(2), "t": 0.5, "u": 1, "v": np.array([0.2, 0.5])})
    assert np.max(np.abs(unitary(given) - unitary(wanted))) <= 64 * EPS


@pytest.mark.parametrize("version", [2, 3])
def test_circuits_that_qiskit_writes(version, rng):
    qiskit = pytest.importorskip("qiskit")
    from qiskit import qasm2, qasm3
    from qiskit.circuit.random import random_circuit as random_qiskit
    from qiskit.quantum_info import Operator

    del qiskit
    for seed in range(12):
        circuit = random_qiskit(4, 8, max_operands=3, seed=seed)
        text = (qasm2 if version == 2 else qasm3).dumps(circuit)
        found = loads(text)
        assert same_up_to_phase(unitary(found), Operator(circuit).data, 1e-9)


@pytest.mark.parametrize("size", [3, 5])
def test_libraries_circuits_that_qiskit_writes(size):
    pytest.importorskip("qiskit")
    from qiskit import qasm2, qasm3, transpile
    from qiskit.circuit import library
    from qiskit.quantum_info import Operator

    made = [
        library.QFTGate(size).definition,
        library.real_amplitudes(size, reps=2),
        library.efficient_su2(size),
        library.quantum_volume(size, seed=1).decompose(),
    ]
    rng = np.random.default_rng(1)
    for circuit in made:
        bound = circuit.assign_parameters(rng.normal(size=len(circuit.parameters)))
        plain = transpile(bound, basis_gates=["u", "cx", "p", "rz", "h", "swap", "cp"])
        for write in (qasm2.dumps, qasm3.dumps):
            found = loads(write(plain))
            assert same_up_to_phase(unitary(found), Operator(plain).data, 1e-9)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("OPENQASM 4.0;", r"line 1, column 10: the version must be 2 or 3, but is 4.0"),
        ("OPENQASM 3.0;\nqubit q;\n\n  foo q;", r"line 4, column 3: gate 'foo' must be defined"),
        ("qubit q; h q;", r"'h' must be defined, or come from include \"stdgates.inc\""),
        ('include "../secret.inc";', r"only \"qelib1.inc\" and \"stdgates.inc\" can be included"),
        ("qubit[1000000000] q;", r"at most 65,536, but this one asks for 1000000000"),
        ("qubit[0] q;", r"at least 1 qubit"),
        ("qubit[-1] q;", r"at least 1 qubit"),
        ("qubit[2.5] q;", r"a size must be a known integer, but is 2.5"),
        ("bit[99999999999999999999] c;", r"at most 65,536"),
        ("qubit[2] q; U(1, 2, 3) q[2];", r"an index must be in 0..1, but is 2"),
        ("qubit[2] q; U(1, 2) q[0];", r"U needs 3 angles and 1 qubits, but gets 2 and 1"),
        ("qubit[2] q; CX q[0], q[0];", r"qubits must be distinct"),
        ("qubit[2] q; qubit[3] r; CX q, r;", r"registers must have one length, but have 2, 3"),
        ("qubit q; qubit q;", r"'q' must not be declared twice"),
        ("qubit q; U(1/0, 0, 0) q;", r"divides by zero"),
        ("qubit q; U(0/0.0, 0, 0) q;", r"divides by zero"),
        ("qubit q; U(1e999, 0, 0) q;", r"must be finite"),
        ("qubit q; U(10**400*1.0, 0, 0) q;", r"is not defined|is not finite"),
        ("qubit q; U(10**400, 0, 0) q;", r"column 10: U: an angle is too large"),
        ("qubit q; U(sqrt(-1), 0, 0) q;", r"is not defined"),
        ("qubit q; U(log(0), 0, 0) q;", r"is not defined"),
        ("qubit q; U(2**9999999999, 0, 0) q;", r"is too large"),
        ("qubit q; U(1<<9999999999, 0, 0) q;", r"shifts too far"),
        ("qubit q; U(nope, 0, 0) q;", r"'nope' must be declared before it is used"),
        ("gate g a { g a; } qubit q; g q;", r"nested at most 40 deep"),
        ("gate g a { h a; } gate g a { }", r"must not be defined twice"),
        ("def f(int n) { f(n); } f(1);", r"nested at most 40 deep"),
        ("qubit q; bit c; while (c) U(0, 0, 0) q;", r"a loop on measured bits"),
        ("qubit q; bit c; for int i in [0:3] { if (c) break; }", r"break must not depend"),
        ("qubit q; bit c; int k = 0; if (c) k = 1;", r"variables must not change under"),
        ("qubit q; bit c; if (c) { c = measure q; reset q; }", r"change the bits of its condition"),
        ("qubit q; bit c; def f(bit b) -> bool { return true; } if (f(c)) reset q;", r"subroutine"),
        ("qubit q; U(0, 0, ٣) q;", r"no word of OpenQASM begins with"),
        ("const int n = 0x_;", r"column 16"),
        ("const int n = 0o_;", r"column 16"),
        ("qubit q; bit[20] c; if (c < 5) reset q;", r"at most 12 bits, but is on 20"),
        ("qubit q; bit[2] c; c = measure q;", r"1 qubits and 2 bits"),
        ("qubit q; measure q;", r"must have bits to go to"),
        ("qubit q; delay[100ns] q;", r"timing is not supported"),
        ("defcal x $0 { }", r"pulse calibrations are not supported"),
        ("extern f(int) -> int;", r"extern functions are not supported"),
        ("#pragma braket verbatim\n", r"pragmas are not supported"),
        ("box { }", r"timing is not supported"),
        ("qubit q; U(1, 2, 3 q;", r"column 20: ',' must stand here, but there is 'q'"),
        ("qubit q", r"';' must stand here, but there is the end of the program"),
        ("qubit q; \x00", r"no word of OpenQASM begins with '\\x00'"),
        ("input int n;", r"input n of type int must have a value"),
        ("let a = 3;", r"let names qubits or bits"),
        ("const int n = 3; n = 4;", r"'n' must not be assigned to"),
        ("qubit q; pow(10000000) @ U(0, 0, 0) q;", r"at most 1,000,000 steps"),
        ("while (true) { }", r"at most 1,000,000 steps"),
        ("for int i in [0:100000000000000000000] { }", r"a range must have at most"),
        ("for int i in [0:999999] { for int j in [0:999999] { } }", r"at most 1,000,000 steps"),
        ("break;", r"break must stand in a loop"),
        ("opaque g a; qubit q; g q;", r"gate g is opaque"),
        ("qubit q; h $0;", r"must not be mixed"),
        ("h $99999999999;", r"a physical qubit must be at most"),
        ("int x = " + "(" * 100_000 + "1" + ")" * 100_000 + ";", r"must be at most 100 deep"),
        ("int x = " + "-" * 100_000 + "1;", r"nesting must be at most 100 deep"),
        ("int x = 1" + "+1" * 100_000 + ";", r"a chain must have at most"),
        ("int x = 1" + "**1" * 100_000 + ";", r"nesting must be at most 100 deep"),
        ("{" * 100_000, r"nesting must be at most 100 deep"),
        ("if (true) " * 100_000 + ";", r"nesting must be at most 100 deep"),
        ("array[float, 99999999999] a;", r"an array must have 1 to"),
        ("int x = " + "9" * 100_000 + ";", r"an integer must have at most 400 digits"),
        ("".join(f"gate g{k + 1} a {{ g{k} a; g{k} a; }}\n" for k in range(1, 39))
         + "gate g0 a { U(0, 0, 0) a; }\nqubit q; g39 q;", r"steps|must be defined"),
        ("/* no end", r"no word of OpenQASM begins with '/'|must stand here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(text, message):
    start = time.perf_counter()
    with pytest.raises(qj.QjaxError, match=message) as caught:
        loads(text)
    assert "OpenQASM" in str(caught.value)
    assert len(str(caught.value)) < 400
    assert time.perf_counter() - start < 60  # the step limit ends what would run for ever


def test_doubling_gates_end_at_the_limit():
    lines = ["gate g0 a { U(0, 0, 0) a; }"]
    lines += [f"gate g{k + 1} a {{ g{k} a; g{k} a; }}" for k in range(35)]
    with pytest.raises(qj.QjaxError, match="steps; max_instructions allows more"):
        loads("\n".join(lines) + "\nqubit q; g35 q;", max_instructions=10_000)


def test_files_are_read_and_nothing_else(tmp_path):
    path = tmp_path / "bell.qasm"
    path.write_text(program("h q[0];"))
    assert load(path) == load(str(path)) == qj.Circuit(3).h(0)
    with path.open() as file:
        assert load(file) == qj.Circuit(3).h(0)
    path.write_bytes(b"OPENQASM 3.0;\nqubit \xff;")
    with pytest.raises(qj.QjaxError, match=r"bell.qasm, line 2, column 7: .* UTF-8"):
        load(path)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none.qasm")
    with pytest.raises(qj.QjaxError, match="text must be a string"):
        loads(b"OPENQASM 3.0;")


WORDS = st.sampled_from(
    "OPENQASM 3.0 ; qubit q [ ] 2 ( ) { } , gate g a U CX h ctrl @ inv pow measure -> = c bit "
    "for int i in : if else while 1 0 pi * + - / ** let def return const input float barrier "
    'gphase ++ $0 true == include "stdgates.inc" reset break end 1e999 -1 "01" \'x\''.split(" ")
)


@settings(max_examples=400)
@given(st.lists(WORDS, max_size=40).map(" ".join))
def test_any_words_give_a_circuit_or_one_error(text):
    try:
        assert isinstance(loads(text, max_instructions=2000), qj.Circuit)
    except qj.QjaxError as error:
        assert "OpenQASM" in str(error)


@settings(max_examples=200)
@given(text=st.text(max_size=60), seed=st.integers(0, 2**32 - 1))
def test_any_change_of_a_program_gives_a_circuit_or_one_error(text, seed):
    rng = np.random.default_rng(seed)
    whole = dumps(random_circuit(3, 6, rng, names=["h", "cx", "rx", "ccx"]))
    a, b = sorted(int(k) for k in rng.integers(0, len(whole), 2))
    try:
        loads(whole[:a] + text + whole[b:], max_instructions=2000)
    except qj.QjaxError as error:
        assert "OpenQASM" in str(error)


def test_ten_thousand_gates_are_soon_read(rng):
    circuit = random_circuit(20, 10_000, rng, names=["h", "cx", "rz", "rx", "ccx", "cp"])
    text = dumps(circuit)
    start = time.perf_counter()
    found = loads(text)
    seconds = time.perf_counter() - start
    assert found == circuit
    assert seconds < 30  # far above what it takes, so that only a change of order shows
