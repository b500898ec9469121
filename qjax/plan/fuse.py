"""Fusion: fewer ops for the same unitary, where that lowers arithmetic; never where it adds."""

from dataclasses import replace

import numpy as np

from qjax.circuit.structure import Structure
from qjax.plan.cost import multiply_adds
from qjax.plan.fixed import fixed_matrix
from qjax.plan.op import Factor, Op, OpKind

_MATRIX_KINDS = (OpKind.DENSE, OpKind.DIAGONAL)
_LOOK_BACK = 32  # how many ops a diagonal op may be moved past; bounds the time of a plan


def fuse(structure: Structure, ops: list[Op]) -> list[Op]:
    """Merge ops.

    What is merged: ops on the same qubits; a one-qubit op into a neighbour on more qubits; a
    diagonal one-qubit op also past ops that are diagonal on its qubit, controls among them. Fixed
    ops that multiply to the identity vanish. Global phases become one op.
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
                self.phase = op if self.phase is None else _chained(self.phase, op)
            elif op.kind is OpKind.DENSE and len(op.targets) > 1 and not op.controls:
                self.place(self.absorb_before(op))
            else:
                self.place(op)
        if self.phase is not None:
            self.ops.append(self.phase)
        return [op for op in self.ops if op is not None]

    def place(self, op: Op) -> None:
        """Merge an op into an earlier one, or append it."""
        index = self.partner(op)
        if index is not None:
            earlier = self.ops[index]
            assert earlier is not None
            merged = _merged(earlier, op)
            if merged is not None:
                self.put(index, merged)
                return
        for q in op.qubits:
            self.stacks[q].append(len(self.ops))
        self.ops.append(op)

    def put(self, index: int, op: Op) -> None:
        """Replace an op; if it is fixed and nothing is left of it, take it out."""
        if op.fixed and op.kind in _MATRIX_KINDS and len(op.factors) > 1:
            matrix = fixed_matrix(self.structure, op)
            tolerance = 4 * np.finfo(float).eps * len(op.factors)
            if np.max(np.abs(matrix - np.eye(len(matrix)))) <= tolerance:
                self.remove(index)
                return
        if op.kind is OpKind.PERMUTATION and op.table == tuple(range(len(op.table))):
            self.remove(index)
            return
        self.ops[index] = op

    def remove(self, index: int) -> None:
        op = self.ops[index]
        assert op is not None
        for q in op.qubits:
            self.stacks[q].remove(index)
        self.ops[index] = None

    def partner(self, op: Op) -> int | None:
        """The latest op that `op` may be moved next to and that may take it in."""
        tops = {self.stacks[q][-1] if self.stacks[q] else None for q in op.qubits}
        if len(tops) == 1:
            (top,) = tops
            if top is None:
                return None
            earlier = self.ops[top]
            assert earlier is not None
            if op.qubits <= earlier.qubits and _merged(earlier, op) is not None:
                return top
        if op.kind is OpKind.DIAGONAL and len(op.qubits) == 1:
            return self.partner_behind_diagonals(op)
        return None

    def partner_behind_diagonals(self, op: Op) -> int | None:
        (qubit,) = op.qubits
        for index in reversed(self.stacks[qubit][-_LOOK_BACK:]):
            earlier = self.ops[index]
            assert earlier is not None
            if _merged(earlier, op) is not None:
                return index
            if not earlier.is_diagonal_on(qubit):
                return None
        return None

    def absorb_before(self, op: Op) -> Op:
        """Take the one-qubit ops right before a dense op into it."""
        for q in op.targets:
            if not self.stacks[q]:
                continue
            index = self.stacks[q][-1]
            earlier = self.ops[index]
            assert earlier is not None
            if earlier.kind in _MATRIX_KINDS and earlier.targets == (q,) and not earlier.controls:
                factors = tuple(_moved(f, earlier, op) for f in earlier.factors)
                op = replace(op, factors=factors + op.factors, fixed=op.fixed and earlier.fixed)
                self.remove(index)
        return op


def _merged(earlier: Op, later: Op) -> Op | None:
    """One op for two neighbours, or None if that cannot be or costs more."""
    same_place = (
        earlier.targets == later.targets
        and earlier.controls == later.controls
        and earlier.control_values == later.control_values
    )
    if OpKind.PERMUTATION in (earlier.kind, later.kind):
        if earlier.kind is later.kind and same_place:
            return replace(earlier, table=tuple(later.table[t] for t in earlier.table))
        return None
    if OpKind.ROTATION in (earlier.kind, later.kind):
        same_pauli = (earlier.x_mask, earlier.z_mask) == (later.x_mask, later.z_mask)
        if earlier.kind is later.kind and same_pauli and _same_controls(earlier, later):
            return _chained(earlier, later)
        return None
    if not _same_controls(earlier, later) or not set(later.targets) <= set(earlier.targets):
        return None
    diagonal = earlier.kind is later.kind is OpKind.DIAGONAL
    kind = OpKind.DIAGONAL if diagonal else OpKind.DENSE
    if kind is OpKind.DENSE and earlier.kind is OpKind.DIAGONAL and len(earlier.targets) > 1:
        return None
    merged = replace(
        earlier,
        kind=kind,
        factors=earlier.factors + tuple(_moved(f, later, earlier) for f in later.factors),
        fixed=earlier.fixed and later.fixed,
    )
    if multiply_adds(merged) >= multiply_adds(earlier) + multiply_adds(later):
        return None
    return merged


def _chained(earlier: Op, later: Op) -> Op:
    return replace(earlier, factors=earlier.factors + later.factors)


def _same_controls(a: Op, b: Op) -> bool:
    if len(a.controls) != len(b.controls):
        return False
    return dict(zip(a.controls, a.control_values, strict=True)) == dict(
        zip(b.controls, b.control_values, strict=True)
    )


def _moved(factor: Factor, source: Op, target: Op) -> Factor:
    """The factor with positions among the targets of another op."""
    position = {q: i for i, q in enumerate(target.targets)}
    return replace(
        factor,
        targets=tuple(position[source.targets[t]] for t in factor.targets),
        controls=tuple(position[source.targets[c]] for c in factor.controls),
    )
