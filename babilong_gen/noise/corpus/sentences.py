"""White space and sentence borders: how a document's text is cut before it is tokenized.

nupunkt decides where a sentence ends (see ``docs/noise.md`` for why this one). Three things are ours:

- A border counts only where a space stands, so joining the sentences with spaces gives the text back.
- nupunkt is asked once about a word, not each time the word ends a sentence: between ``garden.`` and a
  capital there is a border in every text, after ``Mr.`` it depends. The more text, the more that saves.
- The text is read in windows, overlong words veiled, because nupunkt takes quadratic time over a long
  run of punctuation without a space.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache, lru_cache

import nupunkt

SPLITTER_VERSION = f"nupunkt {nupunkt.__version__}, rules 2"
"""Part of the corpus's cache key: other sentences, other corpus."""

_WINDOW_CHARS = 1 << 20
_READ_AGAIN = 2

_CLEAR_END = re.compile(r"""[.!?]["'”’)\]]* (?=["'“‘(\[]*[A-Z])""")
_ONE_END = re.compile(r"""[^.!?]*[.!?]+["'”’)\]]*""")
_PLAIN_WORD = re.compile(r"""["'“‘(\[]*([^\W\d_]{2,}(?:['’-][^\W\d_]+)*)""")
_PLAIN_WORD_CHARS = 24
_WORDS_REMEMBERED = 1 << 17
_RANKS_UNKNOWN_TO_NUPUNKT = ["Cmdr.", "Lt.", "Mlle.", "Mme."]

_LONG_WORD_CHARS = 1000
_KEPT_AT_WORD_ENDS = 30


def normalise(text: str) -> str:
    """Make every run of white space one space, none at the ends; leave the rest untouched."""
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
    """Cut a window into sentences: at the clear borders first, then each stretch where need be."""
    sentences: list[str] = []
    start = 0
    for end in _CLEAR_END.finditer(text):
        if _is_border(text, end.start()):
            sentences += _cut_stretch(text[start : end.end() - 1])
            start = end.end()
    return sentences + _cut_stretch(text[start:])


def _is_border(text: str, mark: int) -> bool:
    """Return whether a mark, with a capital after it, ends a sentence whatever the context."""
    if text[mark] != ".":
        return True
    _, space, word = text[max(0, mark - _PLAIN_WORD_CHARS) : mark].rpartition(" ")
    plain = _PLAIN_WORD.fullmatch(word)
    return bool(space) and plain is not None and _can_only_end(plain[1])


@lru_cache(_WORDS_REMEMBERED)
def _can_only_end(word: str) -> bool:
    """Return whether nupunkt sees a border after ``word.`` even before a name: it is no abbreviation."""
    return len(_splitter().tokenize(f"It was {word}. Marsh spoke.")) > 1


def _cut_stretch(text: str) -> list[str]:
    """Cut a stretch by nupunkt, but not where no space stands."""
    if not text or _ONE_END.fullmatch(text):
        return [text] if text else []
    sentences: list[str] = []
    start = end = 0
    for piece in _splitter().tokenize(_veil_long_words(text)):
        end += len(piece)
        if text[end : end + 1] == " ":
            sentences.append(text[start:end])
            start = end = end + 1
    return [*sentences, text[start:]] if start < len(text) else sentences


@cache
def _splitter() -> nupunkt.PunktSentenceTokenizer:
    splitter = nupunkt.load_default_model()  # a copy of our own: nupunkt.load() shares one with every caller
    splitter.add_abbreviations(_RANKS_UNKNOWN_TO_NUPUNKT)
    return splitter


def _veil_long_words(text: str) -> str:
    """Replace the middle of each overlong word, so that no position moves."""
    steps = range(0, len(text), _LONG_WORD_CHARS)
    if all(text.find(" ", step, step + _LONG_WORD_CHARS) >= 0 for step in steps[:-1]):
        return text  # a word twice as long as a step would cover one whole step
    return " ".join(map(_veil, text.split(" ")))


def _veil(word: str) -> str:
    if len(word) < _LONG_WORD_CHARS:
        return word
    hidden = len(word) - 2 * _KEPT_AT_WORD_ENDS
    return word[:_KEPT_AT_WORD_ENDS] + "x" * hidden + word[-_KEPT_AT_WORD_ENDS:]
