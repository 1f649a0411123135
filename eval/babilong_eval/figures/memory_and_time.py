"""What a length costs: peak memory and time per sample, over all tasks of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import length_axis
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import data_remark, lengths_of
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.figures.length_axis import LengthAxis
    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.load import Run
    from babilong_eval.results.records import Cell

_GIB = 2**30
_MOST_GROWTH_ON_A_LINEAR_SCALE = 8

Point = tuple[float, float]
Measure = Callable[[Sequence["Cell"]], float | None]


def memory_and_time(runs: Sequence[Run], *, ax: GivenAxes | None = None) -> Figure:
    """Draw peak memory (GiB) and seconds per sample against length, with a line per run.

    The scales start at zero, so that flat looks flat; one that grows more than eightfold is logarithmic.

    Args:
        ax: two axes to draw on, for memory and for time; None makes a figure.

    Raises:
        UsageError: no cell has a cost, the lengths cannot share an axis, or not two axes were given.
    """
    if not has_costs(runs):
        raise UsageError("no time and no peak memory in these results: `babilong evaluate` records them")
    axis = length_axis([cell for run in runs for cell in run.cells])
    measures = (("peak memory (GiB)", _peak_gib, 2), ("seconds per sample", _seconds_per_sample, 10))
    with sheet(2, ax=ax, height_inches=2.5, columns=2) as drawn:
        for axes, (title, measure, base) in zip(drawn.panels, measures, strict=True):
            axis.mark(axes, drawn.panel_inches)
            axes.set_title(title)
            _draw(axes, [_by_length(run, axis, measure) for run in runs], base)
        drawn.legend({run.info.name: Line2D([], [], **style.line(i)) for i, run in enumerate(runs)})
        drawn.footnote("over all tasks: the highest peak, the mean time", data_remark(runs))
    return drawn.figure


def has_costs(runs: Sequence[Run]) -> bool:
    """Return whether some cell has a cost."""
    return any(cell.seconds or cell.peak_memory_bytes for run in runs for cell in run.cells)


def _by_length(run: Run, axis: LengthAxis, measure: Measure) -> list[Point]:
    points = []
    for length in lengths_of([run]):
        cells = [cell for cell in run.cells if cell.length == length]
        if (cost := measure(cells)) is not None:
            points.append((axis.at(cells[0]), cost))
    return points


def _peak_gib(cells: Sequence[Cell]) -> float | None:
    peaks = [cell.peak_memory_bytes for cell in cells if cell.peak_memory_bytes]
    return max(peaks) / _GIB if peaks else None


def _seconds_per_sample(cells: Sequence[Cell]) -> float | None:
    timed = [cell for cell in cells if cell.seconds]
    return sum(cell.seconds or 0 for cell in timed) / sum(cell.n for cell in timed) if timed else None


def _draw(axes: Axes, series: Sequence[list[Point]], base: int) -> None:
    for index, points in enumerate(series):
        if points:
            axes.plot(*zip(*points, strict=True), clip_on=False, **style.line(index))
    values = [value for points in series for _, value in points]
    if values and max(values) > _MOST_GROWTH_ON_A_LINEAR_SCALE * min(values):
        axes.set_yscale("log", base=base)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
