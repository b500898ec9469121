"""Fusion into blocks: many ops on the same two or three qubits become one dense op."""

from dataclasses import dataclass, field
from functools import cache
from math import inf

from qjax.circuit.structure import Structure
from qjax.plan.cost import work
from qjax.plan.fixed import simplest
from qjax.plan.merge import dense_on
from qjax.plan.op import Factor, Op, OpKind

_LONGEST = 64  # how many factors a block may have
_MARGIN = 0.55  # what a block's share of its ops' work must be below: groups of small ops are cheap


@dataclass
class _Block:
    """Ops that follow each other on a few qubits, by their indices, in time order."""

    qubits: set[int] = field(default_factory=set)
    ops: list[int] = field(default_factory=list)


def fuse_blocks(structure: Structure, ops: list[Op], width: int) -> list[Op]:
    """Merge the ops between which nothing else happens on `width` qubits, where that is less work.

    Ops are gathered as they come: one that shares qubits with several open blocks joins them if
    they have at most `width` qubits together, else it closes them.
    """
    return _Blocks(structure, ops, width).run()


class _Blocks:
    """The blocks so far; `open[q]` is the one that still grows on qubit q."""

    def __init__(self, structure: Structure, ops: list[Op], width: int) -> None:
        self.structure, self.width = structure, width
        self.ops = ops
        self.work = [work(op, structure.num_qubits) for op in ops]
        self.result: list[Op | None] = list(ops)
        self.open: dict[int, _Block] = {}

    def run(self) -> list[Op]:
        for index, op in enumerate(self.ops):
            if op.qubits:
                self.place(index, op)
        for block in {id(b): b for b in self.open.values()}.values():
            self.close(block)
        return [op for op in self.result if op is not None]

    def place(self, index: int, op: Op) -> None:
        blocks = self.blocks_on(op)
        if len(op.qubits.union(*(b.qubits for b in blocks))) > self.width:
            for block in blocks:
                self.close(block)
            if len(op.qubits) > self.width:
                for q in op.qubits:
                    self.open.pop(q, None)
                return
            blocks = self.blocks_on(op)
        whole = blocks.pop() if len(blocks) == 1 else _Block()
        for block in blocks:
            whole.qubits |= block.qubits
            whole.ops += block.ops
        if len(blocks) > 1:
            whole.ops.sort()
        whole.ops.append(index)
        whole.qubits |= op.qubits
        for q in whole.qubits:
            self.open[q] = whole

    def blocks_on(self, op: Op) -> list[_Block]:
        return list({id(b): b for q in op.qubits if (b := self.open.get(q))}.values())

    def close(self, block: _Block) -> None:
        """Merge a block, or leave its ops; what is last on each qubit may then join another."""
        for q in block.qubits:
            del self.open[q]
        limit = _MARGIN * sum(self.work[i] for i in block.ops)
        if len(block.ops) > 1 and self.least(block) < limit:
            ops = [self.ops[i] for i in block.ops]
            product = simplest(self.structure, dense_on(tuple(sorted(block.qubits)), ops))
            if product is None or work(product, self.structure.num_qubits) < limit:
                for i in block.ops:
                    self.result[i] = None
                self.result[block.ops[-1]] = product
                return
        for q in block.qubits:
            self.reopen(q, block)

    def least(self, block: _Block) -> float:
        """The work of a block as one op, unless it simplifies; known before its numbers are."""
        ops = [self.ops[i] for i in block.ops]
        if sum(len(op.factors) for op in ops) > _LONGEST:
            return inf
        fixed = all(op.fixed for op in ops)
        real = fixed and all(op.real or op.kind is OpKind.PERMUTATION for op in ops)
        return _least(self.structure.num_qubits, len(block.qubits), fixed, real)

    def reopen(self, qubit: int, block: _Block) -> None:
        """A new block of the last ops of a closed one that are on this qubit alone."""
        tail: list[int] = []
        for i in reversed(block.ops):
            if qubit in self.ops[i].qubits:
                if len(self.ops[i].qubits) > 1:
                    break
                tail.append(i)
        if tail:
            self.open[qubit] = _Block({qubit}, tail[::-1])


@cache
def _least(num_qubits: int, width: int, fixed: bool, real: bool) -> float:
    op = Op(OpKind.DENSE, tuple(range(width)), factors=(Factor(0, ()),), fixed=fixed, real=real)
    return work(op, num_qubits)
