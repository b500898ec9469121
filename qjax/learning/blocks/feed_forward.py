"""A circuit between two dense maps, in place of a transformer's feed-forward network."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from qjax.engine.select import complex_dtype, real_dtype
from qjax.learning.block import Block
from qjax.learning.blocks.dense import Dense
from qjax.learning.circuits import reuploading_circuit
from qjax.learning.initializers import Initializers
from qjax.learning.model import QuantumModel


class QuantumFeedForward(Block):
    r"""Dense map to n angles, circuit, dense map of <Z_0> ... <Z_(n-1)> back.

    The angles are pi/2 tanh of the first map's result. The circuit is `reuploading_circuit`.

    Args:
        features: Length of the rows, in and out.
        num_qubits: Number n of qubits.
        layers: Layers of the circuit.
        initializer: Of the circuit's angles.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Raises:
        LearningError: If a number is not positive.

    Examples:
        >>> block = QuantumFeedForward(8, num_qubits=3, layers=2)
        >>> params = block.init(jax.random.key(0))
        >>> block.apply(params, jnp.ones((2, 5, 8))).shape, block.num_parameters
        ((2, 5, 8), 71)

    References:
        A. Mari et al., Transfer learning in hybrid classical-quantum neural networks, Quantum 4,
        340 (2020): the "dressed quantum circuit".
    """

    def __init__(
        self,
        features: int,
        num_qubits: int,
        layers: int = 2,
        *,
        initializer: Initializers | None = None,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        real = real_dtype(complex_dtype(dtype))
        self.model = QuantumModel(
            reuploading_circuit(num_qubits, num_qubits, layers),
            initializer=initializer,
            dtype=dtype,
            engine=engine,
        )
        self.down = Dense(features, num_qubits, dtype=real)
        self.up = Dense(num_qubits, features, dtype=real)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of the maps and of the circuit."""
        down, circuit, up = jax.random.split(key, 3)
        return {
            "down": self.down.init(down),
            "circuit": self.model.init(circuit),
            "up": self.up.init(up),
        }

    def apply(self, params: Mapping[str, Any], x: ArrayLike) -> jax.Array:
        """Rows (..., features) to (..., features)."""
        angles = jnp.tanh(self.down.apply(params["down"], x)) * (jnp.pi / 2)
        return self.up.apply(params["up"], self.model.apply(params["circuit"], angles))
