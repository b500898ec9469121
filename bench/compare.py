"""One run, one table: qjax beside other simulators.

    python -m bench.compare --workloads ansatz,fourier --sizes 4,8,12,16,20

Every simulator's result is first compared with qjax's complex128 result on the pure-JAX engine, and
then timed, in turns with qjax, in the same process. Times are medians. Results go to bench/results/
as one JSON line per run.
"""

import argparse
import json
import os
import subprocess
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import qjax as qj
from bench import machine, peers, workloads
from qjax.engine.cpu import LOW_BITS, tile_bits
from qjax.plan import compile_plan
from qjax.plan.cost import cost

PRECISIONS = ("complex64", "complex128")
TOLERANCE = {"complex64": 2e-3, "complex128": 1e-9}
GIVE_UP = 15.0  # seconds after which a simulator gets no larger size of a workload

CIRCUITS = {
    "ansatz": (workloads.ansatz, "ab"),
    "born": (workloads.born_machine, "a"),
    "random": (workloads.random_grid, "a"),
    "fourier": (workloads.fourier, "a"),
    "qaoa": (workloads.qaoa, "b"),
    "trotter": (workloads.trotter, "a"),
    "pauli": (workloads.pauli_sum, "b"),
}
"""Builder of each workload; "a" times the forward run and "b" value and gradient."""


def median(run):
    """Median seconds of a call, with enough repeats for the time that it takes."""
    start = time.perf_counter()
    run()
    once = time.perf_counter() - start
    repeats = 1 if once > 3 else int(np.clip(1.0 / max(once, 1e-6), 3, 300))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def qjax_forward(workload, dtype):
    circuit = workload.circuit()
    values = jnp.asarray(workload.values, np.finfo(dtype).dtype)
    run = jax.jit(lambda v: qj.statevector(circuit, v if v.size else None, dtype=dtype))
    return lambda: jax.block_until_ready(run(values))


def qjax_gradient(workload, dtype, engine=None):
    circuit, energy = workload.circuit(), workload.observable()
    values = jnp.asarray(workload.values, np.finfo(dtype).dtype)
    loss = lambda v: qj.expectation(circuit, energy, v, dtype=dtype, engine=engine)
    run = jax.jit(jax.value_and_grad(loss))
    return lambda: jax.block_until_ready(run(values))


def shares(workload, dtype, seconds, grad):
    """Share of the machine's multiply-add peak and of its bandwidth that a run used."""
    plan = compile_plan(workload.circuit().structure)
    itemsize = np.dtype(dtype).itemsize
    bits = tile_bits(plan, 1, itemsize)
    if plan.num_qubits == 0 or bits < LOW_BITS[itemsize]:
        return None, None
    work = cost(plan, bits, LOW_BITS[itemsize], itemsize, grad=grad)
    limit = machine.limits()
    peak = limit["GFLOP/s float32" if itemsize == 8 else "GFLOP/s float64"] * 1e9
    return work.flops / seconds / peak, work.bytes / seconds / (limit["GB/s"] * 1e9)


def agrees(workload, peer, kind):
    """Whether a simulator computes the same, by its precision."""
    tolerance = TOLERANCE[peer.PRECISION]
    if kind == "a":
        truth = np.asarray(
            qj.statevector(
                workload.circuit(),
                workload.values if workload.values.size else None,
                dtype="complex128",
                engine="xla",
            )
        )
        overlap = abs(np.vdot(truth, peer.amplitudes(workload)))
        return abs(overlap - 1) < tolerance
    value, gradient = qjax_gradient(workload, "complex128", "xla")()
    other_value, other = peer.value_and_gradient(workload)()
    scale = max(1.0, abs(float(value)), float(np.max(np.abs(gradient))))
    worst = max(
        abs(float(other_value) - float(value)), np.max(np.abs(np.asarray(other) - gradient))
    )
    return worst < tolerance * scale


