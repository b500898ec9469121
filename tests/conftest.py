import os

import emulation
import jax
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Most of the time is the compilation of programs that run once. LLVM need not optimise them. XLA is
# quicker without its emitters of fusions, and if it does not cut a program in parts. It reads the
# flags when it starts, after the imports, and ends if it does not know one. Whoever sets XLA_FLAGS
# has their own.
_FLAGS = ["--xla_backend_optimization_level=0"]
if jax.__version_info__ < (0, 11):
    _FLAGS += ["--xla_cpu_use_fusion_emitters=false", "--xla_cpu_parallel_codegen_split_count=1"]
os.environ.setdefault("XLA_FLAGS", " ".join(_FLAGS))
# NVRTC reads this when it is loaded; of what it finds in its cache it reports no registers.
os.environ.setdefault("CUDA_CACHE_DISABLE", "1")

# Examples are the same in every run; compiling takes longer than hypothesis' usual deadline.
settings.register_profile(
    "qjax",
    derandomize=True,
    deadline=None,
    max_examples=25,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("qjax")


@pytest.fixture(params=[np.complex64, np.complex128], ids=["complex64", "complex128"])
def dtype(request):
    """Both precisions; 64-bit numbers are switched on for the second."""
    with jax.enable_x64(request.param is np.complex128):
        yield np.dtype(request.param)


@pytest.fixture
def double():
    """64-bit numbers, switched on for one test."""
    with jax.enable_x64(True):
        yield np.dtype(np.complex128)


@pytest.fixture
def rng():
    return np.random.default_rng(2024)


@pytest.fixture(autouse=True)
def _cuda_works_where_it_is_asked_for(request):
    """A test with the parameter engine="cuda" has that engine."""
    callspec = getattr(request.node, "callspec", None)
    if callspec is None or callspec.params.get("engine") != "cuda":
        yield
        return
    with emulation.cuda():
        yield


def pytest_runtest_setup(item):
    if item.get_closest_marker("multidevice") and jax.device_count() < 8:
        pytest.skip("needs eight devices; test_on_eight_devices runs it where there are")
