"""Problems over bits: the least cost is the best answer, as a search of the problem finds it."""

from itertools import combinations, permutations, product

import numpy as np
import pytest

import qjax as qj
from qjax.library.lattices import complete, ring
from qjax.library.problems import (
    graph_coloring,
    knapsack,
    max_independent_set,
    maxcut,
    min_vertex_cover,
    number_partition,
    portfolio,
    traveling_salesman,
)
from qjax.library.quadratic import ising, qubo

PETERSEN = [
    *ring(5), *((q, q + 5) for q in range(5)), (5, 7), (7, 9), (9, 6), (6, 8), (8, 5),
]  # fmt: skip


def subsets(n):
    for size in range(n + 1):
        yield from combinations(range(n), size)


def problems(rng):
    d = rng.uniform(1, 5, (4, 4))
    s = rng.normal(size=(5, 5))
    yield maxcut([(0, 1, 1.5), (1, 2, -0.5), (0, 2), (2, 3, 2.0)])
    yield max_independent_set(ring(5))
    yield min_vertex_cover(ring(5))
    yield graph_coloring(ring(3), 3)
    yield traveling_salesman(d)
    yield number_partition([3, 1, 4, 1, 5.5])
    yield knapsack([6, 5, 4.5], [3, 2, 2], 5)
    yield portfolio(rng.normal(size=5), s @ s.T, budget=2, risk_aversion=0.3)
    yield qubo(rng.normal(size=(4, 4)), offset=0.3)
    yield ising(np.triu(rng.normal(size=(4, 4)), 1), rng.normal(size=4), offset=-0.2)


def test_the_hamiltonian_the_diagonal_and_the_cost_are_one(rng):
    for problem in problems(rng):
        n = problem.num_qubits
        bits = np.arange(2**n)[:, None] >> np.arange(n) & 1
        costs = problem.cost(bits)
        scale = np.abs(costs).max()
        assert np.abs(problem.diagonal().values - costs).max() < 1e-12 * scale, problem.name
        strings = problem.hamiltonian
        odd = np.bitwise_count(np.arange(2**n)[:, None] & strings.z_masks) & 1
        energies = (1 - 2.0 * odd) @ strings.coefficients
        assert np.abs(energies - costs).max() < 1e-12 * scale, problem.name
        best = problem.brute_force()
        assert best.feasible, problem.name
        assert abs(best.cost - costs.min()) < 1e-12 * scale, problem.name
        assert problem.decode(best.bits) == best


def test_the_petersen_graph_has_a_cut_of_twelve():
    best = maxcut(PETERSEN).brute_force()
    assert best.value == 12 == -best.cost
    sides = [set(side) for side in best.answer]
    assert sum(len({a, b} & sides[0]) == 1 for a, b in PETERSEN) == 12


def test_sets_and_covers_of_the_petersen_graph():
    independent = max_independent_set(PETERSEN).brute_force()
    cover = min_vertex_cover(PETERSEN).brute_force()
    # A set is independent if its complement is a cover.
    assert (independent.value, cover.value) == (4, 6)
    assert not any({a, b} <= set(independent.answer) for a, b in PETERSEN)
    assert all({a, b} & set(cover.answer) for a, b in PETERSEN)
    assert not max_independent_set(ring(3)).decode("011").feasible


def test_colourings():
    best = graph_coloring(ring(5), 3).brute_force()
    assert best.cost == 0
    assert all(best.answer[a] != best.answer[b] for a, b in ring(5))
    impossible = graph_coloring(complete(4), 3).brute_force()
    assert not impossible.feasible
    assert impossible.value == 1 == impossible.cost
    assert graph_coloring(ring(3), 2).decode("000101").answer == (0, 0, None)


