"""A finished text compared with the tokens that it is said to have, without encoding all of it at once.

To encode a text takes fifty times as long as to put it together. So of most samples only *windows* are read:
around every border between two pieces (a fact has one on either side), and at both ends of the text. Between
borders a sample's tokens are a slice of the corpus's own, so a wrong count shows at a border.

A token depends on the text around it, which a window lacks at its edges. So more is encoded than is compared,
and what is compared begins and ends with a word. A whole text is read in blocks that overlap in the same way:
memory stays small however long it is.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from tokenizers import Encoding, Tokenizer

from babilong_gen.assemble.sample import PlacedFact, Sample
from babilong_gen.token_span import token_span

# Bytes that are compared on either side of a border, to the next word. A word more is encoded.
_MARGIN = 48

# Characters that leave no token are looked past, so many.
_LOOKED_PAST = 16

# Blocks of a whole text: long texts are slow to encode.
_BLOCK_BYTES = 8_000
_BLOCKS_AT_ONCE = 64

# Where a block may end: in front of what begins like a word.
_WORD = re.compile(rb" (?=[0-9A-Za-z\xc3-\xed])")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """A text, and what is said of it.

    Attributes:
        text: UTF-8.
        byte_starts, token_starts: of every piece, and where one more would begin.
        ids: the tokens of every piece.
        facts, fact_starts: the facts, and the bytes at which they begin.
    """

    text: bytes
    byte_starts: list[int]
    token_starts: list[int]
    ids: list[Sequence[int] | np.ndarray]
    facts: list[PlacedFact]
    fact_starts: list[int]


def claims_of(sample: Sample) -> Claims | None:
    """Return what a sample says of its text; None if it contradicts itself or a fact is elsewhere."""
    byte_starts, token_starts = [0], [0]
    for piece in sample.pieces:
        byte_starts.append(byte_starts[-1] + piece.size + 1)
        token_starts.append(token_starts[-1] + len(piece.ids))
    if (byte_starts[-1] - 1, token_starts[-1]) != (len(sample.text), sample.n_tokens):
        return None
    fact_starts = [byte_starts[bisect_right(token_starts, fact.token_start) - 1] for fact in sample.facts]
    text_bytes = np.frombuffer(sample.text, np.int8)
    chars = 0
    for fact, (before, byte) in zip(sample.facts, pairwise([0, *fact_starts]), strict=True):
        chars += int(np.count_nonzero(text_bytes[before:byte] >= -64))  # bytes at which a character begins
        text = fact.text.encode()
        if sample.text[byte : byte + len(text)] != text:
            return None
        if (fact.char_start, fact.char_end) != (chars, chars + len(fact.text)):
            return None
    return Claims(
        text=sample.text,
        byte_starts=byte_starts,
        token_starts=token_starts,
        ids=[piece.ids for piece in sample.pieces],
        facts=sample.facts,
        fact_starts=fact_starts,
    )


def borders_agree(claims: Claims, tokenizer: Tokenizer) -> bool:
    """Return whether all that was read around the borders is as claimed."""
    text = claims.text
    windows = _windows(claims)
    # One text of all windows takes half the time. What lies at their edges is not compared: that keeps them
    # apart.
    texts = [window.encoded(text) for _, window in windows]
    encoding = tokenizer.encode(" ".join(texts), add_special_tokens=False)
    ids = encoding.ids
    offset = 0
    for (border, window), encoded in zip(windows, texts, strict=True):
        read = _Read(window=window, text=text, encoding=encoding, offset=offset)
        compared, before = read.compared(), read.tokens_before(claims.byte_starts[border])
        if compared is None or before is None:
            return False
        position = claims.token_starts[border] - before
        if not _are_at(claims, position + compared[0], ids[slice(*compared)]):
            return False
        if window.end == len(text) and position + compared[1] != claims.token_starts[-1]:
            return False
        if not _facts_agree(claims, read, position):
            return False
        offset += len(encoded) + 1
    return True


def all_agree(claims: Claims, tokenizer: Tokenizer) -> bool:
    """Return whether every token of the text is as claimed."""
    text = claims.text
    cuts = list(_cuts(claims))
    position = 0
    for number in range(0, len(cuts) - 1, _BLOCKS_AT_ONCE):
        some = pairwise(cuts[number : number + _BLOCKS_AT_ONCE + 1])
        blocks = [_widened(text, start, end) for start, end in some]
        encodings = tokenizer.encode_batch([b.encoded(text) for b in blocks], add_special_tokens=False)
        for block, encoding in zip(blocks, encodings, strict=True):
            read = _Read(window=block, text=text, encoding=encoding, offset=0)
            compared = read.compared()
            if compared is None:
                return False
            if not _are_at(claims, position, encoding.ids[slice(*compared)]):
                return False
            if not _facts_agree(claims, read, position - compared[0]):
                return False
            position += compared[1] - compared[0]
    return position == claims.token_starts[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """A stretch of a text, in bytes: what is compared lies from `start` to `end`, within what is encoded."""

    low: int
    start: int
    end: int
    high: int

    def encoded(self, text: bytes) -> str:
        return text[self.low : self.high].decode()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A window as it was encoded, alone or with others: `offset` characters stand before it."""

    window: _Window
    text: bytes
    encoding: Encoding
    offset: int

    def char(self, byte: int) -> int:
        """Return the character of what was encoded that begins at a byte of the text."""
        return self.offset + len(self.text[self.window.low : byte].decode())

    def compared(self) -> tuple[int, int] | None:
        """Return the tokens that are compared, half-open; None where the word at an edge left none."""
        start, end = self.window.start, self.window.end
        first = self.token(start) if start else 0
        last = self.token(end) if end < len(self.text) else len(self.encoding)
        return None if first is None or last is None else (first, last)

    def token(self, byte: int) -> int | None:
        """Return the first token of what begins at a byte."""
        char = self.char(byte)
        tokens = map(self.encoding.char_to_token, range(char, char + _LOOKED_PAST))
        return next((token for token in tokens if token is not None), None)

    def tokens_before(self, border: int) -> int | None:
        """Return how many tokens end before a border: those up to the end of the piece before it."""
        if border == 0:
            return 0
        end = self.char(border - 1)
        return token_span(self.encoding, max(0, end - _LOOKED_PAST), end)[1] or None


