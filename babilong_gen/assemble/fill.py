"""Noise of exactly so many tokens, made of whole sentences in their own order.

Consecutive sentences are taken until the next one would not fit. The gap that is left is closed by
choosing, among the last few sentences taken and the next few to come, a subset whose tokens add up to
what is missing: a subset sum over some ten sentences, found with one big-integer shift a sentence. Text
stays natural (a handful of sentences near the end are skipped, none is out of order), and the noise of a
shorter sample with the same start is part of a longer one's.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Iterator
from dataclasses import dataclass

from babilong_gen.noise.corpus.pool import NoisePool

# How many sentences may be taken back, and how many looked at, to close the gap; wider when that fails.
_WINDOWS = ((4, 32), (16, 128), (64, 512))


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """A stretch of noise: runs of consecutive sentences of a pool.

    Attributes:
        pool: whose sentences they are.
        runs: half-open index ranges into `pool.kept`, in the order of the text.
        sentences_before, tokens_before: sums over the runs before each, and over all, at the end.
    """

    pool: NoisePool
    runs: list[tuple[int, int]]
    sentences_before: list[int]
    tokens_before: list[int]

    @property
    def sentences(self) -> int:
        """How many sentences there are; borders are numbered 0 to this."""
        return self.sentences_before[-1]

    @property
    def tokens(self) -> int:
        """Tokens of all its sentences, each counted as one that follows another."""
        return self.tokens_before[-1]

    def tokens_at(self, border: int) -> int:
        """Return how many tokens the sentences before a border have."""
        run = min(bisect.bisect_right(self.sentences_before, border), len(self.runs)) - 1
        if run < 0:
            return 0
        first = self.runs[run][0]
        before = self.pool.tokens_before
        inside = border - self.sentences_before[run]
        return self.tokens_before[run] + int(before[first + inside] - before[first])

    def border_at_or_before(self, tokens: float) -> int:
        """Return the last border with at most so many tokens before it."""
        if tokens < 0 or not self.runs:
            return 0
        run = min(bisect.bisect_right(self.tokens_before, tokens), len(self.runs)) - 1
        first, last = self.runs[run]
        before = self.pool.tokens_before
        target = math.floor(tokens) - self.tokens_before[run] + int(before[first])
        inside = int(before[first : last + 1].searchsorted(target, "right")) - 1
        return self.sentences_before[run] + inside

    def border_at_or_after(self, tokens: float) -> int:
        """Return the first border with at least so many tokens before it; the last one where none has."""
        border = self.border_at_or_before(tokens)
        return border if self.tokens_at(border) >= tokens else min(border + 1, self.sentences)

    def nearest_border(self, tokens: float) -> int:
        """Return the border whose tokens before it are nearest to so many."""
        low = self.border_at_or_before(tokens)
        high = min(low + 1, self.sentences)
        return low if tokens - self.tokens_at(low) <= self.tokens_at(high) - tokens else high


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseStart:
    """Where in a pool a sample's noise begins.

    Attributes:
        starts: the pool index at which each pass over the pool begins; more than one only where the
            sample may need more noise than the pool holds.
    """

    starts: tuple[int, ...]


def fill(pool: NoisePool, start: NoiseStart, tokens: int) -> Noise | None:
    """Return noise of exactly so many tokens; None where no choice of sentences adds up to it."""
    if tokens < 0:
        return None
    whole, gap = _consecutive(pool, start, tokens)
    if not gap:
        return _noise(pool, whole)
    taken = sum(last - first for first, last in whole)
    for back, reach in _WINDOWS:
        back = min(back, taken)
        kept, window_gap = _take_back(pool, whole, back)
        candidates = list(_sequence(pool, start, taken - back, reach))
        chosen = _subset(pool, candidates, gap + window_gap)
        if chosen is not None:
            return _noise(pool, kept + [(index, index + 1) for index in chosen])
    return None


def _passes(pool: NoisePool, start: NoiseStart) -> Iterator[tuple[int, int]]:
    """Yield the pool's sentences in the order of a sample's noise, as runs: each pass wraps around once."""
    for begin in start.starts:
        yield begin, len(pool.kept)
        if begin:
            yield 0, begin


def _consecutive(pool: NoisePool, start: NoiseStart, tokens: int) -> tuple[list[tuple[int, int]], int]:
    """Return the longest run of consecutive sentences within `tokens`, and the gap that is left."""
    before = pool.tokens_before
    runs: list[tuple[int, int]] = []
    for first, last in _passes(pool, start):
        available = int(before[last] - before[first])
        if available <= tokens:
            runs.append((first, last))
            tokens -= available
            continue
        end = first + int(before[first : last + 1].searchsorted(int(before[first]) + tokens, "right")) - 1
        if end > first:
            runs.append((first, end))
            tokens -= int(before[end] - before[first])
        break
    return runs, tokens


def _take_back(pool: NoisePool, runs: list[tuple[int, int]], count: int) -> tuple[list[tuple[int, int]], int]:
    """Return the runs without their last `count` sentences, and the tokens that are free again."""
    runs = list(runs)
    freed = 0
    while count:
        first, last = runs.pop()
        cut = max(first, last - count)
        freed += int(pool.tokens_before[last] - pool.tokens_before[cut])
        count -= last - cut
        if cut > first:
            runs.append((first, cut))
    return runs, freed


def _sequence(pool: NoisePool, start: NoiseStart, skip: int, count: int) -> Iterator[int]:
    """Yield pool indices of the noise sequence, at most `count` of them, without the first `skip`."""
    for first, last in _passes(pool, start):
        size = last - first
        if skip >= size:
            skip -= size
            continue
        stretch = range(first + skip, min(last, first + skip + count))
        yield from stretch
        count -= len(stretch)
        skip = 0
        if not count:
            return


def _subset(pool: NoisePool, candidates: list[int], tokens: int) -> list[int] | None:
    """Choose candidates, in order, whose tokens add up to `tokens`; as few as possible are looked at."""
    before = pool.tokens_before
    lengths = [int(before[index + 1] - before[index]) for index in candidates]
    within = (1 << (tokens + 1)) - 1
    reachable = [1]
    for length in lengths:
        reachable.append((reachable[-1] | reachable[-1] << length) & within)
        if reachable[-1] >> tokens:
            return _trace(candidates, lengths, reachable, tokens)
    return None


def _trace(candidates: list[int], lengths: list[int], reachable: list[int], tokens: int) -> list[int]:
    """Walk the subset sum back; later sentences are left out before earlier ones."""
    chosen: list[int] = []
    for index in range(len(reachable) - 2, -1, -1):
        if reachable[index] >> tokens & 1:
            continue
        chosen.append(candidates[index])
        tokens -= lengths[index]
    return chosen[::-1]


def _noise(pool: NoisePool, runs: list[tuple[int, int]]) -> Noise:
    merged: list[tuple[int, int]] = []
    for first, last in runs:
        if merged and merged[-1][1] == first:
            merged[-1] = (merged[-1][0], last)
        else:
            merged.append((first, last))
    before = pool.tokens_before
    sentences, tokens = [0], [0]
    for first, last in merged:
        sentences.append(sentences[-1] + last - first)
        tokens.append(tokens[-1] + int(before[last] - before[first]))
    return Noise(pool=pool, runs=merged, sentences_before=sentences, tokens_before=tokens)
