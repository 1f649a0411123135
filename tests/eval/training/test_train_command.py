"""`babilong train`, as a user runs it."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from safetensors.torch import load_file

from babilong_eval.training.recipe import read_recipe
from babilong_gen.errors import UsageError
from tests.eval.training.conftest import NARROW_GPT2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conftest import Mount, Run

Write = Callable[[dict[str, Any]], Path]


def log_of(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (out / "training" / "log.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def undisturbed(babilong: Run, noise_files: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run, its recipe beside it."""
    import yaml

    from tests.eval.training.conftest import recipe_content

    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe_content(noise_files)))
    done = babilong("train", folder / "recipe.yaml", "--out", folder / "out")
    assert done.returncode == 0, done.stderr
    return folder / "out"


def test_a_run_leaves_a_log_a_figure_and_a_proof(undisturbed: Path) -> None:
    entries = log_of(undisturbed)
    assert [entry["step"] for entry in entries] == list(range(1, 25))
    assert [entry["stage"] for entry in entries] == ["first"] * 8 + ["second"] * 16
    assert any(entry["continued"][0] for entry in entries)
    assert (undisturbed / "training" / "training.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads((undisturbed / "training" / "apart.json").read_text())["fingerprints"]


def test_a_stage_leaves_the_model_of_its_end(undisturbed: Path) -> None:
    first = load_file(undisturbed / "stages" / "1" / "model.safetensors")
    last = load_file(undisturbed / "model.safetensors")
    assert first.keys() == last.keys()
    assert not all(torch.equal(first[name], last[name]) for name in first)
    assert not (undisturbed / "stages" / "2").exists()


def test_the_model_can_be_evaluated(
    babilong: Run, undisturbed: Path, noise_files: str, tmp_path: Path
) -> None:
    made = babilong(
        "generate", "--tasks", "detect", "--lengths", "1seg,4seg", "--samples", "4", "--segment-size", "40",
        "--tokenizer", undisturbed, "--noise", noise_files, "--split", "test", "--out", tmp_path / "data",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    done = babilong(
        "evaluate", tmp_path / "data", "--model", f"rmt:{undisturbed}", "--out", tmp_path / "results"
    )
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / "results" / "results.json").read_text())
    assert {cell["length"] for cell in cells} == {"1seg", "4seg"}


def test_killed_at_random_moments_it_ends_as_if_it_had_not_been(
    undisturbed: Path, cache: Path, tmp_path: Path
) -> None:
    recipe, out = undisturbed.parent / "recipe.yaml", tmp_path / "out"
    command = [sys.executable, "-c", "from babilong_eval.cli import main; main()", "train", recipe]
    environment = {**os.environ, "BABILONG_CACHE": str(cache)}
    draw = random.Random(1)
    for _ in range(3):
        with subprocess.Popen([*map(str, command), "--out", str(out)], env=environment) as process:
            began = time.monotonic()
            while process.poll() is None and not (out / "training" / "snapshot.pt").exists():
                assert time.monotonic() - began < 120
                time.sleep(0.05)
            time.sleep(draw.random() * 0.5)
            process.send_signal(signal.SIGKILL)
    assert subprocess.run([*map(str, command), "--out", str(out)], env=environment).returncode == 0
    assert log_of(out) == log_of(undisturbed)
    assert (out / "model.safetensors").read_bytes() == (undisturbed / "model.safetensors").read_bytes()


