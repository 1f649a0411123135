"""What an animal is afraid of follows from its kind (qa15).

    Mice are afraid of wolves. Gertrude is a mouse. What is gertrude afraid of? wolf

Each kind is afraid of one other. Nobody is introduced before it was said what such animals are afraid of.
Longer stories introduce more animals, whose names bAbI does not have.
"""

from __future__ import annotations

from babilong_gen.rng import Dice
from babilong_gen.tasks.labels import FEARED_ANIMALS
from babilong_gen.tasks.simulators import invented
from babilong_gen.tasks.simulators.lengthening import fitted
from babilong_gen.tasks.story import Story, StoryShape

NAMES = ("Emily", "Gertrude", "Jessica", "Winona")
PLURALS = {"cat": "cats", "mouse": "mice", "sheep": "sheep", "wolf": "wolves"}


def simulate_qa15(dice: Dice, shape: StoryShape) -> Story:
    """Basic deduction: what one animal is afraid of."""
    facts: list[str] = []
    fears: dict[str, tuple[str, int]] = {}
    kinds: dict[str, tuple[str, int]] = {}
    untold = [*FEARED_ANIMALS, *NAMES]
    while untold:
        subject = dice.pick(untold)
        if subject in PLURALS:
            feared = _another_kind(dice, subject)
            fears[subject] = feared, len(facts)
            facts.append(f"{PLURALS[subject].capitalize()} are afraid of {PLURALS[feared]}.")
        else:
            kind = dice.pick(FEARED_ANIMALS)
            if kind not in fears:
                continue
            kinds[subject] = kind, len(facts)
            facts.append(f"{subject} is a {kind}.")
        untold.remove(subject)
    asked = dice.pick(NAMES)
    kind, introduced = kinds[asked]
    answer, explained = fears[kind]
    story = Story(
        task="qa15",
        facts=tuple(facts),
        question=f"What is {asked.lower()} afraid of?",
        answer=answer,
        supporting=(introduced, explained),
        choices=FEARED_ANIMALS,
    )
    return fitted(story, dice, shape, other_animals)


def other_animals(dice: Dice, count: int) -> list[str]:
    """Introduces `count` animals."""
    return [f"{name} is a {dice.pick(FEARED_ANIMALS)}." for name in invented.names(dice, count)]


def _another_kind(dice: Dice, kind: str) -> str:
    other = dice.below(len(FEARED_ANIMALS) - 1)
    return FEARED_ANIMALS[other + (other >= FEARED_ANIMALS.index(kind))]
