"""Any gate, under any controls, is exactly a sequence of CX and one-qubit gates."""

from collections import Counter

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import FAMILIES, add_random_gate, circuits, random_state, random_unitary, seeds

from qjax.circuit import Circuit, Parameter
from qjax.circuit.parameter import ParameterExpression
from qjax.circuit.synthesis import decompose, expand
from qjax.errors import CircuitError, ParameterError
from qjax.gates import GATES, Gate

BASIC = {"x", "y", "z", "h", "s", "sdg", "t", "tdg", "rx", "ry", "rz", "p", "gphase", "cx"}
EPS = np.finfo(float).eps


def expanded(circuit):
    """The circuit with every gate decomposed to the end."""
    steps = Circuit(circuit.num_qubits)
    for i in circuit:
        for s in expand(i):
            steps.append(s)
    return steps


def assert_expands_to_itself(circuit):
    steps = expanded(circuit)
    assert set(steps.count_ops()) <= BASIC
    # Each gate rounds every entry of the matrix a few times; a gate given by a matrix of size d
    # comes out of eigenvectors, whose rounding grows with d.
    size = max((2 ** len(i.qubits) for i in circuit), default=1)
    tolerance = 4 * EPS * (len(steps) + len(circuit) + 4 * size**2)
    assert np.max(np.abs(oracle.unitary(steps) - oracle.unitary(circuit))) < tolerance
    return steps.count_ops().get("cx", 0)


def cx_count(circuit):
    return sum(s.name == "cx" for i in circuit for s in expand(i))


def on_random_angles(gate, rng, controls=0):
    """One gate, with extra controls at values 0 and 1 behind its own qubits."""
    n, extra = gate.num_qubits, range(gate.num_qubits, gate.num_qubits + controls)
    angles = tuple(rng.normal(size=len(gate.params)).tolist())
    values = rng.integers(0, 2, controls).tolist()
    circuit = Circuit(max(n + controls, 1))
    return circuit.append(gate, range(n), angles, controls=extra, control_values=values)


@pytest.mark.parametrize("controls", [0, 1, 2, 3])
@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_a_gate_is_the_product_of_its_parts(gate, controls, rng):
    assert_expands_to_itself(on_random_angles(gate, rng, controls))


@pytest.mark.parametrize("gate", GATES.values(), ids=GATES)
def test_one_step_is_exact_too(gate, rng):
    circuit = on_random_angles(gate, rng, 2)
    steps = Circuit(circuit.num_qubits)
    for s in decompose(circuit[0]):
        steps.append(s)
    error = np.max(np.abs(oracle.unitary(steps) - oracle.unitary(circuit)))
    assert error < 4 * EPS * (len(steps) + 8)


@pytest.mark.parametrize("family", FAMILIES)
@given(seed=seeds)
def test_a_gate_made_from_an_argument_is_the_product_of_its_parts(family, seed):
    rng = np.random.default_rng(seed)
    assert_expands_to_itself(add_random_gate(Circuit(4), family, rng.normal, rng, max_targets=3))


@given(circuits(max_qubits=4, max_gates=6))
def test_a_circuit_is_the_product_of_its_parts(circuit):
    assert_expands_to_itself(circuit)


class TestCost:
    @pytest.mark.parametrize("k", range(1, 11))
    def test_of_a_controlled_rotation(self, k):
        expected = 2**k if k <= 6 else 24 * k - 72
        for rotation in (Circuit(k + 1).mcrx, Circuit(k + 1).mcry, Circuit(k + 1).mcrz):
            assert cx_count(rotation(0.3, range(k), k)) == expected

    @pytest.mark.parametrize("k", range(2, 11))
    def test_of_a_controlled_phase_and_x(self, k):
        expected = 2 ** (k + 1) - 2 if k <= 6 else 12 * k**2 - 60 * k + 54
        assert cx_count(Circuit(k + 1).mcp(0.3, range(k), k)) == expected
        assert cx_count(Circuit(k + 1).mcx(range(k), k)) == expected

    def test_of_the_toffoli_gate_is_six(self):
        assert cx_count(Circuit(3).ccx(0, 1, 2)) == 6

    @pytest.mark.parametrize("name", ["u", "u2", "u3", "phased_u", "prx", "gpi2", "h", "sx", "ry"])
    def test_of_a_one_qubit_gate_under_one_control_is_two(self, name, rng):
        angles = tuple(rng.normal(size=len(GATES[name].params)))
        assert cx_count(Circuit(2).append(name, 0, angles, controls=[1])) == 2

    @pytest.mark.parametrize("k", [2, 3, 4, 5])
    def test_of_a_unitary_matrix(self, k, rng):
        circuit = Circuit(k).unitary(random_unitary(2**k, rng), range(k))
        assert assert_expands_to_itself(circuit) == 9 * 4**k // 16 - 3 * 2**k // 2

    @pytest.mark.parametrize("k", [1, 2, 3, 4, 5, 6])
    def test_of_a_diagonal_gate(self, k, rng):
        circuit = Circuit(k).diagonal(np.exp(1j * rng.uniform(-4, 4, 2**k)), range(k))
        assert assert_expands_to_itself(circuit) == 2**k - 2

    @given(k=st.integers(1, 6), seed=seeds)
    def test_of_a_permutation_is_at_most_k_flips_for_each_state(self, k, seed):
        table = np.random.default_rng(seed).permutation(2**k)
        steps = decompose(Circuit(k).permutation(table, range(k))[0])
        assert len(steps) <= k * 2**k
        assert all(s.operation.name == "x" for s in steps)


