"""The applications: the frame they share, and each of them run quickly."""

import functools
import importlib
import json
import os
import signal
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from typer.testing import CliRunner

from qjax import apps, cli
from qjax.errors import AppError, FileError, MissingExtraError
from qjax.library import hardware_efficient
from qjax.simulate import probabilities
from qjax.train import checkpoint_step

PNG = b"\x89PNG\r\n\x1a\n"


def invoke(*args):
    return CliRunner().invoke(cli.build(), [str(a) for a in args])


@pytest.fixture
def quick(tmp_path):
    """Run an application for seconds; what it wrote is checked to be whole."""

    def run(name, **options):
        said = []
        found = apps.find_app(name)(
            quick=True, output=tmp_path / name, progress=False, say=said.append, **options
        )
        written = json.loads((tmp_path / name / "metrics.json").read_text(encoding="utf-8"))
        assert written == found
        pictures = list((tmp_path / name).glob("*.png"))
        assert pictures and all(p.read_bytes().startswith(PNG) for p in pictures)
        assert (tmp_path / name / "metrics.json").name in said[-1]
        return found

    return run


def rows(metrics, kind, metric=None, task=None):
    return [
        r
        for r in metrics["results"]
        if r["kind"] == kind and metric in (None, r["metric"]) and task in (None, r["task"])
    ]


# The frame


def line(run):
    """A line through three points."""
    x, y = jnp.arange(3.0), jnp.array([1.0, 3.0, 5.0])
    start = jax.random.normal(run.key("start"), (2,))

    def loss(p):
        return jnp.mean((p[0] * x + p[1] - y) ** 2)

    trained = run.fit("line", loss, start, optax.sgd(0.1), run.options.steps)
    kept, seconds = run.keep("numpy", lambda: {"slope": np.polyfit(x, y, 1)[0]})
    figure, ax = apps.panels()
    ax.plot(trained.history)
    comparison = apps.Comparison(
        "line", "slope", "higher",
        (apps.quantum("sgd", float(trained.params[0]), parameters=2, seconds=trained.seconds),
         apps.classical("polyfit", kept["slope"], parameters=2, seconds=seconds)),
    )  # fmt: skip
    return apps.Report((comparison,), {"history": figure}, {"start": start})


LINE = apps.App(
    "line", "a line", line, options=(apps.Option("steps", 40, quick=5, least=1, help="Steps."),)
)


def run_line(folder, **options):
    return LINE(output=folder, progress=False, say=lambda text: None, **options)


def test_a_run_goes_on_with_what_it_kept_and_finds_the_same(tmp_path):
    first, second = run_line(tmp_path), run_line(tmp_path)
    assert [r["value"] for r in first["results"]] == [r["value"] for r in second["results"]]
    # A run that only reads its results reports the seconds that they took to find.
    for one, other in zip(first["results"], second["results"], strict=True):
        assert one["seconds"] == pytest.approx(other["seconds"], abs=2e-3)
    assert run_line(tmp_path, fresh=True)["facts"] == first["facts"]


def test_another_seed_starts_elsewhere_and_in_another_folder(tmp_path):
    one, other = run_line(tmp_path / "0"), run_line(tmp_path / "1", seed=1)
    assert one["facts"]["start"] != other["facts"]["start"]
    assert LINE.folder() != LINE.folder(seed=1) != LINE.folder(quick=True)
    with pytest.raises(AppError, match=r"holds one with seed 0 instead of 1\. Start anew"):
        run_line(tmp_path / "0", seed=1)
    with pytest.raises(AppError, match="steps 40 instead of 7"):
        run_line(tmp_path / "0", steps=7)
    assert run_line(tmp_path / "0", seed=1, fresh=True)["facts"] == other["facts"]


def test_options_are_checked_and_quick_ones_are_smaller(tmp_path):
    assert run_line(tmp_path / "a")["options"] == {"steps": 40}
    assert run_line(tmp_path / "b", quick=True)["options"] == {"steps": 5}
    assert run_line(tmp_path / "c", quick=True, steps=6)["options"] == {"steps": 6}
    for options, message in [
        ({"steps": 0}, "steps must be at least 1, but is 0"),
        ({"steps": 2.5}, "steps must be a int, but is 2.5"),
        ({"stepz": 1}, "options must be of steps, but 'stepz' is not"),
        ({"seed": -1}, "seed must be an integer in 0"),
    ]:
        with pytest.raises(AppError, match=message):
            run_line(tmp_path / "d", **options)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be used"):
        run_line(tmp_path / "file")


