"""Recurrent cells with circuits as gates, and their classical twins."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import LearningError
from qjax.learning.block import Block
from qjax.learning.blocks.dense import Dense
from qjax.learning.circuits import reuploading_circuit
from qjax.learning.initializers import Initializers
from qjax.learning.model import QuantumModel


class Cell(Block):
    """A recurrent cell: apply(params, state, x) -> (state, h), one step for a batch of sequences.

    Attributes:
        features: Length of an input.
        hidden: Length of h.
    """

    features: int
    hidden: int
    dtype: Any

    def start(self, *batch: int) -> Any:
        """The state before the first step, zeros, for a batch of this shape."""
        raise NotImplementedError

    def unroll(self, params: Any, xs: ArrayLike, state: Any = None) -> tuple[Any, jax.Array]:
        """Run over sequences, as one scan.

        Args:
            params: As `init` gives them.
            xs: Real array of shape (..., T, features).
            state: State before the first step; zeros if None.

        Returns:
            The last state, and h after every step, of shape (..., T, hidden).

        Raises:
            LearningError: If shapes do not fit.
        """
        inputs = jnp.asarray(xs)
        if inputs.ndim < 2 or inputs.shape[-1] != self.features:
            raise LearningError(
                f"{type(self).__name__}: xs must have shape (..., steps, {self.features}), but has "
                f"shape {inputs.shape}."
            )
        first = self.start(*inputs.shape[:-2]) if state is None else state
        steps = jnp.moveaxis(inputs, -2, 0).astype(self.dtype)
        last, outputs = lax.scan(lambda s, x: self.apply(params, s, x), first, steps)
        return last, jnp.moveaxis(outputs, 0, -2)


class QuantumLSTMCell(Cell):
    r"""A long short-term memory whose four gates are circuits.

    A dense map takes (h, x) to n = hidden angles, pi/2 tanh of its result; four circuits of one
    form, with weights of their own, give f, i, g, o as <Z_0> ... <Z_(n-1)>, and

        c' = sigmoid(f) c + sigmoid(i) tanh(g),    h' = sigmoid(o) tanh(c').

    The four circuits of all sequences are one batch. The source encodes (h, x) without the dense
    map, on as many qubits as both have, and has two further circuits behind; the map keeps the
    number of qubits free of the number of features.

    Args:
        features: Length of an input.
        hidden: Length of h, and number of qubits.
        layers: Layers of each circuit; see `circuits.reuploading_circuit`.
        initializer: Of the circuits' angles.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Raises:
        LearningError: If a number is not positive.

    Examples:
        >>> cell = QuantumLSTMCell(features=5, hidden=3)
        >>> params = cell.init(jax.random.key(0))
        >>> state, outputs = cell.unroll(params, jnp.ones((2, 7, 5)))
        >>> outputs.shape, cell.num_parameters
        ((2, 7, 3), 51)

    References:
        S. Y.-C. Chen, S. Yoo and Y.-L. L. Fang, Quantum long short-term memory, ICASSP 2022,
        arXiv:2009.01783.
    """

    def __init__(
        self,
        features: int,
        hidden: int,
        layers: int = 1,
        *,
        initializer: Initializers | None = None,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        self.features = as_positive(features, "QuantumLSTMCell: features", LearningError)
        self.hidden = as_positive(hidden, "QuantumLSTMCell: hidden", LearningError)
        self.dtype = real_dtype(complex_dtype(dtype))
        self.model = QuantumModel(
            reuploading_circuit(hidden, hidden, layers),
            initializer=initializer,
            dtype=dtype,
            engine=engine,
        )
        self.project = Dense(features + hidden, hidden, dtype=self.dtype)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """The dense map, and the weights of the four circuits, of shape (4, ...)."""
        project, circuit = jax.random.split(key)
        gates = jax.vmap(self.model.init)(jax.random.split(circuit, 4))
        return {"project": self.project.init(project), "gates": gates}

    def start(self, *batch: int) -> tuple[jax.Array, jax.Array]:
        """The first h and c."""
        zero = jnp.zeros((*batch, self.hidden), self.dtype)
        return zero, zero

    def apply(
        self, params: Mapping[str, Any], state: Any, x: ArrayLike
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        """One step: state (h, c) and x of shape (..., features) to the next state and h."""
        h, c = state
        v = jnp.concatenate([h, jnp.asarray(x)], axis=-1)
        angles = jnp.tanh(self.project.apply(params["project"], v)) * (jnp.pi / 2)
        lead = (1,) * (angles.ndim - 1)
        gates = jax.tree.map(lambda w: w.reshape(4, *lead, *w.shape[1:]), params["gates"])
        return _memory(c, *self.model.apply(gates, angles[None]))


class LSTMCell(Cell):
    """The classical long short-term memory: the twin of `QuantumLSTMCell`.

    Args:
        features: Length of an input.
        hidden: Length of h.
        dtype: Real dtype of the parameters.

    Examples:
        >>> LSTMCell(5, 3).num_parameters
        108
    """

    def __init__(self, features: int, hidden: int, *, dtype: Any = jnp.float32) -> None:
        self.features, self.hidden, self.dtype = features, hidden, dtype
        self.gates = Dense(features + hidden, 4 * hidden, dtype=dtype)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Kernel and bias of the four gates."""
        return {"gates": self.gates.init(key)}

    def start(self, *batch: int) -> tuple[jax.Array, jax.Array]:
        """The first h and c."""
        zero = jnp.zeros((*batch, self.hidden), self.dtype)
        return zero, zero

    def apply(
        self, params: Mapping[str, Any], state: Any, x: ArrayLike
    ) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
        """One step, as in `QuantumLSTMCell`."""
        h, c = state
        v = jnp.concatenate([h, jnp.asarray(x)], axis=-1)
        return _memory(c, *jnp.split(self.gates.apply(params["gates"], v), 4, axis=-1))


class GRUCell(Cell):
    """The gated recurrent unit, a smaller classical cell.

    Args:
        features: Length of an input.
        hidden: Length of h.
        dtype: Real dtype of the parameters.

    Examples:
        >>> cell = GRUCell(5, 3)
        >>> cell.unroll(cell.init(jax.random.key(0)), jnp.ones((7, 5)))[1].shape
        (7, 3)
        >>> cell.num_parameters
        81

    References:
        K. Cho et al., Learning phrase representations using RNN encoder-decoder, EMNLP 2014.
    """

    def __init__(self, features: int, hidden: int, *, dtype: Any = jnp.float32) -> None:
        self.features, self.hidden, self.dtype = features, hidden, dtype
        self.gates = Dense(features + hidden, 2 * hidden, dtype=dtype)
        self.candidate = Dense(features + hidden, hidden, dtype=dtype)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Kernels and biases of the gates and of the candidate."""
        a, b = jax.random.split(key)
        return {"gates": self.gates.init(a), "candidate": self.candidate.init(b)}

    def start(self, *batch: int) -> jax.Array:
        """The first h."""
        return jnp.zeros((*batch, self.hidden), self.dtype)

    def apply(
        self, params: Mapping[str, Any], state: jax.Array, x: ArrayLike
    ) -> tuple[jax.Array, jax.Array]:
        """One step: h and x to the next h, twice."""
        x = jnp.asarray(x)
        both = self.gates.apply(params["gates"], jnp.concatenate([state, x], axis=-1))
        reset, update = jnp.split(jax.nn.sigmoid(both), 2, axis=-1)
        v = jnp.concatenate([reset * state, x], axis=-1)
        candidate = jnp.tanh(self.candidate.apply(params["candidate"], v))
        h = (1 - update) * state + update * candidate
        return h, h


def _memory(
    c: jax.Array, forget: jax.Array, write: jax.Array, content: jax.Array, read: jax.Array
) -> tuple[tuple[jax.Array, jax.Array], jax.Array]:
    """The state of a long short-term memory after a step."""
    new = jax.nn.sigmoid(forget) * c + jax.nn.sigmoid(write) * jnp.tanh(content)
    h = jax.nn.sigmoid(read) * jnp.tanh(new)
    return (h, new), h
