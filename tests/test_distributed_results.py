"""Several processes compute what one computes, and go on from files with any number of them."""

import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import worker
from processes import complete, environment, finish, workers

import qjax as qj
from qjax.errors import FileError, StateError, TrainingError

EPS = np.finfo(np.float64).eps


# --- results --------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Folder and results of two processes."""
    return computed(tmp_path_factory.mktemp("two"), 2)


def computed(folder, processes, *arguments):
    complete("results", processes, folder, *arguments)
    return folder, [dict(np.load(folder / f"results{i}.npz")) for i in range(processes)]


def energy(state):
    n = worker.N
    matrix = 0
    for text, coefficient in worker.OBSERVABLE.items():
        letters = ["I"] * n
        for factor in text.split():
            letters[int(factor[1:])] = factor[0]
        matrix = matrix + coefficient * oracle.pauli(letters)
    return np.real(state.conj() @ matrix @ state)


def state_of(values):
    return oracle.statevector(worker.template().bind({"theta": values}))


def check_results(folder, results):
    """Against dense NumPy, the gradient by central differences, and all processes alike."""
    gates = len(worker.template())
    tolerance = 100 * gates * EPS
    first = results[0]
    for other in results:
        for name, value in first.items():
            np.testing.assert_array_equal(other[name], value)
    processes = len(results)
    assert first["devices"] == processes
    assert first["part"] == 2**worker.N // processes
    assert first["loaded"]

    state = state_of(worker.values())
    assert abs(first["value"] - energy(state)) < tolerance
    slopes = slopes_at(worker.values())
    np.testing.assert_allclose(first["gradient"], slopes, atol=1e-5)
    born = np.abs(state.reshape((2,) * worker.N)) ** 2  # axis 0 is the highest qubit
    marginal = born.sum(axis=(1, 3, 4)).T.reshape(-1)  # bit 0 is qubit 4, bit 1 is qubit 2
    assert np.abs(first["probabilities"] - marginal).max() < tolerance
    drawn = first["samples"] @ (1 << np.arange(worker.N))
    frequencies = np.bincount(drawn, minlength=2**worker.N) / worker.SHOTS
    spread = np.sqrt(np.abs(state) ** 2 / worker.SHOTS)
    assert np.all(np.abs(frequencies - np.abs(state) ** 2) < 6 * spread + 6 / worker.SHOTS)


def slopes_at(values, step=1e-4):
    """Central differences; their error is step**2 / 6 times a third derivative."""
    shifts = step * np.eye(len(values))
    return [
        (energy(state_of(values + shift)) - energy(state_of(values - shift))) / (2 * step)
        for shift in shifts
    ]


def test_two_processes_compute_what_dense_matrices_give(two):
    check_results(*two)


def test_training_over_two_processes_is_that_of_one(two, double):
    _, results = two
    tolerance = 12 * 1000 * EPS
    alone = worker.train(12)
    np.testing.assert_allclose(results[0]["history"], alone.history, rtol=tolerance, atol=tolerance)


