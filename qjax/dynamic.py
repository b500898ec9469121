"""Circuits that go on after a measurement: resets, conditions, bits written more than once.

Two ways to run one. *Branches*: every measurement and reset doubles the states, one for each
outcome, whose squared norms are the probabilities; this is exact, has derivatives, and shots are
drawn from all branches at once. *Trajectories*: every shot has a state of its own, and outcomes are
drawn on the way; this takes a run for each shot, whatever the number of measurements.
"""

from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.circuit import Circuit, Instruction
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.engine.basis import basis_row
from qjax.engine.numbers import numbers
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import draw
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.errors import CircuitError
from qjax.plan import compile_plan
from qjax.state import basis_state, checked_state

MOST_AMPLITUDES = 2**28  # of all branches together: 2 GiB in single precision
_CHUNK_AMPLITUDES = 2**24  # of the trajectories that run together


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


@dataclass(frozen=True)
class _Step:
    """Gates in a row, or one measurement or reset, under conditions.

    Attributes:
        gates: A circuit without measurements, or None.
        qubit: The qubit that is measured or reset.
        clbit: The bit that is written; None for a reset.
        conditions: Conditions on the bits so far.
    """

    gates: Circuit | None
    qubit: int
    clbit: int | None
    conditions: tuple[Condition, ...]


def is_dynamic(circuit: Circuit) -> bool:
    """Whether a circuit is more than gates and final measurements.

    Examples:
        >>> is_dynamic(Circuit(1).h(0).measure(0)), is_dynamic(Circuit(1).measure(0).x(0))
        (False, True)
    """
    return circuit.structure.final_measurements is None


