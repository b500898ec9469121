"""Ground and excited states beside dense diagonalisation."""

import jax
import numpy as np
import optax
import oracle
import pytest

import qjax as qj
from qjax import library as lib
from qjax.variational import adapt_vqe, ssvqe, vqd
from qjax.variational.excited import spectral_width

CHAIN = {"Z0 Z1": -1.0, "Z1 Z2": -0.8, "X0": 0.6, "X1": 0.5, "X2": 0.4, "Z0": 0.3}
LEVELS = np.linalg.eigvalsh(oracle.operator(CHAIN, 3))


def hubbard_dimer():
    """Two sites, t = 1, U = 4, half filling: E = U/2 - sqrt(U^2/4 + 4 t^2)."""
    hop = {f"{p}{q} Z{q + 1} {p}{q + 2}": -0.5 for q in (0, 1) for p in "XY"}
    repulsion = {
        text: sign for k in (0, 2)
        for text, sign in {"": 1.0, f"Z{k}": -1.0, f"Z{k + 1}": -1.0, f"Z{k} Z{k + 1}": 1.0}.items()
        if text
    }  # fmt: skip
    return qj.PauliSum({**hop, **repulsion}) + 2.0


def test_adapt_finds_the_ground_state_of_a_hubbard_dimer(double):
    exact = 2 - np.sqrt(8)
    matrix = hubbard_dimer().to_matrix()
    number = sum((np.eye(16) - oracle.pauli_matrix(f"Z{q}", 4)) / 2 for q in range(4))
    two = np.isclose(np.diag(number), 2)
    assert abs(np.linalg.eigvalsh(matrix[np.ix_(two, two)])[0] - exact) < 1e-12
    # In the orbitals of a free electron: on sites, symmetry lets no slope lead out of a saddle.
    turn = np.eye(16)
    for q in (0, 1):
        turn = turn @ oracle.unitary(lib.excitation(4, np.pi / 4, q, q + 2))
    matrix = turn.conj().T @ matrix @ turn
    found = adapt_vqe(
        qj.Hermitian(matrix), lib.excitation_pool(4, 2), qj.Circuit(4).x([0, 1]),
        slope_tolerance=1e-6, tolerance=1e-9, dtype=double, progress=False,
    )  # fmt: skip
    assert abs(found.energy - exact) < 1e-9 and found.stopped == "slope"
    assert abs(found.energies[0]) < 1e-12 and np.all(np.diff(found.energies) < 0)  # -2 t + U / 2
    assert len(found.slopes) == len(found.energies) == len(found.operators) + 1
    state = oracle.statevector(found.circuit.bind(found.params))
    assert abs(np.vdot(state, matrix @ state).real - found.energy) < 1e-10


@pytest.mark.parametrize("pool", ["excitations", "qubits"])
def test_slopes_are_commutators(pool, double):
    """d E / d theta at 0 is <[H, A]> for exp(theta A)."""
    h = oracle.operator({"X0 X1": 0.4, "Z0 Z2": 0.7, "Y1 Y3": -0.3, "Z3": 0.2, "X0 Z1 X2": 0.5}, 4)
    hamiltonian = qj.PauliSum("0.4 X0 X1 + 0.7 Z0 Z2 - 0.3 Y1 Y3 + 0.2 Z3 + 0.5 X0 Z1 X2")
    operators = lib.excitation_pool(4, 2) if pool == "excitations" else lib.qubit_pool(4, 2)
    reference = qj.Circuit(4).x([0, 1]).ry([0.3, -0.5, 0.7, 0.2], range(4))
    psi = oracle.statevector(reference)
    slopes = []
    for operator in operators:
        if pool == "excitations":
            a = 1j * operator.generator(4).to_matrix()
        else:
            a = -1j * operator.to_matrix(4)
        slopes.append(np.vdot(psi, (h @ a - a @ h) @ psi).real)
    found = adapt_vqe(
        hamiltonian, operators, reference, max_operators=1, dtype=double, progress=False
    )
    assert abs(found.slopes[0] - np.linalg.norm(slopes)) < 1e-10
    steepest = np.abs(slopes)[found.operators[0]]
    assert abs(steepest - np.max(np.abs(slopes))) < 1e-10