def test_a_decoder_is_trained_to_say_the_label(
    babilong: Run, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    content["model"] |= {"form": "decoder", "backbone": NARROW_GPT2, "memory_update": "replace"}
    done = babilong("train", write_recipe(content), "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    losses = [entry["loss"] for entry in log_of(tmp_path / "out")]
    assert losses[7] < losses[0]


IN_THE_RECIPE: list[tuple[str, Any, str]] = [
    ("colour", "red", "unknown key 'colour'"),
    ("model.wings", 2, "unknown key 'model.wings'"),
    ("stages", [], "stages"),
    ("model.memory_tokens", 0, "model.memory_tokens"),
    ("stages.1.tasks", {"qa99": 1}, "unknown task 'qa99'"),
    ("stages.1.segments", [4, 2], "segments go from 4 to 2"),
    ("stages.1.questions", "(", "no regular expression"),
    ("stages", [{"name": "only", "segmints": 1}], "unknown key 'stages.0.segmints'"),
    ("stages.1.streams", {"continued": 0.6, "empty": 0.5}, "must leave a share"),
]
IN_THE_RUN: list[tuple[str, Any, str]] = [
    ("model.wings", 2, "unknown key 'model.wings'"),
    ("model.tokenizer", None, "model.tokenizer is missing"),
    ("model.backbone", {"model_type": "quilt"}, "quilt"),
    ("model.segment_size", 400, "take shorter segments"),
    ("stages.0.questions", "Why on earth", "no question of detect matches"),
    ("data.noise", ["files:/nowhere/*.txt"], "/nowhere"),
]


def put(content: Any, key: str, value: object) -> None:
    """Sets a value deep in a recipe: `stages.1.tasks`."""
    *path, last = key.split(".")
    for name in path:
        content = content[int(name) if name.isdigit() else name]
    content[last] = value


@pytest.mark.parametrize(
    ("key", "value", "says"), IN_THE_RECIPE, ids=[f"{k} {s}" for k, _, s in IN_THE_RECIPE]
)
def test_a_mistake_in_the_recipe_is_found_when_it_is_read(
    content: dict[str, Any], write_recipe: Write, key: str, value: object, says: str
) -> None:
    put(content, key, value)
    with pytest.raises(UsageError, match=re.escape(says)):
        read_recipe(write_recipe(content))


@pytest.mark.parametrize(("key", "value", "says"), IN_THE_RUN, ids=lambda given: str(given)[:40])
def test_a_mistake_that_shows_in_the_run_is_one_line(
    babilong: Run,
    content: dict[str, Any],
    write_recipe: Write,
    tmp_path: Path,
    key: str,
    value: object,
    says: str,
) -> None:
    put(content, key, value)
    assert says in refused(babilong("train", write_recipe(content), "--out", tmp_path / "out"))


def test_a_recipe_that_is_missing_or_not_yaml_is_one_line(babilong: Run, tmp_path: Path) -> None:
    assert "no recipe" in refused(babilong("train", tmp_path / "none.yaml", "--out", tmp_path / "out"))
    (tmp_path / "odd.yaml").write_text("a: [1, 2")
    assert "not YAML" in refused(babilong("train", tmp_path / "odd.yaml", "--out", tmp_path / "out"))


def test_a_stage_that_cannot_be_met_stops_with_what_it_reached(
    babilong: Run, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    content["stages"][0]["until"] = {"accuracy": 0.99, "steps": 12, "over": 5}
    line = refused(babilong("train", write_recipe(content), "--out", tmp_path / "out"))
    assert "stage first: accuracy" in line
    assert "99.0% asked for" in line
    assert load_file(tmp_path / "out" / "model.safetensors")
    assert len(log_of(tmp_path / "out")) == 12


def test_a_loss_that_is_no_number_stops_before_it_spoils_the_checkpoint(
    babilong: Run, content: dict[str, Any], write_recipe: Write, tmp_path: Path
) -> None:
    content["optimizer"] = {
        "learning_rate": 1e30,
        "warmup_steps": 0,
        "max_grad_norm": 1e30,
        "weight_decay": 0.0,
    }
    line = refused(babilong("train", write_recipe(content), "--out", tmp_path / "out"))
    assert "nan" in line or "inf" in line
    assert all(
        bool(value.isfinite().all()) for value in load_file(tmp_path / "out" / "model.safetensors").values()
    )


def test_another_recipe_in_the_same_folder_is_refused(
    babilong: Run, undisturbed: Path, content: dict[str, Any], write_recipe: Write
) -> None:
    content["seed"] = 4
    before = (undisturbed / "model.safetensors").read_bytes()
    assert "another recipe" in refused(babilong("train", write_recipe(content), "--out", undisturbed))
    assert (undisturbed / "model.safetensors").read_bytes() == before


@pytest.fixture
def small_disk(mount: Mount) -> Iterator[Path]:
    """Holds one checkpoint and not two."""
    with mount("8m") as disk:
        yield disk


def test_a_folder_that_cannot_be_written_is_one_line(
    babilong: Run, content: dict[str, Any], write_recipe: Write, small_disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("mine")
    assert "cannot be written" in refused(
        babilong("train", write_recipe(content), "--out", tmp_path / "file")
    )
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    line = refused(babilong("train", write_recipe(content), "--out", small_disk / "out"))
    assert "Read-only file system" in line


def test_a_full_disk_leaves_the_old_checkpoint(
    babilong: Run, content: dict[str, Any], write_recipe: Write, small_disk: Path
) -> None:
    recipe, out = write_recipe(content), small_disk / "out"
    content["stages"][0]["keep"] = False
    content["stages"][1]["until"]["steps"] = 2
    first = babilong("train", write_recipe(content), "--out", out)
    assert first.returncode == 0, first.stderr
    before = {path.name: path.read_bytes() for path in out.glob("*.*")}
    content["stages"][1]["until"]["steps"] = 16
    (out / "training" / "snapshot.pt").unlink()
    (out / "training" / "log.jsonl").unlink()
    left = os.statvfs(small_disk)
    (small_disk / "filler").write_bytes(b"x" * (left.f_bavail * left.f_frsize - 300_000))
    line = refused(babilong("train", write_recipe(content), "--out", out))
    assert recipe.exists()
    assert "No space left on device" in line
    assert {path.name: path.read_bytes() for path in out.glob("*.*")} == before


def refused(done: subprocess.CompletedProcess[str]) -> str:
    """The one line of a refusal."""
    lines = [line for line in done.stderr.splitlines() if line.startswith("babilong: ")]
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]
