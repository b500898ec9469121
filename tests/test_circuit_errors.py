"""Bad input is refused when the circuit is built, with the gate and the qubits at fault."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qjax.circuit import Circuit, Parameter, ParameterVector
from qjax.errors import CircuitError

v = ParameterVector("v", 3)
m = ParameterVector("m", (2, 2))
nearly = np.array([[1, 0], [0, 1.01]])

CASES = [
    # qubits
    (lambda c: c.rx(0.1, 7), r"rx: qubit must be in 0\.\.3 in this 4-qubit circuit, but is 7"),
    (lambda c: c.h(-1), r"h: qubit must be in 0\.\.3 .* but is -1"),
    (lambda c: c.h(True), "h: qubit must be an integer, but is True"),
    (lambda c: c.h(np.array([True, False])), "h: qubit must be an integer"),
    (lambda c: c.h(1.0), r"h: qubit must be an integer, but is 1\.0"),
    (lambda c: c.h("0"), "h: qubit must be an integer, but is '0'"),
    (lambda c: c.h({0, 1}), r"h: qubit must be an integer, but is \{0, 1\}"),
    (lambda c: c.h([[0, 1]]), r"h: qubit must be an integer, but is \[0, 1\]"),
    (lambda c: jax.jit(lambda q: c.h(q).leaves)(0), "h: qubit must be an integer"),
    (lambda c: c.cx(3, 3), "cx: control and target must differ, but both are qubit 3"),
    (lambda c: c.cx(4, 0), r"cx: control must be in 0\.\.3"),
    (lambda c: c.cx(0, 4), r"cx: target must be in 0\.\.3"),
    (lambda c: c.cx(range(3), 2), "cx: control and target must differ, but both are qubit 2"),
    (lambda c: c.swap(1, 1), "swap: qubits must differ, but both are qubit 1"),
    (lambda c: c.ccx(0, 1, 0), "ccx: controls and targets must differ, .* are qubit 0"),
    (lambda c: c.h(0, controls=0), "h: control and target must differ, but both are qubit 0"),
    (lambda c: c.h(0, controls=[1, 9]), r"h: control must be in 0\.\.3 .* but is 9"),
    (lambda c: c.unitary(np.eye(4), [0, 0]), "unitary: qubits must differ"),
    (lambda c: Circuit(0).h(0), "h: qubit must be absent in this 0-qubit circuit, but is 0"),
    (lambda c: Circuit(1).h(1), "h: qubit must be 0 in this 1-qubit circuit, but is 1"),
    # how many
    (lambda c: c.append("cx", 0), "cx: takes 2 qubits, but got 1"),
    (lambda c: c.append("h", [0, 1]), "h: takes 1 qubit, but got 2"),
    (lambda c: c.append("rx", 0), r"rx: takes 1 \(theta\) as parameters, but got 0"),
    (lambda c: c.append("rx", 0, (0.1, 0.2)), r"rx: takes 1 \(theta\) as parameters, but got 2"),
    (lambda c: c.append("h", 0, 0.1), "h: takes none as parameters, but got 1"),
    (lambda c: c.append("u", 0, 0.1), r"u: takes 3 \(theta, phi, lam\)"),
    (lambda c: c.cx(range(3), range(2)), "cx: sequences .* must have one length, but have 2, 3"),
    (lambda c: c.rx([0.1, 0.2], range(3)), "rx: sequences .* but have 2, 3"),
    (lambda c: c.rx([0.1, 0.2], 0), "rx: 2 angles were given for one qubit"),
    (lambda c: c.rx([], 0), "rx: 0 angles were given for one qubit"),
    (lambda c: c.rx(v, 0), "rx: 3 angles were given for one qubit"),
    (lambda c: c.rx(m, range(2)), "angles must be a vector"),
    (lambda c: c.h(0, controls=1, control_values=[1, 0]), "h: control_values must be 1 numbers"),
    (lambda c: c.h(0, controls=1, control_values=2), r"numbers 0 or 1, but are \(2,\)"),
    (lambda c: c.h(0, control_values=1), "h: control_values must be 0 numbers"),
    # angles
    (lambda c: c.rx(float("nan"), 2), "rx on qubit 2: theta must be finite, but is nan"),
    (lambda c: c.crx(np.inf, 1, 2), "crx on qubits 1, 2: theta must be finite, but is inf"),
    (lambda c: c.u(0.1, -np.inf, 0.2, 0), "u on qubit 0: phi must be finite, but is -inf"),
    (lambda c: c.rx([0.1, np.nan], [0, 1]), "rx on qubit 1: theta must be finite"),
    (lambda c: c.rx(jnp.float32("nan"), 0), "rx on qubit 0: theta must be finite"),
    (lambda c: c.rx(Parameter("a") + np.nan, 0), "rx on qubit 0: theta must be finite"),
    (lambda c: c.gphase(np.nan), "gphase: gamma must be finite"),
    (lambda c: c.rx(1j, 0), "theta must be a real number, .* but is 1j"),
    (lambda c: c.rx(np.complex128(1j), 0), "must be a real number, .* but is np.complex128"),
    (lambda c: c.rx(True, 0), "must be a real number, .* but is True"),
    (lambda c: c.rx(np.True_, 0), "must be a real number, .* but is np.True_"),
    (lambda c: c.rx("pi", 0), "must be a real number, .* but is 'pi'"),
    (lambda c: c.rx(None, 0), "must be a real number, .* but is None"),
    (lambda c: c.rx(np.zeros((2, 2)), 0), r"must be a real number, .* of shape \(2, 2\)"),
    (
        lambda c: jax.jit(lambda x: c.rx(x, 0).leaves)(1j),
        r"must be a real number, .* traced, of dtype complex64 and shape \(\)",
    ),
    # arrays
    (
        lambda c: c.unitary(nearly, 1),
        r"unitary on qubit 1: the matrix must be unitary, .* M M\^dagger - 1 is 0\.0201",
    ),
    (lambda c: c.unitary(np.zeros((2, 2)), 0), "the matrix must be unitary, .* is 1 "),
    (
        lambda c: c.unitary(np.eye(2), [0, 1]),
        r"qubits 0, 1: shape must be \(4, 4\), but is",
    ),
    (lambda c: c.unitary([[1, 0], [0]], 0), "unitary on qubit 0: rows must have one length"),
    (lambda c: c.unitary([[np.nan, 0], [0, 1]], 0), "entries must be finite"),
    (lambda c: c.unitary([["a", "b"], ["c", "d"]], 0), "entries must be numbers"),
    (lambda c: jax.jit(lambda u: c.unitary(u, 0).leaves)(jnp.eye(4)), r"shape must be \(2, 2\)"),
    (
        lambda c: c.diagonal([1, 0.9], 0),
        r"qubit 0: every entry must have modulus 1, .* 0\.1",
    ),
    (lambda c: c.diagonal([1, 1], [0, 1]), r"shape must be \(4,\), but is \(2,\)"),
    (
        lambda c: c.permutation([0, 0], 0),
        "permutation: table must hold each of .* once",
    ),
    (lambda c: c.permutation([1, 0], [0, 1]), "permutation: takes 1 qubit, but got 2"),
    (lambda c: c.permutation([0.5, 1], 0), "permutation: entry of the table must be an integer"),
    (lambda c: c.permutation(3, 0), "permutation: table must hold"),
    (lambda c: c.pauli_rotation("XQ", 0.1, [0, 1]), "letters I, X, Y, Z, but is 'XQ'"),
    (lambda c: c.pauli_rotation(["X"], 0.1, 0), "letters I, X, Y, Z"),
    (lambda c: c.pauli_rotation("XY", 0.1, 0), "pauli_rotation: takes 2 qubits, but got 1"),
    # names and whole circuits
    (lambda c: c.append("hadamard", 0), "There is no gate named 'hadamard'"),
    (lambda c: c.append("rxxx", 0), "'rxxx'. Did you mean rxx"),
    (lambda c: c.append(3, 0), "name must be a text, but is 3"),
    (lambda c: c.append(Circuit(9).h(8)[0]), r"h: qubit must be in 0\.\.3"),
    (lambda c: c.compose(Circuit(5)), r"compose: qubit must be in 0\.\.3 .* but is 4"),
    (
        lambda c: c.compose(Circuit(2), [0]),
        "compose: needs a place for .* 2 qubits, but got 1",
    ),
    (lambda c: c.compose(Circuit(2), [1, 1]), r"compose: qubits must differ, but are \(1, 1\)"),
    (lambda c: c.compose("h 0"), "compose: other must be a Circuit, but is 'h 0'"),
    (lambda c: c.measure(0).inverse(), "inverse: .* must have no measure"),
    (lambda c: c.measure(0).controlled(), "controlled: .* must have no measure"),
    (lambda c: c.controlled(0), "controlled: num_controls must be at least 1, but is 0"),
    (lambda c: c.controlled(2, [1]), "controlled: control_values must be 2 numbers"),
    (lambda c: c.controlled(60), r"num_qubits must be in 0\.\.62"),
    (lambda c: c.power(0.5), r"power: exponent must be an integer, but is 0\.5"),
    (lambda c: c.repeat(-1), "repeat: times must be at least 0, but is -1"),
    (lambda c: c.barrier([0, 0]), r"barrier: qubits must differ, but are \(0, 0\)"),
    (lambda c: c.barrier(4), r"barrier: qubit must be in 0\.\.3"),
    (lambda c: c.measure(4), r"measure: qubit must be in 0\.\.3"),
    (lambda c: c.measure(0, -1), "measure: classical bit must be at least 0, but is -1"),
    (lambda c: c.measure([0, 1], [0]), "measure: .* 2 qubits and 1 bits"),
    (lambda c: Circuit(-1), r"num_qubits must be in 0\.\.62 .* but are -1 and 0"),
    (lambda c: Circuit(63), r"num_qubits must be in 0\.\.62"),
    (lambda c: Circuit(2.0), "num_qubits must be an integer"),
    (lambda c: Circuit(True), "num_qubits must be an integer"),
]


@pytest.mark.parametrize(("call", "message"), CASES, ids=[message for _, message in CASES])
def test_bad_input_is_refused(call, message):
    with pytest.raises(CircuitError, match=message):
        call(Circuit(4))


def test_a_refused_call_leaves_the_circuit_as_it_was():
    circuit = Circuit(2).h(0)
    for call in (
        lambda: circuit.cx([0, 1], [1, 1]),
        lambda: circuit.rx([0.1, np.nan], [0, 1]),
        lambda: circuit.compose(Circuit(3, 7)),
        lambda: circuit.measure([0, 5], [8, 9]),
    ):
        with pytest.raises(CircuitError):
            call()
    assert circuit == Circuit(2).h(0)


def test_a_matrix_of_single_precision_is_unitary_enough(rng):
    q = np.linalg.qr(rng.normal(size=(16, 16)) + 1j * rng.normal(size=(16, 16)))[0]
    Circuit(4).unitary(q.astype(np.complex64), range(4)).unitary(np.round(q, 7), range(4))


def test_the_given_matrix_stays_the_users():
    matrix = np.eye(2)
    circuit = Circuit(1).unitary(matrix, 0)
    matrix[0, 0] = 5
    assert circuit[0].params[0][0, 0] == 1
