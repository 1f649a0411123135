"""The longest length at which each run is above a threshold, task by task."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from babilong_eval.analysis.effective_length import ALL_TASKS, remarks
from babilong_eval.figures import style
from babilong_eval.figures.length_axis import length_axis
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import data_remark, task_order, task_title

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.effective_length import EffectiveLength, Threshold
    from babilong_eval.figures.length_axis import LengthAxis
    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.load import Run

_PANELS_IN_A_ROW = 3
_ROW_INCHES, _AROUND_ROWS_INCHES = 0.19, 0.75
_NONE_INCHES = 0.45
_PANEL_INCHES = 2.1
_NAME_LETTER_INCHES = 0.068

_SURE: Mapping[str, Any] = {"marker": "o", "linestyle": "none", "color": style.COLOURS[0]}
_POINT: Mapping[str, Any] = {**_SURE, **style.EMPTY_MARK}
_MEASURED: Mapping[str, Any] = {"marker": "|", "linestyle": "none", "color": style.MUTED, "markersize": 7}


def draw_effective_lengths(
    runs: Sequence[Run],
    found: Sequence[EffectiveLength],
    threshold: Threshold,
    *,
    ax: GivenAxes | None = None,
) -> Figure:
    """Draw effective lengths: full where the interval is above the threshold, empty where the accuracy is.

    A stroke is the longest length that was measured. Runs that are above the threshold nowhere stand to the
    left of all lengths, at `none`.

    There is a panel per task. Where most runs lack most tasks, a figure of our own has one panel instead,
    with a row for each run and task that were measured.

    Args:
        found: of `effective_length.effective_lengths`.
        ax: axes to draw on, one for one run, else one per task and one for their mean; None makes a figure.

    Raises:
        UsageError: lengths that cannot share an axis, or not as many axes as panels.
    """
    cells = [cell for run in runs for cell in run.cells]
    axis = length_axis(cells)
    at = {cell.length: axis.at(cell) for cell in cells}
    panels = _panels(found)
    if ax is None and _is_shorter_in_one(panels):
        panels = {"": {f"{one.run}: {_in_words(one.task)}": one for one in found}}
    names = _names(panels)
    beside = _NAME_LETTER_INCHES * max(map(len, names))
    columns = min(len(panels), _PANELS_IN_A_ROW)
    height = _height(len(panels), len(names))
    wide = max(style.WIDTH_INCHES * 2 / 3, columns * _PANEL_INCHES) + beside
    with sheet(
        len(panels), ax=ax, height_inches=height, width_inches=wide, columns=columns, sharex=True, sharey=True
    ) as drawn:
        inches = (wide - beside) / columns if drawn.own else drawn.panel_inches
        for axes, (title, rows) in zip(drawn.panels, panels.items(), strict=True):
            axis.mark(axes, inches)
            nowhere = _room_for_none(axes, axis, inches)
            for name, one in rows.items():
                _draw(axes, one, names.index(name), at, nowhere)
            axes.set_title(style.wrapped(title, inches))
            axes.set_yticks(range(len(names)), names)
            axes.set_ylim(len(names) - 0.5, -0.5)
        drawn.label_outer()
        drawn.legend(
            {
                "interval above the threshold": Line2D([], [], **_SURE),
                "accuracy above it": Line2D([], [], **_POINT),
                "longest length measured": Line2D([], [], **_MEASURED),
            }
        )
        drawn.footnote(
            f"threshold: {threshold}; 95 % intervals; scorer: {runs[0].scorer}",
            "; ".join(filter(None, [data_remark(runs), *remarks(runs)])),
        )
    return drawn.figure


def _names(panels: Mapping[str, Mapping[str, EffectiveLength]]) -> list[str]:
    return list(dict.fromkeys(name for rows in panels.values() for name in rows))


def _height(panels: int, rows: int) -> float:
    """Return the inches of panels that all have so many rows."""
    return ceil(panels / _PANELS_IN_A_ROW) * (_ROW_INCHES * rows + _AROUND_ROWS_INCHES)


def _is_shorter_in_one(panels: Mapping[str, Mapping[str, EffectiveLength]]) -> bool:
    """Return whether most rows are empty, and those that are not are less tall below one another."""
    names, measured = len(_names(panels)), sum(map(len, panels.values()))
    return measured < len(panels) * names / 2 and _height(1, measured) < _height(len(panels), names)


def _in_words(task: str) -> str:
    return "mean over tasks" if task == ALL_TASKS else task


def _panels(found: Sequence[EffectiveLength]) -> dict[str, dict[str, EffectiveLength]]:
    """Return the rows of each panel by their names: one run's tasks, or the runs in each task."""
    tasks = sorted({one.task for one in found}, key=lambda task: (task == ALL_TASKS, task_order(task)))
    titles = {task: _in_words(task) if task == ALL_TASKS else task_title(task) for task in tasks}
    if len({one.run for one in found}) == 1:
        return {found[0].run: {titles[one.task]: one for one in found}}
    return {titles[task]: {one.run: one for one in found if one.task == task} for task in tasks}


def _room_for_none(axes: Axes, axis: LengthAxis, width_inches: float) -> float:
    """Make room to the left of the shortest length, name it `none`, and return where it is."""
    shortest = axis.position(axis.values[0])
    left, right = axes.get_xlim()
    nowhere = shortest - max(1.0, (right - left) * _NONE_INCHES / width_inches)
    places, names, turned = axis.labels(width_inches)
    axes.set_xticks([nowhere, *places], ["none", *names], rotation=turned)
    axes.set_xlim(nowhere - (shortest - left), right)
    return nowhere


def _draw(axes: Axes, found: EffectiveLength, row: int, at: Mapping[str, float], nowhere: float) -> None:
    axes.plot(at[found.longest], row, **_MEASURED)
    sure, point = (at[length] if length else nowhere for length in (found.by_interval, found.by_point))
    if found.by_point:
        axes.plot([sure, point], [row, row], color=_SURE["color"], linewidth=0.9)
        axes.plot(point, row, **_POINT)
    axes.plot(sure, row, **_SURE)
