"""The C++ library: where it is, what it can do, and its handlers made known to XLA."""

import ctypes
import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jax

from qjax.engine.cpu_tape import VERSION
from qjax.errors import EngineError

HANDLERS = (
    "qjax_basis",
    "qjax_apply",
    "qjax_adjoint",
    "qjax_overlaps",
    "qjax_combination",
    "qjax_draw",
    "qjax_marginals",
)
"""What the library exports for XLA to call, and the names by which it is called."""

_PATH = Path(__file__).parents[1] / "_lib" / "libqjax_cpu.so"
_MISSING = (
    "needs the C++ library, which was not built when qjax was installed, for want of a C++ "
    "compiler. Install one (g++ or clang) and reinstall qjax."
)


@dataclass(frozen=True)
class Library:
    """The loaded library.

    Attributes:
        path: Its file.
        isa: The instruction set in use: "portable", "avx2" or "avx512".
        isas: Those that run on this processor.
    """

    path: Path
    isa: str
    isas: tuple[str, ...]


@cache
def library() -> Library | None:
    """The library, loaded and its handlers registered; None if it was not built.

    Raises:
        EngineError: If the environment variable QJAX_ISA names an instruction set that is none or
            does not run here, or the library belongs to another version of qjax.
    """
    if not _PATH.exists():
        logging.getLogger("qjax").warning('engine="cpu" %s Running on "xla".', _MISSING)
        return None
    loaded = ctypes.CDLL(str(_PATH))
    version = loaded.qjax_tape_version()
    if version != VERSION:
        raise EngineError(
            f"The C++ library must read tapes of version {VERSION}, but {_PATH} reads version "
            f"{version}. Reinstall qjax."
        )

    def text(function: str) -> str:
        call = getattr(loaded, function)
        call.restype = ctypes.c_char_p
        return call().decode()

    if error := text("qjax_error"):
        raise EngineError(error)
    for name in HANDLERS:
        capsule = jax.ffi.pycapsule(getattr(loaded, name))
        jax.ffi.register_ffi_target(name, capsule, platform="cpu")
    return Library(_PATH, text("qjax_isa"), tuple(text("qjax_isas").split(",")))


def missing() -> str | None:
    """Why the library cannot be used, or None if it can.

    Examples:
        >>> missing() is None or "compiler" in missing()
        True
    """
    return None if _PATH.exists() else _MISSING
