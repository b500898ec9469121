"""Gates as statements, with definitions of those that the reader does not know."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from qjax.circuit import Instruction, Parameter
from qjax.circuit.instruction import placed
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.circuit.synthesis import decompose
from qjax.errors import ParameterError, QasmError
from qjax.gates import GATES, Gate, named_controlled
from qjax.qasm.dialects import Dialect
from qjax.qasm.names import Names
from qjax.qasm.numbers import expression, number


@dataclass(frozen=True)
class Scope:
    """What things are called where a statement stands.

    Attributes:
        qubits: Text of every qubit.
        symbols: Text of every symbol.
    """

    qubits: Sequence[str]
    symbols: Mapping[Symbol, str]


class GateWriter:
    """Writes gates as statements of a dialect.

    A gate is called by its name in the library; or under the dialect's control modifiers; or by a
    definition of its own, made from its decomposition; or else decomposed on the spot.

    Attributes:
        dialect: The dialect.
        definitions: The definitions made so far, each after those that it uses.
    """

    def __init__(self, dialect: Dialect, names: Names) -> None:
        self.dialect = dialect
        self.definitions: list[str] = []
        self._names = names
        self._defined: dict[tuple[Gate, int], str | None] = {}

    def statements(self, i: Instruction, scope: Scope) -> Iterator[str]:
        """Lines of a gate.

        Raises:
            QasmError: If a number of the gate is not known, or the dialect cannot say the gate.
        """
        angles = self._angles(i, scope)
        called = self._called(i)
        if called is not None:
            if angles:
                called += f"({', '.join(angles)})"
            qubits = ", ".join([scope.qubits[q] for q in i.all_qubits])
            yield f"{called} {qubits};" if qubits else f"{called};"
        elif i.operation is GATES["gphase"] and not i.controls:
            yield self.dialect.global_phase.format(angle=angles[0])
        else:
            try:
                steps = self._simpler(i)
            except ParameterError as error:
                raise QasmError(f"dumps: {error}") from error
            for s in steps:
                yield from self.statements(s, scope)

    def _called(self, i: Instruction) -> str | None:
        """How the gate is called, modifiers included; None if it must be decomposed."""
        gate = i.operation
        assert isinstance(gate, Gate)
        word = None
        if all(i.control_values):
            word = self._in_library(gate, len(i.controls))
        if word is None and i.controls and self.dialect.modifiers is not None:
            base = self._in_library(gate, 0) or self._definition(gate, 0)
            word = None if base is None else self._modifiers(i.control_values) + base
        elif word is None and all(i.control_values):
            word = self._definition(gate, len(i.controls))
        return word

    def _in_library(self, gate: Gate, num_controls: int) -> str | None:
        named = named_controlled(gate, num_controls)
        if named is None or GATES.get(named.name) is not named:
            return None
        return self.dialect.gates.get(named.name)

    def _modifiers(self, control_values: tuple[int, ...]) -> str:
        assert self.dialect.modifiers is not None
        text = ""
        for value, group in groupby(control_values):
            count = len(list(group))
            text += self.dialect.modifiers[value] + (f"({count}) @ " if count > 1 else " @ ")
        return text

    def _definition(self, gate: Gate, num_controls: int) -> str | None:
        """Name of a definition, made when first asked for; None if there can be none."""
        key = gate, num_controls
        if key not in self._defined:
            self._defined[key] = self._define(gate, num_controls)
        return self._defined[key]

    def _define(self, gate: Gate, num_controls: int) -> str | None:
        if not self.dialect.definitions or gate is GATES["gphase"] or any(gate.param_shapes):
            return None
        # Formal names stay clear of every gate that the body may call.
        local = Names(self.dialect, self._names.taken | set(GATES))
        formals = _in_order([local.new(p) for p in gate.params])
        k = num_controls + gate.num_qubits
        qubits = [local.new(f"q{n}") for n in range(k)]
        places, ones = tuple(range(k)), (1,) * num_controls
        whole = Instruction(
            gate,
            places[num_controls:],
            tuple(Parameter(name) for name in formals),
            places[:num_controls],
            ones,
        )
        try:
            steps = self._simpler(whole)
        except (ParameterError, TypeError):  # only numbers will do, or not affine in its angles
            return None
        scope = Scope(qubits, {Symbol(name, (), 0): name for name in formals})
        body = [f"  {line}\n" for s in steps for line in self.statements(s, scope)]
        name = self._names.new(_definition_name(gate, num_controls))
        angles = f"({', '.join(formals)})" if formals else ""
        head = f"gate {name}{angles} {', '.join(qubits)}"
        self.definitions.append(f"{head} {{\n{''.join(body)}}}")
        return name

    def _simpler(self, i: Instruction) -> list[Instruction]:
        steps = decompose(i)
        if len(steps) == 1 and steps[0] == i:
            raise QasmError(
                f"dumps: {self.dialect.name} must have a gate {i.name}, for there is no simpler "
                "one, but it has none."
            )
        return steps

    def _angles(self, i: Instruction, scope: Scope) -> list[str]:
        """Text of every angle; arrays are only checked."""
        assert isinstance(i.operation, Gate)
        texts = []
        for name, shape, value in zip(
            i.operation.params, i.operation.param_shapes, i.params, strict=True
        ):
            if isinstance(value, ParameterExpression):
                _check_known(i, name, (value.offset, *(f for _, f in value.terms)), ())
                texts.append(expression(value, scope.symbols))
            else:
                _check_known(i, name, (value,), shape)
                if not shape:
                    texts.append(number(value))
        return texts


def _in_order(names: list[str]) -> list[str]:
    """The names, numbered in front if they are not in alphabetical order.

    Qiskit's reader of OpenQASM 3 (qiskit-qasm3-import 0.6) hands the angles of a call to the formal
    names in alphabetical order, whatever their order in the definition.
    """
    if names == sorted(names):
        return names
    digits = len(str(len(names) - 1))
    return [f"a{k:0{digits}}_{name}" for k, name in enumerate(names)]


def _definition_name(gate: Gate, num_controls: int) -> str:
    """Its name in the table if it has one there, else one that says what it is."""
    named = named_controlled(gate, num_controls)
    if named is not None and not gate.arguments:
        return named.name
    words = [gate.name, *(a.lower() for a in gate.arguments if isinstance(a, str))]
    return (f"c{num_controls}" if num_controls else "") + "_".join(words)


def _check_known(
    i: Instruction, name: str, values: tuple[Any, ...], shape: tuple[int, ...]
) -> None:
    """Refuse what is no finite number, or no finite array of the shape."""
    for value in values:
        if is_traced(value):
            fact = "is traced; write the circuit outside of jax.jit, jax.grad and jax.vmap"
        elif np.shape(value) != shape:
            fact = f"has shape {np.shape(value)}; write the circuits of a batch one by one"
        elif not np.all(np.isfinite(value)):
            fact = "is NaN or infinite"
        else:
            continue
        expected = f"finite numbers of shape {shape}" if shape else "a finite number"
        raise QasmError(
            f"dumps: {placed(i.name, i.all_qubits)}: {name} must be {expected}, but {fact}."
        )
