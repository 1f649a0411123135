"""Why people do what they do, and what they will do (qa20).

    Jason is thirsty. Where will jason go? kitchen
    Jason went to the kitchen. Why did jason go to the kitchen? thirsty
    Jason took the milk there. Why did jason get the milk? thirsty

Four people feel something, go where it leads them, and take what they want there; what one of them has taken
is no longer there for the others. Each of these facts has its question. What leads where is common
sense, which no fact says.

Longer stories tell of more people, with names that bAbI does not have, who feel something and go there.
"""

from __future__ import annotations

from typing import NamedTuple

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import MOTIVES
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.simulators.fit_story import fitted, most_of_its_own
from babilong_gen.tasks.simulators.world.wording import MOVING, going, taking
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

NAMES = ("Antoine", "Jason", "Sumit", "Yann")

_MOST_FACTS = 3 * len(NAMES)


class Motive(NamedTuple):
    """What a feeling leads to: where one goes, and what one takes there."""

    place: str
    thing: str


LEADS_TO = {
    "bored": Motive("garden", "football"),
    "hungry": Motive("kitchen", "apple"),
    "thirsty": Motive("kitchen", "milk"),
    "tired": Motive("bedroom", "pajamas"),
}


def simulate_qa20(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of agents' motivations: a question about the last thing that happened."""
    most = most_of_its_own(shape, usual=_MOST_FACTS)
    # All official questions are alike likely, and only some stories have a twelfth.
    while (story := _day(task, rng, rng.randint(1, most))) is None:
        pass
    return fitted(story, rng, shape, other_people)


def other_people(rng: Rng, count: int) -> list[str]:
    """Draw `count` facts about people of our own: what each feels, then where it leads them."""
    facts: list[str] = []
    for name in extra_words.names(rng, (count + 1) // 2):
        feeling = rng.choice(MOTIVES)
        facts += f"{name} is {feeling}.", f"{name} {rng.choice(MOVING)} to the {LEADS_TO[feeling].place}."
    return facts[:count]


def _day(task: Task, rng: Rng, length: int) -> Story | None:
    """Tell the first `length` things that happen to the four; None where it ends before."""
    feelings = {name: rng.choice(MOTIVES) for name in NAMES}
    told: dict[str, list[int]] = {name: [] for name in NAMES}
    taken: set[str] = set()
    facts: list[str] = []
    question = answer = name = ""
    while len(facts) < length:
        active = [who for who in NAMES if len(told[who]) < (2 if feelings[who] in taken else 3)]
        if not active:
            return None
        name = rng.choice(active)
        feeling = feelings[name]
        place, thing = LEADS_TO[feeling]
        if not told[name]:
            fact = f"{name} is {feeling}."
            question, answer = f"Where will {name.lower()} go?", place
        elif len(told[name]) == 1:
            fact = rng.choice(going(name, place))
            question, answer = f"Why did {name.lower()} go to the {place}?", feeling
        else:
            fact = rng.choice(taking(name, thing))
            question, answer = f"Why did {name.lower()} get the {thing}?", feeling
            taken.add(feeling)
        told[name].append(len(facts))
        facts.append(fact)
    return task.story(
        facts=tuple(facts),
        question=question,
        answer=answer,
        supporting=(told[name][0],),
    )
