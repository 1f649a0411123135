"""Recipes: every mistake is named in one line where the recipe is read."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from babilong_eval.checkpoints import shipped, shipped_folder
from babilong_eval.training.recipe import Recipe, read_recipe
from babilong_gen.errors import UsageError
from tests.eval.training.test_train_command import put

Write = Callable[[dict[str, Any]], Path]

MISTAKES: list[tuple[str, Any, str]] = [
    ("colour", "red", "unknown key 'colour'"),
    ("model.wings", 2, "unknown key 'model.wings'"),
    ("stages", [], "stages"),
    ("model.memory_tokens", 0, "model.memory_tokens"),
    ("model.backbone", None, "model.backbone is missing"),
    ("model.continue_from", "runs/first", "model.tokenizer: continue_from brings its own"),
    ("stages.1.tasks", {"qa99": 1}, "unknown task 'qa99'"),
    ("stages.1.segments", [4, 2], "segments go from 4 to 2"),
    ("stages.1.segment_size", 4, "stages.1.segment_size"),
    ("stages.1.questions", "(", "no regular expression"),
    ("stages", [{"name": "only", "segmints": 1}], "unknown key 'stages.0.segmints'"),
    ("stages.1.streams", {"continued": 0.6, "empty": 0.5}, "must leave a share"),
]
RENAMED = [
    ("optimizer.clip", 1.0, "max_grad_norm"),
    ("optimizer.warm_up", 5, "warmup_steps"),
    ("optimizer.last", 0.1, "min_lr_ratio"),
    ("stages.0.rate", 0.5, "lr_scale"),
    ("stages.0.back_propagate", 2, "bptt_segments"),
    ("stages.0.replay", True, "gradient_checkpointing"),
    ("stages.0.closed_gates", 0.5, "gate_penalty"),
    ("stages.1.streams.decoys", 0.5, "hard_negatives"),
    ("stages.1.streams.halves", 0.5, "half_facts"),
    ("stages.1.streams.oldest", 64, "max_age"),
]


@pytest.mark.parametrize(("key", "value", "says"), MISTAKES, ids=[f"{k} {s}" for k, _, s in MISTAKES])
def test_a_mistake_is_found_when_the_recipe_is_read(
    content: dict[str, Any], write_recipe: Write, key: str, value: object, says: str
) -> None:
    put(content, key, value)
    with pytest.raises(UsageError, match=re.escape(says)):
        read_recipe(write_recipe(content))


def test_old_keys_are_told_their_new_names_in_one_line(content: dict[str, Any], write_recipe: Write) -> None:
    for key, value, _ in RENAMED:
        put(content, key, value)
    with pytest.raises(UsageError) as refused:
        read_recipe(write_recipe(content))
    for key, _, new in RENAMED:
        assert f"{key!r} is now {new!r}" in str(refused.value)


def test_a_stage_keeps_the_segment_size_of_the_one_before(content: dict[str, Any]) -> None:
    first, second = content["stages"]
    content["stages"] = [first, second | {"segment_size": 96}, second, second | {"segment_size": 48}]
    assert Recipe(**content).segment_sizes == (40, 96, 96, 48)


@pytest.mark.parametrize("name", shipped())
def test_the_recipe_on_a_card_can_be_read(name: str, write_recipe: Write) -> None:
    folder = shipped_folder(name)
    assert folder is not None
    card = (folder / "README.md").read_text(encoding="utf-8")
    for text in re.findall(r"```yaml\n(.*?)```", card, flags=re.DOTALL):
        for recipe in yaml.safe_load_all(text):
            assert read_recipe(write_recipe(recipe)).labels
