"""Why people do what they do, and what they will do (qa20): thirst leads to the kitchen and the milk."""

from __future__ import annotations

from collections.abc import Iterable

from babilong_gen.solvers.events import between, read_event
from babilong_gen.solvers.solution import Solution, SolverError

# Common sense, which no fact says.
LEADS_TO = {"hungry": "kitchen", "thirsty": "kitchen", "bored": "garden", "tired": "bedroom"}


def motive(facts: Iterable[str], question: str) -> Solution:
    """Answer "Where will jason go?", "Why did jason go to the kitchen?", "Why did jason get the milk?"."""
    name = _asked_about(question).lower()
    found: tuple[str, int] | None = None
    for index, fact in enumerate(facts):
        who, is_, what = fact.removesuffix(".").partition(" is ")
        if not is_:
            read_event(fact)  # what people do follows from what they are: it only has to be a known sentence
        elif who.lower() == name:
            found = what, index
    if found is None or found[0] not in LEADS_TO:
        raise SolverError(f"no fact says whether {name} is {', '.join(LEADS_TO)}")
    feels, index = found
    return Solution(answer=LEADS_TO[feels] if question.startswith("Where") else feels, supporting=(index,))


def _asked_about(question: str) -> str:
    if question.startswith("Where will "):
        return between(question, "Where will ", " go?")
    name, does, _ = between(question, "Why did ").partition(" go to the ")
    if not does:
        name, does, _ = between(question, "Why did ").partition(" get the ")
    if not does:
        raise SolverError(
            f"expected 'Where will … go?' or 'Why did … go to (get) the …?', found {question!r}"
        )
    return name