def _widened(text: bytes, start: int, end: int) -> _Window:
    low = text.rfind(b" ", 0, max(0, start - 1)) + 1
    high = text.find(b" ", end)
    return _Window(low=low, start=start, end=end, high=len(text) if high < 0 else high)


def _windows(claims: Claims) -> list[tuple[int, _Window]]:
    """Return the windows of all borders, each with its first border; one where they touch and per fact."""
    text = claims.text
    facts = set(claims.fact_starts)
    windows: list[tuple[int, _Window]] = []
    within_fact = False
    for border, byte in enumerate(claims.byte_starts):
        start = text.rfind(b" ", 0, max(0, byte - _MARGIN)) + 1
        end = text.find(b" ", byte + _MARGIN) + 1
        window = _widened(text, start, end or len(text))
        if windows and (within_fact or window.low <= windows[-1][1].high):
            first, before = windows.pop()
            window = _Window(low=before.low, start=before.start, end=window.end, high=window.high)
            windows.append((first, window))
        else:
            windows.append((border, window))
        within_fact = byte in facts
    return windows


def _cuts(claims: Claims) -> Iterator[int]:
    """Yield where blocks begin and end: at words, and never within a fact."""
    cut = 0
    while cut < len(claims.text):
        yield cut
        word = _WORD.search(claims.text, cut + _BLOCK_BYTES)
        following = word.end() if word else len(claims.text)
        number = bisect_left(claims.fact_starts, following) - 1
        if number >= 0:
            start, text = claims.fact_starts[number], claims.facts[number].text
            following = start if cut < start and following < start + len(text.encode()) else following
        cut = following
    yield len(claims.text)


def _are_at(claims: Claims, position: int, ids: list[int]) -> bool:
    """Return whether these tokens are claimed to begin at a position."""
    if not 0 <= position <= position + len(ids) <= claims.token_starts[-1]:
        return False
    piece = bisect_right(claims.token_starts, position) - 1
    done = 0
    while done < len(ids):
        begin = position + done - claims.token_starts[piece]
        part = claims.ids[piece][begin : begin + len(ids) - done]
        own = part.tolist() if isinstance(part, np.ndarray) else list(part)
        if ids[done : done + len(own)] != own:
            return False
        done += len(own)
        piece += 1
    return True


def _facts_agree(claims: Claims, read: _Read, position: int) -> bool:
    """Return whether the facts in a window have the tokens that they claim.

    Args:
        position: of the encoding's first token in the whole text.
    """
    first = bisect_left(claims.fact_starts, read.window.start)
    last = bisect_left(claims.fact_starts, read.window.end)
    for byte, fact in zip(claims.fact_starts[first:last], claims.facts[first:last], strict=True):
        start = read.char(byte)
        tokens = token_span(read.encoding, start, start + len(fact.text))
        if (position + tokens[0], position + tokens[1]) != (fact.token_start, fact.token_end):
            return False
    return True
