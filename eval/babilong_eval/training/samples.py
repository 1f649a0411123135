"""What training samples are made of: the `train` part of stories and of noise documents, and no other.

Samples are assembled by the generator itself, so that a model is trained on exactly what it will be asked.
They are keyed by a fingerprint that names the split, which no dataset for evaluation can share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from babilong_eval.training.held_out import check_story
from babilong_gen.assemble.assemble import assemble
from babilong_gen.assemble.choose import choose_stories
from babilong_gen.errors import DoesNotFitError, UsageError
from babilong_gen.lengths import parse_length
from babilong_gen.noise.corpus.pool import mentions
from babilong_gen.prepare import leak_words, prepare
from babilong_gen.spec import make_spec
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.story import StoryShape

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from babilong_eval.training.recipe import Recipe
    from babilong_gen.assemble.context import AssemblyContext
    from babilong_gen.assemble.sample import Sample
    from babilong_gen.noise.corpus.pool import NoisePool
    from babilong_gen.prepare import Prepared
    from babilong_gen.rng import Rng
    from babilong_gen.tasks.story import Story

_QUESTIONS_TRIED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSample:
    """A sample as tokens.

    Attributes:
        tokens: uint32 [segments * segment size], the question last.
        question: ids of the question alone.
        spans: half-open token ranges of the facts.
        supporting: those of the facts that the answer needs.
    """

    tokens: np.ndarray
    question: list[int]
    target: str
    spans: list[tuple[int, int]]
    supporting: list[tuple[int, int]]
    sample: Sample

    def told(self, segment_size: int) -> int:
        """The segment, from 0, in which the last supporting fact ends."""
        return (max(end for _, end in self.supporting) - 1) // segment_size

    def cut(self, segment_size: int) -> bool:
        """Whether a border between segments cuts a supporting fact in two."""
        return any(start // segment_size < (end - 1) // segment_size for start, end in self.supporting)


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSource:
    """Sources of samples, one for each kind of noise."""

    sources: list[Prepared]
    segment_size: int
    _haystacks: dict[tuple[int, str], AssemblyContext] = field(default_factory=dict, repr=False)
    _mentions: dict[tuple[int, str], np.ndarray] = field(default_factory=dict, repr=False)

    def haystack(self, source: int, task: str) -> AssemblyContext:
        """The noise of a source around a task's facts, mapped once."""
        key = source, task
        if key not in self._haystacks:
            self._haystacks[key] = self.sources[source].haystack(task)
        return self._haystacks[key]

    def fresh(self, rng: Rng, task: str, segments: int, number: int, questions: str | None) -> TrainingSample:
        """A sample that fills so many segments exactly, of 0 the facts alone; each `number` is another.

        Raises:
            UsageError: no question of the task is of the form that is asked for.
            DoesNotFitError: stories do not fit so few segments.
        """
        source = rng.randrange(len(self.sources))
        haystack, length = self.haystack(source, task), parse_length(f"{segments}seg" if segments else "0k")
        wanted = re.compile(questions or "")
        for index in range(number * _QUESTIONS_TRIED, (number + 1) * _QUESTIONS_TRIED):
            (chosen,) = choose_stories(
                self.sources[source].stories, haystack, task, ladder=[length], first=index, last=index + 1
            )
            story = chosen[1]
            if wanted.search(story.question):
                break
        else:
            raise UsageError(f"no question of {task} matches {questions!r}: change the stage's 'questions'")
        try:
            sample = assemble(story, haystack, length=length, index=index)
        except DoesNotFitError:
            # Some stretches of noise cannot be closed to so few tokens: another sample is as good.
            return self.fresh(rng, task, segments, number + (1 << 32), questions)
        check_story(story.facts)
        question = haystack.fact_tokens(story.question).ids
        assert sample.input_ids is not None
        spans = [(fact.token_start, fact.token_end) for fact in sample.facts]
        return TrainingSample(
            tokens=np.concatenate([sample.input_ids, np.asarray(question, np.uint32)]),
            question=question,
            target=story.answer,
            spans=spans,
            supporting=[(fact.token_start, fact.token_end) for fact in sample.facts if fact.supporting],
            sample=sample,
        )

    def question(self, rng: Rng, task: str) -> tuple[int, ...]:
        """Ids of a question of the task, of a story that nobody is told."""
        return tuple(self.haystack(0, task).fact_tokens(_untold(rng, task).question).ids)

    def fact(self, rng: Rng, task: str) -> np.ndarray:
        """Tokens of a fact of the task, of a story that nobody is told."""
        return self.ids(task, rng.choice(_untold(rng, task).facts))

    def noise(self, rng: Rng, task: str, n_tokens: int) -> np.ndarray:
        """So many tokens of running noise from anywhere, uint32."""
        pool = self.haystack(rng.randrange(len(self.sources)), task).pool
        return noise_tokens(pool, rng.randrange(len(pool.kept)), n_tokens)

    def mention(self, rng: Rng, task: str) -> np.ndarray:
        """A sentence of the noise that names an entity or a label of the task; empty where there is none."""
        source = rng.randrange(len(self.sources))
        pool = self.haystack(source, task).pool
        if (source, task) not in self._mentions:
            self._mentions[source, task] = mentions(pool, *leak_words(task, "original"))
        named = self._mentions[source, task]
        if not len(named):
            return np.empty(0, np.uint32)
        place = int(named[rng.randrange(len(named))])
        return noise_tokens(pool, place, int(pool.tokens_before[place + 1] - pool.tokens_before[place]))

    def ids(self, task: str, sentence: str) -> np.ndarray:
        """Tokens of a sentence that follows another."""
        return np.asarray(self.haystack(0, task).fact_tokens(sentence).ids, np.uint32)


