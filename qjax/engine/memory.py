"""Whether a run fits in memory: asked when it is compiled, before anything is allocated."""

from pathlib import Path

import jax

from qjax.errors import EngineError

_ALWAYS_FITS = 2**28  # bytes below which nobody asks


def available(platform: str) -> int | None:
    """Bytes that arrays on a platform can have: what is free, and what JAX's arrays hold now.

    On a CPU it is the memory that the system can give, or a container's limit if that is less; on
    other devices what their allocator has. None if it cannot be told.
    """
    free = _free(platform)
    held = (array.nbytes for array in jax.live_arrays(platform) if not array.is_deleted())
    return None if free is None else free + sum(held)


def _free(platform: str) -> int | None:
    if platform == "cpu":
        found = [f for f in (_system(), _container()) if f is not None]
        return min(found) if found else None
    stats = jax.local_devices(backend=platform)[0].memory_stats() or {}
    limit = stats.get("bytes_limit")
    return None if limit is None else limit - stats.get("bytes_in_use", 0)


def _system() -> int | None:
    """What Linux says that programs can have without swapping."""
    for line in _lines("/proc/meminfo"):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None


def _container() -> int | None:
    """What is left of the limit of the control group; file caches count as free."""
    limit = _lines("/sys/fs/cgroup/memory.max")
    used = _lines("/sys/fs/cgroup/memory.current")
    if not limit or not used or not limit[0].isdigit():
        return None
    caches = sum(
        int(line.split()[1])
        for line in _lines("/sys/fs/cgroup/memory.stat")
        if line.startswith(("inactive_file ", "active_file "))
    )
    return int(limit[0]) - int(used[0]) + caches


def _lines(path: str) -> list[str]:
    try:
        return Path(path).read_text().splitlines()
    except OSError:
        return []


def gib(size: float) -> str:
    """A size in GiB.

    Examples:
        >>> gib(3 * 2**29)
        '1.5 GiB'
    """
    return f"{size / 2**30:.3g} GiB"


def require(
    states: int,
    shape: tuple[int, ...],
    itemsize: int,
    platform: str,
    *,
    work: int = 0,
    beside: bool = False,
) -> None:
    """Refuse a run that cannot fit, with the figures.

    Args:
        states: How many arrays of `shape` the run has at once.
        shape: (B, 2**n).
        itemsize: Bytes of an amplitude.
        platform: Where it runs.
        work: Bytes that it needs beside them.
        beside: Whether they come beside all arrays that there are, as when a single operation runs
            outside of a compiled program. Else the program may be given the memory of arrays.

    Raises:
        EngineError: If they need more memory than there is.
    """
    batch, size = shape
    needed = states * batch * size * itemsize + work
    if needed < _ALWAYS_FITS:
        return
    free = _free(platform) if beside else available(platform)
    if free is not None and needed > free:
        rows = "" if batch == 1 else f", for a batch of {batch:,}"
        sums = "" if work < _ALWAYS_FITS else f", and {gib(work)} of partial sums"
        kind = "complex64" if itemsize == 8 else "complex128"
        smaller = " complex64," if itemsize == 16 else ""
        few = "fewer qubits" if batch == 1 else "fewer qubits or a smaller batch"
        raise EngineError(
            f"This run must fit in the {gib(free)} of memory that are free, but needs "
            f"{gib(needed)}: {states} x {size.bit_length() - 1} qubits in {kind}{rows}{sums}. "
            f"Use{smaller} {few}. qjax.cost tells what a run needs."
        )
