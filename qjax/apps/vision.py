"""Handwritten digits as amplitudes: a quantum neural network and a quantum convolutional one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._images import SIDE, AmplitudeNetwork, SmallCNN, amplitudes, load_digits
from qjax.learning import Block, closest_in_size
from qjax.library import qcnn, strongly_entangling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

QUBITS = 6
# Ten strings that one basis measures at once, one for each digit.
STRINGS = ("Z0", "Z1", "Z2", "Z3", "Z4", "Z5", "Z0 Z1", "Z2 Z3", "Z4 Z5", "Z0 Z5")
PAIRS = ((0, 1), (3, 8), (2, 7))
COMPONENTS = 8  # of the principal component analysis beside the pairs
BATCH = 128
NAME = "The app `vision`"


@dataclass
class Split:
    """The digits: the first half of each selection is for training, the second for the test."""

    images: np.ndarray
    labels: np.ndarray

    @property
    def train(self) -> slice:
        """Rows for training."""
        return slice(None, len(self.labels) // 2)

    @property
    def test(self) -> slice:
        """Rows held out."""
        return slice(len(self.labels) // 2, None)

    @property
    def pixels(self) -> np.ndarray:
        """Grey values in rows."""
        return self.images.reshape(len(self.images), -1)

    def only(self, pair: tuple[int, int]) -> "Split":
        """Two digits, labelled 0 and 1."""
        rows = np.isin(self.labels, pair)
        return Split(self.images[rows], (self.labels[rows] == pair[1]).astype(np.int32))

    def accuracy(self, found: np.ndarray) -> dict[str, Any]:
        """Share of the test's labels that were found, with its standard error."""
        right = float(np.mean(found == self.labels[self.test]))
        return {"value": right, "error": apps.binomial_error(right, len(found))}


@dataclass
class Trained:
    """What a training gave: labels of the test, probabilities of them, and what it took."""

    found: np.ndarray
    sure: np.ndarray
    history: np.ndarray
    parameters: int
    seconds: float


def classes(outputs: jax.Array) -> jax.Array:
    """Logits of all classes; of one output z, which stands for two classes, (z, -z)."""
    return outputs if outputs.shape[-1] > 1 else jnp.concatenate([outputs, -outputs], axis=-1)


def train(
    run: apps.Run, name: str, network: Block, rows: np.ndarray, split: Split, rate: float
) -> Trained:
    """Train a network on rows of data by the cross-entropy of softmax."""
    steps = run.options.steps

    def loss(params: Any, batch: tuple[jax.Array, jax.Array]) -> jax.Array:
        logits = classes(network.apply(params, batch[0]))
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch[1]).mean()

    data = (jnp.asarray(rows[split.train]), jnp.asarray(split.labels[split.train]))
    result = run.fit(
        name, loss, network.init(run.key(f"{name}: start")),
        optax.adam(optax.cosine_decay_schedule(rate, steps)), steps,
        data=data, batch_size=min(BATCH, len(data[1])), key=run.key(f"{name}: batches"),
    )  # fmt: skip
    outputs = jax.jit(network.apply)(result.params, jnp.asarray(rows[split.test]))
    sure = np.asarray(jax.nn.softmax(classes(outputs), axis=-1))
    return Trained(
        sure.argmax(axis=1), sure, result.history, network.num_parameters, result.seconds
    )


