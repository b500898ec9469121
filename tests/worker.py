"""One process of several in tests: python worker.py TASK PORT PROCESSES INDEX FOLDER [ARGUMENT]."""

import os
import signal
import sys
import time
from functools import partial
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh
from strategies import random_template

import qjax as qj

N, PARAMETERS, SHOTS = 5, 3, 4000
OBSERVABLE = {"Z0 Z4": 0.5, "X1 Y4": -1.0, "X4": 0.25}


def template():
    return random_template(N, 12, PARAMETERS, np.random.default_rng(7))


def values(rows=None):
    shape = (PARAMETERS,) if rows is None else (rows, PARAMETERS)
    return np.random.default_rng(8).normal(size=shape)


def data():
    rng = np.random.default_rng(9)
    return {"x": rng.normal(size=(24, 2)), "y": rng.normal(size=24)}


def mean_loss(params, batch):
    """Squared errors of a small model; a mean over the rows of the batch."""

    def model(x):
        circuit = qj.Circuit(2)
        for q in range(2):
            circuit.ry(x[q], q).rx(params["w"][q], q)
        circuit.cx(0, 1).ry(params["w"][2], 1)
        return qj.expectation(circuit, "Z0 Z1 + X1", dtype=np.complex128)

    return jnp.mean((jax.vmap(model)(batch["x"]) - batch["y"]) ** 2)


def train(steps, mesh=None, checkpoint=None, seed=3):
    return qj.fit(
        mean_loss,
        {"w": jnp.linspace(0.1, 0.7, 3)},
        optax.adam(0.05),
        steps,
        data=data(),
        batch_size=8,
        key=jax.random.key(seed),
        checkpoint=checkpoint,
        mesh=mesh,
        progress=False,
    )


def angles(rows=None):
    return {"theta": jnp.asarray(values(rows))}


def value(params, mesh=None):
    circuit, observable = template(), qj.PauliSum(OBSERVABLE)
    return qj.expectation(circuit, observable, params, dtype=np.complex128, mesh=mesh)


def train_sharded(steps, mesh=None, checkpoint=None):
    return qj.fit(
        partial(value, mesh=mesh),
        angles(),
        optax.adam(0.1),
        steps,
        checkpoint=checkpoint,
        progress=False,
    )


def results(folder, devices, more=False):
    """States, gradients, samples and trainings, and what of them lies in files."""
    circuit, params = template(), angles()
    mesh, batches = qj.device_mesh(), qj.device_mesh(qubits=1, batch=devices)

    @jax.jit
    def measured(params, key):
        energy, gradient = jax.value_and_grad(value)(params, mesh)
        return {
            "value": energy,
            "gradient": gradient["theta"],
            "probabilities": qj.probabilities(
                circuit, params, qubits=[4, 2], dtype=np.complex128, mesh=mesh
            ),
            "samples": qj.sample(circuit, SHOTS, key, params, mesh=mesh),
        }

    state = qj.statevector(circuit, params, dtype=np.complex128, mesh=mesh)
    qj.save_state(state, folder / "state")
    qj.train.save_checkpoint(folder / "state.npz", {"state": state})
    found = measured(params, jax.random.key(5)) | {
        "devices": len(state.sharding.device_set),
        "part": sum(shard.data.size for shard in state.addressable_shards),
        "history": train(12, batches, folder / "fit.npz").history,
        "loaded": (qj.load_state(folder / "state", mesh=mesh) == state).all(),
    }
    if more:
        many = angles(8)
        totals = jax.jit(jax.grad(lambda many: value(many, batches).sum()))
        again, _ = qj.train.load_checkpoint(folder / "state.npz", {"state": state})
        found |= {
            "values": value(many, batches),
            "values of both": value(many, qj.device_mesh(qubits=2, batch=devices // 2)),
            "gradients": totals(many)["theta"],
            "loaded": found["loaded"] & (again["state"] == state).all(),
        }
    return found


def resume(folder, devices, steps):
    result = train(int(steps), qj.device_mesh(qubits=1, batch=devices), folder / "fit.npz")
    sharded = train_sharded(int(steps), qj.device_mesh(), folder / "sharded.npz")
    return {
        "history": result.history,
        "w": result.params["w"],
        "sharded history": sharded.history,
        "angles": sharded.params["theta"],
    }


def differ(folder, devices):
    train(5, qj.device_mesh(qubits=1, batch=devices), seed=jax.process_index())


def collective():
    """A function that all processes must call together."""
    mesh = Mesh(np.array(jax.devices()), ("qubits",))
    one = jax.sharding.NamedSharding(mesh, jax.sharding.PartitionSpec("qubits"))
    size = len(jax.devices())
    shards = jax.make_array_from_callback((size,), one, lambda index: np.ones(size)[index])
    return lambda: float(jax.jit(jnp.sum)(shards))


def ends(how):
    """The last process ends in some way, while the others compute with it."""
    together = collective()
    together()
    print("ready", flush=True)
    if jax.process_index() == jax.process_count() - 1:
        if how == "exception":
            raise ValueError("a fault of its own")
        if how == "exit":
            sys.exit(3)
        if how == "silence":
            os.kill(os.getpid(), signal.SIGSTOP)
        if how == "sleep":
            time.sleep(60)
    while True:
        together()


def main():
    signal.alarm(600)  # none outlives a test that was killed itself
    task, port, processes, index, folder, *arguments = sys.argv[1:]
    times = {"timeout": 30, "silence": 4, "farewell": 4}
    if task == "results":
        times = {"timeout": 60, "silence": 60, "farewell": 60}
    qj.distributed.start(f"127.0.0.1:{port}", int(processes), int(index), **times)
    if task == "ends":
        return ends(*arguments)
    tasks = {"results": results, "resume": resume, "differ": differ}
    made = tasks[task](Path(folder), len(jax.devices()), *arguments)
    arrays = {name: np.asarray(value) for name, value in made.items()}
    np.savez(Path(folder) / f"{task}{index}.npz", **arrays)


if __name__ == "__main__":
    main()
