"""Pauli strings in groups whose members fit each other."""

from collections.abc import Callable

import numpy as np

Fits = Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]
"""Whether each string of masks (x, z), int64 arrays, fits the string of two masks."""


def commute(x: np.ndarray, z: np.ndarray, x_one: int, z_one: int) -> np.ndarray:
    """Whether each string commutes with one.

    Examples:
        >>> commute(np.array([0b11, 0b01]), np.array([0, 0]), 0, 0b11)  # X0 X1, X0 and Z0 Z1
        array([ True, False])
    """
    return (np.bitwise_count(x & z_one) + np.bitwise_count(z & x_one)) & 1 == 0


def agree(x: np.ndarray, z: np.ndarray, x_one: int, z_one: int) -> np.ndarray:
    """Whether each string has the letter of one on every qubit that both act on.

    Examples:
        >>> agree(np.array([0b11, 0b100]), np.array([0, 0]), 0, 0b11)  # X0 X1, X2 and Z0 Z1
        array([False,  True])
    """
    return ((x ^ x_one) | (z ^ z_one)) & (x | z) & (x_one | z_one) == 0


def first_fit(x: np.ndarray, z: np.ndarray, fits: Fits) -> list[np.ndarray]:
    """Indices of strings in groups; each, in order, in the first whose members it all fits.

    Args:
        x: int64 array of shape (k,): the bits of X and Y.
        z: int64 array of shape (k,): the bits of Z and Y.
        fits: A symmetric relation, as `commute`.

    Returns:
        Groups in order of their first string, each rising.

    Note:
        Time in proportion to k for each string, in NumPy.

    Examples:
        >>> first_fit(np.array([0, 1, 0, 2]), np.array([3, 0, 2, 0]), commute)  # Z0 Z1, X0, Z1, X1
        [array([0, 2]), array([1, 3])]
    """
    groups = []
    left = np.arange(len(x))
    while left.size:
        # A string joins the group of `left[0]` if it fits all members before it, so groups can be
        # made one by one.
        members, candidates = [], left
        while candidates.size:
            k, rest = candidates[0], candidates[1:]
            members.append(k)
            candidates = rest[fits(x[rest], z[rest], int(x[k]), int(z[k]))]
        groups.append(np.array(members))
        left = left[~np.isin(left, groups[-1])]
    return groups
