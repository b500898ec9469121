"""Second derivatives of a loss: along a vector, and their spectrum."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import lax
from jax.flatten_util import ravel_pytree

from qjax._checks import as_positive
from qjax.errors import ParameterError, SamplingError

_EXACT = lax.Precision.HIGHEST


class HessianSpectrum(NamedTuple):
    """Eigenvalues of a Hessian.

    Attributes:
        eigenvalues: Rising, real array of shape (p,), or (count,).
        errors: A bound of how far each is from an eigenvalue, of the same shape; 0 if all were
            computed.
    """

    eigenvalues: jax.Array
    errors: jax.Array


def hessian_product(loss: Callable[[Any], jax.Array], params: Any, vector: Any) -> Any:
    r"""The Hessian of a loss times a vector, H v = d/dt grad f(p + t v): forward over reverse.

    Args:
        loss: From params to a real scalar, such as an expectation value.
        params: Pytree of real arrays.
        vector: Of the form of the params.

    Returns:
        Of the form of the params.

    Note:
        The memory is that of some states, twice that of the adjoint method, whatever the number of
        gates and parameters. The second derivative runs on the `xla` engine.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> loss = lambda t: qj.expectation(circuit, "Z0", t)
        >>> hessian_product(loss, jnp.array([0.5]), jnp.array([2.0]))  # -2 cos 0.5
        Array([-1.7552], dtype=float32)

    References:
        B. A. Pearlmutter, Fast exact multiplication by the Hessian, Neural Computation 6, 147
        (1994).
    """
    one, other = jax.tree.map(jnp.shape, params), jax.tree.map(jnp.shape, vector)
    if one != other:
        raise ParameterError(
            f"hessian_product: vector must have the form of params, {one}, but has {other}."
        )
    vector = jax.tree.map(lambda v, p: jnp.asarray(v, jnp.asarray(p).dtype), vector, params)
    return jax.jvp(jax.grad(loss), (params,), (vector,))[1]


def hessian_spectrum(
    loss: Callable[[Any], jax.Array],
    params: Any,
    *,
    count: int | None = None,
    key: jax.Array | None = None,
    steps: int | None = None,
) -> HessianSpectrum:
    r"""Eigenvalues of the Hessian of a loss: all, or the largest.

    Args:
        loss: From params to a real scalar.
        params: Pytree of real arrays, with p numbers in all.
        count: None computes the matrix and all p eigenvalues. A number gives as many of the
            largest, by the Lanczos method, from Hessian-vector products only; for the lowest, take
            those of minus the loss.
        key: A `jax.random` key for the first vector, if there is a count.
        steps: Of Lanczos, each one Hessian-vector product; by default 2 count + 20, and at most p.

    Returns:
        A `HessianSpectrum`.

    Raises:
        ParameterError: If the params are not real, or the count is not in 1..p.
        SamplingError: If there is a count and no key.

    Note:
        Lanczos holds `steps` vectors of p numbers, and orthogonalises each against all before.

    Examples:
        >>> import qjax as qj
        >>> theta = qj.ParameterVector("theta", 2)
        >>> circuit = qj.Circuit(2).rx(theta, range(2))
        >>> loss = lambda p: qj.expectation(circuit, "Z0 + 0.5 Z1", p)
        >>> hessian_spectrum(loss, jnp.zeros(2)).eigenvalues
        Array([-1. , -0.5], dtype=float32)

    References:
        B. Ghorbani, S. Krishnan, Y. Xiao, An investigation into neural net optimization via Hessian
        eigenvalue density, ICML 2019.
    """
    flat, unravel = ravel_pytree(params)
    if not jnp.issubdtype(flat.dtype, jnp.floating) or not len(flat):
        raise ParameterError(f"hessian_spectrum: params must be real numbers, but are {params!r}.")
    value = lambda x: loss(unravel(x))
    product = lambda v: jax.jvp(jax.grad(value), (flat,), (v,))[1]
    if count is None:
        matrix = lax.map(product, jnp.eye(len(flat), dtype=flat.dtype))
        found = jnp.linalg.eigvalsh((matrix + matrix.T) / 2)
        return HessianSpectrum(found, jnp.zeros_like(found))
    wanted = as_positive(count, "hessian_spectrum: count", ParameterError)
    if wanted > len(flat):
        raise ParameterError(f"hessian_spectrum: count must be in 1..{len(flat)}, but is {wanted}.")
    if key is None:
        raise SamplingError("hessian_spectrum: a count needs a key, as jax.random.key(0).")
    length = 2 * wanted + 20 if steps is None else as_positive(steps, "hessian_spectrum: steps")
    if length < wanted:
        raise ParameterError(
            f"hessian_spectrum: steps must be at least count={wanted}, but is {length}."
        )
    values, errors = _lanczos(product, jax.random.normal(key, flat.shape, flat.dtype),
                              min(length, len(flat)))  # fmt: skip
    return HessianSpectrum(values[-wanted:], errors[-wanted:])


def _lanczos(product: Callable, start: jax.Array, steps: int) -> tuple[jax.Array, jax.Array]:
    """Ritz values, rising, and the norms of their residuals.

    A q_k = b_(k-1) q_(k-1) + a_k q_k + b_k q_(k+1), with q_k orthonormal; the residual of the Ritz
    vector of column y is b_m |y_m|. Where b is lost in rounding, the space is closed: later rows
    are 0, and so are their residuals.
    """
    eps = jnp.finfo(start.dtype).eps
    basis = jnp.zeros((steps, start.shape[0]), start.dtype)

    def step(carry: Any, k: jax.Array) -> tuple[Any, tuple[jax.Array, jax.Array, jax.Array]]:
        basis, q, scale = carry
        basis = basis.at[k].set(q)
        moved = product(q)
        diagonal = jnp.vdot(q, moved, precision=_EXACT)
        for _ in range(2):  # once more makes it orthogonal to rounding
            along = jnp.matmul(basis, moved, precision=_EXACT)
            moved = moved - jnp.matmul(along, basis, precision=_EXACT)
        size = jnp.linalg.norm(moved)
        scale = jnp.maximum(scale, jnp.abs(diagonal) + size)
        alive = size > 10 * eps * scale * jnp.sqrt(jnp.asarray(start.shape[0], start.dtype))
        beta = jnp.where(alive, size, jnp.zeros_like(size))
        new = jnp.where(alive, moved / jnp.where(alive, size, jnp.ones_like(size)), 0 * moved)
        return (basis, new, scale), (diagonal, beta, jnp.any(q != 0))

    first = (basis, start / jnp.linalg.norm(start), jnp.zeros((), start.dtype))
    _, (a, b, live) = lax.scan(step, first, jnp.arange(steps))
    matrix = jnp.diag(a) + jnp.diag(b[:-1], 1) + jnp.diag(b[:-1], -1)
    # Rows behind the end of a closed space must not pass for eigenvalues: they go below all others.
    low = -2 * (jnp.sum(jnp.abs(a)) + 2 * jnp.sum(b)) - 1
    matrix = matrix + jnp.diag(jnp.where(live, jnp.zeros_like(a), jnp.full_like(a, low)))
    values, vectors = jnp.linalg.eigh(matrix)
    errors = jnp.abs(vectors[-1]) * b[-1]
    lost = values < low / 2
    nan = jnp.full_like(values, jnp.nan)
    return jnp.where(lost, nan, values), jnp.where(lost, nan, errors)
