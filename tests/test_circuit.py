"""Circuits are built, put together, undone and controlled as their matrices are."""

import copy
import pickle
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import circuits, random_circuit, random_template, seeds

from qjax.circuit import Circuit, Parameter, ParameterVector, _builders, _generate
from qjax.errors import CircuitError
from qjax.simulate import counts

EPS = np.finfo(float).eps


def assert_acts_as(circuit, matrix, operations=None):
    __tracebackhide__ = True
    gates = len(circuit) if operations is None else operations
    assert np.max(np.abs(oracle.unitary(circuit) - matrix)) <= 16 * EPS * (gates + 1)


def test_the_builders_are_what_the_generator_writes():
    assert Path(_builders.__file__).read_text(encoding="utf-8") == _generate.render()


def test_builder_methods_chain_and_append_in_place():
    circuit = Circuit(2)
    assert circuit.h(0).cx(0, 1).rz(0.5, 1) is circuit
    assert [i.name for i in circuit] == ["h", "cx", "rz"]
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    assert np.allclose(oracle.statevector(Circuit(2).h(0).cx(0, 1)), bell, rtol=0, atol=4 * EPS)


def test_sequences_of_qubits_and_angles_are_gates_one_by_one():
    one_by_one = Circuit(3).h(0).h(1).h(2).cx(0, 1).cx(1, 2).rx(0.1, 0).rx(0.2, 1).rz(0.3, 0)
    one_by_one.rz(0.3, 2).cx(0, 2).cx(1, 2)
    at_once = Circuit(3).h(range(3)).cx(range(2), np.arange(1, 3)).rx(np.array([0.1, 0.2]), [0, 1])
    at_once.rz(0.3, (0, 2)).append("cx", ([0, 1], 2))
    assert at_once == one_by_one
    assert Circuit(3).h([]) == Circuit(3)
    assert Circuit(2).rx(jnp.array([0.5, 0.25]), [0, 1]) == Circuit(2).rx([0.5, 0.25], [0, 1])
    theta = ParameterVector("theta", 3)
    assert Circuit(3).ry(theta, range(3)) == Circuit(3).ry(list(theta), [0, 1, 2])
    pairs = Circuit(3).pauli_rotation("XY", [0.1, 0.2], [[0, 1], [1, 2]])
    assert [i.qubits for i in pairs] == [(0, 1), (1, 2)]


def test_one_gate_has_one_form_whatever_its_name():
    same = [
        Circuit(3).ccx(0, 1, 2),
        Circuit(3).x(2, controls=[0, 1]),
        Circuit(3).cx(1, 2, controls=0),
        Circuit(3).mcx([0, 1], 2),
        Circuit(3).append("cnot", (1, 2), controls=0, control_values=1),
        Circuit(3).mcx([0, 1], 2, control_values=[1, 1]),
    ]
    assert all(circuit == same[0] for circuit in same)
    assert same[1][0].name == "ccx"
    assert Circuit(2).cp(0.5, 0, 1) == Circuit(2).gphase(0.5, controls=[0, 1])
    assert Circuit(2).mcry(0.5, 0, 1) == Circuit(2).cry(0.5, 0, 1)
    assert Circuit(2).mcrx(0.5, 0, 1).mcrz(0.5, 0, 1).mcp(0.5, 0, 1) == Circuit(2).crx(
        0.5, 0, 1
    ).crz(0.5, 0, 1).cp(0.5, 0, 1)


@pytest.mark.parametrize("values", [(), (0,), (1,), (0, 0), (1, 0), (0, 1), (1, 1)])
def test_a_controlled_global_phase_is_a_phase_of_its_controls(values):
    k = len(values)
    circuit = Circuit(3).gphase(0.7, controls=range(k), control_values=list(values))
    index = np.arange(8)
    acts = np.ones(8, bool)
    for c, v in enumerate(values):
        acts &= (index >> c & 1) == v
    assert_acts_as(circuit, np.diag(np.where(acts, np.exp(0.7j), 1)))


