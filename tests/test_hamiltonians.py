"""Hamiltonians have the spectra that are known in closed form."""

from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest

import qjax as qj
from qjax.library.fermions import FermionSum, to_qubits
from qjax.library.hamiltonians import fermi_hubbard, heisenberg, transverse_field_ising, xxz, xy
from qjax.library.lattices import chain, complete, grid, ring


def lowest(hamiltonian):
    return np.linalg.eigvalsh(hamiltonian.to_matrix())[0]


@pytest.mark.parametrize("n", [4, 6, 8])
def test_the_open_critical_ising_chain_has_its_closed_form(n):
    expected = 1 - 1 / np.sin(np.pi / (2 * (2 * n + 1)))
    assert abs(lowest(transverse_field_ising(chain(n))) - expected) < 1e-11


@pytest.mark.parametrize(
    ("edges", "energy"),
    [
        (chain(4), -6.464102),
        (chain(6), -9.974309),
        (ring(4), -8.0),
        (ring(6), -11.211103),
        (ring(8), -14.604374),
    ],
)
def test_heisenberg_chains_and_rings_have_the_energies_of_the_tables(edges, energy):
    assert abs(lowest(heisenberg(edges)) - energy) < 5e-7  # the tables have six decimals


def test_the_xy_ring_is_free_fermions():
    # Hopping by J: levels 2 J cos k. An odd number of fermions has momenta 2 pi k / n; an even one
    # has them shifted by half a step.
    n = 6
    energies = []
    for shift, odd in ((0.0, 1), (0.5, 0)):
        levels = 2 * 2.0 * np.cos(2 * np.pi * (np.arange(n) + shift) / n)
        for filled in range(2**n):
            if filled.bit_count() % 2 == odd:
                energies.append(sum(levels[k] for k in range(n) if filled >> k & 1))
    made = np.linalg.eigvalsh(xy(ring(n), coupling=2.0).to_matrix())
    assert np.abs(np.sort(energies) - made).max() < 1e-12


def test_weights_and_fields_are_what_the_formulas_say():
    edges = [(0, 1, 0.5), (2, 1, -2.0)]
    z, x = {}, {}
    matrix = lambda terms: oracle.operator(terms, 3)
    z = {"Z0 Z1": -1.5 * 0.5, "Z1 Z2": -1.5 * -2.0, "X0": -0.7, "X1": -0.7, "X2": -0.7}
    x = {"Z0": -0.1, "Z1": -0.1, "Z2": -0.1}
    made = transverse_field_ising(edges, coupling=1.5, field=0.7, longitudinal=0.1)
    assert np.abs(made.to_matrix() - matrix(z | x)).max() < 1e-14
    terms = {}
    for (a, b), w in {(0, 1): 0.5, (1, 2): -2.0}.items():
        for p, d in (("X", 1.0), ("Y", 1.0), ("Z", 0.3)):
            terms[f"{p}{a} {p}{b}"] = 1.2 * w * d
    terms |= {f"Z{q}": 0.4 for q in range(3)}
    made = xxz(edges, coupling=1.2, anisotropy=0.3, field=0.4)
    assert np.abs(made.to_matrix() - matrix(terms)).max() < 1e-14


@pytest.mark.parametrize("mapping", ["jordan-wigner", "parity", "bravyi-kitaev"])
def test_the_hubbard_dimer_has_its_closed_form_in_every_map(mapping):
    t, u = 1.3, 2.9
    made = fermi_hubbard(
        [(0, 1)], tunneling=t, interaction=u, chemical_potential=u / 2, mapping=mapping
    )  # half filled: two electrons
    assert abs(lowest(made) + u - (u / 2 - np.sqrt(u**2 / 4 + 4 * t**2))) < 1e-13


def test_maps_of_a_hubbard_square_have_one_spectrum():
    spectra = [
        np.linalg.eigvalsh(fermi_hubbard(grid(2, 2), chemical_potential=0.4, mapping=m).to_matrix())
        for m in ("jordan-wigner", "bravyi-kitaev")
    ]
    assert np.abs(spectra[0] - spectra[1]).max() < 1e-12


def test_hubbard_electrons_without_interaction_fill_a_band():
    n, mu = 4, 0.1
    made = fermi_hubbard(chain(n), interaction=0.0, chemical_potential=mu)
    band = -2 * np.cos(np.pi * np.arange(1, n + 1) / (n + 1)) - mu
    assert abs(lowest(made) - 2 * band[band < 0].sum()) < 1e-12
    number = to_qubits(FermionSum({f"{q}^ {q}": 1.0 for q in range(2 * n)}))
    assert len(made.commutator(number).simplify(1e-14)) == 0


