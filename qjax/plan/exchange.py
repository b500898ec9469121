"""One state over many devices: the stages of a plan, and what is exchanged between them.

A state of n qubits over 2**d devices has n - d *local* places, the bits of an index on a device,
and d *device* places, the bits of the device's own index. A qubit that an op mixes must be local
while the op runs; controls, diagonal ops and the Z part of a rotation only read their qubits, which
may be anywhere. So the ops run in stages, each with qubits of its own in the device places, and
between two stages some qubits change sides.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise, zip_longest

from qjax.errors import EngineError
from qjax.plan.exchange_bound import least_moved
from qjax.plan.locality import Task, ops_and_names, share
from qjax.plan.places import Ends, Places, place
from qjax.plan.plan import Plan
from qjax.plan.stages import choose_stages


@dataclass(frozen=True)
class ShardStage:
    """Ops that run without an exchange.

    Attributes:
        places: places[q] is the bit of an amplitude's index that qubit q has in this stage; bits
            from n - d on are those of the device's index. Qubits are named as the ops name them,
            before the SWAPs at the plan's end.
        ops: Indices among the plan's ops, in the order in which they run.
    """

    places: tuple[int, ...]
    ops: tuple[int, ...]


@dataclass(frozen=True)
class Exchange:
    """How qubits get from their places in one stage to those in the next.

    First local bit p becomes local bit before[p]; then the device bits `bits` and the
    len(bits) highest local bits change places, the lowest with the lowest; then local bit p becomes
    local bit after[p].

    Attributes:
        before: A permutation of the local bits.
        bits: Device bits that take part, ascending: numbers from n - d to n - 1.
        after: A permutation of the local bits.
    """

    before: tuple[int, ...]
    bits: tuple[int, ...]
    after: tuple[int, ...]

    @property
    def moved(self) -> float:
        """The share of a device's amplitudes that leave it."""
        return 1 - 2.0 ** -len(self.bits)


@dataclass(frozen=True, eq=False)
class ShardPlan:
    """A plan cut into stages for 2**num_global devices. Static and hashable.

    The SWAPs at a plan's end are in no stage: they are a change of names, told by `final`.

    Attributes:
        plan: The plan.
        num_global: How many qubits are in device places: d.
        free_start: Whether the places of the first stage were chosen, as they may be if the state
            starts as a basis state; else the state comes in natural order.
        restore: Whether the last stage, which may have no ops, ends in natural order.
        start: Places of the qubits of the state that is given.
        stages: What runs, in time order; at least one.
        final: final[q] is the place of qubit q in the result: q itself if restored.
    """

    plan: Plan
    num_global: int
    free_start: bool
    restore: bool
    start: tuple[int, ...]
    stages: tuple[ShardStage, ...]
    final: tuple[int, ...]

    @property
    def num_local(self) -> int:
        """How many qubits are on a device: n - d."""
        return self.plan.num_qubits - self.num_global

    @cached_property
    def exchanges(self) -> tuple[Exchange, ...]:
        """exchanges[i] comes before stages[i]; one that moves nothing has no `bits`."""
        places = (self.start, *(stage.places for stage in self.stages))
        return tuple(_exchange(old, new, self.num_local) for old, new in pairwise(places))

    @property
    def moved(self) -> float:
        """What all exchanges together move away from a device, as a multiple of its state."""
        return sum(exchange.moved for exchange in self.exchanges)

    @cached_property
    def moved_gate_by_gate(self) -> float:
        """What is moved, as `moved`, if each op has its qubits made local and put back at once."""
        outside = ~((1 << self.num_local) - 1)
        return 2 * sum(share(op.needs & outside) for op in self.plan.ops)

    @cached_property
    def least_moved(self) -> float:
        """No stages move less than this, as `moved`; see `least_moved` in `exchange_bound`."""
        return least_moved(_task(self.plan, self.num_global, self.restore, self.free_start)[0])

    def bytes_per_device(self, itemsize: int) -> int:
        """Bytes that a device sends in a forward run; it receives as many.

        Args:
            itemsize: Bytes of an amplitude: 8 for complex64, 16 for complex128.
        """
        return round(self.moved * 2**self.num_local * itemsize)

    def total_bytes(self, itemsize: int) -> int:
        """Bytes that all devices send together in a forward run."""
        return self.bytes_per_device(itemsize) * 2**self.num_global

    def __str__(self) -> str:
        lines = [
            f"{self.plan.num_qubits} qubits over {2**self.num_global:,} devices: "
            f"{len(self.stages)} stages; a device sends {self.moved:.4g} times its state"
        ]
        for exchange, stage in zip(self.exchanges, self.stages, strict=True):
            if exchange.bits:
                lines.append(f"  exchange of {len(exchange.bits)} qubits")
            outside = [q for q, p in enumerate(stage.places) if p >= self.num_local]
            far = f", over devices: {', '.join(map(str, outside))}" if outside else ""
            lines.append(f"  stage of {len(stage.ops):,} ops{far}")
        return "\n".join(lines)

    def __hash__(self) -> int:
        return hash((self.plan, self.num_global, self.free_start, self.restore))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, ShardPlan)
            and self.num_global == other.num_global
            and self.free_start == other.free_start
            and self.restore == other.restore
            and self.plan == other.plan
        )

    def __repr__(self) -> str:
        return (
            f"<ShardPlan: {self.plan.num_qubits} qubits, {2**self.num_global} devices, "
            f"{len(self.stages)} stages>"
        )


