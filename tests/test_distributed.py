"""Several processes start together, compute the same as one, and end together."""

import json
import random
import signal
import socket
import subprocess
import sys
import threading
import time

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
import worker
from processes import complete, finish, free_port, started, workers
from typer.testing import CliRunner

import qjax as qj
from qjax import cli
from qjax.distributed.start import as_address, first_node, slurm, start
from qjax.distributed.watch import Line, roll_call
from qjax.errors import DistributedError, FileError, StateError, TrainingError

EPS = np.finfo(np.float64).eps
FACTS = {"qjax": "1"}


# --- the roll call --------------------------------------------------------------------------------


def call_roll(indices, processes, timeout=5.0, facts=FACTS):
    """What each of some processes, here threads, gets from one roll call."""
    port, found = free_port(), {}

    def call(place, index):
        try:
            mine = facts[place] if isinstance(facts, list) else facts
            found[place] = roll_call("127.0.0.1", port, processes, index, timeout, mine)
        except DistributedError as error:
            found[place] = str(error)

    threads = [threading.Thread(target=call, args=pair) for pair in enumerate(indices)]
    for thread in threads:
        thread.start()
        time.sleep(0.05)
    for thread in threads:
        thread.join()
    for one in found.values():
        for line in () if isinstance(one, str) else one[0]:
            line.connection.close()
    return found


def test_all_processes_meet_in_any_order():
    found = call_roll([2, 0, 1], 3)
    assert [line.index for line in sorted(found[1][0], key=lambda line: line.index)] == [1, 2]
    assert len({port for _, port in found.values()}) == 1


def test_a_process_that_does_not_come_is_named():
    found = call_roll([0, 2], 4, timeout=0.5)
    assert "processes 1, 3 of 4 did not come within 0.5 s" in found[0]
    assert "processes 1, 3 of 4 did not come within 0.5 s" in found[1]


def test_without_process_0_the_others_say_where_they_looked():
    (error,) = call_roll([1], 2, timeout=0.5).values()
    assert "process 0 at 127.0.0.1:" in error
    assert "did not answer process 1 within 0.5 s" in error


@pytest.mark.parametrize(
    ("indices", "facts", "message"),
    [
        ([0, 1, 1], FACTS, "there are two processes with index 1"),
        ([0, 7], FACTS, "index must be in 0..2, but is 7"),
        ([0, 1], [FACTS, {"qjax": "2"}], "process 1 has qjax 2, but process 0 has 1"),
    ],
)
def test_a_process_that_does_not_fit_is_turned_away(indices, facts, message):
    found = call_roll(indices, 3, timeout=0.5, facts=facts)
    assert message in found[len(indices) - 1]
    assert message in found[0]


def test_strangers_at_the_door_change_nothing():
    port = free_port()
    found = []
    host = threading.Thread(
        target=lambda: found.append(roll_call("127.0.0.1", port, 2, 0, 10.0, FACTS))
    )
    host.start()
    for text in (b"GET / HTTP/1.1\r\n\r\n", b"[1]\n", b"{}\n", b""):
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1) as stranger:
                    stranger.sendall(text)
                break
            except ConnectionRefusedError:
                time.sleep(0.02)
    lines, _ = roll_call("127.0.0.1", port, 2, 1, 10.0, FACTS)
    host.join()
    assert found[0][0][0].index == 1
    for line in (*lines, *found[0][0]):
        line.connection.close()


def test_a_line_keeps_messages_whole():
    ends = socket.socketpair()
    for end in ends:
        end.settimeout(1.0)
    near = Line.__new__(Line)
    near.connection, near._rest, near._waiting = ends[0], b"", []
    ends[1].sendall(b'{"a": 1}\n{"b"')
    assert near.wait(1.0) == {"a": 1}
    ends[1].sendall(b": 2}\n")
    assert near.wait(1.0) == {"b": 2}
    ends[1].close()
    assert near.receive() is None
    ends[0].close()


# --- start ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("node1", 2, 0), 'coordinator must be "HOST:PORT"'),
        (("node1:70000", 2, 0), "with a port in 1..65535"),
        (("node1:5921", 0, 0), "processes must be at least 1"),
        (("node1:5921", 2, 2), "index must be in 0..1"),
        (("node1:5921", 2), "must be given together"),
        ((None, 2, 0), "must be given together"),
        ((), "SLURM_JOB_ID"),
    ],
)
def test_start_says_what_is_wrong(arguments, message, monkeypatch):
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    with pytest.raises(DistributedError, match=message):
        start(*arguments)


def test_start_names_the_time_that_is_wrong():
    with pytest.raises(DistributedError, match="silence must be 1 to 1e6 seconds, but is 0"):
        start("127.0.0.1:5921", 1, 0, silence=0)


def test_a_port_that_is_taken_is_an_error():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(DistributedError, match=f"listen on port {port}, but cannot"):
            start(f"127.0.0.1:{port}", 2, 0, timeout=1)


def test_addresses():
    assert as_address("10.0.0.1:80") == ("10.0.0.1", 80)
    assert as_address("[fe80::1]:80") == ("fe80::1", 80)


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("node1", "node1"),
        ("node1,node2", "node1"),
        ("node[1-4]", "node1"),
        ("gpu[007,010-012],cpu3", "gpu007"),
        ("login,gpu[1-2]", "login"),
    ],
)
def test_the_first_of_slurms_nodes(nodes, first):
    assert first_node(nodes) == first


def test_slurms_environment_is_read(monkeypatch):
    for name, value in {
        "SLURM_JOB_ID": "5000",
        "SLURM_STEP_NODELIST": "node[3-6]",
        "SLURM_NTASKS": "4",
        "SLURM_PROCID": "2",
    }.items():
        monkeypatch.setenv(name, value)
    assert slurm() == (f"node3:{61440 + 5000 - 4096}", 4, 2)


