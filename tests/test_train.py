import gc
import os
import signal
import subprocess
import sys
import time
import weakref
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import qjax.train.checkpoint as checkpoint_module
from qjax.errors import FileError, MissingExtraError, TrainingError
from qjax.train import FitResult, NonFiniteError, checkpoint_step, load_checkpoint, save_checkpoint
from qjax.train import fit as fit_with_bar

ROOT = Path(__file__).parents[1]
SGD = optax.sgd(0.1)


def fit(*args, **keywords):
    return fit_with_bar(*args, **({"progress": False} | keywords))


def bowl(x):
    """The distance to 1, squared: gradient descent of rate r shrinks x - 1 by 1 - 2r each step."""
    return jnp.sum((x - 1.0) ** 2)


def same(one, other):
    """Whether two pytrees agree bit for bit."""
    return all(
        np.array_equal(np.asarray(a), np.asarray(b))
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )


# What is computed


def test_gradient_descent_follows_its_closed_form(dtype):
    real = np.finfo(dtype).dtype
    steps, rate = 25, 0.2
    start = np.array([0.0, 3.0], real)
    result = fit(lambda p: bowl(p["x"]), {"x": start}, optax.sgd(rate), steps)
    shrink = (1 - 2 * rate) ** np.arange(steps + 1)
    # Each step rounds a few times, relative to numbers of size 3.
    tolerance = 3 * 4 * steps * np.finfo(real).eps
    np.testing.assert_allclose(
        result.params["x"], 1 + (start - 1) * shrink[-1], rtol=0, atol=tolerance
    )
    expected = np.sum((start - 1) ** 2) * shrink[:-1] ** 2
    np.testing.assert_allclose(result.history, expected, rtol=0, atol=5 * tolerance)
    assert result.params["x"].dtype == result.history.dtype == real
    assert result.steps == len(result.history) == steps
    assert result.stopped == "steps"


def test_complex_parameters_descend(dtype):
    target = np.array([1 + 2j, -3j], dtype)
    start = np.zeros(2, dtype)

    def loss(z):
        return jnp.sum(jnp.abs(z - target) ** 2)

    result = fit(loss, start, optax.sgd(0.25), 10)
    # d|z - t|^2 = 2 Re(conj(z - t) dz): each step halves z - t, as for real numbers.
    tolerance = 40 * np.finfo(dtype).eps
    np.testing.assert_allclose(
        result.params, target * (1 - 0.5**10), rtol=tolerance, atol=tolerance
    )
    assert result.params.dtype == dtype


