"""Carries out a program's statements, and collects the instructions of a circuit."""

from collections.abc import Callable
from typing import Any

import numpy as np

from qjax.circuit import Circuit, Parameter, ParameterVector
from qjax.circuit.compose import conditioned
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET, Instruction
from qjax.errors import CircuitError, ParameterError, QasmError
from qjax.qasm.calls import MOST_BITS, Caller
from qjax.qasm.evaluate import Wires, binary, converted, describe
from qjax.qasm.expressions import MAX_ELEMENTS, MAX_WIRES, Jumped
from qjax.qasm.lexer import Source
from qjax.qasm.parser import Parser
from qjax.qasm.standard import DEFINITIONS, library
from qjax.qasm.syntax import (
    Alias,
    Assignment,
    Barrier,
    Binary,
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
    Switch,
    While,
)


class Interpreter(Caller):
    """Carries out a program.

    Attributes:
        max_iterations: How often a loop on measured bits runs at most; None if it has no bound.
    """

    max_iterations: int | None = None

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
        circuit._clbit_registers = tuple(self.clbit_registers)
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
            self.clbit_registers.append((node.name, size))
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
            for place in reversed(range(len(self.scopes))):
                if name in self.scopes[place]:
                    self.check_assignable(place, node.at)
                    self.scopes[place][name] = value
                    return
        if isinstance(node.target, Index):
            base = self.value(node.target.base)
            if isinstance(base, list) and node.operator == "=":
                self.check_assignable(0, node.at)
                place = self.place(self.number(node.target.index, "an index"), len(base), node.at)
                base[place] = self.value(node.value)
                return
        raise self.error(
            node.at, "assignments to classical bits while the circuit runs are not supported."
        )

    def check_assignable(self, scope: int, at: int) -> None:
        """Refuse to change, under a condition on bits, what is read elsewhere."""
        if scope < self.floor:
            raise self.error(
                at, "variables must not change under a condition on measured bits, which are known "
                "only when the circuit runs."
            )  # fmt: skip

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
        """While: on a known condition, or on measured bits, so many times that it is bounded."""
        while (found := self.condition(node.condition)) is not False:
            if isinstance(found, Condition):
                self.bounded_loop(node, found)
                return
            self.step(node.at)
            try:
                self.block(node.body)
            except Jumped as jump:
                if jump.word == "break":
                    break
                if jump.word != "continue":
                    raise

    def bounded_loop(self, node: While, condition: Condition) -> None:
        """While, on measured bits."""
        if self.max_iterations is None:
            raise self.error(
                node.at,
                "a loop on measured bits must have a bound: loads(text, max_iterations=...).",
            )
        body = self.conditional(node.body, node.at)
        for _ in range(self.max_iterations):
            self.step(node.at, len(body))
            self.instructions += self.guarded(node.at, lambda: conditioned(body, condition))

    def branch(self, node: If) -> None:
        """If: on a known condition one of the bodies, on measured bits both under conditions."""
        found = self.condition(node.condition)
        if not isinstance(found, Condition):
            self.block(node.body if found else node.otherwise)
            return
        bodies = [self.conditional(body, node.at) for body in (node.body, node.otherwise)]
        for body, condition in zip(bodies, (found, ~found), strict=True):
            more = body is bodies[0] and bool(bodies[1])
            self.instructions += self.guarded(
                node.at,
                lambda body=body, condition=condition, more=more: conditioned(
                    body, condition, more=more
                ),
            )

    def switch(self, node: Switch) -> None:
        """Switch: on a known value one of the bodies, on measured bits all under conditions."""
        labels = [[self.number(label, "a case") for label in case] for case, _ in node.cases]
        everything = [value for case in labels for value in case]
        if len(set(everything)) != len(everything):
            raise self.error(node.at, "cases must be different.")
        bits = self.bits_of(node.value)
        if not bits:
            value = self.number(node.value, "the value of a switch")
            chosen = (body for case, (_, body) in zip(labels, node.cases, strict=True)
                      if value in case)  # fmt: skip
            self.block(next(chosen, node.otherwise))
            return
        found = self.outcome_values(node.value, bits)
        bodies = [self.conditional(body, node.at) for _, body in node.cases]
        conditions = [self.having(bits, found, set(case)) for case in labels]
        bodies.append(self.conditional(node.otherwise, node.at))
        conditions.append(~self.having(bits, found, set(everything)))
        for k, (body, condition) in enumerate(zip(bodies, conditions, strict=True)):
            more = any(bodies[k + 1 :])
            self.instructions += self.guarded(
                node.at,
                lambda body=body, condition=condition, more=more: conditioned(
                    body, condition, more=more
                ),
            )

    def outcome_values(self, node: Any, bits: tuple[int, ...]) -> list[int] | None:
        """The values of an expression for all values of its bits; None if they are the same."""
        if isinstance(node, (Name, Index)):
            return None
        if len(bits) > MOST_BITS:
            raise self.error(
                node.at, f"an expression here must be on at most {MOST_BITS} bits, but is on "
                f"{len(bits)}.",
            )  # fmt: skip
        values = []
        for value in range(2 ** len(bits)):
            self.step(node.at)
            self.outcomes = {c: bool(value >> k & 1) for k, c in enumerate(bits)}
            try:
                values.append(int(self.value(node)))
            finally:
                self.outcomes = None
        return values

    def having(self, bits: tuple[int, ...], found: list[int] | None, wanted: set[int]) -> Condition:
        """The condition that an expression has one of some values."""
        if found is None:
            return Condition(bits, tuple(sorted(v for v in wanted if 0 <= v < 2 ** len(bits))))
        return Condition(bits, tuple(k for k, value in enumerate(found) if value in wanted))

    def conditional(self, body: list[Any], at: int) -> list[Instruction]:
        """The instructions of a body that is carried out or not when the circuit runs."""
        kept, floor = self.instructions, self.floor
        self.instructions, self.floor = [], len(self.scopes)
        try:
            self.block(body)
        except Jumped as jump:
            raise self.error(
                at, f"{jump.word} must not depend on measured bits, which are known later."
            ) from None
        finally:
            found, self.instructions, self.floor = self.instructions, kept, floor
        return found

    def condition(self, node: Any) -> bool | Condition:
        """A condition: known, or on measured bits."""
        bits = self.bits_of(node)
        if bits:
            return self.on_bits(node, bits)
        value = self.value(node)
        if not isinstance(value, (bool, int, float)):
            raise self.error(node.at, f"a condition must be known, but is {describe(value)}.")
        return bool(value)

    def on_bits(self, node: Any, bits: tuple[int, ...]) -> Condition:
        """A condition on measured bits: the values of these at which an expression is true."""
        if isinstance(node, Binary) and node.operator in ("==", "!="):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if not isinstance(one, (Name, Index)) or self.bits_of(other):
                    continue
                value = self.value(other)
                if isinstance(value, list):  # a text of bits
                    value = sum(bool(bit) << k for k, bit in enumerate(value))
                if isinstance(value, (bool, int)) and 0 <= value < 2 ** len(bits):
                    condition = Condition(bits, (int(value),))
                    return condition if node.operator == "==" else ~condition
        found = self.outcome_values(node, bits)
        if found is None:  # bits by themselves: whether any is 1
            return ~Condition(bits, (0,))
        values = [k for k, value in enumerate(found) if value]
        if len(values) * 2 <= 2 ** len(bits):
            return Condition(bits, tuple(values))
        rest = sorted(set(range(2 ** len(bits))) - set(values))
        return Condition(bits, tuple(rest), negated=True)

    def barrier(self, node: Barrier) -> None:
        """A barrier on the operands, or on all qubits."""
        self.step(node.at)
        if not node.operands:
            qubits: tuple[int, ...] = tuple(range(self.num_qubits))
        else:
            qubits = tuple(q for o in node.operands for q in self.wires(o, "qubit").indices)
        self.instructions.append(Instruction(BARRIER, tuple(dict.fromkeys(qubits))))

    def reset(self, node: Reset) -> None:
        """Qubits back to |0>."""
        qubits = self.wires(node.operand, "qubit")
        self.step(node.at, len(qubits))
        self.instructions += [Instruction(RESET, (q,)) for q in qubits.indices]

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
    If: Interpreter.branch, Switch: Interpreter.switch, Barrier: Interpreter.barrier,
    Reset: Interpreter.reset,
    Jump: Interpreter.jump, Evaluate: Interpreter.alone, GateCall: Interpreter.gate_call,
}  # fmt: skip
