"""The scheduler: from ops to sweeps over tiles."""

from collections.abc import Sequence

from qjax.errors import EngineError
from qjax.plan.frontier import Frontier
from qjax.plan.op import Op
from qjax.plan.steps import Gatherer
from qjax.plan.sweep import Stage, Sweep
from qjax.plan.tiles import choose_tiles


def schedule(
    num_qubits: int, ops: Sequence[Op], tile_bits: int, low_bits: int
) -> tuple[Stage, ...]:
    """The ops in sweeps over tiles of `tile_bits` qubits that hold the lowest `low_bits`.

    Raises:
        EngineError: If an op mixes more amplitudes than such a tile has.
    """
    size, low = min(tile_bits, num_qubits), (1 << min(low_bits, num_qubits)) - 1
    if not 1 <= tile_bits >= low_bits >= 0:
        raise EngineError(
            "schedule: tile_bits must be at least 1 and low_bits in 0..tile_bits, "
            f"but they are {tile_bits} and {low_bits}."
        )
    widest = max((((op.needs | low).bit_count(), i) for i, op in enumerate(ops)), default=(0, 0))
    if widest[0] > size:
        raise EngineError(
            f"schedule: every op must fit a tile of {size} qubits that holds the lowest "
            f"{low.bit_count()}, but {ops[widest[1]]} does not."
        )
    frontier = Frontier(num_qubits, ops)
    gatherer = Gatherer(frontier, ops)
    sweeps = []
    for tile in choose_tiles(num_qubits, ops, frontier, size, low):
        steps = gatherer.gather(tile)
        if steps:
            qubits = tuple(q for q in range(num_qubits) if tile >> q & 1)
            sweeps.append(Sweep(qubits, steps))
    return (Stage(tuple(sweeps)),)
