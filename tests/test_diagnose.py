"""What a run takes, what does not fit, and whether engines agree."""

import types
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from strategies import random_circuit, random_state, random_template

import qjax as qj
from qjax.dense import dense_expectation, dense_statevector
from qjax.engine import memory, select
from qjax.engine.library import missing

EPS = np.finfo(float).eps
built = pytest.mark.skipif(missing() is not None, reason="the library was not built")


def ansatz(n, layers):
    theta = qj.ParameterVector("theta", n * layers)
    circuit = qj.Circuit(n)
    for layer in range(layers):
        for q in range(n):
            circuit.ry(theta[layer * n + q], q)
        for q in range(n - 1):
            circuit.cx(q, q + 1)
    return circuit


def test_the_definition_is_the_oracles(rng):
    for n in (1, 3, 5):
        circuit, start = random_circuit(n, 30, rng), random_state(n, rng)
        error = np.max(
            np.abs(dense_statevector(circuit, start) - oracle.statevector(circuit, start))
        )
        assert error <= 16 * EPS * 31
    state = random_state(4, rng)
    terms = {"X0 Y1": 0.5, "Y2 Z3": 0.25, "Y0 Y1": 1.0, "Z3": 2.0, "": -1.0}
    observable = qj.PauliSum(terms, num_qubits=4)
    masks = zip(observable.x_masks.tolist(), observable.z_masks.tolist(), strict=True)
    weights = np.real(np.asarray(observable.coefficients)).tolist()
    found = dense_expectation(state, dict(zip(masks, weights, strict=True)))
    assert abs(found - oracle.expectation(state, terms)) <= 64 * EPS


def test_memory_is_that_of_the_states_a_run_has():
    for engine, states in (("xla", 2), ("cpu", 1))[: 1 + (missing() is None)]:
        for batch in (1, 7):
            estimate = qj.cost(qj.Circuit(12).h(0), batch=batch, engine=engine)
            assert estimate.memory == states * batch * 2**12 * 8
            wide = qj.cost(qj.Circuit(12).h(0), batch=batch, engine=engine, dtype=np.complex64)
            assert replace(wide, available=estimate.available) == estimate  # others use it too


@built
def test_the_memory_of_a_gradient_is_what_xla_says():
    circuit = ansatz(16, 3)
    loss = lambda p: qj.expectation(circuit, "Z0 + X1", p, engine="cpu")
    compiled = jax.jit(jax.value_and_grad(loss)).lower(jnp.zeros(48)).compile()
    estimate = qj.cost(circuit, "Z0 + X1", grad=True, engine="cpu")
    used = compiled.memory_analysis().temp_size_in_bytes
    assert estimate.memory <= used <= 1.1 * estimate.memory


def test_an_estimate_grows_with_what_is_asked():
    circuit = ansatz(14, 3)
    one = qj.cost(circuit)
    for more in (
        qj.cost(circuit, "Z0 Z1"),
        qj.cost(circuit, grad=True),
        qj.cost(circuit, batch=10),
        qj.cost(ansatz(14, 30)),
        qj.cost(ansatz(16, 3)),
    ):
        assert more.flops > one.flops
        assert more.bytes >= one.bytes
        assert more.seconds > one.seconds
    assert "14 qubits, batch 1, complex64" in str(one)
    assert str(2**14 * 8 * 3 / 2**30)[:4] in str(qj.cost(circuit, grad=True, engine="cpu")) or (
        missing() is not None
    )


def test_an_estimate_allocates_nothing_of_the_runs_size():
    estimate = qj.cost(ansatz(30, 1), batch=10**6, grad=True)
    assert not estimate.fits
    assert "does not fit" in str(estimate)


def test_what_does_not_fit_is_refused_with_its_size(monkeypatch):
    monkeypatch.setattr(memory, "_system", lambda: 2**30)
    circuit = ansatz(26, 1)
    loss = lambda p: qj.expectation(circuit, "Z0", p)
    with pytest.raises(qj.QjaxError, match=r"needs .* GiB: [39] x 26 qubits in complex64"):
        jax.jit(jax.grad(loss)).lower(jnp.zeros(26))
    states = jnp.zeros((4096, 8, 1))
    small = qj.Circuit(14).rx(qj.Parameter("t"), 0)
    with pytest.raises(qj.QjaxError, match="for a batch of 32,768"):
        jax.vmap(lambda p: qj.statevector(small, p))(states)
    assert qj.statevector(small, 0.5).shape == (2**14,)


