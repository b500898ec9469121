"""One op for several: which can be, and what it is."""

from collections.abc import Sequence
from dataclasses import replace

from qjax.plan.op import Factor, Op, OpKind

_LONGEST = 64  # how many factors a merged op may have: bounds the time of a plan


def joined(earlier: Op, later: Op) -> Op:
    """The earlier op with the later one's factors, for ops in one place whose numbers add up."""
    return replace(earlier, factors=earlier.factors + later.factors)


def dense_on(targets: tuple[int, ...], ops: Sequence[Op]) -> Op:
    """The product of ops, in time order, as a dense op; `targets` hold all of their qubits."""
    position = {q: i for i, q in enumerate(targets)}
    factors = tuple(_moved(f, op, position) for op in ops for f in op.factors)
    return Op(OpKind.DENSE, targets, factors=factors, fixed=all(op.fixed for op in ops))


def merged(earlier: Op, later: Op) -> Op | None:
    """One op for two neighbours of which the later has no qubit that the earlier has not.

    Returns:
        The op, not yet in its simplest form, or None if there is none of the same controls.
    """
    if len(earlier.factors) + len(later.factors) > _LONGEST:
        return None
    if not _same_controls(earlier, later) or not set(later.targets) <= set(earlier.targets):
        return None
    kinds = {earlier.kind, later.kind}
    if kinds == {OpKind.PERMUTATION}:
        if earlier.targets != later.targets:
            return None
        table = tuple(later.table[t] for t in earlier.table)
        return replace(joined(earlier, later), table=table)
    same_pauli = (earlier.x_mask, earlier.z_mask) == (later.x_mask, later.z_mask)
    if kinds == {OpKind.ROTATION} and same_pauli:
        return joined(earlier, later)
    diagonal = earlier.is_diagonal and later.is_diagonal
    if diagonal and OpKind.ROTATION in kinds and len(earlier.targets) > 1:
        return None  # a parity is cheaper than a table
    if not diagonal and OpKind.DENSE not in kinds:
        return None
    position = {q: i for i, q in enumerate(earlier.targets)}
    inner = [replace(op, controls=(), control_values=()) for op in (earlier, later)]
    return Op(
        OpKind.DIAGONAL if diagonal else OpKind.DENSE,
        earlier.targets,
        earlier.controls,
        earlier.control_values,
        tuple(_moved(f, op, position) for op in inner for f in op.factors),
        fixed=earlier.fixed and later.fixed,
    )


def _same_controls(a: Op, b: Op) -> bool:
    if len(a.controls) != len(b.controls):
        return False
    return dict(zip(a.controls, a.control_values, strict=True)) == dict(
        zip(b.controls, b.control_values, strict=True)
    )


def _moved(factor: Factor, op: Op, position: dict[int, int]) -> Factor:
    """A factor of an op among other targets, with the op's controls."""
    return Factor(
        factor.item,
        tuple(position[op.targets[t]] for t in factor.targets),
        tuple(position[op.targets[c]] for c in factor.controls)
        + tuple(position[c] for c in op.controls),
        factor.control_values + op.control_values,
    )
