"""States over many devices: any mesh gives the oracle's state, and gradients of it.

Most tests need eight devices, which must be asked for before JAX starts. `test_on_eight_devices`
runs them in a process of its own; to run them here:

    XLA_FLAGS=--xla_force_host_platform_device_count=8 pytest tests/test_sharded.py
"""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from strategies import FAMILIES, add_random_gate, random_circuit, random_state, random_template

import qjax as qj
from qjax.engine import lowering, sharded
from qjax.errors import EngineError
from qjax.gates import GATES

multidevice = pytest.mark.multidevice
FILES = ("test_sharded.py", "test_sharded_measure.py")


def tolerance(dtype, gates, n):
    """Each gate rounds each amplitude a few times; errors of unitary gates add up at most."""
    return 16 * np.finfo(dtype).eps * (gates + n + 1)


def on_eight_devices(*options):
    if jax.device_count() >= 8:
        pytest.skip("there are eight devices here")
    flags = os.environ.get("XLA_FLAGS", "") + " --xla_force_host_platform_device_count=8"
    files = [str(Path(__file__).with_name(f)) for f in FILES]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, *files]
    done = subprocess.run(
        command, env=os.environ | {"XLA_FLAGS": flags}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_on_eight_devices():
    on_eight_devices("-m", "multidevice and not slow")


@pytest.mark.slow
def test_on_eight_devices_at_length():
    on_eight_devices("-m", "multidevice and slow")


# --- states ---------------------------------------------------------------------------------------


def assert_is_oracles_state(circuit, mesh, dtype, engine="cpu"):
    found = qj.statevector(circuit, mesh=mesh, dtype=dtype, engine=engine)
    assert found.dtype == dtype
    error = np.max(np.abs(np.asarray(found) - oracle.statevector(circuit)))
    assert error <= tolerance(dtype, len(circuit.instructions), circuit.num_qubits)


@multidevice
@pytest.mark.parametrize(("n", "d"), [(5, 1), (6, 2), (7, 3)])
def test_any_mesh_gives_the_oracles_state(n, d, dtype, rng):
    assert_is_oracles_state(random_circuit(n, 40, rng, max_targets=3), qj.device_mesh(2**d), dtype)


@multidevice
@pytest.mark.slow
@pytest.mark.parametrize("seed", range(60))
def test_any_mesh_gives_the_oracles_state_at_length(seed, dtype):
    rng = np.random.default_rng(seed)
    d, batch = [(0, 1), (1, 1), (1, 4), (2, 2), (3, 1)][seed % 5]
    n = int(rng.integers(d + 3, 9))
    circuit = random_circuit(n, int(rng.integers(1, 80)), rng, max_targets=3)
    assert_is_oracles_state(circuit, qj.device_mesh(2**d, batch), dtype, ("cpu", "xla")[seed % 2])


@multidevice
def test_every_gate_on_every_side(double, rng):
    """All gates of the table, each with controls and targets wherever they fall."""
    circuit = qj.Circuit(6).h(range(6))
    for name in rng.permutation([*GATES, *FAMILIES]):
        add_random_gate(circuit, str(name), lambda: float(rng.normal()), rng, max_targets=3)
    assert_is_oracles_state(circuit, qj.device_mesh(8), np.complex128)


@multidevice
@pytest.mark.slow
@pytest.mark.parametrize("name", [*GATES, *FAMILIES])
def test_each_gate_on_every_side(name, double, rng):
    circuit = qj.Circuit(6).h(range(6)).t(range(6))
    for _ in range(4):
        add_random_gate(circuit, name, lambda: float(rng.normal()), rng, max_targets=3)
    for d in (1, 2, 3):
        assert_is_oracles_state(circuit, qj.device_mesh(2**d), np.complex128)


@multidevice
def test_only_what_reads_its_qubits_runs_where_no_qubit_is_local(double):
    circuit = qj.Circuit(3).rz(0.3, 2).cz(0, 1).ccz(0, 1, 2).gphase(0.2).rzz(0.4, 0, 2)
    start = random_state(3, np.random.default_rng(0))
    found = qj.statevector(circuit, initial_state=start, mesh=qj.device_mesh(8), dtype=complex)
    assert np.max(np.abs(found - oracle.statevector(circuit, start))) <= tolerance(complex, 5, 3)


@multidevice
def test_a_circuit_without_gates_is_its_start(double):
    assert_is_oracles_state(qj.Circuit(4), qj.device_mesh(8), np.complex128)
    assert qj.expectation(qj.Circuit(4), "Z0 Z3", mesh=qj.device_mesh(4)) == 1


@multidevice
def test_the_state_is_divided_over_the_devices():
    state = qj.statevector(qj.Circuit(5).h(range(5)), mesh=qj.device_mesh(8))
    assert [s.data.shape for s in state.addressable_shards] == [(4,)] * 8
    assert state.sharding.spec == PartitionSpec("qubits")


@multidevice
@pytest.mark.parametrize("engine", ["xla", pytest.param("cuda", marks=pytest.mark.slow)])
def test_every_engine_runs_in_shards(engine, rng):
    circuit = random_template(5, 5, 3, rng)
    point, mesh = rng.normal(size=3), qj.device_mesh(2)
    assert_is_oracles_state(circuit.bind(point), mesh, np.complex64, engine)
    value = lambda p: qj.expectation(circuit, "X4 Z0", p, mesh=mesh, engine=engine)
    exact = lambda p: oracle.expectation(oracle.statevector(circuit.bind(p)), {"X4 Z0": 1})
    error = jax.grad(value)(point) - oracle.central_difference(exact, point)
    assert np.max(np.abs(error)) <= tolerance(np.complex64, 15, 5)


@multidevice
def test_it_starts_where_it_is_told(double, rng):
    mesh, n = qj.device_mesh(4), 5
    circuit = random_circuit(n, 25, rng, max_targets=3)
    allowed = tolerance(complex, 25, n)
    basis = np.eye(2**n)[0b10110]
    found = qj.statevector(circuit, initial_state="10110", mesh=mesh, dtype=complex)
    assert np.max(np.abs(found - oracle.statevector(circuit, basis))) <= allowed
    start = random_state(n, rng)
    expected = oracle.statevector(circuit, start)
    divided = jax.device_put(start, NamedSharding(mesh, PartitionSpec("qubits")))
    one = jax.device_put(start, jax.devices()[5])
    for given in (start, divided, one):
        found = qj.statevector(circuit, initial_state=given, mesh=mesh, dtype=complex)
        assert np.max(np.abs(found - expected)) <= allowed
    alone = qj.statevector(circuit, initial_state=divided)  # its mesh is that of the state
    assert alone.sharding.spec == PartitionSpec("qubits")
    assert np.max(np.abs(alone - expected)) <= allowed


@multidevice
@pytest.mark.parametrize(
    ("qubits", "batch"), [(2, 2), pytest.param(4, 2, marks=pytest.mark.slow), (1, 8)]
)
def test_batches_are_divided_or_not(qubits, batch, double, rng):
    mesh = qj.device_mesh(qubits, batch)
    circuit = random_template(4, 12, 3, rng)
    params = rng.normal(size=(8, 3))
    starts = np.stack([random_state(4, rng) for _ in range(8)])
    found = qj.statevector(circuit, params, mesh=mesh, dtype=complex)
    assert found.addressable_shards[0].data.shape == (8 // batch, 16 // qubits)
    both = qj.statevector(circuit, params, initial_state=starts, mesh=mesh, dtype=complex)
    many = qj.statevector(circuit, params[0], initial_state=starts, mesh=mesh, dtype=complex)
    for i in range(8):
        bound = circuit.bind(params[i])
        allowed = tolerance(complex, 15, 4)
        assert np.max(np.abs(found[i] - oracle.statevector(bound))) <= allowed
        assert np.max(np.abs(both[i] - oracle.statevector(bound, starts[i]))) <= allowed
        first = oracle.statevector(circuit.bind(params[0]), starts[i])
        assert np.max(np.abs(many[i] - first)) <= allowed
    whole = qj.statevector(circuit, params[0], mesh=mesh, dtype=complex)
    assert np.max(np.abs(whole - found[0])) <= tolerance(complex, 15, 4)
    square = qj.statevector(circuit, params.reshape(2, 4, 3), mesh=mesh, dtype=complex)
    assert np.array_equal(np.reshape(square, (8, 16)), found)


@multidevice
def test_a_mesh_needs_neither_axis(double, rng):
    circuit = random_template(3, 8, 2, rng)
    params = rng.normal(size=(4, 2))
    expected = qj.statevector(circuit, params, dtype=complex)
    for names in (("batch",), ("qubits",)):
        mesh = Mesh(np.array(jax.devices()[:2]), names)
        found = qj.statevector(circuit, params, mesh=mesh, dtype=complex)
        assert np.max(np.abs(found - expected)) <= tolerance(complex, 10, 3)


@multidevice
@pytest.mark.slow
def test_a_large_state_is_that_of_one_device(rng):
    """Large enough that exchanges go in pieces."""
    n, circuit = 24, qj.Circuit(24)
    for _ in range(3):
        circuit.ry(list(rng.normal(size=n)), range(n)).cx(range(n - 1), range(1, n)).cz(n - 1, 0)
    found = qj.statevector(circuit, mesh=qj.device_mesh(8))
    expected = qj.statevector(circuit)
    assert jnp.max(jnp.abs(jax.device_put(found, expected.sharding) - expected)) <= tolerance(
        np.complex64, 3 * 2 * n, n
    )


@multidevice
@pytest.mark.slow
def test_a_deep_circuit_ends(rng):
    """Eight devices leave the kernels' pool no thread, and this many calls fill its queues."""
    n, layers = 20, 40
    theta = qj.ParameterVector("theta", (layers, n))
    circuit = qj.Circuit(n)
    for layer in range(layers):
        circuit.ry(list(theta[layer]), range(n)).cx(range(n - 1), range(1, n)).cz(n - 1, 0)
    point = jnp.asarray(rng.normal(size=layers * n), np.float32)
    ours, theirs = (
        jax.jit(jax.value_and_grad(lambda p, m=m: qj.expectation(circuit, "Z0", p, mesh=m)))(point)
        for m in (qj.device_mesh(8), None)
    )
    allowed = tolerance(np.complex64, 2 * layers * n, n)
    assert abs(ours[0] - theirs[0]) <= allowed
    assert jnp.max(jnp.abs(ours[1] - theirs[1])) <= allowed


@multidevice
def test_new_parameters_compile_nothing(rng):
    circuit = random_template(4, 10, 3, rng)
    mesh = qj.device_mesh(4)
    qj.statevector(circuit, rng.normal(size=3), mesh=mesh)
    before = sharded._from_basis._cache_size()
    qj.statevector(circuit, rng.normal(size=3), mesh=mesh)
    assert sharded._from_basis._cache_size() == before


# --- derivatives ----------------------------------------------------------------------------------

OBSERVABLE = "0.7 X4 Y0 + 0.4 Z4 Z3 - 1.1 X4 X3 + 0.5 Y4 Y3 Z0 + 0.3 X1"
TERMS = {"X4 Y0": 0.7, "Z4 Z3": 0.4, "X4 X3": -1.1, "Y4 Y3 Z0": 0.5, "X1": 0.3}


def energy(circuit, mesh, **options):
    return lambda p: qj.expectation(circuit, OBSERVABLE, p, mesh=mesh, dtype=complex, **options)


@multidevice
@pytest.mark.parametrize("d", [pytest.param(1, marks=pytest.mark.slow), 2])
def test_the_gradient_is_that_of_the_oracle(d, double, rng):
    circuit = random_template(5, 20, 4, rng)
    point = rng.normal(size=4)
    exact = lambda p: oracle.expectation(oracle.statevector(circuit.bind(p)), TERMS)
    value, gradient = jax.jit(jax.value_and_grad(energy(circuit, qj.device_mesh(2**d))))(point)
    assert abs(value - exact(point)) <= tolerance(complex, 24, 5)
    assert np.max(np.abs(gradient - oracle.central_difference(exact, point))) <= 1e-8


@multidevice
def test_gradients_of_batches_are_those_of_one_device(double, rng):
    circuit = random_template(5, 6, 3, rng)
    ours, theirs = (energy(circuit, mesh) for mesh in (qj.device_mesh(4, 2), None))
    points = rng.normal(size=(2, 3))
    mapped = lambda f: jax.jit(jax.vmap(jax.grad(f)))(points)
    summed = lambda f: jax.jit(jax.grad(lambda p: jnp.sum(f(p))))(points)
    for derivative in (mapped, summed):
        error = np.max(np.abs(derivative(ours) - mapped(theirs)))
        assert error <= 16 * tolerance(complex, 9, 5)


@multidevice
@pytest.mark.slow
def test_every_nesting_of_derivatives_is_that_of_one_device(double, rng):
    circuit = random_template(5, 12, 3, rng)
    ours, theirs = (energy(circuit, mesh) for mesh in (qj.device_mesh(4, 2), None))
    point, change = rng.normal(size=3), rng.normal(size=3)
    forward = lambda f: jax.jvp(f, (point,), (change,))[1]
    mixed = lambda f: jax.jvp(jax.grad(f), (point,), (change,))[1]
    reverse = lambda f: jax.grad(lambda p: jnp.vdot(jax.grad(f)(p), change))(point)
    for derivative in (forward, mixed, reverse, lambda f: jax.hessian(f)(point)):
        error = np.max(np.abs(derivative(ours) - derivative(theirs)))
        assert error <= 64 * tolerance(complex, 15, 5)


@multidevice
def test_the_initial_state_has_a_gradient(double, rng):
    circuit, mesh = random_circuit(5, 15, rng, max_targets=2), qj.device_mesh(4)
    start = jnp.asarray(random_state(5, rng))

    def value(x, mesh):
        return qj.expectation(circuit, OBSERVABLE, initial_state=x, mesh=mesh)

    ours, theirs = (jax.jit(jax.grad(lambda x, m=m: value(x, m)))(start) for m in (mesh, None))
    assert np.max(np.abs(ours - theirs)) <= 16 * tolerance(complex, 15, 5)


def states_in_memory(layers, observable):
    """Temporary memory of a device for value and gradient, in states; compiled and not run."""
    n, d = 21, 1
    theta = qj.ParameterVector("theta", (layers, n))
    circuit = qj.Circuit(n)
    for layer in range(layers):
        circuit.ry(list(theta[layer]), range(n)).cx(range(n - 1), range(1, n)).cz(n - 1, 0)
    value = lambda p: qj.expectation(circuit, observable, p, mesh=qj.device_mesh(2**d))
    compiled = jax.jit(jax.value_and_grad(value)).lower(jnp.zeros(layers * n)).compile()
    return compiled.memory_analysis().temp_size_in_bytes / (8 * 2 ** (n - d))


def assert_memory(layers):
    # The start is written beside the first states; exchanges take two pieces of eight.
    assert states_in_memory(layers, "Z20 Z0 + Z3 Z19") <= 3.3
    # Strings that flip a device's bit have its partner's amplitudes and their gradient as well.
    assert states_in_memory(layers, "Z20 Z0 + X20 + Y20 X3") <= 4.3


@multidevice
def test_a_gradient_takes_three_states_per_device():
    assert_memory(4)


@multidevice
@pytest.mark.slow
@pytest.mark.parametrize("layers", [10, 40])
def test_a_gradient_takes_three_states_per_device_at_every_depth(layers):
    assert_memory(layers)


@multidevice
@pytest.mark.slow
def test_programs_for_states_that_fit_elsewhere_compile(monkeypatch):
    """34 qubits: 2**31 amplitudes on each of eight devices, which no 32-bit number counts."""
    for room in (lowering, sharded):
        monkeypatch.setattr(room, "require", lambda *_, **__: None)
    n, mesh = 34, qj.device_mesh(8)
    circuit = qj.Circuit(n).ry(list(qj.ParameterVector("t", n)), range(n))
    circuit.cx(range(n - 1), range(1, n)).cz(n - 1, 0)
    energy = lambda p: qj.expectation(circuit, "Z0 Z33 + X33", p, mesh=mesh)
    for run in (
        jax.value_and_grad(energy),
        lambda p: qj.statevector(circuit, p, mesh=mesh, initial_state="1" * n),
        lambda p: qj.probabilities(circuit, p, qubits=[0, n - 1], mesh=mesh),
        lambda p: qj.amplitudes(circuit, "1" * n, p, mesh=mesh),
        lambda p: qj.sample(circuit, 5, jax.random.key(0), p, mesh=mesh),
    ):
        compiled = jax.jit(run).lower(jnp.zeros(n)).compile()
        assert compiled.memory_analysis().temp_size_in_bytes <= 3.3 * 2**34


@multidevice
def test_fit_trains_on_a_mesh(rng):
    circuit = qj.Circuit(4).ry(list(qj.ParameterVector("t", 4)), range(4)).cx([0, 1, 2], [1, 2, 3])
    mesh = qj.device_mesh(4)
    loss = lambda p: qj.expectation(circuit, "Z0 Z1 + Z2 Z3 + X3", p, mesh=mesh)
    result = qj.fit(loss, jnp.asarray(rng.normal(size=4), jnp.float32), optax.adam(0.1), steps=60)
    alone = lambda p: qj.expectation(circuit, "Z0 Z1 + Z2 Z3 + X3", p)
    assert alone(result.params) < -1.5
    assert abs(alone(result.params) - loss(result.params)) <= tolerance(np.float32, 8, 4)


# --- errors ---------------------------------------------------------------------------------------


@multidevice
def test_what_cannot_be_is_said():
    circuit, mesh = qj.Circuit(3).h(0), qj.device_mesh(8)
    eight = np.array(jax.devices())
    cases = [
        (lambda: qj.device_mesh(3), "qubits must be a power of two, but is 3"),
        (lambda: qj.device_mesh(16), "at most the number of devices, 8, but is 16 x 1"),
        (lambda: qj.device_mesh(batch=3), "batch must divide the number of devices, 8"),
        (lambda: qj.statevector(circuit, mesh=8), "must be a jax.sharding.Mesh"),
        (lambda: qj.statevector(circuit, mesh=Mesh(eight, "x")), "but one is 'x'"),
        (lambda: qj.statevector(circuit, mesh=Mesh(eight[:6], "qubits")), "power of two"),
        (lambda: qj.statevector(qj.Circuit(2), mesh=mesh), "at most the number of amplitudes, 4"),
        (lambda: qj.statevector(circuit, mesh=mesh), "Use at most 4 devices"),
        (lambda: qj.statevector(qj.Circuit(34), mesh=mesh), "must fit in the .* of memory"),
    ]
    for call, message in cases:
        with pytest.raises(EngineError, match=message):
            call()


@multidevice
def test_leading_axes_must_fit_the_mesh(rng):
    circuit = qj.Circuit(3).rx(qj.Parameter("t"), 0)
    with pytest.raises(EngineError, match=r"multiple of 2 elements.*but have 3"):
        qj.statevector(circuit, np.zeros((3, 1)), mesh=qj.device_mesh(2, 2))
