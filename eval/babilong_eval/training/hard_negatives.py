"""Sentences that look like facts and are none, so that a memory learns what to leave alone.

Most flips of an answer over long noise come from windows that mention a place ("came into the hallway"): a
few in a million tokens, too rare to be learnt from at their natural rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.directions import other_rooms
from babilong_gen.tasks.simulators.rmt_paper import NAMES
from babilong_gen.tasks.simulators.world.wording import going

if TYPE_CHECKING:
    from babilong_eval.training.samples import SampleSource
    from babilong_gen.rng import Rng

STRANGERS = (
    *(
        "He",
        "She",
        "They",
        "We",
        "I",
        "Everybody",
        "Nobody",
        "Somebody",
        "The old man",
        "The girl",
        "The boy",
    ),
    *(
        "His mother",
        "Her brother",
        "The captain",
        "The doctor",
        "The stranger",
        "One of them",
        "Emily",
        "Peter",
    ),
    *("Henry", "Anna", "George", "Alice", "Robert", "Martha", "Thomas", "Jane", "The others", "The cat"),
)
_STANDING = (
    "The {place} was cold and dark.",
    "It was quiet in the {place}.",
    "There was nobody in the {place}.",
    "A noise came from the {place}.",
    "The door of the {place} stood open.",
    "Beyond the {place} lay the {other}.",
    "They could see the {place} from the {other}.",
    "{who} looked into the {place}.",
    "{who} had never liked the {place}.",
    "{who} came out of the {place} again.",
    "{who} thought of the {place} and of the {other}.",
)
_SAYING = (
    "{name} said nothing.",
    "{name} smiled.",
    "{name} went on talking.",
    "{name} moved a little closer.",
    "{name} travelled a good deal in those days.",
    "{name} went back to sleep.",
    '"Well," said {name}, "that is that."',
    "{name} journeyed for many days.",
)


def plant_decoys(
    tokens: np.ndarray,
    rng: Rng,
    material: SampleSource,
    task: str,
    *,
    often: float,
    halves: float,
    segment_size: int,
    spare: list[tuple[int, int]],
) -> np.ndarray:
    """The tokens, in each segment with probability `often` a decoy written over the noise.

    Args:
        halves: the share of decoys that are half a fact.
        spare: half-open ranges that must stay as they are: facts and the question.
    """
    planted = tokens
    # A memory that the row begins with may hold a first half.
    last_end = 0
    for begin in range(0, len(tokens), segment_size):
        if not rng.bernoulli(often):
            continue
        start, decoy = _decoy(rng, material, task, tokens[begin : begin + segment_size], halves)
        start += begin
        end = start + len(decoy)
        # Two halves side by side would be a fact.
        if start == last_end or any(start < last and first < end for first, last in spare):
            continue
        planted = planted.copy() if planted is tokens else planted
        planted[start:end] = decoy
        last_end = end
    return planted


def _decoy(
    rng: Rng, material: SampleSource, task: str, segment: np.ndarray, halves: float
) -> tuple[int, np.ndarray]:
    """Where in a segment to write what; it stays inside the segment."""
    chance = rng.random()
    if chance < halves:
        return _half(rng, material, task, len(segment))
    start = rng.randrange(len(segment))
    kind = int(4 * (chance - halves) / (1 - halves))
    if kind < 2:
        return start, _with_places(rng, material, task, segment[start:])[: len(segment) // 2]
    sentence = material.mention(rng, task) if kind == 2 else material.ids(task, near_fact(rng, task))
    return start, sentence[: len(segment) - start]


def _half(rng: Rng, material: SampleSource, task: str, n_tokens: int) -> tuple[int, np.ndarray]:
    """The first half of a fact at a segment's end, or the second at its beginning; the other is missing.

    A model that has met facts only whole, or cut in two by a border, takes any segment that begins with
    "garden" for the second half of one.
    """
    fact = material.fact(rng, task)
    # Two tokens name the one that it is about, the last two where.
    cut = rng.randint(2, max(2, len(fact) - 2))
    if rng.bernoulli(0.5):
        first = fact[:cut][-n_tokens:]
        return n_tokens - len(first), first
    return 0, fact[cut : len(fact) - rng.randrange(2)][:n_tokens]


def _with_places(rng: Rng, material: SampleSource, task: str, noise: np.ndarray) -> np.ndarray:
    """The noise itself, with places of the task in it and nobody who goes there.

    A place stands for every word that follows "the" and for one more, and often a person's name for another.
    """
    the = material.ids(task, "the")[0]
    changed = noise.copy()
    for at in (*np.flatnonzero(noise[:-1] == the) + 1, rng.randrange(len(noise))):
        changed[at] = material.ids(task, rng.choice(PLACES))[0]
    if rng.bernoulli(0.5):
        changed[rng.randrange(len(noise))] = material.ids(task, rng.choice(NAMES))[0]
    return changed


def near_fact(rng: Rng, task: str) -> str:
    """A sentence about a place or a person of the task from which nothing follows for its questions."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(going(rng.choice(STRANGERS), rng.choice(PLACES)))
    if kind == 1:
        place, other = rng.sample(PLACES, 2)
        return rng.choice(_STANDING).format(place=place, other=other, who=rng.choice(STRANGERS))
    if kind == 2:
        return rng.choice(_SAYING).format(name=rng.choice(NAMES))
    if task == "reasoning":
        return rng.choice(going(rng.choice(NAMES), rng.choice(PLACES)))
    return other_rooms(rng, 1)[0]
