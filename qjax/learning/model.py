"""QuantumModel: a circuit and observables as a function of data and named weights."""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from qjax._checks import is_sequence
from qjax.circuit import Circuit
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import LearningError
from qjax.learning.block import Block
from qjax.learning.data_circuit import as_data_circuit
from qjax.learning.initializers import Initializers, draw, uniform
from qjax.noise import NoiseModel
from qjax.simulate import expectation


class QuantumModel(Block):
    r"""Expectation values f_k(x; w) = <psi(x, w)| O_k |psi(x, w)> as a function of data.

    The functional form that the layers of `qjax.learning.nnx` and `qjax.learning.equinox` stand on.
    A batch is one call of the engine, with no loop over its rows; derivatives with respect to
    weights, data and coefficients of the observables are the adjoint method's.

    Args:
        circuit: A template whose open parameter `inputs` takes the data and whose others are the
            weights; or, for angles that are not affine in the data, a traceable function of one
            row: (x) -> Circuit, whose open parameters are the weights, or (x, weights) -> Circuit
            with the weights by name. A second argument with a default is no weights.
        observables: One observable, or a sequence of k. By default Z on each qubit; a function
            of data must say.
        inputs: Name of the template's parameter for the data.
        weights: For a function: shape of every weight, by name.
        initializer: Of the weights: a function (key, shape, dtype) -> array, or such by name, as
            `identity_blocks` gives them. By default uniform in 0..2 pi.
        noise: A `NoiseModel`; the state is a density matrix then.
        dtype: complex64 or complex128; weights have its precision.
        engine: Name of an engine, or None for the best one here.

    Raises:
        LearningError: If the circuit has no such parameter, or is no circuit.

    Examples:
        >>> from qjax import ParameterVector
        >>> x, w = ParameterVector("x", 2), ParameterVector("w", (2, 2))
        >>> circuit = Circuit(2).ry(x, range(2)).cz(0, 1).rx(w[0], range(2)).ry(w[1], range(2))
        >>> model = QuantumModel(circuit)
        >>> params = model.init(jax.random.key(0))
        >>> {name: value.shape for name, value in params.items()}, model.num_parameters
        ({'w': (2, 2)}, 4)
        >>> model.apply(params, jax.numpy.zeros((5, 2))).shape
        (5, 2)
        >>> from qjax.library import data_reuploading
        >>> scaled = QuantumModel(lambda x: data_reuploading(x, 1, 3), "Z0", weights={"theta": 15})
        >>> scaled.apply(scaled.init(jax.random.key(0)), jax.numpy.zeros((5, 2))).shape
        (5,)
    """

    def __init__(
        self,
        circuit: Circuit | Callable[..., Circuit],
        observables: Any = None,
        *,
        inputs: str = "x",
        weights: Mapping[str, Any] | None = None,
        initializer: Initializers | None = None,
        noise: NoiseModel | None = None,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        self.data_circuit = as_data_circuit(
            circuit, inputs=inputs, weights=weights, what="QuantumModel"
        )
        if observables is None:
            if not isinstance(circuit, Circuit):
                raise LearningError(
                    "QuantumModel: observables must be given with a function, but are None."
                )
            observables = [f"Z{q}" for q in range(circuit.num_qubits)]
        several = is_sequence(observables)
        self.observables = list(observables) if several else observables
        self.initializer = uniform() if initializer is None else initializer
        self.noise, self.dtype, self.engine = noise, complex_dtype(dtype), engine

    @property
    def num_outputs(self) -> int | None:
        """Length of the result's last axis; None if there is one observable and no such axis."""
        return len(self.observables) if isinstance(self.observables, list) else None

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """First weights by name, drawn by a `jax.random` key."""
        return draw(self.initializer, self.data_circuit.shapes, key, real_dtype(self.dtype))

    def apply(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """Expectation values at rows of data.

        Args:
            params: Weights by name. With a template they may have leading axes, which broadcast
                with those of x: many models at once.
            x: Real array of shape (..., m).

        Returns:
            Real array of shape (..., k), or (...) for one observable.

        Raises:
            LearningError: If rows or weights do not fit.
        """

        def values(circuit: Circuit, values: Any) -> jax.Array:
            return expectation(
                circuit,
                self.observables,
                values,
                noise=self.noise,
                dtype=self.dtype,
                engine=self.engine,
            )

        return self.data_circuit.run(values, x, params)

    def __repr__(self) -> str:
        shapes = {name: tuple(shape) for name, shape in self.data_circuit.shapes.items()}
        return f"QuantumModel(inputs={self.data_circuit.num_inputs}, weights={shapes})"
