"""Labels: the names and angles that a drawing shows."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from math import pi
from typing import Any

from qjax.circuit import Instruction
from qjax.circuit.control_flow import Condition
from qjax.circuit.parameter import ParameterExpression, is_number, is_traced
from qjax.gates import GATES, Gate

PI_TOLERANCE = 1e-12  # how near to p pi / q an angle must be to be written so
LARGEST_FRACTION = 1024  # the largest p and q
LONGEST_PAULI = 4  # a rotation about more letters than these is labelled with the first of them

_GREEK: dict[str, str] = dict(
    zip(
        "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau "
        "upsilon phi chi psi omega".split(),
        "αβγδεζηθικλμνξρστυφχψω",
        strict=True,
    )
)
_GREEK_NAME = re.compile(rf"\b({'|'.join(_GREEK)})(?=\b|_?\d)")


def number_text(value: float, digits: int = 4, pi_sign: str = "π") -> str:
    """A number with so many significant digits, or as a fraction of pi where it is one.

    Examples:
        >>> number_text(3 * pi / 4), number_text(-pi), number_text(0.123456)
        ('3π/4', '-π', '0.1235')
    """
    fraction = Fraction(value / pi).limit_denominator(LARGEST_FRACTION)
    p, q = fraction.numerator, fraction.denominator
    near = abs(value - p * pi / q) <= PI_TOLERANCE
    if p == 0 or not near or abs(p) > LARGEST_FRACTION:
        return f"{value or 0.0:.{digits}g}"
    factor = {1: "", -1: "-"}.get(p, str(p))
    return f"{factor}{pi_sign}" + ("" if q == 1 else f"/{q}")


@dataclass(frozen=True)
class Labels:
    """How names and angles are written.

    Attributes:
        digits: Significant digits of a number.
        ascii: Whether to use ASCII characters only.
        greek: Whether to write a parameter called theta as θ, and products with a dot.
    """

    digits: int = 4
    ascii: bool = False
    greek: bool = False

    def name(self, instruction: Instruction) -> str:
        """The label of the gate under the controls, without angles."""
        operation = instruction.operation
        label = operation.label
        if isinstance(operation, Gate) and len(operation.rotation or "") > LONGEST_PAULI:
            label = f"{label[: LONGEST_PAULI + 1]}{'...' if self.ascii else '…'}"
        if self.ascii and not label.isascii():
            label = operation.name.upper()
        if instruction.conditions:
            label += f" if {' and '.join(map(self._condition, instruction.conditions))}"
        return self._plain(label)

    def _condition(self, condition: Condition) -> str:
        """A condition, as in "c0=1"."""
        bits = ",".join(str(c) for c in condition.clbits)
        sign = ("!=" if self.ascii else "≠") if condition.negated else "="
        return f"c{bits}{sign}{'|'.join(str(v) for v in condition.values)}"

    def angles(self, instruction: Instruction) -> str:
        """The angles, between commas; a matrix is not written out."""
        operation = instruction.operation
        pairs = zip(instruction.params, operation.param_shapes, strict=True)
        return ", ".join(self.angle(param) for param, shape in pairs if not shape)

    def full(self, instruction: Instruction) -> str:
        """Label and angles, as in "RX(π/2)"."""
        angles = self.angles(instruction)
        return self.name(instruction) + (f"({angles})" if angles else "")

    def angle(self, param: Any) -> str:
        """One angle: a number, an expression, or `<traced>` where only JAX knows the value.

        Examples:
            >>> from qjax.circuit import Parameter
            >>> Labels().angle(2 * Parameter("theta") + pi)
            '2*theta + π'
        """
        if isinstance(param, ParameterExpression):
            text = self._plain(param.format(self._number))
            if not self.greek:
                return text
            return _GREEK_NAME.sub(lambda match: _GREEK[match[0]], text).replace("*", "·")
        if is_traced(param):
            return "<traced>"
        # The leaves of a circuit may have been replaced by anything, such as a batch of angles.
        return self._number(param) if is_number(param) else "<array>"

    def global_phase(self, instructions: Iterable[Instruction]) -> str:
        """Known and symbolic global phases added up, then all else that acts on no qubit.

        Examples:
            >>> from qjax.circuit import Circuit
            >>> Labels().global_phase(Circuit(1).gphase(pi / 2).h(0).gphase(pi / 4))
            '3π/4'
        """
        known, unknown = [], []
        for i in instructions:
            if not i.is_gate or i.all_qubits:
                continue
            if i.operation is not GATES["gphase"]:
                unknown.append(self.full(i))
            elif _is_known(i.params[0]):
                known.append(i.params[0])
            else:
                unknown.append(self.angle(i.params[0]))
        total = [self.angle(sum(known[1:], known[0]))] if known else []
        return " + ".join([*total, *unknown])

    def _number(self, value: Any) -> str:
        return number_text(float(value), self.digits, "pi" if self.ascii else "π")

    def _plain(self, text: str) -> str:
        return text.encode("ascii", "backslashreplace").decode() if self.ascii else text


def _is_known(param: Any) -> bool:
    if isinstance(param, ParameterExpression):
        return not any(is_traced(v) for v in (param.offset, *(f for _, f in param.terms)))
    return is_number(param) and not is_traced(param)
