"""A histogram of counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from qjax._checks import as_integer, as_positive
from qjax.draw._figure import new_axes, root_figure
from qjax.errors import SamplingError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PURPOSE = "counts_histogram"
MOST_NUMBERED = 16  # bars up to which each shows its number
GROUP = 0.7  # share of the axis that the bars of a bitstring take


def counts_histogram(
    counts: Mapping[str, int] | Sequence[Mapping[str, int]],
    *,
    ax: "Axes | None" = None,
    normalize: bool = False,
    sort: Literal["bits", "counts"] = "bits",
    max_bars: int | None = 32,
    labels: Sequence[str] | None = None,
    error_bars: bool = False,
) -> "Figure":
    r"""A bar for each bitstring, as high as it was counted.

    Error bars are one standard deviation of a binomial distribution, sqrt(N p (1 - p)) for N shots
    of which a fraction p gave the bitstring.

    Args:
        counts: From bitstrings to how often each was seen; or several such mappings, whose bars
            stand side by side.
        ax: Axes to draw in; by default those of a new figure.
        normalize: Whether to show fractions of the shots instead of counts.
        sort: "bits" orders by the bitstring, "counts" puts the most frequent first.
        max_bars: Most bitstrings to show. The rest, those seen least, share the last bar. None
            shows all.
        labels: A name for each mapping, for the legend.
        error_bars: Whether to show the statistical error.

    Returns:
        The figure. It belongs to no window; `figure.savefig("counts.pdf")` writes it.

    Raises:
        SamplingError: If the counts are no such mappings, are empty, or do not fit each other.
        MissingExtraError: If matplotlib is not installed.

    Examples:
        >>> figure = counts_histogram({"00": 510, "11": 514})
        >>> [text.get_text() for text in figure.axes[0].get_xticklabels()]
        ['00', '11']
    """
    data = [_checked(c) for c in ([counts] if isinstance(counts, Mapping) else counts)]
    _check_together(data)
    names = _names(labels, len(data))
    if sort not in ("bits", "counts"):
        raise SamplingError(f'counts_histogram: sort must be "bits" or "counts", but is {sort!r}.')
    bars, rest = _bars(data, sort, max_bars)
    ticks = [*bars, *([f"rest ({len(rest)})"] if rest else [])]
    if ax is None:
        width = min(12.0, max(3.6, 1.2 + 0.3 * len(ticks) * (1 + 0.4 * (len(data) - 1))))
        ax = new_axes(width, 3.6, PURPOSE)

    thickness = GROUP / len(data)
    for k, (c, name) in enumerate(zip(data, names, strict=True)):
        shots = sum(c.values())
        seen = [c.get(bits, 0) for bits in bars] + ([sum(c.get(b, 0) for b in rest)] * bool(rest))
        height = np.array(seen, np.float64)
        error = np.sqrt(height * (1 - height / shots))
        scale = shots if normalize else 1
        where = np.arange(len(ticks)) + (k - (len(data) - 1) / 2) * thickness
        drawn = ax.bar(
            where,
            height / scale,
            thickness * 0.94,
            yerr=error / scale if error_bars else None,
            label=name,
            error_kw={"elinewidth": 1.0, "capsize": 2.5},
        )
        if len(data) == 1 and len(ticks) <= MOST_NUMBERED and not error_bars:
            ax.bar_label(drawn, fmt="{:.3g}" if normalize else "{:,.0f}", padding=2, fontsize=8)
    upright = sum(len(tick) + 2 for tick in ticks) > 64
    ax.set_xticks(
        range(len(ticks)), ticks, rotation=90 if upright else 0, family="monospace", fontsize=9
    )
    ax.set(xlabel="bitstring", ylabel="fraction of shots" if normalize else "counts")
    ax.set_xlim(-0.75, len(ticks) - 0.25)
    ax.margins(y=0.1)
    if labels is not None:
        ax.legend(frameon=False)
    return root_figure(ax)


def _checked(counts: Mapping[str, int]) -> dict[str, int]:
    if not isinstance(counts, Mapping):
        raise SamplingError(
            "counts_histogram: counts must be a mapping from bitstrings to integers, or a "
            f"sequence of such mappings, but one is {counts!r}."
        )
    result = {}
    for bits, count in counts.items():
        if not isinstance(bits, str):
            raise SamplingError(
                f'counts_histogram: bitstrings must be texts such as "011", but one is {bits!r}.'
            )
        result[bits] = as_integer(count, f"counts_histogram: count of {bits!r}", SamplingError)
        if result[bits] < 0:
            raise SamplingError(
                f"counts_histogram: count of {bits!r} must be at least 0, but is {count}."
            )
    if not sum(result.values()):
        raise SamplingError("counts_histogram: counts must hold at least one shot, but hold none.")
    return result


def _check_together(data: list[dict[str, int]]) -> None:
    if not data:
        raise SamplingError("counts_histogram: needs at least one mapping, but got none.")
    lengths = sorted({len(bits) for c in data for bits in c})
    if len(lengths) > 1:
        raise SamplingError(
            "counts_histogram: bitstrings must have one length, but have lengths "
            f"{', '.join(str(n) for n in lengths)}."
        )


def _names(labels: Sequence[str] | None, count: int) -> list[str]:
    names = [""] * count if labels is None else [labels] if isinstance(labels, str) else labels
    if len(names) != count:
        raise SamplingError(
            f"counts_histogram: labels must be {count} names, one for each mapping, "
            f"but are {len(names)}."
        )
    return list(names)


def _bars(
    data: list[dict[str, int]], sort: str, max_bars: int | None
) -> tuple[list[str], list[str]]:
    """Bitstrings with a bar of their own, in order, and those that share the last one."""
    total: Counter[str] = Counter()
    for c in data:
        total.update(c)
    by_count = sorted(total, key=lambda bits: (-total[bits], bits))
    kept = len(by_count)
    if max_bars is not None and kept > as_positive(
        max_bars, "counts_histogram: max_bars", SamplingError
    ):
        kept = max_bars - 1
    shown = by_count[:kept]
    return (sorted(shown) if sort == "bits" else shown), by_count[kept:]
