"""Operations against length, with full attention and in segments: Figure 3 of arXiv 2304.11062."""

from __future__ import annotations

from math import log10
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from babilong_eval.figures import style
from babilong_eval.figures.length_axis import LengthAxis
from babilong_eval.figures.sheet import sheet

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.flops.savings import Saving
    from babilong_eval.figures.sheet import GivenAxes

_FULL_ATTENTION: Mapping[str, Any] = {"linestyle": (0, (4, 1.5)), "linewidth": 1.0}
_SEGMENTS: Mapping[str, Any] = {"linestyle": "-", "linewidth": 1.6}

_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

_NEAREST_NAMES = 0.05
"""How near each other two lines may end and both still be labelled, as a fraction of the axis."""


def operations_by_length(compared: Sequence[Saving], *, ax: GivenAxes | None = None) -> Figure:
    """Draw the operations of a forward pass against tokens, and how many times fewer the segments need.

    Args:
        compared: models from small to large, each at all lengths, with segments and memory of one size.
        ax: two axes to draw on, for operations and for savings; None makes a figure.

    Raises:
        UsageError: not two axes were given.
    """
    models: dict[str, list[Saving]] = {saving.model: [] for saving in compared}
    for saving in compared:
        models[saving.model].append(saving)
    axis = LengthAxis(unit="tokens", values=tuple(sorted({float(saving.tokens) for saving in compared})))
    colours = {model: style.shade(index, len(models)) for index, model in enumerate(models)}
    with sheet(2, ax=ax, height_inches=3.0, columns=2) as drawn:
        left, right = drawn.panels
        for axes in (left, right):
            axis.mark(axes, drawn.panel_inches)
            axes.set_xlabel("length of the text in tokens")
        _draw_operations(left, models, colours, axis)
        _draw_times(right, models, colours, axis)
        drawn.legend(_legend(colours))
        drawn.footnote(_footnote(compared[0]))
    return drawn.figure


def _draw_operations(
    axes: Axes, models: Mapping[str, list[Saving]], colours: Mapping[str, Any], axis: LengthAxis
) -> None:
    axes.set_title("operations of a forward pass")
    axes.set_yscale("log")
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(_power_of_ten))
    for model, points in models.items():
        positions = [axis.position(point.tokens) for point in points]
        at_once = [point.full_attention for point in points]
        axes.plot(positions, at_once, color=colours[model], **_FULL_ATTENTION)
        axes.plot(positions, [point.recurrent for point in points], color=colours[model], **_SEGMENTS)


def _draw_times(
    axes: Axes, models: Mapping[str, list[Saving]], colours: Mapping[str, Any], axis: LengthAxis
) -> None:
    axes.set_title("times fewer in segments")
    axes.set_yscale("log", base=2)
    axes.yaxis.set_major_formatter(FuncFormatter(lambda times, _: f"×{times:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())
    for model, points in models.items():
        positions = [axis.position(point.tokens) for point in points]
        axes.plot(positions, [point.times for point in points], color=colours[model], **_SEGMENTS)
    _name_ends(axes, [points[-1] for points in models.values()], axis)


def _name_ends(axes: Axes, ends: Sequence[Saving], axis: LengthAxis) -> None:
    """Write how many times fewer beside the lines' ends: the highest, the lowest, and what fits between."""
    low, high = axes.get_ylim()
    between = _NEAREST_NAMES * log10(high / low)
    ordered = sorted(ends, key=lambda end: end.times)
    chosen = [ordered[0], *ordered[1:][-1:]]
    for end in ordered[1:-1]:
        if all(abs(log10(end.times / other.times)) > between for other in chosen):
            chosen.append(end)
    for end in chosen:
        axes.annotate(
            f"×{end.times:.0f}",
            (axis.position(end.tokens), end.times),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=7,
            annotation_clip=False,
        )


def _power_of_ten(value: float, _: int) -> str:
    return "10" + str(round(log10(value))).translate(_RAISED) if value > 0 else ""


def _legend(colours: Mapping[str, Any]) -> dict[str, Line2D]:
    return {
        **{model: Line2D([], [], color=colour, linewidth=3) for model, colour in colours.items()},
        "full attention": Line2D([], [], color=style.MUTED, **_FULL_ATTENTION),
        "in segments (RMT)": Line2D([], [], color=style.MUTED, **_SEGMENTS),
    }


def _footnote(saving: Saving) -> str:
    memory = f" and {saving.memory_tokens} of memory" if saving.memory_tokens else ""
    return f"one text; segments of {saving.segment_size:,} tokens{memory}; counted after Hoffmann et al. 2022"
