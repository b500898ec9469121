"""What a program declares: registers, and an input for every open parameter."""

from dataclasses import dataclass

from qjax.circuit import Circuit
from qjax.circuit.parameter import ParameterExpression, Symbol
from qjax.errors import QasmError
from qjax.gates import GATES
from qjax.qasm.dialects import Dialect
from qjax.qasm.names import Names


@dataclass(frozen=True)
class Inputs:
    """The open parameters of a program.

    Attributes:
        lines: Declarations, with comments that say which input is which parameter.
        names: The input of each symbol.
    """

    lines: list[str]
    names: dict[Symbol, str]


def register(names: Names, name: str, what: str, size: int) -> list[str]:
    """How a program calls the elements of a register.

    Raises:
        QasmError: If the name is not valid or not free.

    Examples:
        >>> from qjax.qasm.dialects import DIALECTS
        >>> register(Names(DIALECTS[3]), "q", "qubit_register", 2)
        ['q[0]', 'q[1]']
    """
    names.claim(name, what)
    return [f"{name}[{k}]" for k in range(size)]


def declare_inputs(circuit: Circuit, dialect: Dialect, names: Names) -> Inputs:
    """An input for every symbol that the circuit uses.

    Single parameters come first, so that they keep their names; the element [1, 2] of a vector
    `theta` becomes `theta_1_2`.

    Raises:
        QasmError: If there are symbols and the dialect has no inputs.
    """
    used = {
        symbol
        for i in circuit
        for p in i.params
        if isinstance(p, ParameterExpression)
        for symbol, _ in p.terms
    }
    inputs = Inputs([], {})
    if not used:
        return inputs
    if dialect.input is None:
        known = ", ".join(name for name in circuit.parameters)
        raise QasmError(
            f"dumps: a circuit for {dialect.name} must have no open parameters, but has {known}. "
            "Bind them first, circuit.bind(values), or write version 3."
        )
    order = {name: k for k, name in enumerate(circuit.parameters)}
    commented = set()
    for symbol in sorted(used, key=lambda s: (bool(s.shape), order[s.name], s.index)):
        # Names of gates are left to the gates, whether or not this program uses them.
        name = names.new(_joined(symbol), avoid=frozenset(GATES))
        inputs.names[symbol] = name
        if symbol.shape and symbol.name not in commented:
            commented.add(symbol.name)
            inputs.lines.append(f"// qjax parameter {symbol.name} of shape {symbol.shape}")
        if name != str(symbol):
            inputs.lines.append(f"// qjax parameter {symbol} = {name}")
        inputs.lines.append(dialect.input.format(name=name))
    return inputs


def _joined(symbol: Symbol) -> str:
    """theta[1, 2] as theta_1_2."""
    return str(symbol).replace("[", "_").replace(", ", "_").replace("]", "")
