"""The oracle agrees with itself where it says the same thing twice, and with closed forms."""

import numpy as np
import oracle
import pytest
from strategies import random_state, random_unitary

EPS = np.finfo(float).eps


@pytest.mark.parametrize("k", [0, 1, 2, 3])
@pytest.mark.parametrize("c", [0, 1, 2])
def test_a_gate_acts_as_its_sum_of_tensor_products(k, c, rng):
    n = 5
    order = [int(q) for q in rng.permutation(n)]
    qubits, controls = order[:k], order[k : k + c]
    values = [int(v) for v in rng.integers(0, 2, c)]
    matrix, state = random_unitary(2**k, rng), random_state(n, rng)
    result = oracle.apply(matrix, qubits, controls, values, state)
    expected = oracle.embed(matrix, qubits, controls, values, n) @ state
    assert np.max(np.abs(result - expected)) <= 16 * EPS


def test_the_first_factor_is_the_least_significant_bit():
    one = np.array([0, 1])
    assert oracle.kron(oracle.X, oracle.I2, oracle.I2)[1, 0] == 1
    assert np.array_equal(oracle.pauli_matrix("Z0", 2).diagonal(), [1, -1, 1, -1])
    assert np.array_equal(oracle.CX @ np.kron([1, 0], one), np.kron(one, one))  # |01> -> |11>


def test_a_bell_pair_has_its_textbook_values():
    bell = np.array([1, 0, 0, 1]) / np.sqrt(2)
    assert np.allclose(oracle.probabilities(bell, [0, 1]), [0.5, 0, 0, 0.5])
    assert np.allclose(oracle.probabilities(bell, [1]), [0.5, 0.5])
    assert np.allclose(oracle.partial_trace(bell, [0]), np.eye(2) / 2)
    terms = {"X0 X1": 1.0, "Y0 Y1": 10.0, "Z0 Z1": 100.0, "Z0": 1000.0, "": 1.0}
    assert np.isclose(oracle.expectation(bell, terms), 1 - 10 + 100 + 1)


def test_the_reduced_state_has_the_marginal_on_its_diagonal(rng):
    state = random_state(4, rng)
    rho = oracle.partial_trace(state, [2, 0])
    assert np.allclose(rho.diagonal(), oracle.probabilities(state, [2, 0]), rtol=0, atol=16 * EPS)


def test_the_central_difference_of_a_sine_is_a_cosine():
    x = np.array([0.3, -1.0])
    gradient = oracle.central_difference(lambda x: np.sin(x[0]) + 2 * np.sin(x[1]), x)
    assert np.allclose(gradient, [np.cos(0.3), 2 * np.cos(1.0)], atol=1e-9)
