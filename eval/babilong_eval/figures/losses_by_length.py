"""Where right answers get lost: along the length, and with the distance between the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MultipleLocator, PercentFormatter

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import length_axis
from babilong_eval.results.load import lengths_of, tasks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.fact_distance import GapBin
    from babilong_eval.analysis.paired_lengths import Proportion, Step
    from babilong_eval.results.load import Run

_PANELS_IN_A_ROW = 3
_DODGE = 0.07
"""How far series at the same length stand apart, in doublings: bars must not hide each other."""

_REGAINED: Mapping[str, Any] = {"linestyle": (0, (2, 2)), "linewidth": 0.9, "markerfacecolor": style.PAPER}
_NONE_LOST: Mapping[str, Any] = {"marker": "v", "linestyle": "none", "fillstyle": "none"}
_BARS: Mapping[str, Any] = {"elinewidth": 0.8, "capsize": 1.6}


def losses_by_length(runs: Sequence[Run], measured: Mapping[str, Sequence[Step]]) -> Figure:
    """Left, how many of all answers flip from one length to the next; right, losses per million tokens.

    Solid lines are right answers lost, dotted ones wrong answers regained; their difference is the change in
    accuracy. To the right losses are counted among the answers that were right, and a step in which none was
    lost is a triangle at the upper bound of its interval.

    Args:
        measured: the `retention.steps` of each run, by its name.
    """
    series = {
        (run.info.name, task): found
        for run in runs
        for task in tasks_of([run])
        if (found := [step for step in measured[run.info.name] if step.task == task])
    }
    cells = [cell for run in runs for cell in run.cells]
    axis = length_axis(cells)
    places = {cell.length: axis.at(cell) for cell in cells}
    with style.look():
        figure = style.new_figure(height_inches=2.8)
        left, right = figure.subplots(1, 2)
        for axes in (left, right):
            axis.mark(axes, style.WIDTH_INCHES / 2)
        for index, found in enumerate(series.values()):
            apart = {length: place + _DODGE * index for length, place in places.items()}
            _draw_flips(left, found, apart, index)
            _draw_rate(right, found, apart, index)
        _finish(left, right)
        style.legend(figure, _legend([_name(key, runs) for key in series]))
        every = [step for found in series.values() for step in found]
        style.footnote(
            figure, _n_of([*(step.losses for step in every), *(step.risk for step in every if step.risk)])
        )
    return figure


def accuracy_by_gap_between_facts(runs: Sequence[Run], measured: Mapping[str, Sequence[GapBin]]) -> Figure:
    """Accuracy against the tokens between the facts of a sample.

    A panel a run and task, a line a length.

    Args:
        measured: the `gaps.accuracy_by_gap` of each run, by its name.
    """
    panels = {
        (run.info.name, task): bins
        for run in runs
        for task in tasks_of([run])
        if (bins := [one for one in measured[run.info.name] if one.task == task])
    }
    lengths = [
        length
        for length in lengths_of(runs)
        if any(one.length == length for bins in panels.values() for one in bins)
    ]
    rows = -(-len(panels) // _PANELS_IN_A_ROW)
    with style.look():
        figure = style.new_figure(height_inches=0.5 + 2.2 * rows)
        grid = figure.subplots(
            rows, min(len(panels), _PANELS_IN_A_ROW), sharex=True, sharey=True, squeeze=False
        )
        for axes, (key, bins) in zip(grid.flat, panels.items(), strict=False):
            _draw_gaps(axes, bins, lengths)
            axes.set_title(_name(key, runs))
        for axes in grid.flat[len(panels) :]:
            axes.remove()
        style.legend(figure, {length: _line(_shade(length, lengths)) for length in lengths})
        style.footnote(figure, _n_of([one.right for bins in panels.values() for one in bins]))
    return figure


def _name(key: tuple[str, str], runs: Sequence[Run]) -> str:
    run, task = key
    return f"{run}, {task}" if len(runs) > 1 else task


def _draw_flips(axes: Axes, found: Sequence[Step], places: Mapping[str, float], index: int) -> None:
    look: dict[str, Any] = {"color": style.colour(index), "marker": style.marker(index), **_BARS}
    _with_bars(axes, [(places[step.longer], step.losses) for step in found], look)
    _with_bars(axes, [(places[step.longer], step.gains) for step in found], look | dict(_REGAINED))


def _with_bars(axes: Axes, points: Sequence[tuple[float, Proportion]], look: Mapping[str, Any]) -> None:
    if points:
        values = [share.value for _, share in points]
        lows = [share.value - share.interval[0] for _, share in points]
        highs = [share.interval[1] - share.value for _, share in points]
        axes.errorbar([place for place, _ in points], values, yerr=[lows, highs], **look)


def _draw_rate(axes: Axes, found: Sequence[Step], places: Mapping[str, float], index: int) -> None:
    at_risk = [(step, step.risk) for step in found if step.risk and step.tokens > 0]
    some = [(places[step.longer], 1e6 / step.tokens, risk) for step, risk in at_risk if risk.count]
    none = [(places[step.longer], 1e6 / step.tokens, risk) for step, risk in at_risk if not risk.count]
    if some:
        axes.errorbar(
            [place for place, _, _ in some],
            [risk.value * rate for _, rate, risk in some],
            yerr=[
                [(risk.value - risk.interval[0]) * rate for _, rate, risk in some],
                [(risk.interval[1] - risk.value) * rate for _, rate, risk in some],
            ],
            color=style.colour(index),
            marker=style.marker(index),
            **_BARS,
        )
    axes.plot(
        [place for place, _, _ in none],
        [risk.interval[1] * rate for _, rate, risk in none],
        color=style.colour(index),
        **_NONE_LOST,
    )


def _finish(left: Axes, right: Axes) -> None:
    left.set_title("answers that flip from length to length")
    left.set_ylim(bottom=0)
    left.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{100 * share:g}%"))
    right.set_title("right answers lost per million tokens")
    right.set_yscale("log")
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(names: Sequence[str]) -> dict[str, Line2D]:
    entries = {
        name: Line2D([], [], color=style.colour(i), marker=style.marker(i)) for i, name in enumerate(names)
    }
    entries["regained"] = Line2D([], [], color=style.MUTED, marker="o", **_REGAINED)
    entries["none lost: upper bound"] = Line2D([], [], color=style.MUTED, **_NONE_LOST)
    return entries


def _draw_gaps(axes: Axes, bins: Sequence[GapBin], lengths: Sequence[str]) -> None:
    axes.set_xscale("symlog", base=2, linthresh=8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tokens, _: f"{tokens:,.0f}"))
    axes.set_xlabel("tokens between the facts")
    axes.set_ylim(-0.02, 1.02)
    axes.set_ylabel("accuracy")
    axes.yaxis.set_major_locator(MultipleLocator(0.2))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))
    axes.label_outer()
    for length in lengths:
        points = [(one.tokens, one.right) for one in bins if one.length == length]
        _with_bars(axes, points, {"color": _shade(length, lengths), "marker": "o", **_BARS})


def _shade(length: str, lengths: Sequence[str]) -> Any:
    """Lengths are in an order, and so are their colours, from light to dark."""
    last = max(len(lengths) - 1, 1)
    return mpl.colormaps["viridis_r"](0.12 + 0.88 * lengths.index(length) / last)


def _line(colour: Any) -> Line2D:
    return Line2D([], [], color=colour, marker="o")


def _n_of(shares: Sequence[Proportion]) -> str:
    counts = sorted({share.n for share in shares})
    n = f"n = {counts[0]:,}" if len(counts) == 1 else f"n = {counts[0]:,} to {counts[-1]:,}"
    return f"bars: 95 % Wilson intervals, {n} a point"
