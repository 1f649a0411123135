"""Answers lost and regained from each length of a paired series to the next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import length_axis
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import data_remark, tasks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.paired_lengths import Step
    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.load import Run

_MOST_SERIES_IN_A_PANEL = 6
_BELOW_ZERO = -0.03
"""Marks at zero are not cut by the axis."""

_REGAINED: Mapping[str, Any] = {"linestyle": (0, (2, 2)), "linewidth": 0.9, "markerfacecolor": style.PAPER}
_NONE_LOST: Mapping[str, Any] = {"marker": "v", "linestyle": "none", "fillstyle": "none"}
_BARS: Mapping[str, Any] = {"elinewidth": 0.8, "capsize": 1.6}


def losses_by_length(
    runs: Sequence[Run], measured: Mapping[str, Sequence[Step]], *, ax: GivenAxes | None = None
) -> Figure:
    """Draw how many answers change from one length to the next, and how many are lost per million tokens.

    On the left solid lines are right answers lost and dotted ones wrong answers regained, as proportions of
    all; their difference is the change in accuracy. On the right losses are counted among the answers that
    were right. A step without a loss is a triangle at the upper bound of its interval.

    Args:
        measured: the `paired_lengths.steps` of each run, by its name.
        ax: two axes to draw on, left and right (of more than six series of several runs, two per task); None
            makes a figure.

    Raises:
        UsageError: lengths that cannot share an axis, or not as many axes as panels.
    """
    rows = _rows(runs, measured)
    names = list(dict.fromkeys(name for series in rows.values() for name in series))
    cells = [cell for run in runs for cell in run.cells]
    axis = length_axis(cells)
    positions = {cell.length: axis.at(cell) for cell in cells}
    with sheet(2 * len(rows), ax=ax, height_inches=2.8 * len(rows), columns=2) as drawn:
        pairs = zip(drawn.panels[::2], drawn.panels[1::2], strict=True)
        for (left, right), (task, series) in zip(pairs, rows.items(), strict=True):
            for axes in (left, right):
                axis.mark(axes, drawn.panel_inches)
            for name, found in series.items():
                index = names.index(name)
                shift = axis.dodge(index, len(names))
                apart = {length: position + shift for length, position in positions.items()}
                _draw_changes(left, found, apart, index)
                _draw_rate(right, found, apart, index)
            _finish(left, right, task)
        drawn.legend(_legend(names))
        every = [step for series in rows.values() for found in series.values() for step in found]
        counts = (count for step in every for count in (step.n, step.right) if count)
        drawn.footnote(style.small_print(counts), data_remark(runs))
    return drawn.figure


def _rows(runs: Sequence[Run], measured: Mapping[str, Sequence[Step]]) -> dict[str, dict[str, list[Step]]]:
    """Return the series of each row of panels by name: all in one row, or a row per task for many."""
    series = {
        (run.info.name, task): found
        for run in runs
        for task in tasks_of([run])
        if (found := [step for step in measured[run.info.name] if step.task == task])
    }
    if len(series) <= _MOST_SERIES_IN_A_PANEL or len(runs) == 1:
        return {
            "": {f"{run}, {task}" if len(runs) > 1 else task: found for (run, task), found in series.items()}
        }
    return {
        task: {run: found for (run, of), found in series.items() if of == task} for task in tasks_of(runs)
    }


def _draw_changes(axes: Axes, found: Sequence[Step], positions: Mapping[str, float], index: int) -> None:
    where = [positions[step.longer] for step in found]
    look = {**style.line(index), **_BARS, "clip_on": False}
    style.draw_proportions(axes, where, [step.losses for step in found], **look)
    style.draw_proportions(axes, where, [step.gains for step in found], **look | dict(_REGAINED))


def _draw_rate(axes: Axes, found: Sequence[Step], positions: Mapping[str, float], index: int) -> None:
    at_risk = [
        (positions[step.longer], 1e6 / step.tokens, step.risk)
        for step in found
        if step.risk and step.tokens > 0
    ]
    some = [(where, rate, risk) for where, rate, risk in at_risk if risk.count]
    none = [(where, rate, risk) for where, rate, risk in at_risk if not risk.count]
    if some:
        lost = [risk.value * rate for _, rate, risk in some]
        bounds = [(risk.interval[0] * rate, risk.interval[1] * rate) for _, rate, risk in some]
        bars = style.reach(lost, bounds)
        axes.errorbar([where for where, _, _ in some], lost, yerr=bars, **style.line(index), **_BARS)
    axes.plot(
        [where for where, _, _ in none],
        [risk.interval[1] * rate for _, rate, risk in none],
        color=style.colour(index),
        **_NONE_LOST,
    )


def _finish(left: Axes, right: Axes, task: str) -> None:
    of_task = f"{task}: " if task else ""
    left.set_title(f"{of_task}answers that flip from length to length")
    left.set_ylim(bottom=_BELOW_ZERO * left.get_ylim()[1])
    left.yaxis.set_major_formatter(FuncFormatter(lambda proportion, _: f"{100 * proportion:g}%"))
    right.set_title(f"{of_task}right answers lost per million tokens read")
    right.set_yscale("log")
    right.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _legend(names: Sequence[str]) -> dict[str, Line2D]:
    entries = {name: Line2D([], [], **style.line(index)) for index, name in enumerate(names)}
    entries["regained"] = Line2D([], [], color=style.MUTED, marker="o", **_REGAINED)
    entries["none lost: upper bound"] = Line2D([], [], color=style.MUTED, **_NONE_LOST)
    return entries
