"""People walk about: where is Mary?

    qa1     Mary went to the kitchen.
    qa11    Mary went to the kitchen. Then she moved to the garden.
    qa12    Mary and John went to the kitchen.
    qa13    Mary and John went to the kitchen. Then they moved to the garden.

No one goes where they already are.
"""

from __future__ import annotations

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.world.carrying import WALKING, Event, elsewhere, heard_by
from babilong_gen.tasks.simulators.world.telling import OpenScene, Plot, Question, Setting
from babilong_gen.tasks.simulators.world.wording import going

PEOPLE = ("John", "Mary", "Sandra", "Daniel")
PRONOUN = {"John": "he", "Mary": "she", "Sandra": "she", "Daniel": "he"}
OPENERS = ("After that", "Afterwards", "Following that", "Then")


class _LastMoves:
    """Where everybody went last (qa1)."""

    def __init__(self, _rng: Rng) -> None:
        self._moved: dict[str, tuple[str, int]] = {}

    def hear(self, index: int, event: Event) -> str:
        self._moved[event.who] = event.what, index
        return event.who

    def can_ask(self, subject: str) -> bool:
        return subject in self._moved

    def ask(self, subject: str) -> Question:
        place, moved_at = self._moved[subject]
        return Question(f"Where is {subject}?", place, (moved_at,))


class _Company:
    """Some people go somewhere together, and perhaps on from there.

    A question is about one of them; those of a pair count as two whom a fact told of. Where an odd number
    of facts is to be told, the first group does not go on.
    """

    def __init__(self, rng: Rng, setting: Setting, together: int, onwards: bool) -> None:
        self.facts: list[str] = []
        self.subjects: list[str] = []
        self._rng = rng
        self._people = setting.people
        self._together = together
        self._onwards = onwards
        self._odd = bool(setting.facts and setting.facts % 2)
        self._place = {person: rng.choice(PLACES) for person in setting.people}
        self._supporting: dict[str, tuple[int, ...]] = {}

    def unfold(self) -> None:
        group = self._rng.sample(self._people, self._together)
        named_at = len(self.facts)
        self._go(group, " and ".join(group), (named_at,))
        if self._onwards and not (self._odd and named_at == 0):
            pronoun = "they" if self._together > 1 else PRONOUN[group[0]]
            self._go(group, f"{self._rng.choice(OPENERS)} {pronoun}", (named_at, named_at + 1))

    def _go(self, group: list[str], called: str, supporting: tuple[int, ...]) -> None:
        place = elsewhere(self._rng, PLACES, *(self._place[person] for person in group))
        self.facts.append(self._rng.choice(going(called, place)))
        for person in group:
            self._place[person] = place
            self._supporting[person] = supporting
            self.subjects.append(person)

    def can_ask(self, subject: str) -> bool:
        return subject in self._supporting

    def ask(self, subject: str) -> Question:
        return Question(f"Where is {subject}?", self._place[subject], self._supporting[subject])


def _company(together: int, onwards: bool) -> OpenScene:
    return lambda rng, setting: _Company(rng, setting, together, onwards)


QA1 = Plot(people=PEOPLE, scene=heard_by(_LastMoves, WALKING), least=1)
QA11 = Plot(people=PEOPLE, scene=_company(together=1, onwards=True), least=2, step=2)
QA12 = Plot(people=PEOPLE, scene=_company(together=2, onwards=False), least=1)
QA13 = Plot(people=PEOPLE, scene=_company(together=2, onwards=True), least=2, step=2)
