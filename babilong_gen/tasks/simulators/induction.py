"""The colour of an animal is that of others of its kind (qa16).

    Lily is a swan. Lily is gray. Greg is a swan. What color is Greg? gray

The official files are loose about it: with every animal introduced, its kind gets a new colour, so that two
of a kind often differ; they answer with the colour of the one introduced last. So do ours, but a question is
asked only where all others of the kind have the same colour, so that every way to induce gives the
same answer. The one that supports it is still the one introduced last.

Longer stories tell of more animals, of other kinds than the one asked about.
"""

from __future__ import annotations

from functools import partial

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import COLOURS
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

NAMES = ("Bernhard", "Brian", "Greg", "Julius", "Lily")
KINDS = ("frog", "lion", "rhino", "swan")


def simulate_qa16(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of basic induction: the colour of the one animal whose colour was not told."""
    while (story := _told(task, rng)) is None:
        pass
    asked_kind = story.facts[story.supporting[0]].removesuffix(".").rpartition(" ")[2]
    return fitted(story, rng, shape, partial(other_animals, unlike=asked_kind))


def other_animals(rng: Rng, count: int, unlike: str) -> list[str]:
    """Draw `count` facts about animals of other kinds than `unlike`: the kind of each, then its colour."""
    kinds = [kind for kind in KINDS if kind != unlike]
    facts: list[str] = []
    for name in extra_words.names(rng, (count + 1) // 2):
        facts += f"{name} is a {rng.choice(kinds)}.", f"{name} is {rng.choice(COLOURS)}."
    return facts[:count]


def _told(task: Task, rng: Rng) -> Story | None:
    """Tell kinds and colours in random order, but for the last colour; None where it cannot be asked for."""
    kind_of = {name: rng.choice(KINDS) for name in NAMES}
    introduced: dict[str, int] = {}
    coloured: dict[str, int] = {}
    colour_of: dict[str, str] = {}
    colour_of_kind: dict[str, str] = {}
    facts: list[str] = []
    untold = list(NAMES)
    while len(facts) < 2 * len(NAMES) - 1:
        name = rng.choice(untold)
        if name not in introduced:
            introduced[name] = len(facts)
            colour_of_kind[kind_of[name]] = rng.choice(COLOURS)
            facts.append(f"{name} is a {kind_of[name]}.")
        else:
            coloured[name] = len(facts)
            colour_of[name] = colour_of_kind[kind_of[name]]
            facts.append(f"{name} is {colour_of[name]}.")
            untold.remove(name)
    (asked,) = untold
    alike = [name for name in introduced if kind_of[name] == kind_of[asked] and name != asked]
    if len({colour_of[name] for name in alike}) != 1:
        return None
    last = alike[-1]
    return task.story(
        facts=tuple(facts),
        question=f"What color is {asked}?",
        answer=colour_of[last],
        supporting=(introduced[asked], introduced[last], coloured[last]),
    )
