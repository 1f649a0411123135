"""What all samples of one task share while they are assembled."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from babilong_gen.assemble.word_table import WordTable
from babilong_gen.noise.corpus.pool import NoisePool
from babilong_gen.placement import Placement
from babilong_gen.tokenizer import TextTokenizer

_FACTS_REMEMBERED = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class FactTokens:
    """A fact's tokens where another sentence precedes it, and how many of them hold only the space."""

    ids: list[int]
    space: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AssemblyContext:
    """The noise, the tokenizer and the rules by which facts are put among the noise.

    Attributes:
        draws_key: keys all randomness.
        pool: the noise that may stand around this task's facts.
        segment_size, reserve: in tokens.
        paired: whether a sample has the same story and noise start at every length.
        reuse: whether a noise sentence may stand in a sample more than once.
        store_tokens: whether samples carry their token ids.
        with_targets: whether they carry `targets`, because a task of the dataset may have several answers.
        words: of a task whose text is nothing but words.
    """

    draws_key: str
    tokenizer: TextTokenizer
    pool: NoisePool
    placement: Placement
    segment_size: int
    reserve: int
    paired: bool
    reuse: bool
    store_tokens: bool
    with_targets: bool
    words: WordTable
    _known: dict[str, FactTokens] = field(default_factory=dict, repr=False)
    _names: dict[int, str] = field(default_factory=dict, repr=False)

    def fact_tokens(self, fact: str) -> FactTokens:
        """Return the tokens of a fact or question that follows a sentence; bAbI's few are remembered.

        Raises:
            SourceError: the tokenizer takes a part of it for a control token, or has none for it.
        """
        tokens = self._known.get(fact)
        if tokens is None:
            if len(self._known) >= _FACTS_REMEMBERED:
                self._known.clear()
            tokens = FactTokens(ids=self.tokenizer.continued(fact), space=self.tokenizer.space_tokens(fact))
            self.tokenizer.check_readable(fact, tokens.ids, tokens.space)
            self._known[fact] = tokens
        return tokens

    def opening_extra(self, sentence: str, continued: int) -> int:
        """Return how many more tokens a sentence has where it opens the input than behind another."""
        return len(self.tokenizer.opening(sentence)) - continued if self.tokenizer.joiner else 0

    def document_of(self, sentences: np.ndarray) -> np.ndarray:
        """Return the documents that sentences of the corpus belong to."""
        return self.pool.corpus.document_end.searchsorted(sentences, "right")

    def document_name(self, document: int) -> str:
        """Return the name of a document of the corpus."""
        name = self._names.get(document)
        if name is None:
            name = self._names[document] = self.pool.corpus.document_name(document)
        return name
