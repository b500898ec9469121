"""TARGETS: who reads a program, and in which gates and words; one row each."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from qjax.circuit import Circuit
from qjax.circuit.synthesis import BASES, Basis
from qjax.errors import QasmError
from qjax.qasm.dialects import DIALECTS, Dialect
from qjax.qasm.ionq import write_ionq
from qjax.qasm.iqm import write_iqm
from qjax.qasm.program import Registers, program
from qjax.qasm.quil import write_quil


@dataclass(frozen=True)
class Target:
    """A reader of programs.

    Attributes:
        name: What `dumps` and `qjax convert` call it.
        reader: Who reads it, in words.
        write: Makes the text from the circuit, in native gates if there are such.
        basis: The native gates, or None if the reader takes any gate.
        suffix: Ending of a file's name.
        counts: The form in which its client gives counts; see `qjax.hardware.outcomes`.
    """

    name: str
    reader: str
    write: Callable[[Circuit, Registers], str] = field(repr=False)
    basis: Basis | None = None
    suffix: str = ".qasm"
    counts: str = "qiskit"


def _in(dialect: Dialect) -> Callable[[Circuit, Registers], str]:
    return lambda circuit, registers: program(circuit, dialect, registers)


# pyqasm's validator knows modifiers on some gates only.
_PYQASM = replace(DIALECTS[3], name="OpenQASM 3 for pyqasm", modifiers=None)

# PennyLane's reader takes the qubits of a defined gate in the wrong order.
_PENNYLANE = replace(DIALECTS[2], name="OpenQASM 2 for PennyLane", definitions=False)

_IBM = {
    "ibm": "rz sx x cz",
    "ibm-ecr": "rz sx x ecr",
    "ibm-fractional": "rz sx x rx rzz",
}

# Gates that Amazon Braket's OpenQASM has, by its own names; it reads no library.
_BRAKET_GATES = {
    "x": "x", "y": "y", "z": "z", "h": "h", "s": "s", "sdg": "si", "t": "t",
    "tdg": "ti", "sx": "v", "sxdg": "vi", "rx": "rx", "ry": "ry", "rz": "rz", "p": "phaseshift",
    "prx": "prx", "gpi": "gpi", "gpi2": "gpi2", "ms": "ms", "cx": "cnot", "cy": "cy", "cz": "cz",
    "csx": "cv", "cp": "cphaseshift", "swap": "swap", "iswap": "iswap", "ecr": "ecr", "rxx": "xx",
    "ryy": "yy", "rzz": "zz", "ccx": "ccnot", "cswap": "cswap", "gphase": "gphase",
}  # fmt: skip
_BRAKET_WORDS = """
    xy pswap cphaseshift00 cphaseshift01 cphaseshift10 unitary
