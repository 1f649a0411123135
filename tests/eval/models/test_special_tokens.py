"""What a tokenizer adds after a text ends it: it is left out for models that continue the text."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from tokenizers import Tokenizer

from babilong_eval.data.dataset import Sample
from babilong_eval.inference.segment_loop import encode, make_reader
from babilong_eval.models.registry import load_model
from babilong_eval.prompts.prompts import Prompt, plain_prompts

if TYPE_CHECKING:
    from pathlib import Path

    from babilong_eval.models.protocol import SegmentModel

SAMPLE = Sample(
    task="qa1", length="0k", index=0, sample_id="a", utf8=b"garden w11", question="office", target="garden"
)
BEFORE, AFTER = "[CLS]", "[SEP]"


def read_by(model: SegmentModel | Any, prompt: Prompt | None = None) -> list[str]:
    """The tokens that a model reads of the sample."""
    prompts = {"qa1": prompt} if prompt else plain_prompts(["qa1"]).prompts
    ids = encode(make_reader(model, prompts, choose=False), SAMPLE).tokens
    return [str(model.tokenizer.id_to_token(number)) for number in ids.tolist()]


@pytest.mark.parametrize(
    ("kind", "architecture"), [("hf", "llama"), ("hf", "bamba"), ("hf-recurrent", "mamba")]
)
@pytest.mark.parametrize("prompt", [None, Prompt(template="{context} {question}", instruction="w12")])
def test_a_language_model_reads_no_end_token(save_small, kind, architecture, prompt):
    model = load_model(f"{kind}:{save_small(kind, architecture)}")
    assert read_by(model, prompt) == [BEFORE, "garden", "w11", "office"]


@pytest.mark.parametrize(
    ("adds", "expected"),
    [
        (True, [BEFORE, "garden", "w11", "office", AFTER]),
        ("before", [BEFORE, "garden", "w11", "office"]),
        (False, ["garden", "w11", "office"]),
    ],
)
def test_a_model_says_which_special_tokens_it_reads(make_tokenizer, adds, expected):
    model = SimpleNamespace(adds_special_tokens=adds, render_chat=None, tokenizer=make_tokenizer(40))
    assert read_by(model) == expected


def test_a_tokenizer_with_both_from_the_field(shared_data: Path):
    file = shared_data / "field" / "tokenizer_eos" / "tokenizer.json"
    if not file.is_file():
        pytest.skip("the field's tokenizer is not here")
    tokenizer = Tokenizer.from_file(str(file))
    read = read_by(SimpleNamespace(adds_special_tokens="before", render_chat=None, tokenizer=tokenizer))
    assert (read[0], "</s>" in read) == ("<s>", False)
