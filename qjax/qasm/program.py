"""A circuit as the text of a program in a dialect of OpenQASM."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from qjax.circuit import Circuit, Instruction
from qjax.circuit.compose import under_conditions
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.errors import QasmError
from qjax.qasm.conditions import expression, prefixes, registers
from qjax.qasm.declarations import declare_inputs, register
from qjax.qasm.dialects import Dialect
from qjax.qasm.gates import GateWriter, Scope
from qjax.qasm.names import Names


@dataclass(frozen=True)
class Registers:
    """What a program calls its qubits and classical bits.

    Attributes:
        qubits: Name of the register of qubits.
        clbits: Name of the register of classical bits; None takes the circuit's own registers.
        physical: The machine's qubit for each qubit, or None if there is a register.
    """

    qubits: str = "q"
    clbits: str | None = None
    physical: Sequence[int] | None = None


def program(circuit: Circuit, dialect: Dialect, registers_: Registers) -> str:
    """The program of a circuit, ending with a newline.

    Raises:
        QasmError: If the dialect cannot say the circuit, or a name does not fit.

    Examples:
        >>> from qjax.qasm.dialects import DIALECTS
        >>> print(program(Circuit(1).h(0), DIALECTS[2], Registers()))
        OPENQASM 2.0;
        include "qelib1.inc";
        qreg q[1];
        h q[0];
    """
    if not circuit.num_qubits and "gphase" not in dialect.gates:
        raise QasmError(
            f"dumps: a circuit for {dialect.name} must have at least one qubit, but has none."
        )
    return "\n".join(_Program(circuit, dialect, registers_).lines()) + "\n"


class _Program:
    def __init__(self, circuit: Circuit, dialect: Dialect, given: Registers) -> None:
        self.circuit, self.dialect = circuit, dialect
        names = Names(dialect)
        physical = _physical(circuit, dialect, given.physical)
        if physical is None:
            qubits = register(names, given.qubits, "qubit_register", circuit.num_qubits)
            self.declarations = [(dialect.qubits, given.qubits, circuit.num_qubits)]
        else:
            qubits, self.declarations = [f"${p}" for p in physical], []
        found = registers(circuit, given.clbits, dialect.conditions == "registers")
        self.parts: list[tuple[str, range]] = []
        self.clbits: list[str] = []
        for name, part in found or [(given.clbits or "c", range(0))]:
            # A name of the circuit's own gives way; one that was asked for does not.
            if given.clbits is None:
                name = names.new(name)
            else:
                names.claim(name, "clbit_register")
            self.clbits += [f"{name}[{k}]" for k in range(len(part))]
            self.declarations.append((dialect.clbits, name, len(part)))
            if part:
                self.parts.append((name, part))
        self.inputs = declare_inputs(circuit, dialect, names)
        self.gates = GateWriter(dialect, names)
        self.scope = Scope(qubits, self.inputs.names)

    def lines(self) -> list[str]:
        """The program's lines."""
        statements = list(self.statements())
        declarations = [
            template.format(name=name, size=size)
            for template, name, size in self.declarations
            if size
        ]
        return [
            *self.dialect.header,
            *self.gates.definitions,
            *self.inputs.lines,
            *declarations,
            *statements,
        ]

    def statements(self) -> Iterator[str]:
        """Lines of all instructions; native gates stand in boxes."""
        before, after = self.dialect.boxed
        inside = False
        for conditions, group in under_conditions(self.circuit):
            if conditions and self.dialect.conditions is None:
                raise QasmError(
                    f"dumps: {self.dialect.name} has no conditions on measured bits, but the "
                    f"circuit has {conditions[0]}."
                )
            if not conditions or self.dialect.conditions == "registers":
                for i in group:
                    if before and i.is_gate != inside:
                        yield from before if i.is_gate else after
                        inside = i.is_gate
                    if len(i.clbits) > 1 and set(i.clbits) & set(i.read_clbits):
                        raise QasmError(
                            "dumps: in OpenQASM 2 one measurement at most must change the bits of "
                            f"a condition under it, but here several do: {i}. Write version 3."
                        )
                    fronts = prefixes(conditions, self.parts, bool(i.clbits))
                    for line in self.instruction(i):
                        yield from (front + line for front in fronts)
                continue
            yield from (
                f"{'  ' * k}if ({expression(c, self.clbits, self.parts)}) {{"
                for k, c in enumerate(conditions)
            )
            indent = "  " * len(conditions)
            yield from (indent + line for i in group for line in self.instruction(i))
            yield from (f"{'  ' * k}}}" for k in reversed(range(len(conditions))))
        if inside:
            yield from after

    def instruction(self, i: Instruction) -> Iterator[str]:
        """Lines of one instruction, without its conditions."""
        dialect, qubits = self.dialect, self.scope.qubits
        if i.is_gate:
            yield from self.gates.statements(i, self.scope)
        elif i.operation is MEASURE:
            for q, c in zip(i.qubits, i.clbits, strict=True):
                yield dialect.measure.format(qubit=qubits[q], clbit=self.clbits[c])
        elif i.operation is BARRIER:
            if i.qubits:
                yield dialect.barrier.format(qubits=", ".join(qubits[q] for q in i.qubits))
        elif i.operation is RESET and dialect.reset is not None:
            yield from (dialect.reset.format(qubit=qubits[q]) for q in i.qubits)
        else:
            raise QasmError(f"dumps: {dialect.name} cannot say {i}.")


def _physical(
    circuit: Circuit, dialect: Dialect, given: Sequence[int] | None
) -> Sequence[int] | None:
    """The machine's qubits, after checks; None if the program declares a register."""
    if given is None:
        return range(circuit.num_qubits) if dialect.physical == "always" else None
    if dialect.physical == "never":
        raise QasmError(f"dumps: {dialect.name} has no physical qubits; leave them out.")
    places = [int(p) for p in given]
    if len(places) != circuit.num_qubits or len(set(places)) != len(places) or min(places) < 0:
        raise QasmError(
            f"dumps: physical_qubits must be {circuit.num_qubits} different numbers, one for each "
            f"qubit, but are {places}."
        )
    return places
