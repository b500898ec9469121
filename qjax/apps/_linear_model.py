"""A circuit whose expectation value is a linear function of the data."""

from dataclasses import dataclass
from typing import Any

import jax

from qjax.circuit import Circuit
from qjax.gradients import shot_expectation
from qjax.library import hardware_efficient
from qjax.observables import PauliSum
from qjax.simulate import expectation

DTYPE = "complex128"


@dataclass(frozen=True)
class LinearModel:
    r"""A circuit whose expectation value is linear in the data.

    An index register in sum_js w_js |j, s> chooses a feature j and a sign s, and RY(arcsin x_j),
    controlled by j, turns the data qubit. Then

        <Z_s X_data> = sum_j (w_j0^2 - w_j1^2) x_j,

    a linear function whose coefficients have absolute values of at most 1 in sum.

    Attributes:
        num_features: How many features, the constant among them.
        layers: Layers of the circuit that prepares w.
    """

    num_features: int
    layers: int

    @property
    def index_qubits(self) -> int:
        """Qubits that number the features."""
        return (self.num_features - 1).bit_length()

    @property
    def observable(self) -> PauliSum:
        """Z of the sign, X of the data."""
        return PauliSum({f"Z{self.index_qubits} X{self.index_qubits + 1}": 1.0})

    @property
    def num_parameters(self) -> int:
        """Angles of the circuit that prepares w."""
        return (self.layers + 1) * (self.index_qubits + 1)

    def circuit(self, angles: Any) -> Circuit:
        """The circuit for one row of data; angles = arcsin(x), of shape (num_features,)."""
        k = self.index_qubits
        weights = hardware_efficient(k + 1, self.layers, rotations="ry")
        circuit = Circuit(k + 2).compose(weights, range(k + 1))
        for j in range(self.num_features):
            bits = [j >> q & 1 for q in range(k)]
            circuit.mcry(angles[j], range(k), k + 1, control_values=bits)
        return circuit

    def exact(self, params: jax.Array, angles: jax.Array) -> jax.Array:
        """Values for rows of data, (rows, num_features) -> (rows,); gradients by the adjoint."""
        one = lambda row: expectation(self.circuit(row), self.observable, params, dtype=DTYPE)
        return jax.vmap(one)(angles)

    def shifted(self, params: jax.Array, angles: jax.Array) -> jax.Array:
        """The same, with gradients by the parameter-shift rule."""
        one = lambda row: (
            shot_expectation(
                self.circuit(row), self.observable, params, diff="parameter-shift", dtype=DTYPE
            ).value
        )
        return jax.vmap(one)(angles)

    def measured(
        self, params: jax.Array, angles: jax.Array, shots: int, key: jax.Array
    ) -> jax.Array:
        """The same, values and shifted values each from so many shots."""
        one = lambda row, key: (
            shot_expectation(
                self.circuit(row), self.observable, params, shots=shots, key=key, dtype=DTYPE
            ).value
        )
        keys = jax.random.split(key, angles.shape[0])
        return jax.vmap(one)(angles, keys)
