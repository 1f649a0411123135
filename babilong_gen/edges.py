"""Sentences whose first or last characters a tokenizer would not keep apart from the space beside them.

Some characters melt into a space when they are normalised, vanish, or join what stands before or behind
them. Which do depends on the tokenizer, so each edge is tried with it; those that Unicode itself says may
do so are left out whatever the trial says, since a trial knows only some neighbours.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from babilong_gen.tokenizer import TextTokenizer

# The mark by which SentencePiece writes a space, and the character for what could not be read, which
# normalizers turn into a space or drop.
_MISTAKEN = "\u2581\ufffd"
_EDGE_CHARACTERS = 2
_NEIGHBOURS = ("a", "1.", "\u201cA", "(\u4e00", "\U0001f600")
_EDGES_REMEMBERED = 1 << 17


def hazardous_edge(sentence: str) -> bool:
    """Return whether a sentence's edge may melt, when normalised, into the space beside it."""
    return any(not c.isprintable() or (not c.isascii() and _melts(c)) for c in (sentence[0], sentence[-1]))


def _melts(character: str) -> bool:
    if unicodedata.category(character)[0] in "CZM" or character in _MISTAKEN:
        return True
    return any(c.isspace() for c in unicodedata.normalize("NFKC", character))


@dataclass(frozen=True, slots=True)
class EdgeTrial:
    """Tries sentences' edges with a tokenizer: there are few, and what was found is remembered."""

    tokenizer: TextTokenizer
    _heads: dict[str, bool] = field(default_factory=dict)
    _tails: dict[str, bool] = field(default_factory=dict)

    def passed(self, sentences: list[str]) -> list[bool]:
        """Return which sentences leave their neighbours' tokens alone by their first and last characters."""
        heads = [sentence[:_EDGE_CHARACTERS].rstrip() for sentence in sentences]
        tails = [sentence[-_EDGE_CHARACTERS:].lstrip() for sentence in sentences]
        good_heads = self._try(self._heads, set(heads), lambda head: [(n, head) for n in _NEIGHBOURS])
        good_tails = self._try(self._tails, set(tails), lambda tail: [(f"x{tail}", n) for n in _NEIGHBOURS])
        return [good_heads[head] and good_tails[tail] for head, tail in zip(heads, tails, strict=True)]

    def _try(
        self, known: dict[str, bool], edges: set[str], pairs: Callable[[str], list[tuple[str, str]]]
    ) -> dict[str, bool]:
        new = [edge for edge in edges if edge not in known]
        apart = self.tokenizer.keeps_apart([pair for edge in new for pair in pairs(edge)])
        each = len(_NEIGHBOURS)
        found = {edge: all(apart[at * each : (at + 1) * each]) for at, edge in enumerate(new)}
        result = {edge: known[edge] for edge in edges - found.keys()} | found
        if len(known) < _EDGES_REMEMBERED:
            known.update(found)
        return result
