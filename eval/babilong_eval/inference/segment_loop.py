"""A segment model reads samples and answers: prompt -> tokens -> batches -> segments -> answers."""

from __future__ import annotations

import gc
import time
from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch

from babilong_eval.inference.batching import BatchLimits, EncodedSample, batches
from babilong_eval.inference.chunked_encoder import ExactEncoder
from babilong_eval.inference.memory import give_back_freed, peak_bytes, reset_peak
from babilong_eval.inference.sample_result import SampleResult
from babilong_eval.models.segments import cuts_of, overlap_of, segment_batches
from babilong_eval.models.stop_strings import before_stop
from babilong_gen.errors import UsageError
from babilong_gen.tasks import RULER_TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from babilong_eval.data.sample import Sample
    from babilong_eval.models.protocol import Answer, Segment, SegmentModel, State
    from babilong_eval.prompts.prompts import Prompt

T = TypeVar("T")

_LONG_TEXT_BYTES = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentReader:
    """A model with what is needed to hand samples to it.

    Attributes:
        encoder: the model's tokenizer, for long texts.
        prompts: the words around a sample, by task.
        choose: whether the model chooses among the task's labels, or answers in its own words.
        stop: strings that end an answer in its own words.
    """

    model: SegmentModel
    encoder: ExactEncoder
    prompts: Mapping[str, Prompt]
    choose: bool
    stop: tuple[str, ...] = ()


def make_reader(
    model: SegmentModel, prompts: Mapping[str, Prompt], *, choose: bool, stop: tuple[str, ...] = ()
) -> SegmentReader:
    """Return a reader for a model; arguments as in `SegmentReader`."""
    encoder = ExactEncoder(model.tokenizer)
    return SegmentReader(model=model, encoder=encoder, prompts=prompts, choose=choose, stop=stop)


def answer_samples(
    reader: SegmentReader, samples: Iterable[Sample], limits: BatchLimits
) -> Iterator[SampleResult]:
    """Read every sample and yield the results, batch by batch.

    A sample that is too long for the model, or for its memory even alone, fails. A batch that is too large
    for the memory is halved, and so are those after it.
    """
    model, most_rows = reader.model, limits.rows
    reset_peak(model.device)
    for batch in batches(map(partial(encode, reader), samples), limits):
        yield from (too_long_result(model, encoded) for encoded in batch if too_long(model, encoded))
        left = deque(encoded for encoded in batch if not too_long(model, encoded))
        batch.clear()  # the next texts are read while this name stands for it
        while left:
            rows = [left.popleft() for _ in range(min(most_rows, len(left)))]
            started = time.monotonic()
            answers = try_within_memory(partial(_answer, reader, rows))
            if answers is None and len(rows) > 1:
                most_rows = len(rows) // 2
                left.extendleft(reversed(rows))
                continue
            seconds = (time.monotonic() - started) / len(rows)
            yield from results_of(model, rows, answers, seconds)
            reset_peak(model.device)
            rows.clear()


def encode(reader: SegmentReader, sample: Sample) -> EncodedSample:
    """Return a sample as its model reads it: exactly the tokens of tokenizing the whole prompt."""
    tokens = _tokens(reader, sample, reader.prompts[sample.task])
    if len(sample.utf8) > _LONG_TEXT_BYTES:
        give_back_freed()  # otherwise what tokenizing took is held for as long as the model reads
    return EncodedSample(sample=replace(sample, utf8=b"", input_ids=None), tokens=tokens)


def n_segments(model: SegmentModel, encoded: EncodedSample) -> int:
    """Return in how many segments the model reads a sample."""
    return len(cuts_of(model, len(encoded.tokens)))


def too_long(model: SegmentModel, encoded: EncodedSample) -> bool:
    """Return whether a sample has more tokens than the model can take."""
    return model.max_tokens is not None and len(encoded.tokens) > model.max_tokens


def too_long_result(model: SegmentModel, encoded: EncodedSample) -> SampleResult:
    """Return the failure of a sample that has more tokens than the model can take."""
    n = len(encoded.tokens)
    error = f"too long: {n:,} tokens, and the model takes {model.max_tokens:,}"
    return SampleResult(sample=encoded.sample, error=error, n_tokens=n)


