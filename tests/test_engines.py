"""Every engine gives the state that linear algebra gives."""

import jax
import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import (
    FAMILIES,
    add_random_gate,
    random_circuit,
    random_state,
    random_template,
    seeds,
)

import qjax as qj
from qjax.engine.select import ENGINES
from qjax.errors import EngineError, ParameterError
from qjax.gates import GATES

# Without a GPU, "cuda" is emulated.
ENGINE_NAMES = [n for n, e in ENGINES.items() if n == "cuda" or e.missing() is None]


def tolerance(dtype, gates, n):
    """Each gate rounds each amplitude a few times; errors of unitary gates add up at most."""
    return 16 * np.finfo(dtype).eps * (gates + n + 1)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize("name", [*GATES, *FAMILIES])
def test_each_gate_acts_as_its_definition(name, engine, dtype, rng):
    n = 5
    circuit = qj.Circuit(n)
    for _ in range(4):  # with different qubits and controls each time
        add_random_gate(circuit, name, lambda: float(rng.normal() * 2), rng)
    state = random_state(n, rng)
    result = qj.statevector(circuit, initial_state=state, dtype=dtype, engine=engine)
    assert result.dtype == dtype
    error = np.max(np.abs(np.asarray(result) - oracle.statevector(circuit, state)))
    assert error <= tolerance(dtype, len(circuit), n)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@given(seed=seeds, n=st.integers(1, 8), gates=st.integers(0, 40))
def test_a_circuit_acts_as_the_product_of_its_gates(engine, seed, n, gates):
    rng = np.random.default_rng(seed)
    circuit, state = random_circuit(n, gates, rng), random_state(n, rng)
    result = qj.statevector(circuit, initial_state=state, engine=engine)
    error = np.max(np.abs(np.asarray(result) - oracle.statevector(circuit, state)))
    assert error <= tolerance(np.complex64, gates, n)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@settings(max_examples=10)
@given(seed=seeds)
def test_a_template_equals_the_bound_circuit(engine, seed):
    rng = np.random.default_rng(seed)
    template = random_template(4, 20, 6, rng)
    params = rng.normal(size=6)
    with jax.enable_x64(True):
        result = qj.statevector(template, params, dtype=np.complex128, engine=engine)
        expected = oracle.statevector(template.bind(params))
        assert np.max(np.abs(result - expected)) <= tolerance(np.complex128, 30, 4)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
@pytest.mark.parametrize("n", [12, 15])
def test_many_qubits_agree_with_the_oracle(engine, n, rng):
    circuit = random_circuit(n, 60, rng, max_targets=5)
    result = qj.statevector(circuit, engine=engine)
    error = np.max(np.abs(np.asarray(result) - oracle.statevector(circuit)))
    assert error <= tolerance(np.complex64, 60, n)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_batches_of_params_and_states_broadcast(engine, rng):
    template = random_template(3, 12, 4, rng)
    params = rng.normal(size=(2, 1, 4)).astype(np.float32)
    states = np.stack([random_state(3, rng) for _ in range(5)]).astype(np.complex64)
    result = qj.statevector(template, params, initial_state=states, engine=engine)
    assert result.shape == (2, 5, 8)
    for i in range(2):
        bound = template.bind(params[i, 0].astype(float))
        for j in range(5):
            expected = oracle.statevector(bound, states[j])
            assert np.max(np.abs(result[i, j] - expected)) <= tolerance(np.complex64, 20, 3)


@pytest.mark.parametrize("engine", ENGINE_NAMES)
def test_a_batch_has_a_sample(engine):
    circuit = qj.Circuit(3).rx(qj.Parameter("t"), 0)
    run = lambda p: qj.statevector(circuit, p, engine=engine)
    with pytest.raises(ParameterError, match="at least one sample"):
        run(np.zeros((0, 1), np.float32))
    with pytest.raises(ParameterError, match="at least one sample"):
        jax.vmap(run)(np.zeros((0, 1), np.float32))


