"""Shadows in random Clifford bases of all qubits."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import check_qubits
from qjax.circuit.clifford import template
from qjax.engine.expectation import checked_observable, expectations
from qjax.engine.sampling import transposed
from qjax.errors import SamplingError
from qjax.observables import Diagonal, Hermitian, PauliSum
from qjax.shadows.estimated import Estimated, entropy_of, mean_of, pairs_mean_of
from qjax.simulate import statevector
from qjax.state import checked_state

CHUNK_AMPLITUDES = 2**22  # of the states that are handled together


class CliffordShadow(NamedTuple):
    """Outcomes of measurements after random Clifford circuits.

    The vector that a shot with the circuit U and the bits b found is |s> = U^dagger |b>. What it
    tells of the state is (2**n + 1) |s><s| - 1; the mean of it is the density matrix.

    Attributes:
        gates: bool array of shape (shots, gates): which gates of the template acted; see
            `random_clifford`.
        bits: uint8 array of shape (shots, n): what was found.
    """

    gates: np.ndarray
    bits: np.ndarray

    def expectation(self, observable: Any, *, groups: int = 1) -> Estimated:
        """The expectation value of any observable O.

        A shot tells (2**n + 1) <s|O|s> - tr O. The variance for each shot is at most 3 tr(O^2),
        with O made traceless: small for projectors, 3 * 2**n for a Pauli string of any weight.

        Args:
            observable: As in `qjax.expectation`: a PauliSum, Projector, Diagonal or Hermitian.
            groups: 1 for the mean over the shots; K for the median of the means of K groups of
                shots, of which few estimates of very many go far astray.

        Raises:
            ObservableError: If it is no observable on at most n qubits.
            SamplingError: If there are too few shots for so many groups.
        """
        n = self.bits.shape[1]
        checked = checked_observable(observable, n)
        values = self._over_chunks(lambda states: expectations(states, [checked], "auto")[:, 0])
        return mean_of((2**n + 1) * values - _trace(checked, n), groups)

    def fidelity(self, state: Any, *, groups: int = 1) -> Estimated:
        """The fidelity <psi|rho|psi> with a pure state; its error does not grow with n.

        Args:
            state: Statevector of shape (2**n,), of norm 1.
            groups: As in `expectation`.

        Raises:
            StateError: If the state does not fit.
            SamplingError: If there are too few shots for so many groups.
        """
        n = self.bits.shape[1]
        psi = np.asarray(checked_state(state, n, "fidelity: state", np.dtype(np.complex64)))
        values = self._over_chunks(lambda states: abs(np.asarray(states) @ psi.conj()) ** 2)
        return mean_of((2**n + 1) * values - 1, groups)

    def purity(self, qubits: Any = None, *, groups: int = 1) -> Estimated:
        """The purity tr(rho^2) of the reduced density matrix of some qubits.

        The mean of tr(rho_i rho_j) over all pairs of shots, which is unbiased. The standard error
        is the jackknife's.

        Args:
            qubits: The qubits; all if None.
            groups: As in `expectation`.

        Raises:
            SamplingError: If qubits do not fit, or there are too few shots for so many groups.
        """
        n = self.bits.shape[1]
        kept = check_qubits(range(n) if qubits is None else qubits, n, "purity", SamplingError)
        rest = tuple(q for q in range(n) if q not in kept)
        size, outside = 2 ** len(kept), 2 ** len(rest)

        # What a shot tells of the kept qubits is (2**n + 1) r - outside, with r = tr_rest |s><s|.
        def told(states: jax.Array) -> np.ndarray:
            if not rest:
                return np.asarray(states)
            parts = np.asarray(transposed(states, (*kept, *rest))).reshape(-1, outside, size)
            return np.einsum("bma,bmc->bac", parts, parts.conj()).reshape(-1, size**2)

        rows = self._over_chunks(told)
        factor = 2**n + 1

        def overlaps(a: slice, b: slice) -> np.ndarray:
            inner = rows[a] @ rows[b].conj().T
            shared = np.real(inner) if rest else abs(inner) ** 2
            return factor**2 * shared - 2.0 * factor * outside + outside**2 * size

        return pairs_mean_of(overlaps, len(self.bits), groups)

    def renyi_entropy(self, qubits: Any = None, *, groups: int = 1) -> Estimated:
        """The second Renyi entropy -log2 tr(rho^2), in bits; the arguments are those of `purity`.

        It is NaN where the estimate of the purity is not positive: take more shots.
        """
        return entropy_of(self.purity(qubits, groups=groups))

    def _over_chunks(self, function: Callable[[jax.Array], Any]) -> np.ndarray:
        """A function of the vectors that were found, over all shots."""
        found = [np.asarray(function(states)) for states in self._found_states()]
        return np.concatenate(found)

    def _found_states(self) -> Iterator[jax.Array]:
        """U^dagger |b> of the shots, (B, 2**n), chunk by chunk."""
        shots, n = self.bits.shape
        undone = template(n).inverse()
        size = int(np.clip(CHUNK_AMPLITUDES >> n, 1, shots))
        index = self.bits.astype(np.int64) @ (1 << np.arange(n))
        for start in range(0, shots, size):
            part = slice(start, start + size)
            starts = jax.nn.one_hot(index[part], 2**n, dtype=jnp.complex64)
            acts = jnp.asarray(self.gates[part], jnp.float32)
            yield statevector(undone, acts, initial_state=starts)


def _trace(observable: Any, n: int) -> float:
    """The trace of an observable on n qubits."""
    if isinstance(observable, PauliSum):
        identity = (observable.x_masks | observable.z_masks) == 0
        return float(2**n * np.real(np.asarray(observable.coefficients))[identity].sum())
    rest = 2 ** (n - len(observable.qubits))
    if isinstance(observable, Diagonal):
        return rest * float(np.sum(np.asarray(observable.values)))
    if isinstance(observable, Hermitian):
        return rest * float(np.trace(np.asarray(observable.matrix)).real)
    return float(rest)  # a projector onto one vector
