"""Permutations of basis states from X under controls.

References:
    D. M. Miller, D. Maslov, G. W. Dueck, A transformation based algorithm for reversible logic
    synthesis, Proc. 40th Design Automation Conference, 318 (2003).
"""

from qjax.circuit.instruction import Instruction
from qjax.circuit.synthesis.steps import step


def permutation_steps(
    table: tuple[int, ...], qubits: tuple[int, ...], controls: tuple[int, ...] = ()
) -> list[Instruction]:
    """The gate that takes |j> to |table[j]>, as at most k 2**k X with up to k - 1 controls.

    The outputs are put right one after the other, in ascending order. To move an output v to j,
    first the bits that v lacks are set, then those that j lacks are cleared, each by an X under the
    other bits that v then has; no smaller number has all of those, so what is right stays right.

    Args:
        table: Each of 0..2**k-1 once.
        qubits: k qubits; bit j of an index is `qubits[j]`.
        controls: Qubits that must all be 1.

    Examples:
        >>> [str(i) for i in permutation_steps((0, 3, 2, 1), (0, 1))]
        ['cx 0, 1']
    """
    outputs = list(table)
    moves: list[tuple[int, int]] = []  # (mask of controls, mask of the target)

    def move(mask: int, target: int) -> None:
        moves.append((mask, target))
        outputs[:] = [v ^ target if v & mask == mask else v for v in outputs]

    for j in range(len(outputs)):
        for target in _bits(j & ~outputs[j]):
            move(outputs[j], target)
        for target in _bits(outputs[j] & ~j):
            move(outputs[j] & ~target, target)
    positions = {1 << k: q for k, q in enumerate(qubits)}
    return [
        step("x", (positions[target],), (), controls + tuple(positions[b] for b in _bits(mask)))
        for mask, target in reversed(moves)
    ]


def _bits(mask: int) -> list[int]:
    return [1 << k for k in range(mask.bit_length()) if mask >> k & 1]
