"""Which story a sample tells: the next of its source that fits the length."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from babilong_gen.assemble.assemble import fits
from babilong_gen.assemble.context import AssemblyContext
from babilong_gen.errors import DoesNotFitError, UsageError
from babilong_gen.lengths import Length
from babilong_gen.rng import Rng
from babilong_gen.tasks import RULER_TASKS, TASKS
from babilong_gen.tasks.sources import OfficialFiles, Simulated, StorySource
from babilong_gen.tasks.story import Story

# Stories drawn for one sample before the length is called too short for the task.
_STORIES_TRIED = 1_000

# Facts in them: a story of a thousand, each to be tokenized, fails as often with far fewer tries.
_FACTS_TRIED = 100_000

# The RMT paper's tasks and RULER's have no official files; they are simulated beside any source.
_ALWAYS_SIMULATED = ("memorize", "detect", "reasoning", *RULER_TASKS)


def check_available(source: StorySource, tasks: tuple[str, ...], samples: int) -> None:
    """Refuse what the source cannot give, before any work is done.

    Raises:
        UsageError: a task that the source has no stories of, or more samples than it has stories.
    """
    for task in tasks:
        own = _source_of(task, source)
        if task not in own.tasks():
            raise UsageError(f"this source has no stories of {task}; it has {', '.join(own.tasks())}")
        if isinstance(own, OfficialFiles) and len(own.stories(task)) < samples:
            raise UsageError(
                f"{samples:,} samples of {task} were asked for, but {own.path} has only "
                f"{len(own.stories(task)):,} stories of it in #{own.split}: "
                "ask for fewer, or use --stories simulate"
            )


def choose_stories(
    source: StorySource, context: AssemblyContext, task: str, *, ladder: list[Length], first: int, last: int
) -> Iterator[tuple[int, Story, int]]:
    """Yield, for each index in [first, last), the index, its story, and how many stories were passed over.

    Args:
        ladder: the lengths that the story must fit: all that are asked for where they are paired, else
            the sample's own.

    Raises:
        DoesNotFitError: no story fits, or fewer official ones than samples are asked for.
    """
    own = _source_of(task, source)
    if isinstance(own, Simulated):
        tokens = _tokens(ladder, context)
        own = own.at_tokens(min(tokens), max(tokens))
        for index in range(first, last):
            yield index, *_draw(own, context, task, ladder, index)
        return
    stories = own.stories(task)
    fitting = _fitting(own, context, task, tuple(ladder))
    if last > len(fitting):
        raise DoesNotFitError(
            f"only {len(fitting):,} of {len(stories):,} official stories of {task} fit {_names(ladder)} "
            f"at {context.placement.text}, {last:,} were asked for: ask for fewer, or for longer samples"
        )
    for index in range(first, last):
        before = fitting[index - 1][0] if index else -1
        position, story = fitting[index]
        yield index, stories[story], position - before - 1


def _source_of(task: str, source: StorySource) -> StorySource:
    if task in _ALWAYS_SIMULATED and isinstance(source, OfficialFiles):
        return Simulated(vocabulary=source.vocabulary, split=source.part, task_options=source.task_options)
    return source


def _tokens(ladder: list[Length], context: AssemblyContext) -> list[int]:
    return [
        length.input_tokens(question_tokens=0, segment_size=context.segment_size, reserve=context.reserve)
        for length in ladder
    ]


def _draw(
    source: Simulated, context: AssemblyContext, task: str, ladder: list[Length], index: int
) -> tuple[Story, int]:
    length = "" if context.paired else ladder[0].name
    attempt = facts = 0
    for attempt in range(_STORIES_TRIED):
        story = source.story(task, Rng(context.draws_key, task, length, index, "story", attempt))
        if all(fits(story, at, context) for at in ladder):
            return story, attempt
        facts += len(story.facts)
        if facts > _FACTS_TRIED:
            break
    raise DoesNotFitError(
        f"no story of {task} fits {_names(ladder)} at {context.placement.text}: "
        f"none of {attempt + 1:,} drawn left room for noise; ask for longer samples or another placement"
    )


@lru_cache(maxsize=8)
def _fitting(
    source: OfficialFiles, context: AssemblyContext, task: str, ladder: tuple[Length, ...]
) -> list[tuple[int, int]]:
    """Return the official stories that fit, in the task's seeded order: (position in it, story)."""
    stories = source.stories(task)
    order = list(range(len(stories)))
    Rng(context.draws_key, task, "order").shuffle(order)
    return [
        (position, story)
        for position, story in enumerate(order)
        if all(fits(stories[story], at, context) for at in ladder)
    ]


def _names(ladder: list[Length]) -> str:
    return " and ".join(length.name for length in ladder)


assert set(_ALWAYS_SIMULATED) <= {*TASKS, *RULER_TASKS}
