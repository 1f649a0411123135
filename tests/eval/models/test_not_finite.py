"""A model whose numbers are none has no answer: neither the first label nor an empty text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from babilong_eval.models.decoding import generate, score_choices
from babilong_eval.models.protocol import NOT_FINITE, Answer, Segment
from babilong_eval.models.registry import load_model
from babilong_eval.testing import LABELS, read, some_tokens
from babilong_gen.errors import SourceError

if TYPE_CHECKING:
    from pathlib import Path

NAN, INF = float("nan"), float("inf")


def spoil(folder: Path, weight: str, value: float = NAN) -> None:
    weights = load_file(folder / "model.safetensors")
    weights[weight].view(-1)[0] = value
    save_file(weights, folder / "model.safetensors", {"format": "pt"})


@pytest.mark.parametrize(
    ("kind", "architecture", "weight"),
    [
        ("hf", "llama", "model.layers.0.self_attn.q_proj.weight"),
        ("hf-window", "llama", "model.norm.weight"),
        ("hf-recurrent", "mamba", "backbone.norm_f.weight"),
        ("rmt", "gpt2", "backbone.transformer.ln_f.weight"),
        ("rmt", "bert", "backbone.bert.encoder.layer.0.output.dense.bias"),
        ("rmt", "bert", "backbone.classifier.bias"),
    ],
)
def test_a_model_that_is_not_finite_from_the_start_is_named_when_it_is_loaded(
    save_small, kind, architecture, weight
):
    folder = save_small(kind, architecture)
    spoil(folder, weight)
    options: dict[str, Any] = {"window": 8, "segment_size": 8} if kind == "hf-window" else {}
    with pytest.raises(SourceError, match=f"^{architecture} gives logits that are not finite .* damaged"):
        load_model(f"{kind}:{folder}", **options)


@pytest.mark.parametrize(
    ("kind", "architecture", "table"),
    [
        ("hf", "llama", "model.embed_tokens.weight"),
        ("rmt", "bert", "backbone.bert.embeddings.word_embeddings.weight"),
    ],
)
@pytest.mark.parametrize("choices", [LABELS[:2], None])
def test_a_row_that_is_not_finite_fails_and_the_one_beside_it_does_not(
    save_small, kind, architecture, table, choices
):
    model: Any = load_model(f"{kind}:{save_small(kind, architecture)}", max_new_tokens=1)
    good = some_tokens(model, 6) % 20 + 4
    expected = read(model, [good], choices)[0]
    with torch.inference_mode():
        dict(model.network.named_parameters())[table][39] = NAN
    bad = good.copy()
    bad[2] = 39

    answers = read(model, [bad, good], choices)

    assert [answer.failure for answer in answers] == [NOT_FINITE, ""]
    assert answers[1].text == expected.text


@pytest.mark.parametrize(
    ("scores", "failure"),
    [
        (None, ""),
        ((-1.0, -INF), ""),
        ((-INF, -INF), NOT_FINITE),
        ((NAN, -1.0), NOT_FINITE),
        ((-1.0, NAN), NOT_FINITE),
        ((INF, -1.0), NOT_FINITE),
    ],
)
def test_scores_can_be_compared_or_the_answer_is_none(scores, failure):
    assert Answer(text="garden", scores=scores).failure == failure


@pytest.mark.parametrize("fault", [NAN, INF])
@pytest.mark.parametrize("at", [0, 1])
def test_a_fault_at_any_token_of_a_choice_shows_in_its_score_alone(fault, at):
    logits = torch.zeros(1, 3, 5)
    logits[0, :, 0] = -INF  # a token that is never written, padding say, is no fault
    logits[0, at, 4] = fault
    whole, half = score_choices(
        logits[:, 0], None, lambda tokens, carry: (logits[:, 1 : 1 + tokens.shape[1]], carry), [[[1, 2], [1]]]
    )[0]
    assert whole != whole
    assert (half != half) == (at == 0)


def test_a_row_may_finish_before_its_logits_fail_and_another_not():
    steps = iter([torch.tensor([[[0.0, 1.0]], [[1.0, 0.0]]]), torch.tensor([[[NAN, 0.0]], [[NAN, NAN]]])])
    first = torch.tensor([[0.0, 1.0], [0.0, 1.0]])
    written = generate(first, None, lambda _, carry: (next(steps), carry), max_new_tokens=3, stop_ids=[0])
    assert written == [None, [1]]


def test_an_encoder_asked_for_any_label_fails_as_well(save_small):
    model = load_model(f"rmt:{save_small('rmt', 'bert')}")
    state = model.start(1) * NAN
    (answer,) = model.answer(Segment(torch.tensor([[10, 11]]), None), state, [None])
    assert answer.failure == NOT_FINITE
