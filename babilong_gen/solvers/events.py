"""What happens in bAbI's world, read from one sentence: somebody moves, takes, leaves or gives.

    Mary and John went back to the kitchen.     Then she moved to the hallway.
    Mary picked up the milk there.              John put down the milk.
    Mary handed the milk to John.

A sentence is known by its verb; who, what and where are the words around it, whatever they are. Names
are single words, places and things may have several.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from babilong_gen.solvers.solution import SolverError

MOVING = frozenset({"went", "went back", "moved", "journeyed", "travelled"})
TAKING = frozenset({"got", "took", "grabbed", "picked up"})
LEAVING = frozenset({"dropped", "discarded", "left", "put down"})
GIVING = frozenset({"gave", "handed", "passed"})
OPENERS = ("After that ", "Afterwards ", "Following that ", "Then ")


@dataclass(frozen=True, slots=True)
class Move:
    """`who` (names, or one pronoun) went to `place`."""

    who: tuple[str, ...]
    place: str


@dataclass(frozen=True, slots=True)
class Take:
    """`who` has `thing` from now on."""

    who: str
    thing: str


@dataclass(frozen=True, slots=True)
class Leave:
    """`who` leaves `thing` where they are."""

    who: str
    thing: str


@dataclass(frozen=True, slots=True)
class Give:
    """`who` hands `thing` over `to` somebody."""

    who: str
    thing: str
    to: str


Event = Move | Take | Leave | Give


# Stories repeat their sentences: remembering them makes a long story ten times as fast to read.
@lru_cache(maxsize=1 << 16)
def read_event(sentence: str) -> Event:
    """Read the event that `sentence` tells.

    Raises:
        SolverError: it tells none.
    """
    said, the, rest = sentence.removesuffix(".").partition(" the ")
    for opener in OPENERS:
        said = said.removeprefix(opener)
    who, _, verb = said.partition(" ")
    thing = rest.removesuffix(" there")
    if the and verb.endswith(" to"):
        return _read_move(who, verb.removesuffix(" to"), rest, sentence)
    if the and verb in TAKING:
        return Take(who, thing)
    if the and verb in LEAVING:
        return Leave(who, thing)
    given, to, receiver = rest.rpartition(" to ")
    if verb in GIVING and to:
        return Give(who, given, receiver)
    raise SolverError(f"nobody moves, takes, leaves or gives anything in {sentence!r}")


def _read_move(who: str, verb: str, place: str, sentence: str) -> Move:
    companion = ""
    if verb.startswith("and "):
        companion, _, verb = verb.removeprefix("and ").partition(" ")
    if verb not in MOVING:
        raise SolverError(f"expected one of {', '.join(sorted(MOVING))}, found {verb!r} in {sentence!r}")
    return Move((who, companion) if companion else (who,), place)


def between(question: str, start: str, end: str = "?") -> str:
    """Return the words of `question` between `start` and `end`.

    Raises:
        SolverError: it does not begin and end so.
    """
    if not (question.startswith(start) and question.endswith(end) and len(question) > len(start) + len(end)):
        raise SolverError(f"expected a question of the form '{start}…{end}', found {question!r}")
    return question[len(start) : len(question) - len(end)]
