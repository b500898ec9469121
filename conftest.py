import os

# Where processes run side by side and the BLAS of each has a thread for every core, these wait for
# one another: the exponential of a 4x4 matrix takes a hundred times as long. NumPy's reads this as
# it is loaded, so it is for the processes that pytest-xdist and tests start.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import jax
import numpy as np
import pytest

# Doctests and tests run under the strictest promotion, so that no dtype changes in silence, and
# print few digits, so that an example reads well and the last digits of a sum do not matter.
jax.config.update("jax_numpy_dtype_promotion", "strict")
np.set_printoptions(precision=4, suppress=True)


@pytest.fixture(scope="module", autouse=True)
def _compiled_programs_are_dropped():
    """Every module starts without compiled programs; they would fill the memory of a long run."""
    yield
    jax.clear_caches()
