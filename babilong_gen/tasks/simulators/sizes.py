"""What is bigger than what, and what fits inside it (qa18).

    The chest fits inside the box. The chocolate fits inside the chest.
    Is the box bigger than the chocolate? yes

Each answer needs a chain of two facts by way of a third thing. The official files often have several: a fact
told twice, another thing in the middle, even the answer told outright. They take one fact about either
end and the third thing, and the first other fact that mentions this thing. Ours ask only where there is one
chain, whose facts are told once and are the first two to mention the third thing, and where nothing
tells the answer outright. So no sensible rule finds other supporting facts.

The chain is told from the big end where the answer is yes, from the small end where it is no. Facts come
in fives: the official generator tells five more until there is something to ask. Longer stories tell of
things of our own, and may say the same twice, as the official ones do.
"""

from __future__ import annotations

from itertools import combinations
from math import isqrt

from babilong_gen.rng import Rng
from babilong_gen.tasks.labels import YES_NO
from babilong_gen.tasks.simulators import extra_words
from babilong_gen.tasks.simulators.fit_story import fitted
from babilong_gen.tasks.story import Story, StoryShape
from babilong_gen.tasks.task import Task

LARGE = ("box", "chest", "container", "suitcase")
SMALL = ("box of chocolates", "chocolate")

# Up to which number below 1 a story has how many facts: the shares in the official files.
_LENGTHS = ((0.765, 5), (0.976, 10), (0.999, 15), (1.0, 20))

Pair = tuple[str, str]
"""The bigger thing and the smaller."""


def simulate_qa18(task: Task, rng: Rng, shape: StoryShape) -> Story:
    """Draw a story of size reasoning: whether one thing is bigger than another, or fits in it."""
    length = _usual_length(rng)
    can_be_told = list(combinations((*rng.sample(LARGE, len(LARGE)), *SMALL), 2))
    chains: list[tuple[int, int]] = []
    pairs: list[Pair] = []
    while not chains:
        pairs = [rng.choice(can_be_told) for _ in range(length)]
        chains = _only_chains(pairs)
    upper, lower = rng.choice(chains)
    answer = rng.choice(YES_NO)
    story = task.story(
        facts=tuple(_fact(rng, pair) for pair in pairs),
        question=_question(rng, (pairs[upper][0], pairs[lower][1]), answer),
        answer=answer,
        supporting=(upper, lower) if answer == "yes" else (lower, upper),
    )
    return fitted(story, rng, shape, other_things)


def other_things(rng: Rng, count: int) -> list[str]:
    """Draw facts about the sizes of things of our own."""
    there_are = extra_words.things()
    by_size = rng.sample(there_are, min(isqrt(count) + 2, len(there_are)))
    can_be_told = list(combinations(by_size, 2))
    return [_fact(rng, rng.choice(can_be_told)) for _ in range(count)]


def _usual_length(rng: Rng) -> int:
    number = rng.random()
    return next(length for up_to, length in _LENGTHS if number < up_to)


def _only_chains(pairs: list[Pair]) -> list[tuple[int, int]]:
    """Return the indices of two facts that alone show their outer things' order, the upper one first."""
    mentions: dict[str, list[int]] = {}
    for index, pair in enumerate(pairs):
        for thing in pair:
            mentions.setdefault(thing, []).append(index)
    chains: list[tuple[int, int]] = []
    for middle, (one, *others) in mentions.items():
        for upper, lower in ((one, others[0]), (others[0], one)) if others else ():
            if pairs[upper][1] == middle == pairs[lower][0] and _is_only_chain(pairs, upper, lower):
                chains.append((upper, lower))
    return chains


def _is_only_chain(pairs: list[Pair], upper: int, lower: int) -> bool:
    """Return whether the outer things' order is not told outright, nor by other facts or again by these."""
    big, small = pairs[upper][0], pairs[lower][1]
    below = [middle for bigger, middle in pairs if bigger == big]
    above = [middle for middle, smaller in pairs if smaller == small]
    return small not in below and sum(below.count(middle) for middle in above) == 1


def _fact(rng: Rng, pair: Pair) -> str:
    big, small = pair
    if rng.bernoulli(0.5):
        return f"The {big} is bigger than the {small}."
    return f"The {small} fits inside the {big}."


def _question(rng: Rng, pair: Pair, answer: str) -> str:
    big, small = pair if answer == "yes" else pair[::-1]
    if rng.bernoulli(0.5):
        return f"Is the {big} bigger than the {small}?"
    return f"Does the {small} fit in the {big}?"
