"""Observables are the operators that dense Kronecker products say they are."""

import pickle
import subprocess
import sys
from functools import reduce

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit.quantum_info import SparsePauliOp

from qjax.errors import ObservableError
from qjax.observables import Diagonal, Hermitian, PauliString, PauliSum, Projector

EPS = np.finfo(np.float64).eps
MAX = 4  # qubits of drawn operators

# --- the oracle ---------------------------------------------------------------------------------

LETTER = {
    "I": np.eye(2),
    "X": np.array([[0, 1], [1, 0]]),
    "Y": np.array([[0, -1j], [1j, 0]]),
    "Z": np.array([[1, 0], [0, -1]]),
}


def dense(label):
    """The matrix of a label; the leftmost letter is the highest qubit, the leftmost factor."""
    return reduce(np.kron, (LETTER[letter] for letter in label), np.eye(1, dtype=complex))


def dense_sum(pairs, n):
    return sum((c * dense(label) for label, c in pairs), np.zeros((2**n, 2**n), complex))


def indexed(label):
    """A label as "X0 Z3" text."""
    named = [f"{letter}{q}" for q, letter in enumerate(reversed(label)) if letter != "I"]
    return " ".join(named) or "I"


def embedded(matrix, qubits, n):
    """The matrix on some qubits, entry by entry: bit j of its index is qubit qubits[j]."""
    full = np.zeros((2**n, 2**n), complex)
    for r in range(2**n):
        for c in range(2**n):
            if all((r ^ c) >> q & 1 == 0 for q in range(n) if q not in qubits):
                a = sum((r >> q & 1) << j for j, q in enumerate(qubits))
                b = sum((c >> q & 1) << j for j, q in enumerate(qubits))
                full[r, c] = matrix[a][b]
    return full


def assert_same(a, b, operations=64):
    scale = max(np.abs(b).max(initial=0), 1)
    np.testing.assert_allclose(a, b, rtol=0, atol=EPS * operations * scale)


labels = st.integers(1, MAX).flatmap(lambda n: st.text("IXYZ", min_size=n, max_size=n))
numbers = st.floats(-8, 8, allow_subnormal=False).filter(lambda c: c == 0 or abs(c) > 1e-6)
complex_numbers = st.builds(complex, numbers, numbers)


def sums(coefficients=complex_numbers, n=3):
    """Pairs (label, coefficient) on n qubits; labels may repeat."""
    return st.lists(st.tuples(st.text("IXYZ", min_size=n, max_size=n), coefficients), max_size=8)


def pauli_sum(pairs, n=3):
    return PauliSum(
        [(PauliString(label), c) for label, c in pairs],
        num_qubits=n,
    )


# --- strings ------------------------------------------------------------------------------------


@given(labels)
def test_a_string_is_the_kronecker_product_of_its_letters(label):
    for written in (label, indexed(label)):
        np.testing.assert_array_equal(PauliString(written).to_matrix(len(label)), dense(label))


@given(labels)
def test_a_string_acts_on_basis_states_as_its_masks_say(label):
    p = PauliString(label)
    matrix = dense(label)
    for j in range(2 ** len(label)):
        sign = (-1) ** (j & p.z).bit_count()
        assert matrix[j ^ p.x, j] == 1j ** (p.x & p.z).bit_count() * sign


@given(labels)
def test_a_string_reads_back_what_it_writes(label):
    p = PauliString(label)
    assert PauliString(str(p)) == p
    assert str(p) == indexed(label)
    assert eval(repr(p)) == p
    assert PauliString.from_masks(p.x, p.z) == p


@given(labels, st.permutations(range(MAX)))
def test_letters_act_on_the_chosen_qubits(label, order):
    qubits = order[: len(label)]
    expected = embedded(dense(label[::-1]), qubits, MAX)  # letter k is bit k of the small index
    np.testing.assert_array_equal(PauliString(label, qubits).to_matrix(MAX), expected)


@given(st.text("IXYZ", min_size=3, max_size=3), st.text("IXYZ", min_size=3, max_size=3))
def test_products_and_commutation_of_strings_are_those_of_matrices(a, b):
    p, q = PauliString(a), PauliString(b)
    phase, product = p.product(q)
    expected = dense(a) @ dense(b)
    np.testing.assert_array_equal(phase * product.to_matrix(3), expected)
    np.testing.assert_array_equal(PauliSum(p @ q, num_qubits=3).to_matrix(), expected)
    assert p.commutes(q) == np.array_equal(expected, dense(b) @ dense(a))


@given(labels)
def test_weight_and_support_are_the_letters_that_are_not_identity(label):
    p = PauliString(label)
    assert p.support == tuple(q for q, c in enumerate(reversed(label)) if c != "I")
    assert p.weight == len(p.support)


