"""A molecule: integrals over its active orbitals, and its Hamiltonian on qubits."""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from qjax.library.fermions import FermionSum, from_integrals, occupation_bits, to_qubits
from qjax.library.molecules.recipes import Geometry
from qjax.observables import PauliSum


@dataclass(frozen=True, eq=False)
class Molecule:
    """A molecule's Hamiltonian over its active orbitals, and reference energies in hartree.

    Spin orbital 2 p is active orbital p with spin up, 2 p + 1 with spin down. The core electrons'
    field is in the integrals, their energy and the repulsion of the nuclei in `constant`.

    Attributes:
        name: Name of the molecule.
        geometry: Symbol and position in angstrom of each atom.
        bond_length: The length, in angstrom, that the geometry was made from; None for a geometry
            of your own.
        basis: Basis set of the orbitals.
        charge: Total charge.
        num_electrons: Number of active electrons.
        num_orbitals: Number of active orbitals.
        hartree_fock_energy: Energy of the Hartree-Fock state.
        exact_energy: Lowest energy with `num_electrons` electrons, as many spins up as down, in the
            active orbitals: what a circuit on these qubits can reach.
        full_ci_energy: The same with every electron and orbital of the basis; None if it was not
            computed.
        constant: Energy of the core and the nuclei.
        one_body: Integrals h_pq, float64 of shape (orbitals, orbitals).
        two_body: Integrals (pq|rs) in the order of chemists, float64 of shape (orbitals,) * 4.
    """

    name: str
    geometry: Geometry
    bond_length: float | None
    basis: str
    charge: int
    num_electrons: int
    num_orbitals: int
    hartree_fock_energy: float
    exact_energy: float
    full_ci_energy: float | None
    constant: float
    one_body: np.ndarray = field(repr=False)
    two_body: np.ndarray = field(repr=False)

    @property
    def num_qubits(self) -> int:
        """Number of qubits: two for each active orbital."""
        return 2 * self.num_orbitals

    @cached_property
    def fermions(self) -> FermionSum:
        """The Hamiltonian in ladder operators, in hartree."""
        return from_integrals(self.one_body, self.two_body, self.constant)

    @cached_property
    def hamiltonian(self) -> PauliSum:
        """The Hamiltonian by the Jordan-Wigner map, in hartree; qubit j is spin orbital j."""
        return to_qubits(self.fermions)

    def to_qubits(self, mapping: str = "jordan-wigner") -> PauliSum:
        """The Hamiltonian by another map; see `qjax.library.to_qubits`."""
        return to_qubits(self.fermions, mapping)

    def hartree_fock_bits(self, mapping: str = "jordan-wigner") -> str:
        """The Hartree-Fock state as a bitstring, highest qubit first."""
        empty = self.num_qubits - self.num_electrons
        return occupation_bits([1] * self.num_electrons + [0] * empty, mapping)
