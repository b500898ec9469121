"""Circuits go to Cirq, PennyLane and pytket and come back as the same unitaries, symbols kept."""

import warnings

import jax
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from strategies import random_circuit, random_template, seeds

import qjax as qj
from qjax.errors import CircuitError, ParameterError, QjaxError
from qjax.gates import GATES
from qjax.interop import (
    from_cirq,
    from_pennylane,
    from_pytket,
    to_cirq,
    to_pennylane,
    to_pytket,
)  # fmt: skip

pytestmark = [pytest.mark.clients, pytest.mark.filterwarnings("ignore")]

TOLERANCE = 1e-9  # angles in half-turns, and pytket's expressions, are rounded on the way


def reversed_qubits(matrix, n):
    order = [int(format(k, f"0{n}b")[::-1], 2) if n else 0 for k in range(2**n)]
    return matrix[np.ix_(order, order)]


def package(name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


class Cirq:
    """How the tests speak to Cirq."""

    name = "cirq"

    @staticmethod
    def there(circuit):
        return to_cirq(circuit)

    @staticmethod
    def back(made, n):
        return from_cirq(made, num_qubits=n)

    @staticmethod
    def unitary(made, n):
        qubits = package("cirq").LineQubit.range(n)
        return reversed_qubits(
            made.unitary(qubit_order=qubits, qubits_that_should_be_present=qubits), n
        )


class PyTket:
    """How the tests speak to pytket."""

    name = "pytket"

    @staticmethod
    def there(circuit):
        return to_pytket(circuit)

    @staticmethod
    def back(made, n):
        return from_pytket(made)

    @staticmethod
    def unitary(made, n):
        return reversed_qubits(made.get_unitary(), n)


class PennyLane:
    """How the tests speak to PennyLane."""

    name = "pennylane"

    @staticmethod
    def there(circuit):
        return to_pennylane(circuit)

    @staticmethod
    def back(made, n):
        found = from_pennylane(made)
        return qj.Circuit(n).compose(found)

    @staticmethod
    def unitary(made, n):
        return reversed_qubits(package("pennylane").matrix(made, wire_order=range(n))(), n)


PACKAGES = [Cirq, PyTket, PennyLane]


@pytest.fixture(params=PACKAGES, ids=lambda p: p.name)
def other(request):
    package(request.param.name)
    return request.param


@pytest.mark.parametrize("name", list(GATES))
def test_each_gate_goes_there_and_comes_back(other, name, rng):
    gate = GATES[name]
    n = max(gate.num_qubits, 1)
    angles = tuple(float(a) for a in rng.normal(size=len(gate.params)))
    circuit = qj.Circuit(n).append(gate, tuple(range(gate.num_qubits)), angles).h(0)
    made = other.there(circuit)
    wanted = oracle.unitary(circuit)
    np.testing.assert_allclose(other.unitary(made, n), wanted, atol=TOLERANCE)
    np.testing.assert_allclose(oracle.unitary(other.back(made, n)), wanted, atol=TOLERANCE)


@given(seed=seeds)
@settings(max_examples=15)
def test_random_circuits(other, seed):
    circuit = random_circuit(4, 12, np.random.default_rng(seed), max_targets=3)
    made = other.there(circuit)
    wanted = oracle.unitary(circuit)
    np.testing.assert_allclose(other.unitary(made, 4), wanted, atol=TOLERANCE)
    np.testing.assert_allclose(oracle.unitary(other.back(made, 4)), wanted, atol=TOLERANCE)


@pytest.mark.parametrize("other", [Cirq, PyTket], ids=lambda p: p.name)
def test_symbols_keep_their_names(other):
    package(other.name)
    a, t = qj.Parameter("a"), qj.ParameterVector("t", (2, 2))
    circuit = qj.Circuit(2).rx(2 * a + 0.3, 0).rzz(t[1, 1] - a, 0, 1).gphase(t[0, 0] * 0.5)
    circuit.p(t[0, 1], 1).append("ry", 0, t[1, 0], controls=[1], control_values=[0])
    back = other.back(other.there(circuit), 2)
    assert dict(back.parameters) == {"a": (), "t": (2, 2)}
    values = {"a": 0.7, "t": np.array([[0.1, -0.4], [1.3, 0.5]])}
    np.testing.assert_allclose(
        oracle.unitary(back.bind(values)), oracle.unitary(circuit.bind(values)), atol=TOLERANCE
    )


def test_pennylane_differentiates_what_it_is_given():
    qml = package("pennylane")
    from pennylane import numpy as pnp

    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).rx(2 * t[0], 0).cx(0, 1).crz(t[1], 0, 1).ry(t[0], 1)
    function = to_pennylane(circuit)

    @qml.qnode(qml.device("default.qubit", wires=2))
    def node(params):
        function(params)
        return qml.expval(qml.PauliZ(1))

    values = np.array([0.3, 0.7])
    with jax.enable_x64(True):
        wanted = jax.grad(lambda v: qj.expectation(circuit, "Z1", v, dtype=np.complex128))(values)
    found = qml.grad(node)(pnp.array(values, requires_grad=True))
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    np.testing.assert_allclose(node({"t": values}), node(values))
    with pytest.raises(ParameterError, match="values must be 2, but are 3"):
        function(np.zeros(3))
    with pytest.raises(ParameterError, match="values of t must be given"):
        function()
    with pytest.raises(ParameterError, match="must be those of t, but are of u"):
        function({"u": values})


