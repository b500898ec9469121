"""The CUDA kernels, compiled by NVRTC for the GPU at hand: once per machine, kept on disk."""

import ctypes
import hashlib
import importlib.util
import logging
import os
from functools import cache
from pathlib import Path

from qjax._atomic import whole_file
from qjax.errors import EngineError

PARTS = {
    ("forward", 8): 0, ("forward", 16): 1, ("backward", 8): 2, ("backward", 16): 3,
    ("other", 8): 4, ("other", 16): 5, ("plain forward", 8): 6, ("plain forward", 16): 7,
    ("plain backward", 8): 8, ("plain backward", 16): 9,
}  # fmt: skip
"""The programs that kernels.cuh divides the kernels into, by what they do and the bytes of an
amplitude: each is compiled when it is first needed."""

SOURCES = Path(__file__).parents[1] / "_lib" / "cuda"
_MAIN, _SUFFIXES = "kernels.cu", (".cu", ".cuh", ".h")
_DIGEST = 32  # bytes of a SHA-256
_INSTALL = 'pip install "jax[cuda13]" brings it'


def cubin(part: int, architecture: int) -> bytes:
    """A compiled part, from the cache or compiled now.

    The cache is the folder that the environment variable QJAX_CACHE_DIR names, else `qjax` in
    XDG_CACHE_HOME or in ~/.cache. Files are named by what they were made from, appear whole and end
    in their SHA-256, so processes may share it, and what a disk spoilt is compiled again.

    Args:
        part: One of `PARTS`.
        architecture: Ten times the compute capability: 90 for an H100.

    Raises:
        EngineError: If NVRTC is not there, or does not compile the kernels.
    """
    version = _nvrtc()[1]
    options = _options(part, architecture)
    made_from = [*_sources().values(), *(o.encode() for o in options), str(version).encode()]
    name = hashlib.sha256(b"\0".join(made_from)).hexdigest()
    path = _folder() / f"kernels-sm{architecture}-{part}-{name[:32]}.cubin"
    try:
        kept = path.read_bytes()
    except OSError:
        kept = b""
    code, digest = kept[:-_DIGEST], kept[-_DIGEST:]
    if hashlib.sha256(code).digest() == digest:
        return code
    logging.getLogger("qjax").warning(
        "Compiling CUDA kernels for compute capability %s, once on this machine, which may take a "
        "minute. They are kept in %s.",
        architecture / 10,
        path.parent,
    )
    code, _ = compiled(part, architecture)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(code + hashlib.sha256(code).digest())
    except OSError:
        pass  # a folder that cannot be written costs a compilation in the next process
    return code


def _options(part: int, architecture: int) -> list[str]:
    return [
        f"--gpu-architecture=sm_{architecture}", "--std=c++17", "--ptxas-options=-v",
        f"-DQJAX_PART={part}",
    ]  # fmt: skip


def _folder() -> Path:
    if named := os.environ.get("QJAX_CACHE_DIR"):
        return Path(named)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "qjax"


def missing() -> str | None:
    """Why nothing can be compiled, or None."""
    try:
        _nvrtc()
    except EngineError as error:
        return str(error)
    return None


@cache
def _nvrtc() -> tuple[ctypes.CDLL, tuple[int, int]]:
    """The newest installed NVRTC whose kernels the driver can run, and its version.

    A driver runs what compilers of its own CUDA version and of older ones make. If there are only
    newer ones, it is the first of these, and the driver may still know what they write.
    """
    driver = _driver_version()
    newer = None
    for path in _candidates():
        try:
            # NVRTC finds its builtins only if they are loaded already.
            for builtins in sorted(path.parent.glob("libnvrtc-builtins.so*")):
                ctypes.CDLL(str(builtins))
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        major, minor = ctypes.c_int(), ctypes.c_int()
        library.nvrtcVersion(ctypes.byref(major), ctypes.byref(minor))
        found = library, (major.value, minor.value)
        if driver is None or major.value <= driver:
            return found
        newer = newer or found
    if newer is not None:
        return newer
    raise EngineError(f"needs NVRTC, CUDA's run-time compiler, which is not installed: {_INSTALL}.")


def _driver_version() -> int | None:
    """The major version of CUDA that the driver was made for, or None without a driver."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return None
    version = ctypes.c_int()
    return None if driver.cuDriverGetVersion(ctypes.byref(version)) else version.value // 1000


def _candidates() -> list[Path]:
    """Where NVRTC may be: in NVIDIA's packages, then where the system looks."""
    found: list[Path] = []
    spec = importlib.util.find_spec("nvidia")
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        for folder in ("cu13/lib", "cuda_nvrtc/lib"):
            found += sorted(Path(place, folder).glob("libnvrtc.so.*"), reverse=True)
    return [*found, *(Path(f"libnvrtc.so.{version}") for version in (13, 12))]


def compiled(part: int, architecture: int) -> tuple[bytes, str]:
    """A part compiled now, and the compiler's report of registers and spills."""
    return _compile(_nvrtc()[0], _sources(), _options(part, architecture))


def _sources() -> dict[str, bytes]:
    """The texts of the main file and of the headers, by name."""
    return {p.name: p.read_bytes() for p in sorted(SOURCES.iterdir()) if p.suffix in _SUFFIXES}


def _compile(
    library: ctypes.CDLL, sources: dict[str, bytes], options: list[str]
) -> tuple[bytes, str]:
    program = ctypes.c_void_p()
    many = ctypes.c_char_p * len(sources)
    texts, names = many(*sources.values()), many(*(name.encode() for name in sources))
    _check(
        library,
        library.nvrtcCreateProgram(
            ctypes.byref(program), sources[_MAIN], _MAIN.encode(), len(sources), texts, names
        ),
    )
    try:
        flags = (ctypes.c_char_p * len(options))(*(o.encode() for o in options))
        result = library.nvrtcCompileProgram(program, len(options), flags)
        log = _text(library, "ProgramLog", program).rstrip(b"\0").decode(errors="replace")
        if result:
            raise EngineError(f"NVRTC did not compile the CUDA kernels ({options[0]}):\n{log}")
        return _text(library, "CUBIN", program), log
    finally:
        library.nvrtcDestroyProgram(ctypes.byref(program))


def _text(library: ctypes.CDLL, what: str, program: ctypes.c_void_p) -> bytes:
    size = ctypes.c_size_t()
    _check(library, getattr(library, f"nvrtcGet{what}Size")(program, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(size.value)
    _check(library, getattr(library, f"nvrtcGet{what}")(program, buffer))
    return buffer.raw


def _check(library: ctypes.CDLL, result: int) -> None:
    if result:
        text = library.nvrtcGetErrorString
        text.restype = ctypes.c_char_p
        raise EngineError(f"NVRTC failed: {text(result).decode()}.")
