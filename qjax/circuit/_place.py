"""Placing a gate: checks of qubits, controls and angles, and broadcasting over sequences."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from qjax._checks import check_index
from qjax.channels import Channel
from qjax.circuit.instruction import (
    Instruction,
    checked_angle,
    checked_array,
    checked_values,
    placed,
)
from qjax.circuit.parameter import ParameterVector, is_traced
from qjax.errors import CircuitError
from qjax.gates import GATES, Gate

Qubits = int | np.integer | Sequence[int] | np.ndarray
"""A qubit, or a sequence of them: the gate goes on each."""

Angles = Any
"""An angle (number, traced scalar or expression), or a sequence of one per qubit."""


def place(
    gate: Gate,
    params: tuple[Any, ...],
    places: tuple[Any, ...],
    controls: Any,
    control_values: Any,
    num_qubits: int,
) -> list[Instruction]:
    """Instructions of one builder call, one for each element of the sequences given.

    Args:
        gate: The row; its first `num_controls` places are controls.
        params: One value per parameter: a scalar, or a sequence.
        places: One value per qubit of the row: an int, or a sequence.
        controls: More controls, the same for every instruction.
        control_values: 0 or 1 for each of `controls`; None is all 1.
        num_qubits: Size of the circuit.

    Raises:
        CircuitError: If a qubit is out of range or repeated, lengths differ, or an angle is bad.
    """
    if len(places) != gate.num_qubits:
        plural = "" if gate.num_qubits == 1 else "s"
        raise CircuitError(
            f"{gate.name}: takes {gate.num_qubits} qubit{plural}, but got {len(places)}."
        )
    if len(params) != len(gate.params):
        wanted = f"{len(gate.params)} ({', '.join(gate.params)})" if gate.params else "none"
        raise CircuitError(f"{gate.name}: takes {wanted} as parameters, but got {len(params)}.")
    extra = tuple(_one_qubit(gate, "control", c, num_qubits) for c in as_list(controls))
    values = checked_control_values(gate.name, control_values, len(extra))

    columns = [as_list(p) for p in places]
    angles = [
        _angle_column(p) if shape == () else [p]
        for p, shape in zip(params, gate.param_shapes, strict=True)
    ]
    length = _common_length(gate, columns, angles)
    return [
        _instruction(
            gate,
            tuple(a[i if len(a) > 1 else 0] for a in angles),
            tuple(c[i if len(c) > 1 else 0] for c in columns),
            extra,
            values,
            num_qubits,
        )
        for i in range(length)
    ]


def _instruction(
    gate: Gate,
    params: tuple[Any, ...],
    places: tuple[Any, ...],
    extra: tuple[int, ...],
    extra_values: tuple[int, ...],
    num_qubits: int,
) -> Instruction:
    names = ["control"] * gate.num_controls + ["qubit"] * (gate.num_qubits - gate.num_controls)
    if gate.num_controls:
        names = ["target" if n == "qubit" else n for n in names]
    qubits = tuple(
        _one_qubit(gate, name, q, num_qubits) for name, q in zip(names, places, strict=True)
    )
    everything = extra + qubits
    if len(set(everything)) != len(everything):
        twice = next(q for q in everything if everything.count(q) > 1)
        if not gate.num_controls and not extra:
            pair = "qubits"
        else:
            pair = "control and target" if len(everything) == 2 else "controls and targets"
        both = "both are" if len(everything) == 2 else "two of them are"
        raise CircuitError(f"{gate.name}: {pair} must differ, but {both} qubit {twice}.")
    where = placed(gate.name, everything)
    checked = tuple(
        checked_array(where, shape, value) if shape else checked_angle(where, name, value)
        for name, shape, value in zip(gate.params, gate.param_shapes, params, strict=True)
    )
    own, k = qubits[: gate.num_controls], gate.num_controls
    controls, values = extra + own, extra_values + (1,) * k
    return canonical(gate.base or gate, qubits[k:], checked, controls, values)


def place_channel(
    channel: Channel, values: tuple[Any, ...], qubits: Any, num_qubits: int
) -> list[Instruction]:
    """Instructions of a channel: one, or for a channel on one qubit one for each qubit given.

    Raises:
        CircuitError: If a qubit is out of range or repeated, or a value is bad.
    """
    if len(values) != len(channel.params):
        raise CircuitError(
            f"{channel.name}: takes {len(channel.params)} ({', '.join(channel.params)}) as "
            f"parameters, but got {len(values)}."
        )
    places = distinct_qubits(channel.name, qubits, num_qubits)
    k = channel.num_qubits
    if k != 1 and len(places) != k:
        raise CircuitError(f"{channel.name}: takes {k} qubits, but got {len(places)}.")
    chosen = [(q,) for q in places] if k == 1 else [places]
    return [
        Instruction(channel, own, checked_values(placed(channel.name, own), channel, values))
        for own in chosen
    ]


def canonical(
    base: Gate,
    qubits: tuple[int, ...],
    params: tuple[Any, ...],
    controls: tuple[int, ...],
    control_values: tuple[int, ...],
) -> Instruction:
    """One form for one thing: a controlled global phase is a phase gate on a control."""
    if base.name == "gphase" and 1 in control_values:
        k = len(control_values) - 1 - control_values[::-1].index(1)
        qubits, base = (controls[k],), GATES["p"]
        controls = controls[:k] + controls[k + 1 :]
        control_values = control_values[:k] + control_values[k + 1 :]
    return Instruction(base, qubits, params, controls, control_values)


def _one_qubit(gate: Gate, name: str, qubit: Any, num_qubits: int) -> int:
    place = f"this {num_qubits}-qubit circuit"
    return check_index(qubit, num_qubits, f"{gate.name}: {name}", place)


def checked_control_values(what: str, values: Any, count: int) -> tuple[int, ...]:
    """The values 0 or 1 at which controls act; None is all 1.

    Raises:
        CircuitError: If they are not one of 0 and 1 for each control.
    """
    if values is None:
        return (1,) * count
    given = tuple(as_list(values))
    if len(given) != count or any(v not in (0, 1) for v in given):
        raise CircuitError(
            f"{what}: control_values must be {count} numbers 0 or 1, but are {given}."
        )
    return tuple(int(v) for v in given)


def as_list(value: Any) -> list[Any]:
    """A list from a scalar or a sequence; a text counts as a scalar."""
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return list(value) if isinstance(value, (np.ndarray, jax.Array)) and value.ndim else [value]


def distinct_qubits(what: str, qubits: Any, num_qubits: int) -> tuple[int, ...]:
    """Qubits of a circuit, no two the same, from an int or a sequence.

    Raises:
        CircuitError: If one is out of range or repeated.
    """
    place = f"this {num_qubits}-qubit circuit"
    indices = tuple(check_index(q, num_qubits, f"{what}: qubit", place) for q in as_list(qubits))
    if len(set(indices)) != len(indices):
        raise CircuitError(f"{what}: qubits must differ, but are {indices}.")
    return indices


def _angle_column(value: Any) -> list[Any]:
    if isinstance(value, ParameterVector):
        if len(value.shape) != 1:
            raise CircuitError(f"{value!r}: angles must be a vector, so give a part of it.")
        return list(value)
    if isinstance(value, (list, tuple)):
        return list(value)
    if isinstance(value, (jax.Array, np.ndarray)) and value.ndim == 1:
        return list(value if is_traced(value) else np.asarray(value))
    return [value]


def _common_length(gate: Gate, columns: list[list[Any]], angles: list[list[Any]]) -> int:
    lengths = {len(c) for c in [*columns, *angles]} - {1}
    if not lengths:
        return 1
    if len(lengths) > 1:
        raise CircuitError(
            f"{gate.name}: sequences of qubits and angles must have one length, "
            f"but have {', '.join(str(n) for n in sorted(lengths))}."
        )
    (length,) = lengths
    if columns and all(len(c) == 1 for c in columns):
        raise CircuitError(
            f"{gate.name}: {length} angles were given for one qubit; give as many qubits."
        )
    return length
