"""A user's mistake ends in one line on stderr and exit code 2, whatever it is."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest

if TYPE_CHECKING:
    from pathlib import Path

Run = Callable[..., subprocess.CompletedProcess[str]]


def without_targets(dataset: Path) -> None:
    path = dataset / "data" / "0k" / "qa1-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).drop_columns("target"), path)


def empty(dataset: Path) -> None:
    path = dataset / "data" / "0k" / "qa1-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path).slice(0, 0), path)


def unchanged(_: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "options", "complaint"),
    [
        (without_targets, [], "no column 'target'; expected input, question, target"),
        (empty, [], "no samples of qa1 at 0k"),
        (unchanged, ["--lengths", "2M"], "no sample of length '2M'; it has 0k, 1k"),
        (unchanged, [], "no server answers at http://127.0.0.1:9/v1"),
        (unchanged, ["--model", "rtm:here"], "no model kind in 'rtm:here'"),
        (unchanged, ["--prompts", "nowhere.json"], "nowhere.json: no such file or folder of prompts"),
        (unchanged, ["--model-option", "window"], "expected NAME=VALUE"),
        (unchanged, ["--limit", "0"], "--limit"),
    ],
)
def test_a_mistake_is_one_line(
    dataset: Path,
    tmp_path: Path,
    babilong: Run,
    change: Callable[[Path], None],
    options: list[str],
    complaint: str,
) -> None:
    change(dataset)
    model = ["--model", "api:small@http://127.0.0.1:9/v1"]
    done = babilong("evaluate", dataset, "--tasks", "qa1", *model, "--out", tmp_path / "out", *options)
    assert (done.returncode, done.stdout) == (2, "")
    assert complaint in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
