"""Expectation values from finite shots, and derivatives by evaluating a circuit at other angles."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from qjax._checks import as_positive
from qjax.circuit import Circuit, ParameterVector
from qjax.circuit.binding import flat_values
from qjax.circuit.parameter import ParameterExpression, is_traced
from qjax.circuit.shift import frequencies, one_angle_gates, shift_rule
from qjax.engine.expectation import checked_observable
from qjax.errors import CircuitError, ObservableError, ParameterError, SamplingError
from qjax.gates import Gate
from qjax.noise import Mean, NoiseModel
from qjax.observables import PauliSum
from qjax.simulate import expectation

DIFFS = ("adjoint", "parameter-shift", "finite-difference", "spsa")
"""The ways to a derivative; all but the first run the circuit at other angles, as machines do."""

_EXACT = lax.Precision.HIGHEST


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
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"shot_expectation: circuit must be a Circuit, but is {circuit!r}.")
    method = diff or ("adjoint" if shots is None else "parameter-shift")
    if method not in DIFFS:
        raise ParameterError(f"diff must be one of {', '.join(DIFFS)}, but is {diff!r}.")
    if shots is not None and method == "adjoint":
        raise ParameterError('diff="adjoint" has no shots: it needs the state. Use another.')
    checked = checked_observable(observable, circuit.num_qubits)
    if not isinstance(checked, PauliSum):
        raise ObservableError(
            f"shot_expectation: observable must be a PauliSum, but is {observable!r}."
        )
    if (shots is not None or method == "spsa") and key is None:
        raise SamplingError("shot_expectation: shots need a key, as jax.random.key(0).")
    values = flat_values(circuit.structure, params)
    if values is not None and jnp.ndim(values) != 1:
        raise ParameterError("shot_expectation: params must be one set of values; use jax.vmap.")
    flat = jnp.zeros(0) if values is None else jnp.asarray(values)
    if not jnp.issubdtype(flat.dtype, jnp.floating):
        flat = flat.astype(jnp.float32)
    share = None if shots is None else _shared(checked, as_positive(shots, "shots", SamplingError))
    moved, at, rule = circuit, flat, None
    if method == "parameter-shift":
        moved, matrix, offset, rule = _opened(circuit)
        at = jnp.asarray(offset, flat.dtype) + jnp.matmul(
            jnp.asarray(matrix, flat.dtype), flat, precision=_EXACT
        )

    def measured(at: jax.Array, key: Any) -> tuple[jax.Array, jax.Array]:
        given = at if moved.num_parameters else None
        options = {"noise": noise, "dtype": dtype, "engine": engine}
        if share is None:
            exact = expectation(moved, checked, given, **options)
            return exact, jnp.zeros_like(exact)
        strings = [PauliSum({s: 1.0}, num_qubits=circuit.num_qubits) for s in checked.strings]
        means = expectation(moved, strings, given, **options)
        return _drawn(means, checked, share, _own_key(key, at))

    if method == "adjoint" or not at.shape[0]:
        return Mean(*measured(at, key))
    exact_step = float(jnp.finfo(at.dtype).eps) ** (1 / 3)
    length = step if step is not None else exact_step if shots is None else 0.1
    gradient = _Gradient(method, rule, length, as_positive(directions, "directions"))
    value = _with_derivative(measured, gradient)
    own = jax.random.key(0) if key is None else key
    found, variance = value(at, own)
    return Mean(found, jnp.sqrt(lax.stop_gradient(variance)))


def _with_derivative(measured: Callable, gradient: "_Gradient") -> Callable:
    """(value, variance) of a point, whose derivative is by values at other points."""

    @jax.custom_jvp
    def value(at: jax.Array, key: Any) -> tuple[jax.Array, jax.Array]:
        return jax.tree.map(lax.stop_gradient, measured(at, key))

    @value.defjvp
    def rule(primals: Any, tangents: Any) -> Any:
        at, key = primals
        found = value(at, key)
        slope = gradient(lambda x, k: value(x, k)[0], at, jax.random.fold_in(key, 1))
        change = jnp.matmul(slope.astype(tangents[0].dtype), tangents[0], precision=_EXACT)
        return found, (change.astype(found[0].dtype), jnp.zeros_like(found[1]))

    return value


class _Gradient:
    """A gradient by values at other points."""

    def __init__(self, method: str, rule: Any, step: float, directions: int) -> None:
        self.method, self.rule, self.step, self.directions = method, rule, step, directions

    def __call__(self, value: Callable, at: jax.Array, key: jax.Array) -> jax.Array:
        size = at.shape[0]
        if self.method == "spsa":
            own, key = jax.random.split(_own_key(key, at))
            signs = jax.random.rademacher(own, (self.directions, size), at.dtype)
            moves = jnp.concatenate([signs, -signs]) * jnp.asarray(self.step, at.dtype)
            ends = self.values(value, at, moves, key)
            slopes = (ends[: self.directions] - ends[self.directions :]) / (2 * self.step)
            return jnp.mean(slopes[:, None] * signs, axis=0)
        if self.method == "finite-difference":
            moves = np.concatenate([np.eye(size), -np.eye(size)]) * self.step
            weights = np.concatenate([np.eye(size), -np.eye(size)]) / (2 * self.step)
        else:
            moves, weights = self.rule
        ends = self.values(value, at, jnp.asarray(moves, at.dtype), key)
        return jnp.matmul(ends, jnp.asarray(weights, ends.dtype), precision=_EXACT)

    @staticmethod
    def values(value: Callable, at: jax.Array, moves: jax.Array, key: jax.Array) -> jax.Array:
        keys = jax.random.split(key, moves.shape[0])
        return jax.vmap(value)(at + moves, keys)


def _opened(circuit: Circuit) -> tuple[Circuit, np.ndarray, np.ndarray, Any]:
    """The circuit with a parameter of its own for every open angle.

    Returns:
        (circuit, matrix (A, p) and offset (A,) that give its angles from flat params, the shifts
        (R, A) and the weights (R, A) of the rule).
    """
    structure = circuit.structure
    steps = [s for i in circuit for s in one_angle_gates(i)]
    # A global phase changes no expectation value.
    steps = [i for i in steps if i.all_qubits or not i.is_symbolic]
    openly = [k for k, i in enumerate(steps) if i.is_symbolic]
    angles = ParameterVector("angles", len(openly)) if openly else ()
    matrix, offset = np.zeros((len(openly), structure.num_parameters)), np.zeros(len(openly))
    moves, weights = [], []
    for a, k in enumerate(openly):
        expression, gate = steps[k].params[0], steps[k].operation
        assert isinstance(expression, ParameterExpression) and isinstance(gate, Gate)
        numbers = (expression.offset, *(factor for _, factor in expression.terms))
        if any(map(is_traced, numbers)):
            raise ParameterError(
                f"A shift rule needs known factors of parameters; not {expression}."
            )
        offset[a] = float(expression.offset)
        for symbol, factor in expression.terms:
            matrix[a, structure.position(symbol)] += float(factor)
        gaps = frequencies(gate, len(steps[k].controls))
        assert gaps is not None
        for weight, shift in shift_rule(gaps):
            moves.append(shift * np.eye(len(openly))[a])
            weights.append(weight * np.eye(len(openly))[a])
        steps[k] = replace(steps[k], params=(1.0 * angles[a],))
    opened = Circuit(circuit.num_qubits)._extend(steps)
    return opened, matrix, offset, (np.array(moves), np.array(weights))


def _shared(observable: PauliSum, shots: int) -> np.ndarray:
    """Shots of each string, by weight; the identity gets none."""
    measured = np.array([bool(str(s)) and set(str(s)) != {"I"} for s in observable.strings])
    count = int(measured.sum())
    if shots < count:
        raise SamplingError(
            f"shot_expectation: shots must be at least one for each of {count} strings, but are "
            f"{shots}."
        )
    coefficients = observable.coefficients
    weights = measured.astype(float)
    if not is_traced(coefficients):
        weights = weights * np.maximum(np.abs(np.asarray(coefficients)), 1e-300)
    found = np.zeros(len(measured), int)
    if not count:
        return found
    spare = shots - count  # one for each, and the others by weight, the largest rests first
    ideal = spare * weights / weights.sum()
    found = measured + np.floor(ideal).astype(int)
    order = np.argsort(-(ideal - np.floor(ideal)), kind="stable")
    found[order[: shots - found.sum()]] += 1
    return found


def _drawn(
    means: jax.Array, observable: PauliSum, share: np.ndarray, key: jax.Array
) -> tuple[jax.Array, jax.Array]:
    """The sum of measured strings, and the variance of the mean."""
    chance = jnp.clip((1 + means) / 2, 0, 1)
    shots = jnp.asarray(np.maximum(share, 1), means.dtype)
    ones = jax.random.binomial(key, shots, chance, dtype=means.dtype)
    found = 2 * ones / shots - 1
    known = jnp.asarray(share == 0)
    found = jnp.where(known, means, found)
    weights = jnp.asarray(observable.coefficients).real.astype(means.dtype)
    spread = jnp.where(known, jnp.zeros_like(found), (1 - found**2) / jnp.maximum(shots - 1, 1))
    return jnp.sum(weights * found), jnp.sum(weights**2 * spread)


def _own_key(key: jax.Array, at: jax.Array) -> jax.Array:
    """A key for a point: what other points draw is independent."""
    words = lax.bitcast_convert_type(at.astype(jnp.float32), jnp.uint32)
    odd = (2 * lax.iota(jnp.uint32, at.shape[0]) + jnp.uint32(1)) * jnp.uint32(2654435761)
    return jax.random.fold_in(
        key, jnp.sum((words ^ (words >> jnp.uint32(15))) * odd, dtype=jnp.uint32)
    )
