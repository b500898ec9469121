"""Where the qubits of a tile stand, for the tapes of both languages of kernels."""

from collections.abc import Iterable, Sequence

from qjax.engine.affine import Flip
from qjax.plan import Op

OUTER = 32
"""Added to the position of an outer bit where one word tells both kinds of bits."""


class Tile:
    """Where the qubits of a tile are among its bits, and the others among the outer bits."""

    def __init__(self, qubits: Sequence[int], num_qubits: int) -> None:
        self.qubits = qubits
        self.bits = len(qubits)
        self.place = {q: p for p, q in enumerate(qubits)}
        outer = [q for q in range(num_qubits) if q not in self.place]
        self.outer = {q: o for o, q in enumerate(outer)}

    def mask(self, qubits: Iterable[int]) -> int:
        """The bits of those of some qubits that are in the tile."""
        return sum(1 << self.place[q] for q in qubits if q in self.place)

    def masks(self, qubits: Iterable[int]) -> tuple[int, int]:
        """The bits of those that are, and the outer bits of the others."""
        chosen = list(qubits)
        return self.mask(chosen), sum(1 << self.outer[q] for q in chosen if q in self.outer)

    def condition(self, op: Op) -> tuple[int, int, int, int]:
        """[m, v, outer m, outer v] of an op's controls, in places."""
        masks = [0, 0, 0, 0]
        for q, value in zip(op.controls, op.control_values, strict=True):
            where, bit = (0, self.place[q]) if q in self.place else (2, self.outer[q])
            masks[where] |= 1 << bit
            masks[where + 1] |= value << bit
        return masks[0], masks[1], masks[2], masks[3]

    def flips(self, op: Op) -> tuple[Flip, ...]:
        """X under a condition: (bit, tile mask, tile value, outer mask, outer value).

        A SWAP is three of them.
        """
        targets = [self.place[q] for q in op.targets]
        if len(targets) == 1:
            return ((targets[0], *self.condition(op)),)
        a, b = targets
        return tuple((t, 1 << c, 1 << c, 0, 0) for t, c in ((a, b), (b, a), (a, b)))
