"""QAOA: maximum cuts beside Goemans and Williamson, and a search of hyper-parameters."""

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps, library
from qjax._extras import require
from qjax.apps._maxcut import (
    PETERSEN,
    goemans_williamson,
    quadratic_features,
    quadratic_form,
    regular_graph,
)
from qjax.circuit import Circuit
from qjax.library.lattices import Edges, ring
from qjax.observables import PauliSum
from qjax.simulate import expectation, sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RING = 12
WORST = {1: 0.6924, 2: 0.7559, 3: 0.7924}  # of large 3-regular graphs; conjectured for p > 1
SHOTS = 1024
# The search: a value for each setting of the bits, the lowest bit first.
CHOICES: dict[str, tuple] = {
    "C": (0.01, 0.1, 1.0, 10.0),
    "gamma": (0.001, 0.01, 0.1, 1.0),
    "components": (2, 4, 8, 16),
    "kernel": ("rbf", "poly"),
    "scaled": (False, True),
}
BITS = {name: (len(values) - 1).bit_length() for name, values in CHOICES.items()}
TRIED = 40  # configurations to which the quadratic form is fitted
MEASURED = 8  # configurations measured afterwards


@dataclass
class Trained:
    """A circuit of some layers with good angles, gammas before betas."""

    circuit: Circuit
    params: np.ndarray
    energy: float
    seconds: float


def longer(angles: np.ndarray) -> np.ndarray:
    """P angles interpolated to p + 1, a good start for one more layer.

    References:
        L. Zhou et al., Quantum approximate optimization algorithm: performance, mechanism, and
        implementation on near-term devices, Phys. Rev. X 10, 021067 (2020).
    """
    p = len(angles)
    share = np.arange(p + 1) / p
    return share * np.append(0.0, angles) + (1 - share) * np.append(angles, 0.0)


def layer_by_layer(run: apps.Run, name: str, cost: PauliSum, depth: int) -> list[Trained]:
    """QAOA with 1 to `depth` layers, each started from the angles of the one before."""
    found: list[Trained] = []
    largest = max(abs(complex(c)) for string, c in cost if string.support)
    for p in range(1, depth + 1):
        circuit = library.qaoa(cost, p)
        loss = partial(_energy, circuit, cost)
        if found:
            gammas, betas = np.split(found[-1].params, 2)
            start = np.concatenate([longer(gammas), longer(betas)])
        else:  # what is best on 3-regular graphs without triangles, but for a sign of gamma
            gamma = 0.5 * np.arctan(1 / np.sqrt(2)) / largest
            starts = [np.array([sign * gamma, np.pi / 8]) for sign in (1, -1)]
            start = min(starts, key=lambda at: float(loss(jnp.asarray(at, jnp.float32))))
        steps = run.options.steps
        optimizer = optax.adam(optax.cosine_decay_schedule(0.05, steps))
        result = run.fit(
            f"{name}, p = {p}", loss, jnp.asarray(start, jnp.float32), optimizer, steps
        )
        best = np.asarray(result.best_params, float)
        found.append(Trained(circuit, best, result.best_loss, result.seconds))
    return found


def _energy(circuit: Circuit, cost: PauliSum, params: jax.Array) -> jax.Array:
    return expectation(circuit, cost, params)


def known_ratios(run: apps.Run) -> list[apps.Comparison]:
    """What is known exactly: rings, and the Petersen graph."""
    depth = run.options.depth
    name = f"ring of {RING}"
    cost = library.maxcut(ring(RING)).hamiltonian
    rows = [
        apps.quantum(f"QAOA, p = {p}", -one.energy / RING, parameters=2 * p, seconds=one.seconds)
        for p, one in enumerate(layer_by_layer(run, name, cost, depth), 1)
    ]
    rows += [
        apps.exact(f"(2p + 1) / (2p + 2), p = {p}", (2 * p + 1) / (2 * p + 2),
                   note="Farhi, Goldstone, Gutmann, arXiv:1411.4028")
        for p in range(1, depth + 1)
    ]  # fmt: skip
    (petersen,) = layer_by_layer(run, "Petersen graph", library.maxcut(PETERSEN).hamiltonian, 1)
    row = apps.quantum("QAOA, p = 1", -petersen.energy / len(PETERSEN), parameters=2,
                       seconds=petersen.seconds)  # fmt: skip
    bound = apps.exact("closed form, p = 1", 0.5 + 1 / (3 * np.sqrt(3)),
                       note="3-regular without triangles: 1/2 + 1/(3 sqrt 3)")  # fmt: skip
    return [
        apps.Comparison(name, "mean cut / maximum", "higher", rows),
        apps.Comparison("Petersen graph", "mean cut / edges", "higher", (row, bound)),
    ]


