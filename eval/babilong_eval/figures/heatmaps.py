"""Accuracy as a grid of numbers: task × length, and depth × length.

Each cell gives the accuracy in per cent and, in small print, its 95 % Wilson interval. The colours run from
dark to light, so that they have the same order in grey and to every eye.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from babilong_eval.figures import style
from babilong_eval.figures.intervals import sample_sizes
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import lengths_of, scored_predictions, tasks_of
from babilong_eval.scoring.score import Score
from babilong_gen.errors import UsageError
from babilong_gen.lengths import parse_length

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.figures.sheet import GivenAxes
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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """One panel, with a score for each (row, column) that was measured."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    scores: Mapping[tuple[str, str], Score]
    row_label: str


def task_by_length(runs: Sequence[Run], *, ax: GivenAxes | None = None) -> Figure:
    """Draw the accuracy of each task at each length, with a panel per run.

    Args:
        ax: axes to draw on, one per panel; None makes a figure.

    Raises:
        UsageError: more runs than one figure holds, or not as many axes as panels.
    """
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
        ax,
    )


def depth_by_length(runs: Sequence[Run], *, ax: GivenAxes | None = None) -> Figure:
    """Draw the accuracy by depth of the supporting facts and by length, with a panel per run and task.

    Args:
        ax: axes to draw on, one per panel; None makes a figure.

    Raises:
        UsageError: no prediction says where its facts are, more panels than one figure holds, or not as many
            axes as panels.
    """
    grids = [grid for run in runs for grid in _depth_grids(run, several_runs=len(runs) > 1)]
    if not grids:
        raise UsageError("no prediction has a `depth`: evaluate data made by `babilong generate` to know it")
    return _draw_all(grids, runs[0].scorer, ax)


def has_depths(runs: Sequence[Run]) -> bool:
    """Return whether some prediction says where its facts are."""
    return any(item.prediction.depth is not None for run in runs for item in scored_predictions(run))


def _depth_grids(run: Run, *, several_runs: bool) -> list[_Grid]:
    placed = [
        (item.task, item.length, item.prediction.depth, item.is_correct)
        for item in scored_predictions(run)
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


def _draw_all(grids: Sequence[_Grid], scorer: str, ax: GivenAxes | None) -> Figure:
    heights = [_ROW_INCHES * len(grid.rows) for grid in grids]
    tall = sum(heights) + 0.55 * len(grids) + 0.4
    if tall > _MOST_TALL_INCHES:
        raise UsageError(f"{len(grids)} grids do not fit into one figure: plot fewer runs or tasks at a time")
    columns = max(len(grid.columns) for grid in grids)
    wide = max(4.2, min(style.WIDTH_INCHES, columns * _COLUMN_INCHES + _BESIDE_COLUMNS_INCHES))
    n = sample_sizes(score.n for grid in grids for score in grid.scores.values())
    with sheet(
        len(grids), ax=ax, height_inches=tall, width_inches=wide, settings=style.BARE, height_ratios=heights
    ) as drawn:
        for axes, grid in zip(drawn.panels, grids, strict=True):
            _draw(axes, grid)
        scale = ScalarMappable(Normalize(0, 1), _COLOURS)
        drawn.colour_bar(scale, inches=_COLOUR_BAR_INCHES, aspect=18, anchor=(0, 1), pad=0.01)
        drawn.footnote(f"per cent right and 95 % Wilson interval; {n} a cell; scorer: {scorer}")
    return drawn.figure


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
    """Return the unit of some lengths and, if all have the same, their names without it."""
    units = {parse_length(name).unit == "seg" for name in columns}
    if units == {True}:
        return "segments", [name.removesuffix("seg") for name in columns]
    return "tokens" if units == {False} else "tokens or segments", list(columns)


def _write(axes: Axes, row: int, column: int, score: Score) -> None:
    """Write the numbers of one cell, in black or white, whichever can be read on its colour."""
    red, green, blue, _ = mpl.colormaps[_COLOURS](score.accuracy)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    # not the page's ink, because the cell has the same colour on dark pages
    ink = "black" if light > _LIGHT_ENOUGH_FOR_INK else "white"
    low, high = score.interval
    for down, size, text in (
        (0.4, 8, f"{100 * score.accuracy:.0f}"),
        (0.79, 5, f"{100 * low:.0f}–{100 * high:.0f}"),
    ):
        axes.text(column + 0.5, row + down, text, fontsize=size, color=ink, ha="center", va="center")
