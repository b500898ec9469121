"""Permutations of qubits for nothing: instead of moving amplitudes, later ops act on others."""

from dataclasses import replace
from functools import cache

from qjax.plan.op import Op, OpKind

_SWAP = (0, 2, 1, 3)


def relabel(num_qubits: int, ops: list[Op]) -> tuple[list[Op], list[Op]]:
    """Take out the ops that only permute qubits, as uncontrolled SWAPs do.

    Returns:
        (ops, swaps): the other ops, on the qubits where their operands now are, and the SWAPs that
        put every qubit in its place at the end; none if all are there.
    """
    where = list(range(num_qubits))  # where[q] is the qubit that holds what qubit q would hold
    kept, moved = [], False
    for op in ops:
        order = _order(op.table) if op.kind is OpKind.PERMUTATION and not op.controls else None
        if order is not None:
            held = [where[q] for q in op.targets]
            for k, to in enumerate(order):
                where[op.targets[to]] = held[k]
            moved = True
        else:
            kept.append(_on(op, where) if moved else op)
    return kept, _swaps(where)


@cache
def _order(table: tuple[int, ...]) -> tuple[int, ...] | None:
    """Where each bit goes, if the basis states go where a permutation of bits takes them.

    Examples:
        >>> _order((0, 2, 1, 3))
        (1, 0)
    """
    width = len(table).bit_length() - 1
    images = [table[1 << k] for k in range(width)]
    for j, to in enumerate(table):
        if to != sum(images[k] for k in range(width) if j >> k & 1):
            return None
    if any(image.bit_count() != 1 for image in images):
        return None
    return tuple(image.bit_length() - 1 for image in images)


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
