"""Accuracy as a grid of numbers, as the field knows it: task × length, and depth × length.

Each cell says the accuracy in per cent and, in small print, its 95 % Wilson interval. The colours run from
dark to light, so that a grey print and any eye order them alike.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.ticker import PercentFormatter

from babilong_eval.figures import style
from babilong_eval.results.load import judged, lengths_of, tasks_of
from babilong_eval.scoring.score import Score
from babilong_gen.errors import UsageError
from babilong_gen.lengths import parse_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.results.load import Run

_COLOURS = "cividis"
_ROW_INCHES = 0.3
_COLUMN_INCHES = 0.42
_BESIDE_COLUMNS_INCHES = 1.4
_COLOUR_BAR_INCHES = 2.5
_MOST_TALL_INCHES = 200
_LIGHT_ENOUGH_FOR_INK = 0.45
_FINE_DEPTHS, _COARSE_DEPTHS = 10, 4
_FEWEST_FOR_FINE_DEPTHS = 20 * (_FINE_DEPTHS + 1)

_BARE: dict[Any, Any] = {"axes.grid": False, "axes.spines.left": False, "axes.spines.bottom": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """One panel: a score for each (row, column) that was measured."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    scores: Mapping[tuple[str, str], Score]
    row_label: str


def task_by_length(runs: Sequence[Run]) -> Figure:
    """Accuracy of each task at each length; a panel a run."""
    columns = tuple(lengths_of(runs))
    return _draw_all(
        [
            _Grid(
                title=run.info.name,
                rows=tuple(tasks_of([run])),
                columns=columns,
                scores={
                    (cell.task, cell.length): Score(n=cell.n, correct=cell.correct) for cell in run.cells
                },
                row_label="task",
            )
            for run in runs
        ],
        runs[0].scorer,
    )


def depth_by_length(runs: Sequence[Run]) -> Figure:
    """Accuracy by where in the input the supporting facts lie, at each length; a panel a run and task.

    Raises:
        UsageError: no prediction says where its facts lie.
    """
    grids = [grid for run in runs for grid in _depth_grids(run, several_runs=len(runs) > 1)]
    if not grids:
        raise UsageError("no prediction has a `depth`: evaluate data made by `babilong generate` to know it")
    return _draw_all(grids, runs[0].scorer)


def has_depths(runs: Sequence[Run]) -> bool:
    """Whether some prediction says where its facts lie."""
    return any(item.prediction.depth is not None for run in runs for item in judged(run))


def _depth_grids(run: Run, *, several_runs: bool) -> list[_Grid]:
    placed = [
        (item.task, item.length, item.prediction.depth, item.right)
        for item in judged(run)
        if item.prediction.depth is not None
    ]
    fewest = min(Counter((task, length) for task, length, *_ in placed).values(), default=0)
    steps = _FINE_DEPTHS if fewest >= _FEWEST_FOR_FINE_DEPTHS else _COARSE_DEPTHS
    seen: Counter[tuple[str, str, str]] = Counter()
    correct: Counter[tuple[str, str, str]] = Counter()
    for task, length, depth, right in placed:
        key = task, f"{round(depth * steps) / steps:.0%}", length
        seen[key] += 1
        correct[key] += right
    return [
        _Grid(
            title=f"{run.info.name}, {task}" if several_runs else task,
            rows=tuple(f"{step / steps:.0%}" for step in range(steps + 1)),
            columns=tuple(length for length in lengths_of([run]) if any(key[2] == length for key in seen)),
            scores={
                (row, length): Score(n=n, correct=correct[of_task, row, length])
                for (of_task, row, length), n in seen.items()
                if of_task == task
            },
            row_label="depth of the facts",
        )
        for task in tasks_of([run])
        if any(key[0] == task for key in seen)
    ]


def _draw_all(grids: Sequence[_Grid], scorer: str) -> Figure:
    heights = [_ROW_INCHES * len(grid.rows) for grid in grids]
    tall = sum(heights) + 0.55 * len(grids) + 0.4
    if tall > _MOST_TALL_INCHES:
        raise UsageError(f"{len(grids)} grids do not fit into one figure: plot fewer runs or tasks at a time")
    columns = max(len(grid.columns) for grid in grids)
    wide = max(4.2, min(style.WIDTH_INCHES, columns * _COLUMN_INCHES + _BESIDE_COLUMNS_INCHES))
    with style.look(), mpl.rc_context(_BARE):
        figure = style.new_figure(height_inches=tall, width_inches=wide)
        panels = figure.subplots(len(grids), 1, squeeze=False, height_ratios=heights)[:, 0]
        for axes, grid in zip(panels, grids, strict=True):
            _draw(axes, grid)
        _colour_bar(figure, list(panels), shrink=min(1.0, _COLOUR_BAR_INCHES / tall))
        style.footnote(
            figure, f"per cent right and 95 % Wilson interval; {_n(grids)} a cell; scorer: {scorer}"
        )
    return figure


def _colour_bar(figure: Figure, panels: list[Axes], shrink: float) -> None:
    scale = ScalarMappable(Normalize(0, 1), _COLOURS)
    bar = figure.colorbar(scale, ax=panels, shrink=shrink, aspect=18, anchor=(0, 1), pad=0.01)
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    bar.ax.spines[:].set_visible(False)


def _draw(axes: Axes, grid: _Grid) -> None:
    accuracies = np.full((len(grid.rows), len(grid.columns)), np.nan)
    for row, row_name in enumerate(grid.rows):
        for column, column_name in enumerate(grid.columns):
            if score := grid.scores.get((row_name, column_name)):
                accuracies[row, column] = score.accuracy
                _write(axes, row, column, score)
    measured = np.ma.masked_invalid(accuracies)
    axes.pcolormesh(measured, cmap=_COLOURS, vmin=0, vmax=1, edgecolors=style.PAPER, linewidth=1)
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(grid.rows)) + 0.5, grid.rows)
    axes.set_ylabel(grid.row_label)
    unit, names = _lengths(grid.columns)
    axes.set_xticks(np.arange(len(names)) + 0.5, names)
    axes.set_xlabel(f"length ({unit})")
    axes.tick_params(length=0)
    axes.set_title(grid.title)


def _lengths(columns: Sequence[str]) -> tuple[str, list[str]]:
    """The unit of some lengths and, where it is one for all, their names without it."""
    units = {parse_length(name).unit == "seg" for name in columns}
    if units == {True}:
        return "segments", [name.removesuffix("seg") for name in columns]
    return "tokens" if units == {False} else "tokens or segments", list(columns)


def _write(axes: Axes, row: int, column: int, score: Score) -> None:
    """The numbers of one cell, in ink or white, whichever can be read on its colour."""
    red, green, blue, _ = mpl.colormaps[_COLOURS](score.accuracy)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    # not the page's ink: the cell has its colour in dark pages too
    ink = "black" if light > _LIGHT_ENOUGH_FOR_INK else "white"
    low, high = score.interval
    for down, size, text in (
        (0.4, 8, f"{100 * score.accuracy:.0f}"),
        (0.79, 5, f"{100 * low:.0f}–{100 * high:.0f}"),
    ):
        axes.text(column + 0.5, row + down, text, fontsize=size, color=ink, ha="center", va="center")


def _n(grids: Sequence[_Grid]) -> str:
    counts = sorted({score.n for grid in grids for score in grid.scores.values()})
    return f"n = {counts[0]:,}" if len(counts) == 1 else f"n = {counts[0]:,} to {counts[-1]:,}"
