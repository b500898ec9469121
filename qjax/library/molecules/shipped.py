"""The molecules that ship with qjax, read from their data files."""

import json
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from qjax.errors import ObservableError
from qjax.library.molecules.base import Molecule
from qjax.library.molecules.recipes import RECIPES

LENGTH_TOLERANCE = 1e-6  # angstrom, between a length asked for and one that is there


def shipped_molecules() -> dict[str, tuple[float, ...]]:
    """The bond lengths, in angstrom, of each molecule that `load_molecule` knows.

    Returns:
        A new mapping from names to lengths, rising.

    Examples:
        >>> shipped_molecules()["h3+"]
        (0.6, 0.75, 0.873, 1.0, 1.2, 1.5, 2.0)
    """
    return {name: recipe.lengths for name, recipe in RECIPES.items()}


def load_molecule(name: str, *, bond_length: float | None = None) -> Molecule:
    """A molecule that ships with qjax, in STO-3G; it needs no extra.

    ====== ================ =========== ====== ==================================
    name   bond             active      qubits active space
    ====== ================ =========== ====== ==================================
    h2     H-H              2 e, 2 orb  4      all
    h3+    H-H, equilateral 2 e, 3 orb  6      all
    lih    Li-H             2 e, 5 orb  10     all but the 1s core
    beh2   Be-H, linear     4 e, 6 orb  12     all but the 1s core
    h2o    O-H, 104.478 deg 6 e, 5 orb  10     all but the 1s and 2s of oxygen
    n2     N-N              6 e, 6 orb  12     the 2p shells
    ====== ================ =========== ====== ==================================

    Args:
        name: Its name; upper and lower case are the same.
        bond_length: One of those of `shipped_molecules`, in angstrom; by default that of
            equilibrium.

    Returns:
        The molecule: integrals, Hamiltonian, and reference energies in hartree.

    Raises:
        ObservableError: If there is none of this name or length; the message lists those there are.

    Examples:
        >>> hydrogen = load_molecule("h2")
        >>> hydrogen.num_qubits, round(hydrogen.exact_energy, 6)
        (4, -1.13727)
        >>> [round(load_molecule("LiH", bond_length=r).exact_energy, 4) for r in (1.0, 1.5, 2.0)]
        [-7.784, -7.8821, -7.8608]
    """
    recipe = RECIPES.get(name.lower()) if isinstance(name, str) else None
    if recipe is None:
        raise ObservableError(
            f"load_molecule: name must be one of {', '.join(RECIPES)}, but is {name!r}. For any "
            "other use qjax.library.molecule, which needs PySCF."
        )
    wanted = recipe.equilibrium if bond_length is None else bond_length
    for point in _points(name.lower()):
        if abs(point["bond_length"] - wanted) < LENGTH_TOLERANCE:
            return from_data(name.lower(), point)
    raise ObservableError(
        f"load_molecule: bond_length of {recipe.formula} must be one of "
        f"{', '.join(map(str, recipe.lengths))}, but is {bond_length!r}. For any other use "
        "qjax.library.molecule, which needs PySCF."
    )


@lru_cache
def _points(name: str) -> list[dict[str, Any]]:
    text = (files(__package__ or __name__) / f"{name}.json").read_text(encoding="utf-8")
    return json.loads(text)["points"]


def from_data(name: str, point: dict[str, Any]) -> Molecule:
    """A molecule from the data of one geometry."""
    n = point["num_orbitals"]
    pairs = packed(n)
    one_body = np.zeros((n, n))
    one_body[pairs] = one_body[pairs[::-1]] = point["one_body"]
    rows = packed(len(pairs[0]))
    by_pairs = np.zeros((len(pairs[0]),) * 2)
    by_pairs[rows] = by_pairs[rows[::-1]] = point["two_body"]
    place = np.zeros((n, n), np.int64)
    place[pairs] = place[pairs[::-1]] = np.arange(len(pairs[0]))
    numbers = ("constant", "hartree_fock_energy", "exact_energy", "full_ci_energy", "bond_length")
    return Molecule(
        name=name,
        geometry=tuple((symbol, tuple(position)) for symbol, position in point["geometry"]),
        basis="sto-3g",
        charge=RECIPES[name].charge,
        num_electrons=point["num_electrons"],
        num_orbitals=n,
        one_body=one_body,
        two_body=by_pairs[place[:, :, None, None], place],
        **{key: point[key] for key in numbers},
    )


def to_data(molecule: Molecule, digits: int = 12) -> dict[str, Any]:
    """The data of one geometry; integrals that are equal by symmetry once."""
    pairs = packed(molecule.num_orbitals)
    rows = packed(len(pairs[0]))
    by_pairs = molecule.two_body[pairs][:, *pairs]
    short = lambda values: [round(v, digits) + 0.0 for v in np.asarray(values).tolist()]
    energies = ("constant", "hartree_fock_energy", "exact_energy", "full_ci_energy")
    return {
        "bond_length": molecule.bond_length,
        "geometry": [[symbol, list(position)] for symbol, position in molecule.geometry],
        "num_electrons": molecule.num_electrons,
        "num_orbitals": molecule.num_orbitals,
        **{key: short([getattr(molecule, key)])[0] for key in energies},
        "one_body": short(molecule.one_body[pairs]),
        "two_body": short(by_pairs[rows]),
    }


def packed(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns of the lower triangle of a symmetric matrix, in order."""
    return np.tril_indices(n)
