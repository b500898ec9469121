"""Noise and metrics beside other simulators: each result is checked first, then timed.

    python -m bench.noise

Density matrices and trajectories are compared with qiskit-aer, the metric tensor with PennyLane.
"""

import json
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import qjax as qj
from bench import machine
from bench.compare import median

NOISE = 0.01


def circuit_of(n, layers=4):
    """Layers of ry and a ladder of cx, with numbers for angles."""
    rng = np.random.default_rng(n)
    circuit = qj.Circuit(n)
    for _ in range(layers):
        for q in range(n):
            circuit.ry(float(rng.normal()), q)
        for q in range(n - 1):
            circuit.cx(q, q + 1)
    return circuit


def models(kind):
    """One noise as qjax's model and as Aer's: after every ry, and on both qubits of every cx."""
    from qiskit_aer import noise as aer

    name = {"depolarizing": "depolarizing", "damping": "amplitude_damping"}[kind]
    error = (
        aer.depolarizing_error(NOISE, 1)
        if kind == "depolarizing"
        else aer.amplitude_damping_error(NOISE)
    )
    theirs = aer.NoiseModel()
    theirs.add_all_qubit_quantum_error(error, ["ry"])
    theirs.add_all_qubit_quantum_error(error.tensor(error), ["cx"])
    return qj.NoiseModel().add(name, NOISE), theirs


def noisy_rows():
    """One row for each kind of noise, method and size."""
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_aer import AerSimulator

    for kind in ("depolarizing", "damping"):
        ours, theirs = models(kind)
        for method, n, count in (("density", 8, 0), ("density", 10, 0), ("trajectories", 16, 100)):
            circuit = circuit_of(n)
            given = qj.interop.to_qiskit(circuit)
            given.save_expectation_value(SparsePauliOp("I" * (n - 1) + "Z"), range(n))
            options = {"method": "density_matrix"} if not count else {"method": "statevector"}
            aer = AerSimulator(
                noise_model=theirs, precision="single", fusion_enable=True, **options
            )
            run_aer = lambda a=aer, g=given, c=count: a.run(
                g, shots=c or 1, seed_simulator=1
            ).result()
            if count:
                run = jax.jit(
                    lambda key, c=circuit, m=ours, t=count: qj.expectation(
                        c, "Z0", noise=m, trajectories=t, key=key
                    )
                )
            else:
                run = jax.jit(lambda key, c=circuit, m=ours: qj.expectation(c, "Z0", noise=m))
            key = jax.random.key(0)
            found, expected = float(run(key)), run_aer().data()["expectation_value"]
            # Both draw: deviations of a mean of values in -1..1.
            assert abs(found - expected) < (5 * np.sqrt(2 / count) if count else 1e-4), (kind, n)
            once = lambda r=run, k=key: jax.block_until_ready(r(k))
            yield {
                "noise": kind, "method": method, "n": n, "trajectories": count,
                "qjax_s": median(once), "aer_s": median(run_aer),
            }  # fmt: skip


def metric_rows():
    """The metric tensor of an ansatz of two layers."""
    import pennylane as qml

    for n in (4, 6, 8):
        theta = qj.ParameterVector("theta", 2 * n)
        circuit = qj.Circuit(n)
        for layer in range(2):
            circuit.ry(theta[layer * n : (layer + 1) * n], range(n))
            for q in range(n - 1):
                circuit.cx(q, q + 1)
        params = np.random.default_rng(n).normal(size=2 * n)

        @qml.qnode(qml.device("default.qubit", wires=n))
        def node(p, n=n):
            for layer in range(2):
                for q in range(n):
                    qml.RY(p[layer * n + q], q)
                for q in range(n - 1):
                    qml.CNOT([q, q + 1])
            return qml.state()

        theirs = qml.adjoint_metric_tensor(node)
        values = qml.numpy.array(params, requires_grad=True)
        ours = jax.jit(lambda p, c=circuit: qj.gradients.metric_tensor(c, p))
        given = jnp.asarray(params, jnp.float32)
        assert np.max(np.abs(np.asarray(theirs(values)) - np.asarray(ours(given)))) < 1e-4
        yield {
            "metric": n, "qjax_s": median(lambda o=ours, g=given: jax.block_until_ready(o(g))),
            "pennylane_s": median(lambda t=theirs, v=values: t(v)),
        }  # fmt: skip


def main():
    """Print the rows, and add them to bench/results/."""
    start = time.perf_counter()
    rows = []
    for row in (*noisy_rows(), *metric_rows()):
        print(json.dumps(row), flush=True)
        rows.append(row)
    facts = {
        "what": "noise", "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.processor(),
        "qiskit-aer": version("qiskit-aer"), "pennylane": version("pennylane"),
        "seconds": round(time.perf_counter() - start), "rows": rows,
    }  # fmt: skip
    path = Path(__file__).parent / "results" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
