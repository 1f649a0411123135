"""Five sentences over and over: RULER's haystack `noise`, in which nothing distracts."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

from babilong_gen.noise.document import Document

VERSION = "1"
"""Part of every cache key: to be raised with any change of the text, however small."""

_SENTENCES = "The grass is green. The sky is blue. The sun is yellow. Here we go. There and back again."
# So many make 2,400 words: no fewer tokens than an endless source's document is taken to have.
_TIMES = 126


def repeated_documents() -> Iterator[Document]:
    """Make documents, all alike, without end."""
    text = " ".join([_SENTENCES] * _TIMES)
    return (Document(name=f"repeat-{index:06d}", text=text) for index in count())
