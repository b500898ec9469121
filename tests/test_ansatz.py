"""Ansaetze are the unitaries of their papers, by dense linear algebra."""

from functools import reduce
from itertools import combinations, pairwise

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from scipy.linalg import expm

import qjax as qj
from qjax import library as lib
from qjax.library.ansatz.blocks import BLOCKS
from qjax.library.ansatz.entanglers import PATTERNS

ROUNDING = 1e-12  # some hundred products of matrices of up to 64 rows, each off by eps


def unitary(circuit, rng=None, scale=1.0):
    """The dense matrix, of random angles."""
    if circuit.num_parameters:
        circuit = circuit.bind(scale * rng.normal(size=circuit.num_parameters))
    return oracle.unitary(circuit)


def on(matrix, qubits, n):
    return oracle.embed(matrix, qubits, (), (), n)


# --- layers -------------------------------------------------------------------------------------


def test_a_hardware_efficient_layer_is_rotations_and_gates_on_the_pairs(rng):
    t = rng.normal(size=6)
    circuit = lib.hardware_efficient(3, 1, rotations="ry", entangler="cz").bind(t)
    turn = lambda angles: oracle.kron(*(oracle.rotation("Y", a) for a in angles))
    joint = on(np.diag([1, 1, 1, -1]), (1, 2), 3) @ on(np.diag([1, 1, 1, -1]), (0, 1), 3)
    expected = turn(t[3:]) @ joint @ turn(t[:3])
    assert np.max(np.abs(oracle.unitary(circuit) - expected)) < ROUNDING


@pytest.mark.parametrize("entangler", ["cx", "cz", "iswap", "crx", "cry", "crz", "cp", "rzz"])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_every_entangler_and_pattern_has_the_number_of_angles_that_is_documented(
    entangler, pattern
):
    n, layers = 4, 3
    circuit = lib.hardware_efficient(n, layers, entangler=entangler, pattern=pattern)
    pairs = len(lib.entangler_pairs(n, pattern))
    e = len(qj.GATES[entangler].params)
    assert circuit.num_parameters == 2 * n * (layers + 1) + e * pairs * layers
    assert circuit.count_ops()[entangler] == pairs * layers
    assert set(circuit.structure.vectors) == {("theta", (circuit.num_parameters,))}


@pytest.mark.parametrize("pattern", sorted(PATTERNS))
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_patterns_are_those_of_qiskit(pattern, n):
    nlocal = pytest.importorskip("qiskit.circuit.library.n_local.n_local")
    get = getattr(nlocal, "get_entangler_map", None)
    if get is None:
        pytest.skip("this Qiskit hides its patterns")
    if n == 1:
        assert lib.entangler_pairs(n, pattern) == ()
        return
    for layer in range(3):
        theirs = [tuple(pair) for pair in get(2, n, pattern, layer)]
        assert list(lib.entangler_pairs(n, pattern, layer=layer)) == theirs


def test_a_strongly_entangling_layer_turns_and_joins_at_a_distance(rng):
    t = rng.normal(size=(2, 3, 3))
    circuit = lib.strongly_entangling(3, 2).bind(t.ravel())
    z, y = (lambda a: oracle.rotation("Z", a)), (lambda a: oracle.rotation("Y", a))
    expected = np.eye(8)
    for layer, distance in enumerate((1, 2)):
        turns = [z(c) @ y(b) @ z(a) for a, b, c in t[layer]]
        expected = oracle.kron(*turns) @ expected
        for q in range(3):
            expected = on(oracle.CX, (q, (q + distance) % 3), 3) @ expected
    assert np.max(np.abs(oracle.unitary(circuit) - expected)) < ROUNDING


@pytest.mark.parametrize(("block", "dimension"), [("su4", 15), ("so4", 6)])
def test_a_block_reaches_its_whole_group(block, dimension, rng):
    row = BLOCKS[block]
    theta = qj.ParameterVector("t", row.num_parameters)
    circuit = qj.Circuit(2)
    row.append(circuit, list(theta), 0, 1)
    point = rng.normal(size=row.num_parameters)
    step = 1e-5
    at = lambda p: oracle.unitary(circuit.bind(p)).ravel()
    slopes = [(at(point + step * e) - at(point - step * e)) for e in np.eye(len(point))]
    values = np.linalg.svd(np.array(slopes) / (2 * step), compute_uv=False)
    assert np.sum(values > 1e-3) == dimension  # the dimension of the group: 4^2 - 1, 4 * 3 / 2
    if block == "so4":
        assert np.max(np.abs(at(point).imag)) < ROUNDING


