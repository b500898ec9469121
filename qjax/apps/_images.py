"""Images as amplitudes: the digits, circuits that read them, and the small CNN beside them."""

from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from qjax._extras import require
from qjax.circuit import Circuit
from qjax.learning import Block
from qjax.learning.blocks import Dense
from qjax.simulate import expectation

SIDE = 8  # pixels along an edge of a digit
FIRST_SCALE = 5.0  # of a network without a head: logits of -5..5


def load_digits(app: str) -> tuple[np.ndarray, np.ndarray]:
    """scikit-learn's 1,797 digits, grey values of shape (1797, 8, 8) in 0..1, and their labels."""
    data = require("sklearn.datasets", "apps", f"The app `{app}`").load_digits()
    return (data.images / 16).astype(np.float32), data.target.astype(np.int32)


def amplitudes(images: ArrayLike, floor: float = 0.0) -> np.ndarray:
    """Images as statevectors: pixel (r, c) is amplitude r * width + c, over the norm of all.

    Args:
        images: Grey values of shape (..., height, width), not all zero.
        floor: Added to every grey value, so that dark images stay dark beside bright ones.

    Returns:
        float32 array of shape (..., height * width), rows of unit norm.

    Examples:
        >>> amplitudes([[3.0, 0.0], [0.0, 4.0]])
        array([0.6, 0. , 0. , 0.8], dtype=float32)
    """
    grey = np.asarray(images, np.float32) + np.float32(floor)
    rows = grey.reshape(*grey.shape[:-2], -1)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


class AmplitudeNetwork(Block):
    """Expectation values of trained circuits on images given as amplitudes, and what reads them.

    All images and all filters are one batch of the engine.

    Args:
        circuit: A circuit with one parameter vector.
        observables: What is measured, k of them.
        filters: How many copies of the circuit there are, each with angles of its own.
        outputs: Length of the result of an affine map of the filters' k expectation values. None
            gives the expectation values themselves, times one trained number.

    Examples:
        >>> from qjax.library import qcnn
        >>> network = AmplitudeNetwork(qcnn(4, block="so4"), ["X0", "Z0"], filters=3, outputs=10)
        >>> images = jnp.full((5, 16), 0.25)
        >>> network.apply(network.init(jax.random.key(0)), images).shape, network.num_parameters
        ((5, 10), 118)
    """

    def __init__(
        self,
        circuit: Circuit,
        observables: Sequence[str],
        *,
        filters: int = 1,
        outputs: int | None = None,
    ) -> None:
        self.circuit, self.observables, self.filters = circuit, list(observables), filters
        features = filters * len(self.observables)
        self.head = None if outputs is None else Dense(features, outputs)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Angles near zero, and the head."""
        angles, head = jax.random.split(key)
        shape = (self.filters, self.circuit.num_parameters)
        first = {"angles": 0.5 * jax.random.normal(angles, shape, jnp.float32)}
        if self.head is None:
            return {**first, "scale": jnp.asarray(FIRST_SCALE, jnp.float32)}
        return {**first, "head": self.head.init(head)}

    def apply(self, params: Mapping[str, Any], states: ArrayLike) -> jax.Array:
        """Statevectors (rows, 2**n) to (rows, outputs)."""
        found = expectation(
            self.circuit, self.observables, params["angles"][:, None], initial_state=states
        )  # (filters, rows, k)
        values = jnp.moveaxis(found, 0, 1).reshape(found.shape[1], -1)
        if self.head is None:
            return params["scale"] * values
        return self.head.apply(params["head"], values)


class SmallCNN(Block):
    """Convolution of 3 x 3, ReLU, the largest of each square of pixels, and an affine map.

    Args:
        side: Pixels along an edge of the image.
        channels: Filters of the convolution.
        pool: Pixels along an edge of a square.
        outputs: Length of the result.

    Examples:
        >>> network = SmallCNN(8, channels=1, pool=2, outputs=10)
        >>> network.num_parameters  # 9 + 1 and 16 x 10 + 10
        180
    """

    def __init__(self, side: int, channels: int, *, pool: int, outputs: int) -> None:
        self.side, self.channels, self.pool = side, channels, pool
        self.head = Dense((side // pool) ** 2 * channels, outputs)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """He's normal filters, biases of zero, and the affine map."""
        filters, head = jax.random.split(key)
        draw = jax.nn.initializers.he_normal()
        return {
            "filters": draw(filters, (3, 3, 1, self.channels), jnp.float32),
            "bias": jnp.zeros(self.channels, jnp.float32),
            "head": self.head.init(head),
        }

    def apply(self, params: Mapping[str, Any], pixels: ArrayLike) -> jax.Array:
        """Rows of pixels (rows, side * side) to (rows, outputs)."""
        images = jnp.asarray(pixels).reshape(-1, self.side, self.side, 1)
        maps = lax.conv_general_dilated(
            images, params["filters"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        square = (1, self.pool, self.pool, 1)
        positive = jax.nn.relu(maps + params["bias"])
        largest = lax.reduce_window(positive, -jnp.inf, lax.max, square, square, "VALID")
        return self.head.apply(params["head"], largest.reshape(largest.shape[0], -1))
