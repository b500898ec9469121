"""Trajectories: every shot has a state of its own, and outcomes are drawn on the way."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.channels import Channel
from qjax.circuit import Circuit, Instruction
from qjax.circuit.control_flow import Condition
from qjax.circuit.structure import Structure
from qjax.dynamic.repeats import repeats
from qjax.dynamic.run import Run, bit_parts, squared
from qjax.dynamic.steps import NOTHING, Step, parted
from qjax.engine.numbers import numbers
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import transposed
from qjax.gates import Gate, operator_gate
from qjax.plan import Plan, compile_plan

_EXACT = lax.Precision.HIGHEST
_CHUNK_AMPLITUDES = 2**24  # of the trajectories that run together


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
    size = chunk_size(run.n, count)
    chunks = -(-count // size)

    def chunk(key: jax.Array) -> Any:
        own, rest = jax.random.split(key)
        return observe(*_evolved(run, steps, size, own, misreading), rest)

    if chunks == 1:
        return jax.tree.map(lambda found: found[:count], chunk(key))
    found = lax.map(jax.checkpoint(chunk), jax.random.split(key, chunks))
    return jax.tree.map(lambda x: x.reshape(chunks * size, *x.shape[2:])[:count], found)


def _evolved(
    run: Run, steps: list[Step], size: int, key: jax.Array, misreading: jax.Array | None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """States, bits and logarithms of the probabilities of trajectories."""
    walk = _Walk(run, misreading)
    made = [walk.made(step) for step in steps]
    start = Carry(
        jnp.broadcast_to(run.start, (size, run.start.shape[1])),
        jnp.zeros((size, run.circuit.num_clbits), jnp.uint8),
        jnp.zeros(size, run.real),
    )
    keys = jax.random.split(key, len(steps) + 1)[:-1]
    return walk.along([kind for kind, _ in made], [data for _, data in made], start, keys)


class Carry(NamedTuple):
    """Trajectories on their way: states (B, 2**n), bits (B, clbits), log probabilities (B,)."""

    states: jax.Array
    bits: jax.Array
    logs: jax.Array


@dataclass(frozen=True)
class _Kind:
    """What steps that one program can run have in common; numbers, qubits and bits may differ.

    Attributes:
        gates: The structure of the step's gates, or None.
        choices: For each choice the channel that is mixed, or None, and its conditions' forms.
        channel: Another channel and its qubits, or None.
        resets: For each place, whether it is a reset.
        conditions: The forms of the conditions: number of bits, number of values, negated.
    """

    gates: Structure | None
    choices: tuple[tuple[Channel | None, tuple[Any, ...]], ...]
    channel: tuple[Channel, tuple[int, ...]] | None
    resets: tuple[bool, ...]
    conditions: tuple[Any, ...]


class _Walk:
    """The steps of trajectories, those that repeat in a loop."""

    def __init__(self, run: Run, misreading: jax.Array | None) -> None:
        self.run, self.misreading = run, misreading

    def along(self, kinds: list[_Kind], data: list[Any], carry: Carry, keys: jax.Array) -> Carry:
        """Trajectories after steps of some kinds, each with its data and its key."""
        for start, length, times in repeats(kinds):
            stop = start + length * times
            if times == 1:
                carry = self.advanced(kinds[start], data[start], carry, keys[start])
                continue
            block = kinds[start : start + length]
            rows = [data[k : k + length] for k in range(start, stop, length)]
            stacked = jax.tree.map(_stacked, *rows)
            own = keys[start:stop].reshape(times, length)

            def body(carry: Carry, now: Any, block: list[_Kind] = block) -> tuple[Carry, None]:
                return self.along(block, now[0], carry, now[1]), None

            carry, _ = lax.scan(jax.checkpoint(body), carry, (stacked, own))
        return carry

    def made(self, step: Step) -> tuple[_Kind, Any]:
        """The kind of a step and its data."""
        forms = tuple(_form(c) for c in step.conditions)
        data: dict[str, Any] = {"conditions": [_read(c) for c in step.conditions]}
        gates, choices, channel = None, (), None
        if step.gates is not None:
            gates = step.gates.structure
            choices = tuple(_choice_kind(i) for i in step.choices)
            data["choices"] = [[_read(c) for c in i.conditions] for i in step.choices]
            data["mixtures"] = {
                k: self.columns(row, [step.choices[place].params for place in places])
                for k, (row, places) in enumerate(_mixtures(choices).items())
            }
            data["gates"] = (
                step.gates.leaves
                if step.choices
                else numbers(compile_plan(gates), step.gates.leaves, None, self.run.real)
            )
        elif step.channel is not None:
            assert isinstance(step.channel.operation, Channel)
            channel = (step.channel.operation, step.channel.qubits)
            data["values"] = self.columns(step.channel.operation, [step.channel.params])
        else:
            data["places"] = np.array(
                [(q, 0 if c is None else c) for q, c in step.places], np.int32
            )
        resets = tuple(c is None for _, c in step.places)
        return _Kind(gates, choices, channel, resets, forms), data

    def columns(self, channel: Channel, rows: list[tuple[Any, ...]]) -> list[Any]:
        """The values of a channel at m places: for each of its parameters an array (m, ...)."""
        wide = np.result_type(self.run.real, np.complex64)
        found = []
        for shape, column in zip(channel.param_shapes, zip(*rows, strict=True), strict=True):
            dtype = wide if shape else self.run.real
            if any(isinstance(v, jax.Array) for v in column):
                found.append(jnp.stack([jnp.asarray(v).astype(dtype) for v in column]))
            else:
                found.append(np.array(column, dtype))
        return found

    def advanced(self, kind: _Kind, data: Any, carry: Carry, key: jax.Array) -> Carry:
        """Trajectories after one step."""
        run, (states, bits, logs) = self.run, carry
        holds = _all_hold(kind.conditions, data["conditions"], bits)
        if kind.gates is not None:
            plan = compile_plan(kind.gates)
            chances = jnp.zeros_like(logs)
            buffer = data["gates"]
            if kind.choices:
                choices, chances = self.chosen(kind, data, bits, key)
                buffer = numbers(plan, buffer, choices, run.real)
            rows = jnp.asarray(buffer)
            rows = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
            new = apply_p.bind(states, rows, plan=plan, engine=run.engine)
        elif kind.channel is not None:
            new, chances = self.jumped(kind.channel, data["values"], states, key)
        else:
            new, chances = states, jnp.zeros_like(logs)
            keys = jax.random.split(key, len(kind.resets))
            for is_reset, place, own in zip(kind.resets, data["places"], keys, strict=True):
                draw, read = jax.random.split(own)
                new, outcome, log = _measured(new, place[0], is_reset, draw)
                chances = chances + log
                if not is_reset:
                    seen = misread(outcome, self.misreading, place[0], read)
                    column = jnp.where(holds, seen.astype(jnp.uint8), bits[:, place[1]])
                    bits = bits.at[:, place[1]].set(column)
        if kind.conditions:
            new = jnp.where(holds[:, None], new, states)
            chances = jnp.where(holds, chances, jnp.zeros_like(chances))
        return Carry(new, bits, logs + chances)

    def chosen(
        self, kind: _Kind, data: Any, bits: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """The choices of a step, (B, m), and the log probability of its draws, (B,)."""
        size, real = len(bits), self.run.real
        total = jnp.zeros(size, real)
        found: list[Any] = [None] * len(kind.choices)
        held = [
            _all_hold(forms, conditions, bits) if forms else None
            for (_, forms), conditions in zip(kind.choices, data["choices"], strict=True)
        ]
        for k, (channel, _) in enumerate(kind.choices):
            if channel is None:
                holds = held[k]
                assert holds is not None
                found[k] = holds.astype(real)
        mixtures = _mixtures(kind.choices)
        keys = jax.random.split(key, max(len(mixtures), 1))
        for n, (channel, places) in enumerate(mixtures.items()):
            chances = _mixed(channel, data["mixtures"][n], real)  # (m, K)
            ends = jnp.cumsum(lax.stop_gradient(chances), axis=-1)
            threshold = jax.random.uniform(keys[n], (size, len(places)), real) * ends[:, -1]
            drawn = jnp.sum(threshold[..., None] >= ends[:, :-1], axis=-1)
            logs = jnp.log(jnp.take_along_axis(chances[None], drawn[..., None], axis=-1)[..., 0])
            for column, k in enumerate(places):
                value, log = drawn[:, column].astype(real), logs[:, column]
                if (holds := held[k]) is not None:
                    value = jnp.where(holds, value, jnp.full_like(value, NOTHING))
                    log = jnp.where(holds, log, jnp.zeros_like(log))
                found[k], total = value, total + log
        return jnp.stack(found, axis=1), total

    def jumped(
        self,
        channel: tuple[Channel, tuple[int, ...]],
        values: list[Any],
        states: jax.Array,
        key: jax.Array,
    ) -> tuple[jax.Array, jax.Array]:
        """One Kraus operator on each state, chosen by its probability, and the norm kept."""
        run, (row, qubits) = self.run, channel
        with jax.numpy_dtype_promotion("standard"):
            operators = row.kraus(*(jnp.asarray(v)[0] for v in values), xp=jnp)
        operators = operators.astype(run.dtype)
        local = _reduced(states, qubits, run.n)
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
        plan = _one_operator(run.n, operator_gate(len(qubits)), qubits)
        new = apply_p.bind(states, pairs, plan=plan, engine=run.engine)
        return new, jnp.log(taken[:, 0])


def _reduced(states: jax.Array, qubits: tuple[int, ...], n: int) -> jax.Array:
    """The reduced density matrices of some qubits, (B, 2**k, 2**k)."""
    if len(qubits) == 1:  # sums over views, without a copy
        parts = bit_parts(states, qubits[0])
        zero, one = parts[:, :, 0], parts[:, :, 1]
        low, high = (jnp.sum(squared(half), axis=(1, 2)) for half in (zero, one))
        across = jnp.sum(zero * one.conj(), axis=(1, 2))
        low, high = (lax.complex(p, jnp.zeros_like(p)) for p in (low, high))
        return jnp.stack([low, across, across.conj(), high], axis=1).reshape(-1, 2, 2)
    rest = tuple(q for q in range(n) if q not in qubits)
    parts = transposed(states, (*qubits, *rest)).reshape(len(states), -1, 2 ** len(qubits))
    return jnp.einsum("bmi,bmj->bij", parts, parts.conj(), precision=_EXACT)


def _measured(
    states: jax.Array, qubit: Any, is_reset: bool, key: jax.Array
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """States after a measurement or a reset, outcomes, and logarithms of probabilities."""
    index = lax.iota(jnp.int32, states.shape[1])
    one = (index >> qubit & 1).astype(bool)
    chances = squared(states)
    weights = jnp.stack(
        [jnp.sum(jnp.where(one == value, chances, 0 * chances), axis=1) for value in (False, True)]
    )
    threshold = jax.random.uniform(key, weights.shape[1:], weights.dtype)
    outcome = (threshold * (weights[0] + weights[1]) >= weights[0]) & (weights[1] > 0)
    weight = jnp.where(outcome, weights[1], weights[0])
    if is_reset:  # amplitude i, of bit 0, is the one 2**qubit further where the outcome is 1
        states = jnp.where(outcome[:, None], jnp.roll(states, -(1 << qubit), axis=1), states)
        kept = ~one[None]
    else:
        kept = one[None] == outcome[:, None]
    scale = lax.rsqrt(weight)[:, None] * kept.astype(weight.dtype)
    return states * lax.complex(scale, jnp.zeros_like(scale)), outcome, jnp.log(weight)


def misread(
    outcome: jax.Array, misreading: jax.Array | None, qubit: Any, key: jax.Array
) -> jax.Array:
    """What is read of a qubit's outcomes, bool (B,)."""
    if misreading is None:
        return outcome
    chances = jnp.where(outcome, misreading[qubit, 1], misreading[qubit, 0])
    return outcome ^ (jax.random.uniform(key, outcome.shape, chances.dtype) < chances)


