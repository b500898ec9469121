"""Stages on many devices give the circuit's state, and exchange what they say."""

import heapq
from itertools import combinations, pairwise

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_circuit, random_state, seeds
from test_plan_schedule import op_matrix

import qjax as qj
from qjax.engine.numbers import numbers
from qjax.errors import EngineError
from qjax.plan import compile_plan
from qjax.plan.exchange import shard_plan
from qjax.plan.exchange_bound import least_moved
from qjax.plan.frontier import Frontier
from qjax.plan.local_qubits import run_within
from qjax.plan.locality import Task, ops_and_names, share
from qjax.plan.stages import choose_stages

SWAPS = ["swap", "h", "cx", "rz", "permutation"]


def permuted(state, to):
    """Bit p of an index becomes bit to[p]."""
    index = np.arange(len(state))
    new = sum((index >> p & 1) << q for p, q in enumerate(to))
    out = np.empty_like(state)
    out[new] = state
    return out


def run_stages(sharded, buffer, state):
    """What devices do: the state's high bits are the device, and only exchanges change them."""
    plan, m, n = sharded.plan, sharded.num_local, sharded.plan.num_qubits
    state = permuted(state, sharded.start)
    now, moved = sharded.start, 0
    for exchange, stage in zip(sharded.exchanges, sharded.stages, strict=True):
        assert sorted(stage.places) == list(range(n))
        top = m - len(exchange.bits)
        swap = list(range(n))
        for i, bit in enumerate(exchange.bits):
            assert bit >= m
            swap[bit], swap[top + i] = top + i, bit
        before, after = ([*local, *range(m, n)] for local in (exchange.before, exchange.after))
        whole = [after[swap[before[p]]] for p in range(n)]
        assert [whole[p] for p in now] == list(stage.places)
        device = np.arange(2**n) >> m
        moved += np.count_nonzero(permuted(device, whole) != device)
        state, now = permuted(state, whole), stage.places
        for index in stage.ops:
            op = plan.ops[index]
            assert all(now[q] < m for q in range(n) if op.needs >> q & 1)
            state = oracle.apply(
                op_matrix(plan, op, plan.offsets[index], buffer),
                [now[q] for q in op.targets],
                [now[q] for q in op.controls],
                op.control_values,
                state,
            )
    assert moved == sharded.total_bytes(1)
    back = [0] * n
    for q, p in enumerate(sharded.final):
        back[p] = q
    return permuted(state, back)


def most_global(circuit):
    """How many qubits may be global: all but those that one op mixes, and one to change names."""
    needs = [op.needs for op in compile_plan(circuit.structure).ops if op.factors]
    return circuit.num_qubits - max([1, *(mask.bit_count() for mask in needs)])


def assert_acts_as(circuit, num_global, rng, restore, free_start):
    plan = compile_plan(circuit.structure)
    sharded = shard_plan(plan, num_global, restore, free_start)
    if restore:
        assert sharded.final == tuple(range(circuit.num_qubits))
    if not free_start:
        assert sharded.start == tuple(range(circuit.num_qubits))
    buffer = np.asarray(numbers(plan, circuit.leaves, np.zeros(0), np.dtype(np.float64)))
    state = random_state(circuit.num_qubits, rng)
    expected = oracle.statevector(circuit, state)
    np.testing.assert_allclose(run_stages(sharded, buffer, state), expected, atol=1e-12)


@given(seed=seeds, n=st.integers(1, 7), restore=st.booleans(), free_start=st.booleans())
def test_stages_act_as_the_circuit(seed, n, restore, free_start, double):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(n, int(rng.integers(0, 40)), rng, max_targets=3)
    assert_acts_as(
        circuit, int(rng.integers(0, most_global(circuit) + 1)), rng, restore, free_start
    )


@given(seed=seeds, restore=st.booleans(), free_start=st.booleans())
def test_names_change_for_nothing(seed, restore, free_start, double):
    """Circuits of many SWAPs, on few local qubits, come home."""
    rng = np.random.default_rng(seed)
    circuit = random_circuit(6, 30, rng, SWAPS, max_targets=2)
    assert_acts_as(circuit, most_global(circuit) - int(rng.integers(2)), rng, restore, free_start)


def least_by_trying_all(task):
    """What the best stages move, by a search over all (ops that ran, local qubits)."""
    n, needs = task.num_qubits, [op.needs for op in task.ops]
    masks = [sum(1 << q for q in qubits) for qubits in combinations(range(n), task.num_local)]

    def ran(done, mask):
        frontier = Frontier(n, task.ops)
        for index in done:
            frontier.run(index)
        return (*done, *run_within(frontier, needs, mask))

    heap = [(0.0, (), mask) for mask in masks if task.begin in (0, mask)]
    seen = set()
    while heap:
        moved, done, mask = heapq.heappop(heap)
        done = ran(done, mask)
        key = frozenset(done), mask
        if key in seen:
            continue
        seen.add(key)
        if len(done) == len(task.ops) and task.end in (0, mask):
            return moved
        for new in masks:
            heapq.heappush(heap, (moved + share(new & ~mask), done, new))
    raise AssertionError("some op never ran")


