"""What is found at one point: exact expectation values, or those of shots."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.circuit.parameter import is_traced
from qjax.engine.operators import real_coefficients
from qjax.errors import ObservableError, SamplingError
from qjax.observables import PauliSum
from qjax.shots.draws import allocated, drawn, own_key
from qjax.shots.opened import Opened

CHUNK_AMPLITUDES = 2**22  # of the states of several points that are held at once


@dataclass(frozen=True)
class Estimator:
    """Expectation values of an observable's strings, at any coordinates of an opened circuit.

    Attributes:
        evaluate: (circuit, observables, params) -> exact expectation values.
        opened: The circuit.
        observable: The observable; it has weights only if it is a PauliSum.
        shots: How many for a point; None gives exact values.
        allocation: How they are shared out.
    """

    evaluate: Callable[..., jax.Array]
    opened: Opened
    observable: Any
    shots: int | None = None
    allocation: str = "weight"

    @property
    def weights(self) -> jax.Array:
        """Real coefficients of the strings, (K,)."""
        if not isinstance(self.observable, PauliSum):
            return jnp.ones(1)
        known = not is_traced(self.observable.coefficients)
        dtype = float if known else jnp.real(self.observable.coefficients).dtype
        return real_coefficients(self.observable, dtype)

    def checked(self, what: str) -> "Estimator":
        """Itself, if shots and observable fit.

        Raises:
            ObservableError: If there are shots, and the observable is no sum of Pauli strings.
            SamplingError: If there are fewer shots than strings to measure.
        """
        if self.shots is None:
            return self
        if not isinstance(self.observable, PauliSum):
            raise ObservableError(
                f"{what}: with shots, observable must be a PauliSum, but is {self.observable!r}."
            )
        count = int(self._measured().sum())
        if self.shots < count:
            raise SamplingError(
                f"{what}: shots must be at least one for each of {count} strings, but are "
                f"{self.shots}."
            )
        return self

    def __call__(
        self, at: jax.Array, key: jax.Array, weights: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """Values found of the strings and the variances of these, (K,) each, at coordinates.

        Shots are shared out by `weights`, the observable's coefficients.
        """
        params, circuit = self.opened.named(at), self.opened.circuit
        if not isinstance(self.observable, PauliSum):
            exact = self.evaluate(circuit, [self.observable], params)
            return exact, jnp.zeros_like(exact)
        n = circuit.num_qubits
        strings = [PauliSum({s: 1.0}, num_qubits=n) for s in self.observable.strings]
        means = self.evaluate(circuit, strings, params)
        if self.shots is None:
            return means, jnp.zeros_like(means)
        weights = weights.astype(means.dtype)
        share = allocated(means, weights, self.shots, self.allocation, self._measured())
        return drawn(means, share, own_key(key, at), exact_variance=self.allocation == "variance")

    def _measured(self) -> np.ndarray:
        """Which strings need shots: all but the identity."""
        return (self.observable.x_masks | self.observable.z_masks) != 0

    def weighed(self, found: jax.Array, spread: jax.Array) -> tuple[jax.Array, jax.Array]:
        """The observable's value and its variance: (..., K) each -> (...) each."""
        weights = self.weights.astype(found.dtype)
        return jnp.sum(found * weights, axis=-1), jnp.sum(
            spread * lax.stop_gradient(weights) ** 2, axis=-1
        )


def mapped(function: Callable[..., Any], rows: Any, num_qubits: int) -> Any:
    """A function of each row, in batches whose states fit."""
    count = len(jax.tree.leaves(rows)[0])
    size = int(np.clip(CHUNK_AMPLITUDES >> num_qubits, 1, max(count, 1)))
    if size >= count:
        return jax.vmap(lambda row: function(*row))(rows)
    return lax.map(lambda row: function(*row), rows, batch_size=size)
