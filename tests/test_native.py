"""Native gates: exact, of the basis alone, with the fewest entangling gates; symbols stay."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from scipy.linalg import expm
from strategies import random_circuit, random_template, random_unitary, seeds

import qjax as qj
from qjax.circuit.native import native
from qjax.circuit.synthesis import BASES
from qjax.circuit.synthesis.rotations import turns_of, zyz
from qjax.circuit.synthesis.weyl import cz_count, normal_form, rotations, with_cz, with_iswap
from qjax.errors import CircuitError
from qjax.gates import GATES

EXACT = 1e-10  # what is promised; turns below 1e-13 and coordinates below 1e-11 are left out
ROUNDING = 1e-13  # some hundred operations on 4x4 matrices in double precision

CZ = np.diag([1, 1, 1, -1]).astype(complex)
ISWAP = oracle.gate_matrix("iswap")
PAIRS = [np.kron(p, p) for p in (oracle.pauli("X"), oracle.pauli("Y"), oracle.pauli("Z"))]


def canonical(x, y, z):
    return expm(1j * (x * PAIRS[0] + y * PAIRS[1] + z * PAIRS[2]))


def special_matrices():
    """The gates of the table, and the corners, edges and faces of the Weyl chamber."""
    rng = np.random.default_rng(5)
    steps = (-np.pi / 2, -np.pi / 4, 0.0, 0.3, np.pi / 8, np.pi / 4)
    for x in steps:
        for y in steps:
            for z in steps:
                around = [np.kron(*(random_unitary(2, rng) for _ in range(2))) for _ in range(2)]
                yield canonical(x, y, z)
                yield around[0] @ canonical(x, y, z) @ around[1]
    for name, gate in GATES.items():
        if gate.num_qubits == 2:
            angles = tuple(0.7 + 0.3 * k for k in range(len(gate.params)))
            yield oracle.unitary(qj.Circuit(2).append(name, (0, 1), angles))
    for _ in range(50):
        yield random_unitary(4, rng)


def rebuilt(made, gate):
    matrix = np.eye(4, dtype=complex)
    for k, (a, b) in enumerate(made.locals):
        matrix = np.kron(b, a) @ matrix
        if k < made.count:
            matrix = gate @ matrix
    return matrix * np.exp(1j * made.phase)


def test_the_normal_form_lies_in_the_weyl_chamber():
    for matrix in special_matrices():
        parts = normal_form(matrix)
        x, y, z = parts.interaction
        assert np.pi / 4 + 1e-10 > x > y - 1e-10 > abs(z) - 2e-10
        assert z > -1e-10 or x < np.pi / 4 - 1e-10
        found = (
            np.kron(parts.last[1], parts.last[0])
            @ canonical(x, y, z)
            @ np.kron(parts.first[1], parts.first[0])
        )
        np.testing.assert_allclose(found * np.exp(1j * parts.phase), matrix, atol=ROUNDING)


def test_the_normal_form_is_one_for_all_local_equivalents(rng):
    for point in ((0.3, 0.2, 0.1), (np.pi / 4, 0.2, 0.1), (0.3, 0.3, -0.3), (np.pi / 4,) * 3):
        found = [
            normal_form(
                np.kron(random_unitary(2, rng), random_unitary(2, rng))
                @ canonical(*point)
                @ np.kron(random_unitary(2, rng), random_unitary(2, rng))
            ).interaction
            for _ in range(10)
        ]
        np.testing.assert_allclose(found, [point] * 10, atol=1e-12)


def local_invariants(matrix):
    """Makhlin's invariants, by a formula of their own: Quantum Inf. Process. 1, 243 (2002)."""
    magic = np.array([[1, 0, 0, 1j], [0, 1j, 1, 0], [0, 1j, -1, 0], [1, 0, 0, -1j]]) / np.sqrt(2)
    m = magic.conj().T @ matrix @ magic
    m = m.T @ m
    det = np.linalg.det(matrix)
    trace = np.trace(m)
    return trace**2 / (16 * det), (trace**2 - np.trace(m @ m)) / (4 * det)


def needed(matrix):
    """How many CZ a matrix needs, by its trace: Shende, Bullock, Markov, PRA 70, 012310 (2004)."""
    yy = np.kron(oracle.pauli("Y"), oracle.pauli("Y"))
    special = matrix / np.linalg.det(matrix) ** 0.25
    gamma = special @ yy @ special.T @ yy
    trace = np.trace(gamma)
    if abs(abs(trace.real) - 4) < 1e-9 and abs(trace.imag) < 1e-9:
        return 0
    if abs(trace) < 1e-9 and np.max(np.abs(gamma @ gamma + np.eye(4))) < 1e-8:
        return 1
    return 2 if abs(trace.imag) < 1e-9 else 3


def test_two_qubit_matrices_take_the_fewest_cz():
    counts = set()
    for matrix in special_matrices():
        made = with_cz(matrix)
        np.testing.assert_allclose(rebuilt(made, CZ), matrix, atol=ROUNDING)
        assert made.count == needed(matrix) == cz_count(normal_form(matrix).interaction)
        counts.add(made.count)
    assert counts == {0, 1, 2, 3}