def test_strings_are_values():
    assert PauliString("X0 Z3") == PauliString(" Z3*X0 ") == PauliString("ZIIX")
    assert {PauliString("X0"), PauliString("X"), PauliString("IX")} == {PauliString("X0")}
    assert PauliString() == PauliString("I") == PauliString("III")
    assert pickle.loads(pickle.dumps(PauliString("Y5"))) == PauliString("Y5")
    assert jax.tree.leaves(PauliString("X0")) == []
    with pytest.raises(AttributeError):
        PauliString("X0").x = 3


def test_arithmetic_of_strings_gives_sums():
    x, z = PauliString("X0"), PauliString("Z1")
    assert 0.5 * x - z / 2 + 1 == PauliSum("0.5 * X0 - 0.5 * Z1 + 1")
    assert -x + x == PauliSum({}, num_qubits=1)
    assert x.commutator(PauliString("Y0")) == PauliSum("(2j) * Z0")


# --- building sums ------------------------------------------------------------------------------

WANTED = 0.5 * np.kron(dense("ZII"), dense("X")) - 1.2 * dense("IIYI") + 2 * np.eye(16)


@pytest.mark.parametrize(
    "terms",
    [
        "0.5 * X0 Z3 - 1.2 * Y1 + 2",
        "  2+.5X0Z3-12e-1*Y1",
        "0.5 X0 * Z3 + -1.2 Y1 - -2 * I",
        "2 + 0.25 * ZIIX - (1.2+0j) * IIYI + 0.25 Z3 X0",
        {"X0 Z3": 0.5, "Y1": -1.2, "": 2},
        {"X0 Z3": 0.5, "Y1": -1.2, "I": 1, "IIII": 1},
        {PauliString("ZIIX"): 0.5, PauliString("Y1"): np.float64(-1.2), PauliString(): 2},
        [("ZIIX", 0.5), ("IIYI", -1.2 + 0j), ("IIII", 2)],
        [("ZIIX", 0.25), ("X0 Z3", 0.25), ["Y1", np.array(-1.2)], ("I", 2)],
        0.5 * PauliString("X0 Z3") - 1.2 * PauliString("Y1") + 2,
    ],
)
def test_all_ways_of_writing_a_sum_give_the_same_operator(terms):
    operator = PauliSum(terms)
    assert operator.num_qubits == 4
    assert_same(operator.to_matrix(), WANTED)
    assert operator.coefficients.dtype == np.float64
    assert len(operator) == 3


def test_letters_on_qubits_make_a_sum():
    assert PauliSum("ZX", qubits=(0, 3)) == PauliSum("Z0 X3")
    assert PauliSum({"ZZ": 2, "XI": 1}, qubits=[3, 1]) == PauliSum("2 * Z3 Z1 + X3")
    assert PauliSum("Z", qubits=2, num_qubits=5).num_qubits == 5


def test_the_number_of_qubits_is_the_lowest_that_fits_unless_given():
    assert PauliSum("Z2").num_qubits == 3
    assert PauliSum("Z0 I2").num_qubits == 3
    assert PauliSum("IIZ").num_qubits == 3
    assert PauliSum("3").num_qubits == 0
    assert PauliSum({}, num_qubits=2).num_qubits == 2
    assert PauliSum(PauliSum("Z0"), num_qubits=4).num_qubits == 4
    assert (PauliSum("Z0", num_qubits=4) + PauliSum("X1")).num_qubits == 4
    assert PauliSum("Z61").num_qubits == 62


def test_terms_keep_their_order_and_their_masks():
    operator = PauliSum("Z1 + 2 * Y0 X2 + 3 * Z1 + 4")
    assert [str(s) for s in operator.strings] == ["Z1", "Y0 X2", "I"]
    assert list(operator) == [(PauliString("Z1"), 4), (PauliString("Y0 X2"), 2), (PauliString(), 4)]
    np.testing.assert_array_equal(operator.x_masks, [0, 0b101, 0])
    np.testing.assert_array_equal(operator.z_masks, [0b010, 0b001, 0])
    assert operator.x_masks.dtype == operator.z_masks.dtype == np.int64


def test_groups_hold_every_term_once_by_x_mask():
    operator = PauliSum("X1 + Z0 + X1 Z0 + Z1 Z0 + Y0 + 1")
    groups = operator.groups()
    assert [x for x, _ in groups] == [0, 1, 2]
    assert sorted(np.concatenate([terms for _, terms in groups])) == list(range(6))
    for x, terms in groups:
        assert set(operator.x_masks[terms]) == {x}
    assert operator.groups() is groups
    assert PauliSum({}, num_qubits=1).groups() == ()


