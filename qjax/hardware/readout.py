"""Readout errors: measured by two circuits, and undone in expectation values.

Qubit q reads 1 for 0 with probability a and 0 for 1 with probability b, independently of the
others: its confusion matrix is C = [[1 - a, b], [a, 1 - b]]. The row (1, -1) C^-1 then takes the
place of (1, -1), the values of Z for the outcomes, and undoes the errors on average.

References:
    S. Bravyi, S. Sheldon, A. Kandala, D. C. Mckay, J. M. Gambetta, Mitigating measurement errors in
    multiqubit experiments, Phys. Rev. A 103, 042605 (2021), section III.
"""

from dataclasses import dataclass

import numpy as np

from qjax.errors import SamplingError


@dataclass(frozen=True)
class Readout:
    """Errors of each classical bit.

    Attributes:
        wrong_one: Probability of 1 for a qubit in |0>, float64 of shape (bits,).
        wrong_zero: Probability of 0 for a qubit in |1>.
        shots: Shots of the two calibration circuits.
    """

    wrong_one: np.ndarray
    wrong_zero: np.ndarray
    shots: tuple[int, int]

    @property
    def variances(self) -> np.ndarray:
        """Of the two probabilities, shape (2, bits)."""
        pairs = ((self.wrong_one, self.shots[0]), (self.wrong_zero, self.shots[1]))
        return np.stack([p * (1 - p) / max(shots - 1, 1) for p, shots in pairs])

    def values(self) -> np.ndarray:
        """What an outcome counts as for Z, shape (2, bits): row r for the outcome r.

        Raises:
            SamplingError: If a bit says nothing about its qubit.
        """
        return _values(self.wrong_one, self.wrong_zero)

    def moved(self, which: int, bit: int, step: float) -> np.ndarray:
        """The values with one probability changed."""
        errors = [self.wrong_one.copy(), self.wrong_zero.copy()]
        errors[which][bit] += step
        return _values(errors[0], errors[1])


def _values(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    determinant = 1 - a - b
    if np.any(determinant < 0.05):
        worst = int(np.argmin(determinant))
        raise SamplingError(
            f"Readout errors must leave a bit some meaning, but bit {worst} reads 1 for 0 with "
            f"probability {a[worst]:.3g} and 0 for 1 with probability {b[worst]:.3g}."
        )
    return np.stack([1 - b + a, -(1 - a + b)]) / determinant
