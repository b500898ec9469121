"""The `cuda` engine where there is no GPU: its kernels, emulated; built when first asked for."""

import fcntl
import functools
import hashlib
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path

import jax
import pytest

from qjax.engine import gpu

KERNELS = Path(__file__).parents[1] / "kernels"


def compiler() -> str:
    found = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if found is None:
        pytest.skip("the emulation of CUDA needs a C++ compiler")
    return found


@functools.cache
def build(*options: str) -> str:
    """The library, made once for all processes that test the same sources."""
    sources = [KERNELS / "test" / "emulate.cc", KERNELS / "cuda" / "launch.cc"]
    flags = ["-std=c++17", "-O1", "-fPIC", "-shared", "-w", *options]
    folders = [f"-I{jax.ffi.include_dir()}", f"-I{KERNELS / 'cuda'}"]
    texts = [path.read_bytes() for path in sorted(KERNELS.glob("*/*")) if path.is_file()]
    key = hashlib.sha256(repr([jax.__version__, flags, folders, texts]).encode()).hexdigest()
    place = Path(tempfile.gettempdir(), f"qjax-emulation-{os.getuid()}")
    place.mkdir(mode=0o700, exist_ok=True)
    library = place / f"{key[:32]}.so"
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not library.exists():
            made = library.with_suffix(".new")
            command = [compiler(), *flags, *folders, *map(str, sources), "-o", str(made)]
            subprocess.run(command, check=True)
            made.rename(library)
    return str(library)


@contextmanager
def cuda():
    """engine="cuda" works inside: on the GPU, or emulated if there is none."""
    if gpu.missing() is None:
        yield
        return
    gpu.emulate(build())
    try:
        yield
    finally:
        gpu.emulate(None)
