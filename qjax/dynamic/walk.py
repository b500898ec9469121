"""The steps of trajectories; those that repeat are one loop."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

import qjax.dynamic.jumps as jumps
from qjax.channels import Channel
from qjax.circuit import Instruction
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import MEASURE, RESET, Directive
from qjax.circuit.structure import Structure
from qjax.dynamic.repeats import repeats
from qjax.dynamic.run import Run
from qjax.dynamic.steps import NOTHING, Step
from qjax.engine.numbers import numbers
from qjax.engine.primitive import apply_p
from qjax.plan import compile_plan

Form = tuple[int, int, bool]
"""Of a condition: number of bits, number of values, negated."""


class Carry(NamedTuple):
    """Trajectories on their way: states (B, 2**n), bits (B, clbits), log probabilities (B,)."""

    states: jax.Array
    bits: jax.Array
    logs: jax.Array


@dataclass(frozen=True)
class Kind:
    """What steps that one program can run have in common; numbers and bits may differ.

    Attributes:
        gates: The structure of the step's gates, or None.
        choices: For each choice the channel that is mixed, or None, and its conditions' forms.
        jumps: What else happens by chance, a channel, measurement or reset, and its qubits.
        conditions: The forms of the conditions of all of it.
    """

    gates: Structure | None
    choices: tuple[tuple[Channel | None, tuple[Form, ...]], ...]
    jumps: tuple[tuple[Channel | Directive, tuple[int, ...]], ...]
    conditions: tuple[Form, ...]


class Walk:
    """How steps are carried out.

    Attributes:
        run: The run.
        misreading: Probabilities (n, 2) to misread outcomes 0 and 1 of a qubit, or None.
    """

    def __init__(self, run: Run, misreading: jax.Array | None) -> None:
        self.run, self.misreading = run, misreading

    def draws(self, kind: Kind) -> int:
        """How many random numbers a step takes for each trajectory."""
        mixed = sum(channel is not None for channel, _ in kind.choices)
        read = self.misreading is not None and sum(what is MEASURE for what, _ in kind.jumps)
        return mixed + len(kind.jumps) + read

    def along(self, kinds: list[Kind], data: list[Any], carry: Carry, uniforms: jax.Array) -> Carry:
        """Trajectories after steps of some kinds.

        Args:
            kinds: The kinds of the steps.
            data: Their data.
            carry: B trajectories.
            uniforms: Random numbers between 0 and 1, (draws, B), in the order of the steps. They
                are drawn together, for compiling the generator takes longer than all else.
        """
        ends = np.cumsum([0, *map(self.draws, kinds)])
        for start, length, times in repeats(kinds):
            stop = start + length * times
            own = uniforms[ends[start] : ends[stop]]
            if times == 1:
                carry = self.advanced(kinds[start], data[start], carry, own)
                continue
            block = kinds[start : start + length]
            rows = [data[k : k + length] for k in range(start, stop, length)]
            stacked = jax.tree.map(_stacked, *rows)
            own = own.reshape(times, (ends[stop] - ends[start]) // times, uniforms.shape[1])

            def body(carry: Carry, now: Any, block: list[Kind] = block) -> tuple[Carry, None]:
                return self.along(block, now[0], carry, now[1]), None

            carry, _ = lax.scan(jax.checkpoint(body), carry, (stacked, own))
        return carry

    def made(self, steps: list[Step]) -> tuple[list[Kind], list[dict[str, Any]]]:
        """The kinds of steps and their data."""
        made = [self._made(step) for step in steps]
        data = [own for _, own in made]
        places: dict[Channel, list[int]] = {}
        for k, step in enumerate(steps):
            if step.channel is not None:
                assert isinstance(step.channel.operation, Channel)
                places.setdefault(step.channel.operation, []).append(k)
        for row, where in places.items():  # at once, for each way to compute is compiled
            rows = [i.params for k in where if (i := steps[k].channel)]
            together = jumps.operators_of(row, self.columns(row, rows), self.run.dtype)
            for j, k in enumerate(where):
                data[k]["operators"] = jumps.Operators(*(x[j] for x in together))
        return [kind for kind, _ in made], data

    def _made(self, step: Step) -> tuple[Kind, dict[str, Any]]:
        data: dict[str, Any] = {"conditions": [_read(c) for c in step.conditions]}
        gates, choices = None, ()
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
        data["clbits"] = np.array([0 if c is None else c for _, c in step.places], np.int32)
        forms = tuple(_form(c) for c in step.conditions)
        return Kind(gates, choices, _jumps(step), forms), data

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

    def advanced(
        self, kind: Kind, data: dict[str, Any], carry: Carry, uniforms: jax.Array
    ) -> Carry:
        """Trajectories after one step, with its random numbers (draws, B)."""
        run, (states, bits, logs) = self.run, carry
        holds = _all_hold(kind.conditions, data["conditions"], bits)
        new, chances = states, jnp.zeros_like(logs)
        if kind.gates is not None:
            plan, buffer = compile_plan(kind.gates), data["gates"]
            if kind.choices:
                choices, chances = self.chosen(kind, data, bits, uniforms)
                buffer = numbers(plan, buffer, choices, run.real)
            rows = jnp.asarray(buffer)
            rows = rows.reshape(math.prod(rows.shape[:-1]), rows.shape[-1])
            new = apply_p.bind(states, rows, plan=plan, engine=run.engine)
        drawn = iter(uniforms)
        for k, (what, qubits) in enumerate(kind.jumps):
            operators = data.get("operators") or jumps.operators_of(what, [], run.dtype)
            weights = jumps.weighed(new, what, operators, qubits, run.engine)
            new, outcome, log = jumps.jumped(
                new, operators, weights, next(drawn), qubits, run.engine
            )
            chances = chances + log
            if what is MEASURE:
                c = data["clbits"][k]
                seen = outcome == 1
                if self.misreading is not None:
                    seen = jumps.misread(seen, self.misreading[qubits[0]], next(drawn))
                column = jnp.where(holds, seen.astype(jnp.uint8), bits[:, c])
                bits = bits.at[:, c].set(column)
        if kind.conditions:
            new = jnp.where(holds[:, None], new, states)
            chances = jnp.where(holds, chances, jnp.zeros_like(chances))
        return Carry(new, bits, logs + chances)

    def chosen(
        self, kind: Kind, data: dict[str, Any], bits: jax.Array, uniforms: jax.Array
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
        used = 0
        for n, (channel, places) in enumerate(_mixtures(kind.choices).items()):
            chances = _mixed(channel, data["mixtures"][n], real)  # (m, K)
            ends = jnp.cumsum(lax.stop_gradient(chances), axis=-1)
            threshold = uniforms[used : used + len(places)].T * ends[:, -1]
            used += len(places)
            drawn = jnp.sum(threshold[..., None] >= ends[:, :-1], axis=-1)
            logs = jnp.log(jnp.take_along_axis(chances[None], drawn[..., None], axis=-1)[..., 0])
            for column, k in enumerate(places):
                value, log = drawn[:, column].astype(real), logs[:, column]
                if (holds := held[k]) is not None:
                    value = jnp.where(holds, value, jnp.full_like(value, NOTHING))
                    log = jnp.where(holds, log, jnp.zeros_like(log))
                found[k], total = value, total + log
        return jnp.stack(found, axis=1), total


def _jumps(step: Step) -> tuple[tuple[Channel | Directive, tuple[int, ...]], ...]:
    if step.channel is not None:
        assert isinstance(step.channel.operation, Channel)
        return ((step.channel.operation, step.channel.qubits),)
    return tuple((RESET if c is None else MEASURE, (q,)) for q, c in step.places)


def _choice_kind(i: Instruction) -> tuple[Channel | None, tuple[Form, ...]]:
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


def _mixed(channel: Channel, values: list[Any], dtype: Any) -> jax.Array:
    """The probabilities of a mixture at several places, (m, K)."""
    assert channel.mixture is not None
    with jax.numpy_dtype_promotion("standard"):
        return channel.mixture(*map(jnp.asarray, values), xp=jnp)[0].astype(dtype)


def _form(condition: Condition) -> Form:
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
