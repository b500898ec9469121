"""The steps of a sweep: ops of one kind gathered into groups that are as large as they can be."""

from collections.abc import Callable

from qjax.plan.frontier import Frontier
from qjax.plan.op import Op, OpKind
from qjax.plan.sweep import Step, StepKind

_FLIP, _SWAP = (1, 0), (0, 2, 1, 3)


def step_kind(op: Op) -> StepKind:
    """The kind of step that an op can be in."""
    if op.is_diagonal:
        return StepKind.PHASES
    if op.kind is OpKind.PERMUTATION:
        flips = op.table == _FLIP and len(op.controls) <= 1
        swaps = op.table == _SWAP and not op.controls
        return StepKind.MOVES if flips or swaps else StepKind.OP
    return StepKind.SINGLES if len(op.targets) == 1 and not op.controls else StepKind.OP


def gather(
    frontier: Frontier, kinds: list[StepKind], needs: list[int], targets: list[int], tile: int
) -> list[Step]:
    """Run everything that can run in a tile.

    Ops of the other kinds go first, one by one, then what is a group: so groups pile up. Diagonal
    ops wait until nothing else is ready, and are left to a later sweep if nothing waits for them.

    Args:
        frontier: What has run so far; it is advanced.
        kinds: The kind of step of each op.
        needs: For each op, the mask of the qubits that it needs in the tile.
        targets: For each op, its first target, which tells SINGLES apart.
        tile: Mask of the tile's qubits.
    """
    steps: list[Step] = []
    waiting: tuple[list[int], ...] = ([], [], [], [])

    def sort_in(found: list[int]) -> None:
        for index in found:
            if not needs[index] & ~tile:
                waiting[kinds[index]].append(index)

    singles, phases, moves, others = waiting
    sort_in(list(frontier.ready))
    while True:
        if others:
            steps.append(Step(StepKind.OP, (others[0],)))
            sort_in(frontier.run(others.pop(0)))
        elif moves:
            steps.append(Step(StepKind.MOVES, _chain(frontier, moves, sort_in)))
        elif singles:
            group = {targets[i]: i for i in reversed(singles)}
            chosen = tuple(sorted(group.values()))
            singles[:] = [i for i in singles if i not in chosen]
            for index in chosen:
                sort_in(frontier.run(index))
            steps.append(Step(StepKind.SINGLES, chosen))
        elif phases:
            chosen = tuple(phases)
            phases.clear()
            for index in chosen:
                sort_in(frontier.run(index))
            if frontier.ready and not (singles or moves or others):
                frontier.undo(chosen)
                return steps
            steps.append(Step(StepKind.PHASES, chosen))
        else:
            return steps


def _chain(
    frontier: Frontier, moves: list[int], sort_in: Callable[[list[int]], None]
) -> tuple[int, ...]:
    """All moves that are ready, or become ready by one of them."""
    chain = []
    while moves:
        index = moves.pop(0)
        chain.append(index)
        sort_in(frontier.run(index))
    return tuple(chain)
