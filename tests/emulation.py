"""The `cuda` engine where there is no GPU: its kernels, emulated; built when first asked for."""

import atexit
import functools
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
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = f"{folder}/libqjax_emulation.so"
    sources = [KERNELS / "test" / "emulate.cc", KERNELS / "cuda" / "launch.cc"]
    flags = ["-std=c++17", "-O2", "-fPIC", "-shared", "-w", *options]
    folders = [f"-I{jax.ffi.include_dir()}", f"-I{KERNELS / 'cuda'}"]
    subprocess.run([compiler(), *flags, *folders, *map(str, sources), "-o", library], check=True)
    return library


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
