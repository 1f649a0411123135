"""`babilong sweep`: ordinary runs from one file, which continue where they stopped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
import yaml

from babilong_eval.sweep import read_sweep, runs_of
from babilong_gen.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def file(tmp_path: Path, dataset: Path, rmt_folder: Path) -> Path:
    """A sweep of two models over the small dataset; one of them is not there."""
    content = {
        "out": str(tmp_path / "sweep"),
        "models": {
            "small": f"rmt:{rmt_folder}",
            "gone": {"model": f"rmt:{tmp_path / 'nowhere'}", "batch_size": 2},
        },
        "datasets": {"words": str(dataset)},
        "tasks": ["qa1"],
        "lengths": "0k,1k",
        "limit": 5,
        "batch_size": 4,
    }
    path = tmp_path / "sweep.yaml"
    path.write_text(yaml.safe_dump(content, sort_keys=False))
    return path


def test_runs_that_can_be_made_are_and_the_others_are_named(
    tmp_path: Path, file: Path, babilong: Run
) -> None:
    before = babilong("sweep", file, "--dry-run")
    assert [row.replace("│", " ").split()[-2:] for row in before.stdout.splitlines()[4:6]] == [
        ["0", "10"]
    ] * 2
    assert not (tmp_path / "sweep").exists()

    done = babilong("sweep", file)
    assert done.returncode == 2
    assert "babilong: gone:" in done.stderr
    assert "1 of 2 runs" in done.stdout
    cells = json.loads((tmp_path / "sweep" / "small" / "words" / "results.json").read_text())
    assert {(cell["length"], cell["n"]) for cell in cells} == {("0k", 5), ("1k", 5)}
    assert "small" in (tmp_path / "sweep" / "report.html").read_text()

    log = tmp_path / "sweep" / "small" / "words" / "predictions-0.jsonl"
    answered = log.read_bytes()
    after = babilong("sweep", file, "--dry-run")
    assert [row.replace("│", " ").split()[-2:] for row in after.stdout.splitlines()[4:6]] == [
        ["10", "0"],
        ["0", "10"],
    ]
    babilong("sweep", file)
    assert log.read_bytes() == answered


def test_options_of_a_model_stand_above_those_of_the_sweep(file: Path) -> None:
    small, gone = runs_of(read_sweep(file))
    assert (small.batch_size, gone.batch_size) == (4, 2)
    assert (small.name, small.lengths) == ("small", ("0k", "1k"))


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"model": {}}, "model: Extra inputs"),
        ({"models": {"../up": "rmt:x"}}, "'../up' cannot be the name of a folder"),
        ({"limit": 0}, "limit"),
        ({"datasets": {}}, "datasets"),
    ],
)
def test_a_mistake_in_the_file_is_named(file: Path, change: dict[str, object], complaint: str) -> None:
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), **change}))
    with pytest.raises(UsageError, match=complaint):
        read_sweep(file)