def test_pennylane_templates_come_in():
    qml = package("pennylane")

    def function(x):
        qml.StatePrep(np.array([1, 1j, 0, 0]) / np.sqrt(2), wires=["b", "a"])
        qml.StronglyEntanglingLayers(x, wires=["b", "a", "c"])
        qml.adjoint(qml.QFT)(wires=["a", "c"])
        qml.ctrl(qml.RX(0.3, "c"), control=["a", "b"], control_values=[0, 1])
        return qml.probs()

    x = np.arange(9.0).reshape(1, 3, 3)
    found = from_pennylane(function, x)
    order = ["b", "a", "c"]
    matrix = qml.matrix(function, wire_order=order)(x)
    state = reversed_qubits(matrix, 3)[:, 0]
    np.testing.assert_allclose(oracle.statevector(found), state, atol=TOLERANCE)


@pytest.mark.parametrize("other", [Cirq, PyTket], ids=lambda p: p.name)
def test_measurements_resets_and_conditions_come_back(other):
    package(other.name)
    circuit = qj.Circuit(3).h(0).measure([0, 1]).reset(1).if_else(0, 1, qj.Circuit(3).x(2))
    circuit.if_else([0, 1], 2, qj.Circuit(3).cx(2, 0))
    back = other.back(other.there(circuit), 3)
    assert back.count_ops() == circuit.count_ops()
    conditions = [i.conditions for i in back if i.conditions]
    for value in range(4):
        bits = [value & 1, value >> 1]
        held = [all(c.holds(bits) for c in cs) for cs in conditions]
        assert held == [value & 1 == 1, value == 2]


def test_cirq_gates_of_many_kinds_come_in(rng):
    cirq = package("cirq")
    a, b, c = cirq.NamedQubit.range(3, prefix="q")
    circuit = cirq.Circuit(
        cirq.X(a) ** 0.3, cirq.H(b) ** 0.2, cirq.CZ(a, b) ** 0.7, cirq.CCX(a, b, c) ** 0.4,
        cirq.SWAP(a, c) ** 0.5, cirq.ISWAP(b, c) ** 0.3, cirq.PhasedISwapPowGate(
            phase_exponent=0.2, exponent=0.6).on(a, b),
        cirq.PhasedXZGate(x_exponent=0.1, z_exponent=0.2, axis_phase_exponent=0.3).on(c),
        cirq.givens(0.3).on(a, c), cirq.qft(a, b, c), cirq.CSWAP(a, b, c),
        cirq.global_phase_operation(1j), cirq.X(c).controlled_by(a, b, control_values=[0, 1]),
        cirq.ControlledGate(cirq.Y**0.3).on(a, b), cirq.rx(0.3).on(a), cirq.CXPowGate(
            exponent=0.2, global_shift=0.1).on(b, a),
    )  # fmt: skip
    wanted = reversed_qubits(circuit.unitary(qubit_order=[a, b, c]), 3)
    np.testing.assert_allclose(oracle.unitary(from_cirq(circuit)), wanted, atol=TOLERANCE)


