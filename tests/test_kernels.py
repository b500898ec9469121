"""The kernels against linear algebra: small tiles, batches, precisions, threads, ISAs."""

import os
import subprocess
import sys
import threading

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from strategies import (
    FAMILIES,
    add_random_gate,
    random_circuit,
    random_state,
    random_template,
    random_unitary,
)

import qjax as qj
from qjax.engine import cpu, cuda, gpu
from qjax.engine.library import library, missing
from qjax.engine.numbers import numbers
from qjax.engine.pauli import combination_p, overlaps_p
from qjax.engine.sampling import draw
from qjax.engine.sampling import probabilities as probabilities_of
from qjax.engine.select import real_dtype
from qjax.gates import GATES
from qjax.plan import compile_plan, max_width
from qjax.plan.terms import compile_terms

pytestmark = pytest.mark.skipif(missing() is not None, reason="the library was not built")


@pytest.fixture(autouse=True)
def _loaded():
    library()


@pytest.fixture(params=["cpu", "cuda"])
def engine(request):
    return request.param


@pytest.fixture
def kernels(engine):
    """The engine's module: its functions `apply` and `adjoint`, outside of any program."""
    if engine == "cuda":
        for part in ("forward", "backward", "plain forward", "plain backward", "other"):
            for itemsize in (8, 16):
                gpu.require(part, itemsize)
    return {"cpu": cpu, "cuda": cuda}[engine]


@pytest.fixture
def tiles(monkeypatch, engine):
    """Sets the size of tiles, so that small states have many."""

    def choose(tile_bits, low_bits):
        monkeypatch.setattr(cpu, "LOW_BITS", {8: low_bits, 16: low_bits})
        monkeypatch.setattr(cpu, "tile_bits", bits)
        # A thread of the CUDA kernels has 2, 3 or 4 bits of a tile.
        monkeypatch.setattr(cuda, "shape_of", shape)
        wanted[:] = [tile_bits, low_bits]

    wanted = [0, 0]
    shape_of = cuda.shape_of

    def bits(plan, batch, itemsize):
        return min(plan.num_qubits, max(wanted[0], cpu._least_tile(plan, wanted[1])))

    def shape(plan, itemsize, *, backward):
        found = shape_of(plan, itemsize, backward=backward)
        registers = min(found.register_bits, 4)
        least = max(1, max_width(plan) - registers)
        threads = min(found.thread_bits, max(wanted[0] - registers, least))
        return cuda._shape_for(plan, registers, threads, itemsize, backward)

    return choose


def tolerance(dtype, gates, n):
    """Each gate rounds each amplitude a few times; errors of unitary gates add up at most."""
    return 16 * np.finfo(dtype).eps * (gates + n + 1)


def buffer_of(circuit, dtype, params=None):
    """The plan of a circuit and its numbers, (B, V)."""
    plan = compile_plan(circuit.structure)
    values = None if params is None else jnp.asarray(params, real_dtype(dtype))
    made = jnp.asarray(numbers(plan, circuit.leaves, values, real_dtype(dtype)))
    return plan, jnp.atleast_2d(made)


def states_of(rows, n, rng, dtype):
    return np.stack([random_state(n, rng) for _ in range(rows)]).astype(dtype)


# Tiles of these sizes make lane qubits, qubits of the tile and qubits outside of it.
TILES = [(4, 2), (5, 4), (6, 4), (7, 5)]


@pytest.mark.parametrize("name", [*GATES, *FAMILIES])
def test_each_gate_at_each_position(name, dtype, tiles, rng, kernels):
    n = 8
    for tile, low in TILES:
        tiles(tile, low)
        circuit = qj.Circuit(n)
        for _ in range(8):
            add_random_gate(circuit, name, lambda: float(rng.normal() * 2), rng)
        plan, buffer = buffer_of(circuit, dtype)
        state = states_of(1, n, rng, dtype)
        result = kernels.apply(jnp.asarray(state), buffer, plan=plan)[0]
        error = np.max(np.abs(np.asarray(result) - oracle.statevector(circuit, state[0])))
        assert error <= tolerance(dtype, 8, n), (tile, low)


