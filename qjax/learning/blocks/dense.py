"""Dense: an affine map, and the feed-forward network made of two."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.errors import LearningError
from qjax.learning.block import Block


class Dense(Block):
    """The map x W + b, with LeCun's normal initialisation.

    Args:
        features_in: Length of x.
        features_out: Length of the result.
        bias: Whether there is b.
        dtype: Real dtype of the parameters.

    Examples:
        >>> layer = Dense(3, 2)
        >>> params = layer.init(jax.random.key(0))
        >>> layer.apply(params, jnp.ones((5, 3))).shape, layer.num_parameters
        ((5, 2), 8)
    """

    def __init__(
        self, features_in: int, features_out: int, *, bias: bool = True, dtype: Any = jnp.float32
    ) -> None:
        self.features_in = as_positive(features_in, "Dense: features_in", LearningError)
        self.features_out = as_positive(features_out, "Dense: features_out", LearningError)
        self.bias, self.dtype = bias, dtype

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """The kernel W of shape (in, out), and the bias, zero."""
        draw = jax.nn.initializers.lecun_normal()
        params = {"kernel": draw(key, (self.features_in, self.features_out), self.dtype)}
        if self.bias:
            params["bias"] = jnp.zeros(self.features_out, self.dtype)
        return params

    def apply(self, params: Mapping[str, Any], x: ArrayLike) -> jax.Array:
        """Rows (..., in) to (..., out)."""
        out = jnp.matmul(jnp.asarray(x), params["kernel"])
        return out + params["bias"] if self.bias else out


class FeedForward(Block):
    """Dense, tanh, dense: the classical twin of `QuantumFeedForward`.

    Args:
        features: Length of the rows, in and out.
        hidden: Width between.
        dtype: Real dtype of the parameters.

    Examples:
        >>> FeedForward(4, 3).num_parameters
        31
    """

    def __init__(self, features: int, hidden: int, *, dtype: Any = jnp.float32) -> None:
        self.down = Dense(features, hidden, dtype=dtype)
        self.up = Dense(hidden, features, dtype=dtype)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of both maps."""
        down, up = jax.random.split(key)
        return {"down": self.down.init(down), "up": self.up.init(up)}

    def apply(self, params: Mapping[str, Any], x: ArrayLike) -> jax.Array:
        """Rows (..., features) to (..., features)."""
        return self.up.apply(params["up"], jnp.tanh(self.down.apply(params["down"], x)))
