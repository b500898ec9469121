"""Figures of matplotlib that need no window system and change no global state."""

from functools import partial
from io import BytesIO
from typing import TYPE_CHECKING, Any

from qjax._extras import require
from qjax.draw.palette import LIGHT, SERIES

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def new_figure(width: float, height: float, purpose: str) -> "Figure":
    """An empty white figure of so many inches, which a notebook shows by itself.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    module = require("matplotlib.figure", "plot", purpose)
    figure = module.Figure(figsize=(width, height), facecolor=LIGHT.background, layout="none")
    require("matplotlib.backends.backend_agg", "plot", purpose).FigureCanvasAgg(figure)
    # Notebooks look for this method; a subclass that has it would need matplotlib at import.
    figure._repr_png_ = partial(_png, figure)
    return figure


def root_figure(ax: "Axes") -> "Figure":
    """The figure that axes belong to, also when they lie in a subfigure of it."""
    figure: Any = ax.figure
    return figure.figure


def new_axes(width: float, height: float, purpose: str) -> "Axes":
    """Axes for a plot, in a new figure of so many inches.

    Raises:
        MissingExtraError: If matplotlib is not installed.
    """
    figure = new_figure(width, height, purpose)
    figure.set_layout_engine("constrained")
    ax = figure.add_subplot()
    ax.set_prop_cycle(color=SERIES)
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color=LIGHT.faint, alpha=0.25, linewidth=0.8)
    ax.set_axisbelow(True)
    return ax


def _png(figure: "Figure") -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
