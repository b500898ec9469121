"""Structure: a circuit without its numbers. Static, hashable, and the key of every cache."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from qjax.channels import Channel
from qjax.circuit.control_flow import Condition
from qjax.circuit.instruction import RESET, Directive, Instruction
from qjax.circuit.parameter import ParameterExpression, Symbol, is_traced
from qjax.errors import CircuitError, ParameterError
from qjax.gates import Gate

Leaves = tuple[Any, tuple[Any, ...], tuple[Any, ...]]
"""A circuit's numbers: (constants, arrays, traced).

constants: float64 of shape (c,), every number known when the circuit was built.
arrays: for each shape in `Structure.array_shapes`, complex128 of shape (a, *shape).
traced: every traced number or matrix, each by itself, in the order of the circuit.
"""

Ref = int
"""Where a number is: i >= 0 is `constants[i]` (or row i of its array); else `traced[-1 - i]`."""


@dataclass(frozen=True)
class Angle:
    """Where an angle's numbers are: offset + sum of factor * symbol."""

    offset: Ref
    terms: tuple[tuple[Symbol, Ref], ...] = ()


@dataclass(frozen=True)
class Array:
    """Where an array parameter is: row `ref` of the packed arrays of its shape."""

    shape: tuple[int, ...]
    ref: Ref


@dataclass(frozen=True)
class Item:
    """An instruction without its numbers; `params[i]` says where they are."""

    operation: Gate | Channel | Directive
    qubits: tuple[int, ...]
    controls: tuple[int, ...]
    control_values: tuple[int, ...]
    clbits: tuple[int, ...]
    params: tuple[Angle | Array, ...]
    conditions: tuple[Condition, ...] = ()


@dataclass(frozen=True, eq=False)
class Structure:
    """A circuit without its numbers.

    Attributes:
        num_qubits: Number of qubits.
        num_clbits: Number of classical bits.
        items: The instructions.
        array_shapes: Shapes of the packed arrays, in order of first appearance.
        vectors: Name and shape of every parameter, in order of first appearance; a flat array of
            `params` holds them one after the other.
        clbit_registers: Names and sizes of the registers of the classical bits, if they have names.
            They tell no structures apart.
    """

    num_qubits: int
    num_clbits: int
    items: tuple[Item, ...]
    array_shapes: tuple[tuple[int, ...], ...]
    vectors: tuple[tuple[str, tuple[int, ...]], ...]
    clbit_registers: tuple[tuple[str, int], ...] = ()

    @cached_property
    def _key(self) -> tuple[Any, ...]:
        return self.num_qubits, self.num_clbits, self.items

    @cached_property
    def _hash(self) -> int:
        return hash(self._key)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Structure) or self._hash != other._hash:
            return False
        return self._key == other._key

    @cached_property
    def num_parameters(self) -> int:
        """How many numbers `params` holds."""
        return sum(size for _, size in self.offsets.values())

    @cached_property
    def offsets(self) -> dict[str, tuple[int, int]]:
        """For each parameter's name, its start and its length in a flat array of `params`."""
        table, start = {}, 0
        for name, shape in self.vectors:
            size = int(np.prod(shape, dtype=int))
            table[name] = (start, size)
            start += size
        return table

    def position(self, symbol: Symbol) -> int:
        """Index of a symbol in a flat array of `params`."""
        return self.offsets[symbol.name][0] + symbol.index

    @cached_property
    def dynamic(self) -> str | None:
        """What makes the circuit more than gates and measurements, in words; None if nothing."""
        for item in self.items:
            if item.conditions:
                return f"{item.operation.name} under the condition {item.conditions[0]}"
            if item.operation is RESET:
                return f"a reset of qubit {item.qubits[0]}"
        return None

    @cached_property
    def channel(self) -> str | None:
        """The first channel of noise in the circuit, in words; None if there is none."""
        for item in self.items:
            if isinstance(item.operation, Channel):
                return f"{item.operation.name} on {', '.join(f'qubit {q}' for q in item.qubits)}"
        return None

    @cached_property
    def final_measurements(self) -> dict[int, int] | None:
        """Measured qubit of each classical bit, or None if not all measurements are final.

        They are not if a qubit is used after its measurement or a bit is written twice, or read.
        """
        if self.dynamic:
            return None
        measured: dict[int, int] = {}
        done: set[int] = set()
        for item in self.items:
            if item.clbits:
                if done.intersection(item.qubits):
                    return None
                for q, c in zip(item.qubits, item.clbits, strict=True):
                    if c in measured:
                        return None
                    measured[c] = q
                    done.add(q)
            elif isinstance(item.operation, (Gate, Channel)) and (
                done.intersection(item.controls) or done.intersection(item.qubits)
            ):
                return None
        return dict(sorted(measured.items()))


