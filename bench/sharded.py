"""One state over many devices: what is exchanged, what large runs take, and whether that is right.

    python -m bench.sharded                      the tables below, from plans alone
    python -m bench.sharded --run                plan_cost beside runs on 8 devices of this CPU
    python -m bench.sharded --run --qubits 22    larger ones

Tables:
    exchanged   bytes that a device sends, for n = 34 on 8 devices and n = 40 on 1,024: each gate by
                itself, by stages, and the least that any stages send
    on paper    time and memory of the same on H100s, forward and with gradient
    estimated   (--run) predicted and measured seconds on 8 virtual devices, several times each
"""

import argparse
import os
import time

DEVICES = 8  # of a run on the CPU
SCALES = ((34, 8), (40, 1024))


def circuits(n):
    """Named circuits on n qubits."""
    import numpy as np

    import qjax as qj
    from bench import workloads

    rng = np.random.default_rng(0)

    def matrix():
        return np.linalg.qr(rng.normal(size=(4, 4)) + 1j * rng.normal(size=(4, 4)))[0]

    brick, pairs, heisenberg = qj.Circuit(n), qj.Circuit(n), qj.Circuit(n)
    for layer in range(20):
        for q in range(layer % 2, n - 1, 2):
            brick.unitary(matrix(), [q, q + 1])
    for _ in range(1000):
        a, b = rng.choice(n, 2, replace=False)
        pairs.unitary(matrix(), [int(a), int(b)])
    for _ in range(50):
        for first in (0, 1):
            for q in range(first, n - 1, 2):
                heisenberg.rxx(0.1, q, q + 1).ryy(0.1, q, q + 1).rzz(0.1, q, q + 1)
    return {
        "QFT": workloads.fourier(n).circuit(),
        "ring of CX, 9 layers": workloads.born_machine(n).circuit(),
        "chain of CX, 10 layers": workloads.ansatz(n).circuit(),
        "brick, 20 layers": brick,
        "grid, 20 layers": workloads.random_grid(n).circuit(),
        "Ising, 100 steps": workloads.trotter(n).circuit(),
        "Heisenberg, 50 steps": heisenberg,
        "QAOA, 10 layers": workloads.qaoa(n).circuit(),
        "random pairs, 1,000": pairs,
        "rotations and CX, 10,000": workloads.many_gates(n, 10_000).circuit(),
    }


def exchanged_and_on_paper():
    """Print both tables."""
    import qjax as qj
    from qjax.plan import compile_plan
    from qjax.plan.exchange import shard_plan

    for n, devices in SCALES:
        named = circuits(n)
        local = 8 * 2**n / devices
        print(f"\n{n} qubits on {devices:,} devices, complex64: {local / 2**30:.3g} GiB on each")
        print("What a device sends in a forward run from |0...0>, in units of its own state:\n")
        print(
            "| circuit | gates | gate by gate | stages | sent | in natural order | least | plan |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- | --- |")
        for name, circuit in named.items():
            plan = compile_plan(circuit.structure)
            start = time.perf_counter()
            cut = shard_plan(plan, devices.bit_length() - 1, restore=False, free_start=True)
            seconds = time.perf_counter() - start
            natural = shard_plan(plan, devices.bit_length() - 1, restore=True, free_start=True)
            print(
                f"| {name} | {len(circuit.instructions):,} | {cut.moved_gate_by_gate:.0f} "
                f"| {len(cut.stages)} | {cut.moved:.2f} | {natural.moved:.2f} "
                f"| {cut.least_moved:.2f} | {seconds:.2f} s |"
            )
        print("\nOn H100s, on paper:\n")
        print(
            "| circuit | memory | exchanged | forward | exchanges | value and gradient | memory |"
        )
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name, circuit in named.items():
            forward, both = (
                qj.plan_cost(circuit, devices, device="h100", gradient=gradient)
                for gradient in (False, True)
            )
            print(
                f"| {name} | {_gib(forward)} | {forward.total_bytes / 1e12:.3g} TB "
                f"| {forward.seconds:.3g} s | {forward.exchange_seconds:.3g} s "
                f"| {both.seconds:.3g} s | {_gib(both)} |"
            )
        print(f"\n{qj.plan_cost(named['ring of CX, 9 layers'], devices, device='h100')}")


def _gib(cost):
    return f"{cost.memory / 2**30:.3g} GiB" + ("" if cost.fits else " (!)")


def estimated(n, rounds):
    """Print what is predicted and measured on virtual devices of this CPU."""
    import jax
    import jax.numpy as jnp

    import qjax as qj

    mesh = qj.device_mesh(qubits=DEVICES)
    observable = qj.PauliSum({"Z0": 1.0})
    print(
        f"\n{n} qubits on {mesh.size} devices of a CPU with {os.cpu_count()} threads, complex64\n"
    )
    print("| circuit | what | predicted | measured | ratio | memory predicted | by XLA |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for _ in range(rounds):
        profile = qj.measure_devices(mesh)
        for name, circuit in circuits(n).items():
            if len(circuit.instructions) > 3000:
                continue
            params = jnp.zeros(circuit.num_parameters)

            def value(params, circuit=circuit):
                return qj.expectation(circuit, observable, params, mesh=mesh)

            programs = {"forward": value}
            if circuit.num_parameters:
                programs["value and gradient"] = jax.value_and_grad(value)
            for what, program in programs.items():
                cost = qj.plan_cost(circuit, mesh, device=profile, gradient=what != "forward")
                compiled = jax.jit(program).lower(params).compile()
                seconds = _seconds(compiled, params)
                memory = compiled.memory_analysis().temp_size_in_bytes
                print(
                    f"| {name} | {what} | {cost.seconds:.3g} s | {seconds:.3g} s "
                    f"| {cost.seconds / seconds:.2f} | {cost.memory / 2**20:.3g} MiB "
                    f"| {memory / 2**20:.3g} MiB |",
                    flush=True,
                )


def _seconds(program, params, repeats=3):
    import jax

    jax.block_until_ready(program(params))
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        jax.block_until_ready(program(params))
        times.append(time.perf_counter() - start)
    return min(times)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", action="store_true", help="run on devices of this CPU, too")
    parser.add_argument("--qubits", type=int, default=20, help="of these runs, an even number")
    parser.add_argument("--rounds", type=int, default=2, help="how often they are repeated")
    options = parser.parse_args()
    if options.run:
        flag = f"--xla_force_host_platform_device_count={DEVICES}"
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {flag}"  # before JAX starts
        estimated(options.qubits, options.rounds)
    else:
        exchanged_and_on_paper()


if __name__ == "__main__":
    main()
