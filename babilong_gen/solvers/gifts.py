"""Who gave what to whom (qa5): the last gift that fits what the question says of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from babilong_gen.solvers.events import Give, between, read_event
from babilong_gen.solvers.solution import Solution, SolverError


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a question says of a gift (empty: nothing), and which part of it it asks for."""

    part: str
    who: str = ""
    thing: str = ""
    to: str = ""

    def fits(self, gift: Give) -> bool:
        """Return whether `gift` is one that was asked for."""
        return self.who in ("", gift.who) and self.thing in ("", gift.thing) and self.to in ("", gift.to)


def gift(facts: Iterable[str], question: str) -> Solution:
    """Answer "Who gave the milk to Fred?", "What did Mary give to Fred?" and the like."""
    asked = _read_question(question)
    found: tuple[int, Give] | None = None
    for index, fact in enumerate(facts):
        event = read_event(fact)
        if isinstance(event, Give) and asked.fits(event):
            found = index, event
    if found is None:
        raise SolverError(f"no fact tells of the gift that is asked for in {question!r}")
    index, event = found
    return Solution(answer=getattr(event, asked.part), supporting=(index,))


def _read_question(question: str) -> Asked:
    if question.startswith("What did "):
        who, give, to = between(question, "What did ").partition(" give to ")
        if give:
            return Asked(part="thing", who=who, to=to)
    elif question.startswith("Who did "):
        who, give, thing = between(question, "Who did ", " to?").partition(" give the ")
        if give:
            return Asked(part="to", who=who, thing=thing)
    elif question.startswith("Who gave the "):
        thing, _, to = between(question, "Who gave the ").partition(" to ")
        return Asked(part="who", thing=thing, to=to)
    elif question.startswith("Who received the "):
        return Asked(part="to", thing=between(question, "Who received the "))
    raise SolverError(f"expected a question about who gave what to whom, found {question!r}")
