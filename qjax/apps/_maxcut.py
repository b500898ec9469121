"""Maximum cuts: graphs, the exact answer, and the algorithm of Goemans and Williamson."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from qjax.observables import PauliSum

Edges = Sequence[tuple[int, int]]
PETERSEN: Edges = tuple(
    [(q, (q + 1) % 5) for q in range(5)]
    + [(q, q + 5) for q in range(5)]
    + [(q + 5, (q + 2) % 5 + 5) for q in range(5)]
)


def ring(size: int) -> Edges:
    """The cycle of so many nodes."""
    return [(q, (q + 1) % size) for q in range(size)]


def regular_graph(size: int, degree: int, rng: np.random.Generator) -> Edges:
    """A random graph in which each node has so many edges, all such graphs being as likely.

    Stubs are paired at random until there is no loop and no double edge.

    Examples:
        >>> edges = regular_graph(8, 3, np.random.default_rng(0))
        >>> len(edges), {sum(q in edge for edge in edges) for q in range(8)}
        (12, {3})
    """
    while True:
        stubs = rng.permutation(np.repeat(np.arange(size), degree)).reshape(-1, 2)
        edges = {(min(pair), max(pair)) for pair in stubs.tolist() if pair[0] != pair[1]}
        if len(edges) == len(stubs):
            return sorted(edges)


def minus_cut(edges: Edges) -> PauliSum:
    """Minus the number of edges cut, sum over edges of (Z_a Z_b - 1) / 2."""
    return PauliSum({f"Z{a} Z{b}": 0.5 for a, b in edges} | {"I": -0.5 * len(edges)})


def cuts(edges: Edges, sides: np.ndarray) -> np.ndarray:
    """Edges cut by each row of sides, (..., nodes) of 0 and 1 -> (...)."""
    ends = np.array(edges)
    return (sides[..., ends[:, 0]] != sides[..., ends[:, 1]]).sum(axis=-1)


def maximum_cut(edges: Edges, size: int) -> int:
    """The largest cut, all 2**(size - 1) tried.

    Examples:
        >>> maximum_cut(PETERSEN, 10)
        12
    """
    numbers = np.arange(2 ** (size - 1), dtype=np.uint32)
    found = np.zeros(numbers.shape, np.uint16)
    for a, b in edges:
        found += ((numbers >> np.uint32(a) ^ numbers >> np.uint32(b)) & np.uint32(1)).astype(
            np.uint16
        )
    return int(found.max())


def goemans_williamson(
    edges: Edges, size: int, rounds: int, rng: np.random.Generator
) -> tuple[np.ndarray, float]:
    """Cuts by random hyperplanes through the solution of the semidefinite relaxation.

    The relaxation is the maximum over unit vectors of sum (1 - v_a v_b) / 2. With more than
    sqrt(2 n) components it has no local maxima in general, so each vector in turn is put opposite
    to the sum of its neighbours until nothing moves.

    Args:
        edges: The graph.
        size: Its nodes.
        rounds: How many hyperplanes.
        rng: Their source.

    Returns:
        The cuts, of shape (rounds,), and the value of the relaxation, which no cut exceeds.

    References:
        M. X. Goemans, D. P. Williamson, J. ACM 42, 1115 (1995). S. Burer, R. Monteiro, Math.
        Program. 95, 329 (2003). P.-W. Wang, W.-C. Chang, J. Z. Kolter, arXiv:1706.00476 (2017).
    """
    adjacency = np.zeros((size, size))
    for a, b in edges:
        adjacency[a, b] = adjacency[b, a] = 1
    vectors = rng.normal(size=(size, int(np.ceil(np.sqrt(2 * size))) + 1))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    value = lambda: float(sum(1 - vectors[a] @ vectors[b] for a, b in edges) / 2)
    before, now = -np.inf, value()
    while now - before > 1e-10 * len(edges):
        for q in range(size):
            pull = adjacency[q] @ vectors
            length = np.linalg.norm(pull)
            if length > 0:
                vectors[q] = -pull / length
        before, now = now, value()
    normals = rng.normal(size=(vectors.shape[1], rounds))
    return cuts(edges, (vectors @ normals > 0).T), now


def quadratic_features(bits: np.ndarray) -> np.ndarray:
    """1, the spins s = 1 - 2 x, and their products, (rows, n) -> (rows, 1 + n + n (n - 1) / 2)."""
    spins = 1.0 - 2.0 * bits
    pairs = [spins[:, a] * spins[:, b] for a, b in combinations(range(bits.shape[1]), 2)]
    return np.column_stack([np.ones(len(bits)), spins, *pairs])


def quadratic_cost(coefficients: np.ndarray, size: int) -> PauliSum:
    """The diagonal operator with the coefficients of `quadratic_features`."""
    pairs = combinations(range(size), 2)
    names = ["I", *(f"Z{q}" for q in range(size)), *(f"Z{a} Z{b}" for a, b in pairs)]
    return PauliSum(dict(zip(names, coefficients.tolist(), strict=True)), num_qubits=size)
