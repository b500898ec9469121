"""Circuits from and for Cirq, with their parameters and global phase."""

import re
from collections.abc import Callable
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
from qjax.errors import CircuitError, ParameterError
from qjax.gates import GATES
from qjax.interop._gates import placed, placed_matrix
from qjax.interop._sympy import Symbols, to_sympy

# Rows of the table as gates of Cirq, made from the module and angles in half-turns.
_GATES: dict[str, Callable[..., Any]] = {
    "id": lambda c: c.I, "x": lambda c: c.X, "y": lambda c: c.Y, "z": lambda c: c.Z,
    "h": lambda c: c.H, "s": lambda c: c.S, "sdg": lambda c: c.S**-1, "t": lambda c: c.T,
    "tdg": lambda c: c.T**-1, "sx": lambda c: c.X**0.5, "sxdg": lambda c: c.X**-0.5,
    "rx": lambda c, t: c.XPowGate(exponent=t, global_shift=-0.5),
    "ry": lambda c, t: c.YPowGate(exponent=t, global_shift=-0.5),
    "rz": lambda c, t: c.ZPowGate(exponent=t, global_shift=-0.5),
    "p": lambda c, t: c.ZPowGate(exponent=t),
    "prx": lambda c, t, p: c.PhasedXPowGate(exponent=t, phase_exponent=p, global_shift=-0.5),
    "swap": lambda c: c.SWAP, "iswap": lambda c: c.ISWAP, "iswapdg": lambda c: c.ISWAP**-1,
    "sqrt_iswap": lambda c: c.SQRT_ISWAP, "sqrt_iswapdg": lambda c: c.SQRT_ISWAP_INV,
    "rxx": lambda c, t: c.XXPowGate(exponent=t, global_shift=-0.5),
    "ryy": lambda c, t: c.YYPowGate(exponent=t, global_shift=-0.5),
    "rzz": lambda c, t: c.ZZPowGate(exponent=t, global_shift=-0.5),
    "fsim": lambda c, t, p: c.FSimGate(t * pi, p * pi),
}  # fmt: skip

# Powers of P: exp(i pi t (shift + 1/2)) exp(-i pi t P / 2), as the row of the rotation.
_POWERS = {
    "XPowGate": "rx", "YPowGate": "ry", "ZPowGate": "rz", "XXPowGate": "rxx", "YYPowGate": "ryy",
    "ZZPowGate": "rzz", "_PauliX": "rx", "_PauliY": "ry", "_PauliZ": "rz",
    "Rx": "rx", "Ry": "ry", "Rz": "rz",
}  # fmt: skip
_WHOLE = {"rx": "x", "ry": "y", "rz": "z"}  # the power 1, without a shift
_CONTROLLED_POWERS = {"CXPowGate": ("rx", 1), "CZPowGate": ("rz", 1), "CCXPowGate": ("rx", 2),
                      "CCZPowGate": ("rz", 2)}  # fmt: skip
_NUMBERED = re.compile(r"(\w*?)_?(\d{1,4})")  # keys as we and Cirq's reader of OpenQASM write them
_LARGEST_MATRIX = 5  # qubits of a gate that is known by its matrix only


def _cirq() -> Any:
    return require("cirq", "cirq", "Conversion from and to Cirq")