def _untold(rng: Rng, task: str) -> Story:
    simulate = TASKS[task].simulate
    if simulate is None:
        raise UsageError(f"{task} cannot be simulated, so it has no stories for empty streams and decoys")
    return simulate(rng, StoryShape())


def noise_tokens(pool: NoisePool, first: int, n_tokens: int) -> np.ndarray:
    """Tokens of kept sentences from the `first` on, going on at the pool's start where it ends; uint32."""
    parts, missing = [], n_tokens
    while missing > 0:
        wanted = pool.tokens_before[first] + missing
        last = min(int(np.searchsorted(pool.tokens_before, wanted)), len(pool.kept))
        for sentence in pool.kept[first:last]:
            start = int(pool.corpus.token_end[sentence - 1]) if sentence else 0
            part = pool.corpus.tokens[start : int(pool.corpus.token_end[sentence])][:missing]
            parts.append(part)
            missing -= len(part)
        first = 0
    return np.concatenate(parts) if parts else np.empty(0, np.uint32)


def gather_material(
    recipe: Recipe,
    tokenizer: str,
    *,
    cache: Path,
    report: Callable[[int], None],
    notify: Callable[[str], None],
) -> SampleSource:
    """Opens all sources of a recipe, and tokenizes the noise if no run did before.

    Args:
        tokenizer: the folder of the model's.
    """
    longest = max(1, *(stage.segments[1] for stage in recipe.stages))
    sources = []
    for noise in recipe.data.noise:
        spec = make_spec(
            tasks=recipe.tasks,
            lengths=(f"{longest}seg",),
            noise=noise,
            stories=recipe.data.stories,
            leak_check=recipe.data.leak_check,
            tokenizer=tokenizer,
            segment_size=recipe.model.segment_size,
            split="train",
            store_tokens=True,
            samples=1,
            seed=recipe.seed,
        )
        prepared, _ = prepare(spec, cache=cache, report=report, notify=notify)
        sources.append(prepared)
    return SampleSource(sources=sources, segment_size=recipe.model.segment_size)
