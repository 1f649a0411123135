"""Left, right, above, below (qa17): shapes lie on a grid, each fact one step between two of them.

"Above" is right above, so that what is above a shape is neither left nor right of it; the official
questions need this reading.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from babilong_gen.solvers.events import between
from babilong_gen.solvers.solution import Solution, SolverError
from babilong_gen.solvers.ways import Link, shortest_way

# Steps right and up that lead from the second shape to the first.
STEPS = {"to the left of": (-1, 0), "to the right of": (1, 0), "above": (0, 1), "below": (0, -1)}
_OPPOSITE = {
    "to the left of": "to the right of",
    "to the right of": "to the left of",
    "above": "below",
    "below": "above",
}


def is_there(facts: Iterable[str], question: str) -> Solution:
    """Answer "Is the pink rectangle to the right of the red square?"."""
    asked, relation, other = _read(between(question, "Is the "))
    way = shortest_way(map(_link, facts), other, asked)
    right = sum(STEPS[step][0] for step, _ in way)
    up = sum(STEPS[step][1] for step, _ in way)
    asked_right, asked_up = STEPS[relation]
    return Solution(
        answer="yes" if right * asked_right + up * asked_up > 0 else "no",
        supporting=tuple(index for _, index in reversed(way)),
    )


@lru_cache(maxsize=1 << 16)
def _link(fact: str) -> Link:
    shape, relation, other = _read(fact.removesuffix(".").removeprefix("The ").replace(" is ", " ", 1))
    return Link(other, relation, _OPPOSITE[relation], shape)


def _read(said: str) -> tuple[str, str, str]:
    for relation in STEPS:
        shape, found, other = said.partition(f" {relation} the ")
        if found:
            return shape, relation, other
    raise SolverError(
        f"expected 'the … above (below, to the left of, to the right of) the …', found {said!r}"
    )
