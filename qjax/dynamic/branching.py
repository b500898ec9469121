"""Branches: every sequence of outcomes of a circuit, exactly."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import check_index
from qjax.circuit import Circuit
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
    states, bits = _followed(run, given, keep_final=True)
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
    return _followed(run, given, keep_final=True)[0]


def splits(steps: list[Step]) -> int:
    """How many measurements and resets there are."""
    return sum(len(step.places) for step in steps)


def _followed(
    run: Run, given: Mapping[int, int] | None, *, keep_final: bool
) -> tuple[jax.Array, np.ndarray]:
    if (channel := run.circuit.structure.channel) is not None:
        raise CircuitError(
            f"{run.what}: branches are of circuits without noise, but this has {channel}. Use "
            "sample, counts or expectation with trajectories."
        )
    steps, _ = parted(run.circuit, keep_final=keep_final)
    return all_branches(run, steps, _checked(run, steps, given or {}))


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


def all_branches(
    run: Run, steps: list[Step], given: Mapping[int, int]
) -> tuple[jax.Array, np.ndarray]:
    """States of branches and their bits, (R, 2**n) and uint8 (R, clbits)."""
    states, bits = run.start, np.zeros((1, run.circuit.num_clbits), np.uint8)
    last = {c: k for k, step in enumerate(steps) for _, c in step.places}
    for k, step in enumerate(steps):
        rows = _holding(step, bits)
        if step.gates is not None:
            states = _on_rows(run, step, states, bits, rows)
            continue
        known = {c: v for c, v in given.items() if last.get(c) == k}
        for q, c in step.places:
            states, bits, rows = _split(states, bits, rows, q, c, known.get(c, None))
            if len(bits) << run.n > MOST_AMPLITUDES:
                raise CircuitError(
                    f"{run.what}: the branches must have at most {MOST_AMPLITUDES:,} amplitudes "
                    f"together, but {splits(steps)} measurements and resets on {run.n} qubits "
                    f"make up to 2**{splits(steps) + run.n}. Use sample or counts, which draw "
                    "outcomes."
                )
    kept = np.all([bits[:, c] == v for c, v in given.items()] or [np.ones(len(bits), bool)], axis=0)
    return (states, bits) if kept.all() else (states[_places(kept)], bits[kept])


def _holding(step: Step, bits: np.ndarray) -> np.ndarray:
    """The rows for whose bits the conditions of a step hold."""
    return np.array([all(c.holds(row) for c in step.conditions) for row in bits.tolist()], bool)


def _places(rows: np.ndarray) -> np.ndarray:
    return np.flatnonzero(rows).astype(np.int32)


def _on_rows(
    run: Run, step: Step, states: jax.Array, bits: np.ndarray, rows: np.ndarray
) -> jax.Array:
    assert step.gates is not None
    if not rows.any():
        return states
    choices = None
    if step.choices:
        choices = np.array(
            [[all(c.holds(row) for c in i.conditions) for i in step.choices] for row in bits],
            run.real,
        )
    if rows.all():
        return run.apply(step.gates, states, choices)
    places = _places(rows)
    return states.at[places].set(run.apply(step.gates, states[places], choices))


def _split(
    states: jax.Array,
    bits: np.ndarray,
    rows: np.ndarray,
    qubit: int,
    clbit: int | None,
    value: int | None,
) -> tuple[jax.Array, np.ndarray, np.ndarray]:
    """The two branches of each row where a measurement or reset is carried out.

    Args:
        states: (R, 2**n).
        bits: (R, clbits).
        rows: Where it is carried out, (R,).
        qubit: The qubit that is measured or reset.
        clbit: The bit that is written; None for a reset.
        value: The outcome to keep, or None for both.

    Returns:
        States, bits, and where the step is carried out, of the new rows.
    """
    if not rows.any():
        return states, bits, rows
    done, idle = _places(rows), _places(~rows)
    parts = bit_parts(states[done], qubit)
    zero = jnp.zeros_like(parts[:, :, 0])
    new = [states[idle]] if len(idle) else []
    new_bits, new_rows = [bits[idle]], [np.zeros(len(idle), bool)]
    for outcome in (0, 1) if value is None else (value,):
        kept = parts[:, :, outcome]
        moved = 0 if clbit is None else outcome  # a reset leaves 0
        halves = [kept, zero] if moved == 0 else [zero, kept]
        new.append(jnp.stack(halves, axis=2).reshape(len(done), -1))
        written = bits[done].copy()
        if clbit is not None:
            written[:, clbit] = outcome
        new_bits.append(written)
        new_rows.append(np.ones(len(done), bool))
    return jnp.concatenate(new), np.concatenate(new_bits), np.concatenate(new_rows)
