"""Angles that depend on measured bits: affine expressions of `Clbit`s."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np

from qjax._checks import as_integer
from qjax.circuit.compose import conditioned
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import Instruction
from qjax.circuit.parameter import ParameterExpression, is_number
from qjax.errors import CircuitError
from qjax.gates import Gate

_MOST_BITS = 8  # of the angles of a gate that is written out for every value of the bits


class ClbitExpression:
    """A sum of angles times classical bits, plus an angle; the angles may be open or traced.

    Attributes:
        terms: The factor of each bit.
        offset: The angle added.

    Examples:
        >>> 0.5 * Clbit(0) - Clbit(1) / 4 + 1
        0.5*c[0] - 0.25*c[1] + 1
    """

    __slots__ = ("offset", "terms")
    __array_ufunc__ = None  # a NumPy number on the left leaves the arithmetic to us

    def __init__(self, terms: dict[int, Any], offset: Any = 0.0) -> None:
        self.terms = terms
        self.offset = offset

    def value(self, bits: Mapping[int, int]) -> Any:
        """The angle for values of the bits.

        Examples:
            >>> (2 * Clbit(1) + 0.5).value({1: 1})
            2.5
        """
        total = self.offset
        for c, factor in self.terms.items():
            if bits[c]:
                total = total + factor
        return total

    def __add__(self, other: Any) -> "ClbitExpression":
        if isinstance(other, ClbitExpression):
            terms = dict(self.terms)
            for c, factor in other.terms.items():
                terms[c] = terms[c] + factor if c in terms else factor
            return ClbitExpression(terms, self.offset + other.offset)
        if _is_angle(other):
            return ClbitExpression(self.terms, self.offset + other)
        return NotImplemented

    __radd__ = __add__

    def __neg__(self) -> "ClbitExpression":
        return self * -1.0

    def __sub__(self, other: Any) -> "ClbitExpression":
        return self + -other

    def __rsub__(self, other: Any) -> "ClbitExpression":
        return -self + other

    def __mul__(self, other: Any) -> "ClbitExpression":
        if _is_angle(other):
            terms = {c: factor * other for c, factor in self.terms.items()}
            return ClbitExpression(terms, self.offset * other)
        if isinstance(other, ClbitExpression):
            raise CircuitError(
                f"An angle must be affine in measured bits, but is ({self}) * ({other}). For any "
                "other function of bits use circuit.switch."
            )
        return NotImplemented

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> "ClbitExpression":
        return self * (1.0 / other)

    def __repr__(self) -> str:
        texts = {c: _text(factor) for c, factor in self.terms.items()}
        parts = [f"c[{c}]" if t == "1" else f"{t}*c[{c}]" for c, t in texts.items()]
        if not _is_plain(self.offset) or self.offset:
            parts.append(_text(self.offset))
        return " + ".join(parts).replace("+ -", "- ")


class Clbit(ClbitExpression):
    """A classical bit, 0 or 1, in an angle: what was measured turns what comes after.

    A gate with such an angle becomes gates under conditions on the bits: a rotation is one rotation
    for each bit, another gate is written out for every value of the bits.

    Args:
        index: Which classical bit of the circuit.

    Raises:
        CircuitError: If it is negative.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> circuit = Circuit(2).measure(0).rz(-np.pi / 2 * Clbit(0) + 0.1, 1)
        >>> [str(i) for i in circuit]
        ['measure 0 -> 0', 'rz(0.1) 1', 'rz(-1.5708) 1 if c[0] == 1']
    """

    __slots__ = ("index",)

    def __init__(self, index: int) -> None:
        self.index = as_integer(index, "Clbit: index")
        if self.index < 0:
            raise CircuitError(f"Clbit: index must be at least 0, but is {index}.")
        super().__init__({self.index: 1.0})


def fed_forward(
    gate: Gate,
    params: tuple[Any, ...],
    num_clbits: int,
    place: Callable[[tuple[Any, ...]], list[Instruction]],
) -> list[Instruction]:
    """The instructions of a gate some of whose angles depend on bits.

    Args:
        gate: The row.
        params: Its angles.
        num_clbits: How many bits the circuit has.
        place: Gives the instructions for angles without bits.

    Raises:
        CircuitError: If a bit was never declared, or there are too many to write the gate out.
    """
    read = sorted({c for p in params if isinstance(p, ClbitExpression) for c in p.terms})
    for c in read:
        if c >= num_clbits:
            raise CircuitError(
                f"{gate.name}: an angle must depend on bits of this circuit, in 0..{num_clbits - 1}"
                f", but depends on bit {c}."
            )
    generator = (gate.base or gate).generator
    if generator is not None and len(params) == 1:  # exp(i theta G): angles add up
        (angle,) = params
        found = place((angle.offset,)) if not _is_zero(angle.offset) else []
        for c, factor in angle.terms.items():
            found += conditioned(place((factor,)), Condition((c,), (1,)))
        return found
    if len(read) > _MOST_BITS:
        raise CircuitError(
            f"{gate.name}: angles must depend on at most {_MOST_BITS} bits, but depend on "
            f"{len(read)}."
        )
    found = []
    for values in product((0, 1), repeat=len(read)):
        bits = dict(zip(read, values, strict=True))
        own = tuple(p.value(bits) if isinstance(p, ClbitExpression) else p for p in params)
        value = sum(v << k for k, v in enumerate(values))
        found += [
            replace(i, conditions=(Condition(tuple(read), (value,)), *i.conditions))
            for i in place(own)
        ]
    return found


def has_clbits(params: tuple[Any, ...]) -> bool:
    """Whether an angle depends on bits."""
    return any(isinstance(p, ClbitExpression) for p in params)


def _is_angle(value: Any) -> bool:
    return is_number(value) or isinstance(value, ParameterExpression)


def _is_plain(value: Any) -> bool:
    return isinstance(value, (int, float, np.number))


def _is_zero(value: Any) -> bool:
    return _is_plain(value) and value == 0


def _text(value: Any) -> str:
    if _is_plain(value):
        return f"{value:.6g}"
    return f"({value})" if isinstance(value, ParameterExpression) else "<traced>"
