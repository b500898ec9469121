"""First values of weights: angles at random, small angles, and blocks that start as identities.

The functions here give initialisers of JAX's form, (key, shape, dtype) -> array, so those of
`jax.nn.initializers` serve as well.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterExpression
from qjax.circuit.parameter import Symbol
from qjax.errors import LearningError

Initializer = Callable[[jax.Array, tuple[int, ...], Any], jax.Array]
Initializers = Initializer | Mapping[str, "Initializer | str"]


def uniform(low: float = 0.0, high: float = 2 * math.pi) -> Initializer:
    """Angles drawn evenly from low..high, by default a whole turn.

    Examples:
        >>> angles = uniform()(jax.random.key(0), (3,), jnp.float32)
        >>> angles.shape, bool((angles >= 0).all())
        ((3,), True)
    """
    return lambda key, shape, dtype=jnp.float32: jax.random.uniform(
        key, shape, dtype, minval=low, maxval=high
    )


def normal(stddev: float = 0.01) -> Initializer:
    """Angles near zero: normal with this standard deviation, in radians.

    Small angles keep a deep circuit near the identity, where gradients do not vanish.

    Examples:
        >>> normal()(jax.random.key(0), (2,), jnp.float32).shape
        (2,)

    References:
        K. Zhang et al., Escaping from the barren plateau via Gaussian initializations in deep
        variational quantum circuits, NeurIPS 35 (2022), arXiv:2203.09376.
    """
    return lambda key, shape, dtype=jnp.float32: (
        jax.random.normal(key, shape, dtype) * jnp.asarray(stddev, dtype)
    )


def zeros() -> Initializer:
    """All angles zero.

    Examples:
        >>> zeros()(jax.random.key(0), (2,), jnp.float32)
        Array([0., 0.], dtype=float32)
    """
    return lambda key, shape, dtype=jnp.float32: jnp.zeros(shape, dtype)


class IdentityBlocks(NamedTuple):
    """A circuit of blocks, and the initialisers that make each of them the identity.

    Attributes:
        circuit: The circuit; parameter p of a block is here p, of shape (blocks, *shape), and
            p_inverse, for the inverse half.
        initializers: For `QuantumModel`: p is uniform, p_inverse starts as its copy.
    """

    circuit: Circuit
    initializers: Mapping[str, "Initializer | str"]


def identity_blocks(
    block: Circuit, blocks: int, *, initializer: Initializer | None = None
) -> IdentityBlocks:
    r"""A deep circuit that starts as the identity, of blocks U(p) followed by U(p')^dagger.

    At the start p' = p, so that the whole circuit is the identity and its gradient is that of a
    shallow one; then all parameters are trained freely.

    Args:
        block: The circuit U, with open parameters, without measurements or channels.
        blocks: How many pairs follow each other.
        initializer: Of the angles p; by default uniform in 0..2 pi.

    Returns:
        The circuit, and the initialisers of its parameters.

    Raises:
        LearningError: If the block has no open parameters.
        CircuitError: If the block has no inverse.

    Examples:
        >>> from qjax import ParameterVector
        >>> made = identity_blocks(Circuit(2).ry(ParameterVector("t", 2), [0, 1]).cz(0, 1), 3)
        >>> made.circuit.parameters
        {'t': (3, 2), 't_inverse': (3, 2)}

    References:
        E. Grant et al., An initialization strategy for addressing barren plateaus in parametrized
        quantum circuits, Quantum 3, 214 (2019).
    """
    count = as_positive(blocks, "identity_blocks: blocks", LearningError)
    if not isinstance(block, Circuit) or not block.num_parameters:
        raise LearningError(f"identity_blocks: block must have open parameters, but is {block!r}.")
    inverse = block.inverse()
    whole = Circuit(block.num_qubits)
    for b in range(count):
        for half, suffix in ((block, ""), (inverse, "_inverse")):
            for i in half:
                moved = tuple(_renamed(p, suffix, b, count) for p in i.params)
                whole.append(replace(i, params=moved))
    first = initializer or uniform()
    start: dict[str, Initializer | str] = {}
    for name in block.parameters:
        start[name] = first
        start[f"{name}_inverse"] = name
    return IdentityBlocks(whole, start)


def _renamed(value: Any, suffix: str, block: int, blocks: int) -> Any:
    """Element i of parameter p becomes element (block, i) of the parameter p + suffix."""
    if not isinstance(value, ParameterExpression):
        return value
    terms = tuple(
        (
            Symbol(s.name + suffix, (blocks, *s.shape), block * math.prod(s.shape) + s.index),
            factor,
        )
        for s, factor in value.terms
    )
    return ParameterExpression(terms, value.offset)


def draw(
    initializers: Initializers,
    shapes: Mapping[str, tuple[int, ...]],
    key: jax.Array,
    dtype: Any,
) -> dict[str, jax.Array]:
    """First values of all weights.

    Args:
        initializers: One for all, or one by name; a name in place of one copies that weight.
        shapes: Shape of every weight.
        key: A `jax.random` key.
        dtype: Real dtype of the weights.

    Raises:
        LearningError: If a weight has no initialiser, or a copy does not fit.
    """
    given = (
        initializers if isinstance(initializers, Mapping) else dict.fromkeys(shapes, initializers)
    )
    missing, unknown = [n for n in shapes if n not in given], [n for n in given if n not in shapes]
    if missing or unknown:
        raise LearningError(
            f"initializer must have an entry for each of {list(shapes)}, but has {list(given)}."
        )
    keys = dict(zip(shapes, jax.random.split(key, max(len(shapes), 1)), strict=False))
    values: dict[str, jax.Array] = {}
    for name, shape in shapes.items():
        rule = given[name]
        if not isinstance(rule, str):
            values[name] = jnp.asarray(rule(keys[name], shape, dtype), dtype)
    for name, shape in shapes.items():
        rule = given[name]
        if isinstance(rule, str):
            if rule not in values or values[rule].shape != shape:
                raise LearningError(
                    f"initializer: {name} must copy a drawn weight of shape {shape}, but names "
                    f"{rule!r}."
                )
            values[name] = values[rule]
    return {name: values[name] for name in shapes}
