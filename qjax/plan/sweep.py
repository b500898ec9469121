"""Stage > Sweep > Step: in which order, and on which parts of the state, the ops of a plan run."""

from dataclasses import dataclass
from enum import IntEnum


class StepKind(IntEnum):
    """What the ops of a step have in common.

    SINGLES: uncontrolled DENSE or ROTATION ops on one target each, none diagonal, on distinct
        qubits of the tile.
    PHASES: diagonal ops, with any controls, on any qubits; their order does not matter.
    MOVES: affine permutations: X with at most one control, and SWAP with none. The targets are in
        the tile; the controls may be outside.
    OP: one op of any other form.
    """

    SINGLES = 0
    PHASES = 1
    MOVES = 2
    OP = 3


@dataclass(frozen=True)
class Step:
    """Ops that an engine may apply in one go.

    Attributes:
        kind: What the ops have in common.
        ops: Their indices among the plan's ops, in time order.
    """

    kind: StepKind
    ops: tuple[int, ...]


@dataclass(frozen=True)
class Sweep:
    """What is done to the state while it is read and written once, tile by tile.

    Attributes:
        tile: The qubits whose 2**len(tile) amplitudes are worked on together, ascending; tile[p] is
            bit p of an index in the tile.
        steps: What to do, in time order.
    """

    tile: tuple[int, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Stage:
    """Sweeps that need no exchange between devices."""

    sweeps: tuple[Sweep, ...]
