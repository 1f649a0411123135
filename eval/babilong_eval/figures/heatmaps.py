"""Accuracy as a grid of numbers: task × length, model × length, and depth × length.

Each cell gives the accuracy in per cent and, in small print, its 95 % interval. The colours run from dark to
light, so that they have the same order in grey and to every eye.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize

from babilong_eval.analysis.leaderboard import leaderboard, remarks_on_cells
from babilong_eval.figures import style
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import data_remark, lengths_of, scored_predictions, tasks_of
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
_NARROW_COLUMN_INCHES = 0.31
_ROW_NAME_LETTER_INCHES = 0.068
_BESIDE_NAMES_INCHES = 0.3
_AROUND_ROWS_INCHES = 0.55
_TITLE_LINE_INCHES = 0.14
_COLOUR_BAR_INCHES = 2.5
_BAR_COLUMN_INCHES = 0.7
_NARROWEST_INCHES, _WIDEST_INCHES = 4.2, 13.5
_MOST_TALL_INCHES = 200
_MOST_STACKED = 3
_TALLEST_PER_WIDTH = 1.5
_LIGHT_ENOUGH_FOR_INK = 0.45
_FINE_DEPTHS, _COARSE_DEPTHS = 10, 4
_FEWEST_FOR_FINE_DEPTHS = 20 * (_FINE_DEPTHS + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What stands in one cell: an accuracy, its interval, and of how many answers it is."""

    accuracy: float
    interval: tuple[float, float]
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """One panel, with a number for each (row, column) that was measured."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: Mapping[tuple[str, str], _Shown]
    row_label: str


def task_by_length(runs: Sequence[Run], *, ax: GivenAxes | None = None) -> Figure:
    """Draw the accuracy of each task at each length, with a panel per run.

    Where most tasks of most runs were not measured, a figure of our own has one panel instead, with a row for
    each run and task that were.

    Args:
        ax: axes to draw on, one per panel; None makes a figure.

    Raises:
        UsageError: more runs than one figure holds, or not as many axes as panels.
    """
    rows, columns = tuple(tasks_of(runs)), tuple(lengths_of(runs))
    grids = [
        _Grid(
            title=run.info.name,
            rows=rows,
            columns=columns,
            cells={
                (cell.task, cell.length): _Shown(
                    accuracy=cell.accuracy, interval=(cell.ci_low, cell.ci_high), n=cell.n
                )
                for cell in run.cells
            },
            row_label="task",
        )
        for run in runs
    ]
    if ax is None and _is_shorter_in_one(grids):
        grids = [_in_one(grids)]
    return _draw_all(grids, runs, ax)


def model_by_length(runs: Sequence[Run], *, ax: GivenAxes | None = None) -> Figure:
    """Draw each model's mean accuracy over tasks at each length: a leaderboard.

    Args:
        ax: axes to draw on; None makes a figure.

    Raises:
        UsageError: more models than one figure holds, or several axes were given.
    """
    found = leaderboard(runs)
    grid = _Grid(
        title="mean over tasks",
        rows=tuple(row.model for row in found),
        columns=tuple(lengths_of(runs)),
        cells={
            (row.model, length): _Shown(accuracy=mean.value, interval=(mean.ci_low, mean.ci_high), n=mean.n)
            for row in found
            for length, mean in row.means.items()
        },
        row_label="",
    )
    return _draw_all([grid], runs, ax, warnings=remarks_on_cells(found))


def depth_by_length(runs: Sequence[Run], *, ax: GivenAxes | None = None) -> Figure:
    """Draw the accuracy by depth of the supporting facts and by length, with a panel per run and task.

    Each row is a bin of depths; a bin without a sample is marked with a dash.

    Args:
        ax: axes to draw on, one per panel; None makes a figure.

    Raises:
        UsageError: no prediction says where its facts are, more panels than one figure holds, or not as many
            axes as panels.
    """
    grids = [grid for run in runs for grid in _depth_grids(run, several_runs=len(runs) > 1)]
    if not grids:
        raise UsageError("no prediction has a `depth`: evaluate data made by `babilong generate` to know it")
    return _draw_all(grids, runs, ax)


def has_depths(runs: Sequence[Run]) -> bool:
    """Return whether some prediction says where its facts are."""
    return any(item.prediction.depth is not None for run in runs for item in scored_predictions(run))


def _depth_grids(run: Run, *, several_runs: bool) -> list[_Grid]:
    placed = [
        (item.task, item.prediction.depth, item.length, item.share)
        for item in scored_predictions(run)
        if item.prediction.depth is not None
    ]
    fewest = min(Counter((task, length) for task, _, length, _ in placed).values(), default=0)
    steps = _FINE_DEPTHS if fewest >= _FEWEST_FOR_FINE_DEPTHS else _COARSE_DEPTHS
    names = [_bin_name(step, steps) for step in range(steps + 1)]
    correct: dict[str, dict[tuple[str, str], list[float]]] = defaultdict(lambda: defaultdict(list))
    for task, depth, length, right in placed:
        correct[task][names[round(depth * steps)], length].append(right)
    lengths = {length for _, _, length, _ in placed}
    return [
        _Grid(
            title=f"{run.info.name}, {task}" if several_runs else task,
            rows=tuple(names),
            columns=tuple(length for length in lengths_of([run]) if length in lengths),
            cells={cell: _of_answers(found) for cell, found in correct[task].items()},
            row_label="depth of the facts",
        )
        for task in tasks_of([run])
        if task in correct
    ]


def _bin_name(step: int, steps: int) -> str:
    """Return the depths that are nearest to one step: `5–15%`."""
    low, high = (100 * min(max((step + half) / steps, 0), 1) for half in (-0.5, 0.5))
    return f"{low:g}–{high:g}%"


def _of_answers(correct: Sequence[float]) -> _Shown:
    score = Score(n=len(correct), correct=sum(correct))
    return _Shown(accuracy=score.accuracy, interval=score.interval, n=score.n)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How panels are spread over a figure."""

    columns: int
    panel_inches: tuple[float, float]

    def size(self, panels: int) -> tuple[float, float]:
        """Return width and height of the whole."""
        wide, tall = self.panel_inches
        return self.columns * wide, ceil(panels / self.columns) * tall


