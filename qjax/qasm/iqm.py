"""Circuits in the JSON of IQM's client."""

import json
from typing import Any

from qjax.circuit import Circuit, Instruction
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.errors import QasmError
from qjax.gates import GATES
from qjax.qasm.numbers import known
from qjax.qasm.program import Registers


def write_iqm(circuit: Circuit, registers: Registers) -> str:
    """A circuit of prx and cz as the fields of `iqm.iqm_client.Circuit`.

    Qubit k is "QB1" for k = 0, and so on, as IQM counts them. The key of a measurement names the
    register, its size, and the classical bit, as IQM's adapter for Qiskit does.

    Args:
        circuit: Its gates must be PRX, CZ, and a global phase, which has no effect and is left out.
        registers: Names; physical qubits, if given, are IQM's, counted from 0.

    Raises:
        QasmError: If an angle is open or traced, or something depends on an outcome.

    Examples:
        >>> print(write_iqm(Circuit(2).cz(0, 1).measure(1, 0), Registers()))
        {"name": "qjax", "instructions": [
          {"name": "cz", "locus": ["QB1", "QB2"], "args": {}},
          {"name": "measure", "locus": ["QB2"], "args": {"key": "c_1_0_0"}}
        ]}
    """
    places, name = registers.physical or range(circuit.num_qubits), registers.clbits or "c"

    def operation(i: Instruction) -> dict[str, Any]:
        args: dict[str, Any] = {}
        if i.operation is MEASURE:
            args["key"] = f"{name}_{circuit.num_clbits}_0_{i.clbits[0]}"
        elif i.operation is GATES["prx"]:
            args = {"angle": known(i, i.params[0], "IQM"), "phase": known(i, i.params[1], "IQM")}
        elif i.operation not in (BARRIER, RESET) and i.named is not GATES["cz"]:
            raise QasmError(f"dumps: IQM's native gates are prx and cz, but one here is {i}.")
        if i.conditions:
            raise QasmError(f"dumps: a circuit for IQM must not depend on outcomes, but has {i}.")
        return {"name": i.name, "locus": [f"QB{places[q] + 1}" for q in i.all_qubits], "args": args}

    kept = [i for i in circuit if i.operation is not GATES["gphase"] and i.all_qubits]
    lines = [json.dumps(operation(i)) for i in kept]
    body = "\n  " + ",\n  ".join(lines) + "\n" if lines else ""
    return f'{{"name": "qjax", "instructions": [{body}]}}\n'
