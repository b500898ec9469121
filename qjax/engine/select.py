"""Engines and precisions: what there is, and what a call gets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from qjax.engine import cpu, cuda, gpu
from qjax.engine.library import missing
from qjax.errors import EngineError, PrecisionError


@dataclass(frozen=True)
class Engine:
    """A way to execute plans.

    Attributes:
        name: What `engine=` takes.
        summary: What it is, in a few words.
        platform: The platform of JAX that it runs on, as `jax.default_backend()` calls it; None for
            all.
        max_qubits: The largest state it can hold.
        forward_states: How many states a run has in memory at once.
        gradient_states: The same for a value with its gradient.
        missing: Gives why it cannot run here, or None if it can.
    """

    name: str
    summary: str
    platform: str | None
    max_qubits: int
    forward_states: int
    gradient_states: int
    missing: Callable[[], str | None]


ENGINES = {
    engine.name: engine
    for engine in (
        # Amplitudes are addressed by 32-bit integers.
        Engine("xla", "pure JAX; runs wherever JAX runs", None, 30, 2, 9, lambda: None),
        Engine("cpu", "C++ kernels over tiles in cache", "cpu", cpu.MAX_QUBITS, 1, 3, missing),
        Engine(
            "cuda",
            "CUDA kernels over tiles in registers",
            "gpu",
            cuda.MAX_QUBITS,
            1,
            3,
            gpu.missing,
        ),
    )
}
"""Every engine, by name, the most general first."""


def resolve(name: str | None, num_qubits: int) -> Engine:
    """The engine that a call gets.

    Args:
        name: Name of an engine; None or "auto" for the best one here.
        num_qubits: Size of the state.

    Raises:
        EngineError: If there is no such engine, it cannot run here, or the state is too large.

    Examples:
        >>> resolve("xla", 10).name
        'xla'
    """
    present = [e for e in ENGINES.values() if e.missing() is None]
    here = ", ".join(f'"{e.name}"' for e in present)
    if name in (None, "auto"):
        engine = [e for e in present if e.platform in (None, jax.default_backend())][-1]
    elif name not in ENGINES:
        raise EngineError(f'engine must be "auto" or one of {here}, but is {name!r}.')
    else:
        engine = ENGINES[name]
        if (reason := engine.missing()) is not None:
            raise EngineError(f'engine="{name}" {reason} Available here: {here}.')
    if num_qubits > engine.max_qubits:
        raise EngineError(
            f'engine="{engine.name}": a state must have at most {engine.max_qubits} qubits, '
            f"but has {num_qubits}."
        )
    return engine


def complex_dtype(dtype: Any, state: Any = None) -> np.dtype:
    """The dtype of amplitudes: the one asked for, else that of the initial state, else complex64.

    Raises:
        PrecisionError: If it is not complex64 or complex128, or is complex128 while JAX has 64-bit
            numbers switched off.

    Examples:
        >>> complex_dtype(None)
        dtype('complex64')
    """
    if dtype is None:
        wide = (
            isinstance(state, jax.Array)
            or jax.dtypes.canonicalize_dtype(np.complex128) == np.complex128
        )
        double = wide and getattr(state, "dtype", None) == np.complex128
        return np.dtype(np.complex128 if double else np.complex64)
    try:
        wanted = np.dtype(dtype)
    except TypeError:
        wanted = None
    if wanted not in (np.dtype(np.complex64), np.dtype(np.complex128)):
        raise PrecisionError(f"dtype must be complex64 or complex128, but is {dtype!r}.")
    assert wanted is not None
    if jax.dtypes.canonicalize_dtype(wanted) != wanted:
        raise PrecisionError(
            "dtype complex128 needs 64-bit numbers, which JAX has switched off. Switch them on at "
            'the start of the program: jax.config.update("jax_enable_x64", True).'
        )
    return wanted


def real_dtype(dtype: np.dtype) -> np.dtype:
    """The dtype of a real or imaginary part.

    Examples:
        >>> real_dtype(np.dtype("complex64"))
        dtype('float32')
    """
    return np.finfo(dtype).dtype
