"""From a primitive to what runs: JAX's own operations, or a kernel of the platform.

Every primitive of this room has a static parameter `engine`. Which engine runs is settled here,
when the program is lowered for a platform, so one traced program serves several.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax.extend.core import Primitive
from jax.interpreters import mlir

from qjax.engine.library import library
from qjax.errors import EngineError

Function = Callable[..., Any]


def register(
    primitive: Primitive,
    definition: Function,
    *,
    cpu: Function | None = None,
    fits_cpu: Callable[..., bool] = lambda **params: True,
) -> None:
    """Give a primitive its implementation, eager and compiled, on every platform.

    Args:
        primitive: The primitive; its parameter `engine` is "auto", or the name of an engine.
        definition: What it computes, in JAX's own operations, from its operands and its other
            parameters. It runs where there is no kernel.
        cpu: The same by a call of the C++ library.
        fits_cpu: Whether the C++ library can run a primitive with these parameters.
    """

    @partial(jax.jit, static_argnames="params")
    def run(*operands: Any, params: tuple[tuple[str, Any], ...]) -> Any:
        return primitive.bind(*operands, **dict(params))

    def implementation(*operands: Any, **params: Any) -> Any:
        return run(*operands, params=tuple(sorted(params.items())))

    several = primitive.multiple_results
    default = mlir.lower_fun(definition, multiple_results=several)

    def on_any_platform(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        if engine == "cpu":
            raise EngineError(
                'engine="cpu" must run on a CPU, but the program is compiled for another device. '
                'Use engine="auto".'
            )
        return default(ctx, *operands, **params)

    primitive.def_impl(implementation)
    mlir.register_lowering(primitive, on_any_platform)
    if cpu is None:
        mlir.register_lowering(
            primitive,
            lambda ctx, *operands, engine, **params: default(ctx, *operands, **params),
            platform="cpu",
        )
        return
    kernel = mlir.lower_fun(cpu, multiple_results=several)

    def on_cpu(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        if engine != "xla" and library() is not None and fits_cpu(**params):
            return kernel(ctx, *operands, **params)
        return default(ctx, *operands, **params)

    mlir.register_lowering(primitive, on_cpu, platform="cpu")
