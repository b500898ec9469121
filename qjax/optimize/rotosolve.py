"""Rotosolve: every parameter in turn goes to where the loss is least along it."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from math import ceil, lcm, pi
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from qjax.circuit import Circuit
from qjax.errors import CircuitError, ParameterError
from qjax.gradients.metric import raveled, raveled_places
from qjax.optimize._loss import flat_loss
from qjax.optimize.spectrum import parameter_frequencies
from qjax.shots import mapped

_EXACT = lax.Precision.HIGHEST
_NEWTON = 8  # steps; each about doubles the digits


class RotosolveState(NamedTuple):
    """The state of `rotosolve`.

    Attributes:
        value: The loss at the params after the last sweep, as the polynomials have it.
    """

    value: jax.Array


def rotosolve(
    circuit: Circuit, *, frequencies: Sequence[Sequence[float]] | Sequence[float] | None = None
) -> optax.GradientTransformationExtraArgs:
    r"""Minimise an expectation value exactly along each parameter in turn.

    Along one parameter with R frequencies w the loss is

        f(x) = a_0 + sum_w a_w cos(w x) + b_w sin(w x),

    which 2 R + 1 values determine. With the one frequency of a rotation gate its minimum is at
    -pi/2 - atan2(a, b); with more, Newton's method runs from points that lie so dense that each of
    its minima is found, and the least is taken. One update is a sweep over all parameters. The step
    has no length to choose, and takes no gradient.

    Args:
        circuit: The circuit. The loss must be an expectation value of its state, or a sum of such;
            for a square or another function of them, pass the frequencies of that.
        frequencies: Of each number of the circuit's flat params, or one tuple for all; by default
            `parameter_frequencies(circuit)`. Knowing that there are fewer saves values: a double
            excitation of `library.uccsd` has 1 and 2 only.

    Returns:
        An optax transformation. Its `update` needs `value_fn`; in a loop of one's own:
        `updates, state = solver.update(params, state, params, value_fn=loss)`, whose first
        argument, a gradient, is not looked at.

    Raises:
        ParameterError: If a gate has no known frequencies, frequencies do not fit, or there is no
            `value_fn`.

    Note:
        A sweep runs the circuit sum of (2 R + 1) times. Values with shots are taken as they are.
        Frequencies that are no multiples of one number have no period: then the least value is
        looked for within one period of the slowest.

    Examples:
        >>> import optax, qjax as qj
        >>> theta = qj.ParameterVector("theta", 2)
        >>> circuit = qj.Circuit(2).ry(theta, range(2)).cx(0, 1)
        >>> loss = lambda p: qj.expectation(circuit, "Z0 + 0.5 Z1", p)
        >>> found = qj.fit(loss, jnp.array([0.3, 0.4]), rotosolve(circuit), 2, progress=False)
        >>> round(float(loss(found.params)), 4)  # |01>: -1 - 0.5
        -1.5

    References:
        M. Ostaszewski, E. Grant, M. Benedetti, Structure optimization for parameterized quantum
        circuits, Quantum 5, 391 (2021). D. Wierichs, J. Izaac, C. Wang, C. Y.-Y. Lin, General
        parameter-shift rules for quantum gradients, Quantum 6, 677 (2022).
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"rotosolve: circuit must be a Circuit, but is {circuit!r}.")
    spectra = (
        parameter_frequencies(circuit) if frequencies is None else _checked(frequencies, circuit)
    )
    moved = [k for k, spectrum in enumerate(spectra) if spectrum]
    groups = list(dict.fromkeys(spectra[k] for k in moved))
    n = circuit.num_qubits

    def update(
        updates: Any, state: Any, params: Any = None, *, value_fn: Any = None, **_: Any
    ) -> tuple[Any, RotosolveState]:
        del updates
        loss, start, unravel = flat_loss(value_fn, params, "rotosolve")
        raveled(circuit, params)
        if not moved:
            return unravel(jnp.zeros_like(start)), state
        ways = [_mover(loss, n, spectrum) for spectrum in groups]
        places = raveled_places(circuit, params)[moved]
        kinds = np.array([groups.index(spectra[k]) for k in moved])

        def step(at: jax.Array, which: tuple[jax.Array, jax.Array]) -> Any:
            kind, place = which
            return lax.switch(kind, ways, at, place)

        rows = (jnp.asarray(kinds, jnp.int32), jnp.asarray(places, jnp.int32))
        end, values = lax.scan(step, start, rows)
        return unravel(end - start), RotosolveState(values[-1].astype(state.value.dtype))

    def init(params: Any) -> RotosolveState:
        flat, _ = raveled(circuit, params)
        return RotosolveState(jnp.full((), jnp.inf, flat.dtype))

    return optax.GradientTransformationExtraArgs(init, update)