def test_a_run_of_two_processes_goes_on_in_one(two, double, tmp_path):
    folder, _ = two
    file = tmp_path / "fit.npz"
    file.write_bytes((folder / "fit.npz").read_bytes())
    whole = worker.train(20)
    resumed = worker.train(20, qj.device_mesh(qubits=1, batch=1), file)
    tolerance = 20 * 1000 * EPS
    np.testing.assert_allclose(resumed.history, whole.history, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(resumed.params["w"], whole.params["w"], rtol=1e3 * tolerance)


def test_a_state_of_two_processes_is_read_by_one(two, double):
    folder, _ = two
    expected = state_of(worker.values())
    for mesh in (None, qj.device_mesh(qubits=1)):
        state = qj.load_state(folder / "state", mesh=mesh)
        assert state.dtype == np.complex128
        np.testing.assert_allclose(state, expected, atol=100 * EPS * len(worker.template()))
    like = {"state": jnp.zeros(2**worker.N, np.complex128)}
    again, _ = qj.train.load_checkpoint(folder / "state.npz", like)
    np.testing.assert_array_equal(again["state"], state)


@pytest.mark.slow
def test_four_processes_compute_what_dense_matrices_give(tmp_path, double):
    folder, results = computed(tmp_path, 4, "more")
    check_results(folder, results)
    tolerance = 100 * len(worker.template()) * EPS
    np.testing.assert_allclose(
        results[0]["values of both"], results[0]["values"], rtol=tolerance, atol=tolerance
    )
    rows = zip(worker.values(8), results[0]["values"], results[0]["gradients"], strict=True)
    for row, value, gradient in rows:
        assert abs(value - energy(state_of(row))) < tolerance
        np.testing.assert_allclose(gradient, slopes_at(row), atol=1e-5)


@pytest.mark.slow
def test_a_run_goes_on_with_other_numbers_of_processes(tmp_path, double):
    for steps, processes in ((5, 1), (12, 4), (20, 2)):
        complete("resume", processes, tmp_path, steps)
    tolerance = 20 * 1000 * EPS
    data_parallel, sharded = worker.train(20), worker.train_sharded(20)
    for i in range(2):
        found = np.load(tmp_path / f"resume{i}.npz")
        for name, expected in {
            "history": data_parallel.history,
            "w": data_parallel.params["w"],
            "sharded history": sharded.history,
            "angles": sharded.params["theta"],
        }.items():
            np.testing.assert_allclose(found[name], expected, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
def test_processes_that_train_with_different_keys_end(tmp_path):
    with workers("differ", 2, tmp_path) as running:
        ends = finish(running, 120)
    assert [code for _, _, code in ends] == [1, 1]
    assert all("those of process 1 differ from those of process 0" in e for _, e, _ in ends)


# --- files ----------------------------------------------------------------------------------------


def test_a_folder_that_holds_no_state_is_an_error(tmp_path):
    with pytest.raises(FileError, match="there is no folder"):
        qj.load_state(tmp_path / "none")
    with pytest.raises(FileError, match="must hold a whole state"):
        qj.load_state(tmp_path)


def test_a_state_is_not_overwritten_unasked(tmp_path):
    first, second = qj.basis_state("01"), qj.basis_state("10")
    qj.save_state(first, tmp_path / "state")
    with pytest.raises(FileError, match="must not exist yet"):
        qj.save_state(second, tmp_path / "state")
    qj.save_state(second, tmp_path / "state", overwrite=True)
    np.testing.assert_array_equal(qj.load_state(tmp_path / "state"), second)
    with pytest.raises(StateError, match=r"must be a complex array .* but is float32\[4\]"):
        qj.save_state(jnp.ones(4), tmp_path / "other")


def test_a_batch_of_states_keeps_its_shape(tmp_path):
    states = jnp.stack([qj.basis_state("01"), qj.basis_state("10")])
    qj.save_state(states, tmp_path / "state")
    found = qj.load_state(tmp_path / "state", mesh=qj.device_mesh(qubits=1))
    np.testing.assert_array_equal(found, states)


def test_orbax_is_named_where_it_is_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "orbax.checkpoint", None)
    with pytest.raises(qj.QjaxError, match=r'pip install "qjax\[orbax\]"'):
        qj.save_state(qj.basis_state("0"), tmp_path / "state")


# --- fit with a mesh, in one process --------------------------------------------------------------


def test_fit_says_what_is_wrong_with_its_mesh():
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:1]), ("qubits",))
    with pytest.raises(TrainingError, match="must divide batches alone"):
        worker.train(1, mesh)
    with pytest.raises(TrainingError, match="so it needs data"):
        qj.fit(jnp.sum, jnp.ones(2), worker.optax.sgd(0.1), 1, mesh=qj.device_mesh())


EIGHT = """
import jax, numpy as np, optax, pytest, worker, qjax as qj
jax.config.update("jax_enable_x64", True)
mesh = qj.device_mesh(qubits=1, batch=8)
alone, shared = worker.train(10), worker.train(10, mesh)
np.testing.assert_allclose(shared.history, alone.history, rtol=1e-11)
for optimizer in (optax.lbfgs(), optax.adam(0.1)):
    args = worker.mean_loss, {"w": np.linspace(0.1, 0.7, 3)}, optimizer, 4
    a, b = (qj.fit(*args, data=worker.data(), mesh=m, progress=False) for m in (None, mesh))
    np.testing.assert_allclose(a.history, b.history, rtol=1e-10)
def noisy(params, batch, key):
    return (params * batch * jax.random.normal(key)).mean()
args = noisy, np.ones((2, 1)), optax.sgd(0.1), 3
more = {"data": np.ones((16, 1)), "stochastic": True, "key": jax.random.key(0), "restarts": 2}
assert len(set(qj.fit(*args, **more, mesh=mesh, progress=False).history[:, 0])) == 2
with pytest.raises(qj.QjaxError, match="must be a multiple of the 8 devices of mesh"):
    qj.fit(worker.mean_loss, {"w": np.ones(3)}, optax.sgd(0.1), 1, mesh=mesh,
           data={"x": np.ones((12, 2)), "y": np.ones(12)}, progress=False)
"""


@pytest.mark.slow
def test_fit_over_eight_devices_of_one_process():
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, "-c", EIGHT]
    subprocess.run(command, env=environment() | flags, check=True, timeout=240)
