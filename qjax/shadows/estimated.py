"""Estimates with errors, from a number or a pair of numbers for each shot."""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from qjax._checks import as_positive
from qjax.errors import SamplingError


class Estimated(NamedTuple):
    """An estimate and its standard error."""

    value: float
    standard_error: float


def mean_of(values: np.ndarray, groups: int) -> Estimated:
    """The mean of what each shot tells, or the median of the means of groups of shots.

    Args:
        values: Float array of shape (shots,).
        groups: 1 for the mean.
    """
    parts = split(len(values), groups, least=2)
    if len(parts) == 1:
        return Estimated(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))
    return _median(np.array([values[part].mean() for part in parts]))


def pairs_mean_of(
    overlaps: Callable[[slice, slice], np.ndarray], shots: int, groups: int
) -> Estimated:
    """The mean over all pairs of different shots, which is unbiased, or a median of such.

    Args:
        overlaps: For two slices of shots, the value of each pair, of shape (a, b).
        shots: How many shots there are.
        groups: 1 for the mean, whose standard error is the jackknife's.
    """
    parts = split(shots, groups, least=3)
    found = [_pairs(overlaps, part) for part in parts]
    return found[0] if len(found) == 1 else _median(np.array([f.value for f in found]))


def _pairs(overlaps: Callable[[slice, slice], np.ndarray], part: slice) -> Estimated:
    shots = part.stop - part.start
    rows = np.zeros(shots)
    for start in range(part.start, part.stop, 512):
        own = slice(start, min(start + 512, part.stop))
        values = overlaps(own, part)
        place = np.arange(own.stop - own.start)
        values[place, place + own.start - part.start] = 0  # without the pair with itself
        rows[own.start - part.start : own.stop - part.start] = values.sum(axis=1)
    mean = rows.sum() / (shots * (shots - 1))
    without = (rows.sum() - 2 * rows) / ((shots - 1) * (shots - 2))
    spread = np.sqrt((shots - 1) * np.mean((without - without.mean()) ** 2))
    return Estimated(float(mean), float(spread))


def _median(means: np.ndarray) -> Estimated:
    """The median of K means, whose standard error is sqrt(pi / 2) sigma / sqrt(K) for large K."""
    error = np.sqrt(np.pi / 2) * means.std(ddof=1) / np.sqrt(len(means))
    return Estimated(float(np.median(means)), float(error))


def entropy_of(purity: Estimated) -> Estimated:
    """The second Renyi entropy -log2 tr(rho^2); NaN where the purity's estimate is not positive."""
    value, error = purity
    if value <= 0:
        return Estimated(float("nan"), float("nan"))
    return Estimated(float(-np.log2(value)), float(error / (value * np.log(2))))


def split(shots: int, groups: int, *, least: int) -> list[slice]:
    """Shots in groups of nearly one size.

    Raises:
        SamplingError: If groups is 2, of which no median is robust, or a group has too few shots.
    """
    count = as_positive(groups, "groups", SamplingError)
    if count == 2 or shots < least * count:
        raise SamplingError(
            f"groups must be 1 or at least 3, with at least {least} shots in each, but are {count} "
            f"for {shots} shots."
        )
    ends = np.linspace(0, shots, count + 1).astype(int).tolist()
    return [slice(a, b) for a, b in pairwise(ends)]
