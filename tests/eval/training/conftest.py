"""A recipe that trains in seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from babilong_eval.training.recipe import Recipe
from babilong_eval.training.samples import SampleSource, open_sample_source

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NARROW_BERT: dict[str, Any] = {
    "model_type": "bert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "hidden_dropout_prob": 0.1,
}
NARROW_GPT2: dict[str, Any] = {
    "model_type": "gpt2",
    "n_embd": 32,
    "n_layer": 2,
    "n_head": 2,
    "n_positions": 64,
    "bos_token_id": None,
    "eos_token_id": None,
}
STREAMS = {"continued": 0.25, "empty": 0.25, "after_noise": 0.5, "hard_negatives": 0.5}


def recipe_content(noise: str) -> dict[str, Any]:
    """Two short stages, with every kind of stream in the second."""
    return {
        "name": "short",
        "seed": 3,
        "save_every": 10,
        "model": {
            "backbone": NARROW_BERT,
            "tokenizer": "babilong",
            "memory_tokens": 3,
            "segment_size": 40,
            "memory_update": "gate",
        },
        "data": {"noise": [noise], "leak_check": "off"},
        "optimizer": {"learning_rate": 0.003, "warmup_steps": 5},
        "stages": [
            {
                "name": "first",
                "segments": [0, 1],
                "tasks": {"detect": 1},
                "batch": 8,
                "until": {"steps": 8},
                "keep": True,
            },
            {
                "name": "second",
                "segments": [1, 3],
                "tasks": {"detect": 2, "reasoning": 1},
                "batch": 8,
                "streams": STREAMS,
                "gate_penalty": 0.1,
                "gradient_checkpointing": True,
                "until": {"steps": 16},
            },
        ],
    }


@pytest.fixture
def content(noise_files: str) -> dict[str, Any]:
    """What the recipe says, to be changed."""
    return recipe_content(noise_files)


@pytest.fixture
def write_recipe(tmp_path: Path) -> Callable[[dict[str, Any]], Path]:
    """Writes a recipe and gives its path."""

    def write(content: dict[str, Any]) -> Path:
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def recipe(content: dict[str, Any]) -> Recipe:
    return Recipe(**content)


@pytest.fixture
def source(recipe: Recipe, cache: Path) -> SampleSource:
    return open_sample_source(recipe, "babilong", cache=cache, report=lambda _: None, notify=lambda _: None)
