"""The applications `vqe_molecule` and `materials`: run quickly, and their parts against oracles."""

import functools
import json
import math
from itertools import product

import numpy as np
import pytest
import scipy.linalg

from qjax import apps
from qjax.apps import _curves, _folding, _ground_states, _lattice_energies, _phases, _quench
from qjax.errors import AppError
from qjax.krylov import lowest
from qjax.library import transverse_field_ising

EPS = np.finfo(np.float64).eps


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Run an application for seconds, once for all tests."""

    @functools.cache
    def run(name):
        folder = tmp_path_factory.mktemp(name)
        found = apps.find_app(name)(
            quick=True, output=folder, progress=False, say=lambda text: None
        )
        assert json.loads((folder / "metrics.json").read_text("utf-8")) == found
        return found, {path.stem for path in folder.glob("*.png")}

    return run


def rows(metrics, task, metric=None):
    """Rows by their model, of the tasks that begin so."""
    return {
        r["model"]: r
        for r in metrics["results"]
        if r["task"].startswith(task) and metric in (None, r["metric"])
    }


def dense(terms, n):
    """A sum of strings such as {"X0 Z2": 1.0} as a matrix, qubit 0 the lowest bit."""
    letters = {
        "I": np.eye(2), "X": np.array([[0, 1], [1, 0]]), "Y": np.array([[0, -1j], [1j, 0]]),
        "Z": np.diag([1.0, -1.0]),
    }  # fmt: skip
    total = np.zeros((2**n, 2**n), complex)
    for string, number in terms.items():
        own = {int(word[1:]): word[0] for word in string.split()}
        matrix = np.eye(1)
        for q in range(n):
            matrix = np.kron(letters[own.get(q, "I")], matrix)
        total += number * matrix
    return total


def ising_ring(n, field):
    bonds = {f"Z{q} Z{(q + 1) % n}": -1.0 for q in range(n)}
    return dense(bonds | {f"X{q}": -field for q in range(n)}, n)


def hubbard(sites, interaction):
    """The Hubbard chain from its ladder operators as matrices; mode 2 a + s, lowest bit first."""
    modes = 2 * sites
    lower, one, z = np.array([[0, 1.0], [0, 0]]), np.eye(2), np.diag([1.0, -1.0])

    def annihilate(mode):
        matrix = np.eye(1)
        for q in range(modes):
            matrix = np.kron(lower if q == mode else z if q < mode else one, matrix)
        return matrix

    c = [annihilate(mode) for mode in range(modes)]
    total = np.zeros((2**modes, 2**modes))
    for a, s in product(range(sites - 1), (0, 1)):
        hop = c[2 * a + s].T @ c[2 * a + 2 + s]
        total -= hop + hop.T
    number = [one.T @ one for one in c]
    for a in range(sites):
        total += interaction * number[2 * a] @ number[2 * a + 1]
    return total, sum(number)


# vqe_molecule


def test_energies_along_a_bond_lie_between_exact_and_hartree_fock(quick):
    found, pictures = quick("vqe_molecule")
    assert pictures == {"curves", "fold"}
    for name, parameters in (("LiH", 24), ("H2O", 54)):
        facts = found["facts"][name]
        exact = np.array(facts["exact"])
        # The data hold twelve digits after the point.
        assert facts["largest difference of two exact solutions"] < 1e-11
        assert np.all(np.array(facts["all electrons and orbitals"]) <= exact + 1e-12)
        for method in ("UCCSD", "CISD"):  # both hold the Hartree-Fock state, none is below exact
            energies = np.array(facts[method])
            assert np.all(exact - 1e-11 <= energies)
            assert np.all(energies <= np.array(facts["Hartree-Fock"]))
        errors = rows(found, name, "largest error in mHa")
        assert errors["UCCSD"]["parameters"] == errors["CISD"]["parameters"] == parameters
        assert errors["exact diagonalisation"]["value"] == 0
        worst = 1e3 * np.max(np.array(facts["UCCSD"]) - exact)
        assert errors["UCCSD"]["value"] == pytest.approx(worst, abs=1e-6)
    # Two electrons have no higher excitations than doubles: CISD is exact, and UCCSD can be.
    errors = rows(found, "LiH", "largest error in mHa")
    assert errors["CISD"]["value"] == 0 and errors["UCCSD"]["value"] < 1.6
    assert rows(found, "LiH", "share within chemical accuracy")["UCCSD"]["value"] == 1


def test_the_toy_draws_the_best_fold_more_often_than_chance_and_less_than_annealing(quick):
    found, _ = quick("vqe_molecule")
    facts = {k.partition(": ")[2]: v for k, v in found["facts"].items() if k.startswith("fold")}
    assert facts["most contacts, of all folds"] == most_contacts(facts["sequence"])
    assert facts["best folds that cross themselves"] == 0
    chances = {model: row["value"] for model, row in rows(found, "toy of protein folding").items()}
    count, qubits = facts["folds with the most contacts"], facts["qubits"]
    assert chances["a random fold"] == count / 2**qubits
    quantum = next(v for k, v in chances.items() if k.startswith("QAOA"))
    assert chances["a random fold"] < quantum < chances["simulated annealing"]


def most_contacts(sequence):
    """The most contacts of all walks that do not cross themselves, one residue after the other."""

    def longest(path):
        k = len(path)
        if k == len(sequence):
            return 0
        best = -math.inf
        x, y = path[-1]
        for place in ((x + 1, y), (x - 1, y), (x, y + 1), (x, y - 1)):
            if place in path:
                continue
            touched = sum(
                sequence[k] == sequence[j] == "H" and abs(place[0] - a) + abs(place[1] - b) == 1
                for j, (a, b) in enumerate(path[:-1])
            )
            best = max(best, touched + longest([*path, place]))
        return best

    return longest([(0, 0), (1, 0)])


@pytest.mark.parametrize("sequence", ["HPPH", "HPPHPPH", "HHPHHPHH", "HPHPPHHP"])
def test_the_least_cost_of_a_chain_is_the_best_walk_that_does_not_cross_itself(sequence):
    bits = _folding.num_bits(len(sequence))
    table, crossings = _folding.costs(np.arange(2**bits), sequence)
    assert table.min() == -most_contacts(sequence)
    assert table[crossings > 0].min() >= 0  # the straight chain costs 0
    places = _folding.positions(np.arange(2**bits), len(sequence))
    assert np.all(np.abs(np.diff(places, axis=1)).sum(axis=-1) == 1)
    crossed = [len({tuple(p) for p in fold}) < len(fold) for fold in places.tolist()]
    np.testing.assert_array_equal(crossings > 0, crossed)


def test_annealing_stays_where_nothing_is_lower():
    table = np.arange(16)[::-1]
    ends, looked = _folding.annealed(table, 200, 50, np.random.default_rng(0))
    assert looked == 50 * 4 + 1
    assert np.mean(ends == 15) > 0.9


def test_configurations_are_those_that_one_or_two_electrons_leave():
    curve = _curves.Curve("h2o", [0.9578])
    assert (curve.qubits, curve.electrons, curve.formula) == (10, 6, "H2O")
    wanted = set()
    for number in _curves.spin_sector(10, 6).tolist():
        up, down = ([number >> q & 1 for q in range(s, 10, 2)] for s in (0, 1))
        assert sum(up) == sum(down) == 3
        if (number & ~(2**6 - 1)).bit_count() <= 2:
            wanted.add(number)
    assert set(_curves.excited_bitstrings(curve).tolist()) == wanted
    assert len(_curves.spin_sector(10, 6)) == math.comb(5, 3) ** 2


# materials


def test_closed_forms_are_the_least_eigenvalues_of_dense_matrices():
    for n, field in product((4, 6), (0.3, 1.0, 1.7)):
        wanted = np.linalg.eigvalsh(ising_ring(n, field))[0]
        found = _lattice_energies.ising_ring_energy(n, field)
        assert found == pytest.approx(wanted, abs=2**n * n * EPS)
        assert _lattice_energies.ising_mean_field(n, field) >= wanted
    critical = -2 / np.sin(np.pi / 16)
    assert _lattice_energies.ising_ring_energy(8, 1.0) == pytest.approx(critical, abs=100 * EPS)
    for interaction in (0.0, 4.0):
        matrix, number = hubbard(2, interaction)
        two = np.isclose(np.diag(number), 2)
        wanted = np.linalg.eigvalsh(matrix[np.ix_(two, two)])[0]
        closed = _lattice_energies.hubbard_dimer_energy(interaction)
        assert closed == pytest.approx(wanted, abs=16 * 8 * EPS)


def test_the_product_state_is_the_least_of_all_equal_ones():
    for field in (0.0, 0.7, 1.0, 2.5):
        s = np.linspace(-1, 1, 20001)
        least = -5 * np.max(1 - s**2 + field * s)  # its grid misses by less than 5 (1e-4)^2
        assert _lattice_energies.ising_mean_field(5, field) == pytest.approx(least, abs=5e-8)


def test_mean_field_of_electrons_is_exact_without_interaction_and_above_exact_with_it(double):
    for sites in (2, 4):
        k = np.pi * np.arange(1, sites // 2 + 1) / (sites + 1)
        free = 2 * np.sum(-2 * np.cos(k))
        assert _lattice_energies.hubbard_mean_field(sites, 0.0) == pytest.approx(free, abs=1e-12)
        found = _lattice_energies.hubbard_mean_field(sites, 4.0)
        matrix, number = hubbard(sites, 4.0)
        half = np.isclose(np.diag(number), sites)
        exact = np.linalg.eigvalsh(matrix[np.ix_(half, half)])[0]
        assert exact < found < free + 4.0 * sites / 4  # below the unpolarised mean field
        assert _ground_states.hubbard_reference(sites) == pytest.approx(exact, abs=1e-8)


def test_the_infinite_chain_is_that_of_free_electrons_and_of_spins_at_its_two_ends():
    # Weak interaction: -4 / pi + U / 4 - 7 zeta(3) U^2 / (16 pi^3) + O(U^4).
    u, zeta = 0.4, sum(1 / k**3 for k in range(1, 10_000))
    weak = -4 / np.pi + u / 4 - 7 * zeta / (16 * np.pi**3) * u**2
    assert _lattice_energies.lieb_wu_energy(u) == pytest.approx(weak, abs=1e-3 * u**4)
    # Strong interaction: the Heisenberg chain, -4 ln 2 / U, with corrections of order 1 / U^3.
    strong = _lattice_energies.lieb_wu_energy(100.0)
    assert strong == pytest.approx(-4 * np.log(2) / 100, rel=1e-3)


def test_correlators_are_means_of_pauli_strings(rng):
    n = 4
    psi = rng.normal(size=(3, 16)) + 1j * rng.normal(size=(3, 16))
    psi /= np.linalg.norm(psi, axis=1, keepdims=True)
    for k, string in enumerate(("X0", "Z0 Z1", "Z0 Z2")):
        matrix = dense({string: 1.0}, n)
        wanted = [(v.conj() @ matrix @ v).real for v in psi]
        np.testing.assert_allclose(_phases.correlators(psi)[:, k], wanted, atol=16 * 4 * EPS)


def test_a_curve_crosses_one_half_where_the_line_between_two_fields_does():
    values = np.where(_phases.FIELDS < 0.99, 0.8, 0.3)
    k = np.flatnonzero(values < 0.5)[0]
    step = _phases.FIELDS[1] - _phases.FIELDS[0]
    wanted = _phases.FIELDS[k - 1] + step * 0.3 / 0.5
    assert _phases.crossing(values) == pytest.approx(wanted)
    assert _phases.crossing(np.full(len(values), 0.9)) == _phases.FIELDS[-1]
    assert _phases.crossing(np.full(len(values), 0.1)) == _phases.FIELDS[0]


def test_materials_have_the_known_energies_quenches_and_phases(quick):
    found, pictures = quick("materials")
    assert pictures == {"ground_states", "quench", "phases"}
    ring = rows(found, "ground state of the critical Ising ring, n = 4")
    # Half as many layers as spins reach the ground state; the slope is below 1e-5 or steps ended.
    assert 0 <= ring["Hamiltonian variational"]["value"] < 1e-8
    assert ring["Lanczos"]["value"] < 1e-9
    closed = -2 / np.sin(np.pi / 8) / 4
    assert ring["product state"]["value"] == pytest.approx(-1.25 - closed, abs=1e-12)
    dimer = rows(found, "half-filled Hubbard chain, U = 4 t, 2 sites", "energy per site, in t")
    for model in ("Hamiltonian variational, 1 layer", "Lanczos", "closed form"):
        assert dimer[model]["value"] == pytest.approx(1 - np.sqrt(2), abs=1e-8)
    assert dimer["unrestricted Hartree-Fock"]["value"] > 1 - np.sqrt(2)
    dense_quench("Ising ring", found, ising_ring(4, 1.0), 0, magnetisation=True)
    dense_quench("Hubbard chain", found, hubbard(2, 4.0)[0], 0b1001, magnetisation=False)

    phases = found["facts"]["phases"]
    seen = phases["circuit"]["4"][0]
    (task,) = {r["task"] for r in found["results"] if r["task"].startswith("where")}
    value = rows(found, task)["QCNN"]["value"]
    assert value == pytest.approx(abs(seen["crossing"] - 1))
    # Trained at h <= 0.5 and h >= 1.5 it is right there, so that it crosses in between.
    assert seen["ordered"][0] > 0.5 > seen["ordered"][-1]
    assert 0.5 < seen["crossing"] < 1.5 and 0.5 < phases["logistic"]["4"]["crossing"] < 1.5


def dense_quench(name, found, matrix, start, *, magnetisation):
    """Errors obey their bounds and orders; what is watched is that of the matrix exponential."""
    one = found["facts"]["quench"][name]
    errors, bounds = np.array(one["errors"]), np.array(one["bounds"])
    assert np.all(errors <= bounds)
    # The next power of the step is 1/32 of a length whose coefficient is some times larger.
    np.testing.assert_allclose(one["slopes"], one["orders"], atol=0.15)
    numbers = np.arange(len(matrix))
    spin = lambda q: 1.0 - 2.0 * (numbers >> q & 1)
    if magnetisation:
        watched = sum(spin(q) for q in range(4)) / 4
    else:  # (n_up - n_down) on site 0, minus that on site 1, over 2
        n = [(1 - spin(q)) / 2 for q in range(4)]
        watched = (n[0] - n[1] - n[2] + n[3]) / 2
    psi = np.zeros(len(matrix), complex)
    psi[start] = 1
    step = scipy.linalg.expm(-1j * matrix * (one["times"][1] - one["times"][0]))
    exact = []
    for _ in one["times"]:
        exact.append(np.abs(psi) ** 2 @ watched)
        psi = step @ psi
    # The watched values are in -1..1: an error of norm e changes their mean by at most 2 e.
    np.testing.assert_allclose(one["exact"], exact, atol=2 * len(exact) * _quench.TOLERANCE + 1e-12)
    coarse = errors[1, 1]  # order 2, eight steps to half of the time, those of the series too
    np.testing.assert_allclose(one["circuit"], exact, atol=8 * coarse)


def test_the_ground_states_that_are_classified_are_those_of_the_even_sector(double):
    states = _phases.ground_states(4)
    flip = np.arange(16) ^ 15
    for field, psi in zip(_phases.FIELDS[::13], states[::13], strict=True):
        matrix = ising_ring(4, field)
        energy = (psi.conj() @ matrix @ psi).real
        assert energy == pytest.approx(np.linalg.eigvalsh(matrix)[0], abs=1e-5)
        assert np.vdot(psi, psi[flip]).real == pytest.approx(1.0, abs=1e-5)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("materials", {"spins": 5}, "spins must be a multiple of 2, but is 5"),
        ("materials", {"quench_steps": 12}, "quench_steps must be a multiple of 8, but is 12"),
        ("materials", {"trained_sites": 4}, "trained_sites must be at most sites, 2, but is 4"),
        ("vqe_molecule", {"residues": 14}, "residues must be at most 13"),
    ],
)
def test_sizes_that_do_not_fit_are_named(tmp_path, name, options, message):
    with pytest.raises(AppError, match=message):
        apps.find_app(name)(quick=True, output=tmp_path, say=lambda text: None, **options)


@pytest.mark.slow
def test_longer_rings_are_reached_by_half_as_many_layers(tmp_path):
    found = apps.find_app("materials")(
        quick=True, output=tmp_path, progress=False, say=lambda text: None,
        spins=10, steps=60, sites=4, trained_sites=4,
    )  # fmt: skip
    ring = rows(found, "ground state of the critical Ising ring, n = 10")
    assert 0 <= ring["Hamiltonian variational"]["value"] < 1e-7
    wanted = lowest(transverse_field_ising([(q, (q + 1) % 10) for q in range(10)])).energies[0]
    assert float(wanted) == pytest.approx(_lattice_energies.ising_ring_energy(10, 1.0), abs=1e-3)


@pytest.mark.slow
def test_two_factors_of_coupled_cluster_bring_water_within_chemical_accuracy(tmp_path):
    found = apps.find_app("vqe_molecule")(
        quick=True, output=tmp_path, progress=False, say=lambda text: None,
        points=8, factors=2, steps=800,
    )  # fmt: skip
    errors = rows(found, "H2O", "largest error in mHa")
    assert errors["UCCSD"]["value"] > 1.6 > errors["UCCSD, 2 factors"]["value"]
    assert rows(found, "LiH", "largest error in mHa")["UCCSD"]["value"] < 1e-3
