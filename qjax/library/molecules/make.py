"""Write the shipped molecules: python -m qjax.library.molecules.make h2.

Needs PySCF (`pip install "qjax[chemistry]"`). What qjax ships was made by this script; tests
make some of it again.
"""

import argparse
import json
from importlib.metadata import version
from pathlib import Path

from qjax.library.molecules.chemistry import molecule
from qjax.library.molecules.recipes import RECIPES
from qjax.library.molecules.shipped import to_data


def make(name: str) -> str:
    """The text of a molecule's data file, one line for each bond length.

    Args:
        name: A key of RECIPES.

    Raises:
        MissingExtraError: If PySCF is not installed.
    """
    recipe = RECIPES[name]
    points = [
        json.dumps(to_data(molecule(name, bond_length=r, active_space=recipe.active_space)))
        for r in recipe.lengths
    ]
    head = json.dumps({"formula": recipe.formula, "basis": "sto-3g", "pyscf": version("pyscf")})
    return head[:-1] + ', "points": [\n' + ",\n".join(points) + "\n]}\n"


def main() -> None:
    """Write the data files of the molecules named on the command line."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("names", nargs="+", choices=sorted(RECIPES))
    for name in parser.parse_args().names:
        path = Path(__file__).with_name(f"{name}.json")
        path.write_text(make(name), encoding="utf-8")
        print(f"wrote {path.name}")


if __name__ == "__main__":
    main()