def all_ten(run: apps.Run, split: Split) -> tuple[apps.Comparison, dict[str, Trained]]:
    """The ten classes, by two circuits, and classical models beside them."""
    o = run.options
    states = amplitudes(split.images)
    circuits = {
        "quantum neural network": AmplitudeNetwork(strongly_entangling(QUBITS, o.layers), STRINGS),
        "QCNN and linear head": AmplitudeNetwork(
            qcnn(QUBITS, block="so4"), ["X0", "Y0", "Z0"], filters=o.filters, outputs=10
        ),
    }
    notes = {
        "quantum neural network": f"{QUBITS} qubits, {o.layers} layers, softmax of ten strings",
        "QCNN and linear head": f"{o.filters} circuits of {QUBITS} qubits",
    }
    trained = {n: train(run, n, net, states, split, 0.02) for n, net in circuits.items()}
    row = lambda make, name, one, **facts: make(
        name, **split.accuracy(one.found), parameters=one.parameters, seconds=one.seconds, **facts
    )
    rows = [row(apps.quantum, name, one, note=notes[name]) for name, one in trained.items()]
    sizes = [one.parameters for one in trained.values()]
    make = lambda channels: SmallCNN(SIDE, channels, pool=2, outputs=10)
    for twin in {n.num_parameters: n for n in (closest_in_size(make, s) for s in sizes)}.values():
        name = f"CNN, {twin.channels} channel" + "s" * (twin.channels > 1)
        trained[name] = train(run, name, twin, split.pixels, split, 0.02)
        rows.append(row(apps.classical, name, trained[name]))
    rows += by_sklearn(run, split)
    return apps.Comparison("digits, all ten classes", "test accuracy", "higher", rows), trained


def by_sklearn(run: apps.Run, split: Split) -> list[apps.Row]:
    """Logistic regression, and the support vectors of scikit-learn's own example."""
    linear = require("sklearn.linear_model", "apps", NAME)
    svm = require("sklearn.svm", "apps", NAME)
    grey = 16 * split.pixels.astype(float)  # 0..16, as scikit-learn has them
    models = {
        "logistic regression": (linear.LogisticRegression(max_iter=5000), (grey.shape[1] + 1) * 10),
        "support vectors, gamma = 0.001": (svm.SVC(gamma=0.001), None),
    }
    rows = []
    for name, (model, parameters) in models.items():
        fitted = lambda model=model: model.fit(
            grey[split.train], split.labels[split.train]
        ).predict(grey[split.test])
        found, seconds = run.keep(name, fitted)
        note = "scikit-learn's example of digits" if parameters is None else ""
        facts = {"parameters": parameters, "seconds": seconds, "note": note}
        rows.append(apps.classical(name, **split.accuracy(found), **facts))
    return rows


def one_pair(run: apps.Run, whole: Split, pair: tuple[int, int]) -> apps.Comparison:
    """Two digits by a QCNN that is read at one qubit, and by few principal components."""
    split, task = whole.only(pair), f"digits, {pair[0]} or {pair[1]}"
    network = AmplitudeNetwork(qcnn(QUBITS, block="so4"), ["Z0"])
    one = train(run, f"QCNN: {task}", network, amplitudes(split.images), split, 0.05)

    def components() -> np.ndarray:
        pca = require("sklearn.decomposition", "apps", NAME).PCA(COMPONENTS)
        linear = require("sklearn.linear_model", "apps", NAME)
        fitted = pca.fit(split.pixels[split.train])
        model = linear.LogisticRegression().fit(
            fitted.transform(split.pixels[split.train]), split.labels[split.train]
        )
        return model.predict(fitted.transform(split.pixels[split.test]))

    name = f"logistic regression on {COMPONENTS} principal components"
    found, seconds = run.keep(f"{name}: {task}", components)
    rows = [
        apps.quantum("QCNN, Z of one qubit", **split.accuracy(one.found),
                     parameters=one.parameters, seconds=one.seconds),
        apps.classical(name, **split.accuracy(found), parameters=COMPONENTS + 1, seconds=seconds),
    ]  # fmt: skip
    if pair == (0, 1):
        rows.append(apps.published("QCNN, 45 parameters", 0.9726, note=(
            "Mathematics 13, 3148 (2025): 0 or 1 of MNIST")))  # fmt: skip
    return apps.Comparison(task, "test accuracy", "higher", rows)


