"""Shadows in random Pauli bases."""

from typing import Any, NamedTuple

import numpy as np

from qjax._checks import check_qubits
from qjax.engine.expectation import checked_observable
from qjax.errors import ObservableError, SamplingError
from qjax.observables import PauliSum
from qjax.shadows.estimated import Estimated, entropy_of, mean_of, pairs_mean_of
from qjax.state import checked_state

_CHUNK_AMPLITUDES = 2**22
_H = 0.5**0.5
# _VECTORS[basis, bit] is the vector that was found.
_VECTORS = np.array([[[_H, _H], [_H, -_H]], [[_H, 1j * _H], [_H, -1j * _H]], [[1, 0], [0, 1]]])


class Shadow(NamedTuple):
    """Outcomes of measurements in random Pauli bases.

    What a shot tells of the state is the product over qubits of 3 |s><s| - 1, where |s> is the
    vector that was found; the mean of it is the density matrix.

    Attributes:
        bases: uint8 array of shape (shots, n): 0, 1, 2 where qubit q was measured in X, Y, Z.
        bits: uint8 array of shape (shots, n): what was found.
    """

    bases: np.ndarray
    bits: np.ndarray

    def expectation(self, observable: Any, *, groups: int = 1) -> Estimated:
        """The expectation value of a sum of Pauli strings.

        A shot whose bases are those of a string of weight w on its support tells 3**w times the
        product of its outcomes +1 and -1; another tells 0. The standard error of a string of
        weight w is about sqrt(3**w / shots).

        Args:
            observable: A PauliSum, or its text, on at most n qubits.
            groups: 1 for the mean over the shots; K for the median of the means of K groups of
                shots, of which few estimates of very many go far astray.

        Raises:
            ObservableError: If it is no PauliSum on at most n qubits.
            SamplingError: If there are too few shots for so many groups.
        """
        n = self.bases.shape[1]
        checked = checked_observable(observable, n)
        if not isinstance(checked, PauliSum):
            raise ObservableError(
                f"observable must be a PauliSum, but is {observable!r}. For others on few qubits "
                "use clifford_shadow."
            )
        weights = np.real(np.asarray(checked.coefficients))
        total = np.zeros(len(self.bases))
        signs = 1.0 - 2.0 * self.bits
        masks = zip(checked.x_masks.tolist(), checked.z_masks.tolist(), weights, strict=True)
        for x, z, weight in masks:
            told = np.ones(len(self.bases))
            for q in range(n):
                if (x | z) >> q & 1:
                    letter = (2 if not x >> q & 1 else 1) if z >> q & 1 else 0
                    told *= 3 * signs[:, q] * (self.bases[:, q] == letter)
            total += weight * told
        return mean_of(total, groups)

    def fidelity(self, state: Any, *, groups: int = 1) -> Estimated:
        """The fidelity <psi|rho|psi> with a pure state; few qubits, for the error grows as 2**n.

        Args:
            state: Statevector of shape (2**n,), of norm 1.
            groups: As in `expectation`.

        Raises:
            StateError: If the state does not fit.
            SamplingError: If there are too few shots for so many groups.
        """
        n, shots = self.bases.shape[1], len(self.bases)
        psi = np.asarray(checked_state(state, n, "fidelity: state", np.dtype(np.complex64)))
        size = max(1, _CHUNK_AMPLITUDES >> n)
        values = np.zeros(shots)
        for start in range(0, shots, size):
            part = slice(start, start + size)
            rows = np.broadcast_to(psi, (len(self.bits[part]), 2**n))
            for q in range(n):
                own = _VECTORS[self.bases[part, q], self.bits[part, q]]
                parts = rows.reshape(len(rows), -1, 2, 2**q)
                inner = np.einsum("bi,bmij->bmj", own.conj(), parts)
                rows = (3 * own[:, None, :, None] * inner[:, :, None] - parts).reshape(rows.shape)
            values[part] = np.real(rows @ psi.conj())
        return mean_of(values, groups)

    def purity(self, qubits: Any = None, *, groups: int = 1) -> Estimated:
        """The purity tr(rho^2) of the reduced density matrix of some qubits; few of them.

        The mean of tr(rho_i rho_j) over all pairs of shots, which is unbiased. The standard error
        is the jackknife's.

        Args:
            qubits: The qubits; all if None.
            groups: As in `expectation`.

        Raises:
            SamplingError: If qubits do not fit, or there are too few shots for so many groups.
        """
        n = self.bases.shape[1]
        chosen = check_qubits(range(n) if qubits is None else qubits, n, "purity", SamplingError)

        def overlaps(a: slice, b: slice) -> np.ndarray:
            found = np.ones((a.stop - a.start, b.stop - b.start))
            for q in chosen:
                same = self.bases[a, q, None] == self.bases[None, b, q]
                equal = self.bits[a, q, None] == self.bits[None, b, q]
                found *= np.where(same, np.where(equal, 5.0, -4.0), 0.5)
            return found

        return pairs_mean_of(overlaps, len(self.bases), groups)

    def renyi_entropy(self, qubits: Any = None, *, groups: int = 1) -> Estimated:
        """The second Renyi entropy -log2 tr(rho^2), in bits; the arguments are those of `purity`.

        It is NaN where the estimate of the purity is not positive: take more shots.
        """
        return entropy_of(self.purity(qubits, groups=groups))
