"""Models, layers and hybrid blocks, against dense states and finite differences."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import oracle
import pytest
from flax import nnx

import qjax as qj
from qjax import learning
from qjax.errors import LearningError
from qjax.learning import QuantumModel, blocks
from qjax.learning import equinox as qeqx
from qjax.learning import nnx as qnnx
from qjax.learning.circuits import feature_circuit, pauli_strings, reuploading_circuit
from qjax.learning.initializers import normal, uniform, zeros

EPS = np.finfo(np.float64).eps
PAULIS = ["Z0", "X1", "Z0 Z1"]


def numbers(params):
    flat, back = jax.flatten_util.ravel_pytree(params)
    return np.asarray(flat), back


def check_gradient(block, params, *arrays, tolerance=1e-7, **options):
    """Reverse mode against central differences, of a sum with unequal weights."""

    def value(flat):
        out = jax.tree.leaves(block.apply(back(flat), *arrays, **options))[0]
        return jnp.sum(out * jnp.cos(jnp.arange(out.size, dtype=out.dtype)).reshape(out.shape))

    flat, back = numbers(params)
    found = jax.jit(jax.grad(value))(jnp.asarray(flat))
    expected = oracle.central_difference(jax.jit(value), flat)
    assert np.max(np.abs(found - expected)) < tolerance


def perturbed(params, key=0):
    """Parameters away from special points such as gains of zero."""
    flat, back = numbers(params)
    return back(jnp.asarray(flat) + jax.random.normal(jax.random.key(key), flat.shape, flat.dtype))


# --- the functional form --------------------------------------------------------------------------


def test_a_model_gives_dense_expectation_values(dtype, rng):
    circuit = reuploading_circuit(3, 2, 2)
    model = QuantumModel(circuit, PAULIS, dtype=dtype)
    params = model.init(jax.random.key(0))
    x = rng.normal(size=(2, 3, 3)).astype(params["w"].dtype)
    found = model.apply(params, x)
    assert found.shape == (2, 3, 3) and found.dtype == params["w"].dtype
    for index in np.ndindex(2, 3):
        w = np.asarray(params["w"], float)
        state = oracle.statevector(circuit.bind({"x": x[index].astype(float), "w": w}))
        expected = [oracle.expectation(state, {text: 1.0}) for text in PAULIS]
        assert np.allclose(found[index], expected, atol=50 * np.finfo(dtype).eps)


def test_a_function_of_data_and_weights_is_the_same_model(double, rng):
    def build(x, weights):
        circuit = qj.Circuit(2)
        for q in range(2):
            circuit.ry(x[q], q).rz(weights["w"][q], q)
        return circuit.cx(0, 1).ry(x[0] * x[1], 1)

    model = QuantumModel(build, PAULIS, weights={"w": 2}, dtype=double)
    params = model.init(jax.random.key(1))
    x = rng.normal(size=(5, 2))
    found = model.apply(params, x)
    for row, values in zip(x, found, strict=True):
        state = oracle.statevector(build(row, {"w": np.asarray(params["w"])}))
        expected = [oracle.expectation(state, {text: 1.0}) for text in PAULIS]
        assert np.allclose(values, expected, atol=50 * EPS)
    check_gradient(model, params, x)


def test_jit_of_vmap_of_grad_is_a_loop_of_finite_differences(double, rng):
    model = QuantumModel(reuploading_circuit(2, 2, 2), "Z0 Z1", dtype=double)
    params = model.init(jax.random.key(0))
    x = rng.normal(size=(4, 2))
    slopes = jax.jit(jax.vmap(jax.grad(model.apply, argnums=1), (None, 0)))(params, x)
    for row, found in zip(x, slopes, strict=True):
        expected = oracle.central_difference(lambda r: model.apply(params, r), row)
        assert np.max(np.abs(found - expected)) < 1e-8
    check_gradient(model, params, x)


def test_weights_with_leading_axes_are_many_models(rng):
    model = QuantumModel(reuploading_circuit(2, 2, 1))
    many = jax.vmap(model.init)(jax.random.split(jax.random.key(0), 3))
    x = rng.normal(size=(5, 2)).astype(np.float32)
    spread = {"w": many["w"][:, None]}
    found = model.apply(spread, x[None])
    assert found.shape == (3, 5, 2)
    assert np.allclose(found[2], model.apply({"w": many["w"][2]}, x), atol=1e-6)


@pytest.mark.slow
def test_noise_shrinks_expectation_values(rng):
    circuit = reuploading_circuit(2, 2, 1)
    noise = qj.NoiseModel().add("depolarizing2", 0.1, gates="cz")
    model, noisy = QuantumModel(circuit, "Z0 Z1"), QuantumModel(circuit, "Z0 Z1", noise=noise)
    params = model.init(jax.random.key(0))
    x = rng.normal(size=(3, 2)).astype(np.float32)
    ratio = noisy.apply(params, x) / model.apply(params, x)
    assert np.all(np.abs(ratio) < 1)


@pytest.mark.slow
def test_a_batch_of_four_thousand_rows_of_ten_qubits(rng):
    model = QuantumModel(reuploading_circuit(10, 10, 2))
    params = model.init(jax.random.key(0))
    x = rng.normal(size=(4096, 10)).astype(np.float32)
    loss = jax.jit(jax.value_and_grad(lambda p: jnp.mean(model.apply(p, x) ** 2)))
    value, slope = loss(params)
    assert np.isfinite(value) and np.isfinite(slope["w"]).all()
    row = model.data_circuit.circuit.bind({"x": x[7], "w": np.asarray(params["w"])})
    expected = oracle.expectation(oracle.statevector(row), {"Z3": 1.0})
    assert abs(model.apply(params, x)[7, 3] - expected) < 1e-4


# --- initialisers ---------------------------------------------------------------------------------


def test_identity_blocks_start_as_the_identity_with_a_gradient(double):
    theta, phi = qj.ParameterVector("theta", (2, 3)), qj.Parameter("phi")
    block = qj.Circuit(3)
    for layer in range(2):
        block.ry(theta[layer], range(3)).cz(0, 1).cx(1, 2).rx(2 * phi + 0.1, layer)
    made = learning.identity_blocks(block, 4)
    assert made.circuit.parameters["theta"] == (4, 2, 3)
    assert made.circuit.num_parameters == 2 * 4 * 7
    data = qj.Circuit(3).ry(qj.ParameterVector("x", 3), range(3)) + made.circuit
    model = QuantumModel(data, "Z0", initializer=made.initializers, dtype=double)
    params = model.init(jax.random.key(0))
    matrix = oracle.unitary(made.circuit.bind({k: np.asarray(v) for k, v in params.items()}))
    assert np.max(np.abs(matrix - np.eye(8))) < 1000 * EPS
    x = np.array([0.3, 0.4, 0.5])
    assert np.isclose(model.apply(params, x), np.cos(0.3), atol=1000 * EPS)
    slope = jax.grad(lambda p: model.apply(p, x))(params)
    assert np.linalg.norm(slope["theta"]) > 1e-2


def test_initialisers_draw_what_they_say():
    circuit = reuploading_circuit(2, 4, 50)
    draw = lambda rule: QuantumModel(circuit, initializer=rule).init(jax.random.key(0))["w"]
    turn = draw(uniform())
    assert turn.min() >= 0 and turn.max() < 2 * np.pi
    assert abs(turn.mean() - np.pi) < 5 * (2 * np.pi) / np.sqrt(12 * 400)
    assert abs(draw(normal(0.1)).std() / 0.1 - 1) < 5 / np.sqrt(2 * 400)
    assert np.all(draw(zeros()) == 0)
    assert draw(jax.nn.initializers.constant(2.0))[0, 0, 0] == 2


@pytest.fixture
def weak_types():
    """Adam as optax writes it needs JAX's usual promotion of Python numbers."""
    with jax.numpy_dtype_promotion("standard"):
        yield