@given(sums())
def test_a_sum_reads_back_what_it_writes(pairs):
    operator = pauli_sum(pairs)
    assert PauliSum(str(operator), num_qubits=3) == operator
    assert eval(repr(operator)) == operator


def test_text_of_a_sum_is_readable():
    assert str(PauliSum("-1*Z0 + 1.0 X0 Z3 -1.2*Y1 + 2")) == "-Z0 + X0 Z3 - 1.2 * Y1 + 2"
    assert str(PauliSum({"Z0": 0.5 - 1j})) == "(0.5-1j) * Z0"
    assert str(PauliSum({}, num_qubits=1)) == "0"
    many = PauliSum({f"Z{q}": 1.0 for q in range(20)})
    assert "and 8 more terms, num_qubits=20" in repr(many)


def test_known_coefficients_keep_double_precision_and_cannot_be_changed():
    operator = PauliSum({"Z0": 0.1, "X0": jnp.float32(0.5)})
    assert operator.coefficients.tolist() == [0.1, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        operator.coefficients[0] = 2
    assert PauliSum({"Z0": 10**30}).coefficients.tolist() == [1e30]
    assert PauliSum({"Z0": 1j}).coefficients.dtype == np.complex128


# --- algebra ------------------------------------------------------------------------------------


@given(sums(), sums(), complex_numbers)
def test_the_algebra_of_sums_is_the_algebra_of_matrices(a, b, c):
    p, q = pauli_sum(a), pauli_sum(b)
    A, B, one = dense_sum(a, 3), dense_sum(b, 3), np.eye(8)
    assert_same(p.to_matrix(), A)
    assert_same((p + q).to_matrix(), A + B)
    assert_same((p - q).to_matrix(), A - B)
    assert_same((-p).to_matrix(), -A)
    assert_same((+p).to_matrix(), A)
    assert_same((c * p).to_matrix(), c * A)
    assert_same((p * c + c - 2).to_matrix(), c * A + (c - 2) * one)
    assert_same((1 - p).to_matrix(), one - A)
    # A product adds up 64 terms of size up to (8 sqrt 2)^2.
    assert_same((p @ q).to_matrix(), A @ B, 64 * 128)
    assert_same(p.commutator(q).to_matrix(), A @ B - B @ A, 64 * 256)
    assert_same(p.adjoint().to_matrix(), A.conj().T)
    if c:
        assert_same((p / c).to_matrix(), A / c)


@given(sums(), sums())
def test_no_string_stands_twice(a, b):
    for operator in (pauli_sum(a), pauli_sum(a) + pauli_sum(b), pauli_sum(a) @ pauli_sum(b)):
        assert len(set(operator.strings)) == len(operator)


@given(sums().filter(len), sums().filter(len))
def test_sums_agree_with_qiskit(a, b):
    p, q = SparsePauliOp.from_list(a), SparsePauliOp.from_list(b)
    ours, others = PauliSum(p.to_list()), PauliSum(q.to_list())
    assert_same(ours.to_matrix(), p.to_matrix())
    assert_same((ours @ others).to_matrix(), (p @ q).to_matrix(), 64 * 128)
    assert_same(ours.to_matrix(sparse=True).toarray(), p.to_matrix(sparse=True).toarray())


def test_the_built_in_sum_adds_operators():
    assert sum(PauliString(f"Z{q}") for q in range(3)) == PauliSum("Z0 + Z1 + Z2")


@pytest.mark.parametrize("two", [2, 2.0, np.float32(2), np.array(2), jnp.float32(2), np.int64(2)])
def test_every_kind_of_number_is_a_scalar(two):
    z = PauliSum("Z0")
    for result in (two * z, z * two, z + z / two + two * z / 4):
        assert isinstance(result, PauliSum)
        assert result == PauliSum("2 * Z0")
    assert two + z == z + two == PauliSum("Z0 + 2")
    assert two - z == PauliSum("2 - Z0")


def test_simplify_drops_small_terms_and_small_imaginary_parts():
    operator = PauliSum({"Z0": 1 + 1e-14j, "X0": 1e-14, "Y0": 0})
    assert len(operator.simplify()) == 2
    assert operator.simplify(1e-12) == PauliSum("Z0")
    assert operator.simplify(1e-12).coefficients.dtype == np.float64
    assert len(PauliSum("Z0 - Z0").simplify()) == 0


def test_equality_is_that_of_operators():
    a = PauliSum("Z0 + 2 * X1")
    assert a == PauliSum("2 * X1 + Z0 + 0 * Y0")
    assert hash(a) == hash(PauliSum("2 * X1 + Z0 + 0 * Y0"))
    assert a != PauliSum("Z0 + 2.5 * X1")
    assert a != PauliSum(a, num_qubits=3)
    assert a != "Z0 + 2 * X1"


def test_hermitian_is_real_coefficients():
    assert PauliSum("Z0 + Y1").is_hermitian()
    assert not PauliSum("Z0 + (1e-9j) * Y1").is_hermitian()
    assert PauliSum("Z0 + (1e-9j) * Y1").is_hermitian(atol=1e-8)
    z, x = PauliString("Z0"), PauliString("X0")
    assert (1j * z.commutator(x)).is_hermitian()
    assert not z.commutator(x).is_hermitian()


def test_commuting_operators_have_commutator_zero():
    heisenberg = PauliSum("X0 X1 + Y0 Y1 + Z0 Z1 + X1 X2 + Y1 Y2 + Z1 Z2")
    total_spin = PauliSum("Z0 + Z1 + Z2")
    assert heisenberg.commutator(total_spin) == PauliSum({}, num_qubits=3)


def test_sums_pickle_to_another_process():
    operator = PauliSum("0.5 * Z0 Z1 + X0")
    hash(operator.structure)
    code = (
        "import pickle, sys; from qjax.observables import PauliSum;"
        "a = pickle.load(sys.stdin.buffer); b = PauliSum('0.5 * Z0 Z1 + X0');"
        "assert a == b and a.structure == b.structure and hash(a.structure) == hash(b.structure)"
    )
    subprocess.run([sys.executable, "-c", code], input=pickle.dumps(operator), check=True)


# --- matrices and ground states -----------------------------------------------------------------


def ising(n, field):
    """Transverse-field Ising ring."""
    bonds = {f"Z{q} Z{(q + 1) % n}": -1.0 for q in range(n)}
    return PauliSum({**bonds, **{f"X{q}": -field for q in range(n)}})


def ising_energy(n):
    """Ground energy of the critical ring: minus the sum of the free fermions' energies.

    P. Pfeuty, The one-dimensional Ising model with a transverse field, Ann. Phys. 57, 79 (1970):
    E = - sum over k = (2m + 1) pi / n of |2 sin(k / 2)|, at field 1.
    """
    return -sum(abs(2 * np.sin((2 * m + 1) * np.pi / (2 * n))) for m in range(n))


@pytest.mark.parametrize("n", [4, 8, 10])
def test_the_ground_energy_of_the_critical_ising_ring_is_known(n):
    energies, vectors = ising(n, 1.0).ground_state(k=2)
    assert energies.shape == (2,) and vectors.shape == (2, 2**n)
    np.testing.assert_allclose(energies[0], ising_energy(n), rtol=EPS * 2**n)
    assert energies[0] < energies[1]
    matrix = ising(n, 1.0).to_matrix(sparse=True)
    for energy, vector in zip(energies, vectors, strict=True):
        residual = np.linalg.norm(matrix @ vector - energy * vector)
        assert residual < EPS * 2**n * abs(energy)
        np.testing.assert_allclose(np.linalg.norm(vector), 1, rtol=EPS * 2**n)


@given(sums(numbers), st.integers(1, 8))
def test_the_lowest_energies_are_the_lowest_eigenvalues(pairs, k):
    energies, vectors = pauli_sum(pairs).ground_state(k)
    matrix = dense_sum(pairs, 3)
    assert_same(energies, np.linalg.eigvalsh(matrix)[:k], 512)
    assert_same(vectors @ matrix.T, energies[:, None] * vectors, 512)
    assert_same(vectors.conj() @ vectors.T, np.eye(k), 512)


def test_the_ground_state_of_a_diagonal_operator_is_exact_on_many_qubits():
    n = 16
    energies, vectors = PauliSum({f"Z{q}": q + 1 for q in range(n)}).ground_state()
    assert energies[0] == -n * (n + 1) / 2
    assert np.argmax(vectors[0]) == 2**n - 1


def test_complex_hamiltonians_have_a_ground_state():
    operator = PauliSum({f"Y{q}": 1.0 for q in range(9)} | {"X0": 1.0})
    energies, _ = operator.ground_state()
    np.testing.assert_allclose(energies[0], -8 - np.sqrt(2), rtol=EPS * 2**9)


def test_a_real_operator_has_a_real_sparse_matrix():
    assert PauliSum("X0 + Y0 Y1").to_matrix(sparse=True).dtype == np.float64
    assert PauliSum("Y0").to_matrix(sparse=True).dtype == np.complex128
    assert PauliString("Z1").to_matrix(3, sparse=True).shape == (8, 8)


# --- inside JAX ---------------------------------------------------------------------------------


def test_a_sum_is_a_pytree_with_one_leaf():
    operator = PauliSum("0.5 * Z0 Z1 + X0")
    leaves, tree = jax.tree.flatten(operator)
    assert len(leaves) == 1 and leaves[0].shape == (2,)
    for odd in (object(), None, "text"):
        assert jax.tree.unflatten(tree, [odd]).num_qubits == 2
    same = jax.tree.structure(PauliSum("3 * Z0 Z1 - X0"))
    assert tree == same and hash(tree) == hash(same)
    assert tree != jax.tree.structure(PauliSum("X0 + Z0 Z1"))
    assert tree != jax.tree.structure(PauliSum(operator, num_qubits=3))


def test_a_jitted_function_is_traced_once_per_structure():
    traces = []

    @jax.jit
    def doubled(operator):
        traces.append(operator)
        return 2 * operator

    for c in (1.0, 2.0, 3.0):
        assert doubled(PauliSum({"Z0": c, "X0": 0.5})) == PauliSum({"Z0": 2 * c, "X0": 1.0})
    assert len(traces) == 1


def mixed(t):
    """Arithmetic of all kinds with traced numbers."""
    a = PauliSum({"Z0": t, "X0 Y1": 2.0, "Y1": t * t, "Z0 I1": 0.5}, num_qubits=2)
    b = t * a - PauliSum("Z1 + 0.3 * X0") / t + t
    return (a @ b + 2 * a.commutator(b).adjoint() - 1j * b - 3).simplify()


def mixed_dense(t):
    a = t * dense("IZ") + 2 * dense("YX") + t * t * dense("YI") + 0.5 * dense("IZ")
    b = t * a - (dense("ZI") + 0.3 * dense("IX")) / t + t * np.eye(4)
    return a @ b + 2 * (a @ b - b @ a).conj().T - 1j * b - 3 * np.eye(4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_traced_arithmetic_is_that_of_matrices(dtype):
    with jax.enable_x64(dtype is np.float64):
        t = jnp.asarray(0.7, dtype)
        matrix = jax.jit(lambda t: mixed(t).to_matrix())(t)
        assert matrix.dtype == np.result_type(dtype, np.complex64)
        expected = mixed_dense(float(t))
        np.testing.assert_allclose(matrix, expected, rtol=0, atol=64 * np.finfo(dtype).eps * 8)
        np.testing.assert_allclose(mixed(t).to_matrix(), expected, atol=64 * EPS * 8)


def test_gradients_flow_through_the_algebra():
    def energy(t, matrix):
        return jnp.real(matrix(t)[0, 0] + matrix(t)[1, 2])

    with jax.enable_x64(True):
        step = 1e-5
        up, down = mixed_dense(0.7 + step), mixed_dense(0.7 - step)
        slope = ((up - down)[0, 0] + (up - down)[1, 2]).real / (2 * step)
        value = jax.jit(jax.grad(lambda t: energy(t, lambda t: mixed(t).to_matrix())))(0.7)
        np.testing.assert_allclose(value, slope, rtol=1e-8)  # central differences: step**2


def test_the_gradient_with_respect_to_a_sum_is_a_sum():
    operator = PauliSum("2 * Z0 + 3 * X0")

    def purity(o):
        return (o @ o).to_matrix().real[0, 0]

    gradient = jax.grad(purity)(operator)
    assert isinstance(gradient, PauliSum)
    assert gradient == PauliSum("4 * Z0 + 6 * X0")


def test_vmap_runs_over_batches_of_coefficients():
    operator = PauliSum("Z0 + X0 Z1")
    batch = jnp.arange(6.0).reshape(3, 2)
    many = operator.with_coefficients(batch)
    assert many.coefficients.shape == (3, 2)
    matrices = jax.vmap(lambda o: (o + 1).to_matrix())(many)
    for row, matrix in zip(np.asarray(batch), matrices, strict=True):
        expected = row[0] * dense("IZ") + row[1] * dense("ZX") + np.eye(4)
        np.testing.assert_array_equal(matrix, expected)
    squares = jax.vmap(lambda o: o @ o)(many)
    assert squares.coefficients.shape == (3, len(squares))
    np.testing.assert_array_equal((many + operator).coefficients, np.asarray(batch) + 1)


def test_traced_coefficients_can_replace_known_ones():
    operator = PauliSum("Z0 + X0")
    gradient = jax.grad(lambda c: operator.with_coefficients(c).to_matrix().real[0, 0])
    np.testing.assert_array_equal(gradient(jnp.ones(2)), [1, 0])
    listed = jax.jit(lambda t: operator.with_coefficients([t, 2]))(3.0)
    assert listed == PauliSum("3 * Z0 + 2 * X0")


def test_traced_sums_say_what_they_cannot_know():
    def traced(f):
        jax.jit(lambda t: f(PauliSum({"Z0": t}) * 1j))(1.0)

    with pytest.raises(ObservableError, match="ground_state: coefficients must be known, but are"):
        traced(lambda o: o.ground_state())
    with pytest.raises(ObservableError, match="is_hermitian: coefficients must be known"):
        traced(lambda o: o.is_hermitian())
    with pytest.raises(ObservableError, match=r"to_matrix\(sparse=True\): coefficients must be"):
        traced(lambda o: o.to_matrix(sparse=True))
    traced(lambda o: [str(o), repr(o), hash(o), o == o, o.simplify(), list(o)] and None)


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must have a Pauli string, .* at position 0, but has the text's end"),
        ("X0 Z", r"must have \+ or - between two terms at position 3, but has 'Z'"),
        ("0.5 * ", "must have a Pauli string, .* at position 6, but has the text's end"),
        ("2 3", r"must have \+ or - between two terms at position 2, but has '3'"),
        ("X0 + * Z1", r"at position 5, but has '\*'"),
        ("X0 Q1", "at position 3, but has 'Q'"),
        ("X62", "must have a qubit in 0..61 at position 0, but has 'X62'"),
        ("Z1 + X0 Y0", "must have a qubit not yet named at position 8, but has 'Y0'"),
        ("(1+) X0", r"must have a complex number, .* at position 0, but has '\(1\+\)'"),
        ("x0", "at position 0, but has 'x'"),
        ("nan * X0", "at position 0, but has 'n'"),
        ("X" * 63, "must have at most 62 letters at position 0"),
        ("1e999 * X0", "coefficient of 'X0' must be finite, but is inf"),
    ],
)
def test_bad_text_is_refused_with_its_place(text, message):
    with pytest.raises(ObservableError, match=message):
        PauliSum(text)