def test_a_brick_wall_has_blocks_on_alternate_bonds():
    assert lib.brick_wall(6, 4).parameters == {"theta": (3 + 2 + 3 + 2, 15)}
    ring = lib.brick_wall(6, 2, block="ry_cz", periodic=True)
    bonds = [set(i.all_qubits) for i in ring if i.name == "cz"]
    assert bonds == [{0, 1}, {2, 3}, {4, 5}, {1, 2}, {3, 4}, {5, 0}]


def test_alternating_blocks_overlap_by_half():
    circuit = lib.alternating_layered(8, 2, block_size=4)
    assert circuit.num_parameters == 24
    bonds = sorted(i.all_qubits for i in circuit if i.name == "cz")
    first = [(0, 1), (1, 2), (2, 3), (4, 5), (5, 6), (6, 7)]
    second = [(0, 1), (2, 3), (3, 4), (4, 5), (6, 7)]
    assert bonds == sorted((min(b), max(b)) for b in first + second)


def test_the_features_come_back_in_every_layer(rng):
    x, t = rng.normal(size=4), rng.normal(size=2 * 2 * (6 + 4))
    circuit = lib.data_reuploading(x, 2, 2).bind(t)
    expected, k = np.eye(4), 0
    for layer in range(2):
        factors = []
        for _ in range(2):
            angles, scales = t[k : k + 6], t[k + 6 : k + 10]
            k += 10
            turned = angles + np.pad(scales * x, (0, 2))
            factors.append(reduce(lambda m, aj: oracle.rotation("ZYZ"[aj[0] % 3], aj[1]) @ m,
                                  enumerate(turned), np.eye(2)))  # fmt: skip
        expected = oracle.kron(*factors) @ expected
        if layer == 0:
            expected = np.diag([1, 1, 1, -1]) @ expected
    assert np.max(np.abs(oracle.unitary(circuit) - expected)) < ROUNDING


def test_a_batch_of_features_has_derivatives_by_features_and_weights():
    model = lambda x, p: qj.expectation(lib.data_reuploading(x, 2, 2), "Z0", p)
    points, params = jnp.linspace(-1, 1, 12).reshape(4, 3), jnp.linspace(0, 2, 24)
    slopes = jax.jit(jax.vmap(jax.grad(model, (0, 1)), (0, None)))(points, params)
    assert slopes[0].shape == (4, 3) and slopes[1].shape == (4, 24)
    one = oracle.central_difference(
        lambda x: oracle.expectation(
            oracle.statevector(lib.data_reuploading(x, 2, 2).bind(np.asarray(params, float))),
            {"Z0": 1.0},
        ),
        points[1],
    )
    assert np.max(np.abs(slopes[0][1] - one)) < 1e-5  # single precision, tens of gates


# --- shapes of tensor networks --------------------------------------------------------------------


@pytest.mark.parametrize("bond", [1, 2])
def test_a_matrix_product_circuit_has_the_schmidt_rank_of_its_bond(bond, rng):
    n = 6
    circuit = lib.matrix_product(n, bond_qubits=bond)
    assert circuit.parameters == {"theta": (bond * (n - bond), 15)}
    state = unitary(circuit, rng)[:, 0]
    for cut in range(1, n):
        values = np.linalg.svd(state.reshape(2 ** (n - cut), 2**cut), compute_uv=False)
        rank = np.sum(values > 1e-10)
        assert rank <= 2**bond
        if cut == n // 2:
            assert rank == 2**bond


@pytest.mark.parametrize("n", [2, 3, 6])
@pytest.mark.parametrize("make", [lib.tree_tensor_network, lib.mera, lib.qcnn])
def test_the_root_sees_every_qubit(make, n, rng):
    u = unitary(make(n), rng)
    root = u.conj().T @ oracle.pauli_matrix("Z0", n) @ u
    for q in range(n):
        for letter in "XYZ":
            p = oracle.pauli_matrix(f"{letter}{q}", n)
            assert np.max(np.abs(root @ p - p @ root)) > 1e-6


