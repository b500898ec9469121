"""The applications of speech and language: what they stand on, and each of them run quickly."""

import importlib
import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from qjax import apps
from qjax._extras import available
from qjax.errors import AppError, MissingExtraError
from qjax.learning.blocks import GRUCell, QuantumLSTMCell

EPS = float(np.finfo(np.float32).eps)
PACKAGES = {"speech": "aeon", "language": "num2words"}

characters, grammar, sentences, speech, translation, vowels = (
    importlib.import_module(f"qjax.apps.{name}")
    for name in ("_characters", "_grammar", "_sentences", "speech", "_translation", "_vowels")
)
needs = lambda package: pytest.mark.skipif(not available(package), reason=f"needs {package}")


@pytest.fixture
def quick(tmp_path):
    """Run an application for seconds; what it wrote is checked to be whole."""

    def run(name, **options):
        folder = tmp_path / name
        app = apps.find_app(name)
        found = app(quick=True, output=folder, progress=False, say=lambda text: None, **options)
        assert json.loads((folder / "metrics.json").read_text(encoding="utf-8")) == found
        return found, {picture.stem for picture in folder.glob("*.png")}

    return run


def results(metrics, metric):
    return {r["model"]: r for r in metrics["results"] if r["metric"] == metric}


@pytest.mark.parametrize("name", PACKAGES)
def test_without_its_data_an_application_names_the_line_that_installs_them(
    name, monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, PACKAGES[name], None)  # import says: there is none
    with pytest.raises(MissingExtraError, match=rf'pip install "qjax\[apps-{name}\]"'):
        apps.find_app(name)(quick=True, output=tmp_path / name)
    assert not (tmp_path / name).exists()


# Speech


@needs("aeon")
def test_the_recordings_are_thirty_of_each_speaker_and_are_standardised_by_their_frames():
    train, test = vowels.japanese_vowels()
    assert (len(train), len(test)) == (270, 370)
    np.testing.assert_array_equal(np.bincount(train.speakers), np.full(9, 30))
    assert set(test.speakers) == set(range(9))
    assert train.mask.sum(axis=1).min() == 7 and test.mask.sum(axis=1).max() == 29
    known = train.frames[train.mask == 1].astype(float)
    # Single precision: frames of order 1 are rounded once, means of 4274 of them add no more.
    np.testing.assert_allclose(known.mean(axis=0), 0, atol=10 * EPS)
    np.testing.assert_allclose(known.std(axis=0), 1, atol=10 * EPS)
    assert not np.any(train.frames[train.mask == 0])
    one = train.frames[3, : int(train.mask[3].sum())].astype(float)
    wanted = np.concatenate([one.mean(axis=0), one.std(axis=0)])
    np.testing.assert_allclose(train.summary[3], wanted, atol=29 * 4 * EPS)


@pytest.mark.parametrize("cell", [QuantumLSTMCell(3, 2), GRUCell(3, 4)], ids=["quantum", "GRU"])
def test_silence_after_an_utterance_changes_nothing(cell, rng):
    model = speech.Listener(cell)
    params, apply = jax.jit(model.init)(jax.random.key(0)), jax.jit(model.apply)
    frames = jnp.asarray(rng.normal(size=(2, 5, 3)), jnp.float32)
    padded = jnp.concatenate([frames, jnp.zeros((2, 4, 3), jnp.float32)], axis=1)
    mask = jnp.concatenate([jnp.ones((2, 5), jnp.float32), jnp.zeros((2, 4), jnp.float32)], axis=1)
    found = apply(params, {"frames": padded, "mask": mask})
    wanted = apply(params, {"frames": frames, "mask": mask[:, :5]})
    # Means of 5 and of 9 numbers of order 1, 4 of them zero, and the same map.
    np.testing.assert_allclose(found, wanted, atol=100 * EPS)


@needs("aeon")
def test_speech_has_twins_of_equal_size_and_references_of_the_data(quick):
    found, pictures = quick("speech")
    assert pictures == {"training", "confusion"}
    rows = results(found, "test accuracy")
    for ours, theirs in (("quantum head", "dense head"), ("quantum LSTM", "GRU")):
        sizes = rows[ours]["parameters"], rows[theirs]["parameters"]
        # The nearest twin is at most half of a step of its family away.
        assert abs(sizes[0] - sizes[1]) <= 34
    for row in rows.values():
        count = row["value"] * 370  # how many of the test are right
        assert count == pytest.approx(round(count), abs=1e-9)
        assert row["error"] == pytest.approx(np.sqrt(row["value"] * (1 - row["value"]) / 370))
    # A convex problem: 358 of 370, whatever the machine, up to an utterance on the border.
    assert rows["logistic regression"]["value"] == pytest.approx(358 / 370, abs=2 / 370)
    assert rows["support vector machine"]["value"] == pytest.approx(361 / 370, abs=2 / 370)
    assert all("classical baseline wins" in v["text"] for v in found["verdicts"][:1])