@pytest.mark.parametrize("optimizer", [optax.adam(0.1), optax.adamw(0.05), optax.rmsprop(0.1)])
def test_an_optimizer_does_what_it_does_in_a_plain_loop(optimizer, double):
    matrix = np.random.default_rng(1).normal(size=(4, 4))

    def loss(params):
        return jnp.sum((matrix @ params["x"] - 1.0) ** 2) + jnp.sum(jnp.cos(params["y"]))

    params = {"x": jnp.zeros(4), "y": jnp.ones(3)}
    steps = 50
    result = fit(loss, params, optimizer, steps)

    @jax.jit
    def step(params, state):
        value, gradient = jax.value_and_grad(loss)(params)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, value

    history = []
    with jax.numpy_dtype_promotion("standard"):
        state = optimizer.init(params)
        for _ in range(steps):
            params, state, value = step(params, state)
            history.append(float(value))
    tolerance = 100 * steps * np.finfo(np.float64).eps
    np.testing.assert_allclose(result.history, history, rtol=tolerance, atol=tolerance)
    for ours, plain in zip(jax.tree.leaves(result.params), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(ours, plain, rtol=tolerance, atol=tolerance)
    assert jax.tree.structure(result.opt_state) == jax.tree.structure(state)


@pytest.mark.parametrize("kind", [np.float64, np.complex128])
@pytest.mark.parametrize(
    "optimizer",
    [
        optax.lbfgs(),
        optax.chain(optax.sgd(1.0), optax.scale_by_backtracking_linesearch(15, store_grad=True)),
        optax.polyak_sgd(max_learning_rate=0.5),
        optax.contrib.momo(0.3),
        optax.contrib.sam(optax.sgd(0.2), optax.sgd(1e-3)),
    ],
    ids=["lbfgs", "backtracking", "polyak", "momo", "sam"],
)
def test_optimizers_that_need_the_loss_or_its_function_get_it(optimizer, kind, double):
    target = np.array([1.0, -2.0, 0.5], kind) * (1 if kind is np.float64 else 1 + 1j)

    def loss(z):
        return jnp.sum(jnp.array([1.0, 2.0, 3.0]) * jnp.abs(z - target) ** 2)

    result = fit(loss, np.zeros(3, kind), optimizer, 60)
    assert result.best_loss < 0.02 * result.history[0]


def test_lbfgs_solves_rosenbrock_and_reuses_the_gradient_of_its_line_search(double):
    calls = 0

    def count():
        nonlocal calls
        calls += 1

    def rosenbrock(p):
        jax.debug.callback(count)
        return (1 - p[0]) ** 2 + 100 * (p[1] - p[0] ** 2) ** 2

    def calls_of(loss, **keywords):
        nonlocal calls
        calls = 0
        result = fit(loss, np.zeros(2), optax.lbfgs(), 40, **keywords)
        jax.effects_barrier()
        np.testing.assert_allclose(result.best_params, [1, 1], atol=1e-6)
        return calls

    # A loss that takes a key may change at each step: then no value is known from the step before.
    known = calls_of(rosenbrock)
    drawn = calls_of(lambda p, key: rosenbrock(p), stochastic=True, key=jax.random.key(0))
    assert drawn == known + 39


def test_the_best_parameters_are_those_of_the_least_loss(rng):
    # A rate above 1 diverges: the first loss is the best.
    result = fit(bowl, jnp.zeros(1), optax.sgd(1.1), 5)
    assert result.best_loss == result.history[0] == result.history.min()
    assert same(result.best_params, np.zeros(1, np.float32))
    noisy = jnp.asarray(rng.normal(size=30), jnp.float32)

    def loss(x):  # x counts the steps
        return noisy[jnp.int32(jax.lax.stop_gradient(x))] - (x - jax.lax.stop_gradient(x))

    result = fit(loss, jnp.float32(0), optax.sgd(1.0), 30)
    assert np.array_equal(result.history, noisy)
    assert result.best_loss == noisy.min() and int(result.best_params) == np.argmin(noisy)


# Compilation


def test_a_second_call_traces_and_compiles_nothing():
    traces = 0

    def loss(x):
        nonlocal traces
        traces += 1
        return bowl(x)

    optimizer = optax.adam(0.1)
    first = fit(loss, jnp.zeros(3), optimizer, 7)
    traced, compiled = traces, []
    listener = lambda event, *_, **__: compiled.append(event)
    jax.monitoring.register_event_duration_secs_listener(listener)
    try:
        second = fit(loss, jnp.zeros(3), optimizer, 7)
        longer = fit(loss, jnp.zeros(3), optimizer, 5001, patience=4000, min_delta=0.1)
        assert not [event for event in compiled if "backend_compile" in event]
        jax.jit(lambda x: x - 3.0)(jnp.zeros(3))
        assert [event for event in compiled if "backend_compile" in event]
    finally:
        jax.monitoring.unregister_event_duration_listener(listener)
    assert traced >= 1 and traces == traced
    assert same(first.params, second.params) and same(first.history, second.history)
    assert np.array_equal(longer.history[:7], first.history)


def test_methods_are_the_same_function_at_each_access():
    class Model:
        traces = 0

        def loss(self, x):
            self.traces += 1
            return bowl(x)

    model, optimizer = Model(), optax.sgd(0.1)
    fit(model.loss, jnp.zeros(1), optimizer, 3)
    traces = model.traces
    fit(model.loss, jnp.ones(1), optimizer, 9)
    assert model.traces == traces


def test_new_hyperparameters_compile_nothing():
    traces = 0

    def loss(x):
        nonlocal traces
        traces += 1
        return bowl(x)

    slow = fit(loss, jnp.zeros(1), optax.sgd, 3, hyperparameters={"learning_rate": 0.25})
    traced = traces
    fast = fit(loss, jnp.zeros(1), optax.sgd, 3, hyperparameters={"learning_rate": 0.5})
    assert traces == traced
    assert float(slow.params[0]) == 1 - 0.5**3 and float(fast.params[0]) == 1.0


def test_a_loss_is_let_go_with_its_compiled_program():
    def make():
        def loss(x):
            return bowl(x)

        return loss

    loss, optimizer = make(), optax.sgd(0.1)
    fit(loss, jnp.zeros(1), optimizer, 3)
    watch = weakref.ref(loss)
    del loss
    gc.collect()
    assert watch() is None


def test_a_jitted_loss_and_any_pytree_train():
    result = fit(jax.jit(lambda p: bowl(p[0]["a"]) + bowl(p[1])), ({"a": 0.5}, 2.0),
                 optax.sgd(0.5), 2)  # fmt: skip
    assert same(result.params, ({"a": np.float32(1)}, np.float32(1)))


def test_the_initial_parameters_stay_the_users():
    start = jnp.zeros(3)
    fit(bowl, start, optax.lbfgs(), 3)
    assert np.array_equal(start, np.zeros(3))


# When it stops


def test_patience_is_exact_within_a_compiled_call():
    losses = jnp.array([5.0, 4.0, 4.5, 3.95, 4.2, 3.0, 3.0, 3.0, 3.0, 1.0])

    def loss(x):  # x counts the steps
        return losses[jnp.int32(jax.lax.stop_gradient(x))] - (x - jax.lax.stop_gradient(x))

    run = lambda **keywords: fit(loss, jnp.float32(0), optax.sgd(1.0), 10, **keywords)
    assert run(patience=3).steps == 9  # 3.0 is not below 3.0
    assert run(patience=4).stopped == "steps"
    # 3.95 is not below 4 by more than 0.1, so 4.0 stays the mark for two steps.
    result = run(patience=2, min_delta=0.1)
    assert (result.steps, result.stopped) == (4, "patience")
    assert result.best_loss == np.float32(3.95) and result.best_params == 3.0


def test_tolerance_is_of_the_norm_of_the_gradient():
    result = fit(bowl, jnp.zeros(4), optax.sgd(0.25), 100, tolerance=0.1)
    # The gradient is 2 (x - 1) = -2^(1 - i) on each of four axes: its norm is 2^(2 - i).
    assert (result.steps, result.stopped) == (7, "tolerance")


def test_a_callback_sees_the_run_and_may_stop_it():
    seen = []

    def callback(step, loss, params):
        seen.append((step, loss, params))
        return step == 9

    result = fit(bowl, jnp.zeros(1), optax.sgd(0.25), 100, callbacks=callback, callback_every=3)
    assert (result.steps, result.stopped) == (9, "callback")
    assert [step for step, _, _ in seen] == [3, 6, 9]
    for step, loss, params in seen:
        assert isinstance(loss, float) and loss == result.history[step - 1]
        assert isinstance(params, np.ndarray) and params[0] == 1 - 0.5**step
    steps = []
    fit(bowl, jnp.zeros(1), optax.sgd(0.25), 7, callbacks=[lambda *a: steps.append(a[0])],
        callback_every=3)  # fmt: skip
    assert steps == [3, 6, 7]
    steps.clear()
    fit(lambda x, b: bowl(x), jnp.zeros(1), SGD, 99, data=iter(np.zeros((5, 1))),
        callbacks=lambda *a: steps.append(a[0]), callback_every=3)  # fmt: skip
    assert steps == [3, 5]


# Bad numbers


def falling(limit, bad=np.nan):
    """A loss of slope 1 that is bad below -limit: with rate 1, first at step limit + 1/2."""
    return lambda x: jnp.where(x < -limit, bad, x)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_bad_loss_stops_at_its_step_and_keeps_what_was_good(bad):
    with pytest.raises(
        NonFiniteError, match=f"the loss at step 6 must be finite, but is {bad}"
    ) as e:
        fit(falling(5.5, bad), jnp.float32(0), optax.sgd(1.0), 20)
    assert isinstance(e.value, TrainingError) and e.value.step == 6
    result = e.value.result
    assert np.array_equal(result.history, -np.arange(6))
    assert result.params == result.best_params == result.best_loss == -5
    assert (result.steps, result.stopped) == (6, "non-finite")


def test_a_bad_gradient_or_update_is_told_apart():
    # sqrt has an infinite slope at 0, where its value is fine.
    with pytest.raises(NonFiniteError, match=r"the gradient at step 0 .* \(the loss is 0.0\)"):
        fit(lambda x: jnp.sqrt(x), jnp.float32(0), optax.sgd(1.0), 3)
    with pytest.raises(NonFiniteError, match=r"the parameters after step 1 .* optimizer") as e:
        fit(lambda x: -x, jnp.float32(0), optax.sgd(3e38), 5)
    assert e.value.result.params == np.float32(3e38)


def test_a_bad_start_leaves_the_initial_parameters():
    with pytest.raises(NonFiniteError, match="step 0") as e:
        fit(lambda x: x * jnp.nan, jnp.float32(2), optax.sgd(1.0), 3)
    assert e.value.result.params == 2 and e.value.result.history.shape == (0,)


# Restarts


def test_each_restart_is_the_run_it_would_be_alone(rng):
    starts = {"x": jnp.asarray(rng.normal(size=(3, 2)), jnp.float32)}
    keys = jax.random.split(jax.random.key(5), 3)
    data = jnp.asarray(rng.normal(size=(10, 2)), jnp.float32)

    def loss(params, batch, key):
        return jnp.mean((batch - params["x"]) ** 2) + jax.random.uniform(key)

    optimizer = optax.adam(0.05)
    options = {"data": data, "batch_size": 3, "stochastic": True}
    together = fit(loss, starts, optimizer, 20, restarts=3, key=jax.random.key(5), **options)
    assert together.history.shape == (3, 20) and together.stopped == ("steps",) * 3
    for k in range(3):
        alone = fit(loss, {"x": starts["x"][k]}, optimizer, 20, key=keys[k], **options)
        one = together.restart(k)
        tolerance = 20 * 20 * np.finfo(np.float32).eps
        np.testing.assert_allclose(one.history, alone.history, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(one.params["x"], alone.params["x"], atol=tolerance)
    assert together.best_restart == np.argmin(together.best_loss)
    assert together.best.best_loss == together.best_loss.min()


def test_learning_rates_train_side_by_side():
    rates = np.array([0.1, 0.25, 0.5])
    result = fit(bowl, jnp.zeros((3, 1)), optax.sgd, 4, restarts=3,
                 hyperparameters={"learning_rate": rates, "momentum": 0.0})  # fmt: skip
    np.testing.assert_allclose(
        result.params[:, 0], 1 - (1 - 2 * rates) ** 4, atol=16 * np.finfo(np.float32).eps
    )
    assert result.best_restart == 2


def test_a_restart_that_goes_bad_is_frozen_and_the_others_go_on():
    # The first goes bad at step 3, the second ends by patience, the third runs on.
    def loss(params):
        slope, x = params["slope"], params["x"]
        return jnp.where(x < -2.5, jnp.nan, jax.lax.stop_gradient(slope) * x)

    params = {"slope": jnp.array([1.0, 0.0, 1e-3]), "x": jnp.zeros(3)}
    result = fit(loss, params, optax.sgd(1.0), 12, restarts=3, patience=5)
    assert result.stopped == ("non-finite", "patience", "steps")
    assert np.isfinite(result.history).sum(axis=1).tolist() == [3, 6, 12]
    assert result.params["x"][0] == -2 and result.restart(0).history.tolist() == [0, -1, -2]
    assert result.steps == 12 and result.restart(1).steps == 6
    assert "'patience' (1)" in repr(result)


def test_it_is_an_error_when_all_restarts_go_bad():
    with pytest.raises(NonFiniteError, match="all 2 restarts went bad; in the last, the loss at "
                       "step 4") as e:  # fmt: skip
        fit(falling(3.5), jnp.array([0.0, -2.0]), optax.sgd(1.0), 9, restarts=2)
    assert e.value.result.stopped == ("non-finite",) * 2
    assert np.isfinite(e.value.result.history).sum(axis=1).tolist() == [4, 2]


# Data


def test_shuffled_epochs_draw_every_row_once():
    powers = 2.0 ** np.arange(12, dtype=np.float32)

    def loss(x, batch):  # the sum of some powers of two says which
        return jnp.sum(batch) + 0.0 * x

    result = fit(loss, jnp.float32(0), optax.sgd(1.0), 12, data=powers, batch_size=3,
                 key=jax.random.key(0))  # fmt: skip
    drawn = [{row for row in range(12) if int(total) >> row & 1} for total in result.history]
    assert all(len(rows) == 3 for rows in drawn)
    epochs = [drawn[0:4], drawn[4:8], drawn[8:12]]
    assert all(set.union(*epoch) == set(range(12)) for epoch in epochs)
    assert len({tuple(map(frozenset, epoch)) for epoch in epochs}) == 3
    other = fit(loss, jnp.float32(0), optax.sgd(1.0), 12, data=powers, batch_size=3,
                key=jax.random.key(1))  # fmt: skip
    assert not np.array_equal(result.history, other.history)


def test_rows_left_over_wait_for_another_epoch():
    powers = 2.0 ** np.arange(5, dtype=np.float32)
    result = fit(lambda x, b: jnp.sum(b) + 0 * x, jnp.float32(0), optax.sgd(1.0), 40,
                 data=powers, batch_size=2, key=jax.random.key(0))  # fmt: skip
    drawn = [{row for row in range(5) if int(total) >> row & 1} for total in result.history]
    assert all(not one & two for one, two in zip(drawn[::2], drawn[1::2], strict=True))
    assert set.union(*drawn) == set(range(5))


def test_what_is_drawn_does_not_depend_on_where_the_calls_are_cut():
    def loss(x, batch, key):
        return jnp.mean((batch["x"] - x) ** 2) + jax.random.normal(key)

    data = {"x": np.linspace(0, 1, 7, dtype=np.float32)}
    run = lambda **keywords: fit(loss, jnp.float32(0), optax.sgd(0.1), 50, data=data, batch_size=2,
                                 stochastic=True, key=jax.random.key(3), **keywords)  # fmt: skip
    whole, cut = run(), run(callbacks=lambda *_: None, callback_every=3)
    assert same(whole.history, cut.history) and same(whole.params, cut.params)
    assert len(np.unique(whole.history)) == 50


def test_whole_data_and_functions_of_a_key_are_batches_too():
    result = fit(lambda x, b: jnp.mean((b - x) ** 2), jnp.float32(0), optax.sgd(0.5), 3,
                 data=jnp.array([1.0, 3.0]))  # fmt: skip
    assert result.params == 2 and result.history.tolist() == [5, 1, 1]
    make = lambda key: jax.random.normal(key, (4,))
    loss = lambda x, b: b[0] + 0 * x
    one = fit(loss, jnp.float32(0), optax.sgd(0.5), 30, data=make, key=jax.random.key(0))
    assert len(np.unique(one.history)) == 30
    two = fit(loss, jnp.zeros(2), optax.sgd(0.5), 30, data=make, restarts=2, key=jax.random.key(0))
    assert len(np.unique(two.history)) == 60


def test_batches_come_from_an_iterator_in_order_until_it_ends():
    batches = lambda: ({"x": np.float32([i, i])} for i in range(10))
    loss = lambda x, b: jnp.sum(b["x"]) + 0 * x
    result = fit(loss, jnp.float32(0), optax.sgd(1.0), 7, data=batches())
    assert result.history.tolist() == [2 * i for i in range(7)]
    result = fit(loss, jnp.float32(0), optax.sgd(1.0), 99, data=batches())
    assert (result.steps, result.stopped) == (10, "data")


def test_a_data_loader_starts_again():
    class Loader:
        def __iter__(self):
            return iter([np.float32(1), np.float32(2), np.float32(3)])

    result = fit(lambda x, b: b + 0 * x, jnp.float32(0), optax.sgd(1.0), 7, data=Loader())
    assert result.history.tolist() == [1, 2, 3, 1, 2, 3, 1]


# Checkpoints


def test_a_checkpoint_gives_back_every_kind_of_leaf(tmp_path, double):
    tree = {
        "a": jnp.arange(3.0),
        "z": jnp.array([1 + 2j], np.complex64),
        "small": jnp.ones((2, 2), jnp.bfloat16),
        "key": jax.random.split(jax.random.key(3, impl="rbg"), 2),
        "state": optax.adam(0.1).init(jnp.zeros(2)),
        "numpy": np.zeros((0, 4)),
        "flag": jnp.array(True),
    }
    save_checkpoint(tmp_path / "c.npz", tree, step=7)
    again, step = load_checkpoint(tmp_path / "c.npz", tree)
    assert step == checkpoint_step(tmp_path / "c.npz") == 7
    assert jax.tree.structure(again) == jax.tree.structure(tree)
    assert jax.random.key_impl(again["key"]) == "rbg"
    for one, other in zip(jax.tree.leaves(tree), jax.tree.leaves(again), strict=True):
        assert one.dtype == other.dtype and one.shape == other.shape and jnp.array_equal(one, other)
    assert [path.name for path in tmp_path.iterdir()] == ["c.npz"]


@pytest.mark.parametrize(
    ("like", "message"),
    [
        ({"w": jnp.zeros(3), "b": jnp.zeros(1)}, r"must hold leaf \['b'\], but does not"),
        ({"v": jnp.zeros(3)}, r"holds leaf \['w'\], which is not"),
        ({"w": jnp.zeros(4)}, r"leaf \['w'\] must have shape \[4\], but was saved with \[3\]"),
        ({"w": jnp.zeros(3, int)}, r"leaf \['w'\] must have dtype int32, .* with float32"),
    ],
)
def test_another_structure_is_refused_by_name(tmp_path, like, message):
    save_checkpoint(tmp_path / "c.npz", {"w": jnp.zeros(3)})
    with pytest.raises(TrainingError, match=message):
        load_checkpoint(tmp_path / "c.npz", like)


def test_no_damage_passes_for_a_checkpoint(tmp_path):
    tree = {"w": np.arange(5.0), "n": np.int32(3)}
    good, bad = tmp_path / "good.npz", tmp_path / "bad.npz"
    save_checkpoint(good, tree, step=4)
    content = good.read_bytes()
    for length in range(0, len(content), 7):
        bad.write_bytes(content[:length])
        with pytest.raises(FileError, match="damaged"):
            load_checkpoint(bad, tree)
    refused = 0
    for place in range(len(content)):
        bad.write_bytes(content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :])
        try:
            again, step = load_checkpoint(bad, tree)
        except FileError:
            refused += 1
        else:  # a byte that says nothing, such as a date
            assert same(again, tree) and step == 4
    assert refused > len(content) // 2
    with pytest.raises(FileNotFoundError):
        load_checkpoint(tmp_path / "none.npz", tree)


def test_another_version_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint_module, "VERSION", 2)
    save_checkpoint(tmp_path / "c.npz", {"w": jnp.zeros(3)})
    monkeypatch.undo()
    with pytest.raises(FileError, match="of version 1, but is a qjax-checkpoint of version 2"):
        load_checkpoint(tmp_path / "c.npz", {"w": jnp.zeros(3)})
    np.savez(tmp_path / "other.npz", w=np.zeros(3))
    with pytest.raises(FileError, match="no checkpoint"):
        load_checkpoint(tmp_path / "other.npz", {"w": jnp.zeros(3)})


