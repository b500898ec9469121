"""Several real processes that compute together over the loopback, and are always cleaned up."""

import os
import socket
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent


def free_port():
    """A port that is free on this machine: nobody else is given it in the next minutes."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def environment():
    """That of this process, with one device per process and 64-bit numbers."""
    kept = {k: v for k, v in os.environ.items() if k not in ("XLA_FLAGS", "COVERAGE_PROCESS_START")}
    return kept | {"JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1", "PYTHONPATH": str(HERE)}


@contextmanager
def started(commands, extra=None):
    """Processes that run commands, with further variables for each; none outlives the block."""
    running = [
        subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment() | more,
        )
        for command, more in zip(commands, extra or [{}] * len(commands), strict=True)
    ]
    try:
        yield running
    finally:
        for process in running:
            process.kill()
        for process in running:
            process.communicate()


@contextmanager
def workers(task, processes, folder, *arguments):
    """Processes that run a task of worker.py."""
    port = free_port()
    command = [sys.executable, HERE / "worker.py", task, port, processes]
    with started([[*command, i, folder, *arguments] for i in range(processes)]) as running:
        yield running


def finish(running, seconds):
    """Exit code, output and errors of each process, which must end within some seconds."""
    return [(*process.communicate(timeout=seconds), process.returncode) for process in running]


def complete(task, processes, folder, *arguments, seconds=240):
    """Run a task of worker.py, which must succeed."""
    with workers(task, processes, folder, *arguments) as running:
        ends = finish(running, seconds)
    for _, errors, code in ends:
        assert code == 0, errors
