"""The rows of a batch: fresh samples, rows that continue an earlier one, and rows without facts.

All rows have the same number of full segments and end with a question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from babilong_eval.training.hard_negatives import plant_hard_negatives
from babilong_eval.training.memory_entries import entries_of
from babilong_eval.training.memory_pool import NO_FACT, CarriedMemory, MemoryPool
from babilong_eval.training.memory_questions import MemoryQuestion, draw_memory_questions
from babilong_eval.training.positions import draw_skipped
from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from babilong_eval.training.recipe_stages import Stage
    from babilong_eval.training.samples import SampleSource, TrainingSample

_SAMPLES_TRIED = 30
# Each process numbers its samples, later tries included, from a multiple of this.
_NUMBERS_PER_PROCESS = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a batch.

    Attributes:
        tokens: uint32 [segments * S].
        question: ids of the question, with which the tokens end.
        form: of the question; empty where these segments do not hold its facts.
        target: number of the label; NO_FACT where the row's stream has no fact.
        last_fact_segment: the segment, from 0, in which the last supporting fact ends; NO_FACT where these
            segments hold none.
        start: memory [M, D] to begin with; None for the trained one.
        age: segments that this memory has read.
        memory_questions: of the memory alone, on the way.
        entries: that the memory shall hold on the way; None where it is taught none.
        skipped: positions left out before each token; None where none are.
    """

    task: str
    tokens: np.ndarray
    question: tuple[int, ...]
    form: str
    target: int
    last_fact_segment: int
    start: Tensor | None
    age: int
    memory_questions: tuple[MemoryQuestion, ...] = ()
    entries: np.ndarray | None = None
    skipped: np.ndarray | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether these segments hold the facts."""
        return self.last_fact_segment >= 0


@dataclass(slots=True)
class Pools:
    """Memories for later rows to begin with.

    Attributes:
        known: know the answer to their question.
        empty: have read noise alone and took nothing for a fact.
        false_positive: have read noise alone and took something for a fact. No row continues them: a model
            cannot be asked to forget.
    """

    known: MemoryPool
    empty: MemoryPool
    false_positive: MemoryPool

    def add(
        self, rows: Sequence[Row], memory: Tensor, correct: Sequence[bool], segments: int, max_age: int
    ) -> None:
        """Add the memories of a batch that later rows can begin with.

        Args:
            rows: of the batch.
            memory: [B, M, D] before the last segment, which holds the question.
            correct: rows that were answered correctly; or, without facts, with due uncertainty.
            segments: of the batch.
            max_age: segments that a memory may have read.
        """
        for row, after, is_correct in zip(rows, memory, correct, strict=True):
            age = row.age + segments - 1
            is_forgotten = row.target != NO_FACT and not is_correct
            is_incomplete = row.last_fact_segment >= segments - 1
            if is_forgotten or is_incomplete or age > max_age:
                continue
            pool = self.known if row.target != NO_FACT else self.empty if is_correct else self.false_positive
            pool.add(
                CarriedMemory(
                    memory=after.clone(), task=row.task, question=row.question, target=row.target, age=age
                )
            )


class BatchSampler:
    """Samples the rows of each step, as a function of the step and of the pools.

    Args:
        source: what samples are made of.
        labels: the answers, in the order of their numbers.
        seed: of the recipe.
        rows: of the largest batch of any stage.
        process: number among those that train together. Like `rows`, it keeps samples from coming twice.
    """

    def __init__(
        self, source: SampleSource, labels: Sequence[str], *, seed: int, rows: int, process: int = 0
    ) -> None:
        self.source = source
        self.number = {label: number for number, label in enumerate(labels)}
        self.rows = rows
        self.process = process
        self.key = ("train", seed, process)

    def segment_size(self, stage: Stage, largest: int, step: int) -> int:
        """Return the segment size of a step: the stage's or, of several, one that the step draws."""
        sizes = stage.segment_sizes
        return Rng(*self.key, step, "size").choice(sizes) if len(sizes) > 1 else largest

    def batch(self, stage: Stage, segment_size: int, step: int, pools: Pools) -> list[Row]:
        """Return the rows of a step; memories to continue are taken from the pools.

        Raises:
            UsageError: stories do not fit the stage's segments, or no question has the form that it asks for.
        """
        rng = Rng(*self.key, step)
        segments = rng.randint(*stage.segments)
        maker = _RowMaker(self.source, self.number, rng, stage, segments, segment_size)
        streams = stage.streams
        continued = pools.known.take(rng, round(stage.batch * streams.continued) if segments else 0)
        empty = round(stage.batch * streams.empty) if segments else 0
        # Half of the empty rows begin anew, so that their pool gets both new memories and old ones.
        old = pools.empty.take(rng, empty - empty // 2)
        rows = [maker.continued(memory) for memory in continued + old]
        rows += [maker.empty() for _ in range(empty - len(old))]
        first = self.process * _NUMBERS_PER_PROCESS + step * self.rows
        rows += [maker.fresh(first + offset, pools) for offset in range(stage.batch - len(rows))]
        if not segments:
            rows = maker.padded(rows)
        longest = stage.positions_of
        return rows if longest is None else [maker.with_gaps(row, longest) for row in rows]


@dataclass(frozen=True, slots=True)
class _RowMaker:
    """Makes the rows of one step, in the order of its random numbers."""

    source: SampleSource
    number: dict[str, int]
    rng: Rng
    stage: Stage
    segments: int
    segment_size: int

    def padded(self, rows: list[Row]) -> list[Row]:
        """Put running noise before the shorter rows: facts alone differ in length."""
        longest = max(len(row.tokens) for row in rows)
        if longest > self.segment_size:
            raise UsageError(
                f"stage {self.stage.name}: facts and question alone make up to {longest} tokens, more than a "
                f"segment of {self.segment_size}: take longer segments, or at least 1 of them"
            )
        noise = [self.source.noise(self.rng, row.task, longest - len(row.tokens)) for row in rows]
        return [
            replace(row, tokens=np.concatenate([before, row.tokens]))
            for before, row in zip(noise, rows, strict=True)
        ]

    def with_gaps(self, row: Row, longest: int) -> Row:
        """Put the row's segments, and the memory's questions, at positions of longer ones."""

        def skipped(tokens: np.ndarray) -> np.ndarray:
            size, stop = self.segment_size, self.source.stop(row.task)
            return draw_skipped(self.rng, tokens, segment_size=size, longest=longest, stop=stop)

        asked = tuple(replace(each, skipped=skipped(each.tokens)) for each in row.memory_questions)
        return replace(row, skipped=skipped(row.tokens), memory_questions=asked)

    def fresh(self, number: int, pools: Pools) -> Row:
        """Return a row with a new sample, the `number`th of all."""
        task, streams = self._task(), self.stage.streams
        sample = self._sample(task, number)
        if self.segments > 1 and self.rng.bernoulli(streams.cut):
            sample = self._until(sample, task, number, lambda it: it.is_cut(self.segment_size))
        elif (
            streams.apart
            and len(sample.spans) > 1
            and self.segments > 2
            and self.rng.bernoulli(streams.apart)
        ):
            before_last = (self.segments - 1) * self.segment_size
            sample = self._until(sample, task, number, lambda it: it.is_apart(self.segment_size, before_last))
        protected = [*sample.spans, (len(sample.tokens) - len(sample.question), len(sample.tokens))]
        before = self._memory_before(pools)
        return Row(
            task=task,
            tokens=self._with_hard_negatives(sample.tokens, task, protected),
            question=tuple(sample.question),
            form=sample.form,
            target=self.number[sample.target],
            last_fact_segment=sample.last_fact_segment(self.segment_size),
            start=None if before is None else before.memory,
            age=0 if before is None else before.age,
            memory_questions=self._memory_questions(sample, task),
            entries=self._entries(sample),
        )

    def continued(self, carried: CarriedMemory) -> Row:
        """Return a row of noise that continues with a memory and asks its question again."""
        return Row(
            task=carried.task,
            tokens=self._noise_and_question(carried.task, carried.question),
            question=carried.question,
            form="",
            target=carried.target,
            last_fact_segment=NO_FACT,
            start=carried.memory,
            age=carried.age,
        )

    def empty(self) -> Row:
        """Return a row of noise from the beginning, with a question to which no fact belongs."""
        task = self._task()
        question = self.source.question(self.rng, task)
        return Row(
            task=task,
            tokens=self._noise_and_question(task, question),
            question=question,
            form="",
            target=NO_FACT,
            last_fact_segment=NO_FACT,
            start=None,
            age=0,
        )

    def _task(self) -> str:
        at = self.rng.random() * sum(self.stage.tasks.values())
        for name, weight in self.stage.tasks.items():
            at -= weight
            if at < 0:
                return name
        return next(reversed(self.stage.tasks))

    def _sample(self, task: str, number: int) -> TrainingSample:
        questions = self.stage.questions
        return self.source.sample(self.rng, task, self.segments, self.segment_size, number, questions)

    def _until(
        self, sample: TrainingSample, task: str, number: int, is_wanted: Callable[[TrainingSample], bool]
    ) -> TrainingSample:
        """Return the sample or, of a few others, the first that is wanted; the last if none is."""
        for attempt in range(1, _SAMPLES_TRIED):
            if is_wanted(sample):
                break
            sample = self._sample(task, number + (attempt << 33))
        return sample

    def _memory_questions(self, sample: TrainingSample, task: str) -> tuple[MemoryQuestion, ...]:
        wanted = re.compile(self.stage.questions or "")
        return draw_memory_questions(
            self.rng,
            [each for each in sample.asked if wanted.search(each.text)],
            self.stage.memory_questions,
            number=self.number,
            segments=self.segments,
            segment_size=self.segment_size,
            noise=lambda n_tokens: self.source.noise(self.rng, task, n_tokens),
        )

    def _entries(self, sample: TrainingSample) -> np.ndarray | None:
        if not self.stage.memory_entries:
            return None
        segments, size = self.segments, self.segment_size
        return entries_of(sample.relations, self.number, segments=segments, segment_size=size)

    def _memory_before(self, pools: Pools) -> CarriedMemory | None:
        """Return the memory that a fresh row begins with; None for the trained one."""
        rng, streams = self.rng, self.stage.streams
        if rng.bernoulli(streams.after_noise):
            return pools.empty.peek(rng)
        if streams.after_story and rng.bernoulli(streams.after_story):
            return (pools.false_positive if rng.bernoulli(0.5) else pools.known).peek(rng)
        return None

    def _noise_and_question(self, task: str, question: tuple[int, ...]) -> np.ndarray:
        noise = self.source.noise(self.rng, task, self.segments * self.segment_size - len(question))
        noise = self._with_hard_negatives(noise, task, [])
        return np.concatenate([noise, np.asarray(question, np.uint32)])

    def _with_hard_negatives(
        self, tokens: np.ndarray, task: str, protected: list[tuple[int, int]]
    ) -> np.ndarray:
        return plant_hard_negatives(
            tokens,
            self.rng,
            self.source,
            task,
            self.stage.streams,
            segment_size=self.segment_size,
            protected_spans=protected,
        )


def as_segments(rows: Sequence[Row], segment_size: int) -> Tensor:
    """Return the tokens of a batch, int64 [segments, B, S]; less than a segment becomes one short segment."""
    tokens = np.stack([row.tokens for row in rows]).astype(np.int64)
    size = min(segment_size, tokens.shape[1])
    return torch.from_numpy(tokens).view(len(rows), -1, size).transpose(0, 1)
