"""The difference in accuracy between two runs over the same samples, against length."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import length_axis
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import task_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.compare_runs import Difference
    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.load import Run

_PANELS_IN_A_ROW = 3


def differences_by_length(
    runs: Sequence[Run], differences: Sequence[Difference], *, ax: GivenAxes | None = None
) -> Figure:
    """Draw by how many points the first run is better than each of the others, with a panel per task.

    Bars are Newcombe's 95 % intervals for paired samples. Full marks are differences that the exact
    test finds after Holm's correction; empty ones may be chance.

    Args:
        runs: those that were compared.
        differences: of `compare_runs`; at least one.
        ax: axes to draw on, one per task; None makes a figure.

    Raises:
        UsageError: lengths that cannot share an axis, or not as many axes as tasks.
    """
    tasks = list(dict.fromkeys(one.task for one in differences))
    others = list(dict.fromkeys(one.b for one in differences))
    compared = {(one.task, one.length) for one in differences}
    cells = [cell for run in runs for cell in run.cells if (cell.task, cell.length) in compared]
    axis = length_axis(cells)
    at = {cell.length: axis.at(cell) for cell in cells}
    height = 3.1 if len(tasks) == 1 else 0.3 + 2.0 * ceil(len(tasks) / _PANELS_IN_A_ROW)
    with sheet(
        len(tasks), ax=ax, height_inches=height, columns=_PANELS_IN_A_ROW, sharex=True, sharey=True
    ) as drawn:
        for axes, task in zip(drawn.panels, tasks, strict=True):
            axis.mark(axes, drawn.panel_inches)
            axes.set_title(style.wrapped(task_title(task), drawn.panel_inches))
            axes.axhline(0, color=style.INK, linewidth=0.8, zorder=1)
            for index, other in enumerate(others):
                of_run = [one for one in differences if (one.task, one.b) == (task, other)]
                shift = axis.dodge(index, len(others))
                _draw(axes, of_run, {length: place + shift for length, place in at.items()}, index)
            axes.set_ylabel("difference in points")
            axes.yaxis.set_major_formatter(FuncFormatter(_points))
        drawn.label_outer()
        first = differences[0].a
        drawn.legend(
            {
                f"{first} minus {other}": Line2D([], [], **style.line(index))
                for index, other in enumerate(others)
            }
            | {"may be chance": Line2D([], [], **style.EMPTY_MARK, marker="o", color=style.MUTED)}
        )
        n = style.sample_sizes(one.n for one in differences)
        drawn.footnote(
            f"bars: Newcombe's 95 % intervals, {n} per point; full marks: exact test's p < 0.05 after Holm; "
            f"scorer: {runs[0].scorer}"
        )
    return drawn.figure


def _points(difference: float, _: int | None = None) -> str:
    points = round(100 * difference)
    return f"{points:+d}".replace("-", "\N{MINUS SIGN}") if points else "0"


def _draw(axes: Axes, found: Sequence[Difference], at: Mapping[str, float], index: int) -> None:
    values = [one.difference for one in found]
    look = style.line(index)
    axes.errorbar(
        [at[one.length] for one in found],
        values,
        yerr=style.reach(values, [(one.ci_low, one.ci_high) for one in found]),
        color=look["color"],
        elinewidth=0.9,
        capsize=1.8,
    )
    for one in found:
        empty = {} if one.is_significant else style.EMPTY_MARK
        axes.plot(at[one.length], one.difference, **look, **empty)
