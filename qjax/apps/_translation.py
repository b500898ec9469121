"""Number words from English to another language, by a recurrent encoder and decoder."""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._losses import plot_losses
from qjax.learning import Block, closest_in_size
from qjax.learning.blocks import Dense, LSTMCell, QuantumLSTMCell
from qjax.learning.blocks.recurrent import Cell

if TYPE_CHECKING:
    from matplotlib.figure import Figure

NUMBERS, PARTS = 100, 5
FEATURES, QUBITS, LAYERS = 6, 6, 2
PAD, END = 0, 1  # numbers of the two marks; END also starts a translation
Answers = dict[int, tuple[str, ...]]  # translations by number


@dataclass(frozen=True)
class Words:
    """The numbers in one language.

    Attributes:
        known: The words; number 2 + i stands for word i.
        said: The words of every number, as texts.
        rows: The same as numbers, int32 of shape (numbers, longest).
    """

    known: tuple[str, ...]
    said: tuple[tuple[str, ...], ...]
    rows: np.ndarray

    def text(self, row: Sequence[int]) -> tuple[str, ...]:
        """Words up to the end mark."""
        found = []
        for number in row:
            if number == END:
                break
            if number != PAD:
                found.append(self.known[number - 2])
        return tuple(found)


def number_words(language: str, *, before: bool) -> Words:
    """0 to 99 in a language of num2words, padded before the words, or behind them and an end."""
    say = require("num2words", "apps-language", "The app `language`").num2words
    said = tuple(tuple(re.findall(r"\w+", say(n, lang=language))) for n in range(NUMBERS))
    known = tuple(sorted({word for one in said for word in one}))
    longest = max(map(len, said)) + (not before)
    rows = np.full((NUMBERS, longest), PAD, np.int32)
    for row, one in zip(rows, said, strict=True):
        numbers = [2 + known.index(word) for word in one]
        if before:
            row[longest - len(numbers) :] = numbers
        else:
            row[: len(numbers) + 1] = [*numbers, END]
    return Words(known, said, rows)


class Translator(Block):
    """An encoder whose last state is the decoder's first, both recurrent cells."""

    def __init__(self, source: Words, target: Words, cell: Callable[[], Cell]) -> None:
        self.sizes = (len(source.known) + 2, len(target.known) + 2)
        self.length = target.rows.shape[1]
        self.encoder, self.decoder = cell(), cell()
        self.out = Dense(self.decoder.hidden, self.sizes[1])

    def init(self, key: jax.Array) -> dict[str, Any]:
        """All parameters."""
        a, b, c, d, e = jax.random.split(key, 5)
        return {
            "source": 0.3 * jax.random.normal(a, (self.sizes[0], FEATURES)),
            "target": 0.3 * jax.random.normal(b, (self.sizes[1], FEATURES)),
            "encoder": self.encoder.init(c),
            "decoder": self.decoder.init(d),
            "out": self.out.init(e),
        }

    def loss(self, params: Any, batch: dict[str, jax.Array]) -> jax.Array:
        """Mean nats of a word, each after the right ones before it."""
        state, _ = self.encoder.unroll(params["encoder"], params["source"][batch["source"]])
        target = batch["target"]
        before = jnp.concatenate([jnp.full_like(target[:, :1], END), target[:, :-1]], axis=1)
        _, said = self.decoder.unroll(params["decoder"], params["target"][before], state)
        logits = self.out.apply(params["out"], said)
        losses = optax.softmax_cross_entropy_with_integer_labels(logits, target)
        return jnp.mean(losses, where=target != PAD)

    def translate(self, params: Any, source: jax.Array) -> jax.Array:
        """The most probable word at every step, of shape (sentences, longest)."""
        state, _ = self.encoder.unroll(params["encoder"], params["source"][source])
        first = jnp.full(source.shape[0], END, jnp.int32)

        def step(carry: Any, _: None) -> tuple[Any, jax.Array]:
            state, word = carry
            state, said = self.decoder.apply(params["decoder"], state, params["target"][word])
            word = jnp.argmax(self.out.apply(params["out"], said), axis=-1).astype(jnp.int32)
            return (state, word), word

        return jax.lax.scan(step, (state, first), length=self.length)[1].T


def bleu(found: Sequence[Sequence[str]], wanted: Sequence[Sequence[str]], order: int = 2) -> float:
    r"""BLEU of a corpus with one reference each.

    min(1, exp(1 - r / c)) (p_1 ... p_N)^(1 / N), where p_n is the share of n-grams found that are
    in the reference, each at most as often as there; c and r are the lengths found and wanted.

    Args:
        found: Translations, as words.
        wanted: References.
        order: N. Two here, as most numbers have no four words.

    References:
        K. Papineni et al., BLEU: a method for automatic evaluation of machine translation, ACL
        2002.
    """
    grams = lambda words, n: Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
    logs = 0.0
    for n in range(1, order + 1):
        pairs = [(grams(a, n), grams(b, n)) for a, b in zip(found, wanted, strict=True)]
        right = sum((a & b).total() for a, b in pairs)
        if not right:
            return 0.0
        logs += math.log(right / sum(a.total() for a, _ in pairs)) / order
    lengths = sum(map(len, found)), sum(map(len, wanted))
    return math.exp(logs + min(0.0, 1 - lengths[1] / lengths[0]))


