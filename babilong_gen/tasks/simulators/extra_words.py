"""People, rooms and things of our own, for stories longer than bAbI's few words can fill.

They appear only in facts that the question does not concern. None of their words is one of bAbI's, and
none is a word that a reskinned story uses, so they are never taken for what is asked about.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from math import isqrt
from typing import NamedTuple

from babilong_gen.rng import Rng

_SYLLABLES = tuple(consonant + vowel for consonant in "bdfgjklmnprstvz" for vowel in "aeiou")
# Prime, and no factor of a power of the number of syllables: steps of it visit every name once.
_STRIDES = (7919, 17389, 27449, 37813, 48611, 59359, 71429, 84017)

_ROOM_KINDS = (
    "old new long narrow quiet bright dark small large empty cold warm dusty grand wide low tall round "
    "hidden shabby painted tiled panelled draughty gloomy elegant humble rustic spacious crooked"
)
_ROOMS = (
    "gallery chapel cellar vault foyer parlour workshop stable barn tower terrace balcony staircase corridor "
    "lobby archive laboratory ballroom porch shed armoury crypt refectory smithy cloister loft "
    "turret granary antechamber"
)
_MATERIALS = (
    "tin oak pine glass steel brass copper leather canvas cotton paper plastic rubber silk stone velvet "
    "wicker wooden woollen clay linen bamboo iron felt"
)
_VESSELS = (
    "bucket bag bowl bottle pot tub tray sack mug vase bin flask kettle hamper satchel casket carton tank "
    "pan pouch tankard cauldron trough goblet"
)


class Neighbours(NamedTuple):
    """Two things side by side: `first` is left of `second`, or above it."""

    first: str
    second: str
    in_a_row: bool


def names(rng: Rng, count: int) -> Iterator[str]:
    """Yield `count` different names such as "Batoki", without end in practice (75 ** n of n syllables)."""
    syllables = 3
    while (there_are := len(_SYLLABLES) ** syllables) < count:
        syllables += 1
    number, stride = rng.randrange(there_are), rng.choice(_STRIDES)
    for _ in range(count):
        yield _spelt(number, syllables)
        number = (number + stride) % there_are


@cache
def rooms() -> tuple[str, ...]:
    """Return rooms such as "dusty gallery"."""
    return _phrases(_ROOM_KINDS, _ROOMS)


@cache
def things() -> tuple[str, ...]:
    """Return things that can lie about and hold each other, such as "tin bucket"."""
    return _phrases(_MATERIALS, _VESSELS)


def side_by_side(rng: Rng, count: int, among: Sequence[str]) -> list[Neighbours]:
    """Draw `count` pairs of neighbours on one square grid, filled with some of `among`.

    The grid has more pairs than are asked for, so that none comes twice, until `among` is used up: then
    pairs are repeated.
    """
    side = min(isqrt(count) + 2, isqrt(len(among)))
    grid = rng.sample(among, side * side)
    pairs = [
        Neighbours(one, other, True)
        for at, one in enumerate(grid)
        if (at + 1) % side
        for other in (grid[at + 1],)
    ]
    pairs += [Neighbours(one, other, False) for one, other in zip(grid, grid[side:], strict=False)]
    told = rng.sample(pairs, min(count, len(pairs)))
    return told + [rng.choice(pairs) for _ in range(count - len(told))]


def _phrases(kinds: str, nouns: str) -> tuple[str, ...]:
    return tuple(f"{kind} {noun}" for kind in kinds.split() for noun in nouns.split())


def _spelt(number: int, syllables: int) -> str:
    name = ""
    for _ in range(syllables):
        number, syllable = divmod(number, len(_SYLLABLES))
        name += _SYLLABLES[syllable]
    return name.capitalize()
