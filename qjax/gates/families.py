"""Families: gates made from an argument, and the inverse of any gate."""

import copyreg
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from math import pi
from types import ModuleType
from typing import Any

import numpy as np

from qjax.errors import CircuitError
from qjax.gates.blocks import turn
from qjax.gates.row import Gate, Step
from qjax.gates.table import GATES, find_gate


def pauli_rotation_gate(pauli: str) -> Gate:
    """The gate exp(-i theta P / 2) for a Pauli text; letter k acts on the gate's qubit k.

    Examples:
        >>> pauli_rotation_gate("XYZ").definition
        'exp(-i theta XYZ / 2)'
    """
    if not isinstance(pauli, str) or not pauli or set(pauli) - set("IXYZ"):
        raise CircuitError(
            f"pauli_rotation: pauli must be a text of the letters I, X, Y, Z, but is {pauli!r}."
        )
    return _pauli_rotation(pauli)


@cache
def _pauli_rotation(pauli: str) -> Gate:
    k = len(pauli)

    def matrix(theta: Any, xp: ModuleType = np) -> Any:
        operator = np.ones((1, 1))
        for letter in pauli:
            operator = np.kron(GATES[letter.lower() if letter != "I" else "id"].matrix(), operator)
        c, s = turn(xp.asarray(theta)[..., None, None] / 2, xp)
        return c * xp.eye(2**k, dtype=c.dtype) + s * xp.asarray(operator, dtype=s.dtype)

    return Gate(
        "pauli_rotation", k, ("theta",), f"exp(-i theta {pauli} / 2)", "Pauli rotation",
        matrix=matrix, generator=((-0.5, pauli),), arguments=(pauli,), label=f"R{pauli}",
        inverse=lambda theta: ("pauli_rotation", (-theta,), tuple(range(k))),
        decomposition=lambda theta: _pauli_rotation_steps(pauli, theta),
    )  # fmt: skip


def _pauli_rotation_steps(pauli: str, theta: Any) -> tuple[Step, ...]:
    """Rotate every letter to Z, collect the parity by a ladder of CX, turn, and undo."""
    support = tuple(q for q, letter in enumerate(pauli) if letter != "I")
    if not support:
        return (("gphase", (-theta / 2,), ()),)
    enter: dict[str, tuple[Step, ...]] = {"X": (("h", (), (0,)),), "Y": (("rx", (pi / 2,), (0,)),)}
    leave: dict[str, tuple[Step, ...]] = {"X": (("h", (), (0,)),), "Y": (("rx", (-pi / 2,), (0,)),)}

    def basis(change: dict[str, tuple[Step, ...]]) -> tuple[Step, ...]:
        return tuple(
            (name, angles, (q,)) for q in support for name, angles, _ in change.get(pauli[q], ())
        )

    ladder: tuple[Step, ...] = tuple(("cx", (), (a, b)) for a, b in pairwise(support))
    turn: Step = ("rz", (theta,), (support[-1],))
    return (*basis(enter), *ladder, turn, *reversed(ladder), *basis(leave))


@cache
def unitary_gate(num_qubits: int) -> Gate:
    """The gate whose parameter is its own matrix, of shape (2**k, 2**k).

    Examples:
        >>> unitary_gate(2).param_shapes
        ((4, 4),)
    """
    qubits, size = tuple(range(num_qubits)), 2**num_qubits
    return Gate(
        "unitary", num_qubits, ("matrix",), "the given matrix", "any unitary matrix",
        matrix=lambda matrix, xp=np: xp.asarray(matrix),
        inverse=lambda matrix: ("unitary", (matrix.conj().swapaxes(-1, -2),), qubits),
        param_shapes=((size, size),), arguments=(num_qubits,), label="U",
    )  # fmt: skip


@cache
def operator_gate(num_qubits: int) -> Gate:
    """As `unitary_gate`, of any matrix: what a trajectory of noise applies.

    Examples:
        >>> operator_gate(1).unitary
        False
    """
    gate = unitary_gate(num_qubits)
    return replace(gate, name="operator", definition="the given matrix", unitary=False)


@cache
def conjugate_gate(gate: Gate) -> Gate:
    """The gate whose matrix is the complex conjugate, and which has no decomposition.

    Examples:
        >>> bool(conjugate_gate(GATES["s"]).matrix()[1, 1] == -1j)
        True
    """
    return replace(
        gate,
        name=f"{gate.name}_conjugate",
        matrix=lambda *angles, xp=np: xp.conj(gate.matrix(*angles, xp=xp)),
        decomposition=None,
        generator=None,
        qasm2=None,
        qasm3=None,
        aliases=(),
    )


@cache
def diagonal_gate(num_qubits: int) -> Gate:
    """The gate whose parameter is its diagonal: 2**k complex numbers of modulus one.

    Examples:
        >>> diagonal_gate(2).param_shapes
        ((4,),)
    """
    qubits, size = tuple(range(num_qubits)), 2**num_qubits
    return Gate(
        "diagonal", num_qubits, ("entries",), "diag(entries)", "Qiskit, DiagonalGate",
        matrix=lambda entries, xp=np: xp.where(xp.eye(size, dtype=bool), entries[..., None], 0),
        inverse=lambda entries: ("diagonal", (entries.conj(),), qubits),
        param_shapes=((size,),), arguments=(num_qubits,), label="D",
    )  # fmt: skip


@cache
def permutation_gate(table: tuple[int, ...]) -> Gate:
    """The gate that takes the basis state |j> to |table[j]>.

    Examples:
        >>> permutation_gate((0, 2, 1, 3)).num_qubits
        2
    """
    size = len(table)
    k = size.bit_length() - 1
    if size < 2 or size != 2**k or sorted(table) != list(range(size)):
        raise CircuitError(
            "permutation: table must hold each of 0..2**k-1 once, for k >= 1 qubits, "
            f"but is {list(table)}."
        )

    def matrix(xp: Any = np) -> np.ndarray:
        full = np.zeros((size, size), np.complex128)
        full[list(table), range(size)] = 1
        return full

    return Gate(
        "permutation", k, (), "|j> -> |table[j]>", "permutation of basis states",
        matrix=matrix, arguments=(table,), label="Π",
        inverse=lambda: ("permutation", (), tuple(range(k))),
    )  # fmt: skip


def inverse_of(
    gate: Gate, params: tuple[Any, ...]
) -> tuple[Gate, tuple[Any, ...], tuple[int, ...]]:
    """The gate, its parameters and its qubits' order that undo `gate` at `params`.

    Examples:
        >>> inverse_of(GATES["rx"], (0.5,))[1]
        (-0.5,)
    """
    name, angles, qubits = gate.inverse(*params)
    if name == "permutation":
        (table,) = gate.arguments
        return permutation_gate(tuple(int(i) for i in np.argsort(table))), angles, qubits
    return (gate if name == gate.name else find_gate(name)), angles, qubits


FAMILIES: dict[str, Callable[..., Gate]] = {
    "pauli_rotation": pauli_rotation_gate,
    "unitary": unitary_gate,
    "diagonal": diagonal_gate,
    "permutation": permutation_gate,
}
"""Makers of gates that need an argument beside their parameters, by name."""


def _reduced(gate: Gate) -> Any:
    """How a row is pickled: by name, for its functions cannot be; a gate of one's own is not."""
    if GATES.get(gate.name) is gate:
        return find_gate, (gate.name,)
    family = FAMILIES.get(gate.name)
    if family is not None and family(*gate.arguments) is gate:
        return family, gate.arguments
    return object.__reduce_ex__(gate, 2)


copyreg.pickle(Gate, _reduced)
