"""The C++ library: where it is, and its handlers made known to XLA."""

import ctypes
import functools
from pathlib import Path

import jax

_PATH = Path(__file__).parents[1] / "_lib" / "libqjax_cpu.so"
_HANDLERS = ("qjax_apply", "qjax_adjoint")


@functools.cache
def library() -> ctypes.CDLL | None:
    """The library, with its handlers registered; None if it was not built."""
    if not _PATH.exists():
        return None
    loaded = ctypes.CDLL(str(_PATH))
    for name in _HANDLERS:
        capsule = jax.ffi.pycapsule(getattr(loaded, name))
        jax.ffi.register_ffi_target(name, capsule, platform="cpu")
    return loaded
