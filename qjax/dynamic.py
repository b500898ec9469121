"""Circuits that are more than gates: outcomes, resets, conditions, channels of noise.

Two ways to run one. *Branches*: every measurement and reset doubles the states, one for each
outcome, whose squared norms are the probabilities; this is exact, has derivatives, and shots are
drawn from all branches at once. *Trajectories*: every shot has a state of its own, and outcomes are
drawn on the way; this takes a run for each shot, whatever the number of measurements. Channels of
noise have trajectories only: a mixture of unitaries is a gate chosen beforehand, another channel
applies one Kraus operator, chosen by its probability in the state.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax.channels import Channel
from qjax.circuit import Circuit, Instruction, ParameterVector
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.engine.basis import basis_row
from qjax.engine.numbers import numbers
from qjax.engine.primitive import apply_p
from qjax.engine.sampling import draw, transposed
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.errors import CircuitError
from qjax.gates import Gate, operator_gate
from qjax.plan import Plan, compile_plan
from qjax.state import basis_state, checked_state

MOST_AMPLITUDES = 2**28  # of all branches together: 2 GiB in single precision
_EXACT = lax.Precision.HIGHEST
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
    """Gates in a row, or one measurement, reset or channel, under conditions.

    Attributes:
        gates: A circuit without measurements, or None.
        mixtures: The channels among the gates: mixtures of unitaries, each a gate whose last
            parameter, an element of the vector of open parameters, says which unitary acts.
        channel: Another channel, or None.
        qubit: The qubit that is measured or reset.
        clbit: The bit that is written; None for a reset.
        conditions: Conditions on the bits so far.
    """

    gates: Circuit | None
    qubit: int
    clbit: int | None
    conditions: tuple[Condition, ...]
    mixtures: tuple[Instruction, ...] = ()
    channel: Instruction | None = None


def is_dynamic(circuit: Circuit) -> bool:
    """Whether a circuit is more than gates and final measurements.

    Examples:
        >>> is_dynamic(Circuit(1).h(0).measure(0)), is_dynamic(Circuit(1).measure(0).x(0))
        (False, True)
    """
    return circuit.structure.final_measurements is None


def _without_channels(circuit: Circuit, what: str) -> None:
    if (channel := circuit.structure.channel) is not None:
        raise CircuitError(
            f"{what}: branches are of circuits without noise, but this has {channel}. Use sample, "
            "counts or expectation with trajectories."
        )


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
    _without_channels(circuit, "branches")
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
    _without_channels(circuit, what)
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
    noisy = circuit.structure.channel is not None
    if not noisy and count <= max(shots, 16) and count << circuit.num_qubits <= MOST_AMPLITUDES:
        return run.shots_of_branches(steps, finals, shots, key)
    return run.trajectories(steps, finals, shots, key)


def observed_trajectories(
    circuit: Circuit,
    count: int,
    key: jax.Array,
    initial_state: Any,
    dtype: Any,
    engine: str | None,
    observe: Callable[..., Any],
) -> Any:
    """What is read off trajectories of a circuit without open parameters; see `_Run.observed`."""
    run = _Run(circuit, None, initial_state, dtype, engine, "expectation")
    steps, _ = _parted(run.circuit, keep_final=True)
    return run.observed(steps, count, key, observe)


def chunk_size(num_qubits: int, count: int) -> int:
    """How many of `count` trajectories run together."""
    return int(np.clip(_CHUNK_AMPLITUDES >> num_qubits, 1, count))


def _splits(steps: list[_Step]) -> int:
    return sum(step.gates is None and step.channel is None for step in steps)


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
    for (is_gate, conditions), group in groupby(body, lambda i: (_acts(i), i.conditions)):
        if is_gate:
            steps.append(_gates_step([replace(i, conditions=()) for i in group], empty, conditions))
            continue
        for i in group:
            steps += _outcome_steps(i)
    return steps, finals


def _acts(i: Instruction) -> bool:
    """Whether an instruction is a gate, or a mixture of gates."""
    return i.is_gate or (isinstance(i.operation, Channel) and i.operation.mixture is not None)


def _gates_step(
    instructions: list[Instruction], empty: Circuit, conditions: tuple[Condition, ...]
) -> _Step:
    mixtures = tuple(i for i in instructions if not i.is_gate)
    if not mixtures:
        return _Step(empty.copy()._extend(instructions), 0, None, conditions)
    choices = iter(ParameterVector("choices", len(mixtures)))
    placed = [
        i
        if i.is_gate
        else replace(i, operation=_choice_gate(i.operation), params=(*i.params, next(choices)))
        for i in instructions
    ]
    return _Step(empty.copy()._extend(placed), 0, None, conditions, mixtures)


@cache
def _choice_gate(channel: Channel) -> Gate:
    """The gate that is one of the unitaries of a mixture; its last parameter says which."""
    assert channel.mixture is not None
    mixture = channel.mixture

    def matrix(*values: Any, xp: Any = np) -> Any:
        *own, choice = values
        _, unitaries = mixture(*own, xp=xp)
        chosen = xp.asarray(choice)[..., None] == xp.arange(unitaries.shape[-3])
        return (chosen[..., None, None] * unitaries).sum(-3)

    def no_inverse(*values: Any) -> Any:
        raise CircuitError(f"{channel.name}: a channel has no inverse.")

    return Gate(
        "choice", channel.num_qubits, (*channel.params, "choice"), channel.definition,
        channel.source, matrix=matrix, inverse=no_inverse,
        param_shapes=(*channel.param_shapes, ()),
    )  # fmt: skip


def _outcome_steps(i: Instruction) -> list[_Step]:
    if isinstance(i.operation, Channel):
        return [_Step(None, 0, None, i.conditions, channel=i)]
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

    def apply(self, gates: Circuit, states: jax.Array, values: Any = None) -> jax.Array:
        """Gates on every row; `values` of shape (B, p) are of open parameters."""
        structure, leaves = gates.structure, gates.leaves
        plan = compile_plan(structure)
        buffer = jnp.asarray(numbers(plan, leaves, values, real_dtype(self.dtype)))
        flat = buffer.reshape(math.prod(buffer.shape[:-1]), buffer.shape[-1])
        return apply_p.bind(states, flat, plan=plan, engine=self.engine)

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

        def observe(
            states: jax.Array, bits: jax.Array, logs: jax.Array, key: jax.Array
        ) -> jax.Array:
            index = draw(states, jax.random.split(key, len(states)), 1, self.engine)[:, 0]
            return self._with_finals(bits, index, finals)

        return self.observed(steps, shots, key, observe)

    def observed(
        self, steps: list[_Step], count: int, key: jax.Array, observe: Callable[..., Any]
    ) -> Any:
        """What is read off trajectories that run together in chunks, (count, ...).

        Args:
            steps: The steps.
            count: How many trajectories.
            key: A key.
            observe: Gets states (B, 2**n), bits (B, clbits), the logarithms of the probabilities
                of what was drawn (B,), and a key; gives arrays of shape (B, ...).
        """
        size = chunk_size(self.n, count)
        chunks = -(-count // size)

        def chunk(key: jax.Array) -> Any:
            own, rest = jax.random.split(key)
            return observe(*self._evolved(steps, size, own), rest)

        if chunks == 1:
            return jax.tree.map(lambda found: found[:count], chunk(key))
        found = lax.map(jax.checkpoint(chunk), jax.random.split(key, chunks))
        return jax.tree.map(lambda x: x.reshape(chunks * size, *x.shape[2:])[:count], found)

    def _evolved(
        self, steps: list[_Step], size: int, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """States, bits and logarithms of the probabilities of trajectories."""
        keys = iter(jax.random.split(key, len(steps) + 1))
        states = jnp.broadcast_to(self.start, (size, self.start.shape[1]))
        bits = jnp.zeros((size, self.circuit.num_clbits), jnp.uint8)
        logs = jnp.zeros(size, real_dtype(self.dtype))
        for step in steps:
            holds = jnp.ones(size, bool)
            for condition in step.conditions:
                holds = holds & _holding(condition, bits)
            own = next(keys)
            if step.gates is not None:
                choices, chances = self._chosen(step.mixtures, size, own)
                new = self.apply(step.gates, states, choices)
                outcome = None
            elif step.channel is not None:
                new, chances = self._jump(step.channel, states, own)
                outcome = None
            else:
                new, outcome, chances = self._measured(step, states, own)
            if step.conditions:
                new = jnp.where(holds[:, None], new, states)
                chances = jnp.where(holds, chances, jnp.zeros_like(chances))
            states, logs = new, logs + chances
            if step.clbit is not None and outcome is not None:
                column = jnp.where(holds, outcome.astype(jnp.uint8), bits[:, step.clbit])
                bits = bits.at[:, step.clbit].set(column)
        return states, bits, logs

    def _measured(
        self, step: _Step, states: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """States after a measurement or a reset, outcomes, and logarithms of probabilities."""
        zero, one = self.halves(states, step.qubit)
        weights = [jnp.sum(half.real**2 + half.imag**2, axis=1) for half in (zero, one)]
        threshold = jax.random.uniform(key, weights[0].shape, weights[0].dtype)
        outcome = threshold * (weights[0] + weights[1]) >= weights[0]
        outcome = outcome & (weights[1] > 0)
        weight = jnp.where(outcome, weights[1], weights[0])
        if step.clbit is None:
            one = self.lowered(one, step.qubit)
        scale = lax.rsqrt(weight)
        new = jnp.where(outcome[:, None], one, zero)
        new = new * lax.complex(scale, jnp.zeros_like(scale))[:, None]
        return new, outcome, jnp.log(weight)

    def _chosen(
        self, mixtures: tuple[Instruction, ...], size: int, key: jax.Array
    ) -> tuple[jax.Array | None, jax.Array]:
        """Which unitary of each mixture acts, (B, m), and the sum of log probabilities, (B,)."""
        real = real_dtype(self.dtype)
        total = jnp.zeros(size, real)
        if not mixtures:
            return None, total
        choices = jnp.zeros((size, len(mixtures)), real)
        kinds: dict[Any, list[int]] = {}
        for k, i in enumerate(mixtures):
            kinds.setdefault(i.operation, []).append(k)
        for (channel, places), own in zip(
            kinds.items(), jax.random.split(key, len(kinds)), strict=True
        ):
            chances = _mixed(channel, [mixtures[k].params for k in places], real)  # (m, K)
            ends = jnp.cumsum(lax.stop_gradient(chances), axis=-1)
            threshold = jax.random.uniform(own, (size, len(places)), real) * ends[:, -1]
            chosen = jnp.sum(threshold[..., None] >= ends[:, :-1], axis=-1)
            choices = choices.at[:, np.array(places, np.int32)].set(chosen.astype(real))
            taken = jnp.take_along_axis(chances[None], chosen[..., None], axis=-1)[..., 0]
            total = total + jnp.sum(jnp.log(taken), axis=-1)
        return choices, total

    def _jump(
        self, channel: Instruction, states: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array]:
        """One Kraus operator on each state, chosen by its probability, and the norm kept."""
        row, qubits = channel.operation, channel.qubits
        assert isinstance(row, Channel)
        with jax.numpy_dtype_promotion("standard"):
            operators = row.kraus(*_values(row, channel.params, real_dtype(self.dtype)), xp=jnp)
        operators = operators.astype(self.dtype)
        rest = tuple(q for q in range(self.n) if q not in qubits)
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
        plan = _one_operator(self.n, gate, qubits)
        new = apply_p.bind(states, pairs, plan=plan, engine=self.engine)
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


def _holding(condition: Condition, bits: jax.Array) -> jax.Array:
    """Whether a condition holds for each row of bits."""
    columns = bits[:, np.array(condition.clbits, np.int32)].astype(jnp.int32)
    found = jnp.zeros(len(bits), bool)
    for value in condition.values:
        wanted = np.array([value >> k & 1 for k in range(len(condition.clbits))], np.int32)
        found = found | jnp.all(columns == wanted, axis=1)
    return ~found if condition.negated else found
