"""Low-rank updates of frozen weight matrices: from circuits, and LoRA."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.engine.select import complex_dtype, real_dtype
from qjax.errors import LearningError
from qjax.learning.block import Block
from qjax.learning.initializers import uniform
from qjax.simulate import statevector

_EXACT = lax.Precision.HIGHEST


class Adapter(Block):
    r"""An update of a frozen map: y = x W + x D, with D = scale A diag(g) B of low rank.

    Every adapter starts with D = 0, so that a model is what it was before training.

    Args:
        features_in: Rows of W.
        features_out: Columns of W.
        rank: Rank r of D.
        scale: Factor of D.
        dtype: complex64 or complex128, for the precision.

    Raises:
        LearningError: If a number is not positive, or the rank is more than a side of W.
    """

    def __init__(
        self,
        features_in: int,
        features_out: int,
        rank: int,
        *,
        scale: float = 1.0,
        dtype: Any = None,
    ) -> None:
        what = type(self).__name__
        self.features_in = as_positive(features_in, f"{what}: features_in", LearningError)
        self.features_out = as_positive(features_out, f"{what}: features_out", LearningError)
        self.rank = as_positive(rank, f"{what}: rank", LearningError)
        if self.rank > min(self.features_in, self.features_out):
            raise LearningError(
                f"{what}: rank must be at most {min(self.features_in, self.features_out)} for a "
                f"matrix of shape ({features_in}, {features_out}), but is {rank}."
            )
        self.scale, self.complex = scale, complex_dtype(dtype)
        self.dtype = real_dtype(self.complex)

    def factors(self, params: Any) -> tuple[jax.Array, jax.Array]:
        """A and diag(g) B, of shapes (in, r) and (r, out)."""
        raise NotImplementedError

    def delta(self, params: Any) -> jax.Array:
        """The update D of shape (in, out), to be added to W where the model is kept for use."""
        a, b = self.factors(params)
        return jnp.matmul(a, b, precision=_EXACT) * self.scale

    def apply(self, params: Any, x: ArrayLike) -> jax.Array:
        """The update's part of the result, x D, for x of shape (..., in)."""
        a, b = self.factors(params)
        low = jnp.matmul(jnp.asarray(x), a, precision=_EXACT)
        return jnp.matmul(low, b, precision=_EXACT) * self.scale


class LowRankAdapter(Adapter):
    """LoRA: A is drawn, B starts at zero. The classical twin of the adapters here.

    Args:
        features_in: Rows of W.
        features_out: Columns of W.
        rank: Rank of the update.
        scale: Factor of the update; alpha / r in the source.
        dtype: complex64 or complex128, for the precision.

    Examples:
        >>> LowRankAdapter(64, 64, 2).num_parameters
        256

    References:
        E. J. Hu et al., LoRA: Low-rank adaptation of large language models, ICLR 2022.
    """

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """The factors a and b."""
        draw = jax.nn.initializers.he_uniform()
        a = draw(key, (self.features_in, self.rank), self.dtype)
        return {"a": a, "b": jnp.zeros((self.rank, self.features_out), self.dtype)}

    def factors(self, params: Mapping[str, Any]) -> tuple[jax.Array, jax.Array]:
        """As they are."""
        return params["a"], params["b"]


