"""Which qubits should be local, so that most of the next ops can run without an exchange."""

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from qjax.plan.frontier import Frontier

_CLIMBS = 12  # how many qubits are changed at most to improve a choice
_KEEP = 1e-3  # how many ops it is worth that a qubit that is local stays so


class Window:
    """The ops that could run next if the right `num_local` qubits were local.

    Attributes:
        ops: Their indices.
        together: Mask of what they all need.
    """

    def __init__(
        self, frontier: Frontier, before: Sequence[int], needs: Sequence[int], num_local: int
    ) -> None:
        self.ops: list[int] = []
        self.together = 0
        masks: list[int] = []  # of each op: what it and all that must run before it need
        run_masks: dict[int, int] = {}
        todo = list(frontier.ready)
        for index in todo:
            mask = needs[index]
            for run in frontier.runs[index]:
                mask |= run_masks.get(before[run], 0)
            if mask.bit_count() > num_local:
                continue
            self.ops.append(index)
            masks.append(mask)
            self.together |= mask
            for run in frontier.runs[index]:
                run_masks[run] = run_masks.get(run, 0) | mask
            todo += frontier.run(index)
        frontier.undo(self.ops)
        self._masks = np.array(masks, np.uint64)
        self._num_local = num_local

    def choose(self, num_qubits: int, local: int, weights: np.ndarray) -> int:
        """Mask of the qubits with which ops of much weight can run.

        Starting from all qubits, the one is left out without which least weight is lost, until
        enough are; then a qubit that is in changes with one that is out while that gains weight.

        Args:
            num_qubits: Number of qubits.
            local: Mask of the qubits that are local now; between equals they stay.
            weights: Of each op, shape (len(ops),).
        """
        rows = (self._masks[:, None] >> np.arange(num_qubits, dtype=np.uint64)) & np.uint64(1)
        rows = rows.astype(np.float32)
        keep = _KEEP * np.array([local >> q & 1 for q in range(num_qubits)], np.float32)
        inside = np.ones(num_qubits, bool)
        alive = weights.astype(np.float32)
        for _ in range(num_qubits - self._num_local):
            loss = np.where(inside, alive @ rows + keep, np.inf)
            out = int(loss.argmin())
            inside[out] = False
            alive *= 1 - rows[:, out]
        _climb(rows, weights.astype(np.float32), keep, inside)
        return sum(1 << int(q) for q in np.flatnonzero(inside))


def _climb(rows: np.ndarray, weights: np.ndarray, keep: np.ndarray, inside: np.ndarray) -> None:
    """Change a qubit that is in with one that is out, as long as ops of more weight can run.

    gain[e, q] is the weight of the ops that lack only e and do not need q, less that of the ops
    that can run now and need q.
    """
    for _ in range(_CLIMBS):
        outside = np.flatnonzero(~inside)
        lacks = rows[:, outside].sum(1)
        lost = (weights * (lacks == 0)) @ rows + keep
        one = rows[lacks == 1]
        found = one[:, outside] * weights[lacks == 1, None]
        gain = found.sum(0)[:, None] - found.T @ one - lost + keep[outside, None]
        gain[:, outside] = -np.inf
        e, q = np.unravel_index(int(gain.argmax()), gain.shape)
        if gain[e, q] <= _KEEP / 10:
            break
        inside[outside[e]], inside[q] = True, False


def run_within(frontier: Frontier, needs: Sequence[int], local: int) -> list[int]:
    """Run all that can run with given local qubits; gives the ops in the order they ran."""
    outside = ~local
    done = [i for i in frontier.ready if not needs[i] & outside]
    for index in done:  # grows by what each lets run
        done += [i for i in frontier.run(index) if not needs[i] & outside]
    return done


def grown(
    frontier: Frontier, needs: Sequence[int], rank: Callable[[int], float], num_local: int
) -> int:
    """Mask of the qubits that ops need which are taken by rank as long as there is room.

    The frontier is left as it was.
    """
    used, done = 0, []
    heap = [(rank(i), i) for i in frontier.ready]
    heapq.heapify(heap)
    while heap:
        _, index = heapq.heappop(heap)
        if (used | needs[index]).bit_count() <= num_local:
            used |= needs[index]
            done.append(index)
            for found in frontier.run(index):
                heapq.heappush(heap, (rank(found), found))
    frontier.undo(done)
    return used
