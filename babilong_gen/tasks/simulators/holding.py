"""People take, leave and give things: how many, and which, do they have?

    qa7     Mary got the milk there. Mary gave the milk to John.    How many objects is Mary carrying?
    qa8     Mary got the milk there. Mary left the milk.            What is Mary carrying?

What somebody did with anything supports the answer, even if it is out of their hands again.
"""

from __future__ import annotations

from itertools import chain

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import COUNTS
from babilong_gen.tasks.simulators.moving import PEOPLE
from babilong_gen.tasks.simulators.world.carrying import CARRYING, GIVING, Event, heard_by
from babilong_gen.tasks.simulators.world.telling import Plot, Question


class _Inventory:
    """What each person has, and the facts in which each thing came to them or left them.

    A question is about somebody who took, left or gave something, not about somebody who was given it.
    """

    def __init__(self, _rng: Rng) -> None:
        self._handled: dict[str, dict[str, list[int]]] = {}
        self._has: dict[str, set[str]] = {}

    def hear(self, index: int, event: Event) -> str:
        _, action, who, what, to = event
        if action == "go":
            return ""
        self._handle(who, what, index, has=action == "take")
        if action == "give":
            self._handle(to, what, index, has=True)
        return who

    def _handle(self, who: str, thing: str, index: int, has: bool) -> None:
        self._handled.setdefault(who, {}).setdefault(thing, []).append(index)
        things = self._has.setdefault(who, set())
        if has:
            things.add(thing)
        else:
            things.remove(thing)

    def can_ask(self, subject: str) -> bool:
        return subject in self._handled


class _HowMany(_Inventory):
    """Asks for the number; all that the person did with anything supports it, in order (qa7)."""

    def ask(self, subject: str) -> Question:
        facts = sorted(chain(*self._handled[subject].values()))
        return Question(
            f"How many objects is {subject} carrying?", COUNTS[len(self._has[subject])], tuple(facts)
        )


class _Which(_Inventory):
    """Asks for the things, listed and supported in the order in which they first came to the person (qa8)."""

    def ask(self, subject: str) -> Question:
        handled = self._handled[subject]
        things = [thing for thing in handled if thing in self._has[subject]]
        return Question(
            f"What is {subject} carrying?", ",".join(things) or "nothing", tuple(chain(*handled.values()))
        )


QA7 = Plot(people=PEOPLE, scene=heard_by(_HowMany, GIVING), least=1)
QA8 = Plot(people=PEOPLE, scene=heard_by(_Which, CARRYING), least=1)
