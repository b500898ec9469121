"""Schedules: sweeps over tiles give the circuit's state, and touch nothing else than they say."""

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import random_circuit, random_state, seeds

import qjax as qj
from qjax.engine.numbers import numbers
from qjax.plan import OpKind, StepKind, compile_plan, max_width
from qjax.plan.cost import cost
from qjax.plan.fixed import fixed_matrix


def op_matrix(plan, op, offset, buffer):
    """The op's matrix on its targets."""
    k = len(op.targets)
    if op.kind is OpKind.PERMUTATION:
        return np.eye(2**k)[:, list(op.table)]
    if op.fixed:
        return fixed_matrix(plan.structure, op)
    own = buffer[offset : offset + op.num_numbers]
    if op.kind is OpKind.ROTATION:
        letters = ["IXZY"[(op.x_mask >> q & 1) + 2 * (op.z_mask >> q & 1)] for q in op.targets]
        return own[0] * np.eye(2**k) - 1j * own[1] * oracle.pauli(letters)
    entries = own[0::2] + 1j * own[1::2]
    return np.diag(entries) if op.kind is OpKind.DIAGONAL else entries.reshape(2**k, 2**k)


def apply_in_tile(op, matrix, tile, outer, amplitudes):
    """Apply an op to the amplitudes of one tile.

    `outer` holds the bits of the qubits outside the tile. The targets that are outside must be
    ones on which the matrix is diagonal: then their bits choose a block of it.
    """
    inside = [t for t in op.targets if t in tile]
    for t in op.targets:
        assert t in tile or op.axis(t) in "IZ"
    chosen = [
        j
        for j in range(len(matrix))
        if all(t in tile or j >> i & 1 == outer[t] for i, t in enumerate(op.targets))
    ]
    block = matrix[np.ix_(chosen, chosen)]
    controls = []
    for c, v in zip(op.controls, op.control_values, strict=True):
        if c in tile:
            controls.append((tile.index(c), v))
        elif outer[c] != v:
            return amplitudes
    return oracle.apply(
        block,
        [tile.index(t) for t in inside],
        [c for c, _ in controls],
        [v for _, v in controls],
        amplitudes,
    )


def run_schedule(plan, stages, buffer, state):
    n = plan.num_qubits
    matrices = [
        op_matrix(plan, op, o, buffer) for op, o in zip(plan.ops, plan.offsets, strict=True)
    ]
    for sweep in (sweep for stage in stages for sweep in stage.sweeps):
        rest = [q for q in range(n) if q not in sweep.tile]
        new = np.full_like(state, np.nan)
        inner = np.arange(2 ** len(sweep.tile))
        inner = sum(((inner >> p & 1) << q for p, q in enumerate(sweep.tile)), 0 * inner)
        for value in range(2 ** len(rest)):
            outer = {q: value >> k & 1 for k, q in enumerate(rest)}
            index = inner + sum(bit << q for q, bit in outer.items())
            amplitudes = state[index]
            for step in sweep.steps:
                for i in step.ops:
                    amplitudes = apply_in_tile(
                        plan.ops[i], matrices[i], sweep.tile, outer, amplitudes
                    )
            new[index] = amplitudes
        state = new
    return state


def check_promises(plan, stages, tile_bits, low_bits):
    n = plan.num_qubits
    (stage,) = stages
    for sweep in stage.sweeps:
        assert len(sweep.tile) == min(tile_bits, n)
        assert list(sweep.tile) == sorted(set(sweep.tile))
        assert set(range(min(low_bits, n))) <= set(sweep.tile) <= set(range(n))
        assert sweep.steps
        for step in sweep.steps:
            ops = [plan.ops[i] for i in step.ops]
            assert ops
            if step.kind is StepKind.SINGLES:
                qubits = [q for op in ops for q in op.targets]
                assert len(set(qubits)) == len(qubits) == len(ops)
                assert set(qubits) <= set(sweep.tile)
                assert all(op.kind in (OpKind.DENSE, OpKind.ROTATION) for op in ops)
                assert not any(op.controls or op.is_diagonal for op in ops)
            elif step.kind is StepKind.PHASES:
                assert all(
                    op.kind is OpKind.DIAGONAL or (op.kind is OpKind.ROTATION and not op.x_mask)
                    for op in ops
                )
            elif step.kind is StepKind.MOVES:
                for op in ops:
                    assert set(op.targets) <= set(sweep.tile)
                    assert (op.table == (1, 0) and len(op.controls) <= 1) or (
                        op.table == (0, 2, 1, 3) and not op.controls
                    )
            else:
                assert len(ops) == 1
    done = [i for sweep in stage.sweeps for step in sweep.steps for i in step.ops]
    assert sorted(done) == list(range(len(plan.ops)))
    if tile_bits >= n:
        assert len(stage.sweeps) == bool(plan.ops)