@pytest.mark.slow
def test_qubit_adapt_reaches_hydrogen_and_needs_no_more_entangling_gates(double):
    hydrogen = lib.load_molecule("h2")
    start = qj.Circuit(4).x([0, 1])
    found = adapt_vqe(
        hydrogen.hamiltonian, lib.qubit_pool(4, 2), start, slope_tolerance=1e-5, tolerance=1e-8,
        dtype=double, progress=False,
    )  # fmt: skip
    assert abs(found.energy - hydrogen.exact_energy) < 1e-8
    assert len(found.operators) < 12


def test_deflation_finds_the_lowest_levels(double):
    ansatz = lib.hardware_efficient(3, 3)
    found = vqd(
        qj.PauliSum(CHAIN), ansatz, 4, key=jax.random.key(0), restarts=6, dtype=double,
        tolerance=1e-7, progress=False,
    )  # fmt: skip
    assert np.max(np.abs(found.energies - LEVELS[:4])) < 1e-6
    matrix, states = oracle.operator(CHAIN, 3), np.asarray(found.states)
    for energy, state in zip(np.asarray(found.energies), states, strict=True):
        # The error of a state is the root of that of its energy.
        assert np.linalg.norm(matrix @ state - energy * state) < 1e-2
    assert np.max(np.abs(states.conj() @ states.T - np.eye(4))) < 1e-2
    assert found.params.shape == (4, ansatz.num_parameters) and len(found.fits) == 4


@pytest.mark.slow
def test_the_subspace_search_finds_the_lowest_levels_in_order(double):
    ansatz = lib.hardware_efficient(3, 5)
    found = ssvqe(
        qj.PauliSum(CHAIN), ansatz, 3, key=jax.random.key(1), restarts=6, dtype=double,
        steps=800, tolerance=1e-7, progress=False,
    )  # fmt: skip
    assert np.max(np.abs(found.energies - LEVELS[:3])) < 1e-6
    gram = np.asarray(found.states).conj() @ np.asarray(found.states).T
    assert np.max(np.abs(gram - np.eye(3))) < 1e-12


def test_another_optimizer_and_input_may_be_given():
    ansatz = lib.hardware_efficient(1, 0)
    found = ssvqe(
        "Z0 + 0.5 X0", ansatz, 2, key=jax.random.key(2), restarts=2, inputs=["1", "0"],
        weights=[1.0, 0.1], optimizer=optax.adam(0.1), steps=300, tolerance=None, progress=False,
    )  # fmt: skip
    assert np.max(np.abs(found.energies - np.array([-1, 1]) * np.sqrt(1.25))) < 1e-4


def test_the_bound_on_the_spectrum_holds(rng):
    matrix = oracle.operator(CHAIN, 3)
    width = np.ptp(np.linalg.eigvalsh(matrix))
    assert spectral_width(qj.PauliSum(CHAIN)) >= width
    assert abs(spectral_width(qj.Hermitian(matrix)) - width) < 1e-12
    assert spectral_width(qj.Diagonal([1.0, -2.0])) == 3.0


ANSATZ = lib.hardware_efficient(2, 1)
KEY = jax.random.key(0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: adapt_vqe("Z0", [], qj.Circuit(1)), "at least one operator"),
        (lambda: adapt_vqe("Z0", lib.qubit_pool(4, 2), ANSATZ), "without parameters"),
        (lambda: adapt_vqe("Z0", ["X0"], qj.Circuit(1)), "must be an Excitation"),
        (lambda: adapt_vqe("Z0", [qj.PauliSum("X0 + Z0")], qj.Circuit(1)), "must commute"),
        (lambda: adapt_vqe("Z0", lib.qubit_pool(4, 2), qj.Circuit(4), tolerance=0), "positive"),
        (lambda: vqd("Z0", qj.Circuit(1), 1, key=KEY), "open parameters"),
        (lambda: vqd("Z0", ANSATZ, 5, key=KEY), "at most 2..n = 4"),
        (lambda: vqd("Z0", ANSATZ, 2, key=KEY, penalty=-1.0), "penalty must be positive"),
        (lambda: vqd("2", ANSATZ, 2, key=KEY), "multiple of the identity"),
        (lambda: ssvqe("Z0", ANSATZ, 2, key=KEY, weights=[1, 2]), "numbers that fall"),
        (lambda: ssvqe("Z0", ANSATZ, 2, key=KEY, inputs=["00", "00"]), "different bitstrings"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_name(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()
