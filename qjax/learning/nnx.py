"""Layers for Flax: any block of `qjax.learning` as an `nnx.Module`.

They need flax: pip install "qjax[learning]".
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

_nnx: Any = require("flax.nnx", "learning", "qjax.learning.nnx")


class BlockModule(_nnx.Module):
    """A block with its parameters, as a module of Flax.

    The parameters are variables under their names: those of a `QuantumModel` with the weight w are
    `module.weights["w"]`, of nested blocks `module.weights["down"]["kernel"]`.

    Args:
        block: A block, such as those of `qjax.learning.blocks`.
        rngs: An `nnx.Rngs`, whose stream params draws the parameters.
        variable: Kind of variable, `nnx.Param` by default.

    Raises:
        LearningError: If it is no block.

    Examples:
        >>> from flax import nnx
        >>> from qjax.learning.blocks import QuantumAttention
        >>> layer = BlockModule(QuantumAttention(4, num_qubits=2), rngs=nnx.Rngs(0))
        >>> layer(jax.numpy.ones((3, 6, 4))).shape
        (3, 6, 4)
    """

    def __init__(self, block: Block, *, rngs: Any, variable: Any = None) -> None:
        if not isinstance(block, Block):
            raise LearningError(f"BlockModule: block must be a Block, but is {block!r}.")
        self.block = block
        kind = _nnx.Param if variable is None else variable
        self.weights = _variables(block.init(rngs.params()), kind)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the block gives at the module's parameters."""
        return self.block.apply(_arrays(self.weights), *args, **kwargs)


class QuantumLayer(BlockModule):
    """A circuit as a layer of Flax: rows of data to expectation values.

    A batch of any leading axes is one call of the engine.

    Args:
        circuit: As in `QuantumModel`.
        observables: As in `QuantumModel`.
        inputs: As in `QuantumModel`.
        weights: As in `QuantumModel`.
        initializer: As in `QuantumModel`.
        noise: As in `QuantumModel`.
        dtype: As in `QuantumModel`.
        engine: As in `QuantumModel`.
        rngs: An `nnx.Rngs`.

    Raises:
        LearningError: As `QuantumModel`.

    Examples:
        >>> from flax import nnx
        >>> from qjax.learning.circuits import reuploading_circuit
        >>> rngs = nnx.Rngs(0)
        >>> layer = QuantumLayer(reuploading_circuit(2, 2, 3), rngs=rngs)
        >>> model = nnx.Sequential(nnx.Linear(4, 2, rngs=rngs), layer, nnx.Linear(2, 1, rngs=rngs))
        >>> model(jax.numpy.ones((8, 4))).shape
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
        rngs: Any,
    ) -> None:
        block = QuantumModel(
            circuit, observables, inputs=inputs, weights=weights, initializer=initializer,
            noise=noise, dtype=dtype, engine=engine,
        )  # fmt: skip
        super().__init__(block, rngs=rngs)


class Adapted(_nnx.Module):
    """A layer whose map is updated by an adapter, y = base(x) + adapter(x).

    The adapter's parameters are `nnx.LoRAParam`, so that an optimizer with wrt=nnx.LoRAParam trains
    them and nothing else.

    Args:
        base: A module that is called with x, such as `nnx.Linear`.
        adapter: An adapter of `qjax.learning.blocks`.
        rngs: An `nnx.Rngs`.

    Raises:
        LearningError: If it is no adapter.

    Examples:
        >>> from flax import nnx
        >>> from qjax.learning.blocks import UnitaryAdapter
        >>> rngs = nnx.Rngs(0)
        >>> layer = Adapted(nnx.Linear(8, 8, rngs=rngs), UnitaryAdapter(8, 8, 2), rngs=rngs)
        >>> len(jax.tree.leaves(nnx.state(layer, nnx.LoRAParam)))
        3
    """

    def __init__(self, base: Any, adapter: Adapter, *, rngs: Any) -> None:
        if not isinstance(adapter, Adapter):
            raise LearningError(f"Adapted: adapter must be an Adapter, but is {adapter!r}.")
        self.base = base
        self.adapter = BlockModule(adapter, rngs=rngs, variable=_nnx.LoRAParam)

    def __call__(self, x: Any) -> jax.Array:
        """The base layer's result and the update's."""
        return self.base(x) + self.adapter(x)


def _variables(params: Mapping[str, Any], kind: Any) -> Any:
    return _nnx.Dict(
        {
            name: _variables(value, kind) if isinstance(value, Mapping) else kind(value)
            for name, value in params.items()
        }
    )


def _arrays(weights: Any) -> dict[str, Any]:
    return {
        name: value[...] if isinstance(value, _nnx.Variable) else _arrays(value)
        for name, value in weights.items()
    }
