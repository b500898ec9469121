"""Names and expressions of a program while it is carried out."""

import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np

from qjax.circuit.instruction import Instruction
from qjax.circuit.parameter import ParameterVector
from qjax.errors import CircuitError, ParameterError, QasmError
from qjax.gates import GATES, Gate
from qjax.qasm.evaluate import (
    CONSTANTS,
    Refused,
    Wires,
    binary,
    converted,
    describe,
    function,
    is_function,
    unary,
)
from qjax.qasm.lexer import Source
from qjax.qasm.syntax import (
    Binary,
    Call,
    Cast,
    GateDefinition,
    Index,
    Literal,
    Measurement,
    Name,
    Range,
    Set,
    Subroutine,
    Unary,
)

MAX_WIRES = 65_536  # qubits, and classical bits, of one program
_CALLS = 40  # how deep gates and subroutines may call each other
MAX_ELEMENTS = 1_000_000  # of an array
_SHAPE = re.compile(r"^\s*// qjax parameter (\w+) of shape \(([\d, ]*)\)\s*$", re.MULTILINE)
_ELEMENT = re.compile(r"^\s*// qjax parameter (\w+)\[([\d, ]+)\] = (\w+)\s*$", re.MULTILINE)


class Jumped(Exception):
    """break, continue, end or return on its way out."""

    def __init__(self, word: str, value: Any) -> None:
        self.word = word
        self.value = value