def to_cirq(circuit: Circuit) -> Any:
    """A circuit as a `cirq.Circuit`.

    Args:
        circuit: Its numbers must be known or symbolic, not traced.

    Returns:
        The circuit with the same unitary, its global phase included, on `cirq.LineQubit(k)` for
        qubit k; a measurement into bit k has the key `ck`. Parameters become symbols of SymPy,
        elements of vectors as `theta[3]`. Barriers, which Cirq has not, keep moments apart.

    Raises:
        MissingExtraError: If Cirq is not installed.
        CircuitError: If a number is traced, or a bit is written twice.
        ParameterError: If a gate that Cirq lacks has open parameters and no decomposition.

    Examples:
        >>> print(to_cirq(Circuit(2).h(0).cx(0, 1)))
        0: ───H───@───
                  │
        1: ───────X───
    """
    check_noiseless(circuit.structure, "to_cirq")
    cirq = _cirq()
    qubits = cirq.LineQubit.range(circuit.num_qubits)
    written: set[int] = set()
    moments: list[list[Any]] = [[]]

    def place(operation: Any, i: Instruction) -> None:
        if i.conditions:
            operation = operation.with_classical_controls(*(_test(c) for c in i.conditions))
        moments[-1].append(operation)

    def append(i: Instruction) -> None:
        name = i.operation.name
        own, controls = [qubits[q] for q in i.qubits], [qubits[q] for q in i.controls]
        if i.operation is BARRIER:
            moments.append([])
        elif i.operation is MEASURE:
            for q, c in zip(own, i.clbits, strict=True):
                if c in written:
                    raise CircuitError(
                        f"to_cirq: a bit must be written once, but bit {c} is written again."
                    )
                written.add(c)
                place(cirq.measure(q, key=f"c{c}"), i)
        elif i.operation is RESET:
            place(cirq.ResetChannel().on(own[0]), i)
        elif i.operation is GATES["gphase"] and not controls:
            if not i.conditions:
                place(_phase(to_sympy(i.params[0], 1.0, "to_cirq")), i)
        elif name in _GATES and GATES[name] is i.operation:
            angles = [to_sympy(p, pi, "to_cirq") for p in i.params]
            made = _GATES[name](cirq, *angles).on(*own)
            place(made.controlled_by(*controls, control_values=i.control_values), i)
        elif name == "unitary":
            made = cirq.MatrixGate(np.asarray(i.params[0])).on(*own[::-1])
            place(made.controlled_by(*controls, control_values=i.control_values), i)
        else:
            for step in decompose(i):
                append(step)

    for instruction in circuit:
        append(instruction)
    made = cirq.Circuit()
    for group in moments:
        made += cirq.Circuit(group)
    return made


def _phase(angle: Any) -> Any:
    cirq = _cirq()
    if isinstance(angle, float):
        return cirq.global_phase_operation(complex(np.exp(1j * angle)))
    sympy = require("sympy", "cirq", "Symbolic angles")
    return cirq.GlobalPhaseGate(sympy.exp(sympy.I * angle)).on()


def _test(condition: Condition) -> Any:
    """A condition on bits c0, c1, ... as Cirq's, a polynomial that is not 0 where it holds."""
    cirq, sympy = _cirq(), require("sympy", "cirq", "Conditions")
    symbols = [sympy.Symbol(f"c{c}") for c in condition.clbits]
    if len(symbols) == 1 and condition.values == (1,) and not condition.negated:
        return f"c{condition.clbits[0]}"
    total: Any = 0
    for value in condition.values:
        term: Any = 1
        for k, s in enumerate(symbols):
            term = term * (s if value >> k & 1 else 1 - s)
        total = total + term
    return cirq.SympyCondition(1 - total if condition.negated else total)


def from_cirq(circuit: Any, *, num_qubits: int | None = None) -> Circuit:
    """A circuit of Cirq as a `Circuit`.

    Gates that the table has not are decomposed by Cirq, or replaced by their matrices.

    Args:
        circuit: A `cirq.Circuit` on qubits. Its angles may be affine expressions of symbols.
        num_qubits: Size of the result; by default the lowest that holds all qubits, for a circuit
            of Cirq knows only those it uses.

    Returns:
        The circuit with the same unitary, its global phase included. `cirq.LineQubit(k)` is qubit
        k; other qubits are numbered in Cirq's order. The bits of measurements are numbered in the
        order of the circuit, unless all keys are of the form `c0` or `c_0`; symbols named
        `theta[3]` become elements of vectors.

    Raises:
        MissingExtraError: If Cirq is not installed.
        CircuitError: If it is no circuit of Cirq, or holds channels or qudits.
        ParameterError: If an angle is not affine in the symbols.

    Examples:
        >>> import cirq
        >>> a, b = cirq.LineQubit.range(2)
        >>> from_cirq(cirq.Circuit(cirq.H(a), cirq.CNOT(a, b))).count_ops()
        {'h': 1, 'cx': 1}
    """
    cirq = _cirq()
    if not isinstance(circuit, cirq.Circuit):
        raise CircuitError(f"from_cirq: circuit must be a cirq.Circuit, but is {circuit!r}.")
    reader = _Reader(circuit)
    if num_qubits is not None and num_qubits < reader.num_qubits:
        raise CircuitError(
            f"from_cirq: num_qubits must be at least {reader.num_qubits}, but is {num_qubits}."
        )
    made = Circuit(reader.num_qubits if num_qubits is None else num_qubits)
    for operation in circuit.all_operations():
        for i in reader.converted(operation):
            made.append(i)
    return made


