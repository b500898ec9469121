"""Write the shipped molecules: python -m qjax.library.molecules.make h2.

Needs PySCF and OpenFermion (`pip install "qjax[chemistry]"`). What qjax ships was made by this
script, and a test makes it again.
"""

import argparse
import json
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from qjax._extras import require
from qjax.observables import PauliSum

_DIGITS = 14  # decimals kept; below them a coefficient is the noise of its integrals
_ENERGY_DIGITS = 12  # decimals kept; an energy sums many coefficients


@dataclass(frozen=True)
class Recipe:
    """What PySCF is asked for.

    Attributes:
        geometry: Symbol and position in angstrom of each atom.
        basis: Name of the basis set.
        charge: Total charge.
        multiplicity: 2 S + 1.
    """

    geometry: tuple[tuple[str, tuple[float, float, float]], ...]
    basis: str = "sto-3g"
    charge: int = 0
    multiplicity: int = 1


RECIPES = {
    "h2": Recipe((("H", (0.0, 0.0, 0.0)), ("H", (0.0, 0.0, 0.7414)))),
}
"""The shipped molecules, by name: a row and a data file for each geometry."""


def make(name: str) -> dict[str, Any]:
    """The data of a molecule.

    The orbitals are those of a restricted Hartree-Fock run. Spin orbital 2 p is orbital p with spin
    up, 2 p + 1 with spin down, and the Jordan-Wigner transform maps spin orbital j to qubit j.

    Args:
        name: A key of RECIPES.

    Returns:
        What the data file holds.

    Raises:
        MissingExtraError: If PySCF or OpenFermion is not installed.
    """
    purpose = "Making a molecule"
    gto = require("pyscf.gto", "chemistry", purpose)
    scf = require("pyscf.scf", "chemistry", purpose)
    ao2mo = require("pyscf.ao2mo", "chemistry", purpose)
    ops = require("openfermion", "chemistry", purpose)
    recipe = RECIPES[name]
    molecule = gto.M(
        atom=[list(atom) for atom in recipe.geometry],
        basis=recipe.basis,
        charge=recipe.charge,
        spin=recipe.multiplicity - 1,
        verbose=0,
    )
    field = scf.RHF(molecule).run(conv_tol=1e-14)
    orbitals = field.mo_coeff
    one_body = orbitals.T @ field.get_hcore() @ orbitals
    two_body = ao2mo.restore(1, ao2mo.kernel(molecule, orbitals), orbitals.shape[1])
    # OpenFermion orders the two-body integrals as <p q | r s> of a+_p a+_q a_r a_s.
    one, two = ops.chem.molecular_data.spinorb_from_spatial(
        one_body, np.asarray(two_body.transpose(0, 2, 3, 1), order="C")
    )
    interaction = ops.InteractionOperator(field.energy_nuc(), one, 0.5 * two)
    qubits = ops.jordan_wigner(interaction)
    terms = {
        " ".join(f"{letter}{q}" for q, letter in string) or "I": round(value.real, _DIGITS)
        for string, value in sorted(qubits.terms.items(), key=lambda t: (len(t[0]), t[0]))
    }
    terms = {text: value for text, value in terms.items() if value}
    num_qubits = 2 * orbitals.shape[1]
    energies, _ = PauliSum(terms, num_qubits=num_qubits).ground_state()
    return {
        "name": name,
        "geometry": [[symbol, list(position)] for symbol, position in recipe.geometry],
        "basis": recipe.basis,
        "mapping": "jordan-wigner",
        "ordering": "qubit 2p is orbital p with spin up, qubit 2p + 1 with spin down",
        "num_qubits": num_qubits,
        "num_electrons": int(molecule.nelectron),
        "hartree_fock_energy": round(float(field.e_tot), _ENERGY_DIGITS),
        "exact_energy": round(float(energies[0]), _ENERGY_DIGITS),
        "terms": terms,
        "made_with": {package: version(package) for package in ("pyscf", "openfermion")},
    }


def main() -> None:
    """Write the data files of the molecules named on the command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(RECIPES))
    for name in parser.parse_args().names:
        path = Path(__file__).with_name(f"{name}.json")
        path.write_text(json.dumps(make(name), indent=1) + "\n", encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
