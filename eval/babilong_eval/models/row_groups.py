"""Rows of a batch that have read equally much: they share one carry and are run together.

Padding is never run at all, since most recurrent models cannot mask it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

from babilong_eval.models.segments import rows_of_one_length
from babilong_eval.models.state import can_join, join_rows, select_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from torch import Tensor

    from babilong_eval.models.protocol import Answer, Segment


@dataclass(frozen=True, slots=True)
class Group:
    """Rows of a batch that are run together, and what they carry; None before their first token."""

    rows: tuple[int, ...]
    carry: Any


State = tuple[Group, ...]


def parts_of(
    group: Group, tokens: Tensor, mask: Tensor | None
) -> Iterator[tuple[tuple[int, ...], Tensor | None, Any]]:
    """Split a group by how many tokens its rows have here: (rows, tokens or None for none, carry)."""
    rows = list(group.rows)
    if mask is None:
        yield group.rows, tokens[rows], group.carry
        return
    idle = [place for place, row in enumerate(rows) if not mask[row].any()]
    if idle:
        yield tuple(rows[place] for place in idle), None, select_rows(group.carry, idle)
    for places, part in rows_of_one_length(tokens[rows], mask[rows]):
        yield tuple(rows[place] for place in places), part, select_rows(group.carry, places)


def predict_groups(
    predict: Callable[[Tensor, Any], tuple[Tensor, Any]], tokens: Tensor, state: State
) -> tuple[Tensor, State]:
    """Read a segment without padding [B, S] by groups; return logits [B, S, X] and the state after it."""
    read = [(group.rows, predict(tokens[list(group.rows)], group.carry)) for group in state]
    logits = torch.cat([part for _, (part, _) in read])
    order = torch.tensor([row for rows, _ in read for row in rows], device=logits.device).argsort()
    return logits[order], tuple(Group(rows, carry) for rows, (_, carry) in read)


def step_groups(
    read: Callable[[Tensor, Any], Any], tokens: Tensor, mask: Tensor | None, state: State
) -> State:
    """Read a segment by groups, each part with `read`; rows without any token here keep their carry."""
    return joined(
        [
            Group(rows, carry if part is None else read(part, carry))
            for group in state
            for rows, part, carry in parts_of(group, tokens, mask)
        ]
    )


def answer_groups(
    answer: Callable[[Tensor, Any, list[Sequence[str] | None]], list[Answer]],
    question: Segment,
    state: State,
    choices: Sequence[Sequence[str] | None],
) -> list[Answer]:
    """Answer the last segment by groups; return the answers in the order of the rows."""
    answers: dict[int, Answer] = {}
    for group in state:
        for rows, part, carry in parts_of(group, *question):
            if part is None:
                raise ValueError("a row without any token in the last segment has no question")
            answers.update(zip(rows, answer(part, carry, [choices[row] for row in rows]), strict=True))
    return [answers[row] for row in range(len(choices))]


def joined(groups: list[Group]) -> State:
    """Put groups together again whose carries allow it: those of a constant size always do."""
    together: list[list[Group]] = []
    for group in groups:
        like = next((some for some in together if can_join(some[0].carry, group.carry)), None)
        if like is None:
            together.append([group])
        else:
            like.append(group)
    return tuple(
        some[0]
        if len(some) == 1
        else Group(tuple(row for group in some for row in group.rows), join_rows([g.carry for g in some]))
        for some in together
    )
