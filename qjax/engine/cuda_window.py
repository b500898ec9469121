"""The ops of a sweep that wait to be written, and which of them may run before others."""

from collections.abc import Callable, Iterator, Sequence

from qjax.engine.cuda_items import Item

_WINDOW = 256  # how many ops may wait before no further one is looked at


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
