"""Resets and conditions: built, drawn, saved, written as OpenQASM and read back."""

import jax
import numpy as np
import oracle
import pytest

import qjax as qj
from qjax.circuit.control_flow import Condition
from qjax.errors import CircuitError, QasmError
from qjax.qasm import dumps, loads

HEAD = 'OPENQASM 3.0; include "stdgates.inc"; qubit[3] q; bit[3] c; '


def teleportation():
    circuit = qj.Circuit(3).ry(0.3, 0).h(1).cx(1, 2).cx(0, 1).h(0).measure([0, 1])
    circuit.if_else(1, 1, qj.Circuit(3).x(2)).if_else(0, 1, qj.Circuit(3).z(2))
    return circuit


def branches(circuit):
    """Final states with their probabilities, by outcome: dense linear algebra over all branches."""
    found = [((0,) * circuit.num_clbits, np.eye(1, 2**circuit.num_qubits, dtype=complex)[0])]
    for i in circuit:
        new = []
        for bits, state in found:
            if not all(c.holds(bits) for c in i.conditions):
                new.append((bits, state))
                continue
            if i.is_gate:
                one = qj.Circuit(circuit.num_qubits)
                one.append(qj.Instruction(i.operation, i.qubits, i.params, i.controls,
                                          i.control_values))  # fmt: skip
                new.append((bits, oracle.unitary(one) @ state))
                continue
            if i.name == "barrier":
                new.append((bits, state))
                continue
            outcomes = [(bits, state)]
            for place, q in enumerate(i.qubits):
                outcomes = [
                    one
                    for bits, state in outcomes
                    for one in measured(bits, state, q, i.clbits[place] if i.clbits else None)
                ]
            new += outcomes
        found = new
    return found


def measured(bits, state, q, c):
    """Both outcomes of a qubit, written to bit c; of a reset if c is None."""
    index = np.arange(len(state))
    for outcome in (0, 1):
        part = np.where((index >> q & 1) == outcome, state, 0)
        if np.linalg.norm(part) < 1e-9:
            continue
        if c is None:
            yield bits, part[index ^ (outcome << q)]
        else:
            yield (*bits[:c], outcome, *bits[c + 1 :]), part


def density(circuit):
    """The density matrix of each outcome, which is what a circuit with resets defines."""
    total = {}
    for bits, state in branches(circuit):
        total[bits] = total.get(bits, 0) + np.outer(state, state.conj())
    return total


def assert_same_channel(found, wanted, tolerance=1e-10):
    a, b = density(found), density(wanted)
    assert a.keys() == b.keys()
    for bits in a:
        np.testing.assert_allclose(a[bits], b[bits], atol=tolerance)


def test_teleportation_moves_the_state():
    for bits, state in branches(teleportation()):
        value = bits[0] + 2 * bits[1]
        wanted = np.zeros(8)
        wanted[[value, value + 4]] = np.cos(0.15) / 2, np.sin(0.15) / 2
        np.testing.assert_allclose(abs(state), wanted, atol=1e-12)


def test_a_condition_is_part_of_an_instruction():
    circuit = teleportation()
    assert circuit[-1].conditions == (Condition((0,), (1,)),)
    assert circuit[-1] != qj.Circuit(3).z(2)[0]
    assert str(circuit[-2]) == "x 2 if c[1] == 1"
    assert circuit.depth() == 6
    assert circuit.structure.dynamic == "x under the condition c[1] == 1"
    assert circuit != teleportation().copy().if_else(0, 0, qj.Circuit(1).x(0))


def test_otherwise_is_the_opposite_condition():
    circuit = qj.Circuit(2, 2).if_else([1, 0], 2, qj.Circuit(1).x(0), qj.Circuit(2).y(1))
    assert circuit[0].conditions == (Condition((1, 0), (2,)),)
    assert circuit[1].conditions == (Condition((1, 0), (2,), negated=True),)
    assert [circuit[1].conditions[0].holds(bits) for bits in ([1, 0], [0, 1])] == [False, True]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.if_else(5, 1, qj.Circuit(1).x(0)), "classical bit must be in 0..2"),
        (lambda c: c.if_else(0, 2, qj.Circuit(1).x(0)), r"value must be in 0\.\.1 for 1 bits"),
        (lambda c: c.if_else([0, 0], 2, qj.Circuit(1)), "classical bits must be distinct"),
        (lambda c: c.if_else(0, 1, qj.Circuit(7).x(6)), "a Circuit on at most 3 qubits"),
        (lambda c: c.if_else(0, 1, "x"), "a body must be a Circuit"),
        (
            lambda c: c.if_else(0, 1, qj.Circuit(1).measure(0).x(0)),
            "must not change the bits of its condition and go on",
        ),
        (
            lambda c: c.if_else(0, 1, qj.Circuit(1).measure(0), qj.Circuit(1).x(0)),
            "must not change the bits",
        ),
        (lambda c: c.reset(3), "qubit must be in 0..2"),
    ],
)
def test_what_does_not_fit_is_refused(call, message):
    with pytest.raises(CircuitError, match=message):
        call(qj.Circuit(3, 3))


