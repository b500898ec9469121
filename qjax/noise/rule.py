"""Rules of a noise model: a channel, and the instructions that it follows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qjax._checks import as_integer
from qjax.channels import (
    Channel,
    find_channel,
    kraus_channel,
    kraus_of_superoperator,
    pauli_channel,
    pauli_probabilities,
)
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.gates import FAMILIES, GATES, Gate, find_gate

_NOT_IN_TABLE = {"measure", "reset", *FAMILIES}


@dataclass(frozen=True, eq=False)
class Rule:
    """A channel that follows instructions.

    Attributes:
        channel: The row.
        values: One for each of its parameters.
        gates: Names of the instructions that it follows; None for every gate.
        qubits: The qubits that such an instruction must act on, controls first; None for any.
        on: The qubits of the instruction on which the channel follows; None for all.
    """

    channel: Channel
    values: tuple[Any, ...]
    gates: tuple[str, ...] | None
    qubits: tuple[int, ...] | None
    on: tuple[int, ...] | None

    def follows(self, name: str, is_gate: bool, qubits: tuple[int, ...]) -> bool:
        """Whether the channel follows an instruction."""
        if not (is_gate if self.gates is None else name in self.gates):
            return False
        if self.qubits is not None and self.qubits != qubits:
            return False
        places = qubits if self.on is None else self.on
        return set(places) <= set(qubits) and self.channel.num_qubits in (1, len(places))

    def __eq__(self, other: object) -> bool:
        """Whether channel, values and places are equal; values may be arrays."""
        if not isinstance(other, Rule):
            return NotImplemented
        where = [(r.channel, len(r.values), r.gates, r.qubits, r.on) for r in (self, other)]
        return where[0] == where[1] and all(map(np.array_equal, self.values, other.values))


def made_rule(channel: Any, values: Any, gates: Any, qubits: Any, on: Any) -> Rule:
    """The rule of what a user gives to `NoiseModel.add`.

    Raises:
        CircuitError: If there is no such channel or gate, or values or places do not fit.
    """
    row, given = _channel(channel, values)
    several = isinstance(gates, Iterable) and not isinstance(gates, str)
    names = None if gates is None else tuple(map(gate_name, gates if several else (gates,)))
    if names == ():
        raise CircuitError("NoiseModel: gates must name a gate, or be None for all, but is empty.")
    places, chosen = checked_places(qubits, "qubits"), checked_places(on, "on")
    if chosen is not None and row.num_qubits not in (1, len(chosen)):
        raise CircuitError(
            f"NoiseModel: on must name the {row.num_qubits} qubits of {row.name}, but is {chosen}."
        )
    if places is not None and not set(chosen or ()) <= set(places):
        raise CircuitError(f"NoiseModel: on must be among the qubits {places}, but is {chosen}.")
    if places is not None and row.num_qubits not in (1, len(chosen or places)):
        raise CircuitError(
            f"NoiseModel: {row.name} takes {row.num_qubits} qubits, but qubits are {places}."
        )
    sizes = {GATES[n].num_qubits if n in GATES else row.num_qubits for n in names or ()}
    if sizes and chosen is None and row.num_qubits > 1 and row.num_qubits not in sizes:
        raise CircuitError(
            f"NoiseModel: {row.name} takes {row.num_qubits} qubits, as must a gate that it "
            f"follows, but none does of {', '.join(names or ())}."
        )
    rule = Rule(row, given, names, places, chosen)
    check_values(rule)
    return rule


def check_values(rule: Rule) -> None:
    """Check the values of a rule as a circuit does.

    Raises:
        CircuitError: If there are too many or too few, or one is outside its range.
    """
    k = rule.channel.num_qubits
    Circuit(k).channel(rule.channel, rule.values, range(k))


def gate_name(gate: Any) -> str:
    """The name that instructions of a gate have, by its name, an alias, or its row.

    Raises:
        CircuitError: If there is no such gate, for a rule that never applies hides a mistake.

    Examples:
        >>> gate_name("cnot"), gate_name("mcx"), gate_name("measure")
        ('cx', 'mcx', 'measure')
    """
    if isinstance(gate, Gate):
        return gate.name
    if gate in _NOT_IN_TABLE:
        return gate
    if isinstance(gate, str) and gate.startswith("mc"):
        return f"mc{gate_name(gate[2:])}"
    return find_gate(gate).name


def checked_places(qubits: Any, what: str) -> tuple[int, ...] | None:
    """Distinct qubits, not negative; None stays None.

    Raises:
        CircuitError: If they are not.
    """
    if qubits is None:
        return None
    given = (qubits,) if np.ndim(qubits) == 0 else tuple(qubits)
    places = tuple(as_integer(q, f"NoiseModel: {what}") for q in given)
    if not places or min(places) < 0 or len(set(places)) != len(places):
        raise CircuitError(
            f"NoiseModel: {what} must be distinct and not negative, but are {places}."
        )
    return places


def _channel(channel: Any, values: Any) -> tuple[Channel, tuple[Any, ...]]:
    """The row of a channel and its values, from a name or a row."""
    if channel == "pauli_channel":
        chances = pauli_probabilities(values) if isinstance(values, Mapping) else values
        return pauli_channel(_letters(np.shape(chances))), (chances,)
    if channel == "superoperator":
        channel, values = "kraus", kraus_of_superoperator(values)
    if channel == "kraus":
        shape = np.shape(values)
        if len(shape) != 3 or shape[1] != shape[2] or shape[1] < 2 or shape[1] & (shape[1] - 1):
            raise CircuitError(
                f"kraus: operators must have shape (K, 2**k, 2**k), but have {shape}."
            )
        return kraus_channel(shape[0], shape[1].bit_length() - 1), (values,)
    row = channel if isinstance(channel, Channel) else find_channel(channel)
    return row, tuple(values) if isinstance(values, (tuple, list)) else (values,)


def _letters(shape: tuple[int, ...]) -> int:
    """How many letters the strings of an array of probabilities, of shape (4**k,), have."""
    k = (shape[0].bit_length() - 1) // 2 if len(shape) == 1 else 0
    if k < 1 or shape != (4**k,):
        raise CircuitError(
            f"pauli_channel: probabilities must have shape (4**k,), but have {shape}."
        )
    return k
