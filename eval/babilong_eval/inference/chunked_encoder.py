"""The tokens of a text of any length, exactly those of tokenizing it whole, in bounded memory.

A tokenizer's own result takes a hundred bytes or more per token, so a text of two million tokens is
tokenized in pieces that are cut at spaces. At each cut the text around the space is tokenized both
together and apart, and the two must be equal. What a tokenizer does at a space depends on the words beside
it, and some thirty on either side are looked at; they also show whether the space belongs to the piece that
follows (byte-level BPE) or is put there by the tokenizer itself (metaspace). A tokenizer that never passes
is given the whole text at once: then memory grows with the length, but the tokens are correct.

Texts are UTF-8 bytes here: a single dash can make a Python string take up to four bytes per character.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tokenizers import Tokenizer

if TYPE_CHECKING:
    from babilong_eval.data.row_readers import Utf8

PIECE_BYTES = 1 << 16
_NEIGHBOURHOOD = 200
_SEARCHED_FOR_CUT = 4096
_TRIALS_PER_CUT = 20


class _Cut(NamedTuple):
    """A piece ends before byte `end`, the next one begins at `start`."""

    end: int
    start: int


@dataclass(slots=True)
class _Remembered:
    """The text encoded last, its tokens, and its pieces: (first byte, first token) of each."""

    text: Utf8 = b""
    ids: np.ndarray = field(default_factory=lambda: np.empty(0, dtype=np.uint32))
    pieces: list[tuple[int, int]] = field(default_factory=list)


class ExactEncoder:
    """A tokenizer for long texts."""

    def __init__(self, tokenizer: Tokenizer, *, piece_bytes: int = PIECE_BYTES) -> None:
        # a copy: truncation and padding, which some tokenizer files switch on, would cut samples silently
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._piece_bytes = piece_bytes
        self._last: _Remembered | None = None

    def remembering(self) -> ExactEncoder:
        """Return the same for texts that share a prefix with the previous one: it is not encoded again."""
        twin = copy(self)
        twin._last = _Remembered()
        return twin

    def encode(self, text: Utf8) -> np.ndarray:
        """Return the token ids of the text without special tokens: uint32 [n_tokens]."""
        # room for one token per byte: memory that is not written to takes up addresses only
        ids = np.empty(len(text) + 1, dtype=np.uint32)
        pieces = self._known_pieces(text, ids)
        begin, n = pieces.pop() if pieces else (0, 0)
        while begin < len(text):
            pieces.append((begin, n))
            end = begin + self._piece_bytes
            cut = self._find_cut(text, begin, end) if end < len(text) else _Cut(len(text), len(text))
            piece = self._ids(text[begin : cut.end]) if cut else ()
            if cut is None or n + len(piece) > len(ids):
                return np.array(self._ids(text), dtype=np.uint32)
            ids[n : n + len(piece)] = piece
            begin, n = cut.start, n + len(piece)
        if self._last is not None:
            self._last = _Remembered(text, ids[:n], pieces)
        return ids[:n]

    def _known_pieces(self, text: Utf8, ids: np.ndarray) -> list[tuple[int, int]]:
        """Return the pieces that the last text has too, and fill in the tokens of all but the last of them.

        The neighbourhood of a cut must be the same in both texts: then it is harmless in both.
        """
        last = self._last
        if last is None:
            return []
        one, other = (np.frombuffer(each, np.uint8) for each in (text, last.text))
        known = common_prefix(one, other) - _NEIGHBOURHOOD
        pieces = [piece for piece in last.pieces if piece[0] <= known]
        if pieces:
            n = pieces[-1][1]
            ids[:n] = last.ids[:n]
        return pieces

    def encode_two(self, text: Utf8, follows: str, stored: np.ndarray | None = None) -> np.ndarray:
        """Return the token ids of a text, one space, and what follows it.

        `stored` are ids that a dataset keeps for `text`. They are used where they begin and end as this
        tokenizer's do (a short text is compared whole); those of another tokenizer are not.
        """
        near = bytes(text[-_NEIGHBOURHOOD:])
        both = near + b" " + follows.encode()
        cut = self._harmless_cut(both, len(near))
        if cut is None:
            return self.encode(bytes(text) + b" " + follows.encode())
        if stored is None or not self._made(stored, text):
            stored = self.encode(text)
        return np.concatenate([stored, np.array(self._ids(both[cut.start :]), dtype=np.uint32)])

    def special_tokens(self) -> tuple[np.ndarray, np.ndarray]:
        """Return what the tokenizer puts before and after a text, say [CLS] and [SEP]: two uint32 arrays."""
        encoding = self._tokenizer.encode("a", add_special_tokens=True)
        ours = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
        ids = np.array(encoding.ids, dtype=np.uint32)
        return ids[: ours[0]], ids[ours[-1] + 1 :]

    def _ids(self, text: Utf8) -> list[int]:
        # a neighbourhood may begin or end within a character; both sides of a comparison do so alike
        return self._tokenizer.encode(str(text, "utf-8", "ignore"), add_special_tokens=False).ids

    def _find_cut(self, text: Utf8, begin: int, end: int) -> _Cut | None:
        """Return the last harmless cut before `end` and after `begin`, of a few that are tried."""
        first = max(begin + 1, end - _SEARCHED_FOR_CUT)
        searched, space = bytes(text[first:end]), end - first
        for _ in range(_TRIALS_PER_CUT):
            space = searched.rfind(b" ", 0, space)
            if space < 0:
                return None
            if cut := self._harmless_cut(text, first + space):
                return cut
        return None

    def _harmless_cut(self, text: Utf8, space: int) -> _Cut | None:
        """Return how to cut at a space so that the words around it keep their tokens; None: not at all."""
        left = bytes(text[max(0, space - _NEIGHBOURHOOD) : space])
        right = bytes(text[space + 1 : space + _NEIGHBOURHOOD])
        if not left[-1:].strip() or not right[:1].isalnum():
            return None
        together, apart = self._ids(left + b" " + right), self._ids(left)
        for start, piece in ((space, b" " + right), (space + 1, right)):
            if together == apart + self._ids(piece):
                return _Cut(space, start)
        return None

    def _made(self, ids: np.ndarray, text: Utf8) -> bool:
        """Return whether ids are this tokenizer's for a text; of a long one, both ends are compared."""
        if len(text) < 2 * self._piece_bytes:
            return np.array_equal(ids, self.encode(text))
        cut = self._find_cut(text, 0, self._piece_bytes)
        if cut is None:
            return False
        head, tail = self._ids(text[: cut.end]), self._ids(text[-self._piece_bytes :])
        tail = tail[len(tail) // 2 :]  # the first of them may belong to a word that was cut
        return np.array_equal(ids[: len(head)], head) and np.array_equal(ids[-len(tail) :], tail)


def common_prefix(one: np.ndarray, other: np.ndarray) -> int:
    """Return how many elements two arrays begin with in common."""
    n = min(len(one), len(other))
    different = np.flatnonzero(one[:n] != other[:n])
    return int(different[0]) if len(different) else n
