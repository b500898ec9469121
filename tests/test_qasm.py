"""Programs that qjax writes are read by Qiskit, to the same unitary and the same doubles."""

import io

import jax
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import qasm2, qasm3
from qiskit.quantum_info import Operator
from strategies import FAMILIES, add_random_gate, random_circuit, random_template, seeds

import qjax as qj
from qjax.gates import GATES
from qjax.qasm import DIALECTS

READERS = {2: qasm2.loads, 3: qasm3.loads}


def difference(circuit, version):
    """Largest entry of the difference; OpenQASM 2 has no global phase."""
    theirs = Operator(READERS[version](qj.qasm.dumps(circuit, version))).data
    ours = oracle.unitary(circuit)
    if version == 2:
        theirs = theirs * np.exp(-1j * np.angle(np.vdot(ours, theirs)))
    return np.max(np.abs(theirs - ours))


@pytest.mark.parametrize("version", READERS)
@pytest.mark.parametrize("name", [*GATES, *FAMILIES])
def test_each_gate_is_read_back_to_its_unitary(name, version, rng):
    circuit = qj.Circuit(5)
    for _ in range(3):  # other qubits, angles and controls each time
        add_random_gate(circuit, name, lambda: float(rng.normal() * 2), rng, max_targets=3)
    # Synthesis of a large unitary rounds in some hundred steps, and so does Qiskit's reading.
    assert difference(circuit, version) < 1e-10


@pytest.mark.parametrize("version", READERS)
@given(seed=seeds)
def test_circuits_are_read_back_to_their_unitary(version, seed):
    circuit = random_circuit(4, 12, np.random.default_rng(seed), max_targets=2)
    assert difference(circuit, version) < 1e-10


@given(seed=seeds)
def test_a_template_is_read_back_with_its_parameters(seed):
    rng = np.random.default_rng(seed)
    names = [n for n, g in GATES.items() if 0 < g.num_qubits <= 4]
    template = random_template(4, 0, 3, rng)
    theta = qj.ParameterVector("theta", 3)
    for name in rng.choice(names, 6):
        add_random_gate(template, str(name), lambda: 1.5 * theta[rng.integers(3)] - 0.1, rng)
    values = rng.normal(size=3)
    read = qasm3.loads(qj.qasm.dumps(template))
    bound = read.assign_parameters({p: values[int(p.name[-1])] for p in read.parameters})
    assert np.max(np.abs(Operator(bound).data - oracle.unitary(template.bind(values)))) < 1e-10


@pytest.mark.parametrize("version", READERS)
@given(angle=st.floats(-1e6, 1e6, allow_subnormal=False))
def test_angles_are_read_back_as_the_same_double(version, angle):
    read = READERS[version](qj.qasm.dumps(qj.Circuit(1).rx(angle, 0), version))
    assert float(read.data[0].operation.params[0]) == angle


@pytest.mark.parametrize("version", READERS)
def test_measurements_and_barriers(version):
    circuit = qj.Circuit(3).h(0).barrier([0, 2]).barrier().measure([0, 2], [1, 0])
    read = READERS[version](qj.qasm.dumps(circuit, version))
    assert read.count_ops() == {"h": 1, "barrier": 2, "measure": 2}
    measured = [
        (read.find_bit(i.qubits[0]).index, read.find_bit(i.clbits[0]).index)
        for i in read.data
        if i.operation.name == "measure"
    ]
    assert measured == [(0, 1), (2, 0)]


def test_names_of_registers_and_parameters():
    t, p, theta = qj.Parameter("t"), qj.Parameter("p"), qj.ParameterVector("θ", (2, 2))
    circuit = qj.Circuit(2).rx(t, 0).ry(2 * p + 0.1, 1).rz(theta[1, 0], 0).measure_all()
    text = qj.qasm.dumps(circuit, qubit_register="data", clbit_register="out")
    assert "qubit[2] data;" in text
    assert "bit[2] out;" in text
    assert "// parameter t is t_\ninput float[64] t_;" in text
    assert "ry(2.0*p_ + 0.1) data[1];" in text
    read = qasm3.loads(text)
    assert {q.name for q in read.parameters} == {"t_", "p_", "θ_1_0"}


def test_global_phase():
    circuit = qj.Circuit(1).gphase(0.25).x(0)
    assert "gphase(0.25);" in qj.qasm.dumps(circuit, 3)
    assert "// global phase 0.25" in qj.qasm.dumps(circuit, 2)


def test_ten_thousand_gates_are_written(rng):
    circuit = random_circuit(20, 10_000, rng, names=["rx", "cx", "rzz", "u", "iswap", "ccx", "p"])
    for version in DIALECTS:
        assert qj.qasm.dumps(circuit, version).count("\n") >= 10_000


def test_dump_writes_paths_and_streams(tmp_path):
    circuit, file, stream = qj.Circuit(1).h(0), tmp_path / "h.qasm", io.StringIO()
    file.write_text("old")
    qj.qasm.dump(circuit, file, version=2)
    qj.qasm.dump(circuit, stream)
    assert file.read_text() == qj.qasm.dumps(circuit, 2)
    assert stream.getvalue() == qj.qasm.dumps(circuit, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: qj.qasm.dumps(c, 4), "version must be 2 or 3, but is 4"),
        (lambda c: qj.qasm.dumps(qj.Circuit(0)), "at least one qubit"),
        (lambda c: qj.qasm.dumps(c, qubit_register="gate"), "free identifier, but is 'gate'"),
        (lambda c: qj.qasm.dumps(c, qubit_register="1q"), "free identifier"),
        (lambda c: qj.qasm.dumps(c, qubit_register="c"), "both registers"),
        (lambda c: qj.qasm.dumps(c.copy().rx(qj.Parameter("t"), 0), 2), "has t. Bind them"),
        (lambda c: jax.jit(lambda x: qj.qasm.dumps(c.copy().rx(x, 0)))(0.1), "one is traced"),
    ],
)
def test_what_cannot_be_written_is_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(qj.Circuit(1))
