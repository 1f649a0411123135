"""What follows for one animal from its kind: qa15 (deduction) and qa16 (induction).

Induction is ambiguous where animals of one kind differ in colour. The official files then go by the last
animal of that kind that they introduce, and so do we.
"""

from __future__ import annotations

from collections.abc import Iterable

from babilong_gen.solvers.events import between
from babilong_gen.solvers.solution import Solution, SolverError

_PLURALS = {"mice": "mouse", "wolves": "wolf", "sheep": "sheep"}


def afraid_of(facts: Iterable[str], question: str) -> Solution:
    """Answer "What is emily afraid of?": what all animals of her kind are afraid of."""
    name = between(question, "What is ", " afraid of?").lower()
    kind: tuple[str, int] | None = None
    fears: dict[str, tuple[str, int]] = {}
    for index, fact in enumerate(facts):
        animals, are, feared = fact.removesuffix(".").partition(" are afraid of ")
        if are:
            fears[_singular(animals.lower())] = _singular(feared.lower()), index
            continue
        who, is_a, what = _is(fact)
        if is_a and who.lower() == name:
            kind = what, index
    if kind is None or kind[0] not in fears:
        raise SolverError(f"no fact says what {name} is, or what such animals are afraid of")
    feared, why = fears[kind[0]]
    return Solution(answer=feared, supporting=(kind[1], why))


def colour(facts: Iterable[str], question: str) -> Solution:
    """Answer "What color is Lily?": that of the last other animal of her kind whose colour is told."""
    name = between(question, "What color is ")
    kinds: dict[str, tuple[str, int]] = {}
    colours: dict[str, tuple[str, int]] = {}
    for index, fact in enumerate(facts):
        who, is_a, what = _is(fact)
        (kinds if is_a else colours)[who] = what, index
    if name not in kinds:
        raise SolverError(f"no fact says what {name} is")
    kind, own = kinds.pop(name)
    alike = [(told, who) for who, (its_kind, told) in kinds.items() if its_kind == kind and who in colours]
    if not alike:
        raise SolverError(f"no fact gives the colour of another {kind}")
    told, who = max(alike)
    its_colour, seen = colours[who]
    return Solution(answer=its_colour, supporting=(own, told, seen))


def _is(fact: str) -> tuple[str, bool, str]:
    """Read who is what, and whether that is a kind ("Lily is a swan.") and no colour ("Lily is white.")."""
    who, is_, what = fact.removesuffix(".").partition(" is ")
    if not is_:
        raise SolverError(f"expected '… is a …', '… is …' or '… are afraid of …', found {fact!r}")
    kind = what.removeprefix("a ").removeprefix("an ")
    return who, kind != what, kind


def _singular(plural: str) -> str:
    if plural in _PLURALS:
        return _PLURALS[plural]
    return plural.removesuffix("ies") + "y" if plural.endswith("ies") else plural.removesuffix("s")
