r"""Problems of graphs and of finance as quadratic forms of bits; see `qjax.library.Problem`.

Constraints are penalties: their square, times a number that is large enough that the least cost is
feasible. That is proved for the default; smaller ones often do, and are easier for a circuit.

References:
    A. Lucas, Ising formulations of many NP problems, Front. Phys. 2, 5 (2014).
"""

from typing import Any

import numpy as np

from qjax._checks import as_positive
from qjax.errors import ObservableError
from qjax.library.lattices import Graph, as_graph
from qjax.library.quadratic import Problem, ones


def maxcut(graph: Any, *, num_vertices: int | None = None) -> Problem:
    """Two sides of a graph with the largest weight of edges between them.

    Args:
        graph: Edges with weights; see `qjax.library.lattices.as_graph`.
        num_vertices: By default the lowest that holds every edge.

    Returns:
        A problem with a bit per vertex, its side. The cost is minus the cut's weight; the answer is
        the pair of sides, the value the cut's weight.

    Raises:
        ObservableError: If an edge does not fit.

    Examples:
        >>> square = maxcut([(0, 1), (1, 2), (2, 3), (3, 0)])
        >>> square.brute_force()
        Solution(bits='0101', cost=-4.0, answer=((1, 3), (0, 2)), value=4.0, feasible=True)
    """
    edges, weights, n = _known(as_graph(graph, "maxcut", num_vertices), "maxcut")
    matrix = np.zeros((n, n))
    for (a, b), w in zip(edges, weights, strict=True):
        matrix[a, a] -= w
        matrix[b, b] -= w
        matrix[min(a, b), max(a, b)] += 2 * w

    def meaning(x: np.ndarray) -> tuple[Any, float, bool]:
        cut = sum(w for (a, b), w in zip(edges, weights, strict=True) if x[a] != x[b])
        return (ones(1 - x), ones(x)), cut, True

    return Problem("maxcut", matrix, 0.0, meaning)


def max_independent_set(
    graph: Any, *, penalty: float = 2.0, num_vertices: int | None = None
) -> Problem:
    """The most vertices of which no two are joined.

    Args:
        graph: Edges; weights do not count.
        penalty: Cost of an edge inside the set; above 1 is enough, for then leaving out an end
            pays.
        num_vertices: By default the lowest that holds every edge.

    Returns:
        A problem with a bit per vertex. The answer is the set, the value its size.

    Raises:
        ObservableError: If an edge or the penalty does not fit.

    Examples:
        >>> max_independent_set([(0, 1), (1, 2)]).brute_force().answer
        (0, 2)
    """
    edges, _, n = _known(as_graph(graph, "max_independent_set", num_vertices), "")
    matrix = -np.eye(n)
    size = _positive(penalty, "max_independent_set")
    for a, b in edges:
        matrix[min(a, b), max(a, b)] += size
    meaning = lambda x: (ones(x), x.sum(), not any(x[a] and x[b] for a, b in edges))
    return Problem("max_independent_set", matrix, 0.0, meaning)


def min_vertex_cover(
    graph: Any, *, penalty: float = 2.0, num_vertices: int | None = None
) -> Problem:
    """The fewest vertices that touch every edge.

    Args:
        graph: Edges; weights do not count.
        penalty: Cost of an edge that is not touched; above 1 is enough.
        num_vertices: By default the lowest that holds every edge.

    Returns:
        A problem with a bit per vertex. The answer is the set, the value its size.

    Raises:
        ObservableError: If an edge or the penalty does not fit.

    Examples:
        >>> min_vertex_cover([(0, 1), (1, 2)]).brute_force().answer
        (1,)
    """
    edges, _, n = _known(as_graph(graph, "min_vertex_cover", num_vertices), "")
    size = _positive(penalty, "min_vertex_cover")
    matrix = np.eye(n)
    for a, b in edges:  # (1 - x_a) (1 - x_b)
        matrix[a, a] -= size
        matrix[b, b] -= size
        matrix[min(a, b), max(a, b)] += size
    meaning = lambda x: (ones(x), x.sum(), all(x[a] or x[b] for a, b in edges))
    return Problem("min_vertex_cover", matrix, size * len(edges), meaning)


