"""Which qubits must be local when: what stages are chosen for, and their lower bound holds for."""

from collections.abc import Sequence
from dataclasses import dataclass

from qjax.plan.op import Op, OpKind

_SWAP = (0, 2, 1, 3)


@dataclass(frozen=True)
class Task:
    """What is to be cut into stages.

    Attributes:
        num_qubits: Number of qubits.
        num_local: How many qubits are local.
        ops: The ops, without the SWAPs at the end.
        begin: Mask of the qubits that are local at first, 0 if they may be chosen.
        end: Mask of the qubits that must be local at last, 0 if any may.
    """

    num_qubits: int
    num_local: int
    ops: Sequence[Op]
    begin: int
    end: int

    def reversed(self) -> "Task":
        """The task backwards in time."""
        return Task(self.num_qubits, self.num_local, self.ops[::-1], self.end, self.begin)


def ops_and_names(ops: Sequence[Op], num_qubits: int) -> tuple[Sequence[Op], tuple[int, ...]]:
    """Take the SWAPs at the end for a change of names.

    Returns:
        (ops, target): the ops before them; what is qubit q there is qubit target[q] of the result.
    """
    last = len(ops)
    while last and _is_swap(ops[last - 1]):
        last -= 1
    held = list(range(num_qubits))  # held[q] is what qubit q of the result was
    for op in ops[last:]:
        a, b = op.targets
        held[a], held[b] = held[b], held[a]
    target = [0] * num_qubits
    for q, old in enumerate(held):
        target[old] = q
    return ops[:last], tuple(target)


def _is_swap(op: Op) -> bool:
    return op.kind is OpKind.PERMUTATION and op.table == _SWAP and not op.controls


def share(mask: int) -> float:
    """What an exchange moves by which the qubits of a mask become local, of a device's state."""
    return 1 - 2.0 ** -mask.bit_count()
