"""A circuit as a figure of matplotlib."""

from typing import TYPE_CHECKING, Any

from qjax._extras import require
from qjax.circuit import Circuit
from qjax.draw._figure import new_figure, root_figure
from qjax.draw.labels import Labels
from qjax.draw.palette import LIGHT, Family
from qjax.draw.picture import Box, Disc, Line, Meter, Picture, Shape, Words, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS_PER_INCH = 72
PURPOSE = 'draw(circuit, "mpl")'

_ALIGN = {"start": "left", "middle": "center", "end": "right"}
_WIDTHS = {"wire": 1.0, "dotted": 1.0, "link": 1.5, "stroke": 1.5, "barrier": 1.0}
_DASHES = {"dotted": (0, (1.5, 2.5)), "barrier": (0, (3, 3))}


def draw_mpl(
    circuit: Circuit,
    *,
    ax: "Axes | None" = None,
    width: float | None = 720.0,
    max_columns: int | None = 100,
    reverse_bits: bool = False,
    digits: int = 4,
    scale: float = 1.0,
) -> "Figure":
    """Draw a circuit with matplotlib.

    Args:
        circuit: The circuit.
        ax: Axes to draw in; the drawing is made as large as they allow. By default a new figure
            of the size that the circuit needs.
        width: Most points (72 per inch) that a line of the drawing may take, before scaling; a
            longer circuit continues below. None or 0 never breaks lines.
        max_columns: Most columns to draw; the middle of a longer circuit is left out, and a line
            says so. None draws all.
        reverse_bits: Whether qubit 0 is at the bottom instead of at the top.
        digits: Significant digits of an angle. Fractions of pi are written as such.
        scale: Factor on all sizes of a new figure.

    Returns:
        The figure. It belongs to no window; `figure.savefig("circuit.pdf")` writes it.

    Raises:
        CircuitError: If an option is out of range.
        MissingExtraError: If matplotlib is not installed.
    """
    drawn = picture(
        circuit,
        Labels(digits=digits, greek=True),
        width=width,
        max_columns=max_columns,
        reverse_bits=reverse_bits,
        scale=scale,
    )
    if ax is None:
        inches = (drawn.width * scale / POINTS_PER_INCH, drawn.height * scale / POINTS_PER_INCH)
        figure = new_figure(*inches, PURPOSE)
        ax = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    else:
        figure = root_figure(ax)
        box = ax.get_window_extent()
        points = POINTS_PER_INCH / figure.dpi
        scale = min(box.width * points / drawn.width, box.height * points / drawn.height)
    ax.set_axis_off()
    ax.set(xlim=(0, drawn.width), ylim=(drawn.height, 0), aspect="equal")
    _Painter(ax, scale).paint(drawn)
    return figure


class _Painter:
    """Paints shapes into axes whose unit is a point, times `scale`."""

    def __init__(self, ax: "Axes", scale: float) -> None:
        self.ax = ax
        self.scale = scale
        self.patches: Any = require("matplotlib.patches", "plot", PURPOSE)
        self.lines: Any = require("matplotlib.lines", "plot", PURPOSE)
        self.layer = 0

    def paint(self, drawn: Picture) -> None:
        for shape in drawn.frame:
            self._shape(shape, Family.OTHER)
        for group in drawn.groups:
            for shape in group.shapes:
                self._shape(shape, group.family)

    def _shape(self, shape: Shape, family: Family) -> None:
        self.layer += 1  # later shapes lie above earlier ones
        fill, edge = LIGHT.fill[family], LIGHT.edge[family]
        match shape:
            case Line():
                color = {"wire": LIGHT.wire, "dotted": LIGHT.wire, "barrier": LIGHT.faint}
                self.ax.add_line(
                    self.lines.Line2D(
                        (shape.x1, shape.x2),
                        (shape.y1, shape.y2),
                        color=color.get(shape.role, edge),
                        linewidth=_WIDTHS[shape.role] * self.scale,
                        linestyle=_DASHES.get(shape.role, "-"),
                        zorder=self.layer,
                    )
                )
            case Box():
                band = shape.role == "band"
                self._patch(
                    self.patches.FancyBboxPatch(
                        (shape.x, shape.y),
                        shape.width,
                        shape.height,
                        boxstyle="round,pad=0,rounding_size=3",
                    ),
                    LIGHT.faint if band else fill,
                    "none" if band else edge,
                    1.2,
                    0.18 if band else 1.0,
                )
            case Disc():
                inside = {"control": edge, "open": LIGHT.background, "target": fill}
                circle = self.patches.Circle((shape.x, shape.y), shape.radius)
                self._patch(circle, inside[shape.role], edge, 0 if shape.role == "control" else 1.5)
            case Meter():
                size = 2 * shape.radius
                arc = self.patches.Arc((shape.x, shape.y), size, size, theta1=180, theta2=360)
                self._patch(arc, "none", edge, 1.5)
                tip = (shape.x + 0.75 * shape.radius, shape.y - shape.radius)
                self._shape(Line(shape.x, shape.y, *tip, "stroke"), family)
            case Words():
                self.ax.text(
                    shape.x,
                    shape.y + 0.35 * shape.size,
                    shape.text,
                    fontsize=shape.size * self.scale,
                    color={"ink": LIGHT.ink, "faint": LIGHT.faint}.get(shape.role, edge),
                    ha=_ALIGN[shape.anchor],
                    va="baseline",
                    zorder=self.layer,
                    parse_math=False,
                    usetex=False,
                )

    def _patch(self, patch: Any, fill: str, edge: str, width: float, alpha: float = 1.0) -> None:
        patch.set(
            facecolor=fill,
            edgecolor=edge,
            linewidth=width * self.scale,
            alpha=alpha,
            zorder=self.layer,
        )
        self.ax.add_patch(patch)
