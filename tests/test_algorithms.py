"""Algorithms give what linear algebra and closed forms say."""

from math import pi

import jax
import numpy as np
import oracle
import pytest
from numpy.polynomial.chebyshev import chebval
from scipy.linalg import expm, polar

import qjax as qj
from qjax import library as lib

ROUNDING = 1e-12


def random_hermitian(n, rng, norm=1.0):
    m = rng.normal(size=(2**n, 2**n)) + 1j * rng.normal(size=(2**n, 2**n))
    h = m + m.conj().T
    return h * (norm / np.linalg.norm(h, 2))


def random_circuit_state(n, rng):
    return qj.Circuit(n).prepare_state(unit(rng.normal(size=2**n) + 1j * rng.normal(size=2**n)))


def unit(v):
    return v / np.linalg.norm(v)


# --- Fourier and phases ---------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_quantum_fourier_transform_is_the_dft_matrix(n):
    j = np.arange(2**n)
    dft = np.exp(2j * pi * np.outer(j, j) / 2**n) / np.sqrt(2**n)
    assert np.max(np.abs(oracle.unitary(lib.qft(n)) - dft)) < ROUNDING
    assert np.max(np.abs(oracle.unitary(lib.qft(n, inverse=True)) - dft.conj())) < ROUNDING
    reverse = [int(f"{k:0{n}b}"[::-1], 2) for k in j]
    assert np.max(np.abs(oracle.unitary(lib.qft(n, swaps=False))[reverse] - dft)) < ROUNDING


@pytest.mark.parametrize("dropped", [1, 2, 4])
def test_the_approximate_transform_is_off_by_no_more_than_its_angles(dropped):
    n = 6
    exact, rough = (oracle.unitary(lib.qft(n, approximation=a)) for a in (0, dropped))
    error = np.linalg.norm(exact - rough, 2)
    left_out = sum(pi / 2**m * (n - m) for m in range(n - dropped, n))
    assert 0 < error <= left_out


@pytest.mark.parametrize("phase", [0.0, 0.3, 0.8125, 0.999])
@pytest.mark.parametrize("form", ["circuit", "matrix"])
def test_phase_estimation_has_its_closed_distribution(phase, form):
    t = 4
    gate = qj.Circuit(1).p(2 * pi * phase, 0)
    unitary = gate if form == "circuit" else np.diag([1, np.exp(2j * pi * phase)])
    found = lib.phase_estimation(unitary, t, state=qj.Circuit(1).x(0))
    got = oracle.probabilities(oracle.statevector(found.circuit), found.registers["phase"])
    direct = np.abs(np.exp(2j * pi * np.outer(phase - np.arange(16) / 16, np.arange(16))).mean(1))
    assert np.max(np.abs(got - direct**2)) < ROUNDING
    assert np.max(np.abs(lib.phase_distribution(phase, t) - direct**2)) < ROUNDING


def test_a_superposition_gives_each_phase_with_its_weight(rng):
    h = random_hermitian(2, rng)
    values, vectors = np.linalg.eigh(h)
    state = random_circuit_state(2, rng)
    weights = np.abs(vectors.conj().T @ oracle.statevector(state)) ** 2
    found = lib.phase_estimation(expm(1j * h), 5, state=state)
    got = oracle.probabilities(oracle.statevector(found.circuit), found.registers["phase"])
    mixed = sum(w * lib.phase_distribution(v / (2 * pi), 5) for w, v in zip(weights, values))  # noqa: B905
    assert np.max(np.abs(got - mixed)) < ROUNDING


@pytest.mark.parametrize("phase", [0.3])
def test_iterative_phase_estimation_has_the_distribution_of_the_whole(phase):
    """Semiclassical Fourier transform: the same probabilities, by all branches."""
    t = 3
    gate = qj.Circuit(1).p(2 * pi * phase, 0)
    found = lib.iterative_phase_estimation(gate, t, state=qj.Circuit(1).x(0))
    branches = qj.branches(found.circuit)
    values = branches.bits.astype(int) @ (1 << np.arange(t))
    got = np.bincount(values, np.asarray(branches.probabilities), 2**t)
    assert np.max(np.abs(got - lib.phase_distribution(phase, t))) < 1e-5  # single precision


def test_iterative_phase_estimation_draws_the_phase():
    gate = qj.Circuit(1).p(2 * pi * 5 / 8, 0)
    found = lib.iterative_phase_estimation(gate, 3, state=qj.Circuit(1).x(0))
    counts = qj.counts(found.circuit, 200, jax.random.key(0))
    assert lib.phase_from_counts(counts) == 5 / 8 and counts.most_common(1)[0][1] == 200


