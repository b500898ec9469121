"""Batches, trainings and states over 1 and 2 processes, each on a core of its own.

    python -m bench.processes                  every case, three rounds
    python -m bench.processes --rounds 10      more rounds, where the machine is not quiet
    python -m bench.processes --save           also adds a line to bench/results/

A round runs every case without a mesh in one process, then with a mesh in one and in two processes.
The least time of all rounds counts, for other programs only add to it. Every process is pinned to
one core, so that one process has one core and two have two. What the three compute is compared,
and must be equal up to rounding.

Cases:
    values      expectation values of 64 circuits of 14 qubits, 6 layers
    gradients   the mean of these and its gradient
    fit         8 training steps of a classifier of 12 qubits, 64 rows in a batch
    state       one state of 21 qubits, 6 layers, divided: an expectation value and its gradient
"""

import argparse
import json
import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

SETTINGS = {"plain": 1, "mesh": 1, "two": 2}  # name: processes
CASES = ("values", "gradients", "fit", "state")
SECONDS = 2.0  # of calls of each case, in each round


# --- one process of a run -------------------------------------------------------------------------


def cases(mesh, divided):
    """Named functions without arguments; each gives an array, which all settings must agree on."""
    import jax
    import jax.numpy as jnp
    import numpy as np
    import optax

    import qjax as qj
    from bench import workloads

    rng = np.random.default_rng(0)

    def of(workload, rows=None):
        size = len(workload.values)
        shape = (size,) if rows is None else (rows, size)
        params = jnp.asarray(rng.normal(size=shape).astype(np.float32))
        return workload.circuit(), workload.observable(), {"theta": params}

    small = of(workloads.ansatz(14, 6), 64)
    large = of(workloads.ansatz(21, 6))

    def energy(params, of, mesh):
        return qj.expectation(of[0], of[1], params, mesh=mesh)

    values = jax.jit(lambda p: energy(p, small, mesh))
    gradients = jax.jit(jax.value_and_grad(lambda p: energy(p, small, mesh).mean()))
    state = jax.jit(jax.value_and_grad(lambda p: energy(p, large, divided)))

    layers = workloads.classifier(12)
    circuit, observable = layers.circuit(), layers.observable()
    x = rng.normal(size=(64, 12)).astype(np.float32)
    y = np.sign(x[:, 0])

    def loss(weights, batch):
        def model(x):
            return qj.expectation(circuit, observable, {"theta": jnp.concatenate([x, weights])})

        return jnp.mean((jax.vmap(model)(batch["x"]) - batch["y"]) ** 2)

    start = jnp.asarray(rng.normal(size=len(layers.values) - 12).astype(np.float32))

    def train():
        return qj.fit(
            loss, start, optimizer, 8, data={"x": x, "y": y}, mesh=mesh, progress=False
        ).history

    optimizer = optax.adam(0.01)
    return {
        "values": lambda: np.asarray(values(small[2])),
        "gradients": lambda: np.asarray(gradients(small[2])[1]["theta"]).mean(0),
        "fit": train,
        "state": lambda: np.asarray(state(large[2])[1]["theta"]),
    }


def child(setting, port, index):
    """Time the cases in one process, and print them if it is process 0."""
    os.sched_setaffinity(0, {sorted(os.sched_getaffinity(0))[index]})
    import numpy as np

    import qjax as qj

    processes = SETTINGS[setting]
    mesh = divided = None
    if setting != "plain":
        qj.distributed.start(f"127.0.0.1:{port}", processes, index, timeout=120)
        mesh, divided = qj.device_mesh(qubits=1, batch=processes), qj.device_mesh(qubits=processes)
    rows = {}
    for name, call in cases(mesh, divided).items():
        result, again = call(), call()  # the first call compiles
        assert np.array_equal(result, again)
        least, left = np.inf, SECONDS
        while left > 0:
            began = time.perf_counter()
            call()
            took = time.perf_counter() - began
            least, left = min(least, took), left - took
            if mesh is not None:  # all processes go on together
                from qjax.distributed.agree import agreed

                left = float(agreed(left))
        rows[name] = {"seconds": least, "result": np.asarray(result, float).tolist()}
    if index == 0:
        print("rows " + json.dumps(rows), flush=True)


# --- all of them ----------------------------------------------------------------------------------


def run(setting):
    """Seconds and results of each case."""
    with socket.create_server(("127.0.0.1", 0)) as one:
        port = one.getsockname()[1]
    command = [sys.executable, "-m", "bench.processes", "--child", setting, str(port)]
    running = [
        subprocess.Popen([*command, str(index)], stdout=subprocess.PIPE, text=True)
        for index in range(SETTINGS[setting])
    ]
    try:
        outputs = [process.communicate(timeout=600)[0] for process in running]
    finally:
        for process in running:
            process.kill()
    if any(process.returncode for process in running):
        raise SystemExit(f"bench.processes: a process of {setting!r} failed; see above.")
    (line,) = [line for line in outputs[0].splitlines() if line.startswith("rows ")]
    return json.loads(line.removeprefix("rows "))


def compared(rounds):
    """The least seconds of each case and setting, after a comparison of the results."""
    import numpy as np

    least = {case: dict.fromkeys(SETTINGS, np.inf) for case in CASES}
    results = {}
    for _ in range(rounds):
        for setting in SETTINGS:
            for case, row in run(setting).items():
                least[case][setting] = min(least[case][setting], row["seconds"])
                result = np.asarray(row["result"])
                first = results.setdefault(case, result)
                scale = np.abs(first).max()
                assert np.abs(result - first).max() < 1e-4 * scale, f"{case}, {setting}"
    return least


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--save", action="store_true")
    parser.add_argument("--child", nargs=3, metavar=("SETTING", "PORT", "INDEX"))
    options = parser.parse_args()
    if options.child:
        setting, port, index = options.child
        child(setting, int(port), int(index))
        return
    from bench import machine

    load = [os.getloadavg()[0]]
    least = compared(options.rounds)
    load.append(os.getloadavg()[0])
    print(f"{machine.processor()}; load {load[0]:.1f} before, {load[1]:.1f} after")
    print("| case | no mesh, 1 process | mesh, 1 process | mesh, 2 processes | speed-up of two |")
    print("| --- | --- | --- | --- | --- |")
    for case, times in least.items():
        shown = " | ".join(f"{1e3 * s:.1f} ms" for s in times.values())
        print(f"| {case} | {shown} | {times['plain'] / times['two']:.2f} |")
    facts = {
        "what": "processes",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.processor(),
        "load": load,
        "rounds": options.rounds,
        "seconds": least,
    }
    if not options.save:
        return
    path = Path(__file__).parent / "results" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    with path.open("a") as file:
        file.write(json.dumps(facts) + "\n")


if __name__ == "__main__":
    main()
