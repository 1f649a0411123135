"""ARMT: the authors' numbers on their checkpoints, and memories that are values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from babilong_eval.models.armt import ARMTConfig, build_armt, from_pretrained, save_pretrained
from babilong_eval.models.armt.build import ARMTModel
from babilong_eval.models.armt.serialization import load
from babilong_eval.models.protocol import Segment
from babilong_eval.models.registry import load_model
from babilong_eval.models.state import state_bytes
from babilong_gen.errors import BabilongError, SourceError, UsageError
from tests.eval.models.conftest import CURRENT, LLAMA, PAPER, Small

GOLDEN = (
    "paper_nowrap",
    "paper_wrap_nocorrection",
    "current_gpt2",
    "current_gpt2_nodenom",
    "current_llama",
)


class Original:
    """A checkpoint of the authors' code, what belongs to it, and what their code computed with it."""

    def __init__(self, shared_data: Path, name: str, work: Path, tokenizer: Tokenizer) -> None:
        folder = shared_data / "kin" / "armt"
        if not folder.is_dir():
            pytest.skip(f"no golden numbers in {folder}")
        about = json.loads((folder / f"{name}.json").read_text())
        tokenizer.save(str(work / "tokenizer.json"))
        (work / "config.json").write_text(
            json.dumps(about["backbone"] | {"bos_token_id": 1, "eos_token_id": 2})
        )
        options = about.get("options", about)
        self.file = folder / f"{name}.state_dict.safetensors"
        self.golden = load_file(folder / f"{name}.golden.safetensors")
        self.options: dict[str, Any] = {
            "variant": about["variant"],
            "backbone": str(work),
            "tokenizer": str(work / "tokenizer.json"),
            "segment_size": about["segment_size"],
            "denominator": options.get("use_denom", True),
            "correction": options["correction"],
        }

    def load(self, **changes: Any) -> ARMTModel:
        return load(str(self.file), **self.options | changes)


@pytest.fixture(params=GOLDEN)
def original(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path: Path, make_tokenizer: Any
) -> Original:
    return Original(shared_data, request.param, tmp_path, make_tokenizer(97))


def test_logits_and_memories_are_those_of_the_authors_code(original: Original) -> None:
    model, golden = original.load(), original.golden
    segments = golden["input_ids"].split(model.segment_size, dim=1)
    state = model.start(2)
    for number, tokens in enumerate(segments):
        ((_, before),) = ((group.rows, group.carry) for group in state)
        with torch.inference_mode():
            logits = model.network.logits(tokens, before)
        assert torch.allclose(logits, golden[f"logits_{number}"], rtol=0, atol=1e-4)
        state = model.step(tokens, None, state)
        for layer in range(2):
            stored = golden[f"W_mem_{number}_layer{layer}"]
            ours = state[0].carry[:, layer, ..., : stored.shape[-1]]
            assert torch.allclose(ours.reshape(stored.shape), stored, rtol=1e-4, atol=1e-3)


def test_choices_are_scored_by_the_authors_logits(original: Original) -> None:
    model, golden = original.load(answer_prefix=""), original.golden
    *segments, last = golden["input_ids"].split(model.segment_size, dim=1)
    state = model.start(2)
    for tokens in segments:
        state = model.step(tokens, None, state)
    answers = model.answer(Segment(last, None), state, [["kitchen", "w30"]] * 2)
    expected = golden["logits_4"][:, -1].log_softmax(-1)[:, [9, 30]]
    assert torch.allclose(torch.tensor([answer.scores for answer in answers]), expected, rtol=0, atol=1e-4)


def test_what_is_written_is_what_the_authors_code_writes(
    shared_data: Path, tmp_path: Path, make_tokenizer: Any
) -> None:
    original = Original(shared_data, "paper_nowrap", tmp_path, make_tokenizer(97))
    model, golden = original.load(max_new_tokens=6), original.golden
    *segments, last = golden["input_ids"].split(model.segment_size, dim=1)
    state = model.start(2)
    for tokens in segments:
        state = model.step(tokens, None, state)
    answers = model.answer(Segment(last, None), state, [None, None])
    expected = [model.tokenizer.decode(row.tolist()) for row in golden["generated_greedy"]]
    assert [answer.text for answer in answers] == expected


