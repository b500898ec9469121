"""Ladder operators anticommute on qubits, and every map gives the same physics."""

import numpy as np
import pytest

import qjax as qj
from qjax.library.fermions import (
    MAPPINGS,
    FermionSum,
    bravyi_kitaev,
    from_integrals,
    jordan_wigner,
    occupation_bits,
    parity,
    to_qubits,
)


def fock_ladder(mode, n):
    """a_mode on the Fock space, from its definition on occupations; bit q is mode q."""
    matrix = np.zeros((2**n, 2**n))
    for state in range(2**n):
        if state >> mode & 1:
            below = (state & ((1 << mode) - 1)).bit_count()
            matrix[state ^ 1 << mode, state] = (-1) ** below
    return matrix


def dense(fermions, n):
    total = np.zeros((2**n, 2**n), complex)
    for product, number in fermions.terms.items():
        matrix = np.eye(2**n)
        for mode, raising in product:
            a = fock_ladder(mode, n)
            matrix = matrix @ (a.T if raising else a)
        total += number * matrix
    return total


def random_sum(rng, n, count=30):
    terms = {}
    for _ in range(count):
        length = rng.integers(0, 5)
        product = tuple((int(rng.integers(n)), int(rng.integers(2))) for _ in range(length))
        terms[product] = complex(*rng.normal(size=2))
    return FermionSum(terms, num_modes=n)


@pytest.mark.parametrize("mapping", MAPPINGS)
@pytest.mark.parametrize("n", [1, 3, 4, 5])
def test_a_map_is_a_change_of_basis_of_the_fock_space(mapping, n, rng):
    fermions = random_sum(rng, n)
    place = [
        int(occupation_bits([state >> q & 1 for q in range(n)], mapping), 2)
        for state in range(2**n)
    ]
    matrix = to_qubits(fermions, mapping).to_matrix()
    # 30 products of norm at most 3, each a sum of 16 strings.
    assert np.abs(matrix[np.ix_(place, place)] - dense(fermions, n)).max() < 1e-12


@pytest.mark.parametrize("mapping", MAPPINGS)
def test_ladder_operators_anticommute(mapping):
    n = 6
    a = [to_qubits(FermionSum({f"{j}": 1.0}, num_modes=n), mapping) for j in range(n)]
    for i in range(n):
        for j in range(n):
            assert a[i] @ a[j] + a[j] @ a[i] == 0 * qj.PauliSum("I", num_qubits=n)
            both = (a[i] @ a[j].adjoint() + a[j].adjoint() @ a[i]).simplify()
            assert both == float(i == j) * qj.PauliSum("I", num_qubits=n)


@pytest.mark.parametrize("n", [4, 6, 8])
def test_the_maps_are_those_of_openfermion(n, rng):
    ops = pytest.importorskip("openfermion", reason="needs the extra: pip install qjax[chemistry]")
    fermions = random_sum(rng, n)
    theirs = ops.FermionOperator()
    for product, number in fermions.terms.items():
        theirs += ops.FermionOperator(product, number)
    for mine, other in (
        (jordan_wigner, ops.jordan_wigner),
        (bravyi_kitaev, lambda f: ops.bravyi_kitaev(f, n_qubits=n)),
        (parity, lambda f: ops.binary_code_transform(f, ops.parity_code(n))),
    ):
        expected = {
            " ".join(f"{p}{q}" for q, p in string) or "I": number
            for string, number in other(theirs).terms.items()
        }
        difference = (mine(FermionSum(theirs)) - qj.PauliSum(expected)).simplify(1e-12)
        assert len(difference) == 0


def test_bravyi_kitaev_strings_grow_with_the_logarithm():
    string = {"jordan-wigner": 32, "parity": 32, "bravyi-kitaev": 6}
    for mapping, longest in string.items():
        weights = [
            s.weight
            for j in range(32)
            for s, _ in to_qubits(FermionSum({f"{j}": 1.0}, num_modes=32), mapping)
        ]
        assert max(weights) <= longest, mapping


def test_products_and_adjoints_are_those_of_matrices(rng):
    n = 3
    a, b = random_sum(rng, n, 6), random_sum(rng, n, 6)
    pairs = [
        (a @ b, dense(a, n) @ dense(b, n)),
        (a - 2 * b, dense(a, n) - 2 * dense(b, n)),
        ((a / 2).adjoint(), dense(a, n).conj().T / 2),
    ]
    for made, expected in pairs:
        assert np.abs(dense(made, n) - expected).max() < 1e-12


def test_integrals_give_the_hamiltonian_of_electrons(rng):
    h = rng.normal(size=(2, 2))
    h = h + h.T
    g = rng.normal(size=(2, 2, 2, 2))
    a = [fock_ladder(j, 4) for j in range(4)]
    expected = 0.7 * np.eye(16)
    for p, q in np.ndindex(2, 2):
        for s in (0, 1):
            expected = expected + h[p, q] * a[2 * p + s].T @ a[2 * q + s]
    for p, q, r, s in np.ndindex(2, 2, 2, 2):
        for u in (0, 1):
            for v in (0, 1):
                product = a[2 * p + u].T @ a[2 * r + v].T @ a[2 * s + v] @ a[2 * q + u]
                expected = expected + 0.5 * g[p, q, r, s] * product
    made = from_integrals(h, g, 0.7)
    assert np.abs(dense(made, 4) - expected).max() < 1e-13
    assert np.abs(jordan_wigner(made).to_matrix() - expected).max() < 1e-13


def test_tens_of_thousands_of_products_give_thousands_of_strings(rng):
    n = 8
    g = rng.normal(size=(n, n, n, n))
    fermions = from_integrals(rng.normal(size=(n, n)), g)
    assert len(fermions) > 10_000
    made = to_qubits(fermions, "bravyi-kitaev")
    assert 1_000 < len(made) < 16 * len(fermions)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: FermionSum({"0+": 1.0}), "product must be text"),
        (lambda: FermionSum({((0, 2),): 1.0}), "product must be text"),
        (lambda: FermionSum({"0": float("nan")}), "must be a finite number"),
        (lambda: FermionSum({"3": 1.0}, num_modes=2), "num_modes must be in 4..62, but is 2"),
        (lambda: FermionSum(3.0), "must be a mapping"),
        (lambda: to_qubits(FermionSum({"0": 1.0}), "jw"), "mapping must be one of"),
        (lambda: occupation_bits([2]), "list of 0 and 1"),
        (lambda: from_integrals(np.eye(2), np.eye(2)), "must have shapes"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()
