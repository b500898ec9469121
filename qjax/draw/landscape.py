"""Landscapes of a loss."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from jax.typing import ArrayLike

from qjax.draw._figure import new_axes, root_figure
from qjax.draw.palette import LIGHT, SERIES
from qjax.errors import TrainingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def landscape(
    values: Any,
    axes: Sequence[ArrayLike] | None = None,
    *,
    path: ArrayLike | None = None,
    ax: "Axes | None" = None,
    levels: int = 24,
    labels: Sequence[str] | None = None,
    title: str = "loss",
) -> "Figure":
    """A loss along one direction as a curve, or over two as a map, with the path of a run.

    Args:
        values: What `gradients.landscape` gives; or the loss, of shape (x,) or (x, y).
        axes: The coordinates of each direction, if they are not in `values`.
        path: Points of a run, (steps, 1) or (steps, 2), if they are not in `values`. Of a curve it
            is not drawn: what the loss was is not known.
        ax: Axes to draw in; by default those of a new figure.
        levels: How many levels of colour.
        labels: Names of the directions.
        title: Name of the loss.

    Returns:
        The figure. It belongs to no window; `figure.savefig("landscape.png")` writes it.

    Raises:
        TrainingError: If shapes do not fit, or nothing is finite.
        MissingExtraError: If matplotlib is not installed.

    Examples:
        >>> x = np.linspace(-1, 1, 11)
        >>> figure = landscape(x[:, None] ** 2 + x**2, (x, x))
        >>> figure.axes[0].get_xlabel()
        'direction 1'
    """
    explained = None
    if hasattr(values, "axes") and hasattr(values, "values"):
        path = values.path if path is None else path
        axes, explained, values = values.axes, values.explained, values.values
    table, coordinates = _checked(values, axes)
    names = list(labels) if labels is not None else [
        f"direction {k + 1}" + ("" if explained is None else f" ({float(explained[k]):.0%})")
        for k in range(table.ndim)
    ]  # fmt: skip
    if len(names) != table.ndim:
        raise TrainingError(f"landscape: labels must be {table.ndim} names, but are {len(names)}.")
    if ax is None:
        ax = new_axes(*((6.0, 3.6) if table.ndim == 1 else (5.6, 4.4)), "landscape")
    if table.ndim == 1:
        ax.plot(coordinates[0], table, linewidth=1.6, color=SERIES[0])
        ax.axvline(0, color=LIGHT.faint, linestyle=(0, (4, 3)), linewidth=1.0)
        ax.margins(x=0)
        ax.set(xlabel=names[0], ylabel=title)
        return root_figure(ax)
    ax.grid(visible=False)
    shown = np.ma.masked_invalid(table.T)  # rows of a picture go up
    colored = ax.contourf(*coordinates, shown, levels=levels, cmap="viridis")
    ax.contour(*coordinates, shown, levels=levels, colors="white", linewidths=0.4, alpha=0.5)
    figure = root_figure(ax)
    figure.colorbar(colored, ax=ax, label=title, pad=0.02)
    if path is not None:
        _draw_path(ax, np.asarray(path, float))
    ax.plot(0, 0, marker="*", markersize=11, color="white", markeredgecolor=LIGHT.ink)
    ax.set(xlabel=names[0], ylabel=names[1], aspect="equal")
    return figure


def _draw_path(ax: "Axes", points: np.ndarray) -> None:
    if points.ndim != 2 or points.shape[1] != 2:
        raise TrainingError(f"landscape: path must have shape (steps, 2), but has {points.shape}.")
    ax.plot(*points.T, color="white", linewidth=2.6, alpha=0.9)
    ax.plot(*points.T, color=SERIES[1], linewidth=1.4, label="path")
    ax.plot(*points[0], marker="o", markersize=6, color=SERIES[1], markeredgecolor="white")


def _checked(values: Any, axes: Any) -> tuple[np.ndarray, list[np.ndarray]]:
    table = np.asarray(values, float)
    coordinates = [np.asarray(axis, float) for axis in (axes if axes is not None else ())]
    if table.ndim not in (1, 2) or table.shape != tuple(len(axis) for axis in coordinates):
        raise TrainingError(
            "landscape: values must have shape (x,) or (x, y) with as many coordinates in axes, "
            f"but have {table.shape} and {tuple(len(axis) for axis in coordinates)}."
        )
    if not np.isfinite(table).any() or min(table.shape) < 2:
        raise TrainingError("landscape: values must hold finite numbers, and two on each axis.")
    return table, coordinates
