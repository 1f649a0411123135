"""Attention of [CLS] and the memory, segment by segment: Figure 6 of arXiv 2304.11062."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import PercentFormatter

from babilong_eval.analysis.attention import SegmentMap, at, clearest_reading, clearest_writing
from babilong_eval.figures import style

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.attention import AttentionMaps, Key, KeyKind

_MOST_COLUMNS = 64
_ROW_INCHES, _BESIDE_ROWS_INCHES = 0.1, 0.72
_LABEL_POINTS = 5.5
_LONGEST_NAME = 11
_CONTRAST = 0.5
"""The colour's exponent: small weights, which are the many, stay visible beside large ones."""

_COLOURS = LinearSegmentedColormap.from_list("attention", [style.PAPER, "#9cc9e3", "#0072b2", "#08253a"])
_INK: dict[KeyKind, str] = {
    "frame": style.MUTED,
    "memory": "#009e73",
    "fact": "#d55e00",
    "question": "#0072b2",
    "noise": style.MUTED,
}
_BARE: dict[Any, Any] = {"axes.grid": False, "axes.spines.left": False, "axes.spines.bottom": False}

_Head = tuple[int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """Keys side by side that are drawn as one, in the colour of the highest weight."""

    keys: Sequence[Key]
    start: int

    @property
    def kind(self) -> KeyKind:
        return self.keys[0].kind

    @property
    def name(self) -> str:
        """The token; nothing for several."""
        if len(self.keys) > 1:
            return ""
        text = self.keys[0].text
        return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def attention_by_segment(maps: AttentionMaps, *, layer: int | None = None, head: int | None = None) -> Figure:
    """A map for each segment: who attends ([CLS], memory tokens) in rows, what is attended to in columns.

    Facts, question and memory have colours of their own. Noise is drawn in columns of several tokens where
    the segment is too long to name each.

    Args:
        layer: from 0; None takes the layer and head in which the memory looks at facts the most and, for the
            last segment, in which [CLS] looks at the memory the most.
        head: from 0; None takes the mean over a given layer's heads.

    Raises:
        UsageError: there is no such layer or head.
    """
    writing = clearest_writing(maps) if layer is None else (layer, head)
    reading = clearest_reading(maps) if layer is None else (layer, head)
    shown = [*(at(segment, *writing) for segment in maps.segments[:-1]), at(maps.segments[-1], *reading)]
    noise = _noise_in_a_column(shown)
    columns = [_columns(segment, noise) for segment in shown]
    scale = PowerNorm(_CONTRAST, vmin=0, vmax=max(float(segment.weights.max()) for segment in shown))
    rows = shown[0].weights.shape[2]
    with style.look(), mpl.rc_context(_BARE):
        figure = style.new_figure(height_inches=len(shown) * (_ROW_INCHES * rows + _BESIDE_ROWS_INCHES) + 0.5)
        panels = list(figure.subplots(len(shown), 1, squeeze=False)[:, 0])
        for place, axes in enumerate(panels):
            _draw(axes, shown[place], columns[place], scale)
            axes.set_xlim(0, max(map(len, columns)))
            axes.set_title(f"segment {place + 1}", fontweight="bold")
            axes.set_title(_told(shown[place], writing, reading), loc="right", fontsize=7)
        _colour_bar(figure, panels, scale)
        figure.suptitle(_heading(maps), x=0.01, ha="left", fontsize=9.5)
        style.footnote(figure, _footnote(noise))
    return figure


def _noise_in_a_column(segments: Sequence[SegmentMap]) -> int:
    """As few tokens of noise in each column as let every segment fit, where facts and frame leave room."""
    longest = max(len(segment.keys) for segment in segments)
    for noise in range(1, longest):
        if all(len(_columns(segment, noise)) <= _MOST_COLUMNS for segment in segments):
            return noise
    return longest


def _columns(segment: SegmentMap, noise: int) -> list[_Column]:
    """A segment's keys, each by itself but for noise, of which up to so many tokens share a column."""
    columns: list[_Column] = []
    for place, key in enumerate(segment.keys):
        last = columns[-1] if columns else None
        if last and key.kind == last.kind == "noise" and len(last.keys) < noise:
            columns[-1] = _Column(keys=(*last.keys, key), start=last.start)
        else:
            columns.append(_Column(keys=(key,), start=place))
    return columns


def _draw(axes: Axes, segment: SegmentMap, columns: Sequence[_Column], scale: PowerNorm) -> None:
    weights = np.maximum.reduceat(segment.weights[0, 0], [column.start for column in columns], axis=1)
    axes.pcolormesh(weights, cmap=_COLOURS, norm=scale, edgecolors=style.FAINT, linewidth=0.25)
    axes.invert_yaxis()
    memory = [key.text for key in segment.keys if key.kind == "memory"]
    axes.set_yticks(np.arange(1 + len(memory)) + 0.5, ["[CLS]", *memory], fontsize=_LABEL_POINTS)
    places = np.arange(len(columns)) + 0.5
    axes.set_xticks(places, [column.name for column in columns], rotation=90, fontsize=_LABEL_POINTS)
    for label, column in zip(axes.get_xticklabels(), columns, strict=True):
        label.set_color(_INK[column.kind])
        label.set_fontweight("bold" if column.kind in ("fact", "question") else "normal")
    axes.tick_params(length=0, pad=1)
    for kind in ("memory", "fact", "question"):
        _underline(axes, [place for place, column in enumerate(columns) if column.kind == kind], _INK[kind])


def _underline(axes: Axes, places: Sequence[int], colour: str) -> None:
    """A line above some columns, so that they are found at a glance."""
    for place in places:
        axes.plot(
            [place, place + 1],
            [-0.18, -0.18],
            color=colour,
            linewidth=2,
            solid_capstyle="butt",
            clip_on=False,
        )


def _told(segment: SegmentMap, writing: _Head, reading: _Head) -> str:
    """What the map says, in figures, and of which head it is."""
    memory, facts = segment.mass("memory")[0, 0], segment.mass("fact")[0, 0]
    if segment.change is None:
        looks = f"[CLS] looks at memory {memory[0]:.0%}, at facts here {facts[0]:.0%}"
        return f"{looks}; {_named(reading)}"
    looks = f"memory looks at itself {memory[1:].mean():.0%}, at facts {facts[1:].mean():.0%}"
    return f"{looks}, changes by {segment.change:.0%}; {_named(writing)}"


def _named(head: _Head) -> str:
    return f"layer {head[0] + 1}, " + ("mean of its heads" if head[1] is None else f"head {head[1] + 1}")


def _heading(maps: AttentionMaps) -> str:
    verdict = "right" if maps.answer == maps.target else f"wrong: {maps.target}"
    return f"{maps.question}   {maps.answer} ({verdict})"


def _footnote(noise: int) -> str:
    merged = f"; columns without a name: the highest of up to {noise} tokens" if noise > 1 else ""
    return f"rows attend to columns; memory green, facts orange, question blue{merged}"


def _colour_bar(figure: Figure, panels: Sequence[Axes], scale: PowerNorm) -> None:
    bar = figure.colorbar(
        ScalarMappable(scale, _COLOURS), ax=list(panels), shrink=min(1.0, 2.0 / figure.get_figheight())
    )
    bar.ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    bar.outline.set(visible=False)
