"""Gates of a program as instructions: modifiers, broadcasting and definitions."""

from typing import Any

import numpy as np

from qjax.circuit import Circuit
from qjax.circuit._place import place
from qjax.circuit.compose import conditioned, controlled, inverted
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import Instruction
from qjax.circuit.parameter import ParameterExpression
from qjax.dense import dense_statevector
from qjax.errors import QasmError
from qjax.gates import GATES, Gate
from qjax.qasm.evaluate import Wires, describe
from qjax.qasm.expressions import MAX_WIRES, Evaluator
from qjax.qasm.standard import library
from qjax.qasm.syntax import (
    Barrier,
    For,
    GateCall,
    GateDefinition,
    If,
    Modifier,
)

MOST_BITS = 12  # of a condition or an angle whose values are tried one by one


class Caller(Evaluator):
    """Carries out calls of gates."""

    def gate_call(self, node: GateCall) -> None:
        """A gate, on single qubits or on registers element by element."""
        modifiers = [self.modifier(m) for m in node.modifiers]
        bits = tuple(dict.fromkeys(c for a in node.arguments for c in self.bits_of(a)))
        operands = [self.wires(o, "qubit") for o in node.operands]
        lengths = {len(o) for o in operands if not o.single}
        if len(lengths) > 1:
            sizes = ", ".join(str(n) for n in sorted(lengths))
            raise self.error(node.at, f"registers must have one length, but have {sizes}.")
        for k in range(lengths.pop() if lengths else 1):
            qubits = tuple(o.indices[0] if o.single else o.indices[k] for o in operands)
            if len(set(qubits)) != len(qubits):
                raise self.error(node.at, f"{node.name}: qubits must be distinct.")
            if bits:
                self.instructions += self.fed_forward(node, modifiers, bits, qubits)
            else:
                arguments = [self.value(a) for a in node.arguments]
                self.instructions += self.applied(node, modifiers, arguments, qubits)

    def fed_forward(
        self,
        node: GateCall,
        modifiers: list[tuple[str, Any]],
        bits: tuple[int, ...],
        qubits: tuple[int, ...],
    ) -> list[Instruction]:
        """The instructions of a gate whose angles depend on measured bits."""
        if len(bits) > MOST_BITS:
            raise self.error(
                node.at, f"angles must depend on at most {MOST_BITS} bits, but depend on "
                f"{len(bits)}.",
            )  # fmt: skip
        table = []
        for value in range(2 ** len(bits)):
            self.outcomes = {c: bool(value >> k & 1) for k, c in enumerate(bits)}
            try:
                table.append([self.value(a) for a in node.arguments])
            finally:
                self.outcomes = None
        gate = self.gates.get(node.name)
        turns = isinstance(gate, Gate) and (gate.base or gate).generator is not None
        if turns and len(table[0]) == 1 and all(word != "pow" for word, _ in modifiers):
            parts = _additive([row[0] for row in table])
            if parts is not None:  # exp(i theta G): a turn for each bit
                found = self.applied(node, modifiers, [parts[0]], qubits)
                for c, part in zip(bits, parts[1:], strict=True):
                    more = self.applied(node, modifiers, [part], qubits)
                    found = found + conditioned(more, Condition((c,), (1,)))
                return found
        return [
            i
            for value, arguments in enumerate(table)
            for i in conditioned(
                self.applied(node, modifiers, arguments, qubits), Condition(bits, (value,))
            )
        ]

    def modifier(self, node: Modifier) -> tuple[str, Any]:
        """(word, count or exponent)."""
        if node.word == "pow":
            value = self.value(node.argument)
            if isinstance(value, bool) or not isinstance(value, (int, float)):
                raise self.error(node.at, f"an exponent must be known, but is {describe(value)}.")
            if isinstance(value, float) and value.is_integer():
                value = int(value)
            return "pow", value
        count = 1 if node.argument is None else self.number(node.argument, "a number of controls")
        if not 1 <= count <= MAX_WIRES:
            raise self.error(
                node.at, f"a number of controls must be at least 1, but is {str(count)[:20]}."
            )
        return node.word, count

    def applied(
        self,
        node: GateCall,
        modifiers: list[tuple[str, Any]],
        arguments: list[Any],
        qubits: tuple[int, ...],
    ) -> list[Instruction]:
        """The instructions of a gate under its modifiers."""
        num_controls = sum(n for word, n in modifiers if word in ("ctrl", "negctrl"))
        if num_controls > len(qubits):
            raise self.error(node.at, f"{node.name} needs more qubits than these {len(qubits)}.")
        controls, own = list(qubits[:num_controls]), qubits[num_controls:]
        found = self.body(node, arguments, own)
        for word, number in reversed(modifiers):
            if word == "inv":
                found = self.guarded(node.at, lambda found=found: inverted(found))
            elif word == "pow":
                found = self.power(found, number, own, node.at)
            else:
                mine = tuple(controls[len(controls) - number :])
                del controls[len(controls) - number :]
                values = (1 if word == "ctrl" else 0,) * number
                found = self.guarded(
                    node.at,
                    lambda found=found, mine=mine, values=values: controlled(found, mine, values),
                )
                own = mine + own
        return found

    def power(
        self, found: list[Instruction], exponent: Any, own: tuple[int, ...], at: int
    ) -> list[Instruction]:
        """A gate's power: whole ones by repetition, others by the principal branch."""
        if isinstance(exponent, int):
            self.step(at, len(found) * abs(exponent))
            base = found if exponent >= 0 else self.guarded(at, lambda: inverted(found))
            return base * abs(exponent)
        if len(own) > 5:
            raise self.error(at, "a fractional power must be of a gate on at most 5 qubits.")
        small = Circuit(len(own))
        where = {q: k for k, q in enumerate(own)}
        for i in found:
            if i.is_symbolic:
                raise self.error(at, "a fractional power must be of a gate with known angles.")
            moved = Instruction(
                i.operation, tuple(where[q] for q in i.qubits), i.params,
                tuple(where[c] for c in i.controls), i.control_values,
            )  # fmt: skip
            small.append(moved)
        matrix = _fractional_power(_matrix(small), exponent)
        if not own:
            return self.guarded(
                at,
                lambda: place(GATES["gphase"], (float(np.angle(matrix[0, 0])),), (), (), None, 0),
            )
        scratch = Circuit(self.num_qubits)
        return list(self.guarded(at, lambda: scratch.unitary(matrix, own)))

    def body(
        self, node: GateCall, arguments: list[Any], qubits: tuple[int, ...]
    ) -> list[Instruction]:
        """The instructions of a gate without modifiers."""
        self.step(node.at)
        gate = self.gates.get(node.name)
        if gate is None:
            gate = self.built_in(node.name)
        if gate is None:
            raise self.error(node.at, f"gate {node.name!r} must be defined, {self.hint(node.name)}")
        is_own = isinstance(gate, GateDefinition)
        wanted = len(gate.parameters) if is_own else len(gate.params)
        if node.name == "U" and self.version[0] == 3 and not is_own:
            wanted = 3
        count = len(gate.qubits) if is_own else gate.num_qubits
        if len(arguments) != wanted or len(qubits) != count:
            raise self.error(
                node.at,
                f"{node.name} needs {wanted} angles and {count} qubits, but gets {len(arguments)} "
                f"and {len(qubits)}.",
            )
        for argument in arguments:
            if isinstance(argument, bool) or not isinstance(
                argument, (int, float, ParameterExpression)
            ):
                raise self.error(
                    node.at, f"{node.name}: an angle must be a number, but is {describe(argument)}."
                )
        if isinstance(gate, GateDefinition):
            return self.expanded(gate, arguments, qubits, node.at)
        try:
            angles = [float(a) if isinstance(a, int) else a for a in arguments]
        except OverflowError:
            raise self.error(node.at, f"{node.name}: an angle is too large.") from None
        if node.name == "U" and self.version[0] == 3:
            angles.append(angles[0] * 0.5)
        return self.guarded(
            node.at, lambda: place(gate, tuple(angles), qubits, (), None, self.num_qubits)
        )

    def built_in(self, name: str) -> Gate | None:
        """The gates that need no library."""
        if name == "CX":
            return GATES["cx"]
        if name == "U":
            return GATES["u" if self.version[0] == 2 else "phased_u"]
        return None

    def hint(self, name: str) -> str:
        """How a gate could be had."""
        for file in ("stdgates.inc", "qelib1.inc"):
            if name in (library(file) or {}):
                return f'or come from include "{file}";'
        return "before it is used."

    def expanded(
        self, gate: GateDefinition, arguments: list[Any], qubits: tuple[int, ...], at: int
    ) -> list[Instruction]:
        """The body of a gate of the program."""
        if gate.body is None:
            raise self.error(at, f"gate {gate.name} is opaque: it has no definition to run.")
        local = dict(zip(gate.parameters, arguments, strict=True))
        local |= {n: Wires("qubit", (q,), True) for n, q in zip(gate.qubits, qubits, strict=True)}
        outer, kept = self.scopes, self.instructions
        known = {n: v for n, v in outer[0].items() if n in self.constants}
        self.enter(at)
        self.scopes, self.instructions = [known, local], []
        try:
            for statement in gate.body:
                if not isinstance(statement, (GateCall, Barrier, For, If)):
                    raise self.error(
                        statement.at, f"gate {gate.name}: a gate's body must hold gates only."
                    )
            self.execute(gate.body)
            if any(i.clbits for i in self.instructions):
                raise self.error(at, f"gate {gate.name}: a gate's body must hold gates only.")
            return self.instructions
        finally:
            self.scopes, self.instructions = outer, kept
            self.calls -= 1

    def recognised(self, node: GateDefinition) -> Gate | None:
        """The row of the table that a definition says again, as those do that `dumps` writes.

        Its matrix is compared at two generic sets of angles; in version 2 up to a phase, which has
        no meaning there.
        """
        gate = GATES.get(node.name)
        if gate is None or node.body is None or gate.num_qubits > 5 or any(gate.param_shapes):
            return None
        if (len(node.parameters), len(node.qubits)) != (len(gate.params), gate.num_qubits):
            return None
        qubits = tuple(range(gate.num_qubits))
        kept = self.steps, self.limit, self.num_qubits
        self.limit = min(self.limit, self.steps + 10_000)
        self.num_qubits = max(self.num_qubits, len(qubits))
        try:
            for start in (2, 11):
                angles = [float(np.sqrt(start + k)) for k in range(len(gate.params))]
                found = Circuit(len(qubits))
                for instruction in self.expanded(node, angles, qubits, node.at):
                    found.append(instruction)
                wanted = Circuit(len(qubits)).append(gate, qubits, angles)
                if not _same(_matrix(found), _matrix(wanted), self.version[0] == 2):
                    return None
        except QasmError:  # it is said when the gate is used
            return None
        finally:
            self.steps, self.limit, self.num_qubits = kept
        return gate


