"""A circuit as a program in OpenQASM."""

import io
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from qjax.circuit import Circuit
from qjax.circuit.native import native
from qjax.errors import QasmError
from qjax.qasm.dialects import DIALECTS
from qjax.qasm.program import Registers
from qjax.qasm.targets import TARGETS, Target, find_target


def dumps(
    circuit: Circuit,
    version: int | None = None,
    *,
    target: str | Target | None = None,
    qubit_register: str = "q",
    clbit_register: str | None = None,
    physical_qubits: Sequence[int] | None = None,
) -> str:
    """A circuit as a program in OpenQASM 2 or 3, or as a program for a machine, exactly.

    Gates that the standard library lacks are defined in the program, or decomposed. Angles read
    back as the same double. Symbolic parameters become `input float[64]` in version 3, the elements
    of a vector one by one; comment lines say which input is which parameter:

        // qjax parameter theta of shape (2,)
        // qjax parameter theta[0] = theta_0

    A name that OpenQASM needs for itself gets an underscore behind it.

    Args:
        circuit: Its numbers must be known: no traced angles.
        version: 2 or 3; 3 if neither version nor target is given.
        target: Who is to read it: a name of `qjax.qasm.TARGETS`, such as "ibm" or "braket", or a
            row of your own. The circuit is written in the gates of the target, native ones where
            it has such.
        qubit_register: Name of the register of qubits.
        clbit_register: Name of one register for all classical bits; by default the circuit's own
            registers are written, if it has names for them, and else one called c.
        physical_qubits: The machine's qubit for each qubit of the circuit, written as `$5`. Without
            it, a target that knows only physical qubits gets `$0`, `$1`, ...

    Returns:
        The program, ending with a newline.

    Raises:
        QasmError: If version or target is not known, an angle is traced or not finite, a register's
            name is not valid, or the language cannot say the circuit: version 2 has no parameters
            and no programs without qubits.

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
        >>> print(dumps(Circuit(1).h(0).measure_all(), target="ibm"))
        OPENQASM 3.0;
        include "stdgates.inc";
        qubit[1] q;
        bit[1] c;
        rz(pi/2) q[0];
        sx q[0];
        rz(pi/2) q[0];
        c[0] = measure q[0];
        gphase(pi/4);
    """
    if not isinstance(circuit, Circuit):
        raise QasmError(f"dumps: circuit must be a Circuit, but is {circuit!r}.")
    chosen = _chosen(version, target)
    if chosen.basis is not None:
        circuit = native(circuit, chosen.basis)
    return chosen.write(circuit, Registers(qubit_register, clbit_register, physical_qubits))


def _chosen(version: int | None, target: Any) -> Target:
    """The target, or that of a version of OpenQASM."""
    if target is not None:
        if version is not None:
            raise QasmError("dumps: either version or target must be given, but both are.")
        return find_target(target)
    chosen = 3 if version is None else version
    if type(chosen) is not int or chosen not in DIALECTS:
        known = " or ".join(str(v) for v in DIALECTS)
        raise QasmError(f"dumps: version must be {known}, but is {version!r}.")
    return TARGETS[f"openqasm{chosen}"]


def dump(
    circuit: Circuit,
    file: str | os.PathLike[str] | TextIO,
    version: int | None = None,
    *,
    target: str | Target | None = None,
    qubit_register: str = "q",
    clbit_register: str | None = None,
    physical_qubits: Sequence[int] | None = None,
) -> None:
    """Write a circuit to a file as a program in OpenQASM; see `dumps`.

    Args:
        circuit: Its numbers must be known.
        file: A path, or a text file that is open for writing. A file at the path is replaced as a
            whole once the new one is complete, and is left as it is if anything goes wrong.
        version: As in `dumps`.
        target: As in `dumps`.
        qubit_register: Name of the register of qubits.
        clbit_register: Name of one register for all classical bits; by default the circuit's own
            registers are written, if it has names for them, and else one called c.
        physical_qubits: As in `dumps`.

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
    text = dumps(
        circuit,
        version,
        target=target,
        qubit_register=qubit_register,
        clbit_register=clbit_register,
        physical_qubits=physical_qubits,
    )
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
