"""Whether somebody is somewhere, where facts also deny (qa9) or leave it open (qa10).

    Mary is no longer in the kitchen.    Mary is not in the kitchen.
    Mary is either in the park or the office.

The last fact about a person replaces all that was known of them before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from babilong_gen.solvers.events import Move, between, read_event
from babilong_gen.solvers.solution import Solution, SolverError


@dataclass(frozen=True, slots=True)
class Claim:
    """`who` are in one of `places`; or, if `denied`, in none of them."""

    who: tuple[str, ...]
    places: tuple[str, ...]
    denied: bool = False

    def answer(self, asked: str) -> str:
        """Return whether they are in the place that is asked for."""
        if self.denied:
            return "no" if asked in self.places else "maybe"
        if asked not in self.places:
            return "no"
        return "yes" if len(self.places) == 1 else "maybe"


def is_there(facts: Iterable[str], question: str) -> Solution:
    """Answer "Is Mary in the kitchen?": yes, no, or maybe where the last fact about her leaves it open."""
    name, the, asked = between(question, "Is ").partition(" in the ")
    if not the:
        raise SolverError(f"expected 'Is … in the …?', found {question!r}")
    last: tuple[int, Claim] | None = None
    for index, fact in enumerate(facts):
        claim = read_claim(fact)
        if name in claim.who:
            last = index, claim
    if last is None:
        raise SolverError(f"no fact says where {name} is")
    index, claim = last
    return Solution(answer=claim.answer(asked), supporting=(index,))


@lru_cache(maxsize=1 << 16)
def read_claim(fact: str) -> Claim:
    """Read what a fact says of where people are; of no one, if it only tells what is done with things."""
    who, is_, said = fact.removesuffix(".").partition(" is ")
    if not is_:
        event = read_event(fact)
        return Claim(event.who, (event.place,)) if isinstance(event, Move) else Claim((), ())
    for denial in ("no longer in the ", "not in the "):
        if said.startswith(denial):
            return Claim((who,), (said.removeprefix(denial),), denied=True)
    if said.startswith("either in the "):
        return Claim((who,), tuple(said.removeprefix("either in the ").split(" or the ")))
    if said.startswith("in the "):
        return Claim((who,), (said.removeprefix("in the "),))
    raise SolverError(f"expected where somebody is, is not, or may be, found {fact!r}")
