"""An unrolled network reads as the model reads when it is evaluated; options change what they say alone."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import torch
from torch import Tensor, nn

from babilong_eval.models.protocol import Segment
from babilong_eval.training.memory_pool import NO_FACT
from babilong_eval.training.unroll import Batch, LossOptions
from tests.eval.training.small import (
    MEMORY,
    PLACES,
    ROWS,
    SEGMENT,
    SEGMENTS,
    WIDTH,
    Kind,
    build_small,
    unrolled,
)

if TYPE_CHECKING:
    from babilong_eval.models.rmt.model import RMTModel


@pytest.fixture(params=["replace", "gate", "decoder"])
def model(request: pytest.FixtureRequest) -> RMTModel:
    return build_small(request.param)


@pytest.fixture
def batch() -> Batch:
    """Rows that know from the first segment, from the second, not at all, and of old."""
    generator = torch.Generator().manual_seed(2)
    return Batch(
        segments=torch.randint(10, 900, (SEGMENTS, ROWS, SEGMENT), generator=generator),
        begin=torch.randn(ROWS, MEMORY, WIDTH, generator=generator),
        carried=torch.tensor([False, True, False, True]),
        target=torch.tensor([0, 2, NO_FACT, 1]),
        last_fact_segment=torch.tensor([0, 1, NO_FACT, NO_FACT]),
    )


def read(model: RMTModel, batch: Batch, segments: int) -> Tensor:
    """The memory after some segments, by the model's own `step`, each row from where it begins."""
    assert batch.begin is not None
    memory = torch.where(batch.carried[:, None, None], batch.begin, model.start(ROWS))
    for tokens in batch.segments[:segments]:
        memory = model.step(tokens, None, memory)
    return memory


def gradients(model: RMTModel, batch: Batch, options: LossOptions) -> tuple[Tensor, dict[str, Tensor]]:
    """Loss and gradients of an unrolled network, in training, with the same dropout each time."""
    torch.manual_seed(5)
    network = unrolled(model).train()
    network.zero_grad()
    loss = network(batch, options).loss
    loss.backward()
    found = {name: p.grad.clone() for name, p in model.network.named_parameters() if p.grad is not None}
    return loss.detach(), found


def test_rows_are_scored_as_the_model_answers_wherever_they_begin(model: RMTModel, batch: Batch) -> None:
    memory = read(model, batch, SEGMENTS - 1)
    answers = model.answer(Segment(batch.segments[-1], None), memory, [PLACES] * ROWS)
    own = torch.tensor([answer.scores for answer in answers]).log_softmax(dim=-1)
    output = unrolled(model)(batch, LossOptions())
    torch.testing.assert_close(output.scores, own, rtol=1e-4, atol=1e-4)


def test_labels_of_several_words_are_scored_as_the_decoder_answers(batch: Batch) -> None:
    model, places = build_small("decoder"), ("bathroom", "hallway garden", "hallway kitchen")
    answers = model.answer(
        Segment(batch.segments[-1], None), read(model, batch, SEGMENTS - 1), [places] * ROWS
    )
    own = torch.tensor([answer.scores for answer in answers]).log_softmax(dim=-1)
    output = unrolled(model, places)(batch, LossOptions())
    torch.testing.assert_close(output.scores, own, rtol=1e-4, atol=1e-4)


def test_rows_begin_with_their_own_memory_or_the_trained_one(model: RMTModel, batch: Batch) -> None:
    alone = replace(batch, segments=batch.segments[:1])
    begun = unrolled(model)(alone, LossOptions()).memory
    assert batch.begin is not None
    assert torch.equal(begun[batch.carried], batch.begin[batch.carried])
    assert torch.equal(begun[~batch.carried], model.start(ROWS)[~batch.carried])


@pytest.mark.parametrize("kind", ["replace", "gate", "decoder"])
@pytest.mark.parametrize(("dropout", "all_segments"), [(0.0, False), (0.3, True)])
def test_gradient_checkpointing_changes_no_gradient_even_with_dropout(
    kind: Kind, dropout: float, all_segments: bool, batch: Batch
) -> None:
    model = build_small(kind, dropout=dropout)
    options = LossOptions(all_segments=all_segments, gate_penalty=0.1)
    loss, kept = gradients(model, batch, options)
    again, computed_again = gradients(model, batch, replace(options, gradient_checkpointing=True))
    assert torch.equal(loss, again)
    assert kept.keys() == computed_again.keys()
    for name, gradient in kept.items():
        torch.testing.assert_close(computed_again[name], gradient, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(("through", "reaches"), [(1, False), (2, False), (3, True), (None, True)])
def test_gradients_reach_the_trained_beginning_through_all_segments_only(
    model: RMTModel, batch: Batch, through: int | None, reaches: bool
) -> None:
    _, found = gradients(model, batch, LossOptions(bptt_segments=through))
    assert ("memory" in found and bool(found["memory"].any())) == reaches


def test_going_back_through_one_segment_is_reading_it_alone(model: RMTModel, batch: Batch) -> None:
    memory = read(model, batch, SEGMENTS - 1).clone()
    everyone = torch.ones(ROWS, dtype=torch.bool)
    alone = replace(batch, segments=batch.segments[-1:], begin=memory, carried=everyone)
    _, cut = gradients(model, batch, LossOptions(bptt_segments=1))
    _, whole = gradients(model, alone, LossOptions())
    for name in cut.keys() | whole.keys():
        nothing = torch.zeros_like(model.network.get_parameter(name))
        torch.testing.assert_close(
            cut.get(name, nothing), whole.get(name, nothing), rtol=1e-3, atol=1e-5, msg=name
        )


def test_the_loss_of_all_segments_asks_each_row_once_it_knows(model: RMTModel, batch: Batch) -> None:
    def losses(segments: int) -> Tensor:
        """Of each row, asked after so many segments."""
        scores = unrolled(model)(replace(batch, segments=batch.segments[:segments]), LossOptions()).scores
        named = nn.functional.nll_loss(scores, batch.target.clamp(min=0), reduction="none")
        return torch.where(batch.target == NO_FACT, -scores.mean(dim=-1), named)

    first, second = losses(1)[[0, 3]].mean(), losses(2)[[0, 1, 3]].mean()
    expected = (first + second + losses(3).mean()) / 3
    found = unrolled(model)(batch, LossOptions(all_segments=True)).loss
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)


def test_rows_without_facts_should_find_all_labels_equally_likely(model: RMTModel, batch: Batch) -> None:
    nothing = torch.full((ROWS,), NO_FACT)
    output = unrolled(model)(replace(batch, target=nothing, last_fact_segment=nothing), LossOptions())
    torch.testing.assert_close(output.loss.detach(), -output.scores.mean())


def test_a_closed_gate_leaves_the_memory_bit_for_bit(batch: Batch) -> None:
    model = build_small("gate")
    gate = model.network.get_submodule("gate.openness")
    assert isinstance(gate, nn.Linear)
    nn.init.constant_(gate.bias, -5.0)
    state = model.start(ROWS)
    assert torch.equal(model.step(batch.segments[0], None, state), state)


def test_open_gates_cost_where_there_is_no_fact(batch: Batch) -> None:
    network = unrolled(build_small("gate"))
    free, costly = network(batch, LossOptions()), network(batch, LossOptions(gate_penalty=2.0))
    assert 0 < float(free.open_on_noise) < 1
    torch.testing.assert_close(costly.loss, free.loss + 2 * free.open_on_noise)
