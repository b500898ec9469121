"""What every block of a model is: `init` draws its parameters, `apply` uses them."""

import math
from typing import Any

import jax
import jax.numpy as jnp


class Block:
    """A piece of a model in plain JAX: init(key) -> params, apply(params, ...) -> arrays.

    A block holds no array. Its parameters are a pytree of dictionaries with named arrays, so optax,
    `qjax.fit`, `jit`, `grad` and `vmap` take them as they are, and `qjax.learning.nnx` and
    `qjax.learning.equinox` wrap any block as a module.
    """

    def init(self, key: jax.Array) -> Any:
        """First parameters, drawn by a `jax.random` key."""
        raise NotImplementedError

    def apply(self, params: Any, *args: Any, **kwargs: Any) -> Any:
        """The block's result at these parameters."""
        raise NotImplementedError

    @property
    def num_parameters(self) -> int:
        """How many numbers are trained."""
        return count_parameters(jax.eval_shape(self.init, jax.random.key(0)))


def count_parameters(params: Any) -> int:
    """How many numbers a pytree of arrays holds.

    Args:
        params: A pytree of arrays, numbers, or shapes as `jax.eval_shape` gives them; a complex
            number counts as one.

    Returns:
        The sum of the sizes of its leaves; 0 if there are none.

    Examples:
        >>> count_parameters({"w": jnp.ones((2, 3)), "b": jnp.ones(3)})
        9
    """
    return sum(math.prod(jnp.shape(leaf)) for leaf in jax.tree.leaves(params))
