"""A rollout reads as the model reads when it is evaluated, and its options change only what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from babilong_eval.models.protocol import Segment
from babilong_eval.training.unroll import NOTHING_TOLD, Batch, Rollout, Rules
from tests.eval.training.small import MEMORY, PLACES, ROWS, SEGMENT, SEGMENTS, WIDTH, build_small

if TYPE_CHECKING:
    from babilong_eval.models.rmt.model import RMTModel


def batch(*, carried: bool = False) -> Batch:
    draw = torch.Generator().manual_seed(2)
    return Batch(
        segments=torch.randint(5, 8_000, (SEGMENTS, ROWS, SEGMENT), generator=draw),
        begin=torch.randn(ROWS, MEMORY, WIDTH, generator=draw),
        carried=torch.full((ROWS,), carried),
        target=torch.tensor([0, 1, 2, NOTHING_TOLD]),
        told=torch.tensor([0, 1, 2, NOTHING_TOLD]),
    )


@pytest.fixture(params=["replace", "gate"])
def model(request: pytest.FixtureRequest) -> RMTModel:
    return build_small(request.param)


@pytest.mark.parametrize("carried", [False, True])
def test_it_scores_as_the_model_answers(model: RMTModel, carried: bool) -> None:
    given = batch(carried=carried)
    rolled = Rollout(model.network)(given, Rules())
    state = given.begin if carried else model.start(ROWS)
    for tokens in given.segments[:-1]:
        state = model.step(tokens, None, state)
    torch.testing.assert_close(rolled.memory, state)
    answers = model.answer(Segment(given.segments[-1], None), state, [PLACES] * ROWS)
    scores = torch.tensor([answer.scores for answer in answers])
    torch.testing.assert_close(rolled.scores, scores)


def test_replay_changes_neither_loss_nor_gradients(model: RMTModel) -> None:
    gradients = []
    for replay in (False, True):
        model.network.zero_grad()
        rolled = Rollout(model.network)(batch(), Rules(replay=replay, closed_gates=0.5))
        rolled.loss.backward()
        gradients.append((rolled.loss.detach(), model.network.memory.grad))
    torch.testing.assert_close(gradients[0], gradients[1])


def test_back_propagation_through_one_segment_spares_the_beginning(model: RMTModel) -> None:
    Rollout(model.network)(batch(), Rules(back_propagate=1)).loss.backward()
    assert model.network.memory.grad is None or not model.network.memory.grad.any()


def test_where_nothing_was_told_the_loss_asks_for_all_labels_alike(model: RMTModel) -> None:
    given = batch()
    only = torch.full((ROWS,), NOTHING_TOLD)
    rolled = Rollout(model.network)(
        Batch(
            segments=given.segments,
            begin=given.begin,
            carried=given.carried,
            target=only,
            told=only,
        ),
        Rules(),
    )
    torch.testing.assert_close(rolled.loss.detach(), -rolled.scores.mean())


def test_a_closed_gate_leaves_the_memory_bit_for_bit() -> None:
    model = build_small("gate")
    gate = model.network.get_submodule("gate.openness")
    assert isinstance(gate, torch.nn.Linear)
    torch.nn.init.constant_(gate.bias, -5.0)
    state = model.start(ROWS)
    assert torch.equal(model.step(batch().segments[0], None, state), state)
