"""Who has what, and where it is: qa2, qa3, qa5, qa7, qa8."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from babilong_gen.solvers.events import Give, Leave, Move, Take, between, read_event
from babilong_gen.solvers.solution import Solution, SolverError

NUMBERS = ("none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


def where_is_thing(facts: Iterable[str], question: str) -> Solution:
    """Answer "Where is the milk?" (qa2): where its holder is, or was on leaving it.

    Needs the last fact about the thing, and its holder's last move before that or, while they hold it,
    after.
    """
    thing = between(question, "Where is the ")
    moved: dict[str, tuple[str, int]] = {}  # person → place and fact of the last move
    holder = ""
    handled_at = -1
    left_where: tuple[str, int] | None = None
    for index, fact in enumerate(facts):
        event = read_event(fact)
        if isinstance(event, Move):
            for name in event.who:
                moved[name] = event.place, index
        elif event.thing == thing:
            handled_at = index
            left_where = moved.get(event.who) if isinstance(event, Leave) else None
            holder = event.to if isinstance(event, Give) else event.who
    found = left_where or moved.get(holder)
    if found is None:
        raise SolverError(f"no fact says where the {thing} is")
    place, moved_at = found
    return Solution(answer=place, supporting=(handled_at, moved_at))


def where_was_thing(facts: Iterable[str], question: str) -> Solution:
    """Answer "Where was the milk before the kitchen?" (qa3): the place from which it came there last.

    Needs the last fact about the thing and the two moves, into that place and into the one before.
    """
    thing, before, asked = between(question, "Where was the ").partition(" before the ")
    if not before:
        raise SolverError(f"expected 'Where was the … before the …?', found {question!r}")
    moved: dict[str, tuple[str, int]] = {}
    holder = ""
    handled_at = -1
    here: tuple[str, int] | None = None  # where the thing is, and the move that took it there
    came: tuple[str, int, int] | None = (
        None  # the place before `asked`, the move out of it and the one into it
    )
    for index, fact in enumerate(facts):
        event = read_event(fact)
        if isinstance(event, Move):
            for name in event.who:
                moved[name] = event.place, index
            if holder in event.who:
                if here and event.place == asked != here[0]:
                    came = here[0], index, here[1]
                here = event.place, index
        elif event.thing == thing:
            handled_at = index
            if isinstance(event, Take):
                here = moved.get(event.who)
            holder = {Take: event.who, Leave: ""}.get(type(event)) or ""
    if came is None:
        raise SolverError(f"no fact says where the {thing} was before the {asked}")
    place, into, out_of = came
    return Solution(answer=place, supporting=(handled_at, into, out_of))


def how_many(facts: Iterable[str], question: str) -> Solution:
    """Answer "How many objects is Mary carrying?" (qa7)."""
    handled, carried = _handled(facts, between(question, "How many objects is ", " carrying?"))
    if len(carried) >= len(NUMBERS):
        raise SolverError(f"{len(carried)} objects are carried: no word for that many")
    return Solution(answer=NUMBERS[len(carried)], supporting=tuple(sorted(chain(*handled.values()))))


def what_carried(facts: Iterable[str], question: str) -> Solution:
    """Answer "What is Mary carrying?" (qa8): in the order in which she first came by the things."""
    handled, carried = _handled(facts, between(question, "What is ", " carrying?"))
    answer = ",".join(thing for thing in handled if thing in carried)
    return Solution(answer=answer or "nothing", supporting=tuple(chain(*handled.values())))


def _handled(facts: Iterable[str], name: str) -> tuple[dict[str, list[int]], set[str]]:
    """Return the facts in which `name` handled something, by thing, and the things they have now."""
    handled: dict[str, list[int]] = {}
    carried: set[str] = set()
    for index, fact in enumerate(facts):
        event = read_event(fact)
        if isinstance(event, Move):
            continue
        receives = event.who if isinstance(event, Take) else event.to if isinstance(event, Give) else ""
        if name not in (event.who, receives):
            continue
        handled.setdefault(event.thing, []).append(index)
        if receives == name:
            carried.add(event.thing)
        else:
            carried.discard(event.thing)
    return handled, carried
