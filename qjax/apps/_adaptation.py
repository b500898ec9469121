"""A classification task, and what a model that is trained on it reaches."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import jax
import numpy as np
import optax

from qjax import apps
from qjax.learning import Block, closest_in_size

Made = TypeVar("Made", bound=Block)


@dataclass(frozen=True)
class Task:
    """Rows and their classes, for training and for the test.

    Attributes:
        name: What it is.
        train: Arrays (rows, ...) and (rows,).
        test: The same, never trained on.
    """

    name: str
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, name: str, x: Any, y: Any, train: np.ndarray, test: np.ndarray) -> "Task":
        """The task of two sets of rows."""
        x, y = np.asarray(x, np.float32), np.asarray(y, np.int32)
        return cls(name, (x[train], y[train]), (x[test], y[test]))


@dataclass(frozen=True)
class Trained:
    """A row of the results, the parameters with an axis of starts, the mean loss of each step."""

    row: apps.Row
    params: Any
    history: np.ndarray


def of_size(make: Callable[[int], Made], num_parameters: int) -> Made:
    """`closest_in_size` for a family whose number of parameters grows by equal steps.

    Examples:
        >>> from qjax.learning.blocks import Dense
        >>> of_size(lambda width: Dense(10, width), 250).num_parameters  # 11 for each
        253
    """
    one, two = make(1).num_parameters, make(2).num_parameters
    near = max(1, 1 + (num_parameters - one) // (two - one))
    return closest_in_size(make, num_parameters, (near, near + 1))


def accuracies(block: Block, params: Any, task: Task) -> np.ndarray:
    """For each start, the share of test rows whose largest logit is that of their class."""
    rows, classes = task.test
    logits = jax.jit(jax.vmap(block.apply, (0, None)))(params, rows)  # (starts, rows, classes)
    return np.mean(np.argmax(np.asarray(logits), axis=-1) == classes, axis=-1)


def trained(
    run: apps.Run, kind: Any, model: str, block: Block, task: Task, *, starts: int | None = None,
    note: str = "",
) -> Trained:  # fmt: skip
    """Train a model from several starts, by the cross-entropy and one optimizer for all models.

    The accuracy is the mean over starts. Its standard error has two parts: of the test rows,
    p (1 - p) / n, and of the starts, their variance over their number.
    """
    count, steps = run.options.starts if starts is None else starts, run.options.steps
    name = f"{task.name}: {model}"

    def loss(params: Any, batch: Any) -> jax.Array:
        logits = block.apply(params, batch[0])
        return optax.softmax_cross_entropy_with_integer_labels(logits, batch[1]).mean()

    keys = jax.random.split(run.key(f"{name}: start"), count)
    start = jax.vmap(block.init)(keys)
    optimizer = optax.adam(optax.cosine_decay_schedule(run.options.rate, steps))
    drawn = {"batch_size": run.options.batch, "key": run.key(f"{name}: batches")}
    result = run.fit(
        name, loss, start, optimizer, steps, data=task.train, restarts=count,
        **(drawn if run.options.batch < len(task.train[1]) else {}),
    )  # fmt: skip
    shares = accuracies(block, result.params, task)
    mean = float(np.mean(shares))
    among = float(np.var(shares, ddof=1)) / count if count > 1 else 0.0
    error = math.hypot(apps.binomial_error(mean, len(task.test[1])), math.sqrt(among))
    row = apps.Row(
        kind, model, mean, error, block.num_parameters, result.seconds / count, note
    )  # fmt: skip
    return Trained(row, result.params, np.asarray(result.history).mean(axis=0))
