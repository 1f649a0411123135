"""Segments that grow from stage to stage, and what a checkpoint to continue from brings."""

from __future__ import annotations

import json
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from babilong_eval.models.rmt.serialization import from_pretrained
from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.recipe import Recipe
from babilong_eval.training.train import TrainingProgress, train
from babilong_gen.errors import UsageError
from tests.eval.training.conftest import NARROW_BERT, recipe_content

if TYPE_CHECKING:
    from pathlib import Path

ROTARY: dict[str, Any] = {
    "model_type": "modernbert",
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 64,
    "global_attn_every_n_layers": 1,
    "pad_token_id": 0,
    **dict.fromkeys(("eos_token_id", "bos_token_id", "cls_token_id", "sep_token_id")),
}


def stage(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "segments": 1, "tasks": {"detect": 1}, "batch": 4, "until": {"steps": 2}, **more}


def recipe_of(noise: str, model: dict[str, Any], *stages: dict[str, Any]) -> Recipe:
    content = recipe_content(noise)
    return Recipe(**content | {"model": model, "stages": stages or (stage("only"),)})


def growing(noise: str, backbone: dict[str, Any]) -> Recipe:
    """Segments of 40 tokens, then of 90."""
    model = {"backbone": backbone, "tokenizer": "babilong", "memory_tokens": 3, "segment_size": 40}
    return recipe_of(noise, model, stage("short", keep=True), stage("long", segment_size=90), stage("last"))


def config_of(folder: Path) -> tuple[int, int]:
    """The segment size and the positions that a checkpoint states."""
    config = json.loads((folder / "config.json").read_text())
    return config["segment_size"], config["backbone"]["max_position_embeddings"]


