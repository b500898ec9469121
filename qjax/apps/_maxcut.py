"""Maximum cuts: random graphs, and the algorithm of Goemans and Williamson."""

from itertools import combinations

import numpy as np

from qjax.library import Problem, ising, maxcut
from qjax.library.lattices import Edges, ring

PETERSEN: Edges = (
    *ring(5),
    *((q, q + 5) for q in range(5)),
    *((q + 5, (q + 2) % 5 + 5) for q in range(5)),
)


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
            return tuple(sorted(edges))


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
    return -maxcut(edges, num_vertices=size).cost((vectors @ normals > 0).T), now


def quadratic_features(bits: np.ndarray) -> np.ndarray:
    """1, the spins s = 1 - 2 x, and their products, (rows, n) -> (rows, 1 + n + n (n - 1) / 2)."""
    spins = 1.0 - 2.0 * bits
    pairs = [spins[:, a] * spins[:, b] for a, b in combinations(range(bits.shape[1]), 2)]
    return np.column_stack([np.ones(len(bits)), spins, *pairs])


def quadratic_form(coefficients: np.ndarray, size: int) -> Problem:
    """The problem whose cost has the coefficients of `quadratic_features`.

    Examples:
        >>> form = quadratic_form(np.array([1.0, 0.5, 0.0, 2.0]), 2)
        >>> form.cost([0, 0]), form.cost([1, 0])
        (3.5, -1.5)
    """
    pairs = zip(combinations(range(size), 2), coefficients[1 + size :].tolist(), strict=True)
    fields = coefficients[1 : 1 + size]
    return ising(dict(pairs), fields, offset=float(coefficients[0]), name="quadratic form")
