"""What can be known of the CUDA engine without a GPU: tapes, races, errors.

The kernels' mathematics is tested in test_kernels.py and test_engines.py, emulated.
"""

import logging
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import emulation
import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from strategies import random_circuit, random_state, random_template, random_unitary

import qjax as qj
from qjax.engine import bit_vectors, cuda, cuda_tape, cuda_words, gpu, lowering, memory
from qjax.engine.cuda_turns import Turns
from qjax.errors import EngineError
from qjax.plan import compile_plan


@pytest.fixture
def emulated():
    with emulation.cuda():
        yield


# --- tapes --------------------------------------------------------------------------------------


def span(vectors):
    found = [0]
    for vector in vectors:
        found += [vector ^ other for other in found]
    return found


@pytest.mark.parametrize("bits", [5, 6, 11, 12])
@pytest.mark.parametrize("banks", [4, 5])
def test_exchanges_have_no_bank_conflicts(bits, banks, rng):
    for _ in range(300):
        vectors = []
        for _ in range(2):
            chosen = []
            while len(chosen) < banks:  # those that are independent of the ones before
                vector = int(rng.integers(1, 2**bits))
                if vector not in span(chosen):
                    chosen.append(vector)
            vectors.append(tuple(chosen))
        columns = bit_vectors.conflict_free(*vectors, bits)
        assert len(set(span(columns))) == 2**bits  # no two places in one
        for pattern in vectors:
            places = span([bit_vectors.mapped(columns, vector) for vector in pattern])
            assert len({place % 2**banks for place in places}) == 2**banks


@pytest.mark.parametrize("itemsize", [8, 16])
@pytest.mark.parametrize("backward", [False, True])
def test_a_deep_circuit_needs_few_sweeps_of_memory(itemsize, backward):
    n, layers = 26, 10
    circuit = qj.Circuit(n)
    for _ in range(layers):
        for q in range(n):
            circuit.ry(0.1, q).rz(0.2, q)
        for q in range(n):
            circuit.cx(q, (q + 1) % n)
    plan = compile_plan(circuit.structure)
    shape = cuda.shape_of(plan, itemsize, backward=backward)
    tape = cuda_tape.write_cuda_tape(plan, shape, backward=backward)
    # A gate at a time would be n * layers rotations; a tile lacks n - 12 qubits or a few more.
    assert len(tape.sweeps) <= 5 * layers


def test_ten_thousand_gates_of_a_large_state_are_written(rng):
    plan = compile_plan(random_circuit(24, 10_000, rng).structure)
    shape = cuda.shape_of(plan, 8, backward=True)
    assert cuda_tape.write_cuda_tape(plan, shape, backward=True).sweeps


@pytest.mark.parametrize("itemsize", [8, 16])
def test_a_small_circuit_is_one_launch(itemsize, rng):
    n = 12 if itemsize == 8 else 11
    for backward in (False, True):
        plan = compile_plan(random_circuit(n, 100, rng).structure)
        shape = cuda.shape_of(plan, itemsize, backward=backward)
        tape = cuda_tape.write_cuda_tape(plan, shape, backward=backward)
        assert len(tape.sweeps) == 1
        division = cuda.geometry(n, 1, shape, backward=backward)
        assert division.threads <= 256
        assert division.shared <= cuda_words.SHARED_BYTES


@pytest.mark.parametrize("room", [cuda_words.SHARED_BYTES, 64 << 10])
@pytest.mark.parametrize("itemsize", [8, 16])
@pytest.mark.parametrize("batch", [1, 3, 1000])
def test_every_shape_keeps_to_its_shared_memory(itemsize, batch, room, monkeypatch):
    monkeypatch.setattr(gpu, "shared_bytes", lambda: room)
    for n in range(1, 16):
        plan = compile_plan(qj.Circuit(n).ry(0.1, 0).structure)
        for backward in (False, True):
            shape = cuda.shape_of(plan, itemsize, backward=backward)
            division = cuda.geometry(n, batch, shape, backward=backward)
            assert division.threads <= 256
            assert division.shared <= room


@pytest.mark.parametrize(("n", "k", "batch"), [(22, 6, 1), (24, 8, 1), (16, 5, 300)])
def test_the_sums_of_many_cotangents_are_bounded(n, k, batch):
    """Every entry of a matrix has a sum in every warp of every block."""
    plan = compile_plan(qj.Circuit(n).unitary(np.eye(2**k), range(k)).structure)
    state = jax.ShapeDtypeStruct((batch, 2**n), np.complex64)
    numbers = jax.ShapeDtypeStruct((1, plan.num_numbers), np.float32)
    needed = cuda.adjoint_work(state, state, numbers, plan=plan)
    assert 8 * 2 * 4**k <= needed <= 2**29


