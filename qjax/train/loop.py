"""`fit`: train a pytree of parameters with an optax optimizer."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax
from jax.sharding import Mesh
from jax.typing import ArrayLike

from qjax._checks import as_positive
from qjax._progress import Bar
from qjax.distributed.agree import digest
from qjax.errors import TrainingError
from qjax.train.arguments import (
    as_callbacks,
    as_hyperparameters,
    as_key,
    as_number,
    as_params,
    as_period,
)
from qjax.train.data import as_supply
from qjax.train.parallel import as_batch_mesh, replicated
from qjax.train.result import FitResult
from qjax.train.step import CAPACITY, Inputs, Options, begin, chunk_program
from qjax.train.training import Training

CALL_SECONDS = 0.25  # how long one compiled call should take, so that the bar moves
SAVE_SECONDS = 60.0  # how often a checkpoint is written where nothing else is asked for
NEVER = np.iinfo(np.int32).max


def fit(
    loss: Callable[..., Any],
    params: Any,
    optimizer: optax.GradientTransformation | Callable[..., optax.GradientTransformation],
    steps: int,
    *,
    data: Any = None,
    batch_size: int | None = None,
    stochastic: bool = False,
    key: jax.Array | None = None,
    restarts: int | None = None,
    hyperparameters: Mapping[str, ArrayLike] | None = None,
    patience: int | None = None,
    min_delta: float = 0.0,
    tolerance: float | None = None,
    callbacks: Callable[..., Any] | Sequence[Callable[..., Any]] = (),
    callback_every: int | None = None,
    checkpoint: str | os.PathLike | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    progress: bool | None = None,
    mesh: Mesh | None = None,
) -> FitResult:
    """Minimise a loss over its parameters with an optax optimizer.

    Step i computes loss and gradient at the parameters p_i and moves to p_(i+1). Many steps run
    in one compiled loop, which is kept as long as `loss` and `optimizer` live: a second call with
    the same objects and shapes compiles nothing, whatever its other arguments.

    Args:
        loss: Called as loss(params), loss(params, batch) with `data`, and with a key as last
            argument if `stochastic`. Traceable; returns a real scalar. May be jitted.
        params: Pytree of real or complex floating arrays, the initial parameters.
        optimizer: An optax GradientTransformation; its update is given `value`, `grad` and
            `value_fn` too if it takes them, as that of `optax.lbfgs()` does. With
            `hyperparameters`, the function that makes one, as `optax.adam`.
        steps: Steps to make, those of a resumed run included.
        data: One of

            - a pytree of arrays: the batch of every step, or with `batch_size` rows drawn from it;
            - a function of a key, traced, that makes the batch of a step;
            - an iterator of batches, pytrees of arrays of equal shapes, read ahead of the steps.
              An iterable such as a data loader starts again when it ends. A resumed run passes
              over the batches used before, so it needs the iterator made anew.
        batch_size: Rows in a batch, drawn in shuffled epochs without replacement; what is left
            over at the end of an epoch is not used in it.
        stochastic: Whether the loss takes a key of its own at each step.
        key: Key of all that is drawn; needed if `data` are drawn or the loss is stochastic. With
            restarts, one key, which is split, or one per restart.
        restarts: Train so many at once, in one vmapped program. Every leaf of `params` has a
            leading axis of this length. Drawn batches and keys differ between restarts; whole
            data and iterators' batches are common to all.
        hyperparameters: Arguments of the function `optimizer`: numbers, or with restarts arrays
            of shape (restarts,). New values compile nothing.
        patience: Stop after so many steps in a row without a loss below the last improvement by
            more than `min_delta`. Exact: checked at every step.
        min_delta: See `patience`.
        tolerance: Stop after the first step at which the 2-norm of the gradient is at most this.
            Exact: checked at every step.
        callbacks: Functions called as callback(step, loss, params) with the number of steps made,
            the loss of the last of them (with restarts, an array), and the parameters after it as
            NumPy arrays. One that returns True stops the training.
        callback_every: Steps between calls of the callbacks, which also come at the end; by
            default some four times a second.
        checkpoint: File to keep the run in, written atomically: a kill at any moment leaves the
            last checkpoint whole. It is also written at the end.
        checkpoint_every: Steps between checkpoints; by default one a minute.
        resume: Go on from the checkpoint if the file exists. Losses and parameters are those of
            an uninterrupted run, bit for bit. A run that had stopped by itself stays so. False
            starts anew, and overwrites the file.
        progress: Whether to show a progress bar: True needs tqdm, None shows it if tqdm is
            installed. Of several processes, process 0 shows it.
        mesh: Mesh of devices, with the axis "batch", over which the rows of each batch are
            divided. Each device computes the loss of its rows, and their mean is the loss: so it
            must be a mean over rows. Parameters are whole on each device. Key and data must be
            the same in all processes. A loss that divides its states or batches itself, by
            `expectation(..., mesh=mesh)`, needs no mesh here.

    Returns:
        The result: `params` after the last step, `best_params`, `history`, and more.

    Raises:
        NonFiniteError: A TrainingError: if a loss, gradient or update is NaN or infinite. Its
            message names the step, and its `result` holds the last good parameters and the
            history up to there. A restart that goes bad is left at its last good step and
            reported in `result.stopped`; only if all go bad is it an error.
        TrainingError: If an argument is not as described, or the checkpoint is of another run.
        FileError: If the checkpoint is damaged.
        MissingExtraError: If progress=True and tqdm is not installed.

    Note:
        On devices of several processes (`qjax.distributed.start`), all processes call fit alike.
        Process 0 writes the checkpoint, to a folder that all reach; a run goes on from it on any
        number of devices. All processes call the callbacks, and the answers of process 0 count.

        The loss and the optimizer are told apart by identity: a lambda or an optimizer made anew
        for each call is compiled each time. With `hyperparameters`, `optax.adam` itself is the
        object, so it is always the same.

    Examples:
        >>> import jax.numpy as jnp
        >>> def loss(x):
        ...     return jnp.sum((x - 1.0) ** 2)
        >>> result = fit(loss, jnp.zeros(2), optax.sgd(0.25), steps=4, progress=False)
        >>> result.params
        Array([0.9375, 0.9375], dtype=float32)
        >>> result.history
        array([2.    , 0.5   , 0.125 , 0.0312], dtype=float32)

        Three learning rates at once:

        >>> rates = {"learning_rate": np.array([0.01, 0.1, 0.5])}
        >>> result = fit(
        ...     loss, jnp.zeros((3, 2)), optax.sgd, 4, restarts=3, hyperparameters=rates,
        ...     progress=False,
        ... )
        >>> result.best_restart, result.best.best_loss
        (2, 0.0)
    """
    if not callable(loss):
        raise TrainingError(f"fit: loss must be a function, but is of type {type(loss).__name__}.")
    steps = as_positive(steps, "fit: steps", TrainingError)
    if restarts is not None:
        restarts = as_positive(restarts, "fit: restarts", TrainingError)
    if steps >= NEVER:
        raise TrainingError(f"fit: steps must be less than {NEVER}, but is {steps}.")
    patience = as_period(patience, "patience")
    callback_every = as_period(callback_every, "callback_every")
    checkpoint_every = as_period(checkpoint_every, "checkpoint_every")
    if checkpoint_every is not None and checkpoint is None:
        raise TrainingError("fit: checkpoint_every needs checkpoint, the file to write.")
    if min_delta and patience is None:
        raise TrainingError("fit: min_delta needs patience, the steps to wait.")
    callbacks = as_callbacks(callbacks)
    mesh = as_batch_mesh(mesh, data)
    supply = as_supply(data, batch_size)
    params = as_params(params, restarts)
    hyper = as_hyperparameters(optimizer, hyperparameters, restarts)
    training = Training(
        program=None,
        run=begin(params, optimizer, hyper, restarts),
        inputs=Inputs(
            hyperparameters=hyper,
            key=as_key(key, stochastic or supply.recipe.draws, restarts),
            source=supply.arrays,
            patience=np.int32(NEVER if patience is None else patience),
            min_delta=as_number(min_delta, "min_delta"),
            tolerance=0.0 if tolerance is None else as_number(tolerance, "tolerance"),
        ),
        supply=supply,
        capacity=CAPACITY if supply.feed is None else supply.feed.capacity,
    )
    options = Options(
        recipe=supply.recipe,
        restarts=restarts,
        stochastic=bool(stochastic),
        factory=bool(hyper),
        extra=bool(hyper) or isinstance(optimizer, optax.GradientTransformationExtraArgs),
        norm=tolerance is not None,
        mesh=mesh,
        capacity=training.capacity,
    )
    training.program = chunk_program(loss, optimizer, supply.function, options)
    if jax.process_count() > 1:
        training.given = digest((params, training.inputs))
    if mesh is not None:
        training.run = replicated(training.run, mesh)
        training.inputs = replicated(training.inputs, mesh)
    kept = False  # whether the file is that of this run
    if checkpoint is not None and resume and os.path.exists(checkpoint):
        training.resume(checkpoint, steps)
        kept = True

    reason = "steps"
    saved, saved_at = training.step, time.perf_counter()
    called = training.step
    pace = 1
    shown = progress if jax.process_index() == 0 else False
    with Bar(shown, steps, training.step, what="fit") as bar:
        while training.step < steps and training.going:
            edge = min(
                _next(training.step, callback_every),
                _next(training.step, checkpoint_every),
                steps,
            )
            asked = min(pace, edge - training.step, training.capacity)
            made, seconds = training.advance(asked)
            if made == 0:
                reason = "data"
                break
            pace = int(np.clip(made * CALL_SECONDS / seconds, 1, 8 * made))
            bar.move(made, f"loss={training.last_loss:.6g}")
            training.raise_if_bad()

            stop = False
            if callbacks and (callback_every is None or training.step % callback_every == 0):
                called = training.step
                stop = training.call(callbacks)
            due = checkpoint is not None and (
                training.step % checkpoint_every == 0
                if checkpoint_every
                else time.perf_counter() - saved_at > SAVE_SECONDS
            )
            pace, stop, due = training.together(pace, stop, due)
            if stop:
                reason = "callback"
                break
            if due and checkpoint is not None:
                training.save(checkpoint)
                kept, saved, saved_at = True, training.step, time.perf_counter()
    if callbacks and called != training.step:
        training.call(callbacks)
    if checkpoint is not None and (saved != training.step or not kept):
        training.save(checkpoint)
    return training.result(reason)


def _next(step: int, every: int | None) -> int:
    """The next multiple of a period."""
    return NEVER if every is None else (step // every + 1) * every
