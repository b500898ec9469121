"""Curves of training."""

from typing import TYPE_CHECKING

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from qjax.draw._figure import new_axes, root_figure
from qjax.draw.palette import LIGHT
from qjax.errors import TrainingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_curve(
    history: ArrayLike,
    *,
    ax: "Axes | None" = None,
    log: bool = False,
    reference: float | None = None,
    reference_label: str = "reference",
    label: str | None = None,
    xlabel: str = "step",
    ylabel: str = "loss",
) -> "Figure":
    """The loss over the steps of a training run, or of several.

    Args:
        history: Real array of shape (steps,), or of shape (restarts, steps); of several restarts,
            the median and the range from the least to the largest are drawn. What is not finite
            leaves a gap.
        ax: Axes to draw in; by default those of a new figure.
        log: Whether the loss has a logarithmic axis.
        reference: Where to draw a horizontal line, for instance the exact energy.
        reference_label: Name of that line in the legend.
        label: Name of the curve in the legend.
        xlabel: Name of the axis of steps.
        ylabel: Name of the axis of the loss.

    Returns:
        The figure. It belongs to no window; `figure.savefig("curve.png")` writes it.

    Raises:
        TrainingError: If the history has another shape, has nothing finite in it, or cannot have
            a logarithmic axis.
        MissingExtraError: If matplotlib is not installed.

    Examples:
        >>> figure = training_curve([1.0, 0.5, 0.25], reference=0.2, ylabel="energy")
        >>> figure.axes[0].get_ylabel()
        'energy'
    """
    values = _checked(history, log, reference)
    restarts, steps = values.shape
    if ax is None:
        ax = new_axes(6.0, 3.6, "training_curve")

    known = ~np.isnan(values).all(axis=0)
    low, middle, high = np.full((3, steps), np.nan)
    low[known] = np.nanmin(values[:, known], axis=0)
    middle[known] = np.nanmedian(values[:, known], axis=0)
    high[known] = np.nanmax(values[:, known], axis=0)
    name = label if restarts == 1 else label or f"median of {restarts} restarts"
    (line,) = ax.plot(
        np.arange(steps), middle, linewidth=1.6, label=name, marker="o" if steps == 1 else None
    )
    if restarts > 1:
        ax.fill_between(
            np.arange(steps), low, high, color=line.get_color(), alpha=0.18, linewidth=0,
            label="range",
        )  # fmt: skip
    if reference is not None:
        ax.axhline(
            reference, color=LIGHT.ink, linestyle=(0, (4, 3)), linewidth=1.0,
            label=f"{reference_label}: {reference:.6g}",
        )  # fmt: skip
    if log:
        ax.set_yscale("log")
    ax.margins(x=0.02)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    if ax.get_legend_handles_labels()[0]:
        ax.legend(frameon=False)
    return root_figure(ax)


def _checked(history: ArrayLike, log: bool, reference: float | None) -> np.ndarray:
    """The history as float64 of shape (restarts, steps), NaN where it is not finite."""
    given = np.asarray(history)
    # JAX's test also knows its own small floats, such as bfloat16.
    real = jnp.issubdtype(given.dtype, jnp.floating) or jnp.issubdtype(given.dtype, jnp.integer)
    if not real or given.ndim not in (1, 2) or given.size == 0:
        raise TrainingError(
            "training_curve: history must be real numbers of shape (steps,) or (restarts, steps), "
            f"but is {given.dtype} of shape {given.shape}."
        )
    values = np.atleast_2d(given.astype(np.float64))
    values = np.where(np.isfinite(values), values, np.nan)
    if np.isnan(values).all():
        raise TrainingError("training_curve: history must hold a finite number, but holds none.")
    least = np.nanmin(values if reference is None else np.append(values, reference))
    if log and least <= 0:
        raise TrainingError(
            "training_curve: a logarithmic axis needs positive numbers, but the least is "
            f"{least:.6g}. Draw the distance to the least possible loss instead: "
            "training_curve(history - least, log=True)."
        )
    return values