def test_the_sums_of_many_cotangents_are_counted(emulated, monkeypatch, rng):
    """A gradient that three states would leave room for does not run without room for its sums."""
    n, matrix = 13, random_unitary(2**6, rng).astype(np.complex64)
    mean = lambda m: qj.expectation(qj.Circuit(n).unitary(m, range(6)), "Z0", engine="cuda")
    monkeypatch.setattr(memory, "_ALWAYS_FITS", 1)
    monkeypatch.setattr(memory, "_system", lambda: 4 * 2**n * 8)
    monkeypatch.setattr(memory, "_container", lambda: None)
    monkeypatch.setattr(jax, "live_arrays", lambda platform: [])
    with pytest.raises(EngineError, match=r"3 x 13 qubits in complex64, and .* of partial sums"):
        jax.jit(jax.grad(mean)).lower(matrix)


def usual(n, layers, rng):
    """A circuit of the gates that most circuits are made of, with angles of every size."""
    circuit = qj.Circuit(n)
    for _ in range(layers):
        for q in range(n):
            circuit.ry(rng.uniform(-7, 7), q).rz(rng.uniform(-7, 7), q)
        for q in range(0, n - 1, 2):
            circuit.cx(q, q + 1).rx(rng.uniform(-7, 7), q).h(q + 1)
        for q in range(1, n - 1, 2):
            circuit.cz(q, q + 1).t(q).ry(rng.choice([0, np.pi, 2 * np.pi]), q)
        circuit.unitary(random_unitary(4, rng), rng.permutation(n)[:2])
        circuit.unitary(random_unitary(4, rng), rng.permutation(n)[:2])
    return circuit


@pytest.mark.parametrize("n", [12, 13, 15])
def test_usual_circuits_have_kernels_of_their_own(n, dtype, emulated, rng):
    circuit = usual(n, 3, rng)
    plan, itemsize = compile_plan(circuit.structure), np.dtype(dtype).itemsize
    assert cuda.forward_parts(itemsize, plan=plan) == ("plain forward",)
    assert cuda.backward_parts(itemsize, plan=plan) == ("other", "plain backward")
    shape = cuda.shape_of(plan, itemsize, backward=False)
    assert shape.register_bits == {8: 4 + (n > 12), 16: 3}[itemsize]
    found = qj.statevector(circuit, dtype=dtype, engine="cuda")
    error = np.max(np.abs(np.asarray(found) - oracle.statevector(circuit)))
    assert error <= 16 * np.finfo(dtype).eps * (len(plan.ops) + n)


@pytest.mark.parametrize("angle", [np.pi / 2, np.pi - 1e-6, np.pi, np.pi + 1e-6, 3.5 * np.pi])
def test_many_turns_keep_their_precision(angle, emulated, rng):
    """Each is three shears by at most 1, and beyond a right angle minus such a turn."""
    circuit = qj.Circuit(13)
    for _ in range(400):
        circuit.ry(angle, 0).rx(-angle, 0)
    found = qj.statevector(circuit, engine="cuda")
    error = np.max(np.abs(np.asarray(found) - oracle.statevector(circuit)))
    assert error <= 16 * np.finfo(np.float32).eps * 800


def test_turns_of_a_bit_follow_each_other_and_those_of_others_run_beside_them():
    turns = Turns()
    turns.multiply(0, 1, 10, summed=True)
    turns.rotate(0, 1, 11)
    turns.multiply(0, 1, 12, summed=True)  # a sum is of what comes before a rotation
    turns.rotate(1, 2, 13)
    for index in (14, 15, 16):
        turns.multiply(1, 2, index, summed=False)
    turns.rotate(0, 1, 17)
    first, second = turns.take()
    assert (first[0].before, first[0].rotation, first[0].after) == ([(1, 10)], (1, 11), [])
    assert (second[0].before, second[0].rotation) == ([(1, 12)], (1, 17))
    assert (first[1].rotation, first[1].after) == ((2, 13), [(2, 14), (2, 15)])
    assert second[1].before == [(2, 16)]
    assert turns.take() == []


