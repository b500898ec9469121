"""DIALECTS: one row per flavour of OpenQASM that can be written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from qjax.gates import GATES


@dataclass(frozen=True)
class Dialect:
    """How a flavour of OpenQASM writes things, and which gates its readers know.

    Attributes:
        name: What it is called in messages.
        header: First lines of a program.
        gates: From the name of a row of `GATES` to the name that the library gives this gate. A
            gate that is not here gets a definition, or is decomposed.
        reserved: Words that no definition, input or register may be called: keywords, constants,
            functions, and every gate of the library.
        identifier: What a name must match.
        identifier_rule: The same in words, for messages.
        qubits: Declaration of `size` qubits called `name`.
        clbits: Declaration of `size` classical bits called `name`.
        measure: Measurement of `qubit` into `clbit`.
        modifiers: Words that put a gate under a control at value 0 and at value 1, or None if the
            language has none; a gate under controls is decomposed then.
        input: Declaration of an open parameter called `name`, or None if there are none.
        global_phase: A line that says the global phase `angle` where `gates` has no gphase.
        barrier: A barrier on `qubits`; a comment where readers have none.
        reset: A reset of `qubit`, or None if there is none.
        conditions: How conditions on bits are written: "blocks" around statements and about any
            bits, "registers" in front of each statement and about a whole register, or None.
        boxed: Lines before and after gates that stand in a box.
        definitions: Whether gates are defined in the program; if not, they are decomposed where
            they stand.
        physical: Whether qubits are called `$5`: "never", "sometimes" or "always".
    """

    name: str
    header: tuple[str, ...]
    gates: Mapping[str, str]
    reserved: frozenset[str]
    identifier: re.Pattern[str]
    identifier_rule: str
    qubits: str
    clbits: str
    measure: str
    modifiers: tuple[str, str] | None = None
    input: str | None = None
    global_phase: str = "// global phase: {angle}"
    barrier: str = "barrier {qubits};"
    reset: str | None = "reset {qubit};"
    conditions: str | None = "blocks"
    boxed: tuple[tuple[str, ...], tuple[str, ...]] = ((), ())
    definitions: bool = True
    physical: str = "sometimes"


_QELIB1 = """
    u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3
"""
_WORDS_2 = """
    OPENQASM include qreg creg gate opaque if measure reset barrier U CX
    pi sin cos tan exp ln sqrt asin acos atan
"""

_STDGATES = """
    p x y z h s sdg t tdg sx rx ry rz cx cy cz cp crx cry crz ch swap ccx cswap cu
    CX phase cphase id u1 u2 u3
"""
_WORDS_3 = """
    OPENQASM include defcalgrammar def cal defcal gate extern box let break continue if else end
    return for while in switch case default nop pragma input output const readonly mutable qreg
    qubit creg bool bit int uint float angle complex array void duration stretch gphase inv pow ctrl
    negctrl durationof delay reset measure barrier true false im U
    pi π tau τ euler ℇ
    arccos arcsin arctan ceiling cos exp floor log mod popcount pow rotl rotr sin sqrt tan
    real imag sizeof
"""

# Letters are those of the Unicode categories Lu, Ll, Lt, Lm, Lo and Nl; `names.py` sees to these.
_IDENTIFIER_3 = re.compile(r"[^\W\d]\w*")
_IDENTIFIER_2 = re.compile(r"[a-z][A-Za-z0-9_]*")


DIALECTS: dict[int, Dialect] = {
    2: Dialect(
        name="OpenQASM 2",
        header=("OPENQASM 2.0;", 'include "qelib1.inc";'),
        # cu3: with RZ RY RZ under the control in the paper's library, with u3 in Qiskit's.
        gates={g.name: g.qasm2 for g in GATES.values() if g.qasm2 and g.qasm2 != "cu3"},
        reserved=frozenset((_WORDS_2 + _QELIB1).split()),
        identifier=_IDENTIFIER_2,
        identifier_rule="a small letter, then letters, digits and _",
        qubits="qreg {name}[{size}];",
        clbits="creg {name}[{size}];",
        measure="measure {qubit} -> {clbit};",
        conditions="registers",
        physical="never",
    ),
    3: Dialect(
        name="OpenQASM 3",
        header=("OPENQASM 3.0;", 'include "stdgates.inc";'),
        # cu: by the built-in U, whose global phase differs between versions of the specification.
        gates={
            **{g.name: g.qasm3 for g in GATES.values() if g.qasm3 and g.qasm3 != "cu"},
            "gphase": "gphase",
        },
        reserved=frozenset((_WORDS_3 + _STDGATES).split()),
        identifier=_IDENTIFIER_3,
        identifier_rule="a letter or _, then letters, digits and _",
        qubits="qubit[{size}] {name};",
        clbits="bit[{size}] {name};",
        measure="{clbit} = measure {qubit};",
        modifiers=("negctrl", "ctrl"),
        input="input float[64] {name};",
    ),
}
"""Every dialect, by the version that `dumps` takes.

References:
    2: A. Cross, L. Bishop, J. Smolin, J. Gambetta, Open quantum assembly language,
        arXiv:1707.03429.
    3: https://openqasm.com/versions/3.0/language/standard_library.html
"""