@given(seed=seeds)
def test_compose_moves_each_qubit_to_its_place(seed):
    rng = np.random.default_rng(seed)
    small, big = random_circuit(3, 8, rng), random_circuit(5, 8, rng)
    places = [int(q) for q in rng.permutation(5)[:3]]
    whole = big.copy().compose(small, places)
    moved = oracle.embed(oracle.unitary(small), places, (), (), 5)
    assert_acts_as(whole, moved @ oracle.unitary(big))
    assert len(whole) == len(small) + len(big)


@given(circuit=circuits(max_qubits=4))
def test_the_inverse_undoes_the_circuit(circuit):
    matrix = oracle.unitary(circuit)
    assert_acts_as(circuit.inverse(), matrix.conj().T)
    assert_acts_as(circuit + circuit.inverse(), np.eye(len(matrix)))


@given(circuit=circuits(max_qubits=3, max_gates=6), exponent=st.integers(-3, 3))
def test_powers_are_powers_of_the_matrix(circuit, exponent):
    power = np.linalg.matrix_power(oracle.unitary(circuit), exponent)
    assert_acts_as(circuit.power(exponent), power, 4 * len(circuit) + 8)
    if exponent >= 0:
        assert circuit.repeat(exponent) == circuit.power(exponent)


@given(circuit=circuits(max_qubits=3, max_gates=8), seed=seeds)
def test_a_controlled_circuit_acts_where_its_controls_say(circuit, seed):
    values = [int(v) for v in np.random.default_rng(seed).integers(0, 2, 2)]
    n = circuit.num_qubits
    matrix = oracle.embed(oracle.unitary(circuit), range(n), [n, n + 1], values, n + 2)
    assert_acts_as(circuit.controlled(2, values), matrix)


@given(circuit=circuits(max_qubits=4), at=st.integers(0, 25))
def test_slices_put_together_give_the_circuit_back(circuit, at):
    assert circuit[:at] + circuit[at:] == circuit
    assert [*circuit[:at], *circuit[at:]] == list(circuit) == list(circuit.instructions)
    assert_acts_as(circuit, oracle.unitary(circuit[at:]) @ oracle.unitary(circuit[:at]))


def test_adding_takes_the_larger_number_of_qubits():
    both = Circuit(1).h(0) + Circuit(3).cx(0, 2)
    assert both == Circuit(3).h(0).cx(0, 2)
    assert (Circuit(3).h(0) + Circuit(1).x(0)).num_qubits == 3


def test_equal_means_same_instructions_and_numbers():
    assert Circuit(2).rx(0.5, 0) == Circuit(2).rx(0.5, 0)
    different = [
        Circuit(2).rx(0.5, 0), Circuit(2).rx(0.6, 0), Circuit(2).rx(0.5, 1), Circuit(3).rx(0.5, 0),
        Circuit(2).ry(0.5, 0), Circuit(2).rx(0.5, 0, controls=1), Circuit(2, 1).rx(0.5, 0),
        Circuit(2).rx(0.5, 0, controls=1, control_values=0), Circuit(2).rx(Parameter("a"), 0),
        Circuit(2).rx(0.5, 0).barrier(), Circuit(2).unitary(np.eye(2), 0),
        Circuit(2).unitary([[1, 0], [0, -1]], 0), Circuit(2).permutation([1, 0], 0),
        Circuit(2).pauli_rotation("X", 0.5, 0), Circuit(2).measure(0),
    ]  # fmt: skip
    for i, a in enumerate(different):
        for j, b in enumerate(different):
            assert (a == b) == (i == j)
    assert Circuit(1) != "circuit"


@pytest.mark.parametrize(
    "make",
    [Circuit.copy, copy.copy, copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))],
    ids=["copy", "copy.copy", "deepcopy", "pickle"],
)
def test_a_copy_is_equal_and_changes_alone(make, rng):
    circuit = random_circuit(4, 30, rng).rx(2 * Parameter("a") + 1, 0)
    other = make(circuit)
    assert other == circuit and other.structure == circuit.structure
    other.h(0)
    assert other != circuit and len(circuit) == 31


