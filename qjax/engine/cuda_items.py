"""What a sweep of the CUDA kernels has to do: its ops as items, in masks of bits of the tile."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from qjax.engine.affine import Flip
from qjax.engine.bit_vectors import bits
from qjax.engine.cuda_words import Axis, Shape, TurnForm
from qjax.engine.places import Tile
from qjax.plan import Op, OpKind, Plan, StepKind, Sweep
from qjax.plan.steps import step_kind


@dataclass(eq=False)
class Item:
    """An op, or a factor of one. Masks are of bits of the tile."""

    kind: str  # "near", "far", "phase" or "move"
    index: int
    mix: int  # whose amplitudes it mixes
    touch: int  # that it reads or mixes
    need: int = 0  # that must be register bits
    avoid: int = 0  # that must not be
    flips: tuple[Flip, ...] = ()
    form: int = 0  # of a diagonal of one bit, its TurnForm
    axis: int = 0  # of a rotation of one bit, its Axis
    # Diagonals of one bit that it needs, which run with it.
    before: list["Item"] = field(default_factory=list)
    after: list["Item"] = field(default_factory=list)


def items_of(plan: Plan, sweep: Sweep, tile: Tile, shape: Shape, *, backward: bool) -> list[Item]:
    """The items of a sweep, in the order in which they run."""
    items: list[Item] = []
    for index in (index for step in sweep.steps for index in step.ops):
        op = plan.ops[index]
        if _is_factored(plan, op, backward):
            items += _factors(index, tile.mask(op.targets))
        else:
            items.append(_item(plan, index, tile, shape, backward))
    return items[::-1] if backward else items


def _factors(index: int, bit: int) -> tuple[Item, ...]:
    """Two diagonals and a rotation, which are less work than their product."""
    return (
        Item("phase", index, 0, bit, form=TurnForm.BEFORE),
        Item("near", index, bit, bit, bit, axis=Axis.OF_MATRIX),
        Item("phase", index, 0, bit, form=TurnForm.AFTER),
    )


def _is_factored(plan: Plan, op: Op, backward: bool) -> bool:
    """Whether an op is a 2x2 matrix known to be unitary, with no cotangents of its entries.

    A matrix that was given as such is what it is: its rounding must not be lost.
    """
    gates = (plan.structure.items[f.item].operation for f in op.factors)
    return (
        op.kind is OpKind.DENSE
        and len(op.targets) == 1
        and not op.controls
        and (op.fixed or not backward)
        and plan.is_unitary_op(op)
        and not any(shape for gate in gates for shape in gate.param_shapes)
    )


def _item(plan: Plan, index: int, tile: Tile, shape: Shape, backward: bool) -> Item:
    op = plan.ops[index]
    touch = tile.mask(op.qubits)
    kind = step_kind(op)
    if kind is StepKind.PHASES:
        return Item("phase", index, 0, touch, form=_diagonal_form(plan, op, backward))
    mix = tile.mask(q for q in op.targets if op.needs >> q & 1)
    if kind is StepKind.MOVES:
        return Item("move", index, mix, touch, flips=tile.flips(op))
    avoid = tile.mask(op.controls)
    size = mix.bit_count()
    near = size <= (2 if op.kind is OpKind.DENSE else shape.register_bits)
    if op.kind is OpKind.PERMUTATION:
        near, avoid = op.table == (1, 0), 0
    near &= size <= shape.register_bits
    near &= tile.bits - avoid.bit_count() >= shape.register_bits
    if near:
        single = op.kind is OpKind.ROTATION and len(op.targets) == 1 and not op.controls
        axis = (Axis.Y if op.z_mask else Axis.X) if single else Axis.NONE
        return Item("near", index, mix, touch, mix, avoid, axis=axis)
    return Item("far", index, mix, touch)


def _diagonal_form(plan: Plan, op: Op, backward: bool) -> TurnForm:
    """How a diagonal op of one qubit can be part of a turn, if at all."""
    if len(op.targets) != 1 or op.controls:
        return TurnForm.NONE
    if op.kind is OpKind.ROTATION:
        return TurnForm.HALF_ANGLE if op.z_mask else TurnForm.NONE  # about the identity
    whole = op.kind is OpKind.DIAGONAL and (op.fixed or not backward)
    return TurnForm.ENTRIES if whole and plan.is_unitary_op(op) else TurnForm.NONE


def place_diagonals(ops: Sequence[Op], sweeps: Sequence[list[Item]]) -> list[list[Item]]:
    """Put diagonals of one qubit to what needs their bit: the next that mixes it, or the last.

    They commute with all that does not mix the amplitudes of their qubit.

    Args:
        ops: The ops of the plan.
        sweeps: The items of each sweep, in the order in which they run.

    Returns:
        The items of each sweep without those that are now `before` or `after` another.
    """
    latest: dict[int, Item] = {}  # what mixed each qubit
    waiting: dict[int, list[Item]] = {}  # the diagonals of each qubit since
    placed: set[int] = set()

    def place(qubit: int, following: Item | None) -> None:
        phases, last = waiting.pop(qubit, []), latest.get(qubit)
        if following is not None and following.need:
            following.before += phases
        elif last is not None and last.need:
            last.after += phases
        else:
            return
        placed.update(map(id, phases))

    for item in (item for items in sweeps for item in items):
        op = ops[item.index]
        if item.form:
            waiting.setdefault(op.targets[0], []).append(item)
            continue
        for qubit in bits(op.needs):
            place(qubit, item)
            latest[qubit] = item
    for qubit in list(waiting):
        place(qubit, None)
    return [[item for item in items if id(item) not in placed] for items in sweeps]
