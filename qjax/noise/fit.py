"""A digital twin: the strengths of a noise model, from counts that a machine gave."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.counts import QUBIT0_LAST, Counts
from qjax.errors import TrainingError
from qjax.noise.density import density_rows, diagonal_of, marginal
from qjax.noise.model import NoiseModel

_LEAST = 1e-9  # a probability below this counts as this, for a bit that was read by chance
_IDENTIFIABLE = 1e-7  # smallest share of the largest eigenvalue of the Fisher information


class NoiseFit(NamedTuple):
    """What counts say of the strengths of a noise model.

    Attributes:
        strengths: The most likely strengths, float array of shape (p,).
        standard_errors: Of each, from the Fisher information; infinite where counts do not tell.
        identifiable: Whether the counts tell all strengths apart.
        unknown: Directions in the space of strengths that do not change the probabilities, float
            array of shape (u, p); empty if all are identifiable.
        log_likelihood: Of the counts, without the multinomial's constant.
        history: The negative log-likelihood for each shot at each step.
        model: The noise model at these strengths.
    """

    strengths: np.ndarray
    standard_errors: np.ndarray
    identifiable: bool
    unknown: np.ndarray
    log_likelihood: float
    history: np.ndarray
    model: NoiseModel


def fit(
    build: Callable[[jax.Array], NoiseModel],
    circuits: Sequence[Circuit],
    counts: Sequence[Any],
    strengths: Any,
    *,
    bounds: tuple[Any, Any] = (0.0, 1.0),
    steps: int = 500,
    learning_rate: float = 0.05,
) -> NoiseFit:
    r"""Find the strengths of a noise model that make measured counts most likely.

    Args:
        build: Gives the model from strengths, a traced array of shape (p,).
        circuits: The circuits that were run, without open parameters, of at most some 10 qubits.
        counts: For each circuit, its counts: `Counts`, or a mapping from bitstrings, highest bit
            first.
        strengths: Where to start, shape (p,), within the bounds.
        bounds: Lowest and highest strength, numbers or arrays of shape (p,).
        steps: Steps of Adam.
        learning_rate: Of Adam, in the logit of (strength - low) / (high - low).

    Returns:
        A `NoiseFit`. Train against the twin by `noise=fit.model`.

    Raises:
        TrainingError: If circuits and counts do not fit, the start is not within the bounds, or the
            likelihood is not finite.
        SamplingError: If counts are none.

    Note:
        The Fisher information of the strengths is sum_c shots_c sum_x (d p_x)(d p_x)^T / p_x. A
        direction in which it is zero changes no probability: these circuits cannot tell it.

    Examples:
        >>> import jax, qjax as qj
        >>> circuit = qj.Circuit(1).x(0)
        >>> build = lambda s: NoiseModel().add_readout(0.0, s[0])
        >>> found = fit(build, [circuit], [{"1": 900, "0": 100}], [0.5])
        >>> found.strengths.round(3), found.standard_errors.round(3)
        (array([0.1]), array([0.009]))
    """
    start = np.atleast_1d(np.asarray(strengths, float))
    low, high = (np.broadcast_to(np.asarray(b, float), start.shape) for b in bounds)
    if start.ndim != 1 or not np.all((low < start) & (start < high)):
        raise TrainingError(
            f"noise.fit: strengths must lie between the bounds {low} and {high}, but are {start}."
        )
    if len(circuits) != len(counts) or not circuits:
        raise TrainingError(
            f"noise.fit: needs counts for each circuit, but got {len(circuits)} circuits and "
            f"{len(counts)} counts."
        )
    for circuit in circuits:
        if not isinstance(circuit, Circuit) or circuit.parameters:
            raise TrainingError(
                "noise.fit: circuits must be Circuits without open parameters, but one is "
                f"{circuit!r}. Use circuit.bind."
            )
    observed = [_frequencies(c, found) for c, found in zip(circuits, counts, strict=True)]
    shots = np.array([row.sum() for row in observed])
    total = float(shots.sum())

    def probabilities(at: jax.Array) -> list[jax.Array]:
        model = build(at)
        if not isinstance(model, NoiseModel):
            raise TrainingError(f"noise.fit: build must give a NoiseModel, but gave {model!r}.")
        return [_read(circuit, model) for circuit in circuits]

    def strengths_of(logits: jax.Array) -> jax.Array:
        lowest, span = (jnp.asarray(x, logits.dtype) for x in (low, high - low))
        return lowest + span * jax.nn.sigmoid(logits)

    def loss(logits: jax.Array) -> jax.Array:
        found = jnp.zeros(())
        for n, p in zip(observed, probabilities(strengths_of(logits)), strict=True):
            share = jnp.asarray(n / total, p.dtype)
            found = found - jnp.sum(share * jnp.log(jnp.maximum(p, _LEAST)))
        return found

    count = as_positive(steps, "noise.fit: steps")

    def rate(step: Any) -> jax.Array:
        return learning_rate * 0.5 * (1 + jnp.cos(np.pi * step.astype(jnp.float32) / count))

    optimizer = optax.adam(rate)

    def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
        logits, state = carry
        value, gradient = jax.value_and_grad(loss)(logits)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes integers and floats
            updates, state = optimizer.update(gradient, state)
        return (optax.apply_updates(logits, updates), state), value

    share = (start - low) / (high - low)
    logits = jnp.asarray(np.log(share / (1 - share)), jnp.float32)
    run = jax.jit(partial(lax.scan, step, length=count))
    (logits, _), history = run((logits, optimizer.init(logits)), None)
    found = strengths_of(logits)
    if not np.all(np.isfinite(np.asarray(history))):
        raise TrainingError("noise.fit: the likelihood is not finite; start at other strengths.")
    errors, unknown = _information(probabilities, found, shots)
    best = np.asarray(found, float)
    final = -total * float(loss(logits))
    known = not len(unknown)
    return NoiseFit(best, errors, known, unknown, final, np.asarray(history), build(found))


def _information(
    probabilities: Callable[[jax.Array], list[jax.Array]], at: jax.Array, shots: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Standard errors, and the directions that change nothing."""
    rows = jax.jit(probabilities)(at)
    slopes = jax.jit(jax.jacfwd(probabilities))(at)
    size = at.shape[0]
    fisher = np.zeros((size, size))
    for n, p, d in zip(shots, rows, slopes, strict=True):
        weights = n / np.maximum(np.asarray(p, float), _LEAST)
        fisher += np.asarray(d, float).T @ (weights[:, None] * np.asarray(d, float))
    values, vectors = np.linalg.eigh(fisher)
    dark = values <= _IDENTIFIABLE * max(values[-1], 1e-300)
    unknown = vectors[:, dark].T
    inverse = (vectors[:, ~dark] / values[~dark]) @ vectors[:, ~dark].T
    errors = np.sqrt(np.maximum(np.diagonal(inverse), 0))
    errors[np.max(np.abs(unknown), axis=0, initial=0) > 1e-3] = np.inf
    return errors, unknown


