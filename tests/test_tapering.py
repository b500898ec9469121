"""Tapering by symmetries: each sector has its part of the spectrum, and together they have all."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import qjax as qj
from qjax.library import load_molecule
from qjax.library.hamiltonians import fermi_hubbard, heisenberg, transverse_field_ising
from qjax.library.lattices import chain, grid, ring
from qjax.library.tapering import kept_qubits, symmetries, taper

SUMS = {
    "ising": transverse_field_ising(chain(4), field=0.7),
    "heisenberg": heisenberg(ring(4)),
    "hubbard": fermi_hubbard(grid(2, 2), interaction=3.0),
    "hydrogen": load_molecule("h2").hamiltonian,
    "h3+": load_molecule("h3+").hamiltonian,
    "diagonal": qj.PauliSum("Z0 Z1 + 0.5 * Z2 + 0.3", num_qubits=4),
    "many at one qubit": qj.PauliSum("X0 X1 + Z0 Z1 + Y2 Y3 + 0.1 * Y0 Y1"),
    "none": qj.PauliSum("X0 + Y0 + Z0 + X0 X1 + Z1"),
}


def spectrum(hamiltonian):
    if not hamiltonian.num_qubits:
        return np.array([sum(np.real(hamiltonian.coefficients))])
    return np.linalg.eigvalsh(hamiltonian.to_matrix())


@pytest.mark.parametrize("name", SUMS)
def test_symmetries_commute_with_everything_and_are_independent(name):
    strings = symmetries(SUMS[name])
    for string in strings:
        assert all(string.commutes(other) for other, _ in SUMS[name])
        assert all(string.commutes(other) for other in strings)
    group = {(0, 0)}
    for string in strings:
        group |= {(x ^ string.x, z ^ string.z) for x, z in group}
    assert len(group) == 2 ** len(strings)


@pytest.mark.parametrize("name", SUMS)
def test_each_sector_has_the_spectrum_of_its_projected_hamiltonian(name):
    hamiltonian, strings = SUMS[name], symmetries(SUMS[name])
    n = hamiltonian.num_qubits
    matrix, together = hamiltonian.to_matrix(), []
    sectors = list(product((1, -1), repeat=len(strings)))
    for signs in sectors:
        small = spectrum(taper(hamiltonian, signs))
        together.extend(small)
        if len(sectors) <= 16:
            space = np.eye(2**n, dtype=complex)
            for string, sign in zip(strings, signs, strict=True):
                space = space @ (np.eye(2**n) + sign * string.to_matrix(n)) / 2
            values, vectors = np.linalg.eigh(space)
            basis = vectors[:, values > 0.5]
            block = np.linalg.eigvalsh(basis.conj().T @ matrix @ basis)
            assert np.abs(block - small).max() < 1e-12
    assert np.abs(np.sort(together) - spectrum(hamiltonian)).max() < 1e-12


@pytest.mark.parametrize(("name", "left"), [("h2", 1), ("lih", 6), ("h2o", 6), ("n2", 7)])
def test_the_hartree_fock_sector_holds_the_ground_state(name, left):
    molecule = load_molecule(name)
    field = molecule.hartree_fock_bits()
    small = taper(molecule.hamiltonian, field)
    assert small.num_qubits <= left
    assert abs(small.ground_state()[0][0] - molecule.exact_energy) < 1e-9
    kept = kept_qubits(molecule.hamiltonian)
    bits = sum(int(field[-1 - q]) << k for k, q in enumerate(kept))
    assert abs(small.to_matrix()[bits, bits] - molecule.hartree_fock_energy) < 1e-9


def test_two_qubits_of_every_parity_mapping_go():
    hubbard = fermi_hubbard(chain(3), mapping="parity")
    assert len(symmetries(hubbard)) >= 2


def test_coefficients_may_be_traced(double):
    hamiltonian = SUMS["ising"]
    small = jax.jit(lambda c: taper(hamiltonian.with_coefficients(c), [-1]).to_matrix())
    made = small(jnp.asarray(hamiltonian.coefficients))
    assert np.abs(made - taper(hamiltonian, [-1]).to_matrix()).max() < 1e-14


@pytest.mark.parametrize(
    ("sector", "message"),
    [
        ([1, 1], "1 or -1 for each of 1 symmetries"),
        ([2], "1 or -1 for each of 1 symmetries"),
        ("000", "must have 4 bits"),
        ("0000", "must be in one sector, but is in several of X0 X1 X2 X3"),
    ],
)
def test_a_sector_that_does_not_fit_is_refused(sector, message):
    with pytest.raises(qj.QjaxError, match=message):
        taper(SUMS["ising"], sector)
