"""People in places, who go, take, leave and give; and what a listener makes of it.

What happens next is tried out: somebody would go somewhere, take something, leave something, or there
would be a gift, all equally likely; what cannot be is tried anew. The frequencies of the official files
follow from that. Where all are at first is not told, and so a taken thing may be nobody knows where.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from babilong_gen.dice import Dice
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.world import wording
from babilong_gen.tasks.world.telling import OpenScene, Question, Setting

WALKING = ("go",)
CARRYING = ("go", "take", "leave")
GIVING = ("go", "take", "leave", "give")


class Event(NamedTuple):
    """`who` goes to a place, or takes, leaves or gives a thing: `what`."""

    action: str
    who: str
    what: str
    to: str = ""


class World:
    """Where everybody and everything is, known or not.

    Attributes:
        place: where each person is.
        at: for each thing the place where it lies or the person who has it.
    """

    __slots__ = ("_actions", "_dice", "_people", "_things", "at", "place")

    def __init__(self, dice: Dice, setting: Setting, actions: tuple[str, ...]) -> None:
        self._dice = dice
        self._people = setting.people
        self._things = setting.things
        self._actions = [getattr(self, f"_{action}") for action in actions]
        self.place = {person: dice.pick(PLACES) for person in setting.people}
        self.at = {thing: dice.pick(PLACES) for thing in setting.things}

    def happen(self) -> Event:
        """Let one thing happen."""
        while True:
            event = self._dice.pick(self._actions)()
            if event:
                return event

    def _go(self) -> Event | None:
        who, place = self._dice.pick(self._people), self._dice.pick(PLACES)
        if place == self.place[who]:
            return None
        self.place[who] = place
        return Event("go", who, place)

    def _take(self) -> Event | None:
        who = self._dice.pick(self._people)
        lying = self._things_at(self.place[who])
        if not lying:
            return None
        thing = self._dice.pick(lying)
        self.at[thing] = who
        return Event("take", who, thing)

    def _leave(self) -> Event | None:
        who = self._dice.pick(self._people)
        held = self._things_at(who)
        if not held:
            return None
        thing = self._dice.pick(held)
        self.at[thing] = self.place[who]
        return Event("leave", who, thing)

    def _give(self) -> Event | None:
        """Whoever has the first of the things and is not alone gives it to the first who is there."""
        for thing in self._things:
            who = self.at[thing]
            if who not in self.place:
                continue
            here = self.place[who]
            for to in self._people:
                if self.place[to] == here and to != who:
                    self.at[thing] = to
                    return Event("give", who, thing, to)
        return None

    def _things_at(self, place_or_person: str) -> list[str]:
        return [thing for thing, at in self.at.items() if at == place_or_person]


def elsewhere(dice: Dice, places: Sequence[str], *here: str) -> str:
    """One of `places` that is none of `here`."""
    while True:
        place = dice.pick(places)
        if place not in here:
            return place


class Listener(Protocol):
    """What somebody knows who is told what happens: all that a question can be about."""

    def hear(self, index: int, event: Event) -> str:
        """Take in the fact at `index`; returns who or what a question about it would be about, or ""."""
        ...

    def can_ask(self, subject: str) -> bool:
        """Whether a question about `subject` can be answered."""
        ...

    def ask(self, subject: str) -> Question:
        """A question about `subject`."""
        ...


Taking = Callable[[str, str], tuple[str, ...]]


class HeardScene:
    """A scene of this world, told to a listener."""

    __slots__ = ("_dice", "_listener", "_taking", "_world", "facts", "subjects")

    def __init__(self, dice: Dice, world: World, listener: Listener, taking: Taking) -> None:
        self._dice = dice
        self._world = world
        self._listener = listener
        self._taking = taking
        self.facts: list[str] = []
        self.subjects: list[str] = []

    def unfold(self) -> None:
        """One thing happens and is told."""
        event = self._world.happen()
        self.subjects.append(self._listener.hear(len(self.facts), event))
        self.facts.append(self._dice.pick(self._sentences(event)))

    def can_ask(self, subject: str) -> bool:
        """Whether a fact told of `subject` ("" for none) and the listener can answer."""
        return bool(subject) and self._listener.can_ask(subject)

    def ask(self, subject: str) -> Question:
        """The listener's question about `subject`."""
        return self._listener.ask(subject)

    def _sentences(self, event: Event) -> tuple[str, ...]:
        action, who, what, to = event
        if action == "go":
            return wording.going(who, what)
        if action == "take":
            return self._taking(who, what)
        if action == "leave":
            return wording.leaving(who, what)
        return wording.giving(who, what, to)


def heard_by(
    listener: Callable[[Dice], Listener], actions: tuple[str, ...], taking: Taking = wording.taking
) -> OpenScene:
    """How to open scenes in which `actions` happen and `listener` is told of them."""

    def open_scene(dice: Dice, setting: Setting) -> HeardScene:
        return HeardScene(dice, World(dice, setting, actions), listener(dice), taking)

    return open_scene
