"""Hard negatives: sentences that look like facts and are none, so that a memory learns what to ignore.

Over long noise most answers are lost to passages that mention a place ("came into the hallway"): a few in a
million tokens, too rare to learn from at their natural rate.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from babilong_gen.tasks.labels import PLACES
from babilong_gen.tasks.simulators.directions import other_rooms
from babilong_gen.tasks.simulators.rmt_paper import NAMES
from babilong_gen.tasks.simulators.world.wording import going

if TYPE_CHECKING:
    from babilong_eval.training.recipe_stages import Streams
    from babilong_eval.training.samples import SampleSource
    from babilong_gen.rng import Rng

_STRANGERS = (
    *("He", "She", "They", "We", "I", "Everybody", "Nobody", "Somebody"),
    *("The old man", "The girl", "The boy", "His mother", "Her brother", "The captain", "The doctor"),
    *("The stranger", "One of them", "Emily", "Peter", "Henry", "Anna", "George", "Alice", "Robert"),
    *("Martha", "Thomas", "Jane", "The others", "The cat"),
)
_PLACE_SENTENCES = (
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
_PERSON_SENTENCES = (
    "{name} said nothing.",
    "{name} smiled.",
    "{name} went on talking.",
    "{name} moved a little closer.",
    "{name} travelled a good deal in those days.",
    "{name} went back to sleep.",
    '"Well," said {name}, "that is that."',
    "{name} journeyed for many days.",
)


def plant_hard_negatives(
    tokens: np.ndarray,
    rng: Rng,
    source: SampleSource,
    task: str,
    streams: Streams,
    *,
    segment_size: int,
    protected_spans: list[tuple[int, int]],
) -> np.ndarray:
    """Return the tokens with hard negatives written over the noise.

    Args:
        tokens: uint32 [N].
        streams: how many of the segments get one, and how many of these are half a fact.
        protected_spans: half-open ranges that must stay as they are: facts and the question.
    """
    planted = tokens
    # A memory that the row begins with may hold a first half.
    last_end = 0
    for begin in range(0, len(tokens), segment_size):
        if not rng.bernoulli(streams.hard_negatives):
            continue
        start, negative = _hard_negative(
            rng, source, task, tokens[begin : begin + segment_size], streams.half_facts
        )
        start += begin
        end = start + len(negative)
        # Two halves side by side would be a fact.
        if start == last_end or any(start < last and first < end for first, last in protected_spans):
            continue
        planted = planted.copy() if planted is tokens else planted
        planted[start:end] = negative
        last_end = end
    return planted


def _hard_negative(
    rng: Rng, source: SampleSource, task: str, segment: np.ndarray, half_facts: float
) -> tuple[int, np.ndarray]:
    """Return where in a segment to write which tokens; they stay inside the segment."""
    chance = rng.random()
    if chance < half_facts:
        return _half_fact(rng, source, task, len(segment))
    start = rng.randrange(len(segment))
    kind = int(4 * (chance - half_facts) / (1 - half_facts))
    if kind < 2:
        return start, _noise_with_places(rng, source, task, segment[start:])[: len(segment) // 2]
    sentence = source.mention(rng, task) if kind == 2 else source.ids(task, _near_fact(rng, task))
    return start, sentence[: len(segment) - start]


def _half_fact(rng: Rng, source: SampleSource, task: str, n_tokens: int) -> tuple[int, np.ndarray]:
    """Return the first half of a fact at a segment's end, or the second half at its beginning.

    A model that has only met facts that are whole, or cut in two by a segment boundary, takes any segment
    that begins with "garden" for the second half of a fact.
    """
    fact = source.fact(rng, task)
    # The first two tokens name the person or thing, the last two the place.
    cut = rng.randint(2, max(2, len(fact) - 2))
    if rng.bernoulli(0.5):
        first = fact[:cut][-n_tokens:]
        return n_tokens - len(first), first
    return 0, fact[cut : len(fact) - rng.randrange(2)][:n_tokens]


def _noise_with_places(rng: Rng, source: SampleSource, task: str, noise: np.ndarray) -> np.ndarray:
    """Return the noise with places of the task in it, in which no one goes to them.

    A place replaces every word that follows "the" and one more word, and often a person's name another.
    """
    the = source.ids(task, "the")[0]
    changed = noise.copy()
    for at in (*np.flatnonzero(noise[:-1] == the) + 1, rng.randrange(len(noise))):
        changed[at] = source.ids(task, rng.choice(PLACES))[0]
    if rng.bernoulli(0.5):
        changed[rng.randrange(len(noise))] = source.ids(task, rng.choice(NAMES))[0]
    return changed


def _near_fact(rng: Rng, task: str) -> str:
    """Return a sentence about a place or a person of the task that answers none of its questions."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.choice(going(rng.choice(_STRANGERS), rng.choice(PLACES)))
    if kind == 1:
        place, other = rng.sample(PLACES, 2)
        return rng.choice(_PLACE_SENTENCES).format(place=place, other=other, who=rng.choice(_STRANGERS))
    if kind == 2:
        return rng.choice(_PERSON_SENTENCES).format(name=rng.choice(NAMES))
    if task == "reasoning":
        return rng.choice(going(rng.choice(NAMES), rng.choice(PLACES)))
    return other_rooms(rng, 1)[0]
