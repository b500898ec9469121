"""What a program is made of: the nodes that the parser makes. `at` is an offset in the text."""

from dataclasses import dataclass
from typing import Any

# --- expressions ----------------------------------------------------------------------------------


@dataclass(slots=True)
class Literal:
    """A number, a boolean, or a string of bits."""

    value: Any
    at: int


@dataclass(slots=True)
class Name:
    """A name, or a physical qubit such as `$3`."""

    name: str
    at: int


@dataclass(slots=True)
class Unary:
    """-x, !x or ~x."""

    operator: str
    operand: Any
    at: int


@dataclass(slots=True)
class Binary:
    """X op y."""

    operator: str
    left: Any
    right: Any
    at: int


@dataclass(slots=True)
class Call:
    """A function, subroutine, or gate with its angles: name(arguments)."""

    name: str
    arguments: list[Any]
    at: int


@dataclass(slots=True)
class Cast:
    """A type used as a function: type(x)."""

    type: str
    operand: Any
    at: int


@dataclass(slots=True)
class Index:
    """base[index]; the index is an expression, a Range or a Set."""

    base: Any
    index: Any
    at: int


@dataclass(slots=True)
class Range:
    """start : step : stop, each of which may be None."""

    start: Any
    step: Any
    stop: Any
    at: int


@dataclass(slots=True)
class Set:
    """{a, b, c}."""

    items: list[Any]
    at: int


@dataclass(slots=True)
class Measurement:
    """measure operand."""

    operand: Any
    at: int


# --- statements -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Modifier:
    """ctrl(n), negctrl(n), inv or pow(k)."""

    word: str
    argument: Any
    at: int


@dataclass(slots=True)
class GateCall:
    """modifiers name(arguments) operands."""

    modifiers: list[Modifier]
    name: str
    arguments: list[Any]
    operands: list[Any]
    at: int


@dataclass(slots=True)
class Include:
    """Include of a file."""

    file: str
    at: int


@dataclass(slots=True)
class Register:
    """Qubits or bits; size None for a single one."""

    kind: str
    name: str
    size: Any
    at: int
    value: Any = None


@dataclass(slots=True)
class GateDefinition:
    """gate name(parameters) qubits { body }; body None for an opaque one."""

    name: str
    parameters: list[str]
    qubits: list[str]
    body: list[Any] | None
    at: int


@dataclass(slots=True)
class Subroutine:
    """def name(parameters) { body }; parameters are (type, size, name)."""

    name: str
    parameters: list[tuple[str, Any, str]]
    body: list[Any]
    at: int


@dataclass(slots=True)
class Declaration:
    """A constant, variable or input of a classical type."""

    kind: str
    type: str
    sizes: list[Any]
    name: str
    value: Any
    at: int


@dataclass(slots=True)
class Alias:
    """Let name = value."""

    name: str
    value: Any
    at: int


@dataclass(slots=True)
class Assignment:
    """Target operator value; the operator is "=", "+=", ..."""

    target: Any
    operator: str
    value: Any
    at: int


@dataclass(slots=True)
class For:
    """For name in values body."""

    name: str
    values: Any
    body: list[Any]
    at: int


@dataclass(slots=True)
class While:
    """While (condition) body."""

    condition: Any
    body: list[Any]
    at: int


@dataclass(slots=True)
class If:
    """If (condition) body else otherwise."""

    condition: Any
    body: list[Any]
    otherwise: list[Any]
    at: int


@dataclass(slots=True)
class Switch:
    """Switch (value) { case labels body ... default body }."""

    value: Any
    cases: list[tuple[list[Any], list[Any]]]
    otherwise: list[Any]
    at: int


@dataclass(slots=True)
class Barrier:
    """Barrier on operands; on all qubits if there are none."""

    operands: list[Any]
    at: int


@dataclass(slots=True)
class Reset:
    """Reset of an operand."""

    operand: Any
    at: int


@dataclass(slots=True)
class Jump:
    """break, continue, end or return, the last with a value or None."""

    word: str
    value: Any
    at: int


@dataclass(slots=True)
class Evaluate:
    """An expression that stands alone: a subroutine's call, or a measurement without a target."""

    value: Any
    at: int
