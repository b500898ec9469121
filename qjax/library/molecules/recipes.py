"""The molecules that qjax knows by name: how they are built and which orbitals are active."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Atom = tuple[str, tuple[float, float, float]]
Geometry = tuple[Atom, ...]

_WATER_ANGLE = 104.478  # degrees


@dataclass(frozen=True)
class Recipe:
    """A molecule that is stretched along one coordinate.

    Attributes:
        formula: As chemists write it.
        place: From the bond length in angstrom to the geometry.
        bond: Which length that is.
        equilibrium: The bond length, in angstrom, that a molecule has if none is asked for.
        lengths: Bond lengths, in angstrom, that ship with qjax.
        active_space: Active electrons and active orbitals; None for all.
        charge: Total charge.
    """

    formula: str
    place: Callable[[float], Geometry]
    bond: str
    equilibrium: float
    lengths: tuple[float, ...]
    active_space: tuple[int, int] | None
    charge: int = 0


def _pair(a: str, b: str) -> Callable[[float], Geometry]:
    return lambda r: ((a, (0.0, 0.0, 0.0)), (b, (0.0, 0.0, r)))


def _triangle(r: float) -> Geometry:
    height = r * np.sqrt(3.0) / 2
    return (
        ("H", (0.0, 0.0, 0.0)),
        ("H", (0.0, 0.0, r)),
        ("H", (0.0, round(float(height), 10), r / 2)),
    )


def _line(r: float) -> Geometry:
    return (("Be", (0.0, 0.0, 0.0)), ("H", (0.0, 0.0, r)), ("H", (0.0, 0.0, -r)))


def _water(r: float) -> Geometry:
    half = np.deg2rad(_WATER_ANGLE) / 2
    y, z = (round(float(r * f(half)), 10) for f in (np.sin, np.cos))
    return (("O", (0.0, 0.0, 0.0)), ("H", (0.0, y, z)), ("H", (0.0, -y, z)))


RECIPES = {
    "h2": Recipe("H2", _pair("H", "H"), "H-H", 0.7414,
                 (0.4, 0.5, 0.6, 0.735, 0.7414, 0.9, 1.2, 1.6, 2.0, 2.5), None),
    "h3+": Recipe("H3+", _triangle, "H-H", 0.873,
                  (0.6, 0.75, 0.873, 1.0, 1.2, 1.5, 2.0), None, charge=1),
    "lih": Recipe("LiH", _pair("Li", "H"), "Li-H", 1.595,
                  (1.0, 1.25, 1.5, 1.595, 1.75, 2.0, 2.5, 3.0, 3.5), (2, 5)),
    "beh2": Recipe("BeH2", _line, "Be-H", 1.326,
                   (0.9, 1.1, 1.326, 1.6, 2.0, 2.5, 3.0), (4, 6)),
    "h2o": Recipe("H2O", _water, "O-H", 0.9578,
                  (0.7, 0.8, 0.9578, 1.1, 1.3, 1.6, 2.0, 2.4), (6, 5)),
    "n2": Recipe("N2", _pair("N", "N"), "N-N", 1.098,
                 (1.0, 1.05, 1.098, 1.2, 1.35, 1.5, 1.8, 2.2), (6, 6)),
}  # fmt: skip
"""The molecules by name, all in STO-3G: a row and a data file for each."""