def test_numbers_of_blocks_of_trees():
    for n in (2, 3, 4, 7, 8, 13):
        assert lib.tree_tensor_network(n, block="ry_cz").parameters["theta"] == (n - 1, 2)
    assert lib.mera(8, block="ry_cz").parameters["theta"] == (4 + 3 + 2 + 1 + 1, 2)


def test_convolution_commutes_with_translation_by_two(rng):
    """The blocks of a convolution have the same angles, in two layers of a ring."""
    n = 6
    circuit = lib.qcnn(n, block="su4")
    bound = circuit.bind(rng.normal(size=circuit.num_parameters))
    first = next(i for i in bound if i.name == "crz")
    layer = oracle.unitary(bound[: list(bound).index(first)])
    index = np.arange(2**n)
    moved = (index << 2 | index >> (n - 2)) & (2**n - 1)
    assert np.max(np.abs(layer[np.ix_(moved, moved)] - layer)) < ROUNDING


# --- chemistry ------------------------------------------------------------------------------------


def annihilator(q, n):
    """The Jordan-Wigner mapping, as a Kronecker product."""
    lower = np.array([[0, 1], [0, 0]])
    return oracle.kron(*[oracle.Z] * q, lower, *[oracle.I2] * (n - q - 1))


EXCITATIONS = [
    (4, (0,), (2,)), (4, (3,), (1,)), (5, (0, 1), (2, 4)), (5, (4, 1), (0, 3)),
    (6, (0, 5), (2, 3)), (6, (0, 2, 1), (5, 3, 4)),
]  # fmt: skip


@pytest.mark.parametrize("form", ["gates", "rotations"])
@pytest.mark.parametrize(("n", "source", "target"), EXCITATIONS)
def test_an_excitation_is_the_exponential_of_fermion_operators(n, source, target, form):
    t = np.eye(2**n)
    for q in reversed(target):
        t = t @ annihilator(q, n).T
    for q in source:
        t = t @ annihilator(q, n)
    circuit = lib.excitation(n, 0.37, source, target, form=form)
    assert np.max(np.abs(oracle.unitary(circuit) - expm(0.37 * (t - t.T)))) < ROUNDING


@pytest.mark.parametrize("form", ["gates", "rotations"])
def test_a_qubit_excitation_has_no_strings(form):
    lower = np.array([[0, 1], [0, 0]])
    parts = {0: lower, 1: lower, 3: lower.T, 5: lower.T}
    t = oracle.kron(*(parts.get(q, np.eye(2)) for q in range(6)))
    circuit = lib.excitation(6, -0.6, (0, 1), (3, 5), form=form, fermionic=False)
    assert np.max(np.abs(oracle.unitary(circuit) - expm(-0.6 * (t - t.T)))) < ROUNDING


@pytest.mark.parametrize("make", [lib.uccsd, lib.k_upccgsd])
def test_coupled_cluster_by_gates_is_that_by_rotations_and_keeps_electrons_and_spin(make, rng):
    by_gates, by_rotations = make(6, 2, form="gates"), make(6, 2)
    t = rng.normal(size=by_gates.num_parameters)
    state = oracle.statevector(by_gates.bind(t))
    assert np.max(np.abs(state - oracle.statevector(by_rotations.bind(t)))) < ROUNDING
    index = np.arange(64)
    ups = sum(index >> q & 1 for q in (0, 2, 4))
    downs = sum(index >> q & 1 for q in (1, 3, 5))
    assert np.max(np.abs(state[(ups != 1) | (downs != 1)])) < ROUNDING
    assert np.sum(np.abs(state) > 1e-6) == 9  # every place for each spin


def test_generalised_coupled_cluster_has_the_documented_number_of_angles():
    assert lib.k_upccgsd(8, 4, repeats=3).num_parameters == 3 * 3 * 6


# --- optimisation and Hamiltonians --------------------------------------------------------------


RING = {"Z0 Z1": 0.5, "Z1 Z2": 0.5, "Z2 Z3": 0.5, "Z0 Z3": 0.5}


