"""Rooms north, south, east and west of each other.

qa4     three rooms in a line: What is the office east of?
qa19    two steps from room to room, and three rooms off the way: How do you go from the garden to the attic?

Longer stories tell of rooms of our own, on a map of theirs that does not touch the one asked about; beyond
some 1,600 facts they repeat themselves.

In a few official stories of qa19 two rooms share one place: the corner over which a second way of two steps
could lead. Ours leave that corner empty, so that there is one shortest way.
"""

from __future__ import annotations

from functools import cache

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

STEPS = {"north": (0, 1), "south": (0, -1), "east": (1, 0), "west": (-1, 0)}
DIRECTIONS = tuple(STEPS)
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}

# Shares in the official files: of facts said of the room further out ("The <outer> is east of the <inner>."),
# and of ways that go straight on.
_OUTER_FIRST = 2 / 3
_STRAIGHT_ON = 0.31
_OFF_THE_WAY = 3

Relation = tuple[str, str, str]
"""`there, direction, here`: `there` is north (…) of `here`."""


def simulate_qa4(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of two neighbours of one room: one of them, or the room itself, is asked for."""
    middle, near, far = rng.sample(PLACES, 3)
    direction = rng.choice(DIRECTIONS)
    relations = [
        _told_either_way(rng, (near, direction, middle)),
        _told_either_way(rng, (far, OPPOSITE[direction], middle)),
    ]
    asked = rng.randrange(2)
    story = task.story(
        facts=tuple(map(_fact, relations)),
        question=_what_is_there(rng, relations[asked]),
        answer=relations[asked][0],
        supporting=(asked,),
    )
    return fitted(story, rng, shape, other_rooms)


def simulate_qa19(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of path finding: the directions of the two steps from one room to another."""
    start, middle, goal, *others = rng.sample(PLACES, 3 + _OFF_THE_WAY)
    first = rng.choice(DIRECTIONS)
    second = first if rng.bernoulli(_STRAIGHT_ON) else rng.choice(_turns(first))
    relations = [(start, OPPOSITE[first], middle), (goal, second, middle)]
    for room, (here, direction) in zip(others, rng.sample(_sides(first, second), len(others)), strict=True):
        relations.append((room, direction, (start, middle, goal)[here]))
    order = rng.sample(range(len(relations)), len(relations))
    story = task.story(
        facts=tuple(_fact(_told_either_way(rng, relations[index])) for index in order),
        question=f"How do you go from the {start} to the {goal}?",
        answer=f"{first[0]},{second[0]}",
        supporting=(order.index(0), order.index(1)),
    )
    return fitted(story, rng, shape, other_rooms)


def other_rooms(rng: Rng, count: int) -> list[str]:
    """Draw facts about rooms of our own, all true on one map."""
    return [
        _fact(_told_either_way(rng, (first, "west" if in_a_row else "north", second)))
        for first, second, in_a_row in extra_words.side_by_side(rng, count, extra_words.rooms())
    ]


def _fact(relation: Relation) -> str:
    there, direction, here = relation
    return f"The {there} is {direction} of the {here}."


def _told_either_way(rng: Rng, relation: Relation) -> Relation:
    """Return the relation, or the same seen from its other room."""
    if rng.bernoulli(_OUTER_FIRST):
        return relation
    there, direction, here = relation
    return here, OPPOSITE[direction], there


def _what_is_there(rng: Rng, relation: Relation) -> str:
    """Ask for the first room of `relation`, in its own direction or in the opposite one."""
    _, direction, here = relation
    if rng.bernoulli(0.5):
        return f"What is {direction} of the {here}?"
    return f"What is the {here} {OPPOSITE[direction]} of?"


@cache
def _turns(direction: str) -> tuple[str, ...]:
    """Return the directions to the left and to the right."""
    return tuple(each for each in DIRECTIONS if each not in (direction, OPPOSITE[direction]))


@cache
def _sides(first: str, second: str) -> tuple[tuple[int, str], ...]:
    """Return where a room off the way can lie: of which room on the way (by index), in which direction.

    Left out is the corner over which another way of two steps would lead.
    """
    (x, y), (further_x, further_y) = STEPS[first], STEPS[second]
    way = ((0, 0), (x, y), (x + further_x, y + further_y))
    taken = {*way, (further_x, further_y)}
    return tuple(
        (here, direction)
        for here, (x, y) in enumerate(way)
        for direction, (step_x, step_y) in STEPS.items()
        if (x + step_x, y + step_y) not in taken
    )
