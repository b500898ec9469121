"""Speaker recognition on the Japanese Vowels: a quantum head and a quantum recurrent cell."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._losses import plot_losses
from qjax.apps._vowels import SPEAKERS, Utterances, japanese_vowels
from qjax.learning import Block, QuantumModel, closest_in_size
from qjax.learning.blocks import Dense, GRUCell, QuantumLSTMCell
from qjax.learning.blocks.recurrent import Cell
from qjax.learning.circuits import reuploading_circuit

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDEST = range(1, 65)  # widths tried for the classical twins
SUMMARIES, SEQUENCES = "means and deviations", "sequences"


class Head(Block):
    """Speakers from the summary of an utterance: dense map, tanh, a circuit or none, dense map.

    Args:
        features: Length of a summary.
        width: Width between the maps, and number of qubits.
        layers: Layers of the circuit; 0 for the classical twin.
    """

    def __init__(self, features: int, width: int, layers: int = 0) -> None:
        self.down, self.up = Dense(features, width), Dense(width, SPEAKERS)
        self.circuit = QuantumModel(reuploading_circuit(width, width, layers)) if layers else None

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of the maps and of the circuit."""
        a, b, c = jax.random.split(key, 3)
        circuit = {} if self.circuit is None else self.circuit.init(c)
        return {"down": self.down.init(a), "up": self.up.init(b), "circuit": circuit}

    def apply(self, params: Any, rows: dict[str, Any]) -> jax.Array:
        """Logits of shape (..., speakers)."""
        inner = jnp.tanh(self.down.apply(params["down"], rows["summary"]))
        if self.circuit is not None:
            inner = self.circuit.apply(params["circuit"], inner * (jnp.pi / 2))
        return self.up.apply(params["up"], inner)