def _choice_kind(i: Instruction) -> tuple[Channel | None, tuple[Any, ...]]:
    channel = i.operation if isinstance(i.operation, Channel) else None
    return channel, tuple(_form(c) for c in i.conditions)


def _mixtures(choices: tuple[tuple[Channel | None, Any], ...]) -> dict[Channel, list[int]]:
    """Where each channel stands among the choices."""
    found: dict[Channel, list[int]] = {}
    for k, (channel, _) in enumerate(choices):
        if channel is not None:
            found.setdefault(channel, []).append(k)
    return found


def _stacked(*leaves: Any) -> Any:
    """Leaves of several steps, one below the other."""
    if all(isinstance(leaf, np.ndarray) for leaf in leaves):
        array = np.stack(leaves)  # a new array: JAX keeps what it made of one before
        return array.astype(jax.dtypes.canonicalize_dtype(array.dtype))
    return jnp.stack(leaves)


@cache
def _one_operator(n: int, gate: Gate, qubits: tuple[int, ...]) -> Plan:
    identity = np.eye(2 ** len(qubits), dtype=complex)
    return compile_plan(Circuit(n)._extend([Instruction(gate, qubits, (identity,))]).structure)


def _mixed(channel: Channel, values: list[Any], dtype: Any) -> jax.Array:
    """The probabilities of a mixture at several places, (m, K)."""
    assert channel.mixture is not None
    with jax.numpy_dtype_promotion("standard"):
        return channel.mixture(*map(jnp.asarray, values), xp=jnp)[0].astype(dtype)


def _form(condition: Condition) -> tuple[int, int, bool]:
    return len(condition.clbits), len(condition.values), condition.negated


def _read(condition: Condition) -> tuple[np.ndarray, np.ndarray]:
    """The bits of a condition, (k,), and those of its values, (values, k)."""
    k = len(condition.clbits)
    rows = [[value >> j & 1 for j in range(k)] for value in condition.values]
    return np.array(condition.clbits, np.int32), np.array(rows, np.uint8).reshape(-1, k)


def _all_hold(
    forms: tuple[Any, ...], conditions: list[tuple[Any, Any]], bits: jax.Array
) -> jax.Array:
    """Whether all conditions hold, for each row of bits."""
    found = jnp.ones(len(bits), bool)
    for (_, _, negated), (clbits, values) in zip(forms, conditions, strict=True):
        same = jnp.all(bits[:, None, clbits] == jnp.asarray(values)[None], axis=2)
        found = found & (jnp.any(same, axis=1) != negated)
    return found
