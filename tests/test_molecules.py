"""The shipped molecules are what quantum chemistry says, and what their script makes."""

import numpy as np
import oracle
import pytest
from scipy.optimize import minimize_scalar

import qjax as qj
from qjax.library import load_molecule, uccsd

HYDROGEN = load_molecule("h2")
MATRIX = oracle.operator({k.replace("I", ""): v for k, v in HYDROGEN.terms.items()}, 4)


def test_the_exact_energy_is_the_lowest_eigenvalue():
    # The data has 14 decimals and the energy 12.
    assert abs(np.linalg.eigvalsh(MATRIX)[0] - HYDROGEN.exact_energy) < 1e-12
    # Full configuration interaction of H2 at 0.7414 angstrom in STO-3G.
    assert abs(HYDROGEN.exact_energy + 1.137270) < 1e-6


def test_the_hartree_fock_state_has_the_hartree_fock_energy():
    assert abs(MATRIX[3, 3].real - HYDROGEN.hartree_fock_energy) < 1e-12


def test_the_hamiltonian_conserves_electrons_and_has_two_in_its_ground_state():
    number = sum((np.eye(16) - oracle.pauli_matrix(f"Z{q}", 4)) / 2 for q in range(4))
    assert np.max(np.abs(number @ MATRIX - MATRIX @ number)) < 1e-14
    ground = np.linalg.eigh(MATRIX)[1][:, 0]
    assert abs(np.vdot(ground, number @ ground) - 2) < 1e-12


def test_the_hamiltonian_is_the_pauli_sum():
    assert np.max(np.abs(HYDROGEN.hamiltonian.to_matrix() - MATRIX)) < 1e-15


@pytest.mark.parametrize("name", ["xe", "../molecules/h2"])
def test_unknown_molecules_are_refused(name):
    with pytest.raises(qj.QjaxError, match=f"one of h2, but is '{name}'"):
        load_molecule(name)


def test_the_script_makes_the_shipped_file():
    pytest.importorskip("pyscf", reason="needs the extra: pip install qjax[chemistry]")
    pytest.importorskip("openfermion", reason="needs the extra: pip install qjax[chemistry]")
    from qjax.library.molecules.make import make

    made = make("h2")
    # An orbital's sign is free, and with it that of no term of H2.
    assert made["terms"].keys() == HYDROGEN.terms.keys()
    for text, value in made["terms"].items():
        assert abs(value - HYDROGEN.terms[text]) < 1e-9
    assert abs(made["exact_energy"] - HYDROGEN.exact_energy) < 1e-9


def test_coupled_cluster_keeps_electrons_and_reaches_the_exact_energy(rng):
    circuit = uccsd(4, 2)
    for _ in range(3):
        state = oracle.statevector(circuit.bind(rng.normal(size=3)))
        weights = np.array([j.bit_count() for j in range(16)])
        assert np.max(np.abs(state[weights != 2])) < 1e-14

    def energy(t):
        state = oracle.statevector(circuit.bind([t, 0, 0]))
        return np.vdot(state, MATRIX @ state).real

    best = minimize_scalar(energy, bracket=(-0.3, 0.3), tol=1e-8)
    assert abs(best.fun - HYDROGEN.exact_energy) < 1e-9


@pytest.mark.parametrize("numbers", [(3, 2), (4, 1), (4, 4), (4, 0)])
def test_coupled_cluster_refuses_odd_numbers(numbers):
    with pytest.raises(qj.QjaxError, match="uccsd"):
        uccsd(*numbers)
