"""A sample: the one record that crosses every stage from assembly to the shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedFact:
    """A fact in its haystack; offsets are half-open, in characters and in tokens of `input`."""

    text: str
    char_start: int
    char_end: int
    token_start: int
    token_end: int
    supporting: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class NoiseSpan:
    """Consecutive sentences of one document, counted within it, half-open."""

    document: str
    sentence_start: int
    sentence_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A fact, or noise sentences that follow each other in their source: what was put together.

    Attributes:
        size: UTF-8 bytes of its text; a space stands between two pieces.
        ids: its tokens; those of the space in front are the first of them.
    """

    size: int
    ids: Sequence[int] | np.ndarray


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One row of the dataset.

    Attributes:
        text: the `input` column, UTF-8.
        noise_tokens: how many of `n_tokens` are noise.
        input_ids: the tokens of `input`, where they are to be stored, else None.
        pieces: what `text` was put together from, in order: its tokens, stored or not.
    """

    sample_id: str
    task: str
    length: str
    text: bytes
    question: str
    target: str
    choices: tuple[str, ...]
    n_tokens: int
    noise_tokens: int
    facts: list[PlacedFact]
    noise: list[NoiseSpan]
    input_ids: np.ndarray | None
    pieces: Sequence[Piece] = field(compare=False, repr=False)
