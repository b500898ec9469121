"""A small transformer, and the same with frozen weights and adapters on them."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax

from qjax.learning import Block
from qjax.learning.blocks import Adapter, Attention, Dense, FeedForward

# The matrices of a layer that are adapted, all of shape (features, features).
ADAPTED = (
    ("attention", "query"),
    ("attention", "key"),
    ("attention", "value"),
    ("feed", "down"),
    ("feed", "up"),
)


class Transformer(Block):
    """Layers of self-attention and feed-forward networks, the mean over tokens, a dense head.

    Args:
        length: Tokens in a sequence.
        inputs: Length of a token as it comes.
        features: Width within.
        classes: Logits.
        depth: Layers, stacked along the first axis of their parameters.

    Examples:
        >>> Transformer(length=8, inputs=8, features=32, classes=10, depth=2).num_parameters
        11242
    """

    def __init__(self, length: int, inputs: int, features: int, classes: int, depth: int) -> None:
        self.depth, self.shape = depth, (length, features)
        self.embed = Dense(inputs, features)
        self.attention = Attention(features, features)
        self.feed = FeedForward(features, features)
        self.head = Dense(features, classes)

    def init(self, key: jax.Array) -> dict[str, Any]:
        """Parameters by the names of the parts."""
        embed, position, attention, feed, head = jax.random.split(key, 5)
        stacked = lambda part, own: jax.vmap(part.init)(jax.random.split(own, self.depth))
        return {
            "embed": self.embed.init(embed),
            "position": 0.1 * jax.random.normal(position, self.shape),
            "layers": {
                "attention": stacked(self.attention, attention),
                "feed": stacked(self.feed, feed),
            },
            "head": self.head.init(head),
        }

    def encode(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """What the head is given, (..., length, inputs) -> (..., features)."""

        def layer(h: jax.Array, own: Any) -> tuple[jax.Array, None]:
            h = self.attention.apply(own["attention"], h)
            return h + self.feed.apply(own["feed"], h), None

        start = self.embed.apply(params["embed"], x) + params["position"]
        return lax.scan(layer, start, params["layers"])[0].mean(axis=-2)

    def apply(self, params: Mapping[str, Any], x: Any) -> jax.Array:
        """Logits, (..., length, inputs) -> (..., classes)."""
        return self.head.apply(params["head"], self.encode(params, x))


class FineTuned(Block):
    """A trained model, all of whose parameters are trained on.

    Args:
        model: The model.
        trained: Its parameters, where training starts.
    """

    def __init__(self, model: Block, trained: Any) -> None:
        self.model, self.trained = model, trained

    def init(self, key: jax.Array) -> Any:
        """The parameters as they are."""
        return jax.tree.map(jnp.asarray, self.trained)

    def apply(self, params: Any, x: Any) -> jax.Array:
        """The model's result."""
        return self.model.apply(params, x)


class Adapted(Block):
    """A frozen transformer with an adapter on each matrix of `ADAPTED` in each layer.

    Args:
        model: The transformer.
        frozen: Its parameters, which stay.
        adapter: The adapter, with parameters of its own for each matrix.
    """

    def __init__(self, model: Transformer, frozen: Mapping[str, Any], adapter: Adapter) -> None:
        self.model, self.frozen, self.adapter = model, frozen, adapter

    def init(self, key: jax.Array) -> Any:
        """Parameters of the adapters, with leading axes (matrices, layers)."""
        keys = jax.random.split(key, (len(ADAPTED), self.model.depth))
        return jax.vmap(jax.vmap(self.adapter.init))(keys)

    def merged(self, params: Any) -> dict[str, Any]:
        """Parameters of the transformer, the updates added; all circuits are one batch."""
        updates = jax.vmap(jax.vmap(self.adapter.delta))(params)
        layers = {name: dict(part) for name, part in self.frozen["layers"].items()}
        for (part, name), update in zip(ADAPTED, updates, strict=True):
            old = layers[part][name]
            layers[part][name] = {**old, "kernel": old["kernel"] + update}
        return {**self.frozen, "layers": layers}

    def apply(self, params: Any, x: Any) -> jax.Array:
        """Logits, (..., length, inputs) -> (..., classes)."""
        return self.model.apply(self.merged(params), x)
