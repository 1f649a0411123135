"""Adapters of peft's: the backbone stays as it is, the checkpoint is small, and merging changes no answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

from babilong_eval.models.adapters import weights_sha256
from babilong_eval.models.protocol import Segment
from babilong_eval.models.registry import load_model
from babilong_eval.training.recipe import Recipe, read_recipe
from babilong_eval.training.train import train
from babilong_gen.errors import BabilongError, UsageError
from babilong_gen.tokenizer import load_tokenizer
from tests.eval.training.processes import start_training, wait_for
from tests.eval.training.test_train_command import put

if TYPE_CHECKING:
    from tests.eval.training.conftest import Command

pytest.importorskip("peft")
LORA = {"peft_type": "LORA", "r": 2, "target_modules": ["c_attn"], "lora_alpha": 32}
MODELS: dict[str, dict[str, Any]] = {
    "rmt": {"form": "decoder", "memory_tokens": 3},
    "armt": {"memory": "associative", "memory_tokens": 3, "associative": {"d_mem": 2, "variant": "paper"}},
}
# Of the backbone's size; each layer of an ARMT has a square matrix of memory, which is trained in full.
SMALL = {"rmt": 0.02, "armt": 0.06}


@pytest.fixture(scope="session")
def backbone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 of random weights, large beside what is trained."""
    folder, tokenizer = tmp_path_factory.mktemp("backbone"), load_tokenizer("babilong").tokenizer
    torch.manual_seed(1)
    config = GPT2Config(
        vocab_size=tokenizer.get_vocab_size(), n_embd=256, n_layer=4, n_head=4, n_positions=64
    )
    GPT2LMHeadModel(config).save_pretrained(folder)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer).save_pretrained(folder)
    return folder


def recipe_content(model: str, backbone: Path, noise: str, **changes: Any) -> dict[str, Any]:
    return {
        "name": "adapted",
        "objective": "lm",
        "save_every": 2,
        "model": MODELS[model]
        | {"backbone": str(backbone), "segment_size": 20, "adapter": dict(LORA), **changes},
        "data": {"noise": [noise]},
        "optimizer": {"warmup_steps": 0, "learning_rate": 0.01},
        "stages": [{"name": "only", "segments": 2, "batch": 2, "until": {"steps": 4}}],
    }


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def scores(spec: str) -> list[torch.Tensor]:
    """What a model finds of some choices after three segments."""
    model, rows = load_model(spec, device="cpu"), torch.arange(120).reshape(2, 60)
    state = model.start(2)
    for part in rows[:, :40].split(20, dim=1):
        state = model.step(part, None, state)
    answers = model.answer(Segment(rows[:, 40:], None), state, [["bathroom", "kitchen", "garden"]] * 2)
    return [torch.tensor(answer.scores) for answer in answers]