def phrase_table(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]], asked: Sequence[Sequence[str]]
) -> list[tuple[str, ...]]:
    """Translations without training: what a first word begins with, and how a last word ends.

    The beginning of a first word is what all known translations with it have in common; the end of
    a last word is what is most often left of them behind that. Unknown words become nothing.

    Args:
        pairs: Known sentences of one or two words, and their translations.
        asked: Sentences to translate.
    """
    begins: dict[str, tuple[str, ...]] = {}
    for words, said in pairs:
        if len(words) == 2:
            before = begins.get(words[0], tuple(said))
            alike = takewhile(lambda two: two[0] == two[1], zip(before, said, strict=False))
            begins[words[0]] = tuple(one for one, _ in alike)
    ends: dict[str, Counter[tuple[str, ...]]] = {}
    for words, said in pairs:
        skipped = len(begins[words[0]]) if len(words) == 2 else 0
        ends.setdefault(words[-1], Counter())[tuple(said[skipped:])] += 1
    last = {word: count.most_common(1)[0][0] for word, count in ends.items()}
    return [
        (begins.get(words[0], ()) if len(words) == 2 else ()) + last.get(words[-1], ())
        for words in asked
    ]


def models(source: Words, target: Words) -> dict[str, Translator]:
    """The quantum translator, and its twin with as near as can be as many parameters."""
    ours = Translator(source, target, lambda: QuantumLSTMCell(FEATURES, QUBITS, LAYERS))
    twin = lambda hidden: Translator(source, target, lambda: LSTMCell(FEATURES, hidden))
    return {
        "quantum LSTM": ours,
        "LSTM": closest_in_size(twin, ours.num_parameters, range(1, 33)),
    }


def translation(run: apps.Run) -> apps.Report:
    """The numbers 0 to 99, a fifth of them held out in turn."""
    chosen = run.options
    source = number_words("en", before=True)
    target = number_words(chosen.to, before=False)
    parts = np.array_split(run.rng("numbers").permutation(NUMBERS), PARTS)[: chosen.folds]
    schedule = optax.cosine_decay_schedule(0.03, chosen.translation_steps)
    optimizer = optax.adamw(schedule, weight_decay=0.1)
    exact, blues, histories, right = [], [], {}, {}
    asked = np.concatenate(parts)

    def judge(kind: Callable[..., apps.Row], name: str, found: Answers, **facts: Any) -> None:
        right[name] = {int(n): words == target.said[n] for n, words in found.items()}
        share = float(np.mean(list(right[name].values())))
        exact.append(kind(name, share, error=apps.binomial_error(share, len(asked)), **facts))
        both = [(words, target.said[n]) for n, words in found.items()]
        blues.append(kind(name, *resampled(both, run.rng("resampled")), **facts))

    pair = models(source, target).items()
    for kind, (name, model) in zip((apps.quantum, apps.classical), pair, strict=True):
        found: Answers = {}
        seconds, loss = 0.0, model.loss
        start, translate = jax.jit(model.init), jax.jit(model.translate)
        for number, part in enumerate(parts):
            kept = np.setdiff1d(np.arange(NUMBERS), part)
            data = {"source": source.rows[kept], "target": target.rows[kept]}
            result = run.fit(
                f"{name}, part {number + 1}", loss, start(run.key(f"{name} {number}")),
                optimizer, chosen.translation_steps, data=jax.tree.map(jnp.asarray, data),
            )  # fmt: skip
            said = np.asarray(translate(result.params, jnp.asarray(source.rows[part])))
            found |= {n: target.text(row) for n, row in zip(part, said, strict=True)}
            seconds += result.seconds
            histories.setdefault(name, result.history)
        judge(kind, name, found, parameters=model.num_parameters, seconds=seconds)
    looked_up: Answers = {}
    for part in parts:
        known = [(source.said[n], target.said[n]) for n in range(NUMBERS) if n not in part]
        answers = phrase_table(known, [source.said[n] for n in part])
        looked_up |= dict(zip(part, answers, strict=True))
    judge(apps.classical, "phrase table", looked_up, note="no training")
    task = f"numbers 0 to 99, en to {chosen.to}"
    return apps.Report(
        comparisons=(
            apps.Comparison(task, "exact match, held out", "higher", exact),
            apps.Comparison(task, "BLEU-2, held out", "higher", blues),
        ),
        figures={"translation": picture(histories, right)},
        facts={"numbers held out, in all parts": len(asked)},
    )


def resampled(
    pairs: Sequence[tuple[Sequence[str], Sequence[str]]], rng: np.random.Generator
) -> tuple[float, float]:
    """BLEU of translations and references, and its standard error by the bootstrap."""
    score = lambda rows: bleu([pairs[i][0] for i in rows], [pairs[i][1] for i in rows])
    draws = [score(rng.integers(len(pairs), size=len(pairs))) for _ in range(200)]
    return score(range(len(pairs))), float(np.std(draws))


def picture(histories: dict[str, np.ndarray], right: dict[str, dict[int, bool]]) -> "Figure":
    """The losses of the first part, and which numbers are right when they are held out."""
    figure, axes = apps.panels(1, 1 + len(right), width=3.8, height=3.6)
    plot_losses(axes[0], histories)
    axes[0].set_title("training, first part")
    for ax, (name, one) in zip(axes[1:], right.items(), strict=True):
        for number, good in one.items():
            ax.text(number % 10, number // 10, number, ha="center", va="center", fontsize=7,
                    color="tab:green" if good else "tab:red",
                    fontweight="normal" if good else "bold")  # fmt: skip
        ax.set(title=f"{name}: red is wrong", xlim=(-0.6, 9.6), ylim=(9.6, -0.6), xticks=[],
               yticks=[])  # fmt: skip
        ax.grid(False)
    return figure
