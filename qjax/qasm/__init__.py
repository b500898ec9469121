"""OpenQASM: circuits as text that other tools and machines read."""

import os
from typing import TextIO

from qjax._atomic import whole_file
from qjax.circuit import Circuit
from qjax.qasm.dialects import DIALECTS as DIALECTS
from qjax.qasm.dump import dumps as dumps


def dump(
    circuit: Circuit, file: str | os.PathLike | TextIO, version: int = 3, **names: str
) -> None:
    """Write the OpenQASM program of a circuit to a file.

    Args:
        circuit: The circuit; see `dumps`.
        file: A path, whose file is replaced as a whole, or an open text file.
        version: 2 or 3.
        **names: `qubit_register` and `clbit_register`, as in `dumps`.

    Raises:
        QasmError: As in `dumps`; nothing is written then.
    """
    text = dumps(circuit, version, **names)
    if isinstance(file, (str, os.PathLike)):
        with whole_file(file) as stream:
            stream.write(text.encode())
    else:
        file.write(text)
