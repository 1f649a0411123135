"""What an animal is afraid of follows from its kind (qa15).

    Mice are afraid of wolves. Gertrude is a mouse. What is gertrude afraid of? wolf

Each kind is afraid of one other. No animal is introduced before it was said what its kind is afraid of.
Longer stories introduce more animals, whose names bAbI does not have.
"""

from __future__ import annotations

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import FEARED_ANIMALS
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

NAMES = ("Emily", "Gertrude", "Jessica", "Winona")
PLURALS = {"cat": "cats", "mouse": "mice", "sheep": "sheep", "wolf": "wolves"}


def simulate_qa15(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of basic deduction: what one animal is afraid of."""
    facts: list[str] = []
    fears: dict[str, tuple[str, int]] = {}
    kinds: dict[str, tuple[str, int]] = {}
    untold = [*FEARED_ANIMALS, *NAMES]
    while untold:
        subject = rng.choice(untold)
        if subject in PLURALS:
            feared = _another_kind(rng, subject)
            fears[subject] = feared, len(facts)
            facts.append(f"{PLURALS[subject].capitalize()} are afraid of {PLURALS[feared]}.")
        else:
            kind = rng.choice(FEARED_ANIMALS)
            if kind not in fears:
                continue
            kinds[subject] = kind, len(facts)
            facts.append(f"{subject} is a {kind}.")
        untold.remove(subject)
    asked = rng.choice(NAMES)
    kind, introduced = kinds[asked]
    answer, explained = fears[kind]
    story = task.story(
        facts=tuple(facts),
        question=f"What is {asked.lower()} afraid of?",
        answer=answer,
        supporting=(introduced, explained),
    )
    return fitted(story, rng, shape, other_animals)


def other_animals(rng: Rng, count: int) -> list[str]:
    """Introduce `count` animals."""
    return [f"{name} is a {rng.choice(FEARED_ANIMALS)}." for name in extra_words.names(rng, count)]


def _another_kind(rng: Rng, kind: str) -> str:
    other = rng.randrange(len(FEARED_ANIMALS) - 1)
    return FEARED_ANIMALS[other + (other >= FEARED_ANIMALS.index(kind))]
