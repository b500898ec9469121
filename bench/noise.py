"""Noise and metrics beside other simulators: each result is checked first, then timed.

    python -m bench.noise

Density matrices and trajectories are compared with qiskit-aer, trajectories with qsim as well, the
metric tensor with PennyLane. Every simulator's noise is checked on a small circuit with strong
noise, by linear algebra in NumPy, before it is timed.
"""

import json
import os
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

NOISE, STRONG = 0.01, 0.1
CHECKED_QUBITS, CHECKED_TRAJECTORIES = 5, 20_000
RUNS = (
    ("density", 8, None), ("density", 10, None),
    ("trajectories", 12, 1000), ("trajectories", 16, 100), ("trajectories", 20, 10),
)  # fmt: skip
KINDS = ("depolarizing", "damping")


def steps_of(n, layers=4):
    """Layers of ry and a ladder of cx, as (name, qubits, angle)."""
    rng = np.random.default_rng(n)
    for _ in range(layers):
        yield from (("ry", (q,), float(rng.normal())) for q in range(n))
        yield from (("cx", (q, q + 1), None) for q in range(n - 1))


# --- the truth, by linear algebra -----------------------------------------------------------------


def kraus_of(kind, p):
    """Kraus operators of (1 - p) rho + p tr(rho) / 2, or of amplitude damping."""
    if kind == "damping":
        return [np.diag([1, np.sqrt(1 - p)]), np.sqrt(p) * np.eye(2)[[1, 0]] * [[0, 1], [0, 0]]]
    paulis = [np.eye(2), [[0, 1], [1, 0]], [[0, -1j], [1j, 0]], np.diag([1, -1])]
    weights = [1 - 3 * p / 4, p / 4, p / 4, p / 4]
    return [np.sqrt(w) * np.array(m) for w, m in zip(weights, paulis, strict=True)]


def on(matrix, q, n):
    return np.kron(np.eye(2 ** (n - 1 - q)), np.kron(matrix, np.eye(2**q)))


def truth(n, kind, p):
    """<Z0> with noise after every ry, and on both qubits of every cx."""
    rho = np.zeros((2**n, 2**n), complex)
    rho[0, 0] = 1
    for name, qubits, angle in steps_of(n):
        if name == "ry":
            c, s = np.cos(angle / 2), np.sin(angle / 2)
            gate = on(np.array([[c, -s], [s, c]]), qubits[0], n)
        else:
            control, target = qubits
            index = np.arange(2**n)
            gate = np.eye(2**n)[index ^ (index >> control & 1) << target]
        rho = gate @ rho @ gate.T
        for q in qubits:
            rho = sum(m @ rho @ m.conj().T for m in (on(k, q, n) for k in kraus_of(kind, p)))
    return float(np.real(np.diagonal(rho)) @ (1 - 2 * (np.arange(2**n) & 1)))


# --- simulators: (n, kind of noise, strength, trajectories) -> a call that gives <Z0> ----------


def circuit_of(n):
    circuit = qj.Circuit(n)
    for name, qubits, angle in steps_of(n):
        circuit.append(name, qubits, () if angle is None else (angle,))
    return circuit


def with_qjax(n, kind, p, trajectories):
    circuit = circuit_of(n)
    model = qj.NoiseModel().add({"damping": "amplitude_damping"}.get(kind, kind), p)
    options = {} if trajectories is None else {"trajectories": trajectories}
    run = jax.jit(
        lambda key: qj.expectation(
            circuit, "Z0", noise=model, **options, **({"key": key} if options else {})
        )
    )
    key = jax.random.key(0)
    return lambda: float(run(key))


def with_aer(n, kind, p, trajectories):
    from qiskit.quantum_info import SparsePauliOp
    from qiskit_aer import AerSimulator, noise

    error = (
        noise.depolarizing_error(p, 1)
        if kind == "depolarizing"
        else noise.amplitude_damping_error(p)
    )
    model = noise.NoiseModel()
    model.add_all_qubit_quantum_error(error, ["ry"])
    model.add_all_qubit_quantum_error(error.tensor(error), ["cx"])
    circuit = qj.interop.to_qiskit(circuit_of(n))
    circuit.save_expectation_value(SparsePauliOp("I" * (n - 1) + "Z"), range(n))
    simulator = AerSimulator(
        noise_model=model, precision="single", fusion_enable=True, seed_simulator=1,
        method="density_matrix" if trajectories is None else "statevector",
    )  # fmt: skip
    shots = trajectories or 1
    return lambda: simulator.run(circuit, shots=shots).result().data()["expectation_value"]


def with_qsim(n, kind, p, trajectories):
    import cirq
    import qsimcirq

    line = cirq.LineQubit.range(n)
    channel = cirq.depolarize(3 * p / 4) if kind == "depolarizing" else cirq.amplitude_damp(p)
    operations = []
    for _, qubits, angle in steps_of(n):
        own = [line[q] for q in qubits]
        operations.append(cirq.CNOT(*own) if angle is None else cirq.ry(angle)(*own))
        operations += [channel(q) for q in own]
    options = {"t": os.cpu_count(), "f": 4, "r": trajectories}
    simulator = qsimcirq.QSimSimulator(qsim_options=options, seed=1)
    circuit, observable = cirq.Circuit(operations), cirq.Z(line[0])
    return lambda: simulator.simulate_expectation_values(circuit, [observable])[0].real


SIMULATORS = {"qjax": with_qjax, "aer": with_aer, "qsim": with_qsim}
WITHOUT_DENSITY_MATRICES = ("qsim",)


def check(name, kind, trajectories):
    """Compare with the truth, where the noise is so strong that it cannot be overlooked."""
    count = trajectories and CHECKED_TRAJECTORIES
    found = SIMULATORS[name](CHECKED_QUBITS, kind, STRONG, count)()
    expected = truth(CHECKED_QUBITS, kind, STRONG)
    # A mean of values in -1..1, or sums in single precision.
    allowed = 5 / np.sqrt(count) if count else 1e-4
    assert abs(expected - truth(CHECKED_QUBITS, kind, 0.0)) > 2 * allowed
    assert abs(found - expected) < allowed, f"{name} gives {found} for {kind}, not {expected}"


def noisy_rows():
    """One row for each kind of noise, method and size."""
    for kind in KINDS:
        for method, n, count in RUNS:
            row = {"noise": kind, "method": method, "n": n, "trajectories": count}
            for name, simulator in SIMULATORS.items():
                if count is None and name in WITHOUT_DENSITY_MATRICES:
                    continue
                check(name, kind, count)
                row[f"{name}_s"] = median(simulator(n, kind, NOISE, count))
            yield row


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
        **{name: version(name) for name in ("qiskit-aer", "qsimcirq", "pennylane")},
        "seconds": round(time.perf_counter() - start), "rows": rows,
    }  # fmt: skip
    path = Path(__file__).parent / "results" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
