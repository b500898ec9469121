"""Product formulas converge as they promise, and stay within their bounds."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

import qjax as qj
from qjax.library.formula_errors import (
    qdrift_error_bound,
    qdrift_samples,
    trotter_error_bound,
    trotter_steps,
)
from qjax.library.hamiltonians import heisenberg, transverse_field_ising
from qjax.library.lattices import chain
from qjax.library.product_formulas import (
    evolution_groups,
    product_formula,
    qdrift,
    time_dependent,
    trotter,
)

ISING = transverse_field_ising(chain(3), field=0.9, longitudinal=0.2) + 0.3
HEISENBERG = heisenberg(chain(3), field=0.4)


def matrix(circuit):
    """The circuit's unitary, by the dense oracle."""
    return oracle.unitary(circuit)


def error(hamiltonian, time, **options):
    exact = expm(-1j * time * hamiltonian.to_matrix())
    return np.linalg.norm(matrix(trotter(hamiltonian, time, **options)) - exact, 2)


@pytest.mark.parametrize(
    ("hamiltonian", "order", "steps"),
    [
        (ISING, 1, 16),
        (HEISENBERG, 1, 16),
        (ISING, 2, 8),
        (HEISENBERG, 2, 8),
        (ISING, 4, 4),
        (HEISENBERG, 4, 4),
        pytest.param(ISING, 6, 3, marks=pytest.mark.slow),
    ],
)
def test_the_error_falls_with_the_order_as_power_of_the_steps(hamiltonian, order, steps):
    errors = [error(hamiltonian, 0.8, steps=r, order=order) for r in (steps, 2 * steps)]
    # Corrections are of relative size 1 / steps (order 1) or its square.
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.15
    assert errors[1] > 1e-12


@pytest.mark.parametrize("group", [True, False])
@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("steps", [1, 3])
def test_the_error_is_within_its_bounds(order, steps, group):
    for hamiltonian in (ISING, HEISENBERG):
        options = {"steps": steps, "order": order, "group": group}
        measured = error(hamiltonian, 0.3, **options)
        bounds = [trotter_error_bound(hamiltonian, 0.3, **options, method="norm")]
        if order <= 2:
            bounds.append(trotter_error_bound(hamiltonian, 0.3, **options))
            assert bounds[1] <= bounds[0]
        assert all(measured <= bound for bound in bounds)


def test_the_steps_asked_for_are_the_fewest():
    for order in (1, 2, 4):
        steps = trotter_steps(ISING, 1.0, error=1e-3, order=order)
        assert trotter_error_bound(ISING, 1.0, steps=steps, order=order) <= 1e-3 * (1 + 1e-12)
        assert trotter_error_bound(ISING, 1.0, steps=steps - 1, order=order) > 1e-3
    assert trotter_steps(qj.PauliSum("Z0 + Z0 Z1"), 5.0, error=1e-9) == 1  # it commutes: exact


def test_strings_that_commute_are_exact_in_one_step():
    hamiltonian = qj.PauliSum("0.3 * X0 X1 + 0.5 * Y0 Y1 - 0.2 * Z0 Z1 + 0.7")
    assert error(hamiltonian, 2.0, order=1) < 1e-14
    assert [len(g) for g in evolution_groups(hamiltonian)] == [3]


def test_a_formula_gives_each_group_the_whole_time_and_is_a_palindrome():
    for order in (2, 4, 6):
        factors = product_formula(3, order)
        for g in range(3):
            assert abs(sum(share for h, share in factors if h == g) - 1) < 1e-14
        backwards = factors[::-1]
        assert [g for g, _ in factors] == [g for g, _ in backwards]
        assert np.allclose([s for _, s in factors], [s for _, s in backwards], rtol=1e-14)


def test_half_steps_that_meet_are_one():
    circuit = trotter(transverse_field_ising(chain(3)), 1.0, steps=100)
    assert circuit.count_ops() == {"rx": 300, "rzz": 202}


def test_time_may_be_a_parameter_or_traced(double):
    made = trotter(ISING, qj.Parameter("t"), steps=3)
    expected = matrix(trotter(ISING, 0.7, steps=3))
    assert np.abs(matrix(made.bind([0.7])) - expected).max() < 1e-14

    @jax.jit
    def unitary(time, coefficients):
        hamiltonian = ISING.with_coefficients(coefficients)
        return qj.unitary(trotter(hamiltonian, time, steps=3), dtype=double)

    found = unitary(jnp.float64(0.7), jnp.asarray(ISING.coefficients))
    assert np.abs(np.asarray(found) - expected).max() < 1e-14


def test_the_derivative_by_time_is_minus_i_times_the_energy_rate(double):
    fine = lambda t: trotter(ISING, t, steps=8)
    value = lambda t: qj.expectation(fine(t), "Z0", dtype=double)
    state = expm(-0.5j * ISING.to_matrix())[:, 0]
    z, h = oracle.pauli_matrix("Z0", 3), ISING.to_matrix()
    expected = (1j * state.conj() @ (h @ z - z @ h) @ state).real
    # The slope of an error that grows as t^3, for an observable of norm 1.
    bound = 2 * 3 / 0.5 * trotter_error_bound(ISING, 0.5, steps=8)
    assert abs(jax.grad(value)(0.5) - expected) < bound


