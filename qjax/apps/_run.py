"""A run of an application: its folder, its keys, and what a kill must not lose."""

import json
import shutil
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import numpy as np

from qjax._atomic import whole_file
from qjax.errors import AppError, FileError
from qjax.files import load, save
from qjax.train import FitResult, fit

CHECKPOINTS = 20  # how many checkpoints a training writes
TICK = 2.0  # seconds between notes of the time spent
STATE = "state"  # the subfolder of what a run needs to go on
IDENTITY = "run.json"  # in it, what the run was asked for


@dataclass
class Run:
    """What an application is given.

    Attributes:
        name: The application's name.
        folder: Where its files go.
        seed: The number that the user chose; use `key` and `rng`.
        quick: Whether only seconds may be spent.
        options: The application's options, as attributes.
        progress: Whether to show progress bars; None where tqdm is installed.
        say: Called with each line for the user.
    """

    name: str
    folder: Path
    seed: int
    quick: bool
    options: SimpleNamespace
    progress: bool | None = None
    say: Callable[[str], Any] = print
    _names: set[str] = field(default_factory=set)

    def key(self, label: str) -> jax.Array:
        """The `jax.random` key of one use; keys of different labels are independent."""
        return jax.random.fold_in(jax.random.key(self.seed), np.uint32(zlib.crc32(label.encode())))

    def rng(self, label: str) -> np.random.Generator:
        """NumPy's generator for one use; generators of different labels are independent."""
        return np.random.default_rng([self.seed, zlib.crc32(label.encode())])

    def integer(self, label: str) -> int:
        """A seed for libraries that want an integer, such as scikit-learn's `random_state`."""
        return int(self.rng(label).integers(2**31))

    def fit(
        self, name: str, loss: Callable, params: Any, optimizer: Any, steps: int, **options: Any
    ) -> FitResult:
        """`qjax.fit` with a checkpoint in the folder, so that a killed run goes on.

        Args:
            name: Name of this training, given once in a run.
            loss: As for `qjax.fit`.
            params: As for `qjax.fit`.
            optimizer: As for `qjax.fit`.
            steps: As for `qjax.fit`.
            **options: As for `qjax.fit`, but for `checkpoint`, `resume` and `progress`.

        Returns:
            The result. Its `seconds` are those of all runs it took, killed ones included.
        """
        file = self._file(name, ".npz")
        clock = _Clock(file.with_suffix(".seconds"))
        many = options.get("restarts")
        size = f"{count_parameters(params) // (many or 1):,} parameters"
        self.say(f"{name}: {size}, {steps:,} steps" + (f", {many} restarts" if many else ""))
        given = options.pop("callbacks", ())
        callbacks = (*(given if isinstance(given, (list, tuple)) else (given,)), clock.note)
        options.setdefault("checkpoint_every", max(1, steps // CHECKPOINTS))
        result = fit(
            loss, params, optimizer, steps,
            checkpoint=file, callbacks=callbacks, progress=self.progress, **options,
        )  # fmt: skip
        return replace(result, seconds=clock.seconds)

    def keep(self, name: str, compute: Callable[[], Any]) -> tuple[Any, float]:
        """What a function computes, computed once and kept in the folder.

        Args:
            name: Name of this value, given once in a run.
            compute: Function of no arguments that returns numbers, texts and arrays, in lists,
                tuples and dicts with text keys.

        Returns:
            The value, its arrays as NumPy arrays, and the seconds it took to compute.
        """
        file = self._file(name, ".json")
        if not file.exists():
            started = time.perf_counter()
            value = compute()
            save({"value": value, "seconds": time.perf_counter() - started}, file)
        kept = load(file)  # also the first time, so that both runs see the same
        return kept["value"], float(kept["seconds"])

    def _file(self, name: str, ending: str) -> Path:
        if name in self._names:
            raise AppError(f"{self.name}: {name!r} must name one training or kept value, not two.")
        self._names.add(name)
        plain = "".join(c if c.isalnum() or c in "-_" else "-" for c in name)
        # Different names stay different files.
        return self.folder / STATE / f"{plain}-{zlib.crc32(name.encode()):08x}{ending}"


class _Clock:
    """The seconds of a training, those of killed runs included."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.before = float(file.read_text(encoding="ascii")) if file.exists() else 0.0
        self.steps = -1
        self.started = self.noted = time.perf_counter()

    @property
    def seconds(self) -> float:
        """All so far. What only reads a finished checkpoint counts as no time."""
        spent = 0.0 if self.steps < 0 else time.perf_counter() - self.started
        total = self.before + spent
        self._write(total)
        return total

    def note(self, step: int, loss: Any, params: Any) -> None:
        """A callback of `fit`."""
        self.steps = step
        now = time.perf_counter()
        if now - self.noted > TICK:
            self.noted = now
            self._write(self.before + now - self.started)

    def _write(self, seconds: float) -> None:
        with whole_file(self.file) as file:
            file.write(f"{seconds:.3f}".encode("ascii"))


def count_parameters(params: Any) -> int:
    """How many real numbers a pytree holds.

    Examples:
        >>> count_parameters({"w": np.zeros((2, 3)), "b": np.zeros(2)})
        8
    """
    leaves = [np.asarray(leaf) for leaf in jax.tree.leaves(params)]
    return sum(leaf.size * (2 if np.iscomplexobj(leaf) else 1) for leaf in leaves)


def open_folder(folder: Path, identity: dict[str, Any], *, fresh: bool) -> bool:
    """Make a run's folder, or enter that of a run that was asked for the same.

    Args:
        folder: The folder.
        identity: What the run is asked for, as JSON can hold it.
        fresh: Whether to start anew.

    Returns:
        Whether there is something to go on from.

    Raises:
        AppError: If the folder holds another run.
        FileError: If the folder cannot be made.
    """
    file = folder / STATE / IDENTITY
    try:
        if fresh and file.exists():
            shutil.rmtree(file.parent)
        file.parent.mkdir(parents=True, exist_ok=True)
        if file.exists():
            there = json.loads(file.read_bytes())
            differ = [
                f"{name} {there.get(name)!r} instead of {identity.get(name)!r}"
                for name in sorted({*there, *identity})
                if there.get(name) != identity.get(name)
            ]
            if differ:
                raise AppError(
                    f"The folder {str(folder)!r} must hold a run of the same choices, but holds "
                    f"one with {', '.join(differ)}. Start anew with --fresh, or take another "
                    "--output."
                )
            return True
        with whole_file(file) as out:
            out.write(json.dumps(identity, indent=2).encode())
    except (OSError, json.JSONDecodeError) as error:
        raise FileError(f"The folder {str(folder)!r} cannot be used: {error}") from error
    return False
