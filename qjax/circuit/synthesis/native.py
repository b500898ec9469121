"""Instructions in a basis of native gates, with numbers, symbols or traced angles."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from functools import lru_cache
from math import pi
from typing import Any

import numpy as np

from qjax.circuit.compose import under_conditions
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import MEASURE, RESET, Instruction
from qjax.circuit.synthesis.basis import Basis, around_cz, interaction
from qjax.circuit.synthesis.decompose import decompose
from qjax.circuit.synthesis.rotations import (
    NEGLIGIBLE,
    Part,
    gate_matrix,
    is_fixed,
    is_known,
    is_negligible,
    parts_of,
    phase_angle,
    turns_of,
    wrapped,
)
from qjax.circuit.synthesis.steps import phase_steps, step
from qjax.circuit.synthesis.weyl import Interaction, rotations
from qjax.errors import CircuitError
from qjax.gates import GATES, Gate, pauli_rotation_gate

_H = GATES["h"].matrix()
_X, _Z, _SDG = GATES["x"].matrix(), GATES["z"].matrix(), GATES["sdg"].matrix()
_Y_TO_Z = GATES["rx"].matrix(np.asarray(pi / 2))

# U under one control, U = V Z V^dagger: V^dagger on the target, CZ, V.
_LIKE_CZ = {
    GATES["z"]: np.eye(2, dtype=complex),
    GATES["x"]: _H,
    GATES["y"]: _Y_TO_Z.conj().T,
    GATES["h"]: GATES["ry"].matrix(np.asarray(pi / 4)),
}
# P = V Z V^dagger
_FROM_Z = {"X": _H, "Y": _Y_TO_Z.conj().T, "Z": np.eye(2, dtype=complex)}
_AXES: dict[Any, str] = {GATES["rx"]: "X", GATES["ry"]: "Y", GATES["rz"]: "Z", GATES["p"]: "Z"}


@dataclass
class _Block:
    """Gates with known numbers that act on the same two qubits, one after the other."""

    qubits: tuple[int, int]
    gates: list[Instruction]


def native_steps(
    instructions: list[Instruction],
    num_qubits: int,
    basis: Basis,
    couplings: Collection[tuple[int, int]] | None = None,
) -> list[Instruction]:
    """Instructions in the gates of a basis; see `qjax.circuit.native.native`."""
    writer = _Writer(basis, num_qubits, couplings)
    writer.write(instructions)
    return writer.finished()


class _Writer:
    """Writes instructions in a basis.

    Attributes:
        out: Native gates so far; None where one was cancelled.
        phase: Global phase so far.
    """

    def __init__(
        self, basis: Basis, num_qubits: int, couplings: Collection[tuple[int, int]] | None
    ) -> None:
        self.basis, self.num_qubits, self.couplings = basis, num_qubits, couplings
        self.out: list[Instruction | None] = []
        self.phase: Any = 0.0
        self.runs: list[list[Part]] = [[] for _ in range(num_qubits)]
        self.frames: list[Any] = [0.0] * num_qubits
        self.blocks: dict[int, _Block] = {}
        self.last = [-1] * num_qubits  # index in `out` of the last gate on each qubit

    def write(self, instructions: list[Instruction]) -> None:
        """Write instructions in a row."""
        for conditions, group in under_conditions(instructions):
            if conditions:
                self.under(conditions, group)
            else:
                for i in group:
                    self.instruction(i)

    def instruction(self, i: Instruction) -> None:
        """Write one instruction without conditions."""
        if not isinstance(i.operation, Gate):
            for q in i.qubits:
                self.settle(q)
                if i.operation is MEASURE or i.operation is RESET:
                    if "rz" in self.basis.gates:
                        self.write_frame(q)
                    self.frames[q] = 0.0
            self.emit(i)
        elif len(i.all_qubits) <= 1 and not i.controls:
            self.one(i)
        elif len(i.all_qubits) == 2:
            self.two(i)
        else:
            for s in decompose(i):
                self.instruction(s)

    def under(self, conditions: tuple[Condition, ...], group: list[Instruction]) -> None:
        """Write instructions under conditions; a global phase under them is of no effect."""
        inner = _Writer(self.basis, self.num_qubits, self.couplings)
        inner.write([replace(i, conditions=()) for i in group])
        made = [i for i in inner.finished() if i.operation is not GATES["gphase"]]
        for i in made:
            for q in i.all_qubits:
                self.settle(q)
                self.write_frame(q)
        for i in made:
            self.emit(replace(i, conditions=conditions))

    def finished(self) -> list[Instruction]:
        """Everything written, to the end."""
        for q in range(self.num_qubits):
            self.settle(q)
        for q in range(self.num_qubits):
            self.write_frame(q)
        phase, _ = wrapped(self.phase)
        steps = [] if is_negligible(phase) else phase_steps(phase)
        return [i for i in self.out if i is not None] + steps

    def emit(self, i: Instruction) -> None:
        """Put a native gate behind the others."""
        for q in i.all_qubits:
            self.last[q] = len(self.out)
        self.out.append(i)

    # --- one qubit --------------------------------------------------------------------------------

    def one(self, i: Instruction) -> None:
        """A gate on one qubit, or a global phase."""
        if not i.qubits:
            phases = [i] if i.operation is GATES["gphase"] else decompose(i)
            self.phase = sum((s.params[0] for s in phases), self.phase)
            return
        if i.qubits[0] in self.blocks:
            if is_fixed(i):
                self.blocks[i.qubits[0]].gates.append(i)
                return
            self.close(i.qubits[0])
        parts, phase = parts_of(i)
        self.phase = self.phase + phase
        self.runs[i.qubits[0]] += parts

    def settle(self, q: int) -> None:
        """Write everything on a qubit but its frame."""
        self.close(q)
        self.write_run(q)

    def write_run(self, q: int) -> None:
        """Write the one-qubit gates that have come together."""
        if not self.runs[q]:
            return
        turns, phase = turns_of(self.runs[q])
        self.runs[q] = []
        self.phase = self.phase + phase
        for axis, angle in turns:
            if axis == "z":
                self.turn_frame(q, angle)
                continue
            made, frame, phase = self.basis.turn(q, angle, self.frames[q])
            for i in made:
                self.emit(i)
            self.phase = self.phase + phase
            self.frames[q] = 0.0
            self.turn_frame(q, frame)

    def turn_frame(self, q: int, angle: Any) -> None:
        """Carry a turn about z along."""
        self.frames[q], phase = wrapped(self.frames[q] + angle)
        self.phase = self.phase + phase

    def write_frame(self, q: int) -> None:
        """Write the turn about z that was carried along."""
        angle, self.frames[q] = self.frames[q], 0.0
        if not is_negligible(angle):
            made, phase = self.basis.z(q, angle)
            for i in made:
                self.emit(i)
            self.phase = self.phase + phase

    # --- two qubits -------------------------------------------------------------------------------

    def two(self, i: Instruction) -> None:
        """A gate on two qubits."""
        a, b = i.all_qubits
        if not is_fixed(i):
            self.close(a)
            self.close(b)
            self.structural(i)
            return
        block = self.blocks.get(a)
        if block is not None and block is self.blocks.get(b):
            block.gates.append(i)
            return
        self.close(a)
        self.close(b)
        self.blocks[a] = self.blocks[b] = _Block(self.ordered(a, b), [i])

    def ordered(self, a: int, b: int) -> tuple[int, int]:
        """Two qubits in the order in which the entangling gate is allowed on them."""
        if self.couplings is None or (a, b) in self.couplings:
            return a, b
        if (b, a) in self.couplings:
            return b, a
        raise CircuitError(f"native: qubits {a} and {b} must be coupled, but are not.")

    def close(self, q: int) -> None:
        """Write the block of a qubit, as it stands or as one matrix, whichever is less."""
        block = self.blocks.get(q)
        if block is None:
            return
        a, b = block.qubits
        del self.blocks[a], self.blocks[b]
        pairs = [i for i in block.gates if len(i.all_qubits) == 2]
        cost = sum(self.cost(i) for i in pairs)
        if cost > 1:
            matrix = np.eye(4, dtype=complex)
            for i in block.gates:
                matrix = _embedded(i, (a, b)) @ matrix
            if self.fewest(matrix, cost, (a, b)):
                return
        for i in block.gates:
            if len(i.all_qubits) == 2:
                self.structural(i)
            else:
                self.one(i)

    def fewest(self, matrix: np.ndarray, cost: float, qubits: tuple[int, int]) -> bool:
        """Write a known matrix with the fewest entangling gates, if they are fewer than `cost`."""
        a, b = qubits
        if self.basis.takes_angles:
            steps, last, phase = _rotations(matrix.tobytes())
            if len(steps) >= cost:
                return False
            for before, theta, after in steps:
                self.local(before, qubits)
                self.rotation(a, b, theta)
                self.local(after, qubits)
            self.local(last, qubits)
            self.phase = self.phase + phase
            return True
        made = _interaction(matrix.tobytes(), self.basis.entangler)
        if made.count >= cost:
            return False
        for k, pair in enumerate(made.locals):
            self.local(pair, qubits)
            if k < made.count:
                self.entangle(a, b)
        self.phase = self.phase + made.phase
        return True

    def local(self, pair: tuple[np.ndarray, np.ndarray], qubits: tuple[int, int]) -> None:
        """Matrices on two qubits."""
        for matrix, q in zip(pair, qubits, strict=True):
            self.runs[q].append(matrix)

    def structural(self, i: Instruction) -> None:
        """A gate on two qubits by its definition: CZ, rotations of a Pauli pair, and steps."""
        if len(i.all_qubits) < 2:
            self.instruction(i)
        elif self.is_native_pair(i):
            self.entangle(i.qubits[0], i.qubits[1])
        elif i.controls and i.operation in _LIKE_CZ:
            self.like_cz(i)
        elif not i.controls and (pauli := _pauli_pair(i.operation)):
            for q, letter in zip(i.qubits, pauli, strict=True):
                self.runs[q].append(_FROM_Z[letter].conj().T)
            self.rotation(i.qubits[0], i.qubits[1], i.params[0])
            for q, letter in zip(i.qubits, pauli, strict=True):
                self.runs[q].append(_FROM_Z[letter])
        elif self.basis.takes_angles and _turns_under_control(i):
            for s in _as_pair_rotation(i):
                self.structural(s)
        elif is_fixed(i) and i.operation.name == "unitary":
            a, b = self.ordered(*i.all_qubits)
            self.fewest(_embedded(i, (a, b)), np.inf, (a, b))
        else:
            for s in decompose(i):
                self.structural(s)

    def is_native_pair(self, i: Instruction) -> bool:
        """Whether a gate is the entangling gate, which has no controls and no angle."""
        if i.operation is not GATES[self.basis.entangler] or i.controls or i.params:
            return False
        return self.ordered(*i.qubits) == i.qubits

    def cost(self, i: Instruction) -> float:
        """How many entangling gates `structural` writes for a known gate on two qubits."""
        if len(i.all_qubits) < 2:
            return 0
        if self.is_native_pair(i):
            return 1
        cz = 2 if self.basis.entangler == "iswap" else 1
        if i.controls and i.operation in _LIKE_CZ:
            return cz
        if (not i.controls and _pauli_pair(i.operation)) or (
            self.basis.takes_angles and _turns_under_control(i)
        ):
            return 1 if self.basis.takes_angles else 2
        if i.operation.name == "unitary":
            return np.inf
        return sum(self.cost(s) for s in decompose(i))

    def like_cz(self, i: Instruction) -> None:
        """A controlled Pauli or Hadamard gate."""
        (c,), (t,) = i.controls, i.qubits
        v = _LIKE_CZ[i.operation]  # type: ignore[index]
        x = GATES["x"].matrix()
        if not i.control_values[0]:
            self.runs[c].append(x)
        self.runs[t].append(v.conj().T)
        self.cz(c, t)
        self.runs[t].append(v)
        if not i.control_values[0]:
            self.runs[c].append(x)

    def cz(self, a: int, b: int) -> None:
        """CZ by native gates."""
        a, b = self.ordered(a, b)
        if self.basis.takes_angles:  # CZ = exp(i pi/4) RZZ(pi/2) (Sdg on both)
            self.local((_SDG, _SDG), (a, b))
            self.rotation(a, b, pi / 2)
            self.phase = self.phase + pi / 4
            return
        if self.basis.entangler == "iswap":
            self.fewest(np.diag([1, 1, 1, -1]).astype(complex), np.inf, (a, b))
            return
        before, after, phase = around_cz(self.basis.entangler)
        self.local(before, (a, b))
        self.entangle(a, b)
        self.local(after, (a, b))
        self.phase = self.phase + phase

    def rotation(self, a: int, b: int, theta: Any) -> None:
        """exp(-i theta ZZ / 2) by native gates."""
        a, b = self.ordered(a, b)
        if self.basis.takes_angles:
            self.any_angle(a, b, theta)
        elif self.basis.entangler == "iswap":  # two CZ with a SWAP and Sdg behind each
            self.runs[b].append(_H)
            self.local((_SDG, _SDG), (a, b))
            self.entangle(a, b)
            self.runs[a] += [_H, ("z", theta), _H]
            self.local((_SDG, _SDG), (a, b))
            self.entangle(a, b)
            self.runs[b].append(_H)
        else:
            self.runs[b].append(_H)
            self.cz(a, b)
            self.runs[b] += [_H, ("z", theta), _H]
            self.cz(a, b)
            self.runs[b].append(_H)

    def any_angle(self, a: int, b: int, theta: Any) -> None:
        """RZZ by a native rotation; a known angle is brought to 0..pi/2, the range of machines."""
        theta, phase = wrapped(theta)
        self.phase = self.phase + phase
        if is_negligible(theta):
            return
        if not is_known(theta):
            self.entangle(a, b, theta)
            return
        if abs(theta) > pi / 2 + NEGLIGIBLE:  # RZZ(+-pi) = -+i ZZ
            sign = 1 if theta > 0 else -1
            self.local((_Z, _Z), (a, b))
            self.phase = self.phase - sign * pi / 2
            theta -= sign * pi
        if abs(theta) < NEGLIGIBLE:
            return
        if theta < 0:  # X on one qubit turns the sign
            self.runs[a].append(_X)
        self.entangle(a, b, abs(theta))
        if theta < 0:
            self.runs[a].append(_X)

    def entangle(self, a: int, b: int, theta: Any = None) -> None:
        """One native entangling gate, which may cancel or join the last one."""
        name = self.basis.entangler
        if name == "ms":  # RZZ = RXX between H on both
            self.local((_H, _H), (a, b))
        for q in (a, b):
            self.write_run(q)
            if name in ("cx", "ecr"):
                self.write_frame(q)
        if self.joined(a, b, theta):
            return
        params: tuple[Any, ...] = () if theta is None else (theta,)
        if name == "ms":  # frames z pass through MS(-z0, -z1, theta)
            phases = tuple(phase_angle(self.frames[q] * -1.0) for q in (a, b))
            params = (*phases, theta)
        elif name == "iswap":
            self.frames[a], self.frames[b] = self.frames[b], self.frames[a]
        gate = GATES[name]
        k, places = gate.num_controls, (a, b)
        self.emit(Instruction(gate.base or gate, places[k:], params, places[:k], (1,) * k))
        if name == "ms":
            self.local((_H, _H), (a, b))

    def joined(self, a: int, b: int, theta: Any) -> bool:
        """Whether the gate met the same gate before it, and both became one or none."""
        k = self.last[a]
        before = self.out[k] if k >= 0 and k == self.last[b] else None
        name = self.basis.entangler
        if name not in ("cx", "cz", "ecr", "rzz") or before is None:
            return False
        if before.named is not GATES[name] or before.conditions:
            return False
        symmetric = name in ("cz", "rzz")
        if before.all_qubits != (a, b) and not (symmetric and before.all_qubits == (b, a)):
            return False
        self.out[k] = None
        self.last[a] = self.last[b] = -1
        if theta is not None:
            self.any_angle(a, b, before.params[0] + theta)
        return True


def _pauli_pair(gate: Any) -> str | None:
    """The letters P of a gate exp(-i theta P / 2) on two qubits, none of them I."""
    pauli = gate.rotation
    return pauli if pauli is not None and len(pauli) == 2 and "I" not in pauli else None


def _turns_under_control(i: Instruction) -> bool:
    """Whether it is RX, RY, RZ or P under one control."""
    return len(i.controls) == 1 and i.operation in _AXES


def _as_pair_rotation(i: Instruction) -> list[Instruction]:
    """A turn under a control as a rotation of a Pauli pair.

    exp(-i theta P (1 -+ Z_c) / 4) = exp(-i theta P / 4) exp(+-i theta Z_c P / 4); the upper sign
    is for a control at 1. P(theta) is RZ(theta) times exp(i theta/2).
    """
    (theta,), (c,), (t,) = i.params, i.controls, i.qubits
    axis = _AXES[i.operation]
    half = theta * (0.5 if i.control_values[0] else -0.5)
    pair = Instruction(pauli_rotation_gate(f"Z{axis}"), (c, t), (half * -1.0,))
    steps = [step(f"r{axis.lower()}", (t,), (theta * 0.5,)), pair]
    if i.operation is GATES["p"]:
        steps += [step("rz", (c,), (half,)), step("gphase", (), (theta * 0.25,))]
    return steps


@lru_cache(maxsize=4096)
def _interaction(matrix: bytes, entangler: str) -> Interaction:
    return interaction(np.frombuffer(matrix, complex).reshape(4, 4), entangler)


@lru_cache(maxsize=4096)
def _rotations(matrix: bytes) -> tuple[list[Any], Any, float]:
    return rotations(np.frombuffer(matrix, complex).reshape(4, 4))


def _embedded(i: Instruction, qubits: tuple[int, int]) -> np.ndarray:
    """The matrix of a known gate on one or both of two qubits."""
    matrix = gate_matrix(i)
    if len(i.all_qubits) == 1:
        eye = np.eye(2)
        return np.kron(eye, matrix) if i.all_qubits[0] == qubits[0] else np.kron(matrix, eye)
    if i.all_qubits == qubits:
        return matrix
    order = [0, 2, 1, 3]
    return matrix[np.ix_(order, order)]
