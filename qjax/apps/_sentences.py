"""Sentences about food or computers, by circuits made of their grammar."""

from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._grammar import WIRES, Sentence, angles_of, drawn_sentences, meanings
from qjax.apps._losses import plot_losses
from qjax.draw.palette import SERIES

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PARTS = {"training": 70, "development": 30, "test": 30}
RESTARTS = 4
LEAST = 1e-6  # probability that a logarithm is taken of

# By grammar: the words of sentences alike, as numbers, and the places of these among all.
Grouped = dict[str, tuple[jax.Array, jax.Array]]


class Lexicon:
    """The words of each type, and their states.

    Args:
        sentences: Sentences with all the words.
        layers: Layers of the states of adjectives and verbs.
    """

    def __init__(self, sentences: list[Sentence], layers: int) -> None:
        self.layers = layers
        self.words = {
            kind: sorted({w for s in sentences for w, k in zip(s.words, s.types, strict=True)
                          if k == kind})
            for kind in WIRES
        }  # fmt: skip

    def init(self, key: jax.Array) -> dict[str, jax.Array]:
        """Angles, uniform in 0..2 pi, of shape (words, angles) for each type."""
        keys = jax.random.split(key, len(self.words))
        return {
            kind: jax.random.uniform(
                own, (len(words), angles_of(kind, self.layers)), maxval=2 * jnp.pi
            )
            for own, (kind, words) in zip(keys, self.words.items(), strict=True)
        }

    def grouped(self, sentences: list[Sentence]) -> Grouped:
        """The sentences by their grammar, each a batch."""
        found: Grouped = {}
        for types in sorted({s.types for s in sentences}):
            places = [i for i, s in enumerate(sentences) if s.types == types]
            words = [
                [self.words[k].index(w) for w, k in zip(sentences[i].words, types, strict=True)]
                for i in places
            ]
            found[types] = jnp.asarray(words, jnp.int32), jnp.asarray(places, jnp.int32)
        return found

    def apply(self, params: Any, groups: Grouped) -> tuple[jax.Array, jax.Array]:
        """Probability that the cups succeed, and that the topic then is food, of each sentence."""
        found = [
            meanings(types, self.layers, [params[k][words[:, p]] for p, k in enumerate(types)])
            for types, (words, _) in groups.items()
        ]
        order = jnp.argsort(jnp.concatenate([places for _, places in groups.values()]))
        kept, food = (jnp.concatenate(one)[order] for one in zip(*found, strict=True))
        return kept, food


def losses(food: Any, topics: Any) -> jax.Array:
    """Cross-entropy of each sentence in nats, from the probability of food."""
    food = jnp.clip(food, LEAST, 1 - LEAST)
    return -jnp.log(jnp.where(topics == 1, food, 1 - food))


def bag_of_words(run: apps.Run, parts: dict[str, list[Sentence]]) -> tuple[float, int, float]:
    """Logistic regression on which words there are: test accuracy, parameters, seconds."""
    vocabulary = sorted({w for part in parts.values() for s in part for w in s.words})

    def compute() -> float:
        linear = require("sklearn.linear_model", "apps", "The app `language`")
        bags = {
            name: np.array([[w in s.words for w in vocabulary] for s in part], float)
            for name, part in parts.items()
        }
        topics = {name: [s.topic for s in part] for name, part in parts.items()}
        model = linear.LogisticRegression().fit(bags["training"], topics["training"])
        return model.score(bags["test"], topics["test"])

    found, seconds = run.keep("bag of words", compute)
    return found, len(vocabulary) + 1, seconds


def picture(history: np.ndarray, shown: list[Sentence], food: np.ndarray) -> "Figure":
    """The loss, and what the circuit makes of each sentence of the test."""
    figure, (left, right) = apps.panels(1, 2, width=5.2, height=4.6)
    plot_losses(left, {"word circuits": history}, window=5)
    rows = sorted(
        (one.topic, float(share), " ".join(one.words))
        for one, share in zip(shown, food, strict=True)
    )
    for place, (topic, share, _) in enumerate(rows):
        right.barh(place, share - 0.5, left=0.5, color=SERIES[topic])
    right.axvline(0.5, color="0.5", linewidth=0.8)
    right.set_yticks(range(len(rows)), [text for *_, text in rows], fontsize=5)
    right.set(xlim=(0, 1), xlabel="probability of food; colour: the truth")
    right.grid(False)
    return figure


def sentences(run: apps.Run) -> apps.Report:
    """130 sentences about food or computers, 70 for training, 30 to choose, 30 for the test."""
    drawn = drawn_sentences(sum(PARTS.values()), run.rng("sentences"))
    ends = np.cumsum(list(PARTS.values()))
    of = {
        name: slice(end - size, end) for (name, size), end in zip(PARTS.items(), ends, strict=True)
    }
    parts = {name: drawn[rows] for name, rows in of.items()}
    lexicon = Lexicon(drawn, run.options.sentence_layers)
    topics = np.array([s.topic for s in drawn])
    start = jax.jit(jax.vmap(lexicon.init))(jax.random.split(run.key("sentences: start"), RESTARTS))
    steps = run.options.sentence_steps

    def loss(params: Any, batch: tuple[Grouped, jax.Array]) -> jax.Array:
        groups, known = batch
        return jnp.mean(losses(lexicon.apply(params, groups)[1], known))

    result = run.fit(
        "word circuits", loss, start,
        optax.adam(optax.cosine_decay_schedule(0.1, steps)), steps, restarts=RESTARTS,
        data=(lexicon.grouped(parts["training"]), jnp.asarray(topics[of["training"]])),
    )  # fmt: skip
    groups = lexicon.grouped(drawn)
    found = jax.jit(jax.vmap(lexicon.apply, (0, None)))(result.params, groups)
    kept, food = map(np.asarray, found)
    chosen = of["development"]
    best = int(np.argmin(np.mean(losses(food[:, chosen], topics[chosen]), axis=1)))
    right = (food[best] > 0.5) == (topics == 1)
    shares = {name: float(right[rows].mean()) for name, rows in of.items()}
    size = PARTS["test"]
    bag, weights, seconds = bag_of_words(run, parts)
    return apps.Report(
        comparisons=(
            apps.Comparison(
                "sentences on food or computers", "test accuracy", "higher",
                (
                    apps.quantum("word circuits, joined by post-selection", shares["test"],
                                 error=apps.binomial_error(shares["test"], size),
                                 parameters=apps.count_parameters(start) // RESTARTS,
                                 seconds=result.seconds, note=f"best of {RESTARTS} starts"),
                    apps.classical("logistic regression on words", bag,
                                   error=apps.binomial_error(bag, size), parameters=weights,
                                   seconds=seconds),
                ),
            ),
        ),
        figures={
            "sentences": picture(result.history[best], parts["test"], food[best, of["test"]])
        },
        facts={
            "accuracy of sentences": shares,
            "mean probability that post-selection keeps a sentence": float(
                kept[best, of["test"]].mean()
            ),
            "qubits of a sentence": {t: sum(WIRES[k] for k in t) for t in groups},
        },
    )  # fmt: skip
