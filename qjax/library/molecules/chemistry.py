"""Molecules from quantum chemistry: Hartree-Fock, active orbitals, exact energies; by PySCF."""

from math import comb
from typing import Any

import numpy as np

from qjax._checks import as_integer
from qjax._extras import require
from qjax.errors import ObservableError
from qjax.library.molecules.base import Molecule
from qjax.library.molecules.recipes import RECIPES, Geometry

MOST_DETERMINANTS = 20_000  # of a full configuration interaction that takes seconds
_PURPOSE = "Making a molecule"


def molecule(
    name: str,
    geometry: Any = None,
    *,
    bond_length: float | None = None,
    basis: str = "sto-3g",
    active_space: tuple[int, int] | None = None,
    charge: int | None = None,
) -> Molecule:
    """A molecule with paired electrons, computed by PySCF.

    The orbitals are those of a restricted Hartree-Fock run. The active ones lie around the highest
    occupied one; those below are full, and those above empty.

    Args:
        name: Any name; with no geometry, one of those of `load_molecule`, as "LiH".
        geometry: Symbol and position in angstrom of each atom: [("Li", (0, 0, 0)), ...].
        bond_length: In place of a geometry: a length in angstrom.
        basis: Name of a basis set, as "sto-3g" or "6-31g".
        active_space: Active electrons and active orbitals; all if None.
        charge: Total charge; by default that of the named molecule, or 0.

    Returns:
        The molecule, with its energies. The full configuration interaction is computed only where
        it has at most 20,000 determinants.

    Raises:
        MissingExtraError: If PySCF is not installed.
        ObservableError: If there is no such molecule, the active space does not fit, the number of
            electrons is odd, or Hartree-Fock does not converge.

    Examples:
        >>> molecule("LiH", bond_length=1.6, active_space=(2, 2)).num_qubits  # doctest: +SKIP
        4

    References:
        Q. Sun et al., Recent developments in the PySCF program package, J. Chem. Phys. 153, 024109
        (2020).
    """
    gto = require("pyscf.gto", "chemistry", _PURPOSE)
    atoms, length, total_charge = _placed(name, geometry, bond_length, charge)
    try:
        mole = gto.M(
            atom=[list(atom) for atom in atoms], basis=basis, charge=total_charge, spin=None,
            verbose=0, symmetry=True,
        )  # fmt: skip
    except Exception as error:  # PySCF raises many kinds, for atoms, for a basis, for a charge
        raise ObservableError(f"molecule {name!r}: PySCF refuses it: {error}") from error
    if mole.nelectron % 2:
        raise ObservableError(
            f"molecule {name!r}: the number of electrons must be even, but is {mole.nelectron}. "
            "Give a charge."
        )
    mole.spin = 0
    field = _hartree_fock(name, mole)
    electrons, orbitals = _active(name, active_space, mole.nelectron, field.mo_coeff.shape[1])
    core, one_body, two_body = _integrals(field, electrons, orbitals)
    exact = _exact(core, one_body, two_body, electrons)
    everything = (electrons, orbitals) == (mole.nelectron, field.mo_coeff.shape[1])
    return Molecule(
        name=name,
        geometry=atoms,
        bond_length=length,
        basis=basis,
        charge=total_charge,
        num_electrons=electrons,
        num_orbitals=orbitals,
        hartree_fock_energy=float(field.e_tot),
        exact_energy=exact,
        full_ci_energy=exact if everything else _full_energy(field, mole.nelectron),
        constant=core,
        one_body=one_body,
        two_body=two_body,
    )


