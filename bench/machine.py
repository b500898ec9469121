"""What this machine can do at most: memory bandwidth and multiply-adds, measured in C++."""

import ctypes
import os
import platform
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

_SOURCE = r"""
#include <chrono>
#include <thread>
#include <vector>
#include <cstring>
template <class F> double timed(int threads, F body) {
  double best = 1e9;
  for (int repeat = 0; repeat < 5; ++repeat) {
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (int t = 0; t < threads; ++t) pool.emplace_back([&, t] { body(t); });
    for (auto& t : pool) t.join();
    double s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (s < best) best = s;
  }
  return best;
}
template <class R> double peak(int threads) {
  typedef R V __attribute__((vector_size(BYTES)));
  const long rounds = 20000000;
  static volatile R sink;
  double seconds = timed(threads, [&](int t) {
    const V m = V{} + R(0.999999), c = V{} + R(1e-7);
    V a0 = V{} + R(t), a1 = a0 + 1, a2 = a0 + 2, a3 = a0 + 3, a4 = a0 + 4, a5 = a0 + 5;
    V a6 = a0 + 6, a7 = a0 + 7, a8 = a0 + 8, a9 = a0 + 9, b0 = a0 + 10, b1 = a0 + 11;
    for (long k = 0; k < rounds; ++k) {  // twelve independent chains hide the latency
      a0 = a0 * m + c; a1 = a1 * m + c; a2 = a2 * m + c; a3 = a3 * m + c;
      a4 = a4 * m + c; a5 = a5 * m + c; a6 = a6 * m + c; a7 = a7 * m + c;
      a8 = a8 * m + c; a9 = a9 * m + c; b0 = b0 * m + c; b1 = b1 * m + c;
    }
    sink = (a0 + a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + b0 + b1)[0];
  });
  return 2.0 * rounds * 12 * (BYTES / sizeof(R)) * threads / seconds;
}
extern "C" double flops32(int threads) { return peak<float>(threads); }
extern "C" double flops64(int threads) { return peak<double>(threads); }
// In-place update of an array far larger than the caches: bytes read and written per second.
extern "C" double bandwidth(int threads) {
  const size_t n = size_t{1} << 26;
  std::vector<float> data(n, 1.0f);
  double seconds = timed(threads, [&](int t) {
    float* p = data.data() + n / threads * t;
    for (size_t i = 0; i < n / threads; ++i) p[i] = p[i] * 0.5f + 1.0f;
  });
  return 2.0 * n * sizeof(float) / seconds;
}
"""


@cache
def _library():
    folder = Path(tempfile.mkdtemp())
    (folder / "limits.cc").write_text(_SOURCE)
    wide = 64 if "avx512f" in _flags() else 32 if "avx2" in _flags() else 16
    options = ["-O3", "-march=native", f"-DBYTES={wide}", "-std=c++17", "-shared", "-fPIC"]
    compiler = os.environ.get("CXX", "c++")
    command = [compiler, *options, "-pthread", "limits.cc", "-o", "limits.so"]
    subprocess.run(command, cwd=folder, check=True)
    library = ctypes.CDLL(str(folder / "limits.so"))
    for name in ("flops32", "flops64", "bandwidth"):
        getattr(library, name).restype = ctypes.c_double
    return library


def _flags():
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""


def processor():
    """Name of the processor."""
    for line in _flags().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


@cache
def limits():
    """GB/s read and written, and GFLOP/s in single and double precision, with all threads."""
    threads, library = os.cpu_count(), _library()
    return {
        "processor": processor(),
        "threads": threads,
        "GB/s": round(library.bandwidth(threads) / 1e9, 1),
        "GFLOP/s float32": round(library.flops32(threads) / 1e9, 1),
        "GFLOP/s float64": round(library.flops64(threads) / 1e9, 1),
        "python": sys.version.split()[0],
    }


if __name__ == "__main__":
    for name, value in limits().items():
        print(f"{name:<18}{value}")
