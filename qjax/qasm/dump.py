"""From a circuit to the text of an OpenQASM program."""

import re
from collections.abc import Iterable
from typing import Any

from qjax.circuit import Circuit, Instruction, ParameterExpression, ParameterVector
from qjax.circuit.parameter import Symbol, is_traced
from qjax.circuit.synthesis import decompose
from qjax.errors import QasmError
from qjax.gates import GATES, Gate
from qjax.qasm.dialects import DIALECTS, RESERVED, Dialect

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def dumps(
    circuit: Circuit, version: int = 3, *, qubit_register: str = "q", clbit_register: str = "c"
) -> str:
    """The OpenQASM program of a circuit.

    A gate that the standard library lacks is defined in the program, or written as the gates that
    it is exactly made of. Angles are printed so that the same double is read back. The unitary of
    the program is that of the circuit, global phase included; OpenQASM 2 has no global phase, and
    there it is written in a comment.

    Args:
        circuit: The circuit. Open parameters become `input float[64]` in version 3; the element
            theta[3] is called theta_3, and a comment says which parameter each input is.
        version: 2 or 3.
        qubit_register: Name of the quantum register.
        clbit_register: Name of the classical register.

    Returns:
        The text.

    Raises:
        QasmError: If a number is traced, a parameter is open in version 2, the circuit has no
            qubits, or a name is reserved.

    Examples:
        >>> print(dumps(Circuit(2).h(0).cx(0, 1).measure([0, 1])))
        OPENQASM 3.0;
        include "stdgates.inc";
        qubit[2] q;
        bit[2] c;
        h q[0];
        cx q[0], q[1];
        c[0] = measure q[0];
        c[1] = measure q[1];
        <BLANKLINE>
    """
    if version not in DIALECTS:
        known = " or ".join(str(v) for v in DIALECTS)
        raise QasmError(f"OpenQASM: version must be {known}, but is {version!r}.")
    if circuit.num_qubits == 0:
        raise QasmError("OpenQASM: a circuit must have at least one qubit to be written.")
    for name in (qubit_register, clbit_register):
        if not isinstance(name, str) or not _NAME.match(name) or name in RESERVED:
            raise QasmError(
                f"OpenQASM: a register must be called by a free identifier, but is {name!r}."
            )
    if qubit_register == clbit_register:
        raise QasmError(f"OpenQASM: both registers are called {qubit_register!r}.")
    return _Writer(circuit, DIALECTS[version], qubit_register, clbit_register).text()