def graph_coloring(
    graph: Any, colors: int, *, penalty: float | None = None, num_vertices: int | None = None
) -> Problem:
    """A colour for each vertex such that joined vertices differ.

    Args:
        graph: Edges; weights do not count.
        colors: How many colours there are.
        penalty: Cost of a vertex with no or two colours, where an edge inside a colour costs 1; by
            default one more than the number of edges.
        num_vertices: By default the lowest that holds every edge.

    Returns:
        A problem with bit v * colors + c for vertex v in colour c; the cost of a colouring is 0.
        The answer is the colour of each vertex (None where it has not one), the value the number
        of edges inside a colour.

    Raises:
        ObservableError: If an edge or a number does not fit.

    Examples:
        >>> graph_coloring([(0, 1), (1, 2)], 2).brute_force().answer
        (0, 1, 0)
    """
    edges, _, n = _known(as_graph(graph, "graph_coloring", num_vertices), "")
    k = as_positive(colors, "graph_coloring: colors", ObservableError)
    size = _positive(len(edges) + 1.0 if penalty is None else penalty, "graph_coloring")
    matrix, offset = np.zeros((n * k, n * k)), 0.0
    for v in range(n):
        offset += _exactly(matrix, np.arange(v * k, (v + 1) * k), np.ones(k), 1.0, size)
    for a, b in edges:
        for c in range(k):
            matrix[min(a, b) * k + c, max(a, b) * k + c] += 1

    def meaning(x: np.ndarray) -> tuple[Any, float, bool]:
        table = x.reshape(n, k)
        inside = sum(int(table[a] @ table[b]) for a, b in edges)
        chosen = tuple(int(row.argmax()) if row.sum() == 1 else None for row in table)
        return chosen, inside, inside == 0 and None not in chosen

    return Problem("graph_coloring", matrix, offset, meaning)


def traveling_salesman(distances: Any, *, penalty: float | None = None) -> Problem:
    """The shortest tour that visits every city once and returns.

    Args:
        distances: From row to column: shape (n, n), at least 0, for at least 3 cities. It need not
            be symmetric.
        penalty: Cost of a city missed or a place filled twice; by default a little over n times the
            largest distance, which no tour exceeds.

    Returns:
        A problem of (n - 1)^2 bits: bit (c - 1) (n - 1) + p - 1 for city c at place p; city 0 is
        the first. The answer is the tour (None if it is none), the value its length.

    Raises:
        ObservableError: If distances or the penalty do not fit.

    Examples:
        >>> tour = traveling_salesman([[0, 1, 5], [5, 0, 1], [1, 5, 0]]).brute_force()
        >>> tour.answer, tour.value
        ((0, 1, 2), 3.0)
    """
    d = np.asarray(distances, np.float64)
    n = len(d) if d.ndim == 2 else 0
    if n < 3 or d.shape != (n, n) or not np.isfinite(d).all() or (d < 0).any():
        raise ObservableError(
            "traveling_salesman: distances must have shape (n, n) for at least 3 cities, and be at "
            f"least 0, but have shape {d.shape}."
        )
    m = n - 1
    longest = float((d - np.diag(d.diagonal())).max())
    size = _positive(1.1 * n * longest + 1e-9 if penalty is None else penalty, "traveling_salesman")
    place = np.arange(m * m).reshape(m, m)  # place[c - 1, p - 1]
    matrix, offset = np.zeros((m * m, m * m)), 0.0
    for k in range(m):
        offset += _exactly(matrix, place[k], np.ones(m), 1.0, size)
        offset += _exactly(matrix, place[:, k], np.ones(m), 1.0, size)
    for a in range(m):
        matrix[place[a, 0], place[a, 0]] += d[0, a + 1]
        matrix[place[a, -1], place[a, -1]] += d[a + 1, 0]
        for b in range(m):
            if a != b:
                for p in range(m - 1):
                    i, j = sorted((place[a, p], place[b, p + 1]))
                    matrix[i, j] += d[a + 1, b + 1]

    def meaning(x: np.ndarray) -> tuple[Any, float, bool]:
        table = x.reshape(m, m)
        if (table.sum(axis=0) != 1).any() or (table.sum(axis=1) != 1).any():
            return None, np.inf, False
        tour = (0, *(int(c) + 1 for c in table.argmax(axis=0)))
        return tour, sum(d[a, b] for a, b in zip(tour, tour[1:] + tour[:1], strict=True)), True

    return Problem("traveling_salesman", matrix, offset, meaning)


def number_partition(numbers: Any) -> Problem:
    """Two heaps of numbers whose sums are as close as can be.

    Args:
        numbers: Real numbers, shape (n,).

    Returns:
        A problem with a bit per number, its heap. The cost is the square of the difference of sums;
        the answer is the pair of heaps as indices, the value the difference.

    Raises:
        ObservableError: If they are no finite numbers.

    Examples:
        >>> number_partition([3, 1, 1, 2, 2, 1]).brute_force().value
        0.0
    """
    a = _vector(numbers, "number_partition: numbers")
    total = float(a.sum())
    matrix = np.zeros((len(a), len(a)))
    # The difference is total - 2 a x.
    offset = _exactly(matrix, np.arange(len(a)), 2 * a, total, 1.0)
    meaning = lambda x: ((ones(1 - x), ones(x)), abs(total - 2 * float(a @ x)), True)
    return Problem("number_partition", matrix, offset, meaning)


