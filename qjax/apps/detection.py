"""A digit found among clutter: a box by regression, and windows that slide over the scene."""

import time
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._images import SIDE, AmplitudeNetwork, SmallCNN, amplitudes, load_digits
from qjax.apps._scenes import Scenes, draw_scenes, overlap, strongest, window_boxes, windows
from qjax.learning import Block, closest_in_size
from qjax.library import strongly_entangling

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SCENE = 16  # pixels along an edge: 256 amplitudes of 8 qubits
BATCH = 128
FLOOR = 0.1  # grey value added to windows, so that an empty one has a state
HIT, MISS = 0.7, 0.4  # IoU from which a window shows a digit, and up to which it shows none
MISSES = 3  # windows without a digit for each with one
DIGITS = 6  # on the large canvas
NAME = "The app `detection`"
QUANTUM, CLASSICAL = "circuit", "CNN"


def diagonal_strings(num_qubits: int) -> list[str]:
    """Z on each qubit and on each pair: all are measured at once."""
    pairs = combinations(range(num_qubits), 2)
    return [*(f"Z{q}" for q in range(num_qubits)), *(f"Z{a} Z{b}" for a, b in pairs)]


@dataclass
class Model:
    """A network, how it takes images, and what its training gave."""

    network: Block
    params: Any
    history: np.ndarray
    seconds: float
    states: bool  # whether images are given as amplitudes

    def outputs(self, images: np.ndarray) -> jax.Array:
        """What the network gives for images (rows, side, side), as one batch."""
        return jax.jit(self.network.apply)(self.params, jnp.asarray(rows(images, self.states)))


def rows(images: np.ndarray, states: bool) -> np.ndarray:
    """Images as statevectors, or as rows of grey values."""
    return amplitudes(images, FLOOR) if states else images.reshape(len(images), -1)


def box_loss(outputs: jax.Array, wanted: jax.Array) -> jax.Array:
    """1 - IoU and the absolute differences, which have a gradient where boxes do not overlap."""
    boxes = jax.nn.sigmoid(outputs)
    apart = jnp.sum(jnp.abs(boxes - wanted), axis=-1)
    return jnp.mean(1 - overlap(boxes, wanted)) + 2 * jnp.mean(apart)


def window_loss(outputs: jax.Array, wanted: jax.Array) -> jax.Array:
    """The cross-entropy of whether a window shows a digit."""
    return jnp.mean(optax.sigmoid_binary_cross_entropy(outputs[:, 0], wanted))


def train(
    run: apps.Run, name: str, network: Block, loss: Any, images: np.ndarray, wanted: np.ndarray
) -> Model:
    """Train a network by minibatches."""
    states, steps = isinstance(network, AmplitudeNetwork), run.options.steps
    data = (jnp.asarray(rows(images, states)), jnp.asarray(wanted))
    result = run.fit(
        name, lambda params, batch: loss(network.apply(params, batch[0]), batch[1]),
        network.init(run.key(f"{name}: start")),
        optax.adam(optax.cosine_decay_schedule(0.02, steps)), steps,
        data=data, batch_size=min(BATCH, len(wanted)), key=run.key(f"{name}: batches"),
    )  # fmt: skip
    return Model(network, result.params, result.history, result.seconds, states)


def regressors(run: apps.Run, scenes: Scenes) -> dict[str, Model]:
    """A circuit of 8 qubits and its classical twin, trained to give the box."""
    circuit = AmplitudeNetwork(
        strongly_entangling(8, run.options.layers), diagonal_strings(8), outputs=4
    )
    twin = closest_in_size(
        lambda channels: SmallCNN(SCENE, channels, pool=4, outputs=4), circuit.num_parameters
    )
    return {
        kind: train(run, f"box by {kind}", one, box_loss, scenes.images, scenes.boxes[:, 0])
        for kind, one in ((QUANTUM, circuit), (CLASSICAL, twin))
    }


