"""Grover's search, amplitude amplification, and amplitude estimation."""

from collections.abc import Mapping, Sequence
from math import asin, pi, sqrt
from typing import Any, NamedTuple

import numpy as np

from qjax._checks import as_integer, as_positive
from qjax.circuit import Circuit
from qjax.errors import CircuitError
from qjax.library.algorithms.phase_estimation import phase_estimation
from qjax.library.algorithms.registers import Algorithm, as_circuit, most_frequent


def phase_oracle(num_qubits: int, marked: Any) -> Circuit:
    """The gate that turns the sign of marked basis states.

    Args:
        num_qubits: Number of qubits n.
        marked: Bitstrings, highest qubit first, each a multi-controlled Z; or a table of 2**n
            truth values, which is one diagonal gate.

    Returns:
        A circuit on n qubits, 1 - 2 sum |marked><marked|.

    Raises:
        CircuitError: If a bitstring has not n bits, or a table has not 2**n values.

    Examples:
        >>> phase_oracle(3, "101").count_ops(), phase_oracle(1, [False, True]).count_ops()
        ({'x': 2, 'ccz': 1}, {'diagonal': 1})
    """
    n = as_positive(num_qubits, "phase_oracle: num_qubits")
    given = [marked] if isinstance(marked, str) else marked
    circuit = Circuit(n)
    if not all(isinstance(bits, str) for bits in given):
        table = np.asarray(given)
        if table.shape != (2**n,) or not np.isin(table, (0, 1)).all():
            raise CircuitError(
                f"phase_oracle: marked must be bitstrings or a table of {2**n} truth values, "
                f"but has shape {table.shape}."
            )
        return circuit.diagonal(1.0 - 2.0 * table.astype(float), range(n))
    for bits in dict.fromkeys(given):
        if len(bits) != n or set(bits) - {"0", "1"}:
            raise CircuitError(f"phase_oracle: a bitstring must have {n} bits, but is {bits!r}.")
        zeros = [q for q, bit in enumerate(reversed(bits)) if bit == "0"]
        circuit.x(zeros).append("z", n - 1, controls=range(n - 1)).x(zeros)
    return circuit


def grover_operator(oracle: Circuit, state: Circuit) -> Circuit:
    """Q = A (2 |0><0| - 1) A^dagger O for an oracle O and a state A|0>.

    On the plane of the marked and the unmarked part of A|0> it turns by 2 theta, where
    sin^2(theta) is the probability of the marked part: its eigenvalues are exp(+-2 i theta).

    Args:
        oracle: Turns the sign of the marked states, as `phase_oracle`.
        state: A.

    Returns:
        The circuit Q, on the qubits of the oracle.

    Raises:
        CircuitError: If they measure, or the state has more qubits than the oracle.

    Examples:
        >>> grover_operator(phase_oracle(2, "11"), Circuit(2).h([0, 1])).count_ops()
        {'h': 4, 'x': 4, 'cz': 2, 'gphase': 1}
    """
    first = as_circuit(oracle, "grover_operator: oracle")
    made = as_circuit(state, "grover_operator: state")
    n = first.num_qubits
    reflection = phase_oracle(n, "0" * n)  # 1 - 2 |0><0|
    return Circuit(n).compose(first).compose(made.inverse()).compose(reflection).compose(
        made).gphase(pi)  # fmt: skip


def grover_iterations(probability: float) -> int:
    """How many iterations bring the probability of marked states closest to 1.

    Args:
        probability: That before any iteration; of m marked among 2**n states, m / 2**n.

    Returns:
        The k for which (2 k + 1) theta is closest to pi / 2, where sin^2(theta) is the probability:
        some pi / 4 sqrt(1 / probability), and 0 if the probability is 1/2 or more.

    Raises:
        CircuitError: If the probability is not in (0, 1].

    Examples:
        >>> grover_iterations(1 / 2**10)
        25
    """
    if not 0 < probability <= 1:
        raise CircuitError(
            f"grover_iterations: probability must be in (0, 1], but is {probability}."
        )
    theta = asin(sqrt(probability))
    return max(round((pi / 2 - theta) / (2 * theta)), 0)


