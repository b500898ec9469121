"""Values with derivatives that run a circuit at other points."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.custom_derivatives import SymbolicZero

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.circuit.binding import flat_values
from qjax.engine.expectation import checked_observable
from qjax.errors import CircuitError, ParameterError, SamplingError
from qjax.noise import Mean
from qjax.shots.draws import ALLOCATIONS, own_key
from qjax.shots.estimator import Estimator, mapped
from qjax.shots.opened import opened

DIFFS = ("adjoint", "parameter-shift", "finite-difference", "spsa")
"""The ways to a derivative; all but the first run the circuit at other angles, as machines do."""

MOST_ORDER = {"parameter-shift": None, "finite-difference": 2, "spsa": 2}
"""The highest order of derivative; a third difference is lost in rounding."""

_EXACT = lax.Precision.HIGHEST
_SHOT_STEP = 0.1


@dataclass(frozen=True)
class Method:
    """How a value is found and differentiated; see `gradients.shot_expectation`."""

    shots: int | None = None
    key: jax.Array | None = None
    diff: str | None = None
    step: float | None = None
    directions: int = 1
    allocation: str = "weight"

    def checked(self, what: str) -> "Method":
        """The method with its defaults put in.

        Raises:
            ParameterError: If a choice is unknown, or cannot be with shots.
            SamplingError: If there is no key.
        """
        diff = self.diff or ("adjoint" if self.shots is None else "parameter-shift")
        if diff not in DIFFS:
            raise ParameterError(
                f"{what}: diff must be one of {', '.join(DIFFS)}, but is {self.diff!r}."
            )
        if self.allocation not in ALLOCATIONS:
            raise ParameterError(
                f"{what}: allocation must be one of {', '.join(ALLOCATIONS)}, but is "
                f"{self.allocation!r}."
            )
        shots = None if self.shots is None else as_positive(self.shots, "shots", SamplingError)
        if shots is not None and diff == "adjoint":
            raise ParameterError(
                f'{what}: diff="adjoint" has no shots: it needs the state. Use another.'
            )
        if (shots is not None or diff == "spsa") and self.key is None:
            raise SamplingError(f"{what}: shots need a key, as jax.random.key(0).")
        if self.step is not None and not self.step > 0:
            raise ParameterError(f"{what}: step must be positive, but is {self.step}.")
        count = as_positive(self.directions, f"{what}: directions")
        return Method(shots, self.key, diff, self.step, count, self.allocation)

    def length(self, dtype: Any) -> float:
        """The step of differences."""
        exact = float(jnp.finfo(dtype).eps) ** (1 / 3)
        return self.step or (exact if self.shots is None else _SHOT_STEP)


def shot_mean(
    evaluate: Callable[..., jax.Array],
    circuit: Circuit,
    observable: Any,
    params: Any,
    method: Method,
    what: str,
) -> Mean:
    """A value and its standard error, for one set of params; `evaluate` gives exact values."""
    estimator, x, how = prepared(evaluate, circuit, observable, params, method, what)
    if how.diff == "adjoint":
        exact = evaluate(circuit, observable, params)
        return Mean(exact, jnp.zeros_like(exact))
    key = jax.random.key(0) if how.key is None else how.key
    found, spread = _with_derivative(estimator, how, x, key)
    value, variance = estimator.weighed(found, lax.stop_gradient(spread))
    return Mean(value, jnp.sqrt(lax.stop_gradient(variance)))


def prepared(
    evaluate: Callable[..., jax.Array],
    circuit: Circuit,
    observable: Any,
    params: Any,
    method: Method,
    what: str,
) -> tuple[Estimator, tuple[jax.Array, ...], Method]:
    """The estimator, the point (flat params, and each traced angle), and the method, checked."""
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"{what}: circuit must be a Circuit, but is {circuit!r}.")
    how = method.checked(what)
    if circuit.num_clbits:
        raise CircuitError(f"{what}: with shots or diff, the circuit must not measure.")
    checked = checked_observable(observable, circuit.num_qubits)
    values = flat_values(circuit.structure, params)
    if values is not None and jnp.ndim(values) != 1:
        raise ParameterError(f"{what}: params must be one set of values; use jax.vmap.")
    flat = jnp.zeros(0) if values is None else jnp.asarray(values)
    if not jnp.issubdtype(flat.dtype, jnp.floating):
        flat = flat.astype(float)
    way, tracers = opened(
        circuit, by_angle=how.diff == "parameter-shift", step=how.length(flat.dtype)
    )
    estimator = Estimator(evaluate, way, checked, how.shots, how.allocation)
    x = (flat, *(t.astype(flat.dtype) for t in tracers))
    return estimator.checked(what), x, how


def joined(x: tuple[jax.Array, ...]) -> jax.Array:
    """The parts of a point, one after the other."""
    return jnp.concatenate([part.reshape(-1) for part in x])


def _with_derivative(
    estimator: Estimator, how: Method, x: tuple[jax.Array, ...], key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """Values and variances of the strings; derivatives of the values are by other points."""
    assert how.diff is not None
    most = MOST_ORDER[how.diff]
    way = estimator.opened
    shift = jnp.zeros(len(way.offset), x[0].dtype)

    def estimate(x: Any, shift: Any, key: Any, weights: Any) -> tuple[jax.Array, jax.Array]:
        return estimator(way.at(joined(x)) + shift, key, weights)

    # What the estimate closes over comes in as arguments, so that a derivative by it is seen. The
    # weights only share out shots, which changes no mean.
    closed, hidden = jax.closure_convert(estimate, x, shift, key, estimator.weights)

    def level(left: int | None) -> Callable:
        @jax.custom_jvp
        def value(
            x: Any, shift: Any, key: Any, weights: Any, hidden: Any
        ) -> tuple[jax.Array, jax.Array]:
            return jax.tree.map(lax.stop_gradient, closed(x, shift, key, weights, *hidden))

        def rule(primals: Any, tangents: Any) -> Any:
            x, shift, key, weights, hidden = primals
            if left == 0:
                raise ParameterError(
                    f"diff={how.diff!r} gives derivatives up to order {most}: "
                    'use "adjoint", or "parameter-shift" with shots, for higher ones.'
                )
            if not all(isinstance(t, SymbolicZero) for t in tangents[4]):
                raise ParameterError(
                    f"diff={how.diff!r} gives derivatives by parameters, angles and coefficients "
                    'only, but one by another number is asked for: use diff="adjoint" without '
                    "shots."
                )
            inner = level(None if left is None else left - 1)
            found = value(x, shift, key, weights, hidden)
            near = lambda moved, k: inner(x, moved, k, weights, hidden)[0]
            own = own_key(key, way.at(joined(x)) + shift)
            change = _change(estimator, how, near, tangents[0], shift, own)
            if change is None:
                return found, jax.tree.map(jnp.zeros_like, found)
            return found, (change.astype(found[0].dtype), jnp.zeros_like(found[1]))

        value.defjvp(rule, symbolic_zeros=True)
        return value

    return level(most)(x, shift, key, estimator.weights, tuple(hidden))


def _change(
    estimator: Estimator,
    how: Method,
    near: Callable,
    d_x: tuple[Any, ...],
    shift: jax.Array,
    key: jax.Array,
) -> jax.Array | None:
    """The derivative of the strings' values along a tangent: (K,); None if it moves nothing."""
    way, n = estimator.opened, estimator.opened.circuit.num_qubits
    zero = [isinstance(part, SymbolicZero) for part in d_x]
    sizes = [int(np.prod(part.shape, dtype=int)) for part in d_x]
    active = way.moved_by(np.repeat(~np.array(zero), sizes))
    if not active.any():
        return None
    dtype = shift.dtype
    parts = (
        jnp.zeros(part.shape, dtype) if isinstance(part, SymbolicZero) else part for part in d_x
    )
    along = way.linear(joined(tuple(parts)))
    draw, key = jax.random.split(jax.random.fold_in(key, 1))
    if how.diff == "spsa":
        step = how.length(dtype)
        signs = jax.random.rademacher(draw, (how.directions, len(active)), dtype)
        signs = signs * jnp.asarray(active, dtype)
        moves = jnp.concatenate([signs, -signs]) * jnp.asarray(step, dtype)
        keys = jax.random.split(key, 2 * how.directions)
        ends = mapped(lambda move, k: near(shift + move, k), (moves, keys), n)
        slopes = (ends[: how.directions] - ends[how.directions :]) / (2 * step)
        weights = jnp.matmul(signs, along, precision=_EXACT) / how.directions
    else:
        own = active[way.row]
        row, size, weight = way.row[own], way.shift[own], way.weight[own]
        rows = (jnp.asarray(row), jnp.asarray(size, dtype), jax.random.split(key, len(row)))
        slopes = mapped(lambda a, s, k: near(shift.at[a].add(s), k), rows, n)
        weights = jnp.asarray(weight, dtype) * along[row]
    return jnp.matmul(weights.astype(slopes.dtype), slopes, precision=_EXACT)