def test_one_layer_of_qaoa_cuts_three_quarters_of_a_ring():
    """Farhi et al. 2014: (2p + 1) / (2p + 2) on rings longer than 2p + 2."""
    n = 8
    ring = qj.PauliSum({f"Z{q} Z{(q + 1) % n}": 0.5 for q in range(n)}) - n / 2
    circuit = lib.qaoa(ring, 1)
    gammas, betas = np.meshgrid(np.linspace(0, np.pi, 65), np.linspace(0, np.pi, 65))
    values = qj.expectation(circuit, ring, jnp.stack([gammas.ravel(), betas.ravel()], -1))
    assert abs(values.min() / -n - 0.75) < 1e-5  # at gamma = pi / 4, beta = pi / 8


@pytest.mark.parametrize("mixer", ["x", "grover", "warm-start"])
def test_a_mixer_is_the_exponential_of_its_hamiltonian(mixer):
    n, g, b = 4, 0.4, -0.7
    relaxed = np.array([0.3, 0.25, 0.75, 0.6])
    angles = 2 * np.arcsin(np.sqrt(relaxed))
    warm = relaxed if mixer == "warm-start" else None
    circuit = lib.qaoa(qj.PauliSum(RING), 1, mixer=mixer, warm_start=warm, gamma=[g], beta=[b])
    cost = oracle.operator(RING, n)
    if mixer == "warm-start":
        columns = (np.array([[np.cos(a / 2)], [np.sin(a / 2)]]) for a in angles)
        start = oracle.kron(*columns).ravel()
        terms = [
            -np.sin(a) * oracle.pauli_matrix(f"X{q}", n)
            - np.cos(a) * oracle.pauli_matrix(f"Z{q}", n)
            for q, a in enumerate(angles)
        ]
        hamiltonian = sum(terms)
    else:
        start = np.full(2**n, 2 ** (-n / 2))
        hamiltonian = (np.outer(start, start) if mixer == "grover"
                       else sum(oracle.pauli_matrix(f"X{q}", n) for q in range(n)))  # fmt: skip
    expected = expm(-1j * b * hamiltonian) @ expm(-1j * g * cost) @ start
    assert np.max(np.abs(oracle.statevector(circuit) - expected)) < ROUNDING


@pytest.mark.parametrize("mixer", ["xy-ring", "xy-complete"])
@pytest.mark.parametrize("n", [2, 3, 5, 6])
def test_xy_mixers_join_their_pairs_once_and_keep_the_number_of_ones(mixer, n):
    cost = qj.PauliSum("Z0", num_qubits=n)
    circuit = lib.qaoa(cost, 1, mixer=mixer, initial=lib.dicke_state(n, 1), gamma=[0.2], beta=[0.3])
    pairs = [frozenset(i.qubits) for i in circuit if i.name == "xx_plus_yy"]
    ring = {frozenset((q, (q + 1) % n)) for q in range(n)}
    complete = {frozenset(p) for p in combinations(range(n), 2)}
    assert len(pairs) == len(set(pairs))
    assert set(pairs) == (ring if mixer == "xy-ring" else complete)
    state = oracle.statevector(circuit)
    ones = np.array([j.bit_count() for j in range(2**n)])
    assert np.max(np.abs(state[ones != 1])) < ROUNDING


def test_a_diagonal_cost_is_its_pauli_sum_up_to_phase(rng):
    values = rng.normal(size=8)
    cost = qj.Diagonal(values, qubits=(2, 0, 1))
    angles = {"gamma": np.array([0.3, -0.4]), "beta": np.array([0.6, 0.1])}
    one = oracle.statevector(lib.qaoa(cost, 2).bind(angles))
    two = oracle.statevector(lib.qaoa(cost, 2, **angles))
    assert abs(abs(np.vdot(one, two)) - 1) < ROUNDING
    matrix = expm(-0.3j * cost.to_matrix())
    plus = np.full(8, 8**-0.5)
    first = oracle.statevector(lib.qaoa(cost, 1, gamma=[0.3], beta=[0.0]))
    assert np.max(np.abs(first - matrix @ plus)) < ROUNDING


