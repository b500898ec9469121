"""Circuits from and for pytket, with their parameters and global phase."""

from collections.abc import Iterator
from math import pi
from typing import Any

import numpy as np

from qjax._extras import require
from qjax.circuit import Circuit, Instruction
from qjax.circuit.compose import conditioned, controlled
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import BARRIER, MEASURE, RESET
from qjax.circuit.structure import check_noiseless
from qjax.circuit.synthesis import decompose
from qjax.errors import CircuitError
from qjax.gates import GATES
from qjax.interop._gates import placed, placed_matrix
from qjax.interop._sympy import Symbols, to_sympy

# Rows of the table with the same matrix as an OpType, whose angles are in half-turns.
_TYPES = {
    "id": "noop", "x": "X", "y": "Y", "z": "Z", "h": "H", "s": "S", "sdg": "Sdg", "t": "T",
    "tdg": "Tdg", "sx": "SX", "sxdg": "SXdg", "rx": "Rx", "ry": "Ry", "rz": "Rz", "p": "U1",
    "u": "U3", "prx": "PhasedX", "gpi": "GPI", "gpi2": "GPI2", "swap": "SWAP", "iswap": "ISWAPMax",
    "ecr": "ECR", "rxx": "XXPhase", "ryy": "YYPhase", "rzz": "ZZPhase", "ms": "AAMS",
    "cx": "CX", "cy": "CY", "cz": "CZ", "ch": "CH", "cs": "CS", "csdg": "CSdg", "csx": "CSX",
    "csxdg": "CSXdg", "cp": "CU1", "crx": "CRx", "cry": "CRy", "crz": "CRz", "cu3": "CU3",
    "ccx": "CCX", "cswap": "CSWAP",
}  # fmt: skip
_ORDER = {"ms": (2, 0, 1)}  # the row's angle at each place of the OpType
_LARGEST_BOX = 3  # qubits of a matrix that pytket holds


def _ops() -> Any:
    return require("pytket.circuit", "pytket", "Conversion from and to pytket")


def to_pytket(circuit: Circuit) -> Any:
    """A circuit as a `pytket.circuit.Circuit`.

    Args:
        circuit: Its numbers must be known or symbolic, not traced.

    Returns:
        The circuit with the same unitary, its global phase included; qubit k is `q[k]` and bit k is
        `c[k]`. Parameters become symbols of SymPy, elements of vectors as `theta[3]`.

    Raises:
        MissingExtraError: If pytket is not installed.
        CircuitError: If a number is traced, or a condition is none of pytket's.
        ParameterError: If a gate that pytket lacks has open parameters and no decomposition.

    Examples:
        >>> to_pytket(Circuit(2).h(0).cx(0, 1)).get_commands()
        [H q[0];, CX q[0], q[1];]
    """
    check_noiseless(circuit.structure, "to_pytket")
    tk = _ops()
    made = tk.Circuit(circuit.num_qubits, circuit.num_clbits)

    def append(i: Instruction) -> None:
        options: dict[str, Any] = {}
        if i.conditions:
            options = _condition(i.conditions)
        name, places = i.name, list(i.all_qubits)
        if i.operation is BARRIER:
            made.add_barrier(places)
        elif i.operation is MEASURE:
            if len(i.clbits) > 1 and set(i.clbits) & set(i.read_clbits):
                raise CircuitError(
                    "to_pytket: one measurement at most must change the bits of a condition under "
                    f"it, but here several do: {i}."
                )
            for q, c in zip(i.qubits, i.clbits, strict=True):
                made.Measure(q, c, **options)
        elif i.operation is RESET:
            made.Reset(i.qubits[0], **options)
        elif i.operation is GATES["gphase"] and not i.controls:
            if not options:
                made.add_phase(to_sympy(i.params[0], pi, "to_pytket"))
        elif name in _TYPES and (GATES[name] is i.named) and hasattr(tk.OpType, _TYPES[name]):
            order = _ORDER.get(name, range(len(i.params)))
            angles = [to_sympy(i.params[k], pi, "to_pytket") for k in order]
            made.add_gate(getattr(tk.OpType, _TYPES[name]), angles, places, **options)
        elif i.operation.name == "unitary" and not i.controls and len(places) <= _LARGEST_BOX:
            box = (tk.Unitary1qBox, tk.Unitary2qBox, tk.Unitary3qBox)[len(places) - 1]
            made.add_gate(box(np.asarray(i.params[0])), places[::-1], **options)
        else:
            for step in decompose(i):
                append(step)

    for instruction in circuit:
        append(instruction)
    return made


def _condition(conditions: tuple[Condition, ...]) -> dict[str, Any]:
    """Conditions as pytket's: bits that together have one value."""
    bits: dict[int, int] = {}
    for condition in conditions:
        if len(condition.values) != 1 or condition.negated or bits.keys() & set(condition.clbits):
            raise CircuitError(
                "to_pytket: a condition must be that bits have one value, but one is "
                f"{' and '.join(map(str, conditions))}."
            )
        for k, c in enumerate(condition.clbits):
            bits[c] = condition.values[0] >> k & 1
    value = sum(bit << k for k, bit in enumerate(bits.values()))
    return {"condition_bits": list(bits), "condition_value": value}


