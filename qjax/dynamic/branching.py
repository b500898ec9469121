"""Branches: every sequence of outcomes of a circuit, exactly."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import check_index
from qjax.circuit import Circuit
from qjax.circuit.control_flow import Condition
from qjax.dynamic.run import Run, bit_parts, squared
from qjax.dynamic.steps import Step, parted
from qjax.errors import CircuitError

MOST_AMPLITUDES = 2**28  # of all branches together: 2 GiB in single precision


class Branches(NamedTuple):
    """What a circuit becomes for each sequence of outcomes.

    Attributes:
        bits: uint8 array of shape (branches, clbits): the classical bits of each branch. Branches
            that differ in the outcome of a reset only have the same bits.
        probabilities: Real array of shape (branches,).
        states: Complex array of shape (branches, 2**n): the states, of norm 1; 0 where the
            probability is 0.
    """

    bits: np.ndarray
    probabilities: jax.Array
    states: jax.Array


def branches(
    circuit: Circuit,
    params: Any = None,
    *,
    given: Mapping[int, int] | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
) -> Branches:
    """Every sequence of outcomes of a circuit, exactly: its probability and the state it leaves.

    Derivatives pass through probabilities and states, so that a loss may be of a post-selected
    state.

    Args:
        circuit: The circuit, with measurements and resets anywhere.
        params: Values of its open parameters: a flat array or a mapping. For a batch use
            `jax.vmap`.
        given: Post-selection: a value for some classical bits. Only branches that end with these
            are followed, so that a measurement whose outcome is given doubles nothing.
        initial_state: |0...0> if None; else a bitstring, or a normalised array of shape (2**n,).
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        At most 2**m branches for m measurements and resets whose outcomes are open. Their
        probabilities add up to 1, or to the probability of what is given.

    Raises:
        CircuitError: If there are too many branches to hold, or what is given cannot be.
        ParameterError: If values are missing or do not fit.

    Examples:
        >>> found = branches(Circuit(2).h(0).cx(0, 1).measure(0))
        >>> found.bits.ravel(), found.probabilities
        (array([0, 1], dtype=uint8), Array([0.5, 0.5], dtype=float32))
        >>> abs(found.states) ** 2
        Array([[1., 0., 0., 0.],
               [0., 0., 0., 1.]], dtype=float32)
        >>> branches(Circuit(2).h(0).cx(0, 1).measure(0), given={0: 1}).probabilities
        Array([0.5], dtype=float32)
    """
    run = Run(circuit, params, initial_state, dtype, engine, "branches")
    states, bits = all_branches(run, given or {}, keep_final=True)
    probabilities = jnp.sum(squared(states), axis=1)
    positive = probabilities > 0
    scale = lax.rsqrt(jnp.where(positive, probabilities, jnp.ones_like(probabilities)))
    scale = jnp.where(positive, scale, jnp.zeros_like(scale))
    scaled = states * lax.complex(scale, jnp.zeros_like(scale))[:, None]
    return Branches(bits, probabilities, scaled)


def branch_states(
    circuit: Circuit,
    params: Any,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    what: str,
    given: Mapping[int, int] | None = None,
) -> jax.Array:
    """The states of all branches, whose squared norms are their probabilities: (R, 2**n)."""
    run = Run(circuit, params, initial_state, dtype, engine, what)
    return all_branches(run, given or {}, keep_final=True)[0]


def splits(steps: list[Step]) -> int:
    """How many measurements and resets there are."""
    return sum(len(step.places) for step in steps)


def all_branches(
    run: Run, given: Mapping[int, int], *, keep_final: bool
) -> tuple[jax.Array, np.ndarray]:
    """States of branches and their bits, (R, 2**n) and uint8 (R, clbits).

    Raises:
        CircuitError: If the circuit has noise, there are too many branches, or what is given cannot
            be.
    """
    if (channel := run.circuit.structure.channel) is not None:
        raise CircuitError(
            f"{run.what}: branches are of circuits without noise, but this has {channel}. Use "
            "sample, counts or expectation with trajectories."
        )
    steps, _ = parted(run.circuit, keep_final=keep_final)
    wanted = tuple(sorted(_checked(run, steps, given).items()))
    _, bits = _schedule(run, steps, dict(wanted))
    states = _states(
        run.circuit, run.start[0], wanted=wanted, keep_final=keep_final, engine=run.engine
    )
    return states, bits


@partial(jax.jit, static_argnames=("wanted", "keep_final", "engine"))
def _states(
    circuit: Circuit,
    start: jax.Array,
    *,
    wanted: tuple[tuple[int, int], ...],
    keep_final: bool,
    engine: str,
) -> jax.Array:
    run = Run(circuit, None, start, start.dtype, engine, "branches")
    moves, _ = _schedule(run, parted(circuit, keep_final=keep_final)[0], dict(wanted))
    states = start[None]
    for move in moves:
        states = move.on(run, states)
    return states


def _checked(run: Run, steps: list[Step], given: Mapping[int, int]) -> dict[int, int]:
    written = {c for step in steps for _, c in step.places}
    found = {}
    for bit, value in given.items():
        place = check_index(bit, run.circuit.num_clbits, f"{run.what}: given bit", "this circuit")
        if value not in (0, 1):
            raise CircuitError(f"{run.what}: given bit {bit} must be 0 or 1, but is {value!r}.")
        if place not in written and value:
            raise CircuitError(
                f"{run.what}: given bit {bit} must be 0, for no measurement writes it, but is 1."
            )
        found[place] = int(value)
    return found


class _Gates(NamedTuple):
    """Gates on some rows, with the choices of each."""

    circuit: Circuit
    rows: np.ndarray
    choices: np.ndarray | None

    def on(self, run: Run, states: jax.Array) -> jax.Array:
        if len(self.rows) == len(states):
            return run.apply(self.circuit, states, self.choices)
        new = run.apply(self.circuit, states[self.rows], self.choices)
        return states.at[self.rows].set(new)


class _Split(NamedTuple):
    """A measurement or reset on some rows: a row for each outcome, after the other rows."""

    qubit: int
    is_reset: bool
    rows: np.ndarray
    others: np.ndarray
    outcomes: tuple[int, ...]

    def on(self, run: Run, states: jax.Array) -> jax.Array:
        parts = bit_parts(states[self.rows], self.qubit)
        zero = jnp.zeros_like(parts[:, :, 0])
        new = [states[self.others]]
        for outcome in self.outcomes:
            kept = parts[:, :, outcome]
            halves = [zero, kept] if outcome and not self.is_reset else [kept, zero]
            new.append(jnp.stack(halves, axis=2).reshape(len(self.rows), -1))
        return jnp.concatenate(new)


class _Keep(NamedTuple):
    """Some rows only."""

    rows: np.ndarray

    def on(self, run: Run, states: jax.Array) -> jax.Array:
        return states[self.rows]


def _schedule(
    run: Run, steps: list[Step], given: Mapping[int, int]
) -> tuple[list[_Gates | _Split | _Keep], np.ndarray]:
    """What happens to the rows of all branches, and the bits of those at the end."""
    last = {c: k for k, step in enumerate(steps) for _, c in step.places}
    known: list[dict[int | None, int]] = [
        {c: v for c, v in given.items() if last.get(c) == k} for k, step in enumerate(steps)
    ]
    certain = sum(
        c not in fixed
        for step, fixed in zip(steps, known, strict=True)
        for _, c in step.places
        if not step.conditions
    )
    _check_count(run, steps, 2 ** min(certain, 62))
    moves: list[_Gates | _Split | _Keep] = []
    bits = np.zeros((1, run.circuit.num_clbits), np.uint8)
    for step, fixed in zip(steps, known, strict=True):
        done = _all_hold(step.conditions, bits)
        if not done.any():
            continue
        if step.gates is not None:
            moves.append(_Gates(step.gates, _rows(done), _choices(step, bits[done], run.real)))
            continue
        for q, c in step.places:
            outcomes = (fixed[c],) if c in fixed else (0, 1)
            moves.append(_Split(q, c is None, _rows(done), _rows(~done), outcomes))
            written = [bits[done].copy() for _ in outcomes]
            for outcome, rows in zip(outcomes, written, strict=True):
                if c is not None:
                    rows[:, c] = outcome
            others = len(bits) - done.sum()
            bits = np.concatenate([bits[~done], *written])
            done = np.arange(len(bits)) >= others
            _check_count(run, steps, len(bits))
    kept = np.ones(len(bits), bool)
    for c, value in given.items():
        kept &= bits[:, c] == value
    if not kept.all():
        moves.append(_Keep(_rows(kept)))
    return moves, bits[kept]


def _check_count(run: Run, steps: list[Step], count: int) -> None:
    if count << run.n > MOST_AMPLITUDES:
        raise CircuitError(
            f"{run.what}: the branches must have at most {MOST_AMPLITUDES:,} amplitudes together, "
            f"but {splits(steps)} measurements and resets on {run.n} qubits make up to "
            f"2**{splits(steps) + run.n}. Use sample or counts, which draw outcomes."
        )


def _all_hold(conditions: tuple[Condition, ...], bits: np.ndarray) -> np.ndarray:
    """Whether all conditions hold, for each row of bits."""
    found = np.ones(len(bits), bool)
    for condition in conditions:
        rows = [
            [value >> k & 1 for k in range(len(condition.clbits))] for value in condition.values
        ]
        wanted = np.array(rows, np.uint8).reshape(-1, len(condition.clbits))
        same = (bits[:, None, condition.clbits] == wanted[None]).all(axis=2)
        found &= same.any(axis=1) != condition.negated
    return found


def _rows(chosen: np.ndarray) -> np.ndarray:
    return np.flatnonzero(chosen).astype(np.int32)


def _choices(step: Step, bits: np.ndarray, dtype: np.dtype) -> np.ndarray | None:
    """Whether the conditions of each choice hold for each row, (rows, choices)."""
    if not step.choices:
        return None
    columns = [_all_hold(i.conditions, bits) for i in step.choices]
    return np.stack(columns, axis=1).astype(dtype)
