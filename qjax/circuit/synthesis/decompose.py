"""One gate to simpler gates, by its row or by its matrix."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from qjax.circuit.instruction import Instruction
from qjax.circuit.parameter import ParameterExpression, is_traced
from qjax.circuit.synthesis.controlled import (
    EQUIVALENTS,
    controlled_p,
    controlled_rotation,
    controlled_steps,
    controlled_x,
)
from qjax.circuit.synthesis.multiplexed import diagonal_steps
from qjax.circuit.synthesis.permutation import permutation_steps
from qjax.circuit.synthesis.steps import from_row, phase_steps, step
from qjax.circuit.synthesis.unitary import unitary_steps
from qjax.errors import CircuitError, ParameterError
from qjax.gates import FAMILIES, GATES, Gate

_BY_ARRAY: dict[str, Callable[[Instruction], list[Instruction]]] = {
    "unitary": lambda i: unitary_steps(np.asarray(i.params[0]), i.qubits, i.controls),
    "diagonal": lambda i: diagonal_steps(np.asarray(i.params[0]), i.qubits, i.controls),
    "permutation": lambda i: permutation_steps(_arguments(i)[0], i.qubits, i.controls),
}

_UNDER_CONTROLS: dict[str, Callable[[Instruction], list[Instruction]]] = {
    "gphase": lambda i: phase_steps(i.params[0], i.controls),
    "x": lambda i: controlled_x(i.controls, i.qubits[0]),
    "p": lambda i: controlled_p(i.params[0], i.controls, i.qubits[0]),
    "ry": lambda i: controlled_rotation("ry", i.params[0], i.controls, i.qubits[0]),
    "rz": lambda i: controlled_rotation("rz", i.params[0], i.controls, i.qubits[0]),
    "rx": lambda i: [
        step("h", i.qubits),
        step("rz", i.qubits, i.params, i.controls),
        step("h", i.qubits),
    ],
}


def decompose(i: Instruction) -> list[Instruction]:
    """A gate as a sequence of simpler gates, exactly: with its phase, also under controls.

    It goes one step, so that a writer can stop at any gate that its language has. Going on, it
    ends at `x` under at most one control, and `h, y, z, s, sdg, t, tdg, rx, ry, rz, p, gphase`
    without controls; each of these is returned as it is. Symbolic angles stay symbolic.

    Args:
        i: A gate, with any controls.

    Returns:
        Instructions in time order; empty for an identity.

    Raises:
        CircuitError: If it is no gate, or a traced number would have to be known.
        ParameterError: If the gate has no decomposition of its own and an angle is symbolic.

    Note:
        Costs in CX: `qjax.circuit.synthesis.controlled` and `.unitary`.

    Examples:
        >>> from qjax.circuit import Circuit
        >>> [str(s) for s in decompose(Circuit(2).rzz(0.5, 0, 1)[0])]
        ['cx 0, 1', 'rz(0.5) 1', 'cx 0, 1']
        >>> [s.name for s in decompose(Circuit(3).ccx(0, 1, 2)[0])]
        ['h', 'mcp', 'h']
    """
    gate = i.operation
    if not isinstance(gate, Gate):
        raise CircuitError(f"decompose: instruction must be a gate, but is {i}.")
    if i.conditions:
        plain = decompose(replace(i, conditions=()))
        return [replace(s, conditions=i.conditions) for s in plain]
    if not all(i.control_values):
        off = [c for c, v in zip(i.controls, i.control_values, strict=True) if not v]
        flips = [step("x", (c,)) for c in off]
        return [*flips, replace(i, control_values=(1,) * len(i.controls)), *flips]
    if _is_family(gate) and gate.name in _BY_ARRAY:
        _check_known(i)
        return _BY_ARRAY[gate.name](i)
    standard = GATES.get(gate.name) is gate
    if i.controls and standard and gate.name in _UNDER_CONTROLS:
        return _UNDER_CONTROLS[gate.name](i)
    if gate.decomposition is not None:
        steps = from_row(gate.decomposition(*i.params), i.qubits)
    elif standard and i.controls:
        steps = from_row(EQUIVALENTS[gate.name], i.qubits)
    elif standard:
        return [i] if gate.name != "id" else []
    else:
        _check_known(i)
        return unitary_steps(np.asarray(gate.matrix(*i.params)), i.qubits, i.controls)
    return controlled_steps(steps, i.controls) if i.controls else steps


def expand(i: Instruction) -> list[Instruction]:
    """A gate decomposed to the end: CX and uncontrolled one-qubit gates.

    Examples:
        >>> from collections import Counter
        >>> from qjax.circuit import Circuit
        >>> Counter(s.name for s in expand(Circuit(3).ccx(0, 1, 2)[0]))["cx"]
        6
    """
    steps = decompose(i)
    if len(steps) == 1 and steps[0] == i:
        return steps
    return [final for s in steps for final in expand(s)]


def _is_family(gate: Gate) -> bool:
    maker = FAMILIES.get(gate.name)
    return maker is not None and bool(gate.arguments) and maker(*gate.arguments) is gate


def _arguments(i: Instruction) -> tuple[Any, ...]:
    assert isinstance(i.operation, Gate)
    return i.operation.arguments


def _check_known(i: Instruction) -> None:
    """Refuse numbers that are not known yet, where a matrix must be computed from them."""
    if any(is_traced(p) for p in i.params):
        raise CircuitError(f"decompose: numbers of {i.name} must be known, but are traced.")
    if any(isinstance(p, ParameterExpression) for p in i.params):
        raise ParameterError(
            f"decompose: {i} has no decomposition of its own, so its angles must be numbers, but "
            "some are symbolic; bind the circuit first, or give the gate's row a decomposition."
        )
