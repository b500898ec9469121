"""Pictures of circuits, of counts and of training; they need no engine."""

from collections.abc import Callable
from typing import Any

from qjax.circuit import Circuit
from qjax.draw.curves import training_curve as training_curve
from qjax.draw.histogram import counts_histogram as counts_histogram
from qjax.draw.landscape import landscape as landscape
from qjax.draw.mpl import draw_mpl as draw_mpl
from qjax.draw.svg import SvgDrawing as SvgDrawing
from qjax.draw.svg import draw_svg as draw_svg
from qjax.draw.text import TextDrawing as TextDrawing
from qjax.draw.text import draw_text as draw_text
from qjax.errors import CircuitError

DRAWERS: dict[str, Callable[..., Any]] = {"text": draw_text, "mpl": draw_mpl, "svg": draw_svg}
"""The drawers, by the name of their output."""


def draw(circuit: Circuit, output: str = "text", **options: Any) -> Any:
    """Draw a circuit.

    Boxes are gates, filled dots are controls and hollow ones controls at value 0. Numbers or Pauli
    letters in a box say which qubit is which where that matters. Global phases are added up above.

    Args:
        circuit: The circuit.
        output: "text" for characters, "mpl" for a figure of matplotlib, "svg" for an SVG document.
        **options: Passed to `draw_text`, `draw_mpl` or `draw_svg`. All take `width` (None never
            breaks lines), `max_columns` (None draws all), `reverse_bits` and `digits`.

    Returns:
        A `TextDrawing` or an `SvgDrawing`, which are strs, or a matplotlib Figure.

    Raises:
        CircuitError: If the output is none of these, or an option is out of range.
        MissingExtraError: If matplotlib is needed and not installed.

    Examples:
        >>> draw(Circuit(2).h(0).cx(0, 1).rz(0.5, 1), ascii=True)
        q0: -H-*---------
               |
        q1: ---X-RZ(0.5)-
    """
    if output not in DRAWERS:
        allowed = ", ".join(f'"{name}"' for name in DRAWERS)
        raise CircuitError(f"draw: output must be one of {allowed}, but is {output!r}.")
    return DRAWERS[output](circuit, **options)