# --- modules --------------------------------------------------------------------------------------


def test_flax_trains_a_layer_inside_a_model(rng, weak_types):
    x = rng.uniform(-1, 1, size=(32, 3)).astype(np.float32)
    y = np.sin(2 * x[:, :1])
    rngs = nnx.Rngs(0)
    layer = qnnx.QuantumLayer(reuploading_circuit(2, 2, 2), rngs=rngs)
    model = nnx.Sequential(nnx.Linear(3, 2, rngs=rngs), layer, nnx.Linear(2, 1, rngs=rngs))
    optimizer = nnx.Optimizer(model, optax.adam(0.05), wrt=nnx.Param)
    assert layer.weights["w"].shape == (2, 2, 2)

    @nnx.jit
    def step(model, optimizer):
        loss, grads = nnx.value_and_grad(lambda m: jnp.mean((m(x) - y) ** 2))(model)
        optimizer.update(model, grads)
        return loss

    losses = [float(step(model, optimizer)) for _ in range(40)]
    assert losses[-1] < 0.3 * losses[0]


def test_equinox_trains_a_layer_inside_a_model(rng, weak_types):
    x = rng.uniform(-1, 1, size=(32, 3)).astype(np.float32)
    y = np.sin(2 * x[:, :1])
    a, b, c = jax.random.split(jax.random.key(0), 3)
    layer = qeqx.QuantumLayer(reuploading_circuit(2, 2, 2), key=b)
    model = eqx.nn.Sequential([eqx.nn.Linear(3, 2, key=a), layer, eqx.nn.Linear(2, 1, key=c)])
    optimizer = optax.adam(0.05)
    state = optimizer.init(eqx.filter(model, eqx.is_inexact_array))

    @eqx.filter_jit
    def step(model, state):
        loss = lambda m: jnp.mean((jax.vmap(m)(x) - y) ** 2)
        value, grads = eqx.filter_value_and_grad(loss)(model)
        updates, state = optimizer.update(grads, state)
        return eqx.apply_updates(model, updates), state, value

    losses = []
    for _ in range(40):
        model, state, value = step(model, state)
        losses.append(float(value))
    assert losses[-1] < 0.3 * losses[0]


