"""Circuits from and for Qiskit, with their parameters and global phase."""

import operator
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np

from qjax._checks import as_positive
from qjax._extras import require
from qjax.circuit import Circuit, Instruction, Parameter, ParameterVector
from qjax.circuit.compose import conditioned, controlled, inverted
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.circuit.structure import check_noiseless
from qjax.circuit.synthesis import decompose
from qjax.errors import CircuitError, ParameterError
from qjax.gates import Gate
from qjax.interop._gates import placed, placed_matrix

# Rows of the table with the same matrix as a class of qiskit.circuit.library.
_CLASSES = {
    "id": "IGate", "x": "XGate", "y": "YGate", "z": "ZGate", "h": "HGate", "s": "SGate",
    "sdg": "SdgGate", "t": "TGate", "tdg": "TdgGate", "sx": "SXGate", "sxdg": "SXdgGate",
    "rx": "RXGate", "ry": "RYGate", "rz": "RZGate", "p": "PhaseGate", "u": "UGate", "prx": "RGate",
    "swap": "SwapGate", "iswap": "iSwapGate", "ecr": "ECRGate", "dcx": "DCXGate",
    "rxx": "RXXGate", "ryy": "RYYGate", "rzz": "RZZGate", "rzx": "RZXGate",
    "xx_plus_yy": "XXPlusYYGate", "xx_minus_yy": "XXMinusYYGate",
}  # fmt: skip
_OLD = {"U1Gate": "p", "U3Gate": "u"}  # other names of the same matrices
_DYNAMIC = frozenset("initialize store delay break_loop continue_loop".split())

_MOST_BITS = 12  # of an expression whose values are tried one by one
_OPERATORS: dict[str, Callable[[int, int], Any]] = {
    "BIT_AND": operator.and_, "BIT_OR": operator.or_, "BIT_XOR": operator.xor,
    "LOGIC_AND": lambda a, b: a and b, "LOGIC_OR": lambda a, b: a or b,
    "EQUAL": operator.eq, "NOT_EQUAL": operator.ne, "LESS": operator.lt,
    "LESS_EQUAL": operator.le, "GREATER": operator.gt, "GREATER_EQUAL": operator.ge,
    "SHIFT_LEFT": operator.lshift, "SHIFT_RIGHT": operator.rshift, "ADD": operator.add,
    "SUB": operator.sub, "MUL": operator.mul,
}  # fmt: skip


def _library() -> Any:
    return require("qiskit.circuit.library", "qiskit", "Conversion from and to Qiskit")


@cache
def _rows() -> dict[Any, str]:
    """The row of each class."""
    library = _library()
    pairs = [(cls, row) for row, cls in _CLASSES.items()] + list(_OLD.items())
    return {getattr(library, cls): row for cls, row in pairs}


