"""Symbolic parameters, and affine expressions of them such as `2 * theta[3] + 0.1`."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

from qjax._checks import as_positive
from qjax.errors import ParameterError

_NAME = re.compile(r"[^\W\d]\w*\Z")


@dataclass(frozen=True)
class Symbol:
    """One number that a template leaves open: element `index` of the parameter `name`.

    Attributes:
        name: Name of the parameter or of the vector.
        shape: Shape of the vector; () for a single parameter.
        index: Position in the vector, counted in row-major order; 0 for a single parameter.
    """

    name: str
    shape: tuple[int, ...]
    index: int

    def __str__(self) -> str:
        if not self.shape:
            return self.name
        return f"{self.name}[{', '.join(str(i) for i in np.unravel_index(self.index, self.shape))}]"


def is_traced(value: Any) -> bool:
    """Whether a value is known only when the traced function runs."""
    return isinstance(value, Tracer)


def is_number(value: Any) -> bool:
    """Whether a value is a real scalar: a Python or NumPy number, a JAX scalar, or a tracer."""
    if isinstance(value, (bool, np.bool_)):
        return False
    if isinstance(value, (int, float, np.integer, np.floating)):
        return True
    return isinstance(value, (jax.Array, np.ndarray)) and value.ndim == 0 and is_real(value.dtype)


def is_real(dtype: Any) -> bool:
    """Whether a dtype is one of integers or real floating-point numbers."""
    return jnp.issubdtype(dtype, np.integer) or jnp.issubdtype(dtype, np.floating)


class ParameterExpression:
    """An affine expression: a sum of numbers times symbols, plus a number.

    It comes from arithmetic with `Parameter` and `ParameterVector`; the numbers may be traced.

    Attributes:
        terms: Pairs (symbol, factor), each symbol once.
        offset: The number added.

    Examples:
        >>> theta = Parameter("theta")
        >>> 2 * theta + 0.5
        2*theta + 0.5
        >>> (2 * theta + 0.5).bind({"theta": 1.0})
        2.5
    """

    __slots__ = ("offset", "terms")
    __array_priority__ = 1000  # a NumPy number on the left leaves the arithmetic to us

    def __init__(self, terms: tuple[tuple[Symbol, Any], ...], offset: Any = 0.0) -> None:
        self.terms = terms
        self.offset = offset

    def bind(self, values: Mapping[str, Any]) -> Any:
        """Put values in for some or all names.

        Args:
            values: From a parameter's name to its value: a number, or an array of its shape (a
                vector's may be nested lists).

        Returns:
            A number if no symbol is left, else an expression of those that are left.
        """
        offset, left = self.offset, []
        for symbol, factor in self.terms:
            if symbol.name in values:
                value = values[symbol.name]
                if symbol.shape:
                    array = value if hasattr(value, "reshape") else np.asarray(value)
                    value = array.reshape(-1)[symbol.index]
                offset = offset + factor * value
            else:
                left.append((symbol, factor))
        return ParameterExpression(tuple(left), offset) if left else offset

    def _plus(self, other: Any, sign: int) -> "ParameterExpression":
        if isinstance(other, ParameterExpression):
            factors = dict(self.terms)
            for symbol, factor in other.terms:
                factors[symbol] = factors[symbol] + sign * factor if symbol in factors else (
                    sign * factor)  # fmt: skip
            return ParameterExpression(tuple(factors.items()), self.offset + sign * other.offset)
        if is_number(other):
            return ParameterExpression(self.terms, self.offset + sign * other)
        return NotImplemented

    def __add__(self, other: Any) -> "ParameterExpression":
        return self._plus(other, 1)

    __radd__ = __add__

    def __sub__(self, other: Any) -> "ParameterExpression":
        return self._plus(other, -1)

    def __rsub__(self, other: Any) -> "ParameterExpression":
        return (-self)._plus(other, 1)

    def __neg__(self) -> "ParameterExpression":
        return self * -1.0

    def __pos__(self) -> "ParameterExpression":
        return self

    def __mul__(self, other: Any) -> "ParameterExpression":
        if is_number(other):
            terms = tuple((symbol, factor * other) for symbol, factor in self.terms)
            return ParameterExpression(terms, self.offset * other)
        if isinstance(other, ParameterExpression):
            raise _not_affine(f"({self}) * ({other})")
        return NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "ParameterExpression":
        if is_number(other):
            return self * (1.0 / other)
        raise _not_affine(f"({self}) / ({other})")

    def __rtruediv__(self, other: Any) -> "ParameterExpression":
        raise _not_affine(f"{other} / ({self})")

    def __pow__(self, other: Any) -> "ParameterExpression":
        raise _not_affine(f"({self}) ** {other}")

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        """Let NumPy numbers and arrays of them take part in the arithmetic."""
        operations = {
            "add": lambda a, b: a + b, "subtract": lambda a, b: a - b, "negative": lambda a: -a,
            "multiply": lambda a, b: a * b, "true_divide": lambda a, b: a / b,
        }  # fmt: skip
        if method != "__call__" or kwargs or ufunc.__name__ not in operations:
            raise _not_affine(f"{ufunc.__name__}({', '.join(str(i) for i in inputs)})")
        plain = [i.item() if isinstance(i, np.generic) else i for i in inputs]
        if any(isinstance(i, np.ndarray) for i in plain):
            plain = [i if isinstance(i, np.ndarray) else _boxed(i) for i in plain]
            plain = [i.astype(object) for i in plain]
            return getattr(np, ufunc.__name__)(*plain)
        return operations[ufunc.__name__](*plain)

    def __float__(self) -> float:
        raise ParameterError(f"{self} has no value; bind the circuit, or pass params.")

    def __eq__(self, other: object) -> bool:
        """Whether both have the same terms, in any order, and the same number added."""
        if not isinstance(other, ParameterExpression):
            return False
        mine, theirs = dict(self.terms), dict(other.terms)
        return (
            mine.keys() == theirs.keys()
            and all(_same(factor, theirs[symbol]) for symbol, factor in mine.items())
            and _same(self.offset, other.offset)
        )

    def __hash__(self) -> int:
        return hash(frozenset(symbol for symbol, _ in self.terms))

    def __repr__(self) -> str:
        return self.format()

    def format(self, number: Any = None) -> str:
        """The expression as text, numbers written by `number` (default: six digits)."""
        write = number or (lambda value: f"{value:.6g}")
        text = ""
        for symbol, factor in self.terms:
            known = not is_traced(factor)
            negative = known and factor < 0
            size = abs(factor) if known else factor
            part = str(symbol) if known and size == 1 else f"{_written(size, write)}*{symbol}"
            text += (" - " if negative else " + ") + part
        if is_traced(self.offset) or self.offset != 0:
            negative = not is_traced(self.offset) and self.offset < 0
            size = -self.offset if negative else self.offset
            text += (" - " if negative else " + ") + _written(size, write)
        return text[3:] if text.startswith(" + ") else "-" + text[3:]


class Parameter(ParameterExpression):
    """A named angle that a circuit leaves open.

    Args:
        name: A valid identifier, so that it can be written to OpenQASM; Greek letters may be used.

    Raises:
        ParameterError: If the name is no identifier.

    Examples:
        >>> Parameter("theta") / 2
        0.5*theta
    """

    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = _checked_name(name)
        super().__init__(((Symbol(self.name, (), 0), 1.0),))


class ParameterVector:
    """A named array of angles that a circuit leaves open.

    Arithmetic with it goes element by element and gives a NumPy array of expressions.

    Args:
        name: A valid identifier.
        shape: Its length, or its shape.

    Raises:
        ParameterError: If the name is no identifier or the shape is not positive.

    Examples:
        >>> theta = ParameterVector("theta", (2, 3))
        >>> theta[1, 2], len(theta)
        (theta[1, 2], 2)
        >>> 2 * ParameterVector("phi", 2) + 0.5
        array([2*phi[0] + 0.5, 2*phi[1] + 0.5], dtype=object)
    """

    def __init__(self, name: str, shape: int | tuple[int, ...]) -> None:
        self.name = _checked_name(name)
        what = f"ParameterVector {name!r}: each length"
        given = tuple(shape) if isinstance(shape, (tuple, list)) else (shape,)
        self.shape = tuple(as_positive(length, what, ParameterError) for length in given)
        if not self.shape:
            raise ParameterError(
                f"ParameterVector {name!r}: shape must not be empty; use Parameter for one angle."
            )
        elements = np.empty(math.prod(self.shape), dtype=object)
        for i in range(elements.size):
            elements[i] = ParameterExpression(((Symbol(self.name, self.shape, i), 1.0),))
        self._elements = elements.reshape(self.shape)

    def __getitem__(self, index: Any) -> Any:
        """An element (an expression), or an array of elements for a slice or a partial index."""
        try:
            return self._elements[index]
        except IndexError as error:
            raise IndexError(
                f"ParameterVector {self.name!r} of shape {self.shape}: index must lie within it, "
                f"but is {index!r}."
            ) from error

    def __len__(self) -> int:
        return self.shape[0]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._elements)

    def __add__(self, other: Any) -> np.ndarray:
        return self._elements + other

    def __radd__(self, other: Any) -> np.ndarray:
        return other + self._elements

    def __sub__(self, other: Any) -> np.ndarray:
        return self._elements - other

    def __rsub__(self, other: Any) -> np.ndarray:
        return other - self._elements

    def __mul__(self, other: Any) -> np.ndarray:
        return self._elements * other

    def __rmul__(self, other: Any) -> np.ndarray:
        return other * self._elements

    def __truediv__(self, other: Any) -> np.ndarray:
        return self._elements / other

    def __neg__(self) -> np.ndarray:
        return -self._elements

    def __repr__(self) -> str:
        size = self.shape[0] if len(self.shape) == 1 else self.shape
        return f"ParameterVector({self.name!r}, {size})"


def _checked_name(name: str) -> str:
    if not isinstance(name, str) or not _NAME.match(name):
        raise ParameterError(
            "Parameter: name must be an identifier (letters, digits, _; no digit first), "
            f"but is {name!r}."
        )
    return name


def _boxed(value: Any) -> np.ndarray:
    box = np.empty((), dtype=object)
    box[()] = value
    return box


def _written(value: Any, write: Any) -> str:
    return "<traced>" if is_traced(value) else write(value)


def _same(a: Any, b: Any) -> bool:
    if is_traced(a) or is_traced(b):
        return a is b
    return bool(a == b)


def _not_affine(text: str) -> ParameterError:
    return ParameterError(
        f"An angle must be affine in its parameters (numbers times parameters, plus a number), "
        f"but is {text}. For any other function, compute the angle with JAX and pass it to the "
        "builder as a traced number: circuit.rx(jnp.sin(x), 0)."
    )
