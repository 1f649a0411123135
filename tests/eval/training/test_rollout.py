"""A rollout reads as the model reads when it is evaluated, and its options change only what they say."""

from __future__ import annotations

import pytest
import torch
from transformers import BertConfig

from babilong_eval.models.protocol import Segment
from babilong_eval.models.rmt.building import build_rmt
from babilong_eval.models.rmt.config import RMTConfig
from babilong_eval.models.rmt.model import RMTModel
from babilong_eval.training.rollout import NOTHING_TOLD, Batch, Rollout, Rules
from babilong_gen.tokenizer import load_tokenizer

LABELS = ("garden", "kitchen", "office")
ROWS, SEGMENTS, SEGMENT = 4, 3, 12


def build(update: str) -> RMTModel:
    tokenizer = load_tokenizer("babilong").tokenizer
    bert = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    config = RMTConfig(
        form="encoder",
        memory_tokens=2,
        segment_size=SEGMENT,
        labels=LABELS,
        memory_update="gate" if update == "gate" else "replace",
    )
    return build_rmt(config, bert, tokenizer, seed=1)


def batch(*, carried: bool = False) -> Batch:
    draw = torch.Generator().manual_seed(2)
    return Batch(
        segments=torch.randint(5, 8_000, (SEGMENTS, ROWS, SEGMENT), generator=draw),
        begin=torch.randn(ROWS, 2, 16, generator=draw),
        carried=torch.full((ROWS,), carried),
        target=torch.tensor([0, 1, 2, NOTHING_TOLD]),
        told=torch.tensor([0, 1, 2, NOTHING_TOLD]),
    )


@pytest.fixture(params=["replace", "gate"])
def model(request: pytest.FixtureRequest) -> RMTModel:
    return build(request.param)


@pytest.mark.parametrize("carried", [False, True])
def test_it_scores_as_the_model_answers(model: RMTModel, carried: bool) -> None:
    given = batch(carried=carried)
    rolled = Rollout(model.network)(given, Rules())
    state = given.begin if carried else model.start(ROWS)
    for tokens in given.segments[:-1]:
        state = model.step(tokens, None, state)
    torch.testing.assert_close(rolled.memory, state)
    answers = model.answer(Segment(given.segments[-1], None), state, [LABELS] * ROWS)
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
    model = build("gate")
    gate = model.network.get_submodule("gate.openness")
    assert isinstance(gate, torch.nn.Linear)
    torch.nn.init.constant_(gate.bias, -5.0)
    state = model.start(ROWS)
    assert torch.equal(model.step(batch().segments[0], None, state), state)
