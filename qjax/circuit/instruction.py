"""Instruction: a gate, a channel, a measurement, a reset or a barrier, placed on qubits."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from qjax.channels import Channel
from qjax.circuit.control_flow import Condition
from qjax.circuit.parameter import ParameterExpression, is_number, is_traced
from qjax.errors import CircuitError
from qjax.gates import Gate, named_controlled


@dataclass(frozen=True)
class Directive:
    """What a circuit may hold that is no gate.

    Attributes:
        name: "barrier", "measure" or "reset".
        label: What a drawing shows.
        param_shapes: None.
    """

    name: str
    label: str
    param_shapes: tuple[()] = ()

    def __reduce__(self) -> str:
        """Each is one object, in copies and in other processes too."""
        return self.name.upper()


BARRIER = Directive("barrier", "░")
MEASURE = Directive("measure", "M")
RESET = Directive("reset", "|0>")


@dataclass(frozen=True, eq=False)
class Instruction:
    """A gate, a channel or a directive on the qubits of a circuit. It is never changed.

    A controlled gate is held as its base and its controls, so `cx`, a controlled `x` and
    `mcx` with one control are one and the same.

    Attributes:
        operation: The row of the gate under the controls, or of a channel, or a directive.
        qubits: The qubits it acts on, without controls; the first is bit 0 of the gate's matrix.
        params: Its angles (numbers, tracers or `ParameterExpression`s) or arrays.
        controls: Control qubits.
        control_values: For each control, the value (0 or 1) at which the gate acts.
        clbits: For a measurement, the classical bit of each qubit.
        conditions: Conditions on classical bits, all of which must hold for it to be carried out.
    """

    operation: Gate | Channel | Directive
    qubits: tuple[int, ...]
    params: tuple[Any, ...] = ()
    controls: tuple[int, ...] = ()
    control_values: tuple[int, ...] = ()
    clbits: tuple[int, ...] = ()
    conditions: tuple[Condition, ...] = ()

    @property
    def is_gate(self) -> bool:
        """Whether it is a gate."""
        return isinstance(self.operation, Gate)

    @property
    def named(self) -> Gate | None:
        """The row of the gate together with its controls, or None if that has no name.

        A gate with a control at value 0 has no name, for its row means controls at 1.
        """
        if not isinstance(self.operation, Gate) or not all(self.control_values):
            return None
        return named_controlled(self.operation, len(self.controls))

    @property
    def name(self) -> str:
        """Name as in OpenQASM and in `count_ops`: "cx", "ccx", "measure", "mcx", "mcecr"."""
        if (named := self.named) is not None:
            return named.name
        return f"mc{self.operation.name}" if self.controls else self.operation.name

    @property
    def all_qubits(self) -> tuple[int, ...]:
        """Controls first, then the qubits under them."""
        return self.controls + self.qubits

    @property
    def read_clbits(self) -> tuple[int, ...]:
        """The classical bits of its conditions."""
        return tuple(c for condition in self.conditions for c in condition.clbits)

    @property
    def is_symbolic(self) -> bool:
        """Whether an angle is still open."""
        return any(isinstance(param, ParameterExpression) for param in self.params)

    def same_place(self, other: "Instruction") -> bool:
        """Whether operation, qubits, controls, clbits and conditions are those of `other`."""
        return (
            self.operation is other.operation
            and self.qubits == other.qubits
            and self.controls == other.controls
            and self.control_values == other.control_values
            and self.clbits == other.clbits
            and self.conditions == other.conditions
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Instruction):
            return NotImplemented
        return self.same_place(other) and all(
            _equal(a, b) for a, b in zip(self.params, other.params, strict=True)
        )

    def __hash__(self) -> int:
        return hash((self.operation, self.qubits, self.controls, self.control_values, self.clbits))

    def __str__(self) -> str:
        angles = ", ".join(_short(p) for p in self.params)
        places = ", ".join(str(q) for q in self.all_qubits)
        negative = [
            str(c) for c, v in zip(self.controls, self.control_values, strict=True) if not v
        ]
        when = f" when {', '.join(negative)} is 0" if negative else ""
        into = f" -> {', '.join(str(c) for c in self.clbits)}" if self.clbits else ""
        only = f" if {' and '.join(map(str, self.conditions))}" if self.conditions else ""
        return f"{self.name}{f'({angles})' if angles else ''} {places}{when}{into}{only}"


def placed(name: str, qubits: tuple[int, ...]) -> str:
    """Gate and qubits at fault, as a message begins.

    Examples:
        >>> placed("rx", (2,)), placed("cx", (0, 1)), placed("gphase", ())
        ('rx on qubit 2', 'cx on qubits 0, 1', 'gphase')
    """
    if not qubits:
        return name
    return f"{name} on qubit{'s' if len(qubits) > 1 else ''} {', '.join(map(str, qubits))}"


def checked_angle(where: str, name: str, value: Any) -> Any:
    """A number, tracer or expression, after checks; concrete numbers become Python floats.

    Args:
        where: Gate and qubits, as `placed` gives them.
        name: Name of the gate's parameter.
        value: What the user gave.

    Raises:
        CircuitError: If it is none of these, or not finite.
    """
    if isinstance(value, ParameterExpression):
        numbers = (value.offset, *(factor for _, factor in value.terms))
        if not all(is_traced(number) or np.isfinite(number) for number in numbers):
            raise CircuitError(f"{where}: {name} must be finite, but is {value}.")
        return value
    if not is_number(value):
        if is_traced(value):
            found = f"traced, of dtype {value.dtype} and shape {value.shape}"
        else:
            found = f"of shape {value.shape}" if getattr(value, "shape", ()) else repr(value)
        raise CircuitError(
            f"{where}: {name} must be a real number, a traced scalar or an expression of "
            f"parameters, but is {found}."
        )
    if is_traced(value):
        return value
    number = float(value)
    if not np.isfinite(number):
        raise CircuitError(f"{where}: {name} must be finite, but is {number}.")
    return number


def unitarity_tolerance(dtype: Any, size: int) -> float:
    """How far a product of `size` rows of rounded numbers may be from the identity.

    Each entry of M M^dagger sums `size` products whose rounding is one eps of the matrix's
    precision, and the matrix itself is rounded once: 8 * eps * size leaves a margin of four.
    A matrix typed in with six or seven digits passes as single precision.
    """
    single = np.finfo(np.float32).eps
    eps = max(float(np.finfo(dtype).eps), float(single))
    return 8 * eps * max(size, 2)


def checked_values(where: str, channel: Channel, values: tuple[Any, ...]) -> tuple[Any, ...]:
    """The values of a channel's parameters, after checks.

    Args:
        where: Channel and qubits, as `placed` gives them.
        channel: The row.
        values: What the user gave, one for each parameter. Traced values and expressions are not
            known yet: a strength that cannot be then gives NaN, or is told when it is bound.

    Raises:
        CircuitError: If a shape is wrong, or known values make no channel; the message says how
            far they are off.
    """
    checked = []
    for name, shape, value in zip(channel.params, channel.param_shapes, values, strict=True):
        if not shape:
            checked.append(checked_angle(where, name, value))
            continue
        if not is_traced(value):
            value = np.asarray(value, np.complex128)
            if not np.all(np.isfinite(value)):
                raise CircuitError(f"{where}: {name} must be finite, but hold NaN or infinity.")
        if value.shape != shape:
            raise CircuitError(
                f"{where}: {name} must have shape {shape}, but have shape {tuple(value.shape)}."
            )
        checked.append(value)
    open_yet = any(is_traced(v) or isinstance(v, ParameterExpression) for v in checked)
    if not open_yet and (fault := channel.fault(*checked)) is not None:
        raise CircuitError(f"{where}: {fault}.")
    return tuple(checked)


def checked_array(where: str, shape: tuple[int, ...], value: Any) -> Any:
    """The matrix of a `unitary` or the entries of a `diagonal`, after checks.

    Args:
        where: Gate and qubits, as `placed` gives them.
        shape: The shape it must have.
        value: What the user gave.

    Raises:
        CircuitError: If the shape is wrong, a number is not finite, or the gate is not unitary;
            the message says how far it is off.
    """
    if not is_traced(value):
        try:
            value = np.asarray(value)
        except ValueError:
            raise CircuitError(f"{where}: rows must have one length, but have several.") from None
    if value.shape != shape:
        raise CircuitError(f"{where}: shape must be {shape}, but is {tuple(value.shape)}.")
    if np.dtype(value.dtype).kind not in "iufc":
        raise CircuitError(f"{where}: entries must be numbers, but are {value.dtype}.")
    if is_traced(value):
        return value
    tolerance = unitarity_tolerance(
        value.dtype if value.dtype.kind in "fc" else np.float64, shape[0]
    )
    value = value.astype(np.complex128)
    if not np.all(np.isfinite(value)):
        raise CircuitError(f"{where}: entries must be finite, but hold NaN or infinity.")
    if len(shape) == 1:
        error = float(np.max(np.abs(np.abs(value) - 1)))
        what = "every entry must have modulus 1, but one is off by"
    else:
        error = float(np.max(np.abs(value @ value.conj().T - np.eye(shape[0]))))
        what = "the matrix must be unitary, but the largest entry of M M^dagger - 1 is"
    if error > tolerance:
        raise CircuitError(f"{where}: {what} {error:.3g} (allowed: {tolerance:.1g}).")
    value.setflags(write=False)
    return value


def _equal(a: Any, b: Any) -> bool:
    if is_traced(a) or is_traced(b):
        return a is b
    if isinstance(a, ParameterExpression) or isinstance(b, ParameterExpression):
        return a == b
    return bool(np.array_equal(a, b))


def _short(param: Any) -> str:
    if is_traced(param):
        return "<traced>"
    if isinstance(param, float):
        return f"{param:.6g}"
    return str(param) if isinstance(param, ParameterExpression) else f"<{param.shape} array>"
