"""Symbols take part in affine arithmetic and are given values by array or by name."""

from collections import namedtuple
from dataclasses import make_dataclass

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_template, seeds

from qjax.circuit import Circuit, Parameter, ParameterVector
from qjax.circuit.binding import flat_values
from qjax.errors import CircuitError, ParameterError

a, b = Parameter("a"), Parameter("b")
v = ParameterVector("v", 3)
w = ParameterVector("w", (2, 2))
VALUES = {"a": 0.3, "b": -1.5, "v": np.array([1.0, 2.0, 4.0]), "w": np.arange(4.0).reshape(2, 2)}
numbers = st.floats(-8, 8).map(lambda x: round(x, 3))


@given(x=numbers, y=numbers, z=numbers)
def test_binding_commutes_with_arithmetic(x, y, z):
    def formula(a, b, v, w):
        return x * a - (b * y + v[2]) / 4 + -v[0] + z - w[1, 0] * x + (1 - a) + np.float32(0.5) * b

    bound = formula(a, b, v, w).bind(VALUES)
    assert np.isclose(bound, formula(**VALUES), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (a, "a"), (-a, "-a"), (2 * a + 0.5, "2*a + 0.5"), (a - b, "a - b"), (1 - a, "-a + 1"),
        (v[1] / 2, "0.5*v[1]"), (w[1, 0] * 3 - 1, "3*w[1, 0] - 1"), (a + a, "2*a"), (+a, "a"),
        (a - a, "0*a"), (v[-1], "v[2]"), (np.float64(2) * a, "2*a"), (jnp.float32(2) * a, "2*a"),
        (a * np.int64(3), "3*a"), (np.array(1.5) + a, "a + 1.5"),
    ],
)  # fmt: skip
def test_expressions_are_written_as_formulas(expression, text):
    assert str(expression) == repr(expression) == text


def test_expressions_are_equal_whatever_the_order_of_their_terms():
    assert a + b == b + a and hash(a + b) == hash(b + a)
    assert a + b != a - b and a != b and a != 1.0 and 2 * a != a + 1
    assert Parameter("v") != ParameterVector("v", 1)[0]
    # Circuits with them are not: an array of params would be read in another order.
    assert Circuit(1).rx(a + b, 0) != Circuit(1).rx(b + a, 0)


def test_arrays_of_expressions_are_made_element_by_element():
    assert (2 * v + 1).tolist() == [2 * e + 1 for e in v]
    assert (v - np.array([1, 2, 3])).tolist() == [v[0] - 1, v[1] - 2, v[2] - 3]
    assert (np.array([1, 2, 3]) * v).tolist() == [v[0], 2 * v[1], 3 * v[2]]
    assert (1 - v[:2] / 2).tolist() == [1 - v[0] / 2, 1 - v[1] / 2]
    assert (-v + v).tolist() == [-e + e for e in v]
    assert (a * np.array([1.0, 2.0])).tolist() == [a, 2 * a]
    assert (w + w)[1, 1] == 2 * w[1, 1] and (3 - w).shape == (2, 2)
    assert len(v) == 3 and len(w) == 2 and [e.shape for e in w] == [(2,), (2,)]
    assert Circuit(3).rx(2 * v + 1, range(3)) == Circuit(3).rx([2 * e + 1 for e in v], range(3))


def test_parameters_come_in_order_of_first_appearance():
    circuit = Circuit(2).rx(v[2], 0).rx(b, 0).rx(a + b, 1).rx(w[0, 1], 1)
    assert list(circuit.parameters.items()) == [("v", (3,)), ("b", ()), ("a", ()), ("w", (2, 2))]
    assert circuit.num_parameters == 9
    values = np.arange(9.0)
    bound = circuit.bind(values)
    assert [i.params[0] for i in bound] == [2.0, 3.0, 7.0, 6.0]
    assert bound.parameters == {} and bound.num_parameters == 0
    assert repr(circuit) == "<Circuit: 2 qubits, 4 instructions, 9 parameters>"


@pytest.mark.parametrize("make", [np.array, jnp.array, list, tuple])
def test_values_come_as_an_array_or_by_name(make):
    circuit = Circuit(1).rx(v[0] + 2 * a, 0).ry(v[2], 0)
    expected = Circuit(1).rx(1.25, 0).ry(4.0, 0)
    by_name = {"a": 0.125, "v": make([1.0, 2.0, 4.0])}
    fields = namedtuple("Fields", by_name)(**by_name)
    record = make_dataclass("Record", by_name)(**by_name)
    for params in (make([1.0, 2.0, 4.0, 0.125]), by_name, fields, record):
        assert circuit.bind(params) == expected
    assert Circuit(1).rx(a, 0).bind(0.5) == Circuit(1).rx(0.5, 0)


def test_binding_some_names_leaves_the_others_open():
    circuit = Circuit(1).rx(2 * a + b + 1, 0).ry(v[1], 0)
    half = circuit.bind({"a": 0.5})
    assert half == Circuit(1).rx(b + 2, 0).ry(v[1], 0)
    assert half.parameters == {"b": (), "v": (3,)}
    assert half.bind({"b": 1, "v": [0, 7, 0]}) == Circuit(1).rx(3.0, 0).ry(7.0, 0)
    assert circuit.bind({}) == circuit
    assert (v[1] + a).bind({"v": [0, 7, 0]}) == a + 7.0


