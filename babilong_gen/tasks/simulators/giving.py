"""People give each other things: who gave the milk to Fred?

    qa5     Mary got the milk there. Fred went to the kitchen. Mary handed the milk to Fred.

A question is about the last gift of some thing.
"""

from __future__ import annotations

from babilong_gen.rng import Rng
from babilong_gen.tasks.simulators.world.carrying import GIVING, Event, heard_by
from babilong_gen.tasks.simulators.world.telling import Plot, Question

GIVERS = ("Mary", "Fred", "Bill", "Jeff")


class _LastGifts:
    """The last gift of each thing: who gave it to whom, and the fact that tells it."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._gift: dict[str, tuple[str, str, int]] = {}
        self._between: dict[tuple[str, str], str] = {}  # giver and receiver → thing given last

    def hear(self, index: int, event: Event) -> str:
        _, action, who, what, to = event
        if action != "give":
            return ""
        self._gift[what] = who, to, index
        self._between[who, to] = what
        return what

    def can_ask(self, subject: str) -> bool:
        return subject in self._gift

    def ask(self, subject: str) -> Question:
        """Ask about the thing, the giver or the receiver, each a third of the time."""
        who, to, index = self._gift[subject]
        asked = self._rng.choice(("thing", "giver", "receiver"))
        if asked == "thing" and self._between[who, to] == subject:
            return Question(f"What did {who} give to {to}?", subject, (index,))
        if asked == "receiver":
            questions = f"Who received the {subject}?", f"Who did {who} give the {subject} to?"
            return Question(self._rng.choice(questions), to, (index,))
        questions = f"Who gave the {subject}?", f"Who gave the {subject} to {to}?"
        return Question(self._rng.choice(questions), who, (index,))


QA5 = Plot(people=GIVERS, scene=heard_by(_LastGifts, GIVING), least=2)