def test_both_libraries_and_the_functional_form_agree(rng):
    block = blocks.QuantumAttention(3, num_qubits=2)
    x = rng.normal(size=(2, 4, 3)).astype(np.float32)
    key = jax.random.key(5)
    module = qeqx.BlockModule(block, key=key)
    expected = block.apply(block.init(key), x)
    assert np.array_equal(module(x), expected)
    layer = qnnx.BlockModule(block, rngs=nnx.Rngs(0))
    for name, weights in block.init(key).items():
        layer.weights[name]["w"][...] = weights["w"]
    assert np.array_equal(layer(x), expected)


# --- hybrid blocks --------------------------------------------------------------------------------


def test_attention_is_gaussian_in_dense_expectation_values(double, rng):
    block = blocks.QuantumAttention(3, num_qubits=2, scores=2, dtype=double)
    params = block.init(jax.random.key(0))
    x = rng.normal(size=(4, 3))
    circuit = reuploading_circuit(3, 2, 1)

    def dense(name, row):
        state = oracle.statevector(circuit.bind({"x": row, "w": np.asarray(params[name]["w"])}))
        return [oracle.expectation(state, {t: 1.0}) for t in ("Z0", "Z1", "X0")]

    q, k, v = (np.array([dense(n, row) for row in x]) for n in ("query", "key", "value"))
    a = np.exp(-np.sum((q[:, None, :2] - k[None, :, :2]) ** 2, axis=-1))
    expected = x + (a / a.sum(axis=1, keepdims=True)) @ v
    assert np.max(np.abs(block.apply(params, x) - expected)) < 200 * EPS
    allowed = np.tri(4, dtype=bool)
    expected = x + (a * allowed / (a * allowed).sum(axis=1, keepdims=True)) @ v
    assert np.max(np.abs(block.apply(params, x, mask=allowed) - expected)) < 200 * EPS
    causal = blocks.QuantumAttention(3, num_qubits=2, scores=2, causal=True, dtype=double)
    assert np.max(np.abs(causal.apply(params, x) - expected)) < 200 * EPS
    check_gradient(block, params, x)


def test_the_recurrent_cell_is_an_lstm_with_dense_expectation_values(double, rng):
    cell = blocks.QuantumLSTMCell(features=2, hidden=2, dtype=double)
    params = cell.init(jax.random.key(0))
    xs = rng.normal(size=(3, 2))
    circuit = reuploading_circuit(2, 2, 1)
    sigmoid = lambda z: 1 / (1 + np.exp(-z))
    h = c = np.zeros(2)
    outputs = []
    for x in xs:
        v = np.concatenate([h, x]) @ params["project"]["kernel"] + params["project"]["bias"]
        angles = np.pi / 2 * np.tanh(v)
        f, i, g, o = (
            np.array(
                [
                    oracle.expectation(
                        oracle.statevector(circuit.bind({"x": angles, "w": np.asarray(w)})), {t: 1}
                    )
                    for t in ("Z0", "Z1")
                ]
            )
            for w in params["gates"]["w"]
        )
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        outputs.append(h)
    (last, _), found = cell.unroll(params, xs)
    assert np.max(np.abs(found - np.array(outputs))) < 500 * EPS
    assert np.array_equal(last, found[-1])
    batch = cell.unroll(params, np.stack([xs, 2 * xs]))[1]
    assert np.max(np.abs(batch[0] - found)) < 500 * EPS


