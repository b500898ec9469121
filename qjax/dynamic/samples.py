"""Bits of shots of circuits that depend on outcomes."""

from typing import Any

import jax
import jax.numpy as jnp

from qjax.circuit import Circuit
from qjax.dynamic.branching import MOST_AMPLITUDES, all_branches, splits
from qjax.dynamic.run import Run
from qjax.dynamic.steps import parted
from qjax.dynamic.trajectories import Misreading, observed
from qjax.engine.sampling import draw


def sample_bits(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    misread: Misreading | None = None,
) -> jax.Array:
    """The classical bits of shots, uint8 of shape (shots, clbits).

    By branches if they are no more than shots and can be held, else by trajectories: always so with
    `misread`, what becomes of an outcome that is written to a bit.
    """
    run = Run(circuit, params, initial_state, dtype, engine, "sample")
    steps, finals = parted(run.circuit, keep_final=False)
    count = 2 ** min(splits(steps), 62)
    by_chance = circuit.structure.channel is not None or misread is not None
    fits = count <= max(shots, 16) and count << run.n <= MOST_AMPLITUDES
    if fits and not by_chance:
        states, bits = all_branches(run, steps, {})  # together they are one state
        more = (1 << (len(bits) - 1).bit_length()) - len(bits)
        states = jnp.pad(states, ((0, more), (0, 0)))  # as many amplitudes as a state has
        index = draw(states.reshape(1, -1), key[None], shots, run.engine)[0]
        return _with_finals(jnp.asarray(bits)[index >> run.n], index, finals)

    def observe(states: jax.Array, bits: jax.Array, logs: jax.Array, key: jax.Array) -> jax.Array:
        own, *others = jax.random.split(key, 1 + len(finals))
        index = draw(states, jax.random.split(own, len(states)), 1, run.engine)[:, 0]
        bits = _with_finals(bits, index, finals)
        for (c, q), other in zip(finals.items(), others if misread else (), strict=False):
            assert misread is not None
            seen = misread(bits[:, c] == 1, q, other)
            bits = bits.at[:, c].set(seen.astype(jnp.uint8))
        return bits

    return observed(run, steps, shots, key, observe, misread)


def _with_finals(bits: jax.Array, index: jax.Array, finals: dict[int, int]) -> jax.Array:
    for c, q in finals.items():
        bits = bits.at[:, c].set((index >> q & 1).astype(jnp.uint8))
    return bits