def test_the_place_in_a_long_text_is_marked():
    text = " + ".join(f"Z{q}" for q in range(40)) + " ? X0"
    with pytest.raises(ObservableError) as raised:
        PauliSum(text)
    _, excerpt, mark = str(raised.value).split("\n")
    assert excerpt[mark.index("^")] == "?"
    assert len(excerpt) < 70


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: PauliString("0.5 X0"), "at position 0, but has '0'"),
        (lambda: PauliString("X0 + Z1"), "must have the end or a letter with an index"),
        (lambda: PauliString(3), "text must be a string, but is 3"),
        (lambda: PauliString("XZ", (0, 0)), "qubits must be distinct"),
        (lambda: PauliString("XZ", 0), r"as many as its letters \(2\), but are \(0,\)"),
        (lambda: PauliString("X", -1), "qubit must be in 0..61 in 62 qubits, but is -1"),
        (lambda: PauliString("X1", 0), "must be letters of I, X, Y, Z when qubits are given"),
        (lambda: PauliString.from_masks(-1, 0), r"x mask must be in 0..2\*\*62-1, but is -1"),
        (lambda: PauliSum("ZZ", num_qubits=4), "one letter for each of the 4 qubits, but 'ZZ'"),
        (lambda: PauliSum({"ZZ": 1, "X": 2}), "one letter for each of the 2 qubits, but 'X'"),
        (lambda: PauliSum("Z5", num_qubits=3), r"must be in 6..62 for these strings, but is 3"),
        (lambda: PauliSum("Z5", num_qubits=63), r"must be in 6..62 for these strings"),
        (lambda: PauliSum("Z5", num_qubits=6.5), "num_qubits must be an integer, but is 6.5"),
        (lambda: PauliSum({"Z0": "a"}), "coefficient of 'Z0' must be a number .* but is 'a'"),
        (lambda: PauliSum({"Z0": True}), "coefficient of 'Z0' must be a number .* but is True"),
        (lambda: PauliSum({"Z0": np.ones(2)}), r"but is an array of shape \(2,\)"),
        (lambda: PauliSum({"Z0": np.nan}), "coefficient of 'Z0' must be finite, but is nan"),
        (lambda: PauliSum({"Z0": 1j * np.inf}), "coefficient of 'Z0' must be finite"),
        (lambda: PauliSum({3: 1.0}), "a string must be text or a PauliString, but is 3"),
        (lambda: PauliSum(3), "terms must be text, a mapping .* but one is 3"),
        (lambda: PauliSum([("X0", 1, 2)]), "terms must be text, a mapping"),
        (lambda: PauliSum(PauliString("X0"), qubits=1), "qubits must come with letters"),
        (lambda: PauliSum({PauliString("X0"): 1}, qubits=1), "qubits must come with letters"),
        (lambda: PauliSum("X0") * PauliSum("X0"), "factor must be .*, but is PauliSum.* a @ b"),
        (lambda: PauliSum("X0") * np.ones(2), r"factor must be .* array of shape \(2,\)"),
        (lambda: PauliSum("X0") * np.nan, "factor must be finite, but is nan"),
        (lambda: PauliSum("X0") / 0, "divisor must not be 0"),
        (lambda: PauliSum("X0").commutator(2), "other must be a PauliSum, but is 2"),
        (lambda: PauliSum("X0").with_coefficients([1, 2]), r"must have shape \(..., 1\)"),
        (lambda: PauliSum("X0").with_coefficients(["a"]), "coefficients must be numbers"),
        (lambda: PauliSum("X0").with_coefficients([np.nan]), "finite, but that of X0 is nan"),
        (lambda: PauliSum("(1j) * X0").ground_state(), "must be Hermitian, but a coefficient"),
        (lambda: PauliSum("X0").ground_state(3), r"k must be in 1..2, but is 3"),
        (lambda: PauliSum("X0").ground_state(0), "k must be at least 1, but is 0"),
        (lambda: PauliSum("X0").with_coefficients([[1]]).to_matrix(), "Use jax.vmap"),
    ],
)
def test_bad_strings_and_sums_are_refused(build, message):
    with pytest.raises(ObservableError, match=message):
        build()


