"""Classical shadows: many properties of a state from measurements in random Pauli bases.

Reference:
    H.-Y. Huang, R. Kueng, J. Preskill, Predicting many properties of a quantum system from very few
    measurements, Nature Physics 16, 1050 (2020).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive, check_qubits
from qjax.circuit import Circuit, ParameterVector
from qjax.engine.expectation import checked_observable
from qjax.errors import ObservableError, SamplingError
from qjax.observables import PauliSum
from qjax.simulate import sample, statevector

_CHUNK_AMPLITUDES = 2**24
# Angles of rx and ry that take the eigenvectors of X, Y and Z to |0> and |1>.
_TURNS = np.array([[0.0, -np.pi / 2], [np.pi / 2, 0.0], [0.0, 0.0]], np.float32)


class Estimated(NamedTuple):
    """An estimate and its standard error."""

    value: float
    standard_error: float


class Shadow(NamedTuple):
    """Outcomes of measurements in random Pauli bases.

    Attributes:
        bases: uint8 array of shape (shots, n): 0, 1, 2 where qubit q was measured in X, Y, Z.
        bits: uint8 array of shape (shots, n): what was found.
    """

    bases: np.ndarray
    bits: np.ndarray

    def expectation(self, observable: Any) -> Estimated:
        """The expectation value of a sum of Pauli strings.

        A shot whose bases are those of a string of weight w on its support tells 3**w times the
        product of its outcomes +1 and -1; another tells 0. The standard error is that of the mean:
        for strings of weight w it is about sqrt(3**w / shots).

        Raises:
            ObservableError: If it is no PauliSum on at most n qubits.
        """
        n = self.bases.shape[1]
        checked = checked_observable(observable, n)
        if not isinstance(checked, PauliSum):
            raise ObservableError(f"observable must be a PauliSum, but is {observable!r}.")
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
        return Estimated(float(total.mean()), float(total.std(ddof=1) / np.sqrt(len(total))))

    def purity(self, qubits: Any) -> Estimated:
        """The purity tr(rho^2) of the reduced density matrix of some qubits; few of them.

        The mean of tr(rho_i rho_j) over all pairs of shots, which is unbiased; -log2 of it is the
        second Renyi entropy. The standard error is the jackknife's.
        """
        n, shots = self.bases.shape[1], len(self.bases)
        chosen = check_qubits(qubits, n, "purity", SamplingError)
        rows = np.zeros(shots)
        for start in range(0, shots, 512):
            part = slice(start, start + 512)
            overlaps = np.ones((len(self.bases[part]), shots))
            for q in chosen:
                same = self.bases[part, q, None] == self.bases[None, :, q]
                equal = self.bits[part, q, None] == self.bits[None, :, q]
                overlaps *= np.where(same, np.where(equal, 5.0, -4.0), 0.5)
            rows[part] = overlaps.sum(axis=1) - 5.0 ** len(chosen)  # without the pair with itself
        pairs = shots * (shots - 1)
        mean = rows.sum() / pairs
        without = (rows.sum() - 2 * rows) / ((shots - 1) * (shots - 2))
        spread = np.sqrt((shots - 1) * np.mean((without - without.mean()) ** 2))
        return Estimated(float(mean), float(spread))


def classical_shadow(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any = None,
    *,
    dtype: Any = None,
    engine: str | None = None,
) -> Shadow:
    """Measure every qubit of a circuit's state in X, Y or Z, chosen at random for each shot.

    Args:
        circuit: The circuit, without measurements and noise.
        shots: How many, at least 3.
        key: A `jax.random` key.
        params: Values of its open parameters, one set.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Raises:
        SamplingError: If there are fewer than 3 shots.

    Examples:
        >>> import jax, qjax as qj
        >>> bell = qj.Circuit(2).h(0).cx(0, 1)
        >>> shadow = classical_shadow(bell, 5000, jax.random.key(0))
        >>> found = shadow.expectation("X0 X1")
        >>> bool(abs(found.value - 1) < 5 * found.standard_error)
        True
    """
    count = as_positive(shots, "classical_shadow: shots", SamplingError)
    if count < 3:
        raise SamplingError(f"classical_shadow: shots must be at least 3, but are {count}.")
    n = circuit.num_qubits
    state = statevector(circuit, params, dtype=dtype, engine=engine)
    angles = ParameterVector("angles", (2, n))
    turned = Circuit(n)
    for q in range(n):
        turned.rx(angles[0, q], q).ry(angles[1, q], q)
    of_bases, of_bits = jax.random.split(key)
    bases = np.asarray(jax.random.randint(of_bases, (count, n), 0, 3))
    turns = np.moveaxis(_TURNS[bases], 1, 2).reshape(count, 2 * n)
    size = int(np.clip(_CHUNK_AMPLITUDES >> n, 1, count))
    keys = jax.random.split(of_bits, -(-count // size))
    found = [
        sample(
            turned, 1, own, jnp.asarray(turns[k * size : (k + 1) * size]), initial_state=state,
            dtype=dtype, engine=engine,
        )
        for k, own in enumerate(keys)
    ]  # fmt: skip
    bits = np.concatenate([np.asarray(part)[:, 0] for part in found])
    return Shadow(bases.astype(np.uint8), bits)
