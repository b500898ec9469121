"""QNSPSA: the natural gradient, with gradient and metric from a few values in random directions."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.gradients.metric import raveled
from qjax.optimize._loss import check_key, check_positive, flat_loss
from qjax.optimize.spsa import slope_along
from qjax.shots import own_key
from qjax.simulate import statevector
from qjax.state import fidelity

_EXACT = lax.Precision.HIGHEST


class QnspsaState(NamedTuple):
    """The state of `qnspsa`.

    Attributes:
        steps: Steps made, int32.
        key: The key that all steps' keys are folded from.
        metric: The mean of the estimates of the metric, (p, p).
    """

    steps: jax.Array
    key: jax.Array
    metric: jax.Array


def qnspsa(
    circuit: Circuit,
    key: jax.Array,
    learning_rate: Any = 0.05,
    *,
    perturbation: Any = 0.05,
    damping: Any = 1e-2,
    directions: int = 1,
    shots: int | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> optax.GradientTransformationExtraArgs:
    r"""Quantum natural SPSA: two values of the loss and four fidelities for each step.

    With random signs d, e and F(p, q) = |<psi(p)|psi(q)>|^2, the Fubini-Study metric, which is
    -1/2 times the Hessian of F in q at q = p, is estimated by

        dF = F(p, p + c d + c e) - F(p, p + c d) - F(p, p - c d + c e) + F(p, p - c d),
        g = -dF / (8 c^2) (d e^T + e d^T).

    The mean of the estimates of all steps, with the identity as the first, takes the place of the
    metric m, and p' = p - learning_rate (|m| + damping)^-1 v with the gradient v of `spsa` and the
    matrix |m| = sqrt(m m).

    Args:
        circuit: The circuit whose state the loss is a function of, without measurements and noise.
        key: A `jax.random` key, as in `spsa`.
        learning_rate: The step's length.
        perturbation: The length c; with shots, 0.1 or more.
        damping: What is added to |m|.
        directions: How many estimates a step averages over, of the gradient and of the metric.
        shots: How many for each fidelity; None takes exact ones.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        An optax transformation. Its `update` needs `value_fn`, and does not look at the gradient.

    Raises:
        SamplingError: If the key is none.
        ParameterError: If a number is not positive, or there is no `value_fn`.

    Note:
        It holds the matrix and takes its eigenvalues: O(p^3) for each step.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(1).ry(qj.Parameter("t"), 0)
        >>> loss = lambda p: qj.expectation(circuit, "Z0", p)
        >>> solver = qnspsa(circuit, jax.random.key(0))
        >>> found = qj.fit(loss, jnp.array([0.3]), solver, 100, progress=False)
        >>> round(float(loss(found.params)), 2)
        -1.0

    References:
        J. Gacon, C. Zoufal, G. Carleo, S. Woerner, Simultaneous perturbation stochastic
        approximation of the quantum Fisher information, Quantum 5, 567 (2021).
    """
    check_key(key, "qnspsa")
    check_positive(
        "qnspsa", learning_rate=learning_rate, perturbation=perturbation, damping=damping
    )
    count = as_positive(directions, "qnspsa: directions")
    measured = None if shots is None else as_positive(shots, "qnspsa: shots")

    def metric(at: jax.Array, unravel: Any, key: jax.Array) -> jax.Array:
        step = jnp.asarray(perturbation, at.dtype)
        state = lambda x: statevector(circuit, unravel(x), dtype=dtype, engine=engine)
        psi = state(at)

        def estimate(key: jax.Array) -> jax.Array:
            first, second, draw = jax.random.split(key, 3)
            d = jax.random.rademacher(first, at.shape, at.dtype)
            e = jax.random.rademacher(second, at.shape, at.dtype)
            points = at + step * jnp.stack([d + e, d, e - d, -d])
            found = lax.map(lambda x: fidelity(psi, state(x)), points)
            if measured is not None:
                chance, trials = jnp.clip(found, 0, 1), jnp.asarray(measured, found.dtype)
                found = jax.random.binomial(draw, trials, chance, dtype=found.dtype) / trials
            change = found[0] - found[1] - found[2] + found[3]
            both = jnp.outer(d, e)
            return -change.astype(at.dtype) / (8 * step**2) * (both + both.T)

        return jnp.mean(lax.map(estimate, jax.random.split(key, count)), axis=0)

    def update(
        updates: Any, state: Any, params: Any = None, *, value_fn: Any = None, **_: Any
    ) -> tuple[Any, QnspsaState]:
        del updates
        loss, at, unravel = flat_loss(value_fn, params, "qnspsa")
        own = own_key(jax.random.fold_in(state.key, state.steps), at)
        by_loss, by_metric = jax.random.split(own)
        slope = slope_along(loss, at, jnp.asarray(perturbation, at.dtype), count, by_loss)
        share = 1 / (state.steps + 2).astype(at.dtype)
        mean = (1 - share) * state.metric + share * metric(at, unravel, by_metric)
        values, vectors = jnp.linalg.eigh(mean)
        inner = jnp.matmul(vectors.T, slope, precision=_EXACT)
        shrunk = inner / (jnp.abs(values) + jnp.asarray(damping, at.dtype))
        moved = -jnp.asarray(learning_rate, at.dtype) * jnp.matmul(
            vectors, shrunk, precision=_EXACT
        )
        return unravel(moved), QnspsaState(state.steps + 1, state.key, mean)

    def init(params: Any) -> QnspsaState:
        flat, _ = raveled(circuit, params)
        return QnspsaState(jnp.zeros((), jnp.int32), key, jnp.eye(len(flat), dtype=flat.dtype))

    return optax.GradientTransformationExtraArgs(init, update)
