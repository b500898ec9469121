"""Iterative amplitude estimation: few qubits, no phase estimation, a guaranteed interval."""

from collections.abc import Callable
from math import acos, ceil, floor, log2, pi, sin
from typing import NamedTuple

from qjax._checks import as_integer, as_positive
from qjax.errors import CircuitError

_GROWTH = 2  # by how much the factor of the angle must grow at least, for a longer circuit


class AmplitudeInterval(NamedTuple):
    """A probability with its confidence interval.

    Attributes:
        probability: Middle of the interval.
        low: Lower end.
        high: Upper end.
        operator_calls: How many Grover operators ran, in all shots together.
    """

    probability: float
    low: float
    high: float
    operator_calls: int


def iterative_amplitude_estimation(
    measure: Callable[[int, int], int],
    *,
    accuracy: float,
    confidence: float = 0.95,
    shots: int = 100,
) -> AmplitudeInterval:
    """The probability of marked states, from circuits whose length the earlier outcomes choose.

    p_k = (1 - cos((4 k + 2) theta)) / 2. Each round takes the largest k at which the interval of
    (4 k + 2) theta that is known lies in one half of the circle, so that the cosine can be undone,
    and narrows the interval by that of the counts (Clopper, Pearson).

    Args:
        measure: Called as measure(k, shots): runs `amplitude_amplification(state, oracle, k)` so
            often and tells how often a marked state was found.
        accuracy: Half the width of the interval, at most 0.25.
        confidence: Chance that the interval holds the probability, at least.
        shots: Of each round.

    Returns:
        The probability, the interval around it, and how often the Grover operator was applied.

    Raises:
        CircuitError: If a number is out of range, or `measure` gives no number of hits.

    Examples:
        >>> import numpy as np
        >>> rng, theta = np.random.default_rng(0), np.arcsin(np.sqrt(0.3))
        >>> chance = lambda k: np.sin((2 * k + 1) * theta) ** 2
        >>> found = iterative_amplitude_estimation(
        ...     lambda k, shots: rng.binomial(shots, chance(k)), accuracy=0.001)
        >>> found.low < 0.3 < found.high, found.high - found.low <= 0.002
        (True, True)

    References:
        D. Grinko, J. Gacon, C. Zoufal, S. Woerner, Iterative quantum amplitude estimation, npj
        Quantum Inf. 7, 52 (2021).
    """
    from scipy.stats import beta

    what = "iterative_amplitude_estimation"
    draws = as_positive(shots, f"{what}: shots")
    if not (0 < accuracy <= 0.25 and 0 < confidence < 1):
        raise CircuitError(
            f"{what}: accuracy must be in (0, 0.25] and confidence in (0, 1), but are "
            f"{accuracy} and {confidence}."
        )
    rounds = ceil(log2(pi / (8 * accuracy))) + 1  # of different k, at most
    miss = (1 - confidence) / rounds / 2  # on each side
    low, high, k = 0.0, pi / 2, 0
    hits = total = calls = 0
    while high - low > 2 * accuracy:
        longer = _longest(k, low, high)
        if longer != k:
            k, hits, total = longer, 0, 0
        found = as_integer(measure(k, draws), f"{what}: what measure gives")
        if not 0 <= found <= draws:
            raise CircuitError(f"{what}: measure must give 0..{draws} hits, but gave {found}.")
        hits, total, calls = hits + found, total + draws, calls + k * draws
        least = float(beta.ppf(miss, hits, total - hits + 1)) if hits else 0.0
        most = float(beta.ppf(1 - miss, hits + 1, total - hits)) if hits < total else 1.0
        factor = 4 * k + 2
        turns, upper = _half(factor * low, factor * high)
        ends = (acos(1 - 2 * least), acos(1 - 2 * most))
        if not upper:
            ends = (2 * pi - ends[1], 2 * pi - ends[0])
        low = max(low, (2 * pi * turns + ends[0]) / factor)
        high = min(high, (2 * pi * turns + ends[1]) / factor)
        if low > high:  # the counts contradict an earlier round; that has the chance of a miss
            low = high = (low + high) / 2
    edges = sin(low) ** 2, sin(high) ** 2
    return AmplitudeInterval((edges[0] + edges[1]) / 2, *edges, calls)


def _longest(k: int, low: float, high: float) -> int:
    """The largest number of operators with the interval in one half of the circle."""
    factor = 4 * k + 2
    tried = floor(pi / (high - low))
    tried -= (tried - 2) % 4
    while tried >= _GROWTH * factor:
        if _in_one_half(tried * low, tried * high):
            return (tried - 2) // 4
        tried -= 4
    return k


def _in_one_half(low: float, high: float) -> bool:
    return floor(low / pi) == floor(high / pi)


def _half(low: float, high: float) -> tuple[int, bool]:
    """Whole turns before the interval, and whether it lies in the upper half of the circle."""
    half = floor((low + high) / 2 / pi)
    return half // 2, half % 2 == 0
