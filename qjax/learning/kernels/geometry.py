"""What a kernel can tell of data: alignment with labels, geometric difference, complexity."""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike

from qjax.errors import LearningError

_EXACT = lax.Precision.HIGHEST


def kernel_alignment(kernel: ArrayLike, target: ArrayLike, *, centred: bool = True) -> jax.Array:
    r"""Cosine between two kernel matrices, A = <K, T> / sqrt(<K, K> <T, T>).

    Args:
        kernel: Real array of shape (N, N).
        target: The ideal kernel T of shape (N, N), as `label_kernel` gives it; or real labels y of
            shape (N,), for T = y y^T.
        centred: Whether to centre both in feature space first, K -> H K H with H = 1 - 1 1^T / N.
            Without it, classes of unequal sizes distort the value.

    Returns:
        Real scalar, at most 1; between 0 and 1 for positive semidefinite matrices.

    Raises:
        LearningError: If shapes do not fit.

    Examples:
        >>> labels = jnp.array([1.0, 1.0, -1.0])
        >>> kernel_alignment(jnp.outer(labels, labels), labels)
        Array(1., dtype=float32)

    References:
        C. Cortes, M. Mohri and A. Rostamizadeh, Algorithms for learning kernels based on centered
        alignment, JMLR 13, 795 (2012).
    """
    matrix = _square(kernel, "kernel_alignment: kernel")
    ideal = jnp.asarray(target).astype(matrix.dtype)
    if ideal.ndim == 1:
        ideal = jnp.outer(ideal, ideal)
    if ideal.shape != matrix.shape:
        raise LearningError(
            f"kernel_alignment: target must have shape {matrix.shape[:1]} or {matrix.shape}, but "
            f"has shape {ideal.shape}."
        )
    if centred:
        matrix, ideal = centre(matrix), centre(ideal)
    norm = jnp.sqrt(jnp.sum(matrix**2) * jnp.sum(ideal**2))
    return jnp.sum(matrix * ideal) / norm


def centre(kernel: ArrayLike) -> jax.Array:
    """The kernel of features with their mean taken off, H K H with H = 1 - 1 1^T / N.

    Examples:
        >>> centre(jnp.array([[2.0, 0.0], [0.0, 2.0]]))
        Array([[ 1., -1.],
               [-1.,  1.]], dtype=float32)
    """
    matrix = _square(kernel, "centre: kernel")
    columns = jnp.mean(matrix, axis=0, keepdims=True)
    rows = jnp.mean(matrix, axis=1, keepdims=True)
    return matrix - columns - rows + jnp.mean(matrix)


def label_kernel(labels: ArrayLike) -> jax.Array:
    r"""The ideal kernel of c classes: 1 within a class, -1 / (c - 1) between two.

    For two classes it is y y^T with labels +1 and -1.

    Args:
        labels: Array of shape (N,), any labels that compare.

    Returns:
        Real array of shape (N, N).

    Raises:
        LearningError: If there are less than two classes.

    Examples:
        >>> label_kernel([0, 1, 0])
        Array([[ 1., -1.,  1.],
               [-1.,  1., -1.],
               [ 1., -1.,  1.]], dtype=float32)
    """
    classes, index = np.unique(np.asarray(labels), return_inverse=True)
    if index.ndim != 1 or len(classes) < 2:
        raise LearningError(
            f"label_kernel: labels must have shape (N,) and at least two classes, but have shape "
            f"{index.shape} and {len(classes)}."
        )
    same = index[:, None] == index[None, :]
    return jnp.asarray(np.where(same, 1.0, -1.0 / (len(classes) - 1)), jnp.float32)