def branches(
    circuit: Circuit,
    params: Any = None,
    *,
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
        initial_state: |0...0> if None; else a bitstring, or a normalised array of shape (2**n,).
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        2**m branches for m measurements and resets.

    Raises:
        CircuitError: If there are too many branches to hold.
        ParameterError: If values are missing or do not fit.

    Examples:
        >>> found = branches(Circuit(2).h(0).cx(0, 1).measure(0))
        >>> found.bits.ravel(), found.probabilities
        (array([0, 1], dtype=uint8), Array([0.5, 0.5], dtype=float32))
        >>> abs(found.states) ** 2
        Array([[1., 0., 0., 0.],
               [0., 0., 0., 1.]], dtype=float32)
    """
    run = _Run(circuit, params, initial_state, dtype, engine, "branches")
    steps, _ = _parted(run.circuit, keep_final=True)
    states, bits = run.all_branches(steps)
    probabilities = jnp.sum(states.real**2 + states.imag**2, axis=1)
    positive = probabilities > 0
    scale = lax.rsqrt(jnp.where(positive, probabilities, jnp.ones_like(probabilities)))
    scale = jnp.where(positive, scale, jnp.zeros_like(scale))
    scaled = states * lax.complex(scale, jnp.zeros_like(scale))[:, None]
    return Branches(bits, probabilities, scaled)


def branch_states(
    circuit: Circuit, params: Any, initial_state: Any, dtype: Any, engine: str | None, what: str
) -> jax.Array:
    """The states of all branches, whose squared norms are their probabilities: (R, 2**n)."""
    run = _Run(circuit, params, initial_state, dtype, engine, what)
    steps, _ = _parted(run.circuit, keep_final=True)
    return run.all_branches(steps)[0]


def sample_bits(
    circuit: Circuit,
    shots: int,
    key: jax.Array,
    params: Any,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
) -> jax.Array:
    """The classical bits of shots, uint8 of shape (shots, clbits).

    By branches if they are no more than shots and can be held, else by trajectories.
    """
    run = _Run(circuit, params, initial_state, dtype, engine, "sample")
    steps, finals = _parted(run.circuit, keep_final=False)
    count = 2 ** min(_splits(steps), 62)
    if count <= max(shots, 16) and count << circuit.num_qubits <= MOST_AMPLITUDES:
        return run.shots_of_branches(steps, finals, shots, key)
    return run.trajectories(steps, finals, shots, key)


def _splits(steps: list[_Step]) -> int:
    return sum(step.gates is None for step in steps)


def without_final_measurements(circuit: Circuit) -> Circuit:
    """The circuit without the measurements after which neither qubit nor bit is used.

    Examples:
        >>> without_final_measurements(Circuit(1).measure(0).x(0).measure(0, 1)).count_ops()
        {'measure': 1, 'x': 1}
    """
    instructions = list(circuit)
    last = _final_measurements(instructions)
    kept = circuit[:0]
    return kept._extend([i for k, i in enumerate(instructions) if k not in last])


def _final_measurements(instructions: list[Instruction]) -> dict[int, tuple[int, int]]:
    """(bit, qubit) of each measurement after which neither is used, by its place."""
    found: dict[int, tuple[int, int]] = {}
    qubits: set[int] = set()
    clbits: set[int] = set()
    for k in reversed(range(len(instructions))):
        i = instructions[k]
        if i.operation is BARRIER:
            continue
        if i.operation is MEASURE and not i.conditions:
            (q,), (c,) = i.qubits, i.clbits
            if q not in qubits and c not in clbits:
                found[k] = c, q
        qubits.update(i.all_qubits)
        clbits.update((*i.clbits, *i.read_clbits))
    return found


def _parted(circuit: Circuit, *, keep_final: bool) -> tuple[list[_Step], dict[int, int]]:
    """The steps of a circuit, and the qubit of each bit that is measured at the end.

    A measurement is at the end if nothing later uses its qubit or its bit.
    """
    instructions = [i for i in circuit if i.operation is not BARRIER]
    last = {} if keep_final else _final_measurements(instructions)
    finals = dict(last.values())
    steps: list[_Step] = []
    body = [i for k, i in enumerate(instructions) if k not in last]
    empty = Circuit(circuit.num_qubits)
    for (is_gate, conditions), group in groupby(body, lambda i: (i.is_gate, i.conditions)):
        if is_gate:
            gates = empty.copy()._extend([replace(i, conditions=()) for i in group])
            steps.append(_Step(gates, 0, None, conditions))
            continue
        for i in group:
            steps += _outcome_steps(i)
    return steps, finals


def _outcome_steps(i: Instruction) -> list[_Step]:
    if i.operation is RESET:
        return [_Step(None, q, None, i.conditions) for q in i.qubits]
    return [_Step(None, q, c, i.conditions) for q, c in zip(i.qubits, i.clbits, strict=True)]


class _Run:
    """A circuit with its values, and how its gates are applied."""

    def __init__(
        self,
        circuit: Circuit,
        params: Any,
        initial_state: Any,
        dtype: Any,
        engine: str | None,
        what: str,
    ) -> None:
        if not isinstance(circuit, Circuit):
            raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
        resolve(engine, circuit.num_qubits)
        self.n, self.what = circuit.num_qubits, what
        self.engine = engine or "auto"
        self.dtype = complex_dtype(dtype, initial_state)
        self.circuit = circuit.bind(params) if circuit.parameters or params is not None else circuit
        if initial_state is None:
            self.start = basis_row(self.n, 0, self.dtype, self.engine)
        elif isinstance(initial_state, str):
            self.start = basis_state(initial_state, self.n, dtype=self.dtype)[None]
        else:
            start = checked_state(initial_state, self.n, f"{what}: initial_state", self.dtype)
            if start.ndim != 1:
                raise CircuitError(f"{what}: initial_state must be one state; use jax.vmap.")
            self.start = start[None]

    def apply(self, gates: Circuit, states: jax.Array) -> jax.Array:
        """Gates on every row."""
        structure, leaves = gates.structure, gates.leaves
        plan = compile_plan(structure)
        buffer = jnp.asarray(numbers(plan, leaves, None, real_dtype(self.dtype)))
        return apply_p.bind(states, buffer.reshape(1, -1), plan=plan, engine=self.engine)

    def halves(self, states: jax.Array, qubit: int) -> tuple[jax.Array, jax.Array]:
        """The parts of states in which a qubit is 0 and 1, each of shape (B, 2**n)."""
        parts = states.reshape(len(states), -1, 2, 2**qubit)
        zero = jnp.zeros_like(parts[:, :, :1])
        first = jnp.concatenate([parts[:, :, :1], zero], axis=2)
        second = jnp.concatenate([zero, parts[:, :, 1:]], axis=2)
        return first.reshape(states.shape), second.reshape(states.shape)

    def lowered(self, states: jax.Array, qubit: int) -> jax.Array:
        """States in which a qubit is 1, with 0 in its place."""
        parts = states.reshape(len(states), -1, 2, 2**qubit)
        return jnp.flip(parts, axis=2).reshape(states.shape)

    # --- branches ---------------------------------------------------------------------------------

    def all_branches(self, steps: list[_Step]) -> tuple[jax.Array, np.ndarray]:
        """States of all branches and their bits, (R, 2**n) and uint8 (R, clbits)."""
        count = 2 ** min(_splits(steps), 62)
        if count << self.n > MOST_AMPLITUDES:
            raise CircuitError(
                f"{self.what}: the branches must have at most {MOST_AMPLITUDES:,} amplitudes "
                f"together, but {_splits(steps)} measurements and resets on {self.n} qubits make "
                f"2**{_splits(steps) + self.n}. Use sample or counts, which draw outcomes."
            )
        states = self.start
        bits = np.zeros((1, self.circuit.num_clbits), np.uint8)
        for step in steps:
            rows = np.array(
                [all(c.holds(row) for c in step.conditions) for row in bits.tolist()], bool
            )
            if step.gates is not None:
                states = self._on_rows(step.gates, states, rows)
                continue
            zero, one = self.halves(states, step.qubit)
            if step.clbit is None:
                one = self.lowered(one, step.qubit)
            chosen = jnp.asarray(rows)[:, None]
            # Where the condition does not hold, nothing happens, and there is no second branch.
            zero = jnp.where(chosen, zero, states)
            one = jnp.where(chosen, one, jnp.zeros_like(one))
            states = jnp.concatenate([zero, one])
            low, high = bits.copy(), bits.copy()
            if step.clbit is not None:
                low[rows, step.clbit], high[rows, step.clbit] = 0, 1
            bits = np.concatenate([low, high])
        return states, bits

    def _on_rows(self, gates: Circuit, states: jax.Array, rows: np.ndarray) -> jax.Array:
        if rows.all():
            return self.apply(gates, states)
        if not rows.any():
            return states
        places = np.flatnonzero(rows).astype(np.int32)
        return states.at[places].set(self.apply(gates, states[places]))

    def shots_of_branches(
        self, steps: list[_Step], finals: dict[int, int], shots: int, key: jax.Array
    ) -> jax.Array:
        """Bits drawn from all branches at once: together they are one state."""
        states, bits = self.all_branches(steps)
        index = draw(states.reshape(1, -1), key[None], shots, self.engine)[0]
        found = jnp.asarray(bits)[index >> self.n]
        return self._with_finals(found, index, finals)

    def _with_finals(self, bits: jax.Array, index: jax.Array, finals: dict[int, int]) -> jax.Array:
        for c, q in finals.items():
            bits = bits.at[:, c].set((index >> q & 1).astype(jnp.uint8))
        return bits

    # --- trajectories -----------------------------------------------------------------------------

    def trajectories(
        self, steps: list[_Step], finals: dict[int, int], shots: int, key: jax.Array
    ) -> jax.Array:
        """Bits of shots that each have a state of their own, in chunks."""
        size = int(np.clip(_CHUNK_AMPLITUDES >> self.n, 1, shots))
        chunks = -(-shots // size)

        def chunk(key: jax.Array) -> jax.Array:
            return self._chunk(steps, finals, size, key)

        if chunks == 1:
            return chunk(key)[:shots]
        keys = jax.random.split(key, chunks)
        return lax.map(chunk, keys).reshape(chunks * size, -1)[:shots]

    def _chunk(
        self, steps: list[_Step], finals: dict[int, int], size: int, key: jax.Array
    ) -> jax.Array:
        keys = iter(jax.random.split(key, _splits(steps) + 1))
        states = jnp.broadcast_to(self.start, (size, self.start.shape[1]))
        bits = jnp.zeros((size, self.circuit.num_clbits), jnp.uint8)
        for step in steps:
            holds = jnp.ones(size, bool)
            for condition in step.conditions:
                holds = holds & _holding(condition, bits)
            if step.gates is not None:
                new = self.apply(step.gates, states)
                states = jnp.where(holds[:, None], new, states) if step.conditions else new
                continue
            zero, one = self.halves(states, step.qubit)
            weights = [jnp.sum(half.real**2 + half.imag**2, axis=1) for half in (zero, one)]
            threshold = jax.random.uniform(next(keys), (size,), weights[0].dtype)
            outcome = threshold * (weights[0] + weights[1]) >= weights[0]
            outcome = outcome & (weights[1] > 0)
            weight = jnp.where(outcome, weights[1], weights[0])
            if step.clbit is None:
                one = self.lowered(one, step.qubit)
            scale = lax.rsqrt(weight)
            new = jnp.where(outcome[:, None], one, zero)
            new = new * lax.complex(scale, jnp.zeros_like(scale))[:, None]
            states = jnp.where(holds[:, None], new, states)
            if step.clbit is not None:
                column = jnp.where(holds, outcome.astype(jnp.uint8), bits[:, step.clbit])
                bits = bits.at[:, step.clbit].set(column)
        index = draw(states, jax.random.split(next(keys), size), 1, self.engine)[:, 0]
        return self._with_finals(bits, index, finals)


def _holding(condition: Condition, bits: jax.Array) -> jax.Array:
    """Whether a condition holds for each row of bits."""
    columns = bits[:, np.array(condition.clbits, np.int32)].astype(jnp.int32)
    found = jnp.zeros(len(bits), bool)
    for value in condition.values:
        wanted = np.array([value >> k & 1 for k in range(len(condition.clbits))], np.int32)
        found = found | jnp.all(columns == wanted, axis=1)
    return ~found if condition.negated else found