def picture_of_learning(trained: dict[str, Trained], split: Split, best: str) -> "Figure":
    """Losses, the mean of each epoch, and the confusion matrix of a model."""
    figure, (left, right) = apps.panels(1, 2)
    epoch = -(-len(split.labels[split.train]) // BATCH)
    for name, one in trained.items():
        whole = one.history[: max(1, len(one.history) // epoch) * epoch]
        means = [part.mean() for part in np.array_split(whole, max(1, len(whole) // epoch))]
        left.plot(np.arange(1, len(means) + 1), means, label=name)
    left.set(xlabel="epoch", ylabel="cross-entropy / nats", yscale="log")
    left.legend(frameon=False, fontsize="small")
    counts = np.zeros((10, 10), int)
    np.add.at(counts, (split.labels[split.test], trained[best].found), 1)
    shown = np.where(np.eye(10, dtype=bool), 0, counts)
    right.imshow(shown, cmap="Reds", vmax=max(1, 1.5 * shown.max()))
    for (r, c), n in np.ndenumerate(counts):
        right.text(c, r, str(n) if n else "", ha="center", va="center", fontsize=7)
    right.set(title=best, xlabel="found", ylabel="true", xticks=range(10), yticks=range(10))
    right.grid(False)
    return figure


def picture_of_mistakes(one: Trained, split: Split, name: str) -> "Figure":
    """Some digits that a model takes for others, the surest mistakes first."""
    wrong = np.flatnonzero(one.found != split.labels[split.test])
    wrong = wrong[np.argsort(-one.sure[wrong].max(axis=1), kind="stable")]
    figure, axes = apps.panels(2, 8, width=1.0, height=1.25, title=f"mistakes of the {name}")
    for ax in axes.flat:
        ax.axis("off")
    for ax, k in zip(axes.flat, wrong, strict=False):
        ax.imshow(split.images[split.test][k], cmap="Greys")
        ax.set_title(f"{split.labels[split.test][k]} as {one.found[k]}", fontsize="small")
    return figure


def vision(run: apps.Run) -> apps.Report:
    """Images of 64 pixels as the amplitudes of six qubits, all ten digits.

    A quantum neural network is layers of trained gates; the softmax of ten expectation values,
    which one basis measures at once, says which digit it is. The hybrid lets several quantum
    convolutional networks (QCNN), each read at its last qubit, feed a linear map. Beside them are
    convolutional networks of equal parameter count, logistic regression and support vectors. The
    first half of the data is for training, the second for the test. Pairs of digits are told apart
    by one QCNN, read at one qubit.
    """
    split = Split(*load_digits("vision"))
    ten, trained = all_ten(run, split)
    pairs = [one_pair(run, split, pair) for pair in PAIRS[: run.options.pairs]]
    best = max((r for r in ten.rows if r.kind == "quantum"), key=lambda r: r.value).model
    return apps.Report(
        comparisons=(ten, *pairs),
        figures={
            "learning": picture_of_learning(trained, split, best),
            "mistakes": picture_of_mistakes(trained[best], split, best),
        },
        facts={
            "images for training": len(split.labels[split.train]),
            "images for the test": len(split.labels[split.test]),
            "batch": BATCH,
            "final loss": {name: float(one.history[-1]) for name, one in trained.items()},
        },
    )


APP = apps.App(
    name="vision",
    shows="digits as amplitudes: a quantum neural network and a QCNN beside CNNs",
    run=vision,
    options=(
        apps.Option("steps", 1500, quick=30, least=1, help="Steps of each training."),
        apps.Option("layers", 12, quick=2, least=1, help="Layers of the quantum neural network."),
        apps.Option("filters", 8, quick=2, least=1, help="Circuits of the hybrid."),
        apps.Option("pairs", 3, quick=1, least=0, help="Pairs of digits, of 0/1, 3/8 and 2/7."),
    ),
    needs=("sklearn", "matplotlib"),
)

if __name__ == "__main__":
    apps.main(APP)