def geometric_difference(
    classical: ArrayLike, quantum: ArrayLike, *, regularization: float = 0.0
) -> jax.Array:
    r"""Geometric difference g(K_C || K_Q) of Huang et al.

    g = sqrt(|| sqrt(K_Q) sqrt(K_C) (K_C + r)^-2 sqrt(K_C) sqrt(K_Q) ||), in the spectral norm, with
    both kernels scaled to trace N; for r = 0 it is sqrt(|| sqrt(K_Q) K_C^-1 sqrt(K_Q) ||). If g is
    small compared with sqrt(N), the classical kernel predicts as well as the quantum one on any
    labels; if it is of the order of sqrt(N), there are labels on which the quantum one is better.

    Args:
        classical: Kernel of the classical model, real array of shape (N, N).
        quantum: Kernel of the quantum model, of shape (N, N).
        regularization: The number r >= 0 added to the eigenvalues of the scaled classical kernel.
            Needed where that kernel is singular; the result is infinite or NaN without.

    Returns:
        Real scalar. 1 if the kernels are equal and r = 0.

    Raises:
        LearningError: If shapes do not fit.

    Examples:
        >>> geometric_difference(jnp.eye(3), jnp.diag(jnp.array([1.0, 2.0, 3.0])))  # sqrt(3 / 2)
        Array(1.2247, dtype=float32)

    References:
        H.-Y. Huang et al., Power of data in quantum machine learning, Nat. Commun. 12, 2631
        (2021).
    """
    c = _scaled(classical, "geometric_difference: classical")
    q = _scaled(quantum, "geometric_difference: quantum")
    if c.shape != q.shape:
        raise LearningError(
            f"geometric_difference: kernels must have one shape, but have {c.shape} and {q.shape}."
        )
    values, vectors = _spectrum(c)
    weights = jnp.sqrt(values) / (values + regularization)
    # || sqrt(Q) M^2 sqrt(Q) || = || M Q M || with M = sqrt(C) / (C + r), in the basis of C.
    inner = jnp.matmul(jnp.matmul(vectors.T, q, precision=_EXACT), vectors, precision=_EXACT)
    return jnp.sqrt(jnp.linalg.eigvalsh(weights[:, None] * inner * weights[None, :])[-1])


def model_complexity(
    kernel: ArrayLike, labels: ArrayLike, *, regularization: float = 0.0
) -> jax.Array:
    r"""Complexity s = y^T K^-1 y of a kernel model of these labels; K is scaled to trace N.

    The expected error on new data is at most of the order of sqrt(s / N). With a regularisation r
    it is y^T sqrt(K) (K + r)^-2 sqrt(K) y, the squared norm of the ridge regression's weights.

    Args:
        kernel: Real array of shape (N, N).
        labels: Real array of shape (N,).
        regularization: The number r >= 0 added to the eigenvalues.

    Returns:
        Real scalar.

    Raises:
        LearningError: If shapes do not fit.

    Examples:
        >>> model_complexity(jnp.eye(2), jnp.array([1.0, -1.0]))
        Array(2., dtype=float32)

    References:
        H.-Y. Huang et al., Power of data in quantum machine learning, Nat. Commun. 12, 2631 (2021).
    """
    matrix = _scaled(kernel, "model_complexity: kernel")
    y = jnp.asarray(labels).astype(matrix.dtype)
    if y.shape != matrix.shape[:1]:
        raise LearningError(
            f"model_complexity: labels must have shape {matrix.shape[:1]}, but have {y.shape}."
        )
    values, vectors = _spectrum(matrix)
    weights = jnp.sqrt(values) / (values + regularization)
    return jnp.sum((weights * jnp.matmul(vectors.T, y, precision=_EXACT)) ** 2)


def _spectrum(matrix: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Eigenvalues, none below zero (those of a kernel are, by rounding), and eigenvectors."""
    values, vectors = jnp.linalg.eigh(matrix)
    return jnp.maximum(values, jnp.zeros((), values.dtype)), vectors


def _scaled(kernel: ArrayLike, what: str) -> jax.Array:
    matrix = _square(kernel, what)
    return matrix * (matrix.shape[0] / jnp.trace(matrix))


def _square(kernel: ArrayLike, what: str) -> jax.Array:
    matrix = jnp.asarray(kernel)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise LearningError(f"{what} must have shape (N, N), but has shape {matrix.shape}.")
    return matrix if jnp.issubdtype(matrix.dtype, jnp.floating) else matrix.astype(jnp.float32)