@pytest.mark.parametrize("k", [4, 6, 7, 8, 10])
@pytest.mark.parametrize("name", ["x", "rz", "p"])
def test_many_controls_are_exact(name, k, rng):
    """On a random state, whose amplitudes all see their own control values."""
    values = rng.integers(0, 2, k).tolist()
    angles = (0.7,) * len(GATES[name].params)
    circuit = Circuit(k + 1).append(
        name, 0, angles, controls=range(1, k + 1), control_values=values
    )
    state = random_state(k + 1, rng)
    steps = expanded(circuit)
    error = np.max(np.abs(oracle.run(steps, state) - oracle.run(circuit, state)))
    assert error < EPS * len(steps)


SPECIAL = {
    "identity on 2": np.eye(4),
    "identity on 3": np.eye(8),
    "swap": oracle.SWAP,
    "cx": oracle.CX,
    "iswap": oracle.GATES["iswap"](),
    "one-qubit gates": oracle.kron(oracle.u(0.3, 1.1, -2), oracle.u(1.3, 0.1, 2)),
    "weak interaction": oracle.rotation("XX", 1e-8),
    "acts on two of three": oracle.kron(oracle.I2, oracle.rotation("XY", 0.4)),
    "diagonal": np.diag(np.exp(1j * np.arange(8.0))),
    "real": oracle.kron(oracle.H, oracle.H, oracle.X),
    "minus one": -np.eye(4),
    "pauli rotation": oracle.rotation("XYZ", np.pi / 2),
    "permutation": np.eye(8)[[3, 1, 4, 0, 5, 2, 7, 6]],
}


@pytest.mark.parametrize("controls", [0, 1])
@pytest.mark.parametrize("matrix", SPECIAL.values(), ids=SPECIAL)
def test_a_matrix_with_coinciding_eigenvalues_is_synthesised(matrix, controls):
    k = len(matrix).bit_length() - 1
    circuit = Circuit(k + controls)
    circuit.unitary(matrix, range(k), controls=range(k, k + controls))
    assert_expands_to_itself(circuit)


@pytest.mark.parametrize("entries", [np.eye(2), oracle.X, oracle.Z, -1j * oracle.Y, oracle.H])
def test_a_one_qubit_matrix_keeps_its_phase(entries):
    assert_expands_to_itself(Circuit(1).unitary(np.exp(0.4j) * entries, 0))


@pytest.mark.parametrize("controls", [0, 1, 3])
@pytest.mark.parametrize("name", [g.name for g in GATES.values() if g.params])
def test_a_symbolic_angle_is_decomposed_as_its_value_is(name, controls):
    gate = GATES[name]
    n = gate.num_qubits
    symbols = [Parameter(f"a{k}") for k in range(len(gate.params))]
    values = {s.name: 0.3 + 0.4 * k for k, s in enumerate(symbols)}
    template = Circuit(n + controls)
    template.append(gate, range(n), tuple(2 * s for s in symbols), controls=range(n, n + controls))
    found = expanded(template).bind(values)
    wanted = expanded(template.bind(values))
    assert [str(i) for i in found] == [str(i) for i in wanted]