def random_graphs(run: apps.Run, size: int) -> list[apps.Comparison]:
    """Random 3-regular graphs of one size, beside Goemans and Williamson."""
    depth, count = run.options.depth, run.options.graphs
    mean: dict[str, list[float]] = {}
    best: dict[str, list[float]] = {}
    seconds: dict[str, float] = {}

    def note(model: str, values: np.ndarray, top: float, spent: float, at: float) -> None:
        mean.setdefault(model, []).append(at / top)
        best.setdefault(model, []).append(float(values.max()) / top)
        seconds[model] = seconds.get(model, 0.0) + spent

    for number in range(count):
        name = f"n = {size}, graph {number + 1}"
        edges: Edges = regular_graph(size, 3, run.rng(name))
        problem = library.maxcut(edges)
        top, _ = run.keep(f"{name}: exact", lambda found=problem: found.brute_force().value)
        for p, one in enumerate(layer_by_layer(run, name, problem.hamiltonian, depth), 1):
            shots = sample(
                one.circuit,
                SHOTS,
                run.key(f"{name}, p = {p}"),
                jnp.asarray(one.params, jnp.float32),
            )
            values = -problem.cost(np.asarray(shots))
            note(f"QAOA, p = {p}", values, top, one.seconds, -one.energy)

        def rounded(edges: Edges = edges, name: str = name) -> dict[str, Any]:
            values, relaxed = goemans_williamson(edges, size, SHOTS, run.rng(f"{name}: planes"))
            return {"values": values, "relaxed": relaxed}

        kept, spent = run.keep(f"{name}: Goemans-Williamson", rounded)
        note("Goemans-Williamson", kept["values"], top, spent, float(kept["values"].mean()))
        sides = run.rng(f"{name}: coins").integers(0, 2, (SHOTS, size))
        note("fair coins", -problem.cost(sides), top, 0.0, len(edges) / 2)

    def compared(metric: str, found: dict[str, list[float]], *more: apps.Row) -> apps.Comparison:
        rows = [
            apps.Row(
                "quantum" if model.startswith("QAOA") else "classical", model,
                float(np.mean(values)),
                float(np.std(values, ddof=1) / np.sqrt(count)) if count > 1 else None,
                2 * int(model[-1]) if model.startswith("QAOA") else None, seconds[model],
            )
            for model, values in found.items()
        ]  # fmt: skip
        task = f"MaxCut of {count} random 3-regular graph{'s' * (count > 1)}, n = {size}"
        return apps.Comparison(task, metric, "higher", (*rows, *more))

    known = [
        apps.published(f"worst case, p = {p}", WORST[p], note="Wurtz, Love, arXiv:2010.11209")
        for p in range(1, depth + 1)
        if p in WORST
    ]
    known.append(apps.published("Goemans-Williamson, worst case", 0.87856,
                                note="J. ACM 42, 1115 (1995)"))  # fmt: skip
    return [
        compared("mean cut / maximum", mean, *known),
        compared(f"best of {SHOTS:,} cuts / maximum", best),
    ]


def accuracies(run: apps.Run) -> np.ndarray:
    """The cross-validated accuracy of every configuration, of shape (2**bits,)."""
    data = require("sklearn.datasets", "apps", "The app `qaoa`").load_breast_cancer()
    pick = require("sklearn.model_selection", "apps", "The app `qaoa`")
    pipeline = require("sklearn.pipeline", "apps", "The app `qaoa`").make_pipeline
    pca = require("sklearn.decomposition", "apps", "The app `qaoa`").PCA
    scaler = require("sklearn.preprocessing", "apps", "The app `qaoa`").StandardScaler
    svc = require("sklearn.svm", "apps", "The app `qaoa`").SVC
    rows = run.rng("rows").permutation(len(data.data))[: run.options.patients]
    folds = pick.StratifiedKFold(3, shuffle=True, random_state=run.integer("folds"))

    def accuracy(number: int) -> float:
        chosen = configuration(number)
        model = pipeline(
            *([scaler()] if chosen["scaled"] else []),
            pca(chosen["components"], svd_solver="full"),
            svc(C=chosen["C"], gamma=chosen["gamma"], kernel=chosen["kernel"], max_iter=10_000),
        )
        scores = pick.cross_val_score(model, data.data[rows], data.target[rows], cv=folds)
        return float(scores.mean())

    warnings = require("warnings", "apps", "The app `qaoa`")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # some configurations are bad, and do not converge
        return np.array([accuracy(number) for number in range(2 ** sum(BITS.values()))])


def configuration(number: int) -> dict[str, Any]:
    """The hyper-parameters that the bits of a number stand for."""
    chosen = {}
    for name, values in CHOICES.items():
        chosen[name] = values[number % len(values)]
        number //= len(values)
    return chosen