@pytest.mark.parametrize("kind", MODELS)
def test_the_backbone_stays_and_the_checkpoint_is_small_and_merged_it_answers_alike(
    kind: str, backbone: Path, command: Command, write_recipe: Any, noise_files: str, tmp_path: Path
) -> None:
    out, merged = tmp_path / "out", tmp_path / "merged"
    before = weights_sha256(AutoModelForCausalLM.from_pretrained(backbone))
    recipe = write_recipe(recipe_content(kind, backbone, noise_files))
    done = command("train", recipe, "--out", out, "--merge", merged)
    assert done.returncode == 0, done.stderr
    adapted: Any = load_model(f"{kind}:{out}", device="cpu")
    assert weights_sha256(adapted.network.backbone) == before
    assert json.loads((out / "config.json").read_text())["adapter"]["sha256"] == before
    weights, trained = ((each / "model.safetensors").stat().st_size for each in (backbone, out))
    assert trained < SMALL[kind] * weights
    assert size(out / "training") < 3.2 * trained + 100_000  # with two moments of each weight
    written = load_file(out / "model.safetensors")
    assert any("lora_B" in name and tensor.abs().max() > 0 for name, tensor in written.items())
    assert "memory" in written
    plain: Any = load_model(f"{kind}:{merged}", device="cpu")
    assert "adapter" not in json.loads((merged / "config.json").read_text())
    assert not any("lora" in name for name in plain.network.state_dict())
    for one, other in zip(scores(f"{kind}:{out}"), scores(f"{kind}:{merged}"), strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def test_the_merged_weights_are_others_and_memory_was_trained(
    backbone: Path, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    recipe = Recipe(**recipe_content("rmt", backbone, noise_files))
    begun = train(recipe.model_copy(update={"stages": [_of_one_step(recipe)]}), tmp_path / "one", cache=cache)
    ended = train(recipe, tmp_path / "out", cache=cache)
    names = {name for name, each in ended.network.named_parameters() if each.requires_grad}
    assert "memory" in names
    one, other = begun.network.state_dict(), ended.network.state_dict()
    for name, tensor in one.items():
        assert torch.equal(tensor, other[name]) == (name not in names or not tensor.any()), name


def _of_one_step(recipe: Recipe) -> Any:
    stage = recipe.stages[0]
    return stage.model_copy(update={"until": stage.until.model_copy(update={"steps": 1})})


def test_killed_it_continues_to_the_same_end(
    backbone: Path, write_recipe: Any, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    path, out = write_recipe(recipe_content("rmt", backbone, noise_files)), tmp_path / "out"
    train(read_recipe(path), tmp_path / "whole", cache=cache)
    (process,) = start_training(path, out, cache)
    wait_for([process], (out / "training" / "snapshot.pt").is_file)
    process.kill()
    process.join()
    train(read_recipe(path), out, cache=cache)
    for name in ("training/log.jsonl", "model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (out / name).read_bytes()


def test_a_backbone_that_changed_is_refused_and_one_that_moved_is_named(
    backbone: Path, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    import shutil

    mine = shutil.copytree(backbone, tmp_path / "mine")
    train(Recipe(**recipe_content("armt", mine, noise_files)), tmp_path / "out", cache=cache)
    network = GPT2LMHeadModel.from_pretrained(mine)
    with torch.no_grad():
        network.get_parameter("transformer.h.0.mlp.c_fc.bias")[0] += 1e-6
    network.save_pretrained(mine)
    with pytest.raises(BabilongError, match="has changed: its weights have the SHA-256") as refused:
        load_model(f"armt:{tmp_path / 'out'}", device="cpu")
    assert "\n" not in str(refused.value)
    shutil.rmtree(mine)
    with pytest.raises(BabilongError, match="no backbone in"):
        load_model(f"armt:{tmp_path / 'out'}", device="cpu")
    assert load_model(f"armt:{tmp_path / 'out'}", device="cpu", backbone=str(backbone))


MISTAKES: list[tuple[str, Any, str]] = [
    ("model.adapter", {"r": 8}, "model.adapter.peft_type is missing"),
    ("model.adapter", {"peft_type": "MAGIC"}, "peft_type 'MAGIC' is unknown"),
    ("model.adapter", LORA | {"colour": "red"}, "no LORA can be put into gpt2: .*colour"),
    ("model.adapter", LORA | {"target_modules": ["nothing"]}, "no LORA can be put into gpt2: .*nothing"),
    ("model.adapter", {"peft_type": "PROMPT_TUNING", "num_virtual_tokens": 3}, "no PROMPT_TUNING can be put"),
    ("model.adapter", LORA | {"init_lora_weights": "pissa"}, "changes the backbone's own weights"),
    ("model.backbone", {"model_type": "gpt2"}, "trained on pretrained weights: name a backbone"),
]


@pytest.mark.parametrize(("key", "value", "says"), MISTAKES, ids=[says for _, _, says in MISTAKES])
def test_an_adapter_that_cannot_be_made_is_refused_in_one_line(
    key: str, value: Any, says: str, backbone: Path, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    content = recipe_content("rmt", backbone, noise_files)
    put(content, key, value)
    with pytest.raises(UsageError, match=says) as refused:
        train(Recipe(**content), tmp_path / "out", cache=cache)
    assert "\n" not in str(refused.value)


def test_other_adapters_are_trained_by_their_settings(
    backbone: Path, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    for kind, more in {"IA3": {"feedforward_modules": []}, "LORA": {"r": 2, "use_dora": True}}.items():
        content = recipe_content("rmt", backbone, noise_files)
        content["model"]["adapter"] = {"peft_type": kind, "target_modules": ["c_attn"], **more}
        train(Recipe(**content), tmp_path / kind, cache=cache)
        assert load_model(f"rmt:{tmp_path / kind}", device="cpu")


def test_without_an_adapter_there_is_nothing_to_merge(
    backbone: Path, command: Command, write_recipe: Any, noise_files: str, tmp_path: Path
) -> None:
    content = recipe_content("rmt", backbone, noise_files)
    del content["model"]["adapter"]
    asked = ("train", write_recipe(content), "--out", tmp_path / "out", "--merge", tmp_path / "merged")
    assert "--merge: the recipe's model has no adapter" in command(*asked).refusal
