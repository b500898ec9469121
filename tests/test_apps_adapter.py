"""The application `large_model_adapter`: frozen models adapted by circuits and by LoRA."""

import importlib
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qjax import apps
from qjax._extras import available
from qjax.errors import MissingExtraError
from qjax.learning.blocks import UnitaryAdapter

EPS = np.finfo(np.float32).eps
HAS_WORDS = available("wordllama") and available("vaderSentiment")


def run_quick(folder, **options):
    app = apps.find_app("large_model_adapter")
    return app(quick=True, output=folder, progress=False, say=lambda text: None, **options)


def softmax(x):
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def test_the_transformer_is_attention_and_feed_forward_with_residuals(rng):
    module = importlib.import_module("qjax.apps._transformer")
    model = module.Transformer(5, 3, 4, 2, depth=2)
    params = model.init(jax.random.key(0))
    x = rng.normal(size=(5, 3)).astype(np.float32)
    p = jax.tree.map(lambda leaf: np.asarray(leaf, float), params)
    h = x @ p["embed"]["kernel"] + p["embed"]["bias"] + p["position"]
    for k in range(2):
        q, key, value = (
            h @ p["layers"]["attention"][name]["kernel"][k] for name in ("query", "key", "value")
        )
        h = h + softmax(q @ key.T / 2) @ value  # sqrt(4) = 2
        down, up = p["layers"]["feed"]["down"], p["layers"]["feed"]["up"]
        inner = np.tanh(h @ down["kernel"][k] + down["bias"][k])
        h = h + inner @ up["kernel"][k] + up["bias"][k]
    wanted = h.mean(axis=0) @ p["head"]["kernel"] + p["head"]["bias"]
    # Some 10 sums of 5 terms, each of size up to that of h.
    np.testing.assert_allclose(model.apply(params, x), wanted, atol=100 * EPS * abs(h).max())


def test_adapters_leave_a_frozen_model_as_it_was_until_their_gains_move(rng):
    module = importlib.import_module("qjax.apps._transformer")
    model = module.Transformer(5, 3, 4, 2, depth=2)
    frozen = model.init(jax.random.key(0))
    x = rng.normal(size=(6, 5, 3)).astype(np.float32)
    adapter = UnitaryAdapter(4, 4, 3, 2)
    block = module.Adapted(model, frozen, adapter)
    params = block.init(jax.random.key(1))
    assert block.num_parameters == 10 * adapter.num_parameters
    np.testing.assert_array_equal(block.apply(params, x), model.apply(frozen, x))
    # The gains are the singular values of the update of each matrix.
    gains = rng.uniform(0.1, 1.0, size=(5, 2, 3)).astype(np.float32)
    merged = block.merged({**params, "gain": jnp.asarray(gains)})
    for k, (part, name) in enumerate(module.ADAPTED):
        new, old = (tree["layers"][part][name]["kernel"] for tree in (merged, frozen))
        found = np.linalg.svd(np.asarray(new - old, float), compute_uv=False)
        wanted = -np.sort(-gains[k], axis=-1)
        np.testing.assert_allclose(found[:, :3], wanted, atol=50 * EPS)
        np.testing.assert_allclose(found[:, 3], 0, atol=50 * EPS)


def test_amplitudes_with_a_constant_tell_a_row_from_its_opposite():
    module = importlib.import_module("qjax.apps._heads")
    head = module.AmplitudeHead(2, 2, layers=1)  # two qubits: x_0, x_1, 1, 0
    params = head.init(jax.random.key(0))
    # Without rotations the circuit is CX from qubit 0 to 1: amplitudes x_0, 0, 1, x_1.
    params["angles"] = jnp.zeros_like(params["angles"])
    x = np.array([0.6, -0.8], np.float32)
    z = np.array([0.36 + 1 - 0.64, 0.36 - 1 - 0.64]) / 2
    wanted = z @ np.asarray(params["up"]["kernel"]) + np.asarray(params["up"]["bias"])
    np.testing.assert_allclose(head.apply(params, x), wanted, atol=20 * EPS)
    params["angles"] = head.init(jax.random.key(1))["angles"]
    one, other = head.apply(params, np.stack([x, -x]))
    assert abs(one - other).max() > 1e-3


@pytest.mark.slow
def test_digits_on_their_side_are_learnt_with_equal_numbers_of_parameters(tmp_path):
    found = run_quick(tmp_path, part="digits")
    equal = [r for r in found["results"] if r["task"].endswith("equal sizes")]
    assert [r["kind"] for r in equal] == ["quantum"] * 3 + ["classical"] * 2
    lora = next(r for r in equal if r["model"].startswith("LoRA"))
    assert lora["parameters"] == 5 * 16  # five matrices of 8 x 8, rank 1
    assert all(0 <= r["value"] <= 1 and r["error"] > 0 for r in equal)
    whole = next(r for r in found["results"] if r["model"] == "full fine-tuning")
    assert whole["parameters"] == found["facts"]["parameters of the transformer"]
    assert {p.name for p in tmp_path.glob("*.png")} == {"accuracy.png", "training.png"}


@pytest.mark.parametrize("module", ["wordllama", "vaderSentiment"])
def test_a_missing_package_of_words_is_named_before_anything_is_trained(
    module, tmp_path, monkeypatch
):
    if module == "vaderSentiment" and not available("wordllama"):
        pytest.skip("wordllama is asked for first")
    monkeypatch.setitem(sys.modules, module, None)  # importing it now fails
    with pytest.raises(MissingExtraError, match=rf'{module}.*pip install "qjax\[apps-adapter\]"'):
        run_quick(tmp_path)
    assert not list((tmp_path / "state").glob("*.npz"))


@pytest.mark.skipif(not HAS_WORDS, reason="needs wordllama and vaderSentiment")
def test_rated_words_have_normalised_embeddings_without_a_download():
    words = importlib.import_module("qjax.apps._words")
    names, positive = words.rated_words()
    assert len(names) == len(set(names)) == len(positive) == 7174
    chosen = ["happy", "excellent", "horrible", "sad"]
    assert [bool(positive[names.index(word)]) for word in chosen] == [True, True, False, False]
    table = words.embeddings(chosen)
    np.testing.assert_allclose(np.linalg.norm(table, axis=1), 1, atol=256 * EPS)
    assert table.shape == (4, 256)


@pytest.mark.slow
@pytest.mark.skipif(not HAS_WORDS, reason="needs wordllama and vaderSentiment")
def test_the_polarity_of_words_is_learnt_from_frozen_embeddings(tmp_path):
    found = run_quick(tmp_path, part="words")
    tasks = {r["task"] for r in found["results"]}
    assert tasks == {"polarity of words, 8 components", "polarity of words, all 256 numbers"}
    assert found["facts"]["words"] == 200
    assert {r["kind"] for r in found["results"]} == {"quantum", "classical"}
