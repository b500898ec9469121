"""DIALECTS: what each version of OpenQASM has, and how it writes things."""

from dataclasses import dataclass

from qjax.gates import Gate

# Words that no gate, register or parameter may be called: keywords, types, built-in constants and
# functions of OpenQASM 2 and 3, and the gates of both standard libraries, with those that Qiskit
# adds. A name with more letters is always free.
RESERVED = frozenset(
    """
    OPENQASM include opaque gate qreg creg qubit bit measure reset barrier if else for while in def
    defcal defcalgrammar cal extern box let break continue return end switch case default pragma
    input output const readonly mutable int uint float angle bool complex array duration stretch
    void delay durationof gphase inv pow ctrl negctrl U CX true false im pi tau euler sin cos tan
    exp ln sqrt arcsin arccos arctan log ceiling floor mod popcount rotl rotr real imag sizeof
    p x y z h s sdg t tdg sx rx ry rz cx cy cz cp crx cry crz ch swap ccx cswap cu phase cphase id
    u1 u2 u3 u cu1 cu3 u0 sxdg csx rxx rzz rccx rc3x c3x c3sqrtx c4x r iswap ecr dcx ryy rzx ccz
    """.split()
)


@dataclass(frozen=True)
class Dialect:
    """A version of OpenQASM.

    Attributes:
        version: What `version=` takes.
        header: The first lines.
        column: Attribute of a gate's row with its name in the standard library.
        qubits: Template of the declaration of a quantum register.
        clbits: Template of the declaration of a classical register.
        measure: Template of a measurement.
        parameter: Template of the declaration of an open parameter; None if there can be none.
        phase: Template of a global phase; None if there is none.
        modifiers: Whether gates can be controlled by `ctrl @` and `negctrl @`.
    """

    version: int
    header: str
    column: str
    qubits: str
    clbits: str
    measure: str
    parameter: str | None
    phase: str | None
    modifiers: bool

    def library_name(self, gate: Gate | None) -> str | None:
        """Name of a gate in the standard library, or None."""
        return None if gate is None else getattr(gate, self.column)


DIALECTS = {
    d.version: d
    for d in (
        Dialect(
            version=2,
            header='OPENQASM 2.0;\ninclude "qelib1.inc";',
            column="qasm2",
            qubits="qreg {name}[{size}];",
            clbits="creg {name}[{size}];",
            measure="measure {qubit} -> {clbit};",
            parameter=None,
            phase=None,
            modifiers=False,
        ),
        Dialect(
            version=3,
            header='OPENQASM 3.0;\ninclude "stdgates.inc";',
            column="qasm3",
            qubits="qubit[{size}] {name};",
            clbits="bit[{size}] {name};",
            measure="{clbit} = measure {qubit};",
            parameter="input float[64] {name};",
            phase="gphase({angle});",
            modifiers=True,
        ),
    )
}
"""Every dialect, by version."""
