"""The quantum natural gradient, as a transformation for optax."""

from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.flatten_util import ravel_pytree

from qjax.circuit import Circuit
from qjax.errors import ParameterError
from qjax.gradients.metric import APPROXIMATIONS, metric_product, metric_tensor

SOLVERS = ("dense", "conjugate-gradient")


def quantum_natural_gradient(
    circuit: Circuit,
    *,
    approximation: str = "full",
    damping: float = 1e-3,
    solver: str = "dense",
    dtype: Any = None,
    engine: str | None = None,
) -> optax.GradientTransformation:
    """Replace a gradient v by (g + damping)^-1 v, for the Fubini-Study metric g.

    Chain it with a step size: `optax.chain(quantum_natural_gradient(circuit), optax.sgd(0.1))`.

    Args:
        circuit: The circuit whose state the loss is a function of.
        approximation: Of the metric, as in `metric_tensor`.
        damping: What is added to the diagonal; keeps the step finite where parameters change
            nothing.
        solver: "dense" solves with the matrix; "conjugate-gradient" takes products with the metric
            only, for many parameters, and needs the full metric.
        dtype: As in `metric_tensor`.
        engine: As in `metric_tensor`.

    Returns:
        An optax transformation, whose `update` needs the params.

    Raises:
        ParameterError: If a choice is unknown, or damping is not positive.

    Examples:
        >>> import jax, optax, qjax as qj
        >>> circuit = qj.Circuit(1).ry(qj.Parameter("t"), 0)
        >>> natural = optax.chain(quantum_natural_gradient(circuit), optax.sgd(0.05))
        >>> loss = lambda t: qj.expectation(circuit, "Z0", t)
        >>> found = qj.fit(loss, jnp.array([0.3]), natural, steps=100, progress=False)
        >>> round(float(loss(found.params)), 3)
        -1.0

    References:
        J. Stokes, J. Izaac, N. Killoran, G. Carleo, Quantum natural gradient, Quantum 4, 269
        (2020).
    """
    if approximation not in APPROXIMATIONS or solver not in SOLVERS:
        raise ParameterError(
            f"quantum_natural_gradient: approximation must be one of {', '.join(APPROXIMATIONS)} "
            f"and solver one of {', '.join(SOLVERS)}, but are {approximation!r} and {solver!r}."
        )
    if solver == "conjugate-gradient" and approximation != "full":
        raise ParameterError('solver="conjugate-gradient" takes approximation="full".')
    if not damping > 0:
        raise ParameterError(f"damping must be positive, but is {damping}.")

    def solved(gradient: jax.Array, params: Any) -> jax.Array:
        if solver == "dense":
            metric = metric_tensor(
                circuit, params, approximation=approximation, dtype=dtype, engine=engine
            ).astype(gradient.dtype)
            return jnp.linalg.solve(
                metric + damping * jnp.eye(len(metric), dtype=metric.dtype), gradient
            )

        def product(v: jax.Array) -> jax.Array:
            by_metric = metric_product(circuit, params, v, dtype=dtype, engine=engine)
            return by_metric.astype(v.dtype) + damping * v

        return jax.scipy.sparse.linalg.cg(product, gradient)[0]

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if params is None:
            raise ParameterError("quantum_natural_gradient: update needs the params.")
        flat, unravel = ravel_pytree(updates)
        return unravel(solved(flat, params)), state

    return optax.GradientTransformation(lambda params: optax.EmptyState(), update)
