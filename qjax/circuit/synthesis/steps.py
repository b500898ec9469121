"""Short ways to write the instructions that syntheses are made of."""

from collections.abc import Iterable
from typing import Any

from qjax.circuit.instruction import Instruction
from qjax.gates import GATES, Step, find_gate


def step(
    name: str,
    qubits: tuple[int, ...],
    params: tuple[Any, ...] = (),
    controls: tuple[int, ...] = (),
) -> Instruction:
    """A gate of the table on qubits, under controls at value 1."""
    return Instruction(GATES[name], qubits, params, controls, (1,) * len(controls))


def cx(control: int, target: int) -> Instruction:
    """The controlled X."""
    return step("x", (target,), (), (control,))


def phase_steps(angle: Any, controls: tuple[int, ...] = ()) -> list[Instruction]:
    """The factor exp(i angle) where every control is 1; no step if the angle is the number 0."""
    if isinstance(angle, (int, float)) and angle == 0:
        return []
    if not controls:
        return [step("gphase", (), (angle,))]
    return [step("p", controls[-1:], (angle,), controls[:-1])]


def from_row(steps: Iterable[Step], qubits: tuple[int, ...]) -> list[Instruction]:
    """The steps of a row's decomposition, placed on qubits."""
    placed = []
    for name, params, positions in steps:
        gate = find_gate(name)
        k, places = gate.num_controls, tuple(qubits[p] for p in positions)
        placed.append(Instruction(gate.base or gate, places[k:], params, places[:k], (1,) * k))
    return placed
