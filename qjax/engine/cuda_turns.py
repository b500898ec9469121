"""Turns of register bits: rotations and diagonals of one qubit, of which many run at once."""

from dataclasses import dataclass, field

from qjax.engine.cuda_words import DIAGONALS


@dataclass(eq=False)
class Turn:
    """What runs on one register bit, in time order.

    Attributes:
        before: (TurnForm, index of the op) of each diagonal.
        rotation: (Axis, index of the op), or None.
        after: Diagonals after the rotation.
    """

    before: list[tuple[int, int]] = field(default_factory=list)
    rotation: tuple[int, int] | None = None
    after: list[tuple[int, int]] = field(default_factory=list)

    def rotate(self, axis: int, index: int) -> bool:
        """Take one more rotation, if there is room for it."""
        if self.rotation is not None:
            return False
        self.rotation = (axis, index)
        return True

    def multiply(self, form: int, index: int, *, summed: bool) -> bool:
        """Take one more diagonal, if there is room for it; after a rotation it has no sum."""
        last = self.before if self.rotation is None else self.after
        if len(last) == DIAGONALS or (summed and last is self.after):
            return False
        last.append((form, index))
        return True


class Turns:
    """Turns that are not written: by register bit, those of one op after those of the other."""

    def __init__(self) -> None:
        self._rounds: list[dict[int, Turn]] = []

    def rotate(self, bit: int, axis: int, index: int) -> None:
        """A rotation of a register bit."""
        if not self._last(bit).rotate(axis, index):
            self._next(bit).rotate(axis, index)

    def multiply(self, bit: int, form: int, index: int, *, summed: bool) -> None:
        """A diagonal of a register bit, and whether its cotangent is wanted."""
        if not self._last(bit).multiply(form, index, summed=summed):
            self._next(bit).multiply(form, index, summed=summed)

    def take(self) -> list[dict[int, Turn]]:
        """All of them, in time order; none is left."""
        taken, self._rounds = self._rounds, []
        return taken

    def _last(self, bit: int) -> Turn:
        found = (turns[bit] for turns in reversed(self._rounds) if bit in turns)
        return next(found, None) or self._next(bit)

    def _next(self, bit: int) -> Turn:
        """A new turn of a bit, after all that it has."""
        place = 1 + max((k for k, turns in enumerate(self._rounds) if bit in turns), default=-1)
        if place == len(self._rounds):
            self._rounds.append({})
        turn = self._rounds[place][bit] = Turn()
        return turn
