"""Molecules that ship with qjax, as Hamiltonians of qubits."""

import json
from dataclasses import dataclass
from importlib.resources import files

from qjax.errors import ObservableError
from qjax.observables import PauliSum


@dataclass(frozen=True)
class Molecule:
    """A molecule's Hamiltonian on qubits, and reference energies in hartree.

    Attributes:
        name: Name of the molecule.
        geometry: Symbol and position in angstrom of each atom.
        basis: Basis set of the orbitals.
        mapping: How fermions are mapped to qubits.
        ordering: Which spin orbital each qubit is.
        num_qubits: Number of qubits.
        num_electrons: Number of electrons.
        hartree_fock_energy: Energy of the Hartree-Fock state, in hartree.
        exact_energy: Lowest eigenvalue of the Hamiltonian: full configuration interaction in this
            basis, in hartree.
        terms: Pauli strings with their coefficients in hartree; nuclear repulsion is in "I".
    """

    name: str
    geometry: tuple[tuple[str, tuple[float, float, float]], ...]
    basis: str
    mapping: str
    ordering: str
    num_qubits: int
    num_electrons: int
    hartree_fock_energy: float
    exact_energy: float
    terms: dict[str, float]

    @property
    def hamiltonian(self) -> PauliSum:
        """The Hamiltonian, in hartree."""
        return PauliSum(self.terms, num_qubits=self.num_qubits)


def load_molecule(name: str) -> Molecule:
    """A molecule that ships with qjax.

    Args:
        name: Its name; "h2" is molecular hydrogen at 0.7414 angstrom in STO-3G.

    Raises:
        ObservableError: If there is none of this name; the message lists those there are.

    Examples:
        >>> hydrogen = load_molecule("h2")
        >>> hydrogen.num_qubits, round(hydrogen.exact_energy, 6)
        (4, -1.13727)
    """
    folder = files(__package__ or __name__)
    known = sorted(f.name[:-5] for f in folder.iterdir() if f.name.endswith(".json"))
    if name not in known:
        raise ObservableError(f"molecule must be one of {', '.join(known)}, but is {name!r}.")
    data = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    data.pop("made_with")
    geometry = tuple((symbol, tuple(position)) for symbol, position in data.pop("geometry"))
    return Molecule(geometry=geometry, **data)
