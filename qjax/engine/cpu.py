"""The `cpu` engine: a plan as one call of the C++ kernels."""

import os
from typing import Any

import jax
import numpy as np

from qjax.engine.cpu_tape import CpuTape, write_cpu_tape
from qjax.engine.rows import batch_of, in_precision
from qjax.plan import Plan

MAX_QUBITS = 31  # JAX indexes by 32-bit integers
_LARGEST_TILE = {8: 15, 16: 15}  # tile bits by bytes of an amplitude, to fit a second-level cache
LOW_BITS = {8: 5, 16: 4}  # so many lowest qubits make a row of a tile 256 bytes
_WHOLE_BITS = 12  # up to so many qubits a state is one tile, whatever the number of threads
_PARTS = max(1, (os.cpu_count() or 1) - 1).bit_length()  # log2 of the tiles that threads ask for
_SLACK = 2  # qubits by which a tile may be larger than the largest, for an op that needs them


def tile_bits(plan: Plan, batch: int, itemsize: int) -> int:
    """The number of qubits of a tile.

    Args:
        plan: The plan.
        batch: Number of samples.
        itemsize: Bytes of an amplitude.
    """
    n, largest = plan.num_qubits, _LARGEST_TILE[itemsize]
    if n <= _WHOLE_BITS or (batch >= 4 and n <= largest):
        return n
    parts = min(_PARTS, n - _WHOLE_BITS)
    return max(min(largest, n - parts), _least_tile(plan, LOW_BITS[itemsize]))


def refusal(plan: Plan, **_: Any) -> str | None:
    """Why the kernels cannot run a plan, or None: no op may need more qubits than fit in a tile."""
    largest, least = _LARGEST_TILE[16] + _SLACK, _least_tile(plan, LOW_BITS[16])
    if least <= largest:
        return None
    return (
        f"a gate must mix the amplitudes of at most {largest} qubits, the lowest {LOW_BITS[16]} "
        f"counted in, but one needs {least}."
    )


def _least_tile(plan: Plan, low_bits: int) -> int:
    """The least number of qubits of a tile that holds the lowest ones and serves every op."""
    low = (1 << min(low_bits, plan.num_qubits)) - 1
    return max(((op.needs | low).bit_count() for op in plan.ops), default=low.bit_count())


def _tape(plan: Plan, batch: int, dtype: Any) -> CpuTape:
    itemsize = np.dtype(dtype).itemsize
    return write_cpu_tape(plan, tile_bits(plan, batch, itemsize), LOW_BITS[itemsize])


def apply(state: Any, numbers: Any, *, plan: Plan) -> Any:
    """U(numbers) psi: (B or 1, 2**n), (B or 1, V) -> (B, 2**n)."""
    batch = batch_of(state, numbers)
    tape = _tape(plan, batch, state.dtype)
    out = jax.ShapeDtypeStruct((batch, state.shape[1]), state.dtype)
    call = jax.ffi.ffi_call(
        "qjax_apply", out, input_output_aliases={0: 0} if state.shape[0] == batch else None
    )
    return call(state, numbers, in_precision(tape.constants, numbers.dtype), tape.words)


def adjoint(out: Any, cotangent: Any, numbers: Any, *, plan: Plan) -> Any:
    """Cotangents of the state before the run and of the numbers, and that state.

    Args:
        out: The state after the run, (B or 1, 2**n).
        cotangent: Its cotangent, (B or 1, 2**n).
        numbers: (B or 1, V).
        plan: The plan.

    Returns:
        Shapes (B, 2**n), that of `numbers`, and (B, 2**n).
    """
    batch = batch_of(out, cotangent, numbers)
    tape = _tape(plan, batch, out.dtype)
    shape = jax.ShapeDtypeStruct((batch, out.shape[1]), out.dtype)
    aliases = {}
    if cotangent.shape[0] == batch:
        aliases[1] = 0
    if out.shape[0] == batch:
        aliases[0] = 2
    call = jax.ffi.ffi_call(
        "qjax_adjoint",
        (shape, jax.ShapeDtypeStruct(numbers.shape, numbers.dtype), shape),
        input_output_aliases=aliases,
    )
    constants = in_precision(tape.constants, numbers.dtype)
    return call(out, cotangent, numbers, constants, tape.words)
