"""Trajectories: every shot has a state of its own, and outcomes are drawn on the way."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.channels import Channel
from qjax.circuit import Circuit, Instruction
from qjax.circuit.control_flow import Condition
from qjax.dynamic.run import Run, bit_parts, squared
from qjax.dynamic.steps import NOTHING, Step, parted
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import transposed
from qjax.gates import Gate, operator_gate
from qjax.plan import Plan, compile_plan

_EXACT = lax.Precision.HIGHEST
_CHUNK_AMPLITUDES = 2**24  # of the trajectories that run together

Misreading = Callable[[jax.Array, int, jax.Array], jax.Array]
"""(outcomes (B,), qubit, key) -> what is read of them."""


def chunk_size(num_qubits: int, count: int) -> int:
    """How many of `count` trajectories run together."""
    return int(np.clip(_CHUNK_AMPLITUDES >> num_qubits, 1, count))


def observed_trajectories(
    circuit: Circuit,
    count: int,
    key: jax.Array,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    observe: Callable[..., Any],
    misread: Misreading | None = None,
) -> Any:
    """What is read off trajectories of a circuit without open parameters; see `observed`."""
    run = Run(circuit, None, initial_state, dtype, engine, "expectation")
    steps, _ = parted(run.circuit, keep_final=True)
    return observed(run, steps, count, key, observe, misread)


def observed(
    run: Run,
    steps: list[Step],
    count: int,
    key: jax.Array,
    observe: Callable[..., Any],
    misread: Misreading | None = None,
) -> Any:
    """What is read off trajectories that run together in chunks, (count, ...).

    Args:
        run: The circuit's run.
        steps: Its steps.
        count: How many trajectories.
        key: A key.
        observe: Gets states (B, 2**n), bits (B, clbits), the logarithms of the probabilities of
            what was drawn (B,), and a key; gives arrays of shape (B, ...).
        misread: What becomes of an outcome that is written to a bit.
    """
    size = chunk_size(run.n, count)
    chunks = -(-count // size)

    def chunk(key: jax.Array) -> Any:
        own, rest = jax.random.split(key)
        return observe(*_evolved(run, steps, size, own, misread), rest)

    if chunks == 1:
        return jax.tree.map(lambda found: found[:count], chunk(key))
    found = lax.map(jax.checkpoint(chunk), jax.random.split(key, chunks))
    return jax.tree.map(lambda x: x.reshape(chunks * size, *x.shape[2:])[:count], found)


def _evolved(
    run: Run, steps: list[Step], size: int, key: jax.Array, misread: Misreading | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """States, bits and logarithms of the probabilities of trajectories."""
    keys = jax.random.split(key, len(steps) + 1)
    states = jnp.broadcast_to(run.start, (size, run.start.shape[1]))
    bits = jnp.zeros((size, run.circuit.num_clbits), jnp.uint8)
    logs = jnp.zeros(size, run.real)
    for step, own in zip(steps, keys[:-1], strict=True):
        holds = _all_hold(step.conditions, bits)
        if step.gates is not None:
            choices, chances = _chosen(run, step.choices, bits, own)
            new = run.apply(step.gates, states, choices)
        elif step.channel is not None:
            new, chances = _jump(run, step.channel, states, own)
        else:
            new, chances = states, jnp.zeros(size, run.real)
            for (q, c), place in zip(
                step.places, jax.random.split(own, len(step.places)), strict=True
            ):
                draw, read = jax.random.split(place)
                new, outcome, log = _measured(new, q, c is None, draw)
                chances = chances + log
                if c is not None:
                    seen = outcome if misread is None else misread(outcome, q, read)
                    column = jnp.where(holds, seen.astype(jnp.uint8), bits[:, c])
                    bits = bits.at[:, c].set(column)
        if step.conditions:
            new = jnp.where(holds[:, None], new, states)
            chances = jnp.where(holds, chances, jnp.zeros_like(chances))
        states, logs = new, logs + chances
    return states, bits, logs


def _measured(
    states: jax.Array, qubit: int, is_reset: bool, key: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """States after a measurement or a reset, outcomes, and logarithms of probabilities."""
    parts = bit_parts(states, qubit)
    weights = jnp.sum(squared(parts), axis=(1, 3))  # (B, 2)
    threshold = jax.random.uniform(key, weights.shape[:1], weights.dtype)
    outcome = threshold * (weights[:, 0] + weights[:, 1]) >= weights[:, 0]
    outcome = outcome & (weights[:, 1] > 0)
    weight = jnp.where(outcome, weights[:, 1], weights[:, 0])
    if is_reset:
        parts = jnp.where(outcome[:, None, None, None], jnp.flip(parts, axis=2), parts)
        kept = jnp.stack([jnp.ones_like(outcome), jnp.zeros_like(outcome)], axis=1)
    else:
        kept = jnp.stack([~outcome, outcome], axis=1)
    scale = lax.rsqrt(weight)[:, None] * kept.astype(weight.dtype)
    new = parts * lax.complex(scale, jnp.zeros_like(scale))[:, None, :, None]
    return new.reshape(states.shape), outcome, jnp.log(weight)


def _chosen(
    run: Run, choices: tuple[Instruction, ...], bits: jax.Array, key: jax.Array
) -> tuple[jax.Array | None, jax.Array]:
    """The choices of a step, (B, m), and the sum of the log probabilities of its draws, (B,)."""
    size = len(bits)
    total = jnp.zeros(size, run.real)
    if not choices:
        return None, total
    found: list[Any] = [None] * len(choices)
    kinds: dict[Any, list[int]] = {}
    for k, i in enumerate(choices):
        if isinstance(i.operation, Channel):
            kinds.setdefault(i.operation, []).append(k)
        else:
            found[k] = _all_hold(i.conditions, bits).astype(run.real)
    keys = jax.random.split(key, max(len(kinds), 1))
    for (channel, places), own in zip(kinds.items(), keys, strict=False):
        chances = _mixed(channel, [choices[k].params for k in places], run.real)  # (m, K)
        ends = jnp.cumsum(lax.stop_gradient(chances), axis=-1)
        threshold = jax.random.uniform(own, (size, len(places)), run.real) * ends[:, -1]
        drawn = jnp.sum(threshold[..., None] >= ends[:, :-1], axis=-1)
        logs = jnp.log(jnp.take_along_axis(chances[None], drawn[..., None], axis=-1)[..., 0])
        for column, k in enumerate(places):
            value, log = drawn[:, column].astype(run.real), logs[:, column]
            if choices[k].conditions:
                holds = _all_hold(choices[k].conditions, bits)
                value = jnp.where(holds, value, jnp.full_like(value, NOTHING))
                log = jnp.where(holds, log, jnp.zeros_like(log))
            found[k], total = value, total + log
    return jnp.stack(found, axis=1), total


def _jump(
    run: Run, channel: Instruction, states: jax.Array, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """One Kraus operator on each state, chosen by its probability, and the norm kept."""
    row, qubits = channel.operation, channel.qubits
    assert isinstance(row, Channel)
    with jax.numpy_dtype_promotion("standard"):
        operators = row.kraus(*_values(row, channel.params, run.real), xp=jnp)
    operators = operators.astype(run.dtype)
    rest = tuple(q for q in range(run.n) if q not in qubits)
    order = (*qubits, *rest)
    parts = transposed(states, order).reshape(len(states), -1, operators.shape[-1])
    local = jnp.einsum("bmi,bmj->bij", parts, parts.conj(), precision=_EXACT)
    chances = jnp.einsum(
        "kai,bij,kaj->bk", operators, local, operators.conj(), precision=_EXACT
    ).real  # fmt: skip
    chances = jnp.maximum(chances, jnp.zeros_like(chances))
    chances = chances / jnp.sum(chances, axis=1, keepdims=True)
    ends = jnp.cumsum(lax.stop_gradient(chances), axis=1)
    threshold = jax.random.uniform(key, (len(states), 1), ends.dtype) * ends[:, -1:]
    chosen = jnp.sum(threshold >= ends[:, :-1], axis=1)
    taken = jnp.take_along_axis(chances, chosen[:, None], axis=1)
    norm = lax.rsqrt(taken)
    matrix = operators[chosen] * lax.complex(norm, jnp.zeros_like(norm))[..., None]
    pairs = jnp.stack([matrix.real, matrix.imag], axis=-1).reshape(len(states), -1)
    gate = operator_gate(len(qubits))
    plan = _one_operator(run.n, gate, qubits)
    new = apply_p.bind(states, pairs, plan=plan, engine=run.engine)
    return new, jnp.log(taken[:, 0])


@cache
def _one_operator(n: int, gate: Gate, qubits: tuple[int, ...]) -> Plan:
    identity = np.eye(2 ** len(qubits), dtype=complex)
    return compile_plan(Circuit(n)._extend([Instruction(gate, qubits, (identity,))]).structure)


def _values(channel: Channel, values: Sequence[Any], dtype: Any) -> list[jax.Array]:
    """The values of a channel as arrays."""
    wide = np.result_type(dtype, np.complex64)
    return [
        jnp.asarray(value).astype(wide if shape else dtype)
        for value, shape in zip(values, channel.param_shapes, strict=True)
    ]


def _mixed(channel: Channel, rows: list[tuple[Any, ...]], dtype: Any) -> jax.Array:
    """The probabilities of a mixture at several places, (m, K)."""
    assert channel.mixture is not None
    values = [
        jnp.stack(column)
        for column in zip(*(_values(channel, row, dtype) for row in rows), strict=True)
    ]
    with jax.numpy_dtype_promotion("standard"):
        return channel.mixture(*values, xp=jnp)[0].astype(dtype)


def _all_hold(conditions: tuple[Condition, ...], bits: jax.Array) -> jax.Array:
    """Whether all conditions hold, for each row of bits."""
    found = jnp.ones(len(bits), bool)
    for condition in conditions:
        found = found & _holding(condition, bits)
    return found


def _holding(condition: Condition, bits: jax.Array) -> jax.Array:
    """Whether a condition holds for each row of bits."""
    columns = bits[:, np.array(condition.clbits, np.int32)].astype(jnp.int32)
    found = jnp.zeros(len(bits), bool)
    for value in condition.values:
        wanted = np.array([value >> k & 1 for k in range(len(condition.clbits))], np.int32)
        found = found | jnp.all(columns == wanted, axis=1)
    return ~found if condition.negated else found
