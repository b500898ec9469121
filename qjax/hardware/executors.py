"""Executors: functions from circuits and shots to counts, on the simulator and on vendors' clients.

Any function `executor(circuits, shots)` that returns counts in order can take their place.
"""

from collections.abc import Callable
from typing import Any

import jax

from qjax._extras import require
from qjax.circuit import Circuit
from qjax.counts import QUBIT0_FIRST, Counts
from qjax.hardware.route import Router
from qjax.qasm import dumps
from qjax.simulate import counts

Executor = Callable[[list[Circuit], list[int]], list[Counts]]


def simulator(key: jax.Array, *, engine: str | None = None) -> Executor:
    """Runs circuits on qjax itself, without noise.

    Args:
        key: A `jax.random` key; each call, and each circuit, draws by a key of its own.
        engine: Name of an engine, or None for the best one here.

    Examples:
        >>> executor = simulator(jax.random.key(0))
        >>> executor([Circuit(1).x(0).measure_all()], [10])
        [Counts({'1': 10})]
    """
    state = {"key": key}

    def run(circuits: list[Circuit], shots: list[int]) -> list[Counts]:
        state["key"], *keys = jax.random.split(state["key"], len(circuits) + 1)
        return [
            counts(c, n, k, engine=engine) for c, n, k in zip(circuits, shots, keys, strict=True)
        ]

    return run


def ibm(
    backend: Any, *, target: str = "ibm", transpiler: str = "qiskit", seed: int = 0, **options: Any
) -> Executor:
    """Runs circuits through IBM's SamplerV2, as OpenQASM 3 in the machine's native gates.

    Args:
        backend: A backend of `qiskit_ibm_runtime`: a machine, or a fake one, which simulates the
            machine's noise on this computer.
        target: "ibm", "ibm-ecr" or "ibm-fractional", by the gates that the machine has.
        transpiler: What finds layout and routing: "qiskit" or "pytket".
        seed: Seed of the transpiler.
        **options: Options of the sampler.

    Raises:
        MissingExtraError: If qiskit-ibm-runtime is not installed.
    """
    runtime = require("qiskit_ibm_runtime", "ibm", "The executor for IBM")
    reader = require("qiskit.qasm3", "ibm", "The executor for IBM")
    router = Router(backend=backend, transpiler=transpiler, seed=seed)

    def run(circuits: list[Circuit], shots: list[int]) -> list[Counts]:
        pubs = []
        for circuit, n in zip(circuits, shots, strict=True):
            routed = router.route(circuit, target, alike=True)
            text = dumps(routed.circuit, target=target, physical_qubits=routed.physical_qubits)
            pubs.append((reader.loads(text), None, n))
        results = runtime.SamplerV2(mode=backend, options=options or None).run(pubs).result()
        return [Counts(r.data.c.get_counts()) for r in results]

    return run


def braket(device: Any = None, *, target: str = "braket", **options: Any) -> Executor:
    """Runs circuits on a device of Amazon Braket, as OpenQASM 3.

    Args:
        device: `braket.aws.AwsDevice(arn)`, or None for Braket's simulator on this computer.
        target: "braket", which any device takes, or a verbatim one such as "braket-iqm".
        **options: Passed to the device's `run`.

    Raises:
        MissingExtraError: If the SDK of Amazon Braket is not installed.
    """
    ir = require("braket.ir.openqasm", "braket", "The executor for Braket")
    machine = device or require(
        "braket.devices", "braket", "The executor for Braket"
    ).LocalSimulator()  # fmt: skip

    def run(circuits: list[Circuit], shots: list[int]) -> list[Counts]:
        found = []
        for circuit, n in zip(circuits, shots, strict=True):
            task = machine.run(ir.Program(source=dumps(circuit, target=target)), shots=n, **options)
            found.append(Counts(dict(task.result().measurement_counts), bit_order=QUBIT0_FIRST))
        return found

    return run
