"""The three tasks of the RMT paper (Bulatov, Kuratov, Burtsev: Scaling Transformer to 1M tokens, section 5).

`memorize` and `detect` hide one fact of the kind "Mary went to the kitchen." and ask where she is; they
differ only in where the fact is put, which is not the story's affair. `reasoning` hides two facts about
three rooms on one line, and asks about one of them: the paper's 1,000 pairs are the test set of qa4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.directions import simulate_qa4
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.simulators.world.wording import going
from babilong_gen.tasks.story import Story, StoryShape

NAMES = ("Daniel", "John", "Mary", "Sandra")


def memorize(rng: Rng, shape: StoryShape) -> Story:
    """One person's move, and where that person is; others move too where `shape` asks for more facts."""
    return _one_move("memorize", rng, shape)


def detect(rng: Rng, shape: StoryShape) -> Story:
    """As `memorize`: the tasks differ in where the fact is put in the text."""
    return _one_move("detect", rng, shape)


def reasoning(rng: Rng, shape: StoryShape) -> Story:
    """Two neighbours of one room on a line, and which of them lies in a direction."""
    return replace(simulate_qa4(rng, shape), task="reasoning")


def _one_move(task: str, rng: Rng, shape: StoryShape) -> Story:
    name, *others = rng.sample(NAMES, len(NAMES))
    place = rng.choice(PLACES)
    story = Story(
        task=task,
        facts=(rng.choice(going(name, place)),),
        question=f"Where is {name}?",
        answer=place,
        supporting=(0,),
        choices=PLACES,
    )
    return fitted(story, rng, shape, lambda rng, count: [_any_move(rng, others) for _ in range(count)])


def _any_move(rng: Rng, names: Sequence[str]) -> str:
    return rng.choice(going(rng.choice(names), rng.choice(PLACES)))
