"""Basis states, written where the engine will work on them."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import ShapedArray
from jax.extend.core import Primitive

from qjax.engine import cuda
from qjax.engine.lowering import register


def basis_row(num_qubits: int, index: int, dtype: np.dtype, engine: str) -> jax.Array:
    """The basis state |index>, of shape (1, 2**num_qubits).

    The kernels write it in parallel and into large pages, where the system has them.
    """
    return basis_p.bind(num_qubits=num_qubits, index=index, dtype=np.dtype(dtype), engine=engine)


def defined(*, num_qubits: int, index: int, dtype: np.dtype) -> Any:
    """The same in JAX's own operations."""
    return jnp.zeros((1, 2**num_qubits), dtype).at[0, index].set(1)


def written_cpu(*, num_qubits: int, index: int, dtype: np.dtype) -> Any:
    """The same by the C++ library."""
    out = jax.ShapeDtypeStruct((1, 2**num_qubits), dtype)
    return jax.ffi.ffi_call("qjax_basis", out)(index=np.int64(index))


basis_p = Primitive("qjax_basis")


@basis_p.def_abstract_eval
def _basis_shape(*, num_qubits: int, index: int, dtype: np.dtype, engine: str) -> ShapedArray:
    return ShapedArray((1, 2**num_qubits), dtype)


register(basis_p, defined, cpu=written_cpu, cuda=cuda.basis, states="forward_states")
