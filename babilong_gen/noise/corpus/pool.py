"""A noise pool: the sentences of a corpus that may stand around a task's facts.

The leak check drops what would spoil the question: a noise sentence that could itself be taken for a
fact of the task. What is left is one long sequence of sentences, with the running sum of their tokens,
so that any stretch of noise of a given length is found by two binary searches.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from babilong_gen.errors import SourceError
from babilong_gen.noise.corpus.corpus import NoiseCorpus
from babilong_gen.noise.corpus.store import map_columns, put_in_place, seal, sealed_facts, write_columns
from babilong_gen.split import Split, belongs
from babilong_gen.tasks.task import LeakCheck, Lexicon

_SENTENCES_AT_ONCE = 1 << 18


@dataclass(frozen=True, slots=True, kw_only=True)
class NoisePool:
    """The kept sentences of a corpus, in their order.

    Attributes:
        corpus: where the sentences lie.
        kept: int64 [kept], sentence indices.
        tokens_before: int64 [kept + 1], tokens of the kept sentences before each.
        start_below: samples begin at one of the first so many kept sentences (all of them, but where a
            source is endless and only as much of it was stored as the longest sample needs).
        leaks: how many sentences the leak check dropped.
        unusable: how many more were dropped because the tokenizer would not keep them apart.
    """

    corpus: NoiseCorpus
    kept: np.ndarray
    tokens_before: np.ndarray
    start_below: int
    leaks: int
    unusable: int

    @property
    def tokens(self) -> int:
        """Tokens of all kept sentences."""
        return int(self.tokens_before[-1])


def prepare_pool(
    corpus: NoiseCorpus,
    lexicon: Lexicon,
    choices: tuple[str, ...],
    check: LeakCheck,
    split: Split = "all",
) -> Path:
    """Find, or make, a task's pool of a corpus in the cache; its folder.

    Raises:
        SourceError: no sentence of the corpus is left.
    """
    patterns = _patterns(lexicon, choices, check)
    made_of = [check, patterns] if split == "all" else [check, patterns, split]
    name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
    folder = corpus.folder / f"pool-{name}"
    if sealed_facts(folder) is None:
        _store(folder, corpus, _leaking(corpus, patterns), _in_split(corpus, split))
    return folder


def mentions(pool: NoisePool, lexicon: Lexicon, choices: tuple[str, ...]) -> np.ndarray:
    """Return indices into `pool.kept` of the sentences that name an entity or a label of the task."""
    named = _leaking(pool.corpus, _patterns(lexicon, choices, "words"))
    return np.flatnonzero(named[pool.kept])


def open_pool(corpus: NoiseCorpus, folder: Path, *, start_documents: int | None = None) -> NoisePool:
    """Map a prepared pool.

    Args:
        start_documents: samples begin in the first so many documents; None for all.
    """
    columns = map_columns(folder / "pool.arrow")
    facts = json.loads((folder / "seal.json").read_text(encoding="utf-8"))
    kept = columns["kept"][:-1]
    start_below = len(kept)
    if start_documents is not None and start_documents < len(corpus.document_end):
        start_below = int(np.searchsorted(kept, corpus.document_end[start_documents - 1]))
    return NoisePool(
        corpus=corpus,
        kept=kept,
        tokens_before=columns["tokens_before"],
        start_below=max(1, start_below),
        leaks=facts["leaks"],
        unusable=facts["unusable"],
    )


def _store(folder: Path, corpus: NoiseCorpus, leaking: np.ndarray, in_split: np.ndarray) -> None:
    kept = np.flatnonzero(corpus.usable & in_split & ~leaking)
    if not in_split.any():
        raise SourceError(
            f"none of the noise's {len(corpus.document_end):,} documents falls into the split that was asked "
            "for: choose noise of more documents, or --split all"
        )
    if not len(kept):
        raise SourceError(
            f"the leak check leaves none of the noise's {len(leaking):,} sentences: "
            "choose other noise, or --leak-check statement or off"
        )
    lengths = np.diff(corpus.token_end, prepend=0)[kept]
    tokens_before = np.concatenate(([0], np.cumsum(lengths)))
    building = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        # One more row than sentences, so that both columns are equally long.
        write_columns(building / "pool.arrow", {"kept": np.append(kept, -1), "tokens_before": tokens_before})
        unusable = int((~corpus.usable & in_split & ~leaking).sum())
        seal(building, {"leaks": int((leaking & in_split).sum()), "unusable": unusable})
        put_in_place(building, folder)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _in_split(corpus: NoiseCorpus, split: Split) -> np.ndarray:
    """Return which sentences are in a document of the split: bool [sentences]."""
    wanted = np.ones(len(corpus.byte_end), bool)
    if split == "all":
        return wanted
    first = 0
    for last in map(int, corpus.document_end):
        text = corpus.text[corpus.byte_start(first) : corpus.byte_end[last - 1]] if last > first else b""
        wanted[first:last] = belongs(bytes(text), split)
        first = last
    return wanted


def _patterns(lexicon: Lexicon, choices: tuple[str, ...], check: LeakCheck) -> list[str]:
    """Return regular expressions; a sentence that matches all of them leaks."""
    if check == "off":
        return []
    if check == "words":
        # The letters of qa19's paths are codes: as words they would match each "it's".
        labels = {label.lower() for choice in choices for label in choice.split(",") if len(label) > 1}
        return [_any_of(labels | lexicon.entities)]
    return [_any_of(lexicon.entities), _any_of(lexicon.predicates)]


def _any_of(words: set[str] | frozenset[str]) -> str:
    longest_first = sorted(words, key=lambda word: (-len(word), word))
    return r"(?i)\b(?:" + "|".join(map(re.escape, longest_first)) + r")\b"


def _leaking(corpus: NoiseCorpus, patterns: list[str]) -> np.ndarray:
    """Return which sentences match all patterns, bool [sentences]; blockwise, so memory stays bounded."""
    leaking = np.zeros(len(corpus.byte_end), bool)
    if not patterns:
        return leaking
    for first in range(0, len(leaking), _SENTENCES_AT_ONCE):
        sentences = _sentences(corpus, first, min(first + _SENTENCES_AT_ONCE, len(leaking)))
        matches = [_matches(sentences, pattern).to_numpy(zero_copy_only=False) for pattern in patterns]
        leaking[first : first + len(sentences)] = np.logical_and.reduce(matches)
    return leaking


def _matches(sentences: pa.Array, pattern: str) -> pa.BooleanArray:
    return pc.call_function("match_substring_regex", [sentences], pc.MatchSubstringOptions(pattern))


def _sentences(corpus: NoiseCorpus, first: int, last: int) -> pa.Array:
    """Return sentences [first, last) as an Arrow array, each with the space after it, without a copy."""
    begin = corpus.byte_start(first)
    ends = np.minimum(corpus.byte_end[first:last] + 1, len(corpus.text))
    offsets = np.concatenate(([begin], ends)).astype(np.int64)
    buffers = [None, pa.py_buffer(offsets), pa.py_buffer(corpus.text)]
    return pa.Array.from_buffers(pa.large_binary(), last - first, buffers)