@pytest.mark.slow
def test_gradients_of_cells_feed_forward_and_twins(double, rng):
    x = rng.normal(size=(3, 4))
    for cell in (
        blocks.QuantumLSTMCell(features=4, hidden=2, dtype=double),
        blocks.LSTMCell(4, 2, dtype=np.float64),
    ):
        check_gradient(cell, cell.init(jax.random.key(0)), cell.start(3), x)
    for block in (
        blocks.QuantumFeedForward(4, num_qubits=2, layers=1, dtype=double),
        blocks.FeedForward(4, 2, dtype=np.float64),
        blocks.Attention(4, 2, causal=True, dtype=double),
    ):
        params = block.init(jax.random.key(0))
        assert block.apply(params, x).shape == (3, 4)
        check_gradient(block, params, x)


ADAPTERS = [blocks.AmplitudeAdapter, blocks.UnitaryAdapter, blocks.LowRankAdapter]


@pytest.mark.parametrize("kind", ADAPTERS)
@pytest.mark.parametrize("shape", [pytest.param((8, 4), marks=pytest.mark.slow), (6, 5)])
def test_an_adapter_starts_at_nothing_and_is_its_matrix(kind, shape, double, rng):
    adapter = kind(*shape, 2, scale=0.5, dtype=double)
    params = adapter.init(jax.random.key(0))
    x = rng.normal(size=(3, shape[0]))
    assert np.all(adapter.apply(params, x) == 0)
    params = perturbed(params)
    delta = adapter.delta(params)
    assert delta.shape == shape and np.linalg.matrix_rank(delta) == 2
    assert np.max(np.abs(adapter.apply(params, x) - x @ delta)) < 200 * EPS
    check_gradient(adapter, params, x)


def test_the_unitary_adapter_has_its_gains_as_singular_values(double):
    adapter = blocks.UnitaryAdapter(8, 16, 3, dtype=double)
    params = perturbed(adapter.init(jax.random.key(0)))
    values = np.linalg.svd(adapter.delta(params), compute_uv=False)[:3]
    assert np.allclose(values, np.sort(np.abs(params["gain"]))[::-1], atol=200 * EPS)
    left = oracle.unitary(adapter.left.bind({"w": np.asarray(params["left"])}))
    right = oracle.unitary(adapter.right.bind({"w": np.asarray(params["right"])}))
    expected = left.real[:, :3] @ np.diag(params["gain"]) @ right.real[:, :3].T
    assert np.max(np.abs(adapter.delta(params) - expected)) < 200 * EPS


def test_the_amplitude_adapter_is_made_of_dense_amplitudes(double):
    adapter = blocks.AmplitudeAdapter(4, 3, 2, dtype=double)
    params = perturbed(adapter.init(jax.random.key(0)))
    left = oracle.statevector(adapter.left.bind({"w": np.asarray(params["left"])}))
    right = oracle.statevector(adapter.right.bind({"w": np.asarray(params["right"])}))
    a, b = 2 * left.real.reshape(4, 2), 3**0.5 * right.real[:6].reshape(3, 2)
    expected = a @ np.diag(params["gain"]) @ b.T
    assert np.max(np.abs(adapter.delta(params) - expected)) < 200 * EPS


def frozen_problem(rng):
    x = rng.normal(size=(40, 8)).astype(np.float32)
    kernel = rng.normal(size=(8, 8)).astype(np.float32)
    change = rng.normal(size=(8, 2)) @ rng.normal(size=(2, 8)) / 4
    return x, kernel, (x @ (kernel + change)).astype(np.float32)


@pytest.mark.parametrize(
    "kind",
    [blocks.UnitaryAdapter, *(pytest.param(k, marks=pytest.mark.slow) for k in ADAPTERS[::2])],
)
def test_training_only_the_adapter_leaves_the_kernel_as_it_is(kind, rng):
    x, kernel, y = frozen_problem(rng)
    adapter = kind(8, 8, 2)
    params = {"kernel": jnp.asarray(kernel), "adapter": adapter.init(jax.random.key(0))}
    mask = learning.trainable_mask(params, "adapter")
    optimizer = learning.train_only(optax.adam(0.05), mask)

    def loss(p):
        return jnp.mean((x @ p["kernel"] + adapter.apply(p["adapter"], x) - y) ** 2)

    result = qj.fit(loss, params, optimizer, 150, progress=False)
    assert np.array_equal(result.params["kernel"], kernel)
    assert result.history[-1] < 0.7 * result.history[0]


