"""The steps of a sweep: ops of one kind gathered into groups that are as large as they can be."""

from collections.abc import Iterable, Sequence

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


class Gatherer:
    """Runs ops in groups.

    Ops that are no group go first, one by one, then moves, then singles: so groups pile up.
    Diagonal ops wait until nothing else is ready, and are left to a later sweep if nothing in this
    one waits for them. Moves that no op waits for, as SWAPs at the end, are the last of all.
    """

    def __init__(self, frontier: Frontier, ops: Sequence[Op]) -> None:
        self.frontier = frontier
        self.kinds = [step_kind(op) for op in ops]
        self.needs = [op.needs for op in ops]
        self.targets = [op.targets[0] if op.targets else -1 for op in ops]
        self.final = _final_moves(ops, self.kinds)
        self.outside = 0
        self.waiting: tuple[list[int], ...] = ()
        self.last: list[int] = []

    def gather(self, tile: int) -> tuple[Step, ...]:
        """Run everything that can run in a tile, given as a mask."""
        self.outside = ~tile
        self.waiting = singles, phases, moves, others = [], [], [], []
        self.last = []
        self._sort_in(self.frontier.ready)
        steps = []
        while True:
            if others:
                ops = [others.pop(0)]
                kind = StepKind.OP
                self._run(ops)
            elif moves:
                kind, ops = StepKind.MOVES, moves[:]
                moves.clear()
                for index in ops:  # grows by the moves that each lets run
                    self._run([index])
                    ops += moves
                    moves.clear()
            elif singles:
                first = {self.targets[i]: i for i in reversed(singles)}
                kind, ops = StepKind.SINGLES, sorted(first.values())
                singles[:] = [i for i in singles if first[self.targets[i]] != i]
                self._run(ops)
            elif phases:
                kind, ops, last = StepKind.PHASES, phases[:], len(self.last)
                phases.clear()
                self._run(ops)
                later = len(self.frontier.ready) > len(self.last)
                if later and not (singles or moves or others or self.last[last:]):
                    self.frontier.undo(ops)
                    continue
            elif self.last:
                kind, ops = StepKind.MOVES, self.last
                for index in ops:  # grows by the moves that each lets run
                    self._run([index])
                self.last = []
            else:
                break
            steps.append(Step(kind, tuple(ops)))
        return tuple(steps)

    def _run(self, ops: list[int]) -> None:
        for index in ops:
            self._sort_in(self.frontier.run(index))

    def _sort_in(self, found: Iterable[int]) -> None:
        for index in found:
            if not self.needs[index] & self.outside:
                final = self.final[index]
                (self.last if final else self.waiting[self.kinds[index]]).append(index)


def _final_moves(ops: Sequence[Op], kinds: Sequence[StepKind]) -> list[bool]:
    """For each op, whether it is a move after which its qubits meet nothing but such moves."""
    final, busy = [False] * len(ops), 0
    for index in range(len(ops) - 1, -1, -1):
        mask = sum(1 << q for q in ops[index].qubits)
        final[index] = kinds[index] is StepKind.MOVES and not mask & busy
        if not final[index]:
            busy |= mask
    return final