@given(seed=seeds)
def test_binding_before_and_after_changes_of_a_circuit_agree(seed):
    rng = np.random.default_rng(seed)
    circuit, params = random_template(3, 10, 4, rng), rng.normal(size=4)
    matrix = oracle.unitary(circuit.bind(params))
    limit = 64 * np.finfo(float).eps * len(circuit)
    undone = oracle.unitary(circuit.inverse().bind({"theta": params}))
    assert np.max(np.abs(undone @ matrix - np.eye(8))) <= limit
    controlled = oracle.unitary(circuit.controlled(1, 0).bind(params))
    assert np.max(np.abs(controlled - oracle.embed(matrix, range(3), [3], [0], 4))) <= limit


def test_binding_is_traced_mapped_and_differentiated():
    circuit = Circuit(1).rx(3 * v[1] + a, 0)
    angle = lambda p: circuit.bind(p)[0].params[0]
    assert jnp.array_equal(jax.jit(jax.grad(angle))(jnp.ones(4)), jnp.array([0.0, 3.0, 0.0, 1.0]))
    assert jnp.array_equal(jax.vmap(angle)(jnp.ones((2, 4))), jnp.array([4.0, 4.0]))
    traced = jax.jit(lambda x: (x * a).bind({"a": 2.0}))
    assert traced(0.25) == 0.5


def test_flat_values_broadcast_over_leading_axes():
    structure = Circuit(1).rx(v[0] + a, 0).structure
    values = {"a": np.ones((2, 1)), "v": np.zeros((5, 3))}
    assert flat_values(structure, values).shape == (2, 5, 4)
    assert flat_values(structure, np.zeros((7, 4))).shape == (7, 4)
    with jax.enable_x64(True):
        mixed = flat_values(structure, {"a": 0.5, "v": jnp.zeros(3, jnp.float32)})
    assert mixed.dtype == np.float64
    for nothing in (None, {}, [], np.zeros(0)):
        assert flat_values(Circuit(1).h(0).structure, nothing) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: a * b, r"affine .* but is \(a\) \* \(b\)"),
        (lambda: a / b, r"affine .* but is \(a\) / \(b\)"),
        (lambda: 1 / a, r"affine .* but is 1 / \(a\)"),
        (lambda: a**2, r"affine .* but is \(a\) \*\* 2"),
        (lambda: np.sin(a), r"affine .* but is sin\(a\)"),
        (lambda: v * a, r"affine"),
        (lambda: float(a), "a has no value; bind the circuit, or pass params"),
        (lambda: Parameter("2x"), "name must be an identifier .* but is '2x'"),
        (lambda: Parameter(""), "name must be an identifier"),
        (lambda: Parameter(3), "name must be an identifier .* but is 3"),
        (lambda: ParameterVector("x", 0), "'x': each length must be at least 1, but is 0"),
        (lambda: ParameterVector("x", 2.5), "must be an integer, but is 2.5"),
        (lambda: ParameterVector("x", (2, -1)), "must be at least 1, but is -1"),
        (lambda: ParameterVector("x", True), "must be an integer, but is True"),
        (lambda: ParameterVector("x", ()), "shape must not be empty; use Parameter"),
    ],
)
def test_what_is_no_affine_expression_is_refused(call, message):
    with pytest.raises(ParameterError, match=message):
        call()


def test_an_index_out_of_range_is_refused():
    with pytest.raises(IndexError, match=r"'v' of shape \(3,\): index must .* but is 3"):
        v[3]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (None, r"open parameters \(a, v\[3\]\): give params"),
        (np.zeros(3), r"shape \(\.\.\., 4\) for a, v\[3\], but has shape \(3,\)"),
        (0.5, r"shape \(\.\.\., 4\)"),
        (np.zeros((2, 4)), r"bind: params must have shape \(4,\).*jax\.vmap"),
        ([0, 0, 0, np.nan], "must be finite, but holds NaN or infinity"),
        ([0, 0, 0, np.inf], "must be finite"),
        ([0, 0, 0, 1j], "must be real numbers, but has dtype complex128"),
        ([True, False, True, True], "must be real numbers, but has dtype bool"),
        ("abcd", "must be real numbers"),
        ([[1], [2, 3]], "must be an array of numbers"),
        ({"c": 1.0}, "no parameter c; the circuit has a, v"),
        ({"v": np.zeros(2)}, r"v must have shape \(\.\.\., 3\), but has shape \(2,\)"),
        ({"a": np.zeros(2)}, r"a must have shape \(\), but has shape \(2,\)"),
        ({"a": np.nan}, "a must be finite"),
        ({"a": "x"}, "a must be real numbers"),
    ],
)
def test_values_that_do_not_fit_are_refused(params, message):
    with pytest.raises(ParameterError, match=message):
        Circuit(1).rx(a, 0).rx(v[0], 0).bind(params)


def test_values_for_the_simulator_must_be_complete():
    structure = Circuit(1).rx(a, 0).rx(v[0], 0).structure
    with pytest.raises(ParameterError, match="no value for a, v"):
        flat_values(structure, {})
    with pytest.raises(ParameterError, match=r"must broadcast, but are \(2,\) of a, \(3,\) of v"):
        flat_values(structure, {"a": [0.1, 0.2], "v": np.zeros((3, 3))})
    for unasked in ([1.0], {"a": np.zeros(3), "b": np.zeros(2)}):
        with pytest.raises(ParameterError, match="the circuit has no open parameters"):
            flat_values(Circuit(1).structure, unasked)


def test_one_name_means_one_parameter():
    clash = Circuit(1).rx(Parameter("v"), 0).rx(v[0], 0)
    with pytest.raises(ParameterError, match=r"v has the shapes \(\) and \(3,\)"):
        _ = clash.parameters


def test_infinite_factors_are_refused():
    with pytest.raises(CircuitError, match="rx on qubit 0: theta must be finite, but is nan"):
        Circuit(1).rx(float("nan") * a, 0)