def test_the_ends_of_a_conjugation_stay_without_controls():
    steps = decompose(Circuit(3).append("rzz", [0, 1], 0.5, controls=[2])[0])
    assert [str(s) for s in steps] == ["cx 0, 1", "crz(0.5) 2, 1", "cx 0, 1"]


def test_an_identity_takes_no_steps():
    assert decompose(Circuit(2).id(0)[0]) == []
    assert expand(Circuit(2).append("id", 0, controls=[1])[0]) == []


class TestOwnRows:
    tilt = Gate(
        "tilt", 1, ("theta",), "exp(-i theta (X + Z) / 2)", "this test",
        matrix=lambda theta, xp=np: oracle.GATES["gphase"](0.1) * oracle.expm(
            -0.5j * theta * (oracle.X + oracle.Z)),
        inverse=lambda theta: ("tilt", (-theta,), (0,)),
    )  # fmt: skip

    @pytest.mark.parametrize("controls", [0, 1, 2])
    def test_are_synthesised_from_their_matrix(self, controls):
        circuit = Circuit(3).append(self.tilt, 0, 0.3, controls=range(1, 1 + controls))
        found, wanted = expanded(circuit), Circuit(3)
        wanted.unitary(self.tilt.matrix(0.3), 0, controls=range(1, 1 + controls))
        error = np.max(np.abs(oracle.unitary(found) - oracle.unitary(wanted)))
        assert error < 4 * EPS * (len(found) + 16)

    def test_without_decomposition_need_numbers(self):
        with pytest.raises(ParameterError, match=r"tilt.* must be numbers, but some are symbolic"):
            decompose(Circuit(1).append(self.tilt, 0, Parameter("a"))[0])


def test_only_gates_are_decomposed():
    with pytest.raises(CircuitError, match="must be a gate, but is barrier"):
        decompose(Circuit(1).barrier()[0])


def test_all_parts_keep_symbols_affine():
    steps = expanded(Circuit(4).mcrx(Parameter("a"), [0, 1, 2], 3))
    angles = [p for i in steps for p in i.params]
    assert all(isinstance(p, ParameterExpression) for p in angles)
    assert Counter(abs(p.terms[0][1]) for p in angles) == {1 / 8: 8}


def test_families_are_told_by_their_rows_not_by_their_names():
    other = Gate(
        "unitary", 1, (), "X", "this test", matrix=lambda xp=np: oracle.X,
        inverse=lambda: ("x", (), (0,)),
    )  # fmt: skip
    circuit = Circuit(1)
    for step in expand(Circuit(1).append(other, 0)[0]):
        circuit.append(step)
    assert np.allclose(oracle.unitary(circuit), oracle.X, atol=8 * EPS, rtol=0)


@pytest.mark.parametrize("kind", ["complex", "real", "sparse", "uniform", "basis"])
@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_any_state_can_be_prepared(n, kind, rng):
    state = rng.normal(size=2**n) + 1j * rng.normal(size=2**n)
    if kind == "real":
        state = state.real.astype(complex)
    elif kind == "sparse":
        state[rng.random(2**n) < 0.7] = 0
        state[0] = 1j
    elif kind == "uniform":
        state = np.ones(2**n, complex)
    elif kind == "basis":
        state = np.eye(2**n)[-1] * 1j
    state /= np.linalg.norm(state)
    circuit = Circuit(n).prepare_state(state)
    np.testing.assert_allclose(oracle.statevector(circuit), state, atol=1e-14 * 2**n)
    cx = circuit.count_ops().get("cx", 0)
    assert cx <= {"real": 2 ** (n + 1) - 4, "uniform": 0}.get(kind, 2 ** (n + 1) - 4)


def test_a_state_goes_to_the_qubits_named():
    circuit = Circuit(3).x(1).prepare_state([0.6, 0, 0.8j, 0], [2, 0])
    wanted = np.zeros(8, complex)
    wanted[[0b010, 0b011]] = 0.6, 0.8j
    np.testing.assert_allclose(oracle.statevector(circuit), wanted, atol=1e-14)


@pytest.mark.parametrize(
    ("amplitudes", "message"),
    [
        ([1, 0, 0], r"must have shape \(4,\) for 2 qubits"),
        ([1, 1, 0, 0], "the norm must be 1, but is 1.41421"),
        ([np.nan, 0, 0, 0], "the norm must be 1, but is nan"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(amplitudes, message):
    with pytest.raises(CircuitError, match=message):
        Circuit(2).prepare_state(amplitudes)
