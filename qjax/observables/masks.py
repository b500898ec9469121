"""Masks of Pauli strings, and what follows from them alone. NumPy on integers; no coefficient.

A Pauli string P with masks x and z is i^|x & z| X^x Z^z, where |m| is the number of bits set in m:

    P |j> = i^|x & z| (-1)^|j & z| |j ^ x>
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

POWERS_OF_I = (complex(1, 0), complex(0, 1), complex(-1, 0), complex(0, -1))


@dataclass(frozen=True, eq=False, repr=False)
class PauliStructure:
    """A sum of Pauli strings without its coefficients: static and hashable.

    Two are equal if they have the same strings in the same order on as many qubits.

    Attributes:
        num_qubits: Number of qubits.
        x_masks: int64 array of shape (terms,). Bit q of `x_masks[k]` is set if string k has X or Y
            on qubit q.
        z_masks: int64 array of shape (terms,). Bit q is set for Z or Y.
    """

    num_qubits: int
    x_masks: np.ndarray
    z_masks: np.ndarray

    def __post_init__(self) -> None:
        self.x_masks.setflags(write=False)
        self.z_masks.setflags(write=False)

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        return self.num_qubits, self.x_masks.tobytes(), self.z_masks.tobytes()

    @cached_property
    def _hash(self) -> int:
        return hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, PauliStructure) or self._hash != other._hash:
            return False
        return self._key == other._key

    def __reduce__(self) -> tuple[Any, ...]:
        # A hash of bytes differs from process to process, so it must not be pickled.
        return PauliStructure, (self.num_qubits, self.x_masks, self.z_masks)

    def __len__(self) -> int:
        return len(self.x_masks)

    def __repr__(self) -> str:
        return f"PauliStructure({self.num_qubits} qubits, {len(self)} terms)"

    @cached_property
    def groups(self) -> tuple[tuple[int, np.ndarray], ...]:
        """Pairs (x mask, indices of the terms that have it), by rising x mask."""
        order = np.argsort(self.x_masks, kind="stable")
        x = self.x_masks[order]
        starts = np.flatnonzero(np.diff(x, prepend=-1))
        parts = np.split(order, starts[1:]) if len(self) else []
        return tuple((int(x[s]), part) for s, part in zip(starts, parts, strict=True))


def distinct(x: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Find equal strings.

    Args:
        x: x masks of shape (terms,).
        z: z masks of shape (terms,).

    Returns:
        (first, which): `first[d]` is the first term that has the d-th distinct string, in order of
        appearance; `which[k]` says which distinct string term k has.

    Examples:
        >>> first, which = distinct(np.array([5, 1, 5]), np.array([0, 0, 0]))
        >>> first, which
        (array([0, 1]), array([0, 1, 0]))
    """
    order = np.lexsort((z, x))  # stable: equal strings stay in order of appearance
    starts = np.ones(len(order), bool)
    starts[1:] = (np.diff(x[order]) != 0) | (np.diff(z[order]) != 0)
    first = order[starts]
    appearance = np.argsort(first)
    position = np.empty_like(appearance)
    position[appearance] = np.arange(len(first))
    which = np.empty_like(order)
    which[order] = position[np.cumsum(starts) - 1]
    return first[appearance], which


def products(
    a: PauliStructure, b: PauliStructure
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All products P_k P_l = i^power P of a string of `a` with a string of `b`.

    X^x and Z^z pass each other as Z^z X^x = (-1)^|z & x| X^x Z^z, so, with y = |x & z|:

        P_k P_l = i^(y_k + y_l) (-1)^|z_k & x_l| X^(x_k ^ x_l) Z^(z_k ^ z_l)
                = i^(y_k + y_l - y + 2 |z_k & x_l|) P

    Returns:
        (x, z, power, anticommute), each of shape (len(a), len(b)): masks of P, the power of i in
        0..3, and whether P_k P_l = - P_l P_k.
    """
    x_a, z_a, x_b, z_b = a.x_masks[:, None], a.z_masks[:, None], b.x_masks, b.z_masks
    x, z = x_a ^ x_b, z_a ^ z_b
    past = np.bitwise_count(z_a & x_b)
    # Counts are uint8; their sums wrap at 256, a multiple of 4.
    y = np.bitwise_count(x_a & z_a) + np.bitwise_count(x_b & z_b) - np.bitwise_count(x & z)
    anticommute = (past + np.bitwise_count(x_a & z_b)) & 1
    return x, z, (y + 2 * past) & 3, anticommute.astype(bool)