# --- amplitudes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("marked", [["0110"], ["0000", "1111", "1000"]])
@pytest.mark.parametrize("k", [0, 1, 2, 5])
def test_grover_succeeds_with_sin_squared(marked, k):
    state = oracle.statevector(lib.grover(4, marked, iterations=k))
    theta = np.arcsin(np.sqrt(len(marked) / 16))
    found = sum(abs(state[int(b, 2)]) ** 2 for b in marked)
    assert abs(found - np.sin((2 * k + 1) * theta) ** 2) < ROUNDING


def test_the_best_number_of_iterations_is_the_best():
    for m in (1, 3, 9, 16, 30, 32):
        theta = np.arcsin(np.sqrt(m / 32))
        k = lib.grover_iterations(m / 32)
        best = np.sin((2 * k + 1) * theta) ** 2
        assert all(np.sin((2 * j + 1) * theta) ** 2 <= best + 1e-12
                   for j in range(round(pi / (4 * theta)) + 1))  # fmt: skip


def test_a_table_marks_what_bitstrings_mark():
    table = np.zeros(8, bool)
    table[[3, 5]] = True
    a = oracle.unitary(lib.phase_oracle(3, ["011", "101"]))
    assert np.max(np.abs(a - oracle.unitary(lib.phase_oracle(3, table)))) < ROUNDING
    assert np.max(np.abs(a - np.diag(1 - 2.0 * table))) < ROUNDING


def test_the_grover_operator_turns_by_two_theta(rng):
    state = random_circuit_state(3, rng)
    table = np.arange(8) % 3 == 0
    theta = np.arcsin(np.sqrt(np.sum(np.abs(oracle.statevector(state)[table]) ** 2)))
    q = oracle.unitary(lib.grover_operator(lib.phase_oracle(3, table), state))
    angles = np.angle(np.linalg.eigvals(q))
    for wanted in (2 * theta, -2 * theta):
        assert np.min(np.abs(np.exp(1j * angles) - np.exp(1j * wanted))) < 1e-10


def test_canonical_amplitude_estimation_reads_the_angle():
    theta = pi * 3 / 16
    state = qj.Circuit(1).ry(2 * theta, 0)
    found = lib.amplitude_estimation(state, lib.phase_oracle(1, "1"), 4)
    counts = qj.counts(found.circuit.measure(found.registers["phase"], range(4)), 100,
                       jax.random.key(1))  # fmt: skip
    assert {int(b, 2) for b in counts} == {3, 13}
    assert abs(lib.amplitude_from_counts(counts) - np.sin(theta) ** 2) < 1e-12


def test_maximum_likelihood_is_within_its_error(rng):
    p, powers, shots = 0.23, [0, 1, 2, 4, 8, 16], 200
    theta = np.arcsin(np.sqrt(p))
    state = qj.Circuit(1).ry(2 * theta, 0)
    chances = [
        abs(oracle.statevector(
            lib.amplitude_amplification(state, lib.phase_oracle(1, "1"), m))[1]) ** 2
        for m in powers
    ]  # fmt: skip
    pulls = []
    for _ in range(50):
        found = lib.maximum_likelihood_amplitude(rng.binomial(shots, chances), shots, powers)
        pulls.append((found.probability - p) / found.standard_error)
    assert found.standard_error < np.sqrt(p * (1 - p) / (shots * len(powers))) / 5
    assert abs(np.mean(pulls)) < 4 / np.sqrt(50)
    assert 0.6 < np.std(pulls) < 1.5  # 1, with a relative error of 1 / sqrt(100)


@pytest.mark.parametrize("p", [0.0, 0.02, 0.37, 0.8, 1.0])
def test_the_interval_of_iterative_estimation_holds_and_saves_calls(p, rng):
    theta, accuracy, runs = np.arcsin(np.sqrt(p)), 0.001, 20
    chance = lambda k: np.sin((2 * k + 1) * theta) ** 2
    held, calls = 0, []
    for _ in range(runs):
        found = lib.iterative_amplitude_estimation(
            lambda k, shots: rng.binomial(shots, chance(k)), accuracy=accuracy
        )
        assert 0 <= found.high - found.low <= 2 * accuracy
        held += found.low - 1e-12 <= p <= found.high + 1e-12
        calls.append(found.operator_calls)
    assert held >= 17  # of 20 at 95%: fewer has a chance of 1.6%, and the bound is cautious
    # Grinko et al., theorem 1, with Clopper-Pearson's constant 14.
    assert max(calls) < 14 / accuracy * np.log(2 / 0.05 * np.log2(np.pi / (4 * accuracy)))