def check_noiseless(structure: Structure, what: str) -> None:
    """Refuse a circuit with channels.

    Raises:
        CircuitError: If it has one; the message names it.
    """
    if structure.channel is not None:
        raise CircuitError(f"{what}: the circuit must have no noise, but has {structure.channel}.")


def pack(
    num_qubits: int,
    num_clbits: int,
    instructions: list[Instruction],
    clbit_registers: tuple[tuple[str, int], ...] = (),
) -> tuple[Structure, Leaves]:
    """Part instructions into their structure and their numbers.

    Raises:
        ParameterError: If one name stands for parameters of different shapes.
        CircuitError: If a number has leading axes, as in a batch of circuits that `vmap` gave.
    """
    constants: list[float] = []
    arrays: dict[tuple[int, ...], list[Any]] = {}
    traced: list[Any] = []
    vectors: dict[str, tuple[int, ...]] = {}

    def refer(value: Any, shape: tuple[int, ...], known: list[Any]) -> Ref:
        if (found := getattr(value, "shape", ())) != shape:
            raise CircuitError(
                "A batch of circuits cannot be changed, but its numbers have the leading axes "
                f"{found[: len(found) - len(shape)]}. Change it inside jax.vmap, or "
                "take one circuit with jax.tree.map(lambda leaf: leaf[i], circuits)."
            )
        target = traced if is_traced(value) else known
        target.append(value)
        return -len(traced) if target is traced else len(known) - 1

    def locate(param: Any, shape: tuple[int, ...]) -> Angle | Array:
        if shape:
            return Array(shape, refer(param, shape, arrays.setdefault(shape, [])))
        if not isinstance(param, ParameterExpression):
            return Angle(refer(param, (), constants))
        offset = refer(param.offset, (), constants)
        for symbol, _ in param.terms:
            if vectors.setdefault(symbol.name, symbol.shape) != symbol.shape:
                raise ParameterError(
                    f"A name must mean one parameter, but {symbol.name} has the shapes "
                    f"{vectors[symbol.name]} and {symbol.shape}."
                )
        return Angle(offset, tuple((s, refer(f, (), constants)) for s, f in param.terms))

    items = tuple(
        Item(
            i.operation,
            i.qubits,
            i.controls,
            i.control_values,
            i.clbits,
            tuple(
                locate(param, shape)
                for param, shape in zip(i.params, i.operation.param_shapes, strict=True)
            ),
            i.conditions,
        )
        for i in instructions
    )
    structure = Structure(
        num_qubits, num_clbits, items, tuple(arrays), tuple(vectors.items()), clbit_registers
    )
    packed = tuple(
        np.stack(rows, dtype=np.complex128) if rows else np.zeros((0, *shape), np.complex128)
        for shape, rows in arrays.items()
    )
    return structure, (np.array(constants, np.float64), packed, tuple(traced))


def unpack(structure: Structure, leaves: Leaves) -> list[Instruction]:
    """The instructions that `pack` parted; leading axes of the leaves are those of the numbers."""
    constants, arrays, traced = leaves
    if not is_traced(constants):
        constants = np.asarray(constants, np.float64)
    if isinstance(constants, np.ndarray) and constants.ndim == 1:
        constants = constants.tolist()
    else:
        constants = [constants[..., i] for i in range(constants.shape[-1])]
    by_shape = dict(zip(structure.array_shapes, arrays, strict=True))

    def read(param: Angle | Array) -> Any:
        if isinstance(param, Array):
            if param.ref < 0:
                return traced[-1 - param.ref]
            return by_shape[param.shape].take(param.ref, axis=-1 - len(param.shape))
        offset = traced[-1 - param.offset] if param.offset < 0 else constants[param.offset]
        if not param.terms:
            return offset
        return ParameterExpression(
            tuple((s, traced[-1 - r] if r < 0 else constants[r]) for s, r in param.terms), offset
        )

    return [
        Instruction(
            item.operation,
            item.qubits,
            tuple(read(param) for param in item.params),
            item.controls,
            item.control_values,
            item.clbits,
            item.conditions,
        )
        for item in structure.items
    ]