def compare(name, sizes, found, rows):
    build, kinds = CIRCUITS[name]
    slow = set()
    for kind in kinds:
        checked = {}
        for n in sizes:
            workload = build(n)
            row = {"workload": name, "n": n, "what": "forward" if kind == "a" else "value+gradient"}
            for dtype in PRECISIONS:
                make = qjax_forward if kind == "a" else qjax_gradient
                run = make(workload, dtype)
                start = time.perf_counter()
                run()
                row[f"qjax {dtype} first"] = time.perf_counter() - start
                row[f"qjax {dtype}"] = median(run)
                row[f"share {dtype}"] = shares(workload, dtype, row[f"qjax {dtype}"], kind == "b")
            for peer in found:
                maker = getattr(peer, "forward" if kind == "a" else "value_and_gradient", None)
                if maker is None or (peer.NAME, kind) in slow:
                    continue
                if len(workload.steps) > getattr(peer, "MOST_GATES", 10**9):
                    continue
                if peer.NAME not in checked:
                    checked[peer.NAME] = agrees(build(min(sizes[0], 8)), peer, kind)
                if not checked[peer.NAME]:
                    row[peer.NAME] = "differs"
                    continue
                start = time.perf_counter()
                row[peer.NAME] = median(maker(workload))
                if time.perf_counter() - start > GIVE_UP:
                    slow.add((peer.NAME, kind))
            rows.append(row)
            print(line(row, found), flush=True)


def line(row, found):
    """A row of the table in Markdown: milliseconds, and how many times the fastest other takes."""
    numbers = {p.NAME: row[p.NAME] for p in found if isinstance(row.get(p.NAME), float)}
    cells = [row["workload"], str(row["n"]), row["what"]]
    for dtype in PRECISIONS:
        flops, rate = row.get(f"share {dtype}") or (None, None)
        share = "" if flops is None else f" ({flops:.0%} flops, {rate:.0%} memory)"
        cells.append(f"{row[f'qjax {dtype}'] * 1e3:.3g}{share}")
    for peer in found:
        value = row.get(peer.NAME, "")
        cells.append(f"{value * 1e3:.3g}" if isinstance(value, float) else value)
    for dtype in PRECISIONS:
        # complex128 is compared with those that compute in complex128, complex64 with all.
        rivals = [
            numbers[p.NAME]
            for p in found
            if p.NAME in numbers and (dtype == "complex64" or p.PRECISION == dtype)
        ]
        cells.append(f"{min(rivals) / row[f'qjax {dtype}']:.1f}x" if rivals else "")
    return "| " + " | ".join(cells) + " |"


def head(found):
    names = ["workload", "n", "what", *(f"qjax {d} ms" for d in PRECISIONS)]
    names += [f"{p.NAME} ({p.PRECISION}) ms" for p in found]
    names += ["fastest other / qjax c64", "/ qjax c128"]
    return "| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|"


def batches(sizes, found, rows, count=256):
    """(f): value and gradient of the mean squared error of 256 samples."""
    for n in sizes:
        workload = workloads.classifier(n)
        rng = np.random.default_rng(3)
        data, labels = rng.uniform(0, np.pi, (count, n)), rng.choice([-1.0, 1.0], count)
        row = {"workload": f"classifier x{count}", "n": n, "what": "value+gradient"}
        for dtype in PRECISIONS:
            real = np.finfo(dtype).dtype
            circuit, energy = workload.circuit(), workload.observable()
            x, y = jnp.asarray(data, real), jnp.asarray(labels, real)

            def loss(weights, circuit=circuit, energy=energy, x=x, y=y, dtype=dtype):
                def one(sample):
                    values = jnp.concatenate([sample, weights])
                    return qj.expectation(circuit, energy, values, dtype=dtype)

                return jnp.mean((jax.vmap(one)(x) - y) ** 2)

            run = jax.jit(jax.value_and_grad(loss))
            weights = jnp.asarray(workload.values[n:], real)
            start = time.perf_counter()
            truth = jax.block_until_ready(run(weights))
            row[f"qjax {dtype} first"] = time.perf_counter() - start
            row[f"qjax {dtype}"] = median(lambda run=run, w=weights: jax.block_until_ready(run(w)))
        for peer in found:
            if not hasattr(peer, "batch"):
                continue
            run = peer.batch(workload, jnp.asarray(data, jnp.float32), jnp.asarray(labels))
            _, gradient = run()
            same = np.max(np.abs(np.asarray(gradient) - np.asarray(truth[1]))) < 1e-3
            row[peer.NAME] = median(run) if same else "differs"
        rows.append(row)
        print(line(row, found), flush=True)


