"""The results of many runs as one table, for a page of documentation."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from qjax.apps._app import METRICS
from qjax.apps._report import Comparison, Row, shown_value
from qjax.errors import FileError

HEADER = ("app", "task", "metric", "quantum", "classical", "exact or published", "who wins")
ROW = ("kind", "model", "value", "error", "parameters", "seconds", "note")


def comparisons(metrics: dict[str, Any]) -> Iterable[Comparison]:
    """The comparisons that a `metrics.json` holds."""
    groups: dict[tuple[str, str, Any], list[Row]] = {}
    for result in metrics["results"]:
        row = Row(**{name: result[name] for name in ROW})
        groups.setdefault((result["task"], result["metric"], result["better"]), []).append(row)
    return [Comparison(*facts, rows) for facts, rows in groups.items()]


def results_table(folder: Path) -> str:
    """A Markdown table of every `metrics.json` under a folder, a line for each comparison.

    Each cell holds the best of its kind, with parameters and seconds where they are known.

    Raises:
        FileError: If there is none, or one is no file of an application.
    """
    files = sorted(folder.rglob(METRICS))
    if not files:
        raise FileError(f"There is no {METRICS} under {str(folder)!r}: run an application first.")
    lines = [HEADER, ("---",) * len(HEADER)]
    for file in files:
        try:
            metrics = json.loads(file.read_bytes())
            found = comparisons(metrics)
        except (OSError, KeyError, TypeError, ValueError) as error:
            raise FileError(f"{str(file)!r} must be written by an application: {error}") from error
        name = metrics["app"] + " (quick)" * metrics["quick"]
        for one in found:
            known = one.best("exact") or one.best("published")
            cells = (one.best("quantum"), one.best("classical"), known)
            facts = (name, one.task, f"{one.metric}, {one.better} is better")
            lines.append((*facts, *map(_cell, cells), one.winner or ""))
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    size = [f"{row.parameters:,} parameters"] if row.parameters else []
    time = [f"{row.seconds:.0f} s"] if row.seconds is not None and row.seconds >= 0.5 else []
    facts = f" ({', '.join([row.model, *size, *time])})"
    return shown_value(row) + facts.replace("|", "\\|")
