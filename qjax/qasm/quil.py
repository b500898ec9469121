"""Circuits in Quil, the language of Rigetti's machines."""

from collections.abc import Iterator
from typing import Any

from qjax.circuit import Circuit, Instruction
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.errors import QasmError
from qjax.gates import GATES
from qjax.qasm.numbers import expression, number
from qjax.qasm.program import Registers


def write_quil(circuit: Circuit, registers: Registers) -> str:
    """A circuit of rz, rx and iswap as a program in Quil.

    Open parameters become `DECLARE theta REAL[n]`, vectors flattened in row-major order; classical
    bits become `DECLARE ro BIT[n]`, under the register's name.

    Args:
        circuit: Its gates must be RX, RZ, ISWAP, and a global phase, which becomes a comment.
        registers: Names; physical qubits, if given, are Quil's qubits.

    Raises:
        QasmError: If an angle is traced, or something depends on an outcome.

    Examples:
        >>> print(write_quil(Circuit(2).rx(0.5, 0).iswap(0, 1).measure(1, 0), Registers()))
        DECLARE c BIT[1]
        RX(0.5) 0
        ISWAP 0 1
        MEASURE 1 c[0]
    """
    places, clbits = registers.physical or range(circuit.num_qubits), registers.clbits or "c"
    symbols: dict[Symbol, str] = {}
    lines = []
    if circuit.num_clbits:
        lines.append(f"DECLARE {clbits} BIT[{circuit.num_clbits}]")
    for name, shape in circuit.parameters.items():
        size = 1
        for length in shape:
            size *= length
        lines.append(f"DECLARE {name} REAL[{size}]")
        symbols |= {Symbol(name, shape, k): f"{name}[{k}]" for k in range(size)}
    for i in circuit:
        if i.conditions:
            raise QasmError(
                "dumps: a circuit for Quil must not depend on outcomes, but this has "
                f"{circuit.structure.dynamic}."
            )
        lines += _lines(i, places, symbols, clbits)
    return "\n".join(lines) + "\n"


def _lines(i: Instruction, places: Any, symbols: dict[Symbol, str], clbits: str) -> Iterator[str]:
    where = " ".join(str(places[q]) for q in i.all_qubits)
    if i.operation is MEASURE:
        for q, c in zip(i.qubits, i.clbits, strict=True):
            yield f"MEASURE {places[q]} {clbits}[{c}]"
    elif i.operation is BARRIER:
        yield f"FENCE {where}"
    elif i.operation is RESET:
        yield f"RESET {where}"
    elif i.operation is GATES["gphase"]:
        yield f"# global phase: {_angle(i.params[0], symbols)}"
    else:
        angles = ", ".join(_angle(p, symbols) for p in i.params)
        yield f"{i.name.upper()}{f'({angles})' if angles else ''} {where}"


def _angle(value: Any, symbols: dict[Symbol, str]) -> str:
    if is_traced(value):
        raise QasmError(
            "dumps: angles must be known, but one is traced; write the circuit outside of jax.jit, "
            "jax.grad and jax.vmap."
        )
    if isinstance(value, ParameterExpression):
        return expression(value, symbols)
    return number(value)
