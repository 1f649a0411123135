"""The study of the RMT paper draws all that it shows from what it recorded."""

from __future__ import annotations

import re
import runpy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

if TYPE_CHECKING:
    import pytest

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
