"""The CUDA engine on the GPU at hand: is it right, and how fast is it beside the card's own limits.

    python -m bench.gpu                           everything, within --seconds
    python -m bench.gpu --stages check,forward    some stages
    python -m bench.gpu --dry-run                 the same code at small sizes on the CPU

Stages, what matters most first and what may take all of the time last:
    check     every kind of kernel against the C++ kernels on the CPU in double precision
    compile   seconds of NVRTC for each part of the kernels, and the most registers
    limits    memory bandwidth of a copy, and multiply-adds, of this card in this run
    batch     value and gradient of a 10-qubit, 4-layer classifier on 4,096 samples
    gradient  value and gradient of a 10-layer ansatz beside its forward run
    forward   layered and random circuits beside plain XLA and cuStateVec (if it is installed)
    shapes    the forward run and the gradient in tiles of other shapes than the usual ones
    blocks    matrices on 5, 6 and 7 qubits, which go to tensor cores: error and speed
    large     32 qubits in complex64, in place
    tests     the test files of the engine, by pytest
    sanitize  `check` again under compute-sanitizer, if that is on PATH

Each stage adds one JSON line to bench/results/, so what was measured before a limit of time stays.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from unittest.mock import patch

import jax
import jax.numpy as jnp
import numpy as np

import qjax as qj
from bench import workloads
from qjax.engine import cuda, gpu, nvrtc
from qjax.engine.cuda_words import SHARED_BYTES, turn_bytes
from qjax.plan import compile_plan

ROOT = Path(__file__).parents[1]
# Each array has memory of its own: the other process gets some, and what reads beyond one is found.
_OWN_MEMORY = {"XLA_PYTHON_CLIENT_ALLOCATOR": "platform"}
NO_GPU = (
    "bench.gpu needs an NVIDIA GPU that JAX sees, and the kernels of qjax for it: {}\n"
    "--dry-run runs the same stages at small sizes on the CPU."
)


@dataclass(frozen=True)
class Sizes:
    """What the stages run: as asked for, or small for a dry run."""

    engine: str
    forward: tuple = (26, 28, 30)
    plain: int = 26  # qubits up to which plain XLA is timed
    gradient: tuple = (20, 26)
    layers: int = 10
    depth: int = 20
    samples: int = 4096
    classifier: int = 10
    blocks: tuple = (5, 6, 7)  # qubits of a matrix
    among: tuple = (26, 12)  # the qubits that are timed, and those where the error is seen
    large: int = 32
    copied: int = 2**32  # bytes
    steps: int = 128  # multiply-adds that follow each other
    truth: str = "cpu"  # the engine that `check` compares with
    check: tuple = (1, 2, 3, 5, 9, 11, 12, 13, 15, 18)


DRY = Sizes(
    engine="auto",
    forward=(6,),
    plain=6,
    gradient=(5,),
    layers=2,
    depth=4,
    samples=8,
    classifier=3,
    blocks=(2, 3),
    among=(5, 4),
    large=8,
    copied=2**20,
    steps=4,
    truth="xla",
    check=(3,),
)


class Clock:
    """The time that is left."""

    def __init__(self, seconds):
        self.end = time.monotonic() + seconds

    def left(self):
        return self.end - time.monotonic()


def seconds_of(run, queued=10):
    """(seconds of a first call, of a later one, of one among several that are enqueued at once)."""
    times = []
    for _ in range(4):
        start = time.perf_counter()
        jax.block_until_ready(run())
        times.append(time.perf_counter() - start)
    once = min(times[1:])
    start = time.perf_counter()
    for _ in range(queued):
        out = run()
    jax.block_until_ready(out)
    return times[0], once, (time.perf_counter() - start) / queued


# --- stages: each gives rows ----------------------------------------------------------------------


def compile_stage(sizes, clock):
    if gpu.missing() is not None:
        return [{"skipped": gpu.missing()}]
    rows = []
    architecture = gpu._architecture(jax.local_devices(backend="cuda")[0])
    for (what, itemsize), part in nvrtc.PARTS.items():
        start = time.perf_counter()
        _, log = nvrtc.compiled(part, architecture)
        seconds = time.perf_counter() - start
        registers = [int(line.split()[4]) for line in log.splitlines() if "Used" in line]
        rows.append({"part": f"{what} {itemsize}", "seconds": seconds, "registers": max(registers)})
    return rows


def limits_stage(sizes, clock):
    """GB/s that are read and written by a copy in place, and TFLOP/s of multiply-adds."""
    x = jnp.ones(sizes.copied // 4, jnp.float32)
    negated = jax.jit(lambda v: -v, donate_argnums=0)
    jax.block_until_ready(x := negated(x))
    repeats = 20
    start = time.perf_counter()
    for _ in range(repeats):
        x = negated(x)
    jax.block_until_ready(x)
    rows = [{"GB/s": 2 * x.nbytes * repeats / (time.perf_counter() - start) / 1e9}]
    del x
    for dtype in (np.float32, np.float64) if jax.config.jax_enable_x64 else (np.float32,):
        chains, steps, count = 4, sizes.steps, sizes.copied // 256

        def work(v, steps=steps, chains=chains):
            parts = [v + k for k in range(chains)]
            for _ in range(steps):
                parts = [p * 0.999 + 0.001 for p in parts]
            return sum(parts)

        run, v = jax.jit(work), jnp.ones(count, dtype)
        _, _, seconds = seconds_of(lambda run=run, v=v: run(v))
        flops = 2 * chains * steps * count
        rows.append({f"TFLOP/s {np.dtype(dtype).name}": flops / seconds / 1e12})
    return rows


def random_unitary(size, rng):
    return np.linalg.qr(rng.normal(size=(size, size, 2)) @ [1, 1j])[0]


def random_circuit(n, gates, rng):
    """Gates of every form that the kernels have, controls and matrices on tensor cores included."""
    circuit = qj.Circuit(n)
    if n >= 9:
        for k in (3, 5, 6):
            circuit.unitary(random_unitary(2**k, rng), rng.permutation(n)[:k])
    theta = qj.ParameterVector("t", gates)
    for k in range(gates):
        q = [int(q) for q in rng.permutation(n)[:3]]
        angle = theta[k]
        circuit.ry(angle, q[0])
        if n >= 2:
            name = rng.choice(["cx", "cz", "swap", "rxx", "rzz", "crx", "cp", "iswap", "ecr"])
            turned = name in ("rxx", "rzz", "crx", "cp")
            getattr(circuit, str(name))(*((angle,) if turned else ()), *q[:2])
        if n >= 3:
            circuit.ccx(*q)
        circuit.rz(angle, q[-1]).h(q[0]).rx(angle, q[-1])
    return circuit


def check_stage(sizes, clock):
    """Errors of amplitudes, values, gradients, probabilities and draws."""
    rows, rng = [], np.random.default_rng(0)
    for n in sizes.check:
        if clock.left() < 20:
            return [*rows, {"skipped": f"n >= {n}: no time left"}]
        circuit = random_circuit(n, 12, rng)
        values = rng.normal(size=12)
        energy = qj.PauliSum(dict.fromkeys(["Z0", f"X0 Z{n - 1}" if n > 1 else "X0"], 0.7))

        def value(v, dtype, engine, circuit=circuit, energy=energy):
            return qj.expectation(circuit, energy, v, dtype=dtype, engine=engine)

        def answers(v, dtype, engine, circuit=circuit, n=n):
            state = qj.statevector(circuit, v, dtype=dtype, engine=engine)
            number, slope = jax.value_and_grad(value)(v, dtype, engine)
            some = qj.probabilities(circuit, v, qubits=[n - 1], dtype=dtype, engine=engine)
            many = jax.vmap(lambda w: jax.grad(value)(w, dtype, engine))(jnp.stack([v, -v, v]))
            return state, number, slope, some, many

        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            truth = answers(jnp.asarray(values), "complex128", sizes.truth)
        for dtype in ("complex64", "complex128"):
            real = np.finfo(dtype).dtype
            found = answers(jnp.asarray(values, real), dtype, sizes.engine)
            names = ("state", "value", "gradient", "probabilities", "batch")
            errors = {
                name: float(np.max(np.abs(np.asarray(a) - np.asarray(b))))
                for name, a, b in zip(names, found, truth, strict=True)
            }
            # 100 ops, each of which rounds each number a few times.
            good = bool(max(errors.values()) <= 1600 * np.finfo(dtype).eps)
            rows.append({"n": n, "dtype": dtype, "good": good, **errors})
        shots = 100_000
        drawn = qj.sample(circuit, shots, jax.random.key(n), jnp.asarray(values, np.float32),
                          engine=sizes.engine)  # fmt: skip
        top = float(np.mean(np.asarray(drawn)[:, n - 1]))
        off = abs(top - float(truth[3][1])) * np.sqrt(shots) / 0.5
        rows.append({"n": n, "draws": "top qubit", "standard errors": off, "good": bool(off < 5)})
    return rows


def tests_stage(sizes, clock):
    files = [f"tests/{name}.py" for name in ("test_kernels", "test_engines", "test_cuda")]
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *files]
    return [ran(command, clock)]


def ran(command, clock):
    """What became of a command."""
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=max(clock.left(), 1),
            env={**os.environ, **_OWN_MEMORY},
        )
        text, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as late:
        text, code = str(late.stdout or "")[-500:], "out of time"
    return {"command": " ".join(command), "code": code, "end": text.splitlines()[-8:]}


def forward_run(workload, engine, dtype=np.complex64):
    return state_run(workload.circuit(), workload.values, engine, dtype)


def state_run(circuit, values, engine, dtype):
    values = jnp.asarray(values, np.finfo(dtype).dtype)

    # The first amplitudes alone: the state itself is kept inside the program.
    @jax.jit
    def run(v):
        state = qj.statevector(circuit, v if v.size else None, dtype=dtype, engine=engine)
        return jax.lax.optimization_barrier(state)[:8]

    return lambda: run(values)


def forward_stage(sizes, clock):
    rows = []
    for n in sizes.forward:
        layered = workloads.ansatz(n, sizes.layers)
        for workload in (layered, workloads.random_grid(n, sizes.depth)):
            if clock.left() < 30:
                return [*rows, {"skipped": f"{workload.name}: no time left"}]
            first, once, each = seconds_of(forward_run(workload, sizes.engine), 3)
            row = {"workload": workload.name, "first": first, "once": once, "seconds": each}
            row |= sweeps_of(workload, each, 8)
            row |= custatevec(workload, each)
            rows.append(row)
            print(row, flush=True)
    if clock.left() < 30:
        return [*rows, {"skipped": "complex128: no time left"}]
    workload = workloads.ansatz(sizes.plain, sizes.layers)
    run = forward_run(workload, sizes.engine, np.complex128)
    first, once, each = seconds_of(run, 3)
    row = {"workload": workload.name, "dtype": "complex128", "first": first, "once": once}
    rows.append(row | {"seconds": each} | sweeps_of(workload, each, 16))
    print(rows[-1], flush=True)
    # XLA compiles an op for each gate: few layers, and the kernels on the same ones.
    n = sizes.plain
    for workload in (workloads.ansatz(n, 1), workloads.random_grid(n, 4)):
        if clock.left() < 90:
            return [*rows, {"skipped": f"plain XLA, {workload.name}: no time left"}]
        row = {"workload": f"{workload.name}, {len(workload.steps)} gates"}
        row["seconds"] = seconds_of(forward_run(workload, sizes.engine), 3)[2]
        row["xla first"], _, row["xla"] = seconds_of(forward_run(workload, "xla"), 3)
        rows.append(row | {"xla / qjax": row["xla"] / row["seconds"]})
        print(rows[-1], flush=True)
    return rows


def sweeps_of(workload, seconds, itemsize):
    """How many sweeps a run has, and the bytes that it moves in a second."""
    plan = compile_plan(workload.circuit().structure)
    shape = cuda.shape_of(plan, itemsize, backward=False)
    count = len(cuda.write_cuda_tape(plan, shape, backward=False).sweeps)
    rate = 2 * count * 2**workload.num_qubits * itemsize / seconds / 1e9
    return {"sweeps": count, "GB/s": rate}


def custatevec(workload, seconds):
    """cuStateVec at its best fusion on the same circuit, if its amplitudes are right."""
    try:
        from bench.peers import custatevec as peer

        small = workloads.ansatz(8, 2)
        truth = qj.statevector(small.circuit(), small.values, dtype="complex128", engine="xla")
        if np.max(np.abs(peer.amplitudes(small) - np.asarray(truth))) > 1e-4:
            return {"custatevec": "differs"}
        theirs, most = peer.best(workload)
        return {"custatevec": theirs, "fused to": most, "custatevec / qjax": theirs / seconds}
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        return {"custatevec": f"not run: {error}"[:200]}


def gradient_run(workload, engine):
    """Value and gradient in complex64."""
    circuit, energy = workload.circuit(), workload.observable()
    values = jnp.asarray(workload.values, np.float32)
    run = jax.jit(jax.value_and_grad(lambda v: qj.expectation(circuit, energy, v, engine=engine)))
    return lambda: run(values)


def gradient_stage(sizes, clock):
    rows = []
    for n in sizes.gradient:
        workload = workloads.ansatz(n, sizes.layers)
        first, once, both = seconds_of(gradient_run(workload, sizes.engine), 5)
        forward = seconds_of(forward_run(workload, sizes.engine), 5)[2]
        row = {"workload": workload.name, "first": first, "once": once, "seconds": both}
        rows.append(row | {"forward": forward, "ratio": both / forward})
        print(rows[-1], flush=True)
    return rows


def batch_stage(sizes, clock):
    n = sizes.classifier
    workload = workloads.classifier(n)
    circuit, energy = workload.circuit(), workload.observable()
    rng = np.random.default_rng(3)
    x = jnp.asarray(rng.uniform(0, np.pi, (sizes.samples, n)), np.float32)
    y = jnp.asarray(rng.choice([-1.0, 1.0], sizes.samples), np.float32)

    def loss(weights):
        def one(sample):
            values = jnp.concatenate([sample, weights])
            return qj.expectation(circuit, energy, values, engine=sizes.engine)

        return jnp.mean((jax.vmap(one)(x) - y) ** 2)

    weights = jnp.asarray(workload.values[n:], np.float32)
    rows = []
    for name, form in (("value", loss), ("value+gradient", jax.value_and_grad(loss))):
        run = jax.jit(form)
        first, once, each = seconds_of(lambda run=run: run(weights))
        row = {"what": name, "samples": sizes.samples, "first": first, "once": once}
        rows.append(row | {"seconds": each, "circuits/s": sizes.samples / each})
    return rows


def shapes_stage(sizes, clock):
    """Whether larger tiles, or rows of half the length, would be faster."""
    layered = workloads.ansatz(sizes.plain, sizes.layers)
    grid = workloads.random_grid(sizes.plain, sizes.depth)
    runs = [(layered, False, bits) for bits in ((7, 4), (7, 3), (8, 4), (8, 3))]
    runs += [(grid, False, bits) for _, _, bits in runs]
    runs += [(layered, True, bits) for bits in ((8, 4), (8, 3))]
    usual, rows = cuda.shape_of, []
    for workload, gradient, (thread_bits, row_bits) in runs:
        if clock.left() < 20:
            return [*rows, {"skipped": f"{workload.name}: no time left"}]

        def changed(plan, itemsize, *, backward, asked=gradient, t=thread_bits, r=row_bits):
            shape = usual(plan, itemsize, backward=backward)
            if backward != asked:
                return shape
            tiles = (2 if backward else 1) * itemsize << (t + shape.register_bits)
            room = (SHARED_BYTES - tiles) // turn_bytes(shape.register_bits, itemsize)
            prepared = min(shape.prepared, room)
            return replace(shape, thread_bits=t, row_bits=r, prepared=prepared)

        with patch.object(cuda, "shape_of", changed):
            run = (gradient_run if gradient else forward_run)(workload, sizes.engine)
            each = seconds_of(run, 3)[2]
        row = {"workload": workload.name, "gradient": gradient, "seconds": each}
        rows.append(row | {"thread bits": thread_bits, "row bits": row_bits})
        print(rows[-1], flush=True)
    return rows


def blocks_stage(sizes, clock):
    """Ten random matrices on k random qubits each, in both precisions."""
    rows, rng, count = [], np.random.default_rng(7), 10
    large, small = sizes.among

    def blocks(n, k):
        circuit = qj.Circuit(n)
        for _ in range(count):
            circuit.unitary(random_unitary(2**k, rng), rng.permutation(n)[:k])
        return circuit

    for k in sizes.blocks:
        timed, seen = blocks(large, k), blocks(small, k)
        with jax.default_device(jax.local_devices(backend="cpu")[0]):
            truth = np.asarray(qj.statevector(seen, dtype="complex128", engine=sizes.truth))
        for dtype in ("complex64", "complex128"):
            if clock.left() < 30:
                return [*rows, {"skipped": f"matrices on {k} qubits, {dtype}: no time left"}]
            found = np.asarray(qj.statevector(seen, dtype=dtype, engine=sizes.engine))
            error = float(np.linalg.norm(found - truth))
            # Sums of 2^k products of either sign round by some 2^(k/2) < 16 parts of the norm.
            good = bool(error <= 16 * count * np.finfo(dtype).eps)
            seconds = seconds_of(state_run(timed, (), sizes.engine, dtype), 3)[2]
            row = {"matrices": count, "on": k, "dtype": dtype, "error": error, "good": good}
            flops = count * 8 * 2 ** (large + k)
            rows.append(row | {"seconds": seconds, "TFLOP/s": flops / seconds / 1e12})
            print(rows[-1], flush=True)
    return rows


def large_stage(sizes, clock):
    """RY on each qubit, then CZ between neighbours: amplitudes are products, up to signs."""
    n, rng = sizes.large, np.random.default_rng(5)
    angles = rng.uniform(0.2, 1.2, n)
    circuit = qj.Circuit(n).ry(qj.ParameterVector("t", n)[:], range(n))
    circuit.cz(range(n - 1), range(1, n))
    places = [0, 1, 2**n - 1, *(int(k) for k in rng.integers(0, 2**n, 5))]

    @jax.jit
    def run(v):
        state = qj.statevector(circuit, v, dtype="complex64", engine=sizes.engine)
        state = jax.lax.optimization_barrier(state)
        return jnp.concatenate([jax.lax.slice(state, (k,), (k + 1,)) for k in places])

    first, once, _ = seconds_of(lambda: run(jnp.asarray(angles, np.float32)), 1)
    found = np.asarray(run(jnp.asarray(angles, np.float32)))
    bits = np.array([[k >> q & 1 for q in range(n)] for k in places])
    expected = np.prod(np.where(bits, np.sin(angles / 2), np.cos(angles / 2)), axis=1)
    expected = expected * (-1.0) ** np.sum(bits[:, 1:] & bits[:, :-1], axis=1)
    error = float(np.max(np.abs(found - expected) / np.abs(expected)))
    used = (jax.local_devices()[0].memory_stats() or {}).get("peak_bytes_in_use")
    good = bool(error < 4 * n * np.finfo(np.float32).eps)
    row = {"n": n, "first": first, "once": once, "relative error": error, "good": good}
    return [row | {"peak bytes": used}]


def sanitize_stage(sizes, clock):
    tool = shutil.which("compute-sanitizer")
    if tool is None:
        return [{"skipped": "compute-sanitizer is not on PATH"}]
    check = [sys.executable, "-m", "bench.gpu", "--stages", "check", "--sizes", "3,9,12,13"]
    rows = []
    for kind in ("memcheck", "racecheck", "synccheck"):
        own = Clock(clock.left() / 2)
        # The driver is asked for kernels that other parts have: no error of ours.
        options = ["--report-api-errors", "no"] if kind == "memcheck" else []
        options += ["--error-exitcode", "9"]
        command = [tool, "--tool", kind, *options, *check, "--out", "/dev/null"]
        rows.append({"tool": kind} | ran(command, own))
    return rows


STAGES: dict[str, Callable] = {
    "check": check_stage,
    "compile": compile_stage,
    "limits": limits_stage,
    "batch": batch_stage,
    "gradient": gradient_stage,
    "forward": forward_stage,
    "shapes": shapes_stage,
    "blocks": blocks_stage,
    "large": large_stage,
    "tests": tests_stage,
    "sanitize": sanitize_stage,
}


def device_name():
    device = jax.local_devices()[0]
    return device.device_kind if device.platform == "gpu" else f"{device.device_kind} (dry run)"


def record(stage, rows, seconds):
    known = shutil.which("git") is not None
    show = ["git", "rev-parse", "--short", "HEAD"] if known else ["true"]
    commit = subprocess.run(show, cwd=ROOT, capture_output=True, text=True)
    return {
        "what": f"gpu {stage}",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
        "device": device_name(),
        "jax": version("jax"),
        "command": " ".join(["python -m bench.gpu", *_without_paths(sys.argv[1:])]),
        "seconds": round(seconds, 1),
        "rows": rows,
    }


def _without_paths(arguments):
    """What was asked for, but for where the rows go, which is a path of this machine."""
    pairs = zip(arguments, ["", *arguments], strict=False)
    return [a for a, before in pairs if before != "--out" and not a.startswith("--out")]


def main(arguments=None):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--stages", default=",".join(STAGES), help="of " + ", ".join(STAGES))
    parser.add_argument("--seconds", type=float, default=540, help="no stage starts after these")
    parser.add_argument("--sizes", help="qubits of `check`, or of `forward` without it")
    parser.add_argument("--dry-run", action="store_true", help="small sizes, on the CPU")
    parser.add_argument("--out", help="the file that gets the lines")
    args = parser.parse_args(arguments)
    stages = args.stages.split(",")
    if unknown := [s for s in stages if s not in STAGES]:
        parser.error(f"--stages must be of {', '.join(STAGES)}, but has {', '.join(unknown)}")
    # NVRTC reads this when it is loaded; of what it finds in its cache it reports no registers.
    os.environ["CUDA_CACHE_DISABLE"] = "1"
    if not args.dry_run and (reason := gpu.missing()) is not None:
        print(NO_GPU.format(reason), file=sys.stderr)
        return 2
    jax.config.update("jax_enable_x64", True)
    sizes = DRY if args.dry_run else Sizes("cuda")
    if args.sizes:
        given = tuple(map(int, args.sizes.split(",")))
        what = "check" if "check" in stages else "forward"
        sizes = Sizes(**{**vars(sizes), what: given})
    name = args.out or ROOT / "bench" / "results" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    clock, bad = Clock(args.seconds), False
    for stage in stages:
        if args.dry_run and stage in ("tests", "sanitize"):
            continue
        start = time.monotonic()
        try:
            rows = (
                STAGES[stage](sizes, clock) if clock.left() > 0 else [{"skipped": "no time left"}]
            )
        except Exception as error:  # the other stages are worth having
            rows, bad = [{"failed": f"{type(error).__name__}: {error}"[:1000]}], True
        bad |= any(not row.get("good", True) for row in rows)
        line = record(stage, rows, time.monotonic() - start)
        with open(name, "a") as file:
            file.write(json.dumps(line, default=float) + "\n")
        print(json.dumps(line, default=float), flush=True)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
