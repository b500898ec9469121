"""The table, and looking gates up in it."""

from difflib import get_close_matches

from qjax.errors import CircuitError
from qjax.gates.controlled import CONTROLLED, NAME_OF_CONTROLLED, controlled_row
from qjax.gates.pairs import PAIRS
from qjax.gates.row import Gate
from qjax.gates.single import SINGLE

_BASES = {row.name: row for row in (*SINGLE, *PAIRS)}

GATES: dict[str, Gate] = _BASES | {
    row.name: controlled_row(row, _BASES[row.base]) for row in CONTROLLED
}
"""Every named gate, by name."""

_ALIASES = {alias: gate for gate in GATES.values() for alias in gate.aliases}


def find_gate(name: str) -> Gate:
    """The row of a gate, by its name or an alias.

    Raises:
        CircuitError: If there is no such gate; the message names the nearest ones.

    Examples:
        >>> find_gate("cnot").name
        'cx'
    """
    if not isinstance(name, str):
        raise CircuitError(f"A gate's name must be a text, but is {name!r}.")
    gate = GATES.get(name) or _ALIASES.get(name)
    if gate is None:
        close = get_close_matches(name, [*GATES, *_ALIASES], n=3)
        hint = f" Did you mean {' or '.join(close)}?" if close else " See qjax.GATES."
        raise CircuitError(f"There is no gate named {name!r}.{hint}")
    return gate


def named_controlled(base: Gate, num_controls: int) -> Gate | None:
    """The row whose base is `base` with that many controls, or None if it has no name.

    Examples:
        >>> named_controlled(GATES["x"], 2).name
        'ccx'
    """
    if num_controls == 0:
        return base
    name = NAME_OF_CONTROLLED.get((base.name, num_controls))
    gate = GATES.get(name) if name else None
    return gate if gate is not None and gate.base is base else None
