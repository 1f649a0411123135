"""Accuracy against length: how far a model still finds, keeps and combines facts."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import LengthAxis, axis_of, can_count_segments, length_axis, length_of
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import chance, data_remark, task_title, tasks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.figures.length_axis import Unit
    from babilong_eval.figures.reference_curves import ReferenceCurve
    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.load import Run
    from babilong_eval.results.records import Cell

_MOST_TASKS_IN_A_PANEL = 4
_PANELS_IN_A_ROW = 3
_MOST_LINES_IN_NARROW_PANELS = 6

_CHANCE_LINE: Mapping[str, Any] = {"linewidth": 1.0, "linestyle": (0, (1, 2))}
_REFERENCE_LINE: Mapping[str, Any] = {"linewidth": 1.1, "linestyle": (0, (5, 2))}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Series:
    """One line: a run in a task.

    Attributes:
        lengths: of the cells, in the axis's unit.
    """

    name: str
    task: str
    index: int
    cells: tuple[Cell, ...]
    lengths: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Panel:
    """What is drawn in one pair of axes."""

    title: str
    series: tuple[_Series, ...]
    references: tuple[ReferenceCurve, ...]


def accuracy_by_length(
    runs: Sequence[Run],
    references: Sequence[ReferenceCurve] = (),
    *,
    unit: Unit | None = None,
    ax: GivenAxes | None = None,
) -> Figure:
    """Draw accuracy with 95 % Wilson intervals against length.

    One run with few tasks takes one panel, with a line per task; otherwise each task has a panel, with a line
    per run. Dotted lines are chance; dashed ones are reference curves.

    Args:
        unit: of the lengths. None takes segments where all lengths are given so, or a reference counts
            nothing else, and tokens otherwise. In tokens, a segment counts as the run's `segment_size`.
        ax: axes to draw on, one per panel; None makes a figure.

    Raises:
        UsageError: lengths that cannot share an axis, or not as many axes as panels.
    """
    tasks = tasks_of(runs)
    references = [curve for curve in references if curve.task in tasks]
    axis = _axis(runs, references, unit)
    references = [curve for curve in references if curve.lengths(axis.unit)]
    panels = _panels(runs, tasks, references, axis.unit)
    lines = max(sum(bool(series.cells) for series in panel.series) for panel in panels)
    columns, tall = (_PANELS_IN_A_ROW, 2.3) if lines <= _MOST_LINES_IN_NARROW_PANELS else (2, 3.3)
    height = 3.1 if len(panels) == 1 else 0.3 + tall * ceil(len(panels) / columns)
    with sheet(len(panels), ax=ax, height_inches=height, columns=columns, sharex=True, sharey=True) as drawn:
        for axes, panel in zip(drawn.panels, panels, strict=True):
            _draw(axes, panel, axis, drawn.panel_inches)
        drawn.label_outer()
        drawn.legend(_legend(panels))
        counts = [cell.n for run in runs for cell in run.cells]
        drawn.footnote(f"{style.small_print(counts)}; scorer: {runs[0].scorer}", data_remark(runs))
    return drawn.figure


def _axis(runs: Sequence[Run], references: Sequence[ReferenceCurve], unit: Unit | None) -> LengthAxis:
    """Return the axis of all panels: in segments, if possible, where a reference counts nothing else."""
    cells = [cell for run in runs for cell in run.cells]
    needs_segments = any(not curve.tokens for curve in references) and can_count_segments(cells)
    unit = unit or length_axis(cells, unit="segments" if needs_segments else None).unit
    also = [length for curve in references for length in curve.lengths(unit)]
    return axis_of((length for run in runs for length in _lengths(run, run.cells, unit)), also, unit)


def _lengths(run: Run, cells: Sequence[Cell], unit: Unit) -> tuple[float, ...]:
    return tuple(length_of(cell, unit, run.info.segment_size) for cell in cells)


def _panels(
    runs: Sequence[Run], tasks: Sequence[str], references: Sequence[ReferenceCurve], unit: Unit
) -> list[_Panel]:
    if len(runs) == 1 and len(tasks) <= _MOST_TASKS_IN_A_PANEL:
        series = [_series(runs[0], task, task, index, unit) for index, task in enumerate(tasks)]
        title = runs[0].info.name if len(tasks) > 1 else f"{runs[0].info.name}, {task_title(tasks[0])}"
        return [_Panel(title=title, series=tuple(series), references=tuple(references))]
    return [
        _Panel(
            title=task_title(task),
            series=tuple(_series(run, task, run.info.name, index, unit) for index, run in enumerate(runs)),
            references=tuple(curve for curve in references if curve.task == task),
        )
        for task in tasks
    ]


def _series(run: Run, task: str, name: str, index: int, unit: Unit) -> _Series:
    cells = tuple(cell for cell in run.cells if cell.task == task)
    return _Series(name=name, task=task, index=index, cells=cells, lengths=_lengths(run, cells, unit))


def _draw(axes: Axes, panel: _Panel, axis: LengthAxis, width_inches: float) -> None:
    axis.mark(axes, width_inches)
    axes.set_title(style.wrapped(panel.title, width_inches))
    style.accuracy_axis(axes)
    for level in sorted({level for series in panel.series if (level := chance(series.task))}):
        axes.axhline(level, color=style.MUTED, zorder=1, **_CHANCE_LINE)
    for curve in panel.references:
        _draw_reference(axes, curve, panel, axis)
    for series in panel.series:
        if series.cells:
            _draw_series(axes, series, panel, axis)


def _draw_series(axes: Axes, series: _Series, panel: _Panel, axis: LengthAxis) -> None:
    shift = axis.dodge(series.index, len(panel.series))
    accuracies = [cell.accuracy for cell in series.cells]
    axes.errorbar(
        [axis.position(length) + shift for length in series.lengths],
        accuracies,
        yerr=style.reach(accuracies, [(cell.ci_low, cell.ci_high) for cell in series.cells]),
        elinewidth=0.9,
        capsize=1.8,
        clip_on=False,
        **style.line(series.index),
    )


def _draw_reference(axes: Axes, curve: ReferenceCurve, panel: _Panel, axis: LengthAxis) -> None:
    of_task = [series.index for series in panel.series if series.task == curve.task]
    several_tasks = len({series.task for series in panel.series}) > 1
    axes.plot(
        [axis.position(length) for length in curve.lengths(axis.unit)],
        curve.accuracies,
        color=style.colour(of_task[0]) if several_tasks else style.MUTED,
        zorder=1.5,
        **_REFERENCE_LINE,
    )


def _legend(panels: Sequence[_Panel]) -> dict[str, Line2D]:
    entries: dict[str, Line2D] = {}
    for series in (series for panel in panels for series in panel.series):
        entries.setdefault(series.name, Line2D([], [], **style.line(series.index)))
    for curve in (curve for panel in panels for curve in panel.references):
        entries.setdefault(curve.name, Line2D([], [], color=style.MUTED, **_REFERENCE_LINE))
    if any(chance(series.task) for panel in panels for series in panel.series):
        entries["chance"] = Line2D([], [], color=style.MUTED, **_CHANCE_LINE)
    return entries