@pytest.mark.parametrize("where", ["fsync", "replace"])
def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch, where):
    path = tmp_path / "c.npz"
    save_checkpoint(path, {"w": jnp.zeros(3)}, step=1)

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, where, fail)
    with pytest.raises(OSError, match="no space"):
        save_checkpoint(path, {"w": jnp.ones(3)}, step=2)
    monkeypatch.undo()
    assert checkpoint_step(path) == 1 and list(tmp_path.iterdir()) == [path]


NOISY = """
import sys, time, jax, jax.numpy as jnp, numpy as np, optax
from qjax.train import fit

def loss(params, batch, key):
    return jnp.mean((batch - params["x"]) ** 2) + 0.1 * jax.random.normal(key)

def run(path, pause=0.0, **keywords):
    return fit(
        loss, {"x": jnp.zeros((2, 3))}, optax.adam, 400, restarts=2,
        hyperparameters={"learning_rate": np.array([0.01, 0.1])},
        data=np.linspace(0, 1, 33, dtype=np.float32).reshape(11, 3), batch_size=4,
        stochastic=True, key=jax.random.key(1), progress=False, checkpoint=path,
        callbacks=lambda *_: time.sleep(pause), callback_every=7, **keywords,
    )
"""


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    file = tmp_path / "run.npz"
    script = NOISY + "print('up', flush=True)\nrun(sys.argv[1], 0.02, checkpoint_every=1)\n"
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    reached = 0
    for _ in range(3):
        command = [sys.executable, "-c", script, str(file)]
        with subprocess.Popen(command, env=environment) as process:
            deadline = time.monotonic() + 120
            while process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.01)
                if file.exists() and checkpoint_step(file) > reached + 20:
                    process.send_signal(signal.SIGKILL)
                    break
            assert process.wait() == -signal.SIGKILL
        assert reached < checkpoint_step(file) < 400
        reached = checkpoint_step(file)
    names: dict = {}
    exec(NOISY, names)
    resumed, whole = names["run"](file), names["run"](None)
    assert checkpoint_step(file) == resumed.steps == 400
    for field in ("history", "params", "best_params", "best_loss", "opt_state"):
        assert same(getattr(resumed, field), getattr(whole, field)), field


