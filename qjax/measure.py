"""Profiles of the devices at hand, from a few short runs."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, PartitionSpec

from qjax.circuit import Circuit
from qjax.engine import cpu, cuda
from qjax.engine.basis import basis_row
from qjax.engine.limits import least_seconds, run_cost
from qjax.engine.memory import available
from qjax.engine.mesh import checked_mesh, num_global
from qjax.engine.numbers import numbers
from qjax.engine.primitive import adjoint_p, apply_p
from qjax.engine.select import complex_dtype, real_dtype, resolve
from qjax.engine.sharded import exchanged, sharded
from qjax.plan import Plan, compile_plan
from qjax.plan.cost import Cost
from qjax.profiles import EXCHANGE_PASSES, DeviceProfile, Kernels, Link

_ON_CPU, _ON_GPU = 24, 27  # log2 of the amplitudes of a run: of all devices, or of each
_FITS = 8  # how often two rates are fitted in turn
_EXCHANGES = 4  # how many more the longer program has
_TILE = 15  # qubits of a circuit whose time is arithmetic


def measure_devices(mesh: Mesh, *, dtype: Any = None) -> DeviceProfile:
    """What the devices of a mesh can do, from a few short runs on all of them at once.

    Args:
        mesh: A mesh, as `device_mesh` gives.
        dtype: complex64 (as by default) or complex128: the precision that is measured.

    Returns:
        A `DeviceProfile` with kernels for this precision only. Devices that share processors, as
        the virtual devices of a CPU do, share what is measured, too.

    Raises:
        EngineError: If it is no mesh.

    Examples:
        >>> from qjax.engine.mesh import device_mesh
        >>> measure_devices(device_mesh(qubits=1)).bandwidth > 0
        True
    """
    mesh, amplitude = checked_mesh(mesh, "measure_devices"), complex_dtype(dtype)
    device = mesh.devices.flat[0]
    on_cpu = device.platform == "cpu"
    n = _ON_CPU - (mesh.size - 1).bit_length() if on_cpu else _ON_GPU
    n -= amplitude.itemsize == 16
    runs = _Runs(mesh, amplitude)
    sweep = Circuit(n).h(0)
    call = runs.forward(Circuit(1).h(0))
    size = 2**n * amplitude.itemsize
    fresh = max(runs.fresh(n) - call, 0.0) / size
    flops, passes, backward_passes = _rates(runs, call, amplitude)
    work = _work(sweep, amplitude)
    whole = runs.forward(sweep) - call
    bandwidth = work.bytes / max(whole - work.flops / flops, 0.5 * whole)
    moved = (1 - 2.0 ** -num_global(mesh)) * size
    exchange = runs.exchange(n) - 2 * EXCHANGE_PASSES * size / bandwidth
    link = moved / max(exchange, 0.1 * size / bandwidth) if moved else bandwidth
    tile, low = _tile(compile_plan(sweep.structure), amplitude.itemsize, on_cpu)
    kernels = Kernels(flops, passes, backward_passes, tile, low)
    free = available(device.platform)
    shared = mesh.size if on_cpu else 1
    return DeviceProfile(
        f"{mesh.size} x {device.device_kind}",
        None if free is None else free // shared,
        bandwidth,
        call,
        fresh,
        (Link(None, link),),
        kernels if amplitude.itemsize == 8 else None,
        kernels if amplitude.itemsize == 16 else None,
    )


def _rates(runs: "_Runs", call: float, dtype: np.dtype) -> tuple[float, float, float]:
    """(operations per second, bytes per second of passes through tiles, the same backwards).

    Two circuits, of few steps with much arithmetic each and of many with little, take

        seconds = operations / flops + bytes / passes.
    """
    few, many = _turns(_TILE), _pairs(_TILE)
    works = [_work(circuit, dtype) for circuit in (few, many)]
    once = 2 * 2**_TILE * dtype.itemsize
    seconds = [max(runs.forward(circuit) - call, 1e-6) for circuit in (few, many)]
    flops = passes = np.inf
    for _ in range(_FITS):
        left = seconds[1] - works[1].flops / flops
        passes = works[1].steps * once / max(left, 0.1 * seconds[1])
        left = seconds[0] - works[0].steps * once / passes
        flops = works[0].flops / max(left, 0.1 * seconds[0])
    backward = _work(many, dtype, grad=True).flops - works[1].flops
    whole = max(runs.backward(many) - call, 1e-6)
    spent = max(whole - backward / flops, 0.1 * whole)
    return float(flops), float(passes), 2 * works[1].steps * once / spent


def _turns(n: int) -> Circuit:
    """Steps of many gates."""
    rng = np.random.default_rng(0)
    circuit = Circuit(n)
    for _ in range(16):
        for q in range(n):
            theta, phi, lam = rng.normal(size=3).tolist()
            circuit.u(theta, phi, lam, q)
        circuit.cx(list(range(n - 1)), list(range(1, n)))
    return circuit


def _pairs(n: int) -> Circuit:
    """Steps of one gate."""
    circuit = Circuit(n)
    for layer in range(16):
        for q in range(layer % 2, n - 1, 2):
            circuit.rxx(0.1, q, q + 1).ryy(0.2, q, q + 1)
    return circuit


def _work(circuit: Circuit, dtype: np.dtype, grad: bool = False) -> Cost:
    engine = resolve(None, circuit.num_qubits).name
    return run_cost(compile_plan(circuit.structure), 1, dtype.itemsize, engine, grad=grad)


def _tile(plan: Plan, itemsize: int, on_cpu: bool) -> tuple[int, int]:
    if on_cpu:
        return cpu.tile_bits(plan, 1, itemsize), cpu.LOW_BITS[itemsize]
    shape = cuda.shape_of(plan, itemsize, backward=False)
    return shape.tile_bits, shape.row_bits


class _Runs:
    """Seconds of programs that run on every device of a mesh at once.

    States are given and taken in place, so that no memory is new.
    """

    def __init__(self, mesh: Mesh, dtype: np.dtype) -> None:
        self.mesh, self.dtype = mesh, dtype
        self.spec = PartitionSpec(None, mesh.axis_names)

    def forward(self, circuit: Circuit) -> float:
        """A circuit."""
        plan, buffer = self._numbers(circuit)

        def run(state: Any) -> Any:
            return apply_p.bind(state, buffer, plan=plan, engine="auto")

        return self._seconds(run, [self._states(circuit.num_qubits)])

    def backward(self, circuit: Circuit) -> float:
        """The backward run of a circuit."""
        plan, buffer = self._numbers(circuit)

        def run(out: Any, cotangent: Any) -> Any:
            cotangent, _, out = adjoint_p.bind(out, cotangent, buffer, plan=plan, engine="auto")
            return out, cotangent

        return self._seconds(run, [self._states(circuit.num_qubits) for _ in range(2)])

    def fresh(self, n: int) -> float:
        """A new state of n qubits on every device."""
        return least_seconds(lambda: self._states(n))

    def exchange(self, n: int) -> float:
        """One of several exchanges of all that a device has of n qubits, once there is memory."""
        d = num_global(self.mesh)

        def run(state: Any, times: int) -> Any:
            for _ in range(times):
                state = exchanged(state, tuple(range(d)), d)
            return state

        few, many = (
            self._seconds(partial(run, times=times), [self._states(n)])
            for times in (1, 1 + _EXCHANGES)
        )
        return (many - few) / _EXCHANGES

    def _numbers(self, circuit: Circuit) -> tuple[Plan, Any]:
        plan = compile_plan(circuit.structure)
        return plan, jnp.asarray(numbers(plan, circuit.leaves, None, real_dtype(self.dtype)))[None]

    def _states(self, n: int) -> Any:
        def run() -> Any:
            return basis_row(n, 0, self.dtype, "auto")

        return jax.jit(sharded(run, self.mesh, (), self.spec))()

    def _seconds(self, run: Any, states: list[Any]) -> float:
        """Least seconds of a program from states to states."""
        specs = (self.spec,) * len(states)
        mapped = sharded(run, self.mesh, specs, specs if len(states) > 1 else self.spec)
        program = jax.jit(mapped, donate_argnums=tuple(range(len(states))))

        def call() -> Any:
            out = program(*states)
            states[:] = out if isinstance(out, tuple) else [out]
            return states

        return least_seconds(call)
