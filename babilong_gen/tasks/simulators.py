"""Which function tells the stories of which task."""

from __future__ import annotations

from collections.abc import Callable

from babilong_gen.dice import Dice
from babilong_gen.tasks.moving import simulate_qa1
from babilong_gen.tasks.story import Story, StoryShape

SIMULATORS: dict[str, Callable[[Dice, StoryShape], Story]] = {
    "qa1": simulate_qa1,
}
