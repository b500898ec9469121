"""Plan: the ops of a circuit, and where each finds its numbers. Static and hashable."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from qjax.circuit.structure import Structure
from qjax.gates import Gate
from qjax.plan.op import Op, OpKind
from qjax.plan.schedule import schedule
from qjax.plan.sweep import Stage


@dataclass(frozen=True, eq=False)
class Plan:
    """What the compiler made of a circuit's structure; it holds no number of a run.

    Two plans are equal when their structures and parts are, for the compiler is a function of the
    structure.

    Attributes:
        structure: The circuit's structure.
        ops: What an engine executes, in time order.
        part: The first of these ops and the one after the last, among those of the structure, if
            they are not all.
    """

    structure: Structure
    ops: tuple[Op, ...]
    part: tuple[int, int] | None = None

    @property
    def num_qubits(self) -> int:
        """Number of qubits."""
        return self.structure.num_qubits

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Indices of ops whose numbers are computed together: of one kind, size and length."""
        table: dict[tuple[OpKind, int, int], list[int]] = {}
        for index, op in enumerate(self.ops):
            if op.num_numbers:
                length = -(-(len(op.factors) - 1).bit_length() // 3)  # 1, up to 8, up to 64, ...
                table.setdefault((op.kind, len(op.targets), length), []).append(index)
        return tuple(tuple(group) for group in table.values())

    @cached_property
    def offsets(self) -> tuple[int, ...]:
        """Where the numbers of each op start in the buffer of numbers; groups stand together."""
        offsets, start = [0] * len(self.ops), 0
        for group in self.groups:
            for index in group:
                offsets[index] = start
                start += self.ops[index].num_numbers
        return tuple(offsets)

    @cached_property
    def num_numbers(self) -> int:
        """Length of the buffer of numbers."""
        return sum(op.num_numbers for op in self.ops)

    @cached_property
    def parts(self) -> tuple["Plan", ...]:
        """The plan cut around every op that is not unitary; one part if all are."""
        cuts = {0, len(self.ops)}
        for index, op in enumerate(self.ops):
            if not self.is_unitary_op(op):
                cuts |= {index, index + 1}
        ends = sorted(cuts)
        return tuple(Plan(self.structure, self.ops[a:b], (a, b)) for a, b in pairwise(ends)) or (
            self,
        )

    def is_unitary_op(self, op: Op) -> bool:
        """Whether an op is a product of gates that are unitary."""
        gates = (self.structure.items[f.item].operation for f in op.factors)
        return all(isinstance(gate, Gate) and gate.unitary for gate in gates)

    @cached_property
    def is_unitary(self) -> bool:
        """Whether all gates are unitary."""
        return all(map(self.is_unitary_op, self.ops))

    def places(self, part: "Plan") -> np.ndarray:
        """Where the numbers of a part stand in the buffer of this plan, in the part's order."""
        assert part.part is not None
        found = np.zeros(part.num_numbers, np.int32)
        for op, to, start in zip(
            part.ops, part.offsets, self.offsets[slice(*part.part)], strict=True
        ):
            found[to : to + op.num_numbers] = np.arange(start, start + op.num_numbers)
        return found

    def schedule(self, tile_bits: int, low_bits: int) -> tuple[Stage, ...]:
        """The ops in sweeps over tiles; the same object for equal arguments.

        Args:
            tile_bits: Number of qubits of a tile, at least 1; a tile of a smaller state has all
                qubits.
            low_bits: How many of the lowest qubits every tile has, at most `tile_bits`.

        Raises:
            EngineError: If an op mixes more amplitudes than a tile has; see `max_width`.
        """
        key = (tile_bits, low_bits)
        if key not in self._schedules:
            self._schedules[key] = schedule(self.num_qubits, self.ops, tile_bits, low_bits)
        return self._schedules[key]

    @cached_property
    def _schedules(self) -> dict[tuple[int, int], tuple[Stage, ...]]:
        return {}

    def __hash__(self) -> int:
        return hash((self.structure, self.part))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Plan)
            and self.part == other.part
            and self.structure == other.structure
        )

    def __repr__(self) -> str:
        return f"<Plan: {self.num_qubits} qubits, {len(self.ops)} ops>"

    def __str__(self) -> str:
        return self.describe()

    def describe(self, tile_bits: int = 15, low_bits: int = 5) -> str:
        """The plan as text: its sweeps, their steps, and the ops of each.

        Args:
            tile_bits: Number of qubits of a tile; more if an op needs more.
            low_bits: How many of the lowest qubits every tile has.
        """
        tile_bits = max(tile_bits, low_bits + max_width(self))
        kinds = Counter(op.kind.name.lower() for op in self.ops)
        summary = ", ".join(f"{count} {kind}" for kind, count in kinds.most_common())
        gates = sum(isinstance(item.operation, Gate) for item in self.structure.items)
        lines = [f"{self.num_qubits} qubits, {gates} gates in {len(self.ops)} ops ({summary})"]
        for stage in self.schedule(tile_bits, low_bits):
            for sweep in stage.sweeps:
                lines.append(f"  sweep over {', '.join(map(str, sweep.tile)) or 'no qubits'}")
                for step in sweep.steps:
                    names = [step.kind.name.lower()] + [""] * (len(step.ops) - 1)
                    pairs = zip(names, step.ops, strict=True)
                    lines += [f"    {name:<8}{self.ops[i]}" for name, i in pairs]
        return "\n".join(lines)


def max_width(plan: Plan) -> int:
    """The most qubits whose amplitudes one op of a plan mixes: what a tile must have beside others.

    A tile of `max_width(plan) + low_bits` qubits is always large enough.
    """
    return max((op.needs.bit_count() for op in plan.ops), default=0)
