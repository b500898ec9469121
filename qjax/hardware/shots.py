"""How many shots each circuit gets."""

import numpy as np

from qjax.errors import SamplingError

METHODS = ("uniform", "weight", "variance")


def divided(shots: int, weights: np.ndarray) -> list[int]:
    """Shots in proportion to weights: at least one each, and together exactly as many.

    Args:
        shots: All shots.
        weights: Not negative, of shape (k,).

    Raises:
        SamplingError: If there are fewer shots than circuits.

    Examples:
        >>> divided(10, np.array([1.0, 2.0, 0.0]))
        [3, 6, 1]
    """
    count = len(weights)
    if shots < count:
        raise SamplingError(
            f"shots must be at least {count}, one for each circuit, but is {shots}."
        )
    total = float(np.sum(weights))
    share = np.asarray(weights, float) / total if total > 0 else np.full(count, 1 / count)
    wanted = share * (shots - count)
    given = np.floor(wanted).astype(int)
    left = shots - count - int(given.sum())
    for k in np.argsort(given - wanted, kind="stable")[:left]:
        given[k] += 1
    return (given + 1).tolist()