def amplitude_amplification(state: Circuit, oracle: Circuit, iterations: int) -> Circuit:
    """A|0>, then `iterations` Grover operators: marked with probability sin^2((2 k + 1) theta).

    Args:
        state: A.
        oracle: Turns the sign of the marked states.
        iterations: k; sin^2(theta) is the probability at k = 0.

    Returns:
        A circuit on the qubits of the oracle, without measurements.

    Raises:
        CircuitError: If something does not fit.

    Examples:
        >>> import qjax as qj
        >>> found = amplitude_amplification(qj.Circuit(2).h([0, 1]), phase_oracle(2, "10"), 1)
        >>> qj.probabilities(found)
        Array([0., 0., 1., 0.], dtype=float32)

    References:
        G. Brassard, P. Høyer, M. Mosca, A. Tapp, Quantum amplitude amplification and estimation,
        Contemp. Math. 305, 53 (2002), arXiv:quant-ph/0005055.
    """
    count = as_integer(iterations, "amplitude_amplification: iterations")
    if count < 0:
        raise CircuitError(f"amplitude_amplification: iterations must be >= 0, but is {count}.")
    operator = grover_operator(oracle, state)
    return Circuit(operator.num_qubits).compose(state).compose(operator.power(count))


def grover(num_qubits: int, marked: Any, *, iterations: int | None = None) -> Circuit:
    """Grover's search for marked bitstrings.

    Args:
        num_qubits: Number of qubits n.
        marked: Bitstrings, or a table of 2**n truth values, as in `phase_oracle`.
        iterations: How many; by default the best number, which needs at least one to be marked.

    Returns:
        A circuit on n qubits, without measurements.

    Raises:
        CircuitError: If something does not fit, or nothing is marked.

    Examples:
        >>> import jax, qjax as qj
        >>> qj.counts(grover(6, "101101"), 100, jax.random.key(0)).most_common(1)
        [('101101', 100)]

    References:
        L. K. Grover, Quantum mechanics helps in searching for a needle in a haystack, Phys. Rev.
        Lett. 79, 325 (1997).
    """
    oracle = phase_oracle(num_qubits, marked)
    if iterations is None:
        given = [marked] if isinstance(marked, str) else list(marked)
        texts = all(isinstance(bits, str) for bits in given)
        hits = len(set(given)) if texts else int(np.sum(given))
        if not hits:
            raise CircuitError("grover: at least one bitstring must be marked.")
        iterations = grover_iterations(hits / 2**num_qubits)
    return amplitude_amplification(Circuit(num_qubits).h(range(num_qubits)), oracle, iterations)


def amplitude_estimation(state: Circuit, oracle: Circuit, precision: int) -> Algorithm:
    """Canonical amplitude estimation: phase estimation of the Grover operator on A|0>.

    The phase is +-theta / pi, and sin^2(theta) is the probability of marked states.

    Args:
        state: A.
        oracle: Turns the sign of the marked states.
        precision: Number t of bits.

    Returns:
        A circuit and its registers "system" and "phase"; see `amplitude_from_counts`.

    Raises:
        CircuitError: If something does not fit.

    Examples:
        >>> oracle = phase_oracle(1, "1")
        >>> amplitude_estimation(Circuit(1).ry(1.0, 0), oracle, 3).registers
        {'system': (0,), 'phase': (1, 2, 3)}

    References:
        G. Brassard, P. Høyer, M. Mosca, A. Tapp, Quantum amplitude amplification and estimation,
        Contemp. Math. 305, 53 (2002), arXiv:quant-ph/0005055.
    """
    return phase_estimation(grover_operator(oracle, state), precision, state=state)


