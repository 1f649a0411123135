"""Which function tells the stories of which task."""

from __future__ import annotations

from collections.abc import Callable

from babilong_gen.dice import Dice
from babilong_gen.tasks.carrying import simulate_qa2, simulate_qa3
from babilong_gen.tasks.deduction import simulate_qa15
from babilong_gen.tasks.directions import simulate_qa4, simulate_qa19
from babilong_gen.tasks.giving import simulate_qa5
from babilong_gen.tasks.holding import simulate_qa7, simulate_qa8
from babilong_gen.tasks.induction import simulate_qa16
from babilong_gen.tasks.motivations import simulate_qa20
from babilong_gen.tasks.moving import simulate_qa1, simulate_qa11, simulate_qa12, simulate_qa13
from babilong_gen.tasks.positions import simulate_qa17
from babilong_gen.tasks.presence import simulate_qa6, simulate_qa9, simulate_qa10
from babilong_gen.tasks.sizes import simulate_qa18
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.times import simulate_qa14

SIMULATORS: dict[str, Callable[[Dice, StoryShape], Story]] = {
    "qa1": simulate_qa1,
    "qa2": simulate_qa2,
    "qa3": simulate_qa3,
    "qa4": simulate_qa4,
    "qa5": simulate_qa5,
    "qa6": simulate_qa6,
    "qa7": simulate_qa7,
    "qa8": simulate_qa8,
    "qa9": simulate_qa9,
    "qa10": simulate_qa10,
    "qa11": simulate_qa11,
    "qa12": simulate_qa12,
    "qa13": simulate_qa13,
    "qa14": simulate_qa14,
    "qa15": simulate_qa15,
    "qa16": simulate_qa16,
    "qa17": simulate_qa17,
    "qa18": simulate_qa18,
    "qa19": simulate_qa19,
    "qa20": simulate_qa20,
}
