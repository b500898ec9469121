"""Angles as expressions of SymPy, which Cirq and pytket hold, and back."""

import re
from collections.abc import Iterable
from typing import Any

from qjax._extras import require
from qjax.circuit import Parameter, ParameterVector
from qjax.circuit.parameter import ParameterExpression, is_traced
from qjax.errors import CircuitError, ParameterError

_ELEMENT = re.compile(r"([^\W\d]\w*)\[(\d+(?:, ?\d+)*)\]")


def to_sympy(value: Any, unit: float, what: str) -> Any:
    """An angle in a unit: a float, or an expression whose symbols are named as in qjax.

    Args:
        value: A number, or an expression of parameters.
        unit: How many radians make 1.
        what: The function that asks, for messages.

    Raises:
        CircuitError: If the angle is traced.
    """
    if is_traced(value):
        raise CircuitError(f"{what}: angles must be known or symbolic, but one is traced.")
    if not isinstance(value, ParameterExpression):
        return float(value) / unit
    sympy = require("sympy", "cirq", "Symbolic angles")
    total = sympy.Float(float(value.offset) / unit) if value.offset else sympy.Integer(0)
    for symbol, factor in value.terms:
        total = total + float(factor) / unit * sympy.Symbol(str(symbol))
    return total


class Symbols:
    """The parameters that the names of symbols stand for: "theta", or elements "theta[3]".

    A vector gets the lowest shape that holds all its elements.

    Args:
        names: Names of all symbols of a circuit.
        what: The function that asks, for messages.

    Examples:
        >>> symbols = Symbols(["a", "t[0]", "t[2]"], "from_x")
        >>> symbols["a"], symbols["t[2]"]
        (a, t[2])
    """

    def __init__(self, names: Iterable[str], what: str) -> None:
        self._what = what
        self._found: dict[str, ParameterExpression] = {}
        elements: dict[str, dict[str, tuple[int, ...]]] = {}
        for name in sorted(set(names)):
            match = _ELEMENT.fullmatch(name)
            if match is None:
                self._found[name] = Parameter(name)
            else:
                place = tuple(int(k) for k in match[2].split(","))
                elements.setdefault(match[1], {})[name] = place
        for vector, places in elements.items():
            if len({len(p) for p in places.values()}) > 1 or vector in self._found:
                raise ParameterError(f"{what}: {vector} must have one number of axes everywhere.")
            shape = tuple(1 + max(axis) for axis in zip(*places.values(), strict=True))
            made = ParameterVector(vector, shape)
            for name, place in places.items():
                self._found[name] = made[place]

    def __getitem__(self, name: str) -> ParameterExpression:
        return self._found[name]

    def angle(self, value: Any, unit: float) -> Any:
        """An angle in radians from a number or an affine expression in a unit.

        Raises:
            ParameterError: If the expression is not affine or not real.
        """
        free = sorted(getattr(value, "free_symbols", ()), key=str)
        if not free:
            number = complex(value)
            if number.imag:
                raise ParameterError(f"{self._what}: an angle must be real, but is {value}.")
            return number.real * unit
        sympy = require("sympy", "cirq", "Symbolic angles")
        try:
            polynomial = sympy.Poly(value, *free)
        except sympy.PolynomialError:
            polynomial = None
        if polynomial is None or polynomial.total_degree() > 1:
            raise ParameterError(
                f"{self._what}: an angle must be affine in the parameters, but is {value}."
            )
        total: Any = float(polynomial.coeff_monomial(1)) * unit
        for symbol in free:
            total = total + self[str(symbol)] * (float(polynomial.coeff_monomial(symbol)) * unit)
        return total
