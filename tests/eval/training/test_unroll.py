"""A rollout reads as the model reads when it is evaluated, and its options change only what they say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from babilong_eval.models.protocol import Segment
from babilong_eval.training.memory_pool import NO_FACT
from babilong_eval.training.unroll import Batch, LossOptions, UnrolledRMT
from tests.eval.training.small import MEMORY, PLACES, ROWS, SEGMENT, SEGMENTS, WIDTH, build_small

if TYPE_CHECKING:
    from babilong_eval.models.rmt.model import RMTModel


def batch(*, carried: bool = False) -> Batch:
    draw = torch.Generator().manual_seed(2)
    return Batch(
        segments=torch.randint(5, 8_000, (SEGMENTS, ROWS, SEGMENT), generator=draw),
        begin=torch.randn(ROWS, MEMORY, WIDTH, generator=draw),
        carried=torch.full((ROWS,), carried),
        target=torch.tensor([0, 1, 2, NO_FACT]),
        last_fact_segment=torch.tensor([0, 1, 2, NO_FACT]),
    )


@pytest.fixture(params=["replace", "gate"])
def model(request: pytest.FixtureRequest) -> RMTModel:
    return build_small(request.param)


@pytest.mark.parametrize("carried", [False, True])
def test_it_scores_as_the_model_answers(model: RMTModel, carried: bool) -> None:
    given = batch(carried=carried)
    rolled = UnrolledRMT(model.network)(given, LossOptions())
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
        rolled = UnrolledRMT(model.network)(
            batch(), LossOptions(gradient_checkpointing=replay, gate_penalty=0.5)
        )
        rolled.loss.backward()
        gradients.append((rolled.loss.detach(), model.network.memory.grad))
    torch.testing.assert_close(gradients[0], gradients[1])


def test_back_propagation_through_one_segment_spares_the_beginning(model: RMTModel) -> None:
    UnrolledRMT(model.network)(batch(), LossOptions(bptt_segments=1)).loss.backward()
    assert model.network.memory.grad is None or not model.network.memory.grad.any()


def test_where_nothing_was_told_the_loss_asks_for_all_labels_alike(model: RMTModel) -> None:
    given = batch()
    only = torch.full((ROWS,), NO_FACT)
    rolled = UnrolledRMT(model.network)(
        Batch(
            segments=given.segments,
            begin=given.begin,
            carried=given.carried,
            target=only,
            last_fact_segment=only,
        ),
        LossOptions(),
    )
    torch.testing.assert_close(rolled.loss.detach(), -rolled.scores.mean())


def test_a_closed_gate_leaves_the_memory_bit_for_bit() -> None:
    model = build_small("gate")
    gate = model.network.get_submodule("gate.openness")
    assert isinstance(gate, torch.nn.Linear)
    torch.nn.init.constant_(gate.bias, -5.0)
    state = model.start(ROWS)
    assert torch.equal(model.step(batch().segments[0], None, state), state)
