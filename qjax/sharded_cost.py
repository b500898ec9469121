"""What a run over many devices takes, told before it starts."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from jax.sharding import Mesh

from qjax._checks import as_positive
from qjax._units import duration, scaled
from qjax.circuit.circuit import Circuit
from qjax.engine.local import local_parts
from qjax.engine.memory import gib
from qjax.engine.mesh import BATCH, checked_mesh, num_global
from qjax.engine.select import complex_dtype
from qjax.errors import CircuitError, EngineError
from qjax.measure import measure_devices
from qjax.plan import Plan, compile_plan, max_width
from qjax.plan.cost import cost
from qjax.plan.exchange import Exchange, shard_plan
from qjax.profiles import EXCHANGE_PASSES, PROFILES, DeviceProfile, Kernels

# States that a device has at once, as XLA's memory analysis tells for large ones: with exchanges a
# state and a copy; psi, lambda and a copy.
_FORWARD_STATES, _GRADIENT_STATES = 2, 3


@dataclass(frozen=True)
class PlanCost:
    """What a run over many devices takes; its text is a table.

    Attributes:
        num_qubits: Number of qubits.
        devices: How many devices share a state.
        groups: How many groups of such devices share the batch.
        batch: How many states run together.
        dtype: Of the amplitudes.
        gradient: Whether the gradient is counted, too.
        device: Profile of a device.
        memory: Bytes of states and of what is exchanged, on a device.
        stages: How many times the qubits on a device are chosen.
        exchanges: How many of the exchanges between stages a forward run has.
        bytes_per_device: Bytes that a device sends.
        gate_by_gate: What it would send if each gate had its qubits brought and put back at once.
        least: What it sends at least in any stages; see `qjax.plan.exchange_bound`.
        sweeps: How often a forward run reads and writes a state.
        flops: Operations on real numbers of a device, a multiply-add counted as two.
        exchange_seconds: Predicted time of exchanges.
        memory_seconds: Predicted time of reading and writing states.
        arithmetic_seconds: Predicted time of operations.
        call_seconds: Predicted time of starting all of that.
    """

    num_qubits: int
    devices: int
    groups: int
    batch: int
    dtype: np.dtype
    gradient: bool
    device: DeviceProfile
    memory: int
    stages: int
    exchanges: int
    bytes_per_device: int
    gate_by_gate: int
    least: int
    sweeps: int
    flops: float
    exchange_seconds: float
    memory_seconds: float
    arithmetic_seconds: float
    call_seconds: float

    @property
    def total_bytes(self) -> int:
        """Bytes that all devices send together."""
        return self.bytes_per_device * self.devices * self.groups

    @property
    def seconds(self) -> float:
        """The predicted time."""
        parts = self.exchange_seconds, self.memory_seconds, self.arithmetic_seconds
        return sum(parts) + self.call_seconds

    @property
    def fits(self) -> bool:
        """Whether a device has memory for it."""
        return self.device.memory is None or self.memory <= self.device.memory

    def __str__(self) -> str:
        n, what = self.num_qubits, "value and gradient" if self.gradient else "forward"
        batch = f", batch {self.batch:,} in {self.groups:,} groups" if self.batch > 1 else ""
        memory = "" if self.device.memory is None else f" of {gib(self.device.memory)}"
        sent = scaled(self.bytes_per_device, "B")
        rows = {
            "run": f"{n} qubits, {self.dtype}, {what}{batch}",
            "devices": f"{self.devices:,} share a state: {self.device.name}",
            "memory": f"{gib(self.memory)}{memory} each" + ("" if self.fits else ": does not fit"),
            "stages": f"{self.stages:,}, with {self.exchanges:,} exchanges",
            "exchanged": f"{sent} per device, {scaled(self.total_bytes, 'B')} in all",
            "  at least": f"{scaled(self.least, 'B')} per device in any stages",
            "  by gate": f"{scaled(self.gate_by_gate, 'B')} per device if gates swap one by one",
            "sweeps": f"{self.sweeps:,}",
            "operations": f"{scaled(self.flops, 'FLOP')} per device",
            "time": f"{duration(self.seconds)}: exchanges {duration(self.exchange_seconds)}, "
            f"memory {duration(self.memory_seconds)}, "
            f"arithmetic {duration(self.arithmetic_seconds)}",
        }
        return "\n".join(f"{name:<12}{text}" for name, text in rows.items())


def plan_cost(
    circuit: Circuit,
    devices: Mesh | int,
    *,
    dtype: Any = None,
    gradient: bool = False,
    batch: int = 1,
    restore: bool = False,
    device: DeviceProfile | str | None = None,
) -> PlanCost:
    """What a run from |0...0> takes on many devices. Nothing of its size is allocated.

    The bytes and operations are those of the plan that would run. The time is the sum of

        exchanges    bytes sent over each link / its bandwidth, and two passes through memory each,
        memory       bytes of the sweeps / bandwidth, and of new states / that of new memory,
        arithmetic   operations / their rate, and passes through tiles, one per step, / theirs,

    as if nothing overlapped. A gradient adds the backward run, in which two states are exchanged.
    The expectation value itself is left out, and what JAX does to start a program.

    Args:
        circuit: The circuit; its open parameters need no values.
        devices: A mesh, as `device_mesh` gives, or how many devices share a state, a power of two.
        dtype: complex64 (as by default) or complex128.
        gradient: Whether the gradient with respect to all parameters is wanted too.
        batch: How many states run together, over the groups of devices along "batch".
        restore: Whether the amplitudes are wanted in natural order, as `statevector` gives them;
            expectation values, probabilities and samples need it not.
        device: What a device can do: "h100" or "h200" in nodes of eight with NVLink, and between
            nodes 400 Gb/s each; or a `DeviceProfile`. If None, the devices of the mesh are
            measured, which takes some seconds.

    Returns:
        A `PlanCost`; print it.

    Raises:
        CircuitError: If it is no circuit, or cannot be simulated by a state.
        EngineError: If the devices are not as said, or a gate needs more qubits than one has.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(34).h(range(34)).cx(list(range(33)), list(range(1, 34)))
        >>> print(plan_cost(circuit, 8, device="h100"))
        run         34 qubits, complex64, forward
        devices     8 share a state: h100
        memory      32 GiB of 74.5 GiB each
        stages      2, with 1 exchanges
        exchanged   15 GB per device, 120 GB in all
          at least  15 GB per device in any stages
          by gate   103 GB per device if gates swap one by one
        sweeps      5
        operations  653 GFLOP per device
        time        139 ms: exchanges 63.6 ms, memory 57.5 ms, arithmetic 18.3 ms

    References:
        T. Haner and D. S. Steiger, 0.5 petabyte simulation of a 45-qubit quantum circuit, SC17.
        M. Xu et al., Atlas: hierarchical partitioning for quantum circuit simulation on GPUs, SC24.
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"plan_cost: circuit must be a Circuit, but is {circuit!r}.")
    d, groups = _shape(devices, circuit.num_qubits)
    amplitude = complex_dtype(dtype)
    profile = _profile(device, devices, amplitude)
    kernels = _kernels(profile, amplitude)
    rows = -(-as_positive(batch, "plan_cost: batch", EngineError) // groups)
    plan = compile_plan(circuit.structure)
    cut = shard_plan(plan, d, restore=restore, free_start=True)
    size = rows * 2**cut.num_local * amplitude.itemsize
    runs, sweeps, traffic, flops, arithmetic = local_parts(cut).parts, 0, 0, 0.0, 0.0
    for part in runs:
        tile, low = _tile(kernels, part.plan)
        work = cost(part.plan, tile, low, amplitude.itemsize, grad=gradient)
        sweeps, traffic, flops = sweeps + work.sweeps, traffic + work.bytes, flops + work.flops
        once = 2 * work.steps * size  # read and written
        arithmetic += once / kernels.passes + 2 * once / kernels.backward_passes * gradient
    times = 3 if gradient else 1  # psi; then psi and lambda
    exchanges = [exchange for exchange in cut.exchanges if exchange.bits]
    sending = sum(_exchange_seconds(e, cut.num_local, size, profile) for e in exchanges)
    memory = size * (_GRADIENT_STATES if gradient else _FORWARD_STATES if exchanges else 1)
    calls = (2 if gradient else 1) * len(runs) + times * len(exchanges)
    return PlanCost(
        num_qubits=circuit.num_qubits,
        devices=2**d,
        groups=groups,
        batch=batch,
        dtype=amplitude,
        gradient=gradient,
        device=profile,
        memory=memory,
        stages=len(cut.stages),
        exchanges=len(exchanges),
        bytes_per_device=round(times * cut.moved * size),
        gate_by_gate=round(times * cut.moved_gate_by_gate * size),
        least=round(times * cut.least_moved * size),
        sweeps=sweeps,
        flops=rows * flops,
        exchange_seconds=times * sending,
        memory_seconds=rows * traffic / profile.bandwidth + profile.fresh * memory,
        arithmetic_seconds=rows * flops / kernels.flops + arithmetic,
        call_seconds=calls * profile.call,
    )


def _shape(devices: Mesh | int, num_qubits: int) -> tuple[int, int]:
    """(d, groups): 2**d devices share a state, and groups of them the batch."""
    if isinstance(devices, Mesh):
        mesh = checked_mesh(devices, "plan_cost", num_qubits)
        return num_global(mesh), mesh.shape.get(BATCH, 1)
    count = as_positive(devices, "plan_cost: devices", EngineError)
    if count & (count - 1) or count > 2**num_qubits:
        raise EngineError(
            "plan_cost: devices must be a power of two and at most the number of amplitudes, "
            f"2**{num_qubits}, but is {count}."
        )
    return count.bit_length() - 1, 1


def _profile(
    device: DeviceProfile | str | None, devices: Mesh | int, dtype: np.dtype
) -> DeviceProfile:
    if isinstance(device, DeviceProfile):
        return device
    if device is None and isinstance(devices, Mesh):
        return measure_devices(devices, dtype=dtype)
    if isinstance(device, str) and device in PROFILES:
        return PROFILES[device]
    known = ", ".join(f'"{name}"' for name in PROFILES)
    raise EngineError(
        f"plan_cost: device must be one of {known}, or a DeviceProfile, but is {device!r}. "
        "Only the devices of a mesh can be measured."
    )


def _kernels(profile: DeviceProfile, dtype: np.dtype) -> Kernels:
    kernels = profile.single if dtype.itemsize == 8 else profile.double
    if kernels is None:
        raise EngineError(
            f"plan_cost: the profile {profile.name!r} must know the kernels in {dtype}."
        )
    return kernels


def _tile(kernels: Kernels, plan: Plan) -> tuple[int, int]:
    """(tile_bits, low_bits) with which a plan can run."""
    low = min(kernels.low_bits, plan.num_qubits)
    return max(kernels.tile_bits, low + max_width(plan), 1), low


def _exchange_seconds(
    exchange: Exchange, num_local: int, size: int, profile: DeviceProfile
) -> float:
    """Seconds of an exchange of states of `size` bytes.

    A device keeps 2**-k of its state; of what it sends, that goes over a link which stays among its
    devices, and not over a faster one.
    """
    seconds, near = 2 * EXCHANGE_PASSES * size / profile.bandwidth, 1.0
    total = 2 ** len(exchange.bits)
    for link in profile.links:
        reach = total
        if link.devices is not None:
            reach = 2 ** sum(2 ** (bit - num_local) < link.devices for bit in exchange.bits)
        seconds += (reach - near) / total * size / link.bandwidth
        near = reach
    return seconds
