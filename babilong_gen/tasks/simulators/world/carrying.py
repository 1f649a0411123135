"""People in places, who go, take, leave and give; and what a listener makes of it.

What happens next is tried out: somebody would go somewhere, take something, leave something, or there
would be a gift, all equally likely; what cannot be is tried anew. The frequencies of the official files
follow from that. Where everything is at first is not told, so that the place of a taken thing may be unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.world import wording
from babilong_gen.tasks.simulators.world.telling import OpenScene, Question, Setting

WALKING = ("go",)
CARRYING = ("go", "take", "leave")
GIVING = ("go", "take", "leave", "give")

Taking = Callable[[str, str], tuple[str, ...]]


class Event(NamedTuple):
    """`who` goes to a place, or takes, leaves or gives a thing (`what`); `told` are the ways to say so."""

    told: tuple[str, ...]
    action: str
    who: str
    what: str
    to: str = ""


class World:
    """Where everybody and everything is, whether anybody knows it or not."""

    __slots__ = ("_has", "_people", "_place", "_rng", "_taking", "_things", "_tries")

    def __init__(self, rng: Rng, setting: Setting, actions: Sequence[str], taking: Taking) -> None:
        self._rng = rng
        self._people = setting.people
        self._things = setting.things
        self._taking = taking
        attempts = [getattr(self, f"_{action}") for action in actions]
        self._tries = [(attempt, person) for attempt in attempts for person in setting.people]
        self._place = {person: rng.choice(PLACES) for person in setting.people}
        self._has: dict[str, list[str]] = {holder: [] for holder in (*PLACES, *setting.people)}
        for thing in setting.things:
            self._has[rng.choice(PLACES)].append(thing)

    def happen(self) -> Event:
        """Let one thing happen."""
        while True:
            attempt, who = self._rng.choice(self._tries)
            event = attempt(who)
            if event:
                return event

    def _go(self, who: str) -> Event | None:
        place = self._rng.choice(PLACES)
        if place == self._place[who]:
            return None
        self._place[who] = place
        return Event(wording.going(who, place), "go", who, place)

    def _take(self, who: str) -> Event | None:
        lying = self._has[self._place[who]]
        if not lying:
            return None
        thing = self._rng.choice(lying)
        lying.remove(thing)
        self._has[who].append(thing)
        return Event(self._taking(who, thing), "take", who, thing)

    def _leave(self, who: str) -> Event | None:
        carried = self._has[who]
        if not carried:
            return None
        thing = self._rng.choice(carried)
        carried.remove(thing)
        self._has[self._place[who]].append(thing)
        return Event(wording.leaving(who, thing), "leave", who, thing)

    def _give(self, _who: str) -> Event | None:
        """Let the first thing whose holder is not alone be given to the first person who is there."""
        for thing in self._things:
            for who in self._people:
                if thing not in self._has[who]:
                    continue
                for to in self._people:
                    if self._place[to] == self._place[who] and to != who:
                        self._has[who].remove(thing)
                        self._has[to].append(thing)
                        return Event(wording.giving(who, thing, to), "give", who, thing, to)
        return None


class Listener(Protocol):
    """What somebody knows who is told what happens: all that a question can be about."""

    def hear(self, index: int, event: Event) -> str:
        """Take in the fact at `index`; return who or what a question about it would be about, or ""."""
        ...

    def can_ask(self, subject: str) -> bool:
        """Return whether a question about `subject` can be answered."""
        ...

    def ask(self, subject: str) -> Question:
        """Ask a question about `subject`."""
        ...


class HeardScene:
    """A scene of this world, told to a listener."""

    __slots__ = ("_listener", "_rng", "_world", "ask", "can_ask", "facts", "subjects")

    def __init__(self, rng: Rng, world: World, listener: Listener) -> None:
        self._rng = rng
        self._world = world
        self._listener = listener
        self.facts: list[str] = []
        self.subjects: list[str] = []
        self.can_ask = listener.can_ask
        self.ask = listener.ask

    def unfold(self) -> None:
        """Let one thing happen, and tell it."""
        event = self._world.happen()
        self.subjects.append(self._listener.hear(len(self.facts), event))
        self.facts.append(self._rng.choice(event.told))


def heard_by(
    listener: Callable[[Rng], Listener], actions: Sequence[str], taking: Taking = wording.taking
) -> OpenScene:
    """Return a function that opens scenes in which `actions` happen and `listener` is told of them."""
    return lambda rng, setting: HeardScene(rng, World(rng, setting, actions, taking), listener(rng))


def elsewhere(rng: Rng, places: Sequence[str], *here: str) -> str:
    """Draw one of `places` that is none of `here`."""
    while True:
        place = rng.choice(places)
        if place not in here:
            return place
