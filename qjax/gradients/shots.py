"""Expectation values and gradients from finite shots, with standard errors."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from qjax.circuit import Circuit
from qjax.errors import ParameterError
from qjax.gradients.metric import raveled, raveled_places
from qjax.noise import Mean, NoiseModel
from qjax.shots import DIFFS as DIFFS
from qjax.shots import Method, mapped, shot_mean
from qjax.shots.value import joined, prepared
from qjax.simulate import expectation


def shot_expectation(
    circuit: Circuit,
    observable: Any,
    params: Any = None,
    *,
    shots: int | None = None,
    key: jax.Array | None = None,
    diff: str | None = None,
    step: float | None = None,
    directions: int = 1,
    allocation: str = "weight",
    noise: NoiseModel | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> Mean:
    r"""An expectation value as a machine gives it, with its standard error and derivatives.

    Every Pauli string is measured on its own, `shots` being shared out by the strings' weights. A
    derivative runs the circuit at other angles, with as many shots and fresh draws at each, so that
    it is random too; under `jit`, `vmap` and `grad`. Second derivatives nest the rule.

    Args:
        circuit: The circuit, without measurements.
        observable: A PauliSum, or its text.
        params: Values of its open parameters, one set; for a batch use `jax.vmap`.
        shots: How many, in all; None for exact values.
        key: A `jax.random` key, if there are shots. Different params draw independently also from
            one key; equal params with one key give the same draw: split it.
        diff: One of `DIFFS`: "parameter-shift", exact but for the shots, which is the default with
            shots; "finite-difference", central, whose error is of order step**2; "spsa", in random
            directions, of the same order; or "adjoint", the default and only without shots.
        step: Of finite differences and SPSA; by default 0.1 with shots, else the cube root of eps.
        directions: How many random directions SPSA averages over.
        allocation: How shots are shared out to Pauli strings: by "weight" |c|; by "variance",
            |c| times the standard deviation of a shot, which the simulator knows; or "uniform".
        noise: A `NoiseModel`, as in `expectation`.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        `Mean(value, standard_error)`, real scalars; the error is 0 without shots, and a constant
        to derivatives.

    Raises:
        ParameterError: If the method is unknown, cannot be with shots, or a gate has no shift rule.
        SamplingError: If there is no key, or fewer shots than strings.
        ObservableError: If the observable is no sum of Pauli strings.

    Examples:
        >>> import jax, qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> value = lambda t, key: shot_expectation(circuit, "Z0", t, shots=10000, key=key).value
        >>> slope = jax.grad(value)(0.5, jax.random.key(0))  # -sin 0.5
        >>> bool(abs(slope + 0.4794) < 0.05)
        True

    References:
        D. Wierichs, J. Izaac, C. Wang, C. Y.-Y. Lin, General parameter-shift rules for quantum
        gradients, Quantum 6, 677 (2022). J. C. Spall, Multivariate stochastic approximation using a
        simultaneous perturbation gradient approximation, IEEE Trans. Autom. Control 37, 332 (1992).
    """

    def evaluate(circuit: Circuit, observable: Any, params: Any) -> jax.Array:
        return expectation(circuit, observable, params, noise=noise, dtype=dtype, engine=engine)

    method = Method(shots, key, diff, step, directions, allocation)
    return shot_mean(evaluate, circuit, observable, params, method, "shot_expectation")


class ShotGradient(NamedTuple):
    """What finite shots tell of a value and of its gradient.

    Attributes:
        value: The expectation value, a real scalar.
        value_error: Its standard error.
        gradient: The gradient, of the form of the params.
        gradient_error: The standard error of each of its numbers, of the same form.
    """

    value: jax.Array
    value_error: jax.Array
    gradient: Any
    gradient_error: Any


def shot_gradient(
    circuit: Circuit,
    observable: Any,
    params: Any,
    *,
    shots: int,
    key: jax.Array,
    diff: str = "parameter-shift",
    allocation: str = "weight",
    step: float | None = None,
    noise: NoiseModel | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> ShotGradient:
    r"""An expectation value and its gradient from finite shots, with standard errors.

    The gradient is a sum of values at other points, d_j f = sum_r w_rj f_r, each found from `shots`
    shots of its own, so its variance is sum_r w_rj^2 var(f_r). Works under `jit` and `vmap`.

    Args:
        circuit: The circuit, without measurements.
        observable: A PauliSum, or its text.
        params: Values of its open parameters, one set: a flat array or a mapping.
        shots: How many for each value.
        key: A `jax.random` key. Different params draw independently also from one key.
        diff: "parameter-shift", which is unbiased, or "finite-difference", central.
        allocation: As in `shot_expectation`.
        step: Of finite differences, by default 0.1.
        noise: A `NoiseModel`, as in `expectation`.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        A `ShotGradient`.

    Raises:
        ParameterError: If the method is another, or a gate has no shift rule.
        SamplingError: If there are fewer shots than strings.
        ObservableError: If the observable is no sum of Pauli strings.

    Note:
        A value costs one run of the circuit, however many shots: outcomes of a Pauli string are
        drawn from a binomial distribution. Runs go in batches whose states fit in memory.

    Examples:
        >>> import jax, qjax as qj
        >>> circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)
        >>> found = shot_gradient(circuit, "Z0", jnp.array([0.5]), shots=100, key=jax.random.key(0))
        >>> bool(abs(found.gradient[0] + 0.4794) < 4 * found.gradient_error[0])  # -sin 0.5
        True

    References:
        As in `shot_expectation`.
    """
    if diff not in ("parameter-shift", "finite-difference"):
        raise ParameterError(
            f"shot_gradient: diff must be parameter-shift or finite-difference, but is {diff!r}."
        )
    given, unravel = raveled(circuit, params)

    def evaluate(circuit: Circuit, observable: Any, params: Any) -> jax.Array:
        return expectation(circuit, observable, params, noise=noise, dtype=dtype, engine=engine)

    method = Method(shots, key, diff, step, 1, allocation)
    estimator, x, _ = prepared(evaluate, circuit, observable, params, method, "shot_gradient")
    way, n, size = estimator.opened, circuit.num_qubits, circuit.num_parameters
    at = way.at(joined(x))
    first, others = jax.random.split(key)
    value, variance = estimator.weighed(*estimator(at, first, estimator.weights))
    keys = jax.random.split(others, len(way.row))
    rows = (jnp.asarray(way.row), jnp.asarray(way.shift, at.dtype), keys)
    run = lambda a, s, k: estimator.weighed(*estimator(at.at[a].add(s), k, estimator.weights))
    ends, spreads = mapped(run, rows, n)
    row, place, weight = way.entries()
    own = place < size  # and no traced angle
    row, place, weights = row[own], place[own], jnp.asarray(weight[own], ends.dtype)
    zero = jnp.zeros(size, ends.dtype)
    gradient = zero.at[place].add(weights * ends[row])
    spread = zero.at[place].add(weights**2 * spreads[row])
    order = raveled_places(circuit, params)
    formed = lambda flat: unravel(zero.at[order].set(flat).astype(given.dtype))
    return ShotGradient(value, jnp.sqrt(variance), formed(gradient), formed(jnp.sqrt(spread)))
