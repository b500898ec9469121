"""A program in OpenQASM as a circuit."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import QasmError
from qjax.qasm.interpreter import Interpreter
from qjax.qasm.lexer import Source
from qjax.qasm.parser import Parser

MAX_INSTRUCTIONS = 1_000_000
_MAX_BYTES = 2**28


def loads(
    text: str,
    *,
    inputs: Mapping[str, Any] | None = None,
    max_instructions: int = MAX_INSTRUCTIONS,
    max_iterations: int | None = None,
    name: str = "OpenQASM",
) -> Circuit:
    """The circuit of a program in OpenQASM 2 or 3.

    Registers follow each other in the order of their declarations, the first with the lowest
    qubits, and likewise the classical bits. Loops, conditions on constants and subroutines are
    carried out; conditions on measured bits become conditions of the instructions under them, and
    angles that depend on bits become turns under conditions.
    `input float` and `input angle` become parameters, arrays of them vectors; a
    vector that `dumps` wrote element by element becomes one again.

    Args:
        text: The program.
        inputs: Values for inputs, by name; an `input int`, `uint`, `bool` or `bit` needs one.
        max_instructions: The most instructions, and steps of loops, that the program may take.
        max_iterations: How often the body of a `while` on measured bits is carried out at most; see
            `Circuit.while_loop`. Without it such a loop is an error.
        name: What messages call the program.

    Returns:
        The circuit. Gates that the program defines are replaced by their bodies, unless they are
        what the table of gates has under the same name.

    Raises:
        QasmError: If it is no valid program, says what no circuit can hold (loops on measured bits
            without a bound, pulses, timing, external functions), or is too long; with line and
            column.

    Note:
        The built-in `U(theta, phi, lambda)` is that of the live specification in version 3, with
        the phase exp(i theta/2), so that `cu` of stdgates.inc is what it says. Some tools leave
        this phase out, which shows under a control only.

    Examples:
        >>> print(loads('OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; h q[0]; cx q[0], q[1];'))
        q0: ─H─●─
               │
        q1: ───X─

    References:
        https://openqasm.com/versions/3.1/index.html and arXiv:1707.03429 (version 2).
    """
    if not isinstance(text, str):
        raise QasmError(f"loads: text must be a string, but is {type(text).__name__}.")
    source = Source(text, name)
    parser = Parser(source)
    try:
        statements = parser.program()
        run = Interpreter(source, parser.version, dict(inputs or {}), max_instructions)
        if max_iterations is not None:
            run.max_iterations = as_positive(max_iterations, "max_iterations", QasmError)
        return run.run(statements)
    except RecursionError:
        raise QasmError(f"{name}: blocks and calls must not be nested so deep.") from None


def load(
    file: str | os.PathLike[str] | TextIO,
    *,
    inputs: Mapping[str, Any] | None = None,
    max_instructions: int = MAX_INSTRUCTIONS,
    max_iterations: int | None = None,
) -> Circuit:
    """The circuit of a file in OpenQASM; see `loads`.

    Args:
        file: A path, or a text file that is open for reading. No other file is read.
        inputs: As in `loads`.
        max_instructions: As in `loads`.
        max_iterations: As in `loads`.

    Returns:
        The circuit, as of `loads`.

    Raises:
        QasmError: As `loads`, or if the file is not text in UTF-8.
        OSError: If the file cannot be read.

    Examples:
        >>> import io
        >>> load(io.StringIO("OPENQASM 3.0; qubit q; U(0, 0, 0) q;")).num_qubits
        1
    """
    options: dict[str, Any] = {
        "inputs": inputs,
        "max_instructions": max_instructions,
        "max_iterations": max_iterations,
    }
    if isinstance(file, (str, os.PathLike)):
        path = Path(file)
        if path.stat().st_size > _MAX_BYTES:
            raise QasmError(f"{path.name}: a program must have at most 256 MiB.")
        try:
            text = path.read_bytes().decode("utf-8-sig")
        except UnicodeDecodeError as error:
            before = error.object[: error.start]
            line = before.count(b"\n") + 1
            column = error.start - (before.rfind(b"\n") + 1) + 1
            raise QasmError(
                f"{path.name}, line {line}, column {column}: the file must be text in UTF-8."
            ) from None
        return loads(text, name=path.name, **options)
    text = file.read() if hasattr(file, "read") else file
    if not isinstance(text, str):
        raise QasmError(f"load: file must be a path or a text file, but is {file!r}.")
    return loads(text, **options)
