"""Circuits opened: a coordinate for everything that a derivative by other points has to move."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.circuit import Circuit, Instruction, ParameterExpression, ParameterVector
from qjax.circuit.parameter import is_traced
from qjax.circuit.shift import frequencies, one_angle_gates, shift_rule
from qjax.errors import ParameterError
from qjax.gates import Gate


@dataclass(frozen=True)
class Opened:
    """A circuit as a function of coordinates, which are affine in a flat array x.

    Coordinate a is offset[a] + sum over the terms t with coordinate[t] = a of
    factor[t] * x[position[t]]. Derivatives by coordinates are sums over rows: row r is the circuit
    with shift[r] added to coordinate row[r], and counts weight[r].

    Attributes:
        circuit: The circuit whose parameters are the coordinates.
        named: From coordinates to its params.
        offset: float64 of shape (A,).
        coordinate: int of shape (T,).
        position: int of shape (T,).
        factor: float64 of shape (T,).
        row: int of shape (R,).
        shift: float64 of shape (R,).
        weight: float64 of shape (R,).
    """

    circuit: Circuit
    named: Callable[[jax.Array], Any]
    offset: np.ndarray
    coordinate: np.ndarray
    position: np.ndarray
    factor: np.ndarray
    row: np.ndarray
    shift: np.ndarray
    weight: np.ndarray

    def linear(self, x: jax.Array) -> jax.Array:
        """What x adds to the coordinates: (X,) -> (A,)."""
        parts = jnp.asarray(self.factor, x.dtype) * x[self.position]
        return jnp.zeros(len(self.offset), x.dtype).at[self.coordinate].add(parts)

    def at(self, x: jax.Array) -> jax.Array:
        """The coordinates: (X,) -> (A,)."""
        return jnp.asarray(self.offset, x.dtype) + self.linear(x)

    def entries(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """(row, position, weight) for each way in which a row counts in a derivative by x."""
        first = np.searchsorted(self.coordinate, self.row, "left")  # terms are in order
        count = np.searchsorted(self.coordinate, self.row, "right") - first
        row = np.repeat(np.arange(len(self.row)), count)
        term = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count) + first[row]
        return row, self.position[term], self.weight[row] * self.factor[term]

    def moved_by(self, active: np.ndarray) -> np.ndarray:
        """Which coordinates depend on the entries of x that are active: bool (X,) -> bool (A,)."""
        found = np.zeros(len(self.offset), bool)
        found[self.coordinate[active[self.position]]] = True
        return found


def lifted(circuit: Circuit) -> tuple[Circuit, str, list[jax.Array]]:
    """A circuit with parameters in place of traced angles.

    Returns:
        (circuit, the name of the new parameters, the traced angles).
    """
    tracers: list[jax.Array] = []
    instructions = list(circuit)
    for i in instructions:
        if isinstance(i.operation, Gate):
            tracers += [p for p in i.params if is_traced(p) and not np.shape(p)]
    name = "lifted"
    while name in dict(circuit.structure.vectors):
        name += "_"
    if not tracers:
        return circuit, name, []
    fresh = iter(ParameterVector(name, len(tracers)))
    new = [
        replace(
            i,
            params=tuple(
                1.0 * next(fresh) if is_traced(p) and not np.shape(p) else p for p in i.params
            ),
        )
        if isinstance(i.operation, Gate)
        else i
        for i in instructions
    ]
    return Circuit(circuit.num_qubits, circuit.num_clbits)._extend(new), name, tracers


def opened(circuit: Circuit, *, by_angle: bool, step: float) -> tuple[Opened, list[jax.Array]]:
    """A circuit with a coordinate for every open angle, or for every parameter.

    Args:
        circuit: The circuit, without measurements.
        by_angle: Whether every open angle of a gate is a coordinate, whose rows are those of the
            parameter-shift rule; else every parameter is, with central differences.
        step: Of the differences.

    Returns:
        What is opened, and traced angles: x is the flat params followed by them.

    Raises:
        ParameterError: If a shift rule is wanted and there is none.
    """
    base = circuit.structure
    circuit, name, tracers = lifted(circuit)
    start = base.num_parameters

    def position(symbol: Any) -> int:
        return start + symbol.index if symbol.name == name else base.position(symbol)

    if by_angle:
        return _by_angle(circuit, position), tracers
    size = start + len(tracers)
    places = {
        vector: (start if vector == name else base.offsets[vector][0], shape)
        for vector, shape in circuit.structure.vectors
    }

    def named(at: jax.Array) -> Any:
        return {
            vector: at[first : first + int(np.prod(shape, dtype=int))].reshape(shape)
            for vector, (first, shape) in places.items()
        } or None

    each = np.arange(size)
    signs = np.repeat([1.0, -1.0], size)
    return Opened(
        circuit, named, np.zeros(size), each, each, np.ones(size),
        np.tile(each, 2), signs * step, signs / (2 * step),
    ), tracers  # fmt: skip


def _by_angle(circuit: Circuit, position: Callable[[Any], int]) -> Opened:
    steps = [s for i in circuit for s in one_angle_gates(i)]
    # A global phase changes no expectation value.
    steps = [i for i in steps if i.all_qubits or not i.is_symbolic]
    openly = [k for k, i in enumerate(steps) if i.is_symbolic]
    angles = ParameterVector("angles", len(openly)) if openly else ()
    offset = np.zeros(len(openly))
    terms: list[tuple[int, int, float]] = []
    rows: list[tuple[int, float, float]] = []
    for a, k in enumerate(openly):
        expression, gaps = _rotation(steps[k])
        offset[a] = float(expression.offset)
        terms += [(a, position(symbol), float(f)) for symbol, f in expression.terms]
        rows += [(a, shift, weight) for weight, shift in shift_rule(gaps)]
        steps[k] = replace(steps[k], params=(1.0 * angles[a],))
    new = Circuit(circuit.num_qubits)._extend(steps)
    return Opened(
        new, (lambda at: at) if openly else (lambda at: None), offset,
        *_columns(terms), *_columns(rows, float_second=True),
    )  # fmt: skip


def _rotation(i: Instruction) -> tuple[ParameterExpression, tuple[float, ...]]:
    """The angle of a gate, and the frequencies with which it enters expectation values."""
    if not isinstance(i.operation, Gate):
        raise ParameterError(f"{i} has no shift rule: its parameter is no angle of a gate.")
    (expression,) = i.params
    assert isinstance(expression, ParameterExpression)
    numbers = (expression.offset, *(factor for _, factor in expression.terms))
    if any(map(is_traced, numbers)):
        raise ParameterError(f"A shift rule needs known factors of parameters; not {expression}.")
    gaps = frequencies(i.operation, len(i.controls))
    assert gaps is not None
    return expression, gaps


def _columns(rows: list[tuple[int, Any, float]], *, float_second: bool = False) -> Any:
    first, second, third = zip(*rows, strict=True) if rows else ((), (), ())
    kind = np.float64 if float_second else np.int64
    return np.array(first, np.int64), np.array(second, kind), np.array(third, np.float64)
