"""Parameterised blocks on two qubits, which layered and tree-shaped ansaetze are made of."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from qjax.circuit import Circuit, ParameterVector
from qjax.errors import CircuitError


@dataclass(frozen=True)
class Block:
    """A two-qubit block.

    Attributes:
        num_parameters: How many angles it takes.
        append: `append(circuit, angles, a, b)` puts it on the qubits a and b.
        source: What it is, and where it is from.
    """

    num_parameters: int
    append: Callable[[Circuit, list[Any], int, int], Any]
    source: str


def _turn(circuit: Circuit, angles: list[Any], qubit: int) -> None:
    """Any rotation of one qubit: RZ(c) RY(b) RZ(a)."""
    a, b, c = angles
    circuit.rz(a, qubit).ry(b, qubit).rz(c, qubit)


def _su4(circuit: Circuit, angles: list[Any], a: int, b: int) -> None:
    _turn(circuit, angles[0:3], a)
    _turn(circuit, angles[3:6], b)
    circuit.rxx(angles[6], a, b).ryy(angles[7], a, b).rzz(angles[8], a, b)
    _turn(circuit, angles[9:12], a)
    _turn(circuit, angles[12:15], b)


def _so4(circuit: Circuit, angles: list[Any], a: int, b: int) -> None:
    for k in (0, 2):
        circuit.ry(angles[k : k + 2], (a, b)).cx(a, b)
    circuit.ry(angles[4:6], (a, b))


def _turns_cx(circuit: Circuit, angles: list[Any], a: int, b: int) -> None:
    _turn(circuit, angles[0:3], a)
    _turn(circuit, angles[3:6], b)
    circuit.cx(a, b)


BLOCKS: dict[str, Block] = {
    "ry_cx": Block(2, lambda c, t, a, b: c.ry(t, (a, b)).cx(a, b), "RY on both, then CX"),
    "ry_cz": Block(2, lambda c, t, a, b: c.ry(t, (a, b)).cz(a, b), "RY on both, then CZ"),
    "su2_cx": Block(6, _turns_cx, "a rotation of each qubit, then CX"),
    "so4": Block(
        6,
        _so4,
        "real: RY on both, CX, RY on both, CX, RY on both; "
        "H.-R. Wei, Y.-M. Di, Quantum Inf. Comput. 12, 262 (2012)",
    ),
    "su4": Block(
        15,
        _su4,
        "every two-qubit gate, up to its phase, by its Cartan decomposition; "
        "F. Vatan, C. Williams, Phys. Rev. A 69, 032315 (2004)",
    ),
}
"""Blocks by name."""


def find_block(name: str, what: str) -> Block:
    """The block of a name.

    Raises:
        CircuitError: If there is none; the message lists those there are.

    Examples:
        >>> find_block("su4", "mps").num_parameters
        15
    """
    if name not in BLOCKS:
        raise CircuitError(f"{what}: block must be one of {', '.join(BLOCKS)}, but is {name!r}.")
    return BLOCKS[name]


def of_blocks(
    num_qubits: int, pairs: Sequence[tuple[int, int]], block: str, name: str, what: str
) -> Circuit:
    """A block on each pair in turn, each with angles of its own.

    Examples:
        >>> of_blocks(3, [(0, 1), (2, 1)], "ry_cx", "theta", "ansatz").parameters
        {'theta': (2, 2)}
    """
    row = find_block(block, what)
    theta = ParameterVector(name, (len(pairs), row.num_parameters))
    circuit = Circuit(num_qubits)
    for angles, (a, b) in zip(theta, pairs, strict=True):
        row.append(circuit, list(angles), a, b)
    return circuit
