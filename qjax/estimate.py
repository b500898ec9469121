"""What a run takes, told before it starts."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from qjax._checks import as_positive, is_sequence
from qjax._units import duration, scaled
from qjax.circuit.circuit import Circuit
from qjax.engine.expectation import checked_observable
from qjax.engine.limits import limits, run_cost
from qjax.engine.memory import available, gib
from qjax.engine.select import complex_dtype, resolve
from qjax.errors import CircuitError, ObservableError
from qjax.observables import PauliSum
from qjax.plan import compile_plan

_GRADIENT_CALLS = 4  # the state, its expectation value, and both of their transposes


@dataclass(frozen=True)
class Estimate:
    """What a run takes; its text is a table.

    Attributes:
        engine: The engine that runs it.
        dtype: Of the amplitudes.
        num_qubits: Number of qubits.
        batch: How many samples run together.
        sweeps: How often the state goes through memory in a forward run.
        bytes: Bytes of state that are read and written.
        flops: Operations on real numbers, a multiply-add counted as two.
        memory: The most bytes of states at one time.
        available: Bytes of memory that arrays can have here now; None if it cannot be told.
        seconds: The time predicted from the engine's measured limits.
    """

    engine: str
    dtype: np.dtype
    num_qubits: int
    batch: int
    sweeps: int
    bytes: int
    flops: float
    memory: int
    available: int | None
    seconds: float

    @property
    def fits(self) -> bool:
        """Whether there is memory for it."""
        return self.available is None or self.memory <= self.available

    def __str__(self) -> str:
        free = "" if self.available is None else f" of {gib(self.available)} free"
        rows = {
            "run": f"{self.num_qubits} qubits, batch {self.batch:,}, {self.dtype}, {self.engine}",
            "sweeps": f"{self.sweeps:,}",
            "traffic": scaled(self.bytes, "B"),
            "operations": scaled(self.flops, "FLOP"),
            "peak memory": gib(self.memory) + free + ("" if self.fits else ": does not fit"),
            "time": duration(self.seconds),
        }
        return "\n".join(f"{name:<13}{text}" for name, text in rows.items())


def cost(
    circuit: Circuit,
    observable: Any = None,
    batch: int = 1,
    grad: bool = False,
    *,
    dtype: Any = None,
    engine: str | None = None,
) -> Estimate:
    """What a run would take: bytes, operations, memory and time. Nothing of its size is allocated.

    Args:
        circuit: The circuit; its open parameters need no values.
        observable: An observable, or a sequence, whose expectation values are wanted too.
        batch: How many samples run together.
        grad: Whether the gradient with respect to all parameters is wanted too.
        dtype: complex64 (as by default) or complex128.
        engine: Name of an engine, or None for the one that would run.

    Returns:
        An `Estimate`. Its time is that of a call after the first, which compiles; it comes from
        limits that are measured when first asked for, within a second or so. From 12 qubits on it
        is right within a factor of some two on a machine that does nothing else; below, what JAX
        does around the kernels takes longer than it says.

    Raises:
        EngineError: If the engine cannot run here, or not that many qubits.
        CircuitError: If it is no circuit, or the batch is not positive.

    Examples:
        >>> import qjax as qj
        >>> estimate = qj.cost(qj.Circuit(20).h(range(20)), grad=True)
        >>> estimate.num_qubits, estimate.fits, estimate.seconds > 0
        (20, True, True)
    """
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"cost: circuit must be a Circuit, but is {circuit!r}.")
    rows = as_positive(batch, "cost: batch")
    n = circuit.num_qubits
    chosen = resolve(engine, n)
    amplitude = complex_dtype(dtype)
    work = run_cost(
        compile_plan(circuit.structure), rows, amplitude.itemsize, chosen.name, grad=grad
    )
    traffic, flops = work.bytes, work.flops
    if observable is not None:
        passes, operations = _observable_cost(observable, n)
        traffic += int(passes * (2 if grad else 1) * 2**n * amplitude.itemsize)
        flops += operations * (2 if grad else 1) * 2**n
    states = chosen.gradient_states if grad else chosen.forward_states
    memory = rows * states * 2**n * amplitude.itemsize
    rate = limits(chosen.name, amplitude)
    calls = _GRADIENT_CALLS if grad else 1
    seconds = calls * rate.call + rate.fresh * memory
    seconds += rows * (traffic / rate.bandwidth + flops / rate.flops)
    free = available(chosen.platform or jax.default_backend())
    return Estimate(
        chosen.name, amplitude, n, rows, work.sweeps, rows * traffic, rows * flops, memory, free,
        seconds,
    )  # fmt: skip


def _observable_cost(observable: Any, num_qubits: int) -> tuple[float, float]:
    """(passes over the state, operations per amplitude) of expectation values.

    Strings that flip the same qubits share a product of two amplitudes, and each adds a signed sum,
    or all of them a Walsh-Hadamard transform. Such a pass only reads, and so counts half.
    """
    several = is_sequence(observable)
    wanted = list(observable) if several else [observable]
    if not wanted:
        raise ObservableError("cost: a sequence of observables must not be empty.")
    groups: dict[int, int] = {}
    passes, operations = 0.0, 0.0
    for checked in (checked_observable(o, num_qubits) for o in wanted):
        if isinstance(checked, PauliSum):
            for x in checked.x_masks.tolist():
                groups[x] = groups.get(x, 0) + 1
        else:
            passes, operations = passes + 4, operations + 8 * 2 ** len(checked.qubits)
    operations += sum(4 + min(2.0 * count, 2.0 * num_qubits) for count in groups.values())
    return passes + len(groups) / 2, operations
