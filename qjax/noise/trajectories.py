"""Trajectories: expectation values of noisy circuits from many states in place of one matrix."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer

from qjax._checks import as_positive, check_key
from qjax._progress import Bar
from qjax.circuit import Circuit
from qjax.dynamic import chunk_size, observed_trajectories
from qjax.engine.expectation import checked_observable, expectations
from qjax.engine.select import complex_dtype
from qjax.errors import CircuitError, ObservableError, SamplingError
from qjax.noise.model import NoiseModel, noisy
from qjax.state import basis_state, checked_state


class Mean(NamedTuple):
    """A mean over trajectories.

    Attributes:
        value: The mean, real array of shape () or (k,).
        standard_error: Its standard error, of the same shape.
    """

    value: jax.Array
    standard_error: jax.Array


def trajectory_expectation(
    circuit: Circuit,
    observable: Any,
    params: Any = None,
    *,
    trajectories: int,
    key: jax.Array,
    noise: NoiseModel | None = None,
    initial_state: Any = None,
    dtype: Any = None,
    engine: str | None = None,
    progress: bool | None = None,
) -> Mean:
    r"""Expectation value of a noisy circuit as a mean over trajectories, with its standard error.

    Args:
        circuit: The circuit, also with measurements, resets and conditions anywhere.
        observable: As in `expectation`; a sequence of k gives k values.
        params: Values of its open parameters, one set; for a batch use `jax.vmap`.
        trajectories: How many, T.
        key: A `jax.random` key. The same key draws the same trajectories, also at other params.
        noise: A `NoiseModel`, whose channels are added.
        initial_state: |0...0> if None; else a bitstring, or a state of shape (2**n,).
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.
        progress: Whether to show a progress bar; None shows one, where tqdm is installed, if there
            are several chunks. Inside jit and grad there is none.

    Returns:
        `Mean(value, standard_error)`. The error of a single trajectory is NaN.

    Note:
        Memory is bounded: trajectories run in chunks. The gradient is unbiased. A trajectory that
        draws outcomes d with probability p(d) has the value f(d); the gradient of the mean is the
        mean of grad f + (f - b) grad log p, where the baseline b is the mean of the other
        trajectories of the chunk, which does not depend on d.

    Raises:
        CircuitError: If it is no circuit.
        ObservableError: If an observable does not fit, or there is none.
        SamplingError: If trajectories is not positive, or the key is none.

    Examples:
        >>> import jax, qjax as qj
        >>> flipped = qj.Circuit(1).channel("bit_flip", 0.25, 0)
        >>> found = trajectory_expectation(flipped, "Z0", trajectories=10000, key=jax.random.key(0))
        >>> bool(abs(found.value - 0.5) < 5 * found.standard_error)
        True

    References:
        J. Dalibard, Y. Castin, K. Molmer, Wave-function approach to dissipative processes in
        quantum optics, Phys. Rev. Lett. 68, 580 (1992). R. J. Williams, Simple statistical
        gradient-following algorithms, Machine Learning 8, 229 (1992).
    """
    count = as_positive(trajectories, "trajectories", SamplingError)
    if not isinstance(circuit, Circuit):
        raise CircuitError(f"trajectories: circuit must be a Circuit, but is {circuit!r}.")
    check_key(key, "trajectories: key")
    several = isinstance(observable, (list, tuple))
    wanted = list(observable) if several else [observable]
    if not wanted:
        raise ObservableError("trajectories: a sequence of observables must not be empty.")
    checked = [checked_observable(o, circuit.num_qubits) for o in wanted]
    whole = noisy(circuit, noise)
    feeds = any(i.conditions for i in circuit)  # outcomes that are read, and so misread
    misreading = noise.misreading(circuit.num_qubits) if noise is not None and feeds else None
    if whole.parameters or params is not None:
        whole = whole.bind(params)
    n = circuit.num_qubits
    amplitudes = complex_dtype(dtype, None if isinstance(initial_state, str) else initial_state)
    if isinstance(initial_state, str):
        initial_state = basis_state(initial_state, n, dtype=amplitudes)
    elif initial_state is not None:
        what = "trajectories: initial_state"
        initial_state = checked_state(initial_state, n, what, amplitudes)
    run = partial(_values, dtype=str(amplitudes), engine=engine)
    size = chunk_size(n, count)
    chunks = -(-count // size)
    given = jax.tree.leaves((whole, checked, key, initial_state, misreading))
    known = not any(isinstance(leaf, Tracer) for leaf in given)
    if not known or chunks == 1:
        values = run(whole, checked, initial_state, key, misreading, count=count)
    else:
        parts = []
        with Bar(progress, count, what="trajectories", unit="trajectory") as bar:
            for own in jax.random.split(key, chunks):
                parts.append(run(whole, checked, initial_state, own, misreading, count=size))
                jax.block_until_ready(parts[-1])
                bar.move(min(size, count - size * (len(parts) - 1)))
        values = jnp.concatenate(parts)[:count]
    mean = jnp.mean(values, axis=0)
    # One trajectory says nothing of the spread: 0 / 0 is NaN.
    error = jnp.std(lax.stop_gradient(values), axis=0) / np.sqrt(count - 1).astype(mean.dtype)
    return Mean(mean, error) if several else Mean(mean[0], error[0])


@partial(jax.jit, static_argnames=("count", "dtype", "engine"))
def _values(
    circuit: Circuit,
    observables: list[Any],
    initial_state: Any,
    key: jax.Array,
    misreading: jax.Array | None,
    *,
    count: int,
    dtype: str,
    engine: str | None,
) -> jax.Array:
    """The value of each trajectory, (T, k), with the derivative of its mean."""

    def observe(states: jax.Array, bits: jax.Array, logs: jax.Array, key: jax.Array) -> jax.Array:
        values = expectations(states, observables, engine or "auto")
        fixed = lax.stop_gradient(values)
        others = max(len(values) - 1, 1)
        baseline = (jnp.sum(fixed, axis=0) - fixed) / others
        score = logs - lax.stop_gradient(logs)  # 0, with the derivative of log p
        return values + (fixed - baseline) * score[:, None]

    return observed_trajectories(
        circuit, count, key, initial_state, dtype, engine, observe, misreading
    )
