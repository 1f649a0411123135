"""A backbone whose weights were saved in sixteen bits is trained in thirty-two: small steps are not lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModel, AutoModelForCausalLM, PreTrainedTokenizerFast

from babilong_eval.models.registry import load_model
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.conftest import NARROW_BERT, NARROW_GPT2

if TYPE_CHECKING:
    from pathlib import Path

    from tests.eval.training.conftest import Command

NARROW_MAMBA = {"model_type": "mamba", "hidden_size": 32, "num_hidden_layers": 2, "state_size": 4}
MODELS: dict[str, dict[str, Any]] = {
    "rmt": {"form": "decoder", "memory_tokens": 3},
    "armt": {"memory": "associative", "memory_tokens": 3, "associative": {"d_mem": 2, "variant": "paper"}},
    "hf-recurrent": {"kind": "hf-recurrent"},
}


def save_in_sixteen_bits(folder: Path, kind: Any, settings: dict[str, Any]) -> dict[str, torch.Tensor]:
    """Save a model of random weights and a tokenizer as the hub has most of them; return the weights."""
    tokenizer = load_tokenizer("babilong").tokenizer
    settings = dict(settings)
    config = AutoConfig.for_model(
        settings.pop("model_type"), vocab_size=tokenizer.get_vocab_size(), **settings
    )
    torch.manual_seed(1)
    kind.from_config(config).to(torch.bfloat16).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return load_file(folder / "model.safetensors")


def share_moved(before: dict[str, torch.Tensor], after: dict[str, torch.Tensor]) -> float:
    """Return the share of a backbone's numbers that training moved, of its vectors: each has a gradient."""
    vectors = {name: one.float() for name, one in before.items() if one.dim() == 1}
    changed = [
        (one != tensor).float()
        for name, one in vectors.items()
        for longer, tensor in after.items()
        if longer.endswith(name)
    ]
    return float(torch.cat(changed).mean())


@pytest.mark.parametrize("kind", MODELS)
def test_a_language_models_small_steps_are_not_lost(
    kind: str, command: Command, write_recipe: Any, noise_files: str, tmp_path: Path
) -> None:
    settings = NARROW_MAMBA if kind == "hf-recurrent" else NARROW_GPT2
    before = save_in_sixteen_bits(tmp_path / "backbone", AutoModelForCausalLM, settings)
    assert {tensor.dtype for tensor in before.values()} == {torch.bfloat16}
    content = {
        "name": "from-sixteen-bits",
        "objective": "lm",
        "model": MODELS[kind] | {"backbone": str(tmp_path / "backbone"), "segment_size": 20},
        "data": {"noise": [noise_files]},
        "optimizer": {"warmup_steps": 0, "learning_rate": 1e-5},
        "stages": [{"name": "only", "segments": 2, "batch": 2, "until": {"steps": 2}}],
    }
    done = command("train", write_recipe(content), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
    assert share_moved(before, after) > 0.9
    read: Any = load_model(f"{kind}:{tmp_path / 'out'}", device="cpu")
    assert {parameter.dtype for parameter in read.network.parameters()} == {torch.float32}


def test_an_encoders_small_steps_are_not_lost(
    content: dict[str, Any], command: Command, write_recipe: Any, tmp_path: Path
) -> None:
    before = save_in_sixteen_bits(tmp_path / "backbone", AutoModel, NARROW_BERT)
    content["model"].pop("tokenizer")
    content["model"]["backbone"] = str(tmp_path / "backbone")
    content["optimizer"] = {"warmup_steps": 0, "learning_rate": 1e-5}
    content["stages"] = content["stages"][:1]
    done = command("train", write_recipe(content), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
    assert share_moved(before, after) > 0.9


def test_new_weights_are_full_ones_whatever_the_configuration_says(
    content: dict[str, Any], command: Command, write_recipe: Any, tmp_path: Path
) -> None:
    content["model"]["backbone"]["dtype"] = "bfloat16"
    content["stages"] = content["stages"][:1]
    done = command("train", write_recipe(content), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    after = load_file(tmp_path / "out" / "model.safetensors")
    assert {tensor.dtype for tensor in after.values()} == {torch.float32}
