"""A circuit that data enter: a template with an input parameter, or a function of data."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.circuit import Circuit
from qjax.circuit.parameter import is_real
from qjax.errors import LearningError

Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True, eq=False)
class DataCircuit:
    """A circuit with two kinds of open numbers: data, and weights by name.

    Attributes:
        circuit: A template with open parameters, or a traceable function of one row of data:
            (x) -> Circuit, whose open parameters are the weights, or (x, weights) -> Circuit.
        inputs: Name of the template's parameter that holds the data; None for a function.
        input_shape: Shape of that parameter; None for a function, which takes rows of any length.
        shapes: Name and shape of every weight.
    """

    circuit: Circuit | Callable[..., Circuit]
    inputs: str | None
    input_shape: tuple[int, ...] | None
    shapes: Shapes

    @property
    def num_inputs(self) -> int | None:
        """Numbers in a row of data; None if a function decides."""
        return None if self.input_shape is None else int(np.prod(self.input_shape, dtype=int))

    def run(
        self, function: Callable[[Circuit, Any], jax.Array], x: Any, weights: Mapping[str, Any]
    ) -> jax.Array:
        """Apply function(circuit, params) to every row of x, as one batch.

        Args:
            function: A function of a circuit and its parameters that broadcasts over leading axes.
            x: Real array of shape (..., m); leading axes are batches.
            weights: Arrays by name; with a template they may have leading axes, which broadcast
                with those of x.

        Returns:
            Array of shape (..., *shape of one result).

        Raises:
            LearningError: If rows or weights do not fit.
        """
        rows = self.checked(x)
        given = self._checked_weights(weights)
        if isinstance(self.circuit, Circuit):
            assert self.inputs is not None and self.input_shape is not None
            data = rows.reshape(*rows.shape[:-1], *self.input_shape)
            return function(self.circuit, {self.inputs: data, **given})
        build, takes_weights = self.circuit, _takes_two(self.circuit)

        def one(row: jax.Array) -> jax.Array:
            circuit = _checked_circuit(build(row, given) if takes_weights else build(row))
            return function(circuit, None if takes_weights else given)

        found = jax.vmap(one)(rows.reshape(-1, rows.shape[-1]))
        return found.reshape(*rows.shape[:-1], *found.shape[1:])

    def checked(self, x: Any) -> jax.Array:
        """Rows of data, a real floating array of shape (..., m).

        Raises:
            LearningError: If the shape does not fit or numbers are complex.
        """
        rows = jnp.asarray(x)
        if not is_real(rows.dtype):
            raise LearningError(f"x must be an array of real numbers, but has dtype {rows.dtype}.")
        if jnp.issubdtype(rows.dtype, np.integer):
            rows = rows.astype(jnp.float32)
        wanted = self.num_inputs
        if rows.ndim == 0 or (wanted is not None and rows.shape[-1] != wanted):
            size = "m" if wanted is None else wanted
            raise LearningError(f"x must have shape (..., {size}), but has shape {rows.shape}.")
        return rows

    def _checked_weights(self, weights: Mapping[str, Any]) -> dict[str, jax.Array]:
        if not isinstance(weights, Mapping) or weights.keys() != self.shapes.keys():
            given = list(weights) if isinstance(weights, Mapping) else type(weights).__name__
            raise LearningError(
                f"weights must be arrays by the names {list(self.shapes)}, but are {given}."
            )
        arrays = {name: jnp.asarray(weights[name]) for name in self.shapes}
        for name, array in arrays.items():
            shape = self.shapes[name]
            own = array.shape[array.ndim - len(shape) :] if array.ndim >= len(shape) else None
            if own != shape or (array.ndim > len(shape) and not isinstance(self.circuit, Circuit)):
                raise LearningError(
                    f"weights: {name} must have shape {shape}, but has shape {array.shape}."
                )
        return arrays


def as_data_circuit(
    circuit: Circuit | Callable[..., Circuit],
    *,
    inputs: str = "x",
    weights: Mapping[str, Any] | None = None,
    what: str,
) -> DataCircuit:
    """Tell data from weights in a template, or take a function as it is.

    Args:
        circuit: A template, whose parameter `inputs` holds the data and whose others are weights;
            or a function (x) -> Circuit, whose open parameters are the weights, or
            (x, weights) -> Circuit.
        inputs: Name of the template's parameter for data.
        weights: For a function: shape of every weight, by name.
        what: Who asks, for messages.

    Raises:
        LearningError: If it is neither, or the template has no such parameter.
    """
    if isinstance(circuit, Circuit):
        if weights is not None:
            raise LearningError(
                f"{what}: weights are for a function; a Circuit's are its open parameters."
            )
        names = circuit.parameters
        if inputs not in names:
            known = ", ".join(names) or "none"
            raise LearningError(
                f"{what}: inputs must name an open parameter of the circuit, but is {inputs!r}; "
                f"the circuit has {known}."
            )
        shapes = {name: shape for name, shape in names.items() if name != inputs}
        return DataCircuit(circuit, inputs, names[inputs], shapes)
    if not callable(circuit):
        raise LearningError(
            f"{what}: circuit must be a Circuit or a function that gives one, but is {circuit!r}."
        )
    shapes = {
        name: (shape,) if isinstance(shape, int) else tuple(shape)
        for name, shape in (weights or {}).items()
    }
    return DataCircuit(circuit, None, None, shapes)


def _takes_two(function: Callable[..., Any]) -> bool:
    """Whether a function takes the weights beside the data."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    given = inspect.signature(function).parameters.values()
    return sum(p.kind in kinds and p.default is p.empty for p in given) > 1


def _checked_circuit(circuit: Any) -> Circuit:
    if not isinstance(circuit, Circuit):
        raise LearningError(
            f"the circuit function must return a Circuit, but returned {type(circuit).__name__}."
        )
    return circuit
