"""Parameter-shift rules give the derivative exactly."""

from math import pi

import jax
import numpy as np
import pytest
from strategies import random_template

import qjax as qj
from qjax.circuit.shift import frequencies, shift_rule, shifted_circuits
from qjax.errors import CircuitError, ParameterError
from qjax.gates import GATES, Gate

OBSERVABLE = qj.PauliSum("0.3 X0 + 0.7 Z0 Y1 - 0.2 Z1 + 0.9 X0 X1 Z2 + Y2")


def gradient(circuit, values):
    """By the rule, each expectation value on the reference engine."""
    total = np.zeros(circuit.num_parameters)
    for s in shifted_circuits(circuit, values):
        value = float(qj.expectation(s.circuit, OBSERVABLE, dtype=np.complex128, engine="xla"))
        for k, coefficient in s.coefficients.items():
            total[k] += coefficient * value
    return total


@pytest.mark.parametrize(
    "gaps", [(1.0,), (2.0,), (0.5, 1.0), (1.0, 2.0, 3.0), (0.3, 1.0), (1.0, np.sqrt(2), np.pi)]
)
def test_a_rule_is_exact_for_its_frequencies(gaps):
    rule = shift_rule(gaps)
    assert len(rule) == 2 * len(gaps)
    for gap in gaps:
        for phase in (0.0, 0.4, 2.0):
            found = sum(c * np.cos(gap * s + phase) for c, s in rule)
            assert found == pytest.approx(-gap * np.sin(phase), abs=1e-11)
    assert sum(c for c, _ in rule) == pytest.approx(0, abs=1e-12)  # a constant has no derivative


def test_rules_that_are_known():
    assert np.array(shift_rule((1.0,))) == pytest.approx(np.array([[0.5, pi / 2], [-0.5, -pi / 2]]))
    # Four terms of a controlled rotation: Anselmetti et al., New J. Phys. 23, 113010 (2021).
    root = np.sqrt(2)
    wanted = {
        (pi / 2): (root + 1) / (4 * root), (-pi / 2): -(root + 1) / (4 * root),
        (3 * pi / 2): -(root - 1) / (4 * root), (-3 * pi / 2): (root - 1) / (4 * root),
    }  # fmt: skip
    for coefficient, shift in shift_rule((0.5, 1.0)):
        assert wanted[min(wanted, key=lambda s: abs(s - shift))] == pytest.approx(coefficient)


@pytest.mark.parametrize("name", [n for n, g in GATES.items() if g.generator])
def test_frequencies_are_those_of_the_matrix(name):
    gate = GATES[name]
    step = 1e-5
    derivative = (gate.matrix(np.float64(step)) - gate.matrix(np.float64(-step))) / (2 * step)
    levels = np.linalg.eigvalsh(-1j * derivative)
    gaps = np.unique(np.round([a - b for a in levels for b in levels if a - b > 1e-6], 6))
    np.testing.assert_allclose(frequencies(gate, 0), gaps, atol=1e-5)


@pytest.mark.parametrize("name", [n for n, g in GATES.items() if g.params and g.num_qubits])
def test_each_gate_has_a_rule(name, double, rng):
    gate = GATES[name]
    n = max(3, gate.num_qubits)
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(n).u(*rng.normal(size=(3, n)), range(n))
    angles = tuple((k + 1) * 0.7 * t[0] - t[1] + 0.3 for k in range(len(gate.params)))
    circuit.append(gate, tuple(range(gate.num_qubits)), angles)
    circuit.append("ry", 1, t[0], controls=[0, 2], control_values=[0, 1])
    circuit.u(*rng.normal(size=(3, n)), range(n))
    values = rng.normal(size=2)
    wanted = jax.grad(lambda v: qj.expectation(circuit, OBSERVABLE, v, dtype=np.complex128))(values)
    np.testing.assert_allclose(gradient(circuit, values), wanted, atol=1e-12)


def test_random_templates(double):
    rng = np.random.default_rng(7)
    circuit = random_template(4, 20, 5, rng)
    values = rng.normal(size=circuit.num_parameters)
    wanted = jax.grad(lambda v: qj.expectation(circuit, OBSERVABLE, v, dtype=np.complex128))(values)
    np.testing.assert_allclose(gradient(circuit, values), wanted, atol=1e-11)


def test_values_may_come_by_name():
    a, b = qj.Parameter("a"), qj.Parameter("b")
    circuit = qj.Circuit(1).rx(a, 0).rz(b, 0)
    by_name = [str(s.circuit) for s in shifted_circuits(circuit, {"b": 0.2, "a": 0.1})]
    assert by_name == [str(s.circuit) for s in shifted_circuits(circuit, [0.1, 0.2])]


def test_what_has_no_rule_is_refused():
    own = Gate("own", 1, ("t",), "", "", matrix=GATES["rx"].matrix, inverse=GATES["rx"].inverse)
    t = qj.Parameter("t")
    with pytest.raises(ParameterError, match="has no decomposition of its own"):
        list(shifted_circuits(qj.Circuit(1).append(own, 0, t), 0.3))
    with pytest.raises(ParameterError, match="give params"):
        list(shifted_circuits(qj.Circuit(1).rx(t, 0), None))
    with pytest.raises(ParameterError, match="must be one set of values"):
        list(shifted_circuits(qj.Circuit(1).rx(t, 0), np.zeros((4, 1))))
    with pytest.raises(CircuitError, match="are traced"):
        jax.jit(lambda v: len(list(shifted_circuits(qj.Circuit(1).rx(t, 0), v))))(0.1)
