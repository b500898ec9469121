"""A circuit as SVG, written without any other package."""

from typing import Literal
from xml.sax.saxutils import escape, quoteattr

from qjax.circuit import Circuit
from qjax.draw.labels import Labels
from qjax.draw.palette import DARK, LIGHT, Colors, Family
from qjax.draw.picture import Box, Disc, Group, Line, Meter, Picture, Shape, Words, picture
from qjax.errors import CircuitError

FONTS = (
    "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'DejaVu Sans', "
    "sans-serif"
)

# What does not depend on colours.
_SHAPES = f"""\
.qjax text {{ font-family: {FONTS}; }}
.qjax .box {{ stroke-width: 1.2; }}
.qjax .wire {{ stroke-width: 1; }}
.qjax .dotted {{ stroke-width: 1; stroke-dasharray: 1.5 2.5; }}
.qjax .link, .qjax .stroke, .qjax .target, .qjax .open, .qjax .meter {{ stroke-width: 1.5; }}
.qjax .barrier {{ stroke-width: 1; stroke-dasharray: 3 3; }}
.qjax .band {{ fill-opacity: 0.18; }}
.qjax .meter {{ fill: none; }}
"""


class SvgDrawing(str):
    """SVG as text, which a notebook shows as a picture."""

    __slots__ = ()

    def _repr_svg_(self) -> str:
        return str(self)


def draw_svg(
    circuit: Circuit,
    *,
    width: float | None = 720.0,
    max_columns: int | None = 100,
    reverse_bits: bool = False,
    digits: int = 4,
    scale: float = 1.0,
    theme: Literal["auto", "light", "dark"] = "auto",
) -> SvgDrawing:
    """Draw a circuit as a self-contained SVG document.

    The mouse over a gate shows its name, angles and qubits.

    Args:
        circuit: The circuit.
        width: Most pixels that a line of the drawing may take, before scaling; a longer circuit
            continues below. None or 0 never breaks lines.
        max_columns: Most columns to draw; the middle of a longer circuit is left out, and a line
            says so. None draws all.
        reverse_bits: Whether qubit 0 is at the bottom instead of at the top.
        digits: Significant digits of an angle. Fractions of pi are written as such.
        scale: Factor on all sizes.
        theme: "light", "dark", or "auto" for the viewer's preference.

    Returns:
        The document, a str.

    Raises:
        CircuitError: If an option is out of range.

    Examples:
        >>> draw_svg(Circuit(2).h(0).cx(0, 1))[:39]
        '<svg xmlns="http://www.w3.org/2000/svg"'
    """
    styles = {
        "light": _colors(LIGHT),
        "dark": _colors(DARK),
        "auto": f"{_colors(LIGHT)}@media (prefers-color-scheme: dark) {{\n{_colors(DARK)}}}\n",
    }
    if theme not in styles:
        raise CircuitError(f'draw: theme must be "auto", "light" or "dark", but is {theme!r}.')
    drawn = picture(
        circuit,
        Labels(digits=digits, greek=True),
        width=width,
        max_columns=max_columns,
        reverse_bits=reverse_bits,
        scale=scale,
    )
    return SvgDrawing(_document(drawn, _SHAPES + styles[theme]))


def _document(drawn: Picture, style: str) -> str:
    w, h = _number(drawn.width), _number(drawn.height)
    size = _attributes(width=drawn.width * drawn.scale, height=drawn.height * drawn.scale)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="qjax" role="img" {size} '
            f'viewBox="0 0 {w} {h}" aria-label={quoteattr(drawn.title)}>',
            f"<title>{escape(drawn.title)}</title>",
            f"<style>\n{style}</style>",
            f'<rect class="back" width="{w}" height="{h}" rx="6"/>',
            *(_shape(shape) for shape in drawn.frame),
            *(_group(group) for group in drawn.groups),
            "</svg>",
        ]
    )


def _colors(colors: Colors) -> str:
    """The rules for one set of colours."""
    rules = [
        f".qjax .back {{ fill: {colors.background}; }}",
        f".qjax .wire, .qjax .dotted {{ stroke: {colors.wire}; }}",
        f".qjax .ink {{ fill: {colors.ink}; }}",
        f".qjax .faint {{ fill: {colors.faint}; }}",
        f".qjax .band {{ fill: {colors.faint}; }}",
        f".qjax .barrier {{ stroke: {colors.faint}; }}",
    ]
    for family in Family:
        name, fill, edge = f".qjax .{family.value}", colors.fill[family], colors.edge[family]
        rules += [
            f"{name} .box, {name} .target {{ fill: {fill}; stroke: {edge}; }}",
            f"{name} .open {{ fill: {colors.background}; stroke: {edge}; }}",
            f"{name} .control, {name} .slot {{ fill: {edge}; }}",
            f"{name} .link, {name} .stroke, {name} .meter {{ stroke: {edge}; }}",
        ]
    return "\n".join(rules) + "\n"


def _group(group: Group) -> str:
    shapes = "".join(_shape(shape) for shape in group.shapes)
    return f'<g class="{group.family.value}"><title>{escape(group.title)}</title>{shapes}</g>'


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _attributes(**values: float) -> str:
    return " ".join(f'{name}="{_number(value)}"' for name, value in values.items())


def _shape(shape: Shape) -> str:
    match shape:
        case Line():
            place = _attributes(x1=shape.x1, y1=shape.y1, x2=shape.x2, y2=shape.y2)
            return f'<line class="{shape.role}" {place}/>'
        case Box():
            place = _attributes(x=shape.x, y=shape.y, width=shape.width, height=shape.height)
            return f'<rect class="{shape.role}" {place} rx="3"/>'
        case Disc():
            place = _attributes(cx=shape.x, cy=shape.y, r=shape.radius)
            return f'<circle class="{shape.role}" {place}/>'
        case Meter():
            x, y, r = _number(shape.x), _number(shape.y), _number(shape.radius)
            start = f"{_number(shape.x - shape.radius)} {y}"
            end = f"{_number(shape.x + shape.radius)} {y}"
            tip = f"{_number(shape.x + 0.75 * shape.radius)} {_number(shape.y - shape.radius)}"
            path = f"M{start}A{r} {r} 0 0 1 {end}M{x} {y}L{tip}"
            return f'<path class="meter" d="{path}"/>'
        case Words():
            # A third of the size below the middle: where letters must stand to look centred.
            place = _attributes(x=shape.x, y=shape.y + 0.35 * shape.size)
            return (
                f'<text class="{shape.role}" {place} font-size="{_number(shape.size)}" '
                f'text-anchor="{shape.anchor}">{escape(shape.text)}</text>'
            )