def labelled_windows(scenes: Scenes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Windows with a digit and without one, and labels 1 and 0.

    Of each scene the window that overlaps most with the box, if it is a hit, and some that miss.
    """
    seen, places = windows(scenes.images), window_boxes(scenes.images.shape[-1])
    images, labels = [], []
    for its, box in zip(seen, scenes.boxes[:, 0], strict=True):
        shared = overlap(places, box)
        hits = [int(shared.argmax())] if shared.max() >= HIT else []
        misses = rng.choice(np.flatnonzero(shared <= MISS), MISSES, replace=False)
        images += [its[k] for k in (*hits, *misses)]
        labels += [1.0] * len(hits) + [0.0] * len(misses)
    return np.array(images, np.float32), np.array(labels, np.float32)


def window_classifiers(run: apps.Run, scenes: Scenes) -> dict[str, Model]:
    """A circuit of 6 qubits and its classical twin, trained to tell digits from clutter."""
    images, labels = labelled_windows(scenes, run.rng("windows"))
    circuit = AmplitudeNetwork(
        strongly_entangling(6, run.options.layers), diagonal_strings(6), outputs=1
    )
    twin = closest_in_size(
        lambda channels: SmallCNN(SIDE, channels, pool=2, outputs=1), circuit.num_parameters
    )
    return {
        kind: train(run, f"windows by {kind}", one, window_loss, images, labels)
        for kind, one in ((QUANTUM, circuit), (CLASSICAL, twin))
    }


def slid(model: Model, images: np.ndarray) -> np.ndarray:
    """Scores (scenes, windows) of all windows of all scenes, one batch of circuits."""
    seen = windows(images)
    return np.asarray(model.outputs(seen.reshape(-1, SIDE, SIDE))).reshape(seen.shape[:2])


def linear_boxes(scenes: Scenes, tests: Scenes) -> np.ndarray:
    """Boxes by ridge regression on all pixels."""
    linear = require("sklearn.linear_model", "apps", NAME)
    model = linear.Ridge(alpha=10.0).fit(rows(scenes.images, False), scenes.boxes[:, 0])
    return model.predict(rows(tests.images, False))


def compare(
    run: apps.Run,
    scenes: Scenes,
    tests: Scenes,
    boxes: dict[str, Model],
    sliding: dict[str, Model],
) -> tuple[list[apps.Comparison], dict[str, np.ndarray]]:
    """The overlap of found and true boxes by all models, and the boxes of those trained here."""
    places = window_boxes(SCENE)
    makers = {QUANTUM: apps.quantum, CLASSICAL: apps.classical}
    entries, found = [], {}
    for way, models in (("box by", boxes), ("windows by", sliding)):
        for kind, model in models.items():
            if way == "box by":
                its = np.asarray(jax.nn.sigmoid(model.outputs(tests.images)))
            else:
                its = places[slid(model, tests.images).argmax(axis=1)]
            found[f"{way} {kind}"] = its
            entries.append(
                (makers[kind], f"{way} {kind}", its, model.network.num_parameters, model.seconds)
            )
    linear, seconds = run.keep("linear regression", lambda: linear_boxes(scenes, tests))
    entries.append((apps.classical, "linear regression", linear, 4 * (SCENE**2 + 1), seconds))
    mean = np.broadcast_to(scenes.boxes[:, 0].mean(axis=0), linear.shape)
    entries.append((apps.classical, "the mean box", mean, 4, None))

    def rows_of(measure: Any) -> list[apps.Row]:
        made = []
        for make, name, its, parameters, seconds in entries:
            values = measure(overlap(np.asarray(its), tests.boxes[:, 0]))
            error = float(values.std(ddof=1) / np.sqrt(len(values)))
            made.append(make(name, float(values.mean()), error=error,
                             parameters=parameters, seconds=seconds))  # fmt: skip
        return made

    task = f"one digit in {SCENE} x {SCENE} scenes with clutter"
    return [
        apps.Comparison(task, "mean IoU", "higher", rows_of(lambda shared: shared)),
        apps.Comparison(task, "share with IoU > 0.5", "higher", rows_of(lambda shared: (
            (shared > 0.5).astype(float)))),
    ], found  # fmt: skip


def on_canvas(
    run: apps.Run, model: Model, kind: str, canvas: Scenes
) -> tuple[np.ndarray, dict[str, Any]]:
    """Scores of all windows of a large canvas, and facts about them."""

    def compute() -> dict[str, Any]:
        slid(model, canvas.images)  # compiles
        started = time.perf_counter()
        scores = slid(model, canvas.images)[0]
        return {"scores": scores, "seconds": time.perf_counter() - started}

    kept, _ = run.keep(f"canvas by {kind}", compute)
    places = window_boxes(canvas.images.shape[-1])
    found = places[strongest(places, kept["scores"], 0.0)]
    shared = overlap(found[:, None], canvas.boxes[0][None]) > 0.5
    return kept["scores"], {
        "windows in one batch": len(places),
        "windows a second": round(len(places) / kept["seconds"]),
        "digits": canvas.boxes.shape[1],
        "digits found": int(shared.any(axis=0).sum()),
        "boxes without a digit": int((~shared.any(axis=1)).sum()),
    }


def draw_box(ax: Any, box: np.ndarray, side: int, color: str, **style: Any) -> None:
    """The outline of a box on an image whose pixels are at whole numbers."""
    r, c, height, width = side * np.asarray(box, float)
    top, left = r - height / 2 - 0.5, c - width / 2 - 0.5
    ax.plot(
        left + width * np.array([0, 1, 1, 0, 0]), top + height * np.array([0, 0, 1, 1, 0]),
        color=color, **style,
    )  # fmt: skip


def picture_of_boxes(tests: Scenes, found: dict[str, np.ndarray]) -> "Figure":
    """Some scenes with the true box and those of the models that give boxes."""
    figure, axes = apps.panels(3, 6, width=1.3, height=1.3)
    styles = {f"box by {QUANTUM}": ("tab:red", "-"), f"box by {CLASSICAL}": ("tab:blue", "--")}
    for k, ax in zip(range(len(tests.images)), axes.flat, strict=False):
        ax.imshow(tests.images[k], cmap="Greys", vmin=0, vmax=1.3)
        draw_box(ax, tests.boxes[k, 0], SCENE, "tab:green", linewidth=2.5, label="true")
        for name, (color, line) in styles.items():
            draw_box(ax, found[name][k], SCENE, color, linestyle=line, label=name)
    for ax in axes.flat:
        ax.set_axis_off()
    figure.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3,
                  frameon=False)  # fmt: skip
    return figure


def picture_of_canvas(canvas: Scenes, scores: dict[str, np.ndarray]) -> "Figure":
    """A canvas with many digits, the boxes found by sliding windows, and the heat maps."""
    side = canvas.images.shape[-1]
    places = window_boxes(side)
    figure, axes = apps.panels(1, 1 + len(scores), width=3.9, height=3.7)
    axes[0].imshow(canvas.images[0], cmap="Greys", vmin=0, vmax=1.3)
    axes[0].set_title("true boxes green, found by the circuit red", fontsize="small")
    for box in canvas.boxes[0]:
        draw_box(axes[0], box, side, "tab:green", linewidth=2.5)
    for k in strongest(places, scores[QUANTUM], 0.0):
        draw_box(axes[0], places[k], side, "tab:red")
    rank = np.rint(places[:, :2] * side).astype(int)
    for ax, (kind, its) in zip(axes[1:], scores.items(), strict=True):
        heat = np.zeros((side + 1, side + 1))
        np.maximum.at(heat, (rank[:, 0], rank[:, 1]), 1 / (1 + np.exp(-its.astype(float))))
        extent = (-1.0, side, side, -1.0)  # a window between pixels k - 1 and k has its centre at k
        ax.imshow(heat, cmap="magma", vmin=0, vmax=1, extent=extent)
        ax.set_title(f"a digit is here, by {kind}", fontsize="small")
    for ax in axes:
        ax.set_axis_off()
    return figure


def picture_of_learning(boxes: dict[str, Model], sliding: dict[str, Model]) -> "Figure":
    """The losses, the mean of every ten steps."""
    figure, axes = apps.panels(1, 2)
    for ax, title, models in ((axes[0], "box", boxes), (axes[1], "windows", sliding)):
        for kind, model in models.items():
            parts = np.array_split(model.history, max(1, len(model.history) // 10))
            ax.plot(np.linspace(0, len(model.history), len(parts)), [p.mean() for p in parts],
                    label=f"{kind}, {model.network.num_parameters} parameters")  # fmt: skip
        ax.set(title=title, xlabel="step", ylabel="loss")
        ax.legend(frameon=False, fontsize="small")
    return figure


def detection(run: apps.Run) -> apps.Report:
    """A digit is pasted into a scene of 16 x 16 pixels, among noise and pieces of other digits.

    Two ways find its box. Regression: the 256 pixels are the amplitudes of 8 qubits, whose
    expectation values an affine map turns into a box. Sliding windows: all windows of three sizes
    are the amplitudes of 6 qubits, one batch of circuits that says where a digit is; on a larger
    canvas with several digits these are thousands, and give a heat map. Beside both stand small
    convolutional networks of equal parameter count, linear regression on all pixels, and the mean
    box. Digits of the first half of the data are in the scenes for training, those of the second
    in the scenes for the test. Boxes are compared by intersection over union (IoU).
    """
    digits, _ = load_digits("detection")
    half = len(digits) // 2
    o = run.options
    scenes = draw_scenes(digits[:half], o.scenes, SCENE, run.rng("training"))
    tests = draw_scenes(digits[half:], max(50, o.scenes // 5), SCENE, run.rng("test"))
    canvas = draw_scenes(digits[half:], 1, o.canvas, run.rng("canvas"), each=DIGITS)
    boxes, sliding = regressors(run, scenes), window_classifiers(run, scenes)
    comparisons, found = compare(run, scenes, tests, boxes, sliding)
    on = {kind: on_canvas(run, model, kind, canvas) for kind, model in sliding.items()}
    return apps.Report(
        comparisons=comparisons,
        figures={
            "boxes": picture_of_boxes(tests, found),
            "canvas": picture_of_canvas(canvas, {kind: scores for kind, (scores, _) in on.items()}),
            "learning": picture_of_learning(boxes, sliding),
        },
        facts={
            "scenes for training": len(scenes.images),
            "scenes for the test": len(tests.images),
            "windows of a scene": len(window_boxes(SCENE)),
            f"canvas of {o.canvas} x {o.canvas}": {kind: facts for kind, (_, facts) in on.items()},
        },
    )


APP = apps.App(
    name="detection",
    shows="a digit among clutter: its box by regression, and by windows in one batch",
    run=detection,
    options=(
        apps.Option("steps", 1500, quick=30, least=1, help="Steps of each training."),
        apps.Option("layers", 6, quick=2, least=1, help="Layers of the circuits."),
        apps.Option("scenes", 3000, quick=200, least=10, help="Scenes for training."),
        apps.Option("canvas", 48, quick=40, least=40, help="Pixels along the canvas's edge."),
    ),
    needs=("sklearn", "matplotlib"),
)

if __name__ == "__main__":
    apps.main(APP)