def test_a_missing_package_is_named_with_the_line_that_installs_it_before_anything_runs(tmp_path):
    app = apps.App("none", "", line, needs=("no_such_package",), extra="apps-speech")
    with pytest.raises(MissingExtraError, match=r'pip install "qjax\[apps-speech\]"'):
        app(output=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_one_name_is_for_one_training(tmp_path):
    def twice(run):
        run.keep("a", lambda: 1)
        run.keep("a", lambda: 2)

    with pytest.raises(AppError, match="'a' must name one training or kept value"):
        apps.App("twice", "", twice)(output=tmp_path, say=lambda text: None)


@pytest.mark.parametrize(
    ("ours", "theirs", "better", "winner"),
    [
        ((0.9, 0.01), (0.8, 0.01), "higher", "quantum"),
        ((0.9, 0.01), (0.8, 0.01), "lower", "classical"),
        ((0.9, 0.03), (0.8, 0.04), "higher", "draw"),  # 0.1 is two standard errors of 0.05
        ((0.9, None), (0.9, None), "higher", "draw"),
        ((0.9, None), (0.91, None), "higher", "classical"),
    ],
)
def test_the_verdict_says_who_wins(ours, theirs, better, winner):
    both = apps.quantum("q", *ours), apps.classical("c", *theirs)
    comparison = apps.Comparison("task", "metric", better, both)
    assert comparison.winner == winner
    assert {"quantum": "loses", "classical": "wins", "draw": "a draw"}[winner] in comparison.verdict
    assert comparison.verdict in str(apps.Report((comparison,)))


def test_what_is_not_a_number_is_not_reported():
    with pytest.raises(AppError, match=r"metrics\['facts'\]\['loss'\] must be a finite number"):
        apps.Report((), facts={"loss": np.float32(np.nan)}).metrics()
    with pytest.raises(AppError, match="but is a object"):
        apps.Report((), facts={"loss": object()}).metrics()


def test_the_results_of_runs_become_one_table(tmp_path):
    with pytest.raises(FileError, match="run an application first"):
        apps.results_table(tmp_path)
    found = run_line(tmp_path / "runs" / "line")
    table = apps.results_table(tmp_path).splitlines()
    assert len(table) == 3 and len({line.count(" | ") for line in table}) == 1
    assert f"{found['results'][0]['value']:.4g} (sgd, 2 parameters" in table[2]
    assert table[2].endswith(f"{found['verdicts'][0]['winner']} |")


def test_the_command_lists_and_explains_the_applications():
    for listed in (invoke("app").output, invoke("app", "--help").output):
        assert "bell" in listed and 'pip install "qjax[apps]"' in listed
    help_text = invoke("app", "bell", "--help").output
    for word in ("--quick", "--seed", "--output", "--fresh", "--shots", "[default: 1024]"):
        assert word in help_text


def test_the_command_reports_errors_without_a_traceback(monkeypatch, capsys, tmp_path):
    for words, message in [
        (["none"], "NAME must be one of "),
        (["bell", "--shots", "0"], "shots must be at least 2"),
    ]:
        monkeypatch.setattr(sys, "argv", ["qjax", "app", *words, "--output", str(tmp_path / "x")])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        assert stop.value.code == 1
        assert message in capsys.readouterr().err


@pytest.mark.parametrize("name", apps.find_apps())
def test_every_application_is_what_its_file_says(name):
    app = apps.find_app(name)
    assert app.name == name
    assert len(app.shows) <= 90 and app.run.__doc__


# The applications


def test_bell_counts_only_00_and_11_and_breaks_the_inequality(quick):
    found = quick("bell")
    for counts in found["facts"]["counts"].values():
        assert set(counts) == {"00", "11"} and sum(counts.values()) == 1024
        assert abs(counts["00"] - 512) < 4 * np.sqrt(1024) / 2
    assert all(chi["p"] > 1e-4 for chi in found["facts"]["chi-square"].values())
    (s,) = rows(found, "quantum")
    # Each of four means of +-1 / sqrt 2 has the standard error sqrt((1 - 1/2) / 1024).
    assert s["error"] == pytest.approx(np.sqrt(4 * 0.5 / 1024), rel=0.1)
    assert abs(s["value"] - 2 * np.sqrt(2)) < 4 * s["error"]
    (exact,) = rows(found, "exact")
    assert exact["value"] == pytest.approx(2 * np.sqrt(2), rel=1e-6)
    assert rows(found, "classical")[0]["value"] == 2
    assert found["verdicts"][0]["winner"] == "quantum"


def test_gradient_descent_has_equal_gradients_by_two_ways_and_goes_down(quick):
    found = quick("gradient_descent")
    facts = found["facts"]["from BMI"]
    # Gradients are some 1e4 in double precision: eps times a few thousand operations.
    assert facts["largest difference of shifted and adjoint gradient"] < 1e-8
    # scikit-learn's documented example: coefficient 938.23786 (here of column BMI), MSE 2548.07.
    assert facts["least squares coefficients"][0] == pytest.approx(938.23786, rel=1e-6)
    (least,) = rows(found, "classical", "test MSE")
    assert least["value"] == pytest.approx(2548.07, abs=0.005)
    assert facts["R2"]["least squares"] == pytest.approx(0.47, abs=0.005)
    trained = rows(found, "quantum", "training MSE")
    assert [r["model"] for r in trained] == ["adjoint", "parameter shift", "shots"]
    assert trained[0]["value"] == pytest.approx(trained[1]["value"], rel=1e-9)
    # Least squares is the least there is, so no line is below it.
    (least,) = rows(found, "classical", "training MSE")
    assert all(r["value"] >= least["value"] for r in trained)
    (energy,), (ground,) = rows(found, "quantum", "energy"), rows(found, "exact", "energy")
    # The oracle is the dense matrix's least eigenvalue; no state is below it.
    z, x, one = np.diag([1.0, -1.0]), np.array([[0.0, 1.0], [1.0, 0.0]]), np.eye(2)
    on = lambda letters: functools.reduce(np.kron, [letters.get(q, one) for q in range(4)])
    chain = -sum(on({q: z, q + 1: z}) for q in range(3)) - sum(on({q: x}) for q in range(4))
    assert ground["value"] == pytest.approx(np.linalg.eigvalsh(chain)[0], abs=1e-12)
    assert ground["value"] <= energy["value"] < -1


KILLED = """
import os, signal
import jax, jax.numpy as jnp, numpy as np, optax
from qjax import apps

def die(step, loss, params):
    if step == 1400 and "DIE" in os.environ:
        os.kill(os.getpid(), signal.SIGKILL)

def slow(run):
    def loss(p):
        return jnp.sum((p - 1.0) ** 2)
    key = run.key("noise")
    drawn = lambda p, key: loss(p + 0.1 * jax.random.normal(key, p.shape))
    kept, _ = run.keep("kept", lambda: {"number": run.rng("kept").normal()})
    found = run.fit("fit", drawn, jnp.zeros(3), optax.adam(1e-3), run.options.steps,
                    stochastic=True, key=key, callbacks=die, callback_every=700)
    rows = [apps.quantum(str(q), float(x)) for q, x in enumerate(found.params)]
    rows.append(apps.classical("kept", kept["number"]))
    return apps.Report((apps.Comparison("task", "metric", "lower", rows),),
                       facts={"history": found.history[::100]})

apps.main(apps.App("slow", "a long training", slow, (apps.Option("steps", 2000),)))
"""


@pytest.mark.slow  # test_train.py kills a run too
def test_a_killed_application_goes_on_and_finds_the_same_numbers(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(KILLED)

    def command(folder):
        return [sys.executable, str(script), "--no-progress", "--output", str(tmp_path / folder)]

    def results(folder):
        done = subprocess.run(command(folder), check=True, capture_output=True, text=True)
        found = json.loads((tmp_path / folder / "metrics.json").read_text(encoding="utf-8"))
        return done.stdout, [r | {"seconds": None} for r in found["results"]], found["facts"]

    died = subprocess.run(command("killed"), env=os.environ | {"DIE": "1"}, capture_output=True)
    assert died.returncode == -signal.SIGKILL
    (checkpoint,) = (tmp_path / "killed").glob("state/fit-*.npz")
    assert 0 < checkpoint_step(checkpoint) <= 1400
    assert not (tmp_path / "killed" / "metrics.json").exists()
    said, *killed = results("killed")
    assert "Going on with the run" in said
    assert tuple(killed) == results("whole")[1:]


def test_the_kernels_of_the_born_machine_are_gaussians_of_the_distance(rng):
    generative = importlib.import_module("qjax.apps.generative")
    v = rng.normal(size=64)
    numbers = np.arange(64)
    hamming = np.array([[(a ^ b).bit_count() for b in range(64)] for a in range(64)])
    kernel = np.mean([np.exp(-hamming / (2 * s)) for s in generative.WIDTHS], axis=0)
    found = generative.smoothed_bits(jnp.asarray(v, jnp.float32))
    # Sums of 64 terms of order 1, in single precision.
    np.testing.assert_allclose(found, kernel @ v, atol=64 * 4 * np.finfo(np.float32).eps)
    rows, columns = np.divmod(numbers, 8)
    apart = np.subtract.outer(rows, rows) ** 2 + np.subtract.outer(columns, columns) ** 2
    kernel = np.mean([np.exp(-apart / (2 * s**2)) for s in generative.STEPS], axis=0)
    found = generative.smoothed_bins(jnp.asarray(v, jnp.float32))
    np.testing.assert_allclose(found, kernel @ v, atol=64 * 4 * np.finfo(np.float32).eps)


def test_the_gradient_from_samples_is_that_of_the_discrepancy_in_the_mean():
    generative = importlib.import_module("qjax.apps.generative")
    circuit = hardware_efficient(4, 1)
    wanted = jnp.asarray(generative.bars_and_stripes(2), jnp.float32)
    params = jax.random.normal(jax.random.key(0), (circuit.num_parameters,))

    def exact(params):
        return generative.mmd(probabilities(circuit, params), wanted, generative.smoothed_bits)

    loss = generative.sampled_loss(circuit, wanted, 500)
    value, slope = jax.value_and_grad(exact)(params)
    values, drawn = jax.jit(jax.vmap(jax.value_and_grad(loss), (None, 0)))(
        params, jax.random.split(jax.random.key(1), 200)
    )
    error = drawn.std(axis=0) / np.sqrt(200)
    assert np.all(np.abs(drawn.mean(axis=0) - slope) < 4.5 * error)
    np.testing.assert_allclose(values, value, rtol=1e-5)


def test_bars_and_stripes_are_the_images_of_equal_rows_or_equal_columns():
    generative = importlib.import_module("qjax.apps.generative")
    for size in (2, 3):
        found = generative.bars_and_stripes(size)
        for number in range(2**size**2):
            image = (number >> np.arange(size**2) & 1).reshape(size, size)
            right = np.all(image == image[:, :1]) or np.all(image == image[:1])
            assert found[number] == (1 / (2 ** (size + 1) - 2) if right else 0)
    assert generative.divergence(found, found) == 0
    # Every pixel is black in half of the images.
    np.testing.assert_allclose(generative.independent(found), 2.0**-9)


def test_generative_learns_bars_and_stripes_and_a_real_distribution(quick):
    found = quick("generative")
    kl = {r["model"]: r["value"] for r in found["results"] if r["metric"].startswith("KL")}
    # Of 16 images of independent pixels 6 are right: the divergence is log(16 / 6).
    assert kl["independent pixels"] == pytest.approx(np.log(16 / 6))
    assert all(value >= 0 for value in kl.values())
    assert kl["Born machine"] < kl["independent pixels"]
    sizes = {r["model"]: r["parameters"] for r in found["results"]}
    assert sizes["restricted Boltzmann machine"] <= sizes["Born machine"] + 8
    nll = {r["model"]: r["value"] for r in found["results"] if "likelihood" in r["metric"]}
    assert nll["uniform"] == pytest.approx(np.log(16))
    assert nll["Born machine"] < nll["uniform"]


def test_the_boltzmann_machine_is_the_marginal_of_its_energy(rng):
    boltzmann = importlib.import_module("qjax.apps._boltzmann")
    a, b, w = rng.normal(size=2), rng.normal(size=3), rng.normal(size=(2, 3))
    weights = np.zeros(4)
    for x in range(4):
        for y in range(8):
            bits, hidden = x >> np.arange(2) & 1, y >> np.arange(3) & 1
            weights[x] += np.exp(bits @ a + hidden @ b + bits @ w @ hidden)
    params = {"visible": a, "hidden": b, "weights": w}
    found = boltzmann.log_distribution(jax.tree.map(lambda x: jnp.asarray(x, jnp.float32), params))
    np.testing.assert_allclose(np.exp(found), weights / weights.sum(), rtol=1e-5)
    assert boltzmann.hidden_units(24, 4) == 4  # 4 + 4 + 16


def test_random_regular_graphs_are_regular_and_simple():
    maxcut = importlib.import_module("qjax.apps._maxcut")
    edges = maxcut.regular_graph(8, 3, np.random.default_rng(3))
    assert [sum(q in edge for edge in edges) for q in range(8)] == [3] * 8
    assert len({frozenset(edge) for edge in edges}) == 12 and all(a != b for a, b in edges)


def test_a_quadratic_form_is_the_sum_of_its_features(rng):
    maxcut = importlib.import_module("qjax.apps._maxcut")
    coefficients = rng.normal(size=1 + 4 + 6)
    bits = np.arange(16)[:, None] >> np.arange(4) & 1
    wanted = maxcut.quadratic_features(bits) @ coefficients
    form = maxcut.quadratic_form(coefficients, 4)
    np.testing.assert_allclose(form.cost(bits), wanted, atol=1e-13)
    np.testing.assert_allclose(np.diag(form.hamiltonian.to_matrix()).real, wanted, atol=1e-13)


def test_goemans_and_williamson_round_a_relaxation_that_bounds_the_cut():
    maxcut = importlib.import_module("qjax.apps._maxcut")
    for edges, size in ((maxcut.PETERSEN, 10), (maxcut.ring(5), 5)):
        values, relaxed = maxcut.goemans_williamson(edges, size, 4000, np.random.default_rng(0))
        sides = np.arange(2**size)[:, None] >> np.arange(size) & 1
        top = max(sum(row[a] != row[b] for a, b in edges) for row in sides)
        assert values.max() <= top <= relaxed + 1e-6
        error = values.std() / np.sqrt(4000)
        assert values.mean() + 4 * error >= 0.87856 * relaxed
    # The relaxation of a ring of five: neighbours at 4 pi / 5, (5 / 2) (1 + cos(pi / 5)).
    assert relaxed == pytest.approx(2.5 * (1 + np.cos(np.pi / 5)), abs=1e-6)
    # Of Petersen's graph, whose least eigenvalue is -2: |E| / 2 (1 + 2 / 3).
    _, relaxed = maxcut.goemans_williamson(maxcut.PETERSEN, 10, 1, np.random.default_rng(0))
    assert relaxed == pytest.approx(12.5, abs=1e-6)


def test_qaoa_has_the_known_ratios_and_stays_below_the_maximum(quick):
    found = quick("qaoa")
    (one,) = rows(found, "quantum", task="ring of 12")
    assert one["value"] == pytest.approx(0.75, abs=1e-3)
    (one,) = rows(found, "quantum", task="Petersen graph")
    assert one["value"] == pytest.approx(0.6924501, abs=1e-3)
    task = "MaxCut of 1 random 3-regular graph, n = 8"
    assert all(0 < r["value"] <= 1 for r in found["results"] if r["task"] == task)
    (one,) = rows(found, "quantum", "mean cut / maximum", task)
    coins = next(r for r in rows(found, "classical", one["metric"], task) if "coins" in r["model"])
    assert coins["value"] < one["value"]
    (searched,) = rows(found, "quantum", "cross-validated accuracy")
    (best,) = rows(found, "exact", "cross-validated accuracy")
    assert searched["value"] <= best["value"]
