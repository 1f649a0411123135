"""A whole retention curve for the price of its longest point: the question at every length, in one pass.

In a paired ladder the samples of one index have the same story, and the noise of a shorter one is part of
the longer, so that they often begin with the same tokens. A recurrent model's state after a common
beginning is the same too. So the longest sample is read once; where a shorter one leaves it, the state is
forked and the rest of the shorter sample, question included, is read from there. Every model leaves the
state that it is given as it was, so a fork costs nothing, and each answer is computed from the very
segments that a separate evaluation reads: the two are equal.

What is saved is what is shared. With the facts at the start, or in a given segment, a shorter sample leaves
the longest within its last segments, and a ladder 1, 2, 4 ... 4,096 costs little more than 4,096 alone.
Where facts are spread over the input (`uniform`), samples part at the first of them and the rest is read
separately: just as right, but as expensive as an evaluation without probes. Which it was, is said when the
run ends.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from babilong_eval.inference.memory import reset_peak
from babilong_eval.inference.segment_loop import (
    SegmentReader,
    answer_from,
    n_segments,
    outcome_of_too_long,
    outcomes_of,
    read,
    too_long,
    try_within_memory,
    walk,
)
from babilong_eval.models.segments import cut

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from babilong_eval.data.dataset import Sample
    from babilong_eval.inference.batching import BatchLimits, EncodedSample
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import Answer, SegmentModel

Ladder = list["EncodedSample"]
"""The samples of one index, from the shortest to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rung:
    """What a batch of ladders said at one length.

    Attributes:
        shared: segments that were not read for it, since the longest samples begin with them.
        seconds: what it would have taken by itself: up to the fork, and from there.
    """

    readings: list[EncodedSample]
    answers: list[Answer]
    shared: int
    seconds: float


def ask(
    reader: SegmentReader, ladders: Iterable[Iterable[Sample]], limits: BatchLimits
) -> Iterator[SampleResult]:
    """Asks about the samples of every ladder, each in one pass; yields an outcome for every sample.

    Ladders of equal form are read side by side. What is too long for the model, or for its memory even alone,
    fails without its ladder's shorter samples.
    """
    model = reader.model
    reset_peak(model.device)
    waiting: list[Ladder] = []
    for samples in ladders:
        ladder = _read_ladder(reader, samples)
        yield from (outcome_of_too_long(model, rung) for rung in ladder if too_long(model, rung))
        ladder = [rung for rung in ladder if not too_long(model, rung)]
        if waiting and ladder and _form(model, ladder) != _form(model, waiting[0]):
            yield from _climb(reader, waiting)
        if ladder:
            waiting.append(ladder)
        if waiting and _full(waiting, limits):
            yield from _climb(reader, waiting)
        del ladder
    yield from _climb(reader, waiting)


def _read_ladder(reader: SegmentReader, samples: Iterable[Sample]) -> Ladder:
    """The samples of one index; what one begins with like the one before is not tokenized again."""
    remembering = replace(reader, encoder=reader.encoder.remembering())
    return list(map(partial(read, remembering), samples))


def shared_segments(model: SegmentModel, shorter: EncodedSample, longest: EncodedSample) -> int:
    """How many segments two samples begin with in common, without the last of each."""
    one, other = shorter.tokens, longest.tokens
    n = min(len(one), len(other))
    parted = np.flatnonzero(one[:n] != other[:n])
    common = int(parted[0]) if len(parted) else n
    cuts = [cut(len(tokens), model.segment_size, model.alignment)[:-1] for tokens in (one, other)]
    same = [mine == theirs and mine.stop <= common for mine, theirs in zip(*cuts, strict=False)]
    return same.index(False) if False in same else len(same)


def _full(batch: list[Ladder], limits: BatchLimits) -> bool:
    """Whether another ladder like these would be too much to read beside them."""
    longest = max(len(ladder[-1].tokens) for ladder in batch)
    return len(batch) == limits.rows or (len(batch) + 1) * longest > limits.tokens


def _form(model: SegmentModel, ladder: Ladder) -> list[tuple[str, int]]:
    """What ladders that are read side by side have in common: the same lengths, in as many segments each."""
    return [(rung.sample.length, n_segments(model, rung)) for rung in ladder]


def _climb(reader: SegmentReader, batch: list[Ladder]) -> Iterator[SampleResult]:
    """Reads a batch of ladders and empties it; in parts, or without the longest, where memory is short."""
    if not batch:
        return
    rungs = try_within_memory(partial(_one_pass, reader, batch))
    if rungs is None and len(batch) > 1:
        yield from _climb(reader, batch[: len(batch) // 2])
        yield from _climb(reader, batch[len(batch) // 2 :])
    elif rungs is None:
        *shorter, longest = batch[0]
        yield from outcomes_of(reader.model, [longest], None, 0.0)
        yield from _climb(reader, [shorter] if shorter else [])
    else:
        for rung in rungs:
            outcomes = outcomes_of(reader.model, rung.readings, rung.answers, rung.seconds / len(batch))
            yield from (replace(outcome, shared_segments=rung.shared) for outcome in outcomes)
        reset_peak(reader.model.device)
    batch.clear()


def _one_pass(reader: SegmentReader, batch: list[Ladder]) -> list[_Rung]:
    """Reads the longest sample of each ladder and, from where they leave it, the others."""
    model = reader.model
    *shorter, longest = [list(column) for column in zip(*batch, strict=True)]
    shared = partial(shared_segments, model)
    leaves = [min(map(shared, column, longest)) for column in shorter]
    rungs = []
    started, aside = time.monotonic(), 0.0
    position, state = 0, model.start(len(batch))
    for position, (before, _) in enumerate(walk(model, longest, state)):
        state = before
        for column in (column for column, leave in zip(shorter, leaves, strict=True) if leave == position):
            left = time.monotonic()
            answers = answer_from(reader, column, state, position)
            back = time.monotonic()
            seconds = back - started - aside
            rungs.append(_Rung(readings=column, answers=answers, shared=position, seconds=seconds))
            aside += back - left
    answers = answer_from(reader, longest, state, position)
    seconds = time.monotonic() - started - aside
    return [*rungs, _Rung(readings=longest, answers=answers, shared=0, seconds=seconds)]