# --- interference ---------------------------------------------------------------------------------


def test_the_hadamard_test_gives_both_parts_of_an_overlap(rng):
    u = expm(1j * random_hermitian(2, rng, 2.0))
    state = random_circuit_state(2, rng)
    psi = oracle.statevector(state)
    for imaginary, wanted in (
        (False, (psi.conj() @ u @ psi).real),
        (True, (psi.conj() @ u @ psi).imag),
    ):
        test = lib.hadamard_test(u, state=state, imaginary=imaginary)
        found = oracle.expectation(oracle.statevector(test.circuit), {"Z2": 1.0})
        assert abs(found - wanted) < ROUNDING


def test_the_swap_test_gives_the_fidelity(rng):
    a, b = random_circuit_state(2, rng), random_circuit_state(2, rng)
    test = lib.swap_test(a, b)
    found = oracle.expectation(oracle.statevector(test.circuit), {"Z4": 1.0})
    assert abs(found - abs(np.vdot(oracle.statevector(a), oracle.statevector(b))) ** 2) < ROUNDING


# --- linear systems -------------------------------------------------------------------------------


def test_linear_systems_with_countable_eigenvalues_are_solved_exactly(rng):
    q = oracle.unitary(lib.random_haar(2, jax.random.key(4)))
    q = polar(q)[0]  # unitary to double precision
    a = (q * np.array([1.0, -2.0, 3.0, -4.0])) @ q.conj().T
    b = rng.normal(size=4) + 1j * rng.normal(size=4)
    system = lib.solve_linear_system(a, b, 4, unit=1.0)
    state = oracle.statevector(system.circuit)
    x = np.linalg.solve(a, b)
    assert np.max(np.abs(system.solution(state) - x)) < 1e-5
    (ancilla,) = system.registers["ancilla"]
    chance = oracle.probabilities(state, [ancilla])[1]
    assert abs(chance - np.linalg.norm(x) ** 2 / system.scale**2) < 1e-10


def test_other_linear_systems_are_solved_better_with_more_bits(rng):
    a = random_hermitian(1, rng) + 1.7 * np.eye(2)
    b = rng.normal(size=2)
    x = np.linalg.solve(a, b)
    errors = []
    for bits in (4, 7):
        system = lib.solve_linear_system(a, b, bits)
        found = np.asarray(system.solution(qj.statevector(system.circuit)))
        errors.append(np.linalg.norm(found - x) / np.linalg.norm(x))
    assert errors[1] < 0.03 and errors[1] < errors[0] / 3


# --- block encodings and polynomials --------------------------------------------------------------

SUM = {"Z0 Z1": 0.5, "X0": -0.3, "Y1": 0.2, "X0 Y1": 0.7, "": 0.1}


def corner(found):
    assert found.ancillas == tuple(range(len(found.system), found.circuit.num_qubits))
    size = 2 ** len(found.system)
    return oracle.unitary(found.circuit)[:size, :size] * found.scale


def test_a_linear_combination_is_the_corner():
    matrix = oracle.operator(SUM, 2)
    found = lib.block_encoding(qj.PauliSum(SUM))
    assert abs(found.scale - 1.8) < ROUNDING and len(found.ancillas) == 3
    assert np.max(np.abs(corner(found) - matrix)) < ROUNDING
    tilted = lib.block_encoding(1j * qj.PauliSum(SUM))
    assert np.max(np.abs(corner(tilted) - 1j * matrix)) < ROUNDING
    single = lib.block_encoding(qj.PauliSum("-2 * X0"))
    assert np.max(np.abs(corner(single) + 2 * oracle.X)) < ROUNDING


def test_any_matrix_is_dilated(rng):
    matrix = rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4))
    for scale in (None, 9.0):
        assert np.max(np.abs(corner(lib.block_encoding(matrix, scale=scale)) - matrix)) < 1e-11


