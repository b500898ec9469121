"""Terms: the Pauli strings of an observable, grouped by their flips. Static and hashable."""

from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np


@dataclass(frozen=True, eq=False)
class Terms:
    """Pauli strings P_t = i^|x & z| X^x Z^z, by their masks.

    Attributes:
        num_qubits: Number of qubits of the state.
        x_masks: Bit q is 1 where the letter on qubit q is X or Y.
        z_masks: Bit q is 1 where the letter on qubit q is Z or Y.
    """

    num_qubits: int
    x_masks: tuple[int, ...]
    z_masks: tuple[int, ...]

    @cached_property
    def _hash(self) -> int:
        return hash((self.num_qubits, self.x_masks, self.z_masks))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (
            isinstance(other, Terms)
            and self._hash == other._hash
            and self.num_qubits == other.num_qubits
            and self.x_masks == other.x_masks
            and self.z_masks == other.z_masks
        )

    def __len__(self) -> int:
        return len(self.x_masks)

    @cached_property
    def signs(self) -> np.ndarray:
        """For each term, -1 if it has an odd number of letters Y, for then P^T = -P; else 1."""
        both = np.bitwise_count(np.array(self.x_masks) & np.array(self.z_masks))
        return 1.0 - 2.0 * (both & 1)

    @cached_property
    def phases(self) -> np.ndarray:
        """For each term, (-i)^y with y its number of letters Y.

        (P psi)[j] = (-i)^y (-1)^parity(j & z) psi[j ^ x].
        """
        both = np.bitwise_count(np.array(self.x_masks) & np.array(self.z_masks))
        return np.array([1, -1j, -1, 1j])[both & 3]

    @cached_property
    def buckets(self) -> tuple["Bucket", ...]:
        """Groups of terms with the same flips, in buckets of about equally large groups."""
        groups: dict[int, list[int]] = {}
        for t, x in enumerate(self.x_masks):
            groups.setdefault(x, []).append(t)
        sizes: dict[int, list[int]] = {}
        for x, members in groups.items():
            sizes.setdefault((len(members) - 1).bit_length(), []).append(x)
        return tuple(self._bucket(xs, 1 << length, groups) for length, xs in sorted(sizes.items()))

    def _bucket(self, xs: list[int], length: int, groups: dict[int, list[int]]) -> "Bucket":
        index = np.full((len(xs), length), len(self))
        for g, x in enumerate(xs):
            index[g, : len(groups[x])] = groups[x]
        z = np.append(np.array(self.z_masks, np.int64), 0)
        return Bucket(np.array(xs, np.uint32), z[index].astype(np.uint32), index)


@dataclass(frozen=True, eq=False)
class Bucket:
    """Groups of terms with the same flips, padded to one length.

    Attributes:
        x_masks: uint32 of shape (groups,).
        z_masks: uint32 of shape (groups, length).
        index: Which term each is, shape (groups, length); the number of terms where it is padding.
    """

    x_masks: np.ndarray
    z_masks: np.ndarray
    index: np.ndarray


@lru_cache(maxsize=512)
def compile_terms(num_qubits: int, x_masks: tuple[int, ...], z_masks: tuple[int, ...]) -> Terms:
    """The terms with these masks; the same object for equal ones."""
    return Terms(num_qubits, x_masks, z_masks)
