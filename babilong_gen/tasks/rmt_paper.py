"""The three tasks of the RMT paper (Bulatov, Kuratov, Burtsev: Scaling Transformer to 1M tokens, section 5).

`memorize` and `detect` hide one fact of the kind "Mary went to the kitchen." and ask where she is; they
differ only in where the fact is put, which is not the story's affair. `reasoning` hides two facts about
three rooms on one line, and asks about one of them. The paper's 1,000 pairs are bAbI's qa4 test set.
"""

from __future__ import annotations

from babilong_gen.dice import Dice
from babilong_gen.errors import DoesNotFitError
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.story import Story, StoryShape

NAMES = ("Daniel", "John", "Mary", "Sandra")
VERBS = ("went", "went back", "moved", "journeyed", "travelled")
OPPOSITE = {"north": "south", "south": "north", "east": "west", "west": "east"}

# How often a fact is said of the outer room ("The <outer> is east of the <middle>."), as in qa4's files.
_OUTER_FIRST = 2 / 3


def memorize(dice: Dice, shape: StoryShape) -> Story:
    """One person's move, and where that person is; others move too where `shape` asks for more facts."""
    return _one_move("memorize", dice, shape)


def detect(dice: Dice, shape: StoryShape) -> Story:
    """As `memorize`: the tasks differ in where the fact is put in the text."""
    return _one_move("detect", dice, shape)


def reasoning(dice: Dice, shape: StoryShape) -> Story:
    """Two neighbours of one room on a line, and which of them lies in a direction.

    Raises:
        DoesNotFitError: `shape` asks for other than two facts.
    """
    low, high = shape.facts or (2, 2)
    if shape.distractors or not low <= 2 <= high:
        raise DoesNotFitError(
            "reasoning has stories of two facts only: leave out --facts and --distractor-facts"
        )
    middle, near, far = dice.sample(PLACES, 3)
    direction = dice.pick(("north", "south", "east", "west"))
    pairs = [(near, direction, middle), (far, OPPOSITE[direction], middle)]
    stated = [pair if dice.chance(_OUTER_FIRST) else _seen_from_the_other(pair) for pair in pairs]
    asked = dice.below(2)
    return Story(
        task="reasoning",
        facts=tuple(f"The {place} is {towards} of the {other}." for place, towards, other in stated),
        question=_question(stated[asked], dice),
        answer=stated[asked][0],
        supporting=(asked,),
        choices=PLACES,
    )


def _one_move(task: str, dice: Dice, shape: StoryShape) -> Story:
    names = dice.sample(NAMES, len(NAMES))
    low, high = shape.facts or (1, 1)
    others = max(dice.between(low, high) - 1, 0) + shape.distractors
    place = dice.pick(PLACES)
    facts = [_move(dice.pick(names[1:]), dice.pick(PLACES), dice) for _ in range(others)]
    when = dice.between(0, others)
    facts.insert(when, _move(names[0], place, dice))
    return Story(
        task=task,
        facts=tuple(facts),
        question=f"Where is {names[0]}?",
        answer=place,
        supporting=(when,),
        choices=PLACES,
    )


def _move(name: str, place: str, dice: Dice) -> str:
    return f"{name} {dice.pick(VERBS)} to the {place}."


def _seen_from_the_other(relation: tuple[str, str, str]) -> tuple[str, str, str]:
    place, direction, other = relation
    return other, OPPOSITE[direction], place


def _question(relation: tuple[str, str, str], dice: Dice) -> str:
    """Asks for the first place of `relation`, in its own direction or in the opposite one."""
    _, direction, other = relation
    if dice.chance(0.5):
        return f"What is {direction} of the {other}?"
    return f"What is the {other} {OPPOSITE[direction]} of?"
