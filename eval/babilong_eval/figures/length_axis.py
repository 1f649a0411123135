"""The length axis: log2, in tokens or in segments, with `0k` one step to the left of the shortest."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import log2, radians, sin
from typing import TYPE_CHECKING, Literal

from babilong_gen.errors import UsageError
from babilong_gen.lengths import parse_length

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from matplotlib.axes import Axes

    from babilong_eval.results.records import Cell

Unit = Literal["tokens", "segments"]

_DODGE, _MOST_DODGE = 0.012, 0.35
"""How far series at the same length stand apart, so that bars do not hide each other: by the first number as
a fraction of the axis, but all of a length by no more than the second, of the gap to the next length."""

_LETTER_INCHES = 0.074
_LINE_INCHES = 0.115
_SLANTED = 45
_AXIS_PER_PANEL = 0.85
"""How much of a panel's width is the axis itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LengthAxis:
    """Where on an axis each length is.

    Attributes:
        unit: what is counted.
        values: every length that is drawn, in that unit, ascending; 0 for `0k`.
    """

    unit: Unit
    values: tuple[float, ...]

    @property
    def label(self) -> str:
        """The axis's label: a dataset counts the tokens of its own tokenizer, not the model's."""
        return "length in segments" if self.unit == "segments" else "length in the data's tokens"

    def at(self, cell: Cell) -> float:
        """Return the position of a cell."""
        return self.position(length_of(cell, self.unit))

    def position(self, value: float) -> float:
        """Return the position of a length in the axis's unit."""
        if value > 0:
            return log2(value)
        shortest = next((value for value in self.values if value > 0), 1.0)
        return log2(shortest) - 1

    def dodge(self, index: int, count: int) -> float:
        """Return how far to the right of its length the index-th of `count` series is drawn."""
        ticks = [self.position(value) for value in self.values]
        narrowest = min((right - left for left, right in pairwise(ticks)), default=1.0)
        span = max(ticks[-1] - ticks[0], 1.0)
        apart = min(_DODGE * span, _MOST_DODGE * narrowest / max(count - 1, 1))
        return (index - (count - 1) / 2) * apart

    def mark(self, axes: Axes, width_inches: float) -> None:
        """Write ticks, their labels and the axis's own label on a panel of about that width."""
        ticks = [self.position(value) for value in self.values]
        span = max(ticks[-1] - ticks[0], 1.0)
        places, names, turned = self.labels(width_inches)
        axes.set_xticks(places, names, rotation=turned)
        axes.set_xticks(ticks, minor=True)
        axes.set_xlim(ticks[0] - 0.04 * span, ticks[-1] + 0.04 * span)
        axes.set_xlabel(self.label)

    def labels(self, width_inches: float) -> tuple[list[float], list[str], int]:
        """Return positions that a panel of about that width has room to name, their names, and their turn.

        All have names, upright or turned, as long as there is room for a line of text at each.
        """
        ticks = [self.position(value) for value in self.values]
        names = [written(value, self.unit) for value in self.values]
        an_inch = max(ticks[-1] - ticks[0], 1.0) / (_AXIS_PER_PANEL * width_inches)
        room = [_LETTER_INCHES * (len(name) + 1) * an_inch for name in names]
        if _side_by_side(ticks[::-1], room[::-1]):
            return ticks, names, 0
        narrowest = min(right - left for left, right in pairwise(ticks)) / an_inch
        if narrowest >= _LINE_INCHES:
            return ticks, names, _SLANTED if narrowest * sin(radians(_SLANTED)) >= _LINE_INCHES else 90
        # every second one, every third and so on, counted from the longest length
        strides = (slice(None, None, -stride) for stride in range(2, len(ticks) + 1))
        stride = next(stride for stride in strides if _side_by_side(ticks[stride], room[stride]))
        return ticks[stride][::-1], names[stride][::-1], 0


def length_axis(cells: Iterable[Cell], also: Sequence[float] = (), unit: Unit | None = None) -> LengthAxis:
    """Return the axis that some cells can share.

    Args:
        cells: what is drawn; at least one.
        also: further lengths that must be visible, of a reference curve; ticks in powers of two lead there.
        unit: None takes segments where all lengths are given in segments, and tokens where all are in tokens.

    Raises:
        UsageError: some lengths are in tokens, some in segments, and not all say how many segments were read.
    """
    drawn = list(cells)
    unit = unit or _common_unit(drawn)
    return axis_of({length_of(cell, unit) for cell in drawn}, also, unit)


def axis_of(lengths: Iterable[float], also: Sequence[float], unit: Unit) -> LengthAxis:
    """Return the axis of lengths that are counted in a unit, at least one; `also` as in `length_axis`."""
    values = sorted(set(lengths))
    while also and values[-1] < 0.99 * max(also) and values[-1] > 0:
        values.append(min(2 * values[-1], max(also)))
    while also and values[0] > 1.01 * min(also):
        values.insert(0, max(values[0] / 2, min(also)))
    return LengthAxis(unit=unit, values=tuple(values))


def can_count_segments(cells: Iterable[Cell]) -> bool:
    """Return whether all cells say how many segments were read."""
    return all(cell.segments or parse_length(cell.length).unit == "seg" for cell in cells)


def written(value: float, unit: Unit) -> str:
    """Return a length as a tick label: `64k`, `1M`; segments, and tokens below 1k, as bare numbers."""
    if unit == "segments" or 0 < value < 1_000:
        return f"{value:g}"
    return f"{value / 1e6:.4g}M" if value >= 1e6 else f"{value / 1e3:.4g}k"


def _side_by_side(ticks: Sequence[float], room: Sequence[float]) -> bool:
    """Return whether labels that are centred at descending positions do not touch."""
    starts = [place - width / 2 for place, width in zip(ticks, room, strict=True)]
    ends = [place + width / 2 for place, width in zip(ticks, room, strict=True)]
    return all(start >= end for start, end in zip(starts, ends[1:], strict=False))


def _common_unit(cells: list[Cell]) -> Unit:
    in_segments = {parse_length(cell.length).unit == "seg" for cell in cells}
    if in_segments == {False}:
        return "tokens"
    if can_count_segments(cells):
        return "segments"
    raise UsageError(
        "some runs give their lengths in tokens, some in segments: plot them in separate figures"
    )


def length_of(cell: Cell, unit: Unit, segment_size: int | None = None) -> float:
    """Return a cell's length in a unit.

    Args:
        segment_size: tokens a segment, for a length given in segments.

    Raises:
        UsageError: the length is given in segments, and their size is not known.
    """
    length = parse_length(cell.length)
    if unit == "segments":
        return length.count if length.unit == "seg" else cell.segments or 0
    if length.unit == "seg" and segment_size is None:
        raise UsageError(
            f"a length of {cell.length} cannot be counted in tokens: run.json tells no segment_size"
        )
    return length.input_tokens(question_tokens=0, segment_size=segment_size or 0, reserve=0)
