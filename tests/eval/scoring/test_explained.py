"""`babilong score --explain` writes why every prediction counted, beside the predictions as they are."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from babilong_eval.results.prediction_files import find_predictions, read_columns

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run

OUTPUT = "Kitchen.\rOr, the garden"


def folder_of_one(tmp_path: Path) -> Path:
    folder = tmp_path / "published"
    folder.mkdir()
    rows = f'0,kitchen,"{OUTPUT}",Where is Mary?\n1,garden,,Where is Mary?\n'
    (folder / "qa1_4k_x.csv").write_text(f",target,output,question\n{rows}", newline="")
    return folder


def test_every_prediction_has_its_score_and_the_words_that_the_rule_found(
    babilong: Run, tmp_path: Path
) -> None:
    folder, target = folder_of_one(tmp_path), tmp_path / "why.csv"
    before = (folder / "qa1_4k_x.csv").read_bytes()
    shares = {}
    for rule in ("official", "strict"):
        done = babilong("score", folder, "--scorer", rule, "--explain", target)
        assert done.returncode == 0, done.stderr
        with target.open(newline="") as file:
            first, second = csv.DictReader(file)
        assert (first["output"], first["task"], first["length"]) == (OUTPUT, "qa1", "4k")
        shares[rule] = (first["score"], second["score"])
        assert first["why"].startswith(f"the rule {rule} finds ")
        assert first["why"].endswith("; the target is kitchen")
        assert second["why"] == f"the rule {rule} finds none of the labels; the target is garden"
    assert shares == {"official": ("1", "0"), "strict": ("0", "0")}
    assert (folder / "qa1_4k_x.csv").read_bytes() == before


def test_it_is_not_written_among_predictions(babilong: Run, tmp_path: Path) -> None:
    folder = folder_of_one(tmp_path)
    done = babilong("score", folder, "--explain", folder / "why.csv")
    assert (done.returncode, done.stdout) == (2, "")
    assert "is read as predictions; name a file elsewhere" in done.stderr
    assert [path.name for path in find_predictions(folder)] == ["qa1_4k_x.csv"]
    assert len(read_columns(folder / "qa1_4k_x.csv")["target"]) == 2
