"""Accuracy against the distance between the facts of a sample."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from babilong_eval.figures import style
from babilong_eval.figures.sheet import sheet
from babilong_eval.results.load import data_remark, lengths_of, tasks_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.fact_distance import GapBin
    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.load import Run

_PANELS_IN_A_ROW = 3


def accuracy_by_gap(
    runs: Sequence[Run], measured: Mapping[str, Sequence[GapBin]], *, ax: GivenAxes | None = None
) -> Figure:
    """Draw accuracy against the tokens between the facts of a sample.

    Each run and task has a panel, with a line per length.

    Args:
        measured: the `fact_distance.gap_bins` of each run, by its name.
        ax: axes to draw on, one per panel; None makes a figure.

    Raises:
        UsageError: not as many axes as panels.
    """
    panels = {
        f"{run.info.name}, {task}" if len(runs) > 1 else task: bins
        for run in runs
        for task in tasks_of([run])
        if (bins := [one for one in measured[run.info.name] if one.task == task])
    }
    drawn_lengths = {one.length for bins in panels.values() for one in bins}
    lengths = [length for length in lengths_of(runs) if length in drawn_lengths]
    colours = {length: style.shade(index, len(lengths)) for index, length in enumerate(lengths)}
    height = 0.5 + 2.2 * ceil(len(panels) / _PANELS_IN_A_ROW)
    with sheet(
        len(panels), ax=ax, height_inches=height, columns=_PANELS_IN_A_ROW, sharex=True, sharey=True
    ) as drawn:
        for axes, (title, bins) in zip(drawn.panels, panels.items(), strict=True):
            _draw(axes, bins, colours)
            axes.set_title(title)
        drawn.label_outer()
        drawn.legend({length: Line2D([], [], color=colours[length], marker="o") for length in lengths})
        counts = (one.right.n for bins in panels.values() for one in bins)
        drawn.footnote(style.small_print(counts), data_remark(runs))
    return drawn.figure


def _draw(axes: Axes, bins: Sequence[GapBin], colours: Mapping[str, tuple[float, ...]]) -> None:
    axes.set_xscale("symlog", base=2, linthresh=8)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tokens, _: f"{tokens:,.0f}"))
    axes.set_xlabel("the data's tokens between the facts")
    style.accuracy_axis(axes)
    for length, colour in colours.items():
        found = [one for one in bins if one.length == length]
        look = {"color": colour, "marker": "o", "elinewidth": 0.8, "capsize": 1.6}
        style.draw_proportions(axes, [one.tokens for one in found], [one.right for one in found], **look)
