"""From a primitive to what runs: JAX's own operations, or a kernel of the platform.

Every primitive of this room has a static parameter `engine`. Which engine runs is settled here,
when the program is lowered for a platform, so one traced program serves several.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import mlir

from qjax.engine.library import library
from qjax.engine.memory import require
from qjax.engine.select import ENGINES, Engine
from qjax.errors import EngineError

Function = Callable[..., Any]


def register(
    primitive: Primitive,
    definition: Function,
    *,
    cpu: Function | None = None,
    refusal: Callable[..., str | None] = lambda **params: None,
    states: str | None = None,
) -> None:
    """Give a primitive its implementation, eager and compiled, on every platform.

    Args:
        primitive: The primitive; its parameter `engine` is "auto", or the name of an engine.
        definition: What it computes, in JAX's own operations, from its operands and its other
            parameters. It runs where there is no kernel.
        cpu: The same by a call of the C++ library.
        refusal: Why the C++ library cannot run a primitive with these parameters, or None.
        states: The attribute of `Engine` that says how many states of the first result's size
            are in memory at once; nothing is checked if None.
    """

    @partial(jax.jit, static_argnames="params")
    def run(*operands: Any, params: tuple[tuple[str, Any], ...]) -> Any:
        return primitive.bind(*operands, **dict(params))

    def implementation(*operands: Any, **params: Any) -> Any:
        if states is not None and operands:
            _require_beside(states, operands, params["engine"])
        return run(*operands, params=tuple(sorted(params.items())))

    several = primitive.multiple_results

    def lowered(function: Function, name: str, platform: str | None = None) -> Function:
        lower = mlir.lower_fun(function, multiple_results=several)

        def rule(ctx: Any, *operands: Any, **params: Any) -> Any:
            if states is not None:
                _require(ENGINES[name], states, ctx.avals_out[0], platform)
            return lower(ctx, *operands, **params)

        return rule

    primitive.def_impl(implementation)
    default = lowered(definition, "xla")

    def on_any_platform(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        if engine == "cpu":
            raise EngineError(
                'engine="cpu" must run on a CPU, but the program is compiled for another device. '
                'Use engine="auto".'
            )
        return default(ctx, *operands, **params)

    mlir.register_lowering(primitive, on_any_platform)
    default_on_cpu = lowered(definition, "xla", "cpu")
    kernel = None if cpu is None else lowered(cpu, "cpu", "cpu")

    def on_cpu(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        if kernel is None or engine == "xla" or library() is None:
            return default_on_cpu(ctx, *operands, **params)
        if (reason := refusal(**params)) is None:
            return kernel(ctx, *operands, **params)
        if engine == "cpu":
            raise EngineError(f'engine="cpu": {reason} Use engine="xla".')
        return default_on_cpu(ctx, *operands, **params)

    mlir.register_lowering(primitive, on_cpu, platform="cpu")


def _require_beside(states: str, operands: tuple[Any, ...], engine: str) -> None:
    """Refuse a single operation outside of a compiled program: its operands stay where they are."""
    platform = jax.default_backend()
    kernels = engine != "xla" and platform == "cpu" and library() is not None
    *given, _ = operands
    shape = max(o.shape[0] for o in operands), given[0].shape[1]
    new = getattr(ENGINES["cpu" if kernels else "xla"], states) - (len(given) - 1)
    require(new, shape, given[0].dtype.itemsize, platform, beside=True)


def _require(engine: Engine, states: str, result: ShapedArray, platform: str | None) -> None:
    """Refuse a state that is too large for an engine or for the memory."""
    n = result.shape[-1].bit_length() - 1
    if n > engine.max_qubits:
        raise EngineError(
            f'engine="{engine.name}" must run this circuit, for its gates mix too many qubits for '
            f"the others, and takes at most {engine.max_qubits} qubits; but it has {n}."
        )
    place = platform or jax.default_backend()
    require(getattr(engine, states), result.shape, result.dtype.itemsize, place)
