"""Krylov spaces: evolution is that of the matrix exponential, levels are those of the matrix."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.sparse.linalg

import qjax as qj
import qjax.krylov
from qjax.krylov import lowest
from qjax.library.hamiltonians import fermi_hubbard, heisenberg, transverse_field_ising
from qjax.library.lattices import chain, ring

ISING = transverse_field_ising(chain(8), field=0.8, longitudinal=0.3)


def evolve(*args, **options):
    """The evolution as a NumPy array, whose arithmetic takes any dtype."""
    return np.asarray(qjax.krylov.evolve(*args, **options))


def random_state(rng, n, lead=()):
    state = rng.normal(size=(*lead, 2**n)) + 1j * rng.normal(size=(*lead, 2**n))
    return state / np.linalg.norm(state, axis=-1, keepdims=True)


def exact(hamiltonian, time, state):
    """exp(-i H t) psi by SciPy's sparse Taylor polynomials, which know no Krylov space."""
    matrix = scipy.sparse.csr_array(hamiltonian.to_matrix(sparse=True)).astype(complex)
    trace = matrix.trace()
    return scipy.sparse.linalg.expm_multiply(-1j * time * matrix, state, traceA=-1j * time * trace)


@pytest.mark.parametrize("time", [0.0, -0.3, 20.0])
def test_evolution_is_the_matrix_exponential(time, rng, double):
    state = random_state(rng, 8)
    found = evolve(ISING, time, state, dtype=double)
    # Rounding: the norm of H (24) times the time, in units of 2.2e-16, and ten for the tolerance.
    assert np.linalg.norm(found - exact(ISING, time, state)) < (20 * abs(time) + 50) * 24 * 2.2e-16


def test_evolution_in_single_precision(rng):
    state = random_state(rng, 8)
    found = evolve(ISING, 3.0, state)
    assert found.dtype == np.complex64
    assert np.linalg.norm(found - exact(ISING, 3.0, state)) < 24 * 3 * 1.2e-7 * 4


@pytest.mark.parametrize("dimension", [3, 12, 40])
def test_the_error_stays_within_the_tolerance(dimension, rng, double):
    state = random_state(rng, 8)
    found = evolve(ISING, 2.0, state, tolerance=1e-4, dimension=dimension, dtype=double)
    assert np.linalg.norm(found - exact(ISING, 2.0, state)) < 1e-4


def test_states_on_the_way_and_batches_are_those_of_single_runs(rng, double):
    states = random_state(rng, 5, (3,))
    hamiltonian = heisenberg(ring(5))
    times = np.array([0.5, 0.2, 1.7, -0.3])
    found = evolve(hamiltonian, times, states, dtype=double)
    assert found.shape == (4, 3, 32)
    for i, time in enumerate(times):
        for j, state in enumerate(states):
            assert np.linalg.norm(found[i, j] - exact(hamiltonian, time, state)) < 1e-13


def test_an_eigenstate_only_turns_its_phase(double):
    # The Krylov space of an eigenstate has one vector, and that of |0...0> under Z and X few.
    found = evolve("Z0 + 2 * Z1", 100.0, "01", dtype=double)
    assert np.abs(found - np.exp(-100j * np.array([0, 1.0, 0, 0])) * [0, 1, 0, 0]).max() < 1e-13
    found = evolve(qj.PauliSum("0 * X0", num_qubits=2), 5.0, "10", dtype=double)
    assert np.abs(found - [0, 0, 1, 0]).max() == 0


@pytest.mark.parametrize(
    "observable",
    [qj.Diagonal([0.0, 1.0, 2.0, -1.0]), qj.Hermitian([[0, 1], [1, 0.5]], 1), qj.Projector("10")],
)
def test_every_observable_generates_evolution(observable, rng, double):
    state = random_state(rng, 2)
    matrix = observable.to_matrix(2)
    energies, vectors = np.linalg.eigh(matrix)
    expected = vectors @ (np.exp(-0.7j * energies) * (vectors.conj().T @ state))
    assert np.abs(evolve(observable, 0.7, state, dtype=double) - expected).max() < 1e-14


def test_evolution_and_levels_run_inside_jit_and_vmap(double):
    def survival(field, time):
        hamiltonian = transverse_field_ising(chain(4), field=field)
        state = qjax.krylov.evolve(hamiltonian, time, "0000", dtype=double)
        return jnp.abs(state[0]) ** 2, lowest(hamiltonian, dtype=double).energies[0]

    fields, times = jnp.array([0.0, 0.5, 1.0]), jnp.array([1.0, 2.0, 0.3])
    found, energies = jax.jit(jax.vmap(survival))(fields, times)
    for k, (field, time) in enumerate(zip(fields, times, strict=True)):
        hamiltonian = transverse_field_ising(chain(4), field=float(field))
        state = exact(hamiltonian, float(time), np.eye(16)[0].astype(complex))
        assert abs(found[k] - abs(state[0]) ** 2) < 1e-13
        assert abs(energies[k] - np.linalg.eigvalsh(hamiltonian.to_matrix())[0]) < 1e-12


