"""Trajectories: every shot has a state of its own, and outcomes are drawn on the way."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.circuit import Circuit
from qjax.dynamic.run import Run
from qjax.dynamic.steps import Step, parted
from qjax.dynamic.walk import Carry, Walk

_CHUNK_AMPLITUDES = 2**24  # of the trajectories that run together


def chunk_size(num_qubits: int, count: int, draws: int = 0) -> int:
    """How many of `count` trajectories run together, each with so many random numbers."""
    return int(np.clip(_CHUNK_AMPLITUDES // max(2**num_qubits, draws), 1, count))


def observed_trajectories(
    circuit: Circuit,
    count: int,
    key: jax.Array,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    observe: Callable[..., Any],
    misreading: jax.Array | None = None,
) -> Any:
    """What is read off trajectories of a circuit without open parameters; see `observed`."""
    run = Run(circuit, None, initial_state, dtype, engine, "expectation")
    steps, _ = parted(run.circuit, keep_final=True)
    return observed(run, steps, count, key, observe, misreading)


def observed(
    run: Run,
    steps: list[Step],
    count: int,
    key: jax.Array,
    observe: Callable[..., Any],
    misreading: jax.Array | None = None,
) -> Any:
    """What is read off trajectories that run together in chunks, (count, ...).

    Args:
        run: The circuit's run.
        steps: Its steps.
        count: How many trajectories.
        key: A key.
        observe: Gets states (B, 2**n), bits (B, clbits), the logarithms of the probabilities of
            what was drawn (B,), and a key; gives arrays of shape (B, ...).
        misreading: Probabilities (n, 2) to misread outcomes 0 and 1 of a qubit that is measured.
    """
    walk = Walk(run, misreading)
    kinds, data = walk.made(steps)
    draws = sum(map(walk.draws, kinds))
    size = chunk_size(run.n, count, draws)
    chunks = -(-count // size)

    def chunk(key: jax.Array) -> Any:
        own, rest = jax.random.split(key)
        start = Carry(
            jnp.broadcast_to(run.start, (size, run.start.shape[1])),
            jnp.zeros((size, run.circuit.num_clbits), jnp.uint8),
            jnp.zeros(size, run.real),
        )
        uniforms = jax.random.uniform(own, (draws, size), run.real)
        return observe(*walk.along(kinds, data, start, uniforms), rest)

    if chunks == 1:
        return jax.tree.map(lambda found: found[:count], chunk(key))
    found = lax.map(jax.checkpoint(chunk), jax.random.split(key, chunks))
    return jax.tree.map(lambda x: x.reshape(chunks * size, *x.shape[2:])[:count], found)
