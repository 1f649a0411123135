"""Each architecture under each kind answers as the library does over the whole text, or is refused in a line.

The same holds in every version of the library that is claimed; the suite runs with one of them at a time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from babilong_eval.models.incremental_forward import read_cached
from babilong_eval.models.reading_trial import best_way
from babilong_eval.models.registry import load_model
from babilong_gen.errors import UsageError
from tests.eval.models.conftest import SMALL_MODELS
from tests.eval.models.test_language_models import CHOICE_IDS, CHOICES, ask, log_likelihood

if TYPE_CHECKING:
    from pathlib import Path

KEEPS_ALL = "keeps every token in its attention layers: evaluate it with hf: instead"
NOT_ROTARY = "needs one kind of rotary positions, .* has other ones: evaluate it with hf: instead"
RECURRENT = "has recurrent layers, which forget in their own way: evaluate it with hf: instead"

# What each says under hf:, hf-window: and hf-recurrent:; None where it answers.
REFUSALS: dict[str, tuple[str | None, str | None, str | None]] = {
    "gpt2": (None, NOT_ROTARY, KEEPS_ALL),
    "llama": (None, None, KEEPS_ALL),
    "qwen3": (None, None, KEEPS_ALL),
    "bloom": (None, NOT_ROTARY, KEEPS_ALL),
    "mistral": (None, None, None),
    "gemma3_text": (None, None, None),
    "bamba": (None, RECURRENT, None),
    "jamba": (None, RECURRENT, None),
    "qwen3_next": (None, RECURRENT, None),
    "mamba": (None, RECURRENT, None),
    "mamba2": (None, RECURRENT, None),
    "falcon_mamba": (None, RECURRENT, None),
    "recurrent_gemma": (None, RECURRENT, None),
    "rwkv": (None, NOT_ROTARY, None),
    "xlstm": (None, NOT_ROTARY, None),
}
OPTIONS: dict[str, dict[str, Any]] = {"hf": {}, "hf-window": {"window": 60, "sinks": 2}, "hf-recurrent": {}}


@pytest.fixture(scope="session", params=REFUSALS)
def architecture(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Each architecture in turn, and a folder with a small model of it."""
    folder = tmp_path_factory.mktemp(request.param)
    next(one for one in SMALL_MODELS if one.architecture == request.param and one.kind.startswith("hf")).save(
        folder
    )
    return request.param, folder


@pytest.mark.parametrize("number", range(3), ids=OPTIONS)
def test_it_answers_as_the_library_over_the_whole_text_or_says_why_not(architecture, number, some_tokens):
    (name, folder), kind = architecture, list(OPTIONS)[number]
    if refusal := REFUSALS[name][number]:
        with pytest.raises(UsageError, match=refusal):
            load_model(f"{kind}:{folder}", **OPTIONS[kind])
        return
    model = load_model(f"{kind}:{folder}", segment_size=8, max_new_tokens=4, **OPTIONS[kind])
    network = AutoModelForCausalLM.from_pretrained(folder).eval()
    tokens = some_tokens(37)

    expected = [log_likelihood(network, tokens, ids) for ids in CHOICE_IDS]
    assert ask(model, tokens, CHOICES).scores == pytest.approx(expected, abs=1e-4)
    assert ask(model, tokens).text == model.tokenizer.decode(continuation(network, tokens, 4))


def continuation(network, tokens: torch.Tensor, length: int) -> list[int]:
    """The likeliest tokens, each by one forward over all before it."""
    written: list[int] = []
    while len(written) < length:
        whole = torch.cat([tokens, torch.tensor([written], dtype=torch.long)], dim=1)
        with torch.no_grad():
            token = int(network(input_ids=whole, use_cache=False).logits[0, -1].argmax())
        if token == 2:  # [SEP] is these models' end of text
            break
        written.append(token)
    return written


# --- how a way of reading on is chosen -------------------------------------------------------------------


def forgetful(module, tokens, carry):  # noqa: ARG001
    """Takes nothing up from what was read before."""
    return read_cached(module, tokens, None)


def careless(module, tokens, carry):
    """Adds to the carry that it was given."""
    output, longer = read_cached(module, tokens, carry)
    if carry is not None:
        carry.layers = longer.layers
    return output, longer


def failing(module, tokens, carry):  # noqa: ARG001
    raise AttributeError("the library has changed")


@pytest.fixture
def llama(save_small):
    return AutoModelForCausalLM.from_pretrained(save_small("hf", "llama")).eval()


@pytest.mark.parametrize("wrong", [forgetful, careless, failing])
def test_the_way_that_agrees_with_reading_at_once_is_taken(wrong, llama):
    assert best_way(llama, [wrong, read_cached]) is read_cached
    assert best_way(llama, [read_cached, wrong]) is read_cached


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("wrong", [forgetful, careless])
def test_a_model_that_no_way_reads_on_rightly_is_refused(wrong, dtype, llama):
    with pytest.raises(UsageError, match=r"with transformers \S+ \(tested: .*\) llama gives other numbers"):
        best_way(llama.to(dtype), [wrong])


def test_an_error_of_the_library_is_told_in_the_refusal(llama):
    with pytest.raises(UsageError, match="llama cannot be read segment by segment: the library has changed"):
        best_way(llama, [failing])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("spec", ["hf-llama", "hf-qwen3_next", "hf-jamba", "hf-recurrent-mamba"])
def test_rounding_is_no_reason_to_refuse(spec, dtype, save_small):
    kind, _, name = spec.rpartition("-")
    assert load_model(f"{kind}:{save_small(kind, name)}", dtype=dtype).dtype == getattr(torch, dtype)
