"""Fusion in place: ops that follow each other on the same qubits become one."""

from qjax.circuit.structure import Structure
from qjax.plan.cost import work
from qjax.plan.fixed import simplest
from qjax.plan.lower import diagonal_factors
from qjax.plan.merge import dense_on, joined, merged
from qjax.plan.op import Op, OpKind

_LOOK_BACK = 32  # how many ops an op may be moved past; bounds the time of a plan
_RUN = 8  # how many ops on one qubit are merged at once


def fuse(structure: Structure, ops: list[Op]) -> list[Op]:
    """Merge ops where that lowers the work.

    What is merged: rotations about the same Pauli string, diagonal ops, and permutations, on the
    same qubits; runs of ops on one qubit; ops into a neighbour that is dense on their qubits and
    more. An op on one qubit also moves past ops that commute with it there. Fixed ops that multiply
    to the identity vanish. Global phases become one op.
    """
    return _Fusion(structure).run(ops)


class _Fusion:
    """The ops so far. `stacks[q]` holds the indices of the living ops on qubit q, latest last."""

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.ops: list[Op | None] = []
        self.stacks: list[list[int]] = [[] for _ in range(structure.num_qubits)]
        self.phase: Op | None = None

    def run(self, ops: list[Op]) -> list[Op]:
        for op in ops:
            if not op.qubits:
                self.phase = op if self.phase is None else joined(self.phase, op)
            elif len(op.qubits) == 1:
                if not (self.merge_behind(op) or self.merge_run(op)):
                    self.append(op)
            elif not self.merge_top(op):
                self.append(self.absorb_before(op))
        if self.phase is not None:
            self.ops.append(self.phase)
        return [op for op in self.ops if op is not None]

    def append(self, op: Op) -> None:
        for q in op.qubits:
            self.stacks[q].append(len(self.ops))
        self.ops.append(op)

    def at(self, index: int) -> Op:
        op = self.ops[index]
        assert op is not None
        return op

    def remove(self, index: int) -> None:
        for q in self.at(index).qubits:
            self.stacks[q].remove(index)
        self.ops[index] = None

    def work(self, *ops: Op | None) -> float:
        return sum(work(op, self.structure.num_qubits) for op in ops if op is not None)

    def put(self, index: int, later: Op) -> bool:
        """Merge a later op into an earlier one, if that is less work."""
        earlier = self.at(index)
        op = merged(earlier, later)
        if op is None:
            return False
        if op.kind is OpKind.DIAGONAL and not op.fixed and not diagonal_factors(self.structure, op):
            return False
        simple = simplest(self.structure, op)
        if self.work(simple) >= self.work(earlier, later):
            return False
        if simple is None:
            self.remove(index)
        else:
            self.ops[index] = simple
        return True

    def merge_behind(self, op: Op) -> bool:
        """Merge an op on one qubit into one of its axis, past ops that commute with it."""
        (qubit,) = op.qubits
        axis = op.axis(qubit)
        if not axis:
            return False
        for index in reversed(self.stacks[qubit][-_LOOK_BACK:]):
            earlier = self.at(index)
            if earlier.axis(qubit) != axis:
                return False
            if self.put(index, op):
                return True
        return False

    def merge_run(self, op: Op) -> bool:
        """Merge an op on one qubit, and those right before it there, where that saves most."""
        (qubit,) = op.qubits
        run, saved, length, best = [op], 0.0, 0, op
        for index in reversed(self.stacks[qubit][-_RUN:]):
            earlier = self.at(index)
            if op.controls or earlier.controls or earlier.targets != op.targets:
                break
            run.insert(0, earlier)
            product = simplest(self.structure, dense_on(op.targets, run))
            gain = self.work(*run) - self.work(product)
            if gain > saved:
                saved, length, best = gain, len(run) - 1, product
        if not length:
            return self.merge_top(op)
        for index in self.stacks[qubit][-length:]:
            self.remove(index)
        if best is not None:
            self.append(best)
        return True

    def merge_top(self, op: Op) -> bool:
        """Merge into the op that is the latest on all of its qubits."""
        tops = {self.stacks[q][-1] if self.stacks[q] else -1 for q in op.qubits}
        index = tops.pop()
        if tops or index < 0 or not op.qubits <= self.at(index).qubits:
            return False
        return self.put(index, op)

    def absorb_before(self, op: Op) -> Op:
        """Take the ops on one qubit right before a dense op into it."""
        if op.kind is not OpKind.DENSE or op.controls:
            return op
        for q in op.targets:
            while self.stacks[q]:
                index = self.stacks[q][-1]
                earlier = self.at(index)
                if earlier.targets != (q,) or earlier.controls:
                    break
                product = simplest(self.structure, dense_on(op.targets, [earlier, op]))
                if product is None or product.kind is not OpKind.DENSE:
                    break
                if self.work(product) >= self.work(earlier, op):
                    break
                self.remove(index)
                op = product
        return op
