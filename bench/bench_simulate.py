"""Forward runs, value and gradient, batches, compile time and sampling: python -m pytest bench."""

import jax
import numpy as np
import pytest

import qjax as qj
from bench.workloads import ansatz, born_machine, many_gates, qaoa
from qjax.plan import compile_plan
from qjax.plan.cost import multiply_adds

WORKLOADS = [ansatz(10, 4), ansatz(16), ansatz(20), qaoa(18), born_machine(16)]
ids = [w.name for w in WORKLOADS]


def params(workload):
    return workload.values.astype(np.float32)


def info(workload, batch=1):
    """Gates, ops and flops of a forward run; a multiply-add counts as two."""
    plan = compile_plan(workload.circuit().structure)
    size = 2**workload.num_qubits * batch
    return {
        "qubits": workload.num_qubits,
        "gates": len(workload.steps),
        "parameters": len(workload.values),
        "ops": len(plan.ops),
        "batch": batch,
        "flops": int(2 * size * sum(map(multiply_adds, plan.ops))),
    }


def ready(function, *args):
    """A compiled function and what runs it once."""
    compiled = jax.jit(function).lower(*args).compile()
    jax.block_until_ready(compiled(*args))
    return lambda: jax.block_until_ready(compiled(*args))


def energy(workload):
    circuit, observable = workload.circuit(), workload.observable()
    return lambda p: qj.expectation(circuit, observable, p)


@pytest.mark.parametrize("workload", WORKLOADS, ids=ids)
def bench_forward(benchmark, workload):
    benchmark.extra_info.update(info(workload))
    benchmark(ready(lambda p: qj.statevector(workload.circuit(), p), params(workload)))


@pytest.mark.parametrize("workload", WORKLOADS, ids=ids)
def bench_value_and_gradient(benchmark, workload):
    benchmark.extra_info.update(info(workload))
    benchmark(ready(jax.value_and_grad(energy(workload)), params(workload)))


@pytest.mark.parametrize("batch", [256, 4096])
def bench_batch_of_gradients(benchmark, batch):
    workload = ansatz(10, 4)
    values = np.tile(params(workload), (batch, 1))
    values += np.random.default_rng(1).normal(size=values.shape).astype(np.float32)
    benchmark.extra_info.update(info(workload, batch))
    benchmark(ready(jax.vmap(jax.value_and_grad(energy(workload))), values))


@pytest.mark.parametrize("gates", [100, 1000, 10000])
def bench_compile_value_and_gradient(benchmark, gates):
    """10 qubits."""

    def setup():
        jax.clear_caches()
        workload = many_gates(10, gates)
        benchmark.extra_info.update(info(workload))
        return (workload,), {}

    def run(workload):
        jax.jit(jax.value_and_grad(energy(workload))).lower(params(workload)).compile()

    benchmark.pedantic(run, setup=setup, rounds=3)


def bench_million_shots(benchmark):
    workload = ansatz(20, 1)
    benchmark.extra_info.update(info(workload))
    key = jax.random.key(0)
    benchmark(ready(lambda p: qj.sample(workload.circuit(), 10**6, key, p), params(workload)))
