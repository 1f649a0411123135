"""Several processes train one model: each on samples of its own, to one log and one checkpoint."""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml

from babilong_eval.training.metrics_log import read_log
from tests.eval.training.conftest import recipe_content
from tests.eval.training.processes import finish, launch_training, start_training, wait_for

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch comes without gloo")
PROCESSES = 2
SNAPSHOTS = ("snapshot.pt", "1-snapshot.pt")
STEPS = 8


def snapshots(out: Path) -> list[dict[str, Any]]:
    """What each process has saved."""
    return [torch.load(out / "training" / name, weights_only=True) for name in SNAPSHOTS]


def first_saved(out: Path) -> list[tuple[bool, int]]:
    """The snapshots that are there, and when they were written."""
    paths = [out / "training" / name for name in SNAPSHOTS]
    return [(path.is_file(), path.stat().st_mtime_ns if path.is_file() else 0) for path in paths]


@pytest.fixture(scope="module")
def folder(noise_files: str, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recipe, and in `whole` a finished run of two processes that torchrun's launcher started."""
    folder = tmp_path_factory.mktemp("processes")
    content = recipe_content(noise_files)
    for stage, steps in zip(content["stages"], (2, STEPS - 2), strict=True):
        stage["until"] = {"steps": steps}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content | {"save_every": 3}))
    launch_training(folder / "recipe.yaml", folder / "whole", cache, processes=PROCESSES)
    return folder


def test_there_is_one_log_of_what_all_processes_read(folder: Path) -> None:
    lines = read_log(folder / "whole" / "training" / "log.jsonl")
    assert [line["step"] for line in lines] == list(range(1, STEPS + 1))
    assert {line["fresh"][0] for line in lines[:2]} == {PROCESSES * 8}
    assert len(list((folder / "whole").glob("*.safetensors"))) == 1


def test_processes_share_their_weights_and_no_sample(folder: Path) -> None:
    first, second = snapshots(folder / "whole")
    assert first["network"].keys() == second["network"].keys()
    assert all(torch.equal(value, second["network"][name]) for name, value in first["network"].items())
    mine, others = (
        {tuple(memory.flatten().tolist()) for memory in each["empty"]["memories"]} for each in (first, second)
    )
    assert mine
    assert mine.isdisjoint(others)


def test_killed_they_end_as_if_they_had_not_been(folder: Path, cache: Path) -> None:
    out = folder / "killed"
    running = start_training(folder / "recipe.yaml", out, cache, processes=PROCESSES)
    wait_for(running, lambda: all(there for there, _ in first_saved(out)))
    begun = first_saved(out)
    wait_for(running, lambda: all(now != then for now, then in zip(first_saved(out), begun, strict=True)))
    for process in running:
        process.kill()
    finish(running, out)
    assert 0 < snapshots(out)[0]["place"]["step"] < STEPS
    codes, messages = finish(start_training(folder / "recipe.yaml", out, cache, processes=PROCESSES), out)
    assert codes == [0, 0], messages
    assert "continues after step" in messages
    for name in ("model.safetensors", "training/log.jsonl"):
        assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes()


def test_interrupted_in_one_process_all_save_the_same_step(folder: Path, cache: Path) -> None:
    out = folder / "interrupted"
    endless = yaml.safe_load((folder / "recipe.yaml").read_text())
    endless["stages"][-1]["until"] = {"steps": 5_000}
    (folder / "endless.yaml").write_text(yaml.safe_dump(endless))
    running = start_training(folder / "endless.yaml", out, cache, processes=PROCESSES)
    wait_for(running, lambda: all(there for there, _ in first_saved(out)))
    pid = running[1].pid
    assert pid is not None
    os.kill(pid, signal.SIGINT)
    codes, messages = finish(running, out)
    assert codes == [130, 130], messages
    first, second = (each["place"]["step"] for each in snapshots(out))
    assert f"saved after step {first}" in messages
    assert 0 < first == second < 5_000


def test_snapshots_of_different_steps_are_refused(folder: Path, cache: Path) -> None:
    out = folder / "whole"
    (out / "training" / "1-snapshot.pt").rename(folder / "kept")
    codes, messages = finish(start_training(folder / "recipe.yaml", out, cache, processes=PROCESSES), out)
    (folder / "kept").rename(out / "training" / "1-snapshot.pt")
    assert codes == [2, 2]
    assert f"the processes' snapshots are of steps 0 and {STEPS}" in messages
