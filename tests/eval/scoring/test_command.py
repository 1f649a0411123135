"""`babilong score` and what it says."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from babilong_eval.commands.score import score
from babilong_gen.errors import SourceError
from tests.command_line import run_here

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def predictions(tmp_path: Path) -> Path:
    folder = tmp_path / "predictions"
    for name, outputs in {"b/qa1_4k_x.csv": ("kitchen", ""), "a/qa7_0k_x.csv": ("none",)}.items():
        target = "none" if "qa7" in name else "kitchen"
        path = folder / name
        path.parent.mkdir(parents=True)
        rows = "".join(f"{number},{target},{output},What?\n" for number, output in enumerate(outputs))
        path.write_text(",target,output,question\n" + rows)
    return folder


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    return run_here(list(map(str, arguments)), os.environ)


def test_json_has_a_row_a_file_in_the_order_of_their_paths(
    predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score([predictions], "official", "json")
    first, second = json.loads(capsys.readouterr().out)
    assert list(first) == ["file", "task", "length", "n", "correct", "accuracy", "ci_low", "ci_high"]
    assert (first["file"], first["task"], first["length"]) == ("a/qa7_0k_x.csv", "qa7", "0k")
    assert (first["n"], first["correct"]) == (1, 0)  # the published rule never finds `none`
    assert (second["n"], second["correct"], second["accuracy"]) == (2, 1, 0.5)
    assert second["ci_low"] < 0.5 < second["ci_high"]


def test_the_strict_rule_finds_none(predictions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score([predictions], "strict", "json")
    assert [row["correct"] for row in json.loads(capsys.readouterr().out)] == [1, 1]


def test_the_table_shows_every_file_with_its_interval(
    predictions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    score([predictions])
    shown = capsys.readouterr().out
    [row] = [
        line for line in shown.splitlines() if "qa1" in line and "50.0%" in line and "correct" not in line
    ][:1]
    assert [cell.strip() for cell in row.split("│")[1:6]] == ["b", "qa1", "4k", "2", "1"]
    assert "50.0%" in shown
    assert "9.5% – 90.5%" in shown


def test_a_single_file_can_be_scored(predictions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    score([predictions / "b" / "qa1_4k_x.csv"], "official", "json")
    assert [row["file"] for row in json.loads(capsys.readouterr().out)] == ["qa1_4k_x.csv"]


@pytest.mark.parametrize("name", ["notes.csv", "mine_0k_x.csv"])
def test_files_that_cannot_be_scored_are_named(predictions: Path, name: str) -> None:
    (predictions / name).write_text("target,output,question\na,b,c\n")
    with pytest.raises(SourceError, match=name):
        score([predictions])


def test_the_help_has_an_example() -> None:
    assert "Example: babilong score" in run("score", "--help").stdout


def test_a_mistake_ends_in_one_line_and_exit_code_2(tmp_path: Path) -> None:
    for arguments in (
        ("score", tmp_path),
        ("score", tmp_path / "nowhere"),
        ("plot", "length", tmp_path, "--out", tmp_path / "figure.png"),
    ):
        ended = run(*arguments)
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert len(ended.stderr.splitlines()) == 1
        assert str(tmp_path) in ended.stderr


def test_scoring_and_help_load_neither_torch_nor_matplotlib(predictions: Path) -> None:
    program = (
        "import sys; from pathlib import Path\n"
        "from babilong_eval.cli import app\n"
        "from babilong_eval.commands.score import score\n"
        "score([Path(sys.argv[1])])\n"
        "assert not {'torch', 'matplotlib', 'pandas'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program, str(predictions)], check=True, timeout=120)


def test_the_table_has_tasks_and_lengths_in_their_usual_order(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("qa10_4k", "qa10_16k", "qa2_16k", "qa2_4k"):
        (tmp_path / f"{name}_x.csv").write_text(",target,output,question\n0,kitchen,kitchen,Where?\n")
    score([tmp_path])
    table, _, _ = capsys.readouterr().out.partition("Longest length")
    cells = [[cell.strip() for cell in line.split("│")] for line in table.splitlines() if "│" in line]
    assert [(row[2], row[3]) for row in cells] == [
        ("qa2", "4k"), ("qa2", "16k"), ("qa10", "4k"), ("qa10", "16k"),
    ]  # fmt: skip
