"""iCANS: gradient descent that chooses how many shots each derivative is worth."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.circuit.parameter import is_traced
from qjax.engine.expectation import checked_observable
from qjax.errors import ObservableError, ParameterError
from qjax.gradients.metric import raveled, raveled_places
from qjax.noise import NoiseModel
from qjax.observables import PauliSum
from qjax.optimize._loss import check_key, check_positive
from qjax.optimize.spectrum import parameter_frequencies
from qjax.shots import Opened, mapped, opened, own_key
from qjax.simulate import expectation

RULES = ("icans1", "gcans")


class IcansState(NamedTuple):
    """The state of `icans`.

    Attributes:
        steps: Steps made, int32.
        key: The key that all steps' keys are folded from.
        shots: What each derivative gets in the next step, int32 of shape (p,).
        slope: Running mean of the gradient, (p,).
        spread: Running mean of the variances of a shot, (p,).
        total_shots: All shots so far, a float.
    """

    steps: jax.Array
    key: jax.Array
    shots: jax.Array
    slope: jax.Array
    spread: jax.Array
    total_shots: jax.Array


def icans(
    circuit: Circuit,
    observable: Any,
    key: jax.Array,
    learning_rate: Any = None,
    *,
    rule: str = "icans1",
    lipschitz: float | None = None,
    min_shots: int = 4,
    max_shots: int = 100_000,
    memory: float = 0.99,
    bias: float = 1e-6,
    noise: NoiseModel | None = None,
    dtype: Any = None,
    engine: str | None = None,
) -> optax.GradientTransformation:
    r"""Gradient descent with a number of shots for each derivative that adapts in each step.

    p' = p - a v, with the gradient v by the parameter-shift rule, each value from s_j shots. Then,
    with running means x of v and y of the variance of v's shots, and k steps made, s_j is

        2 L a / (2 - L a) y_j / (x_j^2 + bias memory^k)                       for "icans1",
        2 L a / (2 - L a) sqrt(y_j) sum_i sqrt(y_i) / (|x|^2 + bias memory^k)   for "gcans",

    which makes the expected gain for each shot the largest. "icans1" gives none more shots than
    that j has whose expected gain for each shot is the largest.

    Every shot measures one Pauli string, drawn with the chance |c_i| / M, M = sum |c_i|, and gives
    M or -M: its mean is the expectation value. So outcomes of s shots are one binomial draw, whose
    s may change from step to step, in jit and under vmap, without masks; a value costs one run of
    the circuit.

    Args:
        circuit: The circuit, without measurements.
        observable: A PauliSum, or its text, with known coefficients.
        key: A `jax.random` key. Steps draw independently, and so do restarts from different params.
        learning_rate: a, between 0 and 2 / L; by default 1 / L.
        rule: One of "icans1" and "gcans".
        lipschitz: L, a bound of the derivatives of the gradient; by default M times the square of
            the highest frequency of a parameter.
        min_shots: The least of a value, at least 2.
        max_shots: The most of a value.
        memory: The weight of the past in the running means.
        bias: See above.
        noise: A `NoiseModel`, as in `expectation`.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        An optax transformation, which finds its gradient itself and does not look at the one given:
        the loss that `qjax.fit` is given is only reported. The state counts the shots.

    Raises:
        ParameterError: If a choice or a number is out of range, or a gate has no shift rule.
        ObservableError: If the observable is no sum of Pauli strings with known coefficients.
        SamplingError: If the key is none.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(1).ry(qj.Parameter("t"), 0)
        >>> loss = lambda p: qj.expectation(circuit, "Z0", p)
        >>> solver = icans(circuit, "Z0", jax.random.key(0), 0.5)
        >>> found = qj.fit(loss, jnp.array([0.5]), solver, 40, progress=False)
        >>> bool(loss(found.params) < -0.99)
        True

    References:
        J. M. Kuebler, A. Arrasmith, L. Cincio, P. J. Coles, An adaptive optimizer for
        measurement-frugal variational algorithms, Quantum 4, 263 (2020). A. Gu, A. Lowe, P. A.
        Dub, P. J. Coles, A. Arrasmith, Adaptive shot allocation for fast convergence in variational
        quantum algorithms, arXiv:2108.10434. A. Arrasmith, L. Cincio, R. D. Somma, P. J. Coles,
        Operator sampling for shot-frugal optimization in variational algorithms, arXiv:2004.06252.
    """
    check_key(key, "icans")
    if rule not in RULES:
        raise ParameterError(f"icans: rule must be one of {', '.join(RULES)}, but is {rule!r}.")
    checked = checked_observable(observable, circuit.num_qubits)
    if not isinstance(checked, PauliSum) or is_traced(checked.coefficients):
        raise ObservableError(
            f"icans: observable must be a PauliSum of known coefficients, but is {observable!r}."
        )
    least, most = as_positive(min_shots, "icans: min_shots"), as_positive(max_shots, "max_shots")
    if not 2 <= least <= most:
        raise ParameterError(
            f"icans: shots must be 2 <= min_shots <= max_shots, but are {least} and {most}."
        )
    if not 0 <= memory < 1:
        raise ParameterError(f"icans: memory must be in 0..1, 1 excluded, but is {memory}.")
    measured = (checked.x_masks | checked.z_masks) != 0
    coefficients = np.real(np.asarray(checked.coefficients))
    scale = float(np.sum(np.abs(coefficients[measured])))
    bound = lipschitz
    if bound is None:
        fastest = max((w for row in parameter_frequencies(circuit) for w in row), default=1.0)
        bound = scale * fastest**2
    check_positive("icans", lipschitz=bound, bias=bias)
    rate = 1 / bound if learning_rate is None else learning_rate
    if not is_traced(rate) and not 0 < rate < 2 / bound:
        raise ParameterError(
            f"icans: learning_rate must be between 0 and 2 / lipschitz = {2 / bound:.6g}, but is "
            f"{rate}."
        )
    centre = float(np.sum(coefficients[~measured]))

    def values(way: Opened, at: jax.Array) -> jax.Array:
        """Expectation values of all rows without the identity's part, (R,)."""
        run = lambda a, s: expectation(
            way.circuit, checked, way.named(at.at[a].add(s)), noise=noise, dtype=dtype,
            engine=engine,
        )  # fmt: skip
        rows = (jnp.asarray(way.row), jnp.asarray(way.shift, at.dtype))
        return mapped(run, rows, circuit.num_qubits).astype(at.dtype) - centre

    def gradient(
        flat: jax.Array, shots: jax.Array, key: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        """(gradient, variance of a shot of each derivative, all shots), in the circuit's order."""
        way, _ = opened(circuit, by_angle=True, step=0.0)
        at = way.at(flat)
        row, place, weight = way.entries()
        weight = jnp.asarray(weight, flat.dtype)
        own = jnp.zeros(len(way.row), shots.dtype).at[row].max(shots[place])
        count = own.astype(flat.dtype)
        chance = jnp.clip((1 + values(way, at) / scale) / 2, 0, 1)
        ones = jax.random.binomial(own_key(key, at), count, chance, dtype=flat.dtype)
        found = scale * (2 * ones / count - 1)
        spread = (scale**2 - found**2) / (count - 1)  # of the mean
        slope = jnp.zeros_like(flat).at[place].add(weight * found[row])
        variance = jnp.zeros_like(flat).at[place].add(weight**2 * spread[row])
        return slope, variance * shots.astype(flat.dtype), jnp.sum(count)

    def advised(slope: jax.Array, spread: jax.Array, small: jax.Array) -> jax.Array:
        a = jnp.asarray(rate, slope.dtype)
        factor = 2 * bound * a / (2 - bound * a)
        if rule == "gcans":
            deviation = jnp.sqrt(spread)
            wanted = factor * deviation * jnp.sum(deviation) / (jnp.sum(slope**2) + small)
            return jnp.clip(jnp.ceil(wanted), least, most)
        wanted = jnp.clip(jnp.ceil(factor * spread / (slope**2 + small)), least, most)
        half = bound * a**2 / 2
        gain = ((a - half) * slope**2 - half * spread / wanted) / wanted
        return jnp.minimum(wanted, wanted[jnp.argmax(gain)])

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, IcansState]:
        del updates
        if params is None:
            raise ParameterError("icans: update needs the params.")
        flat, unravel = raveled(circuit, params)
        places = raveled_places(circuit, params)
        own = own_key(jax.random.fold_in(state.key, state.steps), flat)
        found, variance, used = gradient(flat[places], state.shots, own)
        steps = (state.steps + 1).astype(flat.dtype)
        slope = memory * state.slope + (1 - memory) * found
        spread = memory * state.spread + (1 - memory) * variance
        known = 1 - memory**steps
        shots = advised(slope / known, spread / known, bias * memory**steps)
        moved = jnp.zeros_like(flat).at[places].set(-jnp.asarray(rate, flat.dtype) * found)
        return unravel(moved), IcansState(
            state.steps + 1, state.key, shots.astype(jnp.int32), slope, spread,
            state.total_shots + used.astype(state.total_shots.dtype),
        )  # fmt: skip

    def init(params: Any) -> IcansState:
        flat, _ = raveled(circuit, params)
        zero = jnp.zeros_like(flat)
        shots = jnp.full(flat.shape, least, jnp.int32)
        return IcansState(
            jnp.zeros((), jnp.int32), key, shots, zero, jnp.zeros_like(flat), jnp.zeros((), float)
        )

    return optax.GradientTransformation(init, update)
