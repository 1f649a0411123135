"""Whether somebody is somewhere, where facts also deny (qa9) or leave it open (qa10).

    Mary is no longer in the kitchen.    Mary is not in the kitchen.
    Mary is either in the park or the office.

The last fact about a person replaces all that was known of them before.
"""

from __future__ import annotations

from collections.abc import Iterable

from babilong_gen.solvers.events import Move, between, read_event
from babilong_gen.solvers.solution import Solution, SolverError


def is_there(facts: Iterable[str], question: str) -> Solution:
    """Answer "Is Mary in the kitchen?": yes, no, or maybe where the last fact about her leaves it open."""
    name, the, asked = between(question, "Is ").partition(" in the ")
    if not the:
        raise SolverError(f"expected 'Is … in the …?', found {question!r}")
    last: tuple[int, str] | None = None
    starts = f"{name} "
    for index, fact in enumerate(facts):
        if fact.startswith(starts):
            last = index, fact
    if last is None:
        raise SolverError(f"no fact tells of {name}")
    index, fact = last
    return Solution(answer=_answer(fact, name, asked), supporting=(index,))


def _answer(fact: str, name: str, asked: str) -> str:
    said = fact.removeprefix(f"{name} ")
    for denial in ("is no longer in the ", "is not in the "):
        if said.startswith(denial):
            return "no" if between(said, denial, ".") == asked else "maybe"
    if said.startswith("is either in the "):
        return "maybe" if asked in between(said, "is either in the ", ".").split(" or the ") else "no"
    if said.startswith("is in the "):
        return "yes" if between(said, "is in the ", ".") == asked else "no"
    event = read_event(fact)
    if not isinstance(event, Move):
        raise SolverError(f"expected where {name} is or went, found {fact!r}")
    return "yes" if event.place == asked else "no"
