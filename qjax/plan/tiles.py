"""The qubits of each sweep's tile: chosen so that the ops are run in few sweeps."""

from collections.abc import Sequence

from qjax.plan.frontier import Frontier
from qjax.plan.op import Op

_AHEAD = 24  # how many ops a candidate for a tile is judged by
_EFFORT = 12_000  # how many ops are planned at most, over all attempts, if one has fewer


def choose_tiles(
    num_qubits: int, ops: Sequence[Op], frontier: Frontier, size: int, low: int
) -> list[int]:
    """Masks of the tiles of successive sweeps.

    The tiles are chosen from the first op on and from the last op on, with ties broken in two ways;
    the shortest list is taken. Large circuits get fewer attempts.

    Args:
        num_qubits: Number of qubits.
        ops: The ops of the plan.
        frontier: None of them run; it is left as it is.
        size: How many qubits a tile has.
        low: Mask of the qubits that every tile has.
    """
    if size == num_qubits:
        return [(1 << num_qubits) - 1]
    attempts = []
    for attempt in range(max(1, min(4, _EFFORT // (len(ops) + 1)))):
        backward, by_depth = bool(attempt & 1), bool(attempt & 2)
        ordered = ops[::-1] if backward else ops
        start = Frontier(num_qubits, ordered) if backward else frontier.copy()
        tiles = _greedy(num_qubits, ordered, start, size, low, by_depth)
        attempts.append(tiles[::-1] if backward else tiles)
    return min(attempts, key=len)


def _greedy(
    num_qubits: int, ops: Sequence[Op], frontier: Frontier, size: int, low: int, by_depth: bool
) -> list[int]:
    """Tiles, each chosen for the ops that the ones before it left."""
    needs = [op.needs for op in ops]
    order = _depths(frontier.copy(), needs) if by_depth else range(len(ops))
    tiles = []
    while frontier.ready:
        tile = _grown(frontier, needs, order, low, size)
        for q in range(num_qubits):  # what is still free goes to low qubits, which lie together
            if tile.bit_count() < size:
                tile |= 1 << q
        _run_all(frontier, needs, tile)
        tiles.append(tile)
    return tiles


def _depths(frontier: Frontier, needs: Sequence[int]) -> list[int]:
    """For each op, how many ops that need a tile must have run before it."""
    depths = [0] * len(needs)
    starts = [0] * len(frontier.left)  # of each run
    todo = list(frontier.ready)
    for index in todo:
        depths[index] = max((starts[run] for run in frontier.runs[index]), default=0)
        end = depths[index] + (needs[index] > 0)
        for run in frontier.runs[index]:
            after = frontier.after[run]
            if after >= 0:
                starts[after] = max(starts[after], end)
        todo += frontier.run(index)
    return depths


def _grown(
    frontier: Frontier, needs: Sequence[int], order: Sequence[int], tile: int, size: int
) -> int:
    """Let a tile grow, each time by the needs of the op that lets most others run.

    Each candidate is judged by the ops that can run in the tile with it, per qubit that it adds;
    between equals, the op that is first in `order` is taken. The frontier is left as it was.
    """
    done = _run_all(frontier, needs, tile)
    while tile.bit_count() < size:
        first: dict[int, int] = {}
        for i in frontier.ready:
            new = needs[i] & ~tile
            if new not in first or order[i] < order[first[new]]:
                first[new] = i
        best, choice = (-1.0, 0), 0
        for new, i in first.items():
            if (tile | new).bit_count() > size:
                continue
            trial = _run_all(frontier, needs, tile | new, _AHEAD)
            frontier.undo(trial)
            gain = sum(needs[t] > 0 for t in trial) / new.bit_count()
            if (gain, -order[i]) > best:
                best, choice = (gain, -order[i]), new
        if not choice:
            break
        tile |= choice
        done += _run_all(frontier, needs, tile)
    frontier.undo(done)
    return tile


def _run_all(
    frontier: Frontier, needs: Sequence[int], tile: int, limit: int | None = None
) -> list[int]:
    """Run what can run in a tile, up to a number of ops; gives the ops in the order they ran."""
    outside = ~tile
    done: list[int] = []
    todo = [i for i in frontier.ready if not needs[i] & outside]
    while todo and (limit is None or len(done) < limit):
        index = todo.pop()
        done.append(index)
        todo += [i for i in frontier.run(index) if not needs[i] & outside]
    return done
