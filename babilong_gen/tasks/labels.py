"""The closed label set of each task: every answer that the task's questions can have."""

from __future__ import annotations

from itertools import permutations

PLACES = ("bathroom", "bedroom", "garden", "hallway", "kitchen", "office")
TOWN_PLACES = ("bedroom", "cinema", "kitchen", "office", "park", "school")
OBJECTS = ("apple", "football", "milk")
GIVERS = ("Bill", "Fred", "Jeff", "Mary")

YES_NO = ("yes", "no")
YES_NO_MAYBE = ("yes", "no", "maybe")
COUNTS = ("none", "one", "two", "three")

# A list names what is carried in the order in which it was picked up, so each order is its own answer.
OBJECT_LISTS = (
    "nothing",
    *(",".join(carried) for size in (1, 2, 3) for carried in permutations(OBJECTS, size)),
)

FEARED_ANIMALS = ("cat", "mouse", "sheep", "wolf")
COLOURS = ("gray", "green", "white", "yellow")

# Two steps that do not undo each other: a path through three different rooms.
PATHS = tuple(
    f"{first},{second}"
    for first in "nsew"
    for second in "nsew"
    if {first, second} not in ({"n", "s"}, {"e", "w"})
)

MOTIVES = ("bored", "hungry", "thirsty", "tired")
MOTIVE_PLACES = ("bedroom", "garden", "kitchen")