def stop_at(step):
    return {"callbacks": lambda now, *_: now == step, "callback_every": step}


def test_a_run_resumes_with_its_iterator(tmp_path):
    batches = lambda: iter(np.float32([i]) for i in range(1000))
    loss = lambda x, b: jnp.mean((b - x) ** 2)
    run = lambda path, **keywords: fit(loss, jnp.float32(0), optax.adam(0.1), 300, data=batches(),
                                       checkpoint=path, **keywords)  # fmt: skip
    assert run(tmp_path / "run.npz", **stop_at(110)).stopped == "callback"
    assert same(run(tmp_path / "run.npz").history, run(tmp_path / "whole.npz").history)
    with pytest.raises(TrainingError, match=r"gives only 5\. Pass an iterator made anew"):
        fit(loss, jnp.float32(0), optax.adam(0.1), 400, checkpoint=tmp_path / "run.npz",
            data=iter(np.float32([i]) for i in range(5)))  # fmt: skip


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "run.npz"
    loss = lambda x, key: bowl(x) + jax.random.normal(key)
    run = lambda optimizer=SGD, steps=10, seed=0, size=2, **keywords: fit(
        loss, jnp.zeros(size), optimizer, steps, stochastic=True, key=jax.random.key(seed),
        checkpoint=path, **keywords)  # fmt: skip
    done = run()
    again = run()
    assert same(done.history, again.history) and again.steps_per_second == 0
    assert run(steps=15).steps == 15
    with pytest.raises(TrainingError, match="holds 15 steps, but steps=10 asks for fewer"):
        run()
    with pytest.raises(TrainingError, match="another key"):
        run(steps=20, seed=1)
    with pytest.raises(TrainingError, match=r"must have shape \[3\]"):
        run(steps=20, size=3)
    with pytest.raises(TrainingError, match=r"must hold leaf \['run'\].opt_state"):
        run(optax.adam(0.1), steps=20)
    assert run(resume=False).steps == 10


