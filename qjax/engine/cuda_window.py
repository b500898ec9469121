"""The ops of a sweep that wait to be written, and which of them may run before others."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from qjax.engine.affine import Flip
from qjax.engine.bit_vectors import bits
from qjax.plan import Op

_WINDOW = 256  # how many ops may wait before no further one is looked at


@dataclass(eq=False)
class Item:
    """An op that waits to be written. Masks are of bits of the tile."""

    kind: str  # "near", "far", "phase" or "move"
    index: int
    mix: int  # whose amplitudes it mixes
    touch: int  # that it reads or mixes
    need: int = 0  # that must be register bits
    avoid: int = 0  # that must not be
    flips: tuple[Flip, ...] = ()
    form: int = 0  # of a diagonal of one bit, its TurnForm
    axis: int = 0  # of a rotation of one bit, its Axis
    # Diagonals of one bit that it needs, which run with it.
    before: list["Item"] = field(default_factory=list)
    after: list["Item"] = field(default_factory=list)


class Window:
    """The items that wait, in order, as far as any of them may run soon.

    An item may run before one that waits if neither mixes what the other touches.
    """

    def __init__(self, items: Iterator[Item], every: int) -> None:
        self.items, self.every = items, every
        self.waiting: list[Item] = []

    def take(self, runs: Callable[[Item], bool]) -> None:
        """Remove the items that may run and for which `runs` is true, in order."""
        self.waiting = list(self._walk(runs, keep=False))

    def look(self, runs: Callable[[Item], bool]) -> None:
        """As `take`, but remove nothing."""
        self.waiting = list(self._walk(runs, keep=True))

    def ready(self) -> list[Item]:
        """The items that may run."""
        found: list[Item] = []

        def waits(item: Item) -> bool:
            found.append(item)
            return False

        self.take(waits)
        return found

    def remove(self, items: Sequence[Item]) -> None:
        """Remove items that may run."""
        gone = set(map(id, items))
        self.waiting = [item for item in self.waiting if id(item) not in gone]

    def _walk(self, runs: Callable[[Item], bool], *, keep: bool) -> Iterator[Item]:
        """The items that stay."""
        mixed = touched = count = 0
        waiting = iter(self.waiting)
        while True:
            item = next(waiting, None)
            if item is None and mixed != self.every and count < _WINDOW:
                item = next(self.items, None)
            if item is None:
                return
            if not (item.mix & touched or item.touch & mixed) and runs(item):
                if keep:
                    yield item
                continue
            mixed |= item.mix
            touched |= item.touch
            count += 1
            yield item


def place_diagonals(ops: Sequence[Op], sweeps: Sequence[list[Item]]) -> list[list[Item]]:
    """Put diagonals of one qubit to what needs their bit: the next that mixes it, or the last.

    They commute with all that does not mix the amplitudes of their qubit.

    Args:
        ops: The ops of the plan.
        sweeps: The items of each sweep, in the order in which they run.

    Returns:
        The items of each sweep without those that are now `before` or `after` another.
    """
    latest: dict[int, Item] = {}  # what mixed each qubit
    waiting: dict[int, list[Item]] = {}  # the diagonals of each qubit since
    placed: set[int] = set()

    def place(qubit: int, following: Item | None) -> None:
        phases, last = waiting.pop(qubit, []), latest.get(qubit)
        if following is not None and following.need:
            following.before += phases
        elif last is not None and last.need:
            last.after += phases
        else:
            return
        placed.update(map(id, phases))

    for item in (item for items in sweeps for item in items):
        op = ops[item.index]
        if item.form:
            waiting.setdefault(op.targets[0], []).append(item)
            continue
        for qubit in bits(op.needs):
            place(qubit, item)
            latest[qubit] = item
    for qubit in list(waiting):
        place(qubit, None)
    return [[item for item in items if id(item) not in placed] for items in sweeps]
