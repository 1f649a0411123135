"""The tokens of a text of any length, exactly those of tokenizing it whole, in bounded memory.

A tokenizer's own result takes a hundred bytes and more a token, so a text of two million tokens is tokenized
piece by piece. Pieces end at a space between two words, and only where cutting changes nothing: at every
single cut the neighbourhood of the space is tokenized both together and apart, and the two must be equal.
What a tokenizer does at a space depends on the words beside it, and the neighbourhood holds some thirty on
either side; it also tells whether the space goes with the piece that follows (byte-level BPE) or is put
there by the tokenizer itself (metaspace). A tokenizer that never passes is given the whole text at once: then
memory grows with the length, but the tokens are right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tokenizers import Tokenizer

PIECE_CHARACTERS = 1 << 16
_NEIGHBOURHOOD = 200
_TRIALS_PER_CUT = 20


@dataclass(frozen=True, slots=True)
class _Cut:
    """A piece ends before character `end`, the next one begins at `start`."""

    end: int
    start: int


class ExactEncoder:
    """A tokenizer for long texts."""

    def __init__(self, tokenizer: Tokenizer, *, piece_characters: int = PIECE_CHARACTERS) -> None:
        # a copy: truncation and padding, which some tokenizer files switch on, would cut samples silently
        self._tokenizer = Tokenizer.from_str(tokenizer.to_str())
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._piece_characters = piece_characters

    def encode(self, text: str) -> np.ndarray:
        """Token ids of the text without special tokens: uint32 [n_tokens]."""
        pieces, begin = [], 0
        while len(text) - begin > self._piece_characters:
            cut = self._find_cut(text, begin, begin + self._piece_characters)
            if cut is None:
                return self._encode_whole(text)
            pieces.append(self._encode_whole(text[begin : cut.end]))
            begin = cut.start
        return np.concatenate([*pieces, self._encode_whole(text[begin:])])

    def encode_after(self, ids: np.ndarray, text: str, follows: str) -> np.ndarray | None:
        """Token ids of `text + " " + follows`, where `ids` are those that somebody stored for `text`.

        None where that cannot be said without tokenizing `text`: the stored ids do not begin and end as this
        tokenizer's do (they are another's), or the text cannot be cut at the space.
        """
        whole, end = f"{text[-_NEIGHBOURHOOD:]} {follows}", min(len(text), _NEIGHBOURHOOD)
        cut = self._harmless_cut(whole, end)
        if cut is None or not self._same_tokens(ids, text):
            return None
        return np.concatenate([ids, self._encode_whole(whole[cut.start :])])

    def special_tokens(self) -> tuple[np.ndarray, np.ndarray]:
        """What the tokenizer itself puts before and after a text, say [CLS] and [SEP]: two uint32 arrays."""
        encoding = self._tokenizer.encode("a", add_special_tokens=True)
        ours = [place for place, special in enumerate(encoding.special_tokens_mask) if not special]
        ids = np.array(encoding.ids, dtype=np.uint32)
        return ids[: ours[0]], ids[ours[-1] + 1 :]

    def _encode_whole(self, text: str) -> np.ndarray:
        return np.array(self._tokenizer.encode(text, add_special_tokens=False).ids, dtype=np.uint32)

    def _find_cut(self, text: str, begin: int, end: int) -> _Cut | None:
        """The last harmless cut within `text[begin:end]`, of a few that are tried."""
        for _ in range(_TRIALS_PER_CUT):
            end = text.rfind(" ", begin + 1, end)
            if end < 0:
                return None
            if cut := self._harmless_cut(text, end):
                return cut
        return None

    def _harmless_cut(self, text: str, space: int) -> _Cut | None:
        """How to cut at a space such that the words around it keep their tokens; None: not at all."""
        left, right = text[max(0, space - _NEIGHBOURHOOD) : space], text[space + 1 : space + _NEIGHBOURHOOD]
        if not left or not right or not right[0].isalnum() or left[-1].isspace():
            return None
        together = self._encode_whole(f"{left} {right}")
        apart = self._encode_whole(left)
        for start, piece in ((space, f" {right}"), (space + 1, right)):
            if np.array_equal(together, np.concatenate([apart, self._encode_whole(piece)])):
                return _Cut(space, start)
        return None

    def _same_tokens(self, ids: np.ndarray, text: str) -> bool:
        """Whether stored ids are this tokenizer's, by both their ends."""
        if len(text) < 2 * self._piece_characters:
            return np.array_equal(ids, self.encode(text))
        cut = self._find_cut(text, 0, self._piece_characters)
        if cut is None:
            return False
        head = self._encode_whole(text[: cut.end])
        tail = self._encode_whole(text[-self._piece_characters :])
        tail = tail[len(tail) // 2 :]  # the first of them may belong to a word that was cut
        return np.array_equal(ids[: len(head)], head) and np.array_equal(ids[-len(tail) :], tail)
