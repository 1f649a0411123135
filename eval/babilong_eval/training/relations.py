"""The relations of two rooms that a sample tells of: "The office is north of the garden." """

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from babilong_gen.tasks.simulators.directions import OPPOSITE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babilong_gen.assemble.sample import Sample

DIRECTIONS = tuple(OPPOSITE)
TASKS_OF_RELATIONS = ("qa4", "reasoning")

_RELATION = re.compile(r"The (\w+) is (north|south|east|west) of the (\w+)\.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A relation seen from one of its rooms: `room` lies in that `direction` of room `seen_from`."""

    seen_from: str
    direction: str
    room: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A relation that a sample tells of.

    Attributes:
        known_from: half-open end of the fact, in tokens of the sample.
        entries: seen from the room named last, then from that named first.
    """

    known_from: int
    entries: tuple[Entry, Entry]

    def questions(self) -> Iterator[tuple[str, str]]:
        """Yield the questions that it answers, and their answers."""
        for entry in self.entries:
            yield f"What is {entry.direction} of the {entry.seen_from}?", entry.room
            yield f"What is the {entry.room} {entry.direction} of?", entry.seen_from


def relations(sample: Sample) -> tuple[Relation, ...]:
    """Return the relations of two rooms in the order in which they are told; none in other tasks."""
    if sample.task not in TASKS_OF_RELATIONS:
        return ()
    told = []
    for fact in sample.facts:
        if said := _RELATION.fullmatch(fact.text):
            there, direction, here = said.groups()
            entries = (
                Entry(seen_from=here, direction=direction, room=there),
                Entry(seen_from=there, direction=OPPOSITE[direction], room=here),
            )
            told.append(Relation(known_from=fact.token_end, entries=entries))
    return tuple(told)
