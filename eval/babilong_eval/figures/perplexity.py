"""Perplexity by the segments read before and by the place in the segment, with the memory and without."""

from __future__ import annotations

from math import log2
from typing import TYPE_CHECKING, Any, Literal

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from babilong_eval.figures import style
from babilong_eval.figures.sheet import sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.figures.sheet import GivenAxes
    from babilong_eval.results.perplexity import Perplexity, PerplexityCell

_MOST_SEGMENTS_ON_A_LINEAR_AXIS = 16
_EMPTIED: Mapping[str, Any] = {"linestyle": (0, (4, 2)), **style.EMPTY_MARK}
_BAND = 0.15


def draw_perplexity(found: Sequence[Perplexity], *, ax: GivenAxes | None = None) -> Figure:
    """Draw perplexities and their intervals: full with the memory carried on, broken with it emptied.

    Args:
        found: of `results.perplexity.read_perplexities`.
        ax: two axes to draw on; None makes a figure.

    Raises:
        UsageError: not two axes were given.
    """
    names = [one.run.name for one in found]
    with sheet(2, ax=ax, height_inches=2.8, columns=2) as drawn:
        left, right = drawn.panels
        for index, one in enumerate(found):
            _draw(left, one, "segments_read", index)
            _draw(right, one, "place", index)
        _number_segments(
            left, [cell.last for one in found for cell in one.cells if cell.by == "segments_read"]
        )
        _number_places(right, found)
        left.set_ylabel("perplexity")
        left.set_xlabel("segments read before")
        right.set_xlabel("tokens of the segment read")
        for axes in drawn.panels:
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        legend = {name: Line2D([], [], **style.line(index)) for index, name in enumerate(names)}
        legend["memory emptied at each segment"] = Line2D([], [], color=style.MUTED, marker="o", **_EMPTIED)
        drawn.legend(legend)
        counts = sorted({cell.documents for one in found for cell in one.cells if cell.by == "all"})
        documents = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
        texts = ", ".join(dict.fromkeys(f"{one.run.text} ({one.run.split})" for one in found))
        drawn.footnote(f"bands: 95 % intervals over {documents} documents of {texts}")
    return drawn.figure


def _draw(axes: Axes, found: Perplexity, by: Literal["segments_read", "place"], index: int) -> None:
    cells = [cell for cell in found.cells if cell.by == by]
    where = [_position(cell) for cell in cells]
    look: dict[str, Any] = style.line(index) | {"markersize": 3.5}
    if len(cells) > _MOST_SEGMENTS_ON_A_LINEAR_AXIS:
        look["markevery"] = [number for number in range(len(cells)) if number.bit_count() < 2]
    axes.plot(where, [cell.emptied for cell in cells], **{**look, **_EMPTIED})
    axes.plot(where, [cell.perplexity for cell in cells], **look)
    for low, high in (("ci_low", "ci_high"), ("emptied_ci_low", "emptied_ci_high")):
        bounds = [
            (place, getattr(cell, low), getattr(cell, high))
            for place, cell in zip(where, cells, strict=True)
            if getattr(cell, low) is not None
        ]
        if bounds:
            places, lows, highs = zip(*bounds, strict=True)
            axes.fill_between(places, lows, highs, color=look["color"], alpha=_BAND, linewidth=0)


def _position(cell: PerplexityCell) -> float:
    """Return where a cell stands: at its number, or in order of its doubling."""
    return cell.first if cell.by == "segments_read" else cell.last.bit_length()


def _number_segments(axes: Axes, last: Sequence[int]) -> None:
    axes.set_title("by segments read before")
    if max(last) < _MOST_SEGMENTS_ON_A_LINEAR_AXIS:
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        return
    axes.set_xscale("symlog", base=2, linthresh=1)
    axes.set_xlim(-0.3, 1.15 * max(last))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_locator(NullLocator())


def _number_places(axes: Axes, found: Sequence[Perplexity]) -> None:
    axes.set_title("by place in the segment")
    firsts = sorted({cell.first for one in found for cell in one.cells if cell.by == "place"})
    ends = {cell.first: cell.last for one in found for cell in one.cells if cell.by == "place"}
    names = [str(first) if first == ends[first] else f"{first}–" for first in firsts]
    stride = 1 if len(firsts) <= 8 else 2
    places = [0.0 if first == 0 else log2(first) + 1 for first in firsts]
    axes.set_xticks(places[::stride], names[::stride])
