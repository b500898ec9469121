"""Equal sizes: the classical block that has as many parameters as a quantum one."""

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import TypeVar

from qjax.errors import LearningError
from qjax.learning.block import Block

Made = TypeVar("Made", bound=Block)


def closest_in_size(
    make: Callable[[int], Made], num_parameters: int, sizes: Iterable[int] = range(1, 129)
) -> Made:
    """The block of a family whose number of parameters is closest to a given one.

    Args:
        make: From a size, such as a width or rank, to a block; the number of parameters should not
            fall as the size grows.
        num_parameters: The number to meet, as that of a quantum block.
        sizes: Sizes to try, in any order. Of two that are equally close, the larger block is taken,
            so that the comparison does not favour the quantum one; of equal ones, that of the
            smallest size.

    Returns:
        The block, as `make` gives it.

    Raises:
        LearningError: If there is no size.

    Note:
        Parameters are counted for some 2 log2(k) of k sizes; for all of them if the numbers that
        were counted fall somewhere.

    Examples:
        >>> from qjax.learning.blocks import GRUCell, QuantumLSTMCell
        >>> cell = QuantumLSTMCell(features=5, hidden=4, layers=3)
        >>> twin = closest_in_size(lambda hidden: GRUCell(5, hidden), cell.num_parameters)
        >>> cell.num_parameters, twin.num_parameters, twin.hidden
        (136, 120, 4)
    """
    tried = sorted(set(sizes))
    if not tried:
        raise LearningError("closest_in_size: sizes must hold at least one size, but are empty.")
    counts: dict[int, int] = {}

    def count(size: int) -> int:
        if size not in counts:
            counts[size] = make(size).num_parameters
        return counts[size]

    def first(least: int) -> int:
        """Place of the first size with at least so many parameters, or of the last size."""
        return min(bisect_left(tried, least, key=count), len(tried) - 1)

    count(tried[-1])  # with it a family that falls is seen to fall
    above = first(num_parameters)
    below = first(count(tried[max(above - 1, 0)]))
    near = [tried[below], tried[above]]
    counted = [counts[size] for size in sorted(counts)]
    if counted != sorted(counted):
        near = tried
    return make(min(near, key=lambda size: (abs(count(size) - num_parameters), -count(size))))
