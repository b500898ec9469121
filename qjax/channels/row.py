"""The row of the channel table, and the three forms that rows are made from."""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from qjax.gates.blocks import stack

Fault = Callable[..., str | None]


@dataclass(frozen=True, eq=False)
class Channel:
    """A row of the channel table: a named family of completely positive, trace-preserving maps.

    Attributes:
        name: The channel's name.
        num_qubits: How many qubits it acts on, k.
        params: Names of its parameters, in order.
        definition: The formula, as text.
        source: Where the definition is from.
        superoperator: `superoperator(*values, xp=...)` gives an array of shape (..., 4**k, 4**k).
            It is smooth in the values, also where a Kraus operator vanishes.
        kraus: `kraus(*values, xp=...)` gives the Kraus operators, shape (..., K, 2**k, 2**k).
        mixture: Gives probabilities (..., K) and unitary matrices (..., K, 2**k, 2**k), if the
            channel is a mixture of unitaries; else None.
        fault: Says of known values why they cannot be, or None.
        param_shapes: Shape of each parameter's value; () is a real number, others are complex
            arrays.
        label: What a drawing shows.
        arguments: What a channel made by a family was made from.
        by_populations: Whether K^dagger K is diagonal for all Kraus operators, so that their
            weights depend on populations alone.
    """

    name: str
    num_qubits: int
    params: tuple[str, ...]
    definition: str
    source: str
    superoperator: Callable[..., Any]
    kraus: Callable[..., Any]
    mixture: Callable[..., tuple[Any, Any]] | None
    fault: Fault
    param_shapes: tuple[tuple[int, ...], ...]
    label: str
    arguments: tuple[Any, ...] = ()
    by_populations: bool = False

    def __deepcopy__(self, memo: dict[int, Any]) -> "Channel":
        return self  # rows never change and are compared by identity

    def __repr__(self) -> str:
        return f"<channel {self.name}({', '.join(self.params)}) on {self.num_qubits} qubits>"


def from_mixture(
    name: str,
    params: tuple[str, ...],
    definition: str,
    source: str,
    probabilities: Callable[..., list[Any]],
    unitaries: Callable[..., Any],
    *,
    fault: Fault,
    num_qubits: int = 1,
    label: str,
) -> Channel:
    """A channel that applies one of several unitary matrices, each with its probability.

    Args:
        name: As in `Channel`, and so are the others.
        params: Names.
        definition: Formula.
        source: Where it is from.
        probabilities: From the values and xp, K entries of shape (...).
        unitaries: From the values and xp, an array of shape (..., K, d, d).
        fault: Check of known values.
        num_qubits: How many.
        label: Of drawings.
    """

    def mixture(*values: Any, xp: ModuleType = np) -> tuple[Any, Any]:
        chances = xp.stack(xp.broadcast_arrays(*map(xp.asarray, probabilities(*values))), axis=-1)
        return chances, unitaries(*values, xp=xp)

    def superoperator(*values: Any, xp: ModuleType = np) -> Any:
        chances, matrices = mixture(*values, xp=xp)
        return (chances[..., None, None] * pair(matrices, xp)).sum(-3)

    def kraus(*values: Any, xp: ModuleType = np) -> Any:
        chances, matrices = mixture(*values, xp=xp)
        return root(chances, xp)[..., None, None] * matrices

    shapes = ((),) * len(params)
    return Channel(
        name, num_qubits, params, definition, source, superoperator, kraus, mixture, fault, shapes,
        label,
    )  # fmt: skip


def from_relaxation(
    name: str,
    params: tuple[str, ...],
    definition: str,
    source: str,
    rates: Callable[..., tuple[Any, Any, Any]],
    *,
    fault: Fault,
    label: str,
) -> Channel:
    """A channel of one qubit that moves populations and shrinks coherences.

    rho_00 grows by down rho_11 - up rho_00, which rho_11 loses; rho_01 shrinks to c rho_01.

    Args:
        name: As in `Channel`, and so are the others.
        params: Names.
        definition: Formula.
        source: Where it is from.
        rates: From the values and xp: up, down and c.
        fault: Check of known values.
        label: Of drawings.
    """

    def superoperator(*values: Any, xp: ModuleType = np) -> Any:
        up, down, c = rates(*values, xp=xp)
        # The index of rho[i, j] is i + 2 j.
        return stack(
            [[1 - up, 0, 0, down], [0, c, 0, 0], [0, 0, c, 0], [up, 0, 0, 1 - down]], xp
        ) * (1 + 0j)

    def kraus(*values: Any, xp: ModuleType = np) -> Any:
        up, down, c = rates(*values, xp=xp)
        first = 1 - up
        positive = first > 0
        shared = xp.where(positive, c / xp.where(positive, first, 1), 0)
        rest = 1 - down - c * shared
        operators = [
            [[root(first, xp), 0], [0, shared * root(first, xp)]],
            [[0, 0], [0, root(rest, xp)]],
            [[0, root(down, xp)], [0, 0]],
            [[0, 0], [root(up, xp), 0]],
        ]
        return xp.stack([stack(o, xp) for o in operators], axis=-3) * (1 + 0j)

    shapes = ((),) * len(params)
    return Channel(
        name, 1, params, definition, source, superoperator, kraus, None, fault, shapes, label,
        by_populations=True,
    )  # fmt: skip


def root(value: Any, xp: ModuleType) -> Any:
    """The square root, with derivative 0 at 0, and 0 for what is negative by rounding."""
    tiny = xp.finfo(value.dtype).eps if hasattr(value, "dtype") else np.finfo(float).eps
    positive = value > tiny
    rounded = xp.where(positive, xp.sqrt(xp.where(positive, value, 1)), 0)
    return xp.where(value < -8 * tiny, xp.nan, rounded)


def constant(array: np.ndarray, like: Any, xp: ModuleType) -> Any:
    """A complex array of the precision of some value."""
    return xp.asarray(array, dtype=np.result_type(getattr(like, "dtype", float), np.complex64))


def pair(operators: Any, xp: ModuleType) -> Any:
    """K to the superoperator of rho -> K rho K^dagger: (..., d, d) to (..., d*d, d*d)."""
    size = operators.shape[-1]
    both = xp.conj(operators)[..., :, None, :, None] * operators[..., None, :, None, :]
    return both.reshape(*operators.shape[:-2], size**2, size**2)
