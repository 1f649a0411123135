"""Where people are by their own moves: qa1, qa6, qa11, qa12, qa13, and the RMT paper's memorize and detect.

A pronoun (qa11, qa13) stands for those whom the last fact with names told of, and needs that fact too.
"""

from __future__ import annotations

from collections.abc import Iterable

from babilong_gen.solvers.events import Move, between, read_event
from babilong_gen.solvers.solution import Solution, SolverError

PRONOUNS = frozenset({"he", "she", "they"})


def where_is(facts: Iterable[str], question: str) -> Solution:
    """Answer "Where is Mary?": where her last move led."""
    place, supporting = _last_move(facts, between(question, "Where is "))
    return Solution(answer=place, supporting=supporting)


def is_there(facts: Iterable[str], question: str) -> Solution:
    """Answer "Is Mary in the kitchen?": whether her last move led there."""
    name, the, asked = between(question, "Is ").partition(" in the ")
    if not the:
        raise SolverError(f"expected 'Is … in the …?', found {question!r}")
    place, supporting = _last_move(facts, name)
    return Solution(answer="yes" if place == asked else "no", supporting=supporting)


def _last_move(facts: Iterable[str], name: str) -> tuple[str, tuple[int, ...]]:
    """Return the place where `name` went last, and the facts that tell it."""
    place, supporting = "", ()
    named, named_at = (), -1
    for index, fact in enumerate(facts):
        event = read_event(fact)
        if not isinstance(event, Move):
            continue
        if event.who[0] in PRONOUNS:
            if name in named:
                place, supporting = event.place, (named_at, index)
            continue
        named, named_at = event.who, index
        if name in named:
            place, supporting = event.place, (index,)
    if not supporting:
        raise SolverError(f"no fact says where {name} went")
    return place, supporting