def to_qiskit(circuit: Circuit) -> Any:
    """A circuit as a `qiskit.QuantumCircuit`.

    Args:
        circuit: Its numbers must be known or symbolic, not traced.

    Returns:
        The circuit with the same unitary, its global phase included. Parameters keep their names,
        and vectors are vectors; one of several axes is flattened in row-major order.

    Raises:
        MissingExtraError: If Qiskit is not installed.
        CircuitError: If a number is traced.
        ParameterError: If a gate that Qiskit lacks has open parameters and no decomposition.

    Examples:
        >>> to_qiskit(Circuit(2).h(0).cx(0, 1)).count_ops()["cx"]
        1
    """
    check_noiseless(circuit.structure, "to_qiskit")
    library, terra = _library(), require("qiskit.circuit", "qiskit", "Conversion to Qiskit")
    found: dict[str, Any] = {}
    for name, shape in circuit.parameters.items():
        size = int(np.prod(shape, dtype=int))
        found[name] = terra.ParameterVector(name, size) if shape else terra.Parameter(name)

    def symbol(s: Symbol) -> Any:
        return found[s.name][s.index] if s.shape else found[s.name]

    def angle(value: Any) -> Any:
        if isinstance(value, ParameterExpression):
            total: Any = float(value.offset)
            for s, factor in value.terms:
                total = symbol(s) * float(factor) + total
            return total
        return float(value)

    made = terra.QuantumCircuit(circuit.num_qubits)
    for name, size in (circuit.clbit_registers or {"c": circuit.num_clbits}).items():
        if size:
            made.add_register(terra.ClassicalRegister(size, name))

    def append(i: Instruction) -> None:
        gate = i.operation
        if i.conditions:
            condition, *rest = i.conditions
            with made.if_test(_test(condition, made)):
                append(replace(i, conditions=tuple(rest)))
            return
        if i.operation is RESET:
            made.reset(list(i.qubits))
            return
        if i.operation is BARRIER:
            made.barrier(list(i.qubits))
            return
        if i.operation is MEASURE:
            made.measure(list(i.qubits), list(i.clbits))
            return
        assert isinstance(gate, Gate)
        if any(is_traced(p) for p in i.params):
            raise CircuitError(f"to_qiskit: the numbers of {i} must be known, but are traced.")
        if gate.name == "gphase" and not i.controls:
            made.global_phase += angle(i.params[0])
            return
        if gate.name == "unitary":
            new = library.UnitaryGate(np.asarray(i.params[0]))
        elif gate.name in _CLASSES:
            new = getattr(library, _CLASSES[gate.name])(*(angle(p) for p in i.params))
        else:
            for step in decompose(i):
                append(step)
            return
        if i.controls:
            state = sum(v << k for k, v in enumerate(i.control_values))
            new = new.control(len(i.controls), ctrl_state=state, annotated=True)
        made.append(new, list(i.all_qubits))

    for instruction in circuit:
        append(instruction)
    return made


def from_qiskit(circuit: Any, *, max_iterations: int | None = None) -> Circuit:
    """A circuit of Qiskit as a `Circuit`.

    Gates that the table has not are replaced by their definitions, or by their matrices.

    Args:
        circuit: A `qiskit.QuantumCircuit`. Its angles may be affine expressions of parameters.
        max_iterations: How often the body of a while_loop is carried out at most; see
            `Circuit.while_loop`. Without it such a loop is an error.

    Returns:
        The circuit with the same unitary, its global phase included; qubits and classical bits
        have the numbers that they have in Qiskit's circuit.

    Raises:
        MissingExtraError: If Qiskit is not installed.
        CircuitError: If it is no circuit of Qiskit, has timing, or a while_loop without a bound.
        ParameterError: If an angle is not affine in the parameters.

    Examples:
        >>> from qiskit import QuantumCircuit
        >>> bell = QuantumCircuit(2)
        >>> _ = bell.h(0), bell.cx(0, 1)
        >>> print(from_qiskit(bell))
        q0: ─H─●─
               │
        q1: ───X─
    """
    terra = require("qiskit.circuit", "qiskit", "Conversion from Qiskit")
    if not isinstance(circuit, terra.QuantumCircuit):
        raise CircuitError(f"from_qiskit: circuit must be a QuantumCircuit, but is {circuit!r}.")
    made = Circuit(circuit.num_qubits, circuit.num_clbits)
    if [c for register in circuit.cregs for c in register] == circuit.clbits:
        made.name_clbits({r.name: len(r) for r in circuit.cregs if len(r)})
    bound = None
    if max_iterations is not None:
        bound = as_positive(max_iterations, "from_qiskit: max_iterations")
    everything = tuple(range(circuit.num_qubits)), tuple(range(circuit.num_clbits))
    for instruction in _Reader(bound).instructions(circuit, everything):
        made.append(instruction)
    return made