def test_two_qubit_matrices_take_the_fewest_iswap():
    wanted = np.array(local_invariants(ISWAP))
    for matrix in special_matrices():
        made = with_iswap(matrix)
        np.testing.assert_allclose(rebuilt(made, ISWAP), matrix, atol=ROUNDING)
        assert (made.count == 0) == (needed(matrix) == 0)
        is_one = np.max(np.abs(np.array(local_invariants(matrix)) - wanted)) < 1e-9
        assert (made.count == 1) == is_one
        # Two iSWAP reach what two CZ do.
        assert (made.count == 3) == (needed(matrix) == 3)


def test_two_qubit_matrices_take_a_rotation_for_each_coordinate():
    for matrix in special_matrices():
        steps, last, phase = rotations(matrix)
        found = np.eye(4, dtype=complex)
        for before, theta, after in steps:
            zz = np.diag(np.exp(-0.5j * theta * np.array([1, -1, -1, 1])))
            found = np.kron(after[1], after[0]) @ zz @ np.kron(before[1], before[0]) @ found
        found = np.kron(last[1], last[0]) @ found * np.exp(1j * phase)
        np.testing.assert_allclose(found, matrix, atol=ROUNDING)
        assert len(steps) == sum(abs(c) > 1e-9 for c in normal_form(matrix).interaction)


@jax.jit
def traced_zyz(matrix):
    return jnp.stack(zyz(matrix, jnp))


@given(seeds)
@settings(max_examples=50, deadline=None)
def test_one_qubit_matrices_are_turns_about_z_y_z(seed):
    rng = np.random.default_rng(seed)
    matrix = random_unitary(2, rng)
    lam, theta, phi, gamma = zyz(matrix)
    found = oracle.rotation("Z", phi) @ oracle.rotation("Y", theta) @ oracle.rotation("Z", lam)
    np.testing.assert_allclose(np.exp(1j * gamma) * found, matrix, atol=1e-14)
    with jax.enable_x64(True):
        traced = traced_zyz(matrix)
    np.testing.assert_allclose(traced, [lam, theta, phi, gamma], atol=1e-12)


def test_turns_that_undo_each_other_vanish():
    t = qj.Parameter("t")
    turns, phase = turns_of([("y", t), ("z", 0.5), ("z", -0.5), ("y", 0.25), np.eye(2)])
    assert turns == [("y", t + 0.25)]
    assert phase == 0


def only_native(made, basis):
    return set(made.count_ops()) <= {*BASES[basis].gates, "gphase"}


@pytest.mark.parametrize("basis", BASES)
@pytest.mark.parametrize("name", [n for n in GATES if n != "gphase"])
def test_each_gate_in_each_basis(name, basis, rng):
    gate = GATES[name]
    angles = tuple(float(a) for a in rng.normal(size=len(gate.params)))
    circuit = qj.Circuit(gate.num_qubits).append(gate, tuple(range(gate.num_qubits)), angles)
    made = native(circuit, basis)
    assert only_native(made, basis)
    np.testing.assert_allclose(oracle.unitary(made), oracle.unitary(circuit), atol=EXACT)


@pytest.mark.parametrize("basis", BASES)
@given(seed=seeds)
@settings(max_examples=8, deadline=None)
def test_random_circuits_in_each_basis(basis, seed):
    circuit = random_circuit(4, 14, np.random.default_rng(seed))
    made = native(circuit, basis)
    assert only_native(made, basis)
    np.testing.assert_allclose(oracle.unitary(made), oracle.unitary(circuit), atol=EXACT)


@pytest.mark.parametrize("basis", BASES)
def test_symbols_stay_and_angles_may_be_traced(basis):
    rng = np.random.default_rng(3)
    names = "rx p u prx gpi rzz rzx xx_plus_yy fsim ms crx cp cu".split()
    theta = qj.ParameterVector("theta", 4)
    for name in names:
        gate = GATES[name]
        circuit = qj.Circuit(3).h(range(3))
        angles = tuple(2 * theta[k] - 0.3 for k in range(len(gate.params)))
        circuit.append(gate, tuple(range(gate.num_qubits)), angles).ry(theta[0], 1)
        values = rng.normal(size=4)
        made = native(circuit, basis)
        assert only_native(made, basis)
        known = dict(circuit.parameters)
        bound = circuit.bind({"theta": values})
        assert dict(made.parameters) == known
        wanted = oracle.unitary(bound)
        np.testing.assert_allclose(oracle.unitary(made.bind({"theta": values})), wanted, atol=EXACT)

        def column(v, circuit=circuit):
            return qj.statevector(native(circuit.bind({"theta": v}), basis), dtype=np.complex128)

        with jax.enable_x64(True):
            np.testing.assert_allclose(jax.jit(column)(values), wanted[:, 0], atol=EXACT)