def test_qaoa_with_traced_angles_has_derivatives():
    cost = qj.Diagonal(np.arange(8.0))
    loss = lambda g, b: qj.expectation(lib.qaoa(cost, 2, gamma=g, beta=b), cost)
    g, b = jnp.array([0.3, 0.2]), jnp.array([0.4, 0.1])
    slope = jax.jit(jax.grad(loss))(g, b)
    exact = oracle.central_difference(
        lambda x: np.abs(oracle.statevector(lib.qaoa(cost, 2, gamma=x, beta=np.asarray(b)))) ** 2
        @ np.arange(8.0), np.asarray(g, float))  # fmt: skip
    assert np.max(np.abs(slope - exact)) < 1e-4  # single precision, values up to 7


@pytest.mark.parametrize(("n", "k"), [(1, 0), (3, 1), (4, 2), (5, 3), (5, 5), (6, 2)])
def test_a_dicke_state_has_equal_parts(n, k):
    state = oracle.statevector(lib.dicke_state(n, k))
    ones = np.array([j.bit_count() for j in range(2**n)])
    expected = (ones == k) / np.sqrt(np.sum(ones == k))
    assert np.max(np.abs(state - expected)) < ROUNDING


def test_a_layer_of_the_hamiltonian_ansatz_is_exponentials_of_its_parts(rng):
    terms = {"Z0 Z1": -1.0, "X0": 0.5, "Z1 Z2": 0.7, "X1": 0.3, "Y0 Z1 Y2": 0.2}
    groups = lib.commuting_groups(qj.PauliSum(terms))
    assert sum(len(g) for g in groups) == len(terms)
    circuit = lib.hamiltonian_variational(qj.PauliSum(terms), 2)
    t = rng.normal(size=circuit.num_parameters).reshape(2, len(groups))
    expected = np.eye(8)
    for row in t:
        for angle, group in zip(row, groups, strict=True):
            matrix = oracle.operator({str(s): c for s, c in group}, 3)
            expected = expm(-1j * angle * matrix) @ expected
    assert np.max(np.abs(oracle.unitary(circuit.bind(t.ravel())) - expected)) < ROUNDING


def test_the_hamiltonian_ansatz_has_no_parameter_for_what_is_zero():
    terms = {"Z0 Z1": -1.0, "X0": 0.0, "Z1": 0.5, "Y2": 0.0}
    groups = lib.commuting_groups(qj.PauliSum(terms))
    assert groups == [qj.PauliSum({"Z0 Z1": -1.0, "Z1": 0.5}, num_qubits=3)]
    whole = lib.hamiltonian_variational(qj.PauliSum(terms), 2)
    assert (whole.parameters, whole.num_qubits) == ({"theta": (2, 1)}, 3)
    # The strings with 0 need not commute with the rest of their part.
    parts = [qj.PauliSum({"Z0": 1.0, "X0": 0.0}), qj.PauliSum({"X3": 0.0}), qj.PauliSum("X0 + 2")]
    by_part = lib.hamiltonian_variational(parts, 3)
    assert (by_part.parameters, by_part.num_qubits) == ({"theta": (3, 2)}, 4)
    assert by_part.count_ops() == {"rz": 3, "rx": 3}


# --- random circuits ------------------------------------------------------------------------------


def test_haar_unitaries_have_the_moments_of_the_haar_measure():
    """E |tr U^k|^2 = k for k <= d (Diaconis, Shahshahani 1994), variance at most 2 k^2."""
    count = 2000
    u = np.asarray(lib.haar_unitary(2, jax.random.key(3), shape=(count,)))
    power = np.eye(4)
    for k in (1, 2, 3):
        power = power @ u
        traces = np.abs(np.trace(power, axis1=1, axis2=2)) ** 2
        assert abs(traces.mean() - k) < 4 * traces.std() / np.sqrt(count)
    assert np.max(np.abs(u @ u.conj().swapaxes(1, 2) - np.eye(4))) < 1e-5


def test_haar_circuits_can_be_drawn_inside_jit():
    draw = jax.jit(jax.vmap(lambda k: qj.statevector(lib.random_haar(3, k))))
    states = draw(jax.random.split(jax.random.key(0), 5))
    assert np.max(np.abs(np.sum(np.abs(states) ** 2, axis=1) - 1)) < 1e-5


