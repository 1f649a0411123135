"""Which function tells the stories of which task."""

from __future__ import annotations

from collections.abc import Callable

from babilong_gen.dice import Dice
from babilong_gen.tasks.deduction import simulate_qa15
from babilong_gen.tasks.directions import simulate_qa4, simulate_qa19
from babilong_gen.tasks.induction import simulate_qa16
from babilong_gen.tasks.motivations import simulate_qa20
from babilong_gen.tasks.moving import simulate_qa1
from babilong_gen.tasks.positions import simulate_qa17
from babilong_gen.tasks.sizes import simulate_qa18
from babilong_gen.tasks.story import Story, StoryShape

SIMULATORS: dict[str, Callable[[Dice, StoryShape], Story]] = {
    "qa1": simulate_qa1,
    "qa4": simulate_qa4,
    "qa15": simulate_qa15,
    "qa16": simulate_qa16,
    "qa17": simulate_qa17,
    "qa18": simulate_qa18,
    "qa19": simulate_qa19,
    "qa20": simulate_qa20,
}
