"""NVIDIA's cuStateVec, called by ctypes: gates fused greedily into matrices on up to 6 qubits.

It needs a GPU and `pip install custatevec-cu13` (or -cu12). Single precision. The best number of
qubits to fuse to is sought by time.
"""

import ctypes
import importlib.util
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

from qjax import GATES

NAME = "cuStateVec"
PRECISION = "complex64"
FUSED = (2, 3, 4, 5, 6)
_COMPLEX64, _COMPUTE_FLOAT, _ROW_MAJOR = 4, 1 << 2, 1


def matrix_of(step):
    """The matrix of a step with a number for its angle; bit j of its index is step.qubits[j]."""
    gate, angles = GATES[step.name], () if step.angle is None else (step.angle,)
    matrix = np.eye(2 ** len(step.qubits), dtype=complex)
    ones = 2**gate.num_controls - 1  # controls come first
    acts = np.flatnonzero((np.arange(len(matrix)) & ones) == ones)
    matrix[np.ix_(acts, acts)] = gate.matrix(*angles, np)
    return matrix


def widened(matrix, qubits, onto):
    """A matrix on some qubits as one on more of them."""
    k, places = len(onto), [onto.index(q) for q in qubits]
    index = np.arange(2**k)
    inside = sum((index >> p & 1) << j for j, p in enumerate(places))
    rest = index & ~sum(1 << p for p in places)
    return np.where(rest[:, None] == rest, matrix[inside[:, None], inside], 0)


def fused(steps, most):
    """The product of the steps as matrices on at most `most` qubits: [(matrix, qubits), ...].

    A gate joins the latest block on its qubits, if that has room. A block's own qubits come first.
    """
    blocks, last = [], {}
    for step in steps:
        matrix, qubits = matrix_of(step), tuple(step.qubits)
        at = max((last.get(q, -1) for q in qubits), default=-1)
        union = () if at < 0 else (*blocks[at][1], *(q for q in qubits if q not in blocks[at][1]))
        if at >= 0 and len(union) <= max(most, len(qubits)):
            before = widened(*blocks[at], union)
            blocks[at] = widened(matrix, qubits, union) @ before, union
        else:
            at = len(blocks)
            blocks.append((matrix, qubits))
        for q in blocks[at][1]:
            last[q] = max(at, last.get(q, -1))
    return blocks


def _library():
    spec = importlib.util.find_spec("cuquantum")
    places = list(spec.submodule_search_locations or []) if spec is not None else []
    for place in places:
        for path in sorted(Path(place, "lib").glob("libcustatevec.so*")):
            return ctypes.CDLL(str(path))
    try:
        return ctypes.CDLL("libcustatevec.so.1")
    except OSError as error:
        raise ImportError(f"cuStateVec is not installed: {error}") from None


def _check(status):
    if status:
        raise RuntimeError(f"cuStateVec failed with status {status}")


class Circuit:
    """Fused matrices, ready to be applied to a state on the GPU."""

    def __init__(self, library, workload, most):
        self.library, self.n = library, workload.num_qubits
        self.handle = ctypes.c_void_p()
        _check(library.custatevecCreate(ctypes.byref(self.handle)))
        self.blocks = [
            (np.ascontiguousarray(m, np.complex64), np.array(q, np.int32))
            for m, q in fused(workload.bound(), most)
        ]
        needed = max(self.workspace(*block) for block in self.blocks)
        self.extra = jnp.zeros(max(needed, 1), jnp.uint8).block_until_ready()
        self.size = ctypes.c_size_t(needed)

    def workspace(self, matrix, qubits):
        size, entries = ctypes.c_size_t(), matrix.ctypes.data_as(ctypes.c_void_p)
        _check(self.library.custatevecApplyMatrixGetWorkspaceSize(
            self.handle, _COMPLEX64, ctypes.c_uint32(self.n), entries, _COMPLEX64, _ROW_MAJOR,
            ctypes.c_int32(0), ctypes.c_uint32(len(qubits)), ctypes.c_uint32(0), _COMPUTE_FLOAT,
            ctypes.byref(size)))  # fmt: skip
        return size.value

    def apply(self, state):
        """In place, on the buffer of a JAX array; enqueued."""
        pointer = ctypes.c_void_p(state.unsafe_buffer_pointer())
        extra = ctypes.c_void_p(self.extra.unsafe_buffer_pointer())
        for matrix, qubits in self.blocks:
            _check(self.library.custatevecApplyMatrix(
                self.handle, pointer, _COMPLEX64, ctypes.c_uint32(self.n),
                matrix.ctypes.data_as(ctypes.c_void_p), _COMPLEX64, _ROW_MAJOR, ctypes.c_int32(0),
                qubits.ctypes.data_as(ctypes.c_void_p), ctypes.c_uint32(len(qubits)), None, None,
                ctypes.c_uint32(0), _COMPUTE_FLOAT, extra, self.size))  # fmt: skip


def _start(n):
    return jax.jit(lambda: jnp.zeros(2**n, jnp.complex64).at[0].set(1))().block_until_ready()


def _wait(runtime):
    _check(runtime.cudaDeviceSynchronize())


def _runtime():
    spec = importlib.util.find_spec("nvidia")
    for place in (spec.submodule_search_locations or []) if spec is not None else []:
        for folder in ("cu13/lib", "cuda_runtime/lib"):
            for path in sorted(Path(place, folder).glob("libcudart.so.*")):
                return ctypes.CDLL(str(path))
    return ctypes.CDLL("libcudart.so")


def amplitudes(workload, most=4):
    """The state after the circuit."""
    state = _start(workload.num_qubits)
    Circuit(_library(), workload, most).apply(state)
    _wait(_runtime())
    return np.asarray(state)


def best(workload):
    """(seconds of a run, qubits fused to) at the best fusion."""
    library, runtime = _library(), _runtime()
    state, found = _start(workload.num_qubits), []
    for most in FUSED:
        circuit = Circuit(library, workload, most)
        times = []
        for _ in range(3):
            _wait(runtime)
            start = time.perf_counter()
            circuit.apply(state)
            _wait(runtime)
            times.append(time.perf_counter() - start)
        found.append((min(times), most))
    return min(found)
