"""A recurrent model of the library is trained through its cache, and its folder reads a text as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import AutoConfig

from babilong_eval.models.decoding import continuation_ids
from babilong_eval.models.protocol import Segment
from babilong_eval.models.recurrent_network import (
    RecurrentConfig,
    build_recurrent,
    check_gradient,
    from_pretrained,
    save_pretrained,
)
from babilong_eval.models.registry import load_model
from babilong_eval.training.unroll import Batch, LossOptions, UnrolledNetwork
from babilong_gen.errors import UsageError
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.test_kinds import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.models.recurrent_network import RecurrentModel

# A place of one token and one of two, which is read on by a single token.
PLACES = ("bathroom", "hallway garden")


def build(**settings: Any) -> RecurrentModel:
    tokenizer = load_tokenizer("babilong").tokenizer
    settings = MODELS["hf-recurrent"]["backbone"] | settings
    backbone = AutoConfig.for_model(
        settings.pop("model_type"), vocab_size=tokenizer.get_vocab_size(), **settings
    )
    return build_recurrent(RecurrentConfig(segment_size=6), backbone, tokenizer)


def answers_of(model: RecurrentModel) -> list[list[int]]:
    return [continuation_ids(model.tokenizer, model.config.answer_prefix + place) for place in PLACES]


def trained_gradients(model: RecurrentModel, segments: Tensor, **options: Any) -> list[Tensor]:
    rows = segments.shape[1]
    batch = Batch(
        segments=segments,
        begin=None,
        carried=torch.zeros(rows, dtype=torch.bool),
        target=torch.zeros(rows, dtype=torch.long),
        last_fact_segment=torch.zeros(rows, dtype=torch.long),
    )
    loss = UnrolledNetwork(model.network, answers=answers_of(model))(batch, LossOptions(**options)).loss
    return list(torch.autograd.grad(loss, list(model.network.parameters())))


def librarys_gradients(model: RecurrentModel, text: Tensor) -> list[Tensor]:
    """Of the same loss, when the library reads text and label at once."""
    columns = []
    for ids in answers_of(model):
        label = text.new_tensor(ids).expand(len(text), -1)
        logits = model.network.backbone(input_ids=torch.cat([text, label], dim=1)).logits
        likely = logits[:, text.shape[1] - 1 : -1].log_softmax(dim=-1)
        columns.append(likely.gather(-1, label[..., None]).sum(dim=(1, 2)))
    loss = functional.cross_entropy(torch.stack(columns, dim=1), torch.zeros(len(text), dtype=torch.long))
    return list(torch.autograd.grad(loss, list(model.network.parameters())))


@pytest.mark.parametrize("replayed", [False, True])
def test_the_gradient_through_segments_is_the_librarys_of_one_text(replayed: bool) -> None:
    model = build()
    model.network.train()
    text = torch.arange(100, 136).reshape(2, 18)
    segments = torch.stack(text.split(6, dim=1))
    found = trained_gradients(model, segments, gradient_checkpointing=replayed)
    for one, other in zip(found, librarys_gradients(model, text), strict=True):
        scale = other.abs().max()  # those of a state's decay are a thousandth of the others
        torch.testing.assert_close(one / scale, other / scale, rtol=0, atol=1e-3)


def test_what_was_saved_answers_the_same_without_a_prompt(tmp_path: Path) -> None:
    model = build()
    save_pretrained(model, tmp_path)
    again = load_model(f"hf-recurrent:{tmp_path}")
    assert again.input_form == "plain"
    assert (again.segment_size, again.bounded_state) == (6, True)
    tokens = torch.arange(100, 112).reshape(2, 6)
    question = Segment(tokens, None)
    answers = [
        each.answer(question, each.step(tokens, None, each.start(2)), [PLACES] * 2)
        for each in (model, again, from_pretrained(tmp_path))
    ]
    assert answers[0] == answers[1] == answers[2]
    with pytest.raises(UsageError, match="says itself how it is made"):
        load_model(f"hf-recurrent:{tmp_path}", segment_size=9)


def test_a_state_that_grows_is_refused() -> None:
    with pytest.raises(UsageError, match="keeps every token in its attention layers"):
        build(model_type="gpt2", n_embd=32, n_layer=1, n_head=2)


def test_a_library_that_loses_the_gradient_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model = build()
    check_gradient(model.network)
    read = model.network.way

    def without_gradient(*arguments: Any) -> Any:
        with torch.no_grad():
            return read(*arguments)

    monkeypatch.setattr(model.network, "way", without_gradient)
    with pytest.raises(UsageError, match="mamba2"):
        check_gradient(model.network)
