"""Where the facts of one sample go: the noise border in front of each, for every kind of placement.

Positions are token counts of `input`. A fact at noise border p stands behind p noise sentences and all
earlier facts, so its position is `noise.tokens_at(p)` plus the tokens of those facts.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate

from babilong_gen.assemble.fill import Noise
from babilong_gen.placement import Placement
from babilong_gen.rng import Rng


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What placing needs to know of a story.

    Attributes:
        tokens: tokens of each fact.
        supporting: indices of the facts that the answer needs.
        opens: whether the story's fact opens the input by the task's definition (`memorize`).
    """

    tokens: list[int]
    supporting: tuple[int, ...]
    opens: bool

    @property
    def total(self) -> int:
        """Tokens of all facts."""
        return sum(self.tokens)


def room_needed(placement: Placement, facts: Facts, *, input_tokens: int, segment_size: int) -> int:
    """Return the fewest input tokens that can hold the facts as placed; more than there are if none can."""
    if placement.bounded:
        low, high = _bounds(placement, input_tokens, segment_size)
        return facts.total if high - low >= facts.total else input_tokens + 1
    if placement.kind == "gap":
        return facts.total + int(placement.low) * (len(facts.tokens) - 1)
    return facts.total


def place(
    placement: Placement,
    facts: Facts,
    noise: Noise,
    rng: Rng,
    *,
    index: int,
    input_tokens: int,
    segment_size: int,
) -> list[int] | None:
    """Choose the noise border in front of each fact, in rising order; None where none lies in bounds.

    Args:
        index: the sample's index, which decides the depth in a depth grid.
        input_tokens: tokens of the finished input.
        segment_size: tokens a segment, for the placements that know segments.
    """
    count = len(facts.tokens)
    match placement.kind:
        case "start":
            return [0] * count
        case "end":
            return [noise.sentences] * count
        case "uniform":
            return [noise.nearest_border(x) for x in _sorted_uniform(rng, count, 0, noise.tokens)]
        case "range" | "segment":
            low, high = _bounds(placement, input_tokens, segment_size)
            return _within(facts, noise, rng, low, high)
        case "depth":
            return _at_depth(placement.low, facts, noise, input_tokens)
        case "depth-grid":
            cells = int(placement.low)
            return _at_depth(index % cells / (cells - 1), facts, noise, input_tokens)
        case "segment-start":
            return _at_segment_starts(facts, noise, rng, input_tokens, segment_size)
        case "gap":
            return _with_gaps(int(placement.low), count, noise, rng)


def in_bounds(
    placement: Placement, spans: list[tuple[int, int]], *, input_tokens: int, segment_size: int
) -> bool:
    """Return whether facts at these token spans keep to the bounds that the placement sets."""
    if not placement.bounded:
        return True
    low, high = _bounds(placement, input_tokens, segment_size)
    return low <= spans[0][0] and spans[-1][1] <= high


def _bounds(placement: Placement, input_tokens: int, segment_size: int) -> tuple[float, float]:
    """Return the token positions between which all facts must lie."""
    if placement.kind == "range":
        return placement.low * input_tokens, placement.high * input_tokens
    first = placement.low * segment_size
    return first, min(first + segment_size, input_tokens)


def _sorted_uniform(rng: Rng, count: int, low: float, high: float) -> list[float]:
    return sorted(low + rng.random() * (high - low) for _ in range(count))


def _within(facts: Facts, noise: Noise, rng: Rng, low: float, high: float) -> list[int] | None:
    last = high - facts.total
    lowest, highest = noise.border_at_or_after(low), noise.border_at_or_before(last)
    if lowest > highest or noise.tokens_at(lowest) < low:
        return None
    drawn = _sorted_uniform(rng, len(facts.tokens), low, last)
    return [min(max(noise.nearest_border(x), lowest), highest) for x in drawn]


def _at_depth(depth: float, facts: Facts, noise: Noise, input_tokens: int) -> list[int]:
    """Put all facts together, the middle of the supporting ones as near to the depth as a border allows."""
    first, last = min(facts.supporting), max(facts.supporting)
    middle = (sum(facts.tokens[:first]) + sum(facts.tokens[: last + 1])) / 2
    wanted = min(max(depth * input_tokens - middle, 0), noise.tokens)
    return [noise.nearest_border(wanted)] * len(facts.tokens)


def _at_segment_starts(
    facts: Facts, noise: Noise, rng: Rng, input_tokens: int, segment_size: int
) -> list[int]:
    count = len(facts.tokens)
    segments = max(1, -(-(input_tokens - max(facts.tokens)) // segment_size))
    if facts.opens:
        chosen = [0] * count
    elif count <= segments:
        chosen = sorted(_distinct(rng, segments, count))
    else:
        chosen = sorted(rng.randrange(segments) for _ in range(count))
    before = accumulate(facts.tokens[:-1], initial=0)
    return [noise.border_at_or_after(s * segment_size - b) for s, b in zip(chosen, before, strict=True)]


def _distinct(rng: Rng, below: int, count: int) -> set[int]:
    """Draw `count` different whole numbers below `below`, all sets equally likely (Floyd's sampling)."""
    chosen: set[int] = set()
    for top in range(below - count, below):
        drawn = rng.randrange(top + 1)
        chosen.add(top if drawn in chosen else drawn)
    return chosen


def _with_gaps(gap: int, count: int, noise: Noise, rng: Rng) -> list[int]:
    slack = noise.tokens - gap * (count - 1)
    borders = [noise.nearest_border(rng.random() * slack)]
    for _ in range(count - 1):
        borders.append(noise.nearest_border(noise.tokens_at(borders[-1]) + gap))
    return borders
