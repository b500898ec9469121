"""Equal sizes: the classical block that has as many parameters as a quantum one."""

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
        make: From a size, such as a width or rank, to a block.
        num_parameters: The number to meet, as that of a quantum block.
        sizes: Sizes to try. Of two that are equally close, the larger block is taken, so that the
            comparison does not favour the quantum one.

    Raises:
        LearningError: If there is no size.

    Examples:
        >>> from qjax.learning.blocks import GRUCell, QuantumLSTMCell
        >>> cell = QuantumLSTMCell(features=5, hidden=4, layers=3)
        >>> twin = closest_in_size(lambda hidden: GRUCell(5, hidden), cell.num_parameters)
        >>> cell.num_parameters, twin.num_parameters, twin.hidden
        (136, 120, 4)
    """
    made = [make(size) for size in sizes]
    if not made:
        raise LearningError("closest_in_size: sizes must hold at least one size, but are empty.")
    distance = lambda b: (abs(b.num_parameters - num_parameters), -b.num_parameters)
    return min(made, key=distance)
