"""What devices can do: the figures behind `plan_cost`."""

from dataclasses import dataclass

EXCHANGE_PASSES = 2
"""How often an exchange reads and writes a state: its pieces are gathered, and put back."""


@dataclass(frozen=True)
class Kernels:
    """What the kernels reach with one precision.

    Attributes:
        flops: Operations on real numbers per second, a multiply-add counted as two.
        passes: Bytes per second of tiles, in cache or registers, that each step of a sweep reads
            and writes in a forward run.
        backward_passes: The same in the backward run of a gradient, of two states.
        tile_bits: Number of qubits of a tile.
        low_bits: How many of the lowest qubits every tile has.
    """

    flops: float
    passes: float
    backward_passes: float
    tile_bits: int
    low_bits: int


@dataclass(frozen=True)
class Link:
    """What connects devices.

    Attributes:
        devices: How many neighbours it connects, a power of two; None for any number.
        bandwidth: Bytes per second that a device sends in an all-to-all, while it receives as many.
    """

    devices: int | None
    bandwidth: float


@dataclass(frozen=True)
class DeviceProfile:
    """What one device of many can do. `dataclasses.replace` makes one with other figures.

    Attributes:
        name: What tables call it.
        memory: Bytes of memory of a device, None if it cannot be told.
        bandwidth: Bytes per second of a state that are read and written.
        call: Seconds that starting a run of the kernels, or an exchange, takes.
        fresh: Seconds per byte of memory that is written for the first time in a run.
        links: What connects devices, the fastest first.
        single: The kernels in complex64, None if unknown.
        double: The kernels in complex128, None if unknown.
    """

    name: str
    memory: int | None
    bandwidth: float
    call: float
    fresh: float
    links: tuple[Link, ...]
    single: Kernels | None
    double: Kernels | None


# NVLink: NCCL gets 370 of the 450 GB/s of a direction, says its author in NVIDIA/nccl-tests#212.
# Between nodes each GPU has a 400 Gb/s adapter, of which NCCL gets 46 to 48 GB/s
# (NVIDIA/nccl-tests#290), and an all-to-all no more than one (#267).
_NODES = (Link(8, 370e9), Link(None, 46e9))
# Copies are measured by python -m bench.gpu: 2.99 TB/s of the 3.35 of an H100's data sheet, 4.21
# of the 4.8 of an H200's, which has as many processors of the same kind. The rates of the kernels
# fit an ansatz and random circuits on 26 to 30 qubits of an H100: in single precision they give 0.8
# to 1.3 of the times measured on 27 November 2026. That of the backward run in double precision is
# older.
_HOPPER = {
    "call": 20e-6,
    "fresh": 0.0,
    "links": _NODES,
    "single": Kernels(45e12, 100e12, 35e12, 12, 4),
    "double": Kernels(22e12, 60e12, 3.5e12, 11, 3),
}
PROFILES = {
    profile.name: profile
    for profile in (
        DeviceProfile("h100", 80 * 10**9, 2.99e12, **_HOPPER),
        DeviceProfile("h200", 141 * 10**9, 4.21e12, **_HOPPER),
    )
}
"""Every known device, by name."""
