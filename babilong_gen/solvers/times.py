"""Where somebody was before, when moves are told out of order but with their time of day (qa14)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from babilong_gen.solvers.events import Event, Move, between, read_event
from babilong_gen.solvers.solution import Solution, SolverError

TIMES = ("yesterday", "this morning", "this afternoon", "this evening")


def where_before(facts: Iterable[str], question: str) -> Solution:
    """Answer "Where was Mary before the park?": the place of her move that came just before that to the park.

    Needs that move and the one before it. Two moves at the same time of day happened as they are told.
    """
    name, before, asked = between(question, "Where was ").partition(" before the ")
    if not before:
        raise SolverError(f"expected 'Where was … before the …?', found {question!r}")
    last: dict[int, tuple[int, str]] = {}  # time → fact and place of the last move then
    reached: dict[
        int, tuple[int, tuple[int, str] | None]
    ] = {}  # time → the last move to `asked`, the one before
    for index, fact in enumerate(facts):
        time, event = _read(fact)
        if not isinstance(event, Move) or name not in event.who:
            continue
        if event.place == asked:
            reached[time] = index, last.get(time)
        last[time] = index, event.place
    for time in sorted(reached, reverse=True):
        index, previous = reached[time]
        previous = previous or next(
            (last[earlier] for earlier in reversed(range(time)) if earlier in last), None
        )
        if previous:
            return Solution(answer=previous[1], supporting=(index, previous[0]))
    raise SolverError(f"no fact says where {name} was before the {asked}")


@lru_cache(maxsize=1 << 16)
def _read(fact: str) -> tuple[int, Event]:
    """Read when, as an index into `TIMES`, and what."""
    for index, time in enumerate(TIMES):
        opening = f"{time[0].upper()}{time[1:]} "
        if fact.startswith(opening):
            return index, read_event(fact.removeprefix(opening))
        if fact.endswith(f" {time}."):
            return index, read_event(fact.removesuffix(f" {time}."))
    raise SolverError(f"expected one of {', '.join(TIMES)} in {fact!r}")
