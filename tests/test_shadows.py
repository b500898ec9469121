"""Classical shadows against exact values."""

import jax
import numpy as np
import oracle
import pytest
from strategies import random_circuit

import qjax as qj
from qjax import shadows


def test_expectation_values_of_strings(rng):
    circuit = random_circuit(4, 20, rng)
    state = oracle.statevector(circuit)
    shadow = shadows.classical_shadow(circuit, 20_000, jax.random.key(0))
    assert shadow.bases.shape == shadow.bits.shape == (20_000, 4)
    assert set(np.unique(shadow.bases)) == {0, 1, 2}
    for terms in (
        {"Z0": 1.0},
        {"X1 Y2": 1.0},
        {"Y3": 0.5, "Z0 X3": -2.0, "": 0.25},
        {"X0 Y1 Z2": 1},
    ):
        found = shadow.expectation(qj.PauliSum(terms, num_qubits=4))
        assert abs(found.value - oracle.expectation(state, terms)) < 4.5 * found.standard_error


def test_standard_errors_are_those_of_repetitions(rng):
    circuit = random_circuit(3, 15, rng)
    found = [
        shadows.classical_shadow(circuit, 400, jax.random.key(k)).expectation("X0 + 0.5 Z1 Y2")
        for k in range(200)
    ]
    spread = np.std([f.value for f in found])
    claimed = np.sqrt(np.mean([f.standard_error**2 for f in found]))
    assert abs(claimed / spread - 1) < 5 / np.sqrt(2 * len(found))


def test_purities(rng):
    circuit = random_circuit(4, 25, rng)
    rho = np.asarray(qj.reduced_density_matrix(oracle.statevector(circuit), [2, 0]))
    shadow = shadows.classical_shadow(circuit, 4000, jax.random.key(1))
    found = shadow.purity([2, 0])
    assert abs(found.value - np.trace(rho @ rho).real) < 4.5 * found.standard_error
    assert found.standard_error < 0.1


def test_chunks_give_all_shots(monkeypatch, rng):
    monkeypatch.setattr(shadows, "_CHUNK_AMPLITUDES", 64)
    shadow = shadows.classical_shadow(qj.Circuit(3).h(1), 50, jax.random.key(0))
    assert shadow.bits.shape == (50, 3)
    in_z = shadow.bases[:, 0] == 2
    assert not shadow.bits[in_z, 0].any()  # qubit 0 is in |0>
    in_x = shadow.bases[:, 1] == 0
    assert not shadow.bits[in_x, 1].any()  # and qubit 1 in |+>


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c, k: shadows.classical_shadow(c, 2, k), "at least 3, but are 2"),
        (
            lambda c, k: shadows.classical_shadow(c, 9, k).expectation(qj.Projector("0", [0])),
            "Pauli",
        ),
        (lambda c, k: shadows.classical_shadow(c, 9, k).purity([5]), "purity"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(qj.Circuit(2).h(0), jax.random.key(0))
