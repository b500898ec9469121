"""A toy of protein folding: chains of two kinds of beads on a square grid.

In the HP model of Lau and Dill a residue is hydrophobic (H) or polar (P), a fold is a path on the
grid that does not cross itself, and its energy is minus the number of H-H contacts: neighbours on
the grid that are none along the chain. Of a real protein it keeps one thing, that what shuns water
gathers inside.

A fold is written as turns. The first step goes to the right and the second to the right or up, for
rotations and reflections change nothing; so the second step takes one bit, every later one two.

References:
    K. F. Lau, K. A. Dill, Macromolecules 22, 3986 (1989): the model.
    A. Perdomo-Ortiz et al., Sci. Rep. 2, 571 (2012): turns as bits, on a quantum annealer.
"""

from itertools import combinations

import numpy as np

STEPS = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])  # right, up, left, down


def num_bits(residues: int) -> int:
    """Bits of a fold.

    Examples:
        >>> num_bits(10)
        15
    """
    return 2 * residues - 5


def positions(numbers: np.ndarray, residues: int) -> np.ndarray:
    """Places on the grid, (folds,) -> (folds, residues, 2), of folds given by their bits.

    Examples:
        >>> positions(np.array([0b101]), 4)[0].tolist()  # right, up, left
        [[0, 0], [1, 0], [1, 1], [0, 1]]
    """
    later = [numbers >> (2 * k + 1) & 3 for k in range(residues - 3)]
    turns = np.stack([np.zeros_like(numbers), numbers & 1, *later], axis=-1)
    places = np.cumsum(STEPS[turns], axis=1)
    return np.concatenate([np.zeros_like(places[:, :1]), places], axis=1)


def touching_pairs(sequence: str) -> list[tuple[int, int]]:
    """Pairs of H that a fold can bring together: an odd number of steps apart, at least 3."""
    hydrophobic = [k for k, kind in enumerate(sequence) if kind == "H"]
    return [(a, b) for a, b in combinations(hydrophobic, 2) if b - a >= 3 and (b - a) % 2]


def costs(numbers: np.ndarray, sequence: str) -> tuple[np.ndarray, np.ndarray]:
    """Cost and number of crossings of folds: minus the contacts, and a penalty for each crossing.

    The penalty is the number of pairs that can touch, so that no crossed chain costs less than the
    straight one.
    """
    places = positions(numbers, len(sequence))

    def apart(a: int, b: int) -> np.ndarray:
        return np.abs(places[:, a] - places[:, b]).sum(axis=-1)

    pairs = touching_pairs(sequence)
    contacts, crossings = np.zeros_like(numbers), np.zeros_like(numbers)
    for a, b in pairs:
        contacts += apart(a, b) == 1
    for a, b in combinations(range(len(sequence)), 2):
        crossings += apart(a, b) == 0
    return max(len(pairs), 1) * crossings - contacts, crossings


def annealed(
    table: np.ndarray, walkers: int, sweeps: int, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Simulated annealing by flips of single bits, from hot to cold.

    Args:
        table: The cost of every bitstring, shape (2**n,).
        walkers: How many independent walks.
        sweeps: Each sweep tries as many flips as there are bits.
        rng: Their source.

    Returns:
        Where the walks end, of shape (walkers,), and how many costs each has looked up.
    """
    bits = len(table).bit_length() - 1
    at = rng.integers(0, len(table), walkers)
    for heat in np.geomspace(2.0, 0.1, sweeps):
        for _ in range(bits):
            there = at ^ (1 << rng.integers(0, bits, walkers))
            climb = np.maximum(table[there] - table[at], 0)
            at = np.where(rng.random(walkers) < np.exp(-climb / heat), there, at)
    return at, sweeps * bits + 1
