"""The projected kernel: a Gaussian of the distance between one-qubit density matrices."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.engine.select import complex_dtype
from qjax.errors import LearningError
from qjax.learning.data_circuit import DataCircuit
from qjax.learning.kernels.gram import (
    MEMORY,
    block_size,
    feature_circuit,
    sample_rows,
    slices,
    states_of,
)
from qjax.simulate import expectation


def bloch_vectors(
    feature_map: Circuit | Callable[..., Circuit],
    x: ArrayLike,
    params: Mapping[str, Any] | None = None,
    *,
    inputs: str = "x",
    memory: int = MEMORY,
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    """Bloch vectors (<X>, <Y>, <Z>) of every qubit, for every sample.

    The density matrix of qubit q alone is (1 + r_q . sigma) / 2.

    Args:
        feature_map: As in `fidelity_kernel`.
        x: Real array of shape (N, m).
        params: As in `fidelity_kernel`.
        inputs: As in `fidelity_kernel`.
        memory: Bytes that states may take at once.
        dtype: complex64 or complex128 for the states.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Real array of shape (N, n, 3).

    Raises:
        LearningError: If data or weights do not fit the feature map.

    Examples:
        >>> from qjax import ParameterVector
        >>> angles = Circuit(1).ry(ParameterVector("x", 1), 0)
        >>> bloch_vectors(angles, [[0.0], [0.5]])  # sin x, 0, cos x
        Array([[[0.    , 0.    , 1.    ]],
        <BLANKLINE>
               [[0.4794, 0.    , 0.8776]]], dtype=float32)
    """
    circuit, weights = feature_circuit(feature_map, params, inputs, "bloch_vectors")
    rows = sample_rows(circuit, x, "bloch_vectors: x")
    budget = as_positive(memory, "bloch_vectors: memory", LearningError)
    return _bloch(circuit, weights, rows, budget, dtype, engine)


def projected_kernel(
    feature_map: Circuit | Callable[..., Circuit],
    x: ArrayLike,
    y: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    gamma: ArrayLike = 1.0,
    inputs: str = "x",
    memory: int = MEMORY,
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    r"""Gram matrix K_ij = exp(-gamma sum_q |rho_q(x_i) - rho_q(y_j)|_F^2).

    rho_q is the density matrix of qubit q alone and F the Frobenius norm. Where the fidelity of
    many qubits is close to zero for all pairs, this kernel still tells near from far.

    Args:
        feature_map: As in `fidelity_kernel`.
        x: Real array of shape (N, m).
        y: Real array of shape (M, m); None for x itself, and a symmetric matrix.
        params: As in `fidelity_kernel`.
        gamma: Inverse squared width; may be traced.
        inputs: As in `fidelity_kernel`.
        memory: Bytes that states may take at once.
        dtype: complex64 or complex128 for the states; the kernel has its precision.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Real array of shape (N, M), positive semidefinite for y = None.

    Raises:
        LearningError: If data or weights do not fit the feature map.

    Note:
        N + M simulations, each with 3 n expectation values; then the kernel costs what a classical
        Gaussian one does, whatever the number of qubits.

    Examples:
        >>> from qjax import ParameterVector
        >>> angles = Circuit(1).ry(ParameterVector("x", 1), 0)
        >>> projected_kernel(angles, [[0.0], [1.0]])  # exp(-(1 - cos(x - y)))
        Array([[1.    , 0.6315],
               [0.6315, 1.    ]], dtype=float32)

    References:
        H.-Y. Huang et al., Power of data in quantum machine learning, Nat. Commun. 12, 2631
        (2021); here with projections on one qubit each.
    """
    circuit, weights = feature_circuit(feature_map, params, inputs, "projected_kernel")
    rows = sample_rows(circuit, x, "projected_kernel: x")
    budget = as_positive(memory, "projected_kernel: memory", LearningError)
    left = _bloch(circuit, weights, rows, budget, dtype, engine)
    right = left
    if y is not None:
        others = sample_rows(circuit, y, "projected_kernel: y")
        right = _bloch(circuit, weights, others, budget, dtype, engine)
    found = gaussian(squared_distances(left, right), gamma)
    return (found + found.T) / 2 if y is None else found


def squared_distances(a: jax.Array, b: jax.Array) -> jax.Array:
    """Sum over qubits of |rho_q - rho'_q|_F^2 = |r_q - r'_q|^2 / 2; (N, n, 3) -> (N, M)."""
    left, right = a.reshape(a.shape[0], -1), b.reshape(b.shape[0], -1)
    inner = jnp.matmul(left, right.T, precision=lax.Precision.HIGHEST)
    lengths = jnp.sum(left**2, axis=1)[:, None] + jnp.sum(right**2, axis=1)
    return jnp.maximum(lengths / 2 - inner, jnp.zeros((), inner.dtype))  # below 0 by rounding only


def gaussian(distances: jax.Array, gamma: ArrayLike) -> jax.Array:
    """exp(-gamma d)."""
    return jnp.exp(-jnp.asarray(gamma).astype(distances.dtype) * distances)


def _bloch(
    circuit: DataCircuit,
    weights: Mapping[str, Any],
    rows: jax.Array,
    memory: int,
    dtype: Any,
    engine: str | None,
) -> jax.Array:
    """Rows (N, m) to Bloch vectors (N, n, 3), as many rows at once as fit in memory."""
    amplitudes = jax.eval_shape(states_of(circuit, weights, dtype, engine), rows[:1]).shape[-1]
    n = amplitudes.bit_length() - 1
    paulis = [f"{letter}{q}" for q in range(n) for letter in "XYZ"]
    size = block_size(amplitudes, complex_dtype(dtype).itemsize, memory)
    run = lambda c, values: expectation(c, paulis, values, dtype=dtype, engine=engine)
    parts = [circuit.run(run, rows[s], weights) for s in slices(rows.shape[0], size)]
    return jnp.concatenate(parts).reshape(rows.shape[0], n, 3)
