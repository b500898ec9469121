"""A phase diagram from a classifier of states that was trained deep inside the phases."""

from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.krylov import lowest
from qjax.library import qcnn, ring, transverse_field_ising
from qjax.observables import PauliString, PauliSum
from qjax.simulate import expectation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DTYPE = "complex128"
FIELDS = np.linspace(0.1, 2.0, 39)  # h / J; the phase changes at 1
DEEP = 0.5  # states at fields within this of 1 are not trained upon
SMALL = 1e-6  # the least probability that the logarithm sees


class Reading(NamedTuple):
    """Probabilities of order across the fields, and the field at which they cross 1/2."""

    ordered: np.ndarray
    crossing: float


def ground_states(spins: int) -> np.ndarray:
    """Ground states of the Ising ring at every field, complex array of shape (fields, 2**n).

    In the ordered phase two states of different parity prod X are as good as degenerate; a term
    that commutes with all puts the odd one away, and leaves the even one as it is.
    """
    parity = PauliSum({PauliString("X" * spins): 1.0}, num_qubits=spins)
    graph = ring(spins)
    states = [
        lowest(transverse_field_ising(graph, field=h) - parity, dtype=DTYPE).states[0]
        for h in FIELDS.tolist()
    ]
    return np.stack([np.asarray(state) for state in states])