def from_pytket(circuit: Any) -> Circuit:
    """A circuit of pytket as a `Circuit`.

    Boxes are replaced by their circuits, or by their matrices; other gates that the table has not
    by TK1 and CX.

    Args:
        circuit: A `pytket.circuit.Circuit`. Its angles may be affine expressions of symbols.

    Returns:
        The circuit with the same unitary, its global phase included; qubits and bits are numbered
        in the order of `circuit.qubits` and `circuit.bits`. Symbols named `theta[3]` become
        elements of vectors.

    Raises:
        MissingExtraError: If pytket is not installed.
        CircuitError: If it is no circuit of pytket, or holds classical operations.
        ParameterError: If an angle is not affine in the symbols.

    Examples:
        >>> import pytket
        >>> from_pytket(pytket.Circuit(2).H(0).CX(0, 1)).count_ops()
        {'h': 1, 'cx': 1}
    """
    tk = _ops()
    if not isinstance(circuit, tk.Circuit):
        raise CircuitError(f"from_pytket: circuit must be a pytket Circuit, but is {circuit!r}.")
    symbols = Symbols((str(s) for s in circuit.free_symbols()), "from_pytket")
    made = Circuit(circuit.n_qubits, circuit.n_bits)
    for i in _instructions(circuit, tuple(range(circuit.n_qubits)), symbols):
        made.append(i)
    return made


def _instructions(circuit: Any, where: tuple[int, ...], symbols: Symbols) -> Iterator[Instruction]:
    """Those of a circuit of pytket whose qubit k is qubit `where[k]`, its global phase first."""
    phase = symbols.angle(circuit.phase, pi)
    if not isinstance(phase, float) or phase:
        yield from placed("gphase", (phase,), ())
    qubits = {q: where[k] for k, q in enumerate(circuit.qubits)}
    bits = {b: k for k, b in enumerate(circuit.bits)}
    for command in circuit.get_commands():
        places = tuple(qubits[q] for q in command.qubits)
        yield from _converted(command.op, places, [bits[b] for b in command.bits], symbols,
                              [bits.get(a) for a in command.args])  # fmt: skip


def _converted(
    op: Any, places: tuple[int, ...], bits: list[int], symbols: Symbols, args: list[int | None]
) -> list[Instruction]:
    """One operation of pytket on qubits and bits."""
    tk = _ops()
    name = op.type.name
    if name == "Conditional":
        read = tuple(c for c in args[: op.width] if c is not None)
        inner = _converted(op.op, places, bits[op.width :], symbols, args[op.width :])
        return conditioned(inner, Condition(read, (op.value,)))
    if name == "Barrier":
        return [Instruction(BARRIER, places)]
    if name == "Measure":
        return [Instruction(MEASURE, places, clbits=(bits[0],))]
    if name == "Reset":
        return [Instruction(RESET, places)]
    if bits:
        raise CircuitError(f"from_pytket: classical operations are not supported, but one is {op}.")
    if name in _ROWS:
        row = _ROWS[name]
        order = _ORDER.get(row)
        angles = [symbols.angle(p, pi) for p in op.params]
        if order is not None:
            angles = [angles[order.index(k)] for k in range(len(angles))]
        return placed(row, tuple(angles), places)
    if name == "TK1":
        a, b, c = (symbols.angle(p, pi) for p in op.params)
        turns = (("rz", c), ("rx", b), ("rz", a))
        return [i for row, angle in turns for i in placed(row, (angle,), places)]
    if name == "TK2":
        turns = zip(("rxx", "ryy", "rzz"), op.params, strict=True)
        return [i for row, p in turns for i in placed(row, (symbols.angle(p, pi),), places)]
    if name == "Phase":
        return placed("gphase", (symbols.angle(op.params[0], pi),), ())
    if name == "QControlBox":
        k = op.get_n_controls()
        state = op.get_control_state_bits()
        inner = _converted(op.get_op(), places[k:], [], symbols, [])
        return controlled(inner, places[:k], [int(bit) for bit in state])
    if name.startswith("Unitary") or (not op.free_symbols() and len(places) <= _LARGEST_BOX):
        matrix = np.asarray(op.get_unitary())
        return placed_matrix(matrix, places[::-1])
    if hasattr(op, "get_circuit"):
        return list(_instructions(op.get_circuit(), places, symbols))
    alone = tk.Circuit(len(places))
    alone.add_gate(op, list(range(len(places))))
    require("pytket.passes", "pytket", "Conversion from pytket").RebaseTket().apply(alone)
    return list(_instructions(alone, places, symbols))


_ROWS = {kind: row for row, kind in _TYPES.items()}
