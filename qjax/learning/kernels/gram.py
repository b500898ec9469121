"""Samples in rows, their states in blocks that fit in memory, and a matrix over pairs of them."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.circuit import Circuit
from qjax.engine.select import complex_dtype
from qjax.errors import LearningError
from qjax.learning.data_circuit import DataCircuit, as_data_circuit
from qjax.simulate import statevector

MEMORY = 2**30  # bytes that the states and products of one pair of blocks may take together
COPIES = 3  # a state, and its real and imaginary parts in the two orders of a product


def feature_circuit(
    feature_map: Circuit | Callable[..., Circuit],
    params: Mapping[str, Any] | None,
    inputs: str,
    what: str,
) -> tuple[DataCircuit, Mapping[str, Any]]:
    """A feature map and its weights; those of a function have the shapes that they come with."""
    given = {} if params is None else params
    if not isinstance(given, Mapping):
        raise LearningError(
            f"{what}: params must be arrays by name, but is of type {type(params).__name__}."
        )
    template = isinstance(feature_map, Circuit)
    shapes = None if template else {name: np.shape(value) for name, value in given.items()}
    circuit = as_data_circuit(feature_map, inputs=inputs, weights=shapes, what=what)
    return circuit, given


def sample_rows(circuit: DataCircuit, x: Any, what: str) -> jax.Array:
    """Samples of shape (N, m), at least one.

    Raises:
        LearningError: If there is another number of axes, or no sample.
    """
    rows = circuit.checked(x)
    if rows.ndim != 2 or not rows.shape[0]:
        raise LearningError(
            f"{what} must have shape (samples, features) with at least one sample, but has shape "
            f"{rows.shape}."
        )
    return rows


def slices(total: int, size: int) -> Iterator[slice]:
    """Consecutive slices of at most this size.

    Examples:
        >>> [(s.start, s.stop) for s in slices(5, 2)]
        [(0, 2), (2, 4), (4, 5)]
    """
    return (slice(start, min(start + size, total)) for start in range(0, total, size))


def states_of(
    circuit: DataCircuit, weights: Mapping[str, Any], dtype: Any, engine: str | None
) -> Callable[[jax.Array], jax.Array]:
    """The function from rows (..., m) to states (..., 2**n)."""
    run = lambda c, values: statevector(c, values, dtype=dtype, engine=engine)
    return lambda rows: circuit.run(run, rows, weights)


def pair_matrix(
    states: Callable[[jax.Array], jax.Array],
    product: Callable[[jax.Array, jax.Array], jax.Array],
    x: jax.Array,
    y: jax.Array | None,
    dtype: Any,
    memory: int,
) -> jax.Array:
    """The matrix product(states(x), states(y)), block by block; symmetric if y is None."""
    amplitudes = jax.eval_shape(states, x[:1]).shape[-1]
    size = block_size(amplitudes, complex_dtype(dtype).itemsize, memory)
    symmetric = y is None
    others = list(slices((x if y is None else y).shape[0], size))
    pieces: list[list[jax.Array]] = []
    for i, rows in enumerate(slices(x.shape[0], size)):
        left = states(x[rows])
        line = []
        for j, columns in enumerate(others):
            if symmetric and j < i:
                line.append(pieces[j][i].T)
            elif symmetric and j == i:
                square = product(left, left)
                line.append((square + square.T) / 2)
            else:
                line.append(product(left, states((x if y is None else y)[columns])))
        pieces.append(line)
    return jnp.block(pieces)


def block_size(amplitudes: int, itemsize: int, memory: int) -> int:
    """Samples in a block, so that two blocks of states and their products stay within `memory`.

    Examples:
        >>> block_size(2**10, 16, 2**30)
        6688
    """
    by_states = memory // (2 * COPIES * amplitudes * itemsize)
    by_products = math.isqrt(memory // (COPIES * itemsize // 2))
    return max(1, min(by_states, by_products))
