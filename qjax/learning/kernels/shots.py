"""Kernels from finitely many shots, with standard errors."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.engine.select import complex_dtype
from qjax.errors import LearningError
from qjax.learning.kernels.fidelity import fidelity_kernel
from qjax.learning.kernels.gram import (
    MEMORY,
    block_size,
    feature_circuit,
    sample_rows,
    slices,
    states_of,
)
from qjax.learning.kernels.projected import gaussian, squared_distances
from qjax.simulate import sample

_EXACT = lax.Precision.HIGHEST


class KernelEstimate(NamedTuple):
    """A kernel matrix from shots.

    Attributes:
        value: Real array of shape (N, M).
        error: Standard error of each entry, of the same shape.
    """

    value: jax.Array
    error: jax.Array


def shot_kernel(
    feature_map: Circuit | Callable[..., Circuit],
    x: ArrayLike,
    y: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    shots: int,
    key: jax.Array,
    inputs: str = "x",
    memory: int = MEMORY,
    dtype: Any = None,
    engine: str | None = None,
) -> KernelEstimate:
    r"""The fidelity kernel as a machine measures it: how often U(y)^dagger U(x) gives 0...0.

    The share of all-zero outcomes among the shots of a pair follows a binomial distribution whose
    mean is the fidelity, so it is drawn from that; each pair has shots of its own.

    Args:
        feature_map: As in `fidelity_kernel`.
        x: Real array of shape (N, m).
        y: Real array of shape (M, m); None for x itself: then pairs are measured once, the matrix
            is symmetric, and its diagonal is 1 without being measured.
        params: As in `fidelity_kernel`.
        shots: Shots for each pair.
        key: A `jax.random` key.
        inputs: As in `fidelity_kernel`.
        memory: As in `fidelity_kernel`.
        dtype: As in `fidelity_kernel`.
        engine: As in `fidelity_kernel`.

    Returns:
        Value k and error sqrt(p (1 - p) / shots) with p = (shots k + 1/2) / (shots + 1), so that a
        pair that was never, or always, found in 0...0 still has an error.

    Raises:
        LearningError: If data or weights do not fit, or shots is not positive.

    Warning:
        Finite shots may make the matrix indefinite.

    Examples:
        >>> from qjax import ParameterVector
        >>> angles = Circuit(1).ry(ParameterVector("x", 1), 0)
        >>> found = shot_kernel(angles, [[0.0], [1.0]], shots=1000, key=jax.random.key(0))
        >>> bool(abs(found.value[0, 1] - 0.7702) < 4 * found.error[0, 1])  # cos(1/2)**2
        True
    """
    count = as_positive(shots, "shot_kernel: shots", LearningError)
    exact = fidelity_kernel(
        feature_map, x, y, params, inputs=inputs, memory=memory, dtype=dtype, engine=engine
    )
    chance = jnp.clip(exact, 0, 1)  # beyond by rounding only
    hits = jax.random.binomial(key, float(count), chance, dtype=exact.dtype)
    value = hits / count
    smoothed = (hits + 0.5) / (count + 1)
    error = jnp.sqrt(smoothed * (1 - smoothed) / count)
    if y is None:
        value, error = _mirrored(value, 1.0), _mirrored(error, 0.0)
    return KernelEstimate(value, error)


def shot_projected_kernel(
    feature_map: Circuit | Callable[..., Circuit],
    x: ArrayLike,
    y: ArrayLike | None = None,
    params: Mapping[str, Any] | None = None,
    *,
    shots: int,
    key: jax.Array,
    gamma: float = 1.0,
    inputs: str = "x",
    memory: int = MEMORY,
    dtype: Any = None,
    engine: str | None = None,
) -> KernelEstimate:
    r"""The projected kernel from Bloch vectors measured in the X, Y and Z bases.

    Every sample is measured 3 * shots times, whatever the number of pairs. The squared distances
    are corrected for the variance of the means, so that they are unbiased: a measured distance of
    two equal states is 0 on average, and may be negative.

    Args:
        feature_map: As in `fidelity_kernel`.
        x: Real array of shape (N, m).
        y: Real array of shape (M, m); None for x itself.
        params: As in `fidelity_kernel`.
        shots: Shots for each sample and basis, at least 2.
        key: A `jax.random` key.
        gamma: As in `projected_kernel`.
        inputs: As in `fidelity_kernel`.
        memory: As in `fidelity_kernel`.
        dtype: As in `fidelity_kernel`.
        engine: As in `fidelity_kernel`.

    Returns:
        Value and standard error. The error is propagated to first order from the covariances of
        the measured means, correlations between qubits included. Entries of one sample share its
        shots, so their errors are correlated.

    Raises:
        LearningError: If data or weights do not fit, or shots is less than 2.

    Examples:
        >>> from qjax import ParameterVector
        >>> angles = Circuit(1).ry(ParameterVector("x", 1), 0)
        >>> found = shot_projected_kernel(
        ...     angles, [[0.0], [1.0]], shots=1000, key=jax.random.key(0))
        >>> bool(abs(found.value[0, 1] - 0.6315) < 4 * found.error[0, 1])
        True
    """
    what = "shot_projected_kernel"
    circuit, weights = feature_circuit(feature_map, params, inputs, what)
    count = as_positive(shots, f"{what}: shots", LearningError)
    if count < 2:
        raise LearningError(f"{what}: shots must be at least 2, for a variance, but is {count}.")
    budget = as_positive(memory, f"{what}: memory", LearningError)
    states = states_of(circuit, weights, dtype, engine)
    size = complex_dtype(dtype).itemsize

    def measured(samples: Any, name: str, own: jax.Array) -> tuple[jax.Array, jax.Array]:
        rows = sample_rows(circuit, samples, f"{what}: {name}")
        amplitudes = jax.eval_shape(states, rows[:1]).shape[-1]
        bits = count * (amplitudes.bit_length() - 1) * rows.dtype.itemsize
        block = min(block_size(amplitudes, size, budget), max(1, budget // (2 * bits)))
        parts = [
            _means(states(rows[s]), count, jax.random.fold_in(own, s.start), engine)
            for s in slices(rows.shape[0], block)
        ]
        return jax.tree.map(lambda *arrays: jnp.concatenate(arrays), *parts)

    keys = jax.random.split(key)
    left = measured(x, "x", keys[0])
    right = left if y is None else measured(y, "y", keys[1])
    value, error = _estimate(left, right, gamma)
    if y is None:
        value, error = _mirrored(value, 1.0), _mirrored(error, 0.0)
    return KernelEstimate(value, error)


def _means(
    states: jax.Array, shots: int, key: jax.Array, engine: str | None
) -> tuple[jax.Array, jax.Array]:
    """Bloch vectors (N, n, 3) from shots, and the covariances (N, 3, n, n) of these means."""
    n = states.shape[-1].bit_length() - 1
    turns = (Circuit(n).h(range(n)), Circuit(n).sdg(range(n)).h(range(n)), Circuit(n))
    means, covariances = [], []
    for turn, own in zip(turns, jax.random.split(key, 3), strict=True):
        bits = sample(turn, shots, own, initial_state=states, dtype=states.dtype, engine=engine)
        signs = 1 - 2 * bits.astype(states.real.dtype)  # (N, shots, n)
        mean = jnp.mean(signs, axis=1)
        rest = signs - mean[:, None, :]
        spread = jnp.einsum("nsa,nsb->nab", rest, rest, precision=_EXACT)
        means.append(mean)
        covariances.append(spread / (shots * (shots - 1)))
    return jnp.stack(means, axis=2), jnp.stack(covariances, axis=1)


def _estimate(
    left: tuple[jax.Array, jax.Array], right: tuple[jax.Array, jax.Array], gamma: float
) -> tuple[jax.Array, jax.Array]:
    """Kernel and error from measured means r and covariances S.

    With d = r - r' and S = S_i + S_j the measured |d|^2 has mean |d|^2 + tr S; and half of it has
    the variance d^T S d + tr(S^2) / 2, in which the measured d^T S d has tr(S^2) too much.
    """
    (a, s), (b, t) = left, right
    trace = lambda c: jnp.einsum("npaa->n", c)
    excess = (trace(s)[:, None] + trace(t)[None, :]) / 2
    distances = squared_distances(a, b) - excess
    squares = lambda c, e: jnp.einsum("npab,mpab->nm", c, e, precision=_EXACT)
    own = lambda c: jnp.einsum("npab,npab->n", c, c, precision=_EXACT)
    trace_of_square = own(s)[:, None] + own(t)[None, :] + 2 * squares(s, t)
    quadratic = _quadratic(a, s, b) + _quadratic(b, t, a).T
    variance = jnp.maximum(quadratic - trace_of_square / 2, trace_of_square / 2)
    value = gaussian(distances, gamma)
    return value, gamma * value * jnp.sqrt(variance)


def _quadratic(a: jax.Array, s: jax.Array, b: jax.Array) -> jax.Array:
    """(a_i - b_j)^T S_i (a_i - b_j), summed over the bases; shape (N, M)."""
    turned = jnp.einsum("npab,nbp->nap", s, a, precision=_EXACT)
    first = jnp.einsum("nap,nap->n", a, turned, precision=_EXACT)[:, None]
    mixed = jnp.einsum("nap,map->nm", turned, b, precision=_EXACT)
    outer = jnp.einsum("map,mbp->mpab", b, b, precision=_EXACT)
    return first - 2 * mixed + jnp.einsum("npab,mpab->nm", s, outer, precision=_EXACT)


def _mirrored(matrix: jax.Array, diagonal: float) -> jax.Array:
    """The upper triangle on both sides, and a diagonal that is known."""
    upper = jnp.triu(matrix, 1)
    return upper + upper.T + diagonal * jnp.eye(matrix.shape[0], dtype=matrix.dtype)
