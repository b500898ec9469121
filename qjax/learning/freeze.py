"""Train some parameters of a pytree and leave the others as they are."""

from collections.abc import Callable, Collection
from typing import Any

import jax
import optax

from qjax.errors import LearningError


def trainable_mask(params: Any, names: str | Collection[str] | Callable[[str], bool]) -> Any:
    """Which leaves are trained: those below a key of one of these names.

    Args:
        params: A pytree.
        names: Names of keys, or a function of a leaf's path, as "block/adapter/gain".

    Returns:
        A pytree like params with True where a leaf is trained.

    Raises:
        LearningError: If nothing would be trained.

    Examples:
        >>> trainable_mask({"kernel": 1.0, "adapter": {"a": 2.0, "b": 3.0}}, "adapter")
        {'adapter': {'a': True, 'b': True}, 'kernel': False}
    """
    wanted = {names} if isinstance(names, str) else names

    def trained(path: tuple[Any, ...], _: Any) -> bool:
        text = jax.tree_util.keystr(path, simple=True, separator="/")
        if callable(wanted):
            return bool(wanted(text))
        return not set(text.split("/")).isdisjoint(wanted)

    mask = jax.tree_util.tree_map_with_path(trained, params)
    if not any(jax.tree.leaves(mask)):
        leaves = jax.tree_util.tree_leaves_with_path(params)
        paths = [jax.tree_util.keystr(p, simple=True, separator="/") for p, _ in leaves]
        raise LearningError(f"trainable_mask: {names!r} must match a leaf, but those are {paths}.")
    return mask


def train_only(
    optimizer: optax.GradientTransformation, mask: Any
) -> optax.GradientTransformationExtraArgs:
    """An optimizer that moves the leaves of a mask and leaves the others as they are.

    Args:
        optimizer: What moves them. It keeps no state for frozen leaves.
        mask: A pytree of booleans, as `trainable_mask` gives it.

    Returns:
        An optimizer of Optax; the updates of frozen leaves are 0. `init` and `update` take pytrees
        like the mask.

    Examples:
        >>> import jax.numpy as jnp
        >>> params = {"kernel": jnp.ones(2), "adapter": jnp.ones(2)}
        >>> frozen = train_only(optax.sgd(0.5), trainable_mask(params, "adapter"))
        >>> updates, _ = frozen.update(params, frozen.init(params), params)
        >>> updates["kernel"], updates["adapter"]
        (Array([0., 0.], dtype=float32), Array([-0.5, -0.5], dtype=float32))
    """
    labels = jax.tree.map(lambda trained: "trained" if trained else "frozen", mask)
    return optax.partition({"trained": optimizer, "frozen": optax.set_to_zero()}, labels)