@pytest.mark.parametrize("degree", [1, 2, 3, 10, 31, 100])
def test_phases_make_the_polynomial(degree, rng):
    c = np.zeros(degree + 1)
    own = c[degree % 2 :: 2]
    own[:] = rng.normal(size=len(own)) / (1 + np.arange(len(own)))
    grid = np.cos(np.linspace(0, pi, 1001))
    c *= 0.95 / np.max(np.abs(chebval(grid, c)))
    phases = lib.signal_phases(c)
    assert phases.shape == (degree + 1,)
    x = np.linspace(-1, 1, 101)
    assert np.max(np.abs(lib.signal_response(phases, x).real - chebval(x, c))) < 1e-11
    one = np.array([[x[30], 1j * np.sqrt(1 - x[30] ** 2)], [1j * np.sqrt(1 - x[30] ** 2), x[30]]])
    product = expm(1j * phases[0] * oracle.Z)
    for phase in phases[1:]:
        product = product @ one @ expm(1j * phase * oracle.Z)
    assert abs(product[0, 0].real - chebval(x[30], c)) < 1e-11


TARGETS = {
    "cosine": (lambda: (lib.cosine_polynomial(9.0, 60), 1.0), lambda x: np.cos(9 * x), 0.0, 1e-12),
    "sine": (lambda: (lib.sine_polynomial(9.0, 61), 1.0), lambda x: np.sin(9 * x), 0.0, 1e-12),
    "sign": (lambda: (lib.sign_polynomial(0.2, 151), 1.0), np.sign, 0.2, 1e-6),
    "inverse": (lambda: lib.inverse_polynomial(5.0, 201), lambda x: 1 / x, 0.2, 1e-6),
}  # fmt: skip


@pytest.mark.parametrize("name", TARGETS)
def test_polynomials_are_near_their_functions_and_have_phases(name):
    make, function, gap, allowed = TARGETS[name]
    c, scale = make()
    x = np.linspace(max(gap, 1e-3), 1, 400)
    for points in (x, -x):
        assert np.max(np.abs(scale * chebval(points, c) - function(points))) < allowed
    assert np.max(np.abs(chebval(np.linspace(-1, 1, 5001), c))) < 1 + allowed
    phases = lib.signal_phases(0.99 * c)
    found = lib.signal_response(phases, x).real
    assert np.max(np.abs(found - 0.99 * chebval(x, c))) < 1e-11


@pytest.mark.parametrize("degree", [4, 5])
@pytest.mark.parametrize("kind", ["pauli", "matrix"])
def test_singular_value_transformation_is_the_polynomial_of_the_eigenvalues(kind, degree, rng):
    if kind == "pauli":
        encoding = lib.block_encoding(qj.PauliSum({"Z0 Z1": 0.5, "X0": -0.3, "X0 Y1": 0.7}))
    else:
        encoding = lib.block_encoding(random_hermitian(2, rng), scale=1.2)
    matrix = corner(encoding) / encoding.scale
    c = np.zeros(degree + 1)
    c[degree % 2 :: 2] = [0.2, -0.3, 0.35]
    found = lib.singular_value_transformation(encoding, lib.signal_phases(c))
    values, vectors = np.linalg.eigh(matrix)
    expected = (vectors * chebval(values, c)) @ vectors.conj().T
    assert np.max(np.abs(corner(found) - expected)) < 1e-11


def test_a_transformed_matrix_that_is_not_hermitian_keeps_its_singular_vectors(rng):
    matrix = rng.normal(size=(4, 4)) / 4
    encoding = lib.block_encoding(matrix, scale=1.5)
    u, s, vh = np.linalg.svd(matrix)
    odd = lib.singular_value_transformation(encoding, lib.signal_phases([0, 0.1, 0, 0.5]))
    expected = (u * chebval(s / 1.5, [0, 0.1, 0, 0.5])) @ vh
    assert np.max(np.abs(corner(odd) - expected)) < 1e-11
    even = lib.singular_value_transformation(encoding, lib.signal_phases([0.1, 0, 0.5]))
    expected = (vh.conj().T * chebval(s / 1.5, [0.1, 0, 0.5])) @ vh
    assert np.max(np.abs(corner(even) - expected)) < 1e-11


def test_a_matrix_is_inverted_by_its_singular_values(rng):
    h = random_hermitian(1, rng)
    vectors = np.linalg.eigh(h)[1]
    h = (vectors * np.array([-0.4, 0.9])) @ vectors.conj().T
    c, scale = lib.inverse_polynomial(2.5, 61)
    found = lib.singular_value_transformation(
        lib.block_encoding(h, scale=1.0), lib.signal_phases(0.9 * c)
    )
    assert np.max(np.abs(corner(found) * scale / 0.9 - np.linalg.inv(h))) < 1e-4


