"""Circuits from and for PennyLane."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qjax._extras import require
from qjax.circuit import Circuit, Instruction
from qjax.circuit.binding import named_values
from qjax.circuit.compose import controlled, inverted
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.circuit.parameter import ParameterExpression
from qjax.circuit.structure import check_noiseless
from qjax.circuit.synthesis import decompose
from qjax.errors import CircuitError, ParameterError
from qjax.gates import GATES, Gate
from qjax.interop._gates import placed, placed_matrix

# Rows of the table with the same matrix as a class of PennyLane.
_CLASSES = {
    "id": "Identity", "x": "PauliX", "y": "PauliY", "z": "PauliZ", "h": "Hadamard", "s": "S",
    "t": "T", "sx": "SX", "rx": "RX", "ry": "RY", "rz": "RZ", "p": "PhaseShift", "u": "U3",
    "swap": "SWAP", "iswap": "ISWAP", "sqrt_iswap": "SISWAP", "ecr": "ECR", "rxx": "IsingXX",
    "ryy": "IsingYY", "rzz": "IsingZZ",
}  # fmt: skip
_ADJOINTS = {"sdg": "s", "tdg": "t", "sxdg": "sx", "iswapdg": "iswap",
             "sqrt_iswapdg": "sqrt_iswap"}  # fmt: skip
_CONTROLLED = {
    "CNOT": "cx", "CY": "cy", "CZ": "cz", "CH": "ch", "CRX": "crx", "CRY": "cry", "CRZ": "crz",
    "ControlledPhaseShift": "cp", "CPhase": "cp", "Toffoli": "ccx", "CCZ": "ccz", "CSWAP": "cswap",
}  # fmt: skip
_LARGEST_MATRIX = 5  # qubits of an operator that is known by its matrix only


def _pennylane() -> Any:
    return require("pennylane", "pennylane", "Conversion from and to PennyLane")


def to_pennylane(circuit: Circuit) -> Callable[..., None]:
    """A circuit as a quantum function of PennyLane, to be called in a QNode.

    Args:
        circuit: Gates, and measurements at the end, which are left to the QNode.

    Returns:
        A function of the values of the open parameters, an array in the order of `params` or a
        mapping; they may be of any interface that PennyLane differentiates. It queues the circuit
        on the wires 0, 1, ..., wire k for qubit k, its global phase included.

    Raises:
        MissingExtraError: If PennyLane is not installed.
        CircuitError: If the circuit resets qubits, or uses them after a measurement.
        ParameterError: When called, if values are missing or too many.

    Examples:
        >>> import pennylane as qml
        >>> bell = to_pennylane(Circuit(2).h(0).cx(0, 1))
        >>> [made.name for made in qml.tape.make_qscript(bell)().operations]
        ['Hadamard', 'CNOT']
    """
    check_noiseless(circuit.structure, "to_pennylane")
    qml = _pennylane()
    if circuit.structure.final_measurements is None:
        raise CircuitError(
            "to_pennylane: measurements must be final, and nothing may depend on them, but this "
            f"circuit has {circuit.structure.dynamic or 'others'}."
        )
    offsets, count = circuit.structure.offsets, circuit.num_parameters

    def values_of(params: Any) -> dict[str, Any]:
        named = named_values(params)
        if named is not None:
            if set(named) != set(offsets):
                raise ParameterError(
                    f"to_pennylane: values must be those of {', '.join(offsets)}, but are of "
                    f"{', '.join(map(str, named))}."
                )
            return {name: qml.math.reshape(value, (-1,)) for name, value in named.items()}
        if params is None and count:
            raise ParameterError(f"to_pennylane: values of {', '.join(offsets)} must be given.")
        flat = [] if params is None else qml.math.reshape(params, (-1,))
        if len(flat) != count:
            raise ParameterError(f"to_pennylane: values must be {count}, but are {len(flat)}.")
        return {name: flat[start : start + size] for name, (start, size) in offsets.items()}

    def quantum_function(params: Any = None) -> None:
        values = values_of(params)

        def angle(param: Any) -> Any:
            if not isinstance(param, ParameterExpression):
                return param
            total = param.offset
            for symbol, factor in param.terms:
                total = total + factor * values[symbol.name][symbol.index]
            return total

        for i in circuit:
            _queue(qml, i, angle)

    return quantum_function


def _queue(qml: Any, i: Instruction, angle: Callable[[Any], Any]) -> None:
    """Queue an instruction on wires."""
    name = i.operation.name
    if i.operation is MEASURE:
        return
    if i.operation is BARRIER:
        qml.Barrier(wires=list(i.qubits))
        return
    assert isinstance(i.operation, Gate)
    standard = GATES.get(name) is i.operation
    if standard and name == "gphase" and not i.controls:
        qml.GlobalPhase(-angle(i.params[0]))
        return
    wires = list(i.qubits)
    if standard and name in _CLASSES:
        make = lambda: getattr(qml, _CLASSES[name])(*map(angle, i.params), wires=wires)
    elif standard and name in _ADJOINTS:
        make = lambda: qml.adjoint(getattr(qml, _CLASSES[_ADJOINTS[name]])(wires=wires))
    elif name == "unitary":
        make = lambda: qml.QubitUnitary(np.asarray(i.params[0]), wires=wires[::-1])
    elif name == "diagonal":
        make = lambda: qml.DiagonalQubitUnitary(np.asarray(i.params[0]), wires=wires[::-1])
    elif name == "pauli_rotation":
        word = i.operation.arguments[0]
        make = lambda: qml.PauliRot(angle(i.params[0]), word, wires=wires)
    else:
        for step in decompose(i):
            _queue(qml, step, angle)
        return
    if i.controls:
        base = qml.QueuingManager.stop_recording()
        with base:
            inner = make()
        qml.ctrl(inner, control=list(i.controls), control_values=list(i.control_values))
    else:
        make()


def from_pennylane(tape: Any, *args: Any, **kwargs: Any) -> Circuit:
    """A tape or quantum function of PennyLane as a `Circuit`.

    Operators that the table has not are decomposed by PennyLane, or replaced by their matrices.

    Args:
        tape: A `QuantumScript` or `QuantumTape`; or a quantum function, called with `args` and
            `kwargs`. Its measurements are left out.
        *args: Arguments of the quantum function.
        **kwargs: Arguments of the quantum function.

    Returns:
        The circuit with the same unitary, its global phase included. Wire k is qubit k if all wires
        are integers, else wires are numbered in the order of the tape.

    Raises:
        MissingExtraError: If PennyLane is not installed.
        CircuitError: If an operation is no unitary operator with known numbers.

    Examples:
        >>> import pennylane as qml
        >>> def bell():
        ...     qml.Hadamard(0)
        ...     qml.CNOT([0, 1])
        >>> from_pennylane(bell).count_ops()
        {'h': 1, 'cx': 1}
    """
    qml = _pennylane()
    if not isinstance(tape, qml.tape.QuantumScript):
        if not callable(tape):
            raise CircuitError(
                f"from_pennylane: tape must be a tape or a quantum function, but is {tape!r}."
            )
        tape = qml.tape.make_qscript(getattr(tape, "func", tape))(*args, **kwargs)
    wires = list(tape.wires)
    if all(isinstance(w, (int, np.integer)) and w >= 0 for w in wires):
        where = {w: int(w) for w in wires}
    else:
        where = {w: k for k, w in enumerate(wires)}
    made = Circuit(1 + max(where.values(), default=-1))
    for operator in tape.operations:
        for i in _converted(qml, operator, where):
            made.append(i)
    return made


def _converted(qml: Any, operator: Any, where: dict[Any, int]) -> list[Instruction]:
    """One operator on qubits."""
    name = type(operator).__name__
    places = tuple(where[w] for w in operator.wires)
    if name in _ROWS or name in _CONTROLLED:
        row = _ROWS.get(name) or _CONTROLLED[name]
        return placed(row, tuple(_number(qml, p) for p in operator.parameters), places)
    if isinstance(operator, qml.GlobalPhase):
        return placed("gphase", (-_number(qml, operator.parameters[0]),), ())
    if isinstance(operator, qml.Barrier):
        return [Instruction(BARRIER, places)]
    if isinstance(operator, qml.PauliRot):
        word = operator.hyperparameters["pauli_word"]
        scratch = Circuit(max(places) + 1)
        return list(scratch.pauli_rotation(word, _number(qml, operator.parameters[0]), places))
    if isinstance(operator, qml.ops.Controlled):
        controls = tuple(where[w] for w in operator.control_wires)
        values = [int(v) for v in operator.control_values]
        return controlled(_converted(qml, operator.base, where), controls, values)
    if isinstance(operator, qml.ops.Adjoint):
        return inverted(_converted(qml, operator.base, where))
    if operator.has_matrix and len(places) <= _LARGEST_MATRIX:
        matrix = qml.math.unwrap([qml.matrix(operator)])[0]
        return placed_matrix(matrix, places[::-1])
    if operator.has_decomposition:
        steps = operator.decomposition()
        return [i for step in steps for i in _converted(qml, step, where)]
    raise CircuitError(
        f"from_pennylane: operations must be unitary operators, but one is {operator}."
    )


_ROWS = {cls: row for row, cls in _CLASSES.items()}


def _number(qml: Any, value: Any) -> float:
    try:
        return float(qml.math.unwrap([value])[0])
    except (TypeError, ValueError) as error:
        raise CircuitError(
            f"from_pennylane: angles must be known numbers, but one is {value!r}."
        ) from error