def test_adding_what_is_no_operator_is_a_type_error():
    with pytest.raises(TypeError):
        PauliSum("X0") + "Z0"
    with pytest.raises(TypeError):
        PauliSum("X0") @ 2


# --- projectors, diagonals, matrices ------------------------------------------------------------

QUBITS = [None, (0, 1), (1, 0), (2, 0), (1, 3)]


@pytest.mark.parametrize("qubits", QUBITS)
def test_operators_on_qubits_are_their_matrices_there(qubits):
    rng = np.random.default_rng(1)
    places = qubits or (0, 1)
    vector = rng.normal(size=4) + 1j * rng.normal(size=4)
    vector /= np.linalg.norm(vector)
    matrix = np.outer(vector, vector) + np.outer(vector, vector).conj().T
    values = rng.normal(size=4)
    for operator, small in [
        (Projector(vector, qubits), np.outer(vector, vector.conj())),
        (Projector("10", qubits), np.diag([0, 0, 1, 0])),
        (Diagonal(values, qubits), np.diag(values)),
        (Hermitian(matrix, qubits), matrix),
    ]:
        assert operator.qubits == places
        assert operator.num_qubits == max(places) + 1
        assert_same(operator.to_matrix(4), embedded(small, places, 4))
        assert operator.to_matrix().shape == (2**operator.num_qubits,) * 2
        assert operator == jax.tree.map(lambda leaf: leaf, operator)
        assert hash(operator) == hash(jax.tree.map(lambda leaf: leaf, operator))
        traced = jax.jit(lambda o: o.to_matrix(4))(operator)
        single = 64 * np.finfo(np.float32).eps
        np.testing.assert_allclose(traced, embedded(small, places, 4), atol=single)