def _layout(grids: Sequence[_Grid]) -> _Layout:
    """Stack a few panels; spread more over as many columns as make a page of them."""
    few = len(grids) <= _MOST_STACKED
    widest_row = max(len(grid.columns) for grid in grids)
    names = max(len(name) for grid in grids for name in grid.rows) * _ROW_NAME_LETTER_INCHES
    wide = widest_row * (_COLUMN_INCHES if few else _NARROW_COLUMN_INCHES) + names + _BESIDE_NAMES_INCHES
    wide = max(wide, _NARROWEST_INCHES - _BAR_COLUMN_INCHES) if few else wide
    lines = max(style.wrapped(grid.title, wide).count("\n") for grid in grids)
    tall = max(len(grid.rows) for grid in grids) * _ROW_INCHES
    panel = wide, tall + _AROUND_ROWS_INCHES + lines * _TITLE_LINE_INCHES
    most = 1 if few else max(1, min(len(grids), int(_WIDEST_INCHES / wide)))
    layouts = [_Layout(columns=columns, panel_inches=panel) for columns in range(1, most + 1)]
    pages = [
        one for one in layouts if one.size(len(grids))[1] <= _TALLEST_PER_WIDTH * one.size(len(grids))[0]
    ]
    return pages[0] if pages else layouts[-1]


def _is_shorter_in_one(grids: Sequence[_Grid]) -> bool:
    """Return whether most rows are empty, and those that are not are less tall below one another."""
    measured = len(_in_one(grids).rows)
    most_are_empty = measured < sum(len(grid.rows) for grid in grids) / 2
    return most_are_empty and measured * _ROW_INCHES < _layout(grids).size(len(grids))[1]


