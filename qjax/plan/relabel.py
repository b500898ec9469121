"""SWAPs for nothing: instead of moving amplitudes, later ops act on the other qubit."""

from dataclasses import replace

from qjax.plan.op import Op, OpKind

_SWAP = (0, 2, 1, 3)


def relabel(num_qubits: int, ops: list[Op]) -> tuple[list[Op], list[Op]]:
    """Take the uncontrolled SWAPs out.

    Returns:
        (ops, swaps): the other ops, on the qubits where their operands now are, and the SWAPs that
        put every qubit in its place at the end; none if all are there.
    """
    where = list(range(num_qubits))  # where[q] is the qubit that holds what qubit q would hold
    kept, moved = [], False
    for op in ops:
        if op.kind is OpKind.PERMUTATION and op.table == _SWAP and not op.controls:
            a, b = op.targets
            where[a], where[b] = where[b], where[a]
            moved = True
        else:
            kept.append(_on(op, where) if moved else op)
    return kept, _swaps(where)


def _on(op: Op, where: list[int]) -> Op:
    return replace(
        op,
        targets=tuple(where[q] for q in op.targets),
        controls=tuple(where[q] for q in op.controls),
        x_mask=_mask(op.x_mask, op.targets, where),
        z_mask=_mask(op.z_mask, op.targets, where),
    )


def _mask(mask: int, qubits: tuple[int, ...], where: list[int]) -> int:
    return sum(1 << where[q] for q in qubits if mask >> q & 1) if mask else 0


def _swaps(where: list[int]) -> list[Op]:
    """SWAPs that bring what is at where[q] to q, for every q; each puts one qubit right."""
    where, swaps = list(where), []
    for q in range(len(where)):
        if where[q] != q:
            a, b = q, where[q]
            swaps.append(Op(OpKind.PERMUTATION, (a, b), fixed=True, table=_SWAP))
            where[where.index(a)] = b
            where[q] = q
    return swaps