def test_couplings_may_be_traced_and_differentiated(double):
    def energy(j, h):
        model = transverse_field_ising(chain(3), coupling=j, field=h)
        return qj.expectation(qj.Circuit(3).ry(0.3, range(3)), model, dtype=double)

    dj, dh = jax.jit(jax.grad(energy, (0, 1)))(jnp.float64(1.2), jnp.float64(0.7))
    assert abs(dj + 2 * np.cos(0.3) ** 2) < 1e-13
    assert abs(dh + 3 * np.sin(0.3)) < 1e-13
    dimer = lambda u: fermi_hubbard([(0, 1)], interaction=u, chemical_potential=u / 2).to_matrix()
    model = jax.jit(dimer)(jnp.float64(4.0))
    assert abs(np.linalg.eigvalsh(model)[0] + 4 - (2 - np.sqrt(8))) < 1e-12


def test_known_zeros_of_hubbard_have_no_string():
    edges = [(0, 1), (1, 2, 0.0)]
    hops = fermi_hubbard(edges, interaction=0.0)
    assert hops == fermi_hubbard([(0, 1)], interaction=0.0, num_sites=3)
    assert set(map(str, hops.strings)) == {"X0 Z1 X2", "Y0 Z1 Y2", "X1 Z2 X3", "Y1 Z2 Y3"}
    still = fermi_hubbard(edges, tunneling=0.0, interaction=4.0)
    assert not any(string.x for string in still.strings)
    half = fermi_hubbard(edges, interaction=4.0, chemical_potential=2.0)
    assert not any(string.weight == 1 for string in half.strings)
    for made in (hops, still, half):
        assert made.num_qubits == 6
        assert np.all(made.coefficients != 0)
    with pytest.raises(qj.QjaxError, match="mapping must be"):
        fermi_hubbard([], interaction=0.0, num_sites=2, mapping="none")


def test_a_traced_zero_of_hubbard_keeps_its_strings_and_its_derivative(double):
    """<U n_up n_down> of a full site is U, also where U = 0 is where the slope is taken."""
    full = qj.Circuit(2).x([0, 1])

    def energy(u, mu):
        model = fermi_hubbard([], interaction=u, chemical_potential=mu, num_sites=1)
        assert len(model) == 4
        return qj.expectation(full, model, dtype=double)

    slopes = jax.jit(jax.grad(energy, (0, 1)))(jnp.float64(0.0), jnp.float64(0.0))
    assert np.max(np.abs(np.array(slopes) - [1, -2])) < 1e-13


def test_lattices_have_the_edges_one_counts():
    assert len(grid(4, 3)) == 3 * 3 + 4 * 2
    assert len(grid(3, 3, 3, periodic=True)) == 3 * 27
    assert len(set(map(frozenset, grid(4, 4, periodic=True)))) == 32
    assert grid(2, periodic=True) == ((0, 1),)
    assert len(complete(5)) == 10


def test_a_graph_may_be_an_object_with_edges():
    graph = SimpleNamespace(edges=[(0, 1), (1, 2)])
    assert heisenberg(graph) == heisenberg(chain(3))
    assert heisenberg({(0, 1): 1.0, (1, 2): 1.0}) == heisenberg(np.array([[0, 1], [1, 2]]))


def test_graphs_of_networkx_keep_weights_and_lonely_vertices():
    nx = pytest.importorskip("networkx")
    graph = nx.Graph()
    graph.add_nodes_from(range(4))
    graph.add_edge(0, 1, weight=0.25)
    graph.add_edge(1, 2)
    made = transverse_field_ising(graph, field=0.0)
    assert made == qj.PauliSum("-0.25 * Z0 Z1 - Z1 Z2", num_qubits=4)


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        (4, "must be edges"),
        ([(0, 0)], "two vertices numbered from 0"),
        ([(0, -1)], "two vertices numbered from 0"),
        ([(0, 1), (1, 0)], "one comes twice"),
        ([(0, 1, 1.0, 2)], "pair of vertices"),
        ([("a", "b")], "vertex must be an integer"),
        ([], "number of vertices must be at least 1"),
    ],
)
def test_what_is_no_graph_is_refused(graph, message):
    with pytest.raises(qj.QjaxError, match=message):
        heisenberg(graph)


def test_a_coupling_must_be_a_number():
    with pytest.raises(qj.QjaxError, match="must be a number"):
        transverse_field_ising([(0, 1)], coupling="strong")
