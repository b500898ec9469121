"""What rows are built from: blocks of matrices, and inverses.

Entries of matrices are numbers or arrays with leading axes of angles; `xp` is numpy or jax.numpy.
"""

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any

import numpy as np

from qjax.gates.row import Step

STDGATES = "OpenQASM 3, stdgates.inc"


def stack(rows: list[list[Any]], xp: ModuleType) -> Any:
    """Entries, each a number or an array of shape (...), to a matrix of shape (..., r, r)."""
    entries = xp.broadcast_arrays(*(xp.asarray(entry) for row in rows for entry in row))
    flat = xp.stack(entries, axis=-1)
    return flat.reshape(*flat.shape[:-1], len(rows), len(rows))


def phase(angle: Any, xp: ModuleType) -> Any:
    """exp(i angle)."""
    return xp.cos(angle) + 1j * xp.sin(angle)


def turn(angle: Any, xp: ModuleType) -> tuple[Any, Any]:
    """(cos, -i sin) of an angle, both complex: exp(-i angle P) = cos - i sin P when P^2 = 1."""
    return xp.cos(angle) + 0j, -1j * xp.sin(angle)


def fixed(rows: Sequence[Sequence[complex]]) -> Callable[..., np.ndarray]:
    """The matrix of a gate without angles."""
    matrix = np.array(rows, dtype=np.complex128)
    matrix.setflags(write=False)
    return lambda xp=np: matrix


def diagonal(*entries: Callable[[Any, ModuleType], Any]) -> Callable[..., Any]:
    """A diagonal matrix whose entries are functions of one angle."""

    def matrix(theta: Any, xp: ModuleType = np) -> Any:
        zero = 0j * theta
        values = [entry(theta, xp) + zero for entry in entries]
        return stack(
            [[v if i == j else zero for j, v in enumerate(values)] for i in range(len(values))], xp
        )

    return matrix


def undone_by(name: str, num_qubits: int = 1) -> Callable[..., Step]:
    """The inverse of a gate without angles."""
    return lambda: (name, (), tuple(range(num_qubits)))


def negated(name: str, num_qubits: int = 1) -> Callable[..., Step]:
    """The inverse of a gate whose one angle changes sign."""
    return lambda theta: (name, (-theta,), tuple(range(num_qubits)))


def first_negated(name: str, num_qubits: int) -> Callable[..., Step]:
    """The inverse of a gate of two angles whose first one changes sign."""
    return lambda theta, other: (name, (-theta, other), tuple(range(num_qubits)))
