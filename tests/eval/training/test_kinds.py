"""Recipes of every kind of model, and what is refused of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from babilong_eval.training.recipe import Recipe, read_recipe
from babilong_eval.training.train import train
from babilong_gen.errors import UsageError
from tests.eval.training.conftest import NARROW_GPT2, STREAMS

ASSOCIATIVE: dict[str, Any] = {
    "backbone": dict(NARROW_GPT2),
    "memory": "associative",
    "memory_tokens": 3,
    "associative": {"d_mem": 8},
}
SIZES: dict[str, Any] = {"dim": 32, "depth": 2, "heads": 2}
MODELS: dict[str, dict[str, Any]] = {
    "armt": ASSOCIATIVE,
    "block-recurrent": {
        "kind": "block-recurrent",
        "arguments": SIZES
        | {"dim_head": 16, "block_width": 20, "num_state_vectors": 3, "recurrent_layers": [2]},
    },
    "hf-recurrent": {
        "kind": "hf-recurrent",
        "backbone": {
            "model_type": "mamba2",
            "hidden_size": 32,
            "num_hidden_layers": 2,
            "head_dim": 8,
            "num_heads": 8,
            "state_size": 8,
            "n_groups": 1,
            "chunk_size": 8,
        },
    },
    "memformer": {
        "kind": "memformer",
        "arguments": {
            "dim": 32,
            **{f"{side}_{name}": 2 for side in ("enc", "dec") for name in ("depth", "heads")},
            "num_memory_slots": 3,
            "mem_update_attn_heads": 2,
        },
    },
    "memorizing": {
        "kind": "memorizing",
        "arguments": SIZES
        | {"dim_head": 16, "memorizing_layers": [2], "num_retrieved_memories": 4, "max_knn_memories": 100},
    },
    "rmt-lucidrains": {
        "kind": "rmt-lucidrains",
        "arguments": SIZES | {"dim_head": 16, "num_memory_tokens": 3},
    },
    "transformer-xl": {
        "kind": "transformer-xl",
        "arguments": SIZES | {"attn_dim_head": 16, "rotary_pos_emb": True, "use_abs_pos_emb": False},
    },
}


def recipe_content(
    model: dict[str, Any], noise: str, streams: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "name": "short",
        "save_every": 2,
        "model": {"tokenizer": "babilong", "segment_size": 40, **model},
        "data": {"noise": [noise], "leak_check": "off"},
        "stages": [
            {
                "name": "only",
                "segments": [2, 3],
                "tasks": {"detect": 1},
                "batch": 2,
                "streams": streams or {},
                "memory_questions": 1,
                "gradient_checkpointing": True,
                "until": {"steps": 3},
            }
        ],
    }


class StoppedError(Exception):
    """What a looker-on raises to end a run."""


def test_rows_continue_with_associative_memories_and_the_log_after_a_stop(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    recipe = Recipe(**recipe_content(ASSOCIATIVE, noise_files, STREAMS))

    def stop(progress: Any) -> None:
        if progress.done == 3 and not (tmp_path / "again").exists():
            raise StoppedError

    train(recipe, tmp_path / "whole", cache=cache)
    with pytest.raises(StoppedError):
        train(recipe, tmp_path / "stopped", cache=cache, on_step=stop)
    (tmp_path / "again").touch()
    train(recipe, tmp_path / "stopped", cache=cache, on_step=stop)
    for name in ("training/log.jsonl", "model.safetensors"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "stopped" / name).read_bytes()


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"form": "encoder"}, "form: encoder: not with model.memory: associative"),
        ({"memory_update": "gate"}, "memory_update: gate: not with"),
        ({"associative": {"d_mem": 0}}, "model.associative.d_mem"),
        ({"memory": "tokens"}, "set model.memory: associative"),
    ],
)
def test_a_mistake_in_an_associative_memory_is_found(
    change: dict[str, Any], says: str, write_recipe: Any, noise_files: str
) -> None:
    path = write_recipe(recipe_content(ASSOCIATIVE | change, noise_files))
    with pytest.raises(UsageError, match=says):
        read_recipe(path)


KIN_MISTAKES = [
    ({"kind": "transformer-9"}, "model.kind"),
    ({"tokenizer": None}, "model.tokenizer is missing: transformer-xl has none of its own"),
    ({"memory_tokens": 3}, "model.memory_tokens: transformer-xl is made by model.arguments"),
    ({"backbone": "gpt2"}, "model.backbone: transformer-xl is made by model.arguments"),
    ({"kind": None, "backbone": "gpt2"}, "name its kind by model.kind"),
    ({"kind": "hf-recurrent", "backbone": "gpt2"}, "hf-recurrent is made by model.backbone"),
    ({"kind": "hf-recurrent", "arguments": {}}, "model.backbone is missing"),
]


@pytest.mark.parametrize(("change", "says"), KIN_MISTAKES, ids=[says for _, says in KIN_MISTAKES])
def test_a_mistake_in_another_packages_model_is_found(
    change: dict[str, Any], says: str, write_recipe: Any, noise_files: str
) -> None:
    path = write_recipe(recipe_content(MODELS["transformer-xl"] | change, noise_files))
    with pytest.raises(UsageError, match=says):
        read_recipe(path)


def test_rows_cannot_begin_with_the_memory_of_another_package(write_recipe: Any, noise_files: str) -> None:
    path = write_recipe(recipe_content(MODELS["transformer-xl"], noise_files, STREAMS))
    with pytest.raises(UsageError, match="rows cannot begin with a memory of transformer-xl"):
        read_recipe(path)
