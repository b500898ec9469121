"""Heads on the features that a frozen model gives."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.learning import Block, QuantumModel
from qjax.learning.blocks import Adapter, Dense
from qjax.learning.circuits import reuploading_circuit
from qjax.library import hardware_efficient
from qjax.simulate import expectation


class DenseHead(Block):
    """Dense, tanh, dense.

    Args:
        features: Length of a row.
        width: Numbers between.
        classes: Logits.

    Examples:
        >>> DenseHead(32, 15, 10).num_parameters
        655
    """

    def __init__(self, features: int, width: int, classes: int) -> None:
        self.down, self.up = Dense(features, width), Dense(width, classes)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of both maps."""
        down, up = jax.random.split(key)
        return {"down": self.down.init(down), "up": self.up.init(up)}

    def apply(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """Rows (..., features) to (..., classes)."""
        return self.up.apply(params["up"], jnp.tanh(self.down.apply(params["down"], x)))


class QuantumHead(DenseHead):
    """The same with a circuit after the tanh: a qubit for each number, its angle pi/2 at most.

    Args:
        features: Length of a row.
        width: Number of qubits.
        classes: Logits.
        layers: Layers of `qjax.learning.circuits.reuploading_circuit`.

    Examples:
        >>> QuantumHead(32, 8, 10, layers=18).num_parameters
        642

    References:
        A. Mari et al., Transfer learning in hybrid classical-quantum neural networks, Quantum 4,
        340 (2020).
    """

    def __init__(self, features: int, width: int, classes: int, layers: int) -> None:
        super().__init__(features, width, classes)
        self.circuit = QuantumModel(reuploading_circuit(width, width, layers))

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of both maps and of the circuit."""
        dense, circuit = jax.random.split(key)
        return {**super().init(dense), "circuit": self.circuit.init(circuit)}

    def apply(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """Rows (..., features) to (..., classes)."""
        angles = jnp.tanh(self.down.apply(params["down"], x)) * (np.pi / 2)
        return self.up.apply(params["up"], self.circuit.apply(params["circuit"], angles))


class AmplitudeHead(Block):
    """Rows as amplitudes of a circuit, whose <Z> of each qubit a dense map takes to logits.

    A row x of norm 1 becomes the state (x, 1, 0, ...) / sqrt 2. Without the constant, expectation
    values would be the same at x and -x.

    Args:
        features: Length of a row.
        classes: Logits.
        layers: Layers of `qjax.library.hardware_efficient`.

    Examples:
        >>> AmplitudeHead(256, 2, layers=2).num_parameters  # 9 qubits: 3 x 18 + 20
        74
    """

    def __init__(self, features: int, classes: int, layers: int) -> None:
        qubits = features.bit_length()
        self.padding = 2**qubits - features - 1
        self.circuit = hardware_efficient(qubits, layers)
        self.observables = [f"Z{q}" for q in range(qubits)]
        self.up = Dense(qubits, classes)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Angles of the circuit, uniform in 0..2 pi, and the map's parameters."""
        angles, up = jax.random.split(key)
        size = (self.circuit.num_parameters,)
        return {
            "angles": jax.random.uniform(angles, size, maxval=2 * np.pi),
            "up": self.up.init(up),
        }

    def apply(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """Rows (..., features) of norm 1 to (..., classes)."""
        rows = jnp.asarray(x)
        wide = [(0, 0)] * (rows.ndim - 1)
        ones = jnp.pad(rows, [*wide, (0, 1)], constant_values=1)
        state = jnp.pad(ones, [*wide, (0, self.padding)]) * float(np.sqrt(0.5))
        values = expectation(
            self.circuit, self.observables, params["angles"],
            initial_state=state.astype(jnp.complex64),
        )  # fmt: skip
        return self.up.apply(params["up"], values)


class AdaptedMap(Block):
    """A frozen map and an adapter on it, tanh, and a dense map to logits.

    Args:
        frozen: The map's matrix W, of shape (features, width).
        adapter: The update of W.
        classes: Logits.
    """

    def __init__(self, frozen: Any, adapter: Adapter, classes: int) -> None:
        self.frozen, self.adapter = jnp.asarray(frozen), adapter
        self.up = Dense(self.frozen.shape[1], classes)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of the adapter and of the dense map."""
        adapter, up = jax.random.split(key)
        return {"adapter": self.adapter.init(adapter), "up": self.up.init(up)}

    def apply(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """Rows (..., features) to (..., classes)."""
        kernel = self.frozen + self.adapter.delta(params["adapter"])
        return self.up.apply(params["up"], jnp.tanh(jnp.matmul(x, kernel)))
