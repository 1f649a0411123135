"""White space and sentence borders: how a document's text is cut before it is tokenized.

nupunkt decides where a sentence ends (see ``docs/noise.md`` for why this one). Two things are ours. A
border counts only where a space stands, so that joining the sentences with spaces gives the text back.
And the text is handed over in windows, with overlong words veiled, because nupunkt takes quadratic time
over a long run of punctuation without a space.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import nupunkt

SPLITTER_VERSION = f"nupunkt {nupunkt.__version__}, rules 1"
"""Part of the corpus's cache key: other sentences, other corpus."""

_WINDOW_CHARS = 1 << 20
_LONG_WORD_CHARS = 1000
_KEPT_AT_WORD_ENDS = 30
_READ_AGAIN = 2
_RANKS_UNKNOWN_TO_NUPUNKT = ["Cmdr.", "Lt.", "Mlle.", "Mme."]


def normalise(text: str) -> str:
    """``text`` with every run of white space made one space, none at its ends; otherwise untouched."""
    return " ".join(text.split())


def split_sentences(text: str) -> list[str]:
    """Cut normalised text into sentences.

    Args:
        text: as `normalise` returns it.

    Returns:
        Sentences, none empty, with ``" ".join(sentences) == text``. Empty text has none.
    """
    return list(_sentences(text))


def _sentences(text: str) -> Iterator[str]:
    start, size = 0, _WINDOW_CHARS
    while len(text) - start > size:
        window = text[start : start + size].rsplit(" ", 1)[0]
        # What follows a window can still change its last borders, so these are read again.
        settled = _cut(window)[:-_READ_AGAIN]
        yield from settled
        start += sum(map(len, settled)) + len(settled)
        size = _WINDOW_CHARS if settled else 2 * size
    yield from _cut(text[start:])


def _cut(text: str) -> list[str]:
    """The sentences of one window: nupunkt's borders, less those where no space stands."""
    sentences: list[str] = []
    start = end = 0
    for piece in _splitter().tokenize(_veil_long_words(text)):
        end += len(piece)
        if text[end : end + 1] == " ":
            sentences.append(text[start:end])
            start = end = end + 1
    if start < len(text):
        sentences.append(text[start:])
    return sentences


@cache
def _splitter() -> nupunkt.PunktSentenceTokenizer:
    splitter = nupunkt.load_default_model()  # a copy of our own: nupunkt.load() shares one with every caller
    splitter.add_abbreviations(_RANKS_UNKNOWN_TO_NUPUNKT)
    return splitter


def _veil_long_words(text: str) -> str:
    """``text`` with the middle of each overlong word replaced, so that no position moves."""
    steps = range(0, len(text), _LONG_WORD_CHARS)
    if all(text.find(" ", step, step + _LONG_WORD_CHARS) >= 0 for step in steps[:-1]):
        return text  # a word twice as long as a step would cover one whole step
    return " ".join(map(_veil, text.split(" ")))


def _veil(word: str) -> str:
    hidden = len(word) - 2 * _KEPT_AT_WORD_ENDS
    if len(word) < _LONG_WORD_CHARS:
        return word
    return word[:_KEPT_AT_WORD_ENDS] + "x" * hidden + word[-_KEPT_AT_WORD_ENDS:]