def hyperparameters(run: apps.Run) -> tuple[apps.Comparison, dict[str, Any]]:
    """A support vector machine's best configuration, by the least of a quadratic form.

    The form is fitted to the accuracies of some configurations, and QAOA draws others where it is
    low. The same number tried at random, and all, are beside it. It is an illustration: all
    configurations are few enough to be tried, and the circuit is simulated.
    """
    scores, seconds = run.keep("all configurations", partial(accuracies, run))
    size = sum(BITS.values())
    bits = np.arange(2**size)[:, None] >> np.arange(size) & 1
    tried = run.rng("tried").permutation(2**size)[:TRIED]
    features = quadratic_features(bits)
    ridge = features[tried].T @ features[tried] + 0.1 * np.eye(features.shape[1])
    fitted = np.linalg.solve(ridge, -features[tried].T @ scores[tried])
    cost = quadratic_form(fitted, size).hamiltonian
    one = layer_by_layer(run, "hyper-parameters", cost, run.options.depth)[-1]
    key = run.key("configurations")
    shots = np.asarray(sample(one.circuit, SHOTS, key, jnp.asarray(one.params, jnp.float32)))
    numbers, seen = np.unique(shots.astype(int) @ 2 ** np.arange(size), return_counts=True)
    # Of what was drawn, those that the form calls best are measured.
    order = np.argsort((features @ fitted)[numbers], kind="stable")
    measured = numbers[order][:MEASURED]
    found = max(np.append(tried, measured), key=lambda number: scores[number])
    budget = len(tried) + len(measured)
    draws = run.rng("random search")
    luck = [scores[draws.permutation(2**size)[:budget]].max() for _ in range(1000)]
    rows = (
        apps.quantum(f"quadratic form and QAOA, p = {run.options.depth}", float(scores[found]),
                     parameters=one.params.size, seconds=one.seconds,
                     note=f"{budget} configurations tried"),
        apps.classical("random search", float(np.mean(luck)), error=float(np.std(luck)),
                       note=f"{budget} tried; mean and spread of 1,000 searches"),
        apps.exact("all tried", float(scores.max()), seconds=seconds,
                   note=f"{scores.size} configurations"),
    )  # fmt: skip
    weighted = float(scores[numbers] @ seen / SHOTS)
    facts = {
        "configuration found": configuration(int(found)),
        "mean accuracy of all configurations": float(scores.mean()),
        "mean accuracy of those that QAOA draws": weighted,
    }
    return apps.Comparison(
        "hyper-parameters of an SVM on breast cancer, as a QUBO", "cross-validated accuracy",
        "higher", rows,
    ), facts  # fmt: skip


def picture(comparisons: list[apps.Comparison], sizes: list[int]) -> "Figure":
    """The ratios over the size of the graphs."""
    figure, ax = apps.panels(width=6.0)
    models = {row.model: row.kind for row in comparisons[0].rows if row.kind != "published"}
    for model, kind in models.items():
        rows = [next(r for r in c.rows if r.model == model) for c in comparisons]
        ax.errorbar(
            sizes, [r.value for r in rows], yerr=[r.error or 0.0 for r in rows], marker="o",
            linestyle="-" if kind == "quantum" else "--", capsize=3, label=model,
        )  # fmt: skip
    ax.axhline(0.87856, color="k", linestyle=":", label="Goemans-Williamson, worst case")
    ax.set(xlabel="nodes", ylabel="mean cut / maximum cut", xticks=sizes, ylim=(0.5, 1.02))
    ax.legend(frameon=False, fontsize="small", loc="center left", bbox_to_anchor=(1.0, 0.5))
    return figure


def qaoa(run: apps.Run) -> apps.Report:
    """The quantum approximate optimization algorithm, beside what is known and what is better.

    On a ring and on the Petersen graph the ratios are known exactly. On random 3-regular graphs the
    mean cut and the best of 1,024 are compared with the exact maximum, and with the algorithm of
    Goemans and Williamson. Last, an illustration: hyper-parameters of a support vector machine,
    whose accuracies are fitted by a quadratic form of bits, searched by the same circuit.
    """
    largest = run.options.largest
    sizes = [size for size in (10, 16) if size < largest] + [largest]
    graphs = {size: random_graphs(run, size) for size in sizes}
    searched, facts = hyperparameters(run)
    return apps.Report(
        comparisons=(
            *known_ratios(run), *(c for both in graphs.values() for c in both), searched,
        ),
        figures={"ratios": picture([both[0] for both in graphs.values()], sizes)},
        facts=facts,
    )  # fmt: skip


APP = apps.App(
    name="qaoa",
    shows="maximum cuts of 22 nodes beside Goemans-Williamson; hyper-parameters as a QUBO",
    run=qaoa,
    options=(
        apps.Option("largest", 22, quick=8, least=4, help="Nodes of the largest graphs, even."),
        apps.Option("graphs", 3, quick=1, least=1, help="Graphs of each size."),
        apps.Option("depth", 3, quick=1, least=1, help="Layers p, from 1 up to this."),
        apps.Option("steps", 80, quick=25, least=1, help="Steps of each training."),
        apps.Option("patients", 300, quick=60, least=30, help="Rows for the search."),
    ),
    needs=("matplotlib", "sklearn"),
)

if __name__ == "__main__":
    apps.main(APP)
