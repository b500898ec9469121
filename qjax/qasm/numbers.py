"""Angles as text that reads back as the same double."""

from collections.abc import Mapping
from math import pi
from typing import Any

from qjax.circuit import Instruction
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.errors import QasmError


def _fractions_of_pi() -> dict[float, str]:
    """Text for the doubles that `n*pi/d`, evaluated from left to right, gives exactly."""
    table: dict[float, str] = {}
    for d in (1, 2, 3, 4, 6, 8, 16, 32, 64):
        for n in range(1, 2 * d + 1):
            text = ("pi" if n == 1 else f"{n}*pi") + ("" if d == 1 else f"/{d}")
            table.setdefault(n * pi / d, text)
            table.setdefault(-n * pi / d, f"-{text}")
    return table


_FRACTIONS = _fractions_of_pi()


def number(value: float) -> str:
    """A finite number.

    Examples:
        >>> number(0.1), number(-1.5707963267948966), number(1e-5), number(2)
        ('0.1', '-pi/2', '1.0e-05', '2.0')
    """
    value = float(value)
    if value in _FRACTIONS:
        return _FRACTIONS[value]
    text = repr(value)
    if "e" in text and "." not in text:  # OpenQASM 2 asks for a decimal point
        text = text.replace("e", ".0e")
    return text


def known(i: Instruction, value: Any, reader: str) -> float:
    """An angle that must be a number, for readers that have no symbols.

    Raises:
        QasmError: If it is open or traced.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> known(Circuit(1).rx(0.5, 0)[0], 0.5, "IonQ")
        0.5
    """
    if isinstance(value, ParameterExpression) or is_traced(value):
        raise QasmError(
            f"dumps: a circuit for {reader} must have numbers for its angles, but {i} has an open "
            "or traced one. Bind the circuit first."
        )
    return float(value)


def expression(value: ParameterExpression, symbols: Mapping[Symbol, str]) -> str:
    """An affine expression of named numbers.

    Examples:
        >>> from qjax.circuit import ParameterVector
        >>> theta = ParameterVector("theta", 2)
        >>> names = {Symbol("theta", (2,), i): f"theta_{i}" for i in range(2)}
        >>> expression(0.5 - theta[1] + 2 * theta[0], names)
        '-theta_1 + 2.0*theta_0 + 0.5'
    """
    parts = []
    for symbol, factor in value.terms:
        size, name = abs(float(factor)), symbols[symbol]
        parts.append((factor < 0, name if size == 1 else f"{number(size)}*{name}"))
    if value.offset != 0 or not parts:
        parts.append((value.offset < 0, number(abs(float(value.offset)))))
    (negative, first), *rest = parts
    return ("-" if negative else "") + first + "".join(
        f" {'-' if minus else '+'} {text}" for minus, text in rest
    )  # fmt: skip
