"""A stage may begin by making the gate on the memory more decided."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from babilong_eval.models.rmt.gate import MemoryGate
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.train import train
from babilong_gen.errors import UsageError
from tests.eval.training.conftest import NARROW_BERT, recipe_content
from tests.eval.training.processes import start_training, wait_for

if TYPE_CHECKING:
    from pathlib import Path

BIAS = "gate.openness.bias"
# A new gate has a bias of 1, which is not what this makes of it, once or twice.
SHARPER = {"factor": 3.0, "shift": -1.0}


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "segments": 2, "tasks": {"detect": 1}, "batch": 4, "until": {"steps": 2}, **more}


def content_of(noise: str, *stages: dict[str, Any], update: str = "gate") -> dict[str, Any]:
    model = {"backbone": NARROW_BERT, "tokenizer": "babilong", "memory_tokens": 3, "segment_size": 40}
    return recipe_content(noise) | {"model": model | {"memory_update": update}, "stages": list(stages)}


def test_the_logits_become_so_many_times_what_they_were_plus_the_shift() -> None:
    gate, written = MemoryGate(8), torch.randn(2, 3, 8, generator=torch.Generator().manual_seed(1))
    torch.nn.init.normal_(gate.openness.weight, generator=torch.Generator().manual_seed(2))
    before = gate.openness(written)
    gate.sharpen(4.0, -3.5)
    torch.testing.assert_close(gate.openness(written), 4 * before - 3.5)


def test_a_stage_sharpens_where_it_begins_and_once_the_stage_begins(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    # so low a rate that what is left of the weights is what the beginning of each stage made of them
    still = {"lr_scale": 1e-9, "keep": True}
    sharper = {**still, "sharpen_gate": SHARPER}
    stages = [stage("sharper", **sharper), stage("sharper again", **sharper), stage("on", **still)]
    train(Recipe(**content_of(noise_files, *stages)), tmp_path / "out", cache=cache)
    first, second, third = (
        load_file(tmp_path / "out" / "stages" / str(number) / "model.safetensors") for number in (1, 2, 3)
    )
    assert torch.allclose(first[BIAS], torch.tensor(3 * 1.0 - 1), atol=1e-6)
    assert torch.allclose(second[BIAS], 3 * first[BIAS] - 1, atol=1e-6)
    assert torch.allclose(third[BIAS], second[BIAS], atol=1e-6)


def test_killed_after_it_the_run_does_not_sharpen_again(
    write_recipe: Any, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    content = content_of(noise_files, stage("sharper", until={"steps": 6}, sharpen_gate=SHARPER))
    content["save_every"] = 2
    train(Recipe(**content), tmp_path / "whole", cache=cache)
    out = tmp_path / "killed"
    log = out / "training" / "log.jsonl"
    (process,) = start_training(write_recipe(content), out, cache)
    wait_for([process], lambda: log.is_file() and log.stat().st_size)
    process.kill()
    process.join()
    train(Recipe(**content), out, cache=cache)
    for name in ("training/log.jsonl", "model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (out / name).read_bytes()


def test_a_model_without_a_gate_is_refused_before_the_first_step(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    content = content_of(noise_files, stage("sharper", sharpen_gate=SHARPER), update="replace")
    with pytest.raises(UsageError, match=r"stage sharper: sharpen_gate, but the model has no gate"):
        train(Recipe(**content), tmp_path / "out", cache=cache)
