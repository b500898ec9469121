"""The operators + - * / @ that Pauli strings and Pauli sums share; every result is a sum."""

from typing import Any, Generic, TypeVar

import numpy as np

from qjax.errors import ObservableError
from qjax.observables.coefficients import divided, is_scalar, is_traced
from qjax.observables.terms import Terms, checked, multiple_of_identity, plus, product, times

S = TypeVar("S")  # the class of the sums


class Algebra(Generic[S]):
    """An operator that is a sum of Pauli strings."""

    __slots__ = ()
    __array_ufunc__ = None  # NumPy numbers leave the arithmetic to the methods below

    @property
    def _terms(self) -> Terms:
        raise NotImplementedError

    @staticmethod
    def _sum(terms: Terms) -> S:
        raise NotImplementedError

    def __add__(self, other: Any) -> S:
        b = _operand(other)
        if b is None:
            return NotImplemented
        return self._sum(plus(self._terms, b))

    def __radd__(self, other: Any) -> S:
        b = _operand(other)
        if b is None:
            return NotImplemented
        return self._sum(plus(b, self._terms))

    def __sub__(self, other: Any) -> S:
        b = _operand(other)
        if b is None:
            return NotImplemented
        return self._sum(plus(self._terms, times(b, -1.0)))

    def __rsub__(self, other: Any) -> S:
        b = _operand(other)
        if b is None:
            return NotImplemented
        return self._sum(plus(b, times(self._terms, -1.0)))

    def __neg__(self) -> S:
        return self._sum(times(self._terms, -1.0))

    def __pos__(self) -> S:
        return self._sum(self._terms)

    def __mul__(self, other: Any) -> S:
        return self._sum(times(self._terms, _checked_scalar("factor", other)))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> S:
        divisor = _checked_scalar("divisor", other)
        if not is_traced(divisor) and divisor == 0:
            raise ObservableError("PauliSum: the divisor must not be 0, but is.")
        structure, coefficients = self._terms
        return self._sum(checked(structure, divided(coefficients, divisor)))

    def __matmul__(self, other: Any) -> S:
        """The operator product."""
        if not isinstance(other, Algebra):
            return NotImplemented
        return self._sum(product(self._terms, other._terms))

    def commutator(self, other: "Algebra[Any]") -> S:
        """A B - B A, for this operator A and another B.

        Raises:
            ObservableError: If `other` is no PauliString and no PauliSum.

        Examples:
            >>> from qjax.observables import PauliString, PauliSum
            >>> PauliSum("X0 + Z1").commutator(PauliString("Y0"))
            PauliSum('(2j) * Z0', num_qubits=2)
        """
        if not isinstance(other, Algebra):
            raise ObservableError(f"commutator: other must be a PauliSum, but is {other!r}.")
        return self._sum(product(self._terms, other._terms, commutator=True))


def _operand(value: Any) -> Terms | None:
    """What may be added to an operator; None for anything else."""
    return value._terms if isinstance(value, Algebra) else multiple_of_identity(value)


def _checked_scalar(name: str, value: Any) -> Any:
    if not is_scalar(value):
        shape = getattr(value, "shape", None)
        found = type(value).__name__ if shape is None else f"an array of shape {shape}"
        raise ObservableError(
            f"PauliSum: the {name} must be a number or a traced scalar, but is {found}. "
            "The product of operators is written a @ b."
        )
    if not is_traced(value) and not np.isfinite(complex(value)):
        raise ObservableError(f"PauliSum: the {name} must be finite, but is {value}.")
    return value
