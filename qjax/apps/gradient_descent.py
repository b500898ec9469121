"""Quantum gradient descent: step by step, and linear regression by a circuit on real data."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._linear_model import DTYPE, LinearModel
from qjax.library import hardware_efficient
from qjax.library.hamiltonians import transverse_field_ising
from qjax.plot import training_curve
from qjax.simulate import expectation
from qjax.train import FitResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure

SPINS = 4  # of the chain whose ground state is sought step by step
HELD_OUT = 20  # last rows of the data, as in scikit-learn's documented example
BMI = 2  # its column
RATE = 0.1  # of the descent
TINY = 1e-9  # what is nearer to the least possible loss is rounding, and not drawn
RANGE = 10.0  # what the circuit's -1..1 stand for, in standard deviations of the target
METHODS = ("adjoint", "parameter shift", "shots")
CLASSICAL = "least squares"


def ground_energy(num_spins: int) -> float:
    """The least eigenvalue of H = - sum Z_i Z_(i+1) - sum X_i on an open chain."""
    return float(1 - 1 / np.sin(np.pi / (2 * (2 * num_spins + 1))))


class Task(NamedTuple):
    """A regression: which columns, how many last rows are held out, the layers of the circuit."""

    columns: list[int]
    held_out: int
    layers: int
    published: apps.Row


class Data(NamedTuple):
    """Angles of all rows; targets of those for training, of mean 0 and variance 1."""

    angles: jax.Array
    targets: jax.Array
    mean: float
    deviation: float


class Outcome(NamedTuple):
    """What a regression found: its rows, its curves, the least error there is, and facts."""

    comparisons: tuple[apps.Comparison, ...]
    curves: dict[str, np.ndarray]
    least: float
    facts: dict[str, Any]


def prepared(features: np.ndarray, targets: np.ndarray, held_out: int) -> Data:
    """Features in -1..1 with a constant before them, and targets of mean 0 and variance 1."""
    cut = len(features) - held_out
    scaled = features / np.abs(features).max(axis=0)
    angles = jnp.asarray(np.arcsin(np.column_stack([np.ones(len(features)), scaled])))
    mean, deviation = targets[:cut].mean(), targets[:cut].std()
    return Data(angles, jnp.asarray((targets[:cut] - mean) / deviation), mean, deviation)


def losses(model: LinearModel, data: Data, shots: int) -> dict[str, tuple[Callable, bool]]:
    """For each method the mean squared error, and whether it takes a key.

    The one by shots has the exact value, so that the curves can be compared, and the gradient that
    shots give: value and shifted values are drawn independently, so that it is right in the mean.
    """
    rows = data.angles[: len(data.targets)]

    def error(values: jax.Array) -> jax.Array:
        return jnp.mean((RANGE * values - data.targets) ** 2)

    def exact(params: jax.Array) -> jax.Array:
        return error(model.exact(params, rows))

    def shifted(params: jax.Array) -> jax.Array:
        return error(model.shifted(params, rows))

    def measured(params: jax.Array, key: jax.Array) -> jax.Array:
        noisy = error(model.measured(params, rows, shots, key))
        return exact(jax.lax.stop_gradient(params)) + noisy - jax.lax.stop_gradient(noisy)

    return dict(zip(METHODS, ((exact, False), (shifted, False), (measured, True)), strict=True))


def step_by_step(run: apps.Run) -> tuple[apps.Comparison, FitResult]:
    """Gradient descent to the ground state of a spin chain, its steps told."""
    energy = transverse_field_ising([(q, q + 1) for q in range(SPINS - 1)])
    truth = ground_energy(SPINS)
    circuit = hardware_efficient(SPINS, 5, rotations="ry")
    start = jax.random.uniform(
        run.key("angles"), (circuit.num_parameters,), minval=-jnp.pi, maxval=jnp.pi
    )

    def loss(params: jax.Array) -> jax.Array:
        return expectation(circuit, energy, params, dtype=DTYPE)

    run.say(f"The circuit, with {circuit.num_parameters} random angles:\n\n{circuit}\n")
    told: set[int] = set()

    def tell(step: int, value: float, params: np.ndarray) -> None:
        if step not in told:
            told.add(step)
            slope = float(jnp.linalg.norm(jax.grad(loss)(jnp.asarray(params))))
            run.say(
                f"step {step:>5}: energy {value:.6f}, then theta -= {RATE} gradient; "
                f"first angle {params[0]:+.4f}, |gradient| {slope:.1e}"
            )

    steps = run.options.descent_steps
    found = run.fit(
        "descent", loss, start, optax.sgd(RATE), steps,
        tolerance=1e-5, callbacks=tell, callback_every=max(1, steps // 10),
    )  # fmt: skip
    run.say(
        f"{'converged' if found.stopped == 'tolerance' else 'stopped'} after {found.steps} steps, "
        f"{found.best_loss - truth:.1e} above the ground state\n"
    )
    comparison = apps.Comparison(
        task=f"ground state of {SPINS} spins", metric="energy", better="lower",
        rows=(
            apps.quantum("gradient descent", found.best_loss, parameters=start.size,
                         seconds=found.seconds, note=f"{found.steps} steps"),
            apps.exact("closed form", truth, note="1 - 1 / sin(pi / (2 (2n + 1)))"),
        ),
    )  # fmt: skip
    return comparison, found


def least_squares(features: np.ndarray, targets: np.ndarray, cut: int) -> dict[str, Any]:
    """Ordinary least squares of the first rows, and its predictions for all."""
    linear = require("sklearn.linear_model", "apps", "The app `gradient_descent`")
    fitted = linear.LinearRegression().fit(features[:cut], targets[:cut])
    return {"coefficients": fitted.coef_, "predictions": fitted.predict(features)}


def regression(run: apps.Run, name: str, task: Task) -> Outcome:
    """One regression by the three gradients, beside least squares."""
    sklearn = require("sklearn.datasets", "apps", "The app `gradient_descent`")
    features, targets = sklearn.load_diabetes(return_X_y=True)
    features = features[:, task.columns]
    data = prepared(features, targets, task.held_out)
    cut = len(data.targets)
    model = LinearModel(len(task.columns) + 1, task.layers)
    start = jax.random.uniform(
        run.key(name), (model.num_parameters,), minval=-jnp.pi, maxval=jnp.pi
    )
    squares, spent = run.keep(
        f"{name}: least squares", lambda: least_squares(features, targets, cut)
    )
    predictions, seconds = {CLASSICAL: squares["predictions"]}, {CLASSICAL: spent}
    sizes = {CLASSICAL: len(task.columns) + 1, **dict.fromkeys(METHODS, model.num_parameters)}
    curves, gradients = {}, {}
    optimizer = optax.adam(optax.cosine_decay_schedule(0.05, run.options.steps))
    for method, (loss, drawn) in losses(model, data, run.options.shots).items():
        key = run.key(f"{name}: {method}") if drawn else None
        if key is None:
            gradients[method] = jax.grad(loss)(start)
        found = run.fit(
            f"{name}: {method}", loss, start, optimizer, run.options.steps,
            stochastic=drawn, key=key,
        )  # fmt: skip
        values = RANGE * np.asarray(model.exact(found.params, data.angles))
        predictions[method] = data.mean + data.deviation * values
        curves[method] = found.history * data.deviation**2
        seconds[method] = found.seconds

    def compared(metric: str, rows: slice, *others: apps.Row) -> apps.Comparison:
        squared = {m: (p[rows] - targets[rows]) ** 2 for m, p in predictions.items()}
        held_out = rows.start is not None
        found = [
            apps.Row(
                "classical" if m == CLASSICAL else "quantum", m, float(squared[m].mean()),
                float(squared[m].std(ddof=1) / np.sqrt(squared[m].size)) if held_out else None,
                sizes[m], seconds[m],
            )
            for m in (*METHODS, CLASSICAL)
        ]  # fmt: skip
        return apps.Comparison(f"diabetes, {name}", metric, "lower", (*found, *others))

    everything, last = slice(None), slice(cut, None)
    comparisons = (
        (compared("training MSE", slice(cut)), compared("test MSE", last, task.published))
        if task.held_out
        else (compared("training MSE", everything, task.published),)
    )
    judged = last if task.held_out else everything
    around = np.var(targets[judged])
    least = float(np.mean((squares["predictions"][:cut] - targets[:cut]) ** 2))
    facts = {
        "largest difference of shifted and adjoint gradient": float(
            jnp.abs(gradients["adjoint"] - gradients["parameter shift"]).max()
        ),
        "least squares coefficients": squares["coefficients"],
        "R2": {
            m: float(1 - np.mean((p[judged] - targets[judged]) ** 2) / around)
            for m, p in predictions.items()
        },
    }
    return Outcome(comparisons, curves, least, facts)


def above_rounding(above: np.ndarray) -> np.ndarray:
    """What is above the least possible loss, with a gap where it is rounding."""
    return np.where(above > TINY, above, np.nan)


def picture(run: apps.Run, descent: FitResult, results: dict[str, Outcome]) -> "Figure":
    """The descent, and the three curves of each regression."""
    figure, axes = apps.panels(1, 1 + len(results))
    training_curve(
        above_rounding(descent.history - ground_energy(SPINS)),
        ax=axes[0],
        log=True,
        ylabel="energy above the ground state",
    )
    axes[0].set_title("gradient descent, step by step")
    styles = {"adjoint": ("-", 3.5), "parameter shift": ("--", 1.5), "shots": ("-", 1.0)}
    for ax, (name, result) in zip(axes[1:], results.items(), strict=True):
        for method, history in result.curves.items():
            style, width = styles[method]
            label = method + f" ({run.options.shots:,} a value)" * (method == "shots")
            above = above_rounding(history - result.least)
            ax.plot(above, linestyle=style, linewidth=width, label=label)
        ax.axhline(0.01 * result.least, color="k", linestyle=":", label="1 % of least squares")
        ax.set(title=f"diabetes, {name}", xlabel="step", yscale="log")
        ax.set_ylabel("training MSE above least squares")
    names = axes[-1].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=4, frameon=False)
    return figure


def gradient_descent(run: apps.Run) -> apps.Report:
    """Random angles, a circuit, its gradient, an update, until it has converged.

    First step by step to the ground state of a chain of spins. Then linear regression with the
    mean squared error, by a circuit whose expectation value is a linear function of the data: the
    progression of diabetes from the body mass index, the last 20 rows held out as in scikit-learn's
    documentation, and from all ten features. Each is trained by three gradients: exact by the
    adjoint method, by the parameter-shift rule, and by that rule with finite shots.
    """
    descended, found = step_by_step(run)
    documented = "scikit-learn, example of linear regression"
    of_bmi = apps.published("scikit-learn's documentation", 2548.07, note=documented)
    of_all = apps.published("least squares, all rows", 2859.696, note="scikit-learn 1.9.1")
    tasks = {"from BMI": Task([BMI], HELD_OUT, 1, of_bmi)}
    if run.options.data == "both":
        tasks["all features"] = Task(list(range(10)), 0, run.options.layers, of_all)
    results = {name: regression(run, name, task) for name, task in tasks.items()}
    return apps.Report(
        comparisons=(descended, *(c for one in results.values() for c in one.comparisons)),
        figures={"training": picture(run, found, results)},
        facts={name: one.facts for name, one in results.items()},
    )


APP = apps.App(
    name="gradient_descent",
    shows="gradient descent step by step; linear regression by exact, shifted, shot gradients",
    run=gradient_descent,
    options=(
        apps.Option("steps", 500, quick=10, least=1, help="Steps of each regression."),
        apps.Option("descent_steps", 2000, quick=50, least=1, help="Most steps of the descent."),
        apps.Option("data", "both", quick="bmi", choices=("both", "bmi"), help="Regressions."),
        apps.Option("layers", 5, quick=1, least=0, help="Layers for all features."),
        apps.Option("shots", 100, least=1, help="Shots of each value."),
    ),
    needs=("matplotlib", "sklearn"),
    double=True,
)

if __name__ == "__main__":
    apps.main(APP)
