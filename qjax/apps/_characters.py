"""Text character by character: a small transformer with quantum attention."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax.apps._losses import plot_losses
from qjax.learning import Block, closest_in_size
from qjax.learning.blocks import Attention, Dense, FeedForward, QuantumAttention

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOPICS = ("types", "compound", "execmodel", "objects")  # of the reference within CPython
FEATURES, HIDDEN, BATCH, QUBITS, LAYERS = 8, 16, 32, 4, 3
PROMPT = "a class is "
SHOWN = 160  # characters that are sampled


@dataclass(frozen=True)
class Text:
    """A text as numbers.

    Attributes:
        characters: What the numbers stand for.
        train: int32 array.
        test: int32 array, the text's end.
    """

    characters: str
    train: np.ndarray
    test: np.ndarray


def reference() -> Text:
    """Pages of Python's reference, which come with CPython: letters, spaces, some punctuation."""
    from pydoc_data.topics import topics

    joined = " ".join(topics[name] for name in TOPICS).lower()
    plain = re.sub(r"\s+", " ", re.sub(r"[^a-z.,'() ]", " ", joined)).strip()
    characters = "".join(sorted(set(plain)))
    numbers = np.array([characters.index(c) for c in plain], np.int32)
    cut = len(numbers) * 9 // 10
    return Text(characters, numbers[:cut], numbers[cut:])


class Transformer(Block):
    """Embedding and place, attention, feed-forward network, logits of the next character.

    Args:
        characters: How many characters there are.
        context: How many are attended to.
        attention: A causal block of attention.
    """

    def __init__(self, characters: int, context: int, attention: Block) -> None:
        self.characters, self.context, self.attention = characters, context, attention
        self.forward, self.out = FeedForward(FEATURES, HIDDEN), Dense(FEATURES, characters)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """All parameters."""
        a, b, c, d, e = jax.random.split(key, 5)
        return {
            "embedding": 0.5 * jax.random.normal(a, (self.characters, FEATURES)),
            "place": 0.5 * jax.random.normal(b, (self.context, FEATURES)),
            "attention": self.attention.init(c),
            "forward": self.forward.init(d),
            "out": self.out.init(e),
        }

    def apply(self, params: Any, numbers: jax.Array) -> jax.Array:
        """Characters (..., T) to logits (..., T, characters), T up to the context."""
        x = params["embedding"][numbers] + params["place"][: numbers.shape[-1]]
        x = self.attention.apply(params["attention"], x)
        return self.out.apply(params["out"], x + self.forward.apply(params["forward"], x))

    def losses(self, params: Any, windows: jax.Array) -> jax.Array:
        """Nats of each character after the first of windows (B, T + 1), as (B, T)."""
        logits = self.apply(params, windows[:, :-1])
        return optax.softmax_cross_entropy_with_integer_labels(logits, windows[:, 1:])

    def sample(self, params: Any, prompt: jax.Array, length: int, key: jax.Array) -> jax.Array:
        """So many characters drawn after a prompt, which is repeated to fill the context."""
        window = jnp.tile(prompt, -(-self.context // len(prompt)))[-self.context :]

        def step(window: jax.Array, own: jax.Array) -> tuple[jax.Array, jax.Array]:
            drawn = jax.random.categorical(own, self.apply(params, window)[-1]).astype(jnp.int32)
            return jnp.append(window[1:], drawn), drawn

        return jax.lax.scan(step, window, jax.random.split(key, length))[1]


def bigram_losses(text: Text, windows: np.ndarray) -> np.ndarray:
    """The same of a table of pairs, counted in the text for training, and one more of each."""
    counts = np.ones((len(text.characters),) * 2)
    np.add.at(counts, (text.train[:-1], text.train[1:]), 1)
    logs = np.log(counts / counts.sum(axis=1, keepdims=True))
    return -logs[windows[:, :-1], windows[:, 1:]]


def perplexity(losses: np.ndarray) -> tuple[float, float]:
    """The exponential of the mean loss, and its standard error from the scatter of windows."""
    means = np.asarray(losses, float).mean(axis=1)
    value = float(np.exp(means.mean()))
    return value, value * float(means.std(ddof=1)) / float(np.sqrt(len(means)))


def models(characters: int, context: int) -> dict[str, Transformer]:
    """The transformer with quantum attention, and its twin with as many parameters."""
    make = lambda attention: Transformer(characters, context, attention)
    ours = make(QuantumAttention(FEATURES, QUBITS, LAYERS, scores=QUBITS, causal=True))
    twin = lambda size: make(Attention(FEATURES, size, causal=True))
    return {
        "transformer with quantum attention": ours,
        "transformer": closest_in_size(twin, ours.num_parameters, range(1, 17)),
    }


def text(run: apps.Run) -> apps.Report:
    """The next character of Python's reference; perplexity on its last tenth, and a sample."""
    read, context = reference(), run.options.context
    count = (len(read.test) - 1) // context
    held_out = read.test[np.arange(count)[:, None] * context + np.arange(context + 1)]
    if run.quick:
        held_out = held_out[:64]
    train, windows = jnp.asarray(read.train), jnp.asarray(held_out)

    def batch(key: jax.Array) -> jax.Array:
        starts = jax.random.randint(key, (BATCH, 1), 0, len(read.train) - context)
        return train[starts + jnp.arange(context + 1)]

    prompt = jnp.asarray([read.characters.index(c) for c in PROMPT], jnp.int32)
    rows, histories, samples = [], {}, {}
    optimizer = optax.adam(optax.cosine_decay_schedule(0.01, run.options.text_steps))
    pair = models(len(read.characters), context).items()
    for kind, (name, model) in zip((apps.quantum, apps.classical), pair, strict=True):
        result = run.fit(
            name, lambda p, b, model=model: jnp.mean(model.losses(p, b)),
            jax.jit(model.init)(run.key(f"{name}: start")), optimizer, run.options.text_steps,
            data=batch, key=run.key(f"{name}: batches"),
        )  # fmt: skip
        value, error = perplexity(np.asarray(jax.jit(model.losses)(result.params, windows)))
        rows.append(
            kind(name, value, error=error, parameters=model.num_parameters, seconds=result.seconds)
        )
        histories[name] = result.history
        length = 8 if run.quick else SHOWN
        drawn = jax.jit(model.sample, static_argnums=2)(
            result.params, prompt, length, run.key("sample")
        )
        samples[name] = PROMPT + "".join(read.characters[i] for i in np.asarray(drawn))
        run.say(f"{name} writes: {samples[name]}")
    size = len(read.characters)
    value, error = perplexity(bigram_losses(read, held_out))
    rows.append(apps.classical("table of pairs", value, error=error, parameters=size * (size - 1)))
    return apps.Report(
        comparisons=(
            apps.Comparison("characters of Python's reference", "test perplexity", "lower", rows),
        ),
        figures={"text": picture(histories)},
        facts={
            "characters": size,
            "characters of text for training": len(read.train),
            "characters of text of the test": held_out.shape[0] * context,
            "samples": samples,
        },
    )


def picture(histories: dict[str, np.ndarray]) -> "Figure":
    """The losses."""
    figure, ax = apps.panels()
    plot_losses(ax, histories, window=50)
    ax.set_yscale("linear")
    return figure