@pytest.mark.parametrize("make", [copy.deepcopy, lambda c: pickle.loads(pickle.dumps(c))])
def test_a_copy_measures_and_resets(make):
    circuit = Circuit(1, 2).x(0).measure(0, 0).barrier().reset(0).measure(0, 1)
    assert make(circuit) == circuit
    assert counts(make(circuit), 10, jax.random.key(0)) == {"01": 10}


def test_depth_counts_layers():
    assert Circuit(3).depth() == 0
    assert Circuit(3).h(range(3)).depth() == 1
    assert Circuit(3).h(0).cx(0, 1).cx(1, 2).depth() == 3
    assert Circuit(3).h(0).barrier().h(1).depth() == 2
    assert Circuit(3).h(0).gphase(1.0).h(1).depth() == 1
    assert Circuit(2).h(0).measure([0, 1]).depth() == 2
    assert Circuit(2).measure(0, 0).measure(1, 0).depth() == 2


def test_operations_are_counted_by_name():
    circuit = Circuit(3).h(range(3)).cx(0, 1).x(2, controls=[0, 1], control_values=[0, 1])
    circuit.barrier().measure(0).append("ecr", (0, 1), controls=2)
    assert circuit.count_ops() == {
        "h": 3, "cx": 1, "mcx": 1, "barrier": 1, "measure": 1, "mcecr": 1,
    }  # fmt: skip
    assert next(iter(circuit.count_ops())) == "h"


def test_barriers_and_measurements_do_not_get_lost():
    circuit = Circuit(2).h(0).barrier([0]).h(1)
    assert_acts_as(circuit, oracle.unitary(Circuit(2).h(0).h(1)))
    assert circuit.inverse().count_ops() == circuit.count_ops()
    measured = circuit.copy().measure_all()
    assert measured.num_clbits == 2 and measured.remove_measurements() == circuit
    assert Circuit(2).measure(1, 4).num_clbits == 5
    assert (Circuit(1) + Circuit(2).measure_all()).num_clbits == 2
    final = Circuit(2).h(0).measure([1, 0]).structure.final_measurements
    assert final == {0: 0, 1: 1}
    assert Circuit(2).measure(0).h(0).structure.final_measurements is None
    assert Circuit(2).measure([0, 1], [0, 0]).structure.final_measurements is None


# --- pytrees --------------------------------------------------------------------------------------


@given(seed=seeds)
def test_flattening_and_unflattening_gives_the_circuit_back(seed):
    rng = np.random.default_rng(seed)
    for circuit in (random_circuit(4, 20, rng), random_template(4, 20, 5, rng)):
        leaves, treedef = jax.tree.flatten(circuit)
        again = jax.tree.unflatten(treedef, leaves)
        assert again == circuit
        assert again.structure == circuit.structure
        assert jax.tree.structure(again) == treedef and hash(again.structure) == hash(
            circuit.structure
        )
        rebuilt = Circuit(4)
        for instruction in circuit:
            rebuilt.append(instruction)
        assert rebuilt == circuit and rebuilt.structure == circuit.structure


def test_the_structure_does_not_know_the_numbers():
    make = lambda x, m: Circuit(2).rx(x, 0).rz(x * Parameter("a") + x, 1).unitary(m, 0)
    a, b = make(0.1, np.eye(2)), make(0.2, np.diag([1, -1]))
    assert a != b and a.structure == b.structure and hash(a.structure) == hash(b.structure)
    assert a.structure != Circuit(2).rx(0.1, 0).structure
    assert a.structure != a.copy().rx(1.0, 0, controls=1).structure


def test_a_circuit_passes_through_jit():
    circuit = Circuit(2).rx(0.5, 0).unitary([[0, 1], [1, 0]], 1).ry(Parameter("a") + 0.25, 0)
    traces = []

    @jax.jit
    def identity(circuit):
        traces.append(1)
        return circuit

    again = identity(circuit)
    assert again == circuit and again.structure == circuit.structure  # 0.5, 0.25: exact in float32
    identity(Circuit(2).rx(0.1, 0).unitary(np.eye(2), 1).ry(Parameter("a") + 0.3, 0))
    assert len(traces) == 1  # new numbers, same structure
    assert again.copy().h(0) == circuit.copy().h(0)


