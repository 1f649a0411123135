"""What a length costs: peak memory and time a sample, over all tasks of a run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import length_axis
from babilong_eval.results.load import lengths_of
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.figures.length_axis import LengthAxis
    from babilong_eval.results.load import Run
    from babilong_eval.results.records import Cell

_GIB = 2**30
_MOST_GROWTH_ON_A_LINEAR_SCALE = 8

Point = tuple[float, float]
Measure = Callable[[Sequence["Cell"]], float | None]


def memory_and_time(runs: Sequence[Run]) -> Figure:
    """Peak memory (GiB) and seconds a sample against length, a line a run.

    The scales start at zero, so that flat looks flat; one that grows more than eightfold is logarithmic.

    Raises:
        UsageError: no cell says what it cost, or the lengths cannot share an axis.
    """
    if not has_costs(runs):
        raise UsageError("no time and no peak memory in these results: `babilong evaluate` records them")
    axis = length_axis([cell for run in runs for cell in run.cells])
    memory = {run.info.name: _by_length(run, axis, _peak_gib) for run in runs}
    time = {run.info.name: _by_length(run, axis, _seconds_a_sample) for run in runs}
    with style.look():
        figure = style.new_figure(height_inches=2.5)
        left, right = figure.subplots(1, 2)
        _draw(left, memory, axis, "peak memory (GiB)")
        _draw(right, time, axis, "seconds a sample")
        _scale(left, memory, base=2)
        _scale(right, time, base=10)
        lines = {
            run.info.name: Line2D([], [], color=style.colour(index), marker=style.marker(index))
            for index, run in enumerate(runs)
        }
        style.legend(figure, lines)
    return figure


def has_costs(runs: Sequence[Run]) -> bool:
    """Whether some cell says what it cost."""
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


def _seconds_a_sample(cells: Sequence[Cell]) -> float | None:
    timed = [cell for cell in cells if cell.seconds]
    return sum(cell.seconds or 0 for cell in timed) / sum(cell.n for cell in timed) if timed else None


def _draw(axes: Axes, series: dict[str, list[Point]], axis: LengthAxis, label: str) -> None:
    axis.mark(axes, style.WIDTH_INCHES / 2)
    axes.set_title(label)
    for index, points in enumerate(series.values()):
        if points:
            axes.plot(*zip(*points, strict=True), color=style.colour(index), marker=style.marker(index))


def _scale(axes: Axes, series: dict[str, list[Point]], base: int) -> None:
    values = [value for points in series.values() for _, value in points]
    if values and max(values) > _MOST_GROWTH_ON_A_LINEAR_SCALE * min(values):
        axes.set_yscale("log", base=base)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
    else:
        axes.set_ylim(bottom=0)
