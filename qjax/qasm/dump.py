"""A circuit as a program in OpenQASM."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from qjax.circuit import Circuit, Instruction
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.errors import QasmError
from qjax.qasm.declarations import declare_inputs, register
from qjax.qasm.dialects import DIALECTS
from qjax.qasm.gates import GateWriter, Scope
from qjax.qasm.names import Names


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
    if not circuit.num_qubits and "gphase" not in dialect.gates:
        raise QasmError(
            f"dumps: a circuit for {dialect.name} must have at least one qubit, but has none."
        )
    names = Names(dialect)
    qubits = register(names, qubit_register, "qubit_register", circuit.num_qubits)
    clbits = register(names, clbit_register, "clbit_register", circuit.num_clbits)
    inputs = declare_inputs(circuit, dialect, names)
    gates = GateWriter(dialect, names)
    scope = Scope(qubits, inputs.names)
    statements = [line for i in circuit for line in _statements(i, gates, scope, clbits)]
    declarations = [
        template.format(name=name, size=size)
        for template, name, size in (
            (dialect.qubits, qubit_register, circuit.num_qubits),
            (dialect.clbits, clbit_register, circuit.num_clbits),
        )
        if size
    ]
    lines = [*dialect.header, *gates.definitions, *inputs.lines, *declarations, *statements]
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


def _statements(
    i: Instruction, gates: GateWriter, scope: Scope, clbits: list[str]
) -> Iterator[str]:
    """Lines of one instruction of the circuit."""
    if i.is_gate:
        yield from gates.statements(i, scope)
    elif i.operation is MEASURE:
        for q, c in zip(i.qubits, i.clbits, strict=True):
            yield gates.dialect.measure.format(qubit=scope.qubits[q], clbit=clbits[c])
    elif i.operation is BARRIER:
        if i.qubits:
            yield f"barrier {', '.join(scope.qubits[q] for q in i.qubits)};"
    else:
        raise QasmError(f"dumps: {gates.dialect.name} cannot say {i}.")


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
