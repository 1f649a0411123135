"""`babilong train`, as a user runs it."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from babilong_eval.training.metrics_log import read_log
from babilong_eval.training.train import TrainingProgress, train
from tests.eval.training.conftest import NARROW_GPT2, Command
from tests.eval.training.processes import finish, start_training, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babilong_eval.training.recipe import Recipe
    from tests.conftest import Mount

Write = Callable[[dict[str, Any]], Path]


def log_of(out: Path) -> list[dict[str, Any]]:
    return read_log(out / "training" / "log.jsonl")


def same_end(out: Path, undisturbed: Path) -> bool:
    """Whether two runs left the same log and the same weights."""
    files = ("training/log.jsonl", "model.safetensors")
    return all((out / name).read_bytes() == (undisturbed / name).read_bytes() for name in files)


def test_a_run_leaves_a_log_a_figure_and_a_proof(undisturbed: Path) -> None:
    lines = log_of(undisturbed)
    assert [line["step"] for line in lines] == list(range(1, 15))
    assert [line["stage"] for line in lines] == ["first"] * 4 + ["second"] * 10
    assert any(line["continued"][0] for line in lines)
    assert (undisturbed / "training" / "training.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((undisturbed / "training" / "apart.json").read_text())["fingerprints"]


def test_a_stage_leaves_the_model_of_its_end(undisturbed: Path) -> None:
    first = load_file(undisturbed / "stages" / "1" / "model.safetensors")
    last = load_file(undisturbed / "model.safetensors")
    assert first.keys() == last.keys()
    assert not all(torch.equal(first[name], last[name]) for name in first)
    assert not (undisturbed / "stages" / "2").exists()


def test_the_model_can_be_evaluated(
    command: Command, undisturbed: Path, noise_files: str, tmp_path: Path
) -> None:
    made = command(
        "generate", "--tasks", "detect", "--lengths", "1seg,4seg", "--samples", "4", "--segment-size", "40",
        "--tokenizer", undisturbed, "--noise", noise_files, "--split", "test", "--out", tmp_path / "data",
        "--workers", "1",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    done = command(
        "evaluate", tmp_path / "data", "--model", f"rmt:{undisturbed}", "--out", tmp_path / "results"
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "results" / "results.json").read_text())
    assert {cell["length"] for cell in cells} == {"1seg", "4seg"}


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(
    undisturbed: Path, recipe: Recipe, write_recipe: Write, cache: Path, tmp_path: Path
) -> None:
    path, out = write_recipe(recipe.model_dump(mode="json")), tmp_path / "out"
    draw = random.Random(1)
    for _ in range(2):
        (process,) = start_training(path, out, cache)
        wait_for([process], (out / "training" / "snapshot.pt").is_file)
        time.sleep(draw.random() * 0.3)
        process.kill()
        process.join()
    codes, messages = finish(start_training(path, out, cache), out)
    assert codes == [0], messages
    assert same_end(out, undisturbed)


def test_interrupted_it_saves_first_and_continues_to_the_same_end(
    undisturbed: Path, recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out, lines = tmp_path / "out", list[str]()

    def press(progress: TrainingProgress) -> None:
        if progress.done == 7:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(recipe, out, cache=cache, on_step=press, notify=lines.append)
    assert lines[-1] == f"{out}: saved after step 7"
    assert torch.load(out / "training" / "snapshot.pt", weights_only=True)["place"]["step"] == 7
    model = train(recipe, out, cache=cache, notify=lines.append)
    assert f"{out}: continues after step 7" in lines
    assert same_end(out, undisturbed)
    assert not model.network.training


def test_one_process_trains_in_one_precision_after_another(
    undisturbed: Path, recipe: Recipe, cache: Path, tmp_path: Path
) -> None:
    stage = recipe.stages[0].model_copy(
        update={"until": recipe.stages[0].until.model_copy(update={"steps": 2})}
    )
    losses = []
    for precision in ("bf16", "no"):
        short = recipe.model_copy(update={"precision": precision, "stages": [stage]})
        train(short, tmp_path / precision, cache=cache)
        losses.append(log_of(tmp_path / precision)[0]["loss"])
    assert losses[0] != losses[1] == log_of(undisturbed)[0]["loss"]


def test_a_decoder_is_trained_to_say_the_label(
    command: Command, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    content["model"] |= {"form": "decoder", "backbone": NARROW_GPT2, "memory_update": "replace"}
    content["optimizer"] |= {"learning_rate": 0.01, "schedule": "constant"}
    content["stages"][0] |= {"segments": 0, "batch": 32, "until": {"steps": 18}}
    content["stages"][1]["until"] = {"steps": 2}
    done = command("train", write_recipe(content), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    losses = [line["loss"] for line in log_of(tmp_path / "out")]
    assert sum(losses[14:18]) < 0.9 * sum(losses[:4])


FACTS_ALONE = {"name": "facts", "segments": 0, "tasks": {"detect": 1}, "until": {"steps": 1}}
MISTAKES: list[tuple[str, Any, str]] = [
    ("model.wings", 2, "unknown key 'model.wings'"),
    ("model.tokenizer", None, "model.tokenizer is missing"),
    ("model.backbone", {"model_type": "quilt"}, "quilt"),
    ("model.backbone", {"model_type": "bert", "hidden_size": 12_000_000}, "GB, and this machine has"),
    ("model.segment_size", 400, "take shorter segments"),
    ("stages.0", FACTS_ALONE | {"segment_size": 8}, "stage facts: facts and question alone make up to"),
    ("stages.0.questions", "Why on earth", "no question of detect matches"),
    ("data.noise", ["files:/nowhere/*.txt"], "/nowhere"),
]


def put(content: Any, key: str, value: object) -> None:
    """Sets a value deep in a recipe: `stages.1.tasks`."""
    *path, last = (int(name) if name.isdigit() else name for name in key.split("."))
    for name in path:
        content = content[name]
    content[last] = value


@pytest.mark.parametrize(("key", "value", "says"), MISTAKES, ids=lambda given: str(given)[:40])
def test_a_mistake_that_shows_in_the_run_is_one_line(
    command: Command,
    content: dict[str, Any],
    write_recipe: Write,
    tmp_path: Path,
    key: str,
    value: object,
    says: str,
) -> None:
    put(content, key, value)
    assert says in command("train", write_recipe(content), "--out", tmp_path / "out").refusal


def test_a_recipe_that_is_missing_or_not_yaml_is_one_line(command: Command, tmp_path: Path) -> None:
    assert "no recipe" in command("train", tmp_path / "none.yaml", "--out", tmp_path / "out").refusal
    (tmp_path / "odd.yaml").write_text("a: [1, 2")
    assert "not YAML" in command("train", tmp_path / "odd.yaml", "--out", tmp_path / "out").refusal


def test_a_stage_that_misses_its_accuracy_stops_with_what_it_reached(
    command: Command, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    content["stages"][0]["until"] = {"accuracy": 0.99, "steps": 6, "over": 5}
    for _ in range(2):  # given again, the same command does not pass over the stage
        line = command("train", write_recipe(content), "--out", tmp_path / "out").refusal
        assert "stage first: accuracy" in line
        assert "99.0% asked for" in line
        assert load_file(tmp_path / "out" / "model.safetensors")
        assert len(log_of(tmp_path / "out")) == 6


def test_a_loss_that_is_no_number_stops_before_it_spoils_the_checkpoint(
    command: Command, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    content["optimizer"] = {
        "learning_rate": 1e30,
        "warmup_steps": 0,
        "max_grad_norm": 1e30,
        "weight_decay": 0,
    }
    line = command("train", write_recipe(content), "--out", tmp_path / "out").refusal
    assert "nan" in line or "inf" in line
    assert all(
        bool(value.isfinite().all()) for value in load_file(tmp_path / "out" / "model.safetensors").values()
    )


def test_another_recipe_in_the_same_folder_is_refused(
    command: Command, undisturbed: Path, content: dict[str, Any], write_recipe: Write
) -> None:
    content["seed"] = 4
    before = (undisturbed / "model.safetensors").read_bytes()
    assert "another recipe" in command("train", write_recipe(content), "--out", undisturbed).refusal
    assert (undisturbed / "model.safetensors").read_bytes() == before


def test_a_run_of_an_earlier_version_or_a_damaged_one_is_one_line(
    command: Command, undisturbed: Path, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    out, recipe = tmp_path / "out", write_recipe(content)
    snapshot = out / "training" / "snapshot.pt"
    snapshot.parent.mkdir(parents=True)
    (out / "tokenizer.json").write_bytes((undisturbed / "tokenizer.json").read_bytes())
    saved = torch.load(undisturbed / "training" / "snapshot.pt", weights_only=True)
    saved["recipe"]["optimizer"]["clip"] = saved["recipe"]["optimizer"].pop("max_grad_norm")
    torch.save(saved, snapshot)
    assert "a run of an earlier version" in command("train", recipe, "--out", out).refusal
    saved["place"]["step"] = "seven"
    torch.save(saved, snapshot)
    assert "snapshot.pt is damaged" in command("train", recipe, "--out", out).refusal


def test_a_corrected_recipe_gets_its_own_tokenizer(
    command: Command, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    put(content, "model.tokenizer", {"vocabulary": 1000})
    put(content, "stages.0.segment_size", 400)
    assert "stage first: segments of 400" in command("train", write_recipe(content), "--out", out).refusal
    put(content, "model.tokenizer", "babilong")
    assert "stage first: segments of 400" in command("train", write_recipe(content), "--out", out).refusal
    assert yaml.safe_load((out / "training" / "recipe.yaml").read_text())["model"]["tokenizer"] == "babilong"
    assert len(json.loads((out / "tokenizer.json").read_text())["model"]["vocab"]) > 1000


@pytest.fixture
def small_disk(mount: Mount) -> Iterator[Path]:
    """Holds one checkpoint and not two."""
    with mount("8m") as disk:
        yield disk


def test_a_folder_that_cannot_be_written_is_one_line(
    command: Command, content: dict[str, Any], write_recipe: Write, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    line = command("train", write_recipe(content), "--out", tmp_path / "file").refusal
    assert "cannot be written" in line
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    line = command("train", write_recipe(content), "--out", small_disk / "out").refusal
    assert "Read-only file system" in line


def test_a_full_disk_leaves_the_old_checkpoint(
    command: Command, content: dict[str, Any], write_recipe: Write, small_disk: Path
) -> None:
    out = small_disk / "out"
    content["stages"][0]["keep"] = False
    content["stages"][1]["until"]["steps"] = 2
    first = command("train", write_recipe(content), "--out", out)
    assert first.returncode == 0, first.stderr
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    content["stages"][1]["until"]["steps"] = 16
    (out / "training" / "snapshot.pt").unlink()
    (out / "training" / "log.jsonl").unlink()
    left = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(b"x" * (left.f_bavail * left.f_frsize - 300_000))
    line = command("train", write_recipe(content), "--out", out).refusal
    assert "No space left on device" in line
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before
