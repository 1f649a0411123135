"""People walk about with things: where is the milk, and where was it before?

    qa2     Mary went to the kitchen. Mary got the milk. Mary moved to the garden.  Where is the milk?
    qa3     (the same)                                      Where was the milk before the garden?

While somebody has a thing, the place where they took it does not count, even if it is known.
"""

from __future__ import annotations

from babilong_gen.rng import Rng
from babilong_gen.tasks.simulators.moving import PEOPLE
from babilong_gen.tasks.simulators.world import wording
from babilong_gen.tasks.simulators.world.carrying import CARRYING, Event, heard_by
from babilong_gen.tasks.simulators.world.telling import Plot, Question


class _WhereItIs:
    """The last fact about a thing, and the move that tells where it was left or is carried (qa2).

    Not asked: where a thing is that was taken and not carried anywhere, even if its place is known.
    """

    def __init__(self, _rng: Rng) -> None:
        self._moved: dict[str, tuple[str, int]] = {}  # person → place and fact of the last move
        self._taken: dict[str, tuple[str, int]] = {}  # thing that somebody has → who, and the fact
        self._left: dict[
            str, tuple[tuple[str, int] | None, int]
        ] = {}  # lying thing → whose move, and the fact

    def hear(self, index: int, event: Event) -> str:
        _, action, who, what, _ = event
        if action == "go":
            self._moved[who] = what, index
            return ""
        if action == "take":
            self._taken[what] = who, index
        else:
            del self._taken[what]
            self._left[what] = self._moved.get(who), index
        return what

    def can_ask(self, subject: str) -> bool:
        if subject in self._taken:
            who, taken_at = self._taken[subject]
            return who in self._moved and self._moved[who][1] > taken_at
        return self._left[subject][0] is not None

    def ask(self, subject: str) -> Question:
        if subject in self._taken:
            who, handled_at = self._taken[subject]
            move = self._moved[who]
        else:
            move, handled_at = self._left[subject]
            assert move
        place, moved_at = move
        return Question(f"Where is the {subject}?", place, (handled_at, moved_at))


class _WhereItWas:
    """The places to which a thing was carried since it was last taken (qa3)."""

    def __init__(self, rng: Rng) -> None:
        self._rng = rng
        self._carried: dict[str, list[tuple[str, int]]] = {}  # thing → places and facts of the moves
        self._load: dict[str, list[str]] = {}  # person → things
        self._handled_at: dict[str, int] = {}

    def hear(self, index: int, event: Event) -> str:
        _, action, who, what, _ = event
        load = self._load.setdefault(who, [])
        if action == "go":
            for thing in load:
                self._carried[thing].append((what, index))
            return ""
        if action == "take":
            load.append(what)
            self._carried[what] = []
        else:
            load.remove(what)
        self._handled_at[what] = index
        return what

    def can_ask(self, subject: str) -> bool:
        return len(self._carried[subject]) > 1

    def ask(self, subject: str) -> Question:
        """Ask about one of the places, and the last time that the thing came there."""
        moves = self._carried[subject]
        asked = moves[self._rng.randint(1, len(moves) - 1)][0]
        last = max(at for at in range(1, len(moves)) if moves[at][0] == asked)
        (answer, out_of), (_, into) = moves[last - 1], moves[last]
        return Question(
            f"Where was the {subject} before the {asked}?", answer, (self._handled_at[subject], into, out_of)
        )


QA2 = Plot(people=PEOPLE, scene=heard_by(_WhereItIs, CARRYING), least=2, shortest=6)
QA3 = Plot(people=PEOPLE, scene=heard_by(_WhereItWas, CARRYING, wording.taking_somewhere), least=3)
