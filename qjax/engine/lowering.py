"""From a primitive to what runs: JAX's own operations, or a kernel of the platform.

Every primitive of this room has a static parameter `engine`. Which engine runs is settled here,
when the program is lowered for a platform, so one traced program serves several.
"""

import logging
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import jax
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive
from jax.interpreters import mlir

from qjax.engine import gpu
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
    cuda: Function | None = None,
    cuda_refusal: Callable[..., str | None] = lambda **params: None,
    parts: Callable[..., tuple[str, ...]] = lambda itemsize, **params: ("other",),
    states: str | None = None,
    cuda_work: Callable[..., int] = lambda *operands, **params: 0,
) -> None:
    """Give a primitive its implementation, eager and compiled, on every platform.

    Args:
        primitive: The primitive; its parameter `engine` is "auto", or the name of an engine.
        definition: What it computes, in JAX's own operations, from its operands and its other
            parameters. It runs where there is no kernel.
        cpu: The same by a call of the C++ library.
        refusal: Why the C++ library cannot run a primitive with these parameters, or None.
        cuda: The same by a call of the CUDA kernels.
        cuda_refusal: Why these cannot run it, or None.
        parts: The parts of the CUDA kernels that it needs, by the bytes of an amplitude and its
            parameters; see `nvrtc.PARTS`.
        states: The attribute of `Engine` that says how many states of the first result's size
            are in memory at once; nothing is checked if None.
        cuda_work: Bytes of memory beside them that the CUDA kernels need, from the shapes of the
            operands and the parameters.
    """

    @partial(jax.jit, static_argnames="params")
    def run(*operands: Any, params: tuple[tuple[str, Any], ...]) -> Any:
        return primitive.bind(*operands, **dict(params))

    def implementation(*operands: Any, **params: Any) -> Any:
        if states is not None and len(operands) > 1:
            _require_beside(states, operands, params["engine"])
        return run(*operands, params=tuple(sorted(params.items())))

    several = primitive.multiple_results

    def lowered(function: Function, name: str, platform: str | None = None) -> Function:
        lower = mlir.lower_fun(function, multiple_results=several)

        def rule(ctx: Any, *operands: Any, **params: Any) -> Any:
            if states is not None:
                work = cuda_work(*ctx.avals_in, **params) if name == "cuda" else 0
                _require(ENGINES[name], states, ctx.avals_out[0], platform, work)
            return lower(ctx, *operands, **params)

        return rule

    primitive.def_impl(implementation)
    default = lowered(definition, "xla")

    def on_any_platform(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        _refuse_elsewhere(engine, {"cpu": "a CPU", "cuda": "an NVIDIA GPU"})
        return default(ctx, *operands, **params)

    mlir.register_lowering(primitive, on_any_platform)

    def on(platform: str, name: str, function: Function | None, refused: Function) -> Function:
        """The rule of a platform with kernels of its own."""
        default_here = lowered(definition, "xla", platform)
        kernel = None if function is None else lowered(function, name, platform)

        def obstacle(ctx: Any, params: dict[str, Any]) -> str | None:
            if (reason := ENGINES[name].missing() or refused(**params)) is not None:
                return reason
            if name == "cuda":
                try:
                    itemsize = _itemsize(ctx)
                    for part in parts(itemsize, **params):
                        gpu.require(part, itemsize)
                except EngineError as error:
                    return str(error)
            return None

        def rule(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
            if kernel is None or engine == "xla":
                return default_here(ctx, *operands, **params)
            if (reason := obstacle(ctx, params)) is None:
                return kernel(ctx, *operands, **params)
            if engine == name:
                raise EngineError(f'engine="{name}": {reason} Use engine="xla".')
            if name == "cuda":
                _warn_once(reason)
            return default_here(ctx, *operands, **params)

        return rule

    on_cpu_kernels = on("cpu", "cpu", cpu, refusal)
    on_gpu_kernels = on("cuda", "cuda", cuda, cuda_refusal)
    emulation = on("cpu", "cuda", cuda, cuda_refusal)

    def on_cpu(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        if engine == "cuda" and gpu.emulated():
            return emulation(ctx, *operands, engine=engine, **params)
        _refuse_elsewhere(engine, {"cuda": "an NVIDIA GPU"})
        library()
        return on_cpu_kernels(ctx, *operands, engine=engine, **params)

    def on_cuda(ctx: Any, *operands: Any, engine: str, **params: Any) -> Any:
        _refuse_elsewhere(engine, {"cpu": "a CPU"})
        return on_gpu_kernels(ctx, *operands, engine=engine, **params)

    mlir.register_lowering(primitive, on_cpu, platform="cpu")
    mlir.register_lowering(primitive, on_cuda, platform="cuda")


def _refuse_elsewhere(engine: str, places: dict[str, str]) -> None:
    """Refuse an engine that was asked for by name, in a program for another device."""
    if engine in places:
        raise EngineError(
            f'engine="{engine}" must run on {places[engine]}, but the program is compiled for '
            'another device. Use engine="auto".'
        )


@cache
def _warn_once(reason: str) -> None:
    logging.getLogger("qjax").warning('engine="cuda": %s Running on "xla".', reason)


def _itemsize(ctx: Any) -> int:
    """Bytes of an amplitude of what a primitive takes or gives."""
    dtypes = [aval.dtype for aval in (*ctx.avals_in, *ctx.avals_out)]
    return 16 if any(d in (np.complex128, np.float64) for d in dtypes) else 8


def _require_beside(states: str, operands: tuple[Any, ...], engine: str) -> None:
    """Refuse a single operation outside of a compiled program: its operands stay where they are."""
    platform = jax.default_backend()
    name = next(
        (e.name for e in ENGINES.values() if e.platform == platform and e.missing() is None), "xla"
    )
    *given, _ = operands
    shape = max(o.shape[0] for o in operands), given[0].shape[1]
    new = getattr(ENGINES["xla" if engine == "xla" else name], states) - (len(given) - 1)
    require(new, shape, given[0].dtype.itemsize, platform, beside=True)


def _require(
    engine: Engine, states: str, result: ShapedArray, platform: str | None, work: int
) -> None:
    """Refuse a state that is too large for an engine or for the memory."""
    n = result.shape[-1].bit_length() - 1
    if n > engine.max_qubits:
        raise EngineError(
            f'engine="{engine.name}" must run this circuit, for its gates mix too many qubits for '
            f"the others, and takes at most {engine.max_qubits} qubits; but it has {n}."
        )
    place = platform or jax.default_backend()
    require(getattr(engine, states), result.shape, result.dtype.itemsize, place, work=work)
