"""Forward runs, value and gradient, batches, compile time and sampling: python -m pytest bench."""

import jax
import numpy as np
import pytest
from workloads import brick, layered, qaoa

import qjax as qj

WORKLOADS = [layered(10, 4), layered(16, 10), layered(20, 10), qaoa(18, 10), brick(16, 20)]
ids = [w.name for w in WORKLOADS]


def ready(function, *args):
    """A compiled function and what runs it once."""
    compiled = jax.jit(function).lower(*args).compile()
    jax.block_until_ready(compiled(*args))
    return lambda: jax.block_until_ready(compiled(*args))


def energy(workload):
    return lambda p: qj.expectation(workload.circuit, workload.observable, p)


@pytest.mark.parametrize("workload", WORKLOADS, ids=ids)
def bench_forward(benchmark, workload):
    benchmark.extra_info.update(workload.info())
    benchmark(ready(lambda p: qj.statevector(workload.circuit, p), workload.params))


@pytest.mark.parametrize("workload", WORKLOADS, ids=ids)
def bench_value_and_gradient(benchmark, workload):
    benchmark.extra_info.update(workload.info())
    benchmark(ready(jax.value_and_grad(energy(workload)), workload.params))


@pytest.mark.parametrize("batch", [256, 4096])
def bench_batch_of_gradients(benchmark, batch):
    workload = layered(10, 4)
    params = np.tile(workload.params, (batch, 1))
    params += np.random.default_rng(1).normal(size=params.shape).astype(np.float32)
    benchmark.extra_info.update(workload.info(batch))
    benchmark(ready(jax.vmap(jax.value_and_grad(energy(workload))), params))


@pytest.mark.parametrize("layers", [3, 26, 256])
def bench_compile_value_and_gradient(benchmark, layers):
    """10 qubits; 117, 1,014 and 9,984 gates."""

    def setup():
        jax.clear_caches()
        workload = layered(10, layers)
        benchmark.extra_info.update(workload.info())
        return (workload,), {}

    def run(workload):
        jax.jit(jax.value_and_grad(energy(workload))).lower(workload.params).compile()

    benchmark.pedantic(run, setup=setup, rounds=3)


def bench_million_shots(benchmark):
    workload = layered(20, 1)
    benchmark.extra_info.update(workload.info())
    key = jax.random.key(0)
    benchmark(ready(lambda p: qj.sample(workload.circuit, 10**6, key, p), workload.params))