def _test(condition: Condition, made: Any) -> Any:
    """A condition as an expression of Qiskit."""
    expr = require("qiskit.circuit.classical.expr", "qiskit", "Conversion to Qiskit")
    total: Any = None
    for value in condition.values:
        term: Any = None
        for k, c in enumerate(condition.clbits):
            bit = expr.lift(made.clbits[c])
            bit = bit if value >> k & 1 else expr.logic_not(bit)
            term = bit if term is None else expr.logic_and(term, bit)
        total = term if total is None else expr.logic_or(total, term)
    return expr.logic_not(total) if condition.negated else total


def _condition(tested: Any, place: Callable[[Any], int]) -> Condition:
    """A condition of Qiskit: (bit or register, value), or an expression, tried at all values."""
    if isinstance(tested, tuple):
        what, value = tested
        return Condition(tuple(place(c) for c in _bits(what)), (int(value),))
    expr = require("qiskit.circuit.classical.expr", "qiskit", "Conversion from Qiskit")
    read = [c for var in expr.iter_vars(tested) for c in _bits(var.var)]
    read = list(dict.fromkeys(read))
    if len(read) > _MOST_BITS:
        raise CircuitError(
            f"from_qiskit: the expression of a condition must be on at most {_MOST_BITS} bits, but "
            f"one is on {len(read)}."
        )
    values = [
        value
        for value in range(2 ** len(read))
        if _evaluated(tested, {c: value >> k & 1 for k, c in enumerate(read)})
    ]
    return Condition(tuple(place(c) for c in read), tuple(values))


def _bits(what: Any) -> list[Any]:
    """The bits of a register, or one bit."""
    terra = require("qiskit.circuit", "qiskit", "Conversion from Qiskit")
    if isinstance(what, terra.ClassicalRegister):
        return [what[k] for k in range(len(what))]
    if not isinstance(what, terra.Clbit):
        raise CircuitError(f"from_qiskit: conditions must be on bits, but one is on {what}.")
    return [what]


def _evaluated(node: Any, outcome: dict[Any, int]) -> Any:
    """The value of an expression of Qiskit for the values of bits."""
    kind = type(node).__name__
    if kind == "Var":
        bits = [outcome[c] for c in _bits(node.var)]
        return sum(bit << k for k, bit in enumerate(bits))
    if kind == "Value":
        return int(node.value)
    if kind == "Cast":
        value = _evaluated(node.operand, outcome)
        return int(bool(value)) if type(node.type).__name__ == "Bool" else value
    if kind == "Unary":
        value = _evaluated(node.operand, outcome)
        return int(not value) if node.op.name == "LOGIC_NOT" else ~value & _mask(node.type)
    if kind == "Binary" and node.op.name in _OPERATORS:
        left, right = _evaluated(node.left, outcome), _evaluated(node.right, outcome)
        return int(_OPERATORS[node.op.name](left, right)) & _mask(node.type)
    raise CircuitError(f"from_qiskit: a condition must not hold {kind}, but one does.")


def _mask(type_: Any) -> int:
    return (1 << getattr(type_, "width", 1)) - 1


@dataclass(frozen=True)
class _Places:
    """Where the qubits and bits of a circuit of Qiskit, and those of one of its bodies, are.

    Attributes:
        bits: Of the circuit.
        inside: (qubits, bits) of the body.
    """

    bits: tuple[int, ...]
    inside: tuple[tuple[int, ...], tuple[int, ...]]


def _index(circuit: Any, bit: Any) -> int:
    return circuit.find_bit(bit).index


def _branches(reader: "_Reader", circuit: Any, item: Any, where: _Places) -> list[Instruction]:
    """An if_else of Qiskit."""
    condition = _condition(item.operation.condition, lambda c: where.bits[_index(circuit, c)])
    first, *others = item.operation.blocks
    bodies = [reader.instructions(block, where.inside) for block in (first, *others)]
    found = conditioned(bodies[0], condition, more=len(bodies) > 1)
    return found + (conditioned(bodies[1], ~condition) if others else [])