def test_a_traced_circuit_has_gradients():
    theta = qj.ParameterVector("theta", 3)
    circuit = qj.Circuit(2).ry(theta[0], 0).rzz(theta[1], 0, 1).crx(theta[2], 0, 1)
    with jax.enable_x64(True):
        values = jnp.array([0.3, 0.7, -0.4])
        wanted = jax.grad(lambda v: qj.expectation(circuit, "Y0 X1 + Z1", v))(values)

        def loss(v):
            return qj.expectation(native(circuit.bind({"theta": v}), "gpi gpi2 ms"), "Y0 X1 + Z1")

        np.testing.assert_allclose(jax.jit(jax.grad(loss))(values), wanted, atol=1e-6)


def entanglers(made):
    return sum(n for name, n in made.count_ops().items() if name in (
        "cz", "cx", "ecr", "iswap", "rzz", "ms"))  # fmt: skip


@pytest.mark.parametrize(
    ("basis", "name", "count"),
    [
        ("rz sx x cz", "swap", 3), ("rz sx x cz", "iswap", 2), ("rz sx x cz", "rzz", 2),
        ("rz sx x ecr", "cx", 1), ("rz sx x ecr", "ecr", 1), ("rz rx iswap", "iswap", 1),
        ("rz rx iswap", "dcx", 1), ("rz rx iswap", "cz", 2), ("rz rx iswap", "swap", 3),
        ("rz prx rzz", "rxx", 1), ("rz prx rzz", "crx", 1), ("rz prx rzz", "fsim", 3),
        ("gpi gpi2 ms", "cx", 1), ("gpi gpi2 ms", "xx_plus_yy", 2), ("prx cz", "ch", 1),
    ],
)  # fmt: skip
def test_gates_take_the_fewest_entangling_gates(basis, name, count):
    gate = GATES[name]
    angles = tuple(0.4 + 0.3 * k for k in range(len(gate.params)))
    assert entanglers(native(qj.Circuit(2).append(gate, (0, 1), angles), basis)) == count


def test_gates_on_the_same_qubits_become_one_matrix():
    circuit = qj.Circuit(2)
    for k in range(6):
        circuit.cx(0, 1).rx(0.3 + k, 0).cx(1, 0).rz(0.1 * k, 1)
    made = native(circuit, "rz sx x cz")
    assert entanglers(made) == 3
    np.testing.assert_allclose(oracle.unitary(made), oracle.unitary(circuit), atol=EXACT)


def test_gates_that_undo_each_other_vanish():
    t = qj.Parameter("t")
    circuit = qj.Circuit(2).rzz(t, 0, 1).h(0).h(0).rzz(-t, 0, 1)
    assert len(native(circuit, "rz prx rzz")) == 0
    twice = native(qj.Circuit(2).rzz(t, 0, 1).rzz(t, 0, 1), "rz sx x cz")
    assert twice.count_ops()["cz"] == 2


def test_native_angles_of_machines_stay_in_their_range():
    rng = np.random.default_rng(0)
    for angle in rng.uniform(-7, 7, 30):
        made = native(qj.Circuit(2).rzz(float(angle), 0, 1).h(0), "rz sx x rx rzz")
        assert all(0 <= i.params[0] <= np.pi / 2 for i in made if i.name == "rzz")


def test_barriers_keep_gates_apart():
    circuit = qj.Circuit(2).cz(0, 1).barrier().cz(0, 1)
    assert native(circuit, "rz sx x cz").count_ops() == {"cz": 2, "barrier": 1}


def test_frames_in_front_of_measurements_cost_nothing():
    made = native(qj.Circuit(1).h(0).rz(0.3, 0).measure(0), "gpi gpi2 ms")
    assert made.count_ops() == {"gpi2": 1, "measure": 1, "gphase": 1}


def test_directed_pairs_are_respected():
    circuit = random_circuit(3, 12, np.random.default_rng(1), ["cx", "rzz", "ecr", "h", "unitary"],
                             max_targets=2)  # fmt: skip
    pairs = {(0, 1), (2, 1), (2, 0)}
    made = native(circuit, "rz sx x ecr", couplings=pairs)
    assert {i.qubits for i in made if i.name == "ecr"} <= pairs
    np.testing.assert_allclose(oracle.unitary(made), oracle.unitary(circuit), atol=EXACT)
    with pytest.raises(CircuitError, match="qubits 0 and 2 must be coupled"):
        native(qj.Circuit(3).cx(0, 2), "rz sx x ecr", couplings={(0, 1)})


def test_an_unknown_basis_is_refused():
    with pytest.raises(CircuitError, match="basis must be one of 'rz sx x cz'"):
        native(qj.Circuit(1), "h t cx")


def test_long_templates():
    circuit = random_template(8, 200, 10, np.random.default_rng(0))
    whole = qj.Circuit(8)
    for _ in range(5):
        whole.compose(circuit)
    made = native(whole, "rz sx x cz")
    assert only_native(made, "rz sx x cz")
