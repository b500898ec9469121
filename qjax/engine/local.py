"""What one device runs of a sharded plan: ops on its own qubits, with numbers of its own.

An op reads qubits in device places as bits of the device's index, so there

    a control      makes the op itself or the identity of its numbers,
    a DIAGONAL op  takes those of its entries that have these bits,
    a ROTATION     turns the sign of its sine, where P has a Z,

and what is left acts on local places only. So all devices run the same ops, on different numbers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.plan import Op, OpKind, Plan
from qjax.plan.exchange import ShardPlan
from qjax.plan.fixed import fixed_matrix

_SWAP = (0, 2, 1, 3)


@dataclass(frozen=True, eq=False)
class LocalPlan(Plan):
    """The ops of a device between two exchanges, as any engine runs them.

    Attributes:
        whole: The plan that it is a part of.
        index: Which part.
    """

    whole: ShardPlan = field(kw_only=True)
    index: int = field(kw_only=True)

    @property
    def num_qubits(self) -> int:
        """Number of qubits on a device."""
        return self.whole.num_local

    def __hash__(self) -> int:
        return hash((self.whole, self.index))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LocalPlan) and self.index == other.index and self.whole == other.whole
        )


@dataclass(frozen=True)
class Numbers:
    """Where each number of the local plans comes from, in the buffer of the whole plan.

    On a device with bits b_0, b_1, ..., number i is

        sign[i] (-1)^parity(b & flip[i]) source[start[i] + sum_k b_k step[k, i]]

    where (b & mask[i]) == value[i], and rest[i] elsewhere. The source is the buffer and, after it,
    the constants.
    """

    start: np.ndarray
    step: np.ndarray
    sign: np.ndarray
    flip: np.ndarray
    mask: np.ndarray
    value: np.ndarray
    rest: np.ndarray
    constants: np.ndarray

    def on(self, device: jax.Array, buffer: jax.Array) -> jax.Array:
        """The numbers of a device, given its index: (B, V) -> (B, local V)."""
        constants = jnp.asarray(self.constants, buffer.dtype)
        rows = jnp.broadcast_to(constants, (buffer.shape[0], len(constants)))
        source = jnp.concatenate([buffer, rows], axis=1)
        index = jnp.asarray(self.start)
        for k in np.flatnonzero(self.step.any(axis=1)):
            index = index + self.step[k] * (device >> int(k) & 1)
        found = source.at[:, index].get(mode="promise_in_bounds")
        odd = jax.lax.population_count(device & self.flip) & 1
        found = found * (self.sign * (1 - 2 * odd)).astype(buffer.dtype)
        return jnp.where((device & self.mask) == self.value, found, self.rest.astype(buffer.dtype))


@dataclass(frozen=True)
class Part:
    """An exchange, and what a device runs after it.

    Attributes:
        bits: Device bits that change places with as many of the highest local bits, the lowest with
            the lowest; counted from the lowest bit of the device's index.
        plan: What then runs.
        numbers: Which of a device's numbers it reads.
    """

    bits: tuple[int, ...]
    plan: Plan
    numbers: slice


@dataclass(frozen=True)
class LocalParts:
    """What every device runs.

    Attributes:
        parts: In time order.
        numbers: Where a device's numbers come from; None if they are the whole buffer.
    """

    parts: tuple[Part, ...]
    numbers: Numbers | None

    def on(self, device: jax.Array, buffer: jax.Array) -> jax.Array:
        """The numbers of a device, of all parts, given its index: (B, V) -> (B, local V)."""
        if self.numbers is None:
            return buffer
        return self.numbers.on(device, buffer)


@lru_cache(maxsize=512)
def local_parts(whole: ShardPlan) -> LocalParts:
    """What every device runs; the same object for an equal plan."""
    if not whole.num_global:
        return LocalParts((Part((), whole.plan, slice(None)),), None)
    ops: list[list[Op | tuple[Op, int]]] = [[] for _ in range(len(whole.stages) + 1)]
    for i, (exchange, stage) in enumerate(zip(whole.exchanges, whole.stages, strict=True)):
        ops[i] += _swaps(exchange.before)
        ops[i + 1] += _swaps(exchange.after)
        ops[i + 1] += [(whole.plan.ops[index], index) for index in stage.ops]
    places = [whole.start, *(stage.places for stage in whole.stages)]
    bits = [(), *(exchange.bits for exchange in whole.exchanges)]
    table, found = _Table(whole), []
    for index, (own, where, moved) in enumerate(zip(ops, places, bits, strict=True)):
        if own or moved:
            plan, numbers = table.part(index, own, where)
            found.append(Part(tuple(b - whole.num_local for b in moved), plan, numbers))
    return LocalParts(tuple(found), table.numbers())


def _swaps(order: tuple[int, ...]) -> Iterator[Op]:
    """SWAPs that bring local bit p to local bit order[p]."""
    at = list(order)  # at[p] is where what is on bit p must go
    for p in range(len(at)):
        while (q := at[p]) != p:
            at[p], at[q] = at[q], q
            yield Op(OpKind.PERMUTATION, (p, q), fixed=True, table=_SWAP)


@dataclass
class _Slots:
    """The fields of `Numbers` for the numbers of one op; scalars stand for all of them."""

    start: Any
    step: dict[int, int] = field(default_factory=dict)
    sign: Any = 1
    flip: Any = 0
    mask: int = 0
    value: int = 0
    rest: Any = 0.0


class _Table:
    """Makes local plans, and collects where their numbers come from."""

    def __init__(self, whole: ShardPlan) -> None:
        self.whole, self.num_local = whole, whole.num_local
        self.places = whole.start
        self.constants: list[np.ndarray] = []
        self.end = whole.plan.num_numbers
        self.slots: list[tuple[slice, _Slots]] = []  # with which numbers they are of
        self.length = 0  # of the numbers so far

    def part(
        self, index: int, ops: Sequence[Op | tuple[Op, int]], places: tuple[int, ...]
    ) -> tuple[Plan, slice]:
        """The plan of a part whose qubits are in these places, and its numbers among all."""
        self.places = places
        made = [(op, None) if isinstance(op, Op) else self.local(*op) for op in ops]
        local = tuple(op for op, _ in made)
        plan = LocalPlan(self.whole.plan.structure, local, whole=self.whole, index=index)
        start, self.length = self.length, self.length + plan.num_numbers
        for (op, slots), offset in zip(made, plan.offsets, strict=True):
            if slots is not None:
                here = slice(start + offset, start + offset + op.num_numbers)
                self.slots.append((here, slots))
        return plan, slice(start, self.length)

    def is_local(self, qubit: int) -> bool:
        return self.places[qubit] < self.num_local

    def device_bit(self, qubit: int) -> int:
        return self.places[qubit] - self.num_local

    def local(self, op: Op, index: int) -> tuple[Op, _Slots | None]:
        """An op as a device runs it, and its numbers; None if it reads none."""
        controls = list(zip(op.controls, op.control_values, strict=True))
        near = [(self.places[q], v) for q, v in controls if self.is_local(q)]
        far = [(self.device_bit(q), v) for q, v in controls if not self.is_local(q)]
        where = [t for t in range(len(op.targets)) if self.is_local(op.targets[t])]
        new = replace(
            op,
            targets=tuple(self.places[op.targets[t]] for t in where),
            controls=tuple(q for q, _ in near),
            control_values=tuple(v for _, v in near),
            x_mask=self.mask(op.x_mask, op.targets),
            z_mask=self.mask(op.z_mask, op.targets),
        )
        if not far and len(where) == len(op.targets):
            is_read = new.num_numbers > 0
            return new, _Slots(self.count(index, new.num_numbers)) if is_read else None
        if op.kind is OpKind.ROTATION:
            new, slots = self.rotation(op, index, new)
        elif op.kind is OpKind.DIAGONAL:
            new, slots = self.diagonal(op, index, new, where)
        else:
            new, slots = self.dense(op, index, new)
        slots.mask = sum(1 << b for b, _ in far)
        slots.value = sum(v << b for b, v in far)
        return new, slots

    def mask(self, mask: int, qubits: tuple[int, ...]) -> int:
        """A mask of qubits as one of local places."""
        return sum(1 << self.places[q] for q in qubits if mask >> q & 1 and self.is_local(q))

    def count(self, index: int, number: int) -> np.ndarray:
        start = self.whole.plan.offsets[index]
        return np.arange(start, start + number)

    def constant(self, entries: Any) -> np.ndarray:
        """Where the source will have complex numbers as pairs (re, im)."""
        pairs = np.stack([entries.real, entries.imag], axis=-1).reshape(-1)
        self.constants.append(pairs)
        self.end += len(pairs)
        return np.arange(self.end - len(pairs), self.end)

    def rotation(self, op: Op, index: int, new: Op) -> tuple[Op, _Slots]:
        flip = sum(
            1 << self.device_bit(q)
            for q in op.targets
            if op.z_mask >> q & 1 and not self.is_local(q)
        )
        slots = _Slots(self.count(index, 2), flip=np.array([0, flip]), rest=np.array([1.0, 0.0]))
        if new.targets:
            return new, slots
        slots.sign = np.array([1, -1])  # the phase cos - i sin
        return replace(new, kind=OpKind.DIAGONAL), slots

    def diagonal(self, op: Op, index: int, new: Op, where: list[int]) -> tuple[Op, _Slots]:
        if op.fixed:
            source = self.constant(np.diagonal(fixed_matrix(self.whole.plan.structure, op)))
        else:
            source = self.count(index, 2 * 2 ** len(op.targets))
        local = np.arange(2 ** len(where))
        entry = sum((local >> i & 1) << t for i, t in enumerate(where)) + 0 * local
        slots = _Slots(
            source.reshape(-1, 2)[entry].reshape(-1), rest=np.tile([1.0, 0.0], len(local))
        )
        slots.step = {
            self.device_bit(q): 2 << t for t, q in enumerate(op.targets) if t not in where
        }
        return replace(new, fixed=False), slots

    def dense(self, op: Op, index: int, new: Op) -> tuple[Op, _Slots]:
        size = 2 ** len(op.targets)
        if op.kind is OpKind.PERMUTATION:
            source = self.constant(np.eye(size)[:, list(op.table)].reshape(-1))
        elif op.fixed:
            source = self.constant(fixed_matrix(self.whole.plan.structure, op).reshape(-1))
        else:
            source = self.count(index, 2 * size * size)
        identity = np.stack([np.eye(size), np.zeros((size, size))], axis=-1).reshape(-1)
        new = replace(new, kind=OpKind.DENSE, fixed=False, real=False, table=())
        return new, _Slots(source, rest=identity)

    def numbers(self) -> Numbers:
        """Where the numbers of all parts so far come from."""
        table = {
            "start": np.zeros(self.length, np.int32),
            "step": np.zeros((self.whole.num_global, self.length), np.int32),
            "sign": np.ones(self.length, np.int32),
            "flip": np.zeros(self.length, np.int32),
            "mask": np.zeros(self.length, np.int32),
            "value": np.zeros(self.length, np.int32),
            "rest": np.zeros(self.length),
        }
        for here, own in self.slots:
            for name in table.keys() - {"step"}:
                table[name][here] = getattr(own, name)
            for bit, step in own.step.items():
                table["step"][bit, here] = step
        return Numbers(**table, constants=np.concatenate([np.zeros(0), *self.constants]))