def _in_one(grids: Sequence[_Grid]) -> _Grid:
    """Return one grid of all rows in which something was measured, each named after its grid too."""
    cells = {
        (f"{grid.title}: {row}", column): shown
        for grid in grids
        for (row, column), shown in grid.cells.items()
    }
    rows = tuple(dict.fromkeys(row for row, _ in cells))
    return _Grid(title="", rows=rows, columns=grids[0].columns, cells=cells, row_label="")


def _draw_all(
    grids: Sequence[_Grid], runs: Sequence[Run], ax: GivenAxes | None, *, warnings: Sequence[str] = ()
) -> Figure:
    layout, stacked = _layout(grids), len(grids) <= _MOST_STACKED
    wide, tall = layout.size(len(grids))
    if tall > _MOST_TALL_INCHES:
        raise UsageError(f"{len(grids)} grids do not fit into one figure: plot fewer runs or tasks at a time")
    n = style.sample_sizes(shown.n for grid in grids for shown in grid.cells.values())
    with sheet(
        len(grids),
        ax=ax,
        height_inches=tall + (0.4 if stacked else 0.9),
        width_inches=wide + (_BAR_COLUMN_INCHES if stacked else 0.2),
        columns=layout.columns,
        settings=style.BARE,
    ) as drawn:
        for axes, grid in zip(drawn.panels, grids, strict=True):
            _draw(axes, grid, drawn.panel_inches)
        if layout.columns > 1:
            drawn.label_outer()
        scale = ScalarMappable(Normalize(0, 1), _COLOURS)
        drawn.colour_bar(scale, inches=_COLOUR_BAR_INCHES, below=not stacked)
        drawn.footnote(
            f"per cent right and 95 % interval; {n} per cell; scorer: {runs[0].scorer}",
            "; ".join(filter(None, [data_remark(runs), *warnings])),
        )
    return drawn.figure


def _draw(axes: Axes, grid: _Grid, width_inches: float) -> None:
    accuracies = np.full((len(grid.rows), len(grid.columns)), np.nan)
    for row, row_name in enumerate(grid.rows):
        for column, column_name in enumerate(grid.columns):
            if shown := grid.cells.get((row_name, column_name)):
                accuracies[row, column] = shown.accuracy
                _write(axes, row, column, shown)
            else:
                axes.text(column + 0.5, row + 0.5, "–", color=style.MUTED, ha="center", va="center")
    measured = np.ma.masked_invalid(accuracies)
    axes.pcolormesh(measured, cmap=_COLOURS, vmin=0, vmax=1, edgecolors=style.PAPER, linewidth=1)
    axes.invert_yaxis()
    axes.set_yticks(np.arange(len(grid.rows)) + 0.5, grid.rows)
    axes.set_ylabel(grid.row_label)
    unit, names = _lengths(grid.columns)
    axes.set_xticks(np.arange(len(names)) + 0.5, names)
    axes.set_xlabel(f"length {unit}")
    axes.tick_params(length=0)
    axes.set_title(style.wrapped(grid.title, width_inches))


def _lengths(columns: Sequence[str]) -> tuple[str, list[str]]:
    """Return the unit of some lengths and, if all have the same, their names without it."""
    units = {parse_length(name).unit == "seg" for name in columns}
    if units == {True}:
        return "in segments", [name.removesuffix("seg") for name in columns]
    return "in the data's tokens" if units == {False} else "in the data's tokens or in segments", list(
        columns
    )


def _write(axes: Axes, row: int, column: int, shown: _Shown) -> None:
    """Write the numbers of one cell, in black or white, whichever can be read on its colour."""
    red, green, blue, _ = mpl.colormaps[_COLOURS](shown.accuracy)
    light = 0.299 * red + 0.587 * green + 0.114 * blue
    # not the page's ink, because the cell has the same colour on dark pages
    ink = "black" if light > _LIGHT_ENOUGH_FOR_INK else "white"
    low, high = shown.interval
    for down, size, text in (
        (0.4, 8, f"{100 * shown.accuracy:.0f}"),
        (0.79, 5, f"{100 * low:.0f}–{100 * high:.0f}"),
    ):
        axes.text(column + 0.5, row + down, text, fontsize=size, color=ink, ha="center", va="center")
