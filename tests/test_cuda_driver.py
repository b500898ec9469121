"""What the CUDA engine asks of NVIDIA's driver, with a driver that computes nothing."""

import os
import subprocess
import sys

import emulation
import jax
import pytest

from qjax.engine.library import missing

TEST, BUILD = emulation.KERNELS / "test", ["-std=c++17", "-w", "-fPIC"]


@pytest.fixture
def driver(tmp_path):
    """The environment of a process that finds the driver."""
    fake = str(tmp_path / "libcuda.so.1")
    command = [emulation.compiler(), *BUILD, "-shared", str(TEST / "fake_cuda.cc"), "-o", fake]
    subprocess.run(command, check=True)
    return {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}


def passes(command, environment):
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


def test_kernels_are_loaded_once_for_each_device(driver, tmp_path):
    cuda = emulation.KERNELS / "cuda"
    sources = [TEST / "driver.cc", cuda / "launch.cc", tmp_path / "libcuda.so.1"]
    folders = [f"-I{jax.ffi.include_dir()}", f"-I{cuda}", f"-Wl,-rpath,{tmp_path}"]
    program = str(tmp_path / "driver")
    command = [emulation.compiler(), *BUILD, *folders, *map(str, sources)]
    subprocess.run([*command, "-pthread", "-ldl", "-o", program], check=True)
    passes([program], driver)


PYTHON = """
from types import SimpleNamespace
from qjax.engine import gpu, nvrtc
from qjax.errors import EngineError

asked = []

def cubin(part, architecture):
    asked.append((part, architecture))
    return b"bad" if part == nvrtc.PARTS["other", 8] else b"qjax_forward_f4 "

gpu._devices = lambda: [SimpleNamespace(compute_capability=c) for c in ("9.0", "12.0", "9.0")]
nvrtc.cubin = cubin
for _ in range(2):
    gpu.require("forward", 8)
assert asked == [(0, 90), (0, 120)], asked
try:
    gpu.require("other", 8)
except EngineError as error:
    assert "cuLibraryLoadData failed: device kernel image is invalid" in str(error), error
else:
    raise AssertionError
assert gpu.has_tensor_cores()
gpu.has_tensor_cores.cache_clear()
gpu._devices = lambda: [SimpleNamespace(compute_capability=c) for c in ("9.0", "7.5")]
assert not gpu.has_tensor_cores()
assert gpu.shared_bytes() == 64 << 10
gpu._devices = lambda: [SimpleNamespace(compute_capability=c) for c in ("9.0", "6.1")]
assert gpu.missing() == "needs GPUs of compute capability 7.0 or later, but one here has 6.1."
"""


@pytest.mark.skipif(missing() is not None, reason="the library was not built")
def test_what_the_driver_cannot_run_is_known_before_a_program_runs(driver):
    passes([sys.executable, "-c", PYTHON], driver)
