"""Train the weights of a feature map for alignment with labels."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.typing import ArrayLike

from qjax.circuit import Circuit
from qjax.errors import LearningError
from qjax.learning.kernels.fidelity import fidelity_kernel
from qjax.learning.kernels.geometry import kernel_alignment, label_kernel
from qjax.train import FitResult, fit


def train_alignment(
    feature_map: Circuit | Callable[..., Circuit],
    x: ArrayLike,
    labels: ArrayLike,
    params: Mapping[str, Any],
    optimizer: optax.GradientTransformation,
    steps: int,
    *,
    kernel: Callable[..., jax.Array] = fidelity_kernel,
    centred: bool = True,
    batch_size: int | None = None,
    key: jax.Array | None = None,
    progress: bool | None = None,
) -> FitResult:
    r"""Raise the kernel's alignment with the ideal kernel of the labels, by gradients.

    The loss is 1 - A, of which the history is kept; see `kernel_alignment`.

    Args:
        feature_map: As in `fidelity_kernel`, with weights.
        x: Real array of shape (N, m).
        labels: Classes, of shape (N,).
        params: First weights of the feature map, by name.
        optimizer: An optax optimizer.
        steps: Steps to make.
        kernel: A function like `fidelity_kernel` or `projected_kernel`, called as
            kernel(feature_map, x, None, params). `functools.partial` settles its options.
        centred: Whether kernels are centred.
        batch_size: Samples drawn for each step, in shuffled epochs; by default all of them.
        key: A `jax.random` key, with batch_size.
        progress: As in `qjax.fit`.

    Returns:
        As `qjax.fit`; its `params` are the trained weights.

    Raises:
        LearningError: If labels do not fit the data.

    Examples:
        >>> from qjax import ParameterVector
        >>> circuit = Circuit(1).ry(ParameterVector("x", 1), 0).rz(ParameterVector("w", 1), 0)
        >>> circuit = circuit.ry(ParameterVector("x", 1), 0)
        >>> result = train_alignment(
        ...     circuit, [[0.1], [0.4], [1.2], [1.5]], [0, 0, 1, 1], {"w": jnp.array([2.5])},
        ...     optax.adam(0.1), 20, progress=False)
        >>> bool(result.history[-1] < result.history[0])
        True

    References:
        T. Hubregtsen et al., Training quantum embedding kernels on near-term quantum computers,
        PRA 106, 042431 (2022).
    """
    rows, ideal = jnp.asarray(x), label_kernel(labels)
    if rows.shape[:1] != ideal.shape[:1]:
        raise LearningError(
            f"train_alignment: labels must have shape {rows.shape[:1]}, but have {ideal.shape[:1]}."
        )
    # Rows of (x, index), so that a batch knows its part of the ideal kernel.
    data = (rows, jnp.arange(rows.shape[0]))
    return fit(
        partial(_loss, feature_map, kernel, ideal, centred),
        dict(params),
        optimizer,
        steps,
        data=data,
        batch_size=batch_size,
        key=key,
        progress=progress,
    )


def _loss(
    feature_map: Any, kernel: Any, ideal: jax.Array, centred: bool, params: Any, batch: Any
) -> jax.Array:
    rows, index = batch
    matrix = kernel(feature_map, rows, None, params)
    part = ideal[index[:, None], index[None, :]]
    return 1 - kernel_alignment(matrix, part, centred=centred)