def _while(reader: "_Reader", circuit: Any, item: Any, where: "_Places") -> list[Instruction]:
    """A while_loop of Qiskit."""
    if reader.max_iterations is None:
        raise CircuitError(
            "from_qiskit: a while_loop must have a bound: from_qiskit(circuit, max_iterations=...)."
        )
    condition = _condition(item.operation.condition, lambda c: where.bits[_index(circuit, c)])
    body = reader.instructions(item.operation.blocks[0], where.inside)
    return [i for _ in range(reader.max_iterations) for i in conditioned(body, condition)]


def _for(reader: "_Reader", circuit: Any, item: Any, where: "_Places") -> list[Instruction]:
    """A for_loop of Qiskit."""
    values, symbol, body = item.operation.params
    found = []
    for value in values:
        bound = body if symbol is None else body.assign_parameters({symbol: value}, strict=False)
        found += reader.instructions(bound, where.inside)
    return found


def _switch(reader: "_Reader", circuit: Any, item: Any, where: _Places) -> list[Instruction]:
    """A switch_case of Qiskit."""
    expr = require("qiskit.circuit.classical.expr", "qiskit", "Conversion from Qiskit")
    target = item.operation.target
    if isinstance(target, expr.Expr):
        read = list(dict.fromkeys(c for var in expr.iter_vars(target) for c in _bits(var.var)))
    else:
        read = _bits(target)
        target = expr.lift(target)
    if len(read) > _MOST_BITS:
        raise CircuitError(
            f"from_qiskit: a switch must be on at most {_MOST_BITS} bits, but is on {len(read)}."
        )
    outcomes = [{c: v >> k & 1 for k, c in enumerate(read)} for v in range(2 ** len(read))]
    values = [_evaluated(target, outcome) for outcome in outcomes]
    places = tuple(where.bits[_index(circuit, c)] for c in read)
    cases = list(item.operation.cases_specifier())
    left, found = set(range(len(values))), []
    for n, (labels, block) in enumerate(cases):
        whole = any(not isinstance(label, int) for label in labels)  # CASE_DEFAULT
        mine = left if whole else {k for k in left if values[k] in labels}
        condition = Condition(places, tuple(sorted(mine)))
        left = left - mine
        body = reader.instructions(block, where.inside)
        found += conditioned(body, condition, more=n + 1 < len(cases))
    return found


_CONTROL_FLOW = {
    "if_else": _branches,
    "switch_case": _switch,
    "for_loop": _for,
    "while_loop": _while,
}


@dataclass(frozen=True)
class _Reader:
    """Reads circuits of Qiskit.

    Attributes:
        max_iterations: How often a while_loop runs at most.
    """

    max_iterations: int | None

    def instructions(
        self, circuit: Any, where: tuple[tuple[int, ...], tuple[int, ...]]
    ) -> list[Instruction]:
        """Those of a circuit whose qubit k is qubit `where[0][k]`, its global phase first."""
        found = []
        phase = _angle(circuit.global_phase)
        if isinstance(phase, ParameterExpression) or phase:
            found += placed("gphase", (phase,), ())
        for item in circuit.data:
            qubits = tuple(where[0][_index(circuit, q)] for q in item.qubits)
            clbits = tuple(where[1][_index(circuit, c)] for c in item.clbits)
            if (read := _CONTROL_FLOW.get(item.operation.name)) is not None:
                found += read(self, circuit, item, _Places(where[1], (qubits, clbits)))
            else:
                found += _converted(item.operation, qubits, clbits)
        return found


