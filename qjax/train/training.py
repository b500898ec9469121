"""A training run between compiled calls: what the host keeps, saves and gives back."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from qjax.distributed.agree import agreed, is_shared, on_host
from qjax.errors import TrainingError
from qjax.train.checkpoint import checkpoint_step, load_checkpoint, save_checkpoint
from qjax.train.data import Supply
from qjax.train.result import FitResult, NonFiniteError
from qjax.train.step import Inputs, Run, Status

STOPPED = {Status.PATIENCE: "patience", Status.TOLERANCE: "tolerance"}
BAD = {
    Status.BAD_LOSS: "the loss at step {step} must be finite, but is {loss}",
    Status.BAD_GRADIENT: (
        "the gradient at step {step} must be finite, but holds NaN or infinity (the loss is {loss})"
    ),
    Status.BAD_UPDATE: (
        "the parameters after step {step} must be finite, but the optimizer's update made NaN or "
        "infinity (the loss is {loss})"
    ),
}


@dataclass
class Training:
    """A run under way, as the host sees it."""

    program: Any
    run: Run
    inputs: Inputs
    supply: Supply
    capacity: int
    step: int = 0
    losses: list[np.ndarray] = field(default_factory=list)  # of each call, (..., steps made)
    calls: list[tuple[int, float]] = field(default_factory=list)  # steps and seconds of each
    given: np.ndarray | None = None  # a digest of what must be the same in all processes
    started: float = field(default_factory=time.perf_counter)

    @property
    def status(self) -> np.ndarray:
        """A copy, for the buffer is given away at the next call."""
        return np.array(self.run.status)

    @property
    def shared(self) -> bool:
        """Whether it runs on devices of several processes, which then go through it together."""
        return is_shared(self.run)

    @property
    def going(self) -> bool:
        """Whether a run is left that has not stopped."""
        return bool(np.any(self.status == Status.RUNNING))

    @property
    def last_loss(self) -> float:
        """The loss of the last step; with restarts, the least of those still running."""
        losses = self.losses[-1][..., -1]
        return float(np.min(losses, initial=np.inf, where=~np.isnan(losses)))

    def advance(self, count: int) -> tuple[int, float]:
        """Make up to `count` steps; how many it made, and the seconds they took."""
        start = time.perf_counter()
        inputs = self.inputs
        if self.supply.feed is not None:
            source, count = self.supply.feed.take(count)
            if count == 0:
                return 0, 0.0
            inputs = inputs._replace(source=source)
        self.run, losses, made = self.program(
            self.run, np.int32(self.step), np.int32(count), inputs
        )
        made = int(made)
        self.losses.append(np.array(np.asarray(losses)[..., :made]))
        self.step += made
        seconds = time.perf_counter() - start
        self.calls.append((made, seconds))
        return made, seconds

    def call(self, callbacks: tuple[Callable, ...]) -> bool:
        """Whether one of the callbacks, all of which are called, returned True."""
        params = on_host(self.run.params)
        last = self.losses[-1][..., -1]
        loss = float(last) if last.ndim == 0 else last
        answers = [callback(self.step, loss, params) for callback in callbacks]
        return any(isinstance(answer, (bool, np.bool_)) and answer for answer in answers)

    def together(self, *choices: int) -> tuple[int, ...]:
        """Choices that hang on clocks and callbacks: those of process 0, in every process."""
        if not self.shared:
            return choices
        step, *chosen = agreed([self.step, *map(int, choices)]).tolist()
        if step != self.step:
            raise TrainingError(
                f"fit: all processes must make the same steps, but process {jax.process_index()} "
                f"is at step {self.step} and process 0 at step {step}. Pass all of them the same "
                "arguments, and a checkpoint in a folder that all of them reach."
            )
        if self.given is not None and not np.array_equal(agreed(self.given), self.given):
            raise TrainingError(
                "fit: params, key, hyperparameters and data must be the same in all processes, but "
                f"those of process {jax.process_index()} differ from those of process 0."
            )
        self.given = None
        return tuple(chosen)

    def saved(self, history: np.ndarray) -> dict[str, Any]:
        """The pytree that a checkpoint holds."""
        return {
            "run": self.run,
            "key": self.inputs.key,
            "hyperparameters": self.inputs.hyperparameters,
            "history": history,
        }

    def history(self) -> np.ndarray:
        """All losses, (step,) or (restarts, step)."""
        best = self.run.best_loss
        return np.concatenate([np.empty((*best.shape, 0), best.dtype), *self.losses], axis=-1)

    def save(self, path: str | os.PathLike) -> None:
        """Write a checkpoint."""
        save_checkpoint(path, self.saved(self.history()), step=self.step)

    def resume(self, path: str | os.PathLike, steps: int) -> None:
        """Go on from a checkpoint."""
        step = checkpoint_step(path)
        if step > steps:
            raise TrainingError(
                f"{path}: holds {step} steps, but steps={steps} asks for fewer. Ask for at least "
                f"{step}, or pass resume=False to start anew."
            )
        best = self.run.best_loss
        mine = self.saved(np.empty((*best.shape, step), best.dtype))
        loaded, _ = load_checkpoint(path, mine)
        for name in ("key", "hyperparameters"):
            if not _equal(loaded[name], mine[name]):
                raise TrainingError(
                    f"{path}: was saved by a run with another {name}. Pass the same one, or "
                    "resume=False to start anew."
                )
        self.run, self.step, self.losses = loaded["run"], step, [loaded["history"]]
        if self.supply.feed is not None:
            self.supply.feed.skip(step)

    def raise_if_bad(self) -> None:
        """NonFiniteError if no run is left that has not gone bad."""
        status = self.status
        if not np.all(status >= Status.BAD_LOSS):
            return
        made = np.array(self.run.steps)
        one = np.unravel_index(np.argmax(made), made.shape)  # the last to go bad
        step = int(made[one])
        fault = BAD[Status(int(status[one]))].format(step=step, loss=self.history()[(*one, step)])
        which = f"all {status.size} restarts went bad; in the last, " if status.ndim else ""
        raise NonFiniteError(
            f"fit: {which}{fault}. The last good parameters and the history up to there are in "
            "the `result` of this error.",
            self.result("steps"),
            step,
        )

    def result(self, reason: str) -> FitResult:
        """What `fit` returns; `reason` is why the loop ended, for runs that were still going."""
        run = self.run
        made = np.array(run.steps)
        history = self.history()[..., : made.max()]
        history[np.arange(history.shape[-1]) >= made[..., None]] = np.nan
        reasons = {Status.RUNNING: reason, **STOPPED, **dict.fromkeys(BAD, "non-finite")}
        stopped = tuple(reasons[Status(int(code))] for code in np.atleast_1d(self.status))
        # The first call compiles.
        steps, seconds = np.sum(self.calls[1:] or self.calls or [(0, 1.0)], axis=0)
        return FitResult(
            params=run.params,
            best_params=run.best_params,
            best_loss=np.array(run.best_loss) if made.ndim else float(run.best_loss),
            history=history,
            steps=int(made.max()),
            seconds=time.perf_counter() - self.started,
            steps_per_second=float(steps / seconds),
            stopped=stopped if made.ndim else stopped[0],
            opt_state=run.opt_state,
        )


def _equal(one: Any, other: Any) -> bool:
    """Whether two pytrees of keys and numbers, of one structure, are equal."""
    return all(
        bool(jnp.all(a == b))
        for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    )