class Evaluator:
    """The state of one run over a program, and the values of expressions in it.

    Attributes:
        num_qubits: Qubits declared so far, or seen as physical ones.
        num_clbits: Classical bits declared so far.
        instructions: Those of the circuit so far.
    """

    def __init__(
        self, source: Source, version: tuple[int, int], inputs: dict[str, Any], limit: int
    ) -> None:
        self.source, self.version, self.inputs, self.limit = source, version, inputs, limit
        self.num_qubits = self.num_clbits = self.steps = self.calls = 0
        self.physical = self.declared = False
        self.instructions: list[Instruction] = []
        self.clbit_registers: list[tuple[str, int]] = []
        self.scopes: list[dict[str, Any]] = [
            dict(CONSTANTS if version[0] == 3 else {"pi": CONSTANTS["pi"]})
        ]
        self.constants: set[str] = set(self.scopes[0])
        self.gates: dict[str, Gate | GateDefinition] = {"gphase": GATES["gphase"]}
        self.subroutines: dict[str, Subroutine] = {}
        self.program_gates: set[str] = set()
        self.vectors = self._vectors()
        self.outcomes: dict[int, bool] | None = None  # of bits, while a condition is tried
        self.floor = 0  # scopes below belong to what is around a condition on bits

    # --- helpers ------------------------------------------------------------------------------

    def error(self, at: int, message: str) -> QasmError:
        """An error at an offset of the program."""
        return self.source.error(at, message)

    def step(self, at: int, count: int = 1) -> None:
        """Count what the program does."""
        self.steps += count
        if self.steps > self.limit:
            raise self.error(
                at,
                f"a program must take at most {self.limit:,} steps; max_instructions allows more.",
            )

    def guarded(self, at: int, compute: Callable[[], Any], what: str = "this expression") -> Any:
        """A computation whose refusals become errors at a place."""
        try:
            return compute()
        except Refused as error:
            raise self.error(at, f"{what} {error}.") from None
        except (CircuitError, ParameterError) as error:
            raise self.error(at, str(error)) from None

    def lookup(self, name: str, at: int) -> Any:
        """The value of a name."""
        if name.startswith("$"):
            return self.physical_qubit(name, at)
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        raise self.error(at, f"{name!r} must be declared before it is used.")

    def declare(self, name: str, value: Any, at: int) -> None:
        """A new name in the innermost block."""
        taken = name in self.scopes[-1] or (
            len(self.scopes) == 1 and (name in self.subroutines or name in self.program_gates)
        )
        if taken:
            raise self.error(at, f"{name!r} must not be declared twice.")
        self.scopes[-1][name] = value

    def physical_qubit(self, name: str, at: int) -> Wires:
        """$k, which is qubit k; there must be no others."""
        if self.declared:
            raise self.error(at, "physical qubits must not be mixed with declared ones.")
        digits = name[1:]
        if len(digits) > 9 or int(digits) >= MAX_WIRES:
            raise self.error(at, f"a physical qubit must be at most ${MAX_WIRES - 1}.")
        self.physical = True
        self.num_qubits = max(self.num_qubits, int(digits) + 1)
        return Wires("qubit", (int(digits),), True)

    def _vectors(self) -> dict[str, Any]:
        """Inputs that the comments of `dumps` call elements of a vector."""
        shapes = {}
        for name, shape in _SHAPE.findall(self.source.text):
            sizes = tuple(int(w) for w in shape.replace(" ", "").split(",") if w and len(w) < 10)
            if sizes and 0 < np.prod(sizes, dtype=float) <= MAX_ELEMENTS:
                shapes[name] = sizes
        found: dict[str, Any] = {}
        made: dict[str, Any] = {}
        for name, index, own in _ELEMENT.findall(self.source.text):
            places = tuple(int(w) for w in index.replace(" ", "").split(",") if w and len(w) < 10)
            shape = shapes.get(name, ())
            inside = len(places) == len(shape) and all(map(operator.lt, places, shape))
            if inside and shape:
                if name not in made:
                    made[name] = ParameterVector(name, shape if len(shape) > 1 else shape[0])
                found[own] = made[name][places if len(shape) > 1 else sum(places)]
        return found

    # --- expressions --------------------------------------------------------------------------

    def value(self, node: Any) -> Any:
        """The value of an expression."""
        found = self.plain_value(node)
        if self.outcomes is None or not isinstance(found, Wires) or found.kind != "bit":
            return found
        bits = [self.outcomes[c] for c in found.indices]
        return bits[0] if found.single else sum(bit << k for k, bit in enumerate(bits))

    def plain_value(self, node: Any) -> Any:
        """The value of an expression; of classical bits, the bits themselves."""
        kind = type(node)
        if kind is Literal:
            return node.value
        if kind is Name:
            return self.lookup(node.name, node.at)
        if kind is Binary:
            if node.operator in ("&&", "||"):
                left = self.value(node.left)
                known = isinstance(left, (bool, int, float))
                if known and bool(left) == (node.operator == "||"):
                    return bool(left)
                right = self.value(node.right)
            else:
                left, right = self.value(node.left), self.value(node.right)
            return self.guarded(node.at, lambda: binary(node.operator, left, right))
        if kind is Unary:
            operand = self.value(node.operand)
            return self.guarded(node.at, lambda: unary(node.operator, operand))
        if kind is Index:
            return self.indexed(node)
        if kind is Call:
            return self.call(node)
        if kind is Cast:
            operand = self.value(node.operand)
            return self.guarded(node.at, lambda: converted(node.type, operand))
        if kind is Set:
            return [self.value(item) for item in node.items]
        if kind is Measurement:
            raise self.error(node.at, "a measurement must stand alone or be assigned to bits.")
        raise self.error(node.at, "a value must stand here.")

    def bits_of(self, node: Any) -> tuple[int, ...]:
        """The classical bits that an expression reads, in the order in which they appear."""
        if isinstance(node, (Name, Index)):
            base = node.base if isinstance(node, Index) else node
            if isinstance(base, Name) and not base.name.startswith("$"):
                found = self.plain_value(node)
                return found.indices if isinstance(found, Wires) and found.kind == "bit" else ()
        parts: list[Any] = {
            Binary: lambda n: [n.left, n.right],
            Unary: lambda n: [n.operand],
            Cast: lambda n: [n.operand],
            Call: lambda n: n.arguments,
        }.get(type(node), lambda n: [])(node)
        return tuple(dict.fromkeys(c for part in parts for c in self.bits_of(part)))

    def number(self, node: Any, what: str) -> int:
        """A known integer."""
        value = self.value(node)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.error(node.at, f"{what} must be a known integer, but is {describe(value)}.")
        return value

    def places(self, node: Any, length: int) -> list[int] | int:
        """What an index says of something with a length: one place, or several."""
        if isinstance(node, Set):
            return [self.place(self.number(i, "an index"), length, i.at) for i in node.items]
        if isinstance(node, Range):
            found = self.range(node, length)
            return [self.place(k, length, node.at) for k in found]
        return self.place(self.number(node, "an index"), length, node.at)

    def range(self, node: Range, length: int | None) -> range:
        """The integers of a range, both ends included; ends left out are those of the length."""
        step = 1 if node.step is None else self.number(node.step, "a step")
        if step == 0:
            raise self.error(node.at, "a step must not be 0.")
        if length is None and (node.start is None or node.stop is None):
            raise self.error(node.at, "a range must have both ends here.")
        last = 0 if length is None else length - 1
        start = self.end(node.start, 0 if step > 0 else last, length)
        stop = self.end(node.stop, last if step > 0 else 0, length)
        found = range(start, stop + (1 if step > 0 else -1), step)
        # len() of a huge range overflows
        size = max(0, (found.stop - found.start + step - (1 if step > 0 else -1)) // step)
        if size > self.limit:
            raise self.error(node.at, f"a range must have at most {self.limit:,} integers.")
        return found

    def end(self, node: Any, default: int, length: int | None) -> int:
        """An end of a range; a negative one counts from the end of what has a length."""
        if node is None:
            return default
        value = self.number(node, "an end of a range")
        return value + length if length is not None and value < 0 else value

    def place(self, index: int, length: int, at: int) -> int:
        """An index into something; negative ones count from its end in version 3."""
        place = index + length if index < 0 and self.version[0] == 3 else index
        if not 0 <= place < length:
            allowed = f"in 0..{length - 1}" if length else "absent, for it is empty"
            raise self.error(at, f"an index must be {allowed}, but is {str(index)[:20]}.")
        return place

    def indexed(self, node: Index) -> Any:
        """base[index]."""
        base = self.plain_value(node.base)
        if isinstance(base, Wires):
            if base.single:
                raise self.error(node.at, f"one {base.kind} alone has no index.")
            return base.take(self.places(node.index, len(base)))
        if isinstance(base, ParameterVector):
            place = self.places(node.index, base.shape[0])
            if not isinstance(place, int):
                raise self.error(node.at, "one element of an array must be asked for.")
            return base[place]
        if isinstance(base, list):
            places = self.places(node.index, len(base))
            return base[places] if isinstance(places, int) else [base[p] for p in places]
        if isinstance(base, int) and not isinstance(base, bool):
            place = self.number(node.index, "an index")
            if 0 <= place < 4096:
                return bool(base >> place & 1)
        raise self.error(node.at, f"{describe(base)} has no elements.")

    def call(self, node: Call) -> Any:
        """A function's or a subroutine's value."""
        if node.name in self.subroutines:
            if self.outcomes is not None:
                raise self.error(node.at, "a condition on bits must not call a subroutine.")
            return self.subroutine(self.subroutines[node.name], node)
        if node.name == "sizeof" and node.arguments:
            value = self.value(node.arguments[0])
            if isinstance(value, (Wires, list)):
                return len(value)
            raise self.error(node.at, f"{describe(value)} has no size.")
        if not is_function(node.name):
            raise self.error(node.at, f"there is no function {node.name!r}.")
        arguments = [self.value(a) for a in node.arguments]
        return self.guarded(node.at, lambda: function(node.name, arguments))

    def subroutine(self, routine: Subroutine, node: Call) -> Any:
        """Carry out a subroutine with its arguments."""
        if len(node.arguments) != len(routine.parameters):
            raise self.error(
                node.at,
                f"{routine.name} takes {len(routine.parameters)} arguments, "
                f"but gets {len(node.arguments)}.",
            )
        local: dict[str, Any] = {}
        for (kind, size, name), argument in zip(routine.parameters, node.arguments, strict=True):
            value = self.value(argument)
            if kind in ("qubit", "bit"):
                wanted = 1 if size is None else self.number(size, "a size")
                if not isinstance(value, Wires) or value.kind != kind or len(value) != wanted:
                    raise self.error(
                        argument.at, f"{name} must be {wanted} {kind}s, but is {describe(value)}."
                    )
                local[name] = Wires(kind, value.indices, size is None)
            else:
                local[name] = self.guarded(
                    argument.at, lambda kind=kind, value=value: converted(kind, value), name
                )
        outer, floor = self.scopes, self.floor
        known = {n: v for n, v in outer[0].items() if n in self.constants}
        self.enter(node.at)
        self.scopes, self.floor = [known, local], 0
        try:
            self.execute(routine.body)
        except Jumped as jump:
            if jump.word != "return":
                raise
            return jump.value
        finally:
            self.scopes, self.floor = outer, floor
            self.calls -= 1
        return None

    def enter(self, at: int) -> None:
        """One call deeper."""
        self.calls += 1
        if self.calls > _CALLS:
            raise self.error(at, f"calls must be nested at most {_CALLS} deep.")
        self.step(at)

    def execute(self, statements: list[Any]) -> None:
        """Carry out statements in a row; see `Interpreter`."""
        raise NotImplementedError

    def wires(self, node: Any, kind: str) -> Wires:
        """Qubits or bits."""
        value = self.value(node)
        if not isinstance(value, Wires) or value.kind != kind:
            raise self.error(node.at, f"{kind}s must stand here, but this is {describe(value)}.")
        return value
