"""Needles without end: RULER's haystack `needle`, in which everything distracts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import cast, get_args

from babilong_gen.errors import UsageError
from babilong_gen.noise.document import Document
from babilong_gen.rng import Rng
from babilong_gen.tasks.ruler.needles import HAYSTACK, Kind, draw, needle

VERSION = "1"
"""Part of every cache key: to be raised with any change of the text, however small."""

# No fewer than an endless source's document is taken to have, a needle having eight besides key and value.
_WORDS_A_DOCUMENT = 2_400
_NEEDLE_WORDS = 8
_WORDS: dict[Kind, int] = {"words": 3, "numbers": 1, "uuids": 9}  # hyphens part words


def needle_documents(keys: Kind, values: Kind) -> Iterator[Document]:
    """Make documents of needles; it depends on nothing else what the one of a number holds."""
    return (_document(keys, values, index) for index in count())


def read_kind(name: str) -> Kind:
    """Read what keys or values are.

    Raises:
        UsageError: it is none of `words`, `numbers` and `uuids`.
    """
    if name not in get_args(Kind):
        raise UsageError(
            f"needles: keys and values are words, numbers or uuids, as in needles:words:numbers; not {name!r}"
        )
    return cast(Kind, name)


def _document(keys: Kind, values: Kind, index: int) -> Document:
    rng = Rng("needles", keys, values, index)
    count = -(-_WORDS_A_DOCUMENT // (_NEEDLE_WORDS + _WORDS[keys] + _WORDS[values]))
    told = [needle(values, draw(rng, keys, HAYSTACK), draw(rng, values, HAYSTACK)) for _ in range(count)]
    return Document(name=f"needles-{index:06d}", text=" ".join(told))
