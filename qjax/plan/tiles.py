"""The qubits of the next tile: chosen so that many ops can run before it must change."""

from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from qjax.plan.frontier import Frontier


def grown(
    frontier: Frontier, needs: Sequence[int], order: Sequence[int], tile: int, size: int
) -> tuple[int, list[int]]:
    """Let a tile grow by the needs of the ready ops, the first in `order` first, until it is full.

    Args:
        frontier: What has run so far; it is left as it was.
        needs: For each op, the mask of the qubits that it needs in the tile.
        order: A number for each op; ops with small numbers are asked first.
        tile: Mask of the qubits that the tile has already.
        size: How many qubits it may have.

    Returns:
        (tile, done): the tile's mask, and the ops that can run in it.
    """
    done: list[int] = []
    fits = []
    others = []
    for i in frontier.ready:
        if needs[i] & ~tile:
            others.append((order[i], i))
        else:
            fits.append(i)
    heapify(others)
    too_large = []
    while True:
        while fits:
            index = fits.pop()
            done.append(index)
            for i in frontier.run(index):
                if needs[i] & ~tile:
                    heappush(others, (order[i], i))
                else:
                    fits.append(i)
        if not others:
            break
        _, index = heappop(others)
        wanted = tile | needs[index]
        if wanted.bit_count() > size:
            too_large.append(index)
        elif wanted == tile:
            fits.append(index)
        else:
            tile = wanted
            fits.append(index)
            fits += [i for i in too_large if not needs[i] & ~tile]
            too_large = [i for i in too_large if needs[i] & ~tile]
    frontier.undo(done)
    return tile, done
