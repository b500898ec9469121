"""Encodings hold their data, also when it is traced, and can be differentiated by it."""

import jax
import jax.numpy as jnp
import numpy as np
import oracle
import pytest
from scipy.linalg import expm

import qjax as qj
from qjax import library as lib

ROUNDING = 1e-13


def normalised(x):
    size = 2 ** (len(x) - 1).bit_length()
    return np.pad(x, (0, size - len(x))) / np.linalg.norm(x)


AMPLITUDES = {
    "real": np.array([0.3, -0.4, 0.5, 0.1, -0.9, 0.2, 0.0, 0.7]),
    "padded": np.array([1.0, -2.0, 0.5, 3.0, 4.0]),
    "complex": np.array([0.3 + 1j, -0.4, 0.5j, 0.1 - 0.2j]),
    "with empty blocks": np.array([0, 0, 0, 0, 0.0, -2.0, 0, 0]),
    "one negative": np.array([-2.0]),
    "one complex": np.array([2.0j]),
}


@pytest.mark.parametrize("x", AMPLITUDES.values(), ids=AMPLITUDES)
def test_amplitudes_are_the_features_known_or_traced(x, double):
    known = oracle.statevector(lib.amplitude_encoding(x))
    traced = jax.jit(lambda x: qj.statevector(lib.amplitude_encoding(x), dtype=double))(x)
    assert np.max(np.abs(known - normalised(x))) < ROUNDING
    assert np.max(np.abs(np.asarray(traced) - normalised(x))) < ROUNDING


@pytest.mark.parametrize("name", ["padded", "complex"])
def test_derivatives_by_amplitudes_are_those_of_the_state(name, double):
    x = AMPLITUDES[name]
    n = (len(x) - 1).bit_length()
    circuit = qj.Circuit(n).ry(0.3, 0).cx(0, 1).rx(0.7, 1)
    terms = {"Z0": 1.0, "X0 Y1": 0.5}

    def loss(x):
        return qj.expectation(
            lib.amplitude_encoding(x).compose(circuit), qj.PauliSum(terms), dtype=double
        )

    def exact(x):
        return oracle.expectation(oracle.statevector(circuit, normalised(x)), terms)

    slope = jax.jit(jax.grad(loss))(x)
    expected = oracle.central_difference(exact, x) if name != "complex" else (
        oracle.central_difference(lambda r: exact(r + 1j * x.imag), x.real)
        - 1j * oracle.central_difference(lambda i: exact(x.real + 1j * i), x.imag))  # fmt: skip
    assert np.max(np.abs(slope - expected)) < 1e-9  # step**2 of the differences


def test_a_batch_of_amplitudes_is_mapped_and_empty_blocks_give_no_nan():
    images = np.zeros((3, 16), np.float32)
    images[0, 3], images[1, :5], images[2] = 1.0, 2.0, np.arange(16)
    loss = lambda x: qj.expectation(lib.amplitude_encoding(x), "X0 Z3")
    values, slopes = jax.jit(jax.vmap(jax.value_and_grad(loss)))(images)
    for image, value in zip(images, values, strict=True):
        exact = oracle.expectation(normalised(image), {"X0 Z3": 1.0})
        assert abs(value - exact) < 1e-5
    assert np.all(np.isfinite(slopes))


def test_zeros_that_are_traced_give_nan():
    state = jax.jit(lambda x: qj.statevector(lib.amplitude_encoding(x)))(jnp.zeros(4))
    assert np.all(np.isnan(state))


def test_angles_may_be_numbers_traced_or_symbols(rng):
    x = rng.normal(size=3)
    expected = oracle.kron(*(oracle.rotation("X", 2 * t)[:, :1] for t in x)).ravel()
    by_number = lib.angle_encoding(x, rotation="rx", scale=2.0)
    by_symbol = lib.angle_encoding(qj.ParameterVector("x", 3), rotation="rx", scale=2.0)
    for circuit in (by_number, by_symbol.bind(x)):
        assert np.max(np.abs(oracle.statevector(circuit) - expected)) < ROUNDING
    traced = jax.vmap(lambda x: qj.statevector(lib.angle_encoding(x, rotation="rx", scale=2.0)))
    assert np.max(np.abs(traced(x[None])[0] - expected)) < 1e-6


def test_bits_are_a_basis_state():
    for circuit in (lib.basis_encoding("0110"), lib.basis_encoding([0, 1, 1, 0])):
        assert np.argmax(np.abs(oracle.statevector(circuit))) == 0b0110
    table = jnp.array([[0, 1, 1], [1, 0, 0]])
    found = jax.jit(jax.vmap(lambda b: qj.probabilities(lib.basis_encoding(b))))(table)
    assert np.argmax(found, axis=1).tolist() == [0b110, 0b001]


