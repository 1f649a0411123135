"""What every model kind promises (see `SegmentModel`): a small model of each kind is held to it."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from babilong_eval.models.protocol import Segment
from babilong_eval.models.segments import segment_batches
from babilong_eval.models.state import state_bytes, tensors

if TYPE_CHECKING:
    from babilong_eval.models.protocol import Answer, SegmentModel

CHOICES = ["garden", "kitchen", "office"]
LENGTHS = (3, 8, 17, 40, 41)


def stream(n_tokens: int, seed: int = 0) -> np.ndarray:
    return np.random.Generator(np.random.Philox(seed)).integers(10, 40, n_tokens)


def read(model: SegmentModel, rows: list[np.ndarray], choices: list[str] | None = CHOICES) -> list[Answer]:
    """The answers to a batch, as the runner gets them."""
    *segments, last = segment_batches(rows, model.segment_size, model.alignment)
    state = model.start(len(rows))
    for segment in segments:
        state = model.step(segment.tokens, segment.mask, state)
    return model.answer(last, state, [choices] * len(rows))


def written(model: SegmentModel, row: np.ndarray) -> Answer:
    return read(model, [row], None)[0]


def assert_same(ours: Answer, theirs: Answer) -> None:
    assert ours.scores is not None
    assert theirs.scores is not None
    assert ours.scores == pytest.approx(theirs.scores, abs=2e-4)


def test_what_an_earlier_segment_held_shows_in_the_answer(small_model):
    row, other = stream(41), stream(41)
    other[30:33] = stream(3, seed=1)  # the last segment begins at 33
    one, another = read(small_model, [row])[0].scores, read(small_model, [other])[0].scores
    assert one != pytest.approx(another, abs=1e-3)


def test_the_answer_is_the_likeliest_choice(small_model):
    answer = read(small_model, [stream(17)])[0]
    assert answer.scores is not None
    assert answer.text == CHOICES[int(np.argmax(answer.scores))]


def test_the_same_tokens_give_the_same_answer(small_model):
    row = stream(41)
    assert read(small_model, [row]) == read(small_model, [row])
    assert written(small_model, row) == written(small_model, row)


def test_a_batch_answers_as_its_rows_one_by_one(small_model):
    rows = [stream(length, seed=length) for length in LENGTHS]
    for row, answer in zip(rows, read(small_model, rows), strict=True):
        assert_same(answer, read(small_model, [row])[0])


def test_a_batch_writes_as_its_rows_one_by_one(small_model):
    rows = [stream(length, seed=length) for length in LENGTHS]
    assert read(small_model, rows, None) == [written(small_model, row) for row in rows]


def test_padding_changes_nothing(small_model):
    first, last = segment_batches([stream(8 + 5)], 8, "right")
    empty = Segment(torch.full((1, 8), 7), torch.zeros(1, 8, dtype=torch.bool))
    padded = Segment(
        torch.cat([torch.full((1, 3), 9), first.tokens], dim=1),
        torch.cat([torch.zeros(1, 3, dtype=torch.bool), torch.ones(1, 5, dtype=torch.bool)], dim=1),
    )
    state = small_model.step(*padded, small_model.step(*empty, small_model.start(1)))
    plain = small_model.step(*first, small_model.start(1))

    assert_same(small_model.answer(last, state, [CHOICES])[0], small_model.answer(last, plain, [CHOICES])[0])


def test_a_state_is_a_value(small_model):
    *segments, last = segment_batches([stream(24)], 8, "right")
    state = small_model.step(*segments[0], small_model.start(1))
    before = deepcopy([tensor.clone() for tensor in tensors(state)])
    first = small_model.answer(last, state, [None])

    small_model.step(*segments[1], state)

    assert small_model.answer(last, state, [None]) == first
    for tensor, kept in zip(tensors(state), before, strict=True):
        assert torch.equal(tensor, kept)


def test_a_bounded_state_does_not_grow_with_what_was_read(small_model):
    sizes = []
    state = small_model.start(2)
    for segment in segment_batches([stream(96), stream(96, seed=1)], 8, "right"):
        state = small_model.step(*segment, state)
        sizes.append(state_bytes(state))
    assert sizes[0] > 0
    assert len(set(sizes[2:])) == 1 or not small_model.bounded_state


def test_a_row_may_be_asked_while_another_is_scored(small_model):
    row = stream(17)
    *segments, last = segment_batches([row, row], 8, "right")
    state = small_model.start(2)
    for segment in segments:
        state = small_model.step(*segment, state)
    chosen, free = small_model.answer(last, state, [CHOICES, None])

    assert_same(chosen, read(small_model, [row])[0])
    assert free == written(small_model, row)
