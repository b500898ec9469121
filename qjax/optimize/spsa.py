"""SPSA: a gradient from two values, whatever the number of parameters."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax
from jax import lax

from qjax._checks import as_positive
from qjax.optimize._loss import check_key, check_positive, flat_loss
from qjax.shots import own_key

_EXACT = lax.Precision.HIGHEST


class SpsaState(NamedTuple):
    """The state of `spsa`.

    Attributes:
        steps: Steps made, int32.
        key: The key that all steps' keys are folded from.
    """

    steps: jax.Array
    key: jax.Array


def spsa(
    key: jax.Array,
    learning_rate: Any = 0.1,
    *,
    perturbation: Any = 0.1,
    directions: int = 1,
    stability: Any = 0.0,
    learning_rate_decay: Any = 0.602,
    perturbation_decay: Any = 0.101,
) -> optax.GradientTransformationExtraArgs:
    r"""Simultaneous perturbation stochastic approximation: two values of the loss for each step.

    In step k = 0, 1, ... with random signs d,

        p' = p - a_k (f(p + c_k d) - f(p - c_k d)) / (2 c_k) d,
        a_k = learning_rate / (k + 1 + stability)^0.602,   c_k = perturbation / (k + 1)^0.101.

    Args:
        key: A `jax.random` key. Steps draw independently, and so do restarts from different params.
        learning_rate: Of the first step if `stability` is 0.
        perturbation: Of the first step; about the standard deviation of the loss is good, and for
            exact losses anything that is small.
        directions: How many directions a step averages over.
        stability: Some tenth of all steps lets the learning rate be larger.
        learning_rate_decay: The exponent of a_k; 0 keeps it.
        perturbation_decay: The exponent of c_k.

    Returns:
        An optax transformation. Its `update` needs `value_fn`, and does not look at the gradient.

    Raises:
        SamplingError: If the key is none.
        ParameterError: If a number is not positive, or there is no `value_fn`.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(1).ry(qj.Parameter("t"), 0)
        >>> loss = lambda p: qj.expectation(circuit, "Z0", p)
        >>> solver = spsa(jax.random.key(0), 0.5)
        >>> found = qj.fit(loss, jnp.array([0.3]), solver, 100, progress=False)
        >>> round(float(loss(found.params)), 2)
        -1.0

    References:
        J. C. Spall, Implementation of the simultaneous perturbation algorithm for stochastic
        optimization, IEEE Trans. Aerosp. Electron. Syst. 34, 817 (1998).
    """
    check_key(key, "spsa")
    check_positive("spsa", learning_rate=learning_rate, perturbation=perturbation)
    count = as_positive(directions, "spsa: directions")

    def update(
        updates: Any, state: Any, params: Any = None, *, value_fn: Any = None, **_: Any
    ) -> tuple[Any, SpsaState]:
        del updates
        loss, at, unravel = flat_loss(value_fn, params, "spsa")
        own = own_key(jax.random.fold_in(state.key, state.steps), at)
        k = (state.steps + 1).astype(at.dtype)
        rate = learning_rate / (k + stability) ** learning_rate_decay
        step = jnp.asarray(perturbation / k**perturbation_decay, at.dtype)
        slope = slope_along(loss, at, step, count, own)
        moved = -jnp.asarray(rate, at.dtype) * slope
        return unravel(moved), SpsaState(state.steps + 1, state.key)

    def init(params: Any) -> SpsaState:
        del params
        return SpsaState(jnp.zeros((), jnp.int32), key)

    return optax.GradientTransformationExtraArgs(init, update)


def slope_along(
    loss: Callable, at: jax.Array, step: jax.Array, directions: int, key: jax.Array
) -> jax.Array:
    """The mean of central differences in random directions, each times its direction: (p,)."""
    signs = jax.random.rademacher(key, (directions, at.shape[0]), at.dtype)
    ends = lax.map(loss, at + step * jnp.concatenate([signs, -signs]))
    slopes = (ends[:directions] - ends[directions:]) / (2 * step)
    return jnp.matmul(slopes, signs, precision=_EXACT) / directions
