"""The GPUs of the `cuda` engine: if there are any; their kernels, compiled and registered."""

import ctypes
from functools import cache
from threading import Lock
from typing import Any

import jax

from qjax.engine import library, nvrtc
from qjax.engine.cuda_words import SHARED_BYTES, VERSION
from qjax.errors import EngineError

HANDLERS = (
    "basis", "from_zero", "apply", "adjoint", "overlaps", "combination", "mean_and_slope", "draw",
    "marginals",
)  # fmt: skip
"""What the library exports for XLA to call on a GPU, without the prefix qjax_cuda_."""

_LEAST = 70  # the least architecture that has the instructions of the kernels
_TENSOR_CORES = 80  # the least architecture that has them
_LESS_SHARED = {75: 64 << 10}  # bytes that a block may have, where they are less than SHARED_BYTES
_emulated = False
_lock = Lock()


def emulated() -> bool:
    """Whether the kernels run in their emulation on the CPU."""
    return _emulated


def emulate(path: str | None) -> None:
    """Run engine="cuda" on the CPU, slowly, in an emulation of the GPU; None ends that.

    For tests: the device code, its tapes and its launches are those of a GPU.

    Args:
        path: The library that kernels/test/emulate.cc makes.
    """
    global _emulated
    _emulated = path is not None
    if path is not None:
        _register(ctypes.CDLL(path), "cpu")


def missing() -> str | None:
    """Why no GPU can be used, or None."""
    if _emulated:
        return None
    if (reason := library.missing()) is not None:
        return reason
    if not _devices():
        return "needs an NVIDIA GPU that JAX sees, and there is none."
    if (least := min(map(_architecture, _devices()))) < _LEAST:
        return (
            f"needs GPUs of compute capability {_LEAST / 10} or later, but one here has "
            f"{least / 10}."
        )
    return nvrtc.missing()


@cache
def has_tensor_cores() -> bool:
    """Whether all GPUs of this process multiply matrices of both precisions by tensor cores."""
    return all(_architecture(device) >= _TENSOR_CORES for device in _devices())


@cache
def shared_bytes() -> int:
    """How much shared memory a block may have on all GPUs of this process, of what kernels ask."""
    architectures = map(_architecture, _devices())
    return min((_LESS_SHARED.get(a, SHARED_BYTES) for a in architectures), default=SHARED_BYTES)


def require(part: str, itemsize: int) -> None:
    """Have the kernels of a part compiled for every GPU of this process, and known to XLA.

    Raises:
        EngineError: If they cannot be.
    """
    if not _emulated:
        with _lock:  # of two threads that need a part, one compiles it
            for architecture in sorted({_architecture(device) for device in _devices()}):
                _add(part, itemsize, architecture)


@cache
def _add(part: str, itemsize: int, architecture: int) -> None:
    loaded = _library()
    code = nvrtc.cubin(nvrtc.PARTS[part, itemsize], architecture)
    if why := loaded.qjax_cuda_add_image(architecture, code, ctypes.c_size_t(len(code))):
        raise EngineError(f"NVIDIA's driver must run the compiled kernels, but {why.decode()}.")


@cache
def _library() -> ctypes.CDLL:
    present = library.library()
    assert present is not None
    loaded = ctypes.CDLL(str(present.path))
    version = loaded.qjax_cuda_tape_version()
    if version != VERSION:
        raise EngineError(
            f"The C++ library must read CUDA tapes of version {VERSION}, but {present.path} reads "
            f"version {version}. Reinstall qjax."
        )
    loaded.qjax_cuda_add_image.restype = ctypes.c_char_p
    _register(loaded, "CUDA")
    return loaded


def _register(loaded: ctypes.CDLL, platform: str) -> None:
    initialize = jax.ffi.pycapsule(loaded.qjax_cuda_initialize)
    for name in HANDLERS:
        execute = jax.ffi.pycapsule(getattr(loaded, f"qjax_cuda_{name}"))
        stages = {"initialize": initialize, "execute": execute}
        jax.ffi.register_ffi_target(f"qjax_cuda_{name}", stages, platform=platform)


@cache
def _devices() -> tuple[Any, ...]:
    try:
        return tuple(jax.local_devices(backend="cuda"))
    except RuntimeError:
        return ()


def _architecture(device: Any) -> int:
    """Ten times the compute capability."""
    major, minor = str(device.compute_capability).split(".")
    return 10 * int(major) + int(minor)
