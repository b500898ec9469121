"""Molecules as Hamiltonians of qubits: some ship with qjax, PySCF makes the others."""

from qjax.library.molecules.base import Molecule as Molecule
from qjax.library.molecules.chemistry import molecule as molecule
from qjax.library.molecules.shipped import load_molecule as load_molecule
from qjax.library.molecules.shipped import shipped_molecules as shipped_molecules