@given(seed=seeds, n=st.integers(3, 5), given_ends=st.booleans())
def test_no_stages_move_less_than_the_bound(seed, n, given_ends):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(n, 15, rng, ["h", "cx", "rzz", "rx"], max_targets=2)
    ops, _ = ops_and_names(compile_plan(circuit.structure).ops, n)
    widest = max(op.needs.bit_count() for op in ops)
    num_local = int(rng.integers(max(1, widest), n))
    natural = (1 << num_local) - 1 if given_ends else 0
    task = Task(n, num_local, ops, natural, natural)
    found = [mask for mask, _ in choose_stages(task)]
    around = [natural or found[0], *found, natural or found[-1]]
    moved = sum(share(new & ~old) for old, new in pairwise(around))
    assert least_moved(task) <= least_by_trying_all(task) <= moved


def ring(n, layers):
    theta = qj.ParameterVector("theta", n * layers)
    circuit = qj.Circuit(n)
    for layer in range(layers):
        for q in range(n):
            circuit.ry(theta[layer * n + q], q).cx(q, (q + 1) % n)
    return circuit


@pytest.mark.parametrize(("num_global", "stages"), [(1, 3), (3, 3)])
def test_a_ring_of_cx_takes_few_exchanges(num_global, stages):
    """As few as any stages can; gate by gate it would be one per gate on a global qubit."""
    plan = compile_plan(ring(20, 4).structure)
    sharded = shard_plan(plan, num_global, restore=False, free_start=True)
    assert sharded.moved == sharded.least_moved < sharded.moved_gate_by_gate / 3


def test_diagonal_gates_and_controls_move_nothing():
    circuit = (
        qj.Circuit(6)
        .h([0, 1])
        .cx(5, 0)
        .rzz(0.3, 2, 5)
        .cp(0.1, 4, 5)
        .pauli_rotation("XZ", 0.2, [0, 4])
    )
    sharded = shard_plan(compile_plan(circuit.structure), 3)
    assert len(sharded.stages) == 1
    assert sharded.moved == sharded.moved_gate_by_gate == 0


@pytest.mark.parametrize("num_global", range(5))
@pytest.mark.parametrize("circuit", [qj.Circuit(4), qj.Circuit(4).t(3).cz(0, 3).rzz(0.2, 1, 3)])
def test_where_nothing_mixes_amplitudes_nothing_moves(circuit, num_global):
    sharded = shard_plan(compile_plan(circuit.structure), num_global, free_start=True)
    assert sharded.moved == sharded.least_moved == sharded.moved_gate_by_gate == 0


@pytest.mark.parametrize("num_global", range(5))
def test_a_swap_moves_nothing_unless_its_labels_are_restored(num_global):
    plan = compile_plan(qj.Circuit(4).swap(0, 3).structure)
    sharded = shard_plan(plan, num_global, restore=False, free_start=True)
    assert sharded.moved == sharded.least_moved == 0
    assert len(sharded.stages) == 1


def test_ten_thousand_gates_on_forty_qubits():
    rng = np.random.default_rng(1)
    circuit = random_circuit(40, 10_000, rng, ["h", "cx", "rzz", "rx"], max_targets=2)
    plan = compile_plan(circuit.structure)
    sharded = shard_plan(plan, 10, restore=False, free_start=True)
    ran = sorted(index for stage in sharded.stages for index in stage.ops)
    assert ran == list(range(len(plan.ops)))
    assert sharded.least_moved <= sharded.moved < sharded.moved_gate_by_gate / 10


def test_permutations_of_qubits_move_nothing(double, rng):
    """A gate that rotates three qubits is a change of names, as a SWAP is."""
    circuit = random_circuit(5, 10, rng, ["h", "cx"])
    for qubits in ([0, 4, 2], [3, 1, 4]):
        table = [(j << 1 | j >> 2) & 7 for j in range(8)]
        circuit.permutation(table, qubits).ry(0.3, qubits[0])
    assert not any(len(op.table) == 8 for op in compile_plan(circuit.structure).ops)
    for restore in (False, True):
        assert_acts_as(circuit, 2, rng, restore, False)


def test_errors():
    plan = compile_plan(qj.Circuit(3).unitary(np.eye(8)[::-1] * 1j, [0, 1, 2]).structure)
    with pytest.raises(EngineError, match="has 2 on each"):
        shard_plan(plan, 1)
    with pytest.raises(EngineError, match=r"num_global must be in 0\.\.3"):
        shard_plan(plan, 4)
