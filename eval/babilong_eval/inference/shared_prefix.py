"""A whole retention curve for the price of its longest point: the question at every length, in one pass.

In paired data the samples of one index are a length series: they have the same story, and the noise of a
shorter one is part of the longer, so they often begin with the same tokens. A recurrent model's state after a
shared prefix is the same too. So the longest sample is read once; where a shorter one diverges from it, the
state is forked and the rest of the shorter sample, question included, is read from there. Models leave the
state they are given unchanged, so a fork costs nothing, and each answer is computed from the same segments
that a separate evaluation reads: the two are equal.

Only what is shared is saved. With the facts at the start, or in a given segment, a shorter sample diverges
from the longest within its last segments, and a series 1, 2, 4 ... 4,096 costs little more than 4,096 alone.
With facts spread over the input (`uniform`), samples diverge at the first fact and the rest is read
separately: just as correct, but as expensive as separate evaluations. The command says at its end how many
segments it saved.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from babilong_eval.inference.chunked_encoder import common_prefix
from babilong_eval.inference.memory import reset_peak
from babilong_eval.inference.segment_loop import (
    SegmentReader,
    answer_from,
    encode,
    n_segments,
    results_of,
    too_long,
    too_long_result,
    try_within_memory,
    walk,
)
from babilong_eval.models.segments import cuts_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from babilong_eval.data.sample import Sample
    from babilong_eval.inference.batching import BatchLimits, EncodedSample
    from babilong_eval.inference.sample_result import SampleResult
    from babilong_eval.models.protocol import Answer, SegmentModel

Series = list["EncodedSample"]
"""A length series: the samples of one index, from the shortest to the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _AnswersAtLength:
    """What a batch of series answered at one length.

    Attributes:
        shared: segments that were not read for it, since the longest samples begin with them.
        seconds: what it would have taken by itself: up to the fork, and from there.
    """

    samples: list[EncodedSample]
    answers: list[Answer]
    shared: int
    seconds: float


def answer_series(
    reader: SegmentReader, series: Iterable[Iterable[Sample]], limits: BatchLimits
) -> Iterator[SampleResult]:
    """Answer the samples of every length series in one pass per series; yield a result for each sample.

    Series of the same lengths are read side by side. A sample that is too long for the model, or for its
    memory even alone, fails without the shorter samples of its series.
    """
    model = reader.model
    reset_peak(model.device)
    waiting: list[Series] = []
    for samples in series:
        encoded = _encode_series(reader, samples)
        yield from (too_long_result(model, sample) for sample in encoded if too_long(model, sample))
        encoded = [sample for sample in encoded if not too_long(model, sample)]
        if waiting and encoded and _form(model, encoded) != _form(model, waiting[0]):
            yield from _answer_batch(reader, waiting)
        if encoded:
            waiting.append(encoded)
        if waiting and _full(waiting, limits):
            yield from _answer_batch(reader, waiting)
        del encoded
    yield from _answer_batch(reader, waiting)


def _encode_series(reader: SegmentReader, samples: Iterable[Sample]) -> Series:
    """Tokenize the samples of one index; a prefix shared with the previous one is not tokenized again."""
    remembering = replace(reader, encoder=reader.encoder.remembering())
    return list(map(partial(encode, remembering), samples))


def shared_segments(model: SegmentModel, shorter: EncodedSample, longest: EncodedSample) -> int:
    """Return how many segments two samples begin with in common, without the last of each."""
    one, other = shorter.tokens, longest.tokens
    common = common_prefix(one, other)
    cuts = [cuts_of(model, len(tokens))[:-1] for tokens in (one, other)]
    same = [mine == theirs and mine.stop <= common for mine, theirs in zip(*cuts, strict=False)]
    return same.index(False) if False in same else len(same)


def _full(batch: list[Series], limits: BatchLimits) -> bool:
    """Return whether another series like these would be too much to read beside them."""
    longest = max(len(series[-1].tokens) for series in batch)
    return len(batch) == limits.rows or (len(batch) + 1) * longest > limits.tokens


def _form(model: SegmentModel, series: Series) -> list[tuple[str, int]]:
    """Return what series that are read side by side have in common: lengths, and segments at each."""
    return [(sample.sample.length, n_segments(model, sample)) for sample in series]


def _answer_batch(reader: SegmentReader, batch: list[Series]) -> Iterator[SampleResult]:
    """Read a batch of series and empty it; in parts, or without the longest, where memory is short."""
    if not batch:
        return
    lengths = try_within_memory(partial(_one_pass, reader, batch))
    if lengths is None and len(batch) > 1:
        yield from _answer_batch(reader, batch[: len(batch) // 2])
        yield from _answer_batch(reader, batch[len(batch) // 2 :])
    elif lengths is None:
        *shorter, longest = batch[0]
        yield from results_of(reader.model, [longest], None, 0.0)
        yield from _answer_batch(reader, [shorter] if shorter else [])
    else:
        for at in lengths:
            results = results_of(reader.model, at.samples, at.answers, at.seconds / len(batch))
            yield from (replace(result, shared_segments=at.shared) for result in results)
        reset_peak(reader.model.device)
    batch.clear()


def _one_pass(reader: SegmentReader, batch: list[Series]) -> list[_AnswersAtLength]:
    """Read the longest sample of each series and, from where they diverge from it, the others."""
    model = reader.model
    *shorter, longest = [list(column) for column in zip(*batch, strict=True)]
    forks = [min(map(partial(shared_segments, model), column, longest)) for column in shorter]
    found = []
    started, aside = time.monotonic(), 0.0
    position, state = 0, model.start(len(batch))
    for position, (before, _) in enumerate(walk(model, longest, state)):
        state = before
        for column in (column for column, fork in zip(shorter, forks, strict=True) if fork == position):
            left = time.monotonic()
            answers = answer_from(reader, column, state, position)
            back = time.monotonic()
            seconds = back - started - aside
            found.append(_AnswersAtLength(samples=column, answers=answers, shared=position, seconds=seconds))
            aside += back - left
    answers = answer_from(reader, longest, state, position)
    seconds = time.monotonic() - started - aside
    return [*found, _AnswersAtLength(samples=longest, answers=answers, shared=0, seconds=seconds)]
