"""Derivatives: right, by the adjoint method, in constant memory, under every nesting."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest
from jax import lax
from jax.test_util import check_grads
from strategies import random_state, random_template, random_unitary

import qjax as qj

N = 3
TERMS = {"Z0 Z1": -1.0, "X0 Y1": 0.5, "X2": 0.3, "Y1 Z0": 0.7, "": 0.4}
H = qj.PauliSum(TERMS, num_qubits=N)
OTHER = qj.PauliSum({"Z0": 1.0, "X1 X2": 0.25, "Y2": -0.5}, num_qubits=N)


def energy(template, observable=H, **options):
    def function(params):
        return qj.expectation(template, observable, params, dtype=np.complex128, **options)

    return function


@pytest.fixture
def template(rng):
    return random_template(N, 6, 5, rng)


@pytest.fixture
def params(rng, double):
    return jnp.asarray(rng.normal(size=5))


@pytest.mark.parametrize("seed", range(6))
def test_gradients_are_those_of_the_oracle(seed):
    rng = np.random.default_rng(seed)
    template, params = random_template(N, 15, 5, rng), rng.normal(size=5)

    def expected(x):
        return oracle.expectation(oracle.statevector(template.bind(x)), TERMS)

    with jax.enable_x64(True):
        result = jax.value_and_grad(energy(template))(jnp.asarray(params))
    value, gradient = map(np.asarray, result)
    # Central differences with step 1e-5 are right to about 1e-10 of the third derivative, which is
    # below the cube of the largest factor of an angle, times the number of gates.
    assert abs(value - expected(params)) < 1e-13
    assert np.max(np.abs(gradient - oracle.central_difference(expected, params))) < 1e-7


def test_gradients_equal_the_parameter_shift_rule(double):
    """For a rotation, d<H>/dt = (<H>(t + pi/2) - <H>(t - pi/2)) / 2, exactly."""
    theta = qj.ParameterVector("theta", 6)
    circuit = qj.Circuit(N).rx(theta[0], 0).ry(theta[1], 1).rxx(theta[2], 0, 2).cx(0, 1)
    circuit.rz(theta[3], 1).ryy(theta[4], 1, 2).h(2).pauli_rotation("XYZ", theta[5], (2, 0, 1))
    f = jax.jit(energy(circuit))
    params = jnp.linspace(0.1, 1.3, 6)
    shifts = np.pi / 2 * np.eye(6)
    shifted = [(f(params + s) - f(params - s)) / 2 for s in shifts]
    assert np.max(np.abs(jax.grad(f)(params) - jnp.stack(shifted))) < 1e-14


def test_first_and_second_derivatives_forward_and_reverse(template, params):
    check_grads(jax.jit(energy(template)), (params,), order=2, modes=("fwd", "rev"))


@pytest.mark.slow
def test_every_nesting_gives_the_same_hessian(template, params):
    f = energy(template)
    reference = jax.hessian(f)(params)
    scale = np.finfo(float).eps * 1000
    assert np.max(np.abs(reference)) > 0.1  # a second derivative that is all zeros is no answer
    for outer in (jax.jacfwd, jax.jacrev):
        for inner in (jax.jacfwd, jax.jacrev):
            for wrap in (lambda g: g, jax.jit):
                assert np.max(np.abs(wrap(outer(wrap(inner(f))))(params) - reference)) < scale


def test_third_derivatives_exist(double):
    circuit = qj.Circuit(1).rx(qj.Parameter("t"), 0)

    def f(t):
        return qj.expectation(circuit, "Z0", t, dtype=np.complex128)

    third = jax.grad(jax.grad(jax.grad(f)))(0.5)
    assert abs(third - np.sin(0.5)) < 1e-14  # of cos t


def test_vmap_of_gradients_equals_a_loop(template, rng, double):
    f = energy(template)
    batch = jnp.asarray(rng.normal(size=(4, 5)))
    values, gradients = jax.jit(jax.vmap(jax.value_and_grad(f)))(batch)
    hessian = jax.hessian(f)
    hessians, alone = jax.jit(jax.vmap(hessian))(batch), jax.jit(hessian)
    for i, x in enumerate(batch):
        assert abs(values[i] - f(x)) < 1e-13
        assert np.max(np.abs(gradients[i] - jax.grad(f)(x))) < 1e-13
        assert np.max(np.abs(hessians[i] - alone(x))) < 1e-12


def test_nested_vmap_and_gradient_of_a_mean(template, rng, double):
    f = energy(template)
    grid = jnp.asarray(rng.normal(size=(2, 3, 5)))
    twice = jax.vmap(jax.vmap(jax.grad(f)))(grid)
    assert np.max(np.abs(twice[1, 2] - jax.grad(f)(grid[1, 2]))) < 1e-13

    def mean_over_states(x, states):
        return jnp.mean(jax.vmap(lambda s: energy(template, initial_state=s)(x))(states))

    states = jnp.asarray(np.stack([random_state(N, rng) for _ in range(4)]))
    gradient = jax.grad(mean_over_states)(grid[0, 0], states)
    single = [jax.grad(energy(template, initial_state=s))(grid[0, 0]) for s in states]
    assert np.max(np.abs(gradient - sum(single) / 4)) < 1e-13

    per_state = jax.vmap(jax.grad(lambda x, s: energy(template, initial_state=s)(x)), (None, 0))
    assert np.max(np.abs(per_state(grid[0, 0], states) - jnp.stack(single))) < 1e-13


def test_gradient_of_several_observables_in_one_pass(template, params):
    f = energy(template, [H, OTHER])
    jacobian = jax.jacrev(f)(params)
    assert jacobian.shape == (2, 5)
    for row, observable in zip(jacobian, (H, OTHER), strict=True):
        assert np.max(np.abs(row - jax.grad(energy(template, observable))(params))) < 1e-13
    assert np.max(np.abs(jax.jacfwd(f)(params) - jacobian)) < 1e-13


def test_gradient_of_coefficients_is_the_expectation_of_each_term(template, params):
    def f(coefficients):
        terms = dict(zip(TERMS, coefficients, strict=True))
        return energy(template, qj.PauliSum(terms, num_qubits=N))(params)

    gradient = jax.grad(f)(jnp.asarray(list(TERMS.values())))
    state = oracle.statevector(template.bind(np.asarray(params)))
    expected = [oracle.expectation(state, {text: 1.0}) for text in TERMS]
    assert np.max(np.abs(gradient - np.array(expected))) < 1e-13


def test_gradient_of_the_initial_state(template, params, rng):
    """d<s|A|s> / d(Re s, Im s) = 2 Re, 2 Im of A s, with A = U^dagger H U."""
    state = random_state(N, rng)

    def f(real, imag):
        return energy(template, initial_state=lax.complex(real, imag))(params)

    by_real, by_imag = jax.grad(f, argnums=(0, 1))(jnp.asarray(state.real), jnp.asarray(state.imag))
    unitary = oracle.unitary(template.bind(np.asarray(params)))
    expected = 2 * unitary.conj().T @ oracle.operator(TERMS, N) @ unitary @ state
    assert np.max(np.abs(by_real - expected.real)) < 1e-13
    assert np.max(np.abs(by_imag - expected.imag)) < 1e-13


@pytest.mark.parametrize("k", [1, 2, 3])
def test_gradient_of_the_matrix_of_a_unitary_gate(k, rng, double):
    """In every direction, also in those in which the matrix does not stay unitary."""
    matrix, qubits = random_unitary(2**k, rng), [int(q) for q in rng.permutation(N)[:k]]

    def circuit(m):
        return qj.Circuit(N).h([0, 1, 2]).t(0).unitary(m, qubits).rx(0.3, 0).cx(0, 1).ry(1.1, 1)

    def f(real, imag):
        return qj.expectation(circuit(lax.complex(real, imag)), H, dtype=np.complex128)

    gradients = jax.grad(f, argnums=(0, 1))(jnp.asarray(matrix.real), jnp.asarray(matrix.imag))
    fixed = circuit(matrix)
    place = next(i for i, x in enumerate(fixed) if x.name == "unitary")
    before = oracle.statevector(fixed[:place])
    after = oracle.unitary(fixed[place + 1 :])

    def expected(entries):
        m = (entries[: 4**k] + 1j * entries[4**k :]).reshape(2**k, 2**k)
        state = after @ oracle.apply(m, qubits, (), (), before)
        return np.vdot(state, oracle.operator(TERMS, N) @ state).real

    start = np.concatenate([matrix.real.ravel(), matrix.imag.ravel()])
    numeric = oracle.central_difference(expected, start)
    ours = np.concatenate([np.ravel(g) for g in gradients])
    assert np.max(np.abs(ours - numeric)) < 1e-8


@pytest.mark.slow
def test_second_derivatives_through_a_traced_unitary_and_a_diagonal(rng, double):
    def f(a, b):
        u = jnp.linalg.qr(lax.complex(a, b))[0]
        phases = lax.complex(jnp.cos(a[0]), jnp.sin(a[0]))
        circuit = qj.Circuit(N).h(range(N)).unitary(u, (2, 0, 1)).rx(0.3, 1)
        circuit.unitary(u, (0, 1, 2), controls=()).diagonal(phases, (0, 1, 2))
        return qj.expectation(circuit, H, dtype=np.complex128)

    a, b = jnp.asarray(rng.normal(size=(2, 8, 8)))
    check_grads(f, (a, b), order=2, modes=("fwd", "rev"))


def test_gradient_with_respect_to_a_whole_circuit(rng, double):
    circuit = qj.Circuit(2).rx(0.3, 0).cx(0, 1).ry(0.7, 1)
    gradient = jax.grad(lambda c: qj.expectation(c, "Z1", dtype=np.complex128))(circuit)
    assert isinstance(gradient, qj.Circuit)
    # <Z1> = cos(0.3) cos(0.7)
    expected = [-np.sin(0.3) * np.cos(0.7), -np.cos(0.3) * np.sin(0.7)]
    assert np.max(np.abs(gradient.leaves[0] - np.array(expected))) < 1e-14


@pytest.mark.slow
def test_derivatives_of_the_other_quantities(template, params):
    def quantities(x):
        state = qj.statevector(template, x, dtype=np.complex128)
        rho = qj.reduced_density_matrix(state, [0, 2])
        return jnp.stack(
            [
                qj.variance(template, H, x, dtype=np.complex128),
                qj.probabilities(template, x, qubits=[1, 0], dtype=np.complex128)[2],
                jnp.abs(qj.amplitudes(template, "010", x, dtype=np.complex128)),
                qj.purity(rho),
                qj.entropy(qj.reduced_density_matrix(state, 1)),
                qj.fidelity(state, qj.basis_state("001", dtype=np.complex128)),
                jnp.sum(jnp.sin(qj.unitary(template, x, dtype=np.complex128).real)),
                qj.expectation(template, qj.Projector("011"), x, dtype=np.complex128),
                qj.expectation(
                    template, qj.Diagonal(np.arange(4.0), [2, 0]), x, dtype="complex128"
                ),
                qj.expectation(template, qj.Hermitian(oracle.Y, [1]), x, dtype=np.complex128),
            ]
        )

    check_grads(quantities, (params,), order=1, modes=("fwd", "rev"))


def test_the_entropy_of_a_pure_state_has_a_finite_gradient(double):
    def f(t):
        state = qj.statevector(qj.Circuit(2).ry(t, 0), dtype=np.complex128)
        return qj.entropy(qj.reduced_density_matrix(state, 0))

    assert abs(f(0.4)) < 1e-12
    assert abs(jax.grad(f)(0.4)) < 1e-12


# --- which path ran -------------------------------------------------------------------------------


def test_reverse_mode_is_the_adjoint_primitive_and_nothing_else(template, params):
    text = str(jax.make_jaxpr(jax.grad(energy(template)))(params))
    assert text.count("qjax_from_zero[") == 1
    assert text.count("qjax_adjoint[") == 1
    assert "qjax_tangent" not in text


def test_the_program_does_not_grow_with_gates_or_parameters(double):
    def equations(layers):
        theta = qj.ParameterVector("theta", (layers, N))
        circuit = qj.Circuit(N)
        for layer in range(layers):
            circuit.ry(list(theta[layer]), range(N)).cx(range(N - 1), range(1, N))
        lowered = jax.jit(jax.value_and_grad(energy(circuit))).lower(jnp.zeros(layers * N))
        return len(lowered.as_text().splitlines())

    assert equations(64) <= equations(8) + 10  # a longer chain of products per doubling at most


def peak_bytes(n, layers):
    """Temporary memory of value and gradient, as XLA reports it."""
    theta = qj.ParameterVector("theta", (layers, n))
    circuit = qj.Circuit(n)
    for layer in range(layers):
        circuit.ry(list(theta[layer]), range(n)).cx(range(n - 1), range(1, n))
    observable = qj.PauliSum({f"Z{q} Z{q + 1}": 1.0 for q in range(n - 1)} | {"X0": 0.5})
    loss = jax.value_and_grad(lambda p: qj.expectation(circuit, observable, p))
    compiled = jax.jit(loss).lower(jnp.zeros(layers * n, jnp.float32)).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_memory_is_a_few_states_whatever_the_depth():
    n = 16
    state = 8 * 2**n
    shallow, deep = peak_bytes(n, 10), peak_bytes(n, 100)
    assert deep < shallow + state  # the numbers of 90 more layers, and no state
    assert deep < 16 * state


def test_equal_structures_compile_once(double):
    traces = 0

    @jax.jit
    def run(circuit):
        nonlocal traces
        traces += 1
        return qj.expectation(circuit, "Z0", dtype=np.complex128)

    for angle in (0.1, 0.2, 0.3):
        run(qj.Circuit(2).rx(angle, 0).cx(0, 1))
    assert traces == 1


def test_circuits_of_traced_angles_inside_jit_vmap_grad(rng, double):
    def classifier(weights, x):
        c = qj.Circuit(2).ry(x[0], 0).ry(x[1], 1).cx(0, 1).rx(weights[0], 0).rx(weights[1], 1)
        return qj.expectation(c, qj.PauliSum({"Z0": 1.0}, num_qubits=2), dtype=np.complex128)

    xs = rng.normal(size=(7, 2))
    weights = rng.normal(size=2)
    gradients = jax.jit(jax.vmap(jax.grad(classifier), (None, 0)))(weights, xs)
    for x, gradient in zip(xs, gradients, strict=True):

        def expected(w, x=x):
            c = qj.Circuit(2).ry(x[0], 0).ry(x[1], 1).cx(0, 1).rx(w[0], 0).rx(w[1], 1)
            return oracle.expectation(oracle.statevector(c), {"Z0": 1.0})

        assert np.max(np.abs(gradient - oracle.central_difference(expected, weights))) < 1e-9


def test_one_circuit_can_be_trained_in_both_precisions():
    """A circuit's constants are arrays; JAX must not mix up what it made of them before."""
    t = qj.ParameterVector("t", 2)
    circuit = qj.Circuit(2).x(0).ry(t[0], 0).cx(0, 1).ry(t[1], 1).cx(1, 0)
    observable = qj.PauliSum("0.4 Z0 - 0.4 Z1 - 0.1 Z0 Z1 + 0.2 X0 X1")
    loss = jax.jit(lambda p: qj.expectation(circuit, observable, p))
    start = np.array([0.4, 0.7])
    qj.fit(loss, start.astype(np.float32), optax.adam(0.1), steps=20, progress=False)
    with jax.enable_x64(True):
        gradient = jax.grad(lambda p: qj.expectation(circuit, observable, p, dtype=np.complex128))(
            start
        )
    matrix = observable.to_matrix()

    def value(v):
        state = oracle.statevector(circuit.bind(v))
        return np.vdot(state, matrix @ state).real

    wanted = [(value(start + s) - value(start - s)) / 2e-5 for s in 1e-5 * np.eye(2)]
    np.testing.assert_allclose(gradient, wanted, atol=1e-9)
