"""The language-model kinds against the library's own forward over the whole text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import segment_batches
from babilong_gen.errors import DoesNotFitError, UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.models.protocol import Answer, SegmentModel

CHOICES = ["garden", "kitchen w11", "w12 w13 w14"]  # of one, two and three tokens
CHOICE_IDS = [[6], [9, 11], [12, 13, 14]]


def ask(model: SegmentModel, tokens: torch.Tensor, choices: list[str] | None = None) -> Answer:
    *segments, last = segment_batches(list(tokens.numpy()), model.segment_size, model.alignment)
    state = model.start(1)
    for segment in segments:
        state = model.step(*segment, state)
    return model.answer(last, state, [choices])[0]


def log_likelihood(network, tokens: torch.Tensor, continuation: list[int]) -> float:
    """By one forward over the text and the continuation."""
    whole = torch.cat([tokens, torch.tensor([continuation])], dim=1)
    with torch.no_grad():
        log_probs = network(input_ids=whole, use_cache=False).logits[0].log_softmax(dim=-1)
    places = range(tokens.shape[1] - 1, whole.shape[1] - 1)
    return sum(float(log_probs[place, token]) for place, token in zip(places, continuation, strict=True))


def test_a_prompt_may_be_as_long_as_leaves_room_for_the_answer(save_small, some_tokens):
    model = load_model(f"hf:{save_small('hf', 'gpt2')}", segment_size=8, max_new_tokens=4)
    assert model.max_tokens == 128 - 4
    ask(model, some_tokens(124))
    with pytest.raises(DoesNotFitError, match=r"too long: .* at most"):
        ask(model, some_tokens(130))


def test_a_model_that_keeps_every_token_is_not_taken_for_a_recurrent_one(save_small):
    with pytest.raises(UsageError, match=r"llama keeps every token.*hf:"):
        load_model(f"hf-recurrent:{save_small('hf', 'llama')}")


@pytest.mark.parametrize("name", ["bamba", "jamba", "qwen3_next"])
def test_a_hybrid_says_that_its_state_grows(name, save_small):
    model = load_model(f"hf-recurrent:{save_small('hf', name)}", segment_size=8, max_new_tokens=4)
    assert not model.bounded_state
    assert model.max_tokens == 128 - 4


def test_a_text_within_the_window_is_read_as_with_the_whole_context(save_small, some_tokens):
    folder = save_small("hf-window", "llama")
    whole = load_model(f"hf:{folder}", segment_size=8)
    window = load_model(f"hf-window:{folder}", segment_size=8, window=30, sinks=4)
    tokens = some_tokens(40)

    assert ask(window, tokens, CHOICES).scores == pytest.approx(ask(whole, tokens, CHOICES).scores, abs=1e-4)


def test_one_layer_with_a_window_reads_the_sinks_and_the_window_as_if_nothing_stood_between(
    save_small, some_tokens
):
    folder = save_small("hf-window", "llama", num_hidden_layers=1)
    whole = load_model(f"hf:{folder}", segment_size=64)
    window = load_model(f"hf-window:{folder}", segment_size=8, window=10, sinks=3)
    tokens = some_tokens(80)

    # before the last segment of 8 there are 72 tokens, of which 3 and 10 are kept
    kept = torch.cat([tokens[:, :3], tokens[:, 62:]], dim=1)
    assert ask(window, tokens, CHOICES).scores == pytest.approx(ask(whole, kept, CHOICES).scores, abs=1e-4)


def test_without_sinks_the_window_slides_over_the_whole_text_segment_by_segment(save_small, some_tokens):
    folder = save_small("hf-window", "llama", num_hidden_layers=3)
    model = load_model(f"hf-window:{folder}", segment_size=8, window=10, sinks=0)
    tokens = some_tokens(80)
    network = AutoModelForCausalLM.from_pretrained(folder, attn_implementation="eager").eval()
    place = torch.arange(80)
    begin = place // 8 * 8  # of each token's own segment
    seen = (place[None] <= place[:, None]) & (place[None] >= begin[:, None] - 10)
    with torch.no_grad():
        masked = torch.zeros(80, 80).masked_fill(~seen, torch.finfo(torch.float32).min)
        logits = network(input_ids=tokens, attention_mask=masked[None, None], use_cache=False).logits[0, -1]

    choices = ["garden", "kitchen", "office"]
    expected = logits.log_softmax(dim=-1)[[6, 9, 7]].tolist()
    assert ask(model, tokens, choices).scores == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("architecture", ["gpt2", "bloom"])
def test_a_window_needs_rotary_positions(architecture, save_small):
    with pytest.raises(UsageError, match=f"{architecture} has other ones.*hf:"):
        load_model(f"hf-window:{save_small('hf', architecture)}", window=8, segment_size=8)


def test_a_window_that_leaves_no_room_is_refused(save_small):
    with pytest.raises(UsageError, match="need 160 positions, but llama has 128"):
        load_model(f"hf-window:{save_small('hf', 'llama')}", window=100, segment_size=36, max_new_tokens=20)


def test_a_chat_is_written_as_the_template_has_it(save_small):
    folder = save_small("hf", "llama")
    template = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}<assistant>"
    (folder / "chat_template.jinja").write_text(template)

    render = load_model(f"hf:{folder}").render_chat

    assert render is not None
    assert render([{"role": "user", "content": "Where is Mary?"}]) == "<user>Where is Mary?<assistant>"


def test_a_model_without_a_template_has_no_chat(save_small):
    assert load_model(f"hf:{save_small('hf', 'llama')}").render_chat is None


def test_the_type_of_the_weights_may_be_chosen(save_small):
    folder: Path = save_small("hf", "llama")
    assert AutoConfig.from_pretrained(folder).dtype == torch.float32
    assert load_model(f"hf:{folder}", dtype="bfloat16").dtype == torch.bfloat16
    with pytest.raises(UsageError, match="dtype 'float33' is unknown"):
        load_model(f"hf:{folder}", dtype="float33")
