"""The promises of a `SegmentModel`, as checks that any package's tests can hold its own models to.

    from babilong_eval.testing import CHECKS

    @pytest.mark.parametrize("check", CHECKS)
    def test_my_model(check):
        check(MyModel(tokenizer))

A check reads a few random tokens with the model and raises an AssertionError that says what does not hold.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from babilong_eval.models.protocol import Segment
from babilong_eval.models.segments import overlap_of, segment_batches
from babilong_eval.models.state import state_bytes, tensors
from babilong_gen.errors import BabilongError

if TYPE_CHECKING:
    from babilong_eval.models.protocol import Answer, SegmentModel

__all__ = ["CHECKS", "LABELS", "read", "some_tokens"]

LABELS = ("garden", "kitchen", "office")

# Arithmetic of another batch size or of masked positions may round otherwise.
_TOLERANCE = 2e-4


def some_tokens(model: SegmentModel, n_tokens: int, seed: int = 0) -> np.ndarray:
    """Draw ids of ordinary tokens of the model's vocabulary, int64 [n_tokens]."""
    added = model.tokenizer.get_added_tokens_decoder()
    special = {number for number, token in added.items() if token.special}
    ids = sorted(set(model.tokenizer.get_vocab().values()) - special)
    return np.random.Generator(np.random.Philox(seed)).choice(ids, n_tokens)


def read(
    model: SegmentModel, rows: Sequence[np.ndarray], choices: Sequence[str] | None = LABELS
) -> list[Answer]:
    """Answer a batch of token streams as an evaluation does."""
    *segments, last = segment_batches(rows, model.segment_size, model.alignment, overlap_of(model))
    state = model.start(len(rows))
    for segment in segments:
        state = model.step(segment.tokens, segment.mask, state)
    return model.answer(last, state, [choices] * len(rows))


def answer_is_the_likeliest_choice(model: SegmentModel) -> None:
    """`text` is the choice with the highest score, and there is a score for each choice."""
    [answer] = read(model, _rows(model)[-1:])
    assert answer.scores is not None, "no scores over the choices"
    assert len(answer.scores) == len(LABELS), f"{len(answer.scores)} scores for {len(LABELS)} choices"
    likeliest = LABELS[int(np.argmax(answer.scores))]
    assert answer.text == likeliest, f"the answer is {answer.text!r}, the highest score is {likeliest!r}'s"


def same_tokens_give_the_same_answer(model: SegmentModel) -> None:
    """Nothing is drawn while a model reads or answers."""
    rows = _rows(model)[-1:]
    for choices in _forms(model):
        assert read(model, rows, choices) == read(model, rows, choices), "read twice, answered otherwise"


def rows_do_not_depend_on_each_other(model: SegmentModel) -> None:
    """A batch answers as its rows do one by one, whether they choose or write."""
    rows = _rows(model)
    for choices in _forms(model):
        for row, answer in zip(rows, read(model, rows, choices), strict=True):
            _assert_same(answer, read(model, [row], choices)[0], f"a row of {len(row)} tokens in a batch")


def choosing_and_writing_mix_in_a_batch(model: SegmentModel) -> None:
    """One row may be scored over choices while another is asked for its own words."""
    if None not in _forms(model):
        return
    row = _rows(model)[2]
    *segments, last = segment_batches([row, row], model.segment_size, model.alignment, overlap_of(model))
    state = model.start(2)
    for segment in segments:
        state = model.step(*segment, state)
    chosen, written = model.answer(last, state, [LABELS, None])
    _assert_same(chosen, read(model, [row])[0], "choosing beside a row that writes")
    _assert_same(written, read(model, [row], None)[0], "writing beside a row that chooses")


def padding_changes_nothing(model: SegmentModel) -> None:
    """Padded positions, and a segment that is padded altogether, leave state and answer as they were."""
    n = min(5, model.segment_size - 3)
    tokens = torch.from_numpy(some_tokens(model, n + model.segment_size))[None]
    first, last = tokens[:, :n], Segment(tokens[:, n:], None)
    ids = torch.from_numpy(some_tokens(model, model.segment_size, seed=1))[None]
    nothing = model.step(ids, torch.zeros_like(ids, dtype=torch.bool), model.start(1))
    padded = torch.cat([ids[:, :3], first], dim=1)
    mask = torch.tensor([[False] * 3 + [True] * n])
    state, plain = model.step(padded, mask, nothing), model.step(first, None, model.start(1))
    ours, theirs = (model.answer(last, each, [LABELS])[0] for each in (state, plain))
    _assert_same(ours, theirs, "after padding")


def state_is_a_value(model: SegmentModel) -> None:
    """Reading on from a state leaves it as it was, so that a probe may ask from it again."""
    tokens = some_tokens(model, 3 * model.segment_size)
    *segments, last = segment_batches([tokens], model.segment_size, "right")
    state = model.step(*segments[0], model.start(1))
    before = [tensor.clone() for tensor in tensors(state)]
    first = model.answer(last, state, [LABELS])
    model.step(*segments[1], state)
    assert model.answer(last, state, [LABELS]) == first, "a state answers otherwise once it was read on from"
    for tensor, kept in zip(tensors(state), before, strict=True):
        assert torch.equal(tensor, kept), "a state's tensors changed after it was given out"


def bounded_state_does_not_grow(model: SegmentModel) -> None:
    """A model that says `bounded_state` has a state of one size from its third segment on."""
    sizes = []
    state = model.start(2)
    rows = [some_tokens(model, 12 * model.segment_size, seed) for seed in (0, 1)]
    for segment in segment_batches(rows, model.segment_size, "right"):
        state = model.step(*segment, state)
        sizes.append(state_bytes(state))
    assert sizes[0] > 0, "the state holds no tensor"
    assert not model.bounded_state or len(set(sizes[2:])) == 1, f"bytes of the state, by segment: {sizes}"


CHECKS: tuple[Callable[[SegmentModel], None], ...] = (
    answer_is_the_likeliest_choice,
    same_tokens_give_the_same_answer,
    rows_do_not_depend_on_each_other,
    choosing_and_writing_mix_in_a_batch,
    padding_changes_nothing,
    state_is_a_value,
    bounded_state_does_not_grow,
)
"""All promises; each check takes a model."""


def _rows(model: SegmentModel) -> list[np.ndarray]:
    """Streams that end before, at and after the end of a segment."""
    size = model.segment_size
    return [some_tokens(model, n, seed=n) for n in (3, size, 2 * size + 1, 5 * size, 5 * size + 1)]


def _forms(model: SegmentModel) -> list[Sequence[str] | None]:
    """The forms of answer that the model has: a choice, and its own words unless it refuses to write."""
    try:
        read(model, _rows(model)[:1], None)
    except BabilongError:
        return [LABELS]
    return [LABELS, None]


def _assert_same(ours: Answer, theirs: Answer, when: str) -> None:
    assert (ours.scores is None) == (theirs.scores is None), f"{when}: scores are there in one case only"
    if ours.scores is None:
        assert ours == theirs, f"{when}: {ours.text!r}, alone: {theirs.text!r}"
    else:
        near: Any = np.allclose(ours.scores, theirs.scores or (), rtol=0, atol=_TOLERANCE)
        assert near, f"{when}: scores {ours.scores}, alone: {theirs.scores}"
