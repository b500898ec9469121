"""Curves of training."""

from collections.abc import Mapping
from typing import Any

import numpy as np


def plot_losses(ax: Any, histories: Mapping[str, np.ndarray], *, window: int = 20) -> None:
    """Draw losses over steps, each a mean over the last steps.

    Args:
        ax: Axes of matplotlib.
        histories: Loss of every step, by name.
        window: Steps that a mean is over, or as many as there are.
    """
    for name, history in histories.items():
        total = np.concatenate([[0.0], np.cumsum(history, dtype=float)])
        steps = np.arange(1, len(total))
        first = np.maximum(steps - window, 0)
        ax.plot(steps, (total[steps] - total[first]) / (steps - first), label=name)
    ax.set(xlabel="step", ylabel="cross-entropy / nats", yscale="log")
    ax.legend(frameon=False, fontsize="small")