@pytest.mark.parametrize("backward", [False, True])
def test_no_diagonal_of_an_ansatz_runs_by_itself(backward):
    """Each goes to a rotation of its qubit, if need be in another sweep."""
    n, layers = 20, 8
    circuit, theta = qj.Circuit(n), iter(qj.ParameterVector("t", 2 * n * layers))
    for _ in range(layers):
        for q in range(n):
            circuit.ry(next(theta), q).rz(next(theta), q)
        circuit.cx(range(n - 1), range(1, n))
    plan = compile_plan(circuit.structure)
    shape = cuda.shape_of(plan, 8, backward=backward)
    tape = cuda_tape.write_cuda_tape(plan, shape, backward=backward)
    assert len(tape.sweeps) > 2
    alone = {cuda_words.Code.PHASES, cuda_words.Code.FACTOR_SUM}
    assert not alone & {code for sweep in tape.sweeps for code in codes_of(tape, sweep)}


def of_matrices(n, layers, angle):
    """Runs of gates on one qubit, which fuse, between others of which some commute with T."""
    circuit = qj.Circuit(n)
    for layer in range(layers):
        for q in range(n):
            circuit.u(angle(), angle(), angle(), q).t(q)
            if q % 3 == 0:
                circuit.sx(q).h(q).s(q)
        for q in range(layer % 2, n - 1, 2):
            circuit.cz(q, q + 1)
            if q % 4 == 1:
                circuit.cx(q, q + 1).rz(angle(), q + 1)
        circuit.rz(angle(), n - 1).p(angle(), 0)
    return circuit


NEARLY = [0.0, 1e-12, 1e-5, np.pi / 2, np.pi - 1e-5, np.pi - 1e-12, np.pi, 2 * np.pi]


@pytest.mark.parametrize("n", [3, 12, 14])
@pytest.mark.parametrize("angles", ["any", "with zeros"])
def test_matrices_of_one_qubit_run_as_turns(n, angles, dtype, emulated, rng):
    """Their entries may be 0 or nearly so."""
    circuit = of_matrices(
        n, 3, lambda: rng.uniform(-7, 7) if angles == "any" else rng.choice(NEARLY)
    )
    assert not set(codes(circuit, dtype)) & set(range(cuda_words.Code.REAL, cuda_words.Code.FLIP))
    found = qj.statevector(circuit, dtype=dtype, engine="cuda")
    error = np.max(np.abs(np.asarray(found) - oracle.statevector(circuit)))
    assert error <= 16 * np.finfo(dtype).eps * (len(circuit) + n)


@pytest.mark.parametrize(("n", "batch"), [(4, 70), (10, 5), (13, 2)])
def test_matrices_of_one_qubit_differ_among_samples(n, batch, emulated, rng):
    theta = qj.ParameterVector("t", 7)
    count = iter(range(10**6))
    circuit = of_matrices(n, 2, lambda: theta[next(count) % 7])
    values = rng.uniform(-7, 7, (batch, 7))
    found = qj.statevector(circuit, values, engine="cuda")
    for row, state in zip(values, found, strict=True):
        error = np.max(np.abs(np.asarray(state) - oracle.statevector(circuit.bind(row))))
        assert error <= 16 * np.finfo(np.float32).eps * (len(circuit) + n)


@pytest.mark.parametrize("n", [3, 12])
def test_angles_beside_matrices_have_their_gradient(n, emulated, double, rng):
    """Diagonals with and without a cotangent, on both sides of a rotation and of a sweep."""
    theta = qj.ParameterVector("t", 4)
    count = iter(range(10**6))
    circuit = qj.Circuit(n)
    for layer in range(3):
        for q in range(n):
            circuit.rz(theta[next(count) % 4], q).ry(theta[next(count) % 4], q)
            circuit.rz(theta[next(count) % 4], q)
            if q % 2:
                circuit.sx(q).t(q).h(q)
        for q in range(layer % 2, n - 1, 2):
            circuit.cz(q, q + 1)
    observable = qj.PauliSum({f"Z0 Y{n - 1}": 0.7, "X1": -0.4})
    values = rng.uniform(-3, 3, 4)

    def mean(x):
        state = oracle.statevector(circuit.bind(x))
        first, second = qj.Circuit(n).z(0).y(n - 1), qj.Circuit(n).x(1)
        changed = 0.7 * oracle.statevector(first, state) - 0.4 * oracle.statevector(second, state)
        return np.vdot(state, changed).real

    found = jax.grad(
        lambda x: qj.expectation(circuit, observable, x, dtype="complex128", engine="cuda")
    )(values)
    np.testing.assert_allclose(found, oracle.central_difference(mean, values), atol=1e-8)


