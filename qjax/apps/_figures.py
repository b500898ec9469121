"""Figures in qjax's colours."""

from typing import TYPE_CHECKING, Any

import numpy as np

from qjax.draw._figure import new_figure
from qjax.draw.palette import LIGHT, SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def panels(
    rows: int = 1, columns: int = 1, *, width: float = 4.6, height: float = 3.4, title: str = ""
) -> "tuple[Figure, Any]":
    """A figure with a grid of axes.

    Args:
        rows: Rows of axes.
        columns: Columns of axes.
        width: Inches of one of the axes.
        height: Inches of one of the axes.
        title: Title of the figure.

    Returns:
        The figure, which belongs to no window, and its axes: one, an array of those in one row or
        column, or an array of shape (rows, columns).

    Raises:
        MissingExtraError: If matplotlib is not installed.

    Examples:
        >>> figure, (left, right) = panels(1, 2)
        >>> _ = left.plot([1, 2, 3], label="loss")
    """
    figure = new_figure(width * columns, height * rows, "An application")
    figure.set_layout_engine("constrained")
    axes = np.array(figure.subplots(rows, columns, squeeze=False))
    for ax in axes.flat:
        ax.set_prop_cycle(color=SERIES)
        ax.spines[["top", "right"]].set_visible(False)
        ax.grid(axis="y", color=LIGHT.faint, alpha=0.25, linewidth=0.8)
        ax.set_axisbelow(True)
    if title:
        figure.suptitle(title)
    return figure, axes.squeeze()[()]
