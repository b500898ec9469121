"""Layers for Equinox: any block of `qjax.learning` as an `equinox.Module`.

They need equinox: pip install "qjax[learning]".
"""

from collections.abc import Callable, Mapping
from typing import Any

import jax

from qjax._extras import require
from qjax.circuit import Circuit
from qjax.errors import LearningError
from qjax.learning.block import Block
from qjax.learning.blocks.adapters import Adapter
from qjax.learning.initializers import Initializers
from qjax.learning.model import QuantumModel
from qjax.noise import NoiseModel

_eqx: Any = require("equinox", "learning", "qjax.learning.equinox")


class BlockModule(_eqx.Module):
    """A block with its parameters, as a module of Equinox.

    Args:
        block: A block, such as those of `qjax.learning.blocks`.
        key: A `jax.random` key, which draws the parameters.

    Attributes:
        weights: The parameters, a pytree of arrays by name.

    Raises:
        LearningError: If it is no block.

    Examples:
        >>> from qjax.learning.blocks import QuantumAttention
        >>> layer = BlockModule(QuantumAttention(4, num_qubits=2), key=jax.random.key(0))
        >>> layer(jax.numpy.ones((3, 6, 4))).shape
        (3, 6, 4)
    """

    block: Block = _eqx.field(static=True)
    weights: Any

    def __init__(self, block: Block, *, key: jax.Array) -> None:
        if not isinstance(block, Block):
            raise LearningError(f"BlockModule: block must be a Block, but is {block!r}.")
        self.block = block
        self.weights = block.init(key)

    def __call__(self, *args: Any, key: Any = None, **kwargs: Any) -> Any:
        """What the block gives at the module's parameters; a key, as Equinox passes it, is unused.

        The layer takes any leading axes; inside `jax.vmap` it takes a row, as Equinox's own do.
        """
        return self.block.apply(self.weights, *args, **kwargs)


class QuantumLayer(BlockModule):
    """A circuit as a layer of Equinox: rows of data to expectation values.

    A batch, by leading axes or by `jax.vmap`, is one call of the engine.

    Args:
        circuit: As in `QuantumModel`.
        observables: As in `QuantumModel`.
        inputs: As in `QuantumModel`.
        weights: As in `QuantumModel`.
        initializer: As in `QuantumModel`.
        noise: As in `QuantumModel`.
        dtype: As in `QuantumModel`.
        engine: As in `QuantumModel`.
        key: A `jax.random` key.

    Raises:
        LearningError: As `QuantumModel`.

    Examples:
        >>> import equinox as eqx
        >>> from qjax.learning.circuits import reuploading_circuit
        >>> a, b = jax.random.split(jax.random.key(0))
        >>> layer = QuantumLayer(reuploading_circuit(2, 2, 3), key=a)
        >>> model = eqx.nn.Sequential([layer, eqx.nn.Linear(2, 1, key=b)])
        >>> jax.vmap(model)(jax.numpy.ones((8, 2))).shape
        (8, 1)
    """

    def __init__(
        self,
        circuit: Circuit | Callable[..., Circuit],
        observables: Any = None,
        *,
        inputs: str = "x",
        weights: Mapping[str, Any] | None = None,
        initializer: Initializers | None = None,
        noise: NoiseModel | None = None,
        dtype: Any = None,
        engine: str | None = None,
        key: jax.Array,
    ) -> None:
        block = QuantumModel(
            circuit, observables, inputs=inputs, weights=weights, initializer=initializer,
            noise=noise, dtype=dtype, engine=engine,
        )  # fmt: skip
        super().__init__(block, key=key)


class Adapted(_eqx.Module):
    """A layer whose map is updated by an adapter, y = base(x) + adapter(x).

    Args:
        base: A module that is called with x, such as `equinox.nn.Linear`.
        adapter: An adapter of `qjax.learning.blocks`.
        key: A `jax.random` key.

    Raises:
        LearningError: If it is no adapter.

    Examples:
        >>> import equinox as eqx
        >>> from qjax.learning.blocks import UnitaryAdapter
        >>> a, b = jax.random.split(jax.random.key(0))
        >>> layer = Adapted(eqx.nn.Linear(8, 8, key=a), UnitaryAdapter(8, 8, 2), key=b)
        >>> trained, frozen = eqx.partition(layer, adapters_only(layer))
        >>> len(jax.tree.leaves(trained)), len(jax.tree.leaves(frozen))
        (3, 2)
    """

    base: Any
    adapter: BlockModule

    def __init__(self, base: Any, adapter: Adapter, *, key: jax.Array) -> None:
        if not isinstance(adapter, Adapter):
            raise LearningError(f"Adapted: adapter must be an Adapter, but is {adapter!r}.")
        self.base = base
        self.adapter = BlockModule(adapter, key=key)

    def __call__(self, x: Any, *, key: Any = None) -> jax.Array:
        """The base layer's result and the update's."""
        return self.base(x) + self.adapter(x)


def adapters_only(model: Any) -> Any:
    """The filter that picks the parameters of all adapters in a model, for `equinox.partition`.

    Args:
        model: Any pytree that holds `Adapted` layers.

    Returns:
        A pytree of booleans like the model: True where an adapter's parameter is.

    Raises:
        LearningError: If there is no adapter.
    """
    is_adapted = lambda node: isinstance(node, Adapted)
    adapters = lambda tree: [n.adapter for n in jax.tree.leaves(tree, is_leaf=is_adapted)
                             if is_adapted(n)]  # fmt: skip
    if not adapters(model):
        raise LearningError("adapters_only: the model must hold an Adapted layer, but holds none.")
    nothing = jax.tree.map(lambda _: False, model)
    everything = [jax.tree.map(_eqx.is_inexact_array, adapter) for adapter in adapters(model)]
    return _eqx.tree_at(adapters, nothing, everything)