class CircuitAdapter(Adapter):
    """What the adapters from circuits share: two circuits of RY and CZ, with real amplitudes.

    Args:
        features_in: Rows of W.
        features_out: Columns of W.
        rank: Rank r of the update.
        layers: Layers of RY on each qubit and a chain of CZ in each circuit, then RY once more.
        scale: Factor of the update.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.
    """

    def __init__(
        self,
        features_in: int,
        features_out: int,
        rank: int,
        layers: int = 2,
        *,
        scale: float = 1.0,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        super().__init__(features_in, features_out, rank, scale=scale, dtype=dtype)
        depth = as_positive(layers, f"{type(self).__name__}: layers", LearningError)
        self.engine = engine
        self.left = _real_circuit(self._size(self.features_in), depth)
        self.right = _real_circuit(self._size(self.features_out), depth)

    def _size(self, features: int) -> int:
        """How many amplitudes a factor needs."""
        raise NotImplementedError

    def _factor(self, circuit: Circuit, angles: Any, features: int) -> jax.Array:
        """A factor of shape (features, r)."""
        raise NotImplementedError

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """Angles of both circuits, uniform in 0..2 pi, and the gains g, zero."""
        a, b = jax.random.split(key)
        draw = lambda own, c: uniform()(own, c.parameters["w"], self.dtype)
        return {
            "left": draw(a, self.left),
            "right": draw(b, self.right),
            "gain": jnp.zeros(self.rank, self.dtype),
        }

    def factors(self, params: Mapping[str, Any]) -> tuple[jax.Array, jax.Array]:
        """A and diag(g) B, of shapes (in, r) and (r, out)."""
        a = self._factor(self.left, params["left"], self.features_in)
        b = self._factor(self.right, params["right"], self.features_out)
        return a, params["gain"][:, None] * b.T


class AmplitudeAdapter(CircuitAdapter):
    r"""A circuit generates the update: the entries of A and B are amplitudes of two states.

    A_(k, j) = sqrt(in) <k r + j|psi_A>, so that the entries have size 1 / sqrt(r); the same for B.
    Trained are the angles of two circuits on about log2(in r) and log2(out r) qubits, and g: a
    number that grows with the logarithm of W's sides, where LoRA's grows with the sides.

    The arguments are those of `CircuitAdapter`.

    Examples:
        >>> adapter = AmplitudeAdapter(64, 64, rank=2, layers=2)
        >>> params = adapter.init(jax.random.key(0))
        >>> adapter.delta(params).shape, adapter.num_parameters
        ((64, 64), 44)

    References:
        C.-Y. Liu et al., A quantum circuit-based compression perspective for parameter-efficient
        learning, ICLR 2025, arXiv:2410.09846, where probabilities and a small network give the
        entries; signed amplitudes need no network.
    """

    def _size(self, features: int) -> int:
        return features * self.rank

    def _factor(self, circuit: Circuit, angles: Any, features: int) -> jax.Array:
        state = statevector(circuit, {"w": angles}, dtype=self.complex, engine=self.engine)
        return state.real[: features * self.rank].reshape(features, self.rank) * features**0.5


class UnitaryAdapter(CircuitAdapter):
    r"""The update is U diag(g) V^T: columns of two orthogonal matrices that circuits are.

    A is made of the first r columns of the matrix of one circuit, cut to `in` rows where that is no
    power of two, and B of those of another; for powers of two, A and B have orthonormal columns,
    and |g| are the singular values of the update.

    The arguments are those of `CircuitAdapter`.

    Examples:
        >>> adapter = UnitaryAdapter(64, 32, rank=4, layers=2)
        >>> params = adapter.init(jax.random.key(0))
        >>> adapter.delta(params).shape, adapter.num_parameters
        ((64, 32), 37)

    References:
        T. Koike-Akino et al., Quantum-PEFT: Ultra parameter-efficient fine-tuning, ICLR 2025,
        arXiv:2503.05431.
    """

    def _size(self, features: int) -> int:
        return features

    def _factor(self, circuit: Circuit, angles: Any, features: int) -> jax.Array:
        starts = jnp.eye(self.rank, 2**circuit.num_qubits, dtype=self.complex)
        columns = statevector(
            circuit, {"w": angles}, initial_state=starts, dtype=self.complex, engine=self.engine
        )
        return columns.real.T[:features]


def _real_circuit(amplitudes: int, layers: int) -> Circuit:
    """RY and CZ on just enough qubits; the parameter w has shape (layers + 1, n)."""
    n = max(1, (amplitudes - 1).bit_length())
    w = ParameterVector("w", (layers + 1, n))
    circuit = Circuit(n).ry(w[0], range(n))
    for layer in range(1, layers + 1):
        for q in range(n - 1):
            circuit.cz(q, q + 1)
        circuit.ry(w[layer], range(n))
    return circuit
