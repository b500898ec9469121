"""Several processes start together and end together, whatever happens to one of them."""

import json
import random
import signal
import socket
import sys
import threading
import time

import pytest
from processes import finish, free_port, started, workers
from typer.testing import CliRunner

import qjax as qj
from qjax import cli
from qjax.distributed.rollcall import Line, roll_call
from qjax.distributed.start import as_address, first_node, slurm, start
from qjax.errors import DistributedError

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