def amplitude_from_counts(counts: Mapping[str, int]) -> float:
    """The probability of marked states, from the most frequent value of the phase register.

    sin^2(pi k / 2**t) for the value k of t bits; k and 2**t - k, the two signs of the phase, agree.

    Args:
        counts: Counts of the bits of the "phase" register of `amplitude_estimation`.

    Returns:
        The probability, in [0, 1]. Of one shot the error is at most e + e**2, with e = pi / 2**t,
        with a chance of 8 / pi**2; see `amplitude_estimation`.

    Raises:
        CircuitError: If there are no counts.

    Examples:
        >>> round(amplitude_from_counts({"010": 8, "110": 7}), 6)
        0.5
    """
    size = 2 ** len(next(iter(counts), ""))
    return float(np.sin(pi * most_frequent(counts, "amplitude_from_counts") / size) ** 2)


class AmplitudeEstimate(NamedTuple):
    """An amplitude that was estimated.

    Attributes:
        probability: Of the marked states.
        standard_error: By the Fisher information at the estimate.
    """

    probability: float
    standard_error: float


def maximum_likelihood_amplitude(
    hits: Sequence[int], shots: int | Sequence[int], iterations: Sequence[int]
) -> AmplitudeEstimate:
    """The probability of marked states, from how often `amplitude_amplification` found them.

    It maximises the likelihood prod_k p_k^h_k (1 - p_k)^(N_k - h_k) with p_k = sin^2((2 m_k + 1)
    theta). With m_k = 0, 1, 2, 4, ... the error falls nearly as one over the number of calls,
    without phase estimation.

    Args:
        hits: How often a marked state was found, for each circuit.
        shots: Of each circuit; or one number for all.
        iterations: m_k of each circuit.

    Returns:
        The probability that maximises the likelihood, and its standard error.

    Raises:
        CircuitError: If numbers do not fit.

    Examples:
        >>> round(maximum_likelihood_amplitude([25, 100], 100, [0, 1]).probability, 2)
        0.25

    References:
        Y. Suzuki et al., Amplitude estimation without phase estimation, Quantum Inf. Process. 19,
        75 (2020).
    """
    found, powers = np.asarray(hits, float), np.asarray(iterations, float)
    drawn = np.broadcast_to(np.asarray(shots, float), found.shape)
    if found.shape != powers.shape or found.ndim != 1 or not found.size:
        raise CircuitError(
            "maximum_likelihood_amplitude: hits and iterations must have one length, but have "
            f"shapes {found.shape} and {powers.shape}."
        )
    if np.any(found < 0) or np.any(found > drawn) or np.any(drawn < 1) or np.any(powers < 0):
        raise CircuitError("maximum_likelihood_amplitude: hits must be in 0..shots.")
    factors = 2 * powers + 1

    def log_likelihood(theta: np.ndarray) -> np.ndarray:
        angles = factors * theta[:, None]
        tiny = np.finfo(float).tiny
        hit = np.log(np.maximum(np.sin(angles) ** 2, tiny))
        miss = np.log(np.maximum(np.cos(angles) ** 2, tiny))
        return hit @ found + miss @ (drawn - found)

    # The likelihood varies over angles of 1 / (the largest factor times the root of its shots).
    width = 1 / (factors.max() * sqrt(drawn.max()))
    low, high = 0.0, pi / 2
    count = int(min(max(20 * (high - low) / width, 1000), 10**6))
    while high - low > 1e-12:
        grid = np.linspace(low, high, count)
        best = int(np.argmax(log_likelihood(grid)))
        low, high = grid[max(best - 1, 0)], grid[min(best + 1, count - 1)]
        count = 101
    theta = (low + high) / 2
    # d p_k / d theta squared over p_k (1 - p_k) is 4 (2 m_k + 1)^2.
    error = abs(np.sin(2 * theta)) / sqrt(float(np.sum(4 * drawn * factors**2)))
    return AmplitudeEstimate(float(np.sin(theta) ** 2), float(error))
