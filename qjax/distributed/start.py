"""`start`: make this process one of several that compute together."""

import atexit
import os
import platform
import sys
from collections.abc import Sequence
from importlib.metadata import version

import jax

from qjax._checks import as_positive, check_index
from qjax._version import __version__
from qjax.distributed.rollcall import is_loopback, roll_call
from qjax.distributed.watch import Watch
from qjax.errors import DistributedError

BEHIND = 30.0  # seconds by which XLA's own watch is slower than ours, which can say what happened

_watch: Watch | None = None


def start(
    coordinator: str | None = None,
    processes: int | None = None,
    index: int | None = None,
    *,
    timeout: float = 60.0,
    silence: float = 60.0,
    farewell: float = 300.0,
    local_devices: Sequence[int] | None = None,
) -> None:
    """Make this process one of several that compute together, on one or many hosts.

    Every process runs the same program and calls this first, before anything that touches a
    device. Afterwards `jax.devices()` holds the devices of all processes, and a mesh over them
    (`qjax.device_mesh`) shares states and batches out. It is a front of
    `jax.distributed.initialize`; the exchange is JAX's own: NCCL on GPUs, gloo on CPUs.

    How it ends. Whatever happens to one process, the others end with one line that says so and
    with exit code 1:

    - one that does not come: after `timeout` seconds, as a DistributedError;
    - one that is killed or ends with an exception: within some three seconds;
    - one that is silent, as when its host or the network fails: after `silence` seconds;
    - one that leaves early by `sys.exit` while others wait for it: after `farewell` seconds.

    `fit` with a checkpoint goes on where it was when all are started again, with the same or
    another number of processes.

    All processes must make the same calls on shared arrays, in the same order: one that makes
    another call than the others waits for them, and they for it, for as long as JAX's own limits
    allow. Printing, files and pictures are for one of them, `if jax.process_index() == 0`.

    Args:
        coordinator: "HOST:PORT": the host of process 0, and a port that is free there. None reads
            Slurm's environment, for processes that srun started; then all three are None.
        processes: How many there are.
        index: Which one this is: 0 to processes - 1.
        timeout: Seconds to wait until all processes are there.
        silence: Seconds without a sign of life after which a process counts as lost. A sign comes
            every second, except while Python code holds the interpreter's lock.
        farewell: Seconds that a process which is done waits for the others.
        local_devices: Which of this host's devices are this process's own; by default all, or
            under Slurm that of the process's number on the host.

    Raises:
        DistributedError: If a process does not come in time, comes twice, or has other versions of
            qjax, JAX or Python; if the port is taken; if this is the second call, or JAX has
            used its devices before.

    Note:
        SIGTERM ends the process, as it ends any other. JAX alone would only take note of it, for
        checkpoints on preemption: its option `jax_enable_preemption_service` is switched off.

    Warning:
        Whoever reaches the port can take part, as with `jax.distributed` itself. Use it inside
        a trusted network.

    Examples:
        A run of one process, which is a run like any other:

        >>> start("127.0.0.1:5921", processes=1, index=0)  # doctest: +SKIP

        Two processes, on two hosts:

        >>> start("node1:5921", processes=2, index=0)  # doctest: +SKIP
        >>> start("node1:5921", processes=2, index=1)  # doctest: +SKIP

        Under Slurm, `srun --nodes 4 --ntasks-per-node 1 python train.py` with

        >>> start()  # doctest: +SKIP
    """
    global _watch
    if coordinator is None and processes is None and index is None:
        coordinator, processes, index = slurm()
    if coordinator is None or processes is None or index is None:
        raise DistributedError(
            "start: coordinator, processes and index must be given together, or none of them "
            "under Slurm."
        )
    host, port = as_address(coordinator)
    processes = as_positive(processes, "start: processes", DistributedError)
    index = check_index(
        index, processes, "start: index", f"this run of {processes} processes", DistributedError
    )
    for name, value in (("timeout", timeout), ("silence", silence), ("farewell", farewell)):
        if not 1 <= value < 1e6:
            raise DistributedError(f"start: {name} must be 1 to 1e6 seconds, but is {value!r}.")
    if jax.distributed.is_initialized():
        raise DistributedError("start: must be called once, but this process has started already.")

    facts = {
        "qjax": __version__,
        "jax": jax.__version__,
        "jaxlib": version("jaxlib"),
        "python": platform.python_version(),
    }
    lines, inner = roll_call(host, port, processes, index, timeout, facts)
    if processes > 1:
        _watch = Watch(lines, processes, index, silence, farewell)
        atexit.register(_leave)
    if hasattr(jax.config, "jax_enable_preemption_service"):
        jax.config.update("jax_enable_preemption_service", False)
    bracketed = f"[{host}]" if ":" in host else host
    try:
        jax.distributed.initialize(
            f"{bracketed}:{inner}",
            processes,
            index,
            local_device_ids=local_devices,
            initialization_timeout=int(timeout),
            heartbeat_timeout_seconds=int(silence + BEHIND),
            shutdown_timeout_seconds=int(farewell),
            coordinator_bind_address=f"{bracketed}:{inner}" if is_loopback(host) else None,
        )
    except RuntimeError as error:
        raise DistributedError(
            f"start: must be called before anything that touches a device: {error}"
        ) from error


def as_address(coordinator: str) -> tuple[str, int]:
    """Host and port of "HOST:PORT".

    Raises:
        DistributedError: If it is not of this form.

    Examples:
        >>> as_address("node1:5921")
        ('node1', 5921)
        >>> as_address("[::1]:5921")
        ('::1', 5921)
    """
    host, _, port = str(coordinator).rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 1 << 16:
        raise DistributedError(
            f'start: coordinator must be "HOST:PORT" with a port in 1..65535, but is '
            f"{coordinator!r}."
        )
    return host.removeprefix("[").removesuffix("]"), int(port)


def slurm() -> tuple[str, int, int]:
    """Coordinator, number of processes and index, from what srun sets for each process.

    The host is the first of the step, and the port comes from the job's number, as in
    `jax.distributed`.

    Raises:
        DistributedError: If srun did not start this process.
    """
    names = ("SLURM_JOB_ID", "SLURM_STEP_NODELIST", "SLURM_NTASKS", "SLURM_PROCID")
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise DistributedError(
            "start: coordinator, processes and index must be given where srun did not start the "
            f"process, but all are None, and {', '.join(missing)} is not set."
        )
    job, nodes, tasks, rank = (os.environ[name] for name in names)
    return f"{first_node(nodes)}:{61440 + int(job) % 4096}", int(tasks), int(rank)


def first_node(nodes: str) -> str:
    """The first host in a list as Slurm writes it.

    Examples:
        >>> first_node("gpu[007-009,012],cpu1"), first_node("gpu3,gpu4")
        ('gpu007', 'gpu3')
    """
    prefix, bracket, rest = nodes.partition("[")
    if "," in prefix or not bracket:
        return nodes.partition(",")[0]
    return prefix + rest.partition("]")[0].partition(",")[0].partition("-")[0]


def fail(why: str) -> None:
    """End all processes, this one with exit code 1, for what went wrong in this one.

    Nothing happens in a run that `start` did not start.
    """
    if _watch is not None:
        _watch.fail(why)


def _leave() -> None:
    """At the end of the program: with the others, or at once if an exception ended it."""
    assert _watch is not None
    error = getattr(sys, "last_value", None)  # set where an exception was not caught
    if error is None or hasattr(sys, "ps1"):
        _watch.leave()
    else:
        _watch.fail(f"{type(error).__name__}: {str(error)[:500]}")
