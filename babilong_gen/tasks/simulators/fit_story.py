"""Stories as long as the user asks for, where a task's own facts are few and fixed.

Facts that the answer does not need are left out, or facts about people and things of our own are put in
between, in random places. Either way the facts keep their order, and the answer stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from babilong_gen.errors import UsageError
from babilong_gen.rng import Rng
from babilong_gen.tasks.story import Story, StoryShape

MoreFacts = Callable[[Rng, int], Sequence[str]]


def fitted(story: Story, rng: Rng, shape: StoryShape, more: MoreFacts) -> Story:
    """Give a story the number of facts and of distractors that `shape` asks for.

    Args:
        story: in the length that its task has by itself.
        rng: draws the length between the bounds, what to leave out, and where to put more.
        shape: as the user gave it; the bounds count the distractors too.
        more: draws so many facts that do not concern the question, in the order to be told in.

    Raises:
        UsageError: the bounds leave no room for the facts that the answer needs.
    """
    if shape.facts is None and not shape.distractors:
        return story
    length = _length(story, rng, shape)
    own = min(len(story.facts), length - shape.distractors)
    kept = _shortened(story, rng, own)
    return _mixed(kept, rng, more(rng, length - own))


def most_of_its_own(shape: StoryShape, usual: int) -> int:
    """Return how many facts besides distractors a story can have, at most `usual` and at least one."""
    if shape.facts is None:
        return usual
    return max(1, min(usual, shape.facts[1] - shape.distractors))


def _length(story: Story, rng: Rng, shape: StoryShape) -> int:
    if shape.facts is None:
        return len(story.facts) + shape.distractors
    low, high = shape.facts
    least = len(story.supporting) + shape.distractors
    if high < least:
        aside = f" besides {shape.distractors} distractors" if shape.distractors else ""
        raise UsageError(
            f"{story.task} has no story of {low} to {high} facts: an answer needs "
            f"{len(story.supporting)}{aside}; ask for at least {least}"
        )
    return rng.randint(max(low, least), high)


def _shortened(story: Story, rng: Rng, length: int) -> Story:
    """Leave out random facts that the answer does not need."""
    needless = [index for index in range(len(story.facts)) if index not in story.supporting]
    left_out = set(rng.sample(needless, len(story.facts) - length))
    kept = [index for index in range(len(story.facts)) if index not in left_out]
    return replace(
        story,
        facts=tuple(story.facts[index] for index in kept),
        supporting=tuple(kept.index(index) for index in story.supporting),
    )


def _mixed(story: Story, rng: Rng, more: Sequence[str]) -> Story:
    """Mix the facts of `story` and `more` at random, each in their own order."""
    facts: list[str] = []
    moved_to: list[int] = []
    while len(facts) < len(story.facts) + len(more):
        left, left_of_more = len(story.facts) - len(moved_to), len(more) - (len(facts) - len(moved_to))
        if rng.randrange(left + left_of_more) < left:
            moved_to.append(len(facts))
            facts.append(story.facts[len(moved_to) - 1])
        else:
            facts.append(more[len(facts) - len(moved_to)])
    return replace(story, facts=tuple(facts), supporting=tuple(moved_to[index] for index in story.supporting))