def test_a_circuit_built_from_traced_numbers_comes_out_of_jit():
    @jax.jit
    def build(x, matrix):
        return Circuit(2).rx(x, 0).cx(0, 1).rz(x * Parameter("a") + 1.0, 1).unitary(matrix, 0)

    built = build(0.5, jnp.array([[0, 1], [1, 0]], jnp.complex64))
    expected = Circuit(2).rx(0.5, 0).cx(0, 1).rz(0.5 * Parameter("a") + 1.0, 1)
    expected.unitary([[0, 1], [1, 0]], 0)
    assert list(built) == list(expected)
    assert str(built.bind({"a": 2.0})[2]) == "rz(2) 1"


def test_circuits_are_mapped_and_sliced_over_leading_axes():
    xs = jnp.linspace(0.0, 1.0, 3)
    batch = jax.vmap(lambda x: Circuit(1).rx(x, 0).rz(0.25, 0))(xs)
    assert batch.leaves[2][0].shape == (3,)
    assert len(batch) == 2 and repr(batch) == "<Circuit: 1 qubits, 2 instructions>"
    angles = jax.vmap(lambda circuit: circuit[0].params[0])(batch)
    assert jnp.array_equal(angles, xs)
    one = jax.tree.map(lambda leaf: leaf[2], batch)
    assert list(one) == list(Circuit(1).rx(1.0, 0).rz(0.25, 0))
    assert np.array_equal(batch[0].params[0], xs) and np.array_equal(batch[1].params[0], [0.25] * 3)


def test_a_batch_of_matrices_is_read_row_by_row():
    circuit = Circuit(1).unitary([[0, 1], [1, 0]], 0).diagonal([1, -1], 0).rx(0.5, 0)
    batch = jax.tree.map(lambda leaf: np.stack([leaf] * 4), circuit)
    assert [np.shape(i.params[0]) for i in batch] == [(4, 2, 2), (4, 2), (4,)]
    with pytest.raises(CircuitError, match=r"batch of circuits .* leading axes \(4,\)"):
        _ = batch.copy().h(0).structure


def test_derivatives_with_respect_to_a_circuit_are_circuits():
    circuit = Circuit(2).rx(3.0, 0).ry(0.5 * Parameter("a"), 1)
    slope = jax.grad(lambda c: c[0].params[0] ** 2 + c.bind({"a": 4.0})[1].params[0])(circuit)
    assert isinstance(slope, Circuit) and slope.structure == circuit.structure
    assert slope[0].params == (6.0,)
    (_, factor), *_ = slope[1].params[0].terms
    assert (factor, slope[1].params[0].offset) == (4.0, 1.0)
    doubled = jax.tree.map(lambda number: 2 * number, circuit)
    assert doubled == Circuit(2).rx(6.0, 0).ry(Parameter("a"), 1)


def test_a_tracer_is_held_and_not_looked_into():
    def build(x):
        circuit = Circuit(1).rx(x, 0)
        assert circuit[0].params[0] is x and str(circuit[0]) == "rx(<traced>) 0"
        assert circuit == circuit.copy() and circuit != Circuit(1).rx(x + 1, 0)
        assert "traced" in str(Circuit(1).rx(x * Parameter("a") + x, 0)[0])
        return circuit.inverse()[0].params[0]

    assert jax.jit(build)(0.5) == -0.5


def test_ten_thousand_gates():
    theta = ParameterVector("theta", 10_000)
    circuit = Circuit(20).rx(theta, np.arange(10_000) % 20).cx(0, 1)
    assert len(circuit) == 10_001 and circuit.num_parameters == 10_000
    leaves, treedef = jax.tree.flatten(circuit)
    assert jax.tree.unflatten(treedef, leaves) == circuit
    assert hash(circuit.structure) == hash(circuit.copy().structure)
    assert circuit.inverse().inverse() == circuit
    assert circuit.bind(np.arange(10_000.0))[9_999].params == (9_999.0,)
