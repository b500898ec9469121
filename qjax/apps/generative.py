"""A circuit Born machine: bars and stripes, and a real distribution, trained by MMD."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from qjax import apps
from qjax._extras import require
from qjax.apps._boltzmann import boltzmann_machine, hidden_units
from qjax.circuit import Circuit
from qjax.library import hardware_efficient
from qjax.simulate import probabilities, sample

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RESTARTS = 4
WIDTHS = (0.25, 0.5, 1.0, 2.0, 4.0)  # sigma^2 of the kernels on bits
STEPS = (0.5, 1.0, 2.0, 4.0)  # sigma of the kernels on bins
MIXED = 0.01  # share of the uniform distribution mixed in before a logarithm of a held-out bin
FEATURES = ("mean radius", "mean concave points")


def bars_and_stripes(size: int) -> np.ndarray:
    """The distribution that is uniform over images of full rows or full columns, of shape (2**n,).

    Pixel (r, c) is bit r * size + c; there are 2**(size + 1) - 2 such images.
    """
    images = {tuple(np.repeat(lines, size)) for lines in itertools.product((0, 1), repeat=size)}
    images |= {tuple(np.tile(lines, size)) for lines in itertools.product((0, 1), repeat=size)}
    found = np.zeros(2**size**2)
    for image in images:
        found[sum(int(bit) << q for q, bit in enumerate(image))] = 1 / len(images)
    return found


def smoothed_bits(values: jax.Array) -> jax.Array:
    """K v for the mean of the Gaussian kernels exp(-d / (2 sigma^2)), d the Hamming distance.

    Each kernel is a product over bits of [[1, a], [a, 1]], a = exp(-1 / (2 sigma^2)), so that this
    takes O(n 2**n) operations and no matrix.
    """

    def one(width: float) -> jax.Array:
        found = values
        for q in range(values.shape[0].bit_length() - 1):
            pairs = found.reshape(-1, 2, 2**q)
            found = (pairs + float(np.exp(-0.5 / width)) * pairs[:, ::-1]).reshape(-1)
        return found

    return sum(map(one, WIDTHS), jnp.zeros_like(values)) / len(WIDTHS)


def smoothed_bins(values: jax.Array) -> jax.Array:
    """K v for the mean of Gaussian kernels of the distance on a square of bins."""
    side = 2 ** ((values.shape[0].bit_length() - 1) // 2)
    apart = np.subtract.outer(np.arange(side), np.arange(side)) ** 2
    square, found = values.reshape(side, side), jnp.zeros((side, side), values.dtype)
    for width in STEPS:
        kernel = jnp.asarray(np.exp(-apart / (2 * width**2)), values.dtype)
        found = found + kernel @ square @ kernel
    return found.reshape(-1) / len(STEPS)


def mmd(found: jax.Array, wanted: jax.Array, smooth: Callable) -> jax.Array:
    """Squared maximum mean discrepancy (p - q)^T K (p - q) of two distributions."""
    return jnp.vdot(found - wanted, smooth(found - wanted))


def histogram(circuit: Circuit, params: jax.Array, shots: int, key: jax.Array) -> jax.Array:
    """Shares of the bitstrings among so many samples, of shape (2**n,)."""
    bits = sample(circuit, shots, key, params)
    numbers = jnp.sum(bits.astype(jnp.int32) << jnp.arange(bits.shape[-1], dtype=jnp.int32), -1)
    ones = jnp.full(shots, 1 / shots, params.dtype)
    return jnp.zeros(2**circuit.num_qubits, params.dtype).at[numbers].add(ones)


def sampled_loss(circuit: Circuit, wanted: jax.Array, shots: int) -> Callable:
    """A loss whose value is the exact MMD, and whose gradient is from samples alone.

    All gates are rotations, so dp/dt_k = (p(t + pi/2 e_k) - p(t - pi/2 e_k)) / 2, and the gradient
    is (p_k+ - p_k-)^T K (p - q), unbiased if each p is from samples of its own.

    References:
        J.-G. Liu, L. Wang, Differentiable learning of quantum circuit Born machines, Phys. Rev. A
        98, 062324 (2018).
    """

    def loss(params: jax.Array, key: jax.Array) -> jax.Array:
        still = jax.lax.stop_gradient(params)
        shifts = jnp.eye(still.shape[0], dtype=still.dtype) * jnp.asarray(np.pi / 2, still.dtype)
        points = jnp.concatenate([still[None], still + shifts, still - shifts])
        keys = jax.random.split(key, points.shape[0])
        found = jax.vmap(lambda point, key: histogram(circuit, point, shots, key))(points, keys)
        here, up, down = found[0], *jnp.split(found[1:], 2)
        gradient = (up - down) @ smoothed_bits(here - wanted)
        value = mmd(probabilities(circuit, still), wanted, smoothed_bits)
        return value + jnp.vdot(gradient, params - still)

    return loss


def divergence(wanted: np.ndarray, found: np.ndarray) -> float:
    """Kullback-Leibler divergence sum q log(q / p) in nats."""
    seen = wanted > 0
    return float(np.sum(wanted[seen] * np.log(wanted[seen] / np.maximum(found[seen], 1e-30))))


def independent(wanted: np.ndarray) -> np.ndarray:
    """The product of the distributions of each bit: independent Bernoulli variables."""
    table = wanted.reshape((2,) * (wanted.size.bit_length() - 1))
    found = np.ones(1)
    for axis in range(table.ndim):
        found = np.outer(found, table.sum(axis=tuple({*range(table.ndim)} - {axis}))).reshape(-1)
    return found


@dataclass
class Born:
    """A trained Born machine: its circuit, its distribution, and what it took."""

    circuit: Circuit
    params: np.ndarray
    found: np.ndarray
    history: np.ndarray
    seconds: float


def trained(
    run: apps.Run, name: str, wanted: np.ndarray, layers: int, smooth: Callable, shots: int = 0
) -> Born:
    """The best of some Born machines trained at once, by samples if there are shots."""
    circuit = hardware_efficient(wanted.size.bit_length() - 1, layers)
    goal = jnp.asarray(wanted, jnp.float32)

    def exact(params: jax.Array) -> jax.Array:
        return mmd(probabilities(circuit, params), goal, smooth)

    start = jax.random.uniform(
        run.key(f"{name}: start"), (RESTARTS, circuit.num_parameters),
        minval=-jnp.pi, maxval=jnp.pi,
    )  # fmt: skip
    steps = run.options.steps
    result = run.fit(
        name, sampled_loss(circuit, goal, shots) if shots else exact, start,
        optax.adam(optax.cosine_decay_schedule(0.1, steps)), steps, restarts=RESTARTS,
        stochastic=bool(shots), key=run.key(f"{name}: shots") if shots else None,
    )  # fmt: skip
    params = np.asarray(result.best.params)
    found = np.asarray(probabilities(circuit, jnp.asarray(params)), float)
    return Born(circuit, params, found, result.best.history, result.seconds)


def images(run: apps.Run, size: int, layers: int, shots: int) -> tuple[Any, dict[str, Born]]:
    """Bars and stripes of one size, beside independent pixels and a Boltzmann machine."""
    task = f"bars and stripes {size} x {size}"
    wanted = bars_and_stripes(size)
    machines = {"Born machine": trained(run, task, wanted, layers, smoothed_bits)}
    if shots:
        name = f"Born machine, {shots:,} samples a gradient"
        machines[name] = trained(run, f"{task} by samples", wanted, layers, smoothed_bits, shots)
    budget = machines["Born machine"].params.size
    other = boltzmann_machine(run, f"{task}: Boltzmann machine", wanted, budget, RESTARTS)
    rows = [
        apps.quantum(name, divergence(wanted, one.found), parameters=one.params.size,
                     seconds=one.seconds)
        for name, one in machines.items()
    ]  # fmt: skip
    rows += [
        apps.classical("restricted Boltzmann machine", divergence(wanted, other.found),
                       parameters=other.parameters, seconds=other.seconds,
                       note=f"{hidden_units(budget, size**2)} hidden units, exact likelihood"),
        apps.classical("independent pixels", divergence(wanted, independent(wanted)),
                       parameters=size**2),
        apps.exact("the distribution itself", 0.0),
    ]  # fmt: skip
    return apps.Comparison(task, "KL divergence / nats", "lower", rows), machines


@dataclass
class Grid:
    """Counts of a pair of features in a square of bins, for training and for the test."""

    train: np.ndarray
    test: np.ndarray
    cells: np.ndarray  # (samples for training, 2), the bins


def binned(run: apps.Run, side: int) -> Grid:
    """Two features of breast cancer, 569 patients, in side x side bins from least to largest."""
    sklearn = require("sklearn.datasets", "apps", "The app `generative`")
    data = sklearn.load_breast_cancer()
    columns = [list(data.feature_names).index(name) for name in FEATURES]
    values = data.data[:, columns]
    low, high = values.min(axis=0), values.max(axis=0)
    cells = np.minimum(((values - low) / (high - low) * side).astype(int), side - 1)
    cells = cells[run.rng("split").permutation(len(cells))]
    cut = int(0.7 * len(cells))
    count = lambda rows: np.bincount(rows[:, 0] * side + rows[:, 1], minlength=side**2)
    return Grid(count(cells[:cut]), count(cells[cut:]), cells[:cut])


def mixture(run: apps.Run, grid: Grid, budget: int) -> tuple[np.ndarray, int, float]:
    """A mixture of Gaussians with at most so many parameters, on the bins."""
    side = int(np.sqrt(grid.train.size))
    components = max(1, (budget + 1) // 6)  # 2 means, 3 covariances, a weight; the weights add to 1

    def compute() -> np.ndarray:
        module = require("sklearn.mixture", "apps", "The app `generative`")
        model = module.GaussianMixture(
            components, reg_covar=0.1, n_init=5, random_state=run.integer("mixture")
        ).fit(grid.cells.astype(float))
        centres = np.stack(np.meshgrid(*2 * [np.arange(side)], indexing="ij"), axis=-1)
        density = np.exp(model.score_samples(centres.reshape(-1, 2).astype(float)))
        return density / density.sum()

    found, seconds = run.keep("mixture of Gaussians", compute)
    return found, 6 * components - 1, seconds


def real(run: apps.Run) -> tuple[Any, Born, dict[str, np.ndarray]]:
    """Two features of breast cancer, by the likelihood of patients held out."""
    side = 2**run.options.bits
    grid = binned(run, side)
    wanted = grid.train / grid.train.sum()
    machine = trained(run, "breast cancer", wanted, run.options.layers, smoothed_bins)
    gaussians, size, seconds = mixture(run, grid, machine.params.size)
    square = wanted.reshape(side, side)
    product = np.outer(square.sum(axis=1), square.sum(axis=0)).reshape(-1)

    def likelihood(make: Callable, model: str, found: np.ndarray, **facts: Any) -> apps.Row:
        losses = np.repeat(-np.log((1 - MIXED) * found + MIXED / found.size), grid.test)
        error = float(losses.std(ddof=1) / np.sqrt(losses.size))
        return make(model, float(losses.mean()), error=error, **facts)

    q, c = apps.quantum, apps.classical
    rows = [
        likelihood(q, "Born machine", machine.found, parameters=machine.params.size,
                   seconds=machine.seconds),
        likelihood(c, "mixture of Gaussians", gaussians, parameters=size, seconds=seconds),
        likelihood(c, "independent features", product, parameters=2 * (side - 1)),
        c("uniform", float(np.log(side**2)), parameters=0),
    ]  # fmt: skip
    task = f"breast cancer, {' and '.join(FEATURES)}, {side} x {side} bins"
    comparison = apps.Comparison(task, "test negative log-likelihood / nats", "lower", rows)
    shown = {"data": wanted, "Born machine": machine.found, "mixture of Gaussians": gaussians}
    return comparison, machine, {name: one.reshape(side, side) for name, one in shown.items()}


def picture_of_samples(run: apps.Run, machine: Born, size: int) -> "Figure":
    """Images drawn from a Born machine; those that are no bars and no stripes have a red frame."""
    wanted = bars_and_stripes(size)
    key = run.key("samples shown")
    bits = np.asarray(sample(machine.circuit, 32, key, jnp.asarray(machine.params)))
    figure, axes = apps.panels(4, 8, width=0.8, height=0.8, title="samples of the Born machine")
    for ax, image in zip(axes.flat, bits, strict=True):
        right = wanted[int(image @ 2 ** np.arange(size**2))] > 0
        ax.imshow(image.reshape(size, size), cmap="Greys", vmin=0, vmax=1)
        ax.set(xticks=[], yticks=[])
        ax.grid(False)
        ax.spines[:].set(
            visible=True, color="0.7" if right else "red", linewidth=1 + 2 * (not right)
        )
    return figure


def picture_of_training(machines: dict[str, Born], shown: dict[str, np.ndarray]) -> "Figure":
    """The losses, and the real distribution beside the learnt ones."""
    figure, axes = apps.panels(1, 1 + len(shown))
    for name, machine in machines.items():
        axes[0].plot(np.maximum(machine.history, 1e-9), label=name)
    axes[0].set(xlabel="step", ylabel="squared MMD", yscale="log")
    axes[0].legend(frameon=False, fontsize="small")
    top = max(one.max() for one in shown.values())
    for ax, (name, one) in zip(axes[1:], shown.items(), strict=True):
        ax.imshow(one.T, origin="lower", cmap="viridis", vmax=top)
        ax.grid(False)
        ax.set(title=name, xlabel=f"{FEATURES[0]} / bin", ylabel=f"{FEATURES[1]} / bin")
    return figure


def generative(run: apps.Run) -> apps.Report:
    """A circuit whose measured bitstrings follow a distribution that it has learnt.

    The loss is the squared maximum mean discrepancy by several Gaussian kernels: of the Hamming
    distance for images of bars and stripes (2 x 2, also with gradients from samples alone, and
    3 x 3), and of the distance between bins for two features of the breast cancer data. Beside it a
    restricted Boltzmann machine, trained by its exact likelihood, and a mixture of Gaussians, each
    with at most as many parameters, and independent bits and features.
    """
    small, of_small = images(run, 2, 2, run.options.shots)
    comparisons, machines, largest = [small], dict(of_small), (2, of_small["Born machine"])
    if run.options.size == 3:
        large, of_large = images(run, 3, run.options.layers, 0)
        comparisons.append(large)
        machines["Born machine, 3 x 3"] = of_large["Born machine"]
        largest = (3, of_large["Born machine"])
    features, machine, shown = real(run)
    machines["Born machine, breast cancer"] = machine
    size, best = largest
    return apps.Report(
        comparisons=(*comparisons, features),
        figures={
            "samples": picture_of_samples(run, best, size),
            "training": picture_of_training(machines, shown),
        },
        facts={
            "share of bars and stripes": {
                name: float(one.found[bars_and_stripes(edge) > 0].sum())
                for edge, group in ((2, of_small), (size, {f"{size} x {size}": best}))
                for name, one in group.items()
            },
            "uniform share mixed in": MIXED,
        },
    )


APP = apps.App(
    name="generative",
    shows="a circuit Born machine learns bars and stripes, and two features of tumours",
    run=generative,
    options=(
        apps.Option("steps", 1500, quick=20, least=1, help="Steps of each training."),
        apps.Option("layers", 8, quick=1, least=1, help="Layers of the larger circuits."),
        apps.Option("size", 3, quick=2, least=2, help="Edge of the largest images, 2 or 3."),
        apps.Option("bits", 4, quick=2, least=1, help="Qubits of each feature."),
        apps.Option("shots", 1000, quick=100, least=1, help="Samples at each shifted angle."),
    ),
    needs=("matplotlib", "sklearn"),
)

if __name__ == "__main__":
    apps.main(APP)
