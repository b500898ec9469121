"""Where a sequence repeats itself, so that what repeats can be compiled once and run in a loop."""

from collections.abc import Sequence
from typing import Any, NamedTuple

_LONGEST = 64  # of a block that is looked for


class Repeat(NamedTuple):
    """A block of `length` items from `start` on, `times` in a row."""

    start: int
    length: int
    times: int


def repeats(items: Sequence[Any]) -> list[Repeat]:
    """A sequence in blocks that repeat, and items by themselves.

    From the left, the block is taken whose repetitions cover the most items, the shortest of such.

    Examples:
        >>> repeats("abcabcabcdd")
        [Repeat(start=0, length=3, times=3), Repeat(start=9, length=1, times=2)]
        >>> len(repeats("abc"))
        3
    """
    numbers: dict[Any, int] = {}
    names = [numbers.setdefault(item, len(numbers)) for item in items]
    found, start = [], 0
    while start < len(names):
        best = Repeat(start, 1, 1)
        for length in range(1, min(_LONGEST, (len(names) - start) // 2) + 1):
            times = _times(names, start, length)
            if times > 1 and length * times > best.length * best.times:
                best = Repeat(start, length, times)
        found.append(best)
        start += best.length * best.times
    return found


def _times(names: list[int], start: int, length: int) -> int:
    """How often the block that starts somewhere follows itself, itself included."""
    block, times = names[start : start + length], 1
    while names[start + times * length : start + (times + 1) * length] == block:
        times += 1
    return times
