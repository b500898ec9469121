"""What the CUDA engine asks of NVIDIA's driver, with a driver that computes nothing."""

import os
import subprocess

import emulation
import jax


def test_kernels_are_loaded_once_for_each_device(tmp_path):
    test, include = emulation.KERNELS / "test", jax.ffi.include_dir()
    build = [emulation.compiler(), "-std=c++17", "-w", "-fPIC", f"-I{include}"]
    fake = str(tmp_path / "libcuda.so.1")
    subprocess.run([*build, "-shared", str(test / "fake_cuda.cc"), "-o", fake], check=True)
    sources = [str(test / "driver.cc"), str(emulation.KERNELS / "cuda" / "launch.cc"), fake]
    program = str(tmp_path / "driver")
    folders = [f"-I{emulation.KERNELS / 'cuda'}", f"-Wl,-rpath,{tmp_path}"]
    subprocess.run([*build, *folders, *sources, "-pthread", "-ldl", "-o", program], check=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path)}
    done = subprocess.run([program], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
