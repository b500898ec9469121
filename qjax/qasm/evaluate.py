"""Values of expressions: numbers that are known, expressions of parameters, qubits and bits."""

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from qjax.circuit.parameter import ParameterExpression

_BITS = 4096  # of the largest integer


class Refused(Exception):
    """An expression that has no value; the message says why."""


@dataclass(frozen=True, slots=True)
class Wires:
    """Qubits or classical bits, as a register, a part of one, or a single one.

    Attributes:
        kind: "qubit" or "bit".
        indices: Which they are in the circuit.
        single: Whether it is one alone, and no register of length one.
    """

    kind: str
    indices: tuple[int, ...]
    single: bool = False

    def __len__(self) -> int:
        return len(self.indices)

    def take(self, places: "list[int] | int") -> "Wires":
        """Some of them, or one."""
        if isinstance(places, int):
            return Wires(self.kind, (self.indices[places],), True)
        return Wires(self.kind, tuple(self.indices[p] for p in places))


CONSTANTS = {
    "pi": math.pi, "π": math.pi, "tau": math.tau, "τ": math.tau, "euler": math.e, "ℇ": math.e,
}  # fmt: skip


def _integer(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Refused(f"needs integers, but gets {describe(value)}")
    return value


def _bits(value: Any) -> int:
    return value if isinstance(value, bool) else _integer(value)


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int):
        if b >= 0 and abs(a).bit_length() * b <= _BITS:
            return a**b
        if b >= 0 and abs(a) > 1:
            raise Refused("is too large")
        return float(a) ** b
    result = a**b
    if isinstance(result, complex):
        raise Refused("is not real")
    return result


def _shift(a: Any, b: Any) -> int:
    if not 0 <= _integer(b) <= _BITS or _integer(a).bit_length() + b > 2 * _BITS:
        raise Refused("shifts too far")
    return a << b


def _divide(a: Any, b: Any) -> Any:
    return a / b


_NUMERIC: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": _divide, "**": _power,
    "%": operator.mod,
    "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
    "&&": lambda a, b: bool(a) and bool(b), "||": lambda a, b: bool(a) or bool(b),
    "&": lambda a, b: _bits(a) & _bits(b), "|": lambda a, b: _bits(a) | _bits(b),
    "^": lambda a, b: _bits(a) ^ _bits(b),
    "<<": _shift, ">>": lambda a, b: _integer(a) >> min(_integer(b), _BITS),
}  # fmt: skip

_FUNCTIONS: dict[str, tuple[int, Callable[..., Any]]] = {
    "sin": (1, math.sin), "cos": (1, math.cos), "tan": (1, math.tan),
    "arcsin": (1, math.asin), "arccos": (1, math.acos), "arctan": (1, math.atan),
    "asin": (1, math.asin), "acos": (1, math.acos), "atan": (1, math.atan),
    "exp": (1, math.exp), "ln": (1, math.log), "log": (1, math.log), "sqrt": (1, math.sqrt),
    "floor": (1, math.floor), "ceiling": (1, math.ceil), "mod": (2, operator.mod),
    "pow": (2, _power), "popcount": (1, lambda a: _integer(a).bit_count()),
}  # fmt: skip


def describe(value: Any) -> str:
    """A value in the words of a message."""
    if isinstance(value, Wires):
        return f"a {value.kind}" if value.single else f"{len(value)} {value.kind}s"
    if isinstance(value, ParameterExpression):
        return f"the input expression {value!r}"
    if isinstance(value, list):
        return "an array"
    return "nothing" if value is None else repr(value)[:40]


def unary(word: str, value: Any) -> Any:
    """-x, !x or ~x.

    Raises:
        Refused: If it has no value.

    Examples:
        >>> unary("-", 2)
        -2
    """
    if word == "-" and isinstance(value, (int, float, ParameterExpression)):
        return -value
    if word == "!" and isinstance(value, (bool, int, float)):
        return not value
    if word == "~" and isinstance(value, list):
        return [not bit for bit in value]
    if word == "~" and isinstance(value, bool):  # one bit
        return not value
    raise Refused(f"{word} cannot be applied to {describe(value)}")


