"""Conditions: instructions that are carried out only if measured bits say so."""

from collections.abc import Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Condition:
    """A condition on classical bits.

    Attributes:
        clbits: The bits that are read; the first is bit 0 of their value.
        values: The values at which the condition holds, rising.
        negated: Whether it holds at all other values instead.

    Examples:
        >>> print(Condition((0, 1), (2,)), ~Condition((0, 1), (2, 3)), ~Condition((3,), (1,)))
        c[0,1] == 2 c[0,1] != 2 or 3 c[3] == 0
    """

    clbits: tuple[int, ...]
    values: tuple[int, ...]
    negated: bool = False

    def holds(self, bits: Sequence[int]) -> bool:
        """Whether it holds for the values of all classical bits.

        Examples:
            >>> Condition((0, 2), (2,)).holds([0, 0, 1])
            True
        """
        value = sum(int(bits[c]) << k for k, c in enumerate(self.clbits))
        return (value in self.values) != self.negated

    @property
    def always(self) -> bool | None:
        """True or False if it holds for all values of the bits or for none, else None.

        Examples:
            >>> [Condition((0,), values).always for values in ((), (1,), (0, 1))]
            [False, None, True]
        """
        if 0 < len(self.values) < 2 ** len(self.clbits):
            return None
        return bool(self.values) != self.negated

    def __invert__(self) -> "Condition":
        if len(self.clbits) == len(self.values) == 1 and not self.negated:
            return Condition(self.clbits, (1 - self.values[0],))
        return replace(self, negated=not self.negated)

    def __str__(self) -> str:
        bits, values = ",".join(map(str, self.clbits)), " or ".join(map(str, self.values))
        return f"c[{bits}] {'!=' if self.negated else '=='} {values}"