def _placed(
    name: str, geometry: Any, bond_length: float | None, charge: int | None
) -> tuple[Geometry, float | None, int]:
    """The atoms, the bond length if they come from one, and the charge."""
    if geometry is not None:
        if bond_length is not None:
            raise ObservableError(f"molecule {name!r}: give a geometry or a bond_length, not both.")
        try:
            atoms = tuple(
                (str(symbol), (float(x), float(y), float(z))) for symbol, (x, y, z) in geometry
            )
        except (TypeError, ValueError):
            raise ObservableError(
                f"molecule {name!r}: geometry must be pairs of a symbol and a position, as "
                f'("H", (0, 0, 0.74)), but is {geometry!r}.'
            ) from None
        return atoms, None, charge or 0
    recipe = RECIPES.get(name.lower())
    if recipe is None:
        raise ObservableError(
            f"molecule {name!r}: give a geometry, or one of the names {', '.join(RECIPES)}."
        )
    length = recipe.equilibrium if bond_length is None else float(bond_length)
    if not 0 < length < np.inf:
        raise ObservableError(
            f"molecule {name!r}: bond_length must be positive, but is {bond_length!r}."
        )
    return recipe.place(length), length, recipe.charge if charge is None else charge


def _hartree_fock(name: str, mole: Any) -> Any:
    """A converged restricted Hartree-Fock run."""
    scf = require("pyscf.scf", "chemistry", _PURPOSE)
    field = scf.RHF(mole).run(conv_tol=1e-13, max_cycle=200)
    if not field.converged:
        field = field.newton().run(conv_tol=1e-12, max_cycle=200)
    if not field.converged:
        raise ObservableError(
            f"molecule {name!r}: Hartree-Fock did not converge. Is the geometry sound?"
        )
    return field


def _active(name: str, space: Any, electrons: int, orbitals: int) -> tuple[int, int]:
    """Active electrons and orbitals, after checks."""
    if space is None:
        return electrons, orbitals
    try:
        few, active = (as_integer(x, "active_space", ObservableError) for x in space)
    except (TypeError, ValueError):
        few, active = -1, -1
    core = (electrons - few) // 2
    fits = 0 < few <= electrons and not few % 2 and few <= 2 * active
    if not fits or active > orbitals - core:
        raise ObservableError(
            f"molecule {name!r}: active_space must be an even number of at most {electrons} "
            f"electrons and a number of at most {orbitals} orbitals that holds them, with the full "
            f"orbitals, but is {space!r}."
        )
    return few, active


def _integrals(field: Any, electrons: int, orbitals: int) -> tuple[float, np.ndarray, np.ndarray]:
    """Energy of core and nuclei, and integrals over the active orbitals."""
    mcscf = require("pyscf.mcscf", "chemistry", _PURPOSE)
    ao2mo = require("pyscf.ao2mo", "chemistry", _PURPOSE)
    space = mcscf.CASCI(field, orbitals, electrons)
    one_body, core = space.get_h1eff()
    two_body = ao2mo.restore(1, space.get_h2eff(), orbitals)
    return float(core), np.asarray(one_body), np.asarray(two_body)


def _exact(core: float, one_body: np.ndarray, two_body: np.ndarray, electrons: int) -> float:
    """Lowest energy of so many electrons, half of them with spin up."""
    fci = require("pyscf.fci", "chemistry", _PURPOSE)
    solver = fci.direct_spin1.FCI()
    solver.verbose, solver.conv_tol, solver.max_cycle, solver.pspace_size = 0, 1e-13, 300, 1500
    # Several roots, for with one the iteration may end in an excited state of another symmetry.
    orbitals = len(one_body)
    roots = min(3, _determinants(orbitals, electrons))
    energies, _ = solver.kernel(one_body, two_body, orbitals, electrons, nroots=roots)
    return float(np.min(energies)) + core


def _full_energy(field: Any, electrons: int) -> float | None:
    orbitals = field.mo_coeff.shape[1]
    if _determinants(orbitals, electrons) > MOST_DETERMINANTS:
        return None
    return _exact(*_integrals(field, electrons, orbitals), electrons)


def _determinants(orbitals: int, electrons: int) -> int:
    return comb(orbitals, electrons // 2) ** 2
