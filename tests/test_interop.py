"""Circuits go to other packages and come back as the same unitaries, symbols kept."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from strategies import circuits, random_template

import qjax as qj
from qjax.gates import GATES
from qjax.interop import from_qiskit, to_qiskit

pytest.importorskip("qiskit")
from qiskit import QuantumCircuit
from qiskit import circuit as terra
from qiskit.circuit import library
from qiskit.circuit.classical import expr
from qiskit.circuit.random import random_circuit as random_qiskit
from qiskit.quantum_info import Operator

EPS = np.finfo(float).eps


def difference(circuit, other):
    return np.max(np.abs(oracle.unitary(circuit) - Operator(other).data))


@pytest.mark.parametrize("name", list(GATES))
def test_each_gate_goes_to_qiskit_and_comes_back(name, rng):
    gate = GATES[name]
    k = gate.num_qubits
    circuit = qj.Circuit(k + 2)
    angles = tuple(float(a) for a in rng.normal(size=len(gate.params)))
    circuit.append(name, list(range(k))[::-1], angles)
    circuit.append(name, list(range(k)), angles, controls=[k, k + 1], control_values=[0, 1])
    made = to_qiskit(circuit)
    tolerance = 512 * EPS * (len(made) + 2)
    assert difference(circuit, made) <= tolerance
    assert difference(from_qiskit(made), made) <= tolerance


@settings(max_examples=25)
@given(circuit=circuits(max_qubits=4, max_gates=12))
def test_random_circuits_go_to_qiskit_and_come_back(circuit):
    made = to_qiskit(circuit)
    tolerance = 1e-9  # Qiskit's own synthesis of controlled unitaries rounds to about 1e-10
    assert difference(circuit, made) <= tolerance
    assert difference(from_qiskit(made), made) <= tolerance


@pytest.mark.parametrize("seed", range(8))
def test_random_circuits_of_qiskit_come_in(seed):
    made = random_qiskit(4, 8, max_operands=4, seed=seed)
    assert difference(from_qiskit(made), made) <= 1e-9


def test_gates_of_qiskits_library_come_in(rng):
    made = QuantumCircuit(5, global_phase=0.3)
    made.append(library.QFTGate(4), [3, 1, 0, 2])
    made.append(library.UnitaryGate(np.linalg.qr(rng.normal(size=(4, 4)))[0]), [4, 1])
    made.append(library.RCCXGate(), [0, 3, 2])
    made.append(library.U2Gate(0.1, 0.2).control(2, ctrl_state=1, annotated=False), [0, 1, 4])
    made.append(library.CUGate(0.1, 0.2, 0.3, 0.4), [2, 0])
    made.append(library.CUGate(0.1, 0.2, 0.3, 0.4).control(1, ctrl_state=0), [4, 2, 1])
    made.append(library.MCMTGate(library.RYGate(0.3), 2, 2), [3, 0, 4, 1])
    made.append(library.ModularAdderGate(2), [1, 4, 2, 0])
    made.append(library.DiagonalGate([1, -1, 1j, 1]), [1, 3])
    assert difference(from_qiskit(made), made) <= 1e-9


def test_annotated_gates_come_in():
    made = QuantumCircuit(4)
    gate = library.SGate().control(1, ctrl_state=0, annotated=True)
    made.append(
        gate.inverse(annotated=True).control(1, annotated=True).power(3, annotated=True), [2, 0, 3]
    )
    made.append(library.RYGate(0.3).control(2, ctrl_state=1, annotated=False), [3, 1, 2])
    assert difference(from_qiskit(made), made) <= 1e-12


def test_a_gate_of_ones_own_with_a_librarys_name_is_its_definition():
    body = QuantumCircuit(1, name="h")
    body.x(0)
    made = QuantumCircuit(1)
    made.append(body.to_gate(), [0])
    assert from_qiskit(made).count_ops() == {"x": 1}


def test_parameters_keep_names_vectors_and_expressions(rng):
    circuit = random_template(3, 12, 5, rng)
    made = to_qiskit(circuit)
    assert {p.vector.name for p in made.parameters} == {"theta"}
    back = from_qiskit(made)
    values = rng.normal(size=5)
    bound = made.assign_parameters(dict(zip(made.parameters[0].vector, values, strict=True)))
    assert difference(circuit.bind(values), bound) <= 1e-9
    assert difference(back.bind(values), bound) <= 1e-9
    a, b = terra.Parameter("a"), terra.Parameter("b")
    other = QuantumCircuit(1, global_phase=a)
    other.rx(2 * a - b / 2 + 0.25, 0)
    found = from_qiskit(other)
    assert set(found.parameters) == {"a", "b"}
    assert difference(found.bind({"a": 0.5, "b": 0.3}), other.assign_parameters([0.5, 0.3])) < 1e-12


def test_measurements_keep_their_bits():
    circuit = qj.Circuit(3).h(0).barrier().measure([2, 0], [0, 3])
    assert from_qiskit(to_qiskit(circuit)) == circuit


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda c: c.rx(terra.Parameter("a") ** 2, 0), "must be affine"),
        (
            lambda c: c.while_loop((c.clbits[0], 1), c.copy(), [0], [0]),
            "a while_loop must have a bound",
        ),
        (lambda c: c.delay(3, 0), "but one is delay"),
    ],
)
def test_what_cannot_come_in_is_said(make, message):
    circuit = QuantumCircuit(1, 1)
    make(circuit)
    with pytest.raises(qj.QjaxError, match=message):
        from_qiskit(circuit)


def test_what_is_no_circuit_is_refused():
    with pytest.raises(qj.QjaxError, match="must be a QuantumCircuit"):
        from_qiskit("h 0")


def test_resets_and_conditions_go_both_ways():
    circuit = qj.Circuit(3).h(0).measure([0, 1]).reset(1)
    circuit.if_else([0, 1], 2, qj.Circuit(3).x(2).cx(2, 0), qj.Circuit(3).h(1))
    made = to_qiskit(circuit)
    assert made.count_ops()["if_else"] == 3
    plain = QuantumCircuit(3, 2)
    plain.measure([0, 1], [0, 1])
    with plain.if_test((plain.clbits[1], 1)) as otherwise:
        plain.x(2)
        plain.measure(2, 0)
    with otherwise:
        plain.reset(0)
    back = from_qiskit(plain)
    assert [str(i) for i in back] == [
        "measure 0 -> 0", "measure 1 -> 1", "x 2 if c[1] == 1", "measure 2 -> 0 if c[1] == 1",
        "reset 0 if c[1] == 0",
    ]  # fmt: skip
    again = from_qiskit(made)
    for value in range(4):
        bits = [value & 1, value >> 1]
        held = [[c.holds(bits) for c in i.conditions] for i in circuit]
        assert [[c.holds(bits) for c in i.conditions] for i in again] == held
    assert [i.name for i in again] == [i.name for i in circuit]


@pytest.mark.parametrize(
    ("test", "values"),
    [
        (lambda r: expr.less(r, 3), {0, 1, 2}),
        (lambda r: expr.logic_and(r[0], expr.logic_not(r[2])), {1, 3}),
        (lambda r: expr.equal(expr.bit_and(r, 5), 4), {4, 6}),
        (lambda r: expr.bit_not(r[1]), {0, 1, 4, 5}),
    ],
)
def test_conditions_of_qiskit_mean_what_they_say(test, values):
    register = terra.ClassicalRegister(3)
    circuit = QuantumCircuit(terra.QuantumRegister(1), register)
    with circuit.if_test(test(register)):
        circuit.x(0)
    (i,) = from_qiskit(circuit)
    for value in range(8):
        holds = all(c.holds([value >> k & 1 for k in range(3)]) for c in i.conditions)
        assert holds == (value in values)


@pytest.mark.parametrize("on", ["register", "bit", "expression"])
def test_switches_come_in(on):
    register = terra.ClassicalRegister(3)
    circuit = QuantumCircuit(terra.QuantumRegister(3), register)
    target = {"register": register, "bit": register[1], "expression": expr.bit_and(register, 3)}[on]
    with circuit.switch(target) as case:
        with case(0):
            circuit.x(0)
        with case(1, *([] if on == "bit" else [3])):
            circuit.y(1)
        with case(case.DEFAULT):
            circuit.z(2)
    found = from_qiskit(circuit)
    for value in range(8):
        bits = [value >> k & 1 for k in range(3)]
        seen = {"register": value, "bit": bits[1], "expression": value & 3}[on]
        held = [i.name for i in found if all(c.holds(bits) for c in i.conditions)]
        assert held == [{0: "x", 1: "y", 3: "y"}.get(seen, "z")]
