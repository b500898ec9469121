"""The compiler: plans act as their circuits, with less work."""

import numpy as np
import oracle
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import random_circuit, seeds

import qjax as qj
from qjax.engine.tape import write_tape
from qjax.plan import OpKind, compile_plan
from qjax.plan.cost import work
from qjax.plan.lower import lower


def plan_of(circuit):
    return compile_plan(circuit.structure)


@given(seed=seeds, n=st.integers(2, 6))
def test_the_compiler_keeps_the_unitary_and_never_adds_work(seed, n):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(n, 40, rng, names=["h", "x", "s", "t", "sx", "cx", "cz", "swap", "rx",
                             "ry", "rz", "u", "cp", "crx", "iswap", "rzz", "gphase"])  # fmt: skip
    ops, plan = lower(circuit.structure), plan_of(circuit)
    assert len(plan.ops) <= len(ops)
    assert sum(work(op, n) for op in plan.ops) <= sum(work(op, n) for op in ops)
    error = np.max(np.abs(qj.unitary(circuit) - oracle.unitary(circuit)))
    assert error <= 32 * np.finfo(np.float32).eps * (len(circuit) + 1)


WIDE = 16  # with so many qubits, a matrix that depends on angles costs next to nothing


@pytest.mark.parametrize(
    ("circuit", "ops"),
    [
        (qj.Circuit(1).h(0).h(0), ""),
        (qj.Circuit(2).cx(0, 1).cx(0, 1), ""),
        (qj.Circuit(1).s(0).sdg(0), ""),
        (qj.Circuit(1).t(0).x(0).x(0).tdg(0), ""),
        (qj.Circuit(2).id(0).id(1), ""),
        (qj.Circuit(2).swap(0, 1).cx(0, 1).swap(0, 1), "permutation on 0 if 1"),
        (qj.Circuit(3).swap(0, 2).h(0), "dense on 2; permutation on 0, 2"),
        (qj.Circuit(1).h(0).x(0).h(0), "diagonal on 0 from 3 gates"),
        (qj.Circuit(1).h(0).z(0).h(0), "permutation on 0 from 3 gates"),
        (qj.Circuit(1).x(0).y(0).p(0.1, 0), "diagonal on 0 from 2 gates; diagonal on 0"),
        (qj.Circuit(1).h(0).t(0), "dense on 0; diagonal on 0"),
        (qj.Circuit(1).h(0).t(0).h(0), "dense on 0 from 3 gates"),
        (qj.Circuit(1).sx(0).h(0), "dense on 0 from 2 gates"),
        (qj.Circuit(WIDE).rz(0.1, 0).ry(0.2, 0).rz(0.3, 0),
         "rotation Z on 0; rotation Y on 0; rotation Z on 0"),
        (qj.Circuit(WIDE).ry(0.1, 0).rx(0.2, 0).ry(0.3, 0), "dense on 0 from 3 gates"),
        (qj.Circuit(4).ry(0.1, 0).rx(0.2, 0).ry(0.3, 0),  # a matrix costs more than the state
         "rotation Y on 0; rotation X on 0; rotation Y on 0"),
        (qj.Circuit(WIDE).u(0.1, 0.2, 0.3, 0).rz(0.1, 0), "dense on 0 from 2 gates"),
        (qj.Circuit(2).rz(0.1, 0).cx(0, 1).rz(0.2, 0),
         "rotation Z on 0 from 2 gates; permutation on 1 if 0"),
        (qj.Circuit(2).rx(0.1, 1).cx(0, 1).rx(0.2, 1),
         "rotation X on 1 from 2 gates; permutation on 1 if 0"),
        (qj.Circuit(2).rz(0.1, 0).t(0), "diagonal on 0 from 2 gates"),
        (qj.Circuit(2).rzz(0.1, 0, 1).rzz(0.2, 0, 1), "rotation ZZ on 0, 1 from 2 gates"),
        (qj.Circuit(2).crx(0.1, 0, 1).crx(0.2, 0, 1), "rotation X on 1 if 0 from 2 gates"),
        (qj.Circuit(WIDE).rx(0.1, 0).ry(0.2, 1).fsim(0.1, 0.2, 0, 1).rz(0.1, 0),
         "dense on 0, 1 from 4 gates"),
        (qj.Circuit(WIDE).u3(1, 2, 3, [0, 1]).cx(0, 1).u3(1, 2, 3, [0, 1]).cx(1, 0),
         "dense on 0, 1 from 6 gates"),
        (qj.Circuit(WIDE).u3(1, 2, 3, [0, 1, 2]).cx([0, 1], [1, 2]).u3(1, 2, 3, [0, 1, 2])
         .cx([1, 0], [2, 1]).u3(1, 2, 3, [0, 1, 2]), "dense on 0, 1, 2 from 13 gates"),
        (qj.Circuit(WIDE).u3(1, 2, 3, [0, 1, 2]).cx([0, 1], [1, 2]).u3(1, 2, 3, [0, 1, 2]),
         "dense on 0; dense on 1; dense on 2; permutation on 1 if 0; permutation on 2 if 1; "
         "dense on 0; dense on 1; dense on 2"),
        (qj.Circuit(WIDE).u3(1, 2, 3, [0, 1]).cz(0, 1).u3(1, 2, 3, 0),  # not much less work
         "dense on 0; dense on 1; diagonal on 1 if 0; dense on 0"),
        (qj.Circuit(1).gphase(0.1).x(0).gphase(0.2),
         "permutation on 0; diagonal on all from 2 gates"),
        (qj.Circuit(2).gphase(0.1, controls=[1], control_values=[0]).iswap(0, 1),
         "diagonal on all if not 1; dense on 0, 1"),
    ],
)  # fmt: skip
def test_what_merges(circuit, ops):
    assert "; ".join(map(str, plan_of(circuit).ops)) == ops


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
        "h": OpKind.DENSE, "rz": OpKind.ROTATION, "p": OpKind.DIAGONAL, "x": OpKind.PERMUTATION,
        "swap": OpKind.PERMUTATION, "y": OpKind.DENSE, "rxx": OpKind.ROTATION,
        "rx": OpKind.ROTATION,
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
