"""The sentences that tell an event, as the official files word them.

Each function gives all wordings of one event, to pick from uniformly: a wording that the files use four
times as often is there four times. They are remembered, as a story tells few different events.
"""

from __future__ import annotations

from functools import cache

MOVING = ("went", "went back", "moved", "journeyed", "travelled")
TAKING = ("got", "took", "grabbed", "picked up")
LEAVING = ("dropped", "discarded", "left", "put down")
GIVING = ("gave", "handed", "passed")

_PLAIN_TO_THERE = ("", "", "", "", " there")  # "put down the milk there" is one in five


@cache
def going(who: str, place: str) -> tuple[str, ...]:
    """Say that `who` goes to a place: one person, several ("Mary and John") or an opening ("Then she")."""
    return tuple(f"{who} {verb} to the {place}." for verb in MOVING)


@cache
def taking(who: str, thing: str) -> tuple[str, ...]:
    """Say that `who` takes a thing where they are: "Mary got the milk there."."""
    return tuple(f"{who} {verb} the {thing} there." for verb in TAKING)


@cache
def taking_somewhere(who: str, thing: str) -> tuple[str, ...]:
    """Say the same as `taking`, mostly without a word about where (qa3)."""
    return tuple(f"{who} {verb} the {thing}{there}." for verb in TAKING for there in _PLAIN_TO_THERE)


@cache
def leaving(who: str, thing: str) -> tuple[str, ...]:
    """Say that `who` leaves a thing where they are: "Mary put down the milk."."""
    return tuple(f"{who} {verb} the {thing}{there}." for verb in LEAVING for there in _PLAIN_TO_THERE)


@cache
def giving(who: str, thing: str, to: str) -> tuple[str, ...]:
    """Say that `who` gives a thing to somebody in the same place."""
    return tuple(f"{who} {verb} the {thing} to {to}." for verb in GIVING)
