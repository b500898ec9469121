"""A restricted Boltzmann machine, trained by its exact likelihood: the Born machine's rival."""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax.apps._run import Run


@dataclass
class Boltzmann:
    """What a trained machine gives: its distribution, (2**n,), and what it took."""

    found: np.ndarray
    parameters: int
    seconds: float


def hidden_units(budget: int, visible: int) -> int:
    """The most hidden units h for which v + h + v h parameters stay within a budget."""
    return max(1, (budget - visible) // (visible + 1))


def log_distribution(params: dict[str, jax.Array]) -> jax.Array:
    """Log p of every bitstring, qubit 0 lowest, with the hidden units summed out.

    p(x) is proportional to exp(a x) prod_j (1 + exp(b_j + x w_j)).
    """
    n = params["visible"].shape[0]
    bits = jnp.asarray(np.arange(2**n)[:, None] >> np.arange(n) & 1, params["visible"].dtype)
    hidden = jax.nn.softplus(bits @ params["weights"] + params["hidden"])
    return jax.nn.log_softmax(bits @ params["visible"] + hidden.sum(axis=-1))


def boltzmann_machine(
    run: Run, name: str, wanted: np.ndarray, budget: int, restarts: int
) -> Boltzmann:
    """The best of some machines, with at most so many parameters, by likelihood of `wanted`."""
    n = wanted.size.bit_length() - 1
    h = hidden_units(budget, n)
    goal = jnp.asarray(wanted, jnp.float32)
    start = {
        "visible": jnp.zeros((restarts, n), jnp.float32),
        "hidden": jnp.zeros((restarts, h), jnp.float32),
        "weights": jax.random.normal(run.key(name), (restarts, n, h), jnp.float32),
    }

    def loss(params: dict[str, jax.Array]) -> jax.Array:
        return -jnp.vdot(goal, log_distribution(params))

    steps = run.options.steps
    optimizer = optax.adam(optax.cosine_decay_schedule(0.1, steps))
    result = run.fit(name, loss, start, optimizer, steps, restarts=restarts)
    found = np.exp(np.asarray(log_distribution(result.best.params), float))
    return Boltzmann(found, n + h + n * h, result.seconds)
