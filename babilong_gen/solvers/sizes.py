"""What is bigger than what, by way of a third thing (qa18).

"The box fits inside the chest." says the same as "The chest is bigger than the box.". Often several chains
of facts give the answer. The official files go from the thing that the question calls bigger to a third
one, and from there on by the *first* other fact that mentions it; a direct fact is never used. Where the
first step is told more than once we take the last. That leaves open, as nothing in the text decides it,
which of two third things to take: the later first step, again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from functools import lru_cache

from babilong_gen.solvers.events import between
from babilong_gen.solvers.solution import Solution, SolverError


def compare(facts: Iterable[str], question: str) -> Solution:
    """Answer "Does the box fit in the chest?", "Is the chest bigger than the box?"."""
    start, goal = _read_question(question)
    told: dict[tuple[str, str], list[int]] = {}  # bigger, smaller → the first and the last fact that says so
    mentions: dict[str, list[int]] = {}  # thing → the first two facts about it
    for index, fact in enumerate(facts):
        pair = read_sizes(fact)
        told[pair] = [*told.get(pair, ())[:1], index]
        for thing in pair:
            if len(mentions.setdefault(thing, [])) < 2:
                mentions[thing].append(index)
    chain = _by_first_mention(told, mentions, start, goal) or _shortest(told, start, goal)
    if chain:
        return Solution(answer="yes", supporting=chain)
    upwards = {(small, big): indices for (big, small), indices in told.items()}
    chain = _by_first_mention(upwards, mentions, start, goal) or _shortest(upwards, start, goal)
    if chain:
        return Solution(answer="no", supporting=chain)
    raise SolverError(f"the facts do not say which is bigger, the {start} or the {goal}")


@lru_cache(maxsize=1 << 16)
def read_sizes(fact: str) -> tuple[str, str]:
    """Read which thing is bigger and which is smaller."""
    said = fact.removesuffix(".").removeprefix("The ")
    smaller, fits, bigger = said.partition(" fits inside the ")
    if not fits:
        bigger, fits, smaller = said.partition(" is bigger than the ")
    if not fits:
        raise SolverError(
            f"expected 'The … fits inside the ….' or 'The … is bigger than the ….', found {fact!r}"
        )
    return bigger, smaller


def _read_question(question: str) -> tuple[str, str]:
    """Read which thing is called bigger, and which is called smaller."""
    if question.startswith("Does the "):
        smaller, asked, bigger = between(question, "Does the ").partition(" fit in the ")
    else:
        bigger, asked, smaller = between(question, "Is the ").partition(" bigger than the ")
    if not asked:
        raise SolverError(
            f"expected 'Does the … fit in the …?' or 'Is the … bigger than the …?', found {question!r}"
        )
    return bigger, smaller


def _by_first_mention(
    told: dict[tuple[str, str], list[int]], mentions: dict[str, list[int]], start: str, goal: str
) -> tuple[int, ...]:
    """Return a fact from `start` to a third thing, and the first other about it, if it leads to `goal`."""
    chains: list[tuple[int, int]] = []
    for (this, third), steps in told.items():
        if this == start:
            for step in steps:
                following = next((other for other in mentions[third] if other != step), step)
                if following in told.get((third, goal), ()):
                    chains.append((step, following))
    return max(chains, default=())


def _shortest(told: dict[tuple[str, str], list[int]], start: str, goal: str) -> tuple[int, ...]:
    """Return the fewest facts that lead from `start` to `goal`, none if they do not."""
    steps: dict[str, list[tuple[str, int]]] = {}
    for (this, other), indices in told.items():
        steps.setdefault(this, []).append((other, indices[0]))
    queue: deque[tuple[str, tuple[int, ...]]] = deque([(start, ())])
    reached = {start}
    while queue:
        here, chain = queue.popleft()
        if here == goal:
            return chain
        for there, index in steps.get(here, ()):
            if there not in reached:
                reached.add(there)
                queue.append((there, (*chain, index)))
    return ()