@pytest.mark.parametrize("seed", range(3))
def test_tours(seed):
    d = np.random.default_rng(seed).uniform(1, 10, (5, 5))
    tours = ((0, *rest) for rest in permutations(range(1, 5)))
    length = lambda tour: sum(d[a, b] for a, b in zip(tour, (*tour[1:], 0), strict=True))
    best = traveling_salesman(d).brute_force()
    assert abs(best.value - min(map(length, tours))) < 1e-12
    assert abs(best.cost - best.value) < 1e-9
    assert abs(length(best.answer) - best.value) < 1e-12
    assert traveling_salesman(d).decode("0" * 16).answer is None


@pytest.mark.parametrize("seed", range(3))
def test_knapsacks_and_portfolios_and_partitions(seed):
    rng = np.random.default_rng(seed)
    v, w = rng.uniform(1, 9, 6), rng.integers(1, 7, 6)
    best = knapsack(v, w, 11).brute_force()
    fits = [s for s in subsets(6) if w[list(s)].sum() <= 11]
    assert abs(best.value - max(v[list(s)].sum() for s in fits)) < 1e-12
    a = rng.normal(size=(6, 6))
    m, s = rng.normal(size=6), a @ a.T
    value = lambda chosen: 0.7 * s[np.ix_(chosen, chosen)].sum() - m[list(chosen)].sum()
    best = portfolio(m, s, budget=3, risk_aversion=0.7).brute_force()
    assert abs(best.value - min(map(value, combinations(range(6), 3)))) < 1e-12
    numbers = rng.normal(size=7)
    best = number_partition(numbers).brute_force()
    sums = [abs(np.dot(signs, numbers)) for signs in product((1, -1), repeat=7)]
    assert abs(best.value - min(sums)) < 1e-12
    assert abs(best.cost - best.value**2) < 1e-12


def test_spins_and_bits_are_one_problem(rng):
    j, h = np.triu(rng.normal(size=(6, 6)), 1), rng.normal(size=6)
    best = ising(j, h).brute_force()
    energies = [np.array(s) @ j @ s + h @ s for s in product((1, -1), repeat=6)]
    assert abs(best.cost - min(energies)) < 1e-12
    assert abs(best.value - best.cost) < 1e-12


def test_the_search_goes_on_beyond_a_chunk(rng):
    matrix = rng.normal(size=(18, 18))
    best = qubo(matrix).brute_force()
    x = np.array([int(b) for b in reversed(best.bits)])
    assert abs(x @ matrix @ x - best.cost) < 1e-10
    # The least of all is the least of a dense search too.
    assert abs(qubo(matrix).diagonal().values.min() - best.cost) < 1e-10


def test_counts_give_their_best_string():
    problem = maxcut(ring(4))
    assert problem.best({"0000": 5, "0101": 1, "0001": 7}).bits == "0101"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: qubo(np.ones((2, 3))), "must be square"),
        (lambda: qubo({(0, "a"): 1.0}), "from pairs of bits"),
        (lambda: qubo({3: 1.0}), "from pairs of bits"),
        (lambda: ising(np.eye(2)), "no coupling of a spin"),
        (lambda: maxcut(ring(4)).cost("01"), "must be 4 bits"),
        (lambda: maxcut(ring(4)).cost([0, 1, 2, 0]), "must be 4 bits of 0 or 1"),
        (lambda: maxcut(ring(4)).best([]), "there is none"),
        (lambda: qubo(np.eye(30)).brute_force(), "at most 26 bits, but has 30"),
        (lambda: traveling_salesman(-np.ones((3, 3))), "at least 0"),
        (lambda: knapsack([1], [1.5], 3), "positive integer weight"),
        (lambda: portfolio([1, 2], np.eye(3), budget=1), "symmetric matrix"),
        (lambda: portfolio([1, 2], np.eye(2), budget=3), r"budget must be in 1\.\.2"),
        (lambda: max_independent_set(ring(3), penalty=0), "penalty must be positive"),
        (lambda: number_partition([]), "list of finite numbers"),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()
