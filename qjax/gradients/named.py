"""Derivatives by values at other points, by their names."""

from typing import Any

import jax

from qjax.circuit import Circuit
from qjax.errors import ParameterError
from qjax.gradients.metric import raveled
from qjax.gradients.shots import shot_expectation


def parameter_shift(
    circuit: Circuit,
    observable: Any,
    params: Any,
    *,
    order: int = 1,
    shots: int | None = None,
    key: jax.Array | None = None,
    **options: Any,
) -> Any:
    r"""The gradient or the Hessian of an expectation value by the parameter-shift rule.

    Exact without shots, for gates with any frequencies; it can itself be differentiated.

    Args:
        circuit: The circuit, without measurements.
        observable: As in `expectation`; with shots a PauliSum.
        params: Values of its open parameters, one set: a flat array or a mapping.
        order: 1 for the gradient, 2 for the Hessian, by the rule of the rule.
        shots: How many for each value; None for exact values.
        key: A `jax.random` key, if there are shots.
        **options: allocation, noise, dtype and engine, as in `shot_expectation`.

    Returns:
        What `jax.grad` or `jax.hessian` gives for these params.

    Raises:
        ParameterError: If the order is another, or a gate has no shift rule.

    Examples:
        >>> import jax.numpy as jnp, qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> parameter_shift(circuit, "Z0", jnp.array([0.5]))  # -sin 0.5
        Array([-0.4794], dtype=float32)
        >>> parameter_shift(circuit, "Z0", jnp.array([0.5]), order=2)  # -cos 0.5
        Array([[-0.8776]], dtype=float32)

    References:
        D. Wierichs, J. Izaac, C. Wang, C. Y.-Y. Lin, General parameter-shift rules for quantum
        gradients, Quantum 6, 677 (2022).
    """
    options = options | {"diff": "parameter-shift", "shots": shots, "key": key}
    return _derivative("parameter_shift", circuit, observable, params, order, options)


def finite_difference(
    circuit: Circuit,
    observable: Any,
    params: Any,
    *,
    order: int = 1,
    step: float | None = None,
    shots: int | None = None,
    key: jax.Array | None = None,
    **options: Any,
) -> Any:
    r"""The gradient or the Hessian of an expectation value by central differences.

    d_j f = (f(p + step e_j) - f(p - step e_j)) / (2 step), but for step^2 / 6 times the third
    derivative.

    Args:
        circuit: As in `parameter_shift`; gates need no shift rule.
        observable: As in `parameter_shift`.
        params: As in `parameter_shift`.
        order: 1 or 2.
        step: By default 0.1 with shots, else the cube root of the precision.
        shots: As in `parameter_shift`.
        key: As in `parameter_shift`.
        **options: As in `parameter_shift`.

    Returns:
        As in `parameter_shift`.

    Raises:
        ParameterError: If the order is another, or the step is not positive.

    Examples:
        >>> import jax.numpy as jnp, qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> finite_difference(circuit, "Z0", jnp.array([0.5])).round(2)
        Array([-0.48], dtype=float32)
    """
    options = options | {"diff": "finite-difference", "step": step, "shots": shots, "key": key}
    return _derivative("finite_difference", circuit, observable, params, order, options)


def spsa_gradient(
    circuit: Circuit,
    observable: Any,
    params: Any,
    key: jax.Array,
    *,
    directions: int = 1,
    step: float | None = None,
    shots: int | None = None,
    **options: Any,
) -> Any:
    r"""An estimate of the gradient from differences in random directions.

    The mean over random signs d of (f(p + step d) - f(p - step d)) / (2 step) d: two values for
    each direction, whatever the number of parameters. Unbiased up to order step^2.

    Args:
        circuit: As in `finite_difference`.
        observable: As in `parameter_shift`.
        params: As in `parameter_shift`.
        key: A `jax.random` key.
        directions: How many.
        step: As in `finite_difference`.
        shots: As in `parameter_shift`.
        **options: As in `parameter_shift`.

    Returns:
        Of the form of the params.

    Examples:
        >>> import jax.numpy as jnp, qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> spsa_gradient(circuit, "Z0", jnp.array([0.5]), jax.random.key(0)).round(2)
        Array([-0.48], dtype=float32)

    References:
        J. C. Spall, Multivariate stochastic approximation using a simultaneous perturbation
        gradient approximation, IEEE Trans. Autom. Control 37, 332 (1992).
    """
    options = options | {
        "diff": "spsa", "directions": directions, "step": step, "shots": shots, "key": key,
    }  # fmt: skip
    return _derivative("spsa_gradient", circuit, observable, params, 1, options)


def _derivative(
    what: str, circuit: Circuit, observable: Any, params: Any, order: int, options: dict[str, Any]
) -> Any:
    if order not in (1, 2):
        raise ParameterError(f"{what}: order must be 1 or 2, but is {order!r}.")
    raveled(circuit, params)
    value = lambda p: shot_expectation(circuit, observable, p, **options).value
    return (jax.grad if order == 1 else jax.hessian)(value)(params)
