"""Programs of other authors: they load, and make the state that Qiskit makes.

Qiskit's circuit library and the circuits of MQT Bench, exported by Qiskit; and programs of the
kinds that QASMBench collects, written from the specification, with answers that are known.
"""

import warnings

import jax
import numpy as np
import oracle
import pytest
from test_control_flow import branches

import qjax as qj
from qjax.errors import QasmError
from qjax.interop import from_qiskit
from qjax.qasm import dumps, loads

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]

TOLERANCE = 1e-8  # Qiskit writes angles with 16 digits; deep circuits add up the rounding


def package(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def same_state(circuit, wanted):
    with jax.enable_x64(True):
        found = np.asarray(qj.statevector(circuit.remove_measurements(), dtype=np.complex128))
    assert found.shape == wanted.shape
    assert 1 - abs(np.vdot(found, wanted)) < TOLERANCE


def check_against_qiskit(circuit):
    """Through both versions of OpenQASM and as an object."""
    plain = circuit.remove_final_measurements(inplace=False)
    wanted = package("qiskit.quantum_info").Statevector(plain).data
    for qasm in (package("qiskit.qasm2"), package("qiskit.qasm3")):
        try:
            text = qasm.dumps(circuit)
        except (TypeError, package("qiskit").QiskitError):  # what Qiskit cannot write
            continue
        try:
            found = loads(text)
        except QasmError:
            # Qiskit 2.3 writes gates that it calls without their angles; its own reader refuses it.
            with pytest.raises(package("qiskit").QiskitError):
                qasm.loads(text)
            continue
        same_state(found, wanted)
    same_state(from_qiskit(circuit), wanted)


LIBRARY = {
    "qft": lambda lib: lib.QFTGate(6),
    "grover": lambda lib: lib.grover_operator(_oracle(lib)),
    "efficient su2": lambda lib: _bound(lib.efficient_su2(5)),
    "real amplitudes": lambda lib: _bound(lib.real_amplitudes(5)),
    "two local": lambda lib: _bound(lib.n_local(4, ["rx", "rz"], "crx", reps=2)),
    "excitation preserving": lambda lib: _bound(lib.excitation_preserving(4)),
    "zz feature map": lambda lib: _bound(lib.zz_feature_map(4)),
    "pauli feature map": lambda lib: _bound(lib.pauli_feature_map(4, paulis=["X", "ZZ", "ZYZ"])),
    "qaoa": lambda lib: _bound(_qaoa(lib)),
    "hidden linear function": lambda lib: lib.hidden_linear_function([[1, 1, 0], [1, 0, 1],
                                                                      [0, 1, 1]]),
    "iqp": lambda lib: lib.iqp([[6, 5, 3], [5, 4, 5], [3, 5, 1]]),
    "quantum volume": lambda lib: lib.quantum_volume(5, 4, seed=1),
    "phase estimation": lambda lib: lib.phase_estimation(4, _phase(lib)),
    "unitary overlap": lambda lib: _bound(lib.unitary_overlap(
        *(lib.real_amplitudes(3, parameter_prefix=p) for p in "ab"))),
    "multi-controlled x": lambda lib: lib.MCXGate(5),
    "multi-controlled phase": lambda lib: lib.MCPhaseGate(0.3, 4),
    "half adder": lambda lib: lib.HalfAdderGate(3),
    "full adder": lambda lib: lib.FullAdderGate(3),
    "multiplier": lambda lib: lib.MultiplierGate(2),
    "diagonal": lambda lib: lib.DiagonalGate(np.exp(1j * np.arange(8.0)).tolist()),
    "permutation": lambda lib: lib.PermutationGate([2, 0, 3, 1]),
    "isometry": lambda lib: lib.StatePreparation([0.5, 0.5j, -0.5, 0.5]),
    "linear amplitude": lambda lib: lib.LinearAmplitudeFunctionGate(3, 1.0, 0.0, (0, 1), (0, 1)),
    "inner product": lambda lib: lib.InnerProductGate(3),
    "and": lambda lib: lib.AndGate(3, [1, 0, -1]),
    "xor": lambda lib: lib.BitwiseXorGate(4, 11),
    "evolution": lambda lib: lib.PauliEvolutionGate(
        package("qiskit.quantum_info").SparsePauliOp(["XXY", "ZIZ", "IYI"], [0.3, 0.7, -0.2]),
    ).definition,
    "ucrz": lambda lib: lib.UCRZGate([0.1, 0.2, 0.3, 0.4]),
}  # fmt: skip


def _bound(circuit):
    return circuit.assign_parameters(np.linspace(0.1, 2.9, circuit.num_parameters))


def _oracle(lib):
    marked = package("qiskit.circuit").QuantumCircuit(4)
    marked.append(lib.MCMTGate(lib.ZGate(), 3, 1), range(4))
    return marked


def _phase(lib):
    power = package("qiskit.circuit").QuantumCircuit(1)
    power.p(2 * np.pi * 5 / 16, 0)
    return power


def _qaoa(lib):
    cost = package("qiskit.quantum_info").SparsePauliOp(["ZZII", "IZZI", "ZIIZ"], [1.0, 0.5, -0.5])
    return lib.qaoa_ansatz(cost, reps=2)


@pytest.mark.parametrize("name", LIBRARY)
def test_qiskits_library(name):
    terra, lib = package("qiskit.circuit"), package("qiskit.circuit.library")
    made = LIBRARY[name](lib)
    if not isinstance(made, terra.QuantumCircuit):
        circuit = terra.QuantumCircuit(made.num_qubits)
        circuit.h(range(made.num_qubits))
        circuit.append(made, range(made.num_qubits))
        made = circuit
    compiled = package("qiskit.compiler").transpile(
        made, basis_gates=["u", "cx", "p", "rzz", "ccx", "h"], optimization_level=0
    )
    check_against_qiskit(compiled)
    same_state(from_qiskit(made), package("qiskit.quantum_info").Statevector(made).data)


@pytest.mark.slow
def test_mqt_bench():
    """Every benchmark that fits into 16 qubits, target independent."""
    bench = package("mqt.bench")
    names = package("mqt.bench.benchmarks").get_available_benchmark_names()
    checked, dynamic = [], []
    for name in names:
        made = None
        for size in (10, 9, 8, 7, 6, 5, 4, 13, 16):
            try:
                made = bench.get_benchmark(name, bench.BenchmarkLevel.INDEP, size)
                break
            except Exception:  # a benchmark says which sizes it has by refusing others
                continue
        if made is None or made.num_qubits > 16:
            continue
        if any(i.operation.name in ("if_else", "reset") for i in made.data) or not all(
            i.operation.name != "measure" or not i.operation.label for i in made.data
        ):
            text = package("qiskit.qasm3").dumps(made)
            assert loads(dumps(loads(text))).count_ops() == loads(text).count_ops()
            dynamic.append(name)
            continue
        check_against_qiskit(made)
        checked.append(name)
    print(f"{len(checked)} equal Qiskit's state: {', '.join(checked)}; dynamic: {dynamic}")
    assert len(checked) >= 20


# --- programs with known answers --------------------------------------------------------------

HEAD_2 = 'OPENQASM 2.0; include "qelib1.inc"; '
HEAD_3 = 'OPENQASM 3.0; include "stdgates.inc"; '

ADDER = (
    HEAD_2
    + """
gate majority a, b, c { cx c, b; cx c, a; ccx a, b, c; }
gate unmajority a, b, c { ccx a, b, c; cx c, a; cx a, b; }
qreg cin[1]; qreg a[4]; qreg b[4]; qreg cout[1]; creg ans[5];
x a[0]; x b; x b[1]; // a = 1, b = 13
majority cin[0], b[0], a[0];
majority a[0], b[1], a[1];
majority a[1], b[2], a[2];
majority a[2], b[3], a[3];
cx a[3], cout[0];
unmajority a[2], b[3], a[3];
unmajority a[1], b[2], a[2];
unmajority a[0], b[1], a[1];
unmajority cin[0], b[0], a[0];
measure b[0] -> ans[0]; measure b[1] -> ans[1]; measure b[2] -> ans[2]; measure b[3] -> ans[3];
measure cout[0] -> ans[4];
"""
)

BERNSTEIN_VAZIRANI = (
    HEAD_3
    + """
const uint n = 6; const uint secret = 0b101101;
qubit[n] x; qubit y; bit[n] c;
reset y; x y; h y; h x;
for uint k in [0:n - 1] { if (bool(secret[k])) { cx x[k], y; } }
h x; c = measure x;
"""
)

PHASE_ESTIMATION = (
    HEAD_3
    + """
const uint n = 4; const float phase = 2 * pi * 11 / 16;
qubit[n] count; qubit target; bit[n] c;
def swapped(qubit[4] q) { for uint k in [0:1] { swap q[k], q[3 - k]; } }
x target; h count;
for uint k in [0:n - 1] { ctrl @ pow(2 ** k) @ p(phase) count[k], target; }
swapped(count);
for uint k in [0:n - 1] {
  for uint j in [0:k - 1] { cp(-pi / 2 ** (k - j)) count[j], count[k]; }
  h count[k];
}
c = measure count;
"""
)

# The iterative kind: one qubit, reset and turned by what was measured before.
ITERATIVE = (
    HEAD_2
    + """
qreg q[2]; creg c[3];
gate cphase t, u { cu1(2*pi*5/8) t, u; }
x q[1];
h q[0]; cphase q[0], q[1]; cphase q[0], q[1]; cphase q[0], q[1]; cphase q[0], q[1];
h q[0]; measure q[0] -> c[0]; reset q[0];
h q[0]; cphase q[0], q[1]; cphase q[0], q[1];
if (c == 1) u1(-pi/2) q[0];
h q[0]; measure q[0] -> c[1]; reset q[0];
h q[0]; cphase q[0], q[1];
if (c == 1) u1(-pi/4) q[0];
if (c == 2) u1(-pi/2) q[0];
if (c == 3) u1(-3*pi/4) q[0];
h q[0]; measure q[0] -> c[2];
"""
)

# An X error on one qubit of three is found by two parities and undone.
CORRECTION = (
    HEAD_2
    + """
qreg q[3]; qreg a[2]; creg syn[2]; creg out[1];
ry(0.6) q[0]; cx q[0], q[1]; cx q[0], q[2];
x q[{error}];
cx q[0], a[0]; cx q[1], a[0]; cx q[1], a[1]; cx q[2], a[1];
measure a -> syn;
if (syn == 1) x q[0];
if (syn == 3) x q[1];
if (syn == 2) x q[2];
cx q[0], q[1]; cx q[0], q[2]; ry(-0.6) q[0];
measure q[0] -> out[0];
"""
)


def most_likely(text):
    circuit = loads(text)
    found = {}
    for bits, state in branches(circuit):
        found[bits] = found.get(bits, 0) + np.vdot(state, state).real
    bits = max(found, key=found.get)
    return sum(b << k for k, b in enumerate(bits)), found[bits]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (ADDER, 14),
        (BERNSTEIN_VAZIRANI, 0b101101),
        (PHASE_ESTIMATION, 11),
        (ITERATIVE, 5),
        *((CORRECTION.replace("{error}", str(k)), value) for k, value in
          enumerate((1, 3, 2))),
    ],
    ids=["adder", "bernstein-vazirani", "phase estimation", "iterative", *("correction",) * 3],
)  # fmt: skip
def test_programs_give_their_answers(text, answer):
    value, probability = most_likely(text)
    assert value == answer
    assert probability == pytest.approx(1, abs=1e-9)
    again = loads(dumps(loads(text)))
    assert most_likely(dumps(again)) == (answer, pytest.approx(1, abs=1e-9))


def test_a_w_state():
    text = (
        HEAD_3
        + """
    qubit[5] q;
    x q[0];
    for int k in [1:4] {
      cry(2 * arccos(sqrt(1.0 / (6 - k)))) q[k - 1], q[k];
      cx q[k], q[k - 1];
    }
    """
    )
    state = oracle.statevector(loads(text))
    np.testing.assert_allclose(abs(state[[1, 2, 4, 8, 16]]), np.full(5, 5**-0.5), atol=1e-12)
