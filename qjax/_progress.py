"""A progress bar that may be absent."""

from typing import Any

from qjax._extras import available, require


class Bar:
    """A progress bar that may be absent.

    Args:
        show: True needs tqdm, None takes it where it is installed, False shows nothing.
        total: Steps of the whole run.
        done: Steps that an earlier run has made.
        what: What is going on.
        unit: What a step is.

    Examples:
        >>> with Bar(False, total=10, what="fit") as bar:
        ...     bar.move(10, "loss=0.5")
    """

    def __init__(
        self, show: bool | None, total: int, done: int = 0, *, what: str, unit: str = "step"
    ) -> None:
        self._bar: Any = None
        if show or (show is None and available("tqdm")):
            tqdm = require("tqdm.auto", "progress", f"The progress bar of {what}").tqdm
            self._bar = tqdm(total=total, initial=done, desc=what, unit=unit)

    def __enter__(self) -> "Bar":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def move(self, steps: int, note: str = "") -> None:
        """Go on by some steps, and show a note behind the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(steps)
