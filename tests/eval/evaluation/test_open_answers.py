"""Tasks with open answers where labels are to be chosen: refused before anything is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.eval.conftest import write_parquet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Run


def test_open_answers_are_no_labels_to_choose_from(babilong: Run, rmt_folder: Path, tmp_path: Path) -> None:
    row = {"input": "VAR A = 1.", "question": "Which?", "target": "A", "targets": ["A"]}
    write_parquet(tmp_path / "data set", "0k", "vt", [row])
    out = tmp_path / "out"
    options = ["--model", f"rmt:{rmt_folder}", "--answers", "labels", "--out", out]
    done = babilong("evaluate", tmp_path / "data set", *options)
    assert done.returncode == 2
    assert "babilong: vt has open answers, and no labels to choose from" in done.stderr
    assert not out.exists()