def test_a_bitstring_prints_its_highest_qubit_first():
    projector = Projector("011")
    assert projector.index == 3
    assert projector.vector.tolist() == [0, 0, 0, 1, 0, 0, 0, 0]
    assert repr(projector) == "Projector('011', qubits=(0, 1, 2))"
    assert jax.tree.leaves(projector) == []
    half = PauliString("ZII").to_matrix() / 2
    np.testing.assert_array_equal(Projector("1", 2).to_matrix(), np.eye(8) / 2 - half)


def test_projectors_are_idempotent():
    for state in ("01", [0.6, 0.8j]):
        p = Projector(state).to_matrix()
        assert_same(p @ p, p)


def test_operators_are_equal_if_class_qubits_and_numbers_are():
    assert Diagonal([1, 2]) == Diagonal([1.0, 2.0], qubits=0)
    assert Diagonal([1, 2]) != Diagonal([1, 2], qubits=1)
    assert Diagonal([1, 2]) != Diagonal([1, 3])
    assert Projector("0") != Projector("1")
    assert Projector("0") != Diagonal([1, 0])


def test_numbers_of_operators_are_traced_batched_and_differentiated():
    def top(o):
        return o.to_matrix().real[-1, -1]

    gradient = jax.grad(top)(Diagonal([1.0, 2.0], qubits=1))
    assert gradient == Diagonal([0, 1], qubits=1)
    made = jax.jit(lambda v: Diagonal(v, qubits=(1, 0)))(jnp.arange(4.0))
    assert made == Diagonal([0, 1, 2, 3], qubits=(1, 0))
    tops = jax.vmap(lambda v: top(Projector(v)))(jnp.eye(2))
    np.testing.assert_array_equal(tops, [0, 1])
    slope = jax.grad(lambda t: top(Hermitian(jnp.array([[0.0, 1.0], [1.0, 0.0]]) * t + t)))(0.5)
    assert slope == 1
    for operator in (Projector("01"), Projector([1, 0]), Diagonal([1, 2]), Hermitian(np.eye(2))):
        leaves, tree = jax.tree.flatten(operator)
        assert tree.unflatten([object()] * len(leaves)).qubits == operator.qubits
        assert hash(tree) == hash(jax.tree.structure(operator))


