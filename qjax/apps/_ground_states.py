"""Ground states of chains by circuits that follow the Hamiltonian."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps, library
from qjax.apps._lattice_energies import (
    hubbard_dimer_energy,
    hubbard_mean_field,
    ising_mean_field,
    ising_ring_energy,
    lieb_wu_energy,
)
from qjax.circuit import Circuit
from qjax.krylov import lowest
from qjax.library import chain, fermi_hubbard, hamiltonian_variational, ring
from qjax.observables import PauliSum
from qjax.simulate import expectation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DTYPE = "complex128"
INTERACTION = 4.0  # U / t of the Hubbard chains


def energy_of(circuit: Circuit, hamiltonian: PauliSum, params: jax.Array) -> jax.Array:
    """The energy, in double precision."""
    return expectation(circuit, hamiltonian, params, dtype=DTYPE)


def stretched(angles: np.ndarray, layers: int) -> np.ndarray:
    """Angles of shape (L, parts) drawn out to more layers, a good start for a longer chain.

    Examples:
        >>> stretched(np.array([[0.0], [1.0]]), 3).ravel().tolist()
        [0.0, 0.5, 1.0]
    """
    at = lambda count: (np.arange(count) + 0.5) / count
    old, new = at(len(angles)), at(layers)
    return np.stack([np.interp(new, old, column) for column in angles.T], axis=1)


class Ring(NamedTuple):
    """A ring whose circuit was trained."""

    spins: int
    hamiltonian: PauliSum
    angles: np.ndarray
    energy: float
    steps: int
    seconds: float

    @property
    def error(self) -> float:
        """How much the energy is above the exact one, per spin; rounding may put it below."""
        return (self.energy - ising_ring_energy(self.spins, 1.0)) / self.spins


def trained_ring(run: apps.Run, spins: int, angles: np.ndarray) -> Ring:
    """A critical ring by n / 2 layers, started from angles of shape (L, 2) of a shorter one."""
    layers = spins // 2
    terms = library.transverse_field_ising(ring(spins))
    # Parts in order of appearance: the couplings, then the field.
    circuit = hamiltonian_variational(terms, layers, initial=Circuit(spins).h(range(spins)))
    start = jnp.asarray(stretched(angles, layers).ravel())
    result = run.fit(
        f"Ising ring, n = {spins}", partial(energy_of, circuit, terms), start, optax.lbfgs(),
        run.options.steps, tolerance=1e-5,
    )  # fmt: skip
    found = np.asarray(result.best_params).reshape(layers, 2)
    return Ring(spins, terms, found, float(result.best_loss), result.steps, result.seconds)


def ising_ring(run: apps.Run) -> tuple[list[apps.Comparison], dict[str, Any]]:
    """Critical Ising rings of rising size."""
    largest = run.options.spins
    angles = np.array([[0.25, 0.75], [0.75, 0.25]])  # the couplings grow, the field goes
    rings: list[Ring] = []
    for n in (*(n for n in (4, 8, 12, 16) if n < largest), largest):
        rings.append(trained_ring(run, n, rings[-1].angles if rings else angles))
    last = rings[-1]
    truth = ising_ring_energy(largest, 1.0)
    lanczos, seconds = run.keep("Ising ring, Lanczos", partial(krylov, last.hamiltonian))
    comparison = apps.Comparison(
        f"ground state of the critical Ising ring, n = {largest}",
        "energy above the exact one, per spin", "lower",
        (
            apps.quantum("Hamiltonian variational", max(last.error, 0.0), seconds=last.seconds,
                         parameters=last.angles.size,
                         note=f"n / 2 layers; L-BFGS, {last.steps} steps"),
            apps.classical("product state", (ising_mean_field(largest, 1.0) - truth) / largest,
                           parameters=1, note="mean field"),
            apps.exact("closed form", 0.0, note="free fermions: -2 / sin(pi / 2n)"),
            apps.exact("Lanczos", abs(lanczos - truth) / largest, seconds=seconds),
            apps.published("n / 2 layers", 0.0, note="exact: Ho, Hsieh, SciPost Phys. 6, 029 "
                           "(2019), by numbers"),
        ),
    )  # fmt: skip
    facts = {
        "spins": [one.spins for one in rings],
        "energies": [one.energy for one in rings],
        "error per spin": [one.error for one in rings],
        "steps": [one.steps for one in rings],
        "seconds": [one.seconds for one in rings],
    }
    return [comparison], facts


def krylov(hamiltonian: PauliSum) -> float:
    """The lowest energy by Lanczos iterations."""
    return float(lowest(hamiltonian, dtype=DTYPE).energies[0])


def dimers(sites: int) -> Circuit:
    """Two electrons in the bonding orbital of every second bond: where hops on these are lowest."""
    bonds = [(a, a + 1) for a in range(0, sites - 1, 2)]
    circuit = Circuit(2 * sites).x([2 * a + s for a, _ in bonds for s in (0, 1)])
    for a, b in bonds:
        for s in (0, 1):
            circuit.compose(library.excitation(2 * sites, np.pi / 4, 2 * a + s, 2 * b + s))
    return circuit


def hubbard_circuit(sites: int, layers: int) -> Circuit:
    """Layers of the interaction, the hops on odd bonds, and those on even bonds, from dimers."""
    bonds = list(chain(sites))
    hops = [
        fermi_hubbard(some, interaction=0.0, num_sites=sites).simplify()
        for some in (bonds[1::2], bonds[::2])
        if some
    ]
    meeting = fermi_hubbard([], interaction=INTERACTION, num_sites=sites)
    return hamiltonian_variational([meeting, *hops], layers, initial=dimers(sites))


def hubbard_reference(sites: int) -> float:
    """The lowest energy of the half-filled chain, by Lanczos over all fillings.

    With the chemical potential U / 2 half filling is lowest, by the symmetry of particles and
    holes; the potential is taken back.
    """
    potential = INTERACTION / 2
    terms = fermi_hubbard(chain(sites), interaction=INTERACTION, chemical_potential=potential)
    return krylov(terms) + potential * sites


def hubbard_chain(run: apps.Run) -> tuple[list[apps.Comparison], dict[str, Any]]:
    """Half-filled Hubbard chains: circuits on the shorter, Lanczos on all."""
    exact, seconds = {}, {}
    for n in range(2, run.options.sites + 1, 2):
        made: Callable[[], float] = partial(hubbard_reference, n)
        exact[n], seconds[n] = run.keep(f"Hubbard chain, {n} sites", made)
    found, comparisons = {}, []
    for n in range(2, run.options.trained_sites + 1, 2):
        layers = n if n > 2 else 1
        circuit = hubbard_circuit(n, layers)
        terms = fermi_hubbard(chain(n), interaction=INTERACTION)
        result = run.fit(
            f"Hubbard chain, {n} sites, circuit", partial(energy_of, circuit, terms),
            jnp.full(circuit.num_parameters, 0.1), optax.lbfgs(), 2 * run.options.steps,
            tolerance=1e-5,
        )  # fmt: skip
        found[n] = result.best_loss
        rows = [
            apps.quantum(f"Hamiltonian variational, {layers} layer" + "s" * (layers > 1),
                         found[n] / n,
                         parameters=circuit.num_parameters, seconds=result.seconds),
            apps.classical("unrestricted Hartree-Fock", hubbard_mean_field(n, INTERACTION) / n,
                           note="mean field"),
            apps.exact("Lanczos", exact[n] / n, seconds=seconds[n]),
        ]  # fmt: skip
        if n == 2:
            closed = hubbard_dimer_energy(INTERACTION) / n
            rows.append(apps.exact("closed form", closed, note="U/2 - sqrt(U^2/4 + 4 t^2)"))
        comparisons.append(apps.Comparison(
            f"half-filled Hubbard chain, U = 4 t, {n} sites", "energy per site, in t", "lower",
            rows,
        ))  # fmt: skip
    facts = {
        "sites": list(exact),
        "Lanczos": list(exact.values()),
        "Lanczos, seconds": list(seconds.values()),
        "circuit": list(found.values()),
        "infinite chain, per site": lieb_wu_energy(INTERACTION),
    }
    return comparisons, facts


def picture(ising: dict[str, Any], hubbard: dict[str, Any]) -> "Figure":
    """Errors of the rings, and energies of the Hubbard chains towards the infinite one."""
    figure, (left, right) = apps.panels(1, 2)
    left.plot(ising["spins"], np.maximum(ising["error per spin"], 1e-16), "o-")
    left.set(xlabel="spins", ylabel="energy above the exact one, per spin", yscale="log",
             title="critical Ising ring", xticks=ising["spins"])  # fmt: skip
    sites, energies = np.array(hubbard["sites"]), np.array(hubbard["Lanczos"])
    right.plot(1 / sites, energies / sites, "o-", label="Lanczos")
    trained = np.array(hubbard["circuit"])
    right.plot(1 / sites[: len(trained)], trained / sites[: len(trained)], "x", markersize=9,
               label="circuit")  # fmt: skip
    right.plot(0, hubbard["infinite chain, per site"], "k*", markersize=9, label="Lieb, Wu")
    right.set(xlabel="1 / sites", ylabel="energy per site, in t", title="Hubbard chain, U = 4 t")
    right.legend(frameon=False)
    return figure