def test_flax_trains_an_adapter_beside_a_frozen_layer(rng, weak_types):
    x, kernel, y = frozen_problem(rng)
    rngs = nnx.Rngs(0)
    base = nnx.Linear(8, 8, use_bias=False, rngs=rngs)
    base.kernel[...] = jnp.asarray(kernel)
    model = qnnx.Adapted(base, blocks.UnitaryAdapter(8, 8, 2), rngs=rngs)
    optimizer = nnx.Optimizer(model, optax.adam(0.05), wrt=nnx.LoRAParam)

    @nnx.jit
    def step(model, optimizer):
        loss = lambda m: jnp.mean((m(x) - y) ** 2)
        value, grads = nnx.value_and_grad(loss, argnums=nnx.DiffState(0, nnx.LoRAParam))(model)
        optimizer.update(model, grads)
        return value

    losses = [float(step(model, optimizer)) for _ in range(60)]
    assert losses[-1] < 0.9 * losses[0] and np.array_equal(base.kernel[...], kernel)


def test_equinox_picks_the_adapter_of_a_model(rng):
    x, _, _ = frozen_problem(rng)
    a, b = jax.random.split(jax.random.key(0))
    model = [qeqx.Adapted(eqx.nn.Linear(8, 8, key=a), blocks.UnitaryAdapter(8, 8, 2), key=b)]
    trained, frozen = eqx.partition(model, qeqx.adapters_only(model))
    slope = jax.grad(lambda t: jnp.sum(jax.vmap(eqx.combine(t, frozen)[0])(x) ** 2))(trained)
    assert learning.count_parameters(slope) == model[0].adapter.block.num_parameters
    assert np.linalg.norm(slope[0].adapter.weights["gain"]) > 0


# --- sizes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (QuantumModel(reuploading_circuit(3, 4, 5)), 5 * 4 * 2),
        (blocks.QuantumAttention(5, 3, 2), 3 * 2 * 3 * 2),
        (blocks.QuantumFeedForward(6, 4, 3), 6 * 4 + 4 + 3 * 4 * 2 + 4 * 6 + 6),
        (blocks.QuantumLSTMCell(7, 3, 2), (7 + 3) * 3 + 3 + 4 * 2 * 3 * 2),
        (blocks.UnitaryAdapter(64, 128, 4, 3), 4 * 6 + 4 * 7 + 4),
        (blocks.AmplitudeAdapter(64, 128, 4, 3), 4 * 8 + 4 * 9 + 4),
        (blocks.LowRankAdapter(64, 128, 4), 4 * (64 + 128)),
        (blocks.GRUCell(7, 3), 3 * ((7 + 3) * 3 + 3)),
        (blocks.LSTMCell(7, 3), 4 * ((7 + 3) * 3 + 3)),
        (blocks.Attention(5, 2), 2 * 5 * 2 + 25),
    ],
    ids=lambda value: type(value).__name__,
)
def test_blocks_have_the_parameters_that_their_formula_says(block, expected):
    assert block.num_parameters == expected


def test_pauli_strings_are_distinct_and_all_of_them():
    assert len(set(pauli_strings(3, 63))) == 63
    with pytest.raises(LearningError, match="Use more qubits"):
        pauli_strings(2, 16)


def test_features_beyond_the_qubits_all_matter(double, rng):
    circuit = feature_circuit(5, 2, 2)
    x = rng.normal(size=5)
    state = lambda v: np.asarray(qj.statevector(circuit, {"x": v}, dtype=double))
    for k in range(5):
        moved = state(x + 0.3 * np.eye(5)[k])
        assert abs(np.vdot(moved, state(x))) < 1 - 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: QuantumModel(qj.Circuit(1).h(0)), "inputs must name an open parameter"),
        (lambda: QuantumModel(lambda x: qj.Circuit(1)), "observables must be given"),
        (lambda: QuantumModel(reuploading_circuit(1, 1, 1), weights={"w": 2}), "are for a funct"),
        (
            lambda: QuantumModel(reuploading_circuit(1, 1, 1), initializer={"v": zeros()}).init(
                jax.random.key(0)
            ),
            "must have an entry for each",
        ),
        (lambda: learning.identity_blocks(qj.Circuit(1).h(0), 2), "must have open parameters"),
        (lambda: blocks.LowRankAdapter(4, 2, 3), "rank must be at most 2"),
        (lambda: learning.trainable_mask({"a": 1.0}, "b"), "must match a leaf"),
        (lambda: qeqx.BlockModule("x", key=jax.random.key(0)), "block must be a Block"),
        (lambda: qnnx.Adapted(None, None, rngs=None), "adapter must be an Adapter"),
        (lambda: qeqx.adapters_only([1.0]), "must hold an Adapted layer"),
    ],
)
def test_what_cannot_be_is_named(call, message):
    with pytest.raises(LearningError, match=message):
        call()
