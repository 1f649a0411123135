"""The shortest way through things that facts relate to each other, two by two."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from babilong_gen.solvers.solution import SolverError


class Link(NamedTuple):
    """One fact: `start` and `end` are neighbours; the step from the one to the other, and back."""

    start: str
    step: str
    step_back: str
    end: str


def shortest_way(links: Iterable[Link], start: str, goal: str) -> list[tuple[str, int]]:
    """Return the steps from `start` to `goal`, each with the index of the link that allows it.

    Of several equally short ways it is the one that a breadth-first search finds which looks at links in
    their order; of links that say the same, the first counts.

    Raises:
        SolverError: there is no way.
    """
    neighbours: dict[str, dict[str, tuple[str, int]]] = {}
    for index, link in enumerate(links):
        neighbours.setdefault(link.start, {}).setdefault(link.end, (link.step, index))
        neighbours.setdefault(link.end, {}).setdefault(link.start, (link.step_back, index))
    came: dict[str, str] = {start: start}
    queue = deque([start])
    while queue and goal not in came:
        here = queue.popleft()
        for there in neighbours.get(here, {}):
            if there not in came:
                came[there] = here
                queue.append(there)
    if goal not in came:
        raise SolverError(f"the facts show no way from {start!r} to {goal!r}")
    way: list[tuple[str, int]] = []
    while goal != start:
        way.append(neighbours[came[goal]][goal])
        goal = came[goal]
    return way[::-1]
