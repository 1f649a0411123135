"""Coloured shapes left of, right of, above and below each other (qa17).

Three shapes lie on a grid, two of them beside the third, each fact a step between neighbours. "Above" means
right above: what is above a shape in its own column is neither left nor right of it.

Longer stories tell of things of our own on a grid of theirs; beyond some 1,100 facts they repeat themselves.
"""

from __future__ import annotations

from functools import cache

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import YES_NO
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

SHAPES = ("blue square", "pink rectangle", "red sphere", "red square", "triangle", "yellow square")
STEPS = {"to the left of": (-1, 0), "to the right of": (1, 0), "above": (0, 1), "below": (0, -1)}
RELATIONS = tuple(STEPS)
OPPOSITE = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}

_OUTER_FIRST = (
    1 / 3
)  # How often a fact is said of the shape further out: "The <outer> is below the <middle>."


def simulate_qa17(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of positional reasoning: how two neighbours of one shape lie to each other."""
    asked, middle, other = rng.sample(SHAPES, 3)
    where_asked, where_other = rng.sample(RELATIONS, 2)
    holding, failing = _between(where_asked, where_other)
    answer = rng.choice(YES_NO)
    relation = rng.choice(holding if answer == "yes" else failing)
    facts = (_fact(rng, asked, where_asked, middle), _fact(rng, other, where_other, middle))
    asked_first = rng.bernoulli(0.5)
    story = task.story(
        facts=facts if asked_first else facts[::-1],
        question=f"Is the {asked} {relation} the {other}?",
        answer=answer,
        supporting=(0, 1) if asked_first else (1, 0),
    )
    return fitted(story, rng, shape, other_things)


def other_things(rng: Rng, count: int) -> list[str]:
    """Draw facts about things of our own, all true on one grid."""
    return [
        _fact(rng, first, "to the left of" if in_a_row else "above", second)
        for first, second, in_a_row in extra_words.side_by_side(rng, count, extra_words.things())
    ]


def _fact(rng: Rng, outer: str, relation: str, middle: str) -> str:
    if rng.bernoulli(_OUTER_FIRST):
        return f"The {outer} is {relation} the {middle}."
    return f"The {middle} is {OPPOSITE[relation]} the {outer}."


@cache
def _between(where_one: str, where_other: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return which relations hold of one shape to the other, and which fail, by where both lie."""
    (x, y), (other_x, other_y) = STEPS[where_one], STEPS[where_other]
    holding = tuple(
        relation for relation, (right, up) in STEPS.items() if right * (x - other_x) + up * (y - other_y) > 0
    )
    return holding, tuple(relation for relation in RELATIONS if relation not in holding)
