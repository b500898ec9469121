"""Self-attention with queries, keys and values from circuits, and its classical twin."""

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
from qjax.learning.circuits import pauli_strings, reuploading_circuit
from qjax.learning.initializers import Initializers
from qjax.learning.model import QuantumModel

_EXACT = lax.Precision.HIGHEST


class QuantumAttention(Block):
    r"""Gaussian projected quantum self-attention.

    Three circuits of one form, with weights of their own, take every token x_s. With the first
    `scores` expectation values of the query's and the key's circuit, q_s and k_s, and all of the
    value's, v_s, the result is

        y_s = x_s + sum_j a_sj v_j,    a_sj = exp(-|q_s - k_j|^2) / sum_i exp(-|q_s - k_i|^2).

    All tokens and the three circuits are one batch. Where the mask allows nothing, a token attends
    to all alike.

    Args:
        features: Length of a token. The values are expectation values of as many Pauli strings,
            first those on one qubit.
        num_qubits: Number of qubits; features are taken by rotations, several on a qubit if there
            are more features than qubits.
        layers: Layers of each circuit; see `circuits.reuploading_circuit`.
        scores: Expectation values in a query and a key. The source has one, <Z_0>.
        causal: Whether token s attends to tokens j <= s only.
        initializer: Of the circuits' angles.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Raises:
        LearningError: If a number is not positive, or there are too few Pauli strings.

    Examples:
        >>> block = QuantumAttention(4, num_qubits=2)
        >>> params = block.init(jax.random.key(0))
        >>> block.apply(params, jnp.ones((3, 6, 4))).shape, block.num_parameters
        ((3, 6, 4), 12)

    References:
        G. Li, X. Zhao and X. Wang, Quantum self-attention neural networks for text classification,
        Sci. China Inf. Sci. 67, 142501 (2024), arXiv:2205.05625.
    """

    def __init__(
        self,
        features: int,
        num_qubits: int,
        layers: int = 1,
        *,
        scores: int = 1,
        causal: bool = False,
        initializer: Initializers | None = None,
        dtype: Any = None,
        engine: str | None = None,
    ) -> None:
        self.features = as_positive(features, "QuantumAttention: features", LearningError)
        self.scores = as_positive(scores, "QuantumAttention: scores", LearningError)
        self.causal = causal
        circuit = reuploading_circuit(features, num_qubits, layers)
        self.model = QuantumModel(
            circuit,
            pauli_strings(circuit.num_qubits, max(self.features, self.scores)),
            initializer=initializer,
            dtype=dtype,
            engine=engine,
        )

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Weights of the three circuits."""
        keys = jax.random.split(key, 3)
        return {
            name: self.model.init(own)
            for name, own in zip(("query", "key", "value"), keys, strict=True)
        }

    def apply(self, params: Mapping[str, Any], x: ArrayLike, mask: Any = None) -> jax.Array:
        """Tokens (..., T, features) to (..., T, features).

        Args:
            params: As `init` gives them.
            x: Real array of shape (..., T, features).
            mask: Booleans that broadcast to (..., T, T): whether token s may attend to token j.

        Raises:
            LearningError: If shapes do not fit.
        """
        tokens = _tokens(x, self.features, "QuantumAttention")
        lead = (1,) * (tokens.ndim - 1)
        stacked = jax.tree.map(
            lambda *three: jnp.stack([w.reshape(*lead, *w.shape) for w in three]),
            *(params[name] for name in ("query", "key", "value")),
        )
        query, key, value = self.model.apply(stacked, tokens[None])
        difference = query[..., :, None, : self.scores] - key[..., None, :, : self.scores]
        logits = -jnp.sum(difference**2, axis=-1)
        weights = _attention(logits, mask, self.causal)
        mixed = jnp.matmul(weights, value[..., : self.features], precision=_EXACT)
        return tokens + mixed.astype(tokens.dtype)


class Attention(Block):
    """Scaled dot-product self-attention with one head: the classical twin of `QuantumAttention`.

    Args:
        features: Length of a token.
        size: Length of queries and keys.
        causal: Whether token s attends to tokens j <= s only.
        dtype: Complex dtype of the quantum twin, for the precision.

    Examples:
        >>> block = Attention(4, size=1)
        >>> block.apply(block.init(jax.random.key(0)), jnp.ones((6, 4))).shape, block.num_parameters
        ((6, 4), 24)

    References:
        A. Vaswani et al., Attention is all you need, NeurIPS 30 (2017).
    """

    def __init__(
        self, features: int, size: int, *, causal: bool = False, dtype: Any = None
    ) -> None:
        real = real_dtype(complex_dtype(dtype))
        self.features, self.causal = features, causal
        self.query = Dense(features, size, bias=False, dtype=real)
        self.value = Dense(features, features, bias=False, dtype=real)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Kernels of queries, keys and values."""
        a, b, c = jax.random.split(key, 3)
        return {"query": self.query.init(a), "key": self.query.init(b), "value": self.value.init(c)}

    def apply(self, params: Mapping[str, Any], x: ArrayLike, mask: Any = None) -> jax.Array:
        """Tokens (..., T, features) to (..., T, features); mask as in `QuantumAttention`."""
        tokens = _tokens(x, self.features, "Attention")
        query = self.query.apply(params["query"], tokens)
        key = self.query.apply(params["key"], tokens)
        scale = query.shape[-1] ** -0.5
        logits = jnp.matmul(query, jnp.swapaxes(key, -1, -2), precision=_EXACT) * scale
        weights = _attention(logits, mask, self.causal)
        value = self.value.apply(params["value"], tokens)
        return tokens + jnp.matmul(weights, value, precision=_EXACT)


def _tokens(x: ArrayLike, features: int, what: str) -> jax.Array:
    tokens = jnp.asarray(x)
    if tokens.ndim < 2 or tokens.shape[-1] != features:
        raise LearningError(
            f"{what}: x must have shape (..., tokens, {features}), but has shape {tokens.shape}."
        )
    return tokens


def _attention(logits: jax.Array, mask: Any, causal: bool) -> jax.Array:
    """Softmax over the tokens that may be attended to; (..., T, T) -> (..., T, T)."""
    length = logits.shape[-1]
    allowed = jnp.tri(length, dtype=bool) if causal else jnp.ones((length, length), bool)
    if mask is not None:
        allowed = allowed & jnp.asarray(mask)
    return jax.nn.softmax(jnp.where(allowed, logits, jnp.finfo(logits.dtype).min), axis=-1)
