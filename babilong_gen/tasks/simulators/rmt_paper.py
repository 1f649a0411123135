"""The three tasks of the RMT paper (Bulatov, Kuratov, Burtsev: Scaling Transformer to 1M tokens, section 5).

`memorize` and `detect` hide one fact of the kind "Mary went to the kitchen." and ask where she is; they
differ only in where the fact is put, which is not the story's affair. `reasoning` hides two facts about
three rooms on one line, and asks about one of them: the paper's 1,000 pairs are the test set of qa4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from babilong_gen.rng import Dice
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.directions import simulate_qa4
from babilong_gen.tasks.simulators.lengthening import fitted
from babilong_gen.tasks.simulators.world.wording import going
from babilong_gen.tasks.story import Story, StoryShape

NAMES = ("Daniel", "John", "Mary", "Sandra")


def memorize(dice: Dice, shape: StoryShape) -> Story:
    """One person's move, and where that person is; others move too where `shape` asks for more facts."""
    return _one_move("memorize", dice, shape)


def detect(dice: Dice, shape: StoryShape) -> Story:
    """As `memorize`: the tasks differ in where the fact is put in the text."""
    return _one_move("detect", dice, shape)


def reasoning(dice: Dice, shape: StoryShape) -> Story:
    """Two neighbours of one room on a line, and which of them lies in a direction."""
    return replace(simulate_qa4(dice, shape), task="reasoning")


def _one_move(task: str, dice: Dice, shape: StoryShape) -> Story:
    name, *others = dice.sample(NAMES, len(NAMES))
    place = dice.pick(PLACES)
    story = Story(
        task=task,
        facts=(dice.pick(going(name, place)),),
        question=f"Where is {name}?",
        answer=place,
        supporting=(0,),
        choices=PLACES,
    )
    return fitted(story, dice, shape, lambda dice, count: [_any_move(dice, others) for _ in range(count)])


def _any_move(dice: Dice, names: Sequence[str]) -> str:
    return dice.pick(going(dice.pick(names), dice.pick(PLACES)))