def binary(word: str, a: Any, b: Any) -> Any:
    """X op y.

    Raises:
        Refused: If it has no value.

    Examples:
        >>> binary("**", 2, 10)
        1024
    """
    if word == "++":
        if isinstance(a, Wires) and isinstance(b, Wires) and a.kind == b.kind:
            return Wires(a.kind, a.indices + b.indices)
        if isinstance(a, list) and isinstance(b, list):
            return a + b
        raise Refused(f"++ joins registers, but gets {describe(a)} and {describe(b)}")
    for value in (a, b):
        if isinstance(value, Wires) and value.kind == "bit":
            raise Refused("needs a classical bit, which is known only when the circuit runs")
    if isinstance(a, ParameterExpression) or isinstance(b, ParameterExpression):
        return _affine(word, a, b)
    if isinstance(a, list) and isinstance(b, list) and word in ("==", "!="):
        return (a == b) == (word == "==")
    if not isinstance(a, (int, float)) or not isinstance(b, (int, float)):
        raise Refused(f"{word} cannot be applied to {describe(a)} and {describe(b)}")
    return checked(lambda: _NUMERIC[word](a, b))


def _affine(word: str, a: Any, b: Any) -> Any:
    """Arithmetic with an expression of parameters."""
    other = b if isinstance(a, ParameterExpression) else a
    known = isinstance(other, (int, float)) and not isinstance(other, bool)
    both = isinstance(other, ParameterExpression)
    if word in ("+", "-") and (known or both):
        return a + b if word == "+" else a - b
    if word == "*" and known:
        return a * b
    if word == "/" and known and isinstance(a, ParameterExpression):
        return checked(lambda: a * (1 / other))
    raise Refused(f"{word} makes no affine expression of inputs of {describe(a)} and {describe(b)}")


def function(name: str, arguments: list[Any]) -> Any:
    """A built-in function of known numbers.

    Raises:
        Refused: If there is no such function, or it has no value.

    Examples:
        >>> function("sqrt", [4])
        2.0
    """
    count, call = _FUNCTIONS[name]
    if len(arguments) != count:
        raise Refused(f"{name} takes {count} arguments, but gets {len(arguments)}")
    for argument in arguments:
        if not isinstance(argument, (int, float)):
            raise Refused(f"{name} needs known numbers, but gets {describe(argument)}")
    return checked(lambda: call(*arguments))


def is_function(name: str) -> bool:
    """Whether a name is a built-in function.

    Examples:
        >>> is_function("sqrt"), is_function("sq")
        (True, False)
    """
    return name in _FUNCTIONS


def checked(compute: Callable[[], Any]) -> Any:
    """A number, which must be defined and finite.

    Raises:
        Refused: If it is not.
    """
    try:
        value = compute()
    except ZeroDivisionError:
        raise Refused("divides by zero") from None
    except (ValueError, OverflowError):
        raise Refused("is not defined") from None
    if isinstance(value, float) and not math.isfinite(value):
        raise Refused("is not finite")
    if isinstance(value, int) and value.bit_length() > 2 * _BITS:
        raise Refused("is too large")
    return value


def converted(kind: str, value: Any) -> Any:
    """A value as a classical type.

    Raises:
        Refused: If it cannot be.

    Examples:
        >>> converted("int", 2.7)
        2
    """
    if isinstance(value, Wires):
        raise Refused("needs a classical bit, which is known only when the circuit runs")
    if kind == "bit":
        return value
    if kind in ("int", "uint"):
        if isinstance(value, list):
            return sum(bool(bit) << k for k, bit in enumerate(value))
        if isinstance(value, (int, float)):
            return int(value)
    if kind in ("float", "angle"):
        if isinstance(value, ParameterExpression):
            return value
        if isinstance(value, (int, float)):
            return checked(lambda: float(value))
    if kind == "bool" and isinstance(value, (int, float)):
        return bool(value)
    raise Refused(f"{describe(value)} is no {kind}")