class _Reader:
    """What a circuit of Cirq calls its qubits, bits and symbols."""

    def __init__(self, circuit: Any) -> None:
        cirq = _cirq()
        names = (str(s) for s in cirq.parameter_symbols(circuit))
        self.symbols = Symbols(names, "from_cirq")
        qubits = sorted(circuit.all_qubits())
        if any(q.dimension != 2 for q in qubits):
            raise CircuitError("from_cirq: qubits must have two levels, but some have more.")
        if all(isinstance(q, cirq.LineQubit) and q.x >= 0 for q in qubits):
            self.where = {q: q.x for q in qubits}
        else:
            self.where = {q: k for k, q in enumerate(qubits)}
        self.num_qubits = 1 + max(self.where.values(), default=-1)
        self.bits: dict[str, list[int]] = {}
        used = 0
        found = [
            (cirq.measurement_key_name(op), len(op.qubits))
            for op in circuit.all_operations()
            if cirq.is_measurement(op)
        ]
        matches = [_NUMBERED.fullmatch(key) for key, count in found if count == 1]
        numbered = {m[1] for m in matches if m is not None}
        ours = len(numbered) == 1 and None not in matches and len(matches) == len(found)
        for key, count in found:
            if key not in self.bits:
                match = _NUMBERED.fullmatch(key)
                bits = range(used, used + count)
                self.bits[key] = [int(match[2])] if ours and match is not None else list(bits)
                used += count

    def converted(self, operation: Any) -> list[Instruction]:
        """One operation of Cirq."""
        cirq = _cirq()
        operation = operation.untagged
        if isinstance(operation, cirq.ClassicallyControlledOperation):
            inner = self.converted(operation.without_classical_controls())
            for test in operation.classical_controls:
                inner = conditioned(inner, self.condition(test))
            return inner
        places = tuple(self.where[q] for q in operation.qubits)
        if isinstance(operation, cirq.ControlledOperation):
            return self.under_controls(operation)
        gate = operation.gate
        if isinstance(gate, cirq.MeasurementGate):
            if any(gate.full_invert_mask()) or gate.confusion_map:
                raise CircuitError("from_cirq: measurements must not invert or confuse bits.")
            bits = self.bits[gate.key]
            return [
                Instruction(MEASURE, (q,), clbits=(c,)) for q, c in zip(places, bits, strict=True)
            ]
        if isinstance(gate, cirq.ResetChannel):
            return [Instruction(RESET, places)]
        found = self.known(gate, places)
        return self.unknown(operation, places) if found is None else found

    def known(self, gate: Any, places: tuple[int, ...]) -> list[Instruction] | None:
        """A gate of Cirq that the table has, or None."""
        cirq = _cirq()
        name = type(gate).__name__
        if name in _POWERS:
            return self.power(_POWERS[name], gate, places)
        if name in _CONTROLLED_POWERS:
            row, k = _CONTROLLED_POWERS[name]
            angle = self.symbols.angle(gate.exponent, pi)
            # The shift is a phase of the whole gate, and 1/2 is one under the control.
            inner = self.shift(gate, 0.5) + placed(row, (angle,), places[k:])
            if gate.exponent == 1:
                inner = placed(_WHOLE[row], (), places[k:])
            return self.shift(gate, gate.global_shift) + controlled(inner, places[:k], None)
        if isinstance(gate, cirq.IdentityGate):
            return [i for q in places for i in placed("id", (), (q,))]
        if isinstance(gate, cirq.HPowGate) and gate.exponent == 1 and gate.global_shift == 0:
            return placed("h", (), places)
        if isinstance(gate, cirq.SwapPowGate) and gate.exponent == 1 and gate.global_shift == 0:
            return placed("swap", (), places)
        if isinstance(gate, cirq.CSwapGate):
            return placed("cswap", (), places)
        if isinstance(gate, cirq.ISwapPowGate) and gate.global_shift == 0:
            angle = self.symbols.angle(gate.exponent, -pi)
            return placed("xx_plus_yy", (angle, 0.0), places)
        if isinstance(gate, cirq.PhasedXPowGate):
            angles = (self.symbols.angle(p, pi) for p in (gate.exponent, gate.phase_exponent))
            turn = placed("prx", tuple(angles), places)
            return self.shift(gate, gate.global_shift + 0.5) + turn
        if isinstance(gate, cirq.FSimGate):
            angles = (self.symbols.angle(p, 1.0) for p in (gate.theta, gate.phi))
            return placed("fsim", tuple(angles), places)
        if isinstance(gate, cirq.GlobalPhaseGate):
            return placed("gphase", (self.phase(gate.coefficient),), ())
        if isinstance(gate, cirq.ControlledGate):
            return self.under_controls(gate.on(*(self.qubit(q) for q in places)))
        return None

    def qubit(self, place: int) -> Any:
        """The qubit of Cirq with a number."""
        return next(q for q, k in self.where.items() if k == place)

    def power(self, row: str, gate: Any, places: tuple[int, ...]) -> list[Instruction]:
        """A power of a Pauli operator."""
        if gate.exponent == 1 and gate.global_shift == 0 and row in _WHOLE:
            return placed(_WHOLE[row], (), places)
        angle = self.symbols.angle(gate.exponent, pi)
        return self.shift(gate, gate.global_shift + 0.5) + placed(row, (angle,), places)

    def shift(self, gate: Any, amount: float) -> list[Instruction]:
        """The phase exp(i pi exponent amount)."""
        if amount == 0:
            return []
        return placed("gphase", (self.symbols.angle(gate.exponent, pi * amount),), ())

    def phase(self, coefficient: Any) -> Any:
        """The angle of exp(i angle)."""
        if not getattr(coefficient, "free_symbols", ()):
            return float(np.angle(complex(coefficient)))
        sympy = require("sympy", "cirq", "Symbolic angles")
        if not isinstance(coefficient, sympy.exp):
            raise ParameterError(
                f"from_cirq: a phase must be exp(i angle), but one is {coefficient}."
            )
        return self.symbols.angle(sympy.expand(coefficient.args[0] / sympy.I), 1.0)

    def under_controls(self, operation: Any) -> list[Instruction]:
        """An operation under controls, each at one value."""
        cirq = _cirq()
        values = operation.control_values
        if not isinstance(values, cirq.ProductOfSums) or any(len(v) != 1 for v in values):
            raise CircuitError(
                f"from_cirq: each control must act at one value, but {operation} has others."
            )
        chosen = [next(iter(v)) for v in values]
        controls = tuple(self.where[q] for q in operation.controls)
        return controlled(self.converted(operation.sub_operation), controls, chosen)

    def condition(self, test: Any) -> Condition:
        """A condition of Cirq, tried at all values of its bits."""
        cirq = _cirq()
        if isinstance(test, cirq.KeyCondition):
            bits = self.bits[str(test.key)]
            one = Condition(tuple(bits), (1,))
            return one if len(bits) == 1 else Condition(tuple(bits), (0,), negated=True)
        if not isinstance(test, cirq.SympyCondition):
            raise CircuitError(f"from_cirq: conditions must be on keys, but one is {test}.")
        names = sorted(str(s) for s in test.expr.free_symbols)
        places = [c for name in names for c in self.bits[name]]
        values = []
        for value in range(2 ** len(places)):
            at, numbers = 0, {}
            for name in names:  # Cirq reads a key with its first qubit as the highest bit
                count = len(self.bits[name])
                bits = [value >> (at + k) & 1 for k in range(count)]
                numbers[name] = sum(bit << (count - 1 - k) for k, bit in enumerate(bits))
                at += count
            if bool(test.expr.subs(numbers)):
                values.append(value)
        return Condition(tuple(places), tuple(values))

    def unknown(self, operation: Any, places: tuple[int, ...]) -> list[Instruction]:
        """An operation by its decomposition, or its matrix."""
        cirq = _cirq()
        small = len(places) <= _LARGEST_MATRIX
        symbolic = cirq.is_parameterized(operation)
        matrix = None if symbolic or not small else cirq.unitary(operation, None)
        is_matrix = isinstance(operation.gate, cirq.MatrixGate)
        steps = None if is_matrix else cirq.decompose_once(operation, None)
        if steps is not None and (symbolic or matrix is None):
            return [i for step in steps for i in self.converted(step)]
        if matrix is None:
            raise CircuitError(
                f"from_cirq: operations must be unitary gates, measurements or resets, but one is "
                f"{operation}."
            )
        return placed_matrix(matrix, places[::-1])