def first_calls(counts, rows):
    """(i): trace, compile and run value and gradient, at n = 10."""
    for count in counts:
        workload = workloads.many_gates(10, count)
        jax.clear_caches()
        start = time.perf_counter()
        run = qjax_gradient(workload, "complex64")
        built = time.perf_counter() - start
        run()
        first = time.perf_counter() - start
        row = {"workload": "first call", "n": count, "built": built, "first": first}
        row["later"] = median(run)
        rows.append(row)
        print(f"first call with {count} gates: {first:.2f} s (circuit {built:.2f} s), "
              f"later calls {row['later'] * 1e3:.2f} ms")  # fmt: skip


def shots(sizes, rows, count=10**6):
    """(j): a million shots beside the probabilities."""
    for n in sizes:
        workload = workloads.ansatz(n, 2)
        circuit, values = workload.circuit(), jnp.asarray(workload.values, jnp.float32)
        form = jax.jit(lambda v, c=circuit: qj.probabilities(c, v))
        draw = jax.jit(lambda v, k, c=circuit: qj.sample(c, count, k, v))
        key = jax.random.key(0)
        row = {"workload": "shots", "n": n}
        row["probabilities"] = median(lambda f=form, v=values: jax.block_until_ready(f(v)))
        row["shots"] = median(lambda f=draw, v=values, k=key: jax.block_until_ready(f(v, k)))
        rows.append(row)
        print(f"{count} shots at n = {n}: {row['shots'] * 1e3:.1f} ms, probabilities alone "
              f"{row['probabilities'] * 1e3:.1f} ms")  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    every = [*CIRCUITS, "batch", "first", "shots"]
    parser.add_argument("--workloads", default=",".join(every), help="of " + ", ".join(every))
    parser.add_argument("--sizes", default="4,8,12,16,20")
    parser.add_argument("--peers", default="all", help='"all", "none", or names of modules')
    args = parser.parse_args()
    found, missing = peers.load()
    jax.config.update("jax_enable_x64", True)  # some of them switch it off
    if args.peers != "all":
        wanted = args.peers.split(",")
        found = [p for p in found if p.__name__.rsplit(".", 1)[1] in wanted]
    sizes = [int(s) for s in args.sizes.split(",")]
    names = args.workloads.split(",")
    limits = machine.limits()
    print(f"load {os.getloadavg()[0]:.1f}; {limits}")
    if missing:
        print(f"not installed: {', '.join(missing)} (pip install 'qjax[bench]')")
    print(head(found))
    rows = []
    for name in names:
        if name in CIRCUITS:
            compare(name, sizes, found, rows)
    if "batch" in names:
        batches([s for s in sizes if s <= 10], found, rows)
    if "first" in names:
        first_calls((1000, 10000), rows)
    if "shots" in names:
        shots(sizes, rows)
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    record = {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "machine": limits,
        "jax": version("jax"),
        "peers": {p.NAME: p.PRECISION for p in found},
        "rows": rows,
    }
    path = Path(__file__).parent / "results" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    path.parent.mkdir(exist_ok=True)
    with path.open("a") as file:
        file.write(json.dumps(record) + "\n")


if __name__ == "__main__":
    main()
