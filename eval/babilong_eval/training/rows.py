"""The rows of a batch, and the memories that later rows begin with.

All rows have the same number of full segments and end with a question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from babilong_eval.training.memory_pool import NO_FACT, CarriedMemory, MemoryPool
from babilong_eval.training.memory_questions import MemoryQuestion

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One row of a batch.

    Attributes:
        tokens: uint32 [segments * S].
        question: ids of the question, with which the tokens end.
        form: of the question; empty where these segments do not hold its facts.
        target: number of the label; NO_FACT where the row's stream has no fact.
        last_fact_segment: the segment, from 0, in which the last supporting fact ends; NO_FACT where these
            segments hold none.
        start: memory [M, D] to begin with; None for the trained one.
        age: segments that this memory has read.
        memory_questions: of the memory alone, on the way.
        entries: that the memory shall hold on the way; None where it is taught none.
        skipped: positions left out before each token; None where none are.
    """

    task: str
    tokens: np.ndarray
    question: tuple[int, ...]
    form: str
    target: int
    last_fact_segment: int
    start: Tensor | None
    age: int
    memory_questions: tuple[MemoryQuestion, ...] = ()
    entries: np.ndarray | None = None
    skipped: np.ndarray | None = None

    @property
    def is_fresh(self) -> bool:
        """Whether these segments hold the facts."""
        return self.last_fact_segment >= 0


@dataclass(slots=True)
class Pools:
    """Memories for later rows to begin with.

    Attributes:
        known: know the answer to their question.
        empty: have read noise alone and took nothing for a fact.
        false_positive: have read noise alone and took something for a fact. No row continues them: a model
            cannot be asked to forget.
    """

    known: MemoryPool
    empty: MemoryPool
    false_positive: MemoryPool

    def add(
        self, rows: Sequence[Row], memory: Tensor, correct: Sequence[bool], segments: int, max_age: int
    ) -> None:
        """Add the memories of a batch that later rows can begin with.

        Args:
            rows: of the batch.
            memory: [B, M, D] before the last segment, which holds the question.
            correct: rows that were answered correctly; or, without facts, with due uncertainty.
            segments: of the batch.
            max_age: segments that a memory may have read.
        """
        for row, after, is_correct in zip(rows, memory, correct, strict=True):
            age = row.age + segments - 1
            is_forgotten = row.target != NO_FACT and not is_correct
            is_incomplete = row.last_fact_segment >= segments - 1
            if is_forgotten or is_incomplete or age > max_age:
                continue
            pool = self.known if row.target != NO_FACT else self.empty if is_correct else self.false_positive
            pool.add(
                CarriedMemory(
                    memory=after.clone(), task=row.task, question=row.question, target=row.target, age=age
                )
            )


def as_segments(rows: Sequence[Row], segment_size: int) -> Tensor:
    """Return the tokens of a batch, int64 [segments, B, S]; less than a segment becomes one short segment."""
    tokens = np.stack([row.tokens for row in rows]).astype(np.int64)
    size = min(segment_size, tokens.shape[1])
    return torch.from_numpy(tokens).view(len(rows), -1, size).transpose(0, 1)
