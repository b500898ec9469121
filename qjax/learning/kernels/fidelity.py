"""The fidelity kernel |<phi(x)|phi(y)>|^2."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import LearningError
from qjax.learning.kernels.gram import (
    MEMORY,
    feature_circuit,
    pair_matrix,
    sample_rows,
    states_of,
)


def fidelity_kernel(
    feature_map: Circuit | Callable[..., Circuit],
    x: ArrayLike,
    y: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    inputs: str = "x",
    memory: int = MEMORY,
    dtype: Any = None,
    engine: str | None = None,
) -> jax.Array:
    r"""Gram matrix K_ij = |<phi(x_i)|phi(y_j)>|^2 of the states that a feature map makes of data.

    Args:
        feature_map: A template whose open parameter `inputs` takes a row of data, or a traceable
            function of one row, (x) -> Circuit or (x, params) -> Circuit; see `QuantumModel`.
        x: Real array of shape (N, m).
        y: Real array of shape (M, m); None for x itself, and a symmetric matrix.
        params: Further weights of the feature map, by name.
        inputs: Name of the template's parameter for the data.
        memory: Bytes that states may take at once. If all fit, each is made once; else those of y
            are made anew for every block of x.
        dtype: complex64 or complex128 for the states; the kernel has its precision.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Real array of shape (N, M), positive semidefinite for y = None, with ones on the diagonal.

    Raises:
        LearningError: If data or weights do not fit the feature map.

    Note:
        N + M simulations and one matrix product of 4 N M 2**n operations. Differentiable with
        respect to data and params, then with all states in memory.

    Examples:
        >>> from qjax import ParameterVector
        >>> angles = Circuit(1).ry(ParameterVector("x", 1), 0)
        >>> fidelity_kernel(angles, [[0.0], [1.0], [3.0]])  # cos((x - y) / 2)**2
        Array([[1.    , 0.7702, 0.005 ],
               [0.7702, 1.    , 0.2919],
               [0.005 , 0.2919, 1.    ]], dtype=float32)

    References:
        V. Havlicek et al., Supervised learning with quantum-enhanced feature spaces, Nature 567,
        209 (2019). M. Schuld and N. Killoran, Quantum machine learning in feature Hilbert spaces,
        PRL 122, 040504 (2019).
    """
    circuit, weights = feature_circuit(feature_map, params, inputs, "fidelity_kernel")
    rows = sample_rows(circuit, x, "fidelity_kernel: x")
    others = None if y is None else sample_rows(circuit, y, "fidelity_kernel: y")
    budget = as_positive(memory, "fidelity_kernel: memory", LearningError)
    states = states_of(circuit, weights, dtype, engine)
    return pair_matrix(states, _overlaps, rows, others, dtype, budget)


@jax.jit
def _overlaps(a: jax.Array, b: jax.Array) -> jax.Array:
    """|<a_i|b_j>|^2 by two real products, which XLA does twice as fast as a complex one.

    With a = p + iq and b = r + is: Re <a|b> = pr + qs and Im <a|b> = ps - qr.
    """
    left = jnp.concatenate([a.real, a.imag], axis=1)
    straight = jnp.concatenate([b.real, b.imag], axis=1)
    crossed = jnp.concatenate([b.imag, -b.real], axis=1)
    dot = lambda other: jnp.matmul(left, other.T, precision=lax.Precision.HIGHEST)
    return dot(straight) ** 2 + dot(crossed) ** 2