def test_precision_is_that_of_the_initial_state(double):
    run = lambda state: qj.statevector(qj.Circuit(1).h(0), initial_state=state).dtype
    assert run(np.array([1, 0], complex)) == run(jax.numpy.array([1, 0], complex)) == double
    with jax.enable_x64(False):
        assert run(np.array([1, 0], complex)) == np.complex64


@pytest.mark.parametrize("engine", ["cpu", "cuda"])
def test_a_program_in_double_precision_is_not_lowered_in_single(engine):
    """Where fixed gates were in single precision, kernels would read beyond them."""
    circuit = qj.Circuit(3).rx(qj.Parameter("t"), 0).h(1).unitary(np.diag([1, 1j]), 2)
    run = lambda p: qj.expectation(circuit, "Z0", p, engine=engine, dtype=np.complex128)
    for function in (run, jax.grad(run)):
        with jax.enable_x64(True):
            traced = jax.jit(function).trace(np.ones(1))
        with pytest.raises(EngineError, match="must be lowered with 64-bit numbers"):
            traced.lower()
        with jax.enable_x64(True):
            traced.lower()


def test_no_qubits_and_no_gates():
    assert qj.statevector(qj.Circuit(0)).tolist() == [1]
    assert qj.statevector(qj.Circuit(2)).tolist() == [1, 0, 0, 0]
    phase = qj.statevector(qj.Circuit(0).gphase(np.pi / 2))
    assert np.allclose(phase, [1j], atol=1e-7)


def test_the_unitary_of_a_circuit_is_the_oracles(rng):
    circuit = random_circuit(4, 20, rng)
    assert np.max(np.abs(qj.unitary(circuit) - oracle.unitary(circuit))) <= tolerance(
        np.complex64, 20, 4
    )


def test_ten_thousand_gates_keep_the_norm(rng):
    circuit = random_circuit(6, 10_000, rng, names=["rx", "ry", "rz", "cx", "cz", "rzz", "h", "t"])
    state = np.asarray(qj.statevector(circuit), np.complex128)
    # Rounding errors of 10,000 steps add up as a random walk at least, linearly at most.
    assert abs(np.linalg.norm(state) - 1) <= 10_000 * np.finfo(np.float32).eps
    assert np.max(np.abs(state - oracle.statevector(circuit))) <= 10_000 * np.finfo(np.float32).eps


def test_a_traced_matrix_that_is_not_unitary_gives_nan():
    @jax.jit
    def run(matrix):
        return qj.statevector(qj.Circuit(1).unitary(matrix, 0))

    assert np.isfinite(np.asarray(run(np.eye(2, dtype=np.complex64)))).all()
    assert np.isnan(np.asarray(run(2 * np.eye(2, dtype=np.complex64)))).any()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda c: qj.statevector(c, engine="warp"), 'engine must be "auto" or one of "xla"'),
        (lambda c: qj.statevector(c, dtype="float32"), "dtype must be complex64 or complex128"),
        (lambda c: qj.statevector(c, dtype="complex128"), "jax_enable_x64"),
        (lambda c: qj.statevector(qj.Circuit(31), engine="xla"), "at most 30 qubits, but has 31"),
        (lambda c: qj.statevector(c, initial_state=[1, 0]), r"shape \(\.\.\., 4\)"),
        (lambda c: qj.statevector(c, initial_state=[1, 1, 0, 0]), "norm 1, but .* off by 1"),
        (lambda c: qj.statevector(c, initial_state="012"), "bits must be"),
        (lambda c: qj.statevector(c.copy().measure_all()), "must not measure"),
        (lambda c: qj.unitary(qj.Circuit(15)), "at most 14 qubits"),
        (lambda c: qj.statevector("h 0"), "must be a Circuit"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call(qj.Circuit(2).h(0))
