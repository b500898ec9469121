"""The applications: the frame they share, and each of them run quickly."""

import json
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from typer.testing import CliRunner

from qjax import apps, cli
from qjax.errors import AppError, FileError, MissingExtraError

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
