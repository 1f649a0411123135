"""Placements as users write them: where in the haystack the facts go.

uniform            over the noise tokens, each fact for itself, order kept
start, end         all facts before, or after, the noise
depth:0.25         the supporting facts' middle at this fraction of the input, the facts together
depth-grid:11      sample i at depth (i mod 11) / 10: evenly spread, for heatmaps
range:0.2-0.6      every fact within this part of the input, uniform there
segment:K          every fact within segment K, counted from 0
segment-start      each fact opens a segment drawn at random (arXiv 2304.11062, section 3; the one
                   of `memorize` opens the input)
gap:N              N tokens of noise between neighbouring facts
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from babilong_gen.errors import UsageError

Kind = Literal["uniform", "start", "end", "depth", "depth-grid", "range", "segment", "segment-start", "gap"]

_FORMS = "uniform, start, end, depth:0.25, depth-grid:11, range:0.2-0.6, segment:2, segment-start, gap:100"


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A parsed placement.

    Attributes:
        text: as written.
        kind: the word before the colon.
        low: the depth, the lower end of a range, or the number after the colon.
        high: the upper end of a range (a fraction), else equal to `low`.
    """

    text: str
    kind: Kind
    low: float = 0.0
    high: float = 0.0

    @property
    def bounded(self) -> bool:
        """Whether every fact must lie between two token positions."""
        return self.kind in ("range", "segment")


def parse_placement(text: str) -> Placement:
    """Read a placement.

    Raises:
        UsageError: the placement is unknown, or its number is missing or out of bounds.
    """
    text = text.strip()
    kind, colon, value = text.partition(":")
    match kind:
        case "uniform" | "start" | "end" | "segment-start" if not colon:
            return Placement(text=text, kind=kind)
        case "depth":
            depth = _fraction(text, value)
            return Placement(text=text, kind=kind, low=depth, high=depth)
        case "range":
            return _range(text, value)
        case "depth-grid":
            return _count(text, kind, value, least=2)
        case "segment":
            return _count(text, kind, value, least=0)
        case "gap":
            return _count(text, kind, value, least=0)
    raise UsageError(f"unknown placement {text!r}: expected one of {_FORMS}")


def _range(text: str, value: str) -> Placement:
    first, dash, last = value.partition("-")
    if not dash:
        raise UsageError(f"placement {text!r}: expected two fractions, as in range:0.2-0.6")
    low, high = _fraction(text, first), _fraction(text, last)
    if low >= high:
        raise UsageError(f"placement {text!r}: the first fraction must be below the second")
    return Placement(text=text, kind="range", low=low, high=high)


def _fraction(text: str, value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0.0 <= number <= 1.0:
        raise UsageError(f"placement {text!r}: expected a fraction from 0 to 1, as in depth:0.25")
    return number


def _count(text: str, kind: Kind, value: str, *, least: int) -> Placement:
    if not value.isascii() or not value.isdigit() or len(value) > 9 or int(value) < least:
        raise UsageError(
            f"placement {text!r}: expected a whole number of at least {least}, as in {kind}:{least + 9}"
        )
    return Placement(text=text, kind=kind, low=int(value), high=int(value))
