"""Plots show the counts, the losses and the landscapes that they were given."""

import importlib

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from qjax import plot
from qjax.errors import MissingExtraError, SamplingError, TrainingError
from qjax.plot import counts_histogram, landscape, training_curve

BELL = {"00": 510, "11": 514}


def bars(figure):
    """From the words below each bar to its height; lists where there are several."""
    (ax,) = figure.axes
    heights = [[bar.get_height() for bar in container] for container in ax.containers
               if hasattr(container, "patches")]  # fmt: skip
    words = [tick.get_text() for tick in ax.get_xticklabels()]
    return dict(zip(words, zip(*heights, strict=True), strict=True))


def legend(figure):
    found = figure.axes[0].get_legend()
    return [words.get_text() for words in found.get_texts()] if found else []


# --- counts ---------------------------------------------------------------------------------------


def test_each_bitstring_has_a_bar_as_high_as_its_count():
    figure = counts_histogram(BELL)
    assert bars(figure) == {"00": (510,), "11": (514,)}
    assert figure.axes[0].get_ylabel() == "counts"
    assert {words.get_text() for words in figure.axes[0].texts} == {"510", "514"}
    assert legend(figure) == []


def test_fractions_of_the_shots_add_up_to_one():
    figure = counts_histogram([BELL, {"01": 3}], normalize=True)
    np.testing.assert_allclose(np.sum(list(bars(figure).values()), axis=0), [1, 1])
    assert bars(figure)["01"] == (0, 1)
    assert figure.axes[0].get_ylabel() == "fraction of shots"


def test_bars_are_ordered_by_bitstring_or_by_count():
    counts = {"10": 5, "00": 1, "01": 9}
    assert list(bars(counts_histogram(counts))) == ["00", "01", "10"]
    assert list(bars(counts_histogram(counts, sort="counts"))) == ["01", "10", "00"]


@given(
    st.dictionaries(st.text("01", min_size=6, max_size=6), st.integers(1, 99), min_size=1),
    st.integers(1, 12),
)
@settings(max_examples=20, deadline=None)
def test_no_shot_is_lost_when_rare_bitstrings_share_a_bar(counts, most):
    shown = bars(counts_histogram(counts, max_bars=most))
    assert len(shown) == min(most, len(counts))
    assert sum(height for (height,) in shown.values()) == sum(counts.values())
    left_out = [word for word in shown if word.startswith("rest")]
    own = {word: height for word, (height,) in shown.items() if word not in left_out}
    assert all(counts[bits] == height for bits, height in own.items())
    hidden = set(counts) - set(own)
    assert left_out == ([f"rest ({len(hidden)})"] if hidden else [])
    assert all(counts[h] <= counts[bits] for h in hidden for bits in own)


def test_several_counts_stand_side_by_side_under_their_names():
    figure = counts_histogram([BELL, {"00": 1, "10": 2}], labels=["ideal", "noisy"])
    assert bars(figure) == {"00": (510, 1), "10": (0, 2), "11": (514, 0)}
    assert legend(figure) == ["ideal", "noisy"]
    left, right = (c.patches[0] for c in figure.axes[0].containers if hasattr(c, "patches"))
    assert left.get_x() + left.get_width() <= right.get_x()
    assert legend(counts_histogram(BELL, labels="bell")) == ["bell"]


@pytest.mark.parametrize("normalize", [False, True])
def test_error_bars_are_one_standard_deviation_of_a_binomial_distribution(normalize):
    figure = counts_histogram({"0": 36, "1": 64}, error_bars=True, normalize=normalize)
    (errors,) = [c.errorbar for c in figure.axes[0].containers if hasattr(c, "patches")]
    (lines,) = errors.lines[2]
    spans = [segment[1, 1] - segment[0, 1] for segment in lines.get_segments()]
    deviation = np.sqrt(100 * 0.36 * 0.64) / (100 if normalize else 1)
    np.testing.assert_allclose(spans, [2 * deviation] * 2)


