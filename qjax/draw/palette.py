"""Colours: one family per kind of gate, told from the facts of its row."""

from dataclasses import dataclass
from enum import Enum

from qjax.circuit import Instruction
from qjax.circuit.parameter import is_traced
from qjax.gates import Gate


class Family(Enum):
    """Which colour an instruction has."""

    FIXED = "fixed"
    ANGLE = "angle"
    OPEN = "open"
    MATRIX = "matrix"
    OTHER = "other"


@dataclass(frozen=True)
class Colors:
    """Colours of a drawing, as hexadecimal RGB.

    Attributes:
        background: Behind everything.
        ink: Text.
        wire: Wires of qubits.
        faint: Barriers and remarks.
        fill: Inside of a family's boxes.
        edge: Edges, controls and lines of a family.
    """

    background: str
    ink: str
    wire: str
    faint: str
    fill: dict[Family, str]
    edge: dict[Family, str]


LIGHT = Colors(
    background="#ffffff",
    ink="#1c2127",
    wire="#6b747e",
    faint="#8b949e",
    fill={
        Family.FIXED: "#dfeaf8",
        Family.ANGLE: "#ddf2e6",
        Family.OPEN: "#fdebd0",
        Family.MATRIX: "#ece4f7",
        Family.OTHER: "#eef0f2",
    },
    edge={
        Family.FIXED: "#2f6db3",
        Family.ANGLE: "#2e8a5c",
        Family.OPEN: "#c4761b",
        Family.MATRIX: "#7a53b0",
        Family.OTHER: "#5c656e",
    },
)

DARK = Colors(
    background="#16191d",
    ink="#e8ecf0",
    wire="#8b949e",
    faint="#7a838c",
    fill={
        Family.FIXED: "#1d3550",
        Family.ANGLE: "#173d2c",
        Family.OPEN: "#4a3213",
        Family.MATRIX: "#34264d",
        Family.OTHER: "#2a2f35",
    },
    edge={
        Family.FIXED: "#6cabef",
        Family.ANGLE: "#5fc795",
        Family.OPEN: "#eda54a",
        Family.MATRIX: "#b595e6",
        Family.OTHER: "#a3acb5",
    },
)

SERIES = tuple(
    LIGHT.edge[f] for f in (Family.FIXED, Family.OPEN, Family.ANGLE, Family.MATRIX, Family.OTHER)
)
"""Colours of the curves and bars of a plot, in order."""


def family(instruction: Instruction) -> Family:
    """The family of an instruction.

    FIXED gates have no angle; ANGLE gates have numbers as angles; in OPEN gates an angle is a
    parameter or traced, so they are what training moves; MATRIX gates are given by a matrix, a
    diagonal or a permutation.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> family(Circuit(1).rx(0.5, 0)[0])
        <Family.ANGLE: 'angle'>
    """
    operation = instruction.operation
    if not isinstance(operation, Gate):
        return Family.OTHER
    if instruction.is_symbolic or any(is_traced(param) for param in instruction.params):
        return Family.OPEN
    if any(operation.param_shapes) or (operation.arguments and not operation.params):
        return Family.MATRIX
    return Family.ANGLE if operation.params else Family.FIXED