@lru_cache(maxsize=512)
def shard_plan(
    plan: Plan, num_global: int, restore: bool = True, free_start: bool = False
) -> ShardPlan:
    """Cut a plan into stages; the same object for equal arguments.

    Args:
        plan: The plan.
        num_global: How many qubits are spread over devices: d, for 2**d devices.
        restore: Whether the result is wanted in natural order. Probabilities and expectation values
            need not: `final` tells where the qubits are.
        free_start: Whether the first places may be chosen, as for a basis state.

    Raises:
        EngineError: If a device has too few qubits for an op.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> from qjax.plan import compile_plan
        >>> sharded = shard_plan(compile_plan(Circuit(4).h(range(4)).structure), 1)
        >>> print(sharded)
        4 qubits over 2 devices: 3 stages; a device sends 1 times its state
          stage of 3 ops, over devices: 3
          exchange of 1 qubits
          stage of 1 ops, over devices: 2
          exchange of 1 qubits
          stage of 0 ops, over devices: 3
        >>> [stage.places for stage in sharded.stages]
        [(0, 1, 2, 3), (0, 1, 3, 2), (0, 1, 2, 3)]
    """
    n = plan.num_qubits
    if not 0 <= num_global <= n:
        raise EngineError(f"shard_plan: num_global must be in 0..{n}, but is {num_global}.")
    natural = tuple(range(n))
    if num_global == 0:
        stage = ShardStage(natural, tuple(range(len(plan.ops))))
        return ShardPlan(plan, 0, free_start, restore, natural, (stage,), natural)
    task, target = _task(plan, num_global, restore, free_start)
    widest = max((op.needs.bit_count() for op in task.ops), default=0)
    if restore and not free_start and target != natural:
        widest = max(widest, 1)
    if widest > task.num_local:
        raise EngineError(
            f"A state of {n} qubits over {2**num_global} devices has {task.num_local} on each, but "
            f"this circuit has gates that mix the amplitudes of {widest} qubits. Use at most "
            f"{2 ** (n - widest)} devices."
        )
    chosen = choose_stages(task)
    ends = Ends(task.num_local, None if free_start else natural, target, restore)
    start, placed = place(ends, [mask for mask, _ in chosen])
    indices = (ops for _, ops in chosen)
    stages = tuple(
        ShardStage(places, ops) for places, ops in zip_longest(placed, indices, fillvalue=())
    )
    where = dict(zip(target, placed[-1], strict=True))
    final = tuple(where[q] for q in natural)
    return ShardPlan(plan, num_global, free_start, restore, start, stages, final)


def _task(
    plan: Plan, num_global: int, restore: bool, free_start: bool
) -> tuple[Task, tuple[int, ...]]:
    """What to cut into stages, and the names that its qubits have at the end."""
    num_local = plan.num_qubits - num_global
    ops, target = ops_and_names(plan.ops, plan.num_qubits)
    begin = 0 if free_start else (1 << num_local) - 1
    end = sum(1 << q for q, name in enumerate(target) if name < num_local) if restore else 0
    return Task(plan.num_qubits, num_local, ops, begin, end), target


def _exchange(old: Places, new: Places, num_local: int) -> Exchange:
    """The exchange between two places, in which no qubit changes from device bit to device bit."""
    moves = [(a, b, q) for q, (a, b) in enumerate(zip(old, new, strict=True))]
    arrives = sorted((a, q) for a, b, q in moves if a >= num_local > b)
    leaves = sorted((b, q) for a, b, q in moves if b >= num_local > a)
    stays = [(a, b, q) for a, b, q in moves if max(a, b) < num_local]
    bits = tuple(a for a, _ in arrives)
    assert bits == tuple(b for b, _ in leaves)
    top = num_local - len(bits)
    between = {q: top + i for i, (_, q) in enumerate(leaves)}  # local places before the swap
    free = set(range(top))
    for which in (1, 0):  # where it ends, else where it is
        for stay in stays:
            if stay[2] not in between and stay[which] in free:
                between[stay[2]] = stay[which]
                free.remove(stay[which])
    for _, _, q in stays:
        if q not in between:
            between[q] = free.pop()
    before, after = [0] * num_local, [0] * num_local
    for a, _, q in moves:
        if a < num_local:
            before[a] = between[q]
    for _, b, q in stays:
        after[between[q]] = b
    for i, (_, q) in enumerate(arrives):
        after[top + i] = new[q]
    return Exchange(tuple(before), bits, tuple(after))
