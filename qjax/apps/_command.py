"""Applications on the command line: one of them, and the list of all."""

import importlib
import inspect
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from qjax._extras import require
from qjax.apps._app import App
from qjax.apps._report import aligned
from qjax.errors import AppError, QjaxError


def main(app: App, arguments: Sequence[str] | None = None) -> None:
    """Run an application as a command; errors of qjax are printed without a traceback.

    Args:
        app: The application.
        arguments: Those of the command line, or None for `sys.argv`.
    """
    try:
        command(app)(arguments, prog_name=f"qjax app {app.name}")
    except QjaxError as error:
        print(f"qjax: {error}", file=sys.stderr)
        sys.exit(1)


def command(app: App) -> Any:
    """The command of an application, on typer."""
    typer = require("typer", "apps", "The command line of an application")

    def run(output: Path | None, quick: bool, **options: Any) -> None:
        try:
            app(output=output, quick=quick, say=typer.echo, **options)
        except KeyboardInterrupt:
            typer.echo("\nStopped. The same command goes on from here.", err=True)
            raise typer.Exit(130) from None

    default = typer.Option
    parameters = {
        "quick": (bool, False, default("--quick", help="Take seconds, to see that it works.")),
        "seed": (int, 0, default("--seed", min=0, max=2**32 - 1, help="Seed of all chance.")),
        "output": (
            Path | None, None,
            default("--output", help=f"Folder for its files.  [default: {app.folder()}]"),
        ),
        "fresh": (bool, False, default("--fresh", help="Forget what an earlier run left there.")),
        "progress": (
            bool | None, None, default("--progress/--no-progress", help="Show progress bars."),
        ),
    }  # fmt: skip
    for option in app.options:
        shown = f"{option.default}" if option.quick is None else (
            f"{option.default}; quick: {option.quick}")  # fmt: skip
        choices = f" One of {', '.join(option.choices)}." if option.choices else ""
        flag = "--" + option.name.replace("_", "-")
        kind = type(option.default)
        names = f"{flag}/--no-{flag[2:]}" if kind is bool else flag
        parameters[option.name] = (
            kind | None, None, default(names, help=f"{option.help}{choices}  [default: {shown}]"),
        )  # fmt: skip
    run.__signature__ = inspect.Signature([
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=value, annotation=Annotated[kind, how]
        )
        for name, (kind, value, how) in parameters.items()
    ])  # fmt: skip
    run.__annotations__ = {name: Annotated[k, how] for name, (k, _, how) in parameters.items()}
    run.__doc__ = inspect.cleandoc(app.run.__doc__ or app.shows)
    made = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    made.command()(run)
    return typer.main.get_command(made)


def app_names() -> list[str]:
    """Names of the applications: the files of this folder without an underscore."""
    folder = importlib.import_module("qjax.apps").__path__
    return sorted(m.name for m in pkgutil.iter_modules(folder) if not m.name.startswith("_"))


def find_apps() -> dict[str, App]:
    """Every application, by its name."""
    return {name: find_app(name) for name in app_names()}


def find_app(name: str) -> App:
    """An application by its name.

    Raises:
        AppError: If there is none of this name.
    """
    if name not in app_names():
        raise AppError(f"app: NAME must be one of {', '.join(app_names())}, but is {name!r}.")
    return importlib.import_module(f"qjax.apps.{name}").APP


def listing() -> str:
    """The applications, a line each."""
    rows = [("name", "what it shows", "install with")]
    rows += [(a.name, a.shows, f'pip install "qjax[{a.extra}]"') for a in find_apps().values()]
    return "\n".join(
        [*aligned(rows), "", "Run one with: qjax app NAME, or see qjax app NAME --help"]
    )