class _Writer:
    """Collects declarations, definitions and statements."""

    def __init__(self, circuit: Circuit, dialect: Dialect, qubits: str, clbits: str) -> None:
        self.circuit, self.dialect = circuit, dialect
        self.qubits, self.clbits = qubits, clbits
        self.taken = {qubits, clbits}
        self.inputs = self._inputs()
        self.definitions: dict[str, str] = {}

    def text(self) -> str:
        body = [line for i in self.circuit for line in self._statement(i)]
        d, lines = self.dialect, [self.dialect.header]
        for symbol, name in self.inputs.items():
            assert d.parameter is not None
            lines += [f"// parameter {symbol} is {name}"] if str(symbol) != name else []
            lines += [d.parameter.format(name=name)]
        lines += self.definitions.values()
        lines.append(d.qubits.format(name=self.qubits, size=self.circuit.num_qubits))
        if self.circuit.num_clbits:
            lines.append(d.clbits.format(name=self.clbits, size=self.circuit.num_clbits))
        return "\n".join([*lines, *body, ""])

    def _inputs(self) -> dict[Symbol, str]:
        """A free name for each open parameter that occurs, vectors in order."""
        symbols = {
            symbol: None
            for i in self.circuit
            for p in i.params
            if isinstance(p, ParameterExpression)
            for symbol, _ in p.terms
        }
        if symbols and self.dialect.parameter is None:
            names = ", ".join(dict.fromkeys(s.name for s in symbols))
            raise QasmError(
                f"OpenQASM {self.dialect.version} has no open parameters, but the circuit has "
                f"{names}. Bind them first: circuit.bind(params)."
            )
        order = {name: k for k, name in enumerate(self.circuit.parameters)}
        found = {}
        for symbol in sorted(symbols, key=lambda s: (order[s.name], s.index)):
            name = re.sub(r"\W+", "_", str(symbol)).strip("_")
            while name in RESERVED or name in self.taken:
                name += "_"
            self.taken.add(name)
            found[symbol] = name
        return found

    # --- statements ---------------------------------------------------------------------------

    def _statement(self, i: Instruction) -> list[str]:
        if i.operation.name == "barrier":
            return [f"barrier {self._places(i.qubits)};"] if i.qubits else []
        if i.operation.name == "measure":
            qubit, clbit = f"{self.qubits}[{i.qubits[0]}]", f"{self.clbits}[{i.clbits[0]}]"
            return [self.dialect.measure.format(qubit=qubit, clbit=clbit)]
        if any(is_traced(p) for p in i.params):
            raise QasmError(f"OpenQASM: {i.name} must have known numbers, but one is traced.")
        return self._gate(i, self._places)

    def _places(self, qubits: Iterable[int]) -> str:
        return ", ".join(f"{self.qubits}[{q}]" for q in qubits)

    def _gate(self, i: Instruction, places: Any) -> list[str]:
        """Statements of a gate; `places` writes qubits, of the register or of a definition."""
        name = self.dialect.library_name(i.named)
        if name is not None:
            return [_call(name, self._angles(i.params), places(i.all_qubits))]
        assert isinstance(i.operation, Gate)
        if i.operation.name == "gphase" and not i.controls:
            (angle,) = self._angles(i.params)
            phase = self.dialect.phase
            return [phase.format(angle=angle) if phase else f"// global phase {angle}"]
        if i.controls and self.dialect.modifiers:
            return [self._modified(i, places)] if self._callable(i.operation) else (
                self._steps(i, places))  # fmt: skip
        if not i.controls and self._definable(i.operation):
            name = self._define(i.operation)
            return [_call(name, self._angles(i.params), places(i.qubits))]
        return self._steps(i, places)

    def _steps(self, i: Instruction, places: Any) -> list[str]:
        steps = decompose(i)
        if steps == [i]:
            raise QasmError(f"OpenQASM {self.dialect.version} cannot write {i}.")
        return [line for s in steps for line in self._gate(s, places)]

    def _callable(self, gate: Gate) -> bool:
        """Whether there is, or can be, one name for the gate, so that it can be controlled."""
        return self.dialect.library_name(gate) is not None or self._definable(gate)

    def _definable(self, gate: Gate) -> bool:
        """Whether a definition can say the gate; one cannot hold a comment on a global phase."""
        if not _is_row(gate) or gate.decomposition is None:
            return False
        steps = gate.decomposition(*(0.0 for _ in gate.params))
        return self.dialect.phase is not None or all(name != "gphase" for name, *_ in steps)

    def _modified(self, i: Instruction, places: Any) -> str:
        gate = i.operation
        assert isinstance(gate, Gate)
        name = self.dialect.library_name(gate) or self._define(gate)
        words = "".join("ctrl @ " if value else "negctrl @ " for value in i.control_values)
        return words + _call(name, self._angles(i.params), places(i.all_qubits))

    # --- definitions --------------------------------------------------------------------------

    def _define(self, gate: Gate) -> str:
        """Name of a gate of the table in this program, defining it at its first use."""
        name = gate.name
        while name in RESERVED or name in self.taken:
            name = f"qjax_{name}"
        if name not in self.definitions:
            formal = [ParameterVector(p, 1)[0] for p in gate.params]
            angles = [f"a{k}" for k in range(len(formal))]
            qubits = [f"b{k}" for k in range(gate.num_qubits)]
            assert gate.decomposition is not None
            inner = Circuit(gate.num_qubits)
            for step_name, params, positions in gate.decomposition(*formal):
                inner.append(step_name, positions, tuple(params))
            outer, self.inputs = self.inputs, {
                f.terms[0][0]: a for f, a in zip(formal, angles, strict=True)
            }  # fmt: skip
            try:
                body = [
                    line
                    for i in inner
                    for line in self._gate(i, lambda qs: ", ".join(qubits[q] for q in qs))
                ]
            finally:
                self.inputs = outer
            head = _call(name, angles, ", ".join(qubits)).removesuffix(";")
            self.definitions[name] = f"gate {head} {{ {' '.join(body)} }}"
        return name

    # --- numbers ------------------------------------------------------------------------------

    def _angles(self, params: Iterable[Any]) -> list[str]:
        return [self._angle(p) for p in params]

    def _angle(self, value: Any) -> str:
        if not isinstance(value, ParameterExpression):
            return _number(value)
        text = ""
        for symbol, factor in value.terms:
            name = self.inputs[symbol]
            term = name if abs(factor) == 1 else f"{_number(abs(factor))}*{name}"
            text += (" - " if factor < 0 else " + ") + term
        if value.offset:
            text += (" - " if value.offset < 0 else " + ") + _number(abs(value.offset))
        return text[3:] if text.startswith(" + ") else "-" + text[3:]


def _number(value: float) -> str:
    """The shortest decimal that is read back as the same double, always with a point."""
    text = repr(float(value))
    if "e" in text and "." not in text:
        text = text.replace("e", ".0e")
    return text


def _call(name: str, angles: list[str], places: str) -> str:
    arguments = f"({', '.join(angles)})" if angles else ""
    return f"{name}{arguments} {places};"


def _is_row(gate: Gate) -> bool:
    return GATES.get(gate.name) is gate
