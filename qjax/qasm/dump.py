"""A circuit as a program in OpenQASM."""

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO

from qjax.circuit import Circuit, Instruction
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.circuit.synthesis import decompose
from qjax.errors import CircuitError, ParameterError, QasmError
from qjax.gates import GATES, Gate, named_controlled
from qjax.qasm.dialects import DIALECTS, Dialect
from qjax.qasm.names import Names
from qjax.qasm.numbers import expression, is_one_number, number


def dumps(
    circuit: Circuit,
    version: int = 3,
    *,
    qubit_register: str = "q",
    clbit_register: str = "c",
) -> str:
    """A circuit as a program in OpenQASM 2 or 3, exactly.

    Gates that the standard library lacks are defined in the program, or decomposed. Angles read
    back as the same double. Symbolic parameters become `input float[64]` in version 3, the elements
    of a vector one by one; comment lines say which input is which parameter:

        // qjax parameter theta of shape (2,)
        // qjax parameter theta[0] = theta_0

    A name that OpenQASM needs for itself gets an underscore behind it.

    Args:
        circuit: Its numbers must be known: no traced angles.
        version: 2 or 3.
        qubit_register: Name of the register of qubits.
        clbit_register: Name of the register of classical bits.

    Returns:
        The program, ending with a newline.

    Raises:
        QasmError: If the version is not known, an angle is traced or not finite, a register's name
            is not valid, or the language cannot say the circuit: version 2 has no parameters and
            no programs without qubits.

    Warning:
        Version 2 has no global phase. A phase of the whole circuit stands in a comment,
        `// global phase: 0.5`; a phase under controls is exact.

    Examples:
        >>> print(dumps(Circuit(2).h(0).cx(0, 1).measure_all()))
        OPENQASM 3.0;
        include "stdgates.inc";
        qubit[2] q;
        bit[2] c;
        h q[0];
        cx q[0], q[1];
        c[0] = measure q[0];
        c[1] = measure q[1];
    """
    if isinstance(version, bool) or version not in DIALECTS:
        known = " or ".join(str(v) for v in DIALECTS)
        raise QasmError(f"dumps: version must be {known}, but is {version!r}.")
    dialect = DIALECTS[version]
    program = _Program(dialect)
    registers = program.registers(circuit, qubit_register, clbit_register)
    inputs, symbols = program.inputs(circuit)
    statements = [
        line
        for i in circuit.instructions
        for line in program.statements(i, qubit_register, clbit_register, symbols)
    ]
    lines = [*dialect.header, *program.definitions, *inputs, *registers, *statements]
    return "\n".join(lines) + "\n"


def dump(
    circuit: Circuit,
    file: str | os.PathLike[str] | TextIO,
    version: int = 3,
    *,
    qubit_register: str = "q",
    clbit_register: str = "c",
) -> None:
    """Write a circuit to a file as a program in OpenQASM; see `dumps`.

    Args:
        circuit: Its numbers must be known.
        file: A path, or a text file that is open for writing. A file at the path is replaced as a
            whole once the new one is complete, and is left as it is if anything goes wrong.
        version: 2 or 3.
        qubit_register: Name of the register of qubits.
        clbit_register: Name of the register of classical bits.

    Raises:
        QasmError: As `dumps`, or if the file is open for bytes instead of text.
        OSError: If the file cannot be written.

    Examples:
        >>> import io
        >>> file = io.StringIO()
        >>> dump(Circuit(1).h(0), file)
        >>> file.getvalue().splitlines()[-1]
        'h q[0];'
    """
    text = dumps(circuit, version, qubit_register=qubit_register, clbit_register=clbit_register)
    if isinstance(file, (str, os.PathLike)):
        _write(Path(file), text)
    elif isinstance(file, (io.RawIOBase, io.BufferedIOBase)) or not hasattr(file, "write"):
        raise QasmError(f"dump: file must be a path or a text file, but is {file!r}.")
    else:
        file.write(text)


def _write(path: Path, text: str) -> None:
    """Write beside the file and rename, so that there is the old file or the new one."""
    path = path.resolve()  # a link stays a link
    if path.exists() and not path.is_file():  # a device or a pipe
        path.write_text(text, encoding="utf-8", newline="\n")
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text, encoding="utf-8", newline="\n")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


class _Program:
    """A program that is being written: its names, and the gates that it defines."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.definitions: list[str] = []
        self._names = Names(dialect)
        self._words: dict[tuple[Gate, int], str | None] = {}

    # --- declarations ---------------------------------------------------------------------------

    def registers(self, circuit: Circuit, qubits: str, clbits: str) -> list[str]:
        """Declarations of the registers that are not empty."""
        if not circuit.num_qubits and "gphase" not in self.dialect.gates:
            raise QasmError(
                f"dumps: a circuit for {self.dialect.name} must have at least one qubit, "
                "but has none."
            )
        lines = []
        for name, size, what, template in (
            (qubits, circuit.num_qubits, "qubit_register", self.dialect.qubits),
            (clbits, circuit.num_clbits, "clbit_register", self.dialect.clbits),
        ):
            self._names.claim(name, what)
            if size:
                lines.append(template.format(name=name, size=size))
        return lines

    def inputs(self, circuit: Circuit) -> tuple[list[str], dict[Symbol, str]]:
        """Declarations of the open parameters, and the name of each."""
        used = {
            symbol: None
            for i in circuit.instructions
            for p in i.params
            if isinstance(p, ParameterExpression)
            for symbol, _ in p.terms
        }
        if used and self.dialect.input is None:
            names = ", ".join(dict.fromkeys(symbol.name for symbol in used))
            raise QasmError(
                f"dumps: a circuit for {self.dialect.name} must have no open parameters, but has "
                f"{names}. Bind them first: dumps(circuit.bind(values), version=2); or write "
                "version 3."
            )
        # Single parameters first, so that no element of a vector takes a single one's name.
        ordered = sorted(used, key=lambda s: (bool(s.shape), list(circuit.parameters).index(s.name), s.index))
        lines, symbols, vectors = [], {}, set()
        for symbol in ordered:
            place = str(symbol)[len(symbol.name) :].strip("[]").split(", ")
            name = self._names.new("_".join([symbol.name, *place]) if symbol.shape else symbol.name, _GATE_NAMES)
            symbols[symbol] = name
            if symbol.shape and symbol.name not in vectors:
                vectors.add(symbol.name)
                lines.append(f"// qjax parameter {symbol.name} of shape {symbol.shape}")
            if str(symbol) != name:
                lines.append(f"// qjax parameter {symbol} = {name}")
            assert self.dialect.input is not None
            lines.append(self.dialect.input.format(name=name))
        return lines, symbols

    # --- statements -----------------------------------------------------------------------------

    def statements(
        self, i: Instruction, qubits: str, clbits: str, symbols: Mapping[Symbol, str]
    ) -> Iterator[str]:
        """Lines of an instruction on the registers."""
        places = [f"{qubits}[{q}]" for q in range(0)]
        raise NotImplementedError
