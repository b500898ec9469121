"""TensorCircuit-NG on JAX: jit of value_and_grad, and of vmap for batches; complex64."""

import jax
import jax.numpy as jnp
import numpy as np
import tensorcircuit as tc

tc.set_backend("jax")

NAME = "tensorcircuit-ng"
PRECISION = "complex64"
MOST_GATES = 250  # its compile time grows with the gates


def _built(workload, values):
    """Its qubit 0 is the highest bit."""
    n = workload.num_qubits
    circuit = tc.Circuit(n)
    for name, qubits, angle in workload.steps:
        wires = [n - 1 - q for q in qubits]
        if angle is None:
            getattr(circuit, {"sx": "sqrtx"}.get(name, name))(*wires)
        else:
            theta = values[angle] if isinstance(angle, int) else angle
            getattr(circuit, {"cp": "cphase"}.get(name, name))(*wires, theta=theta)
    return circuit


def _energy(workload, values):
    n = workload.num_qubits
    circuit = _built(workload, values)
    total = 0.0
    for c, string in workload.terms:
        places = {p: [n - 1 - q for s, q in string if s == p] for p in "XYZ"}
        value = circuit.expectation_ps(x=places["X"], y=places["Y"], z=places["Z"])
        total = total + c * jnp.real(value)
    return total


def amplitudes(workload):
    return np.asarray(_built(workload, jnp.asarray(workload.values, jnp.float32)).state())


def value_and_gradient(workload):
    run = jax.jit(jax.value_and_grad(lambda v: _energy(workload, v)))
    values = jnp.asarray(workload.values, jnp.float32)
    return lambda: jax.block_until_ready(run(values))


def batch(workload, data, labels):
    def loss(weights):
        def one(x):
            return _energy(workload, jnp.concatenate([x, weights]))

        return jnp.mean((jax.vmap(one)(data) - labels) ** 2)

    run = jax.jit(jax.value_and_grad(loss))
    weights = jnp.asarray(workload.values[data.shape[1] :], jnp.float32)
    return lambda: jax.block_until_ready(run(weights))