def test_counts_may_be_any_mapping_and_any_integers():
    assert bars(counts_histogram({"0": np.int64(3)})) == {"0": (3,)}


@pytest.mark.parametrize(
    ("counts", "options", "message"),
    [
        ([], {}, "needs at least one mapping"),
        ({}, {}, "must hold at least one shot, but hold none"),
        ({"0": 0}, {}, "must hold at least one shot, but hold none"),
        ({0: 3}, {}, "bitstrings must be texts"),
        ({"0": -1}, {}, "count of '0' must be at least 0, but is -1"),
        ({"0": 0.5}, {}, "count of '0' must be an integer, but is 0.5"),
        ({"0": 1, "00": 1}, {}, "must have one length, but have lengths 1, 2"),
        ([BELL, {"000": 1}], {}, "must have one length, but have lengths 2, 3"),
        ("0011", {}, "must be a mapping"),
        (BELL, {"labels": ["a", "b"]}, "labels must be 1 names, one for each mapping, but are 2"),
        (BELL, {"sort": "size"}, 'sort must be "bits" or "counts", but is \'size\''),
        (BELL, {"max_bars": 0}, "max_bars must be at least 1, but is 0"),
    ],
)
def test_counts_that_cannot_be_drawn_are_refused(counts, options, message):
    with pytest.raises(SamplingError, match=message):
        counts_histogram(counts, **options)


# --- training -------------------------------------------------------------------------------------


def test_a_curve_goes_through_the_losses():
    losses = jnp.array([1.0, 0.5, 0.25])
    figure = training_curve(losses, label="run", xlabel="iteration", ylabel="energy")
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_xydata(), [[0, 1], [1, 0.5], [2, 0.25]])
    assert legend(figure) == ["run"]
    assert figure.axes[0].get_xlabel() == "iteration"
    assert figure.axes[0].get_ylabel() == "energy"


@pytest.mark.parametrize("dtype", [jnp.bfloat16, jnp.float32, jnp.int32])
def test_losses_may_be_of_any_real_dtype(dtype):
    (line,) = training_curve(jnp.array([4, 2, 1], dtype)).axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [4, 2, 1])


def test_several_restarts_are_shown_by_their_median_and_their_range():
    losses = np.array([[3.0, 1.0], [5.0, 2.0], [4.0, 9.0]])
    figure = training_curve(losses)
    (line,) = figure.axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [4, 2])
    (band,) = figure.axes[0].collections
    corners = band.get_paths()[0].vertices
    assert corners[:, 1].min() == 1 and corners[:, 1].max() == 9
    assert legend(figure) == ["median of 3 restarts", "range"]


def test_a_restart_that_diverged_leaves_the_others_visible():
    losses = np.array([[3.0, np.nan, np.inf], [5.0, 2.0, np.nan]])
    (line,) = training_curve(losses).axes[0].lines
    np.testing.assert_array_equal(line.get_ydata(), [4, 2, np.nan])


def test_the_reference_is_a_horizontal_line_with_its_value():
    figure = training_curve([1.0, -1.0], reference=-1.137284, reference_label="exact")
    _, line = figure.axes[0].lines
    assert set(line.get_ydata()) == {-1.137284}
    assert legend(figure) == ["exact: -1.13728"]


def test_a_logarithmic_axis_needs_positive_losses():
    assert training_curve([1.0, 0.1], log=True).axes[0].get_yscale() == "log"
    with pytest.raises(TrainingError, match=r"needs positive numbers, but the least is -0\.5"):
        training_curve([1.0, -0.5], log=True)
    with pytest.raises(TrainingError, match="needs positive numbers, but the least is 0"):
        training_curve([1.0, 0.5], log=True, reference=0.0)


@pytest.mark.parametrize(
    ("history", "message"),
    [
        (3.0, r"of shape \(steps,\) or \(restarts, steps\), but is float64 of shape \(\)"),
        (np.zeros((2, 2, 2)), r"but is float64 of shape \(2, 2, 2\)"),
        ([], r"but is float64 of shape \(0,\)"),
        ([1j], "but is complex128"),
        (["a", "b"], "history must be real numbers"),
        ([np.nan, np.inf], "must hold a finite number, but holds none"),
    ],
)
def test_histories_that_cannot_be_drawn_are_refused(history, message):
    with pytest.raises(TrainingError, match=message):
        training_curve(history)


