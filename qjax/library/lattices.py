"""Lattices and graphs as edges between numbered vertices."""

from collections.abc import Iterable, Mapping
from itertools import combinations, product
from typing import Any, NamedTuple

import jax
import numpy as np

from qjax._checks import as_integer, as_positive
from qjax.errors import ObservableError

Edges = tuple[tuple[int, int], ...]


class Graph(NamedTuple):
    """An undirected graph.

    Attributes:
        num_vertices: Vertices are 0 to num_vertices - 1.
        edges: Pairs of distinct vertices.
        weights: A number for each edge: floats, or JAX numbers that may be traced.
    """

    num_vertices: int
    edges: Edges
    weights: tuple[Any, ...]


def chain(length: int, *, periodic: bool = False) -> Edges:
    """A chain of sites, or a ring.

    Args:
        length: Number of sites.
        periodic: Whether the ends are joined; those of two sites are already.

    Returns:
        Pairs of neighbours.

    Raises:
        ObservableError: If the length is not positive.

    Examples:
        >>> chain(4), chain(3, periodic=True)
        (((0, 1), (1, 2), (2, 3)), ((0, 1), (1, 2), (2, 0)))
    """
    return grid(length, periodic=periodic)


def ring(length: int) -> Edges:
    """A chain whose ends are joined.

    Args:
        length: Number of sites; two have one edge, and one has none.

    Returns:
        Pairs of neighbours.

    Raises:
        ObservableError: If the length is not positive.

    Examples:
        >>> ring(4)
        ((0, 1), (1, 2), (2, 3), (3, 0))
    """
    return chain(length, periodic=True)


def grid(*lengths: int, periodic: bool = False) -> Edges:
    """A square or cubic lattice of any dimension; the first coordinate runs fastest.

    Args:
        lengths: Number of sites along each axis.
        periodic: Whether opposite ends are joined; along an axis of two sites they are already.

    Returns:
        Pairs of neighbours.

    Raises:
        ObservableError: If a length is not positive.

    Examples:
        >>> grid(2, 2)
        ((0, 1), (0, 2), (1, 3), (2, 3))
    """
    sizes = [as_positive(length, "grid: each length", ObservableError) for length in lengths]
    strides = [int(np.prod(sizes[:axis], dtype=np.int64)) for axis in range(len(sizes))]
    edges = []
    for backwards in product(*(range(size) for size in reversed(sizes))):
        place = backwards[::-1]
        site = sum(x * stride for x, stride in zip(place, strides, strict=True))
        for x, size, stride in zip(place, sizes, strides, strict=True):
            if x + 1 < size:
                edges.append((site, site + stride))
            elif periodic and size > 2:
                edges.append((site, site - x * stride))
    return tuple(edges)


def complete(num_vertices: int) -> Edges:
    """Every pair of vertices.

    Examples:
        >>> complete(3)
        ((0, 1), (0, 2), (1, 2))
    """
    return tuple(combinations(range(as_positive(num_vertices, "complete: num_vertices")), 2))


def as_graph(graph: Any, what: str, num_vertices: int | None = None) -> Graph:
    """A graph from whatever says which edges there are.

    Args:
        graph: Pairs (a, b) or triples (a, b, weight); a mapping from pairs to weights; or an object
            with `edges`, as a graph of networkx or rustworkx, whose edges may have a "weight". A
            weight not given is 1.
        what: Who asks, for the message.
        num_vertices: By default the largest vertex and one, or what `number_of_nodes` says.

    Raises:
        ObservableError: If an edge is none, joins a vertex with itself, comes twice, or does not
            fit.

    Examples:
        >>> as_graph([(0, 1), (1, 2, 0.5)], "example")
        Graph(num_vertices=3, edges=((0, 1), (1, 2)), weights=(1.0, 0.5))
    """
    edges, weights = [], []
    for entry in _entries(graph, what):
        a, b, weight = _edge(entry, what)
        edges.append((a, b))
        weights.append(weight)
    if len({frozenset(edge) for edge in edges}) < len(edges):
        raise ObservableError(f"{what}: an edge must come once, but one comes twice in {edges}.")
    lowest = max((vertex for edge in edges for vertex in edge), default=-1) + 1
    if num_vertices is None and hasattr(graph, "number_of_nodes"):
        num_vertices = graph.number_of_nodes()
    count = lowest if num_vertices is None else as_integer(
        num_vertices, f"{what}: number of vertices", ObservableError)  # fmt: skip
    if count < max(lowest, 1):
        raise ObservableError(
            f"{what}: number of vertices must be at least {max(lowest, 1)}, but is {count}."
        )
    return Graph(count, tuple(edges), tuple(weights))


def _entries(graph: Any, what: str) -> Iterable[Any]:
    if isinstance(graph, Mapping):
        return [(*pair, weight) for pair, weight in graph.items()]
    if hasattr(graph, "weighted_edge_list"):  # rustworkx
        return [
            (a, b, 1.0 if weight is None else weight) for a, b, weight in graph.weighted_edge_list()
        ]
    found = getattr(graph, "edges", graph)
    if callable(getattr(found, "data", None)):  # networkx
        found = found.data("weight", default=1.0)
    if not isinstance(found, (Iterable, np.ndarray)):
        raise ObservableError(
            f"{what}: graph must be edges, or have `edges`, but is {graph!r}. For a chain write "
            "chain(n)."
        )
    return list(found)


def _edge(entry: Any, what: str) -> tuple[int, int, Any]:
    parts = tuple(entry) if isinstance(entry, (tuple, list, np.ndarray)) else (entry,)
    if len(parts) not in (2, 3):
        raise ObservableError(
            f"{what}: an edge must be a pair of vertices, or that and a weight, but is {entry!r}."
        )
    a, b = (as_integer(v, f"{what}: vertex", ObservableError) for v in parts[:2])
    if a == b or min(a, b) < 0:
        raise ObservableError(
            f"{what}: an edge must join two vertices numbered from 0, but is {entry!r}."
        )
    weight = parts[2] if len(parts) == 3 else 1.0
    return a, b, weight if isinstance(weight, jax.Array) else float(weight)
