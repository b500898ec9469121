"""What an application found: rows of numbers, who wins, as text and as JSON."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np

from qjax.errors import AppError

Kind = Literal["quantum", "classical", "exact", "published"]
DRAW = 2.0  # standard errors within which two results are a draw
ROUNDING = 1e-9  # and the relative difference, where there are no errors


@dataclass(frozen=True)
class Row:
    """One result.

    Attributes:
        kind: "quantum" and "classical" models compete; "exact" is the truth, "published" what
            others found, mostly on other data.
        model: Its name.
        value: The number.
        error: Its standard error.
        parameters: How many numbers were trained.
        seconds: How long that took.
        note: A source, or what to know about it.
    """

    kind: Kind
    model: str
    value: float
    error: float | None = None
    parameters: int | None = None
    seconds: float | None = None
    note: str = ""


quantum = partial(Row, "quantum")
classical = partial(Row, "classical")
exact = partial(Row, "exact")
published = partial(Row, "published")


@dataclass(frozen=True)
class Comparison:
    """Results of one task in one metric, the quantum ones beside the others.

    Attributes:
        task: What was done, on which data.
        metric: What the numbers are, with their unit.
        better: Which numbers are better, "higher" or "lower".
        rows: The results.

    Examples:
        >>> both = Comparison("coin", "accuracy", "higher", (
        ...     quantum("circuit", 0.9, error=0.02), classical("guess", 0.5, error=0.05)))
        >>> both.verdict
        'coin: the classical baseline loses: circuit 0.9 against guess 0.5 (accuracy).'
    """

    task: str
    metric: str
    better: Literal["higher", "lower"]
    rows: Sequence[Row]

    def best(self, kind: Kind) -> Row | None:
        """The best row of a kind, or None if there is none."""
        rows = [row for row in self.rows if row.kind == kind]
        pick = max if self.better == "higher" else min
        return pick(rows, key=lambda row: row.value, default=None)

    @property
    def winner(self) -> Literal["quantum", "classical", "draw"] | None:
        """Who is better by more than two standard errors; None if one side is missing."""
        ours, theirs = self.best("quantum"), self.best("classical")
        if ours is None or theirs is None:
            return None
        near = DRAW * math.hypot(ours.error or 0, theirs.error or 0)
        if math.isclose(ours.value, theirs.value, rel_tol=ROUNDING, abs_tol=near):
            return "draw"
        return (
            "quantum" if (ours.value > theirs.value) == (self.better == "higher") else "classical"
        )

    @property
    def verdict(self) -> str | None:
        """The winner in a sentence."""
        ours, theirs = self.best("quantum"), self.best("classical")
        if ours is None or theirs is None or self.winner is None:
            return None
        within = "" if ours.error is None and theirs.error is None else (
            ", for the difference is within two standard errors")  # fmt: skip
        says = {
            "quantum": "the classical baseline loses",
            "classical": "the classical baseline wins",
            "draw": "a draw" + within,
        }[self.winner]
        return (
            f"{self.task}: {says}: {ours.model} {_number(ours.value)} against {theirs.model} "
            f"{_number(theirs.value)} ({self.metric})."
        )

    def __str__(self) -> str:
        cells = [("kind", "model", self.metric, "parameters", "seconds", "")]
        for row in self.rows:
            cells.append((
                row.kind, row.model, shown_value(row),
                "" if row.parameters is None else f"{row.parameters:,}",
                "" if row.seconds is None else f"{row.seconds:.1f}", row.note,
            ))  # fmt: skip
        return "\n".join([f"{self.task} ({self.better} is better)", *aligned(cells)])


@dataclass(frozen=True)
class Report:
    """What an application gives back.

    Attributes:
        comparisons: The results.
        figures: Figures of matplotlib, by the name of their file without its ending.
        facts: Whatever else a reader wants to know, as values that JSON can hold; NumPy and JAX
            numbers and arrays may be among them.
    """

    comparisons: Sequence[Comparison]
    figures: Mapping[str, Any] = field(default_factory=dict)
    facts: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        """The tables, the facts that fit a line, and the verdicts."""
        short = {name: value for name, value in plain(self.facts).items() if _is_short(value)}
        facts = aligned([(name, _shown(value)) for name, value in short.items()])
        verdicts = [c.verdict for c in self.comparisons if c.verdict]
        blocks = [*(str(c) for c in self.comparisons), "\n".join(facts), "\n".join(verdicts)]
        return "\n\n".join(block for block in blocks if block)

    def metrics(self) -> dict[str, Any]:
        """The same as values that JSON can hold.

        Raises:
            AppError: If a number is not finite, or a fact is of a type that JSON does not know.
        """
        results = [
            {"task": c.task, "metric": c.metric, "better": c.better, **asdict(row)}
            for c in self.comparisons
            for row in c.rows
        ]
        verdicts = [
            {"task": c.task, "metric": c.metric, "winner": c.winner, "text": c.verdict}
            for c in self.comparisons
            if c.winner is not None
        ]
        return plain({"results": results, "verdicts": verdicts, "facts": dict(self.facts)})


def binomial_error(share: float, count: int) -> float:
    """The standard error sqrt(p (1 - p) / n) of a share p of n independent cases.

    Examples:
        >>> binomial_error(0.5, 100)
        0.05
    """
    return math.sqrt(share * (1 - share) / count)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of text in columns that begin below each other.

    Examples:
        >>> aligned([("a", "1"), ("long", "2")])
        ['a     1', 'long  2']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]


def plain(value: Any, where: str = "metrics") -> Any:
    """The value in dicts, lists, texts and Python numbers.

    Raises:
        AppError: If a number is not finite, or something is of another type.

    Examples:
        >>> plain({"a": np.arange(2), "b": np.float32(0.5)})
        {'a': [0, 1], 'b': 0.5}
    """
    if isinstance(value, Mapping):
        return {str(name): plain(one, f"{where}[{str(name)!r}]") for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one, f"{where}[{i}]") for i, one in enumerate(value)]
    if hasattr(value, "__array__"):
        return plain(np.asarray(value).tolist(), where)
    if isinstance(value, float) and not math.isfinite(value):
        raise AppError(f"{where} must be a finite number, but is {value}.")
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise AppError(
        f"{where} must be a number, text, list, dict or array, but is a {type(value).__name__}."
    )


def shown_value(row: Row) -> str:
    """The number with its standard error, in few digits.

    Examples:
        >>> shown_value(quantum("circuit", 0.91234, error=0.0123))
        '0.9123 ± 0.012'
    """
    return _number(row.value) + ("" if row.error is None else f" ± {_rough(row.error)}")


def _number(value: float) -> str:
    return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.2f}"


def _rough(value: float) -> str:
    return f"{value:.2g}" if value < 100 else f"{value:,.0f}"


def _is_short(value: Any) -> bool:
    return not isinstance(value, dict) and len(str(value)) <= 80


def _shown(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)