# Sentences


def rotation(letter, angle):
    """exp(-i angle P / 2)."""
    pauli = {"x": np.array([[0, 1], [1, 0]]), "z": np.diag([1, -1])}[letter]
    return np.cos(angle / 2) * np.eye(2) - 1j * np.sin(angle / 2) * pauli


def word_state(kind, angles):
    """The state of a word as a tensor with an axis a wire, by dense matrices, of one layer."""
    if kind == "N":
        return (rotation("x", angles[2]) @ rotation("z", angles[1]) @ rotation("x", angles[0]))[
            :, 0
        ]
    wires = grammar.WIRES[kind]
    state = np.full((2,) * wires, 2 ** (-wires / 2), complex)
    for place, angle in enumerate(angles):
        bits = np.indices((2,) * wires)
        phase = np.exp(1j * angle * (bits[place + 1] - 0.5))  # RZ of the other wire
        state = state * np.where(bits[place] == 1, phase, 1)
    return state


@pytest.mark.parametrize(
    ("types", "contraction"),
    [
        ("NVN", "a,asb,b->s"),
        ("ANVN", "ac,c,asb,b->s"),
        ("NVAN", "a,asb,bd,d->s"),
        ("ANVAN", "ac,c,asb,bd,d->s"),
    ],
)
def test_post_selected_cups_contract_the_tensors_of_the_words(types, contraction, rng):
    angles = [rng.uniform(0, 2 * np.pi, (3, grammar.angles_of(kind, 1))) for kind in types]
    meanings = jax.jit(grammar.meanings, static_argnums=(0, 1))
    kept, one = meanings(types, 1, [jnp.asarray(a, jnp.float32) for a in angles])
    cups = contraction.count(",")
    for row in range(3):
        words = [word_state(kind, a[row]) for kind, a in zip(types, angles, strict=True)]
        meaning = np.einsum(contraction, *words)
        # Every cup is the projection on (|00> + |11>) / sqrt 2.
        weights = np.abs(meaning) ** 2
        # Some 60 gates in single precision, each of a few roundings; weights are divided by sums.
        assert kept[row] == pytest.approx(weights.sum() / 2**cups, abs=60 * 4 * EPS)
        assert one[row] == pytest.approx(
            weights[1] / weights.sum(), abs=60 * 4 * EPS / float(kept[row])
        )


def test_the_grammar_says_each_sentence_once_and_half_are_about_food(rng):
    for topic in grammar.TOPICS:
        found = grammar.all_sentences(topic)
        # Subjects: 3 with none of 2 adjectives or one; objects: 4 with the same; 4 verbs.
        assert len({s.words for s in found}) == len(found) == 3 * 3 * 4 * 4 * 3
        assert {s.types for s in found} == {"NVN", "ANVN", "NVAN", "ANVAN"}
    drawn = grammar.drawn_sentences(130, rng)
    assert len({s.words for s in drawn}) == 130 and sum(s.topic for s in drawn) == 65


def test_sentences_alike_are_one_batch_and_come_back_in_their_order(rng):
    drawn = grammar.drawn_sentences(12, rng)
    lexicon = sentences.Lexicon(drawn, 1)
    params = lexicon.init(jax.random.key(1))
    apply = jax.jit(lexicon.apply)
    kept, food = apply(params, lexicon.grouped(drawn))
    for place in (0, 7):
        alone = apply(params, lexicon.grouped(drawn[place : place + 1]))
        np.testing.assert_allclose(kept[place], alone[0][0], atol=100 * EPS)
        np.testing.assert_allclose(food[place], alone[1][0], atol=100 * EPS / float(kept[place]))


# Text


def test_a_uniform_model_is_as_perplexed_as_there_are_characters():
    losses = np.full((5, 7), np.log(32.0))
    value, error = characters.perplexity(losses)
    assert value == pytest.approx(32) and error == pytest.approx(0, abs=1e-12)


def test_a_table_of_pairs_counts_them():
    numbers = np.array([0, 1, 0, 1, 0, 2], np.int32)
    text = characters.Text("abc", numbers, numbers)
    found = characters.bigram_losses(text, np.array([[0, 1, 0, 2, 2]]))
    # After a: b twice, c once; after b: a twice; after c: nothing; one more of each.
    wanted = [3 / 6, 3 / 5, 2 / 6, 1 / 3]
    np.testing.assert_allclose(np.exp(-found[0]), wanted)


