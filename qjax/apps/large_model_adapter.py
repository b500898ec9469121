"""Frozen models adapted by circuits: a transformer trained here, and embeddings of words."""

from functools import partial
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from qjax import apps
from qjax._extras import require
from qjax.apps._adaptation import Task, Trained, accuracies, of_size, trained
from qjax.apps._heads import AdaptedMap, AmplitudeHead, DenseHead, QuantumHead
from qjax.apps._transformer import ADAPTED, Adapted, FineTuned, Transformer
from qjax.apps._words import EXTRA, PURPOSE, embeddings, rated_words
from qjax.learning.blocks import AmplitudeAdapter, Dense, LowRankAdapter, UnitaryAdapter

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RANK = 4  # of the adapters from circuits
COMPONENTS = 8
WIDTH = 16  # of the frozen map of the words


def turned_digits(run: apps.Run) -> tuple[list[apps.Comparison], list[Trained], dict[str, Any]]:
    """A transformer that has learnt upright digits, adapted to digits that lie on their side."""
    data = require("sklearn.datasets", "apps", "The app `large_model_adapter`").load_digits()
    images = data.images / 16 - 0.5
    train, test = np.split(run.rng("digits").permutation(len(images)), [len(images) // 2])
    few = train[: run.options.examples]
    upright = Task.of("upright digits", images, data.target, train, test)
    lying = Task.of("digits on their side", np.rot90(images, axes=(1, 2)), data.target, few, test)

    width = run.options.features
    _, tokens, inputs = images.shape
    model = Transformer(tokens, inputs, width, 10, run.options.depth)
    source = trained(run, "classical", "transformer", model, upright, starts=1)
    frozen = jax.tree.map(lambda leaf: leaf[0], source.params)
    encode = jax.jit(partial(model.encode, frozen))
    seen = Task(lying.name, *((np.asarray(encode(x)), y) for x, y in (lying.train, lying.test)))

    lora = Adapted(model, frozen, LowRankAdapter(width, width, 1))
    size = lora.num_parameters
    adapted = lambda kind, layers: Adapted(model, frozen, kind(width, width, RANK, layers))
    unitary = of_size(partial(adapted, UnitaryAdapter), size)
    amplitude = of_size(partial(adapted, AmplitudeAdapter), size)
    qubits = run.options.qubits
    head = of_size(partial(QuantumHead, width, qubits, 10), size)
    twin = of_size(lambda between: DenseHead(width, between, 10), size)

    found = [
        trained(run, "quantum", "unitary adapter", unitary, lying),
        trained(run, "quantum", "amplitude adapter", amplitude, lying),
        trained(run, "quantum", "quantum head", head, seen),
        trained(run, "classical", "LoRA, rank 1", lora, lying),
        trained(run, "classical", "dense head", twin, seen),
    ]
    whole = trained(run, "classical", "full fine-tuning", FineTuned(model, frozen), lying)
    linear = trained(run, "classical", "linear head", Dense(width, 10), seen)
    (before,) = accuracies(model, source.params, lying).tolist()
    as_it_was = apps.classical("not adapted", before, parameters=0,
                               error=apps.binomial_error(before, len(test)))  # fmt: skip
    best = max((one.row for one in found if one.row.kind == "quantum"), key=lambda row: row.value)
    comparisons = [
        apps.Comparison(f"{lying.name}, equal sizes", "test accuracy", "higher",
                        [one.row for one in found]),
        apps.Comparison(f"{lying.name}, any size", "test accuracy", "higher",
                        (best, whole.row, linear.row, as_it_was)),
    ]  # fmt: skip
    facts = {
        "accuracy on upright digits, before": source.row.value,
        "parameters of the transformer": model.num_parameters,
        "matrices adapted": len(ADAPTED) * model.depth,
        "digits adapted to": len(few),
    }
    return comparisons, [*found, whole, linear], facts


def reference(run: apps.Run, model: str, make: Any, task: Task, **known: Any) -> apps.Row:
    """The test accuracy of an estimator of scikit-learn."""
    (x, y), (rows, classes) = task.train, task.test
    share, seconds = run.keep(
        f"{task.name}: {model}", lambda: float(make().fit(x, y).score(rows, classes))
    )
    error = apps.binomial_error(share, len(classes))
    return apps.classical(model, share, error=error, seconds=seconds, **known)


def words(run: apps.Run) -> tuple[list[apps.Comparison], list[Trained], dict[str, Any]]:
    """The polarity of words from embeddings distilled from large models, which stay as they are."""
    logistic = require("sklearn.linear_model", "apps", PURPOSE).LogisticRegression
    svc = require("sklearn.svm", "apps", PURPOSE).SVC
    pca = require("sklearn.decomposition", "apps", PURPOSE).PCA
    names, positive = rated_words()
    order = run.rng("words").permutation(len(names))[: run.options.words]
    table = embeddings([names[k] for k in order])
    train, test = np.split(np.arange(len(order)), [3 * len(order) // 4])
    task = Task.of("polarity of words", table, positive[order], train, test)
    axes = pca(WIDTH, svd_solver="full").fit(task.train[0])
    scale = np.sqrt(axes.explained_variance_)
    parts = ((table - axes.mean_) @ axes.components_.T / scale)[:, :COMPONENTS]
    few = Task.of(f"{task.name}, {COMPONENTS} components", parts, positive[order], train, test)

    head = QuantumHead(COMPONENTS, COMPONENTS // 2, 2, 4)
    twin = of_size(lambda between: DenseHead(COMPONENTS, between, 2), head.num_parameters)
    of_parts = [
        trained(run, "quantum", "quantum head", head, few),
        trained(run, "classical", "dense head", twin, few),
    ]

    features = table.shape[1]
    frozen = (axes.components_.T / scale).astype(np.float32)
    adapted = lambda kind, rank, *layers: AdaptedMap(
        frozen, kind(features, WIDTH, rank, *layers), 2
    )
    lora = adapted(LowRankAdapter, 1)
    size = lora.num_parameters
    unitary = of_size(partial(adapted, UnitaryAdapter, RANK), size)
    amplitude = of_size(partial(adapted, AmplitudeAdapter, RANK), size)
    wide = of_size(partial(AmplitudeHead, features, 2), size)
    of_all = [
        trained(run, "quantum", "unitary adapter", unitary, task),
        trained(run, "quantum", "amplitude adapter", amplitude, task),
        trained(run, "quantum", "quantum head, 256 amplitudes", wide, task),
        trained(run, "classical", "LoRA, rank 1", lora, task),
    ]
    line = partial(logistic, max_iter=1000)
    comparisons = [
        apps.Comparison(few.name, "test accuracy", "higher", (
            *(one.row for one in of_parts),
            reference(run, "logistic regression", line, few, parameters=COMPONENTS + 1),
            reference(run, "support vectors", svc, few),
        )),
        apps.Comparison(f"{task.name}, all {features} numbers", "test accuracy", "higher", (
            *(one.row for one in of_all),
            reference(run, "logistic regression", line, task, parameters=features + 1),
            reference(run, "support vectors", svc, task),
        )),
    ]  # fmt: skip
    facts = {
        "words": len(order),
        "share of the larger class of words": float(
            max(positive[order].mean(), 1 - positive[order].mean())
        ),
    }
    return comparisons, [*of_parts, *of_all], facts


PARTS = {"digits": turned_digits, "words": words}


def picture(comparisons: list[apps.Comparison]) -> "Figure":
    """The accuracies with their standard errors."""
    figure, axes = apps.panels(len(comparisons), width=6.5, height=2.2)
    for ax, comparison in zip(np.ravel(axes), comparisons, strict=True):
        rows = comparison.rows[::-1]
        for k, row in enumerate(rows):
            color = "C0" if row.kind == "quantum" else "0.6"
            ax.barh(k, row.value, xerr=row.error, color=color, capsize=2)
        named = [f"{r.model} ({r.parameters:,})" if r.parameters else r.model for r in rows]
        ax.set_yticks(range(len(rows)), named, fontsize="small")
        ax.set_title(comparison.task, fontsize="medium", loc="left")
        ax.set(xlim=(0, 1))
        ax.grid(False)
    np.ravel(axes)[-1].set_xlabel("test accuracy (in brackets: numbers trained)")
    return figure


def picture_of_training(parts: dict[str, list[Trained]]) -> "Figure":
    """The losses over the steps."""
    figure, axes = apps.panels(1, len(parts))
    for ax, (name, models) in zip(np.ravel(axes), parts.items(), strict=True):
        for one in models:
            width = max(1, len(one.history) // 30)
            smooth = np.convolve(one.history, np.full(width, 1 / width), mode="valid")
            style = "-" if one.row.kind == "quantum" else "--"
            ax.plot(smooth, style, label=one.row.model)
        ax.set(xlabel="step", ylabel="cross-entropy", title=name, yscale="log")
        ax.legend(frameon=False, fontsize="x-small")
    return figure


def large_model_adapter(run: apps.Run) -> apps.Report:
    """Adapters and heads from circuits on frozen models, beside LoRA and full fine-tuning.

    Part `digits`: a small transformer reads images of digits row by row. It is trained here on
    upright digits, frozen, and adapted to the same digits on their side: by updates of its weight
    matrices that circuits make (columns of unitaries, or amplitudes), by LoRA, and by a new head
    with or without a circuit, all with as many trained numbers as nearly as can be; and by full
    fine-tuning, with all. All are trained by the same optimizer, steps and starts.

    Part `words`: embeddings of words that the package wordllama carries, distilled from the token
    embeddings of large language models, and which words people rate positive. The references of
    scikit-learn, logistic regression and support vectors, are beside.
    """
    names = list(PARTS) if run.options.part == "all" else [run.options.part]
    if "words" in names:
        for module in ("wordllama", "vaderSentiment"):
            require(module, EXTRA, PURPOSE)
    comparisons: list[apps.Comparison] = []
    models: dict[str, list[Trained]] = {}
    facts: dict[str, Any] = {}
    for name in names:
        found, models[name], known = PARTS[name](run)
        comparisons += found
        facts |= known
    return apps.Report(
        comparisons=comparisons,
        figures={"accuracy": picture(comparisons), "training": picture_of_training(models)},
        facts=facts,
    )


APP = apps.App(
    name="large_model_adapter",
    shows="frozen models adapted by circuits, by LoRA and by full fine-tuning",
    run=large_model_adapter,
    options=(
        apps.Option("part", "all", choices=("all", *PARTS), help="What to run: all, digits (needs "
                    "no package) or words (needs wordllama and vaderSentiment)."),
        apps.Option("steps", 600, quick=15, least=1, help="Steps of each training."),
        apps.Option("starts", 3, quick=2, least=1, help="Starts of each training."),
        apps.Option("rate", 0.01, help="First rate of Adam, for all models."),
        apps.Option("batch", 64, quick=1000, least=1, help="Rows in a batch, at most."),
        apps.Option("features", 32, quick=8, least=4, help="Width of the transformer."),
        apps.Option("depth", 2, quick=1, least=1, help="Layers of the transformer."),
        apps.Option("qubits", 8, quick=3, least=1, help="Qubits of the head for digits."),
        apps.Option("examples", 400, quick=60, least=10, help="Digits that are adapted to."),
        apps.Option("words", 7174, quick=200, least=100, help="Words, a quarter for the test."),
    ),
    needs=("matplotlib", "sklearn"),
    extra=EXTRA,
)  # fmt: skip

if __name__ == "__main__":
    apps.main(APP)
