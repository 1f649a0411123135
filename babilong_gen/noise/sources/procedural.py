"""The built-in noise: endless story-like English prose, drawn from a grammar by a seed.

It needs no download, never runs out, and speaks of no person, place, thing or animal of the bAbI tasks,
so that no sentence of it can be taken for a fact.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from babilong_gen.noise.document import Document
from babilong_gen.noise.sources.prose.story import tell
from babilong_gen.rng import Rng

VERSION = "1"
"""Part of every cache key: to be raised with any change of the text, however small."""


def procedural_document(seed: int, index: int) -> Document:
    """Make document `index` of the endless corpus `seed`: about 2,400 words, blank lines between paragraphs.

    It depends on nothing else, so any range of documents can be made anywhere and in any order.
    """
    return Document(name=f"procedural-{seed}-{index:06d}", text=tell(Rng("procedural", seed, index)))


def procedural_documents(seed: int = 0, *, first: int = 0) -> Iterator[Document]:
    """Make the documents of the corpus `seed` from number `first` on, without end."""
    return (procedural_document(seed, index) for index in count(first))