@pytest.mark.parametrize("repeats", [1, 2])
def test_iqp_is_a_diagonal_of_polynomials_between_hadamards(repeats, rng):
    x = rng.normal(size=3)
    z = lambda text: oracle.pauli_matrix(text, 3)
    polynomial = sum(x[i] * z(f"Z{i}") for i in range(3))
    polynomial = polynomial + sum(
        x[i] * x[j] * z(f"Z{i} Z{j}") for i, j in [(0, 1), (0, 2), (1, 2)]
    )
    layer = expm(-0.5j * polynomial) @ oracle.kron(*[oracle.H] * 3)
    expected = np.linalg.matrix_power(layer, repeats)
    found = oracle.unitary(lib.iqp_encoding(x, repeats=repeats))
    assert np.max(np.abs(found - expected)) < ROUNDING


def test_the_zz_feature_map_is_that_of_havlicek_and_qiskit(rng):
    x = rng.normal(size=3)
    found = oracle.unitary(lib.zz_feature_map(x))
    # exp(i sum phi_S prod Z) of the paper with the sign of Qiskit's P(2 phi), up to phase.
    z = lambda text: oracle.pauli_matrix(text, 3)
    phase = sum(x[i] * z(f"Z{i}") for i in range(3))
    phase = phase + sum(
        (np.pi - x[i]) * (np.pi - x[j]) * z(f"Z{i} Z{j}") for i, j in [(0, 1), (0, 2), (1, 2)]
    )
    layer = expm(-1j * phase) @ oracle.kron(*[oracle.H] * 3)
    overlap = np.trace((layer @ layer).conj().T @ found) / 8
    assert abs(abs(overlap) - 1) < ROUNDING
    library = pytest.importorskip("qiskit.circuit.library")
    theirs = library.zz_feature_map(3, reps=2, entanglement="full").assign_parameters(x)
    from qiskit.quantum_info import Operator

    assert np.max(np.abs(Operator(theirs).data - found)) < ROUNDING


def test_a_hamiltonian_encoding_is_a_trotter_product(rng):
    x = rng.normal(size=2)
    bond = lambda j: sum(oracle.pauli_matrix(f"{p}{j} {p}{j + 1}", 3) for p in "XYZ")
    step = expm(-0.25j * x[1] * bond(1)) @ expm(-0.25j * x[0] * bond(0))
    start = qj.Circuit(3).ry([0.1, 0.7, -0.4], range(3))
    found = oracle.statevector(lib.hamiltonian_encoding(x, time=0.5, steps=2, initial=start))
    assert np.max(np.abs(found - step @ step @ oracle.statevector(start))) < ROUNDING


def test_kernels_of_encodings_are_differentiable_in_a_batch():
    points = jnp.linspace(-1, 1, 8).reshape(4, 2)
    state = lambda x: qj.statevector(lib.zz_feature_map(x))
    kernel = lambda x, y: qj.fidelity(state(x), state(y))
    gram = jax.jit(jax.vmap(jax.vmap(kernel, (None, 0)), (0, None)))(points, points)
    assert np.max(np.abs(np.diagonal(gram) - 1)) < 1e-5
    assert np.min(np.linalg.eigvalsh(gram)) > -1e-5
    assert jax.jit(jax.grad(kernel))(points[0], points[1]).shape == (2,)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lib.amplitude_encoding([0.0, 0.0]), "not all 0"),
        (lambda: lib.amplitude_encoding([np.inf, 0.0]), "must be finite"),
        (lambda: lib.amplitude_encoding(np.ones((2, 2))), "shape \\(2, 2\\)"),
        (lambda: lib.basis_encoding("01x"), "0 and 1"),
        (lambda: lib.basis_encoding([0, 2]), "0 and 1"),
        (lambda: lib.angle_encoding([0.1], rotation="u"), "one angle, but u has 3"),
        (lambda: lib.angle_encoding(0.1), "must be a vector"),
        (lambda: lib.angle_encoding([1j]), "finite real numbers"),
        (lambda: lib.iqp_encoding(qj.ParameterVector("x", 2)), "affine"),
        (lambda: lib.hamiltonian_encoding([0.1], []), "for each of the 1 features"),
    ],
)
def test_what_cannot_be_encoded_is_refused(make, message):
    with pytest.raises(qj.QjaxError, match=message):
        make()
