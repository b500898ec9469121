"""Circuits in the JSON of IonQ's API."""

import json
from collections.abc import Iterator
from math import pi
from typing import Any

from qjax.circuit import Circuit, Instruction
from qjax.circuit.instruction import BARRIER, MEASURE
from qjax.circuit.synthesis import decompose
from qjax.errors import QasmError
from qjax.gates import GATES
from qjax.qasm.numbers import known
from qjax.qasm.program import Registers

# Rows whose matrix is that of a gate of IonQ's "qis" set; a control adds "controls".
_QIS = {
    "x": "x", "y": "y", "z": "z", "h": "h", "s": "s", "sdg": "si", "t": "t", "tdg": "ti",
    "sx": "v", "sxdg": "vi", "rx": "rx", "ry": "ry", "rz": "rz", "swap": "swap",
    "rxx": "xx", "ryy": "yy", "rzz": "zz",
}  # fmt: skip
_CONTROLLED = {"x": "cnot"}  # with controls at 1


def write_ionq(circuit: Circuit, registers: Registers, *, native: bool) -> str:
    """A circuit as a job's input of IonQ's API, version 0.3.

    All qubits are measured at the end, whatever the circuit measures; its classical bits stand in
    `qjax` as the qubit of each.

    Args:
        circuit: Gates, and final measurements.
        registers: Names, of which the format has none.
        native: Whether its gates are gpi, gpi2, ms and rzz.

    Raises:
        QasmError: If an angle is open or traced, or a measurement is not final.

    Examples:
        >>> print(write_ionq(Circuit(1).h(0), Registers(), native=False))
        {"format": "ionq.circuit.v0", "gateset": "qis", "qubits": 1, "circuit": [
          {"gate": "h", "target": 0}
        ]}
    """
    if registers.physical is not None:
        raise QasmError("dumps: IonQ's machines choose their qubits; leave physical_qubits out.")
    measured = circuit.structure.final_measurements
    if measured is None:
        raise QasmError(
            "dumps: a circuit for IonQ must measure at its end only, and depend on no outcome, but "
            f"this has {circuit.structure.dynamic or 'a gate or measurement after a measurement'}."
        )
    head: dict[str, Any] = {
        "format": "ionq.circuit.v0",
        "gateset": "native" if native else "qis",
        "qubits": circuit.num_qubits,
    }
    if measured:
        head["qjax"] = {"clbits": {str(c): q for c, q in measured.items()}}
    write = _native if native else _qis
    gates = [
        json.dumps(gate)
        for i in circuit
        if i.operation is not MEASURE and i.operation is not BARRIER
        for gate in write(i)
    ]
    body = "\n  " + ",\n  ".join(gates) + "\n" if gates else ""
    return json.dumps(head)[:-1] + f', "circuit": [{body}]}}\n'


def _native(i: Instruction) -> Iterator[dict[str, Any]]:
    """Native gates; angles are in turns."""
    if i.operation is GATES["gphase"]:
        return
    turns = [known(i, p, "IonQ") / (2 * pi) for p in i.params]
    if i.operation is GATES["ms"]:
        yield {"gate": "ms", "targets": list(i.qubits), "phases": turns[:2], "angle": turns[2]}
    elif i.operation is GATES["rzz"]:
        yield {"gate": "zz", "targets": list(i.qubits), "angle": turns[0]}
    else:
        yield {"gate": i.name, "target": i.qubits[0], "phase": turns[0]}


def _qis(i: Instruction) -> Iterator[dict[str, Any]]:
    """Gates of the abstract set, with any controls; a phase of the whole circuit has no effect."""
    name = i.operation.name
    if i.operation is GATES["gphase"] and not i.controls:
        return
    if GATES.get(name) is i.operation and name in _QIS and all(i.control_values):
        gate: dict[str, Any] = {"gate": _QIS[name]}
        if i.controls and name in _CONTROLLED:
            gate["gate"] = _CONTROLLED[name]
        if i.params:
            gate["rotation"] = known(i, i.params[0], "IonQ")
        if len(i.qubits) == 1:
            gate["target"] = i.qubits[0]
        else:
            gate["targets"] = list(i.qubits)
        if len(i.controls) == 1:
            gate["control"] = i.controls[0]
        elif i.controls:
            gate["controls"] = list(i.controls)
        if not i.controls or name == "x":
            yield gate
            return
    if name == "p" and not i.controls:  # RZ up to a phase of the whole circuit
        yield {"gate": "rz", "rotation": known(i, i.params[0], "IonQ"), "target": i.qubits[0]}
        return
    for s in decompose(i):
        yield from _qis(s)