def test_a_derivative_of_the_evolution_is_refused():
    with pytest.raises(qj.QjaxError, match="has no derivative"):
        jax.grad(lambda t: qjax.krylov.evolve("X0", t, "0")[0].real)(0.3)


@pytest.mark.parametrize("n", [6, 10])
def test_the_ising_chain_has_its_closed_form(n, double):
    # Residuals of 4e-11 of an energy of 12, squared over gaps of some 0.2.
    found = lowest(transverse_field_ising(chain(n)), dtype=double)
    assert abs(found.energies[0] - (1 - 1 / np.sin(np.pi / (2 * (2 * n + 1))))) < 1e-11


@pytest.mark.parametrize(
    ("hamiltonian", "k", "limit"),
    [
        (heisenberg(chain(6)), 4, 64),  # a singlet, then a triplet; by the dense matrix
        (heisenberg(chain(6)), 4, 0),
        (fermi_hubbard(chain(3), chemical_potential=2.0), 3, 0),
        (qj.PauliSum("Z0 Z1 + Z2 + X5"), 5, 0),  # few, highly degenerate levels
    ],
)
def test_levels_are_those_of_the_matrix_with_their_copies(
    hamiltonian, k, limit, double, monkeypatch
):
    monkeypatch.setattr("qjax.krylov.levels.DENSE_SIZE", limit)
    found = lowest(hamiltonian, k, dtype=double)
    expected = np.linalg.eigvalsh(hamiltonian.to_matrix())[:k]
    assert np.abs(found.energies - expected).max() < 1e-10
    states = np.asarray(found.states).T
    assert np.abs(states.conj().T @ states - np.eye(k)).max() < 1e-12
    matrix = hamiltonian.to_matrix(sparse=True)
    rest = matrix @ states - states * np.asarray(found.energies)
    assert np.abs(np.linalg.norm(rest, axis=0) - np.asarray(found.residuals)).max() < 1e-10
    assert found.residuals.max() < 4e-11 * 40


def test_the_gap_has_the_derivative_of_differences(double):
    def gap(field):
        energies = lowest(transverse_field_ising(chain(9), field=field), 2, dtype=double).energies
        return energies[1] - energies[0]

    def dense(field):
        matrix = transverse_field_ising(chain(9), field=field).to_matrix(sparse=True)
        energies = np.linalg.eigvalsh(matrix.toarray())
        return energies[1] - energies[0]

    step = 1e-4
    slope = (dense(1.3 + step) - dense(1.3 - step)) / (2 * step)
    # Central differences: step squared from the third derivative, rounding over the step.
    assert abs(jax.jit(jax.grad(gap))(1.3) - slope) < 1e-6


def test_what_cannot_be_is_refused():
    for call, message in [
        (lambda: evolve("(1j) * X0", 1.0, "0"), "must be Hermitian"),
        (lambda: evolve("X3", 1.0, "00"), "needs 4"),
        (lambda: evolve("X0", 1j, "0"), "time must be a real number"),
        (lambda: evolve("X0", np.inf, "0"), "time must be finite"),
        (lambda: evolve("X0", 1.0, [1.0, 1.0]), "must have norm 1"),
        (lambda: evolve("X0", 1.0, [1.0, 0.0, 0.0]), "must have shape"),
        (lambda: evolve("X0", 1.0, "0", dimension=1), "at least 2"),
        (lambda: evolve("X0", 1.0, "0", tolerance=0.0), "tolerance positive"),
        (lambda: lowest("X0", 3), r"k must be in 1\.\.2"),
        (lambda: lowest("(1j) * X0"), "must be Hermitian"),
        (lambda: lowest("X0", blocks=1), "at least 4"),
        (lambda: lowest(3.0), "must be a PauliSum"),
    ]:
        with pytest.raises(qj.QjaxError, match=message):
            call()


@pytest.mark.slow
def test_twenty_qubits():
    found = lowest(transverse_field_ising(chain(20)))
    assert abs(float(found.energies[0]) / (1 - 1 / np.sin(np.pi / 82)) - 1) < 1e-6
    state = evolve(transverse_field_ising(chain(20)), 0.5, found.states[0])
    # An eigenstate stays one, up to the residual and rounding.
    assert abs(abs(np.vdot(found.states[0], state)) - 1) < 1e-4