def test_pytket_boxes_come_in():
    tk = package("pytket.circuit")
    inner = tk.Circuit(2).H(0).CX(0, 1).Rz(0.3, 1)
    circuit = tk.Circuit(3).add_circbox(tk.CircBox(inner), [2, 0]).TK1(0.1, 0.2, 0.3, 1)
    circuit.add_pauliexpbox(tk.PauliExpBox([tk.Pauli.X, tk.Pauli.Z, tk.Pauli.Y], 0.3), [0, 1, 2])
    circuit.add_qcontrolbox(tk.QControlBox(tk.Op.create(tk.OpType.Ry, 0.4), 2, (False, True)),
                            [0, 1, 2])  # fmt: skip
    circuit.add_gate(tk.OpType.CnRy, 0.2, [2, 1, 0]).add_gate(
        tk.OpType.XXPhase3, 0.3, [0, 1, 2]
    ).add_phase(0.7)
    wanted = reversed_qubits(circuit.get_unitary(), 3)
    np.testing.assert_allclose(oracle.unitary(from_pytket(circuit)), wanted, atol=TOLERANCE)


def test_templates_with_vectors(rng):
    package("pytket")
    for seed in range(4):
        circuit = random_template(4, 12, 5, np.random.default_rng(seed))
        values = rng.normal(size=circuit.num_parameters)
        named = {
            name: values[start : start + size].reshape(dict(circuit.parameters)[name])
            for name, (start, size) in circuit.structure.offsets.items()
        }
        back = from_pytket(to_pytket(circuit))
        shorter = {
            name: named[name][tuple(slice(k) for k in shape)] if shape else named[name]
            for name, shape in back.parameters.items()
        }
        np.testing.assert_allclose(
            oracle.unitary(back.bind(shorter)), oracle.unitary(circuit.bind(named)), atol=TOLERANCE
        )


def test_what_cannot_go_or_come_is_said():
    cirq, tk, qml = package("cirq"), package("pytket.circuit"), package("pennylane")
    sympy = package("sympy")
    q = cirq.LineQubit(0)
    s = sympy.Symbol("s")
    cases = [
        (lambda: from_cirq("x"), "must be a cirq.Circuit"),
        (lambda: from_cirq(cirq.Circuit(cirq.X(q) ** (s**2))), "must be affine"),
        (lambda: from_cirq(cirq.Circuit(cirq.depolarize(0.1).on(q))), "must be unitary gates"),
        (lambda: from_cirq(cirq.Circuit(cirq.X(q)), num_qubits=0), "must be at least 1"),
        (lambda: from_cirq(cirq.Circuit(cirq.IdentityGate(1, (3,)).on(
            cirq.LineQid(0, 3)))), "must have two levels"),
        (lambda: to_cirq(qj.Circuit(1).measure(0).measure(0)), "must be written once"),
        (lambda: from_pytket(3), "must be a pytket Circuit"),
        (lambda: from_pytket(tk.Circuit(1).Rz(s**2, 0)), "must be affine"),
        (lambda: from_pytket(tk.Circuit(0, 2).add_c_not(0, 1)), "classical operations"),
        (lambda: to_pytket(qj.Circuit(1, 2).if_else([0, 1], 0, qj.Circuit(1),
                                                    qj.Circuit(1).x(0))), "bits have one value"),
        (lambda: to_pennylane(qj.Circuit(1).reset(0)), "has a reset of qubit 0"),
        (lambda: from_pennylane(3), "must be a tape or a quantum function"),
        (lambda: from_pennylane(lambda: qml.AmplitudeDamping(0.1, 0)), "must be unitary"),
    ]  # fmt: skip
    for call, message in cases:
        with pytest.raises(QjaxError, match=message):
            call()
    with pytest.raises(CircuitError, match="is traced"):
        jax.jit(lambda t: len(to_cirq(qj.Circuit(1).rx(t, 0))))(0.3)
