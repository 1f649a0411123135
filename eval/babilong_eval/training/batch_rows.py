"""The rows of a batch: fresh samples, streams that go on, and streams that tell nothing.

All rows have the same number of full segments and end with a question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from babilong_eval.training.hard_negatives import plant_decoys
from babilong_eval.training.memory_pool import Carried, Pool
from babilong_gen.rng import Rng

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_eval.training.recipe import Stage
    from babilong_eval.training.samples import SampleSource, TrainingSample

NOTHING_TOLD = -1
_CUTS_TRIED = 30
# Numbers of samples below it are one process's, later tries included.
_NUMBERS_EACH = 1 << 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """One row.

    Attributes:
        tokens: uint32 [segments * S].
        target: number of the label; -1 where nothing was told.
        told: the segment, from 0, in which the last supporting fact ends; -1 where there is none.
        start: the memory that it begins with; None for the trained one.
        age: segments read before.
    """

    task: str
    tokens: np.ndarray
    question: tuple[int, ...]
    target: int
    told: int
    start: Tensor | None
    age: int

    @property
    def fresh(self) -> bool:
        """Whether its facts are told in these segments."""
        return self.told >= 0


@dataclass(slots=True)
class Pools:
    """Streams that can be continued, and memories to begin after.

    Attributes:
        knowing: streams that know their answer.
        empty: streams that were told nothing and know it.
        fooled: streams that were told nothing and believe something; nobody can be asked to forget it.
    """

    knowing: Pool
    empty: Pool
    fooled: Pool


class StreamMaker:
    """Makes the streams of each step, as a function of the step and of the memories that wait.

    Args:
        rows: of the largest batch of any stage; `process`: of those that train together. Both keep samples
            from being made twice.
    """

    def __init__(
        self, material: SampleSource, labels: Sequence[str], *, seed: int, rows: int, process: int = 0
    ) -> None:
        self.material = material
        self.number = {label: number for number, label in enumerate(labels)}
        self.rows = rows
        self.process = process
        self.key = ("train", seed, process)

    def batch(self, stage: Stage, step: int, pools: Pools) -> list[Stream]:
        """The rows of a step; continued memories are taken from the pools."""
        rng = Rng(*self.key, step)
        segments = rng.randint(*stage.segments)
        shares = stage.streams
        going_on = pools.knowing.take(rng, round(stage.batch * shares.continued) if segments else 0)
        empty = round(stage.batch * shares.empty) if segments else 0
        # Half of the empty streams begin anew, so that the pool is fed and grows old at once.
        old = pools.empty.take(rng, empty - empty // 2)
        rows = [self._continued(rng, stage, segments, stream) for stream in going_on + old]
        rows += [self._empty(rng, stage, segments) for _ in range(empty - len(old))]
        first = self.process * _NUMBERS_EACH + step * self.rows
        for place in range(stage.batch - len(rows)):
            rows.append(self._fresh(rng, stage, segments, first + place, pools))
        return rows if segments else self._even(rng, rows)

    def _even(self, rng: Rng, rows: list[Stream]) -> list[Stream]:
        """Facts alone are of different lengths: running noise before them evens that out."""
        longest = max(len(row.tokens) for row in rows)
        lacks = [self.material.noise(rng, row.task, longest - len(row.tokens)) for row in rows]
        return [
            replace(row, tokens=np.concatenate([noise, row.tokens]))
            for noise, row in zip(lacks, rows, strict=True)
        ]

    def _fresh(self, rng: Rng, stage: Stage, segments: int, number: int, pools: Pools) -> Stream:
        task = _weighted(rng, stage.tasks)
        size = self.material.segment_size
        made = self.material.fresh(rng, task, segments, number, stage.questions)
        if segments > 1 and rng.bernoulli(stage.streams.cut):
            made = self._cut(rng, stage, task, segments, number, made)
        spare = [*made.spans, (len(made.tokens) - len(made.question), len(made.tokens))]
        before = _memory_before(rng, stage, pools)
        return Stream(
            task=task,
            tokens=self._with_decoys(made.tokens, rng, stage, task, spare),
            question=tuple(made.question),
            target=self.number[made.target],
            told=made.told(size),
            start=None if before is None else before.memory,
            age=0 if before is None else before.age,
        )

    def _cut(
        self, rng: Rng, stage: Stage, task: str, segments: int, number: int, made: TrainingSample
    ) -> TrainingSample:
        """A sample with a fact that a segment's border cuts; `made` or a later try where none turns up."""
        for attempt in range(1, _CUTS_TRIED):
            if made.cut(self.material.segment_size):
                break
            made = self.material.fresh(rng, task, segments, number + (attempt << 33), stage.questions)
        return made

    def _continued(self, rng: Rng, stage: Stage, segments: int, stream: Carried) -> Stream:
        return Stream(
            task=stream.task,
            tokens=self._asked_after_noise(rng, stage, stream.task, segments, stream.question),
            question=stream.question,
            target=stream.target,
            told=NOTHING_TOLD,
            start=stream.memory,
            age=stream.age,
        )

    def _empty(self, rng: Rng, stage: Stage, segments: int) -> Stream:
        """Noise from the beginning, and a question to which no fact belongs."""
        task = _weighted(rng, stage.tasks)
        question = self.material.question(rng, task)
        return Stream(
            task=task,
            tokens=self._asked_after_noise(rng, stage, task, segments, question),
            question=question,
            target=NOTHING_TOLD,
            told=NOTHING_TOLD,
            start=None,
            age=0,
        )

    def _asked_after_noise(
        self, rng: Rng, stage: Stage, task: str, segments: int, question: tuple[int, ...]
    ) -> np.ndarray:
        n_noise = segments * self.material.segment_size - len(question)
        noise = self.material.noise(rng, task, n_noise)
        noise = self._with_decoys(noise, rng, stage, task, [])
        return np.concatenate([noise, np.asarray(question, np.uint32)])

    def _with_decoys(
        self, tokens: np.ndarray, rng: Rng, stage: Stage, task: str, spare: list[tuple[int, int]]
    ) -> np.ndarray:
        return plant_decoys(
            tokens,
            rng,
            self.material,
            task,
            often=stage.streams.hard_negatives,
            halves=stage.streams.half_facts,
            segment_size=self.material.segment_size,
            spare=spare,
        )


