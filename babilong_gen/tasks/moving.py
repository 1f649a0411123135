"""People walk about: where is Mary?

qa1     Mary went to the kitchen.
"""

from __future__ import annotations

from babilong_gen.dice import Dice
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.world.telling import Cast, Plot, Question, tell
from babilong_gen.tasks.world.wording import going

PEOPLE = ("Daniel", "John", "Mary", "Sandra")


class _Walks:
    """Somebody goes somewhere else, one fact each (qa1)."""

    def __init__(self, dice: Dice, cast: Cast) -> None:
        self.facts: list[str] = []
        self.subjects: list[str] = []
        self._dice = dice
        self._people = cast.people
        self._where = {name: dice.pick(PLACES) for name in cast.people}
        self._went_at: dict[str, int] = {}

    def unfold(self) -> None:
        name = self._dice.pick(self._people)
        place = elsewhere(self._dice, self._where[name])
        self._where[name] = place
        self._went_at[name] = len(self.facts)
        self.subjects.append(name)
        self.facts.append(self._dice.pick(going(name, place)))

    def can_ask(self, subject: str) -> bool:
        return subject in self._went_at

    def ask(self, subject: str) -> Question:
        return Question(f"Where is {subject}?", self._where[subject], (self._went_at[subject],))


def elsewhere(dice: Dice, here: str) -> str:
    """A place other than `here`."""
    while True:
        place = dice.pick(PLACES)
        if place != here:
            return place


_QA1 = Plot(task="qa1", choices=PLACES, people=PEOPLE, scene=_Walks, least=1)


def simulate_qa1(dice: Dice, shape: StoryShape) -> Story:
    """Single supporting fact: where somebody went last."""
    return tell(_QA1, dice, shape)
