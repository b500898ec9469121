"""Counts: how often each bitstring was measured, and in which order its bits are written."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from qjax._checks import as_integer
from qjax.errors import SamplingError

QUBIT0_LAST = "qubit0_last"
QUBIT0_FIRST = "qubit0_first"
_ORDERS = (QUBIT0_LAST, QUBIT0_FIRST)


class Counts(Mapping[str, int]):
    """How often each bitstring was measured; a read-only mapping from bitstring to number.

    Args:
        counts: From bitstrings, all of one length, to numbers of shots.
        bit_order: "qubit0_last" if the highest qubit is written first (qjax, Qiskit), or
            "qubit0_first" (Cirq, PennyLane, Braket).

    Raises:
        SamplingError: If a key is no bitstring, lengths differ, or a number is negative.

    Examples:
        >>> counts = Counts({"00": 510, "11": 514})
        >>> counts["11"], counts["01"], counts.shots
        (514, 0, 1024)
        >>> Counts({"001": 7}).to_order("qubit0_first")
        Counts({'100': 7}, bit_order='qubit0_first')
    """

    def __init__(self, counts: Mapping[str, int], *, bit_order: str = QUBIT0_LAST) -> None:
        if bit_order not in _ORDERS:
            raise SamplingError(
                f'Counts: bit_order must be "{QUBIT0_LAST}" or "{QUBIT0_FIRST}", '
                f"but is {bit_order!r}."
            )
        self._counts = {}
        for bits, number in counts.items():
            if not isinstance(bits, str) or set(bits) - {"0", "1"}:
                raise SamplingError(f"Counts: keys must be bitstrings, but one is {bits!r}.")
            value = as_integer(number, f"Counts: the number of {bits!r}", SamplingError)
            if value < 0:
                raise SamplingError(
                    f"Counts: numbers must not be negative, but {bits!r} has {value}."
                )
            self._counts[bits] = value
        lengths = sorted({len(bits) for bits in self._counts})
        if len(lengths) > 1:
            raise SamplingError(f"Counts: keys must have one length, but have {lengths}.")
        self._num_bits = lengths[0] if lengths else 0
        self._bit_order = bit_order

    @classmethod
    def from_samples(cls, samples: Any) -> "Counts":
        """Count the rows of an array of bits.

        Args:
            samples: Integers 0 and 1 of shape (shots, k); column q is qubit q, as `sample` gives.

        Returns:
            Counts with the highest qubit first, the most frequent bitstring first.

        Examples:
            >>> Counts.from_samples([[1, 0], [1, 0], [1, 1]])
            Counts({'01': 2, '11': 1})
        """
        bits = np.asarray(samples)
        if bits.ndim != 2 or not np.isin(bits, (0, 1)).all():
            raise SamplingError(
                f"Counts: samples must be bits of shape (shots, k), but have shape {bits.shape}."
            )
        shots, k = bits.shape
        if k == 0 or shots == 0:
            return cls({"": shots} if shots else {})
        rows, numbers = np.unique(np.packbits(bits, axis=1), axis=0, return_counts=True)
        order = np.argsort(-numbers, kind="stable")
        digits = np.unpackbits(rows[order], axis=1, count=k)[:, ::-1] + np.uint8(ord("0"))
        texts = np.ascontiguousarray(digits).view(f"S{k}")[:, 0].astype(str).tolist()
        counts = cls({})
        counts._counts = dict(zip(texts, numbers[order].tolist(), strict=True))
        counts._num_bits = k
        return counts

    @property
    def shots(self) -> int:
        """Number of all shots."""
        return sum(self._counts.values())

    @property
    def num_bits(self) -> int:
        """Length of the bitstrings."""
        return self._num_bits

    @property
    def bit_order(self) -> str:
        """Which qubit the bitstrings start with: "qubit0_last" or "qubit0_first"."""
        return self._bit_order

    def __getitem__(self, bits: str) -> int:
        """The number of a bitstring; 0 for one that was not measured."""
        if bits in self._counts:
            return self._counts[bits]
        if not isinstance(bits, str) or len(bits) != self._num_bits or set(bits) - {"0", "1"}:
            raise KeyError(f"Counts: key must be {self._num_bits} bits, but is {bits!r}.")
        return 0

    def __contains__(self, bits: object) -> bool:
        return bits in self._counts

    def __iter__(self) -> Iterator[str]:
        return iter(self._counts)

    def __len__(self) -> int:
        return len(self._counts)

    def __eq__(self, other: object) -> bool:
        """Whether bitstrings and numbers are equal, and the order of bits as well."""
        if isinstance(other, Counts):
            return self._bit_order == other._bit_order and self._counts == other._counts
        return self._counts == other

    __hash__ = None

    def __add__(self, other: "Counts") -> "Counts":
        """Counts of both runs together.

        Raises:
            SamplingError: If the orders of bits or the lengths differ.
        """
        if not isinstance(other, Counts):
            return NotImplemented
        if self._bit_order != other._bit_order:
            raise SamplingError(
                "Counts: two counts to be added must have one order of bits, but have "
                f"{self._bit_order} and {other._bit_order}. Convert one with to_order."
            )
        if self._counts and other._counts and self._num_bits != other._num_bits:
            raise SamplingError(
                "Counts: two counts to be added must have one number of bits, but have "
                f"{self._num_bits} and {other._num_bits}."
            )
        total = dict(self._counts)
        for bits, number in other.items():
            total[bits] = total.get(bits, 0) + number
        return Counts(total, bit_order=self._bit_order)

    def to_order(self, bit_order: str) -> "Counts":
        """The same counts with bitstrings written in the given order."""
        if bit_order == self._bit_order:
            return self
        return Counts({bits[::-1]: n for bits, n in self._counts.items()}, bit_order=bit_order)

    def probabilities(self) -> dict[str, float]:
        """Number of each bitstring divided by the number of shots."""
        shots = self.shots
        return {bits: number / shots for bits, number in self._counts.items()}

    def most_common(self, k: int | None = None) -> list[tuple[str, int]]:
        """The k most frequent bitstrings with their numbers; all if k is None."""
        ranked = sorted(self._counts.items(), key=lambda item: -item[1])
        return ranked if k is None else ranked[: as_integer(k, "most_common: k", SamplingError)]

    def marginal(self, qubits: Any) -> "Counts":
        """Counts of some qubits alone.

        Args:
            qubits: Distinct qubits; qubits[0] becomes qubit 0 of the result.

        Examples:
            >>> Counts({"011": 3, "111": 2}).marginal([0, 2]).most_common()
            [('01', 3), ('11', 2)]
        """
        chosen = [as_integer(q, "marginal: qubit", SamplingError) for q in np.atleast_1d(qubits)]
        if len(set(chosen)) != len(chosen) or any(not 0 <= q < self._num_bits for q in chosen):
            raise SamplingError(
                f"marginal: qubits must be distinct and in 0..{self._num_bits - 1}, "
                f"but are {chosen}."
            )
        first = self._bit_order == QUBIT0_FIRST
        places = chosen if first else [self._num_bits - 1 - q for q in reversed(chosen)]
        total: dict[str, int] = {}
        for bits, number in self._counts.items():
            part = "".join(bits[p] for p in places)
            total[part] = total.get(part, 0) + number
        return Counts(total, bit_order=self._bit_order)

    def __repr__(self) -> str:
        order = "" if self._bit_order == QUBIT0_LAST else f", bit_order={self._bit_order!r}"
        return f"Counts({self._counts}{order})"
