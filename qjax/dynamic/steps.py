"""A circuit as steps: gates in a row, outcomes of measurements and resets, and channels.

A step of gates is one circuit, run at once. What acts by chance or under a condition is a gate of
it with one more parameter, a *choice*: which unitary of a mixture acts, or whether a condition
holds. The choices of a step are its vector of open parameters.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np

from qjax.channels import Channel
from qjax.circuit import Circuit, Instruction, ParameterVector
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.errors import CircuitError
from qjax.gates import Gate

_WIDEST = 3  # qubits of a gate whose matrix is taken or left by a choice

NOTHING = -1
"""The choice at which a mixture does nothing, for its condition does not hold."""


@dataclass(frozen=True)
class Step:
    """Gates in a row, or one measurement, reset or channel.

    Attributes:
        gates: A circuit without measurements, or None.
        choices: The instructions of it that are chosen, one for each of its open parameters: a
            mixture of unitaries, or a gate under conditions.
        channel: Another channel, or None.
        places: The qubits that are measured or reset, each with the bit that is written, or None
            for a reset.
        conditions: Conditions on the bits so far, for all of the step.
    """

    gates: Circuit | None = None
    choices: tuple[Instruction, ...] = ()
    channel: Instruction | None = None
    places: tuple[tuple[int, int | None], ...] = ()
    conditions: tuple[Condition, ...] = ()


def is_dynamic(circuit: Circuit) -> bool:
    """Whether a circuit is more than gates and final measurements.

    Examples:
        >>> is_dynamic(Circuit(1).h(0).measure(0)), is_dynamic(Circuit(1).measure(0).x(0))
        (False, True)
    """
    return circuit.structure.final_measurements is None


def without_final_measurements(circuit: Circuit) -> Circuit:
    """The circuit without the measurements after which neither qubit nor bit is used.

    Examples:
        >>> without_final_measurements(Circuit(1).measure(0).x(0).measure(0, 1)).count_ops()
        {'measure': 1, 'x': 1}
    """
    instructions = list(circuit)
    last = final_measurements(instructions)
    kept = circuit[:0]
    return kept._extend([i for k, i in enumerate(instructions) if k not in last])


def final_measurements(instructions: list[Instruction]) -> dict[int, list[tuple[int, int]]]:
    """(bit, qubit) of each measurement after which neither is used, by its place."""
    found: dict[int, list[tuple[int, int]]] = {}
    qubits: set[int] = set()
    clbits: set[int] = set()
    for k in reversed(range(len(instructions))):
        i = instructions[k]
        if i.operation is BARRIER:
            continue
        if i.operation is MEASURE and not i.conditions:
            if not (qubits.intersection(i.qubits) or clbits.intersection(i.clbits)):
                found[k] = list(zip(i.clbits, i.qubits, strict=True))
        qubits.update(i.all_qubits)
        clbits.update((*i.clbits, *i.read_clbits))
    return found


def parted(circuit: Circuit, *, keep_final: bool) -> tuple[list[Step], dict[int, int]]:
    """The steps of a circuit, and the qubit of each bit that is measured at the end.

    Args:
        circuit: The circuit.
        keep_final: Whether measurements at the end, after which neither qubit nor bit is used, are
            steps too.
    """
    instructions = [i for i in circuit if i.operation is not BARRIER]
    last = {} if keep_final else final_measurements(instructions)
    finals = {c: q for pairs in last.values() for c, q in pairs}
    body = _gathered([i for k, i in enumerate(instructions) if k not in last])
    empty = Circuit(circuit.num_qubits)
    return [step for group in _runs(body) for step in _steps(group, empty)], finals


def _gathered(instructions: list[Instruction]) -> list[Instruction]:
    """The instructions in an order of the same effect, with gates in fewer runs.

    A gate moves before what happens by chance since the last run of gates if it has no qubit or bit
    in common with any of that.
    """
    found: list[Instruction] = []
    run: list[Instruction] = []
    chances: list[Instruction] = []
    used: set[tuple[str, int]] = set()
    for i in instructions:
        bits = (*i.clbits, *i.read_clbits)
        wires = {("q", q) for q in i.all_qubits} | {("c", c) for c in bits}
        if not _acts(i):
            chances.append(i)
            used |= wires
        elif used & wires:
            found += run + chances
            run, chances, used = [i], [], set()
        else:
            run.append(i)
    return found + run + chances


def _runs(instructions: list[Instruction]) -> Iterator[list[Instruction]]:
    """Instructions that are one step each, or gates in a row."""
    for is_gate, group in groupby(instructions, _acts):
        if is_gate:
            yield list(group)
        else:
            yield from ([i] for i in group)


def _acts(i: Instruction) -> bool:
    """Whether an instruction is a gate, or a mixture of gates."""
    if isinstance(i.operation, Channel):
        return i.operation.mixture is not None
    if not isinstance(i.operation, Gate):
        return False
    is_narrow = i.operation.num_qubits <= _WIDEST or i.operation.generator is not None
    return is_narrow or not i.conditions


def _steps(group: list[Instruction], empty: Circuit) -> list[Step]:
    first = group[0]
    if _acts(first):
        chosen = tuple(i for i in group if not i.is_gate or i.conditions)
        vector = iter(ParameterVector("choices", len(chosen)) if chosen else ())
        placed = [
            _chosen(i, next(vector)) if not i.is_gate or i.conditions else i for i in group
        ]  # fmt: skip
        return [Step(empty.copy()._extend(placed), chosen)]
    conditions, bare = first.conditions, replace(first, conditions=())
    if first.is_gate:
        return [Step(empty.copy()._extend([bare]), conditions=conditions)]
    if isinstance(first.operation, Channel):
        return [Step(channel=bare, conditions=conditions)]
    bits = first.clbits if first.operation is MEASURE else (None,) * len(first.qubits)
    assert first.operation in (MEASURE, RESET)
    return [Step(places=tuple(zip(first.qubits, bits, strict=True)), conditions=conditions)]


def _chosen(i: Instruction, choice: Any) -> Instruction:
    """The gate that acts as a choice says."""
    if isinstance(i.operation, Channel):
        gate, params = _mixture_gate(i.operation), (*i.params, choice)
    else:
        assert isinstance(i.operation, Gate)
        if i.operation.generator is not None:  # exp(i theta G): an angle of 0 does nothing
            gate, params = i.operation, (choice * i.params[0],)
        else:
            gate, params = _conditional_gate(i.operation), (*i.params, choice)
    return replace(i, operation=gate, params=params, conditions=())


@cache
def _mixture_gate(channel: Channel) -> Gate:
    """The gate that is one of the unitaries of a mixture, or does nothing."""
    assert channel.mixture is not None
    mixture = channel.mixture

    def matrix(*values: Any, xp: Any = np) -> Any:
        *own, choice = values
        _, unitaries = mixture(*own, xp=xp)
        chosen = xp.asarray(choice)[..., None] == xp.arange(unitaries.shape[-3])
        idle = (xp.asarray(choice) == NOTHING)[..., None, None] * xp.eye(unitaries.shape[-1])
        return (chosen[..., None, None] * unitaries).sum(-3) + idle

    return _row("choice", channel, matrix)


@cache
def _conditional_gate(gate: Gate) -> Gate:
    """The gate that acts if its last parameter is 1, and does nothing if it is 0."""

    def matrix(*values: Any, xp: Any = np) -> Any:
        *own, holds = values
        weight = xp.asarray(holds)[..., None, None]
        acting = gate.matrix(*own, xp=xp)
        if isinstance(acting, np.ndarray):  # a copy: JAX keeps what it made of an array before
            acting = acting.copy()
        return weight * acting + (1 - weight) * xp.eye(acting.shape[-1])

    return _row(gate.name, gate, matrix)


def _row(name: str, base: Gate | Channel, matrix: Any) -> Gate:
    def no_inverse(*values: Any) -> Any:
        raise CircuitError(f"{base.name}: what is chosen by an outcome has no inverse.")

    return Gate(
        name, base.num_qubits, (*base.params, "choice"), base.definition, base.source,
        matrix=matrix, inverse=no_inverse, param_shapes=(*base.param_shapes, ()),
    )  # fmt: skip
