"""Probabilities of all outcomes of all settings, and their adjoint, qubit by qubit.

The effect of an outcome is a product over qubits of 2 x 2 matrices, one of six: index 2 b + r for
the basis b (X, Y, Z) and the bit r. Numbers for all outcomes are a tensor of k axes of length 6,
whose axis j is qubit j; a density matrix is a tensor of k axes for pairs (row, column).
"""

from typing import Any, NamedTuple

import numpy as np

from qjax.errors import SamplingError

_PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


class Effects(NamedTuple):
    """The six effects of each qubit.

    Attributes:
        matrices: Complex array of shape (k, 6, 4): each as a row of its entries, row by row.
        values: Float array of shape (k, 6): what an outcome counts as for its letter, 1 and -1 but
            for readout errors.
    """

    matrices: np.ndarray
    values: np.ndarray

    def probabilities(self, rho: np.ndarray) -> np.ndarray:
        """tr(E rho) of every effect E: complex (2**k, 2**k) -> real (6,) * k."""
        tensor = _paired(rho)
        for j, own in enumerate(self.matrices):
            # tr(E rho) = sum_rc E[c, r] rho[r, c], and E is Hermitian: E[c, r] = conj(E[r, c]).
            tensor = _on_axis(own.conj(), tensor, j)
        return np.real(tensor)

    def adjoint(self, weights: np.ndarray) -> np.ndarray:
        """The sum of weight times effect: real (6,) * k -> Hermitian (2**k, 2**k)."""
        tensor = weights.astype(complex)
        for j, own in enumerate(self.matrices):
            tensor = _on_axis(own.T, tensor, j)
        return _matrix(tensor)

    def linear_inversion(self, counts: np.ndarray) -> np.ndarray:
        """The matrix whose mean of every Pauli string is the one that was counted.

        Raises:
            SamplingError: If a string was in no setting.
        """
        k = counts.ndim
        signed, seen = counts.astype(float), counts.astype(float)
        for j in range(k):
            rows = np.zeros((4, 6))
            rows[0] = 1
            for basis in range(3):
                rows[1 + basis, 2 * basis : 2 * basis + 2] = 1
            weighted = rows.copy()
            weighted[1:] *= self.values[j]
            signed, seen = _on_axis(weighted, signed, j), _on_axis(rows, seen, j)
        if not np.all(seen > 0):
            missing = np.argwhere(seen <= 0)[0]
            text = " ".join(f"{'IXYZ'[p]}{j}" for j, p in enumerate(missing) if p)
            raise SamplingError(
                f"tomography: counts must tell of every Pauli string, but none tells of {text}."
            )
        tensor = (signed / seen).astype(complex) / 2**k
        for j in range(k):
            tensor = _on_axis(_PAULIS.reshape(4, 4).T, tensor, j)
        return _matrix(tensor)


def effects_of(readout: list[tuple[float, float]]) -> Effects:
    """The effects of qubits that are read with errors.

    Args:
        readout: For each qubit, the probabilities to read 1 for 0, and 0 for 1.
    """
    matrices, values = [], []
    for up, down in readout:
        value = (np.array([1, -1]) + np.array([up - down, up - down])) / (1 - up - down)
        # With read(r | true t): the effect of r is sum_t read(r | t) (1 + (-1)**t P) / 2.
        mean = np.array([1 - up + down, up + 1 - down]) / 2
        slope = np.array([1 - up - down, up + down - 1]) / 2
        own = mean[:, None, None] * _PAULIS[0] + slope[:, None, None] * _PAULIS[1:, None]
        matrices.append(own.reshape(6, 4))
        values.append(np.tile(value, 3))
    return Effects(np.array(matrices), np.array(values))


def _on_axis(matrix: np.ndarray, tensor: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(np.tensordot(matrix, tensor, axes=(1, axis)), 0, axis)


def _paired(rho: np.ndarray) -> np.ndarray:
    """(2**k, 2**k) to (4,) * k, whose axis j is (row, column) of qubit j."""
    k = len(rho).bit_length() - 1
    # The first axes are the highest bits.
    order = [axis for j in range(k) for axis in (k - 1 - j, 2 * k - 1 - j)]
    return rho.reshape((2,) * 2 * k).transpose(order).reshape((4,) * k)


def _matrix(tensor: np.ndarray) -> np.ndarray:
    """The inverse of `_paired`."""
    k = tensor.ndim
    order = [2 * j for j in reversed(range(k))] + [2 * j + 1 for j in reversed(range(k))]
    return tensor.reshape((2, 2) * k).transpose(order).reshape(2**k, 2**k)


def drawn_counts(chances: np.ndarray, counts: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Counts drawn from probabilities, with as many shots in each setting as counts have."""
    k = counts.ndim
    shots = by_setting(counts).sum(axis=1)
    rows = np.maximum(by_setting(chances), 0)
    rows = rows / rows.sum(axis=1, keepdims=True)
    drawn = rng.multinomial(np.rint(shots).astype(np.int64), rows).astype(float)
    return from_settings(drawn, k)


def by_setting(tensor: np.ndarray) -> np.ndarray:
    """(6,) * k to (3**k, 2**k): settings in order, and outcomes with qubit 0 as the lowest bit."""
    k = tensor.ndim
    order = [2 * j for j in range(k)] + [2 * j + 1 for j in reversed(range(k))]
    return tensor.reshape((3, 2) * k).transpose(order).reshape(3**k, 2**k)


def from_settings(rows: np.ndarray, k: int) -> np.ndarray:
    """The inverse of `by_setting`."""
    order: list[Any] = [axis for j in range(k) for axis in (j, 2 * k - 1 - j)]
    return rows.reshape((3,) * k + (2,) * k).transpose(order).reshape((6,) * k)
