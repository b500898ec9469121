"""The bar of a training run: steps, steps per second, loss."""

from typing import Any

from qjax._extras import available, require


class Bar:
    """A progress bar that may be absent.

    Args:
        show: True needs tqdm, None takes it where it is installed, False shows nothing.
        total: Steps of the whole run.
        done: Steps that an earlier run has made.

    Examples:
        >>> with Bar(False, total=10, done=0) as bar:
        ...     bar.move(10, 0.5)
    """

    def __init__(self, show: bool | None, total: int, done: int):
        self._bar: Any = None
        if show or (show is None and available("tqdm")):
            tqdm = require("tqdm.auto", "progress", "The progress bar of fit").tqdm
            self._bar = tqdm(total=total, initial=done, desc="fit", unit="step")

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def move(self, steps: int, loss: float) -> None:
        """Go on by some steps and show the loss."""
        if self._bar is not None:
            self._bar.set_postfix_str(f"loss={loss:.6g}", refresh=False)
            self._bar.update(steps)
