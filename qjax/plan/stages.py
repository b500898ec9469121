"""The stages of a plan on many devices: which qubits are local in each, and where they lie."""

import heapq
from collections.abc import Sequence

from qjax.plan.frontier import Frontier
from qjax.plan.op import Op, OpKind
from qjax.plan.places import Ends
from qjax.plan.plan import Plan

_SWAP = (0, 2, 1, 3)


def qubits_at_end(plan: Plan) -> tuple[int, tuple[int, ...]]:
    """The SWAPs at the end of a plan, as a change of names.

    Returns:
        (number of ops before them, target): the bit of qubit q becomes that of qubit target[q] of
        the result.
    """
    last = len(plan.ops)
    while last and _is_swap(plan.ops[last - 1]):
        last -= 1
    where = list(range(plan.num_qubits))  # where[q] is the qubit that holds what is qubit q's
    for op in plan.ops[last:]:
        a, b = op.targets
        where[a], where[b] = where[b], where[a]
    target = [0] * plan.num_qubits
    for q, held in enumerate(where):
        target[held] = q
    return last, tuple(target)


def _is_swap(op: Op) -> bool:
    return op.kind is OpKind.PERMUTATION and op.table == _SWAP and not op.controls


def choose_stages(ops: Sequence[Op], ends: Ends) -> list[tuple[int, tuple[int, ...]]]:
    """(mask of the local qubits, ops in the order they run) of each stage."""
    num_qubits, num_local = len(ends.target), ends.num_local
    frontier = Frontier(num_qubits, ops)
    needs = [op.needs for op in ops]
    local = (1 << num_local) - 1
    stages = []
    if ends.start:
        done = _run(frontier, needs, local, num_local)[1]
        if done:
            stages.append((local, tuple(done)))
    while frontier.ready:
        used, done = _run(frontier, needs, 0, num_local)
        local = _filled(used, local, num_qubits, num_local)
        stages.append((local, tuple(done)))
    return stages or [(local, ())]


def _run(
    frontier: Frontier, needs: Sequence[int], used: int, num_local: int
) -> tuple[int, list[int]]:
    """Run the ops in order as long as they need no more than `num_local` qubits together."""
    heap, done = list(frontier.ready), []
    heapq.heapify(heap)
    while heap:
        index = heapq.heappop(heap)
        if (used | needs[index]).bit_count() <= num_local:
            used |= needs[index]
            done.append(index)
            for found in frontier.run(index):
                heapq.heappush(heap, found)
    return used, done


def _filled(used: int, local: int, num_qubits: int, num_local: int) -> int:
    """A mask of `num_local` qubits: those used, those that are local now, and others."""
    for q in [q for q in range(num_qubits) if local >> q & 1] + list(range(num_qubits)):
        if used.bit_count() < num_local:
            used |= 1 << q
    return used