# --- landscapes -----------------------------------------------------------------------------------


def test_a_landscape_of_one_direction_is_a_curve():
    x = np.linspace(-1, 1, 5)
    figure = landscape(x**2, (x,), title="energy")
    np.testing.assert_array_equal(figure.axes[0].lines[0].get_xydata(), np.stack([x, x**2], axis=1))
    assert figure.axes[0].get_ylabel() == "energy"


def test_a_landscape_of_two_directions_is_a_map_with_the_path_on_it():
    class Found:
        """What a scan gives."""

        axes = np.linspace(-1, 1, 5), np.linspace(-2, 2, 9)
        values = axes[0][:, None] ** 2 + axes[1]
        path = np.array([[0.5, 1.0], [0.2, 0.5], [0.0, 0.0]])
        explained = np.array([0.75, 0.2])

    figure = landscape(Found)
    ax = figure.axes[0]
    assert ax.get_xlabel() == "direction 1 (75%)" and ax.get_ylabel() == "direction 2 (20%)"
    assert ax.get_xlim() == (-1, 1) and ax.get_ylim() == (-2, 2)
    assert any(np.array_equal(line.get_xydata(), Found.path) for line in ax.lines)
    assert figure.axes[1].get_ylabel() == "loss"  # of the colours


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        ((np.zeros((3, 4)), (np.arange(3),)), {}, r"but have \(3, 4\) and \(3,\)"),
        ((np.full(3, np.nan), (np.arange(3),)), {}, "must hold finite numbers"),
        ((np.zeros(3), (np.arange(3),)), {"labels": ["a", "b"]}, "must be 1 names, but are 2"),
        (
            (np.eye(3), (np.arange(3), np.arange(3))),
            {"path": np.zeros((4, 3))},
            r"path must have shape \(steps, 2\), but has \(4, 3\)",
        ),
    ],
)
def test_landscapes_that_cannot_be_drawn_are_refused(arguments, options, message):
    with pytest.raises(TrainingError, match=message):
        landscape(*arguments, **options)


# --- all ------------------------------------------------------------------------------------------

PLOTS = [lambda **options: counts_histogram(BELL, **options),
         lambda **options: training_curve([1.0, 0.5, 0.25], **options),
         lambda **options: landscape(np.eye(3), (np.arange(3),) * 2, **options)]  # fmt: skip


@pytest.mark.parametrize("draw", PLOTS)
def test_plots_are_drawn_into_given_axes_or_into_a_figure_of_their_own(draw):
    figure = Figure()
    left, right = figure.subplots(1, 2)
    assert draw(ax=left) is figure
    assert left.has_data() and not right.has_data()
    assert isinstance(draw(), Figure)


@pytest.mark.parametrize("draw", PLOTS)
def test_a_notebook_shows_a_plot_as_a_picture(draw):
    figure = draw()
    assert figure._repr_png_().startswith(b"\x89PNG")
    pixels = np.asarray(figure.canvas.buffer_rgba())
    assert tuple(pixels[0, 0]) == (255, 255, 255, 255)
    assert len(np.unique(pixels.reshape(-1, 4), axis=0)) > 10


@pytest.mark.parametrize("draw", PLOTS)
def test_without_matplotlib_a_plot_says_what_to_install(draw, monkeypatch):
    def without(name, package=None):
        raise ModuleNotFoundError(f"No module named {name!r}", name="matplotlib")

    monkeypatch.setattr(importlib, "import_module", without)
    with pytest.raises(MissingExtraError, match=r'pip install "qjax\[plot\]"'):
        draw()


def test_the_public_module_hands_the_plots_on():
    assert plot.counts_histogram is counts_histogram
    assert plot.training_curve is training_curve
    assert plot.landscape is landscape