@pytest.fixture(scope="module")
def grown(noise_files: str, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("grown") / "out"
    train(growing(noise_files, ROTARY), out, cache=cache)
    return out


def test_a_rotary_encoder_grows_and_its_checkpoint_says_so(grown: Path) -> None:
    lines = read_log(grown / "training" / "log.jsonl")
    assert [line["tokens"] for line in lines] == [4 * 40] * 2 + [4 * 90] * 4
    assert config_of(grown) == (90, 90 + 3 + 3)
    assert config_of(grown / "stages" / "1")[0] == 40
    assert from_pretrained(grown).segment_size == 90


def test_interrupted_among_long_segments_it_ends_as_if_it_had_not_been(
    grown: Path, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    recipe, out = growing(noise_files, ROTARY), tmp_path / "out"

    def press(progress: TrainingProgress) -> None:
        if progress.done == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(recipe, out, cache=cache, on_step=press)
    assert config_of(out)[0] == 90
    train(recipe, out, cache=cache)
    for name in ("training/log.jsonl", "model.safetensors", "config.json"):
        assert (out / name).read_bytes() == (grown / name).read_bytes()


def of_several(noise: str) -> Recipe:
    """Segments of 40 and 90 tokens in turn, as the steps draw them, then of the larger."""
    model = {"backbone": ROTARY, "tokenizer": "babilong", "memory_tokens": 3, "segment_size": 40}
    mixed = stage("mixed", segment_size=[40, 90], segments=[1, 2], until={"steps": 12})
    return recipe_of(noise, model, mixed, stage("last"))


def test_of_several_sizes_each_step_draws_one(noise_files: str, cache: Path, tmp_path: Path) -> None:
    train(of_several(noise_files), tmp_path, cache=cache)
    lines = read_log(tmp_path / "training" / "log.jsonl")
    assert {line["tokens"] / line["segments"] for line in lines if line["stage"] == "mixed"} == {160, 360}
    assert [line["tokens"] for line in lines if line["stage"] == "last"] == [360, 360]
    assert config_of(tmp_path) == (90, 90 + 3 + 3)


@pytest.mark.parametrize(
    ("model", "objective", "says"),
    [
        ({"kind": "hf-recurrent"}, {}, "stage mixed: hf-recurrent has segments of one size"),
        ({"form": "decoder"}, {"objective": "lm"}, "segment_size of several: not with objective: lm"),
    ],
)
def test_where_segments_are_of_one_size_several_are_refused(
    noise_files: str, model: dict[str, Any], objective: dict[str, str], says: str
) -> None:
    content = recipe_content(noise_files)
    several = stage("mixed", segment_size=[40, 90])
    if objective:
        del several["tasks"]
        content["data"] = {"noise": [noise_files]}
    model = {"backbone": ROTARY, "segment_size": 40, **model}
    with pytest.raises(UsageError, match=says):
        Recipe.model_validate(content | objective | {"model": model, "stages": [several]})


def test_segments_that_do_not_fit_a_table_of_positions_are_refused_before_training(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        UsageError, match=r"stage long: segments of 90 .* make 96 positions, but .* bert has 64"
    ):
        train(growing(noise_files, NARROW_BERT), tmp_path, cache=cache)
    assert not (tmp_path / "training" / "log.jsonl").exists()


@pytest.mark.parametrize(
    ("asked", "found"), [({}, 90), ({"segment_size": 120}, 120), ({"segment_size": 30}, 30)]
)
def test_a_checkpoint_brings_its_segment_size_unless_another_is_given(
    grown: Path, noise_files: str, cache: Path, tmp_path: Path, asked: dict[str, int], found: int
) -> None:
    recipe = recipe_of(noise_files, {"continue_from": str(grown), "backbone": ROTARY, **asked})
    train(recipe, tmp_path / "out", cache=cache)
    assert read_log(tmp_path / "out" / "training" / "log.jsonl")[0]["tokens"] == 4 * found
    assert config_of(tmp_path / "out") == (found, max(96, found + 6))


def test_a_recipe_gives_an_overlap_and_a_checkpoint_brings_its_own_unless_another_is_given(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    new = {"backbone": ROTARY, "tokenizer": "babilong", "memory_tokens": 3, "segment_size": 40}
    begun = {"continue_from": str(tmp_path / "0")}
    models = (
        new | {"segment_overlap": 4},
        begun,
        begun | {"segment_overlap": 7},
        begun | {"segment_overlap": 0},
    )
    for number, model in enumerate(models):
        train(recipe_of(noise_files, model), tmp_path / str(number), cache=cache)
    found = [from_pretrained(tmp_path / str(number)) for number in range(4)]
    assert [model.segment_overlap for model in found] == [4, 4, 7, 0]
    assert config_of(tmp_path / "2") == (40, 64)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"memory_tokens": 5}, "model.memory_tokens is 5, but the checkpoint to continue from has 3"),
        ({"memory_update": "gate"}, "model.memory_update is 'gate', but"),
        ({"form": "decoder"}, "model.form is 'decoder', but"),
        ({"backbone": ROTARY | {"hidden_size": 64}}, "model.backbone.hidden_size is 64, but"),
        ({"backbone": NARROW_BERT}, "model.backbone.model_type is 'bert', but"),
        ({"backbone": "bert-base-cased"}, "model.backbone names weights"),
    ],
)
def test_another_network_than_the_checkpoints_is_refused(
    grown: Path, noise_files: str, cache: Path, tmp_path: Path, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(UsageError, match=re.escape(says)):
        train(recipe_of(noise_files, {"continue_from": str(grown), **asked}), tmp_path, cache=cache)


def test_answers_that_the_checkpoint_does_not_know_are_refused(
    grown: Path, noise_files: str, cache: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(noise_files, {"continue_from": str(grown)}, stage("only", tasks={"qa6": 1}))
    with pytest.raises(UsageError, match=r"answers bathroom, .* but the tasks have 'no' as well"):
        train(recipe, tmp_path, cache=cache)


def test_a_checkpoint_that_ships_can_be_continued_by_name(
    noise_files: str, cache: Path, tmp_path: Path
) -> None:
    recipe = recipe_of(noise_files, {"continue_from": "tiny-detect"}, stage("only", batch=16))
    assert train(recipe, tmp_path, cache=cache).segment_size == 48
    lines = read_log(tmp_path / "training" / "log.jsonl")
    assert sum(line["fresh"][1] for line in lines) >= 30
