"""Makes the rows of a step: fresh samples, rows that continue an earlier one, and rows without facts."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from babilong_eval.training.hard_negatives import plant_hard_negatives
from babilong_eval.training.memory_entries import entries_of
from babilong_eval.training.memory_pool import NO_FACT, CarriedMemory
from babilong_eval.training.memory_questions import MemoryQuestion, draw_memory_questions
from babilong_eval.training.positions import draw_skipped
from babilong_eval.training.rows import Pools, Row
from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Callable

    from babilong_eval.training.recipe_stages import Stage
    from babilong_eval.training.samples import SampleSource, TrainingSample

_SAMPLES_TRIED = 30


@dataclass(frozen=True, slots=True)
class RowMaker:
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
