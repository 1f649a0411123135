"""Which windows of a text make a model forget: the segments that overwrite its memory and change its answer.

The model reads a sample once, and its state before each segment is kept. Then the last segment, question
included, is read again with the memory as it was after fewer segments: what changes the answer is what the
windows between did to the memory. Answers are taken 0, 1, 3, 7 ... windows after the last fact; where two
neighbours differ, bisection finds the windows between them that turned one into the other. Turns that undo
each other within one such span are not seen.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import track

from babilong_eval.data.dataset import open_dataset, read_samples, select
from babilong_eval.inference.segment_loop import choices_of, encode, make_reader, walk
from babilong_eval.models.protocol import Segment
from babilong_eval.models.segments import cuts_of
from babilong_eval.models.state import join_rows, select_rows
from babilong_eval.prompts.prompts import plain_prompts
from babilong_gen.errors import SourceError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from babilong_eval.data.sample import Sample
    from babilong_eval.inference.batching import EncodedSample
    from babilong_eval.inference.segment_loop import SegmentReader
    from babilong_eval.models.protocol import SegmentModel

_Answers = dict[int, str]
"""The answers to one sample, by how many segments were read before the last."""

_SIDE_BY_SIDE = 8

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A window that changed the answer.

    Attributes:
        segment: the number of the window in the sample, from 1.
        tokens_read: from the beginning of the sample to the end of the window.
        target: the right answer.
        before: the answer from the memory before the window.
        after: the answer from the memory after it.
        text: of the window.
    """

    segment: int
    tokens_read: int
    target: str
    before: str
    after: str
    text: str

    @property
    def lost(self) -> bool:
        """Whether the right answer was lost."""
        return self.before == self.target


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """What happened to the answer to one sample after its last fact.

    Attributes:
        sample_id: as in the dataset.
        labels: of its task.
        windows: how many were read between the last fact and the last segment.
        words: how many of them contain each word, in lower case.
        naming: how many of them name a label.
        flips: in the order of reading.
    """

    sample_id: str
    labels: tuple[str, ...]
    windows: int
    words: Mapping[str, int]
    naming: int
    flips: tuple[Flip, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """A sample that is watched.

    Attributes:
        encoded: the sample as tokens.
        cuts: where its segments are.
        first: how many segments have been read when its last fact has.
    """

    encoded: EncodedSample
    cuts: Sequence[slice]
    first: int


def watch(reader: SegmentReader, samples: Iterable[Sample], *, batch_size: int) -> Iterator[Watched]:
    """Read samples, `batch_size` side by side, and find the windows that changed their answers.

    Samples whose last fact is in their last segment have no such window and are left out.

    Raises:
        UsageError: a model that keeps all it reads, or that does not read samples as they are.
    """
    if not reader.model.bounded_state or reader.model.input_form != "plain":
        raise UsageError(
            "windows that overwrite a memory are looked for in models of bounded memory that read samples as "
            "they are: give --model rmt:FOLDER"
        )
    waiting = iter(samples)
    while batch := [_row(reader, sample) for sample in islice(waiting, batch_size)]:
        sizes = {len(row.cuts) for row in batch}
        for size in sorted(sizes):
            rows = [row for row in batch if len(row.cuts) == size and row.first < size]
            if rows:
                yield from _watch(reader, rows)


def watch_longest(model: SegmentModel, data: str, *, limit: int) -> list[Watched]:
    """Watch up to `limit` samples of each task of a dataset at its longest length.

    Shows progress on a terminal. Raises what `watch` and `open_dataset` raise.
    """
    dataset = open_dataset(data)
    longest = dict(select(dataset))  # shorter lengths come first
    prompts = plain_prompts(list(longest)).prompts
    reader = make_reader(model, prompts, choose=True)
    console = Console(stderr=True)
    watched: list[Watched] = []
    for task, length in longest.items():
        samples = islice(read_samples(dataset, task, length), limit)
        found = watch(reader, samples, batch_size=_SIDE_BY_SIDE)
        about = f"{task} at {length}"
        watched += track(
            found, about, total=limit, console=console, transient=True, disable=not console.is_terminal
        )
    return watched


def words_of(text: str) -> set[str]:
    """Return the words of a text in lower case."""
    return {word.lower() for word in _WORD.findall(text)}


def _row(reader: SegmentReader, sample: Sample) -> _Row:
    facts_end = max((fact["char_end"] for fact in sample.facts), default=0)
    fact_tokens = len(reader.encoder.encode(sample.input[:facts_end].encode()))
    encoded = encode(reader, sample)
    cuts = cuts_of(reader.model, len(encoded.tokens))
    return _Row(encoded=encoded, cuts=cuts, first=sum(segment.start < fact_tokens for segment in cuts))


def _watch(reader: SegmentReader, rows: Sequence[_Row]) -> Iterator[Watched]:
    """Watch rows that have the same number of segments."""
    model = reader.model
    walked = list(walk(model, [row.encoded for row in rows], model.start(len(rows))))
    states, last = [state for state, _ in walked], walked[-1][1]

    def ask(memories: Sequence[tuple[int, int]]) -> list[str]:
        """Answer rows, each from the memory after so many segments: (row, segments) -> answer."""
        numbers = [row for row, _ in memories]
        state = join_rows([select_rows(states[segments], [row]) for row, segments in memories])
        question = Segment(last.tokens[numbers], None if last.mask is None else last.mask[numbers])
        choices = [choices_of(reader, rows[row].encoded.sample) for row in numbers]
        found = model.answer(question, state, choices)
        for number, answer in zip(numbers, found, strict=True):
            if answer.failure:
                raise SourceError(f"{rows[number].encoded.sample.sample_id}: the model's {answer.failure}")
        return [answer.text for answer in found]

    answers: list[_Answers] = []
    for number, row in enumerate(rows):
        stops = _stops(row)
        answers.append(dict(zip(stops, ask([(number, stop) for stop in stops]), strict=True)))
    while wide := [
        (number, (start + end) // 2)
        for number, known in enumerate(answers)
        for start, end in _turns(known)
        if end - start > 1
    ]:
        for (number, middle), answer in zip(wide, ask(wide), strict=True):
            answers[number][middle] = answer
    for row, known in zip(rows, answers, strict=True):
        yield _watched(reader, row, known)


def _stops(row: _Row) -> list[int]:
    """Return after how many segments to answer: 0, 1, 3, 7 ... after the last fact, and after all."""
    every = len(row.cuts) - 1
    doubling = [row.first + 2**power - 1 for power in range(every.bit_length())]
    return [*(stop for stop in doubling if stop < every), every]


def _turns(known: _Answers) -> list[tuple[int, int]]:
    """Return neighbouring stops whose answers differ."""
    return [(start, end) for start, end in pairwise(sorted(known)) if known[start] != known[end]]


def _watched(reader: SegmentReader, row: _Row, known: _Answers) -> Watched:
    sample, tokens = row.encoded.sample, row.encoded.tokens
    texts = {
        segment: reader.model.tokenizer.decode(tokens[row.cuts[segment]].tolist())
        for segment in range(row.first, len(row.cuts) - 1)
    }
    words = [words_of(text) for text in texts.values()]
    labels = words_of(" ".join(sample.choices or ()))
    return Watched(
        sample_id=sample.sample_id,
        labels=sample.choices or (),
        windows=len(texts),
        words=Counter(word for found in words for word in found),
        naming=sum(not labels.isdisjoint(found) for found in words),
        flips=tuple(
            Flip(
                segment=end,
                tokens_read=row.cuts[start].stop,
                target=sample.target,
                before=known[start],
                after=known[end],
                text=texts[start],
            )
            for start, end in _turns(known)
        ),
    )