def test_four_layers_of_a_random_grid_join_every_bond_once():
    rows, columns = 3, 4
    circuit = lib.random_grid(rows, columns, 4, jax.random.key(1), entangler="cz")
    bonds = [frozenset(i.all_qubits) for i in circuit if i.name == "cz"]
    assert len(bonds) == len(set(bonds)) == rows * (columns - 1) + columns * (rows - 1)
    for q in range(rows * columns):
        turns = [i.name for i in circuit if i.all_qubits == (q,)]
        assert len(turns) == 5 and all(a != b for a, b in pairwise(turns))


@pytest.mark.slow
def test_heavy_outputs_of_quantum_volume_have_their_asymptotic_share():
    """(1 + ln 2) / 2 (Aaronson, Chen 2017), to some per cent at 6 qubits."""
    shares = []
    for key in jax.random.split(jax.random.key(2), 30):
        p = np.abs(oracle.statevector(lib.quantum_volume(6, key))) ** 2
        shares.append(p[p > np.median(p)].sum())
    error = np.std(shares) / np.sqrt(len(shares))
    assert abs(np.mean(shares) - (1 + np.log(2)) / 2) < 4 * error


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lib.hardware_efficient(3, 1, entangler="cxx"), "cxx"),
        (lambda: lib.hardware_efficient(3, 1, entangler="h"), "must be a gate on 2 qubits"),
        (lambda: lib.hardware_efficient(3, 1, pattern="star"), "one of linear"),
        (lambda: lib.hardware_efficient(3, 1, pattern=[(0, 3)]), "pattern: qubit must be in 0..2"),
        (lambda: lib.hardware_efficient(3, 1, rotations="h"), "at least one angle"),
        (lambda: lib.strongly_entangling(3, 2, ranges=[1, 3]), "ranges must be 2 numbers in 1..2"),
        (lambda: lib.brick_wall(3, 1, periodic=True), "even if periodic"),
        (lambda: lib.brick_wall(3, 1, block="su5"), "block must be one of"),
        (lambda: lib.alternating_layered(4, 1, block_size=3), "block_size must be even"),
        (lambda: lib.matrix_product(2, bond_qubits=2), "more than bond_qubits"),
        (lambda: lib.mera(1), "at least 2"),
        (lambda: lib.uccsd(4, 2, form="givens"), "form must be one of"),
        (lambda: lib.excitation(4, 0.1, (0, 1), (1, 2)), "qubits must differ"),
        (lambda: lib.excitation(4, 0.1, (0, 1), 2), "as many qubits"),
        (lambda: lib.qaoa(qj.PauliSum("X0"), 1), "cost must be diagonal"),
        (lambda: lib.qaoa(qj.PauliSum("Z0"), 1, mixer="y"), "mixer must be one of"),
        (lambda: lib.qaoa(qj.PauliSum("Z0 Z1"), 1, mixer="xy-ring"), "initial must be given"),
        (lambda: lib.qaoa(qj.PauliSum("Z0"), 1, mixer="warm-start"), "warm_start must be given"),
        (lambda: lib.qaoa(qj.PauliSum("Z0"), 2, gamma=[0.1]), "gamma must be a name or 2 angles"),
        (lambda: lib.dicke_state(3, 4), "ones must be in 0..3"),
        (lambda: lib.hamiltonian_variational([qj.PauliSum("X0 + Z0")], 1), "must commute"),
        (lambda: lib.hamiltonian_variational(qj.PauliSum("2"), 1), "beside the identity"),
        (lambda: lib.hamiltonian_variational(qj.PauliSum({"X0": 0.0}), 1), "identity and zeros"),
        (lambda: lib.data_reuploading(qj.ParameterVector("x", 2), 1, 1), "scales must be False"),
        (lambda: lib.data_reuploading([0.1, np.nan], 1, 1), "finite real numbers"),
        (lambda: lib.data_reuploading(np.ones((2, 2)), 1, 1), "Use jax.vmap for a batch"),
        (lambda: jax.jit(lambda k: lib.random_clifford(2, k))(jax.random.key(0)), "key must be"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()
