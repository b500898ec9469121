"""The shipped molecules are what quantum chemistry says, and what their script makes."""

from itertools import combinations

import numpy as np
import oracle
import pytest
from scipy.optimize import minimize_scalar

import qjax as qj
from qjax.library import load_molecule, uccsd
from qjax.library.molecules import molecule, shipped_molecules
from qjax.library.molecules.recipes import RECIPES
from qjax.library.molecules.shipped import to_data

HYDROGEN = load_molecule("h2")
MATRIX = oracle.operator(
    {str(string).replace("I", ""): value for string, value in HYDROGEN.hamiltonian}, 4
)
CHEMISTRY = "needs the extra: pip install qjax[chemistry]"


def lowest_of_sector(made):
    """Lowest energy with the molecule's electrons, half of them up: a dense block."""
    up = [
        sum(1 << 2 * p for p in chosen)
        for chosen in combinations(range(made.num_orbitals), made.num_electrons // 2)
    ]
    states = np.array([a | b << 1 for a in up for b in up])
    block = made.hamiltonian.to_matrix(sparse=True)[states][:, states]
    return np.linalg.eigvalsh(block.toarray())[0]


def shipped():
    """Every molecule at every length; of those with 12 qubits one length each is fast enough."""
    for name, lengths in shipped_molecules().items():
        for length in lengths:
            slow = name in ("beh2", "n2") and length != RECIPES[name].equilibrium
            yield pytest.param(name, length, marks=[pytest.mark.slow] if slow else [])


@pytest.mark.parametrize(("name", "length"), list(shipped()))
def test_the_hamiltonian_has_the_energies_of_quantum_chemistry(name, length):
    made = load_molecule(name, bond_length=length)
    # Integrals and energies have 12 decimals; there are some hundreds of integrals.
    assert abs(lowest_of_sector(made) - made.exact_energy) < 1e-9
    field = int(made.hartree_fock_bits(), 2)
    signs = (-1.0) ** np.bitwise_count(made.hamiltonian.z_masks & field)
    diagonal = made.hamiltonian.x_masks == 0
    energy = (made.hamiltonian.coefficients * signs)[diagonal].sum()
    assert abs(energy - made.hartree_fock_energy) < 1e-9
    assert made.full_ci_energy <= made.exact_energy <= made.hartree_fock_energy


@pytest.mark.parametrize(
    ("name", "length", "field", "full"),
    [
        ("h2", 0.735, -1.116999, -1.137306),
        ("h2", 0.7414, None, -1.137270),
        ("lih", 1.595, -7.862024, -7.882402),
        ("beh2", 1.326, None, -15.595182),
    ],
)
def test_energies_are_those_of_the_literature(name, length, field, full):
    made = load_molecule(name, bond_length=length)
    assert abs(made.full_ci_energy - full) < 1e-6
    assert field is None or abs(made.hartree_fock_energy - field) < 1e-6


def test_twelve_orbitals_of_nitrogen_have_their_known_energy():
    assert abs(load_molecule("n2").exact_energy + 107.622015) < 1e-6


def test_the_hamiltonian_conserves_electrons_and_has_two_in_its_ground_state():
    number = sum((np.eye(16) - oracle.pauli_matrix(f"Z{q}", 4)) / 2 for q in range(4))
    assert np.max(np.abs(number @ MATRIX - MATRIX @ number)) < 1e-14
    ground = np.linalg.eigh(MATRIX)[1][:, 0]
    assert abs(np.vdot(ground, number @ ground) - 2) < 1e-12
    assert abs(np.linalg.eigvalsh(MATRIX)[0] - HYDROGEN.exact_energy) < 1e-11


@pytest.mark.parametrize("mapping", ["parity", "bravyi-kitaev"])
def test_every_map_has_the_same_energies(mapping):
    other = HYDROGEN.to_qubits(mapping).to_matrix()
    assert np.abs(np.linalg.eigvalsh(other) - np.linalg.eigvalsh(MATRIX)).max() < 1e-13
    field = int(HYDROGEN.hartree_fock_bits(mapping), 2)
    assert abs(other[field, field] - HYDROGEN.hartree_fock_energy) < 1e-11


@pytest.mark.parametrize("name", ["xe", "../molecules/h2", 3])
def test_unknown_molecules_are_refused(name):
    with pytest.raises(qj.QjaxError, match=f"one of h2, .*, n2, but is {name!r}"):
        load_molecule(name)


def test_a_bond_length_that_is_not_there_is_refused():
    with pytest.raises(qj.QjaxError, match=r"LiH must be one of 1\.0, .*, but is 1\.7"):
        load_molecule("lih", bond_length=1.7)


def test_pyscf_makes_what_is_shipped():
    pytest.importorskip("pyscf", reason=CHEMISTRY)
    for name in ("h2", "h3+", "lih"):
        made = molecule(name, active_space=RECIPES[name].active_space)
        shipped = load_molecule(name)
        assert to_data(made).keys() == to_data(shipped).keys()
        for kind in ("hartree_fock_energy", "exact_energy", "full_ci_energy", "constant"):
            assert abs(getattr(made, kind) - getattr(shipped, kind)) < 1e-9
        # The sign of an orbital is free; the lowest two are not degenerate.
        assert np.abs(made.one_body**2 - shipped.one_body**2)[:2, :2].max() < 1e-8


def test_a_molecule_of_ones_own_is_made_by_pyscf():
    pytest.importorskip("pyscf", reason=CHEMISTRY)
    half = np.deg2rad(104.478) / 2
    y, z = 0.9578 * np.sin(half), 0.9578 * np.cos(half)
    water = [("O", (0, 0, 0)), ("H", (0, y, z)), ("H", (0, -y, z))]
    made = molecule("water", water, active_space=(4, 4))
    # A published geometry to some 1e-5 angstrom: its energy is known to as many hartree.
    assert abs(made.exact_energy + 74.970454) < 1e-5
    assert abs(made.full_ci_energy + 75.012578) < 1e-5
    assert made.num_qubits == 8
    assert abs(lowest_of_sector(made) - made.exact_energy) < 1e-9


def test_openfermion_makes_the_same_qubits():
    ops = pytest.importorskip("openfermion", reason=CHEMISTRY)
    lithium = load_molecule("lih")
    one, two = ops.chem.molecular_data.spinorb_from_spatial(
        lithium.one_body, np.ascontiguousarray(lithium.two_body.transpose(0, 2, 3, 1))
    )
    theirs = ops.jordan_wigner(ops.InteractionOperator(lithium.constant, one, 0.5 * two))
    expected = {
        " ".join(f"{p}{q}" for q, p in string) or "I": value.real
        for string, value in theirs.terms.items()
    }
    difference = lithium.hamiltonian - qj.PauliSum(expected, num_qubits=10)
    assert len(difference.simplify(1e-11)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"name": "xe"}, "give a geometry, or one of the names h2"),
        ({"name": "h2", "geometry": [("H", (0, 0))]}, "pairs of a symbol and a position"),
        ({"name": "h2", "bond_length": -1.0}, "bond_length must be positive"),
        ({"name": "h2", "charge": 1}, "number of electrons must be even, but is 1"),
        ({"name": "h2", "active_space": (2, 9)}, "active_space must be"),
        ({"name": "h2", "active_space": 2}, "active_space must be"),
        ({"name": "h2", "basis": "none-such"}, "PySCF refuses it"),
        (
            {"name": "h2", "geometry": [("H", (0, 0, 0))], "bond_length": 1.0},
            "a geometry or a bond_length, not both",
        ),
    ],
)
def test_what_cannot_be_made_is_refused(options, message):
    pytest.importorskip("pyscf", reason=CHEMISTRY)
    with pytest.raises(qj.QjaxError, match=message):
        molecule(**options)


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
