"""Named controlled gates: a base and a number of controls."""

from dataclasses import dataclass
from typing import Any

from qjax.gates.blocks import STDGATES
from qjax.gates.row import Gate, Step


@dataclass(frozen=True)
class Controlled:
    """What a named controlled gate adds to its base."""

    name: str
    base: str
    num_controls: int = 1
    source: str = STDGATES
    qasm2: str | None = None
    qasm3: str | None = None
    aliases: tuple[str, ...] = ()


CONTROLLED = (
    Controlled("cx", "x", qasm2="cx", qasm3="cx", aliases=("CX", "cnot")),
    Controlled("cy", "y", qasm2="cy", qasm3="cy"),
    Controlled("cz", "z", qasm2="cz", qasm3="cz"),
    Controlled("ch", "h", qasm2="ch", qasm3="ch"),
    Controlled("cs", "s", source="Qiskit, CSGate"),
    Controlled("csdg", "sdg", source="Qiskit, CSdgGate"),
    Controlled("csx", "sx", source="Qiskit, CSXGate"),
    Controlled("csxdg", "sxdg", source="inverse of csx"),
    Controlled("cp", "p", qasm2="cu1", qasm3="cp", aliases=("cphase", "cu1")),
    Controlled("crx", "rx", qasm3="crx"),
    Controlled("cry", "ry", qasm3="cry"),
    Controlled("crz", "rz", qasm2="crz", qasm3="crz"),
    Controlled("cu", "phased_u", qasm3="cu"),
    Controlled("cu3", "u", source="Qiskit, CU3Gate", qasm2="cu3"),
    Controlled("cswap", "swap", qasm3="cswap"),
    Controlled("ccx", "x", 2, qasm2="ccx", qasm3="ccx"),
    Controlled("ccz", "z", 2, source="Qiskit, CCZGate"),
    Controlled("c3x", "x", 3, source="Qiskit, C3XGate"),
    Controlled("c4x", "x", 4, source="Qiskit, C4XGate"),
)


NAME_OF_CONTROLLED = {(row.base, row.num_controls): row.name for row in CONTROLLED}
"""Name of a controlled gate, by the name of its base and the number of controls."""


def controlled_row(row: Controlled, base: Gate) -> Gate:
    """The row of a named controlled gate, made from the row of its base."""

    def inverse(*params: Any) -> Step:
        name, angles, _ = base.inverse(*params)
        qubits = tuple(range(base.num_qubits + row.num_controls))
        return NAME_OF_CONTROLLED[name, row.num_controls], angles, qubits

    plural = "" if row.num_controls == 1 else "s"
    return Gate(
        row.name, base.num_qubits + row.num_controls, base.params,
        f"{base.name} with {row.num_controls} control{plural}: {base.definition}", row.source,
        matrix=base.matrix, inverse=inverse, qasm2=row.qasm2, qasm3=row.qasm3, label=base.label,
        aliases=row.aliases, base=base, num_controls=row.num_controls,
    )  # fmt: skip
