"""People walk about all day, told out of order: where was Mary before the park?

    qa14    This morning Mary went to the kitchen. Mary went to the park this afternoon.

Moves of the same person at the same time of day, which only longer stories have, are told in order.
"""

from __future__ import annotations

from collections.abc import MutableSequence
from functools import cache
from typing import Any

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import TOWN_PLACES
from babilong_gen.tasks.simulators.whereabouts import TOWN_PEOPLE
from babilong_gen.tasks.simulators.world.carrying import elsewhere
from babilong_gen.tasks.simulators.world.telling import FACTS_A_TURN, Plot, Question, Setting
from babilong_gen.tasks.simulators.world.wording import MOVING

TIMES = ("yesterday", "this morning", "this afternoon", "this evening")

_MOST_OFFICIAL_FACTS = 14


class _Days:
    """Everybody's day: one move at each time of day, in longer stories several, in order.

    The two facts of a turn are told in either order, where their times say which happened first.
    """

    def __init__(self, rng: Rng, setting: Setting) -> None:
        self.facts: list[str] = []
        self.subjects: list[tuple[str, str] | None] = []
        self._rng = rng
        self._moves: dict[str, list[tuple[str, int]]] = {person: [] for person in setting.people}
        self._told_at: list[int] = []  # by the order of events
        times_of_all = len(setting.people) * len(TIMES)
        self._moves_a_time = -(-(setting.facts or _MOST_OFFICIAL_FACTS) // times_of_all)
        self._last = ("", "")  # person and time of the last fact

    def unfold(self) -> None:
        most = len(TIMES) * self._moves_a_time
        who = self._rng.choice([person for person, moves in self._moves.items() if len(moves) < most])
        moves = self._moves[who]
        time = TIMES[len(moves) // self._moves_a_time]
        place = elsewhere(self._rng, TOWN_PLACES, moves[-1][0] if moves else "")
        self.subjects.append((who, place) if moves else None)
        moves.append((place, len(self.facts)))
        self._told_at.append(len(self.facts))
        self.facts.append(self._rng.choice(_going(who, place, time)))
        turn_is_over = len(self.facts) % FACTS_A_TURN == 0
        if turn_is_over and self._last != (who, time) and self._rng.bernoulli(0.5):
            _swap_last_two(self.facts)
            _swap_last_two(self.subjects)
            _swap_last_two(self._told_at)
        self._last = who, time

    def can_ask(self, subject: tuple[str, str] | None) -> bool:
        return subject is not None

    def ask(self, subject: tuple[str, str]) -> Question:
        """Ask about the last time that the person came to that place."""
        who, asked = subject
        moves = self._moves[who]
        last = max(at for at in range(1, len(moves)) if moves[at][0] == asked)
        (answer, earlier), (_, later) = moves[last - 1], moves[last]
        return Question(
            f"Where was {who} before the {asked}?", answer, (self._told_at[later], self._told_at[earlier])
        )


def _swap_last_two(items: MutableSequence[Any]) -> None:
    items[-2], items[-1] = items[-1], items[-2]


@cache
def _going(who: str, place: str, time: str) -> tuple[str, ...]:
    """Return the ways to say that someone goes somewhere, with the time at the beginning or at the end."""
    first = tuple(f"{time.capitalize()} {who} {verb} to the {place}." for verb in MOVING)
    return first + tuple(f"{who} {verb} to the {place} {time}." for verb in MOVING)


QA14 = Plot(people=TOWN_PEOPLE, scene=_Days, least=2)
