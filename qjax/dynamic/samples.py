"""Bits of shots of circuits that depend on outcomes."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp

from qjax.circuit import Circuit
from qjax.dynamic.branching import MOST_AMPLITUDES, all_branches, splits
from qjax.dynamic.jumps import misread
from qjax.dynamic.run import Run
from qjax.dynamic.steps import parted
from qjax.dynamic.trajectories import observed
from qjax.engine.sampling import draw


def sample_bits(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    misreading: jax.Array | None = None,
) -> jax.Array:
    """The classical bits of shots, uint8 of shape (shots, clbits).

    By branches if they are no more than shots and can be held, else by trajectories: always so with
    `misreading`, the probabilities (n, 2) to misread outcomes 0 and 1 of a qubit.
    """
    run = Run(circuit, params, initial_state, dtype, engine, "sample")
    steps, finals = parted(run.circuit, keep_final=False)
    count = 2 ** min(splits(steps), 62)
    by_chance = circuit.structure.channel is not None or misreading is not None
    fits = count <= max(shots, 16) and count << run.n <= MOST_AMPLITUDES
    if by_chance or not fits:
        return _by_trajectories(
            run.circuit, run.start[0], key, misreading, shots=shots, engine=engine
        )
    states, bits = all_branches(run, {}, keep_final=False)
    more = (1 << (len(bits) - 1).bit_length()) - len(bits)
    states = jnp.pad(states, ((0, more), (0, 0)))  # together they are one state
    index = draw(states.reshape(1, -1), key[None], shots, run.engine)[0]
    return _with_finals(jnp.asarray(bits)[index >> run.n], index, finals)


@partial(jax.jit, static_argnames=("shots", "engine"))
def _by_trajectories(
    circuit: Circuit,
    start: jax.Array,
    key: jax.Array,
    misreading: jax.Array | None,
    *,
    shots: int,
    engine: str | None,
) -> jax.Array:
    run = Run(circuit, None, start, start.dtype, engine, "sample")
    steps, finals = parted(circuit, keep_final=False)

    def observe(states: jax.Array, bits: jax.Array, logs: jax.Array, key: jax.Array) -> jax.Array:
        own, other = jax.random.split(key)
        index = draw(states, jax.random.split(own, len(states)), 1, run.engine)[:, 0]
        bits = _with_finals(bits, index, finals)
        if misreading is None:
            return bits
        uniforms = jax.random.uniform(other, (len(finals), len(bits)), run.real)
        for uniform, (c, q) in zip(uniforms, finals.items(), strict=True):
            seen = misread(bits[:, c] == 1, misreading[q], uniform)
            bits = bits.at[:, c].set(seen.astype(jnp.uint8))
        return bits

    return observed(run, steps, shots, key, observe, misreading)


def _with_finals(bits: jax.Array, index: jax.Array, finals: dict[int, int]) -> jax.Array:
    for c, q in finals.items():
        bits = bits.at[:, c].set((index >> q & 1).astype(jnp.uint8))
    return bits