def test_a_call_with_a_state_of_its_own_needs_room_for_another(monkeypatch):
    state = qj.basis_state("0" * 25)
    size = 2**25 * 8
    monkeypatch.setattr(memory, "_system", lambda: size // 2)
    with pytest.raises(qj.QjaxError, match=r"must fit in the 0\.125 GiB .* but needs"):
        qj.statevector(qj.Circuit(25).h(0), initial_state=state, dtype=np.complex64)


def test_the_limit_of_a_container_counts(monkeypatch, tmp_path):
    files = {
        "memory.max": "1000000",
        "memory.current": "400000",
        "memory.stat": "anon 5\ninactive_file 100000\nactive_file 50000",
    }
    read = lambda path: files.get(path.rsplit("/", 1)[1], "").splitlines()
    monkeypatch.setattr(memory, "_lines", read)
    assert memory._container() == 750_000
    files["memory.max"] = "max"
    assert memory._container() is None


@built
def test_a_gate_too_wide_for_the_kernels_runs_on_xla_or_is_refused():
    table = np.roll(np.arange(2**14), 1)
    circuit = qj.Circuit(18).permutation(table, range(4, 18))
    with pytest.raises(qj.QjaxError, match=r"at most 17 qubits, the lowest 4 .* one needs 18"):
        qj.statevector(circuit, engine="cpu")
    # The table takes |0> to |2**14 - 1>: all 14 qubits are flipped.
    assert abs(qj.statevector(circuit)[sum(1 << q for q in range(4, 18))] - 1) < 1e-6


def test_verify_passes_and_reports(capsys, rng):
    circuit = random_template(4, 30, 5, rng)
    found = qj.verify(circuit)
    assert found.passed
    text = capsys.readouterr().out
    present = [e.name for e in select.ENGINES.values() if e.missing() is None]
    assert len(found.comparisons) == 2 * len(present)
    for word in (*present, "complex128", "gradient", "jaxlib", "devices", "ok"):
        assert word in text
    assert not jax.config.read("jax_enable_x64")


def test_verify_finds_a_wrong_engine(monkeypatch, rng):
    from qjax import diagnose

    circuit = random_template(3, 10, 3, rng)
    right = diagnose.statevector
    monkeypatch.setattr(
        diagnose, "statevector",
        lambda c, v, *, dtype, engine: right(c, v, dtype=dtype, engine=engine) * (1 + 1e-4),
    )  # fmt: skip
    found = qj.verify(circuit, show=False)
    assert not found.passed
    assert "FAILED" in str(found)


@pytest.mark.slow
def test_verify_checks_directions_of_large_circuits(rng):
    found = qj.verify(ansatz(12, 20), show=False)
    assert found.passed
    assert "along 8 directions in 240 parameters" in found.summary or "direction" in found.summary


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: qj.cost("h 0"), "must be a Circuit"),
        (lambda: qj.cost(qj.Circuit(2), batch=0), "batch must be at least 1"),
        (lambda: qj.cost(qj.Circuit(2), "Z5"), "needs 6"),
        (lambda: qj.cost(qj.Circuit(2), []), "must not be empty"),
        (lambda: qj.cost(qj.Circuit(40)), "at most 31 qubits|at most 30 qubits"),
        (lambda: qj.verify("h 0"), "must be a Circuit"),
        (lambda: qj.verify(qj.Circuit(1).measure_all()), "must not measure"),
        (lambda: qj.verify(ansatz(31, 10)), "fewer qubits or gates"),
        (lambda: qj.verify(ansatz(2, 1), jnp.zeros((3, 2))), "one set of values"),
    ],
)
def test_bad_calls_are_refused(call, message):
    with pytest.raises(qj.QjaxError, match=message):
        call()


def test_devices_tell_their_limit(monkeypatch):
    device = types.SimpleNamespace(memory_stats=lambda: {"bytes_limit": 5, "bytes_in_use": 4})
    array = types.SimpleNamespace(nbytes=3, is_deleted=lambda: False)
    monkeypatch.setattr(jax, "local_devices", lambda backend: [device])
    monkeypatch.setattr(jax, "live_arrays", lambda platform: [array])
    assert memory.available("gpu") == 5 - 4 + 3
