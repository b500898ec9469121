"""How trainable a circuit is: gradients over random parameters, and the states it reaches."""

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from qjax._checks import as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.simulate import expectation, statevector
from qjax.state import reduced_density_matrix

_CHUNK_AMPLITUDES = 2**22


class Spread(NamedTuple):
    """A mean over random parameters, and its standard error."""

    value: jax.Array
    standard_error: jax.Array


def _random_params(circuit: Circuit, samples: int, key: jax.Array, low: float, high: float) -> Any:
    if not isinstance(circuit, Circuit) or not circuit.num_parameters:
        raise CircuitError("The circuit must have open parameters to be drawn.")
    shape = (samples, circuit.num_parameters)
    return jax.random.uniform(key, shape, jnp.float32, low, high)


def _mapped(function: Any, rows: Any, n: int) -> jax.Array:
    """A function of each row, in batches that fit."""
    size = int(np.clip(_CHUNK_AMPLITUDES >> n, 1, len(jax.tree.leaves(rows)[0])))
    return jax.jit(partial(jax.lax.map, function, batch_size=size))(rows)


def gradient_variance(
    circuit: Circuit,
    observable: Any,
    samples: int,
    key: jax.Array,
    *,
    low: float = 0.0,
    high: float = 2 * np.pi,
    dtype: Any = None,
    engine: str | None = None,
) -> Spread:
    """The variance of each derivative of an expectation value over random parameters.

    Where it falls exponentially with the number of qubits, training starts on a barren plateau.

    Args:
        circuit: The circuit, with open parameters.
        observable: As in `expectation`.
        samples: How many sets of parameters, at least 2.
        key: A `jax.random` key.
        low: Lowest value of a parameter.
        high: Highest value.
        dtype: complex64 or complex128.
        engine: Name of an engine, or None for the best one here.

    Returns:
        Variances, shape (p,), and their standard errors.

    Raises:
        CircuitError: If the circuit has no open parameters, or there are no samples.

    Examples:
        >>> import qjax as qj
        >>> circuit = qj.Circuit(1).ry(qj.Parameter("t"), 0)
        >>> found = gradient_variance(circuit, "Z0", 2000, jax.random.key(0))  # of -sin t: 1/2
        >>> bool(abs(found.value[0] - 0.5) < 5 * found.standard_error[0])
        True

    References:
        J. R. McClean et al., Barren plateaus in quantum neural network training landscapes, Nature
        Communications 9, 4812 (2018).
    """
    count = as_positive(samples, "gradient_variance: samples")
    rows = _random_params(circuit, count, key, low, high)
    slope = jax.grad(lambda p: expectation(circuit, observable, p, dtype=dtype, engine=engine))
    found = _mapped(slope, rows, circuit.num_qubits)
    squares = (found - jnp.mean(found, axis=0)) ** 2
    value = jnp.sum(squares, axis=0) / max(count - 1, 1)
    return Spread(value, jnp.std(squares, axis=0) / np.sqrt(max(count - 1, 1)))


def expressibility(
    circuit: Circuit,
    samples: int,
    key: jax.Array,
    *,
    bins: int = 75,
    low: float = 0.0,
    high: float = 2 * np.pi,
    engine: str | None = None,
) -> float:
    """How far a circuit's states are from Haar-random ones: 0 is as random as can be.

    The Kullback-Leibler divergence of the histogram of fidelities of pairs of states from that of
    Haar-random states, whose fidelities F have the density (N - 1) (1 - F)**(N - 2), N = 2**n.

    Args:
        circuit: The circuit, with open parameters.
        samples: How many pairs.
        key: A `jax.random` key.
        bins: Of the histogram. With few samples for each bin the divergence is too large, by some
            (bins - 1) / (2 samples).
        low: Lowest value of a parameter.
        high: Highest value.
        engine: Name of an engine, or None for the best one here.

    Returns:
        The divergence, in nats; not negative, at most (2**n - 1) log(bins).

    Raises:
        CircuitError: If the circuit has no open parameters, or there are no samples.

    Examples:
        >>> import qjax as qj
        >>> idle = qj.Circuit(1).rz(qj.Parameter("t"), 0)  # always |0>
        >>> round(expressibility(idle, 1000, jax.random.key(0)), 2)  # log(75)
        4.32

    References:
        S. Sim, P. D. Johnson, A. Aspuru-Guzik, Expressibility and entangling capability of
        parameterized quantum circuits, Advanced Quantum Technologies 2, 1900070 (2019).
    """
    count = as_positive(samples, "expressibility: samples")
    keys = jax.random.split(key)
    pairs = tuple(_random_params(circuit, count, k, low, high) for k in keys)

    def fidelity(pair: tuple[jax.Array, jax.Array]) -> jax.Array:
        a, b = (statevector(circuit, p, engine=engine) for p in pair)
        return jnp.abs(jnp.vdot(a, b)) ** 2

    found = np.clip(np.asarray(_mapped(fidelity, pairs, circuit.num_qubits), float), 0, 1)
    edges = np.linspace(0, 1, bins + 1)
    share = np.histogram(found, edges)[0] / count
    # The share of Haar-random states below F is 1 - (1 - F)**(N - 1).
    above = (2**circuit.num_qubits - 1) * np.log1p(-edges[:-1])
    ends = np.append(above, -np.inf)
    haar = above + np.log(-np.expm1(np.where(np.isinf(ends[1:]), -np.inf, ends[1:] - above)))
    held = share > 0
    return float(np.sum(share[held] * (np.log(share[held]) - haar[held])))


def entangling_capability(
    circuit: Circuit,
    samples: int,
    key: jax.Array,
    *,
    low: float = 0.0,
    high: float = 2 * np.pi,
    engine: str | None = None,
) -> Spread:
    """The mean Meyer-Wallach entanglement of a circuit's states: 0 for products, at most 1.

    Q = 2 (1 - mean over qubits of tr(rho_q^2)).

    Args:
        circuit: The circuit, with open parameters.
        samples: How many sets of parameters.
        key: A `jax.random` key.
        low: Lowest value of a parameter.
        high: Highest value.
        engine: Name of an engine, or None for the best one here.

    Returns:
        The mean, and its standard error, both real and of shape ().

    Raises:
        CircuitError: If the circuit has no open parameters, or there are no samples.

    Examples:
        >>> import qjax as qj
        >>> ghz = qj.Circuit(3).rz(qj.Parameter("t"), 0).h(0).cx(0, 1).cx(1, 2)
        >>> entangling_capability(ghz, 10, jax.random.key(0)).value
        Array(1., dtype=float32)

    References:
        D. A. Meyer, N. R. Wallach, Global entanglement in multiparticle systems, Journal of
        Mathematical Physics 43, 4273 (2002); Sim et al., as in `expressibility`.
    """
    count = as_positive(samples, "entangling_capability: samples")
    rows = _random_params(circuit, count, key, low, high)
    n = circuit.num_qubits

    def measure(params: jax.Array) -> jax.Array:
        state = statevector(circuit, params, engine=engine)
        parts = [reduced_density_matrix(state, q) for q in range(n)]
        purity = sum((jnp.sum(jnp.abs(rho) ** 2) for rho in parts), jnp.zeros(()))
        return 2 * (1 - purity / n)

    found = _mapped(measure, rows, n)
    return Spread(jnp.mean(found), jnp.std(found) / np.sqrt(max(count - 1, 1)))
