"""A needle: the sentence that gives a key its value, and how keys and values are drawn.

Words are pairs such as `amber-anchor`, numbers have seven digits, UUIDs are of version 4, all as in RULER.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal
from uuid import UUID

from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.words import ADJECTIVES, NOUNS

Kind = Literal["words", "numbers", "uuids"]
"""What a key or a value is."""

Half = Literal[0, 1]
"""Word keys fall into two halves: a story has those of the first, a haystack of needles those of the second.

So a haystack, however long, gives no other value to the key that is asked about.
"""

STORY: Half = 0
HAYSTACK: Half = 1


def needle(kind: Kind, key: str, value: str) -> str:
    """Return the sentence that gives `key` a value of this kind."""
    return f"One of the special magic {kind} for {key} is: {value}."


def draw(rng: Rng, kind: Kind, half: Half = STORY) -> str:
    """Draw a key or a value; `half` counts for words alone."""
    return _DRAWN[kind](rng, half)


def draw_different(rng: Rng, kind: Kind, count: int) -> list[str]:
    """Draw so many keys or values of a story, no two of them equal."""
    drawn: dict[str, None] = {}
    while len(drawn) < count:
        drawn[draw(rng, kind)] = None
    return list(drawn)


def _word(rng: Rng, half: Half) -> str:
    adjective = rng.randrange(len(ADJECTIVES))
    noun = 2 * rng.randrange(len(NOUNS) // 2) + (adjective + half) % 2
    return f"{ADJECTIVES[adjective]}-{NOUNS[noun]}"


def _number(rng: Rng, half: Half) -> str:
    del half
    return str(rng.randint(1_000_000, 9_999_999))


def _uuid(rng: Rng, half: Half) -> str:
    del half
    parts = [rng.randrange(1 << 32) for _ in range(4)]
    return str(UUID(int=sum(part << (32 * place) for place, part in enumerate(parts)), version=4))


_DRAWN: dict[Kind, Callable[[Rng, Half], str]] = {"words": _word, "numbers": _number, "uuids": _uuid}