# --- tensor cores -------------------------------------------------------------------------------


def applied(matrix, qubits, state):
    """A matrix on some qubits of a state; qubits[j] is bit j of its index."""
    n, k = state.size.bit_length() - 1, len(qubits)
    axes = [n - 1 - int(q) for q in reversed(qubits)]
    front = np.moveaxis(state.reshape((2,) * n), axes, range(k))
    done = (matrix @ front.reshape(2**k, -1)).reshape(front.shape)
    return np.moveaxis(done, range(k), axes).reshape(-1)


def matrices(n, k, controls, rng):
    """A matrix, its qubits and its controls."""
    qubits = rng.permutation(n)[: k + controls]
    return random_unitary(2**k, rng), qubits[:k], qubits[k:]


def codes(circuit, dtype, **shape):
    """The codes of the first sweep."""
    plan = compile_plan(circuit.structure)
    own = cuda.shape_of(plan, np.dtype(dtype).itemsize, backward=False)
    tape = cuda_tape.write_cuda_tape(plan, replace(own, **shape), backward=False)
    return codes_of(tape, tape.sweeps[0])


def codes_of(tape, sweep):
    runs = tape.words[sweep.offset + 2]
    word = sweep.offset + 4 + 2 * cuda_words.COLUMNS + -(-2 * runs // 4) * 4
    found = []
    while tape.words[word] & 0xFF != cuda_words.Code.END:
        found.append(tape.words[word] & 0xFF)
        word += tape.words[word] >> 8
    return found


@pytest.mark.parametrize(("n", "k", "controls"), [
    (9, 3, 0), (9, 6, 2), (11, 4, 2), (11, 7, 0), (12, 5, 1), (13, 5, 4), (13, 8, 0)])  # fmt: skip
def test_matrices_on_tensor_cores_act_as_they_are_defined(n, k, controls, dtype, emulated, rng):
    matrix, qubits, others = matrices(n, k, controls, rng)
    circuit = qj.Circuit(n).unitary(matrix, qubits, controls=others)
    assert cuda_words.Code.TENSOR in codes(circuit, dtype)
    assert cuda_words.Code.DENSE_FAR in codes(circuit, dtype, tensor_cores=False)
    state = random_state(n, rng).astype(dtype)
    found = qj.statevector(circuit, initial_state=jnp.asarray(state), engine="cuda", dtype=dtype)
    error = np.max(np.abs(np.asarray(found) - oracle.statevector(circuit, state)))
    assert error <= 16 * np.finfo(dtype).eps


@pytest.mark.parametrize(("n", "k", "controls"), [(9, 3, 1), (10, 6, 0), (12, 4, 3)])
def test_gradients_by_matrices_on_tensor_cores(n, k, controls, dtype, emulated, rng):
    """Of f = Re sum w U psi: df / dU[r, c] is the sum of w psi over the other bits."""
    matrix, qubits, others = matrices(n, k, controls, rng)
    start, w = (random_state(n, rng).astype(dtype) for _ in range(2))

    def f(matrix, start):
        circuit = qj.Circuit(n).unitary(matrix, qubits, controls=others)
        out = qj.statevector(circuit, initial_state=start, engine="cuda", dtype=dtype)
        return jnp.sum(jnp.real(jnp.asarray(w) * out))

    matrix = jnp.asarray(matrix, dtype)
    by_matrix, by_start = jax.grad(f, (0, 1))(matrix, jnp.asarray(start))
    expected = np.zeros((2**k, 2**k), complex)
    index = np.arange(2**n)
    inside = sum((index >> q & 1) << j for j, q in enumerate(qubits))
    rest = index & ~sum(1 << int(q) for q in qubits)
    acts = np.all([index >> q & 1 for q in others], axis=0) if controls else rest == rest
    rows = np.zeros((2, 2**k, 2**n), complex)
    for target, source in zip(rows, (w, start), strict=True):
        target[inside[acts], rest[acts]] = source[acts]
    expected = rows[0] @ rows[1].T
    turned = qj.Circuit(n).unitary(np.asarray(matrix).T, qubits, controls=others)
    assert np.max(np.abs(by_matrix - expected)) <= 16 * np.finfo(dtype).eps
    assert np.max(np.abs(by_start - oracle.statevector(turned, w))) <= 16 * np.finfo(dtype).eps


def test_single_precision_on_tensor_cores_is_that_of_float32(emulated, rng):
    """Products of split numbers: each block of a long circuit errs by less than eps = 2^-23.

    With operands of 11 bits alone it would be 2^-11. The emulated cores cut sums, as real ones
    do, so the norm shrinks, by some 0.4 eps a block.
    """
    n, k, blocks = 9, 5, 100
    drawn = [random_unitary(2**k, rng) for _ in range(10)]
    circuit, exact = qj.Circuit(n), np.eye(1, 2**n, dtype=complex)[0]
    for block in range(blocks):
        matrix, qubits = drawn[block % 10], rng.permutation(n)[:k]
        circuit.unitary(matrix, qubits)
        exact = applied(matrix, qubits, exact)
    assert set(codes(circuit, np.complex64)) == {cuda_words.Code.TENSOR}
    found = np.asarray(qj.statevector(circuit, engine="cuda", dtype=np.complex64))
    eps = np.finfo(np.float32).eps
    assert np.linalg.norm(found - exact) <= blocks * eps
    assert abs(np.linalg.norm(found) - 1) <= blocks * eps / 2


# --- the emulation ------------------------------------------------------------------------------

RACE = """
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <random>
#include <vector>
#include "block.cuh"
using namespace qjax_cuda;
int main(int count, char**) {
  Block block(0, 1, 32, 1024);
  auto memory = block.shared<float>(0);
  QJAX_EACH(block, thread) memory.set(thread, thread, 1.f);
  if (count > 1) block.sync();
  QJAX_EACH(block, thread) memory.get(thread, (thread + 1) % 32);
  return block.raced();
}
"""


def test_a_missing_barrier_is_reported(tmp_path):
    """What makes "no race was reported" worth something."""
    (tmp_path / "race.cc").write_text(RACE)
    program = str(tmp_path / "race")
    include = f"-I{emulation.KERNELS / 'cuda'}"
    command = [emulation.compiler(), "-std=c++17", "-w", include]
    subprocess.run([*command, str(tmp_path / "race.cc"), "-o", program], check=True)
    assert subprocess.run([program]).returncode == 1
    assert subprocess.run([program, "with a barrier"]).returncode == 0


def loss(circuit, engine):
    return lambda p: qj.expectation(circuit, "Z0 + 0.5 X1 Y2 - 0.3 Z1 Z3", p, engine=engine)


@pytest.mark.parametrize(("n", "room"), [
    (4, cuda_words.SHARED_BYTES), (9, cuda_words.SHARED_BYTES), (12, cuda_words.SHARED_BYTES),
    (12, 64 << 10)])  # fmt: skip
def test_gradients_are_those_of_linear_algebra(n, room, emulated, rng, monkeypatch):
    monkeypatch.setattr(gpu, "shared_bytes", lambda: room)
    circuit = random_template(n, 40, 5, rng)
    params = jnp.asarray(rng.normal(size=5), np.float32)
    found = jax.jit(jax.grad(loss(circuit, "cuda")))(params)
    terms = {"Z0": 1.0, "X1 Y2": 0.5, "Z1 Z3": -0.3}
    step = 1e-6
    for k in range(5):
        ends = [
            oracle.expectation(
                oracle.statevector(
                    circuit.bind(np.asarray(params, float) + sign * step * np.eye(5)[k])
                ),
                terms,
            )
            for sign in (1, -1)
        ]
        assert abs(found[k] - (ends[0] - ends[1]) / (2 * step)) < 1e-4


@pytest.mark.slow
def test_transformations_agree_with_the_xla_engine(emulated, rng):
    circuit = random_template(6, 30, 4, rng)
    params = jnp.asarray(rng.normal(size=(5, 4)), np.float32)
    for transformed in (
        lambda f: jax.jit(jax.vmap(jax.grad(f))),
        lambda f: jax.vmap(jax.value_and_grad(jax.jit(f))),
        lambda f: jax.vmap(lambda p: jax.jvp(f, (p,), (jnp.ones(4, np.float32),))[1]),
    ):
        found, expected = (transformed(loss(circuit, e))(params) for e in ("cuda", "xla"))
        for a, b in zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True):
            assert np.max(np.abs(np.asarray(a) - np.asarray(b))) < 2e-4


