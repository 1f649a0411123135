"""A sample: the one record that crosses every stage from assembly to the shard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

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
    """One sample; `row` has the columns of the dataset.

    Attributes:
        sample_id: as in `qa1/4k/000017`.
        task, length: as they were asked for.
        text: the input, facts in their haystack, as UTF-8: the longest are tens of megabytes.
        question, target: asked of the input, and the right answer.
        choices: the task's labels.
        targets: each of the right answers, in a dataset of which a task may have several; else empty.
        n_tokens: tokens of the input.
        noise_tokens: how many of them are noise.
        facts: in their order.
        noise: where the rest comes from, in the order of the text.
        input_ids: uint32 [n_tokens], the tokens of the input, where they are to be stored, else None.
        pieces: what the text was put together from, in order.
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
    targets: tuple[str, ...] = ()

    @property
    def input(self) -> str:
        """The text as a string."""
        return self.text.decode()

    def row(self) -> dict[str, Any]:
        """Return the sample as a row of the dataset; `input_ids` stay an array."""
        columns = {
            "input": self.input,
            "question": self.question,
            "target": self.target,
            "sample_id": self.sample_id,
            "task": self.task,
            "length": self.length,
            "n_tokens": self.n_tokens,
            "choices": list(self.choices),
            "facts": [asdict(fact) for fact in self.facts],
            "noise": [asdict(span) for span in self.noise],
        }
        if self.targets:
            columns["targets"] = list(self.targets)
        return columns if self.input_ids is None else {**columns, "input_ids": self.input_ids}