@pytest.mark.parametrize("circuit", [teleportation(), qj.Circuit(2).h(0).reset(0)])
def test_what_depends_on_outcomes_is_no_unitary(circuit):
    for call, message in [
        (lambda: qj.statevector(circuit.copy()), "must not measure|gates and final measurements"),
        (lambda: circuit.inverse(), "inverse: a circuit to be undone must have no"),
        (lambda: circuit.controlled(), "controlled: a circuit to be controlled must have no"),
        (lambda: qj.cost(circuit), "gates and final measurements"),
    ]:
        with pytest.raises(CircuitError, match=message):
            call()


def test_measurements_that_are_read_stay():
    with pytest.raises(CircuitError, match="nothing must depend on measured bits"):
        teleportation().remove_measurements()


def test_it_is_saved_and_drawn(tmp_path):
    circuit = teleportation().reset(0)
    qj.save(circuit, tmp_path / "c.json")
    assert qj.load(tmp_path / "c.json") == circuit
    text = str(circuit)
    assert "X if c1=1" in text
    assert "Z if c0=1" in text
    assert "|0>" in text
    assert "Z if c0=1" in circuit.draw("svg")


DYNAMIC = {
    "teleportation": teleportation(),
    "reset": qj.Circuit(2).h(0).cx(0, 1).reset(0).ry(0.4, 0).cx(0, 1).measure_all(),
    "else": qj.Circuit(3).h([0, 1]).measure([0, 1]).if_else(
        [0, 1], 2, qj.Circuit(3).rx(0.7, 2).cx(2, 0), qj.Circuit(3).h(2).crz(0.3, 2, 1)),
    "nested": qj.Circuit(3).h([0, 1]).measure([0, 1]).if_else(
        0, 1, qj.Circuit(3, 2).h(2).if_else(1, 0, qj.Circuit(3).x(2).ccx(0, 1, 2))),
    "measured inside": qj.Circuit(2).h(0).measure(0, 0).if_else(
        0, 1, qj.Circuit(2).h(1).measure(1, 1)).if_else(1, 1, qj.Circuit(2).x(0)),
    "repeated": qj.Circuit(2).h(0).measure(0, 0).reset(0).h(0).measure(0, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", DYNAMIC)
def test_openqasm_3_reads_back(name):
    circuit = DYNAMIC[name]
    back = loads(dumps(circuit))
    assert_same_channel(back, circuit)
    assert loads(dumps(back)) == back


@pytest.mark.parametrize("name", ["teleportation", "reset", "measured inside", "repeated", "else"])
def test_openqasm_2_reads_back(name):
    assert_same_channel(loads(dumps(DYNAMIC[name], 2)), DYNAMIC[name])


@pytest.mark.parametrize("basis", ["rz sx x cz", "prx cz", "gpi gpi2 ms", "rz rx iswap"])
@pytest.mark.parametrize("name", DYNAMIC)
def test_native_gates_do_the_same(name, basis):
    from qjax.circuit.native import native

    assert_same_channel(native(DYNAMIC[name], basis), DYNAMIC[name])


@pytest.mark.parametrize(
    ("condition", "values"),
    [
        ("c[0]", {1, 3, 5, 7}),
        ("c", {1, 2, 3, 4, 5, 6, 7}),
        ("c[0:1]", {1, 2, 3, 5, 6, 7}),
        ("!c[1]", {0, 1, 4, 5}),
        ("c == 5", {5}),
        ("5 == c", {5}),
        ("c != 5", {0, 1, 2, 3, 4, 6, 7}),
        ('c == "011"', {3}),
        ("c[1] == true", {2, 3, 6, 7}),
        ("c[1] == 0", {0, 1, 4, 5}),
        ("c >= 6", {6, 7}),
        ("c[0] && !c[2]", {1, 3}),
        ("c[0] || c == 4", {1, 3, 4, 5, 7}),
        ("c[0:1] == 2", {2, 6}),
        ("c[-1]", {4, 5, 6, 7}),
        ("int(c) % 3 == 0", {0, 3, 6}),
        ("c[0] ^ c[1] ^ c[2]", {1, 2, 4, 7}),
        ("~c[0]", {0, 2, 4, 6}),
        ("bool(c)", {1, 2, 3, 4, 5, 6, 7}),
    ],
)
def test_conditions_mean_what_they_say(condition, values):
    circuit = loads(HEAD + f"if ({condition}) x q[0]; else y q[1];")
    assert [i.name for i in circuit] == ["x", "y"]
    for value in range(8):
        bits = [value >> k & 1 for k in range(3)]
        held = [all(c.holds(bits) for c in i.conditions) for i in circuit]
        assert held == [value in values, value not in values]
    again = loads(dumps(circuit))
    assert again.num_clbits == 3
    for value in range(8):
        bits = [value >> k & 1 for k in range(3)]
        assert all(c.holds(bits) for c in again[0].conditions) == (value in values)


@pytest.mark.parametrize(
    ("test", "names"), [("c < 0", ["y"]), ("c >= 0", ["x"]), ("c == c", ["x"])]
)
def test_conditions_that_always_or_never_hold_are_none(test, names):
    circuit = loads(HEAD + f"if ({test}) x q[0]; else y q[1];")
    assert [(i.name, i.conditions) for i in circuit] == [(name, ()) for name in names]


def test_subroutines_and_loops_work_under_a_condition():
    circuit = loads(
        HEAD + "def turn(qubit a, int n) { int k = n; while (k > 0) { rx(0.5) a; k -= 1; } } "
        "if (c[0]) { for int i in [0:1] { int t = i + 1; turn(q[i], t); } }"
    )
    assert [i.qubits[0] for i in circuit] == [0, 1, 1]
    assert all(i.conditions == (Condition((0,), (1,)),) for i in circuit)


@pytest.mark.parametrize(
    ("circuit", "message"),
    [
        (qj.Circuit(1, 3).if_else([0, 2], 1, qj.Circuit(1).x(0)), "must be about a whole register"),
        (
            qj.Circuit(1, 3).if_else([0, 1], 1, qj.Circuit(1).x(0)).if_else(
                1, 1, qj.Circuit(1).x(0)),
            "must be about a whole register",
        ),
        (DYNAMIC["nested"], "must stand alone"),
    ],
)  # fmt: skip
def test_what_openqasm_2_cannot_say_is_refused(circuit, message):
    with pytest.raises(QasmError, match=message):
        dumps(circuit, 2)


def test_classical_registers_keep_their_names(tmp_path):
    text = HEAD + "bit[2] syndrome; bit done; c = measure q; syndrome[1] = measure q[0];"
    circuit = loads(text)
    assert circuit.clbit_registers == {"c": 3, "syndrome": 2, "done": 1}
    circuit.if_else([3, 4], 2, qj.Circuit(3).x(0))
    for version in (2, 3):
        written = dumps(circuit, version)
        assert "syndrome[1]" in written
        assert "if(syndrome==2)" in written or "if (syndrome == 2)" in written
        assert loads(written).clbit_registers == circuit.clbit_registers
        assert loads(written) == circuit
    qj.save(circuit, tmp_path / "c.json")
    assert qj.load(tmp_path / "c.json").clbit_registers == circuit.clbit_registers
    assert jax.tree.map(lambda x: x, circuit).clbit_registers == circuit.clbit_registers
    assert circuit.copy().clbit_registers == circuit.clbit_registers
    assert "bit[6] all;" in dumps(circuit, clbit_register="all")
    assert dumps(qj.Circuit(1).measure(0).name_clbits({"measure": 1})).count("measure_[0]") == 1
    assert circuit.measure(0, 6).clbit_registers == {}
    with pytest.raises(CircuitError, match="must hold the 7 bits"):
        circuit.name_clbits({"a": 2})
    with pytest.raises(CircuitError, match="must be identifiers"):
        circuit.name_clbits({"a b": 9})


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("c", [["x"], ["y", "z"], [], ["x"], ["h"], ["h"], ["h"], ["h"]]),
        ("c[1] ^ c[0]", [["x"], ["y", "z"], ["y", "z"], ["x"]] * 2),
        ("int(c) % 4", [["x"], ["y", "z"], [], ["x"]] * 2),
        ("3", [["x"]] * 8),
        ("7", [["h"]] * 8),
    ],
)
def test_switches_mean_what_they_say(value, names):
    circuit = loads(
        HEAD + f"switch ({value}) {{ case 0, 3 {{ x q[0]; }} case 1 {{ y q[1]; z q[1]; }} "
        "case 2 { } default { h q[2]; } }"
    )
    for again in (circuit, loads(dumps(circuit))):
        for k in range(8):
            bits = [k >> j & 1 for j in range(3)]
            held = [i.name for i in again if all(c.holds(bits) for c in i.conditions)]
            assert held == names[k]


def test_a_switch_is_built():
    bodies = {k: qj.Circuit(3).x(k) for k in range(2)}
    circuit = qj.Circuit(3, 2).switch([1, 0], bodies, default=qj.Circuit(3).h(2))
    held = [
        [i.name + str(i.qubits[0]) for i in circuit if i.conditions[0].holds([k & 1, k >> 1])]
        for k in range(4)
    ]
    assert held == [["x0"], ["h2"], ["x1"], ["h2"]]
    with pytest.raises(CircuitError, match=r"switch: value must be in 0\.\.1 for 1 bits"):
        qj.Circuit(1, 1).switch(0, {2: qj.Circuit(1)})
    with pytest.raises(QasmError, match="cases must be different"):
        loads(HEAD + "switch (c) { case 0 { } case 0 { } }")
    with pytest.raises(QasmError, match=r"'\{' must stand here"):
        loads(HEAD + "switch (c) { case 0 x q[0]; }")