def knapsack(values: Any, weights: Any, capacity: int, *, penalty: float | None = None) -> Problem:
    """The most valuable items that a knapsack holds.

    Args:
        values: Positive numbers, shape (n,).
        weights: Positive integers, shape (n,).
        capacity: The most weight, a positive integer.
        penalty: Cost of the square of what is over; by default a little over the sum of all values.

    Returns:
        A problem with a bit per item and then some log2(capacity) bits for the room left. The
        answer is the items taken, the value theirs.

    Raises:
        ObservableError: If a number does not fit.

    Examples:
        >>> knapsack([6, 5, 4], [3, 2, 2], 4).brute_force().answer
        (1, 2)
    """
    v = _vector(values, "knapsack: values")
    w = _vector(weights, "knapsack: weights")
    room = as_positive(capacity, "knapsack: capacity", ObservableError)
    if v.shape != w.shape or (w != np.rint(w)).any() or (w <= 0).any() or (v <= 0).any():
        raise ObservableError(
            "knapsack: there must be a positive value and a positive integer weight for each item, "
            f"but they are {v.tolist()} and {w.tolist()}."
        )
    size = _positive(1.1 * float(v.sum()) if penalty is None else penalty, "knapsack")
    # Powers of two and a rest: their sums are every integer from 0 to the capacity, and no other.
    slack = [1 << k for k in range(room.bit_length() - 1)]
    slack.append(room - sum(slack))
    steps = np.concatenate([w, slack])
    matrix = np.zeros((len(steps), len(steps)))
    offset = _exactly(matrix, np.arange(len(steps)), steps, float(room), size)
    matrix[np.arange(len(v)), np.arange(len(v))] -= v

    def meaning(x: np.ndarray) -> tuple[Any, float, bool]:
        taken = x[: len(v)]
        return ones(taken), float(v @ taken), bool(w @ taken <= room)

    return Problem("knapsack", matrix, offset, meaning)


def portfolio(
    returns: Any,
    covariance: Any,
    *,
    budget: int,
    risk_aversion: float = 1.0,
    penalty: float | None = None,
) -> Problem:
    """A number of assets with high expected return and low risk: Markowitz' choice.

    The value q x S x - m x is to be small, for `budget` assets.

    Args:
        returns: Expected returns m, shape (n,).
        covariance: S of shape (n, n), symmetric.
        budget: How many assets are bought.
        risk_aversion: q, at least 0.
        penalty: Cost of the square of the number off the budget; by default a little over what the
            value can differ between two portfolios.

    Returns:
        A problem with a bit per asset. The answer is the assets bought.

    Raises:
        ObservableError: If shapes or numbers do not fit.

    Examples:
        >>> choice = portfolio([0.1, 0.2, 0.15], np.diag([0.1, 0.3, 0.1]), budget=2)
        >>> choice.brute_force().answer
        (0, 2)

    References:
        H. Markowitz, Portfolio selection, J. Finance 7, 77 (1952).
    """
    m = _vector(returns, "portfolio: returns")
    s = np.asarray(covariance, np.float64)
    n = len(m)
    if s.shape != (n, n) or not np.isfinite(s).all() or not np.allclose(s, s.T):
        raise ObservableError(
            f"portfolio: covariance must be a symmetric matrix of shape ({n}, {n}), but has shape "
            f"{s.shape} or is not symmetric."
        )
    count = as_positive(budget, "portfolio: budget", ObservableError)
    if count > n or not 0 <= risk_aversion < np.inf:
        raise ObservableError(
            f"portfolio: budget must be in 1..{n} and risk_aversion at least 0, but are {budget} "
            f"and {risk_aversion}."
        )
    risk = float(risk_aversion) * s
    span = 1.1 * float(np.abs(risk).sum() + np.abs(m).sum()) + 1e-9
    size = _positive(span if penalty is None else penalty, "portfolio")
    matrix = np.triu(2 * risk, 1) + np.diag(risk.diagonal() - m)
    offset = _exactly(matrix, np.arange(n), np.ones(n), float(count), size)
    meaning = lambda x: (ones(x), float(x @ risk @ x - m @ x), int(x.sum()) == count)
    return Problem("portfolio", matrix, offset, meaning)


def _exactly(
    matrix: np.ndarray, bits: np.ndarray, weights: np.ndarray, total: float, size: float
) -> float:
    """Add size * (weights @ x[bits] - total)**2 to an upper triangle; the constant is returned."""
    for k, i in enumerate(bits):
        matrix[i, i] += size * weights[k] * (weights[k] - 2 * total)
        for l in range(k):
            low, high = sorted((bits[l], i))
            matrix[low, high] += 2 * size * weights[k] * weights[l]
    return size * total**2


def _known(graph: Graph, what: str) -> tuple[tuple[tuple[int, int], ...], list[float], int]:
    """Edges, known weights and the number of vertices."""
    try:
        weights = [float(w) for w in graph.weights]
    except TypeError:  # what JAX raises for a traced number
        raise ObservableError(f"{what}: weights must be known, but one is traced.") from None
    return graph.edges, weights, graph.num_vertices


def _positive(penalty: float, what: str) -> float:
    if not isinstance(penalty, (int, float, np.number)) or not 0 < penalty < np.inf:
        raise ObservableError(f"{what}: penalty must be positive, but is {penalty!r}.")
    return float(penalty)


def _vector(values: Any, what: str) -> np.ndarray:
    array = np.asarray(values, np.float64)
    if array.ndim != 1 or not len(array) or not np.isfinite(array).all():
        raise ObservableError(f"{what} must be a list of finite numbers, but is {values!r}.")
    return array