def correlators(states: np.ndarray) -> np.ndarray:
    """<X> and <Z_a Z_(a+r)> for r = 1, ..., n / 2 of states of a ring: (..., 2**n) -> (..., r)."""
    n = states.shape[-1].bit_length() - 1
    numbers = np.arange(2**n)
    chances = np.abs(states) ** 2
    sign = lambda r: 1.0 - 2.0 * ((numbers ^ numbers >> r) & 1)  # of Z_0 Z_r
    flipped = (states.conj() * states[..., numbers ^ 1]).sum(axis=-1).real  # <X_0>
    return np.stack([flipped, *(chances @ sign(r) for r in range(1, n // 2 + 1))], axis=-1)


def crossing(values: np.ndarray) -> float:
    """The highest field at which values that begin high fall through 1/2, between two fields.

    If they never do, it is the end of the fields at which they stay on one side.
    """
    falls = np.flatnonzero((values[:-1] > 0.5) & (values[1:] <= 0.5))
    if not len(falls):
        return float(FIELDS[-1] if values[-1] > 0.5 else FIELDS[0])
    k = falls[-1]
    share = (values[k] - 0.5) / (values[k] - values[k + 1])
    return float(FIELDS[k] + share * (FIELDS[k + 1] - FIELDS[k]))


def deep() -> np.ndarray:
    """Which fields are trained upon."""
    return np.flatnonzero(np.abs(FIELDS - 1) > DEEP)


def trained_circuit(
    run: apps.Run, spins: int, states: np.ndarray
) -> tuple[list[Reading], int, float]:
    """A QCNN from several starts: what each reads, the best first; parameters and seconds."""
    circuit = qcnn(spins, block="so4")
    every = jnp.asarray(states)
    rows, labels = every[deep()], jnp.asarray((FIELDS[deep()] < 1).astype(float))

    @jax.jit
    def ordered(params: jax.Array, states: jax.Array) -> jax.Array:
        one = lambda psi: expectation(circuit, "Z0", params, initial_state=psi, dtype=DTYPE)
        return (1 - jax.vmap(one)(states)) / 2

    def loss(params: jax.Array) -> jax.Array:
        p = jnp.clip(ordered(params, rows), SMALL, 1 - SMALL)
        return -jnp.mean(labels * jnp.log(p) + (1 - labels) * jnp.log(1 - p))

    starts = run.options.starts
    name = f"QCNN, n = {spins}"
    first = jax.random.normal(run.key(name), (starts, circuit.num_parameters))
    optimizer = optax.adam(optax.cosine_decay_schedule(0.1, run.options.classifier_steps))
    result = run.fit(
        name, loss, first, optimizer, run.options.classifier_steps, restarts=starts
    )  # fmt: skip
    order = np.argsort(np.asarray(result.best_loss))
    curves = [np.asarray(ordered(result.best_params[k], every)) for k in order]
    readings = [Reading(curve, crossing(curve)) for curve in curves]
    return readings, circuit.num_parameters, result.seconds


def logistic(states: np.ndarray) -> Reading:
    """Logistic regression on correlators."""
    linear = require("sklearn.linear_model", "apps", "The app `materials`")
    features = correlators(states)
    model = linear.LogisticRegression().fit(features[deep()], FIELDS[deep()] < 1)
    values = model.predict_proba(features)[:, 1]
    return Reading(values, crossing(values))


class Trained(NamedTuple):
    """The classifiers of one size: what the circuit reads from each start, the best first."""

    readings: list[Reading]
    parameters: int
    seconds: float
    twin: Reading
    twin_seconds: float


def trained(run: apps.Run, spins: int) -> Trained:
    """Both classifiers on rings of one size."""
    states = ground_states(spins)
    twin, spent = run.keep(f"logistic, n = {spins}", lambda: logistic(states)._asdict())
    return Trained(*trained_circuit(run, spins, states), Reading(**twin), spent)


def phases(run: apps.Run) -> tuple[list[apps.Comparison], dict[str, Any]]:
    """The classifiers on rings of rising size."""
    largest = run.options.classified_spins
    found = {n: trained(run, n) for n in (*(n for n in (4, 6, 8, 10) if n < largest), largest)}
    last = found[largest]
    crossings = [reading.crossing for reading in last.readings]
    comparison = apps.Comparison(
        f"where classifiers see the Ising ring change its phase, n = {largest}",
        "distance from h / J = 1", "lower",
        (
            apps.quantum("QCNN", abs(crossings[0] - 1), parameters=last.parameters,
                         seconds=last.seconds,
                         error=float(np.std(crossings)) if len(crossings) > 1 else None,
                         note=f"at {crossings[0]:.3f}; the error is the spread of "
                         f"{len(crossings)} starts"),
            apps.classical("logistic regression", abs(last.twin.crossing - 1),
                           seconds=last.twin_seconds, parameters=largest // 2 + 2,
                           note=f"at {last.twin.crossing:.3f}; on correlators"),
            apps.exact("infinite chain", 0.0, note="h / J = 1: Pfeuty, Ann. Phys. 57, 79 (1970)"),
        ),
    )  # fmt: skip
    facts = {
        "fields": FIELDS,
        "spins": list(found),
        "circuit": {n: [r._asdict() for r in one.readings] for n, one in found.items()},
        "logistic": {n: one.twin._asdict() for n, one in found.items()},
        "crossings of the circuit": {n: one.readings[0].crossing for n, one in found.items()},
        "crossings of logistic regression": {n: one.twin.crossing for n, one in found.items()},
    }
    return [comparison], facts


def picture(facts: dict[str, Any]) -> "Figure":
    """What the circuits read across the fields, and where they cross 1/2."""
    figure, (left, right) = apps.panels(1, 2)
    sizes = facts["spins"]
    for n in sizes:
        left.plot(facts["fields"], facts["circuit"][n][0]["ordered"], label=f"n = {n}")
    left.axvspan(1 - DEEP, 1 + DEEP, color="k", alpha=0.06)
    left.annotate("not trained upon", (1.0, 0.02), ha="center", fontsize="small")
    for ax in (left, right):
        ax.axhline(0.5 if ax is left else 1.0, color="k", linewidth=0.8, linestyle=":")
    left.set(xlabel="h / J", ylabel="ordered, by the circuit", ylim=(0, 1))
    left.legend(frameon=False, fontsize="small")
    inverse = [1 / n for n in sizes]
    spread = [np.std([one["crossing"] for one in facts["circuit"][n]]) for n in sizes]
    right.errorbar(inverse, list(facts["crossings of the circuit"].values()), yerr=spread,
                   marker="o", capsize=3, label="QCNN")  # fmt: skip
    right.plot(inverse, list(facts["crossings of logistic regression"].values()), "s--",
               label="logistic regression")  # fmt: skip
    right.set(xlabel="1 / n", ylabel="h / J at which 1/2 is crossed", xlim=(0, None))
    right.legend(frameon=False)
    return figure