def _checked(given: Any, circuit: Circuit) -> tuple[tuple[float, ...], ...]:
    size = circuit.num_parameters
    rows = [given] * size if all(np.ndim(row) == 0 for row in given) else list(given)
    spectra = tuple(tuple(sorted(float(w) for w in row)) for row in rows)
    if len(spectra) != size or any(w <= 0 or not np.isfinite(w) for row in spectra for w in row):
        raise ParameterError(
            "rotosolve: frequencies must be positive numbers, one tuple for all parameters or one "
            f"for each of {size}, but are {given!r}."
        )
    return spectra


def _mover(loss: Callable, num_qubits: int, spectrum: tuple[float, ...]) -> Callable:
    """From a point and one of its coordinates to the point moved along it, and the loss there."""
    points, inverse, grid = _rule(spectrum)

    def move(at: jax.Array, place: jax.Array) -> tuple[jax.Array, jax.Array]:
        run = lambda x: loss(at.at[place].add(x))
        found = mapped(run, (jnp.asarray(points, at.dtype),), num_qubits)
        coefficients = jnp.matmul(jnp.asarray(inverse, at.dtype), found, precision=_EXACT)
        x, value = least(coefficients, np.array(spectrum), grid)
        return at.at[place].add(x), value

    return move


def least(
    coefficients: jax.Array, spectrum: np.ndarray, grid: np.ndarray
) -> tuple[jax.Array, jax.Array]:
    """Where a trigonometric polynomial (a_0, a, b) is least, and its value there.

    It is 0 if no value is less than that at 0 by more than rounding.
    """
    count, dtype = len(spectrum), coefficients.dtype
    w = jnp.asarray(spectrum, dtype)
    a, b = coefficients[1 : count + 1], coefficients[count + 1 :]

    def derivatives(x: jax.Array) -> tuple[jax.Array, jax.Array, jax.Array]:
        cos, sin = jnp.cos(x[:, None] * w), jnp.sin(x[:, None] * w)
        value = coefficients[0] + jnp.sum(a * cos + b * sin, axis=1)
        return (
            value,
            jnp.sum(w * (b * cos - a * sin), axis=1),
            -jnp.sum(w**2 * (a * cos + b * sin), axis=1),
        )

    start = jnp.asarray(grid, dtype)
    most = jnp.asarray(grid[2] - grid[1], dtype)
    tiny = jnp.asarray(np.finfo(np.float32).tiny, dtype)

    def newton(_: Any, x: jax.Array) -> jax.Array:
        _, slope, bend = derivatives(x)
        return x - jnp.clip(slope / jnp.maximum(jnp.abs(bend), tiny), -most, most)

    ends = jnp.concatenate([start, lax.fori_loop(0, _NEWTON, newton, start)])
    values = derivatives(ends)[0]
    rounding = 4 * jnp.finfo(dtype).eps * jnp.sum(jnp.abs(coefficients))
    k = jnp.argmin(values.at[0].add(-rounding))  # grid[0] is 0
    return ends[k], values[k]


@cache
def _rule(spectrum: tuple[float, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where to take values, the matrix from them to coefficients, and where Newton starts."""
    count, fast, slow = len(spectrum), spectrum[-1], spectrum[0]
    base = _common(spectrum)
    period = 2 * pi / (base or slow)
    steps = np.arange(2 * count + 1) - count

    def table(length: float) -> np.ndarray:
        x = length * steps / (2 * count + 1)
        angles = np.outer(x, spectrum)
        return np.hstack([np.ones((len(x), 1)), np.cos(angles), np.sin(angles)])

    # Over a period of equidistant frequencies the table is orthogonal; else the best is looked for.
    lengths = np.concatenate([[2 * pi / slow], np.linspace(0.2, 1, 161) * period])
    best = min(lengths, key=lambda length: np.linalg.cond(table(length)))
    dense = ceil(4 * fast * period / pi)
    grid = period * (np.arange(dense) / dense - 0.5)
    return best * steps / (2 * count + 1), np.linalg.inv(table(best)), np.append(0.0, grid)


def _common(spectrum: tuple[float, ...]) -> float | None:
    """The largest number of which all frequencies are small multiples, if there is one."""
    ratios = [Fraction(w / spectrum[0]).limit_denominator(16) for w in spectrum]
    if any(abs(r - w / spectrum[0]) > 1e-6 for r, w in zip(ratios, spectrum, strict=True)):
        return None
    return spectrum[0] / lcm(*(r.denominator for r in ratios))
