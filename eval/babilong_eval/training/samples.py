"""What training samples are made of: the `train` part of stories and of noise documents, and nothing else.

The generator itself assembles them, so that a model is trained on exactly what it will be asked. They are
keyed by a fingerprint that names the split, which no dataset for evaluation shares.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from babilong_eval.training.held_out import check_story
from babilong_eval.training.memory_questions import FactQuestion, fact_questions
from babilong_eval.training.question_forms import form_of_question
from babilong_eval.training.relations import Relation, relations
from babilong_gen.assemble.assemble import assemble, fits
from babilong_gen.assemble.choose import choose_stories
from babilong_gen.errors import DoesNotFitError, UsageError
from babilong_gen.lengths import parse_length
from babilong_gen.noise.corpus.pool import mentions
from babilong_gen.prepare import leak_words, prepare
from babilong_gen.rng import Rng
from babilong_gen.spec import make_spec
from babilong_gen.tasks import TASKS
from babilong_gen.tasks.sources import OfficialFiles
from babilong_gen.tasks.story import StoryShape

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from babilong_eval.training.recipe import Recipe
    from babilong_gen.assemble.context import AssemblyContext
    from babilong_gen.assemble.sample import Sample
    from babilong_gen.lengths import Length
    from babilong_gen.noise.corpus.pool import NoisePool
    from babilong_gen.prepare import Prepared
    from babilong_gen.tasks.sources import StorySource
    from babilong_gen.tasks.story import Story

# Samples tried until one has a question of the wanted form, and until the noise around one closes exactly.
_QUESTIONS_TRIED = 1_000
_NOISE_TRIED = 100

# A text that is learnt for itself is noise of any task, none of it taken for a fact.
ANY_TASK = "detect"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingSample:
    """A sample as tokens.

    Attributes:
        tokens: uint32 [segments * segment size], the question last.
        question: ids of the question alone.
        form: of the question; see `form_of_question`.
        target: the answer.
        spans: half-open token ranges of the facts.
        supporting: those of the facts that the answer needs.
        asked: what its facts answer, one by one.
        relations: of two rooms that they tell of, in their order.
    """

    tokens: np.ndarray
    question: list[int]
    form: str
    target: str
    spans: list[tuple[int, int]]
    supporting: list[tuple[int, int]]
    asked: tuple[FactQuestion, ...]
    relations: tuple[Relation, ...]

    def last_fact_segment(self, segment_size: int) -> int:
        """Return the segment, from 0, in which the last supporting fact ends."""
        return (max(end for _, end in self.supporting) - 1) // segment_size

    def is_cut(self, segment_size: int) -> bool:
        """Return whether a segment boundary cuts a supporting fact in two."""
        return any(start // segment_size < (end - 1) // segment_size for start, end in self.supporting)

    def is_apart(self, segment_size: int, before: int) -> bool:
        """Return whether no segment holds all facts, and all end before a token."""
        ends = [end for _, end in self.spans]
        return max(ends) <= before and (min(ends) - 1) // segment_size < (max(ends) - 1) // segment_size


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSource:
    """Stories and noise that training samples are made of.

    Attributes:
        prepared: stories and noise, once per noise source of the recipe.
    """

    prepared: list[Prepared]
    _contexts: dict[tuple[int, str, int], AssemblyContext] = field(default_factory=dict, repr=False)
    _mentions: dict[tuple[int, str], np.ndarray] = field(default_factory=dict, repr=False)

    def context(self, noise: int, task: str, segment_size: int | None = None) -> AssemblyContext:
        """Return what all samples of a task in a noise source, by its number, share; mapped once."""
        prepared = self.prepared[noise]
        key = noise, task, segment_size or prepared.spec.segment_size
        if key not in self._contexts:
            self._contexts[key] = replace(prepared.context(task), segment_size=key[-1])
        return self._contexts[key]

    def sample(
        self, rng: Rng, task: str, segments: int, segment_size: int, number: int, questions: str | None
    ) -> TrainingSample:
        """Return a sample.

        Args:
            segments: that it fills exactly; 0 for the facts and the question alone.
            segment_size: tokens of a segment.
            number: each gives another sample.
            questions: a regular expression that the question must match.

        Raises:
            UsageError: no question of the task matches.
            DoesNotFitError: stories do not fit so few segments.
        """
        length, wanted = parse_length(f"{segments}seg" if segments else "0k"), re.compile(questions or "")
        for attempt in range(_NOISE_TRIED):
            noise = rng.randrange(len(self.prepared))
            context, first = self.context(noise, task, segment_size), number + (attempt << 32)
            candidates = _stories(self.prepared[noise].stories, context, task, length, first)
            found = next(
                ((index, story) for index, story in candidates if wanted.search(story.question)), None
            )
            if found is None:
                raise UsageError(
                    f"no question of {task} matches {questions!r} at {length.name}: change the stage's "
                    "'questions', or give it more segments"
                )
            # Some stretches of noise cannot be closed to so few tokens: another sample is as good.
            with suppress(DoesNotFitError):
                sample = assemble(found[1], context, length=length, index=found[0])
                return _as_tokens(sample, found[1], context)
        raise DoesNotFitError(
            f"{task} at {length.name}: noise could not be fitted around {_NOISE_TRIED} stories: give the "
            "stage more segments, or longer ones"
        )

    def stop(self, task: str) -> int:
        """Return the token that ends a fact, as it does other sentences."""
        return int(self.ids(task, "Mary went to the garden.")[-1])

    def question(self, rng: Rng, task: str) -> tuple[int, ...]:
        """Return the ids of a question of the task; its story is not used."""
        return tuple(self.context(0, task).fact_tokens(_unused_story(rng, task).question).ids)

    def fact(self, rng: Rng, task: str) -> np.ndarray:
        """Return the tokens of a fact of the task; the rest of its story is not used."""
        return self.ids(task, rng.choice(_unused_story(rng, task).facts))

    def noise(self, rng: Rng, task: str, n_tokens: int) -> np.ndarray:
        """Return so many tokens of running noise from anywhere, uint32."""
        pool = self.context(rng.randrange(len(self.prepared)), task).pool
        return noise_tokens(pool, rng.randrange(len(pool.kept)), n_tokens)

    def mention(self, rng: Rng, task: str) -> np.ndarray:
        """Return a sentence of the noise that names an entity or label of the task; empty if none does."""
        noise = rng.randrange(len(self.prepared))
        pool = self.context(noise, task).pool
        if (noise, task) not in self._mentions:
            self._mentions[noise, task] = mentions(pool, *leak_words(task, "original"))
        named = self._mentions[noise, task]
        if not len(named):
            return np.empty(0, np.uint32)
        first = int(named[rng.randrange(len(named))])
        return noise_tokens(pool, first, int(pool.tokens_before[first + 1] - pool.tokens_before[first]))

    def ids(self, task: str, sentence: str) -> np.ndarray:
        """Return the tokens of a sentence that follows another, uint32."""
        return np.asarray(self.context(0, task).fact_tokens(sentence).ids, np.uint32)


def _stories(
    stories: StorySource, context: AssemblyContext, task: str, length: Length, number: int
) -> Iterator[tuple[int, Story]]:
    """Yield stories that fit a length, each with a sample index of its own; each `number` gives others."""
    indices = range(number * _QUESTIONS_TRIED, (number + 1) * _QUESTIONS_TRIED)
    if isinstance(stories, OfficialFiles) and task in stories.tasks():
        # There are only so many: they come again with other noise.
        for index in indices:
            story = Rng(context.draws_key, task, index, "official").choice(stories.stories(task))
            if fits(story, length, context):
                yield index, story
        return
    chosen = choose_stories(stories, context, task, ladder=[length], first=indices[0], last=indices[-1] + 1)
    yield from ((index, story) for index, story, _ in chosen)


def _as_tokens(sample: Sample, story: Story, context: AssemblyContext) -> TrainingSample:
    check_story(story.facts)
    question, told = context.fact_tokens(story.question).ids, relations(sample)
    assert sample.input_ids is not None
    return TrainingSample(
        tokens=np.concatenate([sample.input_ids, np.asarray(question, np.uint32)]),
        question=question,
        form=form_of_question(story.task, story.question),
        target=story.answer,
        spans=[(fact.token_start, fact.token_end) for fact in sample.facts],
        supporting=[(fact.token_start, fact.token_end) for fact in sample.facts if fact.supporting],
        asked=fact_questions(sample, told, lambda question: context.fact_tokens(question).ids),
        relations=told,
    )


def _unused_story(rng: Rng, task: str) -> Story:
    return TASKS[task].simulate(rng, StoryShape())


def noise_tokens(pool: NoisePool, first: int, n_tokens: int) -> np.ndarray:
    """Return tokens of the kept sentences from `first` on, again from the pool's start at its end; uint32."""
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


def open_sample_source(
    recipe: Recipe,
    tokenizer: str,
    *,
    cache: Path,
    report: Callable[[int], None],
    notify: Callable[[str], None],
) -> SampleSource:
    """Open the stories and noise of a recipe; tokenize the noise if no run did before.

    Args:
        tokenizer: folder of the model's.
        report: called with characters of noise as they are tokenized.
        notify: called with one line that the user should see.
    """
    segment_size, stages = recipe.model.segment_size, zip(recipe.stages, recipe.segment_sizes, strict=True)
    longest = max(1, *(-(-stage.segments[1] * size // segment_size) for stage, size in stages))
    prepared = []
    for noise in recipe.data.noise:
        spec = make_spec(
            tasks=recipe.tasks or (ANY_TASK,),
            lengths=(f"{longest}seg",),
            noise=noise,
            stories=recipe.data.stories,
            leak_check=recipe.data.leak_check if recipe.tasks else "off",
            tokenizer=tokenizer,
            segment_size=segment_size,
            split="train",
            store_tokens=True,
            samples=1,
            seed=recipe.seed,
        )
        prepared.append(prepare(spec, cache=cache, report=report, notify=notify)[0])
    return SampleSource(prepared=prepared)