def test_time_evolution_by_two_polynomials(rng):
    h, t = random_hermitian(1, rng), 4.0
    encoding = lib.block_encoding(h, scale=1.0)
    parts = [
        corner(lib.singular_value_transformation(encoding, lib.signal_phases(0.5 * c))) * 2
        for c in (lib.cosine_polynomial(t, 26), lib.sine_polynomial(t, 27))
    ]
    assert np.max(np.abs(parts[0] - 1j * parts[1] - expm(-1j * t * h))) < 1e-10


# --- bad input ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lib.qft(3, approximation=3), "approximation must be in 0..2"),
        (lambda: lib.phase_estimation(np.eye(3), 2), "must be a circuit or a matrix"),
        (lambda: lib.phase_estimation(qj.Circuit(1).measure(0), 2), "gates alone"),
        (lambda: lib.phase_estimation(qj.Circuit(1), 2, state=qj.Circuit(2)), "state must act"),
        (lambda: lib.phase_estimation([[1, 0], [0, 2]], 2), "unitary"),
        (lambda: lib.phase_from_counts({}), "must not be empty"),
        (lambda: lib.phase_oracle(2, "1"), "must have 2 bits"),
        (lambda: lib.phase_oracle(2, [0, 1]), "table of 4 truth values"),
        (lambda: lib.grover(2, []), "2 truth|at least one|table"),
        (lambda: lib.grover(2, [0, 0, 0, 0]), "at least one"),
        (lambda: lib.maximum_likelihood_amplitude([3], 2, [0]), "hits must be in 0..shots"),
        (lambda: lib.iterative_amplitude_estimation(lambda k, n: n + 1, accuracy=0.1), "100 hits"),
        (lambda: lib.iterative_amplitude_estimation(lambda k, n: 1, accuracy=0.3), "accuracy"),
        (lambda: lib.swap_test(qj.Circuit(1), qj.Circuit(2)), "as many qubits"),
        (lambda: lib.solve_linear_system([[0, 1], [0, 1]], [1, 0], 3), "must be Hermitian"),
        (lambda: lib.solve_linear_system([[1, 1], [1, 1]], [1, 0], 3), "singular"),
        (lambda: lib.solve_linear_system(np.eye(2), [0, 0], 3), "must not be 0"),
        (lambda: lib.solve_linear_system(np.eye(2), [1, 0], 3, unit=0.1), "unit must be at least"),
        (lambda: lib.block_encoding(np.eye(2), scale=0.5), "largest singular value 1"),
        (lambda: lib.block_encoding(qj.PauliSum({"X0": 0.0})), "must not be 0"),
        (lambda: lib.signal_phases([0.1, 0.2]), "even or odd"),
        (lambda: lib.signal_phases([0.0, 1.2]), "below 1 in modulus .* reaches 1.2"),
        (lambda: lib.sign_polynomial(0.1, 10), "degree must be odd"),
        (lambda: lib.sign_polynomial(1.1, 11), "gap must be in"),
        (lambda: lib.inverse_polynomial(0.5, 11), "condition must be more than 1"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()


WRITTEN = {
    "coupled cluster": lambda: lib.uccsd(4, 2, form="gates").bind(np.array([0.3, -0.2, 0.5])),
    "QAOA": lambda: lib.qaoa(qj.PauliSum("Z0 Z1 + Z1 Z2"), 1, mixer="xy-ring", initial="011",
                             gamma=[0.3], beta=[0.7]),
    "Dicke state": lambda: lib.dicke_state(4, 2),
    "linear combination": lambda: lib.block_encoding(qj.PauliSum(SUM)).circuit,
    "linear system": lambda: lib.solve_linear_system(
        [[1.5, 0.5], [0.5, 1.5]], [1, 0], 3, unit=1.0).circuit,
    "amplified": lambda: lib.grover(4, ["0101", "1000"]),
}  # fmt: skip


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("name", WRITTEN)
def test_circuits_of_the_library_come_back_from_openqasm(name, version):
    circuit = WRITTEN[name]()
    back = qj.qasm.loads(qj.qasm.dumps(circuit, version=version))
    a, b = oracle.unitary(back), oracle.unitary(circuit)
    assert abs(abs(np.vdot(a, b)) / len(a) - 1) < 1e-12  # OpenQASM 2 has no global phase
