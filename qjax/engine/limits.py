"""What an engine can do on this machine, measured by a few runs of its own."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.circuit import Circuit
from qjax.engine import cpu
from qjax.engine.from_zero import from_zero
from qjax.engine.numbers import numbers
from qjax.engine.select import real_dtype
from qjax.plan import Plan, compile_plan
from qjax.plan.cost import Cost, cost

_LARGE = {"cpu": 23, "xla": 20}  # qubits of a state that no cache holds, and soon measured


@dataclass(frozen=True)
class Limits:
    """What an engine reaches with one precision.

    Attributes:
        call: Seconds of a call that does nothing.
        fresh: Seconds per byte of a state that is written for the first time.
        bandwidth: Bytes per second of a state that are read and written.
        flops: Operations on real numbers per second.
    """

    call: float
    fresh: float
    bandwidth: float
    flops: float


def run_cost(plan: Plan, batch: int, itemsize: int, engine: str, *, grad: bool = False) -> Cost:
    """What one sample of a run takes on an engine.

    The `xla` engine streams the whole state through memory once for every op: its tile is one op's.
    """
    n = plan.num_qubits
    if engine == "xla" or n == 0 or cpu.refusal(plan) is not None:
        work = cost(plan, max(n, 1), 0, itemsize, grad=grad)
        passes = len(plan.ops)
        return Cost(passes, passes, passes * (6 if grad else 2) * 2**n * itemsize, work.flops)
    tile = cpu.tile_bits(plan, batch, itemsize)
    return cost(plan, tile, min(cpu.LOW_BITS[itemsize], n), itemsize, grad=grad)


@cache
def limits(engine: str, dtype: np.dtype) -> Limits:
    """The limits of an engine, from four short runs; measured once per process.

    Args:
        engine: Name of an engine that can run here.
        dtype: complex64 or complex128.
    """
    large = _LARGE.get(engine, 20)
    nothing = _seconds(Circuit(1).h(0), engine, dtype)
    arithmetic = Circuit(15)
    rng = np.random.default_rng(0)
    for _ in range(8):
        for q in range(15):
            theta, phi, lam = rng.normal(size=3).tolist()
            arithmetic.u(theta, phi, lam, q)
        for q in range(14):
            arithmetic.cx(q, q + 1)
    flops = _cost(arithmetic, engine, dtype).flops / max(
        _seconds(arithmetic, engine, dtype) - nothing, 1e-6
    )
    # One sweep and several over the same state: they differ by their passes through memory.
    few, many = Circuit(large).h(0), Circuit(large).h(range(large))
    costs = [_cost(c, engine, dtype) for c in (few, many)]
    rest = [
        _seconds(c, engine, dtype) - nothing - w.flops / flops
        for c, w in zip((few, many), costs, strict=True)
    ]
    more = costs[1].bytes - costs[0].bytes
    bandwidth = more / max(rest[1] - rest[0], 1e-12 * more)
    fresh = max(rest[0] - costs[0].bytes / bandwidth, 0.0) / (2**large * dtype.itemsize)
    return Limits(nothing, fresh, bandwidth, flops)


def _cost(circuit: Circuit, engine: str, dtype: np.dtype) -> Cost:
    return run_cost(compile_plan(circuit.structure), 1, dtype.itemsize, engine)


def _seconds(circuit: Circuit, engine: str, dtype: np.dtype) -> float:
    """Least seconds of a forward run."""
    plan = compile_plan(circuit.structure)
    buffer = jnp.asarray(numbers(plan, circuit.leaves, None, real_dtype(dtype)))[None]

    @jax.jit
    def run(buffer: Any) -> Any:
        return from_zero(buffer, plan, dtype, engine)

    return least_seconds(lambda: run(buffer))


def least_seconds(call: Callable[[], Any], repeats: int = 5) -> float:
    """The least of a few timings, after one that compiles."""
    jax.block_until_ready(call())
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(call())
        times.append(time.perf_counter() - start)
    return min(times)
