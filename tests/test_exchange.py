"""Stages on many devices give the circuit's state, and exchange what they say."""

import numpy as np
import oracle
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_circuit, random_state, seeds
from test_plan_schedule import op_matrix

from qjax.engine.numbers import numbers
from qjax.plan import compile_plan
from qjax.plan.exchange import shard_plan

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
