"""Rooms to the north, south, east and west of each other: qa4, qa19, and the RMT paper's reasoning.

A fact holds both ways: if the office is north of the garden, the garden is south of the office.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from babilong_gen.solvers.events import between
from babilong_gen.solvers.solution import Solution, SolverError
from babilong_gen.solvers.ways import Link, shortest_way

OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}


def neighbour(facts: Iterable[str], question: str) -> Solution:
    """Answer "What is north of the garden?" and "What is the garden south of?"."""
    room, direction = _read_question(question)
    found: tuple[str, int] | None = None
    for index, fact in enumerate(facts):
        there, towards, here = read_relation(fact)
        if (here, towards) == (room, direction):
            found = there, index
        elif (there, OPPOSITE[towards]) == (room, direction):
            found = here, index
    if found is None:
        raise SolverError(f"no fact says what is {direction} of the {room}")
    return Solution(answer=found[0], supporting=(found[1],))


def path(facts: Iterable[str], question: str) -> Solution:
    """Answer "How do you go from the garden to the office?": the steps of a shortest way, such as `n,e`."""
    start, to, goal = between(question, "How do you go from the ").partition(" to the ")
    if not to:
        raise SolverError(f"expected 'How do you go from the … to the …?', found {question!r}")
    links = (
        Link(here, towards, OPPOSITE[towards], there) for there, towards, here in map(read_relation, facts)
    )
    way = shortest_way(links, start, goal)
    return Solution(
        answer=",".join(direction[0] for direction, _ in way), supporting=tuple(index for _, index in way)
    )


@lru_cache(maxsize=1 << 16)
def read_relation(fact: str) -> tuple[str, str, str]:
    """Read `there`, `direction`, `here` of "The <there> is <direction> of the <here>."."""
    said, of, here = fact.removesuffix(".").removeprefix("The ").partition(" of the ")
    there, _, direction = said.rpartition(" is ")
    if not of or not there or direction not in OPPOSITE:
        raise SolverError(f"expected 'The … is north (south, east, west) of the ….', found {fact!r}")
    return there, direction, here


def _read_question(question: str) -> tuple[str, str]:
    """Read the room, and the direction from it in which the answer lies."""
    asked = between(question, "What is ")
    if asked.startswith("the "):
        room, _, direction = between(asked, "the ", " of").rpartition(" ")
        direction = OPPOSITE.get(direction, "")
    else:
        direction, _, room = asked.partition(" of the ")
    if direction not in OPPOSITE or not room:
        raise SolverError(
            f"expected 'What is north of the …?' or 'What is the … north of?', found {question!r}"
        )
    return room, direction
