"""Loops on measured bits, angles that depend on them, deferral and post-selection."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from test_control_flow import assert_same_channel, branches, density
from test_dynamic import SINGLE, assert_drawn_from, distribution, observed

import qjax as qj
from qjax.dynamic import deferred, is_dynamic
from qjax.dynamic.steps import parted
from qjax.errors import CircuitError, QasmError
from qjax.qasm import dumps, loads

HEAD = 'OPENQASM 3.0; include "stdgates.inc"; '


def attempt(angle=0.9):
    return qj.Circuit(2, 1).reset([0, 1]).ry(2 * angle, 0).cx(0, 1).measure(1, 0)


def repeat_until_success(tries, angle=0.9):
    start = qj.Circuit(2, 1).ry(2 * angle, 0).cx(0, 1).measure(1, 0)
    return start.while_loop(0, 1, attempt(angle), tries - 1)


def repetition_code(distance, cycles, chance):
    """Cycles of syndrome measurement of a bit-flip code, its errors left in the data."""
    data, ancillas = distance, distance - 1
    circuit = qj.Circuit(data + ancillas, cycles * ancillas + data)

    def cycle(k):
        one = qj.Circuit(data + ancillas).channel("bit_flip", chance, range(data))
        for a in range(ancillas):
            one.cx(a, data + a).cx(a + 1, data + a)
        where = range(data, data + ancillas)
        return one.measure(where, range(k * ancillas, (k + 1) * ancillas)).reset(where)

    circuit.for_loop(range(cycles), cycle)
    return circuit.measure(range(data), range(cycles * ancillas, cycles * ancillas + data))


def test_tries_until_success_fail_with_a_power_of_the_chance_of_one():
    circuit = repeat_until_success(6)
    found = qj.branches(circuit)
    failed = sum(p for b, p in zip(found.bits, found.probabilities, strict=True) if b[0])
    assert float(failed) == pytest.approx(np.sin(0.9) ** 12, abs=SINGLE)
    counts = qj.counts(circuit, 20_000, jax.random.key(0))
    wanted = np.sin(0.9) ** 12
    assert counts["1"] / 20_000 == pytest.approx(wanted, abs=5 * np.sqrt(wanted / 20_000))


def test_a_loop_has_gradients(double):
    t = qj.Parameter("t")
    circuit = qj.Circuit(2, 1).ry(2 * t, 0).cx(0, 1).measure(1, 0)
    again = qj.Circuit(2, 1).reset([0, 1]).ry(2 * t, 0).cx(0, 1).measure(1, 0)
    circuit.while_loop(0, 1, again, 3)
    mean = lambda v: qj.expectation(circuit, "Z0", v, dtype="complex128")
    # <Z> = 1 - 2 sin(t)^8
    assert float(mean(0.8)) == pytest.approx(1 - 2 * np.sin(0.8) ** 8, abs=1e-13)
    slope = -16 * np.sin(0.8) ** 7 * np.cos(0.8)
    assert float(jax.jit(jax.grad(mean))(0.8)) == pytest.approx(slope, abs=1e-12)


def test_a_loop_reads_its_bits_before_each_time():
    """Two bits decide, and both are measured again: the loop ends at 00."""
    again = qj.Circuit(2, 2).h([0, 1]).measure([0, 1], [0, 1])
    circuit = qj.Circuit(2, 2).compose(again).while_loop([0, 1], 0, again, 4, until=True)
    wanted = np.full(4, (3 / 4) ** 4 / 4)
    wanted[0] = 1 - 3 * wanted[1]
    np.testing.assert_allclose(distribution(circuit), wanted, atol=1e-12)
    for found in (qj.branches(circuit),):
        values = found.bits @ np.array([1, 2])
        chances = np.bincount(values, np.asarray(found.probabilities), minlength=4)
        np.testing.assert_allclose(chances, wanted, atol=SINGLE)
    assert_drawn_from(observed(qj.sample(circuit, 8000, jax.random.key(1))), wanted)


def test_loops_are_written_and_read():
    again = qj.Circuit(2, 2).h([0, 1]).measure([0, 1], [0, 1])
    circuit = qj.Circuit(2, 2).compose(again).while_loop([0, 1], 0, again, 2, until=True)
    text = dumps(circuit)
    assert text.count("if (c != 0) {") == 2
    assert_same_channel(loads(text), circuit)
    with pytest.raises(QasmError, match="one measurement at most must change the bits"):
        dumps(circuit, 2)
    single = repeat_until_success(3)
    assert_same_channel(loads(dumps(single)), single)
    assert_same_channel(loads(dumps(single, 2)), single)


@pytest.mark.parametrize("basis", ["rz sx x cz", "prx cz"])
def test_native_gates_keep_the_times_of_a_loop_apart(basis):
    from qjax.circuit.native import native

    assert_same_channel(native(repeat_until_success(3), basis), repeat_until_success(3))


def test_while_of_openqasm():
    text = HEAD + (
        "qubit[2] q; bit c; ry(1.8) q[0]; cx q[0], q[1]; c = measure q[1];"
        "while (c == 1) { reset q; ry(1.8) q[0]; cx q[0], q[1]; c = measure q[1]; }"
    )
    with pytest.raises(QasmError, match="must have a bound: loads"):
        loads(text)
    with pytest.raises(QasmError, match="max_iterations"):
        loads(text, max_iterations=0)
    assert_same_channel(loads(text, max_iterations=2), repeat_until_success(3))


def test_loops_of_qiskit():
    from qiskit import QuantumCircuit

    made = QuantumCircuit(2, 1)
    with made.for_loop(range(3)) as k:
        made.ry(0.6 * k, 0)
    made.cx(0, 1)
    made.measure(1, 0)
    with made.while_loop((made.clbits[0], 1)):
        made.reset(0)
        made.reset(1)
        made.ry(1.8, 0)
        made.cx(0, 1)
        made.measure(1, 0)
    with pytest.raises(CircuitError, match="must have a bound"):
        qj.interop.from_qiskit(made)
    found = qj.interop.from_qiskit(made, max_iterations=2)
    assert_same_channel(found, repeat_until_success(3))
    back = qj.interop.from_qiskit(qj.interop.to_qiskit(found))
    assert_same_channel(back, found)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: c.while_loop(0, 1, attempt(), 0), "max_iterations"),
        (lambda c: c.while_loop(3, 1, attempt(), 2), "classical bit must be 0 in this circuit"),
        (lambda c: c.while_loop(0, 2, attempt(), 2), r"value must be in 0\.\.1"),
        (lambda c: c.while_loop(0, 1, qj.Circuit(3), 2), "a Circuit on at most 2 qubits"),
        (
            lambda c: c.while_loop(0, 1, qj.Circuit(2, 1).measure(0).x(0), 2),
            "must not change the bits of its condition and go on",
        ),
        (lambda c: c.for_loop(range(2), lambda k: k), "a body must be a Circuit"),
    ],
)
def test_loops_that_do_not_fit_are_refused(call, message):
    with pytest.raises(CircuitError, match=message):
        call(qj.Circuit(2, 1))


def test_a_measurement_inside_moves_to_the_end_of_a_body_where_nothing_cares():
    body = qj.Circuit(2, 1).measure(0, 0).h(1)
    circuit = qj.Circuit(2, 1).h(0).measure(0).if_else(0, 1, body)
    assert [i.name for i in circuit] == ["h", "measure", "h", "measure"]


def test_cycles_of_a_repetition_code_find_its_errors():
    """A syndrome tells where neighbours differ; all flips together are in the data at the end."""
    circuit = repetition_code(3, 4, 0.08)
    bits = np.asarray(qj.sample(circuit, 4000, jax.random.key(3))).astype(int)
    syndromes, data = bits[:, :8].reshape(-1, 4, 2), bits[:, 8:]
    np.testing.assert_array_equal(syndromes[:, -1], data[:, :-1] ^ data[:, 1:])
    flipped = (1 - (1 - 2 * 0.08) ** 4) / 2
    error = np.sqrt(flipped * (1 - flipped) / 4000)
    np.testing.assert_allclose(data.mean(0), flipped, atol=5 * error)


# --- angles that depend on bits -------------------------------------------------------------------


def switched(gate, angle_of, bits, num_qubits, *places):
    """The same by a switch over all values."""
    cases = {
        v: getattr(qj.Circuit(num_qubits, len(bits)), gate)(*angle_of(v), *places)
        for v in range(2 ** len(bits))
    }
    return qj.Circuit(num_qubits, len(bits)).h([0, 1]).measure([0, 1]).switch(bits, cases)


def begun(num_qubits=3):
    return qj.Circuit(num_qubits, 2).h([0, 1]).measure([0, 1])


def test_measured_bits_turn_rotations():
    a, b = qj.Clbit(0), qj.Clbit(1)
    found = begun().h(2).rz(0.3 - np.pi / 2 * a + b / 4, 2)
    wanted = begun().h(2)
    wanted = wanted.compose(
        switched("rz", lambda v: (0.3 - np.pi / 2 * (v & 1) + (v >> 1) / 4,), [0, 1], 3, 2)[4:]
    )
    assert_same_channel(found, wanted)
    assert found.count_ops()["rz"] == 3


def test_measured_bits_turn_any_gate():
    a, b = qj.Clbit(0), qj.Clbit(1)
    found = begun().u(0.4 + a, 0.3 * b, 0.2, 2).crx(np.float64(0.5) * a, 0, 2)
    wanted = begun()
    for v in range(4):
        one = qj.Circuit(3, 2).u(0.4 + (v & 1), 0.3 * (v >> 1), 0.2, 2).crx(0.5 * (v & 1), 0, 2)
        wanted.if_else([0, 1], v, one)
    assert_same_channel(found, wanted)


def test_trained_angles_times_bits(double):
    t = qj.ParameterVector("t", 2)
    circuit = begun(3).ry(t[0] * qj.Clbit(0) + t[1], 2)
    mean = lambda v: qj.expectation(circuit, "Z2", v, dtype="complex128")
    point = jnp.array([0.3, 0.8])
    wanted = (np.cos(0.8) + np.cos(1.1)) / 2
    assert float(mean(point)) == pytest.approx(wanted, abs=1e-13)
    slope = [-np.sin(1.1) / 2, -(np.sin(0.8) + np.sin(1.1)) / 2]
    np.testing.assert_allclose(jax.grad(mean)(point), slope, atol=1e-12)
    traced = jax.jit(lambda v: qj.expectation(
        begun(3).ry(v[0] * qj.Clbit(0) + v[1], 2), "Z2", dtype="complex128"))  # fmt: skip
    assert float(traced(point)) == pytest.approx(wanted, abs=1e-13)


@pytest.mark.parametrize("value", [0, 5, 11, 15])
def test_iterative_phase_estimation_by_turns(value):
    circuit = qj.Circuit(2, 4).x(1)
    for k in range(4):
        circuit.reset(0).h(0).cp(2 * np.pi * value / 16 * 2 ** (3 - k), 0, 1)
        if k:
            circuit.p(sum(-np.pi / 2 ** (k - j) * qj.Clbit(j) for j in range(k)), 0)
        circuit.h(0).measure(0, k)
    assert qj.counts(circuit, 100, jax.random.key(0)) == {format(value, "04b"): 100}


def test_angles_of_openqasm_that_depend_on_bits():
    text = HEAD + (
        "qubit[3] q; bit[2] c; h q[0]; h q[1]; c[0] = measure q[0]; c[1] = measure q[1];"
        "rz(0.3 - pi / 2 * int(c[0]) + uint(c[1]) / 4) q[2]; ctrl @ rx(0.5 * uint(c)) q[0], q[2];"
        "u3(0.1 * uint(c), 0, 0) q[2];"
    )
    a, b = qj.Clbit(0), qj.Clbit(1)
    wanted = begun().rz(0.3 - np.pi / 2 * a + b / 4, 2).crx(0.5 * a + b, 0, 2)
    wanted.u(0.1 * a + 0.2 * b, 0, 0, 2)
    found = loads(text)
    assert_same_channel(found, wanted)
    assert found.count_ops()["rz"] == 3
    assert_same_channel(loads(dumps(found)), found)


def test_angles_of_bits_that_do_not_fit_are_refused():
    with pytest.raises(CircuitError, match=r"bits of this circuit, in 0\.\.1, but depends on bit"):
        begun().rz(0.5 * qj.Clbit(2), 2)
    with pytest.raises(CircuitError, match="affine in measured bits"):
        qj.Clbit(0) * qj.Clbit(1)
    with pytest.raises(CircuitError, match="at least 0"):
        qj.Clbit(-1)
    with pytest.raises(CircuitError, match="at most 8 bits"):
        many = qj.Circuit(1, 9)
        many.u(sum(qj.Clbit(k) for k in range(9)), 0, 0, 0)
    assert repr(0.5 * qj.Clbit(0) - qj.Clbit(1) + qj.Parameter("t")) == "0.5*c[0] - 1*c[1] + (t)"


# --- deferral -------------------------------------------------------------------------------------


def test_conditions_on_qubits_that_rest_become_controls():
    circuit = qj.Circuit(3).ry(0.3, 0).h(1).cx(1, 2).cx(0, 1).h(0).measure([0, 1])
    circuit.if_else(1, 1, qj.Circuit(3).x(2)).if_else(0, 1, qj.Circuit(3).z(2))
    later = deferred(circuit)
    assert is_dynamic(circuit)
    assert not is_dynamic(later)
    assert later.count_ops() == {"cx": 3, "h": 2, "measure": 2, "ry": 1, "cz": 1}
    # The state of the qubit that is left, with measurements at the end as with them inside.
    assert_same_channel(later, circuit)


@pytest.mark.parametrize("seed", range(8))
def test_deferral_keeps_outcomes_and_states(seed):
    rng = np.random.default_rng(seed)
    circuit = qj.Circuit(4, 4)
    free = [0, 1, 2, 3]
    for k in range(3):
        for _ in range(2):
            a, b = (int(q) for q in rng.choice(free, 2, replace=False))
            circuit.ry(float(rng.normal()), a).cx(a, b)
        q = int(rng.choice(free))
        circuit.measure(q, k)
        if rng.random() < 0.7 and len(free) > 2:
            free.remove(q)
        body = qj.Circuit(4).ry(0.4, free[0]).crz(0.3, free[0], free[1])
        bits = list(range(k + 1))
        circuit.if_else(bits, int(rng.integers(2 ** (k + 1))), body, qj.Circuit(4).h(free[1]))
    assert_same_channel(deferred(circuit), circuit)
    observable = qj.PauliSum("Z0 X1 + 0.3 Y2 Z3 - 0.7 X0 + Z1 Z2 Z3")
    matrix = observable.to_matrix()
    wanted = sum(np.vdot(s, matrix @ s).real for _, s in branches(circuit))
    assert float(qj.expectation(circuit, observable)) == pytest.approx(wanted, abs=3 * SINGLE)
    projector = qj.Hermitian(np.diag([1.0, 2.0]) + 0.5 * np.eye(2)[::-1], 0)
    full = np.kron(np.eye(8), np.diag([1.0, 2.0]) + 0.5 * np.eye(2)[::-1])
    wanted = sum(np.vdot(s, full @ s).real for _, s in branches(circuit))
    assert float(qj.expectation(circuit, projector)) == pytest.approx(wanted, abs=3 * SINGLE)
    assert_drawn_from(
        observed(qj.sample(circuit, 3000, jax.random.key(seed))), distribution(circuit)
    )


def test_a_bit_that_is_read_before_it_is_written_is_zero():
    circuit = qj.Circuit(2, 1).h(0).if_else(0, 0, qj.Circuit(2).x(1)).measure(0, 0)
    assert float(qj.expectation(circuit, "Z1")) == pytest.approx(-1)
    assert_same_channel(deferred(circuit), circuit)


def test_deferred_circuits_take_batches_and_many_qubits():
    """Twenty measured qubits have 2**20 outcomes, and one state."""
    n = 20
    t = qj.Parameter("t")
    circuit = qj.Circuit(n + 1, n).ry(t, range(n)).measure(range(n))
    for k in range(n):
        circuit.if_else(k, 1, qj.Circuit(n + 1).x(n))
    values = jnp.array([0.3, 0.7])
    wanted = np.cos(values) ** n  # the parity of n independent bits
    np.testing.assert_allclose(qj.expectation(circuit, f"Z{n}", values[:, None]), wanted, atol=1e-5)


# --- post-selection -------------------------------------------------------------------------------


def test_given_outcomes_are_those_of_all_branches(dtype):
    circuit = qj.Circuit(3, 3).ry(0.4, 0).cx(0, 1).ry(0.7, 1).measure(0, 0)
    circuit.if_else(0, 1, qj.Circuit(3).ry(0.5, 2)).cx(1, 2).measure(1, 1)
    circuit.if_else(1, 0, qj.Circuit(3, 3).h(0).measure(0, 2))
    everything = density(circuit)
    tolerance = SINGLE if dtype == np.complex64 else 1e-13
    observable = qj.PauliSum("Z0 + 0.5 X2 Z1")
    for given in ({0: 1}, {1: 0}, {0: 1, 1: 1}, {2: 1}, {2: 0, 0: 0}):
        kept = [
            rho for bits, rho in everything.items() if all(bits[c] == v for c, v in given.items())
        ]
        wanted = sum(kept, np.zeros((8, 8)))
        found = qj.branches(circuit, given=given, dtype=dtype)
        assert len(found.bits) <= 8
        assert all(found.bits[:, c].tolist() == [v] * len(found.bits) for c, v in given.items())
        states = np.asarray(found.states)
        got = np.einsum("b,bi,bj->ij", np.asarray(found.probabilities), states, states.conj())
        np.testing.assert_allclose(got, wanted, atol=tolerance)
        mean = qj.expectation(circuit, observable, given=given, dtype=dtype)
        ratio = np.trace(observable.to_matrix() @ wanted).real / np.trace(wanted).real
        assert float(mean) == pytest.approx(ratio, abs=20 * tolerance)


def test_post_selection_of_many_qubits_has_gradients(double):
    """A chain is projected onto zeros but for its end: one branch, not 2**15."""
    n = 16
    t = qj.ParameterVector("t", n)
    circuit = qj.Circuit(n, n - 1)
    for q in range(n):
        circuit.ry(t[q], q)
    for q in range(n - 1):
        circuit.cx(q, q + 1)
    circuit.measure(range(n - 1))
    given = dict.fromkeys(range(n - 1), 0)
    mean = lambda v: qj.expectation(circuit, f"Z{n - 1}", v, given=given, dtype="complex128")
    point = np.linspace(0.1, 0.9, n)
    assert float(mean(point)) == pytest.approx(np.cos(point[-1]), abs=1e-12)
    slope = np.zeros(n)
    slope[-1] = -np.sin(point[-1])
    np.testing.assert_allclose(jax.jit(jax.grad(mean))(point), slope, atol=1e-11)


def test_what_cannot_be_given_is_refused():
    circuit = qj.Circuit(2, 2).h(0).measure(0, 0)
    for given, message in [
        ({2: 0}, "given bit must be in 0..1"),
        ({0: 2}, "given bit 0 must be 0 or 1, but is 2"),
        ({1: 1}, "given bit 1 must be 0, for no measurement writes it"),
    ]:
        with pytest.raises(CircuitError, match=message):
            qj.branches(circuit, given=given)
    with pytest.raises(CircuitError, match="of a circuit without noise"):
        qj.expectation(circuit, "Z0", given={0: 1}, noise=qj.NoiseModel())
    assert np.isnan(float(qj.expectation(qj.Circuit(1).measure(0), "Z0", given={0: 1})))


# --- trajectories ---------------------------------------------------------------------------------


def test_gates_under_conditions_run_together():
    circuit = repetition_code(3, 1, 0.1)
    circuit.if_else([0, 1], 1, qj.Circuit(5).x(0)).if_else([0, 1], 3, qj.Circuit(5).ccx(0, 2, 1))
    circuit.if_else([0, 1], 2, qj.Circuit(5).rz(0.3, 2)).h(0)
    steps, _ = parted(circuit, keep_final=True)
    assert steps[-1].gates is not None
    assert len(steps[-1].choices) == 3
    assert len(steps[-1].gates) == 4


def test_wide_gates_under_conditions():
    table = list(np.random.default_rng(0).permutation(16))
    circuit = qj.Circuit(5, 1).h(range(5)).ry(0.4, 2).measure(4, 0).h(4)
    circuit.if_else(0, 1, qj.Circuit(5).permutation(table, range(4)).cx(1, 0)).measure(4, 0)
    found = qj.branches(circuit)
    got = np.einsum("b,bi,bj->ij", found.probabilities, found.states, found.states.conj())
    wanted = sum(density(circuit).values())
    np.testing.assert_allclose(got, wanted, atol=SINGLE)


def test_misread_outcomes_reach_conditions():
    """A flip on a misread 0, and none on a misread 1."""
    up, down = 0.1, 0.2
    noise = qj.NoiseModel().add_readout(up, down)
    circuit = qj.Circuit(2, 2).h(0).measure(0, 0).if_else(0, 1, qj.Circuit(2).x(1)).measure(1, 1)
    counts = qj.counts(circuit, 40_000, jax.random.key(0), noise=noise)
    seen = (up + 1 - down) / 2  # of bit 0, and so of the flip
    wanted = seen * (1 - down) + (1 - seen) * up
    error = np.sqrt(wanted * (1 - wanted) / 40_000)
    assert counts.marginal([1])["1"] / 40_000 == pytest.approx(wanted, abs=5 * error)
    joint = seen * (1 - down)
    assert counts["11"] / 40_000 == pytest.approx(joint, abs=5 * np.sqrt(joint / 40_000))


def test_the_oracle_knows_the_deferred_state():
    later = deferred(qj.Circuit(2).h(0).measure(0).if_else(0, 1, qj.Circuit(2).x(1)))
    bell = oracle.statevector(later.remove_measurements())
    np.testing.assert_allclose(abs(bell) ** 2, [0.5, 0, 0, 0.5], atol=1e-12)