"""
_VERBATIM = ("#pragma braket verbatim", "box {"), ("}",)

_BRAKET = replace(
    DIALECTS[3],
    name="Amazon Braket's OpenQASM 3",
    header=("OPENQASM 3.0;",),
    gates=_BRAKET_GATES,
    reserved=DIALECTS[3].reserved | set(_BRAKET_GATES.values()) | set(_BRAKET_WORDS.split()),
    input="input float {name};",
    modifiers=None,
    definitions=False,
)


def _verbatim(machine: str, basis: str, gates: Mapping[str, str]) -> Dialect:
    return replace(
        _BRAKET,
        name=f"Amazon Braket's OpenQASM 3 for {machine}",
        gates={row: gates[row] for row in BASES[basis].gates},
        boxed=_VERBATIM,
        physical="always",
        reset=None,
        conditions=None,
        barrier="// barrier {qubits}",
    )


# hqslib1.inc, as pytket reads it.
_QUANTINUUM = replace(
    DIALECTS[2],
    name="Quantinuum's OpenQASM 2",
    header=("OPENQASM 2.0;", 'include "hqslib1.inc";'),
    gates={**DIALECTS[2].gates, "prx": "U1q", "rzz": "RZZ"},
    reserved=DIALECTS[2].reserved | {"U1q", "ZZ", "RZZ", "Rz", "Rxxyyzz", "Rxxzz"},
)

# Cirq's reader knows no barriers, modifiers or global phases.
_CIRQ = replace(
    DIALECTS[3],
    name="OpenQASM 3 for Cirq",
    gates={row: name for row, name in DIALECTS[3].gates.items() if row != "gphase"},
    modifiers=None,
    barrier="// barrier {qubits}",
    conditions=None,
    physical="never",
)

TARGETS: dict[str, Target] = {
    row.name: row
    for row in (
        Target("openqasm2", "any reader of OpenQASM 2", _in(DIALECTS[2])),
        Target("openqasm3", "any reader of OpenQASM 3", _in(DIALECTS[3])),
        Target("pyqasm", "pyqasm, and readers without gate modifiers", _in(_PYQASM)),
        Target("pennylane", "PennyLane, pennylane.from_qasm", _in(_PENNYLANE)),
        Target("cirq", "Cirq, cirq.contrib.qasm_import", _in(_CIRQ)),
        *(
            Target(
                name, f"IBM Quantum, native gates {gates}", _in(DIALECTS[3]), BASES[gates],
            )
            for name, gates in _IBM.items()
        ),
        Target(
            "braket", "Amazon Braket, any machine or simulator", _in(_BRAKET), counts="braket"
        ),
        Target(
            "braket-rigetti", "Rigetti through Amazon Braket, verbatim",
            _in(_verbatim("Rigetti", "rz rx iswap", _BRAKET_GATES)), BASES["rz rx iswap"],
            counts="braket",
        ),
        Target(
            "braket-iqm", "IQM through Amazon Braket, verbatim",
            _in(_verbatim("IQM", "prx cz", _BRAKET_GATES)), BASES["prx cz"], counts="braket",
        ),
        Target(
            "braket-ionq", "IonQ through Amazon Braket, verbatim",
            _in(_verbatim("IonQ", "gpi gpi2 ms", _BRAKET_GATES)), BASES["gpi gpi2 ms"],
            counts="braket",
        ),
        Target(
            "quantinuum", "Quantinuum, hqslib1.inc: Rz, U1q, RZZ", _in(_QUANTINUUM),
            BASES["rz prx rzz"], counts="pytket",
        ),
        Target(
            "ionq", "IonQ's API, native gates GPi, GPi2, MS (Aria)",
            partial(write_ionq, native=True), BASES["gpi gpi2 ms"],
            ".json", counts="ionq",
        ),
        Target(
            "ionq-forte", "IonQ's API, native gates GPi, GPi2, ZZ (Forte)",
            partial(write_ionq, native=True), BASES["gpi gpi2 rzz"],
            ".json", counts="ionq",
        ),
        Target(
            "ionq-qis", "IonQ's API, gates of textbooks",
            partial(write_ionq, native=False), None, ".json",
            counts="ionq",
        ),
        Target(
            "rigetti", "Rigetti, Quil with native gates RX, RZ, ISWAP", write_quil,
            BASES["rz rx iswap"], ".quil", counts="bits",
        ),
        Target(
            "iqm", "IQM's client, native gates PRX and CZ", write_iqm, BASES["prx cz"], ".json"
        ),
    )
}  # fmt: skip
"""Every target, by name.

References:
    IBM: https://quantum.cloud.ibm.com/docs/guides/native-gates
    Braket: https://docs.aws.amazon.com/braket/latest/developerguide/braket-openqasm.html
    Quantinuum: https://docs.quantinuum.com, hqslib1.inc
    IonQ: https://docs.ionq.com/api-reference/v0.3/native-gates-api
    Rigetti: https://github.com/quil-lang/quil
    IQM: https://docs.meetiqm.com/iqm-client
"""


def find_target(target: Any) -> Target:
    """A row of the table by its name, or a row itself.

    Raises:
        QasmError: If there is no such target.

    Examples:
        >>> find_target("ibm").basis.gates
        ('rz', 'sx', 'x', 'cz')
    """
    if isinstance(target, Target):
        return target
    if target not in TARGETS:
        raise QasmError(f"target must be one of {', '.join(TARGETS)}, but is {target!r}.")
    return TARGETS[target]