def test_no_character_depends_on_a_later_one(rng):
    for model in characters.models(9, 6).values():
        params, apply = jax.jit(model.init)(jax.random.key(0)), jax.jit(model.apply)
        one = rng.integers(9, size=(1, 6))
        other = np.where(np.arange(6) < 4, one, (one + 1) % 9)
        found, changed = (apply(params, jnp.asarray(x, jnp.int32)) for x in (one, other))
        # Equal but for the order of sums in a batch of other numbers.
        np.testing.assert_allclose(found[:, :4], changed[:, :4], atol=100 * EPS)
        assert np.abs(found[:, 4:] - changed[:, 4:]).max() > 1e-3


# Translation


def test_bleu_clips_repeated_words_and_punishes_brevity():
    cat, the = ["the", "cat"], ["the", "the", "the"]
    assert translation.bleu([cat], [cat]) == 1
    assert translation.bleu([the], [cat], order=1) == pytest.approx(1 / 3)
    assert translation.bleu([["the"]], [cat], order=1) == pytest.approx(np.exp(-1))
    assert translation.bleu([the], [cat]) == 0
    # Words: 3 of 4; pairs: 1 of 2.
    pairs = [["a", "b"], ["c", "d"]], [["a", "b"], ["c", "e"]]
    assert translation.bleu(*pairs) == pytest.approx(np.sqrt(3 / 4 * 1 / 2))


def test_a_phrase_table_joins_beginnings_and_ends():
    known = [("forty two", "quarante deux"), ("forty one", "quarante et un"), ("three", "trois"),
             ("sixty two", "soixante deux"), ("sixty four", "soixante quatre")]  # fmt: skip
    pairs = [(a.split(), b.split()) for a, b in known]
    found = translation.phrase_table(
        pairs, [q.split() for q in ("forty three", "four", "sixty one", "ten")]
    )
    assert [" ".join(words) for words in found] == [
        "quarante trois",
        "quatre",
        "soixante et un",
        "",
    ]


@needs("num2words")
def test_the_words_of_every_number_differ_and_come_back_from_their_rows():
    source = translation.number_words("en", before=True)
    target = translation.number_words("fr", before=False)
    for words in (source, target):
        assert len(set(words.said)) == 100
        assert all(
            words.text(row) == said for row, said in zip(words.rows, words.said, strict=True)
        )
    assert source.said[42] == ("forty", "two") and target.said[71] == ("soixante", "et", "onze")
    assert np.all(np.sum(target.rows == translation.END, axis=1) == 1)


@needs("num2words")
def test_sentences_stand_beside_a_bag_of_words(quick):
    found, pictures = quick("language", task="sentences")
    assert pictures == {"sentences"}
    rows = results(found, "test accuracy")
    # A word of a topic is in every sentence, so a bag of words is right where it has seen it.
    assert rows["logistic regression on words"]["value"] >= 0.9
    # Of a word circuit with one layer: 3 angles a noun, 1 an adjective, 2 a verb.
    assert rows["word circuits, joined by post-selection"]["parameters"] == 3 * 11 + 6 + 2 * 6


@pytest.mark.slow  # a minute, nearly all of it compilation
@needs("num2words")
def test_language_stands_beside_its_baselines(quick):
    found, pictures = quick("language")
    assert pictures == {"sentences", "text", "translation"}
    rows = results(found, "test accuracy")
    # A word of a topic is in every sentence, so a bag of words is right where it has seen it.
    assert rows["logistic regression on words"]["value"] >= 0.9
    assert 0 < found["facts"]["mean probability that post-selection keeps a sentence"] < 0.5
    rows = results(found, "test perplexity")
    size = found["facts"]["characters"]
    assert 1 < rows["table of pairs"]["value"] < size
    ours, theirs = rows["transformer with quantum attention"], rows["transformer"]
    assert abs(ours["parameters"] - theirs["parameters"]) <= 8  # half of a step of two vectors of 8
    for metric in ("exact match, held out", "BLEU-2, held out"):
        assert all(0 <= row["value"] <= 1 for row in results(found, metric).values())
    tasks = {v["task"] for v in found["verdicts"]}
    assert len(tasks) == 3


@needs("num2words")
def test_a_task_of_language_is_one_of_three(tmp_path):
    with pytest.raises(AppError, match="task must be one of all, sentences, text, translation"):
        apps.find_app("language")(task="poetry", output=tmp_path / "language")
