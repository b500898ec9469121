"""The stages of a plan on many devices: which qubits are local in each, and which ops run there.

A search forward from the first op and one back from the last op, each over a few partial plans at a
time (a beam). A stage runs all that its local qubits allow; `local_qubits` proposes them. Partial
plans are judged by what they have moved, and by what the ops that are left will move if they take
as much as those before.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from qjax.plan.exchange_bound import least_moved
from qjax.plan.frontier import Frontier
from qjax.plan.local_qubits import Window, grown, run_within
from qjax.plan.locality import Task, share

_EFFORT = 12_000  # how many ops times partial plans are searched in each direction
_WIDEST = 8  # how many partial plans at most
_CHOICES = 2  # how many sets of qubits are proposed by weights

Chosen = list[tuple[int, tuple[int, ...]]]


def choose_stages(task: Task) -> Chosen:
    """(mask of the local qubits, ops in the order they run) of each stage; at least one."""
    best, bound = None, least_moved(task)
    widths = sorted({1, max(1, min(_WIDEST, _EFFORT // (len(task.ops) + 1)))})
    for width in widths:
        for backward in (False, True):
            moved, stages = _search(task.reversed() if backward else task, width)
            if best is None or (moved, len(stages)) < (best[0], len(best[1])):
                best = moved, _turned(task, stages) if backward else stages
            if best[0] == bound:
                return best[1]
    assert best is not None
    return best[1]


def _turned(task: Task, stages: Chosen) -> Chosen:
    """Stages in the other order of time, in each of which ops run as soon as they can."""
    frontier, needs = Frontier(task.num_qubits, task.ops), [op.needs for op in task.ops]
    return [(mask, tuple(run_within(frontier, needs, mask))) for mask, _ in reversed(stages)]


@dataclass(frozen=True)
class _Partial:
    """The stages so far.

    Attributes:
        frontier: The ops that did not run yet.
        local: Mask of the local qubits, 0 before the first stage if they may be chosen.
        moved: What the exchanges so far move, as a multiple of a device's state.
        left: How many ops that need local qubits did not run yet.
        stages: What runs.
    """

    frontier: Frontier
    local: int
    moved: float
    left: int
    stages: Chosen


def _search(task: Task, width: int) -> tuple[float, Chosen]:
    """(what the exchanges move, stages) of the best plan found."""
    search = _Search(task)
    beam, best = [search.first()], None
    while beam:
        found: list[tuple[float, int, int, list[int], _Partial]] = []
        for partial in beam:
            if partial.frontier.ready:
                found += search.proposals(partial)
                continue
            moved = partial.moved + share(task.end & ~partial.local) * bool(partial.local)
            if best is None or moved < best[0]:
                best = moved, partial.stages
        if best is not None:
            found = [proposal for proposal in found if proposal[0] < best[0]]
        ran = search.total - min((left for _, left, *_ in found), default=0)
        rate = max((moved for moved, *_ in found), default=0.0) / max(ran, 1)
        found.sort(key=lambda proposal: (proposal[0] + rate * proposal[1], proposal[1]))
        beam, seen = [], set()
        for moved, left, mask, done, partial in found:
            if (left, mask) not in seen and len(beam) < width:
                seen.add((left, mask))
                frontier = partial.frontier.copy()
                for index in done:
                    frontier.run(index)
                stages = [*partial.stages, (mask, tuple(done))]
                beam.append(_Partial(frontier, mask, moved, left, stages))
    assert best is not None
    return best[0], best[1] or [(task.begin or task.end or (1 << task.num_local) - 1, ())]


class _Search:
    """What all steps of a search know."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.needs = [op.needs for op in task.ops]
        self.total = sum(need > 0 for need in self.needs)
        self.frontier = Frontier(task.num_qubits, task.ops)
        self.before = self.frontier.before()
        self.height = self._heights()
        self.rng = np.random.default_rng(0)

    def _heights(self) -> list[int]:
        """For each op, how many ops that need local qubits must run after it, one by one."""
        runs, after = self.frontier.runs, self.frontier.after
        of_run = [0] * len(after)
        heights = [0] * len(runs)
        for index in range(len(runs) - 1, -1, -1):
            following = (of_run[after[run]] for run in runs[index] if after[run] >= 0)
            heights[index] = max(following, default=0)
            for run in runs[index]:
                of_run[run] = max(of_run[run], heights[index] + (self.needs[index] > 0))
        return heights

    def first(self) -> _Partial:
        """Nothing but what can run with the qubits that are local at first."""
        stages, frontier, left = [], self.frontier, self.total
        if self.task.begin:
            done = run_within(frontier, self.needs, self.task.begin)
            left -= self._count(done)
            stages = [(self.task.begin, tuple(done))] if done else []
        return _Partial(frontier, self.task.begin, 0.0, left, stages)

    def proposals(self, partial: _Partial) -> list[tuple[float, int, int, list[int], _Partial]]:
        """(moved, left, local qubits, ops, partial plan before) of possible next stages."""
        found = []
        for mask in self._masks(partial):
            done = run_within(partial.frontier, self.needs, mask)
            partial.frontier.undo(done)
            moved = partial.moved + share(mask & ~partial.local) * bool(partial.local)
            found.append((moved, partial.left - self._count(done), mask, done, partial))
        return found

    def _count(self, ops: list[int]) -> int:
        return sum(self.needs[index] > 0 for index in ops)

    def _masks(self, partial: _Partial) -> set[int]:
        """Local qubits of possible next stages, with each of which some op can run."""
        task, frontier = self.task, partial.frontier
        window = Window(frontier, self.before, self.needs, task.num_local)
        if window.together.bit_count() <= task.num_local:
            both = partial.local & task.end
            orders = ((both, partial.local), (task.end, partial.local), (partial.local,))
            return {self._filled(window.together, order) for order in orders}
        base = np.array([self.needs[i] > 0 for i in window.ops], float)
        heights = np.array([self.height[i] for i in window.ops])
        masks = {window.choose(task.num_qubits, partial.local, base)}
        for _ in range(1, _CHOICES):
            weights = base * np.exp(self.rng.normal(size=len(base)) / 2)
            weights *= 1 + self.rng.integers(3) * (heights - heights.min()) / (np.ptp(heights) + 1)
            masks.add(window.choose(task.num_qubits, partial.local, weights))
        for rank in (float, lambda i: -self.height[i]):
            used = grown(frontier, self.needs, rank, task.num_local)
            masks.add(self._filled(used, (partial.local,)))
        return masks

    def _filled(self, mask: int, order: Sequence[int]) -> int:
        """A mask with qubits of other masks in turn, and then any, until it has `num_local`."""
        for others in (*order, -1):
            for q in range(self.task.num_qubits):
                if others >> q & 1 and mask.bit_count() < self.task.num_local:
                    mask |= 1 << q
        return mask
