"""Questions that a memory is asked by itself, in one short segment, as soon as their facts have been read.

After the last segment a sample is asked one question, by way of a whole segment. What its facts say can be
asked in more ways than one, and as soon as they are read, for the price of a few tokens: so a memory is
taught to take up a second fact beside a first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from babilong_eval.training.relations import TASKS_OF_RELATIONS
from babilong_gen.tasks import TASKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from babilong_eval.training.relations import Relation
    from babilong_gen.assemble.sample import Sample
    from babilong_gen.rng import Rng

# Of a question and the noise before it, in tokens: one length for all, so that they are read together.
_LENGTH = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class FactQuestion:
    """A question about facts of a sample.

    Attributes:
        text: of the question.
        ids: its tokens.
        target: the answer.
        known_from: half-open end of the last fact that it needs, in tokens of the sample.
    """

    text: str
    ids: tuple[int, ...]
    target: str
    known_from: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MemoryQuestion:
    """A question for the memory of a row.

    Attributes:
        after: the segment, from 0, after which it is asked.
        tokens: of noise and the question, uint32.
        target: number of the label.
        skipped: positions left out before each token; None where none are.
    """

    after: int
    tokens: np.ndarray
    target: int
    skipped: np.ndarray | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedMemories:
    """Questions of one length for memories of a batch, read together.

    Attributes:
        after: the segment after which they are asked.
        rows: int64 [Q], whose memories are asked.
        tokens: int64 [Q, L].
        target: int64 [Q], a label's number.
        skipped: positions left out before each token, int64 [Q, L]; None where none are.
    """

    after: int
    rows: Tensor
    tokens: Tensor
    target: Tensor
    skipped: Tensor | None = None


def fact_questions(
    sample: Sample, told: Sequence[Relation], ids: Callable[[str], Sequence[int]]
) -> tuple[FactQuestion, ...]:
    """Return all that can be asked of each relation of two rooms; in other tasks, the sample's own question.

    Args:
        told: the sample's relations.
        ids: tokenizes a question.
    """
    asked = [
        (sample.question, sample.target, max(fact.token_end for fact in sample.facts if fact.supporting))
    ]
    if sample.task in TASKS_OF_RELATIONS:
        asked = [
            (question, answer, relation.known_from)
            for relation in told
            for question, answer in relation.questions()
            if answer in TASKS[sample.task].choices
        ]
    return tuple(
        FactQuestion(text=question, ids=tuple(ids(question)), target=answer, known_from=known_from)
        for question, answer, known_from in asked
    )


def draw_memory_questions(
    rng: Rng,
    asked: Sequence[FactQuestion],
    count: int,
    *,
    number: dict[str, int],
    segments: int,
    segment_size: int,
    noise: Callable[[int], np.ndarray],
) -> tuple[MemoryQuestion, ...]:
    """Return up to `count` questions a segment, of those whose facts have been read by then.

    Args:
        number: of each label.
        segments: of the row; the last, which its own question ends, is not followed by another.
        noise: returns so many tokens of running noise.
    """
    drawn = []
    for after in range(segments - 1):
        known = [each for each in asked if each.known_from <= (after + 1) * segment_size]
        for each in rng.sample(known, min(count, len(known))):
            before = noise(max(0, _LENGTH - len(each.ids)))
            tokens = np.concatenate([before, np.asarray(each.ids, np.uint32)])
            drawn.append(MemoryQuestion(after=after, tokens=tokens, target=number[each.target]))
    return tuple(drawn)


def asked_memories(
    rows: Iterable[Sequence[MemoryQuestion]], device: torch.device
) -> tuple[AskedMemories, ...]:
    """Return the questions of a batch, put together by when they are asked and how long they are."""
    together: dict[tuple[int, int], list[tuple[int, MemoryQuestion]]] = {}
    for row, questions in enumerate(rows):
        for each in questions:
            together.setdefault((each.after, len(each.tokens)), []).append((row, each))
    return tuple(
        AskedMemories(
            after=after,
            rows=torch.tensor([row for row, _ in alike], device=device),
            tokens=torch.from_numpy(np.stack([each.tokens for _, each in alike]).astype(np.int64)).to(device),
            target=torch.tensor([each.target for _, each in alike], device=device),
            skipped=_skipped([each.skipped for _, each in alike], device),
        )
        for (after, _), alike in sorted(together.items(), key=lambda item: item[0])
    )


def _skipped(questions: Sequence[np.ndarray | None], device: torch.device) -> Tensor | None:
    known = [each for each in questions if each is not None]
    return torch.from_numpy(np.stack(known)).to(device) if known else None