def test_a_run_that_stopped_by_itself_stays_so(tmp_path):
    run = lambda: fit(bowl, jnp.zeros(1), optax.sgd(0.5), 50, patience=3,
                      checkpoint=tmp_path / "run.npz")  # fmt: skip
    one, two = run(), run()
    assert one.stopped == two.stopped == "patience" and same(one.history, two.history)


# What is shown


def test_the_bar_shows_steps_and_loss(capsys):
    pytest.importorskip("tqdm")
    fit_with_bar(bowl, jnp.zeros(1), optax.sgd(0.25), 5, progress=True)
    shown = capsys.readouterr().err
    assert "5/5" in shown and "loss=" in shown
    fit_with_bar(bowl, jnp.zeros(1), optax.sgd(0.25), 5, progress=False)
    assert capsys.readouterr().err == ""


def test_without_tqdm_there_is_no_bar_unless_asked_for(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr("qjax._progress.available", lambda module: False)
    fit_with_bar(bowl, jnp.zeros(1), optax.sgd(0.25), 5)
    assert capsys.readouterr().err == ""
    with pytest.raises(MissingExtraError, match="progress bar of fit needs tqdm"):
        fit_with_bar(bowl, jnp.zeros(1), optax.sgd(0.25), 5, progress=True)


def test_a_result_reads_in_one_line():
    result = fit(bowl, jnp.zeros(1), optax.sgd(0.5), 5)
    assert isinstance(result, FitResult) and result.best is result
    assert repr(result).startswith("FitResult(best_loss=0, steps=5, stopped='steps', seconds=")
    with pytest.raises(TrainingError, match="had none"):
        result.restart(0)


# What is refused

X = jnp.zeros(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (dict(loss=3), "loss must be a function, but is of type int"),
        (dict(steps=0), "steps must be at least 1, but is 0"),
        (dict(steps=2.5), "steps must be an integer"),
        (dict(optimizer=optax.adam), r"but is of type function.* Call it, as in optax.adam\(0.1\)"),
        (dict(optimizer=0.1), "must be an optax GradientTransformation, but is of type float"),
        (dict(hyperparameters={"learning_rate": 0.1}), "must be the function that they are"),
        (dict(optimizer=optax.sgd, hyperparameters={"learning_rate": [0.1, 0.2]}),
         "learning_rate must be a number, but .* Pass restarts too"),
        (dict(optimizer=optax.sgd, hyperparameters={}), "must map names to numbers"),
        (dict(loss=lambda x: x), r"must return a scalar, but returns an array of shape \(2,\)"),
        (dict(loss=lambda x: (bowl(x), x)), "one real number, but returns a tuple"),
        (dict(loss=lambda x: bowl(x).astype(complex)), "real floating number, .* complex64"),
        (dict(params={}), "must hold at least one array, but is {}"),
        (dict(params={"n": jnp.arange(2)}), r"params\['n'\] must be of a floating .* is int32"),
        (dict(params={"n": 3}), r"params\['n'\] must be a floating .* is of type int"),
        (dict(params=jnp.array([1.0, np.nan])), "params must be finite, but holds NaN"),
        (dict(restarts=3), r"leading axis of restarts=3, but has shape \(2,\)"),
        (dict(data=X, batch_size=3, key=jax.random.key(0)), "at most the 2 rows of data, but is 3"),
        (dict(data=X, batch_size=0, key=jax.random.key(0)), "batch_size must be at least 1"),
        (dict(data=X, batch_size=1), "need a key"),
        (dict(data=(X, jnp.zeros(3)), batch_size=1), r"equal, but their lengths are \[0\]: 2, \[1"),
        (dict(data=jnp.float32(1), batch_size=1), "is a scalar"),
        (dict(data=[1.0, 2.0]), "data must be a pytree of arrays.* of type list"),
        (dict(data=iter([])), "at least one batch"),
        (dict(data=iter([X, jnp.zeros(3)]), loss=lambda x, b: bowl(x)), "batch 1 has float32.3"),
        (dict(data=iter(["text"])), "numbers, but leaf .* of batch 0"),
        (dict(batch_size=2), "batch_size needs data that are arrays, but data is None"),
        (dict(stochastic=True), "need a key"),
        (dict(key=jax.random.key(0)), "nothing draws from it"),
        (dict(stochastic=True, key=0), "must be a jax.random key, but is of type int"),
        (dict(stochastic=True, key=jax.random.split(jax.random.key(0))), r"has shape \(2,\)"),
        (dict(patience=0), "patience must be at least 1"),
        (dict(patience=1, min_delta=-1), "min_delta must be a finite number >= 0, but is -1"),
        (dict(min_delta=0.1), "min_delta needs patience"),
        (dict(tolerance=np.nan), "tolerance must be a finite number"),
        (dict(callbacks=[3]), "callbacks must be functions, but one is of type int"),
        (dict(callback_every=0), "callback_every must be at least 1"),
        (dict(checkpoint_every=5), "needs checkpoint"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(arguments, message):
    given = dict(loss=bowl, params=X, optimizer=SGD, steps=3) | arguments
    with pytest.raises(TrainingError, match=message):
        fit(given.pop("loss"), given.pop("params"), given.pop("optimizer"), **given)


def test_it_is_not_traced():
    with pytest.raises(TrainingError, match="must be a concrete array, but is traced"):
        jax.jit(lambda x: fit(bowl, x, optax.sgd(0.1), 3).params)(jnp.zeros(2))