def _columns(circuit: Circuit) -> tuple[int, ...]:
    """The qubit of each bit that is read."""
    if not circuit.num_clbits:
        return tuple(range(circuit.num_qubits))
    measured = circuit.structure.final_measurements
    if measured is None or sorted(measured) != list(range(circuit.num_clbits)):
        raise TrainingError("noise.fit: every classical bit must be measured once, at the end.")
    return tuple(measured[c] for c in range(circuit.num_clbits))


def _read(circuit: Circuit, model: NoiseModel) -> jax.Array:
    """The probabilities of what is read, (2**k,)."""
    qubits = _columns(circuit)
    rows, _ = density_rows(circuit, None, model, None, None, None, "noise.fit")
    return model.misread(marginal(diagonal_of(rows), qubits), qubits)[0]


def _frequencies(circuit: Circuit, counts: Any) -> np.ndarray:
    k = len(_columns(circuit))
    found = np.zeros(2**k)
    given = counts if isinstance(counts, Counts) else Counts(counts)
    if not given.shots:
        raise TrainingError("noise.fit: counts must not be empty.")
    if given.num_bits != k:
        raise TrainingError(
            f"noise.fit: counts must have keys of {k} bits, but one is {next(iter(given))!r}."
        )
    for text, count in given.to_order(QUBIT0_LAST).items():
        found[int(text, 2)] += count
    return found
