"""Carries out a program's statements, and collects the instructions of a circuit."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qjax.circuit import Circuit, Parameter, ParameterVector
from qjax.circuit.instruction import BARRIER, MEASURE, Instruction
from qjax.errors import CircuitError, ParameterError, QasmError
from qjax.qasm.calls import Caller
from qjax.qasm.evaluate import Wires, binary, converted, describe
from qjax.qasm.expressions import MAX_ELEMENTS, MAX_WIRES, Jumped
from qjax.qasm.lexer import Source
from qjax.qasm.parser import Parser
from qjax.qasm.standard import DEFINITIONS, library
from qjax.qasm.syntax import (
    Alias,
    Assignment,
    Barrier,
    Call,
    Declaration,
    Evaluate,
    For,
    GateCall,
    GateDefinition,
    If,
    Include,
    Index,
    Jump,
    Measurement,
    Name,
    Range,
    Register,
    Reset,
    Subroutine,
    While,
)


class Interpreter(Caller):
    """Carries out a program."""

    def run(self, statements: list[Any]) -> Circuit:
        """The circuit of a program."""
        try:
            self.execute(statements)
        except Jumped as jump:
            if jump.word != "end":
                raise QasmError(
                    f"{self.source.name}: {jump.word} must stand in a loop or subroutine."
                ) from None
        for name in self.inputs:
            raise QasmError(
                f"{self.source.name}: inputs must be those of the program, which has no {name!r}."
            )
        circuit = Circuit(self.num_qubits, self.num_clbits)
        for instruction in self.instructions:
            circuit._list().append(instruction)
        try:
            circuit._pack()
        except (CircuitError, ParameterError) as error:
            raise QasmError(f"{self.source.name}: {error}") from error
        return circuit

    # --- statements ---------------------------------------------------------------------------

    def execute(self, statements: list[Any]) -> None:
        """Carry out statements in a row."""
        for node in statements:
            _STATEMENTS[type(node)](self, node)

    def block(self, statements: list[Any]) -> None:
        """Carry out statements in a block of their own."""
        self.scopes.append({})
        try:
            self.execute(statements)
        finally:
            self.scopes.pop()

    def include(self, node: Include) -> None:
        """Make a library's gates known; no file is read."""
        gates = library(node.file)
        if gates is None:
            raise self.error(
                node.at,
                'only "qelib1.inc" and "stdgates.inc" can be included, which are built in, but '
                f"this is {node.file[:60]!r}. Put its gates into the program.",
            )
        self.gates |= gates
        if node.file == "qelib1.inc":
            for extra in Parser(Source(DEFINITIONS, "qelib1.inc")).program():
                self.gates[extra.name] = extra

    def register(self, node: Register) -> None:
        """Qubits or classical bits."""
        size = 1 if node.size is None else self.number(node.size, "a size")
        self.outside(node.at, f"{node.kind}s")
        used = self.num_qubits if node.kind == "qubit" else self.num_clbits
        if size < 1 or used + size > MAX_WIRES:
            raise self.error(
                node.at,
                f"a register must have at least 1 {node.kind} and a program at most {MAX_WIRES:,}, "
                f"but this one asks for {str(size)[:20]}.",
            )
        if node.kind == "qubit":
            if self.physical:
                raise self.error(node.at, "physical qubits must not be mixed with declared ones.")
            self.declared = True
            self.num_qubits += size
        else:
            self.num_clbits += size
        wires = Wires(node.kind, tuple(range(used, used + size)), node.size is None)
        self.declare(node.name, wires, node.at)
        if isinstance(node.value, Measurement):
            self.measure(node.value, wires, node.at)
        elif node.value is not None:
            value = self.value(node.value)
            if any(value) if isinstance(value, list) else value:
                raise self.error(node.at, "bits that begin with 1 are not supported.")

    def outside(self, at: int, what: str) -> None:
        """Refuse what may stand outside of blocks only."""
        if len(self.scopes) > 1 or self.calls:
            raise self.error(at, f"{what} must be declared outside of blocks.")

    def define(self, node: GateDefinition) -> None:
        """A gate of the program; it may replace one of a library."""
        self.outside(node.at, "gates")
        if node.name in self.program_gates or node.name in ("U", "CX", "gphase"):
            raise self.error(node.at, f"gate {node.name} must not be defined twice.")
        self.program_gates.add(node.name)
        self.gates[node.name] = self.recognised(node) or node

    def routine(self, node: Subroutine) -> None:
        """A subroutine of the program."""
        self.outside(node.at, "subroutines")
        if node.name in self.subroutines:
            raise self.error(node.at, f"{node.name!r} must not be declared twice.")
        self.subroutines[node.name] = node

    def declaration(self, node: Declaration) -> None:
        """A constant, a variable or an input."""
        sizes = [self.number(size, "a size") for size in node.sizes]
        for size in sizes:
            if not 1 <= size <= MAX_ELEMENTS:
                raise self.error(
                    node.at,
                    f"an array must have 1 to {MAX_ELEMENTS:,} elements, not {str(size)[:20]}.",
                )
        if node.kind == "input":
            self.outside(node.at, "inputs")
            value = self.input(node, sizes)
        elif node.value is None:
            value = None
        elif isinstance(node.value, Measurement):
            raise self.error(node.at, "a measurement must be assigned to bits.")
        else:
            value = self.value(node.value)
            if not sizes:
                given = value
                value = self.guarded(
                    node.at, lambda: converted(node.type, given), f"the value of {node.name}"
                )
        if node.kind == "const" and len(self.scopes) == 1:
            self.constants.add(node.name)
        self.declare(node.name, value, node.at)

    def input(self, node: Declaration, sizes: list[int]) -> Any:
        """The value of an input: given, or an open parameter."""
        if node.name in self.inputs:
            given = self.inputs.pop(node.name)
            if sizes:
                return np.asarray(given, float).reshape(-1).tolist()
            plain = given.item() if hasattr(given, "item") else given
            return self.guarded(
                node.at, lambda: converted(node.type, plain), f"the value of {node.name}"
            )
        if node.type not in ("float", "angle"):
            raise self.error(
                node.at,
                f"input {node.name} of type {node.type} must have a value, for only float and "
                f"angle can stay open: loads(text, inputs={{{node.name!r}: ...}}).",
            )
        if sizes:
            if len(sizes) > 1:
                raise self.error(node.at, "an input array must have one dimension.")
            return ParameterVector(node.name, sizes[0])
        return self.vectors.get(node.name) or Parameter(node.name)

    def alias(self, node: Alias) -> None:
        """Another name for qubits or bits."""
        value = self.value(node.value)
        if not isinstance(value, Wires):
            raise self.error(node.at, f"let names qubits or bits, but gets {describe(value)}.")
        self.declare(node.name, value, node.at)

    def assign(self, node: Assignment) -> None:
        """Target = value."""
        self.step(node.at)
        if isinstance(node.value, Measurement):
            target = self.value(node.target)
            if not isinstance(target, Wires) or target.kind != "bit":
                raise self.error(
                    node.at,
                    f"a measurement must be assigned to bits, but not to {describe(target)}.",
                )
            self.measure(node.value, target, node.at)
            return
        if isinstance(node.target, Name):
            name = node.target.name
            current = self.lookup(name, node.at)
            if isinstance(current, Wires) or name in self.constants:
                raise self.error(node.at, f"{name!r} must not be assigned to.")
            value = self.value(node.value)
            if node.operator != "=":
                given = value
                value = self.guarded(node.at, lambda: binary(node.operator[:-1], current, given))
            for scope in reversed(self.scopes):
                if name in scope:
                    scope[name] = value
                    return
        if isinstance(node.target, Index):
            base = self.value(node.target.base)
            if isinstance(base, list) and node.operator == "=":
                place = self.place(self.number(node.target.index, "an index"), len(base), node.at)
                base[place] = self.value(node.value)
                return
        raise self.error(
            node.at, "assignments to classical bits while the circuit runs are not supported."
        )

    def loop(self, node: For) -> None:
        """For, over known values."""
        if isinstance(node.values, Range):
            values: Any = self.range(node.values, None)
        else:
            values = self.value(node.values)
            if isinstance(values, Wires):
                values = [values.take(k) for k in range(len(values))]
        if not isinstance(values, (list, range)):
            raise self.error(
                node.at, f"a loop needs a range or a set, but gets {describe(values)}."
            )
        for value in values:
            self.step(node.at)
            self.scopes.append({node.name: value})
            try:
                self.execute(node.body)
            except Jumped as jump:
                if jump.word == "break":
                    break
                if jump.word != "continue":
                    raise
            finally:
                self.scopes.pop()

    def while_loop(self, node: While) -> None:
        """While, on a known condition."""
        while self.condition(node.condition):
            self.step(node.at)
            try:
                self.block(node.body)
            except Jumped as jump:
                if jump.word == "break":
                    break
                if jump.word != "continue":
                    raise

    def branch(self, node: If) -> None:
        """If, on a known condition."""
        self.block(node.body if self.condition(node.condition) else node.otherwise)

    def condition(self, node: Any) -> bool:
        """A condition, which must be known."""
        value = self.value(node)
        if isinstance(value, Wires):
            raise self.error(
                node.at,
                "a condition on measured bits is not supported: it must be known before the "
                "circuit runs.",
            )
        if not isinstance(value, (bool, int, float)):
            raise self.error(node.at, f"a condition must be known, but is {describe(value)}.")
        return bool(value)

    def barrier(self, node: Barrier) -> None:
        """A barrier on the operands, or on all qubits."""
        self.step(node.at)
        if not node.operands:
            qubits: tuple[int, ...] = tuple(range(self.num_qubits))
        else:
            qubits = tuple(q for o in node.operands for q in self.wires(o, "qubit").indices)
        self.instructions.append(Instruction(BARRIER, tuple(dict.fromkeys(qubits))))

    def reset(self, node: Reset) -> None:
        """Not yet."""
        raise self.error(
            node.at, "reset is not supported: circuits are unitary, with measurements."
        )

    def jump(self, node: Jump) -> None:
        """break, continue, end or return."""
        raise Jumped(node.word, None if node.value is None else self.value(node.value))

    def alone(self, node: Evaluate) -> None:
        """A subroutine's call, or a measurement whose outcome nobody keeps."""
        if isinstance(node.value, Measurement):
            raise self.error(node.at, "a measurement must have bits to go to, as in c = measure q;")
        if not isinstance(node.value, Call) or node.value.name not in self.subroutines:
            raise self.error(node.at, "a statement must stand here, but this does nothing.")
        self.call(node.value)

    def measure(self, node: Measurement, target: Wires, at: int) -> None:
        """Measure qubits into bits."""
        qubits = self.wires(node.operand, "qubit")
        if len(qubits) != len(target):
            raise self.error(
                at, f"a measurement needs a bit for each qubit, but has {len(qubits)} qubits and "
                f"{len(target)} bits.",
            )  # fmt: skip
        self.step(at, len(qubits))
        for q, c in zip(qubits.indices, target.indices, strict=True):
            self.instructions.append(Instruction(MEASURE, (q,), clbits=(c,)))


_STATEMENTS: dict[type, Callable[[Interpreter, Any], None]] = {
    Include: Interpreter.include, Register: Interpreter.register,
    GateDefinition: Interpreter.define, Subroutine: Interpreter.routine,
    Declaration: Interpreter.declaration, Alias: Interpreter.alias,
    Assignment: Interpreter.assign, For: Interpreter.loop, While: Interpreter.while_loop,
    If: Interpreter.branch, Barrier: Interpreter.barrier, Reset: Interpreter.reset,
    Jump: Interpreter.jump, Evaluate: Interpreter.alone, GateCall: Interpreter.gate_call,
}  # fmt: skip
