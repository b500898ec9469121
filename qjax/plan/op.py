"""Op: what an engine executes, and OpKind: the few forms it can have."""

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property


class OpKind(IntEnum):
    """The forms of an op; every engine knows exactly these.

    DENSE: a 2**k x 2**k matrix on k targets.
    DIAGONAL: 2**k numbers that multiply the amplitudes, by the bits of k targets.
    PERMUTATION: basis state |j> of the targets goes to |table[j]>.
    ROTATION: exp(-i angle P / 2) for a Pauli string P on the targets.
    """

    DENSE = 0
    DIAGONAL = 1
    PERMUTATION = 2
    ROTATION = 3


@dataclass(frozen=True)
class Factor:
    """One gate of the circuit inside an op.

    Attributes:
        item: Index of the instruction in the circuit's structure.
        targets: Positions of the gate's qubits among the op's targets.
        controls: Positions of its controls among the op's targets; controls of the op itself are
            not listed.
        control_values: 0 or 1 for each of `controls`.
    """

    item: int
    targets: tuple[int, ...]
    controls: tuple[int, ...] = ()
    control_values: tuple[int, ...] = ()


@dataclass(frozen=True)
class Op:
    """A gate, or several merged ones, in the form in which engines execute it.

    Attributes:
        kind: Its form.
        targets: The qubits it acts on; targets[k] is bit k of the matrix index.
        controls: Qubits that must have their control value for the op to act.
        control_values: 0 or 1 for each control.
        factors: The gates whose product it is, in time order; for a ROTATION their angles add up.
            SWAPs that the compiler put in have none.
        fixed: Whether its numbers are the same for every run, for no factor has a parameter.
        real: Whether it is a fixed DENSE op whose matrix is real, up to rounding.
        table: For a PERMUTATION, where each basis state of the targets goes.
        x_mask: For a ROTATION, the qubits where P is X or Y.
        z_mask: For a ROTATION, the qubits where P is Z or Y.
    """

    kind: OpKind
    targets: tuple[int, ...]
    controls: tuple[int, ...] = ()
    control_values: tuple[int, ...] = ()
    factors: tuple[Factor, ...] = ()
    fixed: bool = False
    real: bool = False
    table: tuple[int, ...] = ()
    x_mask: int = 0
    z_mask: int = 0

    @cached_property
    def qubits(self) -> frozenset[int]:
        """Targets and controls."""
        return frozenset(self.targets + self.controls)

    @property
    def num_numbers(self) -> int:
        """How many real numbers it reads in a run: (re, im) of each entry, or (cos, sin)."""
        if self.fixed:
            return 0
        k = len(self.targets)
        return {OpKind.DENSE: 2 * 4**k, OpKind.DIAGONAL: 2 * 2**k, OpKind.ROTATION: 2}[self.kind]

    @cached_property
    def needs(self) -> int:
        """Mask of the qubits whose amplitudes it mixes; the others it only reads as bits."""
        if self.kind is OpKind.ROTATION:
            return self.x_mask
        return 0 if self.kind is OpKind.DIAGONAL else sum(1 << q for q in self.targets)

    @property
    def is_diagonal(self) -> bool:
        """Whether its matrix is diagonal."""
        return not self.needs and self.kind in (OpKind.DIAGONAL, OpKind.ROTATION)

    def axis(self, qubit: int) -> str:
        """The Pauli letter on this one of its qubits with which the op commutes.

        Returns:
            "X", "Y" or "Z"; "I" if it does not touch the qubit; "" if it commutes with none. Two
            ops commute if they have the same letter on every qubit that both touch.
        """
        if qubit in self.controls or self.kind is OpKind.DIAGONAL:
            return "Z"
        if self.kind is OpKind.ROTATION:
            return _letter(self, qubit)
        return "X" if self.table == (1, 0) else ""

    def __str__(self) -> str:
        what = self.kind.name.lower()
        if self.kind is OpKind.ROTATION:
            what += " " + "".join(_letter(self, q) for q in self.targets)
        when = ", ".join(
            f"{c}" if v else f"not {c}"
            for c, v in zip(self.controls, self.control_values, strict=True)
        )
        merged = f" from {len(self.factors)} gates" if len(self.factors) > 1 else ""
        on = ", ".join(str(q) for q in self.targets)
        return f"{what} on {on or 'all'}{f' if {when}' if when else ''}{merged}"


def _letter(op: Op, qubit: int) -> str:
    return "IXZY"[(op.x_mask >> qubit & 1) + 2 * (op.z_mask >> qubit & 1)]
