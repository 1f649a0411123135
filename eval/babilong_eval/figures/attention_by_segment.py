"""Attention of [CLS] and the memory, segment by segment: Figure 6 of arXiv 2304.11062."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, PowerNorm

from babilong_eval.analysis.attention import SegmentMap, at, clearest_reading, clearest_writing
from babilong_eval.figures import style
from babilong_eval.figures.sheet import sheet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from babilong_eval.analysis.attention import AttentionMaps, Key, KeyKind
    from babilong_eval.figures.sheet import GivenAxes

_MOST_COLUMNS = 64
_ROW_INCHES, _BESIDE_ROWS_INCHES = 0.1, 0.72
_COLOUR_BAR_INCHES = 2.0
_LABEL_POINTS = 5.5
_LONGEST_NAME = 11
_CONTRAST = 0.5
"""The colour's exponent: small weights, which are the most, stay visible beside large ones."""

_COLOURS = LinearSegmentedColormap.from_list("attention", [style.PAPER, "#9cc9e3", "#0072b2", "#08253a"])
_INK: dict[KeyKind, str] = {
    "frame": style.MUTED,
    "memory": "#009e73",
    "fact": "#d55e00",
    "question": "#0072b2",
    "noise": style.MUTED,
}

_Head = tuple[int, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Column:
    """Adjacent keys that are drawn as one, in the colour of their highest weight."""

    keys: Sequence[Key]
    start: int

    @property
    def kind(self) -> KeyKind:
        return self.keys[0].kind

    @property
    def name(self) -> str:
        """The token; empty for several."""
        if len(self.keys) > 1:
            return ""
        text = self.keys[0].text
        return text if len(text) <= _LONGEST_NAME else f"{text[: _LONGEST_NAME - 1]}…"


def attention_by_segment(
    maps: AttentionMaps, *, layer: int | None = None, head: int | None = None, ax: GivenAxes | None = None
) -> Figure:
    """Draw a map per segment: [CLS] and the memory tokens in rows, the tokens they attend to in columns.

    In the last segment, which writes nothing, the question's tokens take the memory's place. Facts, question
    and memory have colours of their own. Noise shares columns, several tokens each, where a segment is too
    long to name every token.

    Args:
        layer: from 0; None takes the layer and head in which the memory looks at facts the most and, for the
            last segment, in which [CLS] or the question looks at the memory the most.
        head: from 0; None takes the mean over a given layer's heads.
        ax: axes to draw on, one per segment; None makes a figure.

    Raises:
        UsageError: there is no such layer or head, or not as many axes as segments.
    """
    writing = clearest_writing(maps) if layer is None else (layer, head)
    reading = clearest_reading(maps) if layer is None else (layer, head)
    shown = [*(at(segment, *writing) for segment in maps.segments[:-1]), at(maps.segments[-1], *reading)]
    noise = _noise_per_column(shown)
    columns = [_columns(segment, noise) for segment in shown]
    scale = PowerNorm(_CONTRAST, vmin=0, vmax=max(float(segment.weights.max()) for segment in shown))
    rows = [len(segment.rows) for segment in shown]
    height = sum(_ROW_INCHES * count + _BESIDE_ROWS_INCHES for count in rows) + 0.5
    with sheet(len(shown), ax=ax, height_inches=height, settings=style.BARE) as drawn:
        for number, axes in enumerate(drawn.panels):
            _draw(axes, shown[number], columns[number], scale)
            axes.set_xlim(0, max(map(len, columns)))
            axes.set_title(f"segment {number + 1}", fontweight="bold")
            axes.set_title(_summary(shown[number], writing, reading), loc="right", fontsize=7)
        drawn.colour_bar(ScalarMappable(scale, _COLOURS), inches=_COLOUR_BAR_INCHES)
        drawn.heading(_heading(maps))
        drawn.footnote(_footnote(noise))
    return drawn.figure


def _noise_per_column(segments: Sequence[SegmentMap]) -> int:
    """Return the fewest tokens of noise per column with which every segment fits, if facts leave room."""
    longest = max(len(segment.keys) for segment in segments)
    for noise in range(1, longest):
        if all(len(_columns(segment, noise)) <= _MOST_COLUMNS for segment in segments):
            return noise
    return longest


def _columns(segment: SegmentMap, noise: int) -> list[_Column]:
    """Return a segment's keys, each in a column of its own, but up to `noise` tokens of noise in one."""
    columns: list[_Column] = []
    for index, key in enumerate(segment.keys):
        last = columns[-1] if columns else None
        if last and key.kind == last.kind == "noise" and len(last.keys) < noise:
            columns[-1] = _Column(keys=(*last.keys, key), start=last.start)
        else:
            columns.append(_Column(keys=(key,), start=index))
    return columns


def _draw(axes: Axes, segment: SegmentMap, columns: Sequence[_Column], scale: PowerNorm) -> None:
    weights = np.maximum.reduceat(segment.weights[0, 0], [column.start for column in columns], axis=1)
    axes.pcolormesh(weights, cmap=_COLOURS, norm=scale, edgecolors=style.FAINT, linewidth=0.25)
    axes.invert_yaxis()
    rows = [_Column(keys=(key,), start=place) for place, key in enumerate(segment.rows)]
    axes.set_yticks(np.arange(len(rows)) + 0.5, [row.name for row in rows], fontsize=_LABEL_POINTS)
    middles = np.arange(len(columns)) + 0.5
    axes.set_xticks(middles, [column.name for column in columns], rotation=90, fontsize=_LABEL_POINTS)
    for label, column in zip(axes.get_xticklabels(), columns, strict=True):
        label.set_color(_INK[column.kind])
        label.set_fontweight("bold" if column.kind in ("fact", "question") else "normal")
    axes.tick_params(length=0, pad=1)
    for kind in ("memory", "fact", "question"):
        _mark_columns(axes, [i for i, column in enumerate(columns) if column.kind == kind], _INK[kind])


def _mark_columns(axes: Axes, columns: Sequence[int], colour: str) -> None:
    """Draw a line above some columns, so that they are found at a glance."""
    line = {"color": colour, "linewidth": 2, "solid_capstyle": "butt", "clip_on": False}
    for column in columns:
        axes.plot([column, column + 1], [-0.18, -0.18], **line)


def _summary(segment: SegmentMap, writing: _Head, reading: _Head) -> str:
    """Return what the map shows, in numbers, and of which head it is."""
    memory, facts = segment.mass("memory")[0, 0], segment.mass("fact")[0, 0]
    if segment.change is None:
        looks = f"[CLS] looks at memory {memory[0]:.0%}, at facts here {facts[0]:.0%}"
        if len(memory) > 1:
            most = int(memory[1:].argmax()) + 1
            looks += f", “{segment.rows[most].text}” at memory {memory[most]:.0%}"
        return f"{looks}; {_named(reading)}"
    looks = f"memory looks at itself {memory[1:].mean():.0%}, at facts {facts[1:].mean():.0%}"
    return f"{looks}, changes by {segment.change:.0%}; {_named(writing)}"


def _named(head: _Head) -> str:
    return f"layer {head[0] + 1}, " + ("mean of its heads" if head[1] is None else f"head {head[1] + 1}")


def _heading(maps: AttentionMaps) -> str:
    verdict = "right" if maps.answer == maps.target else f"wrong, {maps.target} is right"
    return f"{maps.question}   answer: {maps.answer} ({verdict})"


def _footnote(noise: int) -> str:
    merged = f"; columns without a name: the highest of up to {noise} tokens" if noise > 1 else ""
    return f"rows attend to columns; memory green, facts orange, question blue{merged}"