def _memory_before(rng: Rng, stage: Stage, pools: Pools) -> Carried | None:
    """The stream whose memory a fresh sample begins with; None for the trained beginning."""
    if rng.bernoulli(stage.streams.after_noise):
        return pools.empty.look(rng)
    if stage.streams.after_story and rng.bernoulli(stage.streams.after_story):
        return (pools.fooled if rng.bernoulli(0.5) else pools.knowing).look(rng)
    return None


def as_segments(streams: Sequence[Stream], segment_size: int) -> Tensor:
    """The tokens of a batch, int64 [segments, B, S]; what is shorter than a segment is one."""
    tokens = np.stack([stream.tokens for stream in streams]).astype(np.int64)
    size = min(segment_size, tokens.shape[1])
    return torch.from_numpy(tokens).view(len(streams), -1, size).transpose(0, 1)


def keep(
    streams: Sequence[Stream], memory: Tensor, right: Sequence[bool], segments: int, oldest: int
) -> list[Carried]:
    """The streams that can be continued after a step.

    Args:
        memory: [B, M, D] before the last segment, which holds the question.
        right: which are wanted: mostly those that the model answered rightly (or, of empty streams, was
            rightly unsure of). What it has forgotten it cannot be asked for again.
        segments: of the batch.
    """
    kept = []
    for place, (stream, fine) in enumerate(zip(streams, right, strict=True)):
        whole = stream.told < segments - 1
        age = stream.age + segments - 1
        if fine and whole and age <= oldest:
            kept.append(
                Carried(
                    memory=memory[place].clone(),
                    task=stream.task,
                    question=stream.question,
                    target=stream.target,
                    age=age,
                )
            )
    return kept


def _weighted(rng: Rng, weights: dict[str, float]) -> str:
    at = rng.random() * sum(weights.values())
    for name, weight in weights.items():
        at -= weight
        if at < 0:
            return name
    return next(reversed(weights))