class Listener(Block):
    """Speakers from the frames: a recurrent cell, the mean of what it says, a dense map."""

    def __init__(self, cell: Cell) -> None:
        self.cell, self.up = cell, Dense(cell.hidden, SPEAKERS)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters of the cell and of the map."""
        a, b = jax.random.split(key)
        return {"cell": self.cell.init(a), "up": self.up.init(b)}

    def apply(self, params: Any, rows: dict[str, Any]) -> jax.Array:
        """Logits of shape (..., speakers)."""
        said, mask = self.cell.unroll(params["cell"], rows["frames"])[1], rows["mask"][..., None]
        return self.up.apply(params["up"], jnp.sum(said * mask, axis=-2) / jnp.sum(mask, axis=-2))


def models(features: int, width: int, layers: int) -> dict[str, dict[str, Block]]:
    """The models by task and kind; the twins have as near as can be as many parameters."""
    head = Head(2 * features, width, layers)
    cell = Listener(QuantumLSTMCell(features, width, layers))
    return {
        SUMMARIES: {
            "quantum head": head,
            "dense head": closest_in_size(
                lambda size: Head(2 * features, size), head.num_parameters, WIDEST
            ),
        },
        SEQUENCES: {
            "quantum LSTM": cell,
            "GRU": closest_in_size(
                lambda size: Listener(GRUCell(features, size)), cell.num_parameters, WIDEST
            ),
        },
    }


def as_rows(said: Utterances, task: str) -> dict[str, jax.Array]:
    """What the models of a task take, and the speakers."""
    inputs = (
        {"frames": said.frames, "mask": said.mask}
        if task == SEQUENCES
        else {"summary": said.summary}
    )
    return jax.tree.map(jnp.asarray, {**inputs, "speakers": said.speakers})


def shallow_models(run: apps.Run, train: Utterances, test: Utterances) -> list[apps.Row]:
    """What scikit-learn finds: a linear model of the means, and a support vector machine."""

    def compute() -> dict[str, float]:
        linear = require("sklearn.linear_model", "apps", "The app `speech`")
        svm = require("sklearn.svm", "apps", "The app `speech`")
        scaler = require("sklearn.preprocessing", "apps", "The app `speech`").StandardScaler
        pipeline = require("sklearn.pipeline", "apps", "The app `speech`").make_pipeline
        lr = pipeline(scaler(), linear.LogisticRegression(max_iter=2000))
        svc = pipeline(scaler(), svm.SVC())
        return {
            "logistic regression": lr.fit(train.means, train.speakers).score(
                test.means, test.speakers
            ),
            "support vector machine": svc.fit(train.summary, train.speakers).score(
                test.summary, test.speakers
            ),
        }

    found, _ = run.keep("scikit-learn", compute)
    notes = {
        "logistic regression": "12 means",
        "support vector machine": "12 means and 12 deviations, Gaussian kernel",
    }
    size = {"logistic regression": SPEAKERS * (train.frames.shape[-1] + 1)}
    return [
        apps.classical(name, value, error=apps.binomial_error(value, len(test)),
                       parameters=size.get(name), note=notes[name])
        for name, value in found.items()
    ]  # fmt: skip


def confusion_picture(found: dict[str, np.ndarray], speakers: np.ndarray) -> "Figure":
    """Who was taken for whom, by each model."""
    figure, axes = apps.panels(1, len(found), width=3.4, height=3.4)
    for ax, (name, guesses) in zip(axes, found.items(), strict=True):
        table = np.zeros((SPEAKERS, SPEAKERS))
        np.add.at(table, (speakers, guesses), 1)
        ax.imshow(table / table.sum(axis=1, keepdims=True), cmap="Blues", vmin=0, vmax=1)
        for (row, column), count in np.ndenumerate(table.astype(int)):
            if count:
                ax.text(column, row, count, ha="center", va="center", fontsize=6,
                        color="white" if row == column else "black")  # fmt: skip
        ticks = range(SPEAKERS)
        ax.set(title=name, xlabel="heard", ylabel="speaker", xticks=ticks, yticks=ticks)
        ax.set_xticklabels([str(s + 1) for s in ticks])
        ax.set_yticklabels([str(s + 1) for s in ticks])
        ax.grid(False)
    return figure


def training_picture(histories: dict[str, np.ndarray]) -> "Figure":
    """Losses of batches."""
    figure, ax = apps.panels()
    plot_losses(ax, histories)
    return figure


def speech(run: apps.Run) -> apps.Report:
    """Who of nine men speaks: the Japanese Vowels recordings, 270 utterances, 370 for the test.

    An utterance is a sequence of 7 to 29 frames of 12 LPC cepstra. A quantum head takes the means
    and deviations of the cepstra, beside a dense head with as many parameters; a long short-term
    memory with circuits as gates takes the frames, beside a gated recurrent unit. Logistic
    regression on the means and a support vector machine say what the data give at once.
    """
    chosen = run.options
    train, test = japanese_vowels()
    schedule = optax.cosine_decay_schedule(chosen.rate, chosen.steps)
    optimizer = optax.adamw(schedule, weight_decay=1e-2)
    stacked = lambda one, other: jnp.concatenate([one, other])
    references = {SUMMARIES: shallow_models(run, train, test)}
    comparisons, guesses, histories, known = [], {}, {}, {}
    for task, pair in models(train.frames.shape[-1], chosen.qubits, chosen.layers).items():
        data, held_out = as_rows(train, task), as_rows(test, task)
        rows = []
        for kind, (name, model) in zip((apps.quantum, apps.classical), pair.items(), strict=True):

            def loss(params: Any, batch: dict[str, jax.Array], model: Block = model) -> jax.Array:
                logits = model.apply(params, batch)
                picked = optax.softmax_cross_entropy_with_integer_labels(logits, batch["speakers"])
                return jnp.mean(picked)

            result = run.fit(
                name, loss, jax.jit(model.init)(run.key(f"{name}: start")), optimizer, chosen.steps,
                data=data, batch_size=chosen.batch, key=run.key(f"{name}: batches"),
            )  # fmt: skip
            heard = jax.jit(lambda p, r, model=model: jnp.argmax(model.apply(p, r), axis=-1))
            found = np.asarray(heard(result.params, jax.tree.map(stacked, data, held_out)))
            known[name] = float(np.mean(found[: len(train)] == train.speakers))
            guesses[name] = found[len(train) :]
            share = float(np.mean(guesses[name] == test.speakers))
            histories[name] = result.history
            rows.append(
                kind(name, share, error=apps.binomial_error(share, len(test)),
                     parameters=model.num_parameters, seconds=result.seconds)
            )  # fmt: skip
        comparisons.append(
            apps.Comparison(
                f"nine speakers by {task}", "test accuracy", "higher",
                [*rows, *references.pop(task, [])],
            )
        )  # fmt: skip
    return apps.Report(
        comparisons=comparisons,
        figures={
            "training": training_picture(histories),
            "confusion": confusion_picture(guesses, test.speakers),
        },
        facts={
            "utterances for training": len(train),
            "utterances of the test": len(test),
            "training accuracy": known,
        },
    )


APP = apps.App(
    name="speech",
    shows="who of nine speakers is heard, by a quantum head and a quantum recurrent cell",
    run=speech,
    options=(
        apps.Option("steps", 600, quick=3, least=1, help="Steps of each training."),
        apps.Option("batch", 54, quick=18, least=1, help="Utterances in a batch, at most 270."),
        apps.Option("qubits", 6, quick=2, least=1, help="Qubits of the circuits."),
        apps.Option("layers", 2, quick=1, least=1, help="Layers of the circuits."),
        apps.Option("rate", 0.02, least=0, help="First learning rate."),
    ),
    needs=("matplotlib", "sklearn", "aeon"),
    extra="apps-speech",
)

if __name__ == "__main__":
    apps.main(APP)
