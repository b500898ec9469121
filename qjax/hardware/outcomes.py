"""Counts as the clients of vendors give them, as arrays of bits and numbers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from qjax.counts import QUBIT0_FIRST, Counts
from qjax.errors import SamplingError


@dataclass(frozen=True)
class Outcomes:
    """Counted outcomes.

    Attributes:
        bits: uint8 of shape (outcomes, bits); column c is classical bit c.
        numbers: float64 of shape (outcomes,): how often each was seen.
    """

    bits: np.ndarray
    numbers: np.ndarray

    @property
    def shots(self) -> float:
        """Number of all shots."""
        return float(self.numbers.sum())


def outcomes(counts: Any, num_bits: int, form: str | None, shots: int) -> Outcomes:
    """Counts in any form.

    Args:
        counts: One of

            - a `Counts` of qjax;
            - "qiskit": texts of bits, the highest bit first, perhaps with spaces between registers,
              or hexadecimal numbers "0x3";
            - "braket": texts of bits, bit 0 first;
            - "ionq": numbers, bit 0 the lowest, with counts or probabilities;
            - "pytket": tuples of bits, bit 0 first;
            - "bits": an array of shape (shots, bits), as pyquil gives.
        num_bits: How many classical bits there are.
        form: One of these names; not needed for `Counts`, tuples and arrays, and "qiskit" if None.
        shots: What probabilities are multiplied by.

    Raises:
        SamplingError: If the counts do not have this form, or are empty.

    Examples:
        >>> outcomes({"01": 3, "11": 1}, 2, "qiskit", 4).bits.tolist()
        [[1, 0], [1, 1]]
    """
    if isinstance(counts, Counts):
        form = "braket" if counts.bit_order == QUBIT0_FIRST else "qiskit"
    elif hasattr(counts, "shape") or (isinstance(counts, Sequence) and not isinstance(counts, str)):
        form = "bits"
    elif isinstance(counts, Mapping) and counts and all(isinstance(k, tuple) for k in counts):
        form = "pytket"
    form = form or "qiskit"
    if form not in FORMS:
        raise SamplingError(f"The form of counts must be one of {', '.join(FORMS)}, but is {form}.")
    if form == "bits":
        return _from_array(counts, num_bits)
    if not isinstance(counts, Mapping) or not counts:
        raise SamplingError(
            f"Counts must be a mapping from outcomes to numbers, and not empty, but are {counts!r}."
        )
    read = FORMS[form]
    rows = []
    for key in counts:
        row = read(key, num_bits)
        if row is None or len(row) != num_bits or any(bit not in (0, 1) for bit in row):
            raise SamplingError(
                f"Counts in the form {form!r} must have outcomes of {num_bits} bits, but one is "
                f"{key!r}."
            )
        rows.append(row)
    numbers = np.array([float(n) for n in counts.values()])
    if not np.all(np.isfinite(numbers)) or np.any(numbers < 0) or not numbers.sum() > 0:
        raise SamplingError("Counts must be finite, not negative, and not all 0.")
    if form == "ionq" and abs(numbers.sum() - 1) < 1e-6:
        numbers = numbers * shots
    return Outcomes(np.array(rows, np.uint8).reshape(len(rows), num_bits), numbers)


def _from_array(counts: Any, num_bits: int) -> Outcomes:
    bits = np.asarray(counts)
    if bits.ndim != 2 or bits.shape[1] != num_bits or not np.isin(bits, (0, 1)).all():
        raise SamplingError(
            f"An array of shots must hold 0 and 1 in the shape (shots, {num_bits}), but has shape "
            f"{bits.shape}."
        )
    return Outcomes(bits.astype(np.uint8), np.ones(len(bits)))


def _highest_first(key: Any, num_bits: int) -> list[int] | None:
    if not isinstance(key, str):
        return None
    if key.startswith("0x"):
        try:
            return _lowest(int(key, 16), num_bits)
        except ValueError:
            return None
    return _lowest_first(key.replace(" ", "")[::-1], num_bits)


def _lowest_first(key: Any, num_bits: int) -> list[int] | None:
    if not isinstance(key, str) or set(key) - {"0", "1"}:
        return None
    return [int(bit) for bit in key]


def _integer(key: Any, num_bits: int) -> list[int] | None:
    try:
        return _lowest(int(key), num_bits)
    except (TypeError, ValueError):
        return None


def _lowest(value: int, num_bits: int) -> list[int] | None:
    return [value >> k & 1 for k in range(num_bits)] if 0 <= value < 1 << num_bits else None


FORMS: dict[str, Callable[[Any, int], list[int] | None]] = {
    "qiskit": _highest_first,
    "braket": _lowest_first,
    "ionq": _integer,
    "pytket": lambda key, num_bits: list(key) if isinstance(key, tuple) else None,
    "bits": lambda key, num_bits: None,
}
"""How the outcomes of each form are read, by its name."""
