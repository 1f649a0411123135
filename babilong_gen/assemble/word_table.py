"""The words of texts that are nothing but words: each is tokenized once, and known by its entry from then on.

A text is an array of entries. To count its tokens, to spell it and to list its tokens then takes an operation
or two on arrays, whatever its length.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from babilong_gen.tasks.story import WordList
from babilong_gen.tokenizer import TextTokenizer


class WordTable:
    """`WordTokens` by a tokenizer."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._entries: dict[WordList, np.ndarray] = {}
        # By entry: the word and a space, its tokens where it follows another, and how many these are.
        self._spelled = pa.array([], pa.large_binary())
        self._ids = pa.array([], pa.large_binary())
        self._counts = np.zeros(0, np.int64)

    def entries(self, words: WordList) -> np.ndarray:
        """Return the entry of each word, int64.

        Raises:
            SourceError: the tokenizer cannot read one of them.
        """
        if words not in self._entries:
            self._entries[words] = self._add(words)
        return self._entries[words]

    def following(self, entries: np.ndarray) -> np.ndarray:
        """Return the tokens of each word where it follows another and a space, int64."""
        return self._counts[entries]

    def opening(self, entry: int) -> int:
        """Return the tokens of a word that opens the text."""
        return len(self._opening_ids(entry))

    def text(self, entries: np.ndarray) -> bytes:
        """Spell a text, as UTF-8."""
        return _joined(self._spelled, entries)[:-1].to_pybytes()

    def ids(self, entries: np.ndarray) -> np.ndarray:
        """Return the tokens of a text, uint32 [tokens]."""
        following = np.frombuffer(_joined(self._ids, entries), np.uint32)
        return np.append(self._opening_ids(entries[0]), following[self._counts[entries[0]] :])

    def _opening_ids(self, entry: int) -> np.ndarray:
        word = self._spelled[entry].as_py()[:-1].decode()
        return np.array(self._tokenizer.opening(word), np.uint32)

    def _add(self, listed: WordList) -> np.ndarray:
        words = listed.words
        found = self._tokenizer.all_continued(list(words))
        for word, ids in zip(words, found, strict=True):
            self._tokenizer.check_readable(word, ids)
        self._spelled = _more(self._spelled, [f"{word} ".encode() for word in words])
        self._ids = _more(self._ids, [np.array(ids, np.uint32).tobytes() for ids in found])
        self._counts = np.append(self._counts, list(map(len, found)))
        return np.arange(len(self._counts) - len(words), len(self._counts))


def _more(values: pa.LargeBinaryArray, others: list[bytes]) -> pa.LargeBinaryArray:
    return pa.concat_arrays([values, pa.array(others, pa.large_binary())])


def _joined(values: pa.LargeBinaryArray, entries: np.ndarray) -> pa.Buffer:
    """Return the values of entries, one behind the other."""
    _, _, joined = values.take(pa.array(entries)).buffers()
    return joined
