"""An application: its facts, and how it is run."""

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax

from qjax._atomic import whole_file
from qjax._extras import require
from qjax._version import __version__
from qjax.apps._report import Report
from qjax.apps._run import Run, open_folder
from qjax.errors import AppError, FileError

FOLDER = "qjax-apps"
METRICS = "metrics.json"


@dataclass(frozen=True)
class Option:
    """An option of an application.

    Attributes:
        name: Its name, an identifier; `--name` on the command line, with - for _.
        default: Its value if nothing is said; its type is the option's type: bool, int, float or
            str.
        quick: Its value with `--quick`; None for `default`.
        help: What it does, as a sentence.
        least: The least value allowed, of a number.
        choices: The values allowed, of a text.
    """

    name: str
    default: bool | int | float | str
    quick: bool | int | float | str | None = None
    help: str = ""
    least: float | None = None
    choices: tuple[str, ...] = ()

    def value(self, given: Any, quick: bool, app: str) -> Any:
        """The value, from what the user gave, or None.

        Raises:
            AppError: If it is of another type, or not allowed.
        """
        if given is None:
            return self.default if self.quick is None or not quick else self.quick
        kind = type(self.default)
        if type(given) is not kind and not (kind is float and type(given) is int):
            raise AppError(f"{app}: {self.name} must be a {kind.__name__}, but is {given!r}.")
        if self.choices and given not in self.choices:
            raise AppError(
                f"{app}: {self.name} must be one of {', '.join(self.choices)}, but is {given!r}."
            )
        if self.least is not None and not float(given) >= self.least:
            raise AppError(f"{app}: {self.name} must be at least {self.least}, but is {given}.")
        return kind(given)


@dataclass(frozen=True)
class App:
    """An application.

    Attributes:
        name: Its name, that of its file.
        shows: What it shows, in a line.
        run: The function that computes; its docstring is the text of `--help`.
        options: Its own options.
        needs: Modules it cannot do without.
        extra: The extra of qjax that installs them.
        double: Whether it runs with 64-bit numbers.
    """

    name: str
    shows: str
    run: Callable[[Run], Report]
    options: Sequence[Option] = ()
    needs: Sequence[str] = ("matplotlib",)
    extra: str = "apps"
    double: bool = False

    def __call__(
        self,
        *,
        quick: bool = False,
        seed: int = 0,
        output: str | os.PathLike | None = None,
        fresh: bool = False,
        progress: bool | None = None,
        say: Callable[[str], Any] = print,
        **options: Any,
    ) -> dict[str, Any]:
        """Run it, and write `metrics.json` and the pictures.

        Args:
            quick: Whether to take seconds only; the numbers then mean nothing.
            seed: Seed of everything random.
            output: Folder for what it writes; by default one in `qjax-apps`.
            fresh: Whether to forget what an earlier run left in the folder.
            progress: Whether to show progress bars; None shows them if tqdm is installed.
            say: Called with each line for the user.
            **options: The application's options.

        Returns:
            What `metrics.json` holds.

        Raises:
            AppError: If an option is unknown or wrong, or the folder holds another run.
            MissingExtraError: If a package it needs is not installed.
            FileError: If a file cannot be written.
        """
        for module in self.needs:
            require(module, self.extra, f"The app `{self.name}`")
        known = {option.name for option in self.options}
        if unknown := sorted(set(options) - known):
            raise AppError(
                f"{self.name}: options must be of {', '.join(sorted(known)) or 'none'}, but "
                f"{unknown[0]!r} is not."
            )
        if type(seed) is not int or not 0 <= seed < 2**32:
            raise AppError(f"{self.name}: seed must be an integer in 0..2**32-1, but is {seed!r}.")
        values = {o.name: o.value(options.get(o.name), quick, self.name) for o in self.options}
        folder = self.folder(quick, seed) if output is None else Path(output)
        asked = {"app": self.name, "seed": seed, "quick": quick, **values, "qjax": __version__}
        if open_folder(folder, asked, fresh=fresh):
            say(f"Going on with the run in {folder}; --fresh starts anew.")
        run = Run(self.name, folder, seed, quick, SimpleNamespace(**values), progress, say)
        started = time.perf_counter()
        with jax.enable_x64(True) if self.double else nullcontext():
            report = self.run(run)
        metrics = {
            "app": self.name,
            "shows": self.shows,
            "seed": seed,
            "quick": quick,
            "options": values,
            **report.metrics(),
            "seconds": time.perf_counter() - started,
            "versions": _versions(self.needs),
            "machine": _machine(),
        }
        say(f"\n{report}\n")
        if quick:
            say("A quick run: its numbers show that it works, and nothing else.")
        say(f"wrote {', '.join(_write(folder, metrics, report))} to {folder}")
        return metrics

    def folder(self, quick: bool = False, seed: int = 0) -> Path:
        """Where it writes if nothing is said."""
        return Path(FOLDER, self.name + "-quick" * quick + f"-seed{seed}" * (seed != 0))


def _write(folder: Path, metrics: dict[str, Any], report: Report) -> list[str]:
    """Write the files; the names of those written."""
    files = {METRICS: json.dumps(metrics, indent=2, ensure_ascii=False, allow_nan=False).encode()}
    for name, figure in report.figures.items():
        buffer = BytesIO()
        figure.savefig(buffer, format="png", dpi=150)
        files[f"{name}.png"] = buffer.getvalue()
    try:
        for name, content in files.items():
            with whole_file(folder / name) as file:
                file.write(content)
    except OSError as error:
        raise FileError(f"{str(folder)!r} cannot be written to: {error}") from error
    return list(files)


def _versions(needs: Sequence[str]) -> dict[str, str]:
    """Versions of what the numbers depend on."""
    found = {"python": platform.python_version(), "qjax": __version__}
    owners = packages_distributions()
    for module in ("jax", "jaxlib", "numpy", "scipy", "optax", *needs):
        top = module.partition(".")[0]
        try:
            found[top] = version(owners.get(top, [top])[0])
        except PackageNotFoundError:
            found[top] = "unknown"
    return found


def _machine() -> dict[str, Any]:
    """What the seconds depend on."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "devices": [str(device) for device in jax.devices()],
    }
