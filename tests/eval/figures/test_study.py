"""The study of the RMT paper draws all that it shows from what it recorded, and so do the cards."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

from babilong_eval.checkpoints import shipped, shipped_folder

STUDY = Path(__file__).parents[3] / "eval" / "studies" / "rmt-paper"


def test_its_figures_come_from_its_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    again = shutil.copytree(
        STUDY, tmp_path / "study", ignore=shutil.ignore_patterns("figures", "accuracy.md")
    )
    # their names are asked for, not their looks, which take the most time
    monkeypatch.setattr(Figure, "savefig", lambda *_, **__: None)
    runpy.run_path(str(again / "figures.py"), run_name="__main__")
    shown = set(re.findall(r"\((figures/[^)]+)\)", (STUDY / "README.md").read_text(encoding="utf-8")))
    drawn = {path.relative_to(again).as_posix() for path in (again / "figures").iterdir()}
    assert drawn == shown
    assert (again / "accuracy.md").read_text() == (STUDY / "accuracy.md").read_text()


@pytest.mark.parametrize("name", shipped())
def test_a_card_says_what_the_study_recorded(name: str) -> None:
    folder = shipped_folder(name)
    assert folder is not None
    tool = runpy.run_path(str(STUDY.parents[2] / "tools" / "card_accuracy.py"))
    assert tool["accuracy_table"](name) in (folder / "README.md").read_text(encoding="utf-8")
