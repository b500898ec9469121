"""What a training run gives back."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from qjax.errors import TrainingError


@dataclass(frozen=True, eq=False, repr=False)
class FitResult:
    """The end of a training run.

    With `restarts=k`, every leaf of the three pytrees has a leading axis of k, and so have
    `best_loss` and `history`; `best` and `restart` pick one of the restarts.

    Attributes:
        params: Parameters after the last step. Of a run that went bad, those of the last step at
            which loss and gradient were finite.
        best_params: Parameters at which the least loss was found.
        best_loss: That loss: a float, or an array of shape (restarts,).
        history: Real array of shape (steps,): the loss at the start of each step, so history[0]
            belongs to the initial parameters; that of `params` is not in it. With restarts its
            shape is (restarts, steps), with NaN after the end of a restart that stopped before
            the others.
        steps: Steps made, those of the runs that this one resumed included; with restarts, the
            most that any of them made.
        seconds: Time that this call of `fit` took, compilation included.
        steps_per_second: Speed without the first compiled call, which also compiles. With
            restarts, one step is a step of all of them.
        stopped: Why it ended: "steps" (all were made), "patience", "tolerance", "callback", "data"
            (the iterator had no more batches) or "non-finite". With restarts, a tuple of these.
        opt_state: State of the optimizer after its last update.
    """

    params: Any
    best_params: Any
    best_loss: Any
    history: np.ndarray
    steps: int
    seconds: float
    steps_per_second: float
    stopped: str | tuple[str, ...]
    opt_state: Any

    @property
    def best_restart(self) -> int:
        """Index of the restart with the least loss.

        Raises:
            TrainingError: If the run had no restarts.
        """
        self._need_restarts()
        return int(np.argmin(self.best_loss))

    @property
    def best(self) -> "FitResult":
        """The restart with the least loss; the run itself if it had no restarts."""
        return self.restart(self.best_restart) if isinstance(self.stopped, tuple) else self

    def restart(self, index: int) -> "FitResult":
        """One restart, as if it had been trained alone.

        Raises:
            TrainingError: If the run had no restarts.
            IndexError: If there is no such restart.
        """
        self._need_restarts()
        stopped = self.stopped[index]
        steps = int(np.isfinite(self.history[index]).sum())
        params, best_params, opt_state = jax.tree.map(
            lambda leaf: leaf[index], (self.params, self.best_params, self.opt_state)
        )
        return FitResult(
            params=params,
            best_params=best_params,
            best_loss=float(self.best_loss[index]),
            history=self.history[index, :steps],
            steps=steps,
            seconds=self.seconds,
            steps_per_second=self.steps_per_second,
            stopped=stopped,
            opt_state=opt_state,
        )

    def _need_restarts(self) -> None:
        if not isinstance(self.stopped, tuple):
            raise TrainingError(
                "FitResult: restart and best_restart need a run with restarts, but it had none."
            )

    def __repr__(self) -> str:
        least, stopped = self.best_loss, repr(self.stopped)
        restarts = ""
        if isinstance(self.stopped, tuple):
            counted = {why: self.stopped.count(why) for why in dict.fromkeys(self.stopped)}
            stopped = ", ".join(f"{why!r} ({number})" for why, number in counted.items())
            restarts = f"restarts={len(self.stopped)}, "
            least = np.min(least)
        return (
            f"FitResult(best_loss={least:.6g}, {restarts}steps={self.steps}, stopped={stopped}, "
            f"seconds={self.seconds:.2f}, steps_per_second={self.steps_per_second:.0f})"
        )


class NonFiniteError(TrainingError):
    """A loss, gradient or update that is NaN or infinite; of all restarts, where there are several.

    Attributes:
        result: A `FitResult` with the last good parameters and the history up to there.
        step: The step that went bad, counted from 0.
    """

    def __init__(self, message: str, result: FitResult, step: int):
        super().__init__(message)
        self.result = result
        self.step = step