def _additive(values: list[Any]) -> list[float] | None:
    """(v0, v1, ...) if value k is v0 plus those of the bits of k, else None."""
    if not all(isinstance(v, (int, float)) for v in values):
        return None
    table = np.array(values, float)
    count = len(values).bit_length() - 1
    steps = [table[1 << k] - table[0] for k in range(count)]
    bits = np.arange(len(table))[:, None] >> np.arange(count) & 1
    sums = table[0] + bits @ np.array(steps)
    if not np.allclose(sums, table, rtol=1e-14, atol=1e-14):
        return None
    return [float(table[0]), *map(float, steps)]


def _same(found: np.ndarray, wanted: np.ndarray, up_to_phase: bool) -> bool:
    """Whether two unitary matrices are equal, up to rounding."""
    if up_to_phase:
        inner = np.vdot(wanted, found)
        found = found * (abs(inner) / inner if inner else 1)
    return bool(np.max(np.abs(found - wanted)) < 1e-12)


def _matrix(circuit: Circuit) -> np.ndarray:
    """The matrix of a small circuit, column by column."""
    size = 2**circuit.num_qubits
    return np.stack(
        [dense_statevector(circuit, column) for column in np.eye(size, dtype=complex)], 1
    )


def _fractional_power(matrix: np.ndarray, exponent: float) -> np.ndarray:
    """U**x by its eigenvalues exp(i phi), -pi < phi <= pi; the Schur form of U is diagonal."""
    from scipy.linalg import schur

    form: Any = schur(matrix, output="complex")
    triangular, vectors = form
    phases = np.angle(np.diagonal(triangular))
    phases = np.where(phases < -np.pi + 1e-12, np.pi, phases)  # -1 up to rounding is exp(i pi)
    return (vectors * np.exp(1j * exponent * phases)) @ vectors.conj().T