def choices_of(reader: SegmentReader, sample: Sample) -> tuple[str, ...] | None:
    """Return the labels to choose from; None where the model is to answer in its own words.

    It is where answers are open, too: of words and numbers there is nothing to choose from.

    Raises:
        UsageError: labels are needed, and neither the dataset nor the task has any.
    """
    if not reader.choose or sample.task in RULER_TASKS:
        return None
    if not sample.choices:
        raise UsageError(
            f"{sample.sample_id}: no labels to choose from; the dataset needs a column 'choices'"
        )
    return sample.choices


def try_within_memory(work: Callable[[], T]) -> T | None:
    """Return what the work returns, or None where the device or the process ran out of memory."""
    try:
        with torch.inference_mode():
            return work()
    except (torch.OutOfMemoryError, MemoryError):
        pass
    except RuntimeError as error:
        if "can't allocate memory" not in str(error) and "out of memory" not in str(error):
            raise
    # only now that the failed frames are gone can what they held be given back
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def walk(
    model: SegmentModel, rows: Sequence[EncodedSample], state: State, position: int = 0
) -> Iterator[tuple[State, Segment]]:
    """Yield each segment from `position` on, with the model's state before reading it.

    `state` is the state before the first of them. The last segment is not read: it is to be answered.
    """
    streams = [row.tokens for row in rows]
    cut = segment_batches(streams, model.segment_size, model.alignment, overlap_of(model))
    segments = islice(cut, position, None)
    segment = next(segments)
    for following in segments:
        yield state, segment
        state = model.step(segment.tokens, segment.mask, state)
        segment = following
    yield state, segment


def answer_from(
    reader: SegmentReader, rows: Sequence[EncodedSample], state: State, position: int = 0
) -> list[Answer]:
    """Read the segments from `position` on and answer: one answer per row."""
    before, segment = deque(walk(reader.model, rows, state, position), maxlen=1).pop()
    choices = [choices_of(reader, row.sample) for row in rows]
    answers = reader.model.answer(segment, before, choices)
    # a model need not know of stop strings
    return [
        answer if labels else replace(answer, text=before_stop(answer.text, reader.stop))
        for answer, labels in zip(answers, choices, strict=True)
    ]


def _answer(reader: SegmentReader, rows: Sequence[EncodedSample]) -> list[Answer]:
    return answer_from(reader, rows, reader.model.start(len(rows)))


def results_of(
    model: SegmentModel, rows: Sequence[EncodedSample], answers: Sequence[Answer] | None, seconds: float
) -> Iterator[SampleResult]:
    """Yield the results of a batch's rows; without answers the batch was too large for the memory.

    `seconds` are those of one row.
    """
    peak = peak_bytes(model.device)
    for row, answer in zip(rows, answers or [None] * len(rows), strict=True):
        yield SampleResult(
            sample=row.sample,
            answer=answer if answer and not answer.failure else None,
            error=answer.failure if answer else f"out of memory with {len(row.tokens):,} tokens",
            n_tokens=len(row.tokens),
            segments=n_segments(model, row),
            seconds=seconds,
            peak_memory_bytes=peak,
        )


def as_chat(model: SegmentModel, prompt: Prompt, context: str, question: str) -> str:
    """Return a prompt as the model's chat template has it.

    Raises:
        BabilongError: the model has no chat template, or one that cannot be rendered.
    """
    if model.render_chat is None:
        raise UsageError("the model has no chat template: leave out --chat-template")
    return model.render_chat(prompt.messages(context, question))


def _tokens(reader: SegmentReader, sample: Sample, prompt: Prompt) -> np.ndarray:
    model, encoder = reader.model, reader.encoder
    if prompt.chat_template:
        return encoder.encode(as_chat(model, prompt, sample.input, sample.question).encode())
    if prompt.is_plain:
        tokens = encoder.encode_two(sample.utf8, sample.question, sample.input_ids)
    else:
        tokens = encoder.encode(prompt.text(sample.input, sample.question).encode())
    if not model.adds_special_tokens:
        return tokens
    before, after = encoder.special_tokens()
    return np.concatenate([before, tokens, *([after] if model.adds_special_tokens is True else [])])
