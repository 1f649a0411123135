"""Several processes train one model: each on samples of its own, to one log and one checkpoint."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest
import torch
import yaml

from babilong_eval.training.metrics_log import read_log
from tests.eval.training.conftest import recipe_content

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.skipif(not torch.distributed.is_gloo_available(), reason="torch comes without gloo")
PROCESSES = 2
SNAPSHOTS = ("snapshot.pt", "1-snapshot.pt")


def launch(folder: Path, out: str, cache: Path, processes: int = PROCESSES) -> subprocess.Popen[str]:
    """`babilong train` of the folder's recipe in several processes, in a session of their own."""
    program = folder / "babilong.py"
    program.write_text("from babilong_eval.cli import main\n\nmain()\n")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
    command = [*launcher, str(processes), str(program), "train", str(folder / "recipe.yaml")]
    return subprocess.Popen(
        [*command, "--out", str(folder / out)],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            "BABILONG_CACHE": str(cache),
            "ACCELERATE_USE_CPU": "true",
            "OMP_NUM_THREADS": "1",
        },
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def snapshots(out: Path) -> list[dict[str, Any]]:
    """What each process has saved."""
    return [torch.load(out / "training" / name, weights_only=True) for name in SNAPSHOTS]


@pytest.fixture(scope="module")
def folder(noise_files: str, cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A short recipe, and a finished run of two processes in `whole`."""
    folder = tmp_path_factory.mktemp("processes")
    content = recipe_content(noise_files)
    for stage, steps in zip(content["stages"], (3, 9), strict=True):
        stage["until"] = {"steps": steps}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(content | {"save_every": 4}))
    with launch(folder, "whole", cache) as process:
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return folder


def test_there_is_one_log_of_what_all_processes_read(folder: Path) -> None:
    entries = read_log(folder / "whole" / "training" / "log.jsonl")
    assert [entry["step"] for entry in entries] == list(range(1, 13))
    assert {entry["fresh"][0] for entry in entries[:3]} == {PROCESSES * 8}
    assert len(list((folder / "whole").glob("*.safetensors"))) == 1


def test_processes_share_their_weights_and_no_sample(folder: Path) -> None:
    first, second = snapshots(folder / "whole")
    assert first["network"].keys() == second["network"].keys()
    assert all(torch.equal(value, second["network"][name]) for name, value in first["network"].items())
    mine, others = (
        {tuple(memory.flatten().tolist()) for memory in each["empty"]["memories"]} for each in (first, second)
    )
    assert mine.isdisjoint(others)


def test_killed_they_end_as_if_they_had_not_been(folder: Path, cache: Path) -> None:
    out = folder / "killed"
    saved = [out / "training" / name for name in SNAPSHOTS]
    with launch(folder, "killed", cache) as process:
        wait_for(process, lambda: all(path.is_file() for path in saved))
        begun = [path.stat().st_mtime_ns for path in saved]
        wait_for(process, lambda: all(p.stat().st_mtime_ns > at for p, at in zip(saved, begun, strict=True)))
        os.killpg(process.pid, signal.SIGKILL)
    assert 0 < snapshots(out)[0]["place"]["step"] < 12
    with launch(folder, "killed", cache) as process:
        _, errors = process.communicate(timeout=300)
    assert "goes on after step" in errors
    assert process.returncode == 0, errors
    for name in ("model.safetensors", "training/log.jsonl"):
        assert (out / name).read_bytes() == (folder / "whole" / name).read_bytes()


def test_snapshots_of_different_steps_are_refused(folder: Path, cache: Path) -> None:
    (folder / "whole" / "training" / "1-snapshot.pt").rename(folder / "kept")
    with launch(folder, "whole", cache) as process:
        _, errors = process.communicate(timeout=300)
    (folder / "kept").rename(folder / "whole" / "training" / "1-snapshot.pt")
    assert process.returncode != 0
    assert "the processes' snapshots are of steps 0 and 12" in errors


def wait_for(process: subprocess.Popen[str], there: Callable[[], bool]) -> None:
    began = time.monotonic()
    while not there():
        assert process.poll() is None, "it ended before it could be killed"
        assert time.monotonic() - began < 200
        time.sleep(0.005)