@settings(max_examples=150)
@given(data=st.data(), seed=seeds)
def test_any_schedule_gives_the_state_of_the_circuit(data, seed):
    rng = np.random.default_rng(seed)
    n = data.draw(st.integers(1, 7), "qubits")
    circuit = random_circuit(n, data.draw(st.integers(0, 40), "gates"), rng, max_targets=3)
    plan = compile_plan(circuit.structure)
    low = data.draw(st.integers(0, max(0, n - max_width(plan))), "low bits")
    tile = data.draw(st.integers(max(2, low + max_width(plan)), max(2, n)), "tile bits")
    stages = plan.schedule(tile, low)
    check_promises(plan, stages, tile, low)
    buffer = numbers(plan, circuit.leaves, None, np.float64)
    state = random_state(n, rng)
    error = np.max(np.abs(run_schedule(plan, stages, buffer, state) - oracle.run(circuit, state)))
    assert error <= 32 * np.finfo(float).eps * (len(circuit) + 1)


def test_the_same_schedule_is_made_once():
    plan = compile_plan(qj.Circuit(3).h(range(3)).structure)
    assert plan.schedule(2, 1) is plan.schedule(2, 1)


def test_layers_on_more_qubits_than_a_tile_take_few_sweeps():
    circuit = qj.Circuit(20)
    for _ in range(10):
        circuit.ry(0.1, range(20)).rz(0.2, range(20)).cx(range(19), range(1, 20))
    (stage,) = compile_plan(circuit.structure).schedule(16, 6)
    assert len(stage.sweeps) <= 4
    (single,) = compile_plan(circuit.structure).schedule(20, 6)
    kinds = [step.kind for sweep in single.sweeps for step in sweep.steps]
    assert kinds == [StepKind.SINGLES, StepKind.PHASES, StepKind.MOVES] * 10


def test_controls_and_diagonal_ops_need_no_tile():
    circuit = qj.Circuit(12).h(range(3))
    for q in range(3, 12):
        circuit.cx(q, 0).cp(0.1, q, 11 if q < 11 else 0).rzz(0.2, q, 1)
    (stage,) = compile_plan(circuit.structure).schedule(3, 3)
    assert [sweep.tile for sweep in stage.sweeps] == [(0, 1, 2)]


def test_a_plan_prints_its_sweeps():
    plan = compile_plan(qj.Circuit(3).h(range(3)).cz(0, 2).structure)
    assert plan.describe(2, 1).splitlines()[1:] == [
        "  sweep over 0, 1",
        "    singles dense on 0",
        "            dense on 1",
        "  sweep over 0, 2",
        "    singles dense on 2",
        "    phases  diagonal on 2 if 0",
    ]


def test_the_cost_counts_sweeps_and_arithmetic():
    plan = compile_plan(qj.Circuit(4).h(range(4)).cz(0, 2).rx(0.1, 3).structure)
    forward, both = cost(plan, 4, 2, 16), cost(plan, 4, 2, 16, grad=True)
    assert (forward.sweeps, forward.steps) == (1, 3)
    assert forward.bytes == 2 * 16 * 16
    assert forward.flops == 2 * 16 * (4 * 4 + 8 + 4)
    assert both.bytes == 3 * forward.bytes
    assert both.flops == 2 * 16 * (4 * 12 + 8 * 2.5 + 4 * 2.5)


def test_an_op_wider_than_a_tile_is_refused():
    plan = compile_plan(qj.Circuit(4).unitary(np.eye(8), (1, 2, 3)).structure)
    assert max_width(plan) == 3
    with pytest.raises(qj.QjaxError, match="must fit a tile of 2 qubits"):
        plan.schedule(2, 0)