def test_the_hubs_form_says_what_it_is_but_not_its_variant(
    shared_data: Path, tmp_path: Path, make_tokenizer: Any
) -> None:
    original = Original(shared_data, "current_gpt2_nodenom", tmp_path, make_tokenizer(97))
    folder = tmp_path / "hub"
    folder.mkdir()
    weights = {f"armt.{name}": value.clone() for name, value in load_file(original.file).items()}
    save_file(weights, folder / "model.safetensors")
    make_tokenizer(97).save(str(folder / "tokenizer.json"))
    said = {
        "model_type": "armt",
        "base_model_config": json.loads((tmp_path / "config.json").read_text()),
        "num_mem_tokens": 4,
        "use_denom": False,
        "segment_size": 12,
    }
    (folder / "config.json").write_text(json.dumps(said))
    with pytest.raises(UsageError, match="pass variant=paper"):
        load_model(f"armt:{folder}")
    assert load(str(folder), variant="current").config == original.load().config


@pytest.mark.parametrize(
    ("left_out", "says"),
    [("variant", "variant=paper"), ("backbone", "backbone=NAME"), ("segment_size", "segment_size=N")],
)
def test_what_a_checkpoint_does_not_say_is_asked_for(original: Original, left_out: str, says: str) -> None:
    with pytest.raises(BabilongError, match=says):
        original.load(**{left_out: None})


def test_weights_of_another_backbone_are_refused(original: Original) -> None:
    config = Path(original.options["backbone"]) / "config.json"
    content = json.loads(config.read_text())
    config.write_text(json.dumps(content | {"n_inner": 48, "intermediate_size": 48}))
    with pytest.raises(SourceError, match="does not fit its backbone"):
        original.load()


def small(config: ARMTConfig, make_tokenizer: Any) -> ARMTModel:
    return build_armt(config, Small("armt", "llama", LLAMA).config, make_tokenizer(40))


def test_a_saved_model_comes_back(tmp_path: Path, make_tokenizer: Any) -> None:
    model = small(CURRENT, make_tokenizer)
    save_pretrained(model, tmp_path)
    again = from_pretrained(tmp_path)
    assert again.config == model.config
    ours, theirs = model.network.state_dict(), again.network.state_dict()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    with pytest.raises(UsageError, match="says itself how it is made"):
        load_model(f"armt:{tmp_path}", variant="paper")


def test_a_new_memory_has_no_effect(make_tokenizer: Any, some_tokens: Any) -> None:
    model = small(CURRENT, make_tokenizer)
    first, last = some_tokens(16).split(8, dim=1)
    with torch.inference_mode():
        empty = model.network.start(1)
        read = model.network.read(first, empty)
        assert torch.equal(model.network.logits(last, read), model.network.logits(last, empty))
        assert read.any()


def test_the_state_has_the_size_that_the_docs_say(make_tokenizer: Any) -> None:
    layers, width = LLAMA["num_hidden_layers"], LLAMA["hidden_size"]
    numbers = layers * 6 * PAPER.d_mem * (width + 1)
    assert state_bytes(small(PAPER, make_tokenizer).start(3)) == 3 * 4 * numbers


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"variant": "paper", "gating": True}, "variant 'paper' has no gating"),
        ({"variant": "paper", "denominator": False}, "variant 'paper' has no denominator=false"),
        ({"heads": 3}, "heads=3 divides"),
        ({"wrap_positions": True}, "wrap_positions adds position embeddings, which llama does not have"),
        ({"memory_tokens": 0}, "at least one memory token"),
    ],
)
def test_what_cannot_be_built_is_refused(settings: dict[str, Any], says: str, make_tokenizer: Any) -> None:
    with pytest.raises(UsageError, match=says):
        small(ARMTConfig(d_mem=8, segment_size=8, **settings), make_tokenizer)