THREADS = """
import sys
import jax
import jax.numpy as jnp
import numpy as np
import oracle
import qjax as qj
from qjax.engine import gpu
from strategies import random_template

gpu.emulate(sys.argv[1])
gpu.has_tensor_cores = lambda: False
rng = np.random.default_rng(0)
terms = {"Z0": 1.0, "X1 Y2": 0.5, "Z1 Z3": -0.3}
for n in (4, 9):
    circuit = random_template(n, 15, 3, rng)
    params = rng.normal(size=3)
    loss = lambda p: qj.expectation(circuit, qj.PauliSum(terms), p, engine="cuda")
    value, slope = jax.jit(jax.value_and_grad(loss))(jnp.asarray(params, np.float32))
    exact = lambda p: oracle.expectation(oracle.statevector(circuit.bind(p)), terms)
    assert abs(value - exact(params)) < 1e-5, n
    for k, e in enumerate(1e-6 * np.eye(3)):
        assert abs(slope[k] - (exact(params + e) - exact(params - e)) / 2e-6) < 1e-4, n
    found = qj.probabilities(circuit, params, qubits=[0, n - 1], engine="cuda")
    truth = oracle.probabilities(oracle.statevector(circuit.bind(params)), (0, n - 1))
    assert np.max(np.abs(np.asarray(found) - truth)) < 1e-5, n
"""