@pytest.mark.parametrize("k", range(1, 7))
def test_matrices_on_neighbours(k, dtype, rng, kernels):
    """All bits of a vector's lanes, and more, mixed by one matrix."""
    for n, first in ((k, 0), (8, 0), (8, 8 - k), (8, (8 - k) // 2)):
        qubits = rng.permutation(range(first, first + k))
        circuit = qj.Circuit(n).unitary(random_unitary(2**k, rng), qubits)
        plan, buffer = buffer_of(circuit, dtype)
        state, cotangent = states_of(1, n, rng, dtype), states_of(1, n, rng, dtype)
        out = kernels.apply(jnp.asarray(state), buffer, plan=plan)
        assert np.max(np.abs(out[0] - oracle.statevector(circuit, state[0]))) <= tolerance(
            dtype, 1, n
        )
        back, _, _ = kernels.adjoint(out, jnp.asarray(cotangent), buffer, plan=plan)
        undone = oracle.statevector(circuit.inverse(), cotangent[0].conj()).conj()
        assert np.max(np.abs(back[0] - undone)) <= tolerance(dtype, 1, n)


@pytest.mark.parametrize(("n", "tile", "low"), [(n, n, 4) for n in range(1, 7)] + [
    (7, 4, 2), (8, 6, 4), (9, 5, 3), (9, 7, 5), (10, 8, 4)])  # fmt: skip
@pytest.mark.parametrize(("states", "rows"), [
    (1, 1), (3, 1), (1, 3), pytest.param(3, 3, marks=pytest.mark.slow),
    (37, 37), pytest.param(37, 1, marks=pytest.mark.slow)])  # fmt: skip
def test_batches_of_states_and_numbers(n, tile, low, states, rows, dtype, tiles, rng, kernels):
    tiles(tile, low)
    circuit = random_template(n, 25, 4, rng)
    params = rng.normal(size=(rows, 4))
    plan, buffer = buffer_of(circuit, dtype, params)
    starts = states_of(states, n, rng, dtype)
    batch = max(states, rows)
    result = np.asarray(kernels.apply(jnp.asarray(starts), buffer, plan=plan))
    assert result.shape == (batch, 2**n)
    for i in range(batch) if n < 7 else (0, batch - 1):
        bound = circuit.bind(params[i % rows].astype(real_dtype(dtype)).astype(float))
        expected = oracle.statevector(bound, starts[i % states])
        assert np.max(np.abs(result[i] - expected)) <= tolerance(dtype, 40, n)


@pytest.mark.parametrize(("n", "tile", "low", "batch"), [
    (1, 1, 1, 1), (2, 2, 2, 19), (3, 3, 3, 1), (4, 4, 4, 5), (5, 5, 4, 33),
    (6, 6, 4, 1), (7, 5, 3, 2), (8, 6, 4, 1), (8, 5, 2, 3), (9, 7, 5, 1)])  # fmt: skip
@pytest.mark.parametrize("shared", [True, False])
def test_cotangents_are_those_of_linear_algebra(
    n, tile, low, batch, shared, double, tiles, rng, kernels
):
    """Of the state: U^T c. Of a parameter: a central difference of Re sum(c * U psi)."""
    tiles(tile, low)
    circuit = random_template(n, 20, 4, rng)
    params = rng.normal(size=(1 if shared else batch, 4))
    plan = compile_plan(circuit.structure)
    make = lambda p: jnp.asarray(numbers(plan, circuit.leaves, p, np.dtype(float)))
    buffer, pull = jax.vjp(make, jnp.asarray(params))
    starts = states_of(batch, n, rng, double)
    cotangents = states_of(batch, n, rng, double)
    out = kernels.apply(jnp.asarray(starts), buffer, plan=plan)
    by_state, by_numbers, _ = kernels.adjoint(out, jnp.asarray(cotangents), buffer, plan=plan)
    (by_params,) = pull(by_numbers)

    def loss(values, i):
        return np.sum(cotangents[i] * oracle.statevector(circuit.bind(values), starts[i])).real

    for i in {0, batch - 1}:
        matrix = oracle.unitary(circuit.bind(params[i % len(params)]))
        assert np.max(np.abs(by_state[i] - matrix.T @ cotangents[i])) <= tolerance(double, 40, n)
    gradients = np.array(
        [oracle.central_difference(lambda v, i=i: loss(v, i), params[i % len(params)])
         for i in range(batch)]
    )  # fmt: skip
    expected = gradients.sum(0, keepdims=True) if shared else gradients
    # The difference of a function bounded by 1 has third derivatives below (sum of factors)**3.
    assert np.max(np.abs(np.asarray(by_params) - expected)) <= 1e-7 * (batch if shared else 1)


def test_single_precision_gradients_follow_double_ones(tiles, rng, kernels):
    tiles(6, 4)
    circuit = random_template(9, 60, 5, rng)
    plan = compile_plan(circuit.structure)
    params = rng.normal(size=(1, 5))
    found = {}
    starts, cotangents = states_of(1, 9, rng, complex), states_of(1, 9, rng, complex)
    with jax.enable_x64(True):
        for kind in (np.complex64, np.complex128):
            _, buffer = buffer_of(circuit, np.dtype(kind), params)
            out = kernels.apply(jnp.asarray(starts, kind), buffer, plan=plan)
            found[kind] = kernels.adjoint(out, jnp.asarray(cotangents, kind), buffer, plan=plan)
    for single, wide in zip(found[np.complex64], found[np.complex128], strict=True):
        assert np.max(np.abs(np.asarray(single) - np.asarray(wide))) <= tolerance(
            np.complex64, 70, 9
        )


def test_ten_thousand_gates_keep_norm_and_fidelity(tiles, dtype, rng, kernels):
    tiles(6, 4)
    names = ["rx", "ry", "rz", "cx", "cz", "rzz", "h", "t", "swap", "u", "rxx", "crx", "ccx"]
    circuit = random_circuit(8, 10_000, rng, names=names)
    plan, buffer = buffer_of(circuit, dtype)
    start = states_of(1, 8, rng, dtype)
    state = np.asarray(kernels.apply(jnp.asarray(start), buffer, plan=plan), np.complex128)[0]
    expected = oracle.statevector(circuit, start[0])
    eps = np.finfo(dtype).eps
    # Errors of a gate's roundings add up linearly at most; without bias, as their square root.
    assert abs(np.linalg.norm(state) - 1) <= 1_000 * eps
    assert 1 - abs(np.vdot(expected, state)) ** 2 <= 2_000 * eps


@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 7, 11])
@pytest.mark.parametrize("count", [1, 3, 40])
@pytest.mark.parametrize("batch", [1, 5])
def test_sums_of_pauli_strings(n, count, batch, dtype, rng, engine):
    if n == 0 and engine == "cuda":
        engine = "auto"  # the CUDA kernels take at least one qubit
    flips = rng.choice(2**n, min(2**n, max(1, count // 8)))  # many strings share their flips
    masks = {
        (int(rng.choice(flips)) if rng.random() < 0.7 else int(rng.integers(2**n)),
         int(rng.integers(2**n)))
        for _ in range(count)
    }  # fmt: skip
    x_masks, z_masks = zip(*sorted(masks), strict=True)
    terms = compile_terms(n, x_masks, z_masks)
    letters = [
        "".join("IXZY"[(x >> q & 1) + 2 * (z >> q & 1)] for q in range(n))
        for x, z in zip(x_masks, z_masks, strict=True)
    ]
    a, b = states_of(batch, n, rng, dtype), states_of(batch, n, rng, dtype)
    weights = rng.normal(size=(batch, len(terms))) + 1j * rng.normal(size=(batch, len(terms)))
    weights = weights.astype(dtype)
    sums = np.asarray(overlaps_p.bind(jnp.asarray(a), jnp.asarray(b), terms=terms, engine=engine))
    mixed = np.asarray(
        combination_p.bind(jnp.asarray(b), jnp.asarray(weights), terms=terms, engine=engine)
    )
    expected = np.zeros_like(b, complex)
    eps = np.finfo(dtype).eps
    for t, text in enumerate(letters):
        moved = b.astype(complex) @ oracle.pauli(text).T  # the rows are states
        assert np.max(np.abs(sums[:, t] - np.sum(a * moved, axis=1))) <= 16 * (n + 4) * eps
        expected += weights[:, t : t + 1] * moved
    assert np.max(np.abs(mixed - expected)) <= 16 * eps * np.max(np.sum(np.abs(weights), axis=1))


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13])
def test_marginals_are_borns_rule(n, dtype, rng, engine):
    states = states_of(3, n, rng, dtype)
    for k in range(n + 1):
        qubits = tuple(int(q) for q in rng.permutation(n)[:k])
        found = np.asarray(probabilities_of(jnp.asarray(states), qubits, engine))
        expected = [oracle.probabilities(state.astype(complex), qubits) for state in states]
        # Each is a sum of 2**(n - k) squares, of which both sides round every partial sum.
        assert np.max(np.abs(found - expected)) <= 4 * np.finfo(dtype).eps * 2 ** ((n - k) / 2)


@pytest.mark.parametrize("n", [1, 4, 9, 12])
def test_draws_have_the_states_probabilities(n, dtype, rng, engine):
    shots = 200_000
    states = states_of(2, n, rng, dtype)
    states[:, 1::3] = 0
    drawn = np.asarray(
        draw(jnp.asarray(states), jax.random.split(jax.random.key(1)), shots, engine)
    )
    for state, indices in zip(states, drawn, strict=True):
        chance = np.abs(state.astype(complex)) ** 2
        chance /= chance.sum()
        found = np.bincount(indices, minlength=2**n)
        assert not found[chance == 0].any()
        likely = chance * shots > 5
        statistic = np.sum((found - shots * chance)[likely] ** 2 / (shots * chance[likely]))
        freedom = likely.sum()  # chi-square: its mean, and 6 standard deviations
        assert statistic <= freedom + 6 * np.sqrt(2 * freedom)


PROGRAM = """
import hashlib, sys
import jax, jax.numpy as jnp, numpy as np
sys.path.insert(0, {tests!r})
import qjax as qj
from strategies import random_template
jax.config.update("jax_enable_x64", True)
for n, batch, dtype in ((3, 300, "complex64"), (9, 7, "complex128"), (17, 1, "complex64")):
    rng = np.random.default_rng(n)
    circuit = random_template(n, 60, 5, rng)
    energy = qj.PauliSum({{"Z0 Z1": 1.0, "X1": 0.5, "Y0 X2": 0.25}}, num_qubits=n)
    params = jnp.asarray(rng.normal(size=(batch, 5)), np.finfo(dtype).dtype)
    loss = lambda p: jnp.sum(qj.expectation(circuit, energy, p, dtype=dtype))
    value, gradient = jax.value_and_grad(loss)(params)
    shots = qj.sample(circuit, 1000, jax.random.key(0), params, dtype=dtype)
    some = qj.probabilities(circuit, params, qubits=[2, 0], dtype=dtype)
    for array in (qj.statevector(circuit, params, dtype=dtype), value, gradient, shots, some):
        print(hashlib.sha256(np.asarray(array).tobytes()).hexdigest())
"""


def program(**environment):
    code = PROGRAM.format(tests=os.path.dirname(__file__))
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, env=os.environ | environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


@pytest.mark.slow
def test_results_do_not_depend_on_the_number_of_threads():
    one = program(QJAX_NUM_THREADS="1")
    assert len(one) == 15
    assert one == program(QJAX_NUM_THREADS="5")


@pytest.mark.slow
@pytest.mark.parametrize("isa", ["portable", "avx2", "avx512"])
def test_each_instruction_set_passes_these_tests(isa):
    if isa not in library().isas:
        pytest.skip("not of this processor")
    here = os.path.dirname(__file__)
    files = [os.path.join(here, f) for f in ("test_kernels.py", "test_engines.py")]
    command = [sys.executable, "-m", "pytest", "-q", "-x", *files]
    result = subprocess.run(command, env=os.environ | {"QJAX_ISA": isa}, capture_output=True)
    assert result.returncode == 0, result.stdout.decode()


def test_calls_from_several_threads_at_once(rng, engine):
    circuits = [random_circuit(10, 50, rng) for _ in range(4)]
    expected = [oracle.statevector(c) for c in circuits]
    worst = [np.inf] * 4

    def work(i):
        states = [qj.statevector(circuits[i], engine=engine) for _ in range(20)]
        worst[i] = max(np.max(np.abs(np.asarray(s) - expected[i])) for s in states)

    started = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in started:
        thread.start()
    for thread in started:
        thread.join()
    assert max(worst) <= tolerance(np.complex64, 50, 10)


def test_several_cpu_devices_at_once():
    code = (
        "import jax, jax.numpy as jnp, numpy as np, qjax as qj\n"
        "from jax.sharding import NamedSharding, PartitionSpec as P\n"
        "t = qj.ParameterVector('t', 2)\n"
        "c = qj.Circuit(2).rx(t[0], 0).ry(t[1], 1).cx(0, 1)\n"
        "mesh = jax.make_mesh((4,), ('data',))\n"
        "p = jax.device_put(np.linspace(0, 3, 16, dtype=np.float32).reshape(8, 2),\n"
        "                   NamedSharding(mesh, P('data')))\n"
        "run = lambda p: jax.shard_map(lambda q: qj.expectation(c, 'Z0', q, engine='cpu'),\n"
        "                              mesh=mesh, in_specs=P('data'), out_specs=P('data'))(p)\n"
        "found = jax.jit(run)(p)\n"
        "assert len(found.sharding.device_set) == 4\n"
        "print(np.max(np.abs(found - np.cos(np.asarray(p)[:, 0]))))\n"
    )
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}
    result = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=300
    )
    assert result.returncode == 0, result.stderr
    assert float(result.stdout) < 1e-6


@pytest.mark.parametrize("size", [4096])
def test_a_large_batch_of_gradients(size, rng, engine):
    circuit = random_template(4, 20, 6, rng)
    params = jnp.asarray(rng.normal(size=(size, 6)), np.float32)
    loss = lambda p: qj.expectation(circuit, "Z0 + 0.5 X1 Y2", p, engine=engine)
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(loss)))(params)
    terms = {"Z0": 1.0, "X1 Y2": 0.5}

    def energy(p):
        return oracle.expectation(oracle.statevector(circuit.bind(p)), terms)

    for i in (0, 17, size - 1):
        exact = np.asarray(params[i], float)
        assert abs(values[i] - energy(exact)) <= tolerance(np.complex64, 30, 4)
        expected = oracle.central_difference(energy, exact)
        assert np.max(np.abs(gradients[i] - expected)) <= 4 * tolerance(np.complex64, 30, 4)