def test_qdrift_has_the_mean_channel_of_its_distribution():
    hamiltonian, time, samples = qj.PauliSum("0.6 * X0 - 0.8 * Z0 + 0.3"), 0.5, 8
    total = 1.4
    mean = np.zeros((4, 4), complex)
    for letter, weight in (("X", 0.6), ("Z", -0.8)):
        u = oracle.rotation(letter, 2 * np.sign(weight) * total * time / samples)
        mean += abs(weight) / total * np.kron(u, u.conj())
    exact = expm(-1j * time * hamiltonian.to_matrix())
    difference = np.linalg.matrix_power(mean, samples) - np.kron(exact, exact.conj())
    # Half the trace norm for a pure state is at most half the diamond norm.
    rho = np.zeros((2, 2))
    rho[0, 0] = 1
    off = (difference @ rho.ravel()).reshape(2, 2)
    bound = qdrift_error_bound(hamiltonian, time, samples=samples)
    assert np.abs(np.linalg.eigvalsh(off)).sum() / 2 <= bound < 1
    # Circuits drawn have that mean, within five standard errors of entries of modulus at most 1.
    draws = 100
    keys = jax.random.split(jax.random.key(3), draws)
    step = {
        letter: oracle.rotation(letter, 2 * sign * total * time / samples)
        for letter, sign in (("X", 1), ("Z", -1))
    }
    drawn = []
    for one in keys:
        circuit = qdrift(hamiltonian, time, samples=samples, key=one)
        letters = [i.name[1].upper() for i in circuit if i.name != "gphase"]
        drawn.append(np.linalg.multi_dot([np.eye(2), *(step[x] for x in reversed(letters))]))
    assert np.abs(matrix(circuit) - np.exp(-0.3j * time) * drawn[-1]).max() < 1e-14
    average = sum(np.kron(u, u.conj()) for u in drawn) / draws
    expected = np.linalg.matrix_power(mean, samples)
    assert np.abs(average - expected).max() < 5 / np.sqrt(draws)
    assert qdrift(hamiltonian, time, samples=9, key=keys[0]).count_ops().get("gphase") == 1


def test_qdrift_samples_are_the_fewest():
    samples = qdrift_samples(ISING, 1.0, error=0.01)
    assert qdrift_error_bound(ISING, 1.0, samples=samples) <= 0.01
    assert qdrift_error_bound(ISING, 1.0, samples=samples - 1) > 0.01


DRIVEN = [
    (lambda t: 1.0, transverse_field_ising(chain(2), field=0.0)),
    (lambda t: 1.2 * np.cos(3 * t), qj.PauliSum("X0 + X1")),
    (lambda t: t, qj.PauliSum("0.7 * Z0 + 0.5", num_qubits=2)),
]


def driven_state(start, duration):
    """By SciPy's Runge-Kutta integrator of order 8."""
    rate = lambda t, psi: -1j * sum(f(t) * h.to_matrix() for f, h in DRIVEN) @ psi
    psi = np.eye(4)[0].astype(complex)
    found = solve_ivp(rate, (start, start + duration), psi, method="DOP853", rtol=1e-12, atol=1e-13)
    return found.y[:, -1]


@pytest.mark.parametrize(("order", "steps"), [(2, 16), (4, 6)])
def test_a_hamiltonian_that_changes_in_time_converges_with_its_order(order, steps):
    expected = driven_state(0.2, 0.9)
    errors = []
    for r in (steps, 2 * steps):
        circuit = time_dependent(DRIVEN, 0.9, steps=r, order=order, start=0.2)
        errors.append(np.linalg.norm(oracle.statevector(circuit) - expected))
    assert abs(np.log2(errors[0] / errors[1]) - order) < 0.3
    assert errors[1] > 1e-10


def test_a_driven_evolution_may_be_traced(double):
    def flip(amplitude, time):
        parts = [(lambda t: amplitude * jnp.ones_like(t), qj.PauliSum("X0"))]
        return qj.expectation(time_dependent(parts, time, steps=3), "Z0", dtype=double)

    slope = jax.jit(jax.grad(flip))(jnp.float64(0.7), jnp.float64(0.4))
    assert abs(slope + 0.8 * np.sin(2 * 0.7 * 0.4)) < 1e-13


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: trotter("X0", 1.0), "must be a PauliSum"),
        (lambda: trotter(1j * qj.PauliSum("X0"), 1.0), "must be real"),
        (lambda: trotter(ISING, 1.0, order=3), "order must be 1 or an even number, but is 3"),
        (lambda: trotter(ISING, 1.0, steps=0), "steps must be at least 1"),
        (lambda: trotter(ISING, "long"), "time must be a number or a Parameter"),
        (lambda: trotter(ISING, np.inf), "time must be finite"),
        (lambda: time_dependent([], 1.0, steps=1), "there is none"),
        (lambda: time_dependent(DRIVEN, 1.0, steps=1, order=6), "order must be 2 or 4"),
        (
            lambda: time_dependent([(lambda t: "x", ISING)], 1.0, steps=1),
            "function 0 must give a real number",
        ),
        (lambda: trotter_steps(ISING, 1.0, error=0.0), "error must be positive"),
        (
            lambda: trotter_error_bound(ISING, 1.0, steps=1, order=4, method="commutator"),
            'must be "norm", or "commutator"',
        ),
        (lambda: trotter_error_bound(ISING, None, steps=1), "time as a finite number"),
        (
            lambda: jax.jit(lambda k: jnp.float32(len(qdrift(ISING, 1.0, samples=3, key=k))))(
                jax.random.key(0)
            ),
            "one is traced",
        ),
    ],
)
def test_bad_input_is_refused(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()
