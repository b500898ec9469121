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

# By grammar: word[s, p] is the number of the word at place p of sentence s, and its topic[s].
Grouped = dict[str, dict[str, jax.Array]]


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

    def text(self, types: str, numbers: np.ndarray) -> str:
        """A sentence from the numbers of its words."""
        return " ".join(self.words[k][w] for k, w in zip(types, numbers, strict=True))

    def grouped(self, sentences: list[Sentence]) -> Grouped:
        """The sentences by their grammar, each a batch."""
        found: Grouped = {}
        for types in sorted({s.types for s in sentences}):
            alike = [s for s in sentences if s.types == types]
            found[types] = {
                "word": jnp.asarray(
                    [[self.words[k].index(w) for w, k in zip(s.words, types, strict=True)]
                     for s in alike], jnp.int32),
                "topic": jnp.asarray([s.topic for s in alike], jnp.float32),
            }  # fmt: skip
        return found

    def apply(self, params: Any, groups: Grouped) -> dict[str, tuple[jax.Array, jax.Array]]:
        """By grammar: probability that the cups succeed, and that the topic then is food."""
        return {
            types: meanings(
                types, self.layers,
                [params[kind][group["word"][:, place]] for place, kind in enumerate(types)],
            )
            for types, group in groups.items()
        }  # fmt: skip

    def loss(self, params: Any, groups: Grouped) -> jax.Array:
        """Mean cross-entropy in nats."""
        found = self.apply(params, groups)
        losses = []
        for types, group in groups.items():
            food = jnp.clip(found[types][1], LEAST, 1 - LEAST)
            losses.append(-jnp.log(jnp.where(group["topic"] > 0.5, food, 1 - food)))
        return jnp.mean(jnp.concatenate(losses))


def accuracy(found: dict[str, tuple[jax.Array, jax.Array]], groups: Grouped) -> float:
    """Share of the sentences whose topic is the more probable one."""
    right = [(found[t][1] > 0.5) == (group["topic"] > 0.5) for t, group in groups.items()]
    return float(np.mean(np.concatenate(right)))


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


def picture(
    history: np.ndarray, lexicon: Lexicon, found: dict[str, Any], groups: Grouped
) -> "Figure":
    """The loss, and what the circuit makes of each sentence of the test."""
    figure, (left, right) = apps.panels(1, 2, width=5.2, height=4.6)
    plot_losses(left, {"word circuits": history}, window=5)
    rows = sorted(
        (float(topic), float(food), lexicon.text(t, words))
        for t, group in groups.items()
        for topic, food, words in zip(
            group["topic"], found[t][1], np.asarray(group["word"]), strict=True
        )
    )
    for place, (topic, food, _) in enumerate(rows):
        right.barh(place, food - 0.5, left=0.5, color=SERIES[int(topic)])
    right.axvline(0.5, color="0.5", linewidth=0.8)
    right.set_yticks(range(len(rows)), [text for *_, text in rows], fontsize=5)
    right.set(xlim=(0, 1), xlabel="probability of food; colour: the truth")
    right.grid(False)
    return figure


def sentences(run: apps.Run) -> apps.Report:
    """130 sentences about food or computers, 70 for training, 30 to choose, 30 for the test."""
    drawn = drawn_sentences(sum(PARTS.values()), run.rng("sentences"))
    ends = np.cumsum(list(PARTS.values()))
    parts = {
        name: drawn[end - size : end] for (name, size), end in zip(PARTS.items(), ends, strict=True)
    }
    lexicon = Lexicon(drawn, run.options.sentence_layers)
    groups = {name: lexicon.grouped(part) for name, part in parts.items()}
    start = jax.vmap(lexicon.init)(jax.random.split(run.key("sentences: start"), RESTARTS))
    steps = run.options.sentence_steps
    result = run.fit(
        "word circuits", lexicon.loss, start,
        optax.adam(optax.cosine_decay_schedule(0.1, steps)), steps,
        data=groups["training"], restarts=RESTARTS,
    )  # fmt: skip
    chosen = jax.jit(jax.vmap(lexicon.loss, (0, None)))(result.params, groups["development"])
    best = int(np.argmin(chosen))
    params = jax.tree.map(lambda x: x[best], result.params)
    apply = jax.jit(lexicon.apply)
    found = {name: apply(params, group) for name, group in groups.items()}
    shares = {name: accuracy(one, groups[name]) for name, one in found.items()}
    success = np.concatenate([np.asarray(one[0]) for one in found["test"].values()])
    size = PARTS["test"]
    bag, weights, seconds = bag_of_words(run, parts)
    return apps.Report(
        comparisons=(
            apps.Comparison(
                "sentences on food or computers", "test accuracy", "higher",
                (
                    apps.quantum("word circuits, joined by post-selection", shares["test"],
                                 error=apps.binomial_error(shares["test"], size),
                                 parameters=apps.count_parameters(params),
                                 seconds=result.seconds, note=f"best of {RESTARTS} starts"),
                    apps.classical("logistic regression on words", bag,
                                   error=apps.binomial_error(bag, size), parameters=weights,
                                   seconds=seconds),
                ),
            ),
        ),
        figures={
            "sentences": picture(result.history[best], lexicon, found["test"], groups["test"])
        },
        facts={
            "accuracy of sentences": shares,
            "mean probability that post-selection keeps a sentence": float(success.mean()),
            "qubits of a sentence": {t: sum(WIRES[k] for k in t) for t in groups["test"]},
        },
    )  # fmt: skip
