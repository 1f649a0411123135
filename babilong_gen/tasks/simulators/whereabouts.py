"""Yes-no questions: is Mary in the kitchen?

    qa6     Mary went to the garden. Mary got the milk there.
    qa9     Mary is in the garden.   Mary is not in the garden.   Mary is no longer in the garden.
    qa10    Mary is either in the park or the school.

Half of the questions are about where the last fact puts somebody, half about some other place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES, TOWN_PLACES
from babilong_gen.tasks.simulators.moving import PEOPLE
from babilong_gen.tasks.simulators.world.carrying import CARRYING, Event, elsewhere, heard_by
from babilong_gen.tasks.simulators.world.telling import Plot, Question, Setting
from babilong_gen.tasks.simulators.world.wording import going

TOWN_PEOPLE = ("Bill", "Fred", "Julie", "Mary")


class _SeenGoing:
    """Where everybody went last, among facts about what they carry (qa6)."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._moved: dict[str, tuple[str, int]] = {}

    def hear(self, index: int, event: Event) -> str:
        if event.action != "go":
            return ""
        self._moved[event.who] = event.what, index
        return event.who

    def can_ask(self, subject: str) -> bool:
        return subject in self._moved

    def ask(self, subject: str) -> Question:
        place, moved_at = self._moved[subject]
        asked = _here_or_elsewhere(self._rng, place, PLACES)
        return Question(_is_in(subject, asked), "yes" if asked == place else "no", (moved_at,))


class _Report(NamedTuple):
    """What is told of somebody.

    Attributes:
        fact: the sentence.
        named: the places that it names.
        there: whether the person is in one that it names: `yes`, `no` or `maybe`.
    """

    fact: str
    named: tuple[str, ...]
    there: str


# What is told of a person (first argument) who went from one place (second) to another (third).
_Reporter = Callable[[Rng, str, str, str], _Report]


class _Reports:
    """People walk about; what is told may be their move, where they are, or less (qa9, qa10)."""

    def __init__(
        self, rng: Rng, setting: Setting, places: tuple[str, ...], reporters: Sequence[_Reporter]
    ) -> None:
        self.facts: list[str] = []
        self.subjects: list[str] = []
        self._rng = rng
        self._people = setting.people
        self._places = places
        self._reporters = reporters
        self._place = {person: rng.choice(places) for person in setting.people}
        self._last: dict[str, tuple[_Report, int]] = {}

    def unfold(self) -> None:
        rng = self._rng
        who = rng.choice(self._people)
        before = self._place[who]
        self._place[who] = now = elsewhere(rng, self._places, before)
        report = rng.choice(self._reporters)(rng, who, before, now)
        self._last[who] = report, len(self.facts)
        self.facts.append(report.fact)
        self.subjects.append(who)

    def can_ask(self, subject: str) -> bool:
        return subject in self._last

    def ask(self, subject: str) -> Question:
        report, told_at = self._last[subject]
        asked = self._rng.choice(report.named)
        if report.there != "no":
            asked = _here_or_elsewhere(self._rng, asked, self._places)
        return Question(_is_in(subject, asked), report.there if asked in report.named else "no", (told_at,))


def _move(rng: Rng, who: str, _before: str, now: str) -> _Report:
    return _Report(rng.choice(going(who, now)), (now,), "yes")


def _stay(_rng: Rng, who: str, _before: str, now: str) -> _Report:
    return _Report(f"{who} is in the {now}.", (now,), "yes")


def _absence(rng: Rng, who: str, before: str, _now: str) -> _Report:
    """Tell that they are not where they were, wherever they are."""
    return _Report(f"{who} is {rng.choice(('not', 'no longer'))} in the {before}.", (before,), "no")


def _doubt(rng: Rng, who: str, _before: str, now: str) -> _Report:
    """Tell that they are in one of two places, the first of which is right.

    The official files also have "in the park or the park", which would leave nothing in doubt.
    """
    other = elsewhere(rng, TOWN_PLACES, now)
    return _Report(f"{who} is either in the {now} or the {other}.", (now, other), "maybe")


def _denying(rng: Rng, setting: Setting) -> _Reports:
    return _Reports(rng, setting, PLACES, (_move, _move, _stay, _absence))


def _doubting(rng: Rng, setting: Setting) -> _Reports:
    return _Reports(rng, setting, TOWN_PLACES, (_move, _move, _stay, _doubt))


def _here_or_elsewhere(rng: Rng, place: str, places: Sequence[str]) -> str:
    return place if rng.bernoulli(0.5) else elsewhere(rng, places, place)


def _is_in(who: str, place: str) -> str:
    return f"Is {who} in the {place}?"


QA6 = Plot(people=PEOPLE, scene=heard_by(_SeenGoing, CARRYING), least=1)
QA9 = Plot(people=PEOPLE, scene=_denying, least=1)
QA10 = Plot(people=TOWN_PEOPLE, scene=_doubting, least=1)
