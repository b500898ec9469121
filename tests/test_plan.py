"""The compiler: plans act as their circuits, with less work."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from strategies import random_circuit, seeds

import qjax as qj
from qjax.engine.tape import write_tape
from qjax.plan import OpKind, compile_plan
from qjax.plan.cost import multiply_adds
from qjax.plan.fuse import fuse
from qjax.plan.lower import lower


def plan_of(circuit):
    return compile_plan(circuit.structure)


@given(seed=seeds)
def test_fusion_keeps_the_unitary_and_never_adds_arithmetic(seed):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(3, 30, rng, names=["h", "x", "s", "t", "cx", "cz", "swap", "rx", "rz",
                                                "u", "cp", "iswap", "rzz", "gphase"])  # fmt: skip
    ops = lower(circuit.structure)
    fused = fuse(circuit.structure, ops)
    assert len(fused) <= len(ops)
    assert sum(map(multiply_adds, fused)) <= sum(map(multiply_adds, ops))
    error = np.max(np.abs(qj.unitary(circuit) - oracle.unitary(circuit)))
    assert error <= 32 * np.finfo(np.float32).eps * (len(circuit) + 1)


@pytest.mark.parametrize(
    ("circuit", "ops"),
    [
        (qj.Circuit(1).h(0).h(0), 0),
        (qj.Circuit(2).cx(0, 1).cx(0, 1), 0),
        (qj.Circuit(1).s(0).sdg(0), 0),
        (qj.Circuit(1).t(0).x(0).x(0).tdg(0), 0),
        (qj.Circuit(2).id(0).id(1), 0),
        (qj.Circuit(1).rz(0.1, 0).ry(0.2, 0).rz(0.3, 0), 1),
        (qj.Circuit(2).rz(0.1, 0).cx(0, 1).rz(0.2, 0), 2),  # rz moves past the control
        (qj.Circuit(2).rzz(0.1, 0, 1).rzz(0.2, 0, 1), 1),
        (qj.Circuit(2).rx(0.1, 0).ry(0.2, 1).iswap(0, 1).rz(0.1, 0), 1),
        (qj.Circuit(1).gphase(0.1).x(0).gphase(0.2), 2),
    ],
)
def test_what_merges(circuit, ops):
    assert len(plan_of(circuit).ops) == ops


def test_permutations_run_no_step():
    circuit = qj.Circuit(6).x(0).cx(0, 1).swap(2, 3).dcx(4, 5).permutation([1, 0, 2, 3], (0, 3))
    tape = write_tape(plan_of(circuit.cx(range(5), range(1, 6))))
    assert not tape.segments
    assert tape.read is not None


def test_diagonal_gates_share_steps():
    circuit = qj.Circuit(8)
    for q in range(7):
        circuit.rzz(0.1 * q, q, q + 1)
    (segment,) = write_tape(plan_of(circuit)).segments
    assert len(segment.form) == 1


def test_equal_structures_have_one_plan():
    def make(angle):
        return qj.Circuit(2).rx(angle, 0).cx(0, 1)

    assert plan_of(make(0.1)) is plan_of(make(0.2))
    assert plan_of(make(0.1)) != plan_of(qj.Circuit(2).rx(0.1, 1).cx(0, 1))


def test_the_kind_of_an_op_is_read_from_the_matrix():
    kinds = {
        "h": OpKind.DENSE, "rz": OpKind.DIAGONAL, "p": OpKind.DIAGONAL, "x": OpKind.PERMUTATION,
        "swap": OpKind.PERMUTATION, "y": OpKind.DENSE, "rxx": OpKind.ROTATION,
        "rzz": OpKind.ROTATION, "cz": OpKind.DIAGONAL, "fsim": OpKind.DENSE,
    }  # fmt: skip
    for name, kind in kinds.items():
        gate = qj.GATES[name]
        circuit = qj.Circuit(2).append(name, range(gate.num_qubits), (0.3,) * len(gate.params))
        (op,) = lower(circuit.structure)
        assert op.kind is kind, name


def test_a_plan_of_ten_thousand_gates():
    rng = np.random.default_rng(0)
    circuit = random_circuit(24, 10_000, rng, names=["rx", "rz", "cx", "h", "rzz", "cp", "u"])
    plan = plan_of(circuit)
    assert len(plan.ops) < 10_000
    assert str(plan).startswith("24 qubits, ")
