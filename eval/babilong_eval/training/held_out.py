"""What training must not meet: documents and stories that their own content holds out for evaluation.

The generator's split decides; here each document and each story is looked at again where it comes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from babilong_gen.errors import BabilongError
from babilong_gen.split import belongs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from babilong_gen.noise.corpus.corpus import NoiseCorpus


class ContaminationError(BabilongError):
    """Training and evaluation would share something."""


def held_out_documents(corpus: NoiseCorpus) -> set[int]:
    """Return the numbers of the corpus's documents that training must not read."""
    starts = [0, *map(int, corpus.document_end[:-1])]
    return {
        number
        for number, (first, last) in enumerate(zip(starts, map(int, corpus.document_end), strict=True))
        if last > first
        and belongs(bytes(corpus.text[corpus.byte_start(first) : corpus.byte_end[last - 1]]), "test")
    }


def is_training_story(facts: Sequence[str]) -> bool:
    """Return whether a story with these facts belongs to the training part."""
    return belongs("\n".join(facts).encode(), "train")


def check_story(facts: Sequence[str]) -> None:
    """Raise ContaminationError where a story is held out."""
    if not is_training_story(facts):
        raise ContaminationError(f"a held-out story came into training: {' '.join(facts)!r}")