def _converted(
    operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...]
) -> list[Instruction]:
    """One operation of Qiskit on qubits."""
    terra = require("qiskit.circuit", "qiskit", "Conversion from Qiskit")
    name = operation.name
    if name == "barrier":
        return [Instruction(BARRIER, qubits)]
    if name == "measure":
        return [Instruction(MEASURE, qubits, clbits=clbits)]
    if name == "reset":
        return [Instruction(RESET, qubits)]
    if name in _DYNAMIC or clbits or isinstance(operation, terra.ControlFlowOp):
        raise CircuitError(
            "from_qiskit: operations must be gates, barriers, measurements, resets, if_else, "
            f"switch_case and loops, but one is {name}."
        )
    library = _library()
    cls = getattr(operation, "base_class", type(operation))
    if cls is library.UGate and len(operation.params) == 4:  # what a CUGate with controls has
        return placed("phased_u", tuple(_angle(p) for p in operation.params), qubits)
    if cls in _rows():
        return placed(_rows()[cls], tuple(_angle(p) for p in operation.params), qubits)
    if cls is library.U2Gate:
        phi, lam = (_angle(p) for p in operation.params)
        return placed("u", (np.pi / 2, phi, lam), qubits)
    if cls is library.GlobalPhaseGate:
        return placed("gphase", (_angle(operation.params[0]),), ())
    if cls is library.CUGate:  # its phase is no part of its base
        base = placed("phased_u", tuple(_angle(p) for p in operation.params), qubits[1:])
        return controlled(base, qubits[:1], [operation.ctrl_state])
    if isinstance(operation, terra.AnnotatedOperation):
        return _modified(operation, operation.modifiers, qubits)
    k = operation.num_ctrl_qubits if isinstance(operation, terra.ControlledGate) else 0
    # The base of a gate with several targets is on one of them.
    if k and operation.base_gate.num_qubits == len(qubits) - k:
        values = [operation.ctrl_state >> j & 1 for j in range(k)]
        return controlled(_converted(operation.base_gate, qubits[k:], ()), qubits[:k], values)
    if cls is not library.UnitaryGate and operation.definition is not None:
        return _Reader(None).instructions(operation.definition, (qubits, ()))
    if not hasattr(operation, "to_matrix"):
        raise CircuitError(f"from_qiskit: {name} must have a definition or a matrix, but has none.")
    return placed_matrix(operation.to_matrix(), qubits)


def _modified(operation: Any, modifiers: list[Any], qubits: tuple[int, ...]) -> list[Instruction]:
    """An operation under modifiers, the last of which is the outermost."""
    terra = require("qiskit.circuit", "qiskit", "Conversion from Qiskit")
    if not modifiers:
        return _converted(operation.base_op, qubits, ())
    *inner, last = modifiers
    if isinstance(last, terra.InverseModifier):
        return inverted(_modified(operation, inner, qubits))
    if isinstance(last, terra.ControlModifier):
        k = last.num_ctrl_qubits
        values = [last.ctrl_state >> j & 1 for j in range(k)]
        return controlled(_modified(operation, inner, qubits[k:]), qubits[:k], values)
    times = last.power
    if times != int(times):
        raise CircuitError(f"from_qiskit: powers of gates must be whole, but one is {times}.")
    base = _modified(operation, inner, qubits)
    return (base if times >= 0 else inverted(base)) * abs(int(times))


def _angle(value: Any) -> Any:
    """A number, or an affine expression of parameters, from what Qiskit holds."""
    if not hasattr(value, "parameters"):
        return float(value)
    symbols = sorted(value.parameters, key=lambda p: p.name)
    zero = value.bind(dict.fromkeys(symbols, 0.0))
    total: Any = float(complex(zero).real)
    for p in symbols:
        factor = value.gradient(p)
        if getattr(factor, "parameters", None):
            raise ParameterError(
                f"from_qiskit: an angle must be affine in the parameters, but is {value}."
            )
        total = total + _symbol(p) * float(complex(factor).real)
    return total


def _symbol(parameter: Any) -> Any:
    vector = getattr(parameter, "vector", None)
    if vector is None:
        return Parameter(parameter.name)
    return ParameterVector(vector.name, len(vector))[parameter.index]
