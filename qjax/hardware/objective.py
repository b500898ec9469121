"""Losses that a machine computes: `qjax.fit` trains against them as against the simulator."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import io_callback

from qjax.circuit import Circuit
from qjax.errors import SamplingError
from qjax.hardware.bundle import Estimate
from qjax.hardware.estimate import gradient_job, measure


class Objective:
    """An expectation value that an executor measures, as a function of a circuit's parameters.

    It can be jitted and differentiated once, and given to `qjax.fit` as a loss. Each evaluation of
    value and gradient is one bundle, carried out when the compiled program comes to it.

    Attributes:
        estimates: Every estimate so far, in order: values, gradients and standard errors.
    """

    def __init__(
        self,
        circuit: Circuit,
        observable: Any,
        executor: Callable[[list[Circuit], list[int]], Any],
        *,
        method: str = "parameter-shift",
        key: jax.Array | None = None,
        form: str | None = None,
        **options: Any,
    ) -> None:
        self.circuit, self.observable, self.executor = circuit, observable, executor
        self.method, self.key, self.form, self.options = method, key, form, options
        self.estimates: list[Estimate] = []
        if method == "spsa" and key is None:
            raise SamplingError('objective: "spsa" needs a key, such as jax.random.key(0).')
        self._differentiable = self._made()

    def __call__(self, params: Any) -> jax.Array:
        """The value at an array of shape (parameters,)."""
        values = jnp.asarray(params)
        if values.shape != (self.circuit.num_parameters,):
            raise SamplingError(
                f"objective: params must have shape ({self.circuit.num_parameters},), but have "
                f"shape {values.shape}."
            )
        return self._differentiable(values)

    def _made(self) -> Callable[[jax.Array], jax.Array]:
        """The function with its derivative: both come from one bundle."""

        def value_of(params: jax.Array) -> np.ndarray:
            return np.asarray(self._run(params, gradient=False).value, params.dtype)

        def both_of(params: jax.Array) -> tuple[np.ndarray, np.ndarray]:
            found = self._run(params, gradient=True)
            return np.asarray(found.value, params.dtype), np.asarray(found.gradient, params.dtype)

        @jax.custom_vjp
        def value(params: jax.Array) -> jax.Array:
            return io_callback(value_of, jax.ShapeDtypeStruct((), params.dtype), params)

        def forward(params: jax.Array) -> tuple[jax.Array, jax.Array]:
            shapes = (
                jax.ShapeDtypeStruct((), params.dtype),
                jax.ShapeDtypeStruct(params.shape, params.dtype),
            )
            return io_callback(both_of, shapes, params)

        value.defvjp(forward, lambda gradient, cotangent: (cotangent * gradient,))
        return value

    def _run(self, params: Any, *, gradient: bool) -> Estimate:
        point = np.asarray(params, float)
        if not gradient:
            bundle = measure(self.circuit, self.observable, point, **self.options)
        else:
            extra: dict[str, Any] = {}
            if self.method == "spsa":
                assert self.key is not None
                self.key, extra["key"] = jax.random.split(self.key)
            bundle = gradient_job(
                self.circuit, self.observable, point, method=self.method, **extra, **self.options
            )
        estimate = bundle.run(self.executor, form=self.form)
        self.estimates.append(estimate)
        return estimate


def objective(
    circuit: Circuit,
    observable: Any,
    executor: Callable[[list[Circuit], list[int]], Any],
    *,
    method: str = "parameter-shift",
    key: jax.Array | None = None,
    form: str | None = None,
    **options: Any,
) -> Objective:
    """An expectation value that an executor measures, as a loss for `qjax.fit`.

    Args:
        circuit: A circuit with open parameters, without measurements.
        observable: A Pauli sum, as in `measure`.
        executor: Called with circuits and shots; returns counts in order. See
            `qjax.hardware.executors`.
        method: "parameter-shift" or "spsa"; see `gradient_job`.
        key: For "spsa", a `jax.random` key.
        form: The form of the counts, if they are no `Counts`; see `Bundle.evaluate`.
        **options: Passed to `measure` and `gradient_job`: shots, group, allot, readout, zne.

    Returns:
        A function of a flat array of parameters.

    Note:
        It cannot be vmapped, and has a first derivative only.

    Examples:
        >>> import optax
        >>> from qjax.circuit import Parameter
        >>> from qjax.hardware import executors
        >>> from qjax.train import fit
        >>> loss = objective(
        ...     Circuit(1).rx(Parameter("t"), 0), "Z0", executors.simulator(jax.random.key(0)),
        ...     shots=4000,
        ... )
        >>> result = fit(loss, jnp.array([2.0]), optax.sgd(0.5), steps=8, progress=False)
        >>> bool(result.best_loss < -0.98), len(loss.estimates)
        (True, 8)
    """
    return Objective(circuit, observable, executor, method=method, key=key, form=form, **options)
