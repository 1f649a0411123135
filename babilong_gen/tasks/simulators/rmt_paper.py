"""The moves of the RMT paper (Bulatov, Kuratov, Burtsev: Scaling Transformer to 1M tokens, section 5).

`memorize` and `detect` hide one fact of the kind "Mary went to the kitchen." and ask where she is; they
differ only in where the fact is put, which is not the story's affair. The paper's third task, `reasoning`,
hides two facts about three rooms on one line and asks about one of them: it tells the stories of qa4, whose
test set the paper's 1,000 pairs are.
"""

from __future__ import annotations

from collections.abc import Sequence

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.simulators.world.wording import going
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

NAMES = ("Daniel", "John", "Mary", "Sandra")


def simulate_one_move(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Tell one person's move and ask where they are; others move too where `shape` asks for more facts."""
    name, *others = rng.sample(NAMES, len(NAMES))
    place = rng.choice(PLACES)
    story = task.story(
        facts=(rng.choice(going(name, place)),), question=f"Where is {name}?", answer=place, supporting=(0,)
    )
    return fitted(story, rng, shape, lambda rng, count: [_any_move(rng, others) for _ in range(count)])


def _any_move(rng: Rng, names: Sequence[str]) -> str:
    return rng.choice(going(rng.choice(names), rng.choice(PLACES)))
