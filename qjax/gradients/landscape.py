"""Scans of a loss over one or two directions."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.flatten_util import ravel_pytree

from qjax._checks import as_positive
from qjax.errors import ParameterError, SamplingError

_EXACT = lax.Precision.HIGHEST


class Landscape(NamedTuple):
    """A loss on a grid; `qjax.plot.landscape` draws it.

    Attributes:
        values: The loss, real array of shape (points,), or (points, points) whose first axis is
            that of the first direction.
        axes: For each direction, the coordinates, (points,).
        directions: Orthonormal rows, (1, p) or (2, p), in the order of the raveled params.
        path: Coordinates of the history's points, (steps, 1) or (steps, 2); None without history.
        explained: With a history and no directions, the share of its variance that each direction
            holds, (1,) or (2,); else None.
    """

    values: jax.Array
    axes: tuple[jax.Array, ...]
    directions: jax.Array
    path: jax.Array | None = None
    explained: jax.Array | None = None


def landscape(
    loss: Callable[[Any], jax.Array],
    params: Any,
    *,
    directions: Any = None,
    history: Any = None,
    key: jax.Array | None = None,
    dimensions: int = 2,
    span: float | None = None,
    points: int = 41,
    batch_size: int = 64,
) -> Landscape:
    r"""The loss f(p + x u + y v) on a grid of x and y around params p.

    Directions u and v are given, or the principal components of a training run's params, or random;
    they are made orthonormal, so that x and y are distances.

    Args:
        loss: From params to a real scalar; traceable.
        params: Pytree of real arrays: the centre.
        directions: One or two pytrees of the form of the params, in a sequence.
        history: Params with a leading axis of steps: the path of a run, as its callbacks saw it.
        key: A `jax.random` key, for random directions, if neither of these is given.
        dimensions: 1 or 2, if no directions are given.
        span: The grid goes from -span to span on each axis; by default it holds the history with a
            margin, and without history it is pi.
        points: On each axis.
        batch_size: How many points are computed at once; small for many qubits.

    Returns:
        A `Landscape`.

    Raises:
        ParameterError: If directions or history do not fit the params, or directions are parallel.
        SamplingError: If directions must be drawn, and there is no key.

    Examples:
        >>> import qjax as qj
        >>> theta = qj.ParameterVector("theta", 2)
        >>> circuit = qj.Circuit(2).ry(theta, range(2))
        >>> loss = lambda p: qj.expectation(circuit, "Z0 + Z1", p)
        >>> found = landscape(loss, jnp.zeros(2), directions=[jnp.array([1.0, 0.0])], points=3)
        >>> found.axes[0], found.values + 0.0  # 1 + cos x
        (Array([-3.1416,  0.    ,  3.1416], dtype=float32), Array([0., 2., 0.], dtype=float32))

    References:
        H. Li, Z. Xu, G. Taylor, C. Studer, T. Goldstein, Visualizing the loss landscape of neural
        nets, NeurIPS 2018. M. S. Rudolph, S. Sim, A. Raza, M. Stechly, J. R. McClean, E. R.
        Anschuetz, L. Serrano, A. Perdomo-Ortiz, ORQVIZ: Visualizing high-dimensional landscapes in
        variational quantum algorithms, arXiv:2111.04695.
    """
    flat, unravel = ravel_pytree(params)
    if not jnp.issubdtype(flat.dtype, jnp.floating) or not len(flat):
        raise ParameterError(f"landscape: params must be real numbers, but are {params!r}.")
    count = as_positive(points, "landscape: points")
    moved = None if history is None else _rows(history, params) - flat
    rows, explained = _directions(directions, moved, key, flat, dimensions)
    rows = _orthonormal(rows)
    path = None if moved is None else jnp.matmul(moved, rows.T, precision=_EXACT)
    if span is None:
        reach = np.pi if path is None else 1.2 * float(jnp.max(jnp.abs(path)))
        span = reach or np.pi
    if not span > 0:
        raise ParameterError(f"landscape: span must be positive, but is {span}.")
    axis = jnp.linspace(-span, span, count, dtype=flat.dtype)
    axes = (axis,) * len(rows)
    grid = jnp.stack([x.reshape(-1) for x in jnp.meshgrid(*axes, indexing="ij")], axis=1)
    run = lambda at: loss(unravel(flat + jnp.matmul(at, rows, precision=_EXACT)))
    values = jax.jit(lambda g: lax.map(run, g, batch_size=min(batch_size, len(g))))(grid)
    return Landscape(values.reshape((count,) * len(rows)), axes, rows, path, explained)


def _rows(history: Any, params: Any) -> jax.Array:
    """A history as raveled params in rows, (steps, p)."""
    good = jax.tree.structure(history) == jax.tree.structure(params) and all(
        np.ndim(h) and np.shape(h)[1:] == np.shape(p)
        for h, p in zip(jax.tree.leaves(history), jax.tree.leaves(params), strict=True)
    )
    if not good:
        raise ParameterError(
            "landscape: history must have the form of params with a leading axis of steps, but has "
            f"the shapes {jax.tree.map(np.shape, history)}."
        )
    return jax.vmap(lambda row: ravel_pytree(row)[0])(jax.tree.map(jnp.asarray, history))


def _directions(
    given: Any, moved: jax.Array | None, key: Any, flat: jax.Array, dimensions: int
) -> tuple[jax.Array, jax.Array | None]:
    """Directions in rows, and the share of the history's variance in each if they come from it."""
    size = len(flat)
    if given is not None:
        rows = [ravel_pytree(one)[0] for one in given]
        if len(rows) not in (1, 2) or any(row.shape != (size,) for row in rows):
            raise ParameterError(
                f"landscape: directions must be one or two of the form of params, {size} numbers, "
                f"but have {[row.shape for row in rows]}."
            )
        return jnp.stack(rows).astype(flat.dtype), None
    if dimensions not in (1, 2) or dimensions > size:
        raise ParameterError(
            f"landscape: dimensions must be 1 or 2, and at most the {size} params, but are "
            f"{dimensions!r}."
        )
    if moved is not None:
        if len(moved) <= dimensions:
            raise ParameterError(
                f"landscape: history must have more than {dimensions} steps, but has {len(moved)}."
            )
        _, sizes, rows = jnp.linalg.svd(moved - jnp.mean(moved, axis=0), full_matrices=False)
        return rows[:dimensions], (sizes**2 / jnp.sum(sizes**2))[:dimensions]
    if key is None:
        raise SamplingError("landscape: random directions need a key, as jax.random.key(0).")
    return jax.random.normal(key, (dimensions, size), flat.dtype), None


def _orthonormal(rows: jax.Array) -> jax.Array:
    """The rows made orthonormal, the first kept but for its length."""
    lengths = jnp.linalg.norm(rows, axis=1)
    rows = rows / jnp.where(lengths > 0, lengths, jnp.ones_like(lengths))[:, None]
    if len(rows) == 2:
        rest = rows[1] - jnp.vdot(rows[0], rows[1], precision=_EXACT) * rows[0]
        length = jnp.linalg.norm(rest)
        rows = jnp.stack([rows[0], rest / jnp.where(length > 0, length, jnp.ones_like(length))])
        lengths = lengths.at[1].set(jnp.where(lengths[1] > 0, length, jnp.zeros_like(length)))
    if not bool(jnp.all(lengths > 100 * jnp.finfo(rows.dtype).eps)):
        raise ParameterError("landscape: directions must not be 0, and not be parallel.")
    return rows
