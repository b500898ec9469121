"""The standard libraries of OpenQASM: which row of the table of gates each name is."""

from functools import cache

from qjax.gates import Gate, find_gate

# The gates of the paper, then those that Qiskit's qelib1.inc holds as well.
_QELIB1 = """
    u3 u2 u1 cx id x y z h s sdg t tdg rx ry rz cz cy ch ccx crz cu1 cu3
    u p sx sxdg swap cswap crx cry cp csx cu rxx rzz c3x c4x
"""
_STDGATES = """
    p x y z h s sdg t tdg sx rx ry rz cx cy cz cp crx cry crz ch swap ccx cswap cu
    CX phase cphase id u1 u2 u3
"""
# In OpenQASM 2 a phase of the whole gate has no meaning, so u3 is read as the u that wrote it.
_AS_2 = {"u3": "u"}

DEFINITIONS = """
OPENQASM 3.0;
gate u0(gamma) q { id q; }
gate rccx a, b, c {
  h c; p(pi/4) c; cx b, c; p(-pi/4) c; cx a, c; p(pi/4) c; cx b, c; p(-pi/4) c; h c;
}
gate rc3x a, b, c, d {
  h d; p(pi/4) d; cx c, d; p(-pi/4) d; h d;
  cx a, d; p(pi/4) d; cx b, d; p(-pi/4) d; cx a, d; p(pi/4) d; cx b, d; p(-pi/4) d;
  h d; p(pi/4) d; cx c, d; p(-pi/4) d; h d;
}
gate c3sqrtx a, b, c, d { ctrl(3) @ sx a, b, c, d; }
"""
"""Gates of Qiskit's qelib1.inc that are no rows of the table."""


@cache
def library(file: str) -> dict[str, Gate] | None:
    """The gates of a library file by their names there; None if it is no library.

    Examples:
        >>> library("stdgates.inc")["cphase"].name
        'cp'
        >>> library("mylib.inc")
    """
    if file == "stdgates.inc":
        return {name: find_gate(name) for name in _STDGATES.split()}
    if file != "qelib1.inc":
        return None
    return {name: find_gate(_AS_2.get(name, name)) for name in _QELIB1.split()}