# --- the command ----------------------------------------------------------------------------------


@pytest.fixture
def ghz(tmp_path):
    file = tmp_path / "ghz.qasm"
    file.write_text(qj.qasm.dumps(qj.Circuit(3).h(0).cx(0, 1).cx(1, 2).measure_all(), 3))
    return file


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--processes", 2], "must be given together"),
        (["--coordinator", "slurm", "--index", 0], "slurm needs neither"),
        (
            ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2, "--index", 0],
            "process 1 of 2 did not come within 1 s",
        ),
    ],
)
def test_the_command_says_what_is_wrong(ghz, options, message):
    command = ["run", str(ghz), "--timeout", "1", *map(str, options)]
    assert message in str(CliRunner().invoke(cli.build(), command).exception)


def run_command(ghz, processes, *options):
    start = [sys.executable, "-c", "from qjax.cli import main; main()", "run", ghz, "--json"]
    address = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", processes]
    commands = [[*start, *options, *address, "--index", i] for i in range(processes)]
    with started(commands) as running:
        return finish(running, 120)


def check_ghz(ends):
    assert [code for _, _, code in ends] == [0] * len(ends), ends
    found = json.loads(ends[0][0])
    assert abs(found["expectation"] - 1) < 1e-6
    assert set(found["counts"]) == {"000", "111"}
    assert sum(found["counts"].values()) == 1024
    assert all(output == "" for output, _, _ in ends[1:])  # process 0 alone prints


def test_the_command_runs_over_two_processes_and_one_prints(ghz):
    check_ghz(run_command(ghz, 2, "--observable", "Z0 Z2"))


@pytest.mark.slow
@pytest.mark.parametrize("processes", [1, 4])
def test_the_command_runs_over_other_numbers_of_processes(ghz, processes):
    check_ghz(run_command(ghz, processes, "--observable", "Z0 Z2"))


@pytest.mark.slow
def test_the_command_runs_under_slurm(ghz):
    command = [sys.executable, "-c", "from qjax.cli import main; main()", "run", ghz, "--json"]
    command += ["--observable", "Z0 Z2", "--coordinator", "slurm"]
    job = random.randrange(4096)  # the port is 61440 + job
    step = {"SLURM_JOB_ID": job, "SLURM_STEP_NODELIST": "localhost", "SLURM_NTASKS": 2}
    extra = [
        {name: str(value) for name, value in step.items()}
        | {"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i), "SLURM_STEP_NUM_NODES": "1"}
        for i in range(2)
    ]
    with started([command, command], extra) as running:
        check_ghz(finish(running, 120))


@pytest.mark.slow
def test_processes_that_are_given_other_options_end(ghz):
    start = [sys.executable, "-c", "from qjax.cli import main; main()", "run", ghz, "--json"]
    address = ["--coordinator", f"127.0.0.1:{free_port()}", "--processes", 2, "--index"]
    with started([[*start, "--seed", i, *address, i] for i in range(2)]) as running:
        ends = finish(running, 60)
    assert [code for _, _, code in ends] == [1, 1]
    assert "must be given the same files and options" in ends[0][1]


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


# --- ends -----------------------------------------------------------------------------------------

KILLED = "process {} of {} was lost (its connection ended"


def ends_after(how, processes, victim=None, sign=signal.SIGKILL, seconds=30):
    """Errors and exit codes, after one is ended from outside or by itself."""
    with workers("ends", processes, ".", how) as running:
        for process in running:
            assert process.stdout is not None
            while (line := process.stdout.readline()) != "ready\n":
                assert line, process.communicate()
        if victim is not None:
            running[victim].send_signal(sign)
        began = time.monotonic()
        rest = [r for i, r in enumerate(running) if not (how == "silence" and i == processes - 1)]
        ends = finish(rest, seconds)
        assert time.monotonic() - began < seconds
    return [(errors, code) for _, errors, code in ends]


def test_when_one_process_is_killed_the_other_ends_with_an_error():
    (errors, code), (_, killed) = ends_after("together", 2, victim=1)
    assert killed == -signal.SIGKILL
    assert code == 1
    assert KILLED.format(1, 2) in errors


@pytest.mark.slow
def test_when_one_of_four_is_terminated_all_end():
    found = ends_after("together", 4, victim=2, sign=signal.SIGTERM)
    assert found.pop(2)[1] == -signal.SIGTERM
    for errors, code in found:
        assert code == 1
        assert KILLED.format(2, 4) in errors


@pytest.mark.slow
def test_when_process_0_is_killed_the_others_end():
    for errors, code in ends_after("sleep", 2, victim=0)[1:]:
        # XLA may be first to end the process, with a text of its own.
        assert (code == 1 and KILLED.format(0, 2) in errors) or (
            code == -signal.SIGABRT and "another task died" in errors
        )


@pytest.mark.slow
def test_when_one_process_is_silent_the_other_ends():
    ((errors, code),) = ends_after("silence", 2)
    assert code == 1
    assert "process 1 of 2 was lost (it gave no sign of life for 4 s)" in errors


@pytest.mark.slow
def test_an_exception_in_one_process_is_told_to_the_other():
    (errors, code), (own, other) = ends_after("exception", 2)
    assert (code, other) == (1, 1)
    assert "process 1 of 2 failed: ValueError: a fault of its own" in errors
    assert own.count("Traceback") == 1


@pytest.mark.slow
def test_a_process_that_leaves_early_ends_all():
    for errors, code in ends_after("exit", 2):
        assert code == 1
        assert "process 1 was done, others still ran" in errors


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
    from processes import environment

    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    command = [sys.executable, "-c", EIGHT]
    subprocess.run(command, env=environment() | flags, check=True, timeout=240)