def test_numbers_of_single_precision_pass_and_their_rounding_is_forgiven():
    vector = np.array([1, 1], np.float32) / np.float32(np.sqrt(2))
    assert Projector(vector).vector.dtype == np.complex128
    skew = np.array([[1, 1 / 3], [np.float32(1 / 3), 1]])
    assert Hermitian(skew).matrix.dtype == np.complex128


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Projector("012"), "a bitstring must be made of 0 and 1, but is '012'"),
        (lambda: Projector(""), "a bitstring must be made of 0 and 1, but is ''"),
        (lambda: Projector([1, 1]), "must have norm 1, but its norm squared is off by 1"),
        (lambda: Projector([1, 0, 0]), r"must have shape \(2\*\*k,\), but has shape \(3,\)"),
        (lambda: Projector([np.nan, 0]), "must be finite, but holds NaN"),
        (lambda: Projector("00", (1, 1)), r"qubits must be distinct, but are \(1, 1\)"),
        (lambda: Projector("00", 1), r"as many as its index bits \(2\), but are \(1,\)"),
        (lambda: Projector("00", (0, -1)), "qubit must be in 0..61 in 62 qubits, but is -1"),
        (lambda: Projector("00").to_matrix(1), r"num_qubits must be at least 2 for qubits"),
        (lambda: Diagonal([1, 2, 3]), r"must have shape \(2\*\*k,\), but has shape \(3,\)"),
        (lambda: Diagonal([1, 2j]), "must be real, but one has imaginary part 2"),
        (lambda: Diagonal([1, np.inf]), "must be finite"),
        (lambda: Diagonal(["a", "b"]), "must hold numbers, but holds"),
        (lambda: jax.jit(Diagonal)(jnp.ones(2, jnp.complex64)), "must be real, but are complex64"),
        (lambda: Hermitian([[0, 1], [2, 0]]), "an entry of M - M\\^dagger is 1"),
        (lambda: Hermitian([[0, 1j], [1j, 0]]), "an entry of M - M\\^dagger is 2"),
        (lambda: Hermitian(np.eye(3)), r"must have shape \(2\*\*k, 2\*\*k\), but has shape"),
        (lambda: Hermitian([[0, 1], [2]]), "must be an array of numbers"),
        (lambda: Hermitian(np.eye(2), (0, 1)), r"as many as its index bits \(1\)"),
        (lambda: jax.jit(Hermitian)(jnp.eye(3)), r"must have shape \(2\*\*k, 2\*\*k\)"),
    ],
)
def test_bad_operators_are_refused(build, message):
    with pytest.raises(ObservableError, match=message):
        build()


# --- size ---------------------------------------------------------------------------------------


def test_a_sum_of_ten_thousand_terms_is_exact():
    rng = np.random.default_rng(0)
    rows = rng.choice(list("IXYZ"), size=(10_000, 24))
    terms = {indexed("".join(row)): float(k) for k, row in enumerate(rows)}
    operator = PauliSum(terms, num_qubits=24)
    assert len(operator) == len(terms)
    doubled = operator + PauliSum(dict(reversed(terms.items())), num_qubits=24)
    assert doubled == 2 * operator
    assert (operator - doubled / 2).simplify() == PauliSum({}, num_qubits=24)


def test_a_product_of_large_sums_obeys_the_binomial_formula():
    rng = np.random.default_rng(0)
    a, b = (
        PauliSum([("".join(row), float(k % 7)) for k, row in enumerate(rows)])
        for rows in rng.choice(list("IXYZ"), size=(2, 300, 8))
    )
    left = (a + b) @ (a - b)
    right = a @ a - b @ b - a.commutator(b)
    assert left == right  # small integers: no rounding