@pytest.mark.slow
def test_what_a_gpus_compiler_reads_is_right_too(tmp_path):
    """Sums by exchanges between threads of a warp, and barriers, on real threads."""
    library = emulation.build("-std=c++20", "-O1", "-DQJAX_THREADS", "-pthread")
    here = Path(__file__).parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(here), str(here.parent)])}
    command = [sys.executable, "-c", THREADS, library]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]


def test_jobs_of_a_simulator(emulated, rng):
    circuit = random_circuit(5, 30, rng)
    chance = np.abs(oracle.statevector(circuit)) ** 2
    found = qj.counts(circuit, 100_000, jax.random.key(0), engine="cuda")
    for text, count in found.items():
        assert abs(count / 100_000 - chance[int(text, 2)]) < 5 * np.sqrt(0.25 / 100_000)
    found = np.asarray(qj.probabilities(circuit, qubits=[3, 1], engine="cuda"))
    assert np.max(np.abs(found - oracle.probabilities(oracle.statevector(circuit), (3, 1)))) < 1e-5


def test_a_start_state_is_not_destroyed(emulated, rng):
    circuit = random_circuit(5, 30, rng)
    start = jnp.asarray(random_state(5, rng), np.complex64)
    kept = np.asarray(start).copy()
    qj.statevector(circuit, initial_state=start, engine="cuda")
    assert np.array_equal(np.asarray(start), kept)


def test_the_kernels_know_the_version_of_the_tape(emulated):
    code = (
        "import ctypes, sys\n"
        "from qjax.engine.cuda_words import VERSION\n"
        "from qjax.engine.library import library\n"
        "sys.exit(ctypes.CDLL(str(library().path)).qjax_cuda_tape_version() != VERSION)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


# --- refusals and fallback ----------------------------------------------------------------------

no_gpu = pytest.mark.skipif(gpu.missing() is None, reason="there is a GPU")


@no_gpu
def test_without_a_gpu_it_is_refused_by_name():
    with pytest.raises(EngineError, match="needs an NVIDIA GPU that JAX sees, and there is none"):
        qj.statevector(qj.Circuit(1).h(0), engine="cuda")


def test_what_the_kernels_cannot_do_is_refused(emulated):
    with pytest.raises(EngineError, match=r'engine="cuda": .* at least one qubit.*engine="xla"'):
        qj.statevector(qj.Circuit(0), engine="cuda")
    table = np.roll(np.arange(2**13), 1)
    with pytest.raises(EngineError, match=r'engine="cuda": .*one needs 13.*engine="xla"'):
        qj.statevector(qj.Circuit(14).permutation(table, range(13)), engine="cuda")


@no_gpu
def test_the_fallback_is_said_once(caplog):
    program = jax.jit(lambda t: qj.statevector(qj.Circuit(2).rx(t, 0).cx(0, 1)))
    lowering._warn_once.cache_clear()
    with caplog.at_level(logging.WARNING, "qjax"):
        for _ in range(2):
            program.trace(0.5).lower(lowering_platforms=("cuda",))
    assert len(caplog.messages) == 1
    assert caplog.messages[0] == (
        'engine="cuda": needs an NVIDIA GPU that JAX sees, and there is none. Running on "xla".'
    )
